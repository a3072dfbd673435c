use super::*;
use crate::plan::{Plan, Says};

fn plan(more: &str) -> Says {
    let text = format!(
        "name = \"Test\"\n[period]\nfrom = \"2026-11-02\"\ndays = 28\n[region]\nsize = \"town\"\n{more}"
    );
    Plan::parse(text).unwrap().says
}

fn drawn(more: &str, seed: u64) -> Vec<Incident> {
    let says = plan(more);
    let count = count(&says.arrivals, 28, 100_000);
    draw((&says.arrivals, &says.reporting), says.period.unwrap(), seed, &Zone::amsterdam().unwrap(), count)
}

const MANY: &str = "[arrivals]\nincidents_per_year = 100000\n";

#[test]
fn a_seed_gives_the_same_arrivals_and_another_seed_others() {
    assert_eq!(drawn(MANY, 1), drawn(MANY, 1));
    assert_ne!(drawn(MANY, 1), drawn(MANY, 2));
}

#[test]
fn there_are_as_many_incidents_as_the_plan_says_and_none_outside_its_period() {
    let zone = Zone::amsterdam().unwrap();
    let incidents = drawn(MANY, 1);
    assert_eq!(incidents.len(), 7_671);
    assert_eq!(drawn("[arrivals]\nincidents_per_100k_children = 365\n", 1).len(), 28);
    for incident in &incidents {
        let day = zone.local(incident.occurred_at).date();
        assert!((jiff::civil::date(2026, 11, 2)..jiff::civil::date(2026, 11, 30)).contains(&day));
        assert!(incident.reported_at > incident.occurred_at);
    }
}

#[test]
fn reports_leave_in_the_early_morning_unless_they_are_late() {
    let zone = Zone::amsterdam().unwrap();
    let incidents = drawn(MANY, 1);
    let time = |hour, minute| jiff::civil::time(hour, minute, 0, 0);
    let (late, routine): (Vec<&Incident>, Vec<&Incident>) =
        incidents.iter().partition(|incident| incident.late);
    assert!(
        routine
            .iter()
            .all(|incident| { (time(6, 0)..time(8, 30)).contains(&zone.local(incident.reported_at).time()) })
    );
    assert!((650..900).contains(&late.len()), "{}", late.len());
    assert!(late.iter().any(|incident| zone.local(incident.reported_at).time() > time(8, 30)));
}

#[test]
fn where_the_police_verify_on_working_days_monday_brings_the_weekend() {
    let zone = Zone::amsterdam().unwrap();
    let more = "[arrivals]\nincidents_per_year = 100000\n[reporting]\nverify_days = [\"mon\", \"tue\", \"wed\", \"thu\", \"fri\"]\nlate_share = 0\n";
    let mut by_weekday = [0_usize; 7];
    for incident in drawn(more, 1) {
        let weekday = zone.local(incident.reported_at).date().weekday().to_monday_zero_offset();
        by_weekday[usize::try_from(weekday).unwrap()] += 1;
    }
    assert_eq!((by_weekday[5], by_weekday[6]), (0, 0));
    assert!(by_weekday[0] > 2 * by_weekday[2], "{by_weekday:?}");
}

#[test]
fn the_weights_of_days_and_hours_are_kept() {
    let zone = Zone::amsterdam().unwrap();
    let more = "[arrivals]\nincidents_per_year = 100000\nby_weekday = [0, 0, 0, 0, 0, 1, 3]\nby_hour = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0]\n";
    let incidents = drawn(more, 1);
    let local = |incident: &Incident| zone.local(incident.occurred_at);
    assert!(incidents.iter().all(|incident| local(incident).hour() == 21));
    let sundays = incidents.iter().filter(|one| local(one).date().weekday() == jiff::civil::Weekday::Sunday);
    assert!((5_550..5_950).contains(&sundays.count()));
}
