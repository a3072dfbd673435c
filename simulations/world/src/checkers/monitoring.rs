//! What those who watch are told is so, and adds up.

use std::collections::{BTreeMap, HashMap, HashSet};

use hwc_relay::{Census, Standing};
use hwc_schemas::{IncidentId, outcome::Outcome};
use hwc_workflow::{Event, Fact, law::Phase};
use jiff::Timestamp;

use super::{
    CALM_AFTER, Checker, demand,
    ledger::{Case, Ledger, Place},
};
use crate::{
    chronicle::{EngineNumber, Entry, Happened},
    truth::Truth,
};

/// Monitoring agrees with what is durable (R25, R26).
///
/// It demands
/// * that nothing is noted that is not durable, or was, and nothing twice by one engine: its counts would be wrong. An engine
///   that was overtaken reads what the other wrote, and says it too;
/// * that every event that is durable in a world without faults, or [`CALM_AFTER`] it has healed, is noted in the end. Before, an
///   engine that dies between the two leaves it unsaid;
/// * that what a leading engine counts by state, with the age of the oldest, is what the durable events come to: always of the
///   engine that wrote the last event and has noted everything that it wrote, and of every engine from [`CALM_AFTER`] the
///   healing. It is not demanded while
///   an incident is under way about which the storage lied: the engine may not know yet;
/// * that of each incident, when its tombstone is written, the children found, those that ended, by outcome and reason, and
///   those purged are equally many. A report that expires before its children are known counts as one.
#[derive(Default)]
pub struct Monitoring {
    ledger: Ledger,
    durable: HashMap<IncidentId, Vec<Watched>>,
    tallies: HashMap<IncidentId, Tally>,
    healed: Option<Timestamp>,
    faults: bool,
    wrote_last: Option<EngineNumber>,
    /// Incidents of which an engine wrote what it has not noted yet.
    unsaid: HashSet<(EngineNumber, IncidentId)>,
    /// Incidents under way about which the storage lied.
    lied: Vec<IncidentId>,
}

/// An event that became durable.
struct Watched {
    event: Event,
    noted: Vec<EngineNumber>,
    /// Whether the world had healed for a while when it became durable.
    healed: bool,
}

/// What the facts of one incident come to.
#[derive(Default)]
struct Tally {
    found: u64,
    outcomes: BTreeMap<Outcome, u64>,
    purged: u64,
}

impl Checker for Monitoring {
    fn name(&self) -> &'static str {
        "monitoring"
    }

    fn see(&mut self, entry: &Entry, _: &Truth) -> Result<(), String> {
        match &entry.what {
            Happened::Healed => self.healed = Some(entry.at),
            Happened::Fault(_) => self.faults = true,
            Happened::StorageLied { incidents } => {
                self.faults = true;
                self.lied.extend(incidents);
            }
            Happened::Durable { incident, by, events } => {
                self.wrote_last = Some(*by);
                self.unsaid.insert((*by, *incident));
                let healed = self.healed.is_some_and(|healed| entry.at > healed + CALM_AFTER);
                let watched = self.durable.entry(*incident).or_default();
                for event in events {
                    watched.push(Watched { event: event.clone(), noted: Vec::new(), healed });
                    self.tallies
                        .entry(*incident)
                        .or_default()
                        .count(&event.fact, self.ledger.case(*incident));
                    let _ = self.ledger.write(*incident, event, entry.at);
                }
                return Ok(());
            }
            Happened::Noted { by, incident, events } => self.noted(*by, *incident, events)?,
            Happened::Counted { by, census } => self.counted(*by, census, entry.at)?,
            Happened::Forgotten { incident } => {
                self.lied.retain(|lied| lied != incident);
                let tally = self.tallies.get(incident).filter(|_| !self.ledger.lied(*incident));
                demand(tally.is_none_or(Tally::adds_up), || {
                    tally.map(|tally| tally.words(*incident)).unwrap_or_default()
                })?;
            }
            _ => {}
        }
        self.ledger.see(entry);
        Ok(())
    }

    fn end(&mut self, _: &Truth) -> Result<(), String> {
        for (incident, events) in &self.durable {
            let unsaid = events.iter().find(|one| one.noted.is_empty() && (one.healed || !self.faults));
            demand(unsaid.is_none(), || {
                format!("of {incident} {:?} was never noted", unsaid.map(|one| &one.event.fact))
            })?;
        }
        Ok(())
    }
}

impl Monitoring {
    fn noted(&mut self, by: EngineNumber, incident: IncidentId, events: &[Event]) -> Result<(), String> {
        self.unsaid.remove(&(by, incident));
        let durable = self.durable.entry(incident).or_default();
        for event in events {
            // The latest first: what is noted has mostly just happened.
            let mut same = durable.iter_mut().rev().filter(|one| one.event == *event).peekable();
            let known = same.peek().is_some();
            let Some(one) = same.find(|one| !one.noted.contains(&by)) else {
                let why = if known { "which was noted before" } else { "which is not durable" };
                return Err(format!("engine {} notes {:?} of {incident}, {why}", by.0, event.fact));
            };
            one.noted.push(by);
        }
        Ok(())
    }

    fn counted(&self, by: EngineNumber, census: &Census, now: Timestamp) -> Result<(), String> {
        let settled = self.healed.is_some_and(|healed| now > healed + CALM_AFTER);
        let knows = self.wrote_last == Some(by) && !self.unsaid.iter().any(|(whose, _)| *whose == by);
        if !self.lied.is_empty() || !(settled || knows) {
            return Ok(());
        }
        let mut so: BTreeMap<Phase, Standing> = BTreeMap::new();
        for (_, case) in self.ledger.cases() {
            whereabouts(case, |phase, since| {
                let standing = so.entry(phase).or_insert(Standing { count: 0, oldest: since });
                standing.count += 1;
                standing.oldest = standing.oldest.min(since);
            });
        }
        demand(census.0 == so, || format!("engine {} counts {:?}, and it is {so:?}", by.0, census.0))
    }
}

/// Where everything of a case is that is not purged, and since when.
fn whereabouts(case: &Case, mut is: impl FnMut(Phase, Timestamp)) {
    if case.forgotten.is_some() || case.incident_purged || case.recorded.is_none() {
        return;
    }
    if case.is_expanded() {
        for signal in &case.signals {
            let phase = match signal.place {
                Place::Referred => Phase::Expanded,
                Place::Routed => Phase::Routed,
                Place::Delivered => Phase::Delivered,
                Place::Ended(Outcome::Acknowledged) => Phase::Acknowledged,
                Place::Ended(Outcome::ScreenedOut(_)) => Phase::ScreenedOut,
                Place::Ended(Outcome::Withheld(_)) => Phase::Withheld,
                Place::Ended(Outcome::Recalled(_)) => Phase::Recalled,
                Place::Ended(Outcome::Expired(_)) => Phase::Expired,
                Place::Purged(_) => continue,
            };
            is(phase, signal.since);
        }
    } else {
        let phase = match case.qualifies {
            _ if case.report_expired => Phase::Expired,
            Some(true) => Phase::Screened,
            Some(false) => Phase::ScreenedOut,
            None => Phase::Recorded,
        };
        is(phase, case.since);
    }
}

impl Tally {
    /// Counts a fact; the case is as it was before.
    fn count(&mut self, fact: &Fact, before: Option<&Case>) {
        use hwc_schemas::outcome::{Expired, ScreenedOut, Withheld};
        let mut ends = |outcome, many| *self.outcomes.entry(outcome).or_default() += many;
        match fact {
            Fact::NotDomesticViolence { children } => {
                self.found += u64::from(*children);
                ends(Outcome::ScreenedOut(ScreenedOut::NotDomesticViolence), u64::from(*children));
            }
            Fact::ReportExpired if before.is_some_and(|case| !case.is_expanded()) => {
                self.found += 1;
                ends(Outcome::Expired(Expired::NotScreened), 1);
            }
            Fact::Expanded { found, .. } | Fact::Joined { found } => {
                for found in found {
                    self.found += 1;
                    match found {
                        hwc_workflow::Found::Referred { .. } => {}
                        hwc_workflow::Found::ScreenedOut { reason } => ends(Outcome::ScreenedOut(*reason), 1),
                        hwc_workflow::Found::NotParticipating => {
                            ends(Outcome::Withheld(Withheld::MunicipalityNotParticipating), 1);
                        }
                    }
                }
            }
            Fact::Withheld { reason, .. } => ends(Outcome::Withheld(*reason), 1),
            Fact::Expired { reason, .. } => ends(Outcome::Expired(*reason), 1),
            Fact::Acknowledged { .. } => ends(Outcome::Acknowledged, 1),
            Fact::Recalled { number, reason, .. } => {
                ends(Outcome::Recalled(*reason), 1);
                // What had ended otherwise is now recalled.
                let signal = before.and_then(|case| case.signals.get(number.index()));
                if let Some(Place::Ended(other)) = signal.map(|signal| &signal.place) {
                    let other = self.outcomes.entry(*other).or_default();
                    *other = other.saturating_sub(1);
                }
            }
            Fact::Purged { .. } => self.purged += 1,
            Fact::IncidentPurged if before.is_some_and(|case| !case.is_expanded()) => {
                self.purged = self.found;
            }
            _ => {}
        }
    }

    fn adds_up(&self) -> bool {
        self.found == self.purged && self.found == self.outcomes.values().sum::<u64>()
    }

    fn words(&self, incident: IncidentId) -> String {
        let Self { found, outcomes, purged } = self;
        format!("of {incident} {found} were found, {purged} are purged, and ended {outcomes:?}")
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::story::{Story, fact, incident, number, when},
        *,
    };

    fn judged(story: &Story) -> Result<(), String> {
        story.judged(Monitoring::default())
    }

    fn noted(such: impl Fn(&Fact) -> bool) -> impl Fn(&Happened) -> bool {
        move |what| matches!(what, Happened::Noted { events, .. } if events.iter().any(|event| such(&event.fact)))
    }

    fn acknowledged(fact: &Fact) -> bool {
        *fact == Fact::Acknowledged { number: number(1) }
    }

    fn counted(by: u8, counts: &[(Phase, u64, &str)]) -> Happened {
        let standing = |(phase, count, oldest): &(Phase, u64, &str)| {
            (*phase, Standing { count: *count, oldest: when(oldest) })
        };
        let census = Census(counts.iter().map(standing).collect());
        Happened::Counted { by: EngineNumber(by), census }
    }

    #[test]
    fn in_an_ordinary_world_everything_adds_up() {
        assert_eq!(judged(&Story::ordinary()), Ok(()));
    }

    #[test]
    fn a_note_of_what_is_not_durable_is_noticed() {
        let story = Story::ordinary().without(fact(acknowledged));
        assert!(judged(&story).unwrap_err().contains("is not durable"));
        let mut story = Story::ordinary();
        let again = story.entries[story.place(noted(acknowledged))].what.clone();
        assert!(judged(story.happens(again)).unwrap_err().contains("was noted before"));
    }

    #[test]
    fn an_event_that_nobody_notes_is_noticed_unless_an_engine_may_have_died_of_it() {
        let mut story = Story::ordinary().without(noted(acknowledged));
        assert!(judged(&story).unwrap_err().contains("was never noted"));
        story.entries.retain(|entry| entry.what != Happened::Healed);
        story.entries.insert(
            0,
            crate::chronicle::Entry { at: story.truth.begins, what: Happened::Fault("a crash".into()) },
        );
        assert_eq!(judged(&story), Ok(()));
    }

    #[test]
    fn a_count_that_is_not_so_is_noticed() {
        let mut story = Story::until_delivered();
        let so = counted(0, &[(Phase::Delivered, 2, "2026-11-19 07:00")]);
        assert_eq!(judged(story.happens(so)), Ok(()));
        let wrong = |by, counts: &[_]| judged(Story::until_delivered().happens(counted(by, counts)));
        assert!(wrong(0, &[(Phase::Delivered, 1, "2026-11-19 07:00")]).unwrap_err().contains("counts"));
        assert!(wrong(0, &[(Phase::Delivered, 2, "2026-11-19 06:59")]).is_err());
        assert!(wrong(0, &[(Phase::Routed, 2, "2026-11-19 06:55")]).is_err());
        assert!(wrong(1, &[]).is_err());
    }

    #[test]
    fn before_the_world_heals_only_the_last_to_write_must_know() {
        let story = |by| {
            let mut story = Story::until_delivered().without(|what| *what == Happened::Healed);
            judged(story.happens(counted(by, &[])))
        };
        assert_eq!(story(1), Ok(()));
        assert!(story(0).is_err());
    }

    #[test]
    fn while_the_storage_may_have_lied_a_count_may_be_wrong() {
        let mut story = Story::until_delivered();
        story.happens(Happened::StorageLied { incidents: [incident(1)].into() });
        assert_eq!(judged(story.happens(counted(0, &[]))), Ok(()));
    }

    #[test]
    fn a_child_that_is_found_and_never_purged_is_noticed() {
        let purged = |fact: &Fact| *fact == Fact::Purged { number: number(2) };
        let story = Story::ordinary().without(fact(purged)).without(noted(purged));
        assert!(judged(&story).unwrap_err().contains("3 were found, 2 are purged"));
    }

    #[test]
    fn an_outcome_that_counts_twice_is_noticed() {
        let mut story = Story::ordinary();
        let place = story.place(fact(acknowledged));
        let again = story.entries[place].clone();
        story.entries.insert(place, again);
        assert!(judged(&story).unwrap_err().contains("Acknowledged: 3"));
    }
}
