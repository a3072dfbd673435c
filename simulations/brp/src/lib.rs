//! A mock of the BRP's two Haal Centraal APIs (Personen 2.7, Bewoning 2.1) over invented households: as strict about questions
//! as the real ones, with every documented error and with faults as data. The same questions at the same moments of its life
//! are answered the same.
//!
//! * [`Registry`]: who is registered where, out of a synthetic dataset's `residents.csv`.
//! * [`Faults`]: what goes wrong, from when until when, as data.
//! * [`Mock`]: both APIs, and the issuer of tokens, on a port of this machine.

mod faults;
mod problem;
mod questions;
mod registry;
mod server;

pub use faults::{Fault, Faults, FaultsError, Trouble};
pub use registry::{Person, Registry, Remark};
pub use server::{Key, Mock, MockError};
