//! What is so: an incident and its signals, folded from their events.
//!
//! One struct for each state, consumed by its transition. Two of them carry a witness that cannot be made elsewhere:
//! [`Qualified`] (the screening said yes) and [`Addressed`] (the municipality named a school).

mod delivered;
mod ended;
mod holding;
mod incident;
mod referred;
mod routed;
mod signal;

pub use delivered::Delivered;
pub use ended::{Acknowledged, Ended};
pub use holding::Holding;
pub use incident::{Closed, ClosedHow, Expanded, Incident, Qualified, Recorded, Screened};
pub use referred::{Addressed, Referred};
pub use routed::Routed;
pub use signal::{Signal, SignalState};

use crate::{
    event::{Event, Fact},
    law::{self, Kind, Phase},
};

/// An event that the law does not know in this state: an alarm, for the journal then holds what cannot have happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the journal holds {what} where the law has no such edge (phase {phase:?}); the incident is left alone"
)]
pub struct OutOfOrder {
    /// The kind of event.
    pub what: &'static str,
    /// The phase it met.
    pub phase: Phase,
}

/// What did happen: the next state.
pub fn evolve(incident: Incident, event: &Event) -> Result<Incident, OutOfOrder> {
    let Some(number) = event.fact.number() else { return incident.evolve(event) };
    let Incident::Expanded(mut expanded) = incident else {
        return Err(OutOfOrder { what: "an event of a signal", phase: incident.phase() });
    };
    let signal = expanded
        .signals
        .get_mut(number.index())
        .ok_or(OutOfOrder { what: "an event of a signal that is not there", phase: Phase::Unknown })?;
    signal.evolve(event)?;
    Ok(Incident::Expanded(expanded))
}

/// The gate in front of every transition: the edge must be on the page.
pub(crate) fn on_the_page(phase: Phase, fact: &Fact) -> Result<(), OutOfOrder> {
    match Kind::of(fact) {
        Some(kind) if !law::allows(phase, kind) => Err(OutOfOrder { what: what(fact), phase }),
        _ => Ok(()),
    }
}

/// A transition whose edge is on the page but whose content does not fit the state.
pub(crate) const fn misfit(fact: &Fact, phase: Phase) -> OutOfOrder {
    OutOfOrder { what: what(fact), phase }
}

const fn what(fact: &Fact) -> &'static str {
    match fact {
        Fact::Recorded { .. } => "recorded",
        Fact::Screened => "screened",
        Fact::NotDomesticViolence { .. } => "not_domestic_violence",
        Fact::Expanded { .. } => "expanded",
        Fact::Joined { .. } => "joined",
        Fact::ReportExpired => "report_expired",
        Fact::Routed { .. } => "routed",
        Fact::Withheld { .. } => "withheld",
        Fact::LookUpAgain { .. } => "look_up_again",
        Fact::Delivered { .. } => "delivered",
        Fact::Opened { .. } => "opened",
        Fact::Reminded { .. } => "reminded",
        Fact::Acknowledged { .. } => "acknowledged",
        Fact::Returned { .. } => "returned",
        Fact::Recalled { .. } => "recalled",
        Fact::Expired { .. } => "expired",
        Fact::Erased { .. } => "erased",
        Fact::BreachRecorded { .. } => "breach_recorded",
        Fact::Purged { .. } => "purged",
        Fact::IncidentPurged => "incident_purged",
    }
}
