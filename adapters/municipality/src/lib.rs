//! The municipality's adapter: finds the school where the child is enrolled now, and routes or withholds (R10 to R16).
//!
//! Only its own register of pupils is searched; a doubtful case waits for a person, at the counter of the running process
//! ([`Tray`], [`AtTheCounter`]) or wherever else a [`Person`] is.

mod at_the_desk;
pub mod counter;
mod desk;
pub mod files;
mod registry;
mod standing;
mod tray;

pub use at_the_desk::{AtTheDesk, DesksQuestion};
pub use counter::AtTheCounter;
pub use desk::{Decision, Desk, Doubt, Outcome, Person, Settings, Why, school};
pub use files::{EnrolmentRow, SchoolRow, enrolments, schools};
pub use hwc_adapter_kit::doubts::{
    CasesStanding, CasesWait, InTheLog, NoticePolicy, Notices, Occasion, Reminded, Reminders, watch_tray,
};
pub use registry::{NoView, Registry};
pub use standing::{Import, ImportCounts, RegisterStanding};
pub use tray::Tray;
