//! The hosted page of schools that have no programs of their own. A contact logs in with a mailed code and a passphrase, opens a
//! signal with one press, confirms with another, and it is gone.
//!
//! The host holds each school's keys wrapped ([`Locker`]): with what follows from a contact's passphrase, slowly. While no contact of
//! a school is logged in nothing on this machine opens what is sealed to that school; while one is, the keys are in the memory of
//! that one session ([`Unlocked`]). `docs/portal.md` says what a host can and cannot see.
//!
//! * [`Locker`], [`contacts`]: a school's folder at rest.
//! * [`Hosted`]: a school that is hosted: its door, its tray, its locker.
//! * [`Portal`]: whom the gate knows; [`pages`] are what they see.

pub mod contacts;
mod hosted;
mod letter;
mod locker;
mod pages;
mod portal;
mod tickets;
mod words;

pub use contacts::{Contact, Part};
pub use hosted::Hosted;
pub use locker::{Locker, LockerError, Opened};
pub use pages::pages;
pub use portal::{Courier, Portal, Unlocked, keep_keys};
