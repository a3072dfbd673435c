//! Every phase meets every kind of event: what is on the page can happen, and nothing else can.

use std::{collections::BTreeSet, fmt::Write as _};

use hwc_schemas::{
    PayloadId, Role, SignalNumber,
    outcome::{Expired, Recalled, ScreenedOut, Withheld},
    wire::Notice,
};
use hwc_workflow::{
    Event, Fact, Found, Incident, evolve,
    law::{self, EDGES, Edge, Kind, Phase},
};

use crate::{
    page::committed,
    situations::{INCIDENTS, SIGNALS, situation},
    world::{INTERVAL, Life, municipality, number, payload, police, school, veilig_thuis},
};

/// One of each fact, as it would be about this signal and this ciphertext.
fn facts(number: SignalNumber, owed: PayloadId) -> Vec<(&'static str, Fact)> {
    let referral = payload(900);
    let found = vec![
        Found::Referred { municipality: municipality(), referral },
        Found::ScreenedOut { reason: ScreenedOut::NotOfAge },
        Found::NotParticipating,
    ];
    let due = "2026-11-20T07:15:00Z".parse().unwrap();
    vec![
        (
            "recorded",
            Fact::Recorded {
                police: police(),
                veilig_thuis: veilig_thuis(),
                report: payload(901),
                trace: None,
            },
        ),
        ("screened", Fact::Screened),
        ("not_domestic_violence", Fact::NotDomesticViolence { children: 2 }),
        ("expanded", Fact::Expanded { found: found.clone(), complete: true, interval: INTERVAL }),
        ("joined", Fact::Joined { found }),
        ("report_expired", Fact::ReportExpired),
        ("routed", Fact::Routed { number, school: school(), letter: payload(902) }),
        ("withheld", Fact::Withheld { number, reason: Withheld::EnrolmentUnknown }),
        ("look_up_again", Fact::LookUpAgain { number }),
        ("delivered", Fact::Delivered { number }),
        ("opened", Fact::Opened { number }),
        ("reminded", Fact::Reminded { number, notice: Notice::RemindContact, due }),
        ("acknowledged", Fact::Acknowledged { number }),
        ("returned", Fact::Returned { number }),
        ("recalled", Fact::Recalled { number, reason: Recalled::SentInError, by: Role::VeiligThuis }),
        ("expired", Fact::Expired { number, reason: Expired::NotAcknowledged }),
        ("purged", Fact::Purged { number }),
        ("incident_purged", Fact::IncidentPurged),
        ("erased", Fact::Erased { payload: owed }),
        ("breach_recorded", Fact::BreachRecorded { number }),
    ]
}

/// What became of one event in one situation.
struct Cell {
    kind: Option<Kind>,
    name: &'static str,
    from: Phase,
    /// Where it led: the phase of the signal or the incident, then those of the children that it brought.
    to: Option<Vec<Phase>>,
}

fn phases(incident: &Incident, of_signal: bool) -> Vec<Phase> {
    match incident {
        Incident::Expanded(expanded) if of_signal => vec![expanded.signals[0].phase()],
        _ => vec![incident.phase()],
    }
}

fn row(name: &str) -> Vec<Cell> {
    let life = situation(name);
    let of_signal = SIGNALS.contains(&name);
    let from = phases(&life.incident, of_signal)[0];
    let about = facts(number(if of_signal { 0 } else { 9 }), owed(&life));
    let about = about.into_iter().filter(|(_, fact)| !of_signal || is_of_signal(fact));
    about
        .map(|(name, fact)| {
            let kind = Kind::of(&fact);
            let event = Event { at: life.now, fact };
            let to = evolve(life.incident.clone(), &event).ok().map(|next| {
                let mut to = phases(&next, of_signal);
                if !of_signal {
                    to.extend(newcomers(&life.incident, &next));
                }
                to
            });
            Cell { kind, name, from, to }
        })
        .collect()
}

fn newcomers(before: &Incident, after: &Incident) -> Vec<Phase> {
    let signals = |incident: &Incident| match incident {
        Incident::Expanded(expanded) => {
            expanded.signals.iter().map(hwc_workflow::state::Signal::phase).collect()
        }
        _ => Vec::new(),
    };
    signals(after).split_off(signals(before).len())
}

/// A ciphertext that is to be erased, if there is one.
fn owed(life: &Life) -> PayloadId {
    let erasing = match &life.incident {
        Incident::Closed(closed) => closed.erasing.first(),
        Incident::Expanded(expanded) => {
            expanded.signals.iter().flat_map(|signal| &signal.erasing).chain(&expanded.erasing).next()
        }
        _ => None,
    };
    erasing.copied().unwrap_or(payload(999))
}

fn is_of_signal(fact: &Fact) -> bool {
    fact.number().is_some() || matches!(fact, Fact::Erased { .. })
}

fn edges(from: Phase, on: Kind) -> Vec<&'static Edge> {
    EDGES.iter().filter(|edge| edge.from == from && edge.on == on).collect()
}

#[test]
fn what_is_not_on_the_page_cannot_happen_and_what_happens_leads_where_the_page_says() {
    for name in INCIDENTS.into_iter().chain(SIGNALS) {
        for cell in row(name) {
            let Some(kind) = cell.kind else { continue };
            let edges = edges(cell.from, kind);
            for to in cell.to.iter().flatten() {
                assert!(edges.iter().any(|edge| edge.to == *to), "{name} on {}: to {to:?}", cell.name);
            }
            assert_eq!(law::allows(cell.from, kind), !edges.is_empty());
        }
    }
}

#[test]
fn every_edge_of_the_page_is_walked_by_some_situation() {
    let mut walked = BTreeSet::new();
    for name in INCIDENTS.into_iter().chain(SIGNALS) {
        for cell in row(name) {
            let to = cell.to.into_iter().flatten();
            walked.extend(to.filter_map(|to| Some((cell.from, cell.kind?, to))));
        }
    }
    for edge in EDGES {
        assert!(walked.contains(&(edge.from, edge.on, edge.to)), "nothing walks {edge:?}");
    }
}

#[test]
fn an_event_of_a_signal_that_is_not_there_cannot_happen() {
    for name in INCIDENTS {
        let life = situation(name);
        for (fact_name, fact) in facts(number(9), payload(999)) {
            if is_of_signal(&fact) {
                let event = Event { at: life.now, fact };
                assert!(evolve(life.incident.clone(), &event).is_err(), "{name}: {fact_name}");
            }
        }
    }
}

#[test]
fn a_purged_signal_and_a_purged_incident_know_no_event_at_all() {
    for name in ["purged", "purged_signal"] {
        for cell in row(name) {
            assert!(cell.to.is_none(), "{name}: {}", cell.name);
        }
    }
}

#[test]
fn the_whole_matrix_is_as_committed() {
    let mut text =
        String::from("# What every event does in every situation; what is not listed is out of order.\n");
    for name in INCIDENTS.into_iter().chain(SIGNALS) {
        writeln!(text, "\n{name}").unwrap();
        for cell in row(name) {
            match (&cell.to, cell.kind) {
                (Some(to), _) => {
                    let to: Vec<_> = to.iter().map(|phase| format!("{phase:?}")).collect();
                    writeln!(text, "  {:<21} {}", cell.name, to.join(" + ")).unwrap();
                }
                (None, Some(kind)) if law::allows(cell.from, kind) => {
                    writeln!(text, "  {:<21} out of order: on the page, but not in this state", cell.name)
                        .unwrap();
                }
                _ => {}
            }
        }
    }
    committed("tests/law/matrix.txt", &text);
}
