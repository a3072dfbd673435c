//! Which segment an incident lies in, which one is filling, and what of each has ended.
//!
//! The book is what this process knows; it is read from the broker when the journal is opened, and an incident is in it before
//! its first event is on its way. Only the leader writes, so nobody else changes what it says.

use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use hwc_schemas::IncidentId;
use uuid::Uuid;

use crate::names;

/// Most incidents that begin in one segment: few enough that a secure delete rewrites about a megabyte, many enough that the
/// segments of everybody who waits for the end of a holiday are some hundreds.
pub(super) const SEGMENT_INCIDENTS_MAX: usize = 256;

/// How long incidents begin in one segment.
const FILLED_FOR: Duration = Duration::from_hours(1);

/// A part of the journal that is dropped whole, or the stream that is never dropped and keeps the tombstones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Segment(Option<Uuid>);

impl Segment {
    /// The stream of the tombstones. Journals of former versions have their events there too.
    pub(super) const FIRST: Self = Self(None);

    pub(super) fn new() -> Self {
        Self(Some(Uuid::new_v4()))
    }

    /// The segment whose stream has this name.
    pub(super) fn of_stream(name: &str) -> Option<Self> {
        Uuid::try_parse(name.strip_prefix(names::SEGMENTS)?).ok().map(|id| Self(Some(id)))
    }

    pub(super) fn stream(self) -> String {
        self.0.map_or_else(|| names::JOURNAL.to_owned(), |id| format!("{}{}", names::SEGMENTS, id.simple()))
    }
}

impl fmt::Display for Segment {
    /// One token of a subject.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("jrn"),
            Some(id) => write!(f, "{}", id.simple()),
        }
    }
}

/// An incident that ended, and whose events are not erased yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ended {
    pub(super) incident: IncidentId,
    pub(super) since: Instant,
    /// Whether the tombstone that outlives the segment is written.
    pub(super) is_kept: bool,
}

/// What this process knows of the segments.
#[derive(Debug, Default)]
pub(super) struct Segments {
    book: Mutex<Book>,
    /// Held while a segment is made, so that many who find the old one full make one new one.
    pub(super) opening: tokio::sync::Mutex<()>,
    /// Held while segments are cleared.
    pub(super) clearing: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Book {
    filling: Option<Filling>,
    homes: HashMap<IncidentId, Segment>,
    /// What began in each segment and is not erased yet: none while it lives.
    members: HashMap<Segment, HashMap<IncidentId, Option<Ended>>>,
}

#[derive(Debug)]
struct Filling {
    segment: Segment,
    since: Instant,
    taken: usize,
}

impl Segments {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the incident lies, if this process knows.
    pub(super) fn home(&self, incident: IncidentId) -> Option<Segment> {
        self.book().homes.get(&incident).copied()
    }

    /// Every segment but the first.
    pub(super) fn all(&self) -> Vec<Segment> {
        self.book().members.keys().copied().filter(|segment| *segment != Segment::FIRST).collect()
    }

    /// Gives an incident that begins its home: the one it has, or the segment that is filling. `None` if a new segment is needed.
    pub(super) fn enter(&self, incident: IncidentId) -> Option<Segment> {
        let mut book = self.book();
        if let Some(home) = book.homes.get(&incident) {
            return Some(*home);
        }
        let filling = book.filling.as_mut()?;
        if filling.taken >= SEGMENT_INCIDENTS_MAX || filling.since.elapsed() > FILLED_FOR {
            return None;
        }
        filling.taken += 1;
        let segment = filling.segment;
        book.move_in(segment, incident, None);
        Some(segment)
    }

    /// A new segment is there, and fills from now on.
    pub(super) fn fill(&self, segment: Segment) {
        let mut book = self.book();
        book.filling = Some(Filling { segment, since: Instant::now(), taken: 0 });
        book.members.entry(segment).or_default();
    }

    /// A segment that this process did not make is there, and this lies in it.
    pub(super) fn found(&self, segment: Segment, incidents: impl IntoIterator<Item = (IncidentId, bool)>) {
        let mut book = self.book();
        book.members.entry(segment).or_default();
        for (incident, ended) in incidents {
            let ended = ended.then(|| Ended { incident, since: Instant::now(), is_kept: false });
            book.move_in(segment, incident, ended);
        }
    }

    /// The incident ended; whether the tombstone that stays is written.
    pub(super) fn ended(&self, segment: Segment, incident: IncidentId, is_kept: bool) {
        let mut book = self.book();
        let before = book.members.get(&segment).and_then(|members| members.get(&incident).copied().flatten());
        let since = before.map_or_else(Instant::now, |ended| ended.since);
        book.move_in(segment, incident, Some(Ended { incident, since, is_kept }));
    }

    /// Whether this process knows that it ended.
    pub(super) fn has_ended(&self, incident: IncidentId) -> bool {
        let book = self.book();
        let members = book.homes.get(&incident).and_then(|home| book.members.get(home));
        members.and_then(|members| members.get(&incident)).is_some_and(Option::is_some)
    }

    /// What ended longer ago than this, and in which segment; and segments in which nothing is left at all.
    pub(super) fn due(&self, grouped_for: Duration) -> Vec<(Segment, Vec<Ended>)> {
        let book = self.book();
        let due = book.members.iter().map(|(segment, members)| {
            let ended = members.values().flatten().filter(|ended| ended.since.elapsed() >= grouped_for);
            (*segment, ended.copied().collect::<Vec<_>>())
        });
        due.filter(|(segment, ended)| !ended.is_empty() || book.is_left(*segment)).collect()
    }

    /// Everything in the segment, if it all ended; from then on nothing more begins in it.
    pub(super) fn all_ended(&self, segment: Segment) -> Option<Vec<Ended>> {
        let mut book = self.book();
        let all = book.members.get(&segment)?.values().copied().collect::<Option<Vec<_>>>()?;
        if book.filling.as_ref().is_some_and(|filling| filling.segment == segment) {
            book.filling = None;
        }
        Some(all)
    }

    /// Its events are erased.
    pub(super) fn erased(&self, segment: Segment, incident: IncidentId) {
        let mut book = self.book();
        book.homes.remove(&incident);
        if let Some(members) = book.members.get_mut(&segment) {
            members.remove(&incident);
        }
    }

    /// The segment is gone.
    pub(super) fn dropped(&self, segment: Segment) {
        let mut book = self.book();
        for incident in book.members.remove(&segment).into_iter().flat_map(HashMap::into_keys) {
            book.homes.remove(&incident);
        }
    }
}

impl Book {
    /// Whether nothing is in it and nothing begins in it any more.
    fn is_left(&self, segment: Segment) -> bool {
        segment != Segment::FIRST
            && self.members.get(&segment).is_some_and(HashMap::is_empty)
            && self.filling.as_ref().is_none_or(|filling| filling.segment != segment)
    }

    fn move_in(&mut self, segment: Segment, incident: IncidentId, ended: Option<Ended>) {
        self.homes.insert(incident, segment);
        self.members.entry(segment).or_default().insert(incident, ended);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn incident(number: usize) -> IncidentId {
        IncidentId::from_uuid(Uuid::from_u128(number as u128))
    }

    #[test]
    fn a_segment_has_a_stream_of_its_own_and_the_first_one_is_the_journals() {
        let segment = Segment::new();
        assert_eq!(Segment::of_stream(&segment.stream()), Some(segment));
        assert!(segment.stream().ends_with(&segment.to_string()));
        assert_eq!(Segment::FIRST.stream(), "JOURNAL");
        for other in ["JOURNAL", "PAY_00000000000000000000000000000001", "JRN_", "JRN_x"] {
            assert_eq!(Segment::of_stream(other), None, "{other}");
        }
    }

    #[test]
    fn so_many_begin_in_a_segment_and_one_that_began_stays_where_it_is() {
        let segments = Segments::default();
        assert_eq!(segments.enter(incident(0)), None);
        let (first, second) = (Segment::new(), Segment::new());
        segments.fill(first);
        for number in 0..SEGMENT_INCIDENTS_MAX {
            assert_eq!(segments.enter(incident(number)), Some(first));
        }
        assert_eq!(segments.enter(incident(7)), Some(first));
        assert_eq!(segments.enter(incident(SEGMENT_INCIDENTS_MAX)), None);
        segments.fill(second);
        assert_eq!(segments.enter(incident(SEGMENT_INCIDENTS_MAX)), Some(second));
        assert_eq!(segments.home(incident(7)), Some(first));
    }

    #[test]
    fn a_segment_of_which_one_lives_on_has_not_ended_and_goes_on_filling() {
        let segments = Segments::default();
        let segment = Segment::new();
        segments.fill(segment);
        segments.enter(incident(1));
        segments.enter(incident(2));
        segments.ended(segment, incident(1), false);
        assert!(segments.all_ended(segment).is_none());
        assert_eq!(segments.enter(incident(3)), Some(segment));
        assert!(segments.due(Duration::from_hours(1)).is_empty());
        assert_eq!(segments.due(Duration::ZERO).len(), 1);
        segments.erased(segment, incident(1));
        assert_eq!(segments.home(incident(1)), None);
        assert!(segments.due(Duration::ZERO).is_empty());
        segments.found(Segment::new(), []);
        assert_eq!(segments.due(Duration::ZERO).len(), 1, "an empty segment is not dropped");
    }

    #[test]
    fn nothing_begins_in_a_segment_that_is_about_to_be_dropped() {
        let segments = Segments::default();
        let segment = Segment::new();
        segments.fill(segment);
        segments.enter(incident(1));
        segments.ended(segment, incident(1), true);
        assert!(segments.has_ended(incident(1)) && !segments.has_ended(incident(2)));
        assert_eq!(segments.all_ended(segment).unwrap().len(), 1);
        assert_eq!(segments.enter(incident(2)), None);
        segments.dropped(segment);
        assert_eq!((segments.home(incident(1)), segments.all()), (None, Vec::new()));
    }
}
