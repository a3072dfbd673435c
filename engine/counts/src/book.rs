//! All the months that are kept: which one an ending counts in, and when one is closed.

use std::collections::BTreeMap;

use hwc_schemas::IncidentId;
use jiff::{SignedDuration, civil::DateTime};

use crate::{Ending, Month, Record, Roster};

/// How long after its end a month is closed: by then whatever ended in it is counted, after a crash too.
pub const CLOSED_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// The records of all months.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Book {
    months: BTreeMap<Month, Record>,
}

/// What became of a wish to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// It was before; nothing changed.
    Before,
    /// It is, in this month's record, which must be kept.
    In(Month),
    /// The record holds as many incidents as it may that are not forgotten yet.
    Full,
}

impl Book {
    /// With these records.
    pub fn of(records: impl IntoIterator<Item = Record>) -> Self {
        Self { months: records.into_iter().map(|record| (record.month(), record)).collect() }
    }

    /// The record of a month.
    pub fn month(&self, month: Month) -> Option<&Record> {
        self.months.get(&month)
    }

    /// Every record, the oldest first.
    pub fn months(&self) -> impl Iterator<Item = &Record> {
        self.months.values()
    }

    /// The month behind the last closed one, if any is.
    fn behind_the_closed(&self) -> Option<Month> {
        let closed = self.months.values().rev().find(|record| record.roster().is_some())?;
        Some(closed.month().next())
    }

    /// Counts an incident, if it is not counted. One that ended in a month that is closed by now counts in the first one that is
    /// not.
    pub fn count(&mut self, incident: IncidentId, ending: &Ending) -> Counted {
        if self.months.values().any(|record| record.counted().any(|one| one == incident)) {
            return Counted::Before;
        }
        let month = self.behind_the_closed().map_or(ending.month, |open| open.max(ending.month));
        let record = self.months.entry(month).or_insert_with(|| Record::open(month));
        if record.count(incident, ending) { Counted::In(month) } else { Counted::Full }
    }

    /// The incidents that are counted and whose tombstone is not known yet.
    pub fn counted(&self) -> impl Iterator<Item = IncidentId> {
        self.months.values().flat_map(Record::counted)
    }

    /// Lets go of the ids of these, which are forgotten; the months whose records must be kept anew.
    pub fn forget(&mut self, forgotten: impl Fn(IncidentId) -> bool) -> Vec<Month> {
        let changed =
            self.months.values_mut().filter_map(|one| one.forget(&forgotten).then_some(one.month()));
        changed.collect()
    }

    /// Begins with this month, if nothing was ever counted; whether it did, so that its record must be kept.
    pub fn begin(&mut self, now: DateTime) -> Option<Month> {
        let month = Month::of(now.date());
        let first = self.months.is_empty();
        first.then(|| {
            self.months.insert(month, Record::open(month));
            month
        })
    }

    /// Closes the first month that is over, if there is one and everything that it counted is forgotten; its record must be kept.
    /// One after the other, and none is left out: one without any ending is closed as well.
    pub fn close(&mut self, now: DateTime, roster: &Roster) -> Option<Month> {
        let month = self.behind_the_closed().or_else(|| self.months.keys().next().copied())?;
        let closes = month.end().checked_add(CLOSED_AFTER).ok()?;
        let record = self.months.get(&month);
        if now < closes || record.is_some_and(|record| record.counted().next().is_some()) {
            return None;
        }
        self.months.entry(month).or_insert_with(|| Record::open(month)).close(roster.clone());
        Some(month)
    }

    /// Takes out the first month that is older than it is to be kept.
    pub fn take_old(&mut self, now: DateTime, months_max: u16) -> Option<Month> {
        let oldest = Month::of(now.date()).number() - i32::from(months_max);
        let month = *self.months.keys().next()?;
        let old = month.number() < oldest && self.months.get(&month)?.roster().is_some();
        old.then(|| {
            self.months.remove(&month);
            month
        })
    }
}

#[cfg(test)]
mod tests;
