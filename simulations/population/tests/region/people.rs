//! The people: names and dates that everybody accepts, and as often as the constants say.

use std::collections::{BTreeMap, BTreeSet};

use hwc_casework::names::{matches, nearly_matches};
use hwc_population::{HouseholdId, Person, enrolment::Schooling, household::HouseholdChild, rates};
use proptest::prelude::*;

use super::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn everybody_and_every_address_can_be_carried(seed: u64, municipality in 0_usize..3, number in 0_u32..10_000) {
        let population = Population::new(Settings::new(seed, Size::Inhabitants(120_000)));
        let household = population.household(HouseholdId { municipality, number });
        prop_assert!(household.address.to_address().is_ok());
        let children = household.children.iter().map(|child| &child.person);
        for person in children.chain(&household.adults) {
            prop_assert!(person.to_child().is_ok(), "{person:?}");
            prop_assert!(person.date_of_birth <= population.settings().day);
        }
        prop_assert!(population.residents_of(&household).is_ok() && population.enrolments_of(&household).is_ok());
    }
}

fn children(population: &Population) -> Vec<HouseholdChild> {
    population.households().flat_map(|household| household.children).collect()
}

#[test]
fn children_are_minors_and_adults_are_not() {
    let population = county(1);
    let day = population.settings().day;
    for household in population.households() {
        assert!(household.children.iter().all(|child| (0..18).contains(&child.person.age_on(day))));
        assert!(!household.adults.is_empty() && household.adults.iter().all(|one| one.age_on(day) >= 18));
        assert!(household.children.is_sorted_by_key(|child| child.person.date_of_birth));
    }
}

#[test]
fn there_are_as_many_children_as_the_volumes_say_and_of_every_age() {
    let population = county(1);
    let inhabitants: u32 = population.municipalities().iter().map(|one| one.inhabitants).sum();
    let children = children(&population);
    let share = rate(children.len(), usize::try_from(inhabitants).unwrap());
    assert!(is_near(share, rates::CHILDREN, 60), "{share}");
    let mut ages = BTreeMap::new();
    for child in &children {
        *ages.entry(child.person.age_on(population.settings().day)).or_insert(0_usize) += 1;
    }
    assert_eq!(ages.len(), 18);
    let even = children.len() / 18;
    assert!(ages.values().all(|count| (even / 2..even * 2).contains(count)), "{ages:?}");
}

#[test]
fn there_are_twins_triplets_namesakes_and_strangers_of_one_name_and_birthday() {
    let mut births = 0;
    let mut by_size = BTreeMap::new();
    let mut namesakes = 0;
    let mut doubles = 0;
    for seed in 0..6 {
        let population = county(seed);
        let mut before: Vec<Person> = Vec::new();
        for household in population.households() {
            let mut days: BTreeMap<_, usize> = BTreeMap::new();
            let people: Vec<Person> = household.children.iter().map(|child| child.person.clone()).collect();
            for person in &people {
                *days.entry(person.date_of_birth).or_default() += 1;
            }
            births += days.len();
            for size in days.values() {
                *by_size.entry(*size).or_insert(0_usize) += 1;
            }
            for (own, other) in people.iter().flat_map(|own| before.iter().map(move |other| (own, other))) {
                if (&own.given_names, &own.surname) == (&other.given_names, &other.surname) {
                    if own.date_of_birth == other.date_of_birth { doubles += 1 } else { namesakes += 1 }
                }
            }
            before = people;
        }
    }
    assert!(is_near(rate(by_size[&2], births), rates::TWINS, 20), "{by_size:?}");
    assert!(by_size[&3] > 0 && by_size[&3] < by_size[&2] / 20, "{by_size:?}");
    assert!(namesakes > 20 && (1..namesakes).contains(&doubles), "{namesakes} {doubles}");
}

#[test]
fn children_go_to_school_by_their_age() {
    let population = county(4);
    let day = population.settings().day;
    let mut sectors = BTreeMap::new();
    for child in children(&population) {
        let age = child.person.age_on(day);
        match &child.schooling {
            None => assert!(age < 4),
            Some(schooling) => {
                let sector = population.schools()[schooling.attends].sector.as_str();
                let fits = match sector {
                    "po" => (4..=12).contains(&age),
                    "vo" => (11..18).contains(&age),
                    "mbo" => age >= 16,
                    _ => age >= 4,
                };
                assert!(fits, "{sector} at {age}");
                *sectors.entry(sector).or_insert(0_usize) += 1;
            }
        }
    }
    assert_eq!(sectors.len(), 4, "{sectors:?}");
}

#[test]
fn enrolments_are_missing_stale_secret_seconded_and_misspelt_as_often_as_the_rates_say() {
    let mut counts = BTreeMap::new();
    let mut all = 0;
    for seed in 0..4 {
        let population = county(seed);
        for HouseholdChild { person, schooling, .. } in children(&population) {
            let Some(Schooling { attends, rows }) = schooling else { continue };
            all += 1;
            let what = match rows.as_slice() {
                [] => "missing",
                [_, _, ..] => "twice",
                [row] if row.secret => "secret",
                [row] if row.host.is_some() => "seconded",
                [row] if row.school.is_none() => "without school",
                [row] if row.school != Some(attends) => "stale",
                [_] => "good",
            };
            *counts.entry(what).or_insert(0_usize) += 1;
            if let Some(row) = rows.first() {
                let (own, spelt) = (person.to_child().unwrap(), row.pupil.to_child().unwrap());
                let how = if row.pupil == person {
                    "as registered"
                } else if matches(&own, &spelt) {
                    "otherwise"
                } else {
                    assert!(nearly_matches(&own, &spelt), "{person:?} {:?}", row.pupil);
                    "misspelt"
                };
                *counts.entry(how).or_default() += 1;
            }
        }
    }
    let rates = hwc_population::Rates::default();
    for (what, wanted) in [
        ("missing", rates.enrolment_missing),
        ("without school", rates.enrolment_without_school),
        ("twice", rates.enrolment_twice),
        ("secret", rates.enrolment_secret),
        ("seconded", rates.enrolment_seconded),
        ("misspelt", rates.enrolment_misspelt),
    ] {
        assert!(is_near(rate(counts[what], all), wanted, 20), "{what}: {counts:?} of {all}");
    }
    // Where a sector has one school, nobody can have come from another; and not everything can be spelt otherwise.
    assert!((60..=170).contains(&rate(counts["stale"], all)), "{counts:?} of {all}");
    assert!((500..=820).contains(&rate(counts["otherwise"], all)), "{counts:?} of {all}");
}

#[test]
fn most_go_to_school_near_home_and_some_across_the_border() {
    let population = Population::new(Settings::new(1, Size::Inhabitants(600_000)));
    let (mut own, mut across, mut schools) = (0, 0, BTreeSet::new());
    for household in population.households() {
        for schooling in household.children.iter().filter_map(|child| child.schooling.as_ref()) {
            let school = &population.schools()[schooling.attends];
            schools.insert(schooling.attends);
            if school.sector.as_str() == "po" {
                let counter =
                    if school.municipality == household.id.municipality { &mut own } else { &mut across };
                *counter += 1;
            }
        }
    }
    let rates = population.settings().rates;
    assert!(is_near(rate(across, own + across), rates.primary_across_the_border, 30), "{own} {across}");
    // Nobody's school is empty.
    assert!(
        schools.len() * 100 > population.schools().len() * 95,
        "{} of {}",
        schools.len(),
        population.schools().len()
    );
}

#[test]
fn no_name_can_be_taken_for_a_citizen_service_number_or_a_formula() {
    for child in children(&village(6)) {
        let Person { given_names, prefix, surname, .. } = child.person;
        let letters = format!("{given_names} {} {surname}", prefix.unwrap_or_default());
        assert!(letters.chars().all(|c| c.is_alphabetic() || " -'’".contains(c)), "{letters}");
        assert!(surname.starts_with(char::is_alphabetic), "{surname}");
    }
}
