//! The event log, in one breath: *append, if nothing else came first*.
//!
//! * [`Journal`] is the port; [`Append::Conflict`] is a value, not an error.
//! * [`codec`] says how a commit is written, with its version; old versions stay readable.
//! * [`Tombstone`] is what is left of an incident: that it ended, and the [`Markers`] by which its ciphertexts would be known.
//! * [`memory`] is a journal in memory; [`exam`] is the conformance suite that every journal must pass.
//!
//! One incident is one log. Its events are guarded by the last position of the log *and* its tombstone together, so a
//! stale writer cannot slip in after the events were erased.

pub mod codec;
pub mod exam;
pub mod memory;
mod tombstone;

pub use tombstone::{MARKERS_MAX, Markers, Tombstone};

use std::{fmt, future::Future, time::Duration};

use hwc_schemas::{IncidentId, Marker, PayloadId};
use hwc_workflow::Event;
use uuid::Uuid;

/// Where an incident's log ends: what the next append expects. Zero when there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position(pub u64);

impl Position {
    /// No log yet.
    pub const NONE: Self = Self(0);
}

/// A generation of ciphertexts: a small store that is dropped whole. Its name is never used again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(Uuid);

impl Generation {
    /// A generation's name, from the caller's dice.
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// Reads what [`fmt::Display`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        Uuid::try_parse(text).ok().map(Self)
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.simple())
    }
}

impl fmt::Debug for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Where a ciphertext lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Location {
    /// In which generation.
    pub generation: Generation,
    /// At which place in it, from 1.
    pub sequence: u64,
    /// The random bytes that it begins with; none if whoever names the place has not seen it.
    pub marker: Option<Marker>,
}

impl Location {
    /// A place, of whatever lies there.
    pub const fn new(generation: Generation, sequence: u64) -> Self {
        Self { generation, sequence, marker: None }
    }

    /// The place of a ciphertext that begins with this marker.
    #[must_use]
    pub const fn of(self, marker: Option<Marker>) -> Self {
        Self { marker, ..self }
    }
}

/// What is appended at once: events of one incident, and where the ciphertexts lie that they point to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Commit {
    /// The events, in order.
    pub events: Vec<Event>,
    /// New ciphertexts and their places.
    pub stored: Vec<(PayloadId, Location)>,
}

/// What became of an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Append {
    /// It is durable, and the log now ends here.
    Appended(Position),
    /// Somebody else wrote first; read and decide anew.
    Conflict,
}

/// Everything the journal knows of one incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum History {
    /// Nothing.
    Unknown,
    /// It is in flight.
    Live {
        /// Its commits, in order.
        commits: Vec<Commit>,
        /// Where the log ends.
        position: Position,
    },
    /// It is in flight, and a record of it cannot be read: what it points to is not known either. The incident is left alone,
    /// with everything that it may point to, until a program that can read it looks.
    Unreadable(codec::CodecError),
    /// It ended; only the tombstone is left.
    Ended,
}

/// What a clearing got off the disk.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cleared {
    /// For each incident, how long its events had been there after its end.
    pub waited: Vec<Duration>,
    /// For each incident of which nothing is on any server's disk any more, as far as can be known: how long that took. It may
    /// have been cleared before.
    pub gone: Vec<Duration>,
    /// How many cleared incidents are not surely off every disk yet.
    pub waiting: usize,
    /// Records that were deleted one by one.
    pub records: u64,
    /// Segments that were dropped whole.
    pub segments: u64,
    /// Segments that were not cleared: the next time tries again.
    pub unanswered: u64,
}

impl Cleared {
    /// Both together.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.waited.extend(other.waited);
        self.gone.extend(other.gone);
        self.waiting += other.waiting;
        self.records += other.records;
        self.segments += other.segments;
        self.unanswered += other.unanswered;
        self
    }
}

/// The journal could not do it, or could not find out whether it did.
#[derive(Debug, Clone, thiserror::Error)]
pub enum JournalError {
    /// Out of reach, or the outcome is unknown even after reading back. Read before trying again.
    #[error("the journal is out of reach: {0}")]
    Unavailable(String),
    /// Its store is not set up as it must be.
    #[error("the journal's store is not as it must be: {0}")]
    Settings(String),
}

/// The event log port.
///
/// Those that write answer only when it is durable (or known to be refused).
pub trait Journal: Send + Sync + 'static {
    /// Appends, if the log still ends where the caller thinks.
    fn append(
        &self,
        incident: IncidentId,
        expected: Position,
        commit: &Commit,
    ) -> impl Future<Output = Result<Append, JournalError>> + Send;

    /// Reads one incident.
    fn read(&self, incident: IncidentId) -> impl Future<Output = Result<History, JournalError>> + Send;

    /// Writes the tombstone with these markers, if the log still ends where the caller thinks: from then on nobody reads the events.
    /// Doing it again finishes what a crash left. The bytes go with [`Journal::clear`].
    fn forget(
        &self,
        incident: IncidentId,
        expected: Position,
        markers: &Markers,
    ) -> impl Future<Output = Result<Append, JournalError>> + Send;

    /// Every incident that is in flight, as [`Journal::read`] would give it: all that a start needs, whatever the number of
    /// those that ended. One record that cannot be read is its own incident's trouble and nobody else's.
    fn in_flight(&self) -> impl Future<Output = Result<Vec<(IncidentId, History)>, JournalError>> + Send;

    /// Every tombstone there is, in no order. It costs as much as there are.
    fn tombstones(&self) -> impl Future<Output = Result<Vec<Tombstone>, JournalError>> + Send;

    /// Gets the bytes of what ended longer ago than this off the disk; what ended more lately waits, so that much can go at once.
    /// [`Journal::forget`] alone makes sure that nobody reads it. For a log that keeps nothing there is nothing to do.
    fn clear(&self, grouped_for: Duration) -> impl Future<Output = Result<Cleared, JournalError>> + Send {
        let _ = grouped_for;
        std::future::ready(Ok(Cleared::default()))
    }
}
