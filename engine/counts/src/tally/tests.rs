use hwc_schemas::{PayloadId, Role, SignalNumber, outcome::Recalled, wire::Interval};
use jiff::ToSpan as _;

use super::*;

const MUNICIPALITY: &str = "municipality-0855";
const FIRST: SignalNumber = SignalNumber::FIRST;

fn organisation(text: &str) -> Organisation {
    text.parse().unwrap()
}

fn payload() -> PayloadId {
    PayloadId::from_uuid(uuid::Uuid::nil())
}

/// Tuesday, 24 November 2026, a quarter to seven in Amsterdam.
fn morning() -> Timestamp {
    "2026-11-24T05:45:00Z".parse().unwrap()
}

/// One child, found at once; these facts follow, so many minutes after the report.
fn story(incident_hours_before: u64, date_only: bool, facts: &[(i64, Fact)]) -> Ending {
    let interval = Interval { seconds: incident_hours_before * 3_600, date_only };
    let referred = Found::Referred { municipality: organisation(MUNICIPALITY), referral: payload() };
    let recorded = Fact::Recorded {
        police: organisation("police-1"),
        veilig_thuis: organisation("veilig-thuis-1"),
        report: payload(),
        trace: None,
    };
    let begins = [
        (0, recorded),
        (1, Fact::Screened),
        (2, Fact::Expanded { found: vec![referred], complete: true, interval }),
    ];
    let last = facts.last().map_or(2, |(minutes, _)| *minutes);
    let ends = [(last, Fact::IncidentPurged)];
    let events: Vec<Event> = begins
        .into_iter()
        .chain(facts.iter().cloned())
        .chain(ends)
        .map(|(minutes, fact)| Event { at: morning() + minutes.minutes(), fact })
        .collect();
    let zone = Zone::amsterdam().unwrap();
    for before in 0..events.len() {
        assert_eq!(tally(&events[..before], &zone), None, "it has not ended");
    }
    tally(&events, &zone).unwrap()
}

fn routed(minutes: i64, school: &str) -> (i64, Fact) {
    (minutes, Fact::Routed { number: FIRST, school: organisation(school), letter: payload() })
}

fn delivered(minutes: i64) -> (i64, Fact) {
    (minutes, Fact::Delivered { number: FIRST })
}

fn returned(minutes: i64) -> (i64, Fact) {
    (minutes, Fact::Returned { number: FIRST })
}

#[test]
fn r25_what_was_acknowledged_counts_as_sent_with_how_long_each_hop_took() {
    let ending = story(
        10,
        false,
        &[routed(4, "school-01AA00"), delivered(15), (75, Fact::Acknowledged { number: FIRST })],
    );
    assert_eq!(ending.month.to_string(), "2026-11");
    let signal = Signal {
        count: 1,
        municipality: Some(organisation(MUNICIPALITY)),
        school: Some(organisation("school-01AA00")),
        outcome: Outcome::Acknowledged,
        hops: [Some(60), Some(60), Some(120), Some(660), Some(3_600)],
        after: Some((10 * 3_600 + 15 * 60, false)),
    };
    assert_eq!(ending.signals, [signal]);
}

#[test]
fn r24_whoever_was_returned_and_sent_on_is_sent_once_to_the_school_that_has_the_child() {
    let ending = story(
        1,
        false,
        &[
            routed(4, "school-01AA00"),
            delivered(5),
            returned(6),
            routed(10, "school-02BB00"),
            delivered(12),
            (20, Fact::Acknowledged { number: FIRST }),
        ],
    );
    let [signal] = &ending.signals[..] else { panic!() };
    assert_eq!(signal.school, Some(organisation("school-02BB00")));
    assert_eq!(signal.hops, [Some(60), Some(60), Some(480), Some(120), Some(480)]);
    assert_eq!(signal.after, Some((3_600 + 12 * 60, false)));
}

#[test]
fn r24_whoever_was_returned_and_then_withheld_was_not_sent() {
    let withheld = Fact::Withheld { number: FIRST, reason: Withheld::EnrolmentUnknown };
    let ending = story(1, false, &[routed(4, "school-01AA00"), delivered(5), returned(6), (9, withheld)]);
    let [signal] = &ending.signals[..] else { panic!() };
    assert_eq!((&signal.school, signal.outcome), (&None, Outcome::Withheld(Withheld::EnrolmentUnknown)));
    assert_eq!((signal.hops[2], signal.after), (None, None));
}

#[test]
fn r24_whoever_was_recalled_from_its_school_was_sent_and_whoever_was_recalled_before_was_not() {
    let recalled = Fact::Recalled { number: FIRST, reason: Recalled::SentInError, by: Role::VeiligThuis };
    for (facts, sent) in [
        (vec![routed(4, "school-01AA00"), delivered(5), (6, recalled.clone())], true),
        (vec![routed(4, "school-01AA00"), (6, recalled.clone())], false),
        (vec![(6, recalled)], false),
    ] {
        let ending = story(1, false, &facts);
        let [signal] = &ending.signals[..] else { panic!() };
        assert_eq!(signal.school.is_some(), sent);
        assert_eq!(signal.outcome, Outcome::Recalled(Recalled::SentInError));
    }
}

#[test]
fn r26_a_bare_date_is_marked() {
    let ending = story(30, true, &[routed(4, "school-01AA00"), delivered(5)]);
    // It lies with the school and has no outcome yet: nothing that ends so is counted.
    assert_eq!(ending.signals, []);
    let expired = Fact::Expired { number: FIRST, reason: Expired::NotAcknowledged };
    let ending = story(30, true, &[routed(4, "school-01AA00"), delivered(5), (9, expired)]);
    assert_eq!(ending.signals[0].after, Some((30 * 3_600 + 300, true)));
}

#[test]
fn an_incident_that_ended_as_a_whole_counts_the_children_that_were_named_or_one() {
    let zone = Zone::amsterdam().unwrap();
    let recorded = Fact::Recorded {
        police: organisation("police-1"),
        veilig_thuis: organisation("veilig-thuis-1"),
        report: payload(),
        trace: None,
    };
    for (end, counted, outcome) in [
        (
            Fact::NotDomesticViolence { children: 3 },
            3,
            Outcome::ScreenedOut(ScreenedOut::NotDomesticViolence),
        ),
        (Fact::ReportExpired, 1, Outcome::Expired(Expired::NotScreened)),
    ] {
        let facts = [recorded.clone(), end, Fact::IncidentPurged];
        let events = facts.map(|fact| Event { at: morning(), fact });
        let ending = tally(&events, &zone).unwrap();
        let [signal] = &ending.signals[..] else { panic!() };
        assert_eq!((signal.count, signal.outcome, &signal.municipality), (counted, outcome, &None));
    }
}

#[test]
fn the_month_is_that_of_the_clock_on_the_wall() {
    let event = |at: &str| [Event { at: at.parse().unwrap(), fact: Fact::IncidentPurged }];
    let zone = Zone::amsterdam().unwrap();
    let month = |at: &str| tally(&event(at), &zone).unwrap().month.to_string();
    assert_eq!(month("2026-10-31T22:59:59Z"), "2026-10");
    assert_eq!(month("2026-10-31T23:00:00Z"), "2026-11");
}
