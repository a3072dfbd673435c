//! The incidents: plausible ones, as often as the rates say.

use std::collections::BTreeSet;

use hwc_population::{Dice, Incident, Recent};
use hwc_schemas::report::{Kind, Occurred, Presence, Relation};
use jiff::{Timestamp, ToSpan as _, civil::date};

use super::*;

/// A year of reports of a county.
fn year() -> (Population, Vec<Incident>) {
    let population = county(7);
    let incidents = population.reports(6_000, &zone()).collect();
    (population, incidents)
}

#[test]
fn reports_come_in_order_within_the_period_and_after_what_happened() {
    let (population, incidents) = year();
    let zone = zone();
    let local = |at: Timestamp| zone.local(at).date();
    let (first, last) = (date(2027, 3, 1), date(2028, 2, 28));
    assert_eq!((population.settings().day, population.settings().days), (first, 365));
    assert!(incidents.is_sorted_by_key(|one| one.reported_at));
    for one in &incidents {
        assert!((first..=last).contains(&local(one.reported_at)));
        let happened = one.occurred.day(zone.as_time_zone());
        assert!(happened <= local(one.reported_at) && happened.until(first).unwrap().get_days() < 10);
        if let Occurred::At(moment) = one.occurred {
            assert!(moment <= one.reported_at);
        }
    }
    let references: BTreeSet<&str> = incidents.iter().map(|one| one.report_id.as_str()).collect();
    assert_eq!(references.len(), incidents.len());
    let early = incidents.iter().filter(|one| zone.local(one.reported_at).hour() < 9).count();
    assert!(rate(early, incidents.len()) > 7_500, "{early}");
}

#[test]
fn an_incident_has_about_one_point_nine_children_and_more_than_a_quarter_are_follow_ups() {
    let (population, incidents) = year();
    // Who was named, and who is of age at the address and was not.
    let found = |one: &Incident| {
        let household = population.household(one.household);
        let noted = one.children.len();
        let day = one.occurred.day(zone().as_time_zone());
        let of_age = |child: &hwc_population::household::HouseholdChild| {
            child.registered && (4..18).contains(&child.person.age_on(day))
        };
        let named: BTreeSet<_> = one.children.iter().map(|child| child.person.date_of_birth).collect();
        let others = household.children.iter().filter(|child| of_age(child));
        noted + others.filter(|child| !named.contains(&child.person.date_of_birth)).count()
    };
    let children: usize = incidents.iter().map(found).sum();
    let mean = children * 100 / incidents.len();
    assert!((180..=200).contains(&mean), "{mean}");
    let again = rate(incidents.iter().filter(|one| one.follow_up).count(), incidents.len());
    assert!(is_near(again, 2_800, 200), "{again}");
}

#[test]
fn kinds_presence_relations_and_spellings_are_mixed_as_the_rates_say() {
    let (population, incidents) = year();
    let rates = population.settings().rates;
    let all = incidents.len();
    let share =
        |which: &dyn Fn(&Incident) -> bool| rate(incidents.iter().filter(|one| which(one)).count(), all);
    assert!(is_near(share(&|one| one.kind == Kind::Other), rates.other_kind, 120));
    assert!(is_near(share(&|one| one.kind == Kind::ChildAbuse), rates.child_abuse, 150));
    assert!(is_near(
        share(&|one| one.address.municipality.is_none()),
        rates.address_without_municipality,
        200
    ));
    assert!(is_near(share(&|one| matches!(one.occurred, Occurred::On(_))), rates.bare_date, 120));
    let noted: Vec<_> = incidents.iter().flat_map(|one| &one.children).collect();
    let absent = rate(noted.iter().filter(|one| one.presence == Presence::Absent).count(), noted.len());
    assert!((2_000..3_000).contains(&absent), "{absent}");
    for relation in [Relation::Visitor, Relation::Family] {
        let share = rate(noted.iter().filter(|one| one.relation == relation).count(), noted.len());
        assert!((150..600).contains(&share), "{share}");
    }
    let outside = |one: &Incident| one.household.municipality == population.municipalities().len() - 1;
    assert!(is_near(share(&outside), rates.elsewhere, 80));
    assert!(incidents.iter().any(|one| one.children.is_empty()));
}

#[test]
fn whoever_draws_with_the_same_dice_draws_the_same_incident() {
    let population = village(2);
    let occurred: Timestamp = "2026-11-18T22:40:00+01:00".parse().unwrap();
    let draw = || {
        let (mut dice, mut recent) = (Dice::new(5), Recent::new());
        let mut lines = Vec::new();
        for number in 1..=50 {
            let reported = occurred + (8 * i64::try_from(number).unwrap()).hours();
            let one = population.incident(&mut dice, &mut recent, number, Occurred::At(occurred), reported);
            lines.push((one.follow_up, one.line(zone().as_time_zone())));
        }
        lines
    };
    let lines = draw();
    assert_eq!(lines, draw());
    assert!(!lines[0].0 && lines.iter().any(|(follow_up, _)| *follow_up));
    assert!(lines[0].1.starts_with(
        r#"{"report_id":"P-2026-000001","reported_at":"2026-11-19T06:40:00+01:00","incident":{"occurred_at":"2026-11-18T22:40:00+01:00","kind":"#
    ), "{}", lines[0].1);
}
