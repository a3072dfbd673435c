//! A month's record: sums, and for as long as it is open the ids of those incidents that are counted and not yet forgotten.

use std::collections::{BTreeMap, BTreeSet};

use hwc_schemas::{IncidentId, Organisation, outcome::Outcome};
use serde::{Deserialize, Serialize};

use crate::{Ending, HOPS, Hop, Month, Signal};

/// What a record is written by; a later one reads this one too.
const VERSION: u32 = 1;

/// Incidents that are counted in one record and whose tombstone is not known yet, at most: beyond it the next waits.
const COUNTED_MAX: usize = 1_024;

/// Largest record that is read, in bytes.
const BYTES_MAX: usize = 1024 * 1024;

/// Where the buckets of durations end, in seconds, inclusive; the last one has no end.
pub(crate) const BUCKETS: [u64; 15] = [
    60, 300, 900, 1_800, 3_600, 7_200, 14_400, 28_800, 43_200, 57_600, 86_400, 172_800, 259_200, 604_800,
    1_209_600,
];

/// Hours after the incident within which a delivery counts, inclusive (R26); what is later is in the last bucket.
pub(crate) const WITHIN_HOURS: [u64; 3] = [24, 48, 72];

/// How many durations fell into each bucket.
pub(crate) type Histogram = [u32; BUCKETS.len() + 1];

/// Who takes part, as a closed month remembers it: so that its report is a function of the record alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roster {
    /// Municipalities that can be referred to.
    pub municipalities: BTreeSet<Organisation>,
    /// Schools that can receive.
    pub schools: BTreeSet<Organisation>,
}

/// The sums of those of one municipality that ended alike. No school is among them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcomes {
    /// To whom they were referred; none if to nobody.
    pub municipality: Option<Organisation>,
    /// How they ended.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Whether they lay with a school at their end.
    pub sent: bool,
    /// How many.
    pub signals: u32,
    /// How long each hop took.
    #[serde(default)]
    hops: BTreeMap<Hop, Histogram>,
    /// Within how many hours after the incident they were delivered.
    #[serde(default)]
    pub(crate) within: [u32; WITHIN_HOURS.len() + 1],
    /// Of how many only the incident's day was known, so that they count from its midnight.
    #[serde(default)]
    pub(crate) day_only: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Open { counted: BTreeSet<IncidentId> },
    Closed(Roster),
}

/// A month's record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    version: u32,
    month: Month,
    #[serde(flatten)]
    state: State,
    /// How many each municipality sent to each school. No duration and no outcome is among them.
    sent: BTreeMap<Organisation, BTreeMap<Organisation, u32>>,
    ended: Vec<Outcomes>,
}

/// A record that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// It is not what was written.
    #[error(
        "a record of the counts is damaged; put back a copy of the broker's COUNTS, or remove the month and know it as lost"
    )]
    Damaged,
    /// A later program wrote it.
    #[error(
        "a record of the counts is of version {0}, which this program does not know; use the program that wrote it"
    )]
    Version(u32),
}

impl Record {
    /// A month of which nothing is counted yet.
    pub const fn open(month: Month) -> Self {
        let state = State::Open { counted: BTreeSet::new() };
        Self { version: VERSION, month, state, sent: BTreeMap::new(), ended: Vec::new() }
    }

    /// Which month.
    pub const fn month(&self) -> Month {
        self.month
    }

    /// Who took part, once it is closed.
    pub const fn roster(&self) -> Option<&Roster> {
        match &self.state {
            State::Closed(roster) => Some(roster),
            State::Open { .. } => None,
        }
    }

    /// The incidents that are counted and whose tombstone is not known yet.
    pub fn counted(&self) -> impl Iterator<Item = IncidentId> {
        let counted = match &self.state {
            State::Open { counted } => Some(counted),
            State::Closed(_) => None,
        };
        counted.into_iter().flatten().copied()
    }

    /// How many each municipality sent to each school (R25).
    pub const fn sent(&self) -> &BTreeMap<Organisation, BTreeMap<Organisation, u32>> {
        &self.sent
    }

    /// How they ended (R25, R26).
    pub fn ended(&self) -> &[Outcomes] {
        &self.ended
    }

    /// Counts an incident; whether there was room to remember that it was.
    pub(crate) fn count(&mut self, incident: IncidentId, ending: &Ending) -> bool {
        let State::Open { counted } = &mut self.state else { return false };
        if counted.len() >= COUNTED_MAX {
            return false;
        }
        counted.insert(incident);
        for signal in &ending.signals {
            self.add(signal);
        }
        true
    }

    fn add(&mut self, signal: &Signal) {
        if signal.count == 0 {
            return;
        }
        if let (Some(municipality), Some(school)) = (&signal.municipality, &signal.school) {
            let of_school =
                self.sent.entry(municipality.clone()).or_default().entry(school.clone()).or_default();
            more(of_school, signal.count);
        }
        let key = |one: &Outcomes| (one.municipality.clone(), one.outcome.words(), one.sent);
        let new = Outcomes::like(signal);
        let place = match self.ended.binary_search_by_key(&key(&new), key) {
            Ok(place) => place,
            Err(place) => {
                self.ended.insert(place, new);
                place
            }
        };
        if let Some(sums) = self.ended.get_mut(place) {
            sums.add(signal);
        }
    }

    /// Lets go of the ids of these, which are forgotten; whether there were any.
    pub(crate) fn forget(&mut self, forgotten: &dyn Fn(IncidentId) -> bool) -> bool {
        let State::Open { counted } = &mut self.state else { return false };
        let before = counted.len();
        counted.retain(|incident| !forgotten(*incident));
        counted.len() < before
    }

    /// Closes it, once no incident's id is in it.
    pub(crate) fn close(&mut self, roster: Roster) {
        self.state = State::Closed(roster);
    }

    /// As it is kept. Nothing in it says in which order anything was counted.
    pub fn encode(&self) -> Result<Vec<u8>, RecordError> {
        serde_json::to_vec(self).map_err(|_| RecordError::Damaged)
    }

    /// As it was kept.
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        if bytes.len() > BYTES_MAX {
            return Err(RecordError::Damaged);
        }
        let Versioned { version } = serde_json::from_slice(bytes).map_err(|_| RecordError::Damaged)?;
        if version != VERSION {
            return Err(RecordError::Version(version));
        }
        serde_json::from_slice(bytes).map_err(|_| RecordError::Damaged)
    }
}

impl Outcomes {
    fn like(signal: &Signal) -> Self {
        Self {
            municipality: signal.municipality.clone(),
            outcome: signal.outcome,
            sent: signal.school.is_some(),
            signals: 0,
            hops: BTreeMap::new(),
            within: [0; WITHIN_HOURS.len() + 1],
            day_only: 0,
        }
    }

    fn add(&mut self, signal: &Signal) {
        more(&mut self.signals, signal.count);
        for (hop, seconds) in HOPS.into_iter().zip(signal.hops) {
            let Some(seconds) = seconds else { continue };
            let bucket = BUCKETS.partition_point(|end| *end < seconds);
            if let Some(sum) = self.hops.entry(hop).or_default().get_mut(bucket) {
                more(sum, signal.count);
            }
        }
        let Some((seconds, day_only)) = signal.after else { return };
        let bucket = WITHIN_HOURS.partition_point(|hours| hours * 3_600 < seconds);
        if let Some(sum) = self.within.get_mut(bucket) {
            more(sum, signal.count);
        }
        more(&mut self.day_only, if day_only { signal.count } else { 0 });
    }

    /// How many were delivered within 24, 48 and 72 hours after the incident, and later; each counts once.
    pub const fn within_hours(&self) -> [u32; WITHIN_HOURS.len() + 1] {
        self.within
    }

    /// How long a hop took, in how many cases.
    pub(crate) fn hop(&self, hop: Hop) -> Histogram {
        self.hops.get(&hop).copied().unwrap_or_default()
    }
}

fn more(sum: &mut u32, count: u32) {
    *sum = sum.saturating_add(count);
}
