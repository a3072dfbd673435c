//! What is left of an incident after its end.

use std::collections::BTreeSet;

use hwc_schemas::{
    IncidentId, Marker,
    wire::limits::{ROUNDS_MAX, SIGNALS_PER_INCIDENT_MAX},
};
use jiff::Timestamp;

use crate::{Commit, codec::CodecError};

/// Most markers of one incident: its report, and for each child a referral and a letter in every round.
pub const MARKERS_MAX: usize = 1 + SIGNALS_PER_INCIDENT_MAX * (1 + ROUNDS_MAX as usize);

/// The markers of the ciphertexts that an incident ever pointed to, each once; at most [`MARKERS_MAX`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Markers(BTreeSet<Marker>);

impl Markers {
    /// Those of everything that these commits ever pointed to.
    pub fn of(commits: &[Commit]) -> Self {
        let mut markers = Self::default();
        for commit in commits {
            markers.add(commit);
        }
        markers
    }

    /// Also those of what this commit points to for the first time.
    pub fn add(&mut self, commit: &Commit) {
        self.extend(commit.stored.iter().filter_map(|(_, at)| at.marker));
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = Marker> {
        self.0.iter().copied()
    }
}

impl Extend<Marker> for Markers {
    fn extend<T: IntoIterator<Item = Marker>>(&mut self, markers: T) {
        for marker in markers {
            // The law lets no incident come this far.
            if self.0.len() < MARKERS_MAX {
                self.0.insert(marker);
            }
        }
    }
}

impl FromIterator<Marker> for Markers {
    fn from_iter<T: IntoIterator<Item = Marker>>(markers: T) -> Self {
        let mut all = Self::default();
        all.extend(markers);
        all
    }
}

/// That an incident ended. Nothing in it was ever sealed, and nothing in it says what was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tombstone {
    /// Which.
    pub incident: IncidentId,
    /// When the tombstone was written, by the log's own clock; none if it has none.
    pub ended_at: Option<Timestamp>,
    /// What its ciphertexts began with. None of those of an incident that ended before markers were kept; an error if what
    /// stands there cannot be read.
    pub markers: Result<Markers, CodecError>,
}
