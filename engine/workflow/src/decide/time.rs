//! What is due at a moment without anybody asking (R12, R18 to R20, R23).

use hwc_schemas::{
    SignalNumber,
    outcome::{Expired, Withheld},
    wire::Notice,
};
use jiff::Timestamp;

use crate::{
    calendar::Plan,
    context::Context,
    duty::{expires_at, hold_ends, look_up_again_at, next_notice, plan_of},
    event::Fact,
    state::{Delivered, Incident, Routed, Signal, SignalState},
};

/// What is due at this moment. Nothing of it is due again once it has happened.
pub(super) fn consequences(incident: &Incident, context: &Context<'_>) -> Vec<Fact> {
    let ceiling = incident.ceiling(context.policy).unwrap_or(Timestamp::MAX);
    let reached = context.now >= ceiling;
    match incident {
        Incident::Recorded(_) | Incident::Screened(_) if reached => vec![Fact::ReportExpired],
        Incident::Closed(closed) if closed.erasing.is_empty() => vec![Fact::IncidentPurged],
        Incident::Expanded(expanded) if expanded.is_empty() => vec![Fact::IncidentPurged],
        Incident::Expanded(expanded) => {
            let report = (expanded.report.is_some() && reached).then_some(Fact::ReportExpired);
            let signals =
                expanded.numbered().flat_map(|(number, signal)| of_signal(number, signal, ceiling, context));
            report.into_iter().chain(signals).collect()
        }
        Incident::Unknown
        | Incident::Recorded(_)
        | Incident::Screened(_)
        | Incident::Closed(_)
        | Incident::Purged => Vec::new(),
    }
}

fn of_signal(number: SignalNumber, signal: &Signal, ceiling: Timestamp, context: &Context<'_>) -> Vec<Fact> {
    let fact = match &signal.state {
        SignalState::Referred(referred) => {
            let held_too_long = hold_ends(referred, context).is_some_and(|end| context.now >= end);
            if held_too_long {
                Some(Fact::Withheld { number, reason: Withheld::HeldTooLong })
            } else {
                (context.now >= ceiling).then_some(Fact::Expired { number, reason: Expired::NotRouted })
            }
        }
        SignalState::Routed(routed) => of_routed(number, routed, ceiling, context),
        SignalState::Delivered(delivered) if context.now < expires_at(delivered, ceiling, context) => {
            return notices(number, delivered, context);
        }
        SignalState::Delivered(_) => Some(Fact::Expired { number, reason: Expired::NotAcknowledged }),
        SignalState::Acknowledged(_) | SignalState::Ended(_) => {
            let free = signal.erasing.is_empty() && signal.breaches.is_empty();
            free.then_some(Fact::Purged { number })
        }
        SignalState::Purged(_) => None,
    };
    fact.into_iter().collect()
}

/// R12, R18, R19.
fn of_routed(
    number: SignalNumber,
    routed: &Routed,
    ceiling: Timestamp,
    context: &Context<'_>,
) -> Option<Fact> {
    match plan_of(routed, ceiling, context) {
        Plan::Withhold(reason) => Some(Fact::Withheld { number, reason }),
        Plan::WaitForCalendar { .. } => None,
        Plan::DeliverAt(at) => match look_up_again_at(routed, at, context) {
            Some(morning) => (context.now >= morning).then_some(Fact::LookUpAgain { number }),
            None => (context.now >= at).then_some(Fact::Delivered { number }),
        },
    }
}

/// R20. After an outage only the latest of each kind is worth sending.
fn notices(number: SignalNumber, delivered: &Delivered, context: &Context<'_>) -> Vec<Fact> {
    let mut last = delivered.last_notice();
    let mut due_now: Vec<(Timestamp, Notice)> = Vec::new();
    while let Some((due, notice)) =
        next_notice(delivered, last, context).filter(|(due, _)| *due <= context.now)
    {
        due_now.retain(|(_, one)| *one != notice);
        due_now.push((due, notice));
        last = Some((due, notice));
    }
    due_now.into_iter().map(|(due, notice)| Fact::Reminded { number, notice, due }).collect()
}
