//! How the register stands, for whoever asks at the counter: sizes and times, and of the last import how many; nobody is named.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How the register stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RegisterStanding {
    /// When this was looked at.
    pub looked_at: Option<Timestamp>,
    /// Whether it lies in a database, and not in two files.
    pub in_a_database: bool,
    /// Pupils.
    pub pupils: Option<usize>,
    /// Schools that it knows.
    pub schools: Option<usize>,
    /// Those among them that take part.
    pub participating: Option<usize>,
    /// When enrolments were last imported, or the file of them last changed.
    pub imported_at: Option<Timestamp>,
    /// After how many days they are stale; none where nobody watches that.
    pub stale_after_days: Option<u16>,
    /// Whether they are stale, or were never imported.
    pub stale: bool,
    /// What is wrong with it, in the words of the program: places in files, never what stands there.
    pub problem: Option<String>,
    /// The last import that changed pupils, as far as this machine did it.
    pub last: Option<Import>,
}

/// An import, and what it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Import {
    /// When.
    pub at: Timestamp,
    /// Whether the file held every pupil, and not only what changed.
    pub full: bool,
    /// What it did.
    pub counts: ImportCounts,
}

/// What an import changes, or changed: how many pupils or rows. It names nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportCounts {
    /// Rows of the file.
    pub rows: usize,
    /// Pupils that were not there.
    pub new: usize,
    /// Pupils that are not there any more.
    pub gone: usize,
    /// Pupils at another school or host than before.
    pub moved: usize,
    /// Pupils of whom something else changed: how they are spelt, secrecy, dates.
    pub changed: usize,
    /// Pupils that stay as they were. Of a delta: of those that it names.
    pub unchanged: usize,
    /// Rows of other municipalities, which are not taken (R16).
    pub elsewhere: usize,
    /// Rows of enrolments that are over, which are not taken.
    pub over: usize,
    /// Rows that say the same as another one.
    pub twice: usize,
    /// Rows taken that name no school (R12).
    pub no_school: usize,
    /// Rows taken whose school, or host, stands in no directory (R11).
    pub school_unknown: usize,
    /// Rows taken that are secret (R13).
    pub secret: usize,
}

impl ImportCounts {
    /// Whether nothing changes.
    pub const fn is_none(&self) -> bool {
        self.new == 0 && self.gone == 0 && self.moved == 0 && self.changed == 0
    }
}
