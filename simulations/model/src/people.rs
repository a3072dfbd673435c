//! What organisations ask: the ordinary course, the other choices that they have, what they ask again, and one who asks for
//! what is not theirs.

use std::fmt;

use hwc_schemas::{
    Organisation, PayloadId,
    outcome::{Recalled, Withheld},
    wire::{Command, Expansion, Fetch, Finding, Interval, RouteWhy, Screening, Sealed, Task},
};
use hwc_workflow::{Event, Fact, Incident, state::SignalState};

use crate::{
    bounds::{Choice, Fault},
    outside::Outside,
    region::{INCIDENT, Kind, MOMENTS, Scene, signal},
};

/// What somebody asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Ask {
    Record,
    Screen,
    NotQualifying,
    /// So many children, after so many that went before; all of them now, or not.
    Expand {
        first: u16,
        children: u16,
        complete: bool,
    },
    Route(u16, u16),
    Withhold(u16, u16),
    Open(u16, u16),
    Acknowledge(u16, u16),
    Return(u16, u16),
    Recall(u16),
    /// By the other school.
    WrongOpen(u16, u16),
    /// By the other school.
    WrongAcknowledge(u16, u16),
}

/// How an organisation comes to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// It is the ordinary course.
    Ordinary,
    /// It may choose to.
    Choice,
    /// It costs a fault.
    Fault,
}

/// What goes into the driver.
pub(crate) enum Knock {
    Command(Command<PayloadId>, Vec<(PayloadId, Sealed)>),
    Fetch(Fetch),
}

impl Ask {
    /// Who asks.
    pub(crate) fn from(self, scene: &Scene) -> &Organisation {
        match self {
            Self::Record => &scene.police,
            Self::Screen | Self::NotQualifying | Self::Expand { .. } => &scene.veilig_thuis,
            Self::Route(..) | Self::Withhold(..) | Self::Recall(_) => &scene.municipality,
            Self::Open(child, round) | Self::Acknowledge(child, round) | Self::Return(child, round) => {
                of(scene, child, round)
            }
            Self::WrongOpen(child, round) | Self::WrongAcknowledge(child, round) => {
                of(scene, child, round + 1)
            }
        }
    }

    /// The ciphertexts that come with it.
    pub(crate) fn carries(self) -> Vec<Kind> {
        match self {
            Self::Record => vec![Kind::Report],
            Self::Expand { first, children, .. } => (first..first + children).map(Kind::Referral).collect(),
            Self::Route(child, _) => vec![Kind::Letter(child)],
            _ => Vec::new(),
        }
    }

    /// The command or fetch itself, with these names for its ciphertexts. None for a child that cannot be.
    pub(crate) fn knock(self, payloads: &[PayloadId], scene: &Scene) -> Option<Knock> {
        let incident = INCIDENT;
        let command = match self {
            Self::Record => Command::Record { incident, day: MOMENTS[0].0, report: *payloads.first()? },
            Self::Screen => Command::Screen { incident, screening: Screening::Qualifies },
            Self::NotQualifying => {
                Command::Screen { incident, screening: Screening::NotDomesticViolence { children: 1 } }
            }
            Self::Expand { first, complete, .. } => {
                let municipality = || scene.municipality.clone();
                let refer = |referral: &PayloadId| Finding::Refer {
                    municipality: municipality(),
                    referral: *referral,
                };
                let findings = payloads.iter().map(refer).collect();
                let interval = Interval { seconds: 3600, date_only: false };
                Command::Expand { incident, expansion: Expansion { first, findings, complete, interval } }
            }
            Self::Route(child, round) => Command::Route {
                signal: signal(child)?,
                round,
                school: of(scene, child, round).clone(),
                letter: *payloads.first()?,
            },
            Self::Withhold(child, round) => {
                Command::Withhold { signal: signal(child)?, round, reason: Withheld::EnrolmentUnknown }
            }
            Self::Acknowledge(child, round) | Self::WrongAcknowledge(child, round) => {
                Command::Acknowledge { signal: signal(child)?, round }
            }
            Self::Return(child, round) => Command::Return { signal: signal(child)?, round },
            Self::Recall(child) => Command::Recall { signal: signal(child)?, reason: Recalled::WrongSchool },
            Self::Open(child, round) | Self::WrongOpen(child, round) => {
                return Some(Knock::Fetch(Fetch::Letter { signal: signal(child)?, round }));
            }
        };
        let sealed = payloads.iter().map(|payload| (*payload, Sealed::new(Vec::new()))).collect();
        Some(Knock::Command(command, sealed))
    }

    /// Whether this event is what was asked for, with these ciphertexts.
    pub(crate) fn is_done_by(self, event: &Event, payloads: &[PayloadId]) -> bool {
        let child = event.fact.number().map(hwc_schemas::SignalNumber::index);
        let of_child = |asked: u16| child == Some(usize::from(asked));
        match (self, &event.fact) {
            (Self::Record, Fact::Recorded { report, .. }) => payloads == [*report],
            (Self::Screen, Fact::Screened)
            | (Self::NotQualifying, Fact::NotDomesticViolence { .. })
            | (Self::Expand { first: 0, .. }, Fact::Expanded { .. }) => true,
            (Self::Expand { first, .. }, Fact::Joined { .. }) => first > 0,
            (Self::Route(asked, _), Fact::Routed { letter, .. }) => of_child(asked) && payloads == [*letter],
            // What the calendar forbids needs no letter (R18, R19).
            (Self::Route(asked, _) | Self::Withhold(asked, _), Fact::Withheld { .. })
            | (Self::Acknowledge(asked, _), Fact::Acknowledged { .. })
            | (Self::Return(asked, _), Fact::Returned { .. })
            | (Self::Recall(asked), Fact::Recalled { .. }) => of_child(asked),
            _ => false,
        }
    }

    /// Whether nobody must ever be told that it was done.
    pub(crate) const fn is_hostile(self) -> bool {
        matches!(self, Self::WrongOpen(..) | Self::WrongAcknowledge(..))
    }

    /// The child and the round of a school's fetch.
    pub(crate) const fn letter(self) -> Option<(u16, u16)> {
        match self {
            Self::Open(child, round) | Self::WrongOpen(child, round) => Some((child, round)),
            _ => None,
        }
    }
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let child = |child: &u16| child + 1;
        match self {
            Self::Record => f.write_str("the police report"),
            Self::Screen => f.write_str("Veilig Thuis says that it qualifies"),
            Self::NotQualifying => f.write_str("Veilig Thuis says that it does not qualify"),
            Self::Expand { children, complete, .. } => {
                let rest = if *complete { "" } else { ", others may follow" };
                write!(f, "Veilig Thuis refers {children} children{rest}")
            }
            Self::Route(c, round) => write!(f, "the municipality routes child {} (round {round})", child(c)),
            Self::Withhold(c, round) => {
                write!(f, "the municipality withholds child {} (round {round})", child(c))
            }
            Self::Open(c, round) => {
                write!(f, "the school opens the letter of child {} (round {round})", child(c))
            }
            Self::Acknowledge(c, round) => {
                write!(f, "the school acknowledges child {} (round {round})", child(c))
            }
            Self::Return(c, round) => write!(f, "the school returns child {} (round {round})", child(c)),
            Self::Recall(c) => write!(f, "the municipality recalls child {}", child(c)),
            Self::WrongOpen(c, round) => {
                write!(f, "another school opens the letter of child {} (round {round})", child(c))
            }
            Self::WrongAcknowledge(c, round) => {
                write!(f, "another school acknowledges child {} (round {round})", child(c))
            }
        }
    }
}

/// Each child has a school of its own; what one school gave back goes to the other.
fn of(scene: &Scene, child: u16, round: u16) -> &Organisation {
    &scene.schools[usize::from((child + round - 1) % 2)]
}

/// Whatever may be asked now, and why. The ordinary is what a task asks for that was offered and is still owed.
pub(crate) fn asks(outside: &Outside, moment: usize, scene: &Scene) -> Vec<(Ask, Why)> {
    let bounds = &scene.bounds;
    let mut asks = Vec::new();
    let choice = |allowed: bool, ask, asks: &mut Vec<_>| {
        if allowed {
            asks.push((ask, Why::Choice));
        }
    };
    let children = bounds.children;
    let incident = INCIDENT;
    let log = &outside.log;
    let all = Ask::Expand { first: 0, children, complete: true };
    match &log.truth {
        Incident::Unknown if moment == 0 => asks.push((Ask::Record, Why::Ordinary)),
        Incident::Recorded(_) if outside.tasks.contains(&Task::Screen { incident }) => {
            asks.push((Ask::Screen, Why::Ordinary));
            choice(bounds.allows(Choice::NotQualifying), Ask::NotQualifying, &mut asks);
        }
        Incident::Screened(_) if outside.tasks.contains(&Task::Screen { incident }) => {
            asks.push((all, Why::Ordinary));
            let one = Ask::Expand { first: 0, children: 1, complete: false };
            choice(bounds.allows(Choice::SiblingLater) && children > 1, one, &mut asks);
        }
        Incident::Expanded(expanded) => {
            if expanded.report.is_some() && outside.tasks.contains(&Task::LookUp { incident }) {
                asks.push((Ask::Expand { first: 1, children: 1, complete: true }, Why::Ordinary));
            }
            for (child, one) in (0..).zip(&expanded.signals) {
                of_child(child, &one.state, outside, scene, &mut asks);
            }
        }
        _ => {}
    }
    if bounds.may(Fault::Again) {
        let free: Vec<Ask> = asks.iter().map(|(ask, _)| *ask).collect();
        asks.extend(
            said(outside, scene).into_iter().filter(|ask| !free.contains(ask)).map(|ask| (ask, Why::Fault)),
        );
    }
    if bounds.may(Fault::Hostile) {
        // The second school on the first child; the children are alike.
        if let Some(round) = last_round(outside, 0) {
            asks.push((Ask::WrongAcknowledge(0, round), Why::Fault));
            asks.push((Ask::WrongOpen(0, round), Why::Fault));
        }
    }
    asks
}

fn of_child(child: u16, state: &SignalState, outside: &Outside, scene: &Scene, asks: &mut Vec<(Ask, Why)>) {
    let Some(signal) = signal(child) else { return };
    let allows = |choice| child == 0 && scene.bounds.allows(choice);
    let whys = [RouteWhy::New, RouteWhy::LookUpAgain, RouteWhy::Returned];
    match state {
        SignalState::Referred(referred) => {
            let round = referred.round;
            let offered = |why: &RouteWhy| outside.tasks.contains(&Task::Route { signal, round, why: *why });
            if whys.iter().any(offered) {
                asks.push((Ask::Route(child, round), Why::Ordinary));
                if allows(Choice::Withhold) {
                    asks.push((Ask::Withhold(child, round), Why::Choice));
                }
            }
        }
        SignalState::Delivered(delivered) => {
            let round = delivered.routed.round;
            if outside.tasks.contains(&Task::Read { signal, round }) {
                if delivered.opened_at.is_none() {
                    asks.push((Ask::Open(child, round), Why::Ordinary));
                } else {
                    asks.push((Ask::Acknowledge(child, round), Why::Ordinary));
                    if allows(Choice::Return) && round == 1 {
                        asks.push((Ask::Return(child, round), Why::Choice));
                    }
                }
            }
        }
        _ => {}
    }
    let may_be_recalled = !matches!(state, SignalState::Ended(_) | SignalState::Purged(_));
    if allows(Choice::Recall) && may_be_recalled {
        asks.push((Ask::Recall(child), Why::Choice));
    }
}

/// The round that a child is in, or was in last.
fn last_round(outside: &Outside, child: u16) -> Option<u16> {
    let rounds = outside.log.watch.rounds(child);
    (rounds > 0).then_some(rounds)
}

/// What was said before, as far as it became durable, and may be said again.
fn said(outside: &Outside, scene: &Scene) -> Vec<Ask> {
    let log = &outside.log;
    let mut said = Vec::new();
    if log.is_empty() {
        return said;
    }
    said.push(Ask::Record);
    if log.watch.screened() {
        said.push(Ask::Screen);
    }
    let found = u16::try_from(log.watch.found()).unwrap_or(0);
    if found == scene.bounds.children {
        said.push(Ask::Expand { first: 0, children: found, complete: true });
    }
    for child in 0..found {
        for round in 1..=log.watch.rounds(child) {
            said.push(Ask::Route(child, round));
            if log.watch.was_delivered(child, round, of(scene, child, round)) {
                said.push(Ask::Open(child, round));
                said.push(Ask::Acknowledge(child, round));
            }
        }
    }
    said
}
