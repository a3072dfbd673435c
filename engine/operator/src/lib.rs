//! The operator's desk: who takes part in a region, and everything that follows from it.
//!
//! * [`Operator`]: a folder of the operator's own, closed to others: the signing key, the authority for certificates, the
//!   register of who takes part. From the register follow the signed directory and the broker's configuration; both are made
//!   anew after every change, and [`Operator::apply`] makes them again after a crash in between.
//! * [`keys`]: what an organisation makes by itself, so that the operator never sees a private key, and what it asks with
//!   ([`Request`]).
//!
//! Who holds the signing key and the authority's key can let anybody in and give anybody's name to a key of theirs, but for
//! those whose key was seen before: a changed key is believed only when its organisation's own people confirm it.

mod authority;
mod cluster;
mod config;
mod error;
pub mod keys;
mod member;
mod operator;
mod register;
mod reload;
mod request;
mod show;

pub use cluster::{BROKERS_MAX, BrokerFiles, Places, Seat, SeatError};
pub use error::OperatorError;
pub use hwc_jetstream::BoardName;
pub use member::{EngineName, Member};
pub use operator::{Begin, Credentials, Operator, Turn};
pub use reload::Reloaded;
pub use request::Request;
pub use show::{Shown, ShownMember};
