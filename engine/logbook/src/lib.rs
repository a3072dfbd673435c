//! What is written down of the work, in two books that know nothing of each other (`docs/logbook.md`).
//!
//! * [`Logbook`]: the processing log, by the standard *Logboek Dataverwerkingen*: a line for each [`Processing`] of one signal by one
//!   organisation, on the disk before it is done. Whom it is about is a random code that is erased with the signal.
//! * [`Carrier`]: takes those lines to a collector, from the file, until each was answered.
//! * [`Acts`]: the audit log: who did what, on which day, and never about which signal. Each line holds the hash of the one before;
//!   [`verify`] finds what was changed, removed, moved or cut off.
//!
//! A line counts when it was synchronised with the disk. The end of a file that a crash tore off is mended before the next line.

mod acts;
mod carrier;
mod day;
mod lines;
mod logbook;
mod step;
mod subject;

pub use acts::{
    Act, Acts, ActsError, Head, NotAHead, Verified,
    verify::{Fault, verify},
};
pub use carrier::Carrier;
pub use logbook::{Logbook, LogbookError, Processing, Using};
pub use step::{Activities, NoActivity, NotAUri, Step, check_uri};
pub use subject::Subject;
