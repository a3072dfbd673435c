//! R3–R7 and R9, by table. A row is what the rules say; the code is not asked what it thinks.

use hwc_schemas::report::{Kind, Occurred};
use jiff::Timestamp;

use super::*;
use crate::testing::{address, child, day};

const DAY: &str = "2026-11-18";
const OF_AGE: &str = "2016-02-03";
const TODDLER: &str = "2023-05-01";
const ADULT: &str = "1984-05-02";

use Presence::{Absent, Present};
use Relation::{Family, Resident, Visitor};
use ScreenedOut::{NoChildOfAge, NotOfAge, RegisteredElsewhereAbsent};

fn mention(child: &Child, presence: Presence, relation: Relation) -> Mention {
    Mention { child: child.clone(), presence, relation }
}

fn report(kind: Kind, mentions: Vec<Mention>) -> Report {
    Report {
        reported_at: Timestamp::UNIX_EPOCH,
        occurred: Occurred::On(day(DAY)),
        kind,
        address: address(1, Some("0855")),
        mentions,
    }
}

/// Given name, whether the household look-up found it, and its standing; in order.
type Summary = Vec<(String, bool, Standing)>;

fn summary(findings: &[Finding<'_>]) -> Summary {
    let line =
        |found: &Finding<'_>| (found.child.given_names.expose().to_owned(), found.sibling, found.standing);
    findings.iter().map(line).collect()
}

fn screened(report: &Report, household: &[Child]) -> Summary {
    match screen(report, day(DAY), household) {
        Verdict::Findings(findings) => summary(&findings),
        Verdict::NotDomesticViolence { .. } => panic!("the kind qualifies"),
    }
}

const COUNTS: Standing = Standing::Counts { sister: false };
const COUNTS_WITH_A_SISTER: Standing = Standing::Counts { sister: true };

fn out(reason: ScreenedOut) -> Standing {
    Standing::ScreenedOut(reason)
}

#[test]
fn r4_to_r7_presence_relation_registration_and_age_decide_whether_a_named_child_counts() {
    let table = [
        (Present, Resident, false, COUNTS),
        (Present, Resident, true, COUNTS),
        (Absent, Resident, false, COUNTS),
        (Absent, Resident, true, COUNTS),
        (Present, Family, false, COUNTS),
        (Present, Family, true, COUNTS),
        (Absent, Family, false, out(RegisteredElsewhereAbsent)),
        (Absent, Family, true, COUNTS),
        (Present, Visitor, false, out(ScreenedOut::Visitor)),
        (Present, Visitor, true, COUNTS),
        (Absent, Visitor, false, out(ScreenedOut::Visitor)),
        (Absent, Visitor, true, COUNTS),
    ];
    let other = child("Noor", "", "Pieterse", "2011-06-21");
    for (row, (presence, relation, registered, standing)) in table.into_iter().enumerate() {
        for birth in [OF_AGE, TODDLER, ADULT] {
            let named = child("David", "", "Bos", birth);
            let mut household = vec![other.clone()];
            household.extend(registered.then(|| named.clone()));
            let report = report(Kind::DomesticViolence, vec![mention(&named, presence, relation)]);
            let standing = if birth == OF_AGE { standing } else { out(NotOfAge) };
            let expected = vec![("David".into(), false, standing), ("Noor".into(), true, COUNTS)];
            assert_eq!(screened(&report, &household), expected, "row {row}, born {birth}");
        }
    }
}

#[test]
fn r3_only_violence_in_a_relationship_of_dependency_qualifies() {
    let one = child("David", "", "Bos", OF_AGE);
    let again = child("DAVID", "", "BOS", OF_AGE);
    let mentions = vec![mention(&one, Present, Resident), mention(&again, Present, Resident)];
    for (kind, qualifies) in [(Kind::DomesticViolence, true), (Kind::ChildAbuse, true), (Kind::Other, false)]
    {
        let report = report(kind, mentions.clone());
        match screen(&report, day(DAY), [&one]) {
            Verdict::Findings(findings) => assert!(qualifies && findings.len() == 1),
            Verdict::NotDomesticViolence { children } => assert!(!qualifies && children == 1),
        }
        assert_eq!(before_the_look_up(&report, day(DAY)).len(), usize::from(qualifies));
        assert!(after_the_look_up(&report, day(DAY), [&one]).is_empty());
    }
}

#[test]
fn r3_where_nobody_named_or_registered_is_of_age_every_named_child_ends_for_that() {
    let toddler = mention(&child("Mees", "", "Bos", TODDLER), Present, Visitor);
    let adult = mention(&child("Anna", "", "Bos", ADULT), Absent, Family);
    let report = report(Kind::ChildAbuse, vec![toddler, adult]);
    let nobody = vec![("Mees".into(), false, out(NoChildOfAge)), ("Anna".into(), false, out(NoChildOfAge))];
    assert_eq!(screened(&report, &[]), nobody);
    assert_eq!(
        screened(&report, &[child("Bob", "", "Bos", ADULT), child("Mees", "", "Bos", TODDLER)]),
        nobody
    );

    // One child of age at the address, and the others end for reasons of their own.
    let found = screened(&report, &[child("Noor", "", "Bos", OF_AGE)]);
    let each = vec![
        ("Mees".into(), false, out(NotOfAge)),
        ("Anna".into(), false, out(NotOfAge)),
        ("Noor".into(), true, COUNTS),
    ];
    assert_eq!(found, each);
}

#[test]
fn r3_a_visitor_of_age_is_involved_and_still_does_not_count() {
    let visitor = mention(&child("Lieke", "", "Bakker", OF_AGE), Present, Visitor);
    let toddler = mention(&child("Mees", "", "Bos", TODDLER), Present, Resident);
    let report = report(Kind::DomesticViolence, vec![visitor, toddler]);
    let expected =
        vec![("Lieke".into(), false, out(ScreenedOut::Visitor)), ("Mees".into(), false, out(NotOfAge))];
    assert_eq!(screened(&report, &[]), expected);
}

#[test]
fn r3_a_report_that_names_nobody_still_finds_the_children_of_the_address() {
    let nobody_named = report(Kind::DomesticViolence, vec![]);
    assert_eq!(screened(&nobody_named, &[]), vec![]);
    let household = [child("Anna", "", "Bos", ADULT), child("Noor", "", "Bos", OF_AGE)];
    assert_eq!(screened(&nobody_named, &household), vec![("Noor".into(), true, COUNTS)]);
}

#[test]
fn r9_a_child_named_twice_counts_once_by_the_mention_that_makes_it_count() {
    let first = child("Zoë Maria", "van", "Berg", OF_AGE);
    let again = child("ZOE", "", "Van Berg", OF_AGE);
    let visitor = |child| mention(child, Present, Visitor);
    let family_absent = |child| mention(child, Absent, Family);
    let family_present = |child| mention(child, Present, Family);
    for (mentions, standing) in [
        ([visitor(&first), family_present(&again)], COUNTS),
        ([family_absent(&first), mention(&again, Absent, Resident)], COUNTS),
        ([visitor(&first), family_absent(&again)], out(ScreenedOut::Visitor)),
        ([family_absent(&first), visitor(&again)], out(ScreenedOut::Visitor)),
        ([family_absent(&first), family_absent(&again)], out(RegisteredElsewhereAbsent)),
    ] {
        assert_eq!(distinct(&mentions).len(), 1);
        assert_eq!(distinct(&mentions)[0].mentions.len(), 2);
        let report = report(Kind::DomesticViolence, mentions.into());
        assert_eq!(screened(&report, &[]), vec![("Zoë Maria".into(), false, standing)]);
        assert_eq!(
            screened(&report, std::slice::from_ref(&again)),
            vec![("Zoë Maria".into(), false, COUNTS)]
        );
    }
}

#[test]
fn r9_the_household_joins_in_its_order_each_child_once_and_not_who_was_named() {
    let report = report(
        Kind::DomesticViolence,
        vec![
            mention(&child("Sem", "van den", "Berg", OF_AGE), Absent, Resident),
            mention(&child("Anna", "", "Vos", "2014-01-01"), Present, Family),
        ],
    );
    let household = [
        child("Tess", "", "Kok", "2012-01-01"),
        child("SEM", "", "Van den Berg", OF_AGE),
        child("Petra", "", "Kok", ADULT),
        child("Bram", "", "Kok", "2010-01-01"),
        child("tess", "", "KOK", "2012-01-01"),
        child("Mees", "", "Kok", TODDLER),
    ];
    let expected = vec![
        ("Sem".into(), false, COUNTS),
        ("Anna".into(), false, COUNTS),
        ("Tess".into(), true, COUNTS),
        ("Bram".into(), true, COUNTS),
    ];
    assert_eq!(screened(&report, &household), expected);
}

#[test]
fn r9_a_near_match_that_counts_makes_sisters_of_two_signals() {
    let counts = mention(&child("Anna", "", "Smit", OF_AGE), Present, Resident);
    let visitor = mention(&child("Anna", "", "Vos", OF_AGE), Present, Visitor);
    let twin = child("Emma", "", "Smit", OF_AGE);
    let misspelt = child("Anna", "", "Smith", OF_AGE);
    let born_later = child("Anna", "", "Smit", "2017-02-03");

    let report = report(Kind::DomesticViolence, vec![counts, visitor]);
    let alone = vec![("Anna".into(), false, COUNTS), ("Anna".into(), false, out(ScreenedOut::Visitor))];
    assert_eq!(screened(&report, &[]), alone);
    let found = |other: &Child| screened(&report, std::slice::from_ref(other));
    for sister in [twin, misspelt] {
        let given_name = sister.given_names.expose().to_owned();
        assert_eq!(found(&sister)[0].2, COUNTS_WITH_A_SISTER);
        assert_eq!(found(&sister)[2], (given_name, true, COUNTS_WITH_A_SISTER));
    }
    assert_eq!(found(&born_later)[0].2, COUNTS);
    assert_eq!(found(&born_later)[2].2, COUNTS);
}

#[test]
fn r9_while_the_look_up_is_down_the_named_children_go_first_and_the_rest_join_once() {
    let report = report(
        Kind::DomesticViolence,
        vec![
            mention(&child("Lieke", "", "Bakker", OF_AGE), Present, Visitor),
            mention(&child("Eva", "", "Jansen", OF_AGE), Present, Resident),
            mention(&child("Mees", "", "Jansen", TODDLER), Present, Resident),
            mention(&child("Finn", "", "Jansen", "2013-01-01"), Absent, Family),
            mention(&child("Tim", "", "Vos", "2012-01-01"), Present, Family),
        ],
    );
    let before = before_the_look_up(&report, day(DAY));
    assert_eq!(summary(&before), vec![("Eva".into(), false, COUNTS), ("Tim".into(), false, COUNTS)]);

    // The register knows Finn after all, and a twin of Eva's.
    let household = [
        child("Finn", "", "Jansen", "2013-01-01"),
        child("Eva", "", "Jansen", OF_AGE),
        child("Iris", "", "Jansen", OF_AGE),
    ];
    let after = after_the_look_up(&report, day(DAY), &household);
    let expected = vec![
        ("Lieke".into(), false, out(ScreenedOut::Visitor)),
        ("Mees".into(), false, out(NotOfAge)),
        ("Finn".into(), false, COUNTS),
        ("Iris".into(), true, COUNTS_WITH_A_SISTER),
    ];
    assert_eq!(summary(&after), expected);
}

mod properties {
    use proptest::{prelude::*, sample::select};

    use super::*;

    type Person = (&'static str, &'static str, &'static str);

    fn person() -> impl Strategy<Value = Person> {
        (
            select(&["Anna", "ANNA Maria", "Emma", ""][..]),
            select(&["Smit", "smit", "Smith"][..]),
            select(&[OF_AGE, TODDLER, ADULT, "2012-01-01"][..]),
        )
    }

    fn named() -> impl Strategy<Value = (Person, bool, u8)> {
        (person(), any::<bool>(), 0..3_u8)
    }

    fn made((given_names, surname, birth): &Person) -> Child {
        child(given_names, "", surname, birth)
    }

    proptest! {
        #[test]
        fn r9_going_first_and_joining_later_give_every_child_the_finding_it_has_at_once(
            named in prop::collection::vec(named(), 0..6),
            household in prop::collection::vec(person(), 0..6),
        ) {
            let mentions = named.iter().map(|(person, present, relation)| Mention {
                child: made(person),
                presence: if *present { Present } else { Absent },
                relation: [Resident, Family, Visitor][usize::from(*relation)],
            });
            let report = report(Kind::DomesticViolence, mentions.collect());
            let household: Vec<Child> = household.iter().map(made).collect();
            let Verdict::Findings(at_once) = screen(&report, day(DAY), &household) else {
                return Err(TestCaseError::fail("the kind qualifies"));
            };
            let before = before_the_look_up(&report, day(DAY));
            let after = after_the_look_up(&report, day(DAY), &household);

            // Nobody twice.
            for (place, one) in at_once.iter().enumerate() {
                let rest = &at_once[place + 1..];
                prop_assert!(!rest.iter().any(|other| crate::names::matches(one.child, other.child)));
            }
            // Everybody once over both, with the same standing; only a sister can still appear.
            prop_assert_eq!(before.len() + after.len(), at_once.len());
            for first in &before {
                let known = at_once.iter().find(|found| std::ptr::eq(found.child, first.child)).unwrap();
                prop_assert!(known.standing == COUNTS || known.standing == COUNTS_WITH_A_SISTER);
                prop_assert!(first.standing == COUNTS || known.standing == COUNTS_WITH_A_SISTER);
            }
            for later in &after {
                let known = at_once.iter().find(|found| std::ptr::eq(found.child, later.child)).unwrap();
                prop_assert_eq!(known.standing, later.standing);
                prop_assert!(!before.iter().any(|found| std::ptr::eq(found.child, later.child)));
            }
        }
    }
}
