//! What we still owe, and when to look again: both functions of the state, so neither can be lost, doubled or leaked.

use hwc_schemas::{
    IncidentId, Organisation, PayloadId, SignalId, SignalNumber,
    outcome::Recalled,
    wire::{Notice, Task},
};
use jiff::{Timestamp, civil::Time};

use crate::{
    calendar::{Plan, Waiting},
    context::Context,
    state::{Delivered, Incident, Referred, Routed, Signal, SignalState},
};

/// Something to be done because of a durable event. The same duty is there again after a crash, with the same id.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Duty {
    /// Offer a task to an organisation; its command discharges it.
    Offer {
        /// To whom.
        to: Organisation,
        /// What.
        task: Task,
    },
    /// Erase a ciphertext; not found means done (R21).
    Erase {
        /// Which.
        payload: PayloadId,
    },
    /// Keep a record of a breach, naming no signal and no child (R24).
    RecordBreach {
        /// The child's number, to discharge the duty by.
        number: SignalNumber,
        /// The record.
        breach: Breach,
    },
    /// Write the tombstone, then erase the incident's events (R23).
    Forget,
}

/// A breach, as it is kept: no signal, no child, no school (R24).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Breach {
    /// What happened.
    pub kind: BreachKind,
    /// Whether the letter had been opened.
    pub opened: bool,
    /// When; kept by the day.
    pub at: Timestamp,
}

/// What kind of breach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BreachKind {
    /// A school opened it and does not have the child.
    Returned,
    /// It was called back.
    Recalled(Recalled),
}

/// That a duty is done; a command of the engine to itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// The ciphertext is gone.
    Erased(PayloadId),
    /// The record of this breach is durable.
    BreachRecorded(SignalNumber, Breach),
}

impl Done {
    /// What the law hears when a duty is done; nothing of an offer, which a command discharges.
    pub const fn of(duty: &Duty) -> Option<Self> {
        match duty {
            Duty::Erase { payload } => Some(Self::Erased(*payload)),
            Duty::RecordBreach { number, breach } => Some(Self::BreachRecorded(*number, *breach)),
            Duty::Offer { .. } | Duty::Forget => None,
        }
    }
}

/// What is owed in this state.
pub fn duties(id: IncidentId, incident: &Incident) -> Vec<Duty> {
    let screen = |to: &Organisation| Duty::Offer { to: to.clone(), task: Task::Screen { incident: id } };
    match incident {
        Incident::Unknown => Vec::new(),
        Incident::Recorded(recorded) => vec![screen(&recorded.veilig_thuis)],
        Incident::Screened(screened) => vec![screen(&screened.recorded.veilig_thuis)],
        Incident::Closed(closed) => erase(&closed.erasing).collect(),
        Incident::Purged => vec![Duty::Forget],
        Incident::Expanded(expanded) => {
            let look_up = expanded.report.iter().map(|_| Duty::Offer {
                to: expanded.veilig_thuis.clone(),
                task: Task::LookUp { incident: id },
            });
            let signals = expanded.numbered().flat_map(|(number, signal)| of_signal(id, number, signal));
            look_up.chain(erase(&expanded.erasing)).chain(signals).collect()
        }
    }
}

fn erase(payloads: &[PayloadId]) -> impl Iterator<Item = Duty> {
    payloads.iter().map(|payload| Duty::Erase { payload: *payload })
}

fn of_signal(incident: IncidentId, number: SignalNumber, signal: &Signal) -> Vec<Duty> {
    let id = SignalId { incident, number };
    let mut owed: Vec<Duty> = match &signal.state {
        SignalState::Referred(referred) => vec![Duty::Offer {
            to: referred.municipality.clone(),
            task: Task::Route { signal: id, round: referred.round, why: referred.why },
        }],
        SignalState::Delivered(delivered) => of_delivered(id, delivered),
        SignalState::Routed(_)
        | SignalState::Acknowledged(_)
        | SignalState::Ended(_)
        | SignalState::Purged(_) => Vec::new(),
    };
    owed.extend(erase(&signal.erasing));
    owed.extend(signal.breaches.iter().take(1).map(|breach| Duty::RecordBreach { number, breach: *breach }));
    owed
}

fn of_delivered(signal: SignalId, delivered: &Delivered) -> Vec<Duty> {
    let routed = &delivered.routed;
    let school = routed.addressed.school();
    let read = Duty::Offer { to: school.clone(), task: Task::Read { signal, round: routed.round } };
    let notices = delivered.notices.iter().map(|(due, notice)| Duty::Offer {
        to: match notice {
            Notice::RemindContact | Notice::RemindBackup => school.clone(),
            Notice::ReceiptMissing | Notice::StillUnread => routed.municipality.clone(),
        },
        task: Task::Notice { signal, round: routed.round, notice: *notice, due: *due },
    });
    std::iter::once(read).chain(notices).collect()
}

/// When time alone may change something: the next moment to look again. `None` when only others can.
pub fn deadline(incident: &Incident, context: &Context<'_>) -> Option<Timestamp> {
    let ceiling = incident.ceiling(context.policy)?;
    match incident {
        Incident::Unknown | Incident::Closed(_) | Incident::Purged => None,
        Incident::Recorded(_) | Incident::Screened(_) => Some(ceiling),
        Incident::Expanded(expanded) => {
            let report = expanded.report.map(|_| ceiling);
            expanded
                .signals
                .iter()
                .filter_map(|signal| of_state(signal, ceiling, context))
                .chain(report)
                .min()
        }
    }
}

fn of_state(signal: &Signal, ceiling: Timestamp, context: &Context<'_>) -> Option<Timestamp> {
    match &signal.state {
        SignalState::Referred(referred) => {
            Some(hold_ends(referred, context).map_or(ceiling, |end| end.min(ceiling)))
        }
        SignalState::Routed(routed) => Some(match plan_of(routed, ceiling, context) {
            Plan::DeliverAt(at) => look_up_again_at(routed, at, context).unwrap_or(at),
            // A listed school year may begin meanwhile, or ops may have added one.
            Plan::WaitForCalendar { until } => until.min(next_midnight(context)),
            Plan::Withhold(_) => context.now,
        }),
        SignalState::Delivered(delivered) => {
            let notice = next_notice(delivered, delivered.last_notice(), context).map(|(due, _)| due);
            Some(expires_at(delivered, ceiling, context)).into_iter().chain(notice).min()
        }
        SignalState::Acknowledged(_) | SignalState::Ended(_) | SignalState::Purged(_) => None,
    }
}

fn next_midnight(context: &Context<'_>) -> Timestamp {
    let today = context.calendar.local(context.now).date();
    today.tomorrow().map_or(Timestamp::MAX, |day| context.calendar.instant(day, Time::midnight()))
}

/// What the calendar says of a signal for this school, ready then, held since then (R18, R19).
pub(crate) fn plan(
    school: &Organisation,
    ready: Timestamp,
    held_since: Timestamp,
    ceiling: Timestamp,
    context: &Context<'_>,
) -> Plan {
    let held_since = context.calendar.local(held_since).date();
    let waiting = Waiting { school, ready, held_since, ceiling };
    context.calendar.plan(context.policy, &waiting, context.now)
}

/// What the calendar says of a routed signal at this moment.
pub(crate) fn plan_of(routed: &Routed, ceiling: Timestamp, context: &Context<'_>) -> Plan {
    plan(routed.addressed.school(), routed.routed_at, routed.held_since, ceiling, context)
}

/// When a signal that is looked up again has been held too long, if nobody routes it before (R19).
pub(crate) fn hold_ends(referred: &Referred, context: &Context<'_>) -> Option<Timestamp> {
    let since = context.calendar.local(referred.held_since?).date();
    Some(context.calendar.hold_ends(context.policy, since))
}

/// When a held signal is looked up again before it is delivered (R12).
pub(crate) fn look_up_again_at(
    routed: &Routed,
    deliver_at: Timestamp,
    context: &Context<'_>,
) -> Option<Timestamp> {
    context.calendar.look_up_again_at(context.policy, routed.routed_at, deliver_at)
}

/// When an unacknowledged signal expires: after so many school days, or at the ceiling if that comes first (R20, R23).
pub(crate) fn expires_at(delivered: &Delivered, ceiling: Timestamp, context: &Context<'_>) -> Timestamp {
    let school = delivered.routed.addressed.school();
    let by_school_days = context.calendar.expires_at(context.policy, school, delivered.delivered_at);
    by_school_days.map_or(ceiling, |at| at.min(ceiling))
}

/// The next notice that is not known yet (R20). What has been read is not still unread.
pub(crate) fn next_notice(
    delivered: &Delivered,
    after: Option<(Timestamp, Notice)>,
    context: &Context<'_>,
) -> Option<(Timestamp, Notice)> {
    let school = delivered.routed.addressed.school();
    let next = |after| context.calendar.next_notice(context.policy, school, delivered.delivered_at, after);
    std::iter::successors(next(after), |last| next(Some(*last)))
        .find(|(_, notice)| *notice != Notice::StillUnread || delivered.opened_at.is_none())
}
