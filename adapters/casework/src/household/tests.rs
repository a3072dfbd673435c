//! R9: what of a household a person must look at first.

use hwc_schemas::{
    person::PersonalText,
    report::{Kind, Mention, Occurred, Presence, Relation},
};

use super::*;
use crate::testing::{address, born, child, day};

const DAY: &str = "2026-11-18";
const OF_AGE: &str = "2016-02-03";

fn report(kind: Kind, named: &[(&str, Relation)]) -> Report {
    let mention = |(given, relation): &(&str, Relation)| Mention {
        child: child(given, "", "Smit", OF_AGE),
        presence: Presence::Absent,
        relation: *relation,
    };
    Report {
        reported_at: "2026-11-18T05:45:00Z".parse().unwrap(),
        occurred: Occurred::On(day(DAY)),
        kind,
        address: address(1, None),
        mentions: named.iter().map(mention).collect(),
    }
}

fn member(given: &str, birth: &str, doubt: Option<Doubt>) -> Member {
    Member { person: child(given, "", "Smit", birth), doubt }
}

fn incomplete(given: Option<&str>, first: &str, last: &str) -> Incomplete {
    let text = |text: &str| PersonalText::new("name", text, 40).unwrap();
    Incomplete {
        given_names: given.map(text),
        prefix: None,
        surname: Some(text("Smit")),
        first: born(first),
        last: born(last),
    }
}

fn doubts(household: &Household, named: &[(&str, Relation)]) -> Vec<Doubt> {
    household.doubts(&report(Kind::DomesticViolence, named), day(DAY)).into_iter().collect()
}

#[test]
fn r9_a_doubt_matters_only_where_it_could_make_one_more_child_count() {
    let of = |members: Vec<Member>| Household { members, ..Household::default() };
    let doubt = Some(Doubt::Secret);
    let resident: &[(&str, Relation)] = &[("Anna", Relation::Resident)];
    let cases = [
        ("a sibling", of(vec![member("Bob", OF_AGE, doubt)]), resident, vec![Doubt::Secret]),
        ("a sibling without doubt", of(vec![member("Bob", OF_AGE, None)]), resident, vec![]),
        ("a parent", of(vec![member("Bob", "1984-05-02", doubt)]), resident, vec![]),
        ("a baby", of(vec![member("Bob", "2025-05-02", doubt)]), resident, vec![]),
        ("a child that counts anyway", of(vec![member("Anna", OF_AGE, doubt)]), resident, vec![]),
        (
            "a visitor whom only this entry makes a resident",
            of(vec![member("Anna", OF_AGE, doubt)]),
            &[("Anna", Relation::Visitor)],
            vec![Doubt::Secret],
        ),
    ];
    for (case, household, named, expected) in cases {
        assert_eq!(doubts(&household, named), expected, "{case}");
    }
}

#[test]
fn r9_who_is_not_wholly_known_matters_if_it_could_be_a_child_that_nobody_named() {
    let of = |one: Incomplete| Household { incomplete: vec![one], ..Household::default() };
    let year = |given, year: &str| incomplete(given, &format!("{year}-01-01"), &format!("{year}-12-31"));
    let named: &[(&str, Relation)] = &[("Anna", Relation::Resident)];
    for (case, household, expected) in [
        ("born in a year of children", of(year(Some("Bob"), "2015")), vec![Doubt::DateIncomplete]),
        ("in a year of parents", of(year(Some("Bob"), "1984")), vec![]),
        (
            "nobody knows when",
            of(incomplete(Some("Bob"), "1900-01-01", "2199-12-31")),
            vec![Doubt::DateIncomplete],
        ),
        ("the named child itself", of(year(Some("Anna"), "2016")), vec![]),
        ("its namesake of another year", of(year(Some("Anna"), "2014")), vec![Doubt::DateIncomplete]),
        ("without a name", of(incomplete(None, OF_AGE, OF_AGE)), vec![Doubt::NameIncomplete]),
    ] {
        assert_eq!(doubts(&household, named), expected, "{case}");
    }
}

#[test]
fn r3_an_incident_of_another_kind_raises_no_doubt_and_an_address_without_a_list_always_does() {
    let household = Household { doubts: [Doubt::NoList].into(), ..Household::default() };
    assert_eq!(doubts(&household, &[]), [Doubt::NoList]);
    assert!(household.doubts(&report(Kind::Other, &[]), day(DAY)).is_empty());
}

#[test]
fn r9_a_person_lets_everybody_count_or_the_certain_or_nobody() {
    let members = vec![member("Anna", OF_AGE, None), member("Bob", OF_AGE, Some(Doubt::Possible))];
    let household = Household { members, ..Household::default() };
    let count = |extent| household.counting(extent).count();
    assert_eq!([count(Extent::Everybody), count(Extent::Certain), count(Extent::Nobody)], [2, 1, 0]);
    assert!(
        household.holds(&child("ANNA", "", "Smit", OF_AGE))
            && !household.holds(&child("Eva", "", "Smit", OF_AGE))
    );
    let qualifying = report(Kind::ChildAbuse, &[("Anna", Relation::Resident)]);
    assert_eq!(household.added(&qualifying, day(DAY)).len(), 1);
    let both = report(Kind::ChildAbuse, &[("Anna", Relation::Resident), ("Bob", Relation::Resident)]);
    assert_eq!(household.added(&both, day(DAY)).len(), 0);
}
