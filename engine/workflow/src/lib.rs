//! The law of a signal, pure.
//!
//! ```text
//! decide(&Incident, Act, &Context) -> Result<Vec<Event>, Refusal>   what may happen
//! evolve(Incident, &Event)         -> Result<Incident, OutOfOrder>  what did happen
//! duties(&Incident)                -> Vec<Duty>                     what we still owe
//! deadline(&Incident, &Context)    -> Option<Timestamp>             when to look again
//! ```
//!
//! Read in this order: [`law`] (the one page of what can happen), [`event`], [`state`], [`mod@decide`], [`duty`].
//! The crate has no clock, no dice and no IO: the moment, the policy, the calendar and the ids are arguments.
//! [`trail`] is for whoever watches. Duties and deadlines follow from the state and not from the moment of an event, so after a crash they are there again.

pub mod calendar;
pub mod context;
pub mod decide;
pub mod duty;
pub mod event;
pub mod law;
pub mod policy;
pub mod retention;
pub mod state;
pub mod trail;

pub use context::{Chain, Context, Table};
pub use decide::{Act, Due, decide, due};
pub use duty::{Breach, BreachKind, Done, Duty, deadline, duties};
pub use event::{Event, Fact, Found};
pub use state::{Holding, Incident, OutOfOrder, evolve};
pub use trail::{Stay, Step, Trail};
