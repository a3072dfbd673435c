//! An organisation's keys that die: each is for one signal, and is destroyed when that signal ended (`docs/keys.md`).
//!
//! * [`Keyring`]: the private halves, one file each.
//! * [`Planner`]: what is to be made, withdrawn and destroyed, as a pure function of what the engine says and what we have.
//! * [`KeyKeeper`]: asks, plans and does it, every minute.

mod keeper;
mod planner;
mod ring;

pub use keeper::{Aims, KeyKeeper, NotKept};
pub use planner::{Plan, Planner, Seen};
pub use ring::{Keyring, KeyringError};
