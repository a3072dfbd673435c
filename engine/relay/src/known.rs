//! What is durable of one incident, as far as its desk has read or written it.

use std::collections::{BTreeMap, BTreeSet};

use hwc_journal::{History, Location, Position};
use hwc_schemas::{IncidentId, PayloadId};
use hwc_workflow::{Duty, Event, Incident, duties, evolve};

use crate::{io::Problem, work::Work};

#[derive(Default)]
pub(crate) struct Known {
    pub(crate) incident: Incident,
    /// Where its log ends.
    pub(crate) position: Position,
    /// The log is gone, only the tombstone is left.
    pub(crate) ended: bool,
    /// The log holds a record that cannot be read: what it points to is unknown.
    pub(crate) unreadable: bool,
    /// Where the ciphertexts lie.
    pub(crate) places: BTreeMap<PayloadId, Location>,
    /// How many commits of the log are known; none while it was never read.
    seen: Option<usize>,
}

impl Known {
    /// Forgets everything and reads anew. If the log holds what cannot have happened, only the places are known; if it holds
    /// what cannot be read, nothing is.
    ///
    /// Gives the events that were not known though the log had been read before: an append whose answer was lost, or
    /// another engine's.
    pub(crate) fn read(&mut self, history: History) -> Result<Vec<Event>, Problem> {
        let seen = self.seen;
        *self = Self { seen: Some(0), ..Self::default() };
        let commits = match history {
            History::Unknown => return Ok(Vec::new()),
            History::Ended => {
                (self.incident, self.ended) = (Incident::Purged, true);
                return Ok(Vec::new());
            }
            History::Unreadable(error) => {
                self.unreadable = true;
                return Err(error.into());
            }
            History::Live { commits, position } => {
                self.position = position;
                commits
            }
        };
        self.places = commits.iter().flat_map(|commit| &commit.stored).copied().collect();
        let events = commits.iter().flat_map(|commit| &commit.events);
        self.incident = events.into_iter().try_fold(Incident::Unknown, evolve)?;
        self.forget_places();
        self.seen = Some(commits.len());
        let new = commits.into_iter().skip(seen.unwrap_or(usize::MAX));
        Ok(new.flat_map(|commit| commit.events).collect())
    }

    /// A decision became durable, and the log ends here now.
    pub(crate) fn went_on(&mut self, work: &mut Work, position: Position) {
        self.position = position;
        self.seen = self.seen.map(|seen| seen + 1);
        self.incident = std::mem::take(&mut work.after);
        self.places.extend(work.stored.iter().copied());
        self.forget_places();
    }

    fn forget_places(&mut self) {
        let held: BTreeSet<_> = self.incident.payloads().into_iter().collect();
        self.places.retain(|payload, _| held.contains(payload));
    }

    /// What is owed, the tombstone aside.
    pub(crate) fn owes(&self, id: IncidentId) -> BTreeSet<Duty> {
        let owed = if self.ended { Vec::new() } else { duties(id, &self.incident) };
        owed.into_iter().filter(|duty| *duty != Duty::Forget).collect()
    }

    /// Whether nothing is left to do but to write the tombstone and to erase the events.
    pub(crate) const fn owes_the_tombstone(&self) -> bool {
        !self.ended && matches!(self.incident, Incident::Purged)
    }

    /// Whether there is nothing to remember.
    pub(crate) const fn is_nothing(&self) -> bool {
        self.ended || matches!(self.incident, Incident::Unknown)
    }
}
