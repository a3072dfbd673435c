//! Veilig Thuis's adapter: screens a report, looks up who is registered at its address, and refers each child that counts
//! to its home municipality (R2, R3, R5 to R7, R9, R15). The address and the kind of violence stop here (R1).

pub mod counter;
mod desk;
pub mod households;
pub mod register;
pub mod reminders;
mod tray;

pub use counter::AtTheCounter;
pub use desk::{Case, CaseId, Decision, Desk, NoPerson, Outcome, Person, Settings, Step};
pub use households::{Asked, Down, Households};
pub use register::{Lookup, Unavailable, residents};
pub use tray::Tray;
