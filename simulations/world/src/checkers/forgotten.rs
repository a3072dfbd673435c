//! In the end nothing points to what ended but what the rules leave, and that is complete.

use std::collections::{BTreeSet, HashMap, HashSet};

use hwc_schemas::{IncidentId, PayloadId, wire::Task};
use jiff::Timestamp;

use super::{Checker, demand, honest};
use crate::{
    chronicle::{EngineHolds, EngineNumber, Entry, Happened, Holdings},
    truth::Truth,
};

/// How much longer than a report is accepted it is remembered that it ended, in days.
const LONGER_DAYS: i64 = 7;
const SECONDS_OF_A_DAY: i64 = 86_400;

/// When nothing is left to happen, nothing is left (R22, R23, R28).
///
/// It demands of the last look at everything that is there
/// * that no incident has events at the broker and no engine knows one by memory; that no ciphertext is there; that nobody
///   honest has a task in hand or at the broker;
/// * that there is a tombstone of every incident that ended within `accept_days` and a week, and of no other: none that is
///   older, none of an incident that did not end;
/// * that in an engine's state folder there are ids of incidents that ended and of ciphertexts that were stored, and none that
///   were too old at its last start: tombstones' time for incidents, the ceiling and a day for ciphertexts. A folder counts in days;
/// * that the engine that led last knows of every incident that has its tombstone.
///
/// So what is found is ids only. Where the storage lied, a tombstone may be missing; nothing else may be there.
#[derive(Default)]
pub struct Forgotten {
    ended: HashMap<IncidentId, Timestamp>,
    stored: HashSet<PayloadId>,
    lied: HashSet<IncidentId>,
    holds: Option<Holdings>,
    over: Option<Timestamp>,
}

impl Checker for Forgotten {
    fn name(&self) -> &'static str {
        "forgotten"
    }

    fn see(&mut self, entry: &Entry, _: &Truth) -> Result<(), String> {
        match &entry.what {
            Happened::Forgotten { incident } => {
                self.ended.insert(*incident, entry.at);
            }
            Happened::Stored { payload, .. } => {
                self.stored.insert(*payload);
            }
            Happened::StorageLied { incidents } => self.lied.extend(incidents),
            Happened::Holds(holds) => self.holds = Some(Holdings::clone(holds)),
            Happened::Over => self.over = Some(entry.at),
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, truth: &Truth) -> Result<(), String> {
        // A world that never came to rest is somebody else's to notice.
        let (Some(holds), Some(now)) = (&self.holds, self.over) else { return Ok(()) };
        Self::nothing_is_left(holds, truth)?;
        self.tombstones(holds, now, truth)?;
        let days = i64::from(truth.policy.accept_days) + LONGER_DAYS;
        let ceiling_days = i64::from(truth.policy.payload_ceiling_days) + 1;
        for (engine, held) in &holds.engines {
            self.is_no_more_than_ids(*engine, held, (days, ceiling_days))?;
        }
        let tombstones: BTreeSet<_> = holds.tombstones.iter().map(|(incident, _)| *incident).collect();
        let last = holds.engines.iter().find(|(engine, _)| Some(*engine) == holds.led_last);
        let known: BTreeSet<_> =
            last.iter().flat_map(|(_, held)| &held.incidents).map(|(one, _)| *one).collect();
        let missing = tombstones.difference(&known).find(|one| !self.lied.contains(one));
        demand(missing.is_none(), || {
            format!("the engine that led last does not know that {} ended", words(missing))
        })
    }
}

fn words(incident: Option<&IncidentId>) -> String {
    incident.map(ToString::to_string).unwrap_or_default()
}

fn id(task: &Task) -> String {
    task.id()
}

impl Forgotten {
    fn nothing_is_left(holds: &Holdings, truth: &Truth) -> Result<(), String> {
        let log = holds.logs.first();
        demand(log.is_none(), || format!("there are events of {}", words(log)))?;
        let payload = holds.payloads.first();
        demand(payload.is_none(), || {
            format!("there is a ciphertext of {}", words(payload.map(|(_, incident)| incident)))
        })?;
        let task = holds.tasks.iter().find(|(to, _)| honest(to, truth));
        demand(task.is_none(), || {
            task.map(|(to, task)| format!("{} lies there for {to}", id(task))).unwrap_or_default()
        })?;
        let hand = holds.in_hand.iter().find(|(whose, _)| honest(whose, truth));
        demand(hand.is_none(), || {
            hand.map(|(whose, task)| format!("{whose} has {task} in hand")).unwrap_or_default()
        })?;
        let engine = holds.engines.iter().find_map(|(engine, held)| Some((engine, held.known.first()?)));
        demand(engine.is_none(), || {
            engine.map(|(engine, known)| format!("engine {} knows of {known}", engine.0)).unwrap_or_default()
        })
    }

    fn tombstones(&self, holds: &Holdings, now: Timestamp, truth: &Truth) -> Result<(), String> {
        let days = i64::from(truth.policy.accept_days) + LONGER_DAYS;
        let is_kept = |since: Timestamp| now.duration_since(since).as_secs() < days * SECONDS_OF_A_DAY;
        for (incident, since) in &holds.tombstones {
            demand(self.ended.contains_key(incident), || {
                format!("{incident} did not end and has a tombstone")
            })?;
            demand(is_kept(*since), || format!("the tombstone of {incident} has had its time"))?;
        }
        let there: HashSet<_> = holds.tombstones.iter().map(|(incident, _)| *incident).collect();
        let missing = self.ended.iter().filter(|(one, since)| is_kept(**since) && !there.contains(one));
        let missing = missing.map(|(one, _)| one).find(|one| !self.lied.contains(one));
        demand(missing.is_none(), || format!("{} ended and has no tombstone", words(missing)))
    }

    fn is_no_more_than_ids(
        &self,
        engine: EngineNumber,
        held: &EngineHolds,
        (days, ceiling_days): (i64, i64),
    ) -> Result<(), String> {
        let is_kept = |day: i32, days: i64| i64::from(held.started_on) - i64::from(day) <= days;
        for (incident, day) in &held.incidents {
            let known = self.ended.contains_key(incident) || self.lied.contains(incident);
            demand(known, || format!("engine {} noted {incident}, which did not end", engine.0))?;
            demand(is_kept(*day, days), || format!("engine {} remembers {incident} too long", engine.0))?;
        }
        for (payload, day) in &held.payloads {
            demand(self.stored.contains(payload), || format!("engine {} noted {payload}", engine.0))?;
            demand(is_kept(*day, ceiling_days), || {
                format!("engine {} remembers {payload} too long", engine.0)
            })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::story::{DAVIDS, Story, incident, org, payload, signal, when},
        *,
    };

    /// What is there when the ordinary world is over.
    fn rest() -> Holdings {
        let today = 20_776;
        let held = EngineHolds {
            known: Vec::new(),
            incidents: vec![(incident(1), today)],
            payloads: vec![(payload(4), today)],
            started_on: today,
        };
        Holdings {
            tombstones: vec![(incident(1), when("2026-11-19 08:20"))],
            engines: vec![(EngineNumber(0), held)],
            led_last: Some(EngineNumber(0)),
            ..Holdings::default()
        }
    }

    fn judged(holds: Holdings) -> Result<(), String> {
        judged_at("2026-11-19 09:00", holds)
    }

    fn judged_at(now: &str, holds: Holdings) -> Result<(), String> {
        let mut story = Story::ordinary();
        story.entries.pop();
        story.at(now).happens(Happened::Holds(Box::new(holds))).over();
        story.judged(Forgotten::default())
    }

    fn said(holds: Holdings) -> String {
        judged(holds).unwrap_err()
    }

    #[test]
    fn what_the_rules_leave_may_be_there() {
        assert_eq!(judged(rest()), Ok(()));
    }

    #[test]
    fn whatever_else_is_left_is_noticed() {
        assert!(said(Holdings { logs: [incident(1)].into(), ..rest() }).contains("events"));
        assert!(
            said(Holdings { payloads: vec![(payload(4), incident(1))], ..rest() }).contains("a ciphertext")
        );
        let task = Task::Read { signal: signal(1), round: 1 };
        assert!(said(Holdings { tasks: vec![(org(DAVIDS), task)], ..rest() }).contains("lies there"));
        assert!(said(Holdings { in_hand: vec![(org(DAVIDS), "x".into())], ..rest() }).contains("in hand"));
        let mut holds = rest();
        holds.engines[0].1.known.push(incident(1));
        assert!(said(holds).contains("knows of"));
    }

    #[test]
    fn a_tombstone_is_there_for_its_time_and_no_longer() {
        assert!(said(Holdings { tombstones: Vec::new(), ..rest() }).contains("has no tombstone"));
        let mut holds = rest();
        holds.tombstones.push((incident(2), when("2026-11-19 08:20")));
        assert!(said(holds).contains("did not end"));
        // 90 days and a week.
        assert_eq!(judged_at("2027-02-24 08:19", rest()), Ok(()));
        assert!(judged_at("2027-02-24 08:20", rest()).unwrap_err().contains("has had its time"));
        assert_eq!(judged_at("2027-02-24 08:20", Holdings { tombstones: Vec::new(), ..rest() }), Ok(()));
    }

    #[test]
    fn ids_are_of_what_ended_and_not_too_old() {
        let with = |change: &dyn Fn(&mut EngineHolds)| {
            let mut holds = rest();
            change(&mut holds.engines[0].1);
            said(holds)
        };
        assert!(with(&|held| held.incidents.push((incident(2), 20_776))).contains("did not end"));
        assert!(with(&|held| held.payloads.push((payload(99), 20_776))).contains("noted"));
        assert!(with(&|held| held.incidents[0].1 -= 98).contains("too long"));
        assert!(with(&|held| held.payloads[0].1 -= 30).contains("too long"));
        assert!(with(&|held| held.incidents.clear()).contains("led last"));
    }
}
