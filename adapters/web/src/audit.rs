//! Who did what on which day, as a page notes and shows it: the audit log of [`hwc_logbook`].

use std::path::PathBuf;

use hwc_logbook::{Acts, ActsError};
use jiff::civil::Date;

pub use hwc_logbook::Act as Entry;

/// The audit log of a page.
#[derive(Debug)]
pub struct Audit(Acts);

impl Audit {
    /// Opens the log in a state folder, and drops what is older than so many years.
    pub fn open(state: impl Into<PathBuf>, years_kept: u16, today: Date) -> Result<Self, ActsError> {
        Acts::open(state.into().join(Acts::FILE), years_kept, today).map(Self)
    }

    /// Writes an act down. What cannot be written is said in the log, and the act is done all the same: a full disk must not
    /// keep a teacher from a child.
    pub fn note(&self, day: Date, actor: &str, act: &'static str) {
        let act =
            Entry { day, actor: actor.to_owned(), act: act.to_owned(), kind: None, reason: None, done: None };
        if let Err(error) = self.0.note(act) {
            tracing::error!(%error, "an act could not be written into the audit log");
        }
    }

    /// The last so many for which this holds, the latest first.
    pub fn last(&self, most: usize, wanted: impl Fn(&Entry) -> bool) -> Vec<Entry> {
        self.0.last(most, wanted)
    }
}
