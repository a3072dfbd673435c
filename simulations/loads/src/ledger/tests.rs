use hwc_schemas::{
    PayloadId, Role,
    outcome::{Expired, Withheld as Why},
    wire::Interval,
};
use hwc_workflow::calendar::{Calendar, Feed, HolidayRegion};

use super::*;
use crate::ledger::timing::Leg;

fn at(local: &str) -> Timestamp {
    let local: jiff::civil::DateTime = local.parse().unwrap();
    Zone::amsterdam().unwrap().instant(local.date(), local.time())
}

fn organisation(role: Role, code: &str) -> Organisation {
    Organisation::new(role, code).unwrap()
}

fn payload(number: u128) -> PayloadId {
    PayloadId::from_uuid(uuid::Uuid::from_u128(number))
}

fn incident() -> Incident {
    Incident {
        occurred_at: at("2026-11-17T22:40"),
        date_only: false,
        follow_up: false,
        reported_at: at("2026-11-18T06:30"),
        late: false,
    }
}

fn number(place: usize) -> SignalNumber {
    SignalNumber::at(place).unwrap()
}

/// A report about three children: one delivered and received, one withheld, one too young.
fn story() -> Vec<Event> {
    let municipality = organisation(Role::Municipality, "0855");
    let school = organisation(Role::School, "01AA00");
    let referred = |of| Found::Referred { municipality: municipality.clone(), referral: payload(of) };
    let event = |local: &str, fact| Event { at: at(local), fact };
    let one = number(0);
    vec![
        event(
            "2026-11-18T06:30",
            Fact::Recorded {
                police: organisation(Role::Police, "zwb"),
                veilig_thuis: organisation(Role::VeiligThuis, "mb"),
                report: payload(1),
                trace: None,
            },
        ),
        event("2026-11-18T06:40", Fact::Screened),
        event(
            "2026-11-18T06:45",
            Fact::Expanded {
                found: vec![referred(2), referred(3), Found::ScreenedOut { reason: ScreenedOut::NotOfAge }],
                complete: true,
                interval: Interval { seconds: 0, date_only: false },
            },
        ),
        event("2026-11-18T06:50", Fact::Withheld { number: number(1), reason: Why::EnrolmentUnknown }),
        event("2026-11-18T06:55", Fact::Routed { number: one, school, letter: payload(4) }),
        event("2026-11-18T07:00", Fact::Delivered { number: one }),
        event("2026-11-18T08:00", Fact::Opened { number: one }),
        event("2026-11-18T08:01", Fact::Acknowledged { number: one }),
        event("2026-11-18T08:01", Fact::Purged { number: one }),
        event("2026-11-18T08:02", Fact::IncidentPurged),
    ]
}

fn played(events: &[Event]) -> (String, Closed) {
    let zone = Zone::amsterdam().unwrap();
    let mut bytes = Vec::new();
    let mut ledger = Ledger::new(zone, &mut bytes, at("2026-11-18T00:00"), 3_600).unwrap();
    let id = IncidentId::from_uuid(uuid::Uuid::from_u128(9));
    ledger.reporting(id, 1, incident());
    for event in events {
        ledger.note(id, std::slice::from_ref(event)).unwrap();
    }
    let closed = ledger.close(at("2026-11-18T12:00")).unwrap();
    (String::from_utf8(bytes).unwrap(), closed)
}

#[test]
fn every_transition_is_a_line_with_its_local_time() {
    let (lines, closed) = played(&story());
    let lines: Vec<&str> = lines.lines().collect();
    assert_eq!(lines[0], "report,signal,at,happened,detail");
    assert_eq!(lines[1], "1,,2026-11-18T06:30:00+01:00,recorded,");
    assert_eq!(lines[4], "1,1,2026-11-18T06:45:00+01:00,referred,0855");
    assert_eq!(lines[6], "1,3,2026-11-18T06:45:00+01:00,screened_out,not_of_age");
    assert_eq!(lines.last(), Some(&"1,,2026-11-18T08:02:00+01:00,purged,"));
    assert_eq!(u64::try_from(lines.len() - 1).unwrap(), closed.tallies.transitions);
}

#[test]
fn a_row_says_how_long_each_leg_took_and_how_it_ended() {
    let (_, closed) = played(&story());
    let [one, two, three] = closed.timings.as_slice() else { panic!("{:?}", closed.timings) };
    let legs: Vec<_> = Leg::ALL.iter().map(|leg| one.leg(*leg)).collect();
    assert_eq!(legs, [Some(28_200), Some(900), Some(600), Some(300), Some(3_660)]);
    assert_eq!(one.outcome, Some(Outcome::Acknowledged));
    assert_eq!(two.outcome, Some(Outcome::Withheld(Why::EnrolmentUnknown)));
    assert_eq!(three.outcome, Some(Outcome::ScreenedOut(ScreenedOut::NotOfAge)));
    assert!([one, two, three].iter().all(|row| row.purged_at.is_some()));
    assert_eq!((two.leg(Leg::Municipality), three.leg(Leg::Held)), (None, None));
}

#[test]
fn at_the_end_nothing_lies_anywhere_and_the_most_is_remembered() {
    let (_, closed) = played(&story());
    let most: Vec<i64> = closed.places.iter().map(|gauge| gauge.most().count).collect();
    assert_eq!(most, [1, 2, 1, 1]);
    assert!(closed.places.iter().all(|gauge| gauge.steps().last() == Some(&0)));
}

#[test]
fn what_does_not_end_is_kept_as_open() {
    let (_, closed) = played(&story()[..6]);
    assert_eq!(closed.timings.len(), 3);
    assert_eq!(closed.timings[0].outcome, None);
    let mut expired = story();
    expired.truncate(6);
    let reason = Expired::NotAcknowledged;
    let fact = Fact::Expired { number: number(0), reason };
    expired.push(Event { at: at("2026-11-20T17:00"), fact });
    assert_eq!(played(&expired).1.timings[0].outcome, Some(Outcome::Expired(reason)));
}

#[test]
fn a_bare_date_counts_from_its_midnight_and_the_first_lesson_from_the_moment() {
    let (_, closed) = played(&story());
    let zone = Zone::amsterdam().unwrap();
    let feed = include_bytes!("../../../handbook/holidays.json");
    let calendar = Calendar::new(zone.clone(), HolidayRegion::Zuid, &Feed::parse(feed, &zone).unwrap());
    let mut row = closed.timings[0].clone();
    let start = jiff::civil::time(8, 30, 0, 0);
    assert_eq!(row.until_delivery(&zone), Some(8 * 3_600 + 1_200));
    row.incident.date_only = true;
    assert_eq!(row.until_delivery(&zone), Some(31 * 3_600));
    assert_eq!(row.first_lesson(&calendar, start), Some(at("2026-11-18T08:30")));
    let fields = row.fields(&calendar, start);
    assert_eq!(fields.len(), Timing::COLUMNS.len());
    assert_eq!(fields[24], "yes");
}

#[test]
fn a_report_that_is_refused_is_counted_and_waited_for_no_longer() {
    let mut ledger =
        Ledger::new(Zone::amsterdam().unwrap(), Vec::new(), at("2026-11-18T00:00"), 3_600).unwrap();
    let id = |number| IncidentId::from_uuid(uuid::Uuid::from_u128(number));
    ledger.reporting(id(1), 1, incident());
    ledger.answered(id(1), Answer::Refused { refusal: hwc_schemas::wire::Refusal::Malformed });
    ledger.reporting(id(2), 2, incident());
    ledger.answered(id(2), Answer::AlreadyRecorded);
    ledger.reporting(id(3), 3, incident());
    ledger.answered(id(3), Answer::Recorded);
    assert_eq!(ledger.progress().0, 1);
    assert_eq!(ledger.close(at("2026-11-19T00:00")).unwrap().tallies.refused, 1);
}
