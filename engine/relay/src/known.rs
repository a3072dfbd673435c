//! What is durable of one incident, as far as its desk has read or written it.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{Hash, Hasher},
};

use hwc_journal::{History, Location, Markers, Position};
use hwc_schemas::{IncidentId, PayloadId};
use hwc_workflow::{Duty, Event, Incident, OutOfOrder, Step, Trail, duties, evolve};

use crate::{io::Problem, work::Work};

#[derive(Clone, Default)]
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
    /// What every ciphertext began with that its events ever pointed to.
    pub(crate) markers: Markers,
    /// How it came to where it is.
    pub(crate) trail: Trail,
    /// How many commits of the log are known; none while it was never read.
    seen: Option<usize>,
}

/// What it goes by. How it came there is for whoever watches, and changes nothing of what it does next.
impl Hash for Known {
    fn hash<H: Hasher>(&self, into: &mut H) {
        let Self { incident, position, ended, unreadable, places, markers, trail: _, seen: _ } = self;
        (incident, position, ended, unreadable, places, markers).hash(into);
    }
}

impl Known {
    /// Forgets everything and reads anew. If the log holds what cannot have happened, only the places are known; if it holds
    /// what cannot be read, nothing is.
    ///
    /// Gives the events that were not known though the log had been read before, and their steps: an append whose answer
    /// was lost, or another engine's.
    pub(crate) fn read(&mut self, history: History) -> Result<(Vec<Event>, Vec<Step>), Problem> {
        let seen = self.seen;
        *self = Self { seen: Some(0), ..Self::default() };
        let commits = match history {
            History::Unknown => return Ok((Vec::new(), Vec::new())),
            History::Ended => {
                (self.incident, self.ended) = (Incident::Purged, true);
                return Ok((Vec::new(), Vec::new()));
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
        self.markers = Markers::of(&commits);
        self.places = commits.iter().flat_map(|commit| &commit.stored).copied().collect();
        let all = commits.len();
        let (mut events, mut steps) = (Vec::new(), Vec::new());
        for (place, commit) in commits.into_iter().enumerate() {
            let is_new = seen.is_some_and(|seen| place >= seen);
            for event in commit.events {
                let made = self.happens(&event)?;
                if is_new {
                    steps.extend(made);
                    events.push(event);
                }
            }
        }
        self.forget_places();
        self.seen = Some(all);
        Ok((events, steps))
    }

    fn happens(&mut self, event: &Event) -> Result<Vec<Step>, OutOfOrder> {
        self.incident = evolve(std::mem::take(&mut self.incident), event)?;
        Ok(self.trail.walk(event, &self.incident))
    }

    /// A decision became durable, and the log ends here now. Gives its steps.
    pub(crate) fn went_on(&mut self, work: &Work, position: Position) -> Vec<Step> {
        self.position = position;
        self.seen = self.seen.map(|seen| seen + 1);
        // `decide` has walked this way already.
        let steps = work.events.iter().flat_map(|event| self.happens(event).unwrap_or_default()).collect();
        self.markers.add(&work.commit());
        self.places.extend(work.stored.iter().copied());
        self.forget_places();
        steps
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
