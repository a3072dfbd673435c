//! The municipality's desk, as pages: what waits for a person (R16, R24), what was passed on, how the register stands, the report of
//! a closed month (R27), and who did what.
//!
//! It holds no key and opens no seal. Everything it shows it asks the municipality's process, at its hatch or its counter
//! ([`Counter`]), and a child's name comes along in memory for one page only, which is wiped when it was sent.
//!
//! * [`Staff`] and [`Roster`]: who may come in, and whether they may decide or only look.
//! * [`Desk`] and [`pages`]: what each page asks, and what it says to the answer.
//! * `texts`: everything that it says, Dutch and English. `naming`: a child on a page.
//! * [`Shelf`]: the reports of closed months, as the engine's operator hands them over.

mod counter;
mod deciding;
mod desk;
mod memory;
mod naming;
mod reports;
mod roster;
mod staff;
mod texts;
mod view;

pub use counter::{Counter, Socket};
pub use desk::{Desk, pages};
pub use reports::Shelf;
pub use roster::{May, Roster, RosterError, StaffMember};
pub use staff::{MailsCodes, Staff};
