//! What is asked, and what is made of an answer.

use hwc_brp_mock::{Person, Registry, Remark};
use hwc_casework::household::Doubt;
use hwc_schemas::report::Report;

use crate::ground::{Ground, Wanted, child, david, doubts, known, person, report};

const SIBLING: &str = "2011-06-21";

fn family() -> Vec<Person> {
    vec![
        person("David", "Pieterse", "2016-02-03"),
        person("Noor", "Pieterse", SIBLING),
        person("Anna", "Pieterse", "1984-05-02"),
    ]
}

/// The family, with one more whom a function changes.
async fn with(change: impl FnOnce(&mut Person)) -> (Ground, Report) {
    let mut one = person("Eva", "Pieterse", SIBLING);
    change(&mut one);
    let mut people = family();
    people.push(one);
    (Ground::of(people).await, report(david(), Some("0855")))
}

#[tokio::test]
async fn a_household_is_one_question_in_the_municipality_that_the_report_names() {
    let ground = Ground::of(family()).await;
    let report = report(david(), Some("0855"));
    let household = ground.household(&report).await.unwrap();
    let names: Vec<_> = known(&household).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["David", "Noor", "Anna"]);
    assert_eq!(household.municipality.map(|code| code.as_str().to_owned()).as_deref(), Some("0855"));
    assert!(doubts(&household, &report).is_empty());
    let asked = ground.mock.asked();
    assert_eq!(asked.len(), 1);
    assert!(!asked[0].1.to_string().contains("burgerservicenummer"));
    // The child that is registered there lives there, and nobody is asked for it.
    assert_eq!(ground.home(&report, &david()).await.as_deref(), Some("0855"));
    assert_eq!(ground.mock.asked().len(), 2, "the household again, and nothing else");
}

#[tokio::test]
async fn where_the_report_names_no_municipality_or_a_wrong_one_the_others_that_take_part_are_tried() {
    for reported in [None, Some("0867"), Some("9999")] {
        let ground = Ground::of(family()).await;
        let report = report(david(), reported);
        let household = ground.household(&report).await.unwrap();
        assert_eq!(household.members.len(), 3, "{reported:?}");
        assert_eq!(household.municipality.map(|code| code.as_str().to_owned()).as_deref(), Some("0855"));
    }
}

#[tokio::test]
async fn r15_a_household_in_a_municipality_that_takes_no_part_is_known_and_has_no_home() {
    let elsewhere = family().into_iter().map(|one| Person { municipality: "0797".into(), ..one });
    let ground = Ground::of(elsewhere.collect()).await;
    let report = report(david(), None);
    let household = ground.household(&report).await.unwrap();
    assert_eq!((household.members.len(), household.municipality.is_none()), (3, true));
    assert_eq!(ground.home(&report, &david()).await, None);
}

#[tokio::test]
async fn neighbours_with_a_letter_or_an_addition_are_no_household_of_ours() {
    for (letter, addition) in [("A", ""), ("", "III"), ("", "2"), ("B", "73C")] {
        let (ground, plain) = with(|one| {
            one.house_letter = letter.into();
            one.addition = addition.into();
        })
        .await;
        assert_eq!(ground.household(&plain).await.unwrap().members.len(), 3);
        let mut theirs = report(david(), Some("0855"));
        theirs.address = hwc_schemas::report::Address::new("5038AA", 1, letter, addition, None).unwrap();
        let household = ground.household(&theirs).await.unwrap();
        assert_eq!(known(&household), [("Eva".to_owned(), None)], "{letter} {addition}");
    }
}

#[tokio::test]
async fn an_address_whose_object_is_known_is_asked_by_it_and_gives_nobody_elses_household() {
    let mut people = family();
    people.push(Person { house_letter: "A".into(), ..person("Eva", "Pieterse", SIBLING) });
    let ground = Ground::wanted(people, Wanted { by_object: true, ..Wanted::default() }).await;
    let report = report(david(), Some("0855"));
    assert_eq!(ground.household(&report).await.unwrap().members.len(), 3);
    let (_, question) = &ground.mock.asked()[0];
    assert_eq!(question["type"], "ZoekMetAdresseerbaarObjectIdentificatie");
    assert!(!question["fields"].to_string().contains("adres"), "no line of an address is needed");
}

#[tokio::test]
async fn each_form_of_a_date_of_birth_is_understood_and_a_partial_one_that_could_be_a_childs_waits_for_a_person()
 {
    for (born, expected) in [
        (SIBLING, vec![]),
        ("2011-06", vec![Doubt::DateIncomplete]),
        ("2011", vec![Doubt::DateIncomplete]),
        ("", vec![Doubt::DateIncomplete]),
        ("1984-05", vec![]),
        ("1984", vec![]),
        ("2025", vec![]),
    ] {
        let (ground, report) = with(|one| one.born = born.into()).await;
        let household = ground.household(&report).await.unwrap();
        assert_eq!(doubts(&household, &report), expected, "{born}");
    }
    // The child that the police named in full is no riddle.
    let (ground, report) = with(|one| {
        one.given_names = "David".into();
        one.born = "2016".into();
    })
    .await;
    let household = ground.household(&report).await.unwrap();
    assert!(doubts(&household, &report).is_empty());
}

#[tokio::test]
async fn secrecy_investigation_and_who_does_not_live_there_wait_for_a_person_where_they_add_a_child() {
    for (remark, doubt) in [
        (Remark::Secret, Doubt::Secret),
        (Remark::UnderInvestigation, Doubt::UnderInvestigation),
        (Remark::LivesElsewhere, Doubt::LivesElsewhere),
    ] {
        let (ground, report) = with(|one| one.remarks = vec![remark]).await;
        let household = ground.household(&report).await.unwrap();
        assert_eq!(doubts(&household, &report), [doubt]);
        let (ground, report) = with(|one| {
            one.remarks = vec![remark];
            one.born = "1984-05-02".into();
        })
        .await;
        let household = ground.household(&report).await.unwrap();
        assert!(doubts(&household, &report).is_empty(), "a parent adds nobody");
    }
}

#[tokio::test]
async fn the_dead_live_nowhere() {
    let (ground, report) = with(|one| one.remarks = vec![Remark::Died]).await;
    assert_eq!(ground.household(&report).await.unwrap().members.len(), 3);
}

fn many(count: usize) -> Vec<Person> {
    (0..count).map(|at| person(&format!("Kind{at}"), "Pieterse", "2014-01-01")).collect()
}

#[tokio::test]
async fn more_than_thirty_without_an_object_is_no_list_and_a_person_looks() {
    let ground = Ground::of(many(31)).await;
    let report = report(david(), Some("0855"));
    let household = ground.household(&report).await.unwrap();
    assert_eq!((household.members.len(), doubts(&household, &report)), (0, vec![Doubt::NoList]));
    assert_eq!(ground.mock.asked().len(), 1, "Bewoning cannot be asked without an object");
    let ground = Ground::of(many(30)).await;
    assert_eq!(ground.household(&report).await.unwrap().members.len(), 30);
}

#[tokio::test]
async fn more_than_thirty_at_an_object_come_from_bewoning_and_more_than_a_hundred_from_nobody() {
    let wanted = || Wanted { by_object: true, ..Wanted::default() };
    let report = report(david(), Some("0855"));
    let mut people = many(40);
    people.push(Person { remarks: vec![Remark::Possible], ..person("Eva", "Pieterse", SIBLING) });
    people.push(person("Maria", "Garcia Lopez", SIBLING));
    let ground = Ground::wanted(people, wanted()).await;
    let household = ground.household(&report).await.unwrap();
    assert_eq!(household.members.len(), 41);
    assert_eq!(known(&household)[40], ("Eva".to_owned(), Some(Doubt::Possible)));
    assert_eq!(doubts(&household, &report), [Doubt::Possible, Doubt::NameIncomplete, Doubt::ManyResidents]);
    let (path, question) = &ground.mock.asked()[1];
    assert_eq!((*path, &question["peildatum"]), ("/bewoningen", &"2026-11-18".into()));
    let ground = Ground::wanted(many(101), wanted()).await;
    let household = ground.household(&report).await.unwrap();
    assert_eq!((household.members.len(), doubts(&household, &report)), (0, vec![Doubt::NoList]));
}

#[tokio::test]
async fn r15_a_child_that_is_not_registered_there_lives_where_it_is_registered_itself() {
    let at = |code: &str| Person {
        postcode: "5050AB".into(),
        municipality: code.into(),
        prefix: "van den".into(),
        ..person("Sem", "Berg", "2014-09-30")
    };
    let sem = child("Sem", None, "van den Berg", "2014-09-30");
    for (case, registered, expected) in [
        ("in one that takes part", vec![at("0867")], Some("0867")),
        ("in one that does not", vec![at("0797")], None),
        ("in two", vec![at("0867"), at("0855")], Some("0855")),
        ("nowhere", vec![], Some("0855")),
        (
            "only somebody of nearly that name",
            vec![Person { given_names: "Sam".into(), ..at("0867") }],
            Some("0855"),
        ),
    ] {
        let ground = Ground::of([family(), registered].concat()).await;
        let report = report(sem.clone(), Some("0855"));
        assert_eq!(ground.home(&report, &sem).await.as_deref(), expected, "{case}");
    }
}

#[tokio::test]
async fn nobody_registered_anywhere_is_a_household_of_nobody() {
    let ground = Ground::of(vec![]).await;
    let report = report(david(), None);
    let household = ground.household(&report).await.unwrap();
    assert!(household.members.is_empty() && doubts(&household, &report).is_empty());
    assert_eq!(ground.home(&report, &david()).await, None);
    assert!(Registry::of(vec![]).addresses().starts_with("postcode,"));
}
