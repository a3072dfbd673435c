//! One representative of every phase and of every guard within it.

use std::collections::BTreeMap;

use hwc_schemas::{
    outcome::{Outcome, Withheld},
    wire::{Answer, Command, Expansion, Finding, Screening},
};
use hwc_workflow::{
    Act, Done, Duty,
    state::{Incident, SignalState},
};

use crate::world::{INTERVAL, Life, NOT_OF_AGE, incident_id, municipality, school, veilig_thuis};

/// A Thursday with school, before the window and in it.
pub(crate) const EARLY: &str = "2026-11-19T06:30";
pub(crate) const MORNING: &str = "2026-11-19T09:00";

/// The incident as a whole.
pub(crate) const INCIDENTS: [&str; 11] = [
    "unknown",
    "recorded",
    "screened",
    "expanded_incomplete",
    "expanded",
    "expanded_empty",
    "closed_not_dv",
    "closed_not_dv_empty",
    "closed_expired",
    "closed_expired_empty",
    "purged",
];

/// One signal of an incident that has others.
pub(crate) const SIGNALS: [&str; 16] = [
    "referred",
    "routed",
    "delivered",
    "opened",
    "acknowledged",
    "acknowledged_free",
    "screened_out",
    "withheld",
    "withheld_free",
    "recalled",
    "recalled_unrecorded",
    "recalled_free",
    "expired",
    "expired_opened",
    "expired_free",
    "purged_signal",
];

/// An incident in this situation. A signal is in its second round, so that there is an older one and a newer one; its
/// incident still owes the look-up of the household, so that it is not over when the signal is.
pub(crate) fn situation(name: &str) -> Life {
    if SIGNALS.contains(&name) { of_signal(name) } else { of_incident(name) }
}

fn of_incident(name: &str) -> Life {
    let mut life = Life::starting(MORNING);
    if name == "unknown" {
        return life;
    }
    assert_eq!(life.record(), Answer::Recorded);
    match name {
        "recorded" => {}
        "screened" => assert_eq!(life.screen(), Answer::Recorded),
        "expanded_incomplete" | "expanded" => {
            life.screen();
            assert_eq!(life.expand(1, name == "expanded"), Answer::Recorded);
        }
        "expanded_empty" => {
            // Nothing is left, but nobody has looked: no decision leaves it so, and the page must still be right.
            life.screen();
            life.expand(0, true);
            let Incident::Expanded(expanded) = &mut life.incident else { panic!() };
            expanded.erasing.clear();
        }
        "closed_not_dv" | "closed_not_dv_empty" => {
            let screening = Screening::NotDomesticViolence { children: 2 };
            let screen = Command::Screen { incident: incident_id(), screening };
            assert_eq!(life.command(&veilig_thuis(), &screen), Answer::Recorded);
        }
        "closed_expired" | "closed_expired_empty" => life.until("2027-01-01T00:00"),
        "purged" => {
            life.until("2027-01-01T00:00");
            life.perform();
        }
        _ => panic!("no such situation: {name}"),
    }
    if name.starts_with("closed") && name.ends_with("_empty") {
        let Incident::Closed(closed) = &mut life.incident else { panic!() };
        closed.erasing.clear();
    }
    life
}

fn of_signal(name: &str) -> Life {
    let mut life = Life::starting(MORNING);
    life.record();
    life.screen();
    if name == "screened_out" {
        let expansion =
            Expansion { first: 0, findings: vec![NOT_OF_AGE], complete: false, interval: INTERVAL };
        life.command(&veilig_thuis(), &Command::Expand { incident: incident_id(), expansion });
        // Nobody had anything of it, so it was purged in the same breath; take it as it was before that.
        let (purged, before) = life.events.split_last().unwrap();
        assert_eq!(purged.at, life.now);
        life.incident = replay(before);
        life.events.pop();
        return life;
    }
    life.expand(1, false);
    second_round(&mut life);
    advance(&mut life, name);
    if name.ends_with("_free") {
        // As if the last duty were done and nobody had looked.
        let Incident::Expanded(expanded) = &mut life.incident else { panic!() };
        expanded.signals[0].erasing.clear();
        expanded.signals[0].breaches.clear();
    }
    life
}

/// Delivered to the school, returned by it, and with the municipality again.
fn second_round(life: &mut Life) {
    assert_eq!(life.route(&school()), Answer::Recorded);
    life.open().unwrap();
    assert_eq!(life.give_back(), Answer::Recorded);
    life.perform();
    assert_eq!(life.round(), 2);
}

fn advance(life: &mut Life, name: &str) {
    match name {
        "referred" => {}
        "routed" => {
            life.until("2026-11-19T17:30");
            assert_eq!(life.route(&school()), Answer::Recorded);
        }
        "withheld" | "withheld_free" => {
            assert_eq!(life.withhold(Withheld::EnrolmentUnknown), Answer::Recorded);
        }
        _ => {
            assert_eq!(life.route(&school()), Answer::Recorded);
            assert!(matches!(life.state(), SignalState::Delivered(_)));
            if !matches!(name, "delivered" | "expired" | "expired_free") {
                life.open().unwrap();
            }
        }
    }
    match name {
        "acknowledged" | "acknowledged_free" | "purged_signal" => {
            assert_eq!(life.acknowledge(), Answer::Recorded);
        }
        "recalled" | "recalled_unrecorded" | "recalled_free" => {
            assert_eq!(life.recall(&municipality()), Answer::Recorded);
        }
        "expired" | "expired_opened" | "expired_free" => life.until("2026-11-23T17:00"),
        _ => {}
    }
    if name == "recalled_unrecorded" {
        for duty in life.duties() {
            if let Duty::Erase { payload } = duty {
                life.act(Act::Done(Done::Erased(payload))).unwrap();
            }
        }
    }
    if name == "purged_signal" {
        life.perform();
        assert!(matches!(life.state(), SignalState::Purged(Outcome::Acknowledged)));
    }
}

/// Compares what is answered in each situation with a table: a line for each situation, a column for each way of asking.
/// Where the table says nothing, every answer is `gone`.
pub(crate) fn compare(table: &str, situations: &[&str], answers: impl Fn(&str) -> Vec<&'static str>) {
    let rows = table.lines().map(str::split_whitespace);
    let mut rows: BTreeMap<&str, Vec<&str>> =
        rows.filter_map(|mut row| Some((row.next()?, row.collect()))).collect();
    let mut differing = Vec::new();
    for name in situations {
        let told = answers(name);
        let expected = rows.remove(name).unwrap_or(vec!["gone"; told.len()]);
        if told != expected {
            differing.push(format!("{name}  {}", told.join("  ")));
        }
    }
    assert!(differing.is_empty(), "these answer otherwise:\n{}", differing.join("\n"));
    assert!(rows.is_empty(), "no such situations: {rows:?}");
}

/// The state that events lead to.
pub(crate) fn replay(events: &[hwc_workflow::Event]) -> Incident {
    events.iter().fold(Incident::Unknown, |incident, event| hwc_workflow::evolve(incident, event).unwrap())
}

#[test]
fn every_situation_is_what_its_name_says() {
    for name in INCIDENTS.into_iter().chain(SIGNALS) {
        let life = situation(name);
        let phase = match &life.incident {
            Incident::Expanded(expanded) if SIGNALS.contains(&name) => expanded.signals[0].phase(),
            incident => incident.phase(),
        };
        let phase = format!("{phase:?}").to_lowercase();
        let named = match name {
            "referred" => "expanded",
            "opened" => "delivered",
            "screened_out" | "closed_not_dv" | "closed_not_dv_empty" => "screenedout",
            "closed_expired" | "closed_expired_empty" => "expired",
            "purged_signal" => "purged",
            other => other.split('_').next().unwrap(),
        };
        assert_eq!(phase, named, "{name}");
    }
}

#[test]
fn r9_a_child_that_counts_nowhere_is_one_signal_too_and_purged_in_the_same_breath() {
    let mut life = Life::starting(EARLY);
    life.record();
    life.screen();
    let findings = vec![NOT_OF_AGE, Finding::NotParticipating];
    let expansion = Expansion { first: 0, findings, complete: true, interval: INTERVAL };
    life.command(&veilig_thuis(), &Command::Expand { incident: incident_id(), expansion });
    assert_eq!(life.incident_outcomes().len(), 2);
    assert_eq!(life.recall(&municipality()), Answer::Refused { refusal: hwc_schemas::wire::Refusal::Gone });
    life.perform();
    assert_eq!(life.incident, Incident::Purged);
}
