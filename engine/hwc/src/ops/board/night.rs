//! The reports since five in the afternoon: how many there are, and where they came to. The journal forgets what ended, so what ended
//! is known only if it was seen to end.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use hwc_board::{Count, Night};
use hwc_jetstream::Told;
use hwc_relay::Rules;
use hwc_schemas::IncidentId;
use hwc_telemetry::Word as _;
use hwc_workflow::{Event, Incident, Stay, Trail, evolve, law::Phase};
use jiff::{SignedDuration, Timestamp, civil::time};

/// When a night begins, local time.
const BEGINS: jiff::civil::Time = time(17, 0, 0, 0);
/// How long it is remembered what ended: longer than any night.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(26);
/// Ended incidents that are remembered, at most.
const ENDED_MAX: usize = 100_000;

/// What is known of the night.
#[derive(Default)]
pub(super) struct NightWatch {
    seen_since: Option<Timestamp>,
    going: HashMap<IncidentId, (Incident, Trail)>,
    /// When each that ended was recorded, and how many signals it had.
    ended: Vec<(Timestamp, u64)>,
}

impl NightWatch {
    /// This became durable, and these are in flight since.
    pub(super) fn note(&mut self, told: Told, in_flight: &BTreeSet<IncidentId>, now: Timestamp) {
        self.seen_since.get_or_insert(now);
        for (id, commit) in told {
            match commit {
                Ok(commit) => self.goes_on(id, &commit.events),
                Err(_) => drop(self.going.remove(&id)),
            }
        }
        let over: Vec<_> = self.going.keys().filter(|id| !in_flight.contains(id)).copied().collect();
        for id in over {
            let Some((_, trail)) = self.going.remove(&id) else { continue };
            if let Some(whole) = trail.incident() {
                let signals = trail.signals().len() as u64;
                self.ended.push((whole.began, signals.max(u64::from(whole.signals)).max(1)));
            }
        }
        let oldest = now.saturating_sub(REMEMBERED).unwrap_or(Timestamp::MIN);
        self.ended.retain(|(recorded, _)| *recorded >= oldest);
        let surplus = self.ended.len().saturating_sub(ENDED_MAX);
        self.ended.drain(..surplus);
    }

    fn goes_on(&mut self, id: IncidentId, events: &[Event]) {
        let (mut state, mut trail) = self.going.remove(&id).unwrap_or((Incident::Unknown, Trail::default()));
        for event in events {
            // What cannot have happened is on the board as left alone.
            let Ok(after) = evolve(state, event) else { return };
            state = after;
            trail.walk(event, &state);
        }
        self.going.insert(id, (state, trail));
    }

    /// How many came, and where they are.
    pub(super) fn tally(&self, rules: &Rules, now: Timestamp) -> Night {
        let since = began(rules, now);
        let (mut reports, mut places) = (0_u64, BTreeMap::<Phase, u64>::new());
        for (_, trail) in self.going.values() {
            let Some(whole) = trail.incident().filter(|stay| stay.began >= since) else { continue };
            reports += 1;
            let children = if whole.phase == Phase::Expanded { trail.signals() } else { &[] };
            let stays = if children.is_empty() { std::slice::from_ref(whole) } else { children };
            for Stay { phase, signals, .. } in stays {
                *places.entry(*phase).or_default() += u64::from((*signals).max(1));
            }
        }
        let ended = self.ended.iter().filter(|(recorded, _)| *recorded >= since);
        let (gone, signals) =
            ended.fold((0_u64, 0_u64), |(gone, signals), (_, more)| (gone + 1, signals + more));
        *places.entry(Phase::Purged).or_default() += signals;
        let place = |(phase, signals): (Phase, u64)| {
            let word = if phase == Phase::Purged { "ended" } else { phase.word() };
            (signals > 0).then_some((word, Count::of(signals)))
        };
        Night {
            since: Some(since),
            seen_since: self.seen_since,
            reports: Count::of(reports + gone),
            places: places.into_iter().filter_map(place).collect(),
        }
    }
}

/// When the night began that is on, or was the last.
fn began(rules: &Rules, now: Timestamp) -> Timestamp {
    let local = rules.calendar.local(now);
    let day =
        if local.time() >= BEGINS { local.date() } else { local.date().yesterday().unwrap_or(local.date()) };
    rules.calendar.instant(day, BEGINS)
}

#[cfg(test)]
mod tests {
    use hwc_journal::codec;

    use super::{
        super::super::flight::tests::{EXPANDED, RECORDED, rules},
        *,
    };

    fn id(number: u128) -> IncidentId {
        IncidentId::from_uuid(uuid::Uuid::from_u128(number))
    }

    fn told(number: u128, text: &str) -> Told {
        vec![(id(number), codec::decode(format!(r#"{{"v":3,"events":[{text}]}}"#).as_bytes()))]
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn reports_since_five_are_counted_where_they_are_and_what_was_seen_to_end_too() {
        let (mut night, rules, now) = (NightWatch::default(), rules(), at("2026-11-19T06:30:00Z"));
        let both: BTreeSet<_> = [id(7), id(8)].into();
        for number in [7, 8] {
            night.note(told(number, &format!("{RECORDED},{EXPANDED}")), &both, now);
        }
        let early = RECORDED.replace("2026-11-19T05:45", "2026-11-18T12:00");
        night.note(told(9, &early), &[id(7), id(8), id(9)].into(), now);
        let tally = night.tally(&rules, now);
        assert_eq!(tally.since, Some(at("2026-11-18T16:00:00Z")));
        assert_eq!((tally.seen_since, tally.reports), (Some(now), Count::of(2)));
        assert!(tally.places.contains(&("expanded", Count::of(2))), "{:?}", tally.places);

        night.note(Vec::new(), &[id(8)].into(), now);
        let tally = night.tally(&rules, now);
        assert_eq!(tally.reports, Count::of(2), "what ended is counted still");
        assert_eq!(tally.places.last(), Some(&("ended", Count::of(2))));
        // The next evening nothing of it counts, and a day later nothing of it is remembered.
        assert!(night.tally(&rules, at("2026-11-19T17:00:00Z")).reports.is_none());
        night.note(Vec::new(), &BTreeSet::new(), at("2026-11-21T06:30:00Z"));
        assert!(night.ended.is_empty() && night.going.is_empty());
    }

    #[test]
    fn what_cannot_have_happened_is_no_report_of_the_night() {
        let (mut night, now) = (NightWatch::default(), at("2026-11-19T06:30:00Z"));
        night.note(told(7, EXPANDED), &[id(7)].into(), now);
        assert!(night.tally(&rules(), now).reports.is_none());
    }
}
