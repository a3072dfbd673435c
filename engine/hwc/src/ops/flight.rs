//! What is in flight, as the journal says it, and what is thought of it: what is late, what stands still, what is still to be erased.

use std::collections::BTreeMap;

use hwc_journal::History;
use hwc_relay::Rules;
use hwc_schemas::{IncidentId, Organisation, PayloadId, wire::Task};
use hwc_workflow::{Duty, Incident, Stay, Trail, calendar::Day, deadline, duties, evolve, law::Phase};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

/// How long after its own deadline something is said to stand still: an engine looks every moment, but may be restarted.
const STANDS_STILL_AFTER: SignedDuration = SignedDuration::from_mins(2);

/// One incident that can be read.
pub(super) struct Going {
    pub(super) id: IncidentId,
    pub(super) trail: Trail,
    state: Incident,
    /// Since when each ciphertext is to be erased, and the whole incident forgotten.
    erase_since: BTreeMap<Option<PayloadId>, Timestamp>,
}

/// Everything that is in flight.
#[derive(Default)]
pub(super) struct Flight {
    pub(super) going: Vec<Going>,
    /// Those that the engine leaves alone until somebody has looked, and why.
    pub(super) alarmed: Vec<(IncidentId, String)>,
}

/// How many are in a state, and since when the oldest of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Standing {
    pub(super) state: &'static str,
    pub(super) count: u64,
    pub(super) oldest: Timestamp,
}

/// The states of what is on its way to a school, or waits there.
const IN_FLIGHT: [Phase; 5] =
    [Phase::Recorded, Phase::Screened, Phase::Expanded, Phase::Routed, Phase::Delivered];

impl Going {
    fn of(id: IncidentId, history: &History) -> Result<Option<Self>, String> {
        let commits = match history {
            History::Live { commits, .. } => commits,
            History::Unreadable(problem) => return Err(problem.to_string()),
            History::Ended | History::Unknown => return Ok(None),
        };
        let (mut state, mut trail, mut erase_since) = (Incident::Unknown, Trail::default(), BTreeMap::new());
        for event in commits.iter().flat_map(|commit| &commit.events) {
            state = evolve(state, event).map_err(|problem| problem.to_string())?;
            trail.walk(event, &state);
            let mut since = BTreeMap::new();
            for duty in duties(id, &state) {
                let what = match duty {
                    Duty::Erase { payload, .. } => Some(payload),
                    Duty::Forget => None,
                    Duty::Offer { .. } | Duty::RecordBreach { .. } => continue,
                };
                since.insert(what, erase_since.get(&what).copied().unwrap_or(event.at));
            }
            erase_since = since;
        }
        Ok(Some(Self { id, trail, state, erase_since }))
    }

    /// Where its signals are; before they are known, where it is itself.
    pub(super) fn stays(&self) -> impl Iterator<Item = &Stay> {
        let whole = self.trail.incident().filter(|stay| stay.phase != Phase::Expanded);
        let apart = if whole.is_none() { self.trail.signals() } else { &[] };
        whole.into_iter().chain(apart)
    }

    /// How many of its signals no school has, though lessons began since they were recorded (R17).
    pub(super) fn late(&self, rules: &Rules, now: Timestamp) -> u64 {
        let late = self.stays().filter(|stay| IN_FLIGHT.contains(&stay.phase));
        let late = late.filter(|stay| !matches!(stay.phase, Phase::Routed | Phase::Delivered));
        let late = late.filter(|stay| school_start(rules, stay.began).is_some_and(|start| start <= now));
        late.map(|stay| u64::from(stay.signals.max(1))).sum()
    }

    /// Whether its own deadline passed a while ago and nothing happened.
    pub(super) fn stands_still(&self, rules: &Rules, now: Timestamp) -> bool {
        deadline(&self.state, &rules.at(now)).is_some_and(|at| now.duration_since(at) > STANDS_STILL_AFTER)
    }

    /// The tasks that the engine owes somebody.
    pub(super) fn owes(&self) -> impl Iterator<Item = String> {
        duties(self.id, &self.state).into_iter().filter_map(|duty| match duty {
            Duty::Offer { task, .. } => Some(task.id()),
            _ => None,
        })
    }
}

impl Flight {
    /// What the journal says.
    pub(super) fn of(in_flight: &[(IncidentId, History)]) -> Self {
        let mut flight = Self::default();
        for (id, history) in in_flight {
            match Going::of(*id, history) {
                Ok(Some(going)) => flight.going.push(going),
                Ok(None) => {}
                Err(problem) => flight.alarmed.push((*id, problem)),
            }
        }
        flight
    }

    fn stays(&self) -> impl Iterator<Item = &Stay> {
        self.going.iter().flat_map(Going::stays)
    }

    /// How many are where, in the order of the law.
    pub(super) fn census(&self) -> Vec<Standing> {
        let places = Phase::ALL.into_iter().filter(|phase| !matches!(phase, Phase::Unknown | Phase::Purged));
        let of = |phase: Phase| {
            let stays = || self.stays().filter(move |stay| stay.phase == phase);
            let oldest = stays().map(|stay| stay.since).min()?;
            let count = stays().map(|stay| u64::from(stay.signals.max(1))).sum();
            Some(Standing { state: hwc_telemetry::Word::word(&phase), count, oldest })
        };
        places.filter_map(of).collect()
    }

    /// What is to come to a school, and is neither there nor on its way out.
    pub(super) fn undelivered(&self) -> impl Iterator<Item = &Stay> {
        self.stays().filter(|stay| IN_FLIGHT.contains(&stay.phase) && stay.phase != Phase::Delivered)
    }

    /// How many no school has yet, though lessons began since they were recorded (R17). What waits for a school's own day is routed
    /// and not late: the law holds it.
    pub(super) fn late(&self, rules: &Rules, now: Timestamp) -> u64 {
        self.going.iter().map(|going| going.late(rules, now)).sum()
    }

    /// Incidents whose own deadline passed a while ago and nothing happened: no engine works.
    pub(super) fn stand_still(&self, rules: &Rules, now: Timestamp) -> u64 {
        self.going.iter().filter(|going| going.stands_still(rules, now)).count() as u64
    }

    /// Since when each erasure is owed that is not done yet, the oldest first.
    pub(super) fn erasing(&self) -> Vec<Timestamp> {
        let mut all: Vec<_> =
            self.going.iter().flat_map(|going| going.erase_since.values().copied()).collect();
        all.sort_unstable();
        all
    }

    /// The ciphertexts that are held for somebody, and for whom.
    pub(super) fn held(&self) -> impl Iterator<Item = (PayloadId, Organisation)> {
        self.going.iter().flat_map(|going| going.state.holdings()).map(|held| (held.payload, held.to))
    }

    /// Whether anybody is owed this task.
    pub(super) fn owes(&self, task: &Task) -> bool {
        let id = task.id();
        self.going.iter().any(|going| going.owes().any(|owed| owed == id))
    }
}

/// When the lessons of the region's first school day after this begin; none when no listed school year says so (R17, R19).
pub(crate) fn school_start(rules: &Rules, after: Timestamp) -> Option<Timestamp> {
    let calendar = &rules.calendar;
    let days = std::iter::successors(Some(calendar.local(after).date()), |day| day.tomorrow().ok());
    days.take_while(|day| calendar.day_of_the_region(*day) != Day::Unlisted)
        .filter(|day| calendar.day_of_the_region(*day) == Day::School)
        .map(|day| calendar.instant(day, rules.policy.school_start()))
        .find(|start| *start > after)
}

#[cfg(test)]
pub(super) mod tests {
    use std::{collections::BTreeSet, path::Path};

    use hwc_journal::{Position, codec};
    use hwc_workflow::Table;

    use super::*;
    use crate::region::Region;

    pub(crate) const RECORDED: &str = r#"{"at":"2026-11-19T05:45:00Z","fact":"recorded","police":"police-0599","veilig_thuis":"veilig-thuis-17","report":"a0000000000000000000000000000001"}"#;
    pub(crate) const EXPANDED: &str = r#"{"at":"2026-11-19T05:46:00Z","fact":"screened"},{"at":"2026-11-19T05:50:00Z","fact":"expanded","found":[{"found":"referred","municipality":"municipality-0855","referral":"a0000000000000000000000000000002"},{"found":"screened_out","reason":"visitor"}],"complete":true,"interval":{"seconds":60,"date_only":false}}"#;

    pub(crate) fn rules() -> Rules {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../simulations/handbook");
        let region = Region::read(Path::new(folder)).unwrap();
        let table = Table { chains: Vec::new(), schools: BTreeSet::new() };
        Rules { policy: region.policy, calendar: region.calendar, table }
    }

    pub(crate) fn flight(incidents: &[&str]) -> Flight {
        let history = |events: &&str| {
            let text = format!(r#"{{"v":3,"events":[{events}]}}"#);
            match codec::decode(text.as_bytes()) {
                Ok(commit) => History::Live { commits: vec![commit], position: Position(1) },
                Err(problem) => History::Unreadable(problem),
            }
        };
        let all: Vec<_> = incidents
            .iter()
            .zip(1..)
            .map(|(events, number)| (IncidentId::from_uuid(uuid::Uuid::from_u128(number)), history(events)))
            .collect();
        Flight::of(&all)
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_in_flight_is_counted_by_state_and_what_cannot_be_read_is_said_apart() {
        let both = format!("{RECORDED},{EXPANDED}");
        let flight = flight(&[RECORDED, &both, "{}"]);
        let said: Vec<_> =
            flight.census().into_iter().map(|one| (one.state, one.count, one.oldest)).collect();
        let [recorded, expanded] = ["2026-11-19T05:45:00Z", "2026-11-19T05:50:00Z"].map(at);
        assert_eq!(
            said,
            [("recorded", 1, recorded), ("expanded", 1, expanded), ("screened_out", 1, expanded)]
        );
        assert_eq!(flight.alarmed.len(), 1);
    }

    #[test]
    fn r17_what_no_school_has_when_the_lessons_begin_is_late_and_not_a_moment_before() {
        let (rules, flight) = (rules(), flight(&[RECORDED, &format!("{RECORDED},{EXPANDED}")]));
        // 08:30 in November is 07:30 in UTC; the child that was screened out is on its way nowhere.
        assert_eq!(flight.undelivered().count(), 2);
        assert_eq!(flight.late(&rules, at("2026-11-19T07:29:59Z")), 0);
        assert_eq!(flight.late(&rules, at("2026-11-19T07:30:00Z")), 2);
    }

    #[test]
    fn the_next_lessons_after_a_friday_morning_are_those_of_monday() {
        let said = school_start(&rules(), at("2026-11-20T09:00:00Z"));
        assert_eq!(said, Some(at("2026-11-23T07:30:00Z")));
    }

    #[test]
    fn r23_an_erasure_is_owed_since_the_event_that_made_it_a_duty() {
        let flight = flight(&[RECORDED, &format!("{RECORDED},{EXPANDED}")]);
        assert_eq!(flight.erasing().first(), Some(&at("2026-11-19T05:50:00Z")));
    }

    #[test]
    fn an_incident_whose_deadline_passed_long_ago_stands_still() {
        let (rules, flight) = (rules(), flight(&[&format!("{RECORDED},{EXPANDED}")]));
        assert_eq!(flight.stand_still(&rules, at("2026-11-19T06:00:00Z")), 0);
        assert_eq!(flight.stand_still(&rules, at("2027-02-01T06:00:00Z")), 1);
    }
}
