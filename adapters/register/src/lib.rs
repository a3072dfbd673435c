//! A municipality's own register of pupils and schools, in SQLite or PostgreSQL: imported from the files that it gets
//! anyway, looked in by its process, and never told of a signal.
//!
//! * [`files`], [`Form`]: the files, as sources write them; `docs/register.md` has their columns.
//! * [`Register`]: prepared, imported, its schools kept.
//! * [`Reader`]: looked in by a municipality's process (R10 to R16).
//! * [`Pupil`], [`Directory`]: what is held, and what it says on a day. Pure.
//!
//! The databases only keep and find rows. Which rows could be a child is asked by numbers that casework makes
//! (`names::Traces`); which of them it is, and where its signal goes, casework decides, so that a register in a database
//! says what the same rows in memory say.

mod columns;
mod database;
mod diff;
mod fault;
pub mod files;
mod reader;
mod record;
mod register;
mod rows;
mod sheet;
#[cfg(test)]
mod testing;

pub use database::Place;
pub use diff::Difference;
pub use fault::{Fault, RegisterError};
pub use reader::{ALIKE_MAX, LOOK_EVERY, Reader, Reading, View, stale};
pub use record::{Directory, Pupil, SchoolRecord};
pub use register::{Mode, Register, SchoolChange, SchoolsDifference, Shrink, Standing};
pub use sheet::{Encoding, Form, Separator};
