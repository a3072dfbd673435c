//! The school's adapter: a signal waits until the contact opens it, then it is acknowledged and gone (R20, R21). Nothing
//! of it is kept, written or passed on.
//!
//! * [`Tray`] and [`AtTheCounter`]: a running school, whose contact comes to the counter.
//! * [`Desk`] and [`Contact`]: a school whose contact is a program, as in a replay.

mod contact;
pub mod counter;
mod tray;

pub use contact::{Contact, Desk, Reading};
pub use counter::AtTheCounter;
pub use tray::{Lying, Tray, code_of};
