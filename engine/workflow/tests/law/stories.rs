//! The stories that the manual tells, from the report to the end.

use hwc_schemas::{
    outcome::{Expired, Outcome, Recalled, ScreenedOut, Withheld},
    wire::{Answer, Command, Expansion, Finding, Refusal, RouteWhy, Screening, Task},
};
use hwc_workflow::{BreachKind, Duty, Fact, Incident, law::Kind, state::SignalState};

use crate::world::{
    INTERVAL, Life, NOT_OF_AGE, incident_id, municipality, number, other_school, school, signal, veilig_thuis,
};

fn kinds(life: &Life) -> Vec<Kind> {
    life.events.iter().filter_map(|event| Kind::of(&event.fact)).collect()
}

fn tasks(life: &Life) -> Vec<(String, Task)> {
    let offers = life.duties().into_iter().filter_map(|duty| match duty {
        Duty::Offer { to, task } => Some((to.to_string(), task)),
        _ => None,
    });
    offers.collect()
}

#[test]
fn r8_r17_r21_an_ordinary_life_from_the_report_at_night_to_nothing_left_in_the_morning() {
    let mut life = Life::starting("2026-11-19T06:45");
    assert_eq!(life.record(), Answer::Recorded);
    assert_eq!(tasks(&life), [(veilig_thuis().to_string(), Task::Screen { incident: incident_id() })]);
    life.screen();
    life.expand(1, true);
    life.perform();
    assert_eq!(life.incident.payloads().len(), 1, "the report is gone, the referral is not");
    let route = Task::Route { signal: signal(0), round: 1, why: RouteWhy::New };
    assert_eq!(tasks(&life), [(municipality().to_string(), route)]);
    life.route(&school());
    assert_eq!(tasks(&life), [], "nobody is asked anything before the school's day");
    life.until("2026-11-19T08:00");
    let read = Task::Read { signal: signal(0), round: 1 };
    assert_eq!(tasks(&life), [(school().to_string(), read)]);
    life.open().unwrap();
    assert_eq!(life.acknowledge(), Answer::Recorded);
    assert_eq!(life.outcome(), Some(Outcome::Acknowledged));
    life.perform();
    assert_eq!(life.incident, Incident::Purged);
    assert_eq!(life.duties(), [Duty::Forget]);
    assert_eq!(
        kinds(&life),
        [
            Kind::Recorded,
            Kind::Screened,
            Kind::Expanded,
            Kind::Routed,
            Kind::Delivered,
            Kind::Opened,
            Kind::Acknowledged,
            Kind::Purged,
            Kind::IncidentPurged
        ]
    );
    assert!(
        life.told_since(0)
            .iter()
            .any(|(told, fact)| { told == "2026-11-19 07:00" && matches!(fact, Fact::Delivered { .. }) })
    );
}

#[test]
fn r8_a_late_report_is_still_useful_and_delivered_in_the_same_breath() {
    let mut life = Life::referred("2026-11-19T13:15", 1);
    life.route(&school());
    assert!(matches!(life.state(), SignalState::Delivered(delivered) if delivered.delivered_at == life.now));
}

#[test]
fn r9_a_report_that_does_not_qualify_ends_as_a_whole_without_a_look_up() {
    let mut life = Life::starting("2026-11-19T06:45");
    life.record();
    let screening = Screening::NotDomesticViolence { children: 2 };
    life.command(&veilig_thuis(), &Command::Screen { incident: incident_id(), screening });
    assert!(matches!(life.incident, Incident::Closed(_)));
    life.perform();
    assert_eq!(life.incident, Incident::Purged);
}

#[test]
fn r9_nobody_of_age_named_or_registered_ends_every_child_and_an_empty_house_ends_too() {
    let mut life = Life::starting("2026-11-19T06:45");
    life.record();
    life.screen();
    let out = Finding::ScreenedOut { reason: ScreenedOut::NoChildOfAge };
    let expansion =
        Expansion { first: 0, findings: vec![out.clone(), out], complete: true, interval: INTERVAL };
    life.command(&veilig_thuis(), &Command::Expand { incident: incident_id(), expansion });
    assert_eq!(life.incident_outcomes(), [Some(Outcome::ScreenedOut(ScreenedOut::NoChildOfAge)); 2]);
    life.perform();
    assert_eq!(life.incident, Incident::Purged);

    let mut empty = Life::referred("2026-11-19T06:45", 0);
    empty.perform();
    assert_eq!(empty.incident, Incident::Purged);
}

#[test]
fn r9_while_the_look_up_is_down_the_named_go_first_and_the_siblings_join_once() {
    let mut life = Life::starting("2026-11-19T09:00");
    life.record();
    life.screen();
    assert_eq!(life.expand(1, false), Answer::Recorded);
    let look_up = (veilig_thuis().to_string(), Task::LookUp { incident: incident_id() });
    assert!(tasks(&life).contains(&look_up));
    life.route(&school());
    life.open().unwrap();
    life.acknowledge();
    life.perform();
    assert!(matches!(life.state(), SignalState::Purged(_)), "one sibling holds nobody else up");
    assert!(matches!(life.incident, Incident::Expanded(_)), "the household is still to be looked up");
    let findings = vec![life.referral(), NOT_OF_AGE];
    let expansion = Expansion { first: 1, findings, complete: true, interval: INTERVAL };
    let join = Command::Expand { incident: incident_id(), expansion };
    assert_eq!(life.command(&veilig_thuis(), &join), Answer::Recorded);
    assert_eq!(life.command(&veilig_thuis(), &join), Answer::AlreadyRecorded);
    let outcomes = life.incident_outcomes();
    assert_eq!(
        outcomes,
        [Some(Outcome::Acknowledged), None, Some(Outcome::ScreenedOut(ScreenedOut::NotOfAge))]
    );
    assert!(!tasks(&life).contains(&look_up));
}

#[test]
fn r9_the_whole_household_submitted_after_the_named_went_first_doubles_nobody() {
    let mut life = Life::starting("2026-11-19T09:00");
    life.record();
    life.screen();
    life.expand(1, false);
    // Whoever screens it again, because the answer was lost, finds the look-up working.
    let findings = vec![life.referral(), life.referral()];
    let expansion = Expansion { first: 0, findings, complete: true, interval: INTERVAL };
    let all = Command::Expand { incident: incident_id(), expansion };
    assert_eq!(life.command(&veilig_thuis(), &all), Answer::AlreadyRecorded);
    assert_eq!(life.incident_outcomes(), [None]);
    let look_up = Task::LookUp { incident: incident_id() };
    assert!(tasks(&life).iter().any(|(_, task)| *task == look_up), "the others are still asked for");
}

#[test]
fn r9_when_the_look_up_never_comes_back_the_report_still_goes() {
    let mut life = Life::starting("2026-11-19T09:00");
    life.record();
    life.screen();
    life.expand(1, false);
    life.withhold(Withheld::EnrolmentUnknown);
    life.perform();
    assert!(matches!(life.incident, Incident::Expanded(_)));
    life.until("2026-12-17T09:00");
    life.perform();
    assert_eq!(life.incident, Incident::Purged);
    assert!(kinds(&life).contains(&Kind::ReportExpired));
}

#[test]
fn r24_returned_by_the_wrong_school_it_is_routed_afresh_to_another() {
    let mut life = Life::referred("2026-11-19T09:00", 1);
    life.perform();
    life.route(&other_school());
    let first = hwc_schemas::wire::Fetch::Letter { signal: signal(0), round: 1 };
    let letter = life.fetch(&other_school(), &first).unwrap();
    let give_back = Command::Return { signal: signal(0), round: 1 };
    assert_eq!(life.command(&other_school(), &give_back), Answer::Recorded);
    assert_eq!(life.command(&other_school(), &give_back), Answer::AlreadyRecorded);
    assert_eq!(life.outcome(), None, "on its way again, it has not ended");
    let duties = life.duties();
    assert!(duties.contains(&Duty::Erase { payload: letter }), "its copy is erased");
    let breach = duties.iter().find_map(|duty| match duty {
        Duty::RecordBreach { number, breach } => Some((*number, breach.kind, breach.opened)),
        _ => None,
    });
    assert_eq!(breach, Some((number(0), BreachKind::Returned, true)));
    let route = Task::Route { signal: signal(0), round: 2, why: RouteWhy::Returned };
    assert!(tasks(&life).contains(&(municipality().to_string(), route)));
    life.perform();
    let again = hwc_schemas::wire::Fetch::Referral { signal: signal(0), round: 2 };
    assert!(life.fetch(&municipality(), &again).is_ok(), "the municipality's copy is handed out again");
    assert_eq!(life.route(&school()), Answer::Recorded);
    let late = life.command(&other_school(), &Command::Acknowledge { signal: signal(0), round: 1 });
    assert_eq!(late, Answer::Refused { refusal: Refusal::Gone });
    life.open().unwrap();
    life.acknowledge();
    life.perform();
    assert_eq!(life.incident, Incident::Purged);
}

#[test]
fn r20_not_acknowledged_everybody_is_told_on_both_mornings_and_then_it_expires() {
    let mut life = Life::referred("2026-11-18T18:00", 1);
    life.route(&school());
    let seen = life.events.len();
    life.until("2026-11-30T00:00");
    let told: Vec<_> = life
        .told_since(seen)
        .into_iter()
        .map(|(at, fact)| match fact {
            Fact::Reminded { notice, .. } => (at, notice.as_str()),
            Fact::Delivered { .. } => (at, "delivered"),
            Fact::Expired { reason: Expired::NotAcknowledged, .. } => (at, "expired"),
            other => panic!("{other:?}"),
        })
        .collect();
    let morning = |day: &str| {
        ["08:15 remind_contact", "08:30 remind_backup", "10:00 receipt_missing"].map(|n| format!("{day} {n}"))
    };
    let mut expected = vec!["2026-11-19 07:00 delivered".to_owned()];
    expected.extend(["2026-11-19", "2026-11-20", "2026-11-23"].iter().flat_map(|day| morning(day)));
    expected.push("2026-11-23 17:00 expired".to_owned());
    assert_eq!(told.iter().map(|(at, what)| format!("{at} {what}")).collect::<Vec<_>>(), expected);
    life.perform();
    assert_eq!(life.incident, Incident::Purged);
}

#[test]
fn r20_delivered_late_the_municipality_hears_at_the_end_of_the_day_unless_it_was_opened() {
    for (opened, expected) in [
        (false, vec!["2026-11-19 17:00 still_unread", "2026-11-20 08:15 remind_contact"]),
        (true, vec!["2026-11-20 08:15 remind_contact"]),
    ] {
        let mut life = Life::referred("2026-11-19T13:15", 1);
        life.route(&school());
        if opened {
            life.open().unwrap();
        }
        let seen = life.events.len();
        life.until("2026-11-20T08:20");
        let told: Vec<_> = life
            .told_since(seen)
            .into_iter()
            .filter_map(|(at, fact)| match fact {
                Fact::Reminded { notice, .. } => Some(format!("{at} {}", notice.as_str())),
                _ => None,
            })
            .collect();
        assert_eq!(told, expected);
    }
}

#[test]
fn r20_notices_go_to_whom_they_concern_and_name_no_child() {
    let mut life = Life::referred("2026-11-18T18:00", 1);
    life.route(&school());
    life.until("2026-11-19T10:00");
    let notices = |life: &Life| {
        let mut all = tasks(life);
        all.retain(|(_, task)| matches!(task, Task::Notice { .. }));
        all.into_iter()
            .map(|(to, task)| (to, task.id().split('.').nth(3).unwrap().to_owned()))
            .collect::<Vec<_>>()
    };
    let morning = [
        (school().to_string(), "remind_contact".to_owned()),
        (school().to_string(), "remind_backup".to_owned()),
        (municipality().to_string(), "receipt_missing".to_owned()),
    ];
    assert_eq!(notices(&life), morning);
    life.until("2026-11-20T10:00");
    assert_eq!(notices(&life), morning, "yesterday's are not owed any more");
}

#[test]
fn r20_after_an_outage_only_the_latest_notice_of_each_kind_is_sent() {
    let mut life = Life::referred("2026-11-18T18:00", 1);
    life.route(&school());
    life.until("2026-11-19T07:30");
    let seen = life.events.len();
    life.now = crate::fixture::at("2026-11-20T09:00");
    life.look();
    let due: Vec<_> = life.events[seen..]
        .iter()
        .map(|event| match &event.fact {
            Fact::Reminded { notice, due, .. } => {
                format!("{} {}", life.world.calendar.local(*due).strftime("%F %R"), notice.as_str())
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        due,
        [
            "2026-11-19 10:00 receipt_missing",
            "2026-11-20 08:15 remind_contact",
            "2026-11-20 08:30 remind_backup"
        ]
    );
    assert_eq!(life.look(), []);
}

#[test]
fn r22_nothing_purged_says_more_than_how_it_ended() {
    let mut life = Life::referred("2026-11-19T09:00", 2);
    life.recall(&municipality());
    life.perform();
    let SignalState::Purged(outcome) = life.state() else { panic!("{:?}", life.state()) };
    assert_eq!(*outcome, Outcome::Recalled(Recalled::WrongSchool));
    let Incident::Expanded(expanded) = &life.incident else { panic!() };
    assert!(expanded.signals[0].erasing.is_empty() && expanded.signals[0].breaches.is_empty());
    assert_eq!(std::mem::size_of_val(outcome), std::mem::size_of::<Outcome>(), "an outcome and no more");
}
