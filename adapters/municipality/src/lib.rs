//! The municipality's adapter: finds the school where the child is enrolled now, and routes or withholds (R10 to R16).
//! Only its own register of pupils is searched; a doubtful case waits for a person.

mod desk;
pub mod files;

pub use desk::{Decision, Desk, Doubt, Person, Settings, school};
pub use files::{EnrolmentRow, SchoolRow, enrolments, schools};
