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

/// How many pupils or rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the words of `hwc_register::Difference`, which has them explained")]
pub struct ImportCounts {
    pub rows: usize,
    pub new: usize,
    pub gone: usize,
    pub moved: usize,
    pub changed: usize,
    pub unchanged: usize,
    pub elsewhere: usize,
    pub over: usize,
    pub twice: usize,
    pub no_school: usize,
    pub school_unknown: usize,
    pub secret: usize,
}
