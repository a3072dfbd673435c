//! The words every room shares.
//!
//! * [`ids`], [`organisation`]: who and what, as newtypes. None of them is derived from a person.
//! * [`key`]: public keys that an organisation leaves with the engine.
//! * [`breach`]: what is kept and told of a breach.
//! * [`outcome`]: how a signal ends, written as the rules write it.
//! * [`person`], [`report`], [`letter`]: what is only ever carried sealed. These types cannot be printed
//!   and cannot be serialised except into a [`letter::Plaintext`], which is wiped when dropped.
//! * [`ask`]: what an organisation may ask about itself.
//! * [`trace`]: the random numbers by which one incident's steps are found together.
//! * [`wire`]: commands, answers, tasks and fetches between an organisation and the engine (JSON); [`message`] reads them.
//!
//! * `contract`, a feature: the same as JSON Schema and `AsyncAPI`, for whoever writes a client in another language.
//!
//! This crate knows no other room.

pub mod ask;
pub mod breach;
#[cfg(feature = "contract")]
pub mod contract;
pub mod ids;
pub mod key;
pub mod letter;
mod marker;
pub mod message;
pub mod organisation;
pub mod outcome;
pub mod person;
pub mod report;
pub mod trace;
pub mod wire;

pub use ids::{BreachReportId, IncidentId, KeyId, Marker, PayloadId, SignalId, SignalNumber};
pub use organisation::{Organisation, Role};
pub use trace::{SpanId, TraceId, Traceparent};
