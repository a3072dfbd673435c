//! What ended, kept outside the broker: what a start does about a copy of the broker's folder that somebody put back.
//!
//! Whoever leads writes an id down before it has the broker erase it, and at a start looks at what the broker holds with what
//! it wrote down. Here is what follows from the two; keeping the ids and asking the broker is the program's.

use std::collections::{BTreeSet, HashSet};

use hwc_journal::{History, Location, Markers, Position};
use hwc_schemas::{IncidentId, PayloadId};
use hwc_workflow::{Duty, Fact, Incident, duties, evolve, policy::Policy};

/// Ids of what ended, or of what may have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ids {
    /// Of incidents.
    pub incidents: HashSet<IncidentId>,
    /// Of ciphertexts.
    pub payloads: HashSet<PayloadId>,
}

impl Ids {
    /// What the broker holds: the ids to look up before a start.
    pub fn held(in_flight: &[(IncidentId, History)]) -> Self {
        Self {
            incidents: in_flight.iter().map(|(incident, _)| *incident).collect(),
            payloads: in_flight.iter().flat_map(|(one, of)| held(*one, of)).map(|(id, _)| id).collect(),
        }
    }
}

/// How many days ids are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptFor {
    /// An incident's: as long as its tombstone.
    pub incidents_days: i32,
    /// A ciphertext's: as long as the broker would keep it.
    pub payloads_days: i32,
}

impl KeptFor {
    /// By this policy.
    pub fn by(policy: &Policy) -> Self {
        Self {
            incidents_days: i32::from(policy.tombstone_days()),
            payloads_days: i32::from(policy.payload_ceiling_days()) + 1,
        }
    }

    /// Whether an incident that ended on that day is still remembered. Days count from 1970, in UTC.
    pub const fn keeps_incident(self, day: i32, today: i32) -> bool {
        day >= today.saturating_sub(self.incidents_days)
    }

    /// Whether the broker must have the tombstone of an incident that ended on that day. Not on its last days, when it may be
    /// gone already.
    pub const fn has_its_tombstone(self, day: i32, today: i32) -> bool {
        self.keeps_incident(day, today.saturating_add(2))
    }

    /// Whether a ciphertext that was erased on that day is still remembered.
    pub const fn keeps_payload(self, day: i32, today: i32) -> bool {
        day >= today.saturating_sub(self.payloads_days)
    }
}

/// What a start does before anything is offered.
#[derive(Debug, Default)]
pub struct AtStart {
    /// These ended and are in flight again. Tasks about them are taken back first: once an incident has its tombstone again,
    /// nobody would look for its tasks.
    pub ended: HashSet<IncidentId>,
    /// Ciphertexts to be erased again; before the tombstones.
    pub erase: Vec<(PayloadId, Location)>,
    /// Tombstones to be written again, where each log ends, and what its ciphertexts began with.
    pub forget: Vec<(IncidentId, Position, Markers)>,
    /// What goes on.
    pub goes_on: Vec<(IncidentId, History)>,
}

impl AtStart {
    /// What follows from what the broker holds and from what of it is known to have ended.
    pub fn of(in_flight: Vec<(IncidentId, History)>, known: &Ids) -> Self {
        let mut start = Self::default();
        for (incident, history) in in_flight {
            let (held, ended) = (held(incident, &history), known.incidents.contains(&incident));
            // Of one that is over by its own log a crash only delayed the tombstone: the driver writes it.
            if ended && !is_over(&history) {
                start.ended.insert(incident);
                start.erase.extend(lies(&history));
                // What cannot be read was alarmed about; what it points to is swept.
                if let History::Live { position, commits } = history {
                    start.forget.push((incident, position, Markers::of(&commits)));
                }
            } else {
                start.erase.extend(held.into_iter().filter(|(payload, _)| known.payloads.contains(payload)));
                start.goes_on.push((incident, history));
            }
        }
        start
    }

    /// Whether the broker holds nothing that ended.
    pub fn is_clean(&self) -> bool {
        self.ended.is_empty() && self.erase.is_empty()
    }
}

/// The ciphertexts of which the logs say that they were erased, by whichever engine: whoever leads from now on knows them too.
pub fn erased(in_flight: &[(IncidentId, History)]) -> BTreeSet<PayloadId> {
    in_flight.iter().flat_map(|(_, history)| said_erased(history)).collect()
}

/// Those that ended and of which the broker knows nothing though it must, neither by a tombstone nor by a log: an old copy of
/// its folder was put back, and it would take one for new. It is to be told again.
pub fn unremembered(
    ended: impl IntoIterator<Item = IncidentId>,
    is_known: impl Fn(&IncidentId) -> bool,
) -> BTreeSet<IncidentId> {
    ended.into_iter().filter(|one| !is_known(one)).collect()
}

/// Where an incident is by its own log; none if that does not say.
fn state(history: &History) -> Option<Incident> {
    let History::Live { commits, .. } = history else { return None };
    let mut events = commits.iter().flat_map(|commit| &commit.events);
    events.try_fold(Incident::Unknown, |state, event| evolve(state, event).ok())
}

/// Whether its own log says that it is over.
fn is_over(history: &History) -> bool {
    state(history) == Some(Incident::Purged)
}

fn said_erased(history: &History) -> impl Iterator<Item = PayloadId> {
    let commits = if let History::Live { commits, .. } = history { commits.as_slice() } else { &[] };
    let said = commits.iter().flat_map(|commit| &commit.events);
    said.filter_map(|event| if let Fact::Erased { payload } = event.fact { Some(payload) } else { None })
}

/// The ciphertexts of which a history does not say that they are gone.
fn lies(history: &History) -> Vec<(PayloadId, Location)> {
    let commits = if let History::Live { commits, .. } = history { commits.as_slice() } else { &[] };
    let gone: HashSet<_> = said_erased(history).collect();
    let stored = commits.iter().flat_map(|commit| &commit.stored);
    stored.filter(|(payload, _)| !gone.contains(payload)).copied().collect()
}

/// The ciphertexts that a history still needs, by its own word. Those that it says are to go, the driver erases: a crash came
/// before, and no copy was put back.
fn held(incident: IncidentId, history: &History) -> Vec<(PayloadId, Location)> {
    let owed = state(history).map(|state| duties(incident, &state)).unwrap_or_default();
    let owed = owed
        .into_iter()
        .filter_map(|duty| if let Duty::Erase { payload } = duty { Some(payload) } else { None });
    let going: HashSet<_> = owed.collect();
    lies(history).into_iter().filter(|(payload, _)| !going.contains(payload)).collect()
}

#[cfg(test)]
mod tests {
    use hwc_journal::{Commit, Generation};
    use hwc_workflow::Event;
    use jiff::Timestamp;
    use uuid::Uuid;

    use super::*;

    fn payload(number: u128) -> PayloadId {
        PayloadId::from_uuid(Uuid::from_u128(number))
    }

    fn incident(number: u128) -> IncidentId {
        IncidentId::from_uuid(Uuid::from_u128(number))
    }

    const REPORT: u128 = 4;

    /// A history of so many of these facts: recorded, no domestic violence, erased, over.
    fn history(facts: usize) -> History {
        let report = payload(REPORT);
        let all = [
            Fact::Recorded {
                police: "police-1".parse().unwrap(),
                veilig_thuis: "veilig-thuis-1".parse().unwrap(),
                report,
                trace: None,
            },
            Fact::NotDomesticViolence { children: 1 },
            Fact::Erased { payload: report },
            Fact::IncidentPurged,
        ];
        let at = Timestamp::from_second(1_728_000_000).unwrap();
        let location = Location::new(Generation::from_uuid(Uuid::from_u128(1)), 1);
        History::Live {
            commits: vec![Commit {
                events: all[..facts].iter().map(|fact| Event { at, fact: fact.clone() }).collect(),
                stored: vec![(report, location)],
            }],
            position: Position(7),
        }
    }

    fn ids(incidents: &[u128], payloads: &[u128]) -> Ids {
        Ids {
            incidents: incidents.iter().copied().map(incident).collect(),
            payloads: payloads.iter().copied().map(payload).collect(),
        }
    }

    #[test]
    fn an_end_that_a_crash_cut_short_is_no_copy_that_was_put_back() {
        // As long as the report is needed, whoever says that it was erased has seen a later log than this one.
        assert_eq!(held(incident(1), &history(1)).len(), 1);
        // From then on the log itself says that it goes, and the driver sees to it.
        for facts in 2..=4 {
            assert_eq!(held(incident(1), &history(facts)), [], "{facts} facts");
        }
        let over = AtStart::of(vec![(incident(1), history(4))], &ids(&[1], &[REPORT]));
        assert!(over.is_clean() && over.forget.is_empty() && over.goes_on.len() == 1);
    }

    #[test]
    fn what_ended_is_erased_and_forgotten_again_and_the_rest_goes_on_without_what_was_erased() {
        let in_flight =
            || vec![(incident(1), history(1)), (incident(2), history(1)), (incident(3), history(2))];
        assert_eq!(Ids::held(&in_flight()), ids(&[1, 2, 3], &[REPORT]));
        let start = AtStart::of(in_flight(), &ids(&[1, 3], &[]));
        assert_eq!(start.ended, ids(&[1, 3], &[]).incidents);
        // Also what only waits to be erased.
        assert_eq!(start.erase.len(), 2);
        let forgotten: Vec<_> = start.forget.iter().map(|(one, position, _)| (*one, *position)).collect();
        assert_eq!(forgotten, [(incident(1), Position(7)), (incident(3), Position(7))]);
        assert_eq!(start.goes_on.iter().map(|(one, _)| *one).collect::<Vec<_>>(), [incident(2)]);
        // One that lives on, of which something was erased.
        let start = AtStart::of(in_flight(), &ids(&[], &[REPORT]));
        assert_eq!((start.erase.len(), start.forget.len(), start.goes_on.len()), (2, 0, 3));
        assert!(AtStart::of(in_flight(), &Ids::default()).is_clean());
    }

    #[test]
    fn what_another_engine_erased_is_in_the_logs() {
        let in_flight =
            [(incident(1), history(2)), (incident(2), history(3)), (incident(3), History::Unknown)];
        assert_eq!(erased(&in_flight), [payload(REPORT)].into());
    }

    #[test]
    fn what_the_broker_knows_nothing_of_any_more_is_told_to_it_again() {
        let ended = [1, 2, 3].map(incident);
        let known = [1, 2].map(incident);
        assert_eq!(unremembered(ended, |one| known.contains(one)), [incident(3)].into());
    }

    #[test]
    fn ids_are_kept_for_their_days() {
        let kept = KeptFor::by(&Policy::default());
        assert_eq!(kept, KeptFor { incidents_days: 97, payloads_days: 29 });
        assert!(kept.keeps_incident(3, 100) && !kept.keeps_incident(2, 100));
        assert!(kept.has_its_tombstone(5, 100) && !kept.has_its_tombstone(4, 100));
        assert!(kept.keeps_payload(71, 100) && !kept.keeps_payload(70, 100));
    }
}
