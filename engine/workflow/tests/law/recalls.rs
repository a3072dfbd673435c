//! Recall in every state, and the breach that is kept of it (R24).

use hwc_schemas::outcome::{Outcome, Recalled};
use hwc_schemas::wire::Answer;
use hwc_workflow::{Breach, BreachKind, Done, Duty, Incident, law::Phase, state::SignalState};

use crate::{
    situations::situation,
    world::{Life, municipality, number, school, veilig_thuis},
};

fn breaches(life: &Life) -> Vec<Breach> {
    let Incident::Expanded(expanded) = &life.incident else { return Vec::new() };
    expanded.signals[0].breaches.clone()
}

const RECALLED: BreachKind = BreachKind::Recalled(Recalled::WrongSchool);

#[test]
fn r24_in_every_state_its_ciphertexts_go_at_once_and_it_is_said_whether_it_had_been_opened() {
    for (name, opened) in [
        ("referred", false),
        ("routed", false),
        ("delivered", false),
        ("opened", true),
        ("acknowledged", true),
        ("expired", false),
        ("expired_opened", true),
    ] {
        for from in [municipality(), veilig_thuis()] {
            let mut life = situation(name);
            let held = life.incident.payloads();
            assert_eq!(life.recall(&from), Answer::Recorded, "{name}");
            assert_eq!(life.outcome(), Some(Outcome::Recalled(Recalled::WrongSchool)));
            let kept = breaches(&life);
            assert_eq!(
                kept.iter().map(|b| (b.kind, b.opened)).collect::<Vec<_>>(),
                [(RECALLED, opened)],
                "{name}"
            );
            let erasing: Vec<_> = life
                .duties()
                .into_iter()
                .filter_map(|duty| if let Duty::Erase { payload } = duty { Some(payload) } else { None })
                .collect();
            let Incident::Expanded(expanded) = &life.incident else { panic!() };
            let still_owed: Vec<_> = held.into_iter().filter(|one| Some(*one) != expanded.report).collect();
            assert_eq!(erasing, still_owed, "{name}");
            life.perform();
            assert!(matches!(life.state(), SignalState::Purged(Outcome::Recalled(_))));
        }
    }
}

#[test]
fn r24_a_signal_is_not_purged_before_its_breach_is_on_record() {
    let mut life = Life::referred("2026-11-19T09:00", 1);
    life.recall(&municipality());
    for duty in life.duties() {
        if let Duty::Erase { payload } = duty {
            life.act(hwc_workflow::Act::Done(Done::Erased(payload))).unwrap();
        }
    }
    assert!(matches!(life.state(), SignalState::Ended(_)));
    let breach = breaches(&life)[0];
    let done = Done::BreachRecorded(number(0), breach);
    assert_eq!(
        life.act(hwc_workflow::Act::Done(done)).unwrap().len(),
        3,
        "recorded, purged, and the incident too"
    );
    assert_eq!(life.incident, Incident::Purged);
}

#[test]
fn r24_returned_and_then_recalled_are_two_breaches_and_each_is_recorded_by_itself() {
    let mut life = Life::referred("2026-11-19T09:00", 1);
    life.route(&school());
    life.open().unwrap();
    life.give_back();
    life.recall(&municipality());
    let [returned, recalled] = breaches(&life)[..] else { panic!() };
    assert_eq!((returned.kind, recalled.kind), (BreachKind::Returned, RECALLED));
    let record = |breach| Duty::RecordBreach { number: number(0), breach };
    assert!(life.duties().contains(&record(returned)) && !life.duties().contains(&record(recalled)));
    // Somebody else recorded the first already: the same again is not the second.
    let first = Done::BreachRecorded(number(0), returned);
    assert_eq!(life.act(hwc_workflow::Act::Done(first)).unwrap().len(), 1);
    assert_eq!(life.act(hwc_workflow::Act::Done(first)).unwrap(), []);
    assert_eq!(breaches(&life), [recalled]);
}

#[test]
fn r24_two_returns_at_one_moment_are_two_breaches() {
    let mut life = Life::referred("2026-11-19T09:00", 1);
    for _ in 0..2 {
        life.route(&school());
        life.open().unwrap();
        assert_eq!(life.give_back(), Answer::Recorded);
    }
    assert_eq!(breaches(&life).len(), 2);
    let done = |life: &Life| life.duties().iter().filter_map(Done::of).collect::<Vec<_>>();
    let recorded = |life: &mut Life| {
        let breach = done(life).into_iter().find(|done| matches!(done, Done::BreachRecorded(..))).unwrap();
        life.act(hwc_workflow::Act::Done(breach)).unwrap();
    };
    recorded(&mut life);
    assert_eq!(breaches(&life).len(), 1, "the second is still owed, though it looks the same");
    recorded(&mut life);
    assert_eq!(breaches(&life), []);
}

#[test]
fn r24_what_was_recalled_stays_recalled_whatever_the_reason_given_again() {
    let mut life = situation("recalled");
    let again =
        hwc_schemas::wire::Command::Recall { signal: crate::world::signal(0), reason: Recalled::SentInError };
    assert_eq!(life.command(&veilig_thuis(), &again), Answer::AlreadyRecorded);
    assert_eq!(life.outcome(), Some(Outcome::Recalled(Recalled::WrongSchool)));
    assert_eq!(breaches(&life).len(), 1);
}

#[test]
fn r24_a_recall_of_one_child_touches_no_other() {
    let mut life = Life::referred("2026-11-19T09:00", 3);
    life.recall(&municipality());
    let Incident::Expanded(expanded) = &life.incident else { panic!() };
    let phases: Vec<_> = expanded.signals.iter().map(hwc_workflow::state::Signal::phase).collect();
    assert_eq!(phases, [Phase::Recalled, Phase::Expanded, Phase::Expanded]);
}
