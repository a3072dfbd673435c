//! Households and home municipalities out of the BRP (R9, R15), by the Haal Centraal APIs: BRP Personen 2.7 and BRP
//! Bewoning 2.1. `docs/brp.md` says which fields are asked for and why, and what each error leads to.
//!
//! * [`Brp`]: the look-up as Veilig Thuis asks it.
//! * [`Access`]: where the APIs are, and by what they know us: a key, a token, a certificate.
//! * [`budget`] and [`breaker`]: when to try again, by pure functions.
//! * [`Addresses`]: which addressable object of the BAG an address is, where somebody keeps a list.
//!
//! The citizen service number is never asked for. Bewoning sends it unasked; it is passed over in reading and never becomes
//! a value. Names and dates of birth go from the answer, which is wiped, straight into types that cannot be printed.

mod access;
mod addresses;
mod answers;
pub mod breaker;
pub mod budget;
mod caller;
mod failure;
mod full_name;
mod households;
mod questions;

pub use access::{Access, AccessError, Credential, Tls};
pub use addresses::{Addresses, ObjectId};
pub use caller::{Caller, Limits};
pub use failure::Failure;
pub use households::{Brp, Manner};
