//! What a watcher is told: every step is an edge of the page, and says how long it took.

use hwc_schemas::{
    SignalNumber, TraceId,
    outcome::{Outcome, Recalled, ScreenedOut},
    wire::{Command, Expansion, Screening},
};
use hwc_workflow::{
    Act, Incident, Step, Trail, evolve,
    law::{Kind, Phase, allows},
};
use jiff::SignedDuration;

use crate::world::{
    INTERVAL, Life, NOT_OF_AGE, incident_id, municipality, number, police, school, veilig_thuis,
};

fn steps(life: &Life) -> Vec<Step> {
    let (mut incident, mut trail) = (Incident::Unknown, Trail::default());
    let mut steps = Vec::new();
    for event in &life.events {
        incident = evolve(incident, event).unwrap();
        steps.extend(trail.walk(event, &incident));
    }
    assert_eq!(incident, life.incident);
    for step in &steps {
        assert!(allows(step.from, step.on) && !step.rules().is_empty(), "no such edge: {step:?}");
        assert!(step.began <= step.since && step.since <= step.at, "{step:?}");
    }
    steps
}

fn of(steps: &[Step], signal: Option<SignalNumber>) -> Vec<(Kind, Phase)> {
    steps.iter().filter(|step| step.signal == signal).map(|step| (step.on, step.to)).collect()
}

fn one(steps: &[Step], signal: usize, on: Kind) -> &Step {
    let mut found = steps.iter().filter(|step| step.signal == Some(number(signal)) && step.on == on);
    let step = found.next().unwrap();
    assert!(found.next().is_none(), "twice: {step:?}");
    step
}

#[test]
fn each_child_has_a_way_of_its_own_from_the_moment_it_is_known() {
    let mut life = Life::starting("2026-11-19T06:45");
    life.record();
    life.screen();
    life.until("2026-11-19T06:50");
    let findings = vec![life.referral(), NOT_OF_AGE];
    let expansion = Expansion { first: 0, findings, complete: true, interval: INTERVAL };
    life.command(&veilig_thuis(), &Command::Expand { incident: incident_id(), expansion });
    life.route(&school());
    life.until("2026-11-19T08:00");
    life.open().unwrap();
    life.acknowledge();
    life.perform();
    let steps = steps(&life);
    let whole = [
        (Kind::Recorded, Phase::Recorded),
        (Kind::Screened, Phase::Screened),
        (Kind::Expanded, Phase::Expanded),
        (Kind::IncidentPurged, Phase::Purged),
    ];
    assert_eq!(of(&steps, None), whole);
    let first = [
        (Kind::Expanded, Phase::Expanded),
        (Kind::Routed, Phase::Routed),
        (Kind::Delivered, Phase::Delivered),
        (Kind::Opened, Phase::Delivered),
        (Kind::Acknowledged, Phase::Acknowledged),
        (Kind::Purged, Phase::Purged),
    ];
    assert_eq!(of(&steps, Some(number(0))), first);
    assert_eq!(
        of(&steps, Some(number(1))),
        [(Kind::Expanded, Phase::ScreenedOut), (Kind::Purged, Phase::Purged)]
    );
    let found = one(&steps, 0, Kind::Expanded);
    assert_eq!(
        (found.from, found.at.duration_since(found.since)),
        (Phase::Screened, SignedDuration::from_mins(5))
    );
    let acknowledged = one(&steps, 0, Kind::Acknowledged);
    // It was with its school since 07:00, whenever it was opened.
    assert_eq!(acknowledged.at.duration_since(acknowledged.since), SignedDuration::from_hours(1));
    assert_eq!(one(&steps, 0, Kind::Purged).ended(), Some((Outcome::Acknowledged, 1)));
    assert_eq!(one(&steps, 1, Kind::Purged).ended(), Some((Outcome::ScreenedOut(ScreenedOut::NotOfAge), 1)));
    assert_eq!(steps.iter().filter_map(Step::ended).count(), 2, "the incident's own end counts nobody twice");
}

#[test]
fn what_was_recalled_after_it_was_acknowledged_ended_as_recalled_and_only_so() {
    let mut life = Life::referred("2026-11-19T07:45", 1);
    life.route(&school());
    life.open().unwrap();
    life.acknowledge();
    life.recall(&municipality());
    life.perform();
    let ended: Vec<_> = steps(&life).iter().filter_map(Step::ended).collect();
    assert_eq!(ended, [(Outcome::Recalled(Recalled::WrongSchool), 1)]);
}

#[test]
fn an_incident_that_does_not_qualify_ends_as_many_signals_as_were_named() {
    let mut life = Life::starting("2026-11-19T07:45");
    life.record();
    let screening = Screening::NotDomesticViolence { children: 3 };
    life.command(&veilig_thuis(), &Command::Screen { incident: incident_id(), screening });
    life.perform();
    let ended: Vec<_> = steps(&life).iter().filter_map(Step::ended).collect();
    assert_eq!(ended, [(Outcome::ScreenedOut(ScreenedOut::NotDomesticViolence), 3)]);
}

#[test]
fn the_trace_is_what_the_caller_drew_and_the_first_report_keeps_it() {
    let drawn = |byte| TraceId::from_bytes([byte; 16]);
    let mut life = Life::starting("2026-11-19T07:45");
    for byte in [1, 2] {
        let (day, report) = (life.today(), life.new_payload());
        let command = Command::Record { incident: incident_id(), day, report };
        life.act(Act::Command { from: &police(), command: &command, trace: drawn(byte) }).unwrap();
    }
    assert_eq!(life.incident.trace(), drawn(1));
    life.screen();
    life.expand(1, true);
    assert_eq!(life.incident.trace(), drawn(1));
    let mut trail = Trail::default();
    trail.walk(&life.events[0], &life.incident);
    assert_eq!(trail.trace(), drawn(1));
}
