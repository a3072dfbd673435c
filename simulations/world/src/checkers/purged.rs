//! What is over is gone, soon and for ever.

use std::collections::{BTreeSet, HashMap, HashSet, hash_map};

use hwc_schemas::{IncidentId, PayloadId, SignalId, SignalNumber};
use hwc_workflow::Fact;
use jiff::{SignedDuration, Timestamp};

use super::{
    CALM_AFTER, Checker, ON_ITS_WAY_MAX, demand,
    ledger::{Ledger, Place, Signal},
};
use crate::{
    chronicle::{Entry, Happened},
    truth::Truth,
};

/// How soon a ciphertext is gone that nobody needs any more, once nothing goes wrong.
pub const ERASED_WITHIN: SignedDuration = SignedDuration::from_mins(2);
/// How soon a signal that is over is purged, once nothing goes wrong.
pub const PURGED_WITHIN: SignedDuration = SignedDuration::from_mins(4);
/// How soon an incident of which everything is purged has its tombstone, once nothing goes wrong.
pub const FORGOTTEN_WITHIN: SignedDuration = SignedDuration::from_mins(2);

/// What is over is gone, soon and for ever (R21, R23).
///
/// It demands
/// * that nothing is said to be gone that is there: neither `Erased` of a ciphertext, nor `Purged` of a signal with one of its
///   ciphertexts, nor a tombstone of an incident with one that its events point to;
/// * once the world has healed, counted from then or from when it was over, whichever is later: that a ciphertext that is not
///   needed any more (the report when the children are known, a letter that was returned or is looked up afresh, everything
///   of a signal that ended) is gone within [`ERASED_WITHIN`]; that a signal that ended is purged within [`PURGED_WITHIN`];
///   that an incident whose last signal is purged has its tombstone within [`FORGOTTEN_WITHIN`];
/// * that in the end no ciphertext is there at all;
/// * that after the tombstone no event becomes durable, and, [`ON_ITS_WAY_MAX`] later, that nobody opens anything and no task
///   is offered. Until [`CALM_AFTER`] the healing an engine that was held up or overtaken may still offer one. A ciphertext
///   that is stored in vain because the tombstone was met is `owned`'s to judge.
///
/// Where the storage lied about an incident, what it undid is not counted; what is there in the end is.
#[derive(Default)]
pub struct Purged {
    ledger: Ledger,
    /// What is there, whose it is, and in how many copies.
    there: HashMap<PayloadId, (IncidentId, u32)>,
    ever: HashSet<PayloadId>,
    /// What was stored twice because nobody knew that it was.
    twice: HashSet<PayloadId>,
    healed: Option<Timestamp>,
    /// What was over before the world healed.
    over: HashSet<Owed>,
    /// What is over since, and by when it must be done.
    due: BTreeSet<(Timestamp, Owed)>,
    by_when: HashMap<Owed, Timestamp>,
}

/// What must follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Owed {
    Gone(IncidentId, PayloadId),
    Purged(SignalId),
    Forgotten(IncidentId),
}

impl Owed {
    const fn within(self) -> SignedDuration {
        match self {
            Self::Gone(..) => ERASED_WITHIN,
            Self::Purged(_) => PURGED_WITHIN,
            Self::Forgotten(_) => FORGOTTEN_WITHIN,
        }
    }

    const fn incident(self) -> IncidentId {
        match self {
            Self::Gone(incident, _) | Self::Forgotten(incident) => incident,
            Self::Purged(signal) => signal.incident,
        }
    }

    fn words(self) -> String {
        match self {
            Self::Gone(incident, payload) => {
                format!("{payload} of {incident} is not needed any more and still there")
            }
            Self::Purged(signal) => format!("{signal} is over and not purged"),
            Self::Forgotten(incident) => format!("{incident} is purged and has no tombstone"),
        }
    }
}

impl Checker for Purged {
    fn name(&self) -> &'static str {
        "purged"
    }

    fn see(&mut self, entry: &Entry, _: &Truth) -> Result<(), String> {
        if let Some((by_when, owed)) = self.due.first() {
            demand(entry.at <= *by_when, || format!("{} in time", owed.words()))?;
        }
        match &entry.what {
            Happened::Healed => {
                self.healed = Some(entry.at);
                for owed in std::mem::take(&mut self.over) {
                    self.owe(owed, entry.at);
                }
            }
            Happened::Stored { payload, incident, .. } => {
                let stored_before = self.ever.replace(*payload).is_some();
                if stored_before {
                    self.twice.insert(*payload);
                }
                self.there.entry(*payload).or_insert((*incident, 0)).1 += 1;
            }
            Happened::Gone { payload, .. } => {
                if let Some((incident, copies)) = self.there.get_mut(payload) {
                    let incident = *incident;
                    *copies -= 1;
                    if *copies == 0 {
                        self.there.remove(payload);
                        self.done(Owed::Gone(incident, *payload));
                    }
                }
            }
            Happened::Durable { incident, events, .. } => {
                self.is_not_forgotten(*incident, None, entry, "an event")?;
                for event in events {
                    let _ = self.ledger.write(*incident, event, entry.at);
                    self.follow(*incident, &event.fact, entry.at)?;
                }
                return Ok(());
            }
            Happened::Forgotten { incident } => {
                self.is_gone(*incident)?;
                self.done(Owed::Forgotten(*incident));
            }
            Happened::Opened { incident, by, .. } => {
                let late = Some(ON_ITS_WAY_MAX);
                self.is_not_forgotten(*incident, late, entry, &format!("a payload that {by} opens"))?;
            }
            Happened::Offered { to, task }
                if self.healed.is_some_and(|healed| entry.at > healed + CALM_AFTER) =>
            {
                let late = Some(ON_ITS_WAY_MAX);
                self.is_not_forgotten(task.incident(), late, entry, &format!("a task for {to}"))?;
            }
            Happened::StorageLied { incidents } => {
                self.over.retain(|owed| !incidents.contains(&owed.incident()));
                self.due.retain(|(_, owed)| !incidents.contains(&owed.incident()));
                self.by_when.retain(|owed, _| !incidents.contains(&owed.incident()));
            }
            _ => {}
        }
        self.ledger.see(entry);
        Ok(())
    }

    fn end(&mut self, _: &Truth) -> Result<(), String> {
        let left = self.there.iter().min();
        demand(left.is_none(), || {
            left.map(|(payload, (of, _))| format!("{payload} of {of} is there for ever")).unwrap_or_default()
        })
    }
}

impl Purged {
    fn owe(&mut self, owed: Owed, now: Timestamp) {
        if self.ledger.lied(owed.incident()) {
            return;
        }
        match self.healed {
            None => {
                self.over.insert(owed);
            }
            Some(healed) => {
                let by_when = now.max(healed) + owed.within();
                if let hash_map::Entry::Vacant(vacant) = self.by_when.entry(owed) {
                    vacant.insert(by_when);
                    self.due.insert((by_when, owed));
                }
            }
        }
    }

    fn done(&mut self, owed: Owed) {
        self.over.remove(&owed);
        if let Some(by_when) = self.by_when.remove(&owed) {
            self.due.remove(&(by_when, owed));
        }
    }

    /// What must follow from an event that was just folded.
    fn follow(&mut self, incident: IncidentId, fact: &Fact, now: Timestamp) -> Result<(), String> {
        let Some(case) = self.ledger.case(incident) else { return Ok(()) };
        let lied = case.lied;
        let mut useless = Vec::new();
        let mut ended = Vec::new();
        match fact {
            Fact::NotDomesticViolence { .. }
            | Fact::Expanded { .. }
            | Fact::Joined { .. }
            | Fact::ReportExpired => {
                let done = case.is_complete() || case.report_expired || case.qualifies == Some(false);
                useless.extend(case.recorded.as_ref().filter(|_| done).map(|recorded| recorded.report));
                let signals = case.signals.iter().enumerate();
                let over = signals.filter(|(_, signal)| matches!(signal.place, Place::Ended(_)));
                ended.extend(over.filter_map(|(index, _)| SignalNumber::at(index)));
            }
            Fact::LookUpAgain { number } | Fact::Returned { number } => {
                let signal = case.signals.get(number.index());
                let before =
                    signal.and_then(|signal| signal.in_round(u16::try_from(signal.round()).ok()? - 1));
                useless.extend(before.and_then(|round| Some(round.routed.as_ref()?.1)));
            }
            Fact::Withheld { number, .. }
            | Fact::Recalled { number, .. }
            | Fact::Expired { number, .. }
            | Fact::Acknowledged { number } => {
                useless.extend(case.signals.get(number.index()).into_iter().flat_map(Signal::payloads));
                ended.push(*number);
            }
            Fact::Erased { payload } => {
                let there = self.is_there(payload) && !lied;
                demand(!there, || format!("{payload} of {incident} is said to be erased and is there"))?;
            }
            Fact::Purged { number } => {
                let own = case.signals.get(number.index()).into_iter().flat_map(Signal::payloads);
                let left = own.filter(|_| !lied).find(|payload| self.is_there(payload));
                let signal = SignalId { incident, number: *number };
                demand(left.is_none(), || {
                    format!("{signal} is said to be purged and a ciphertext is there")
                })?;
                self.done(Owed::Purged(signal));
            }
            _ => {}
        }
        let case = self.ledger.case(incident);
        let whole = case.is_some_and(|case| case.is_purged() || case.ended_unexpanded());
        for payload in useless {
            if self.is_there(&payload) {
                self.owe(Owed::Gone(incident, payload), now);
            }
        }
        for number in ended {
            self.owe(Owed::Purged(SignalId { incident, number }), now);
        }
        if whole {
            self.owe(Owed::Forgotten(incident), now);
        }
        Ok(())
    }

    /// Whether a ciphertext is there that should not be. A second copy, stored because the first was not answered, is nobody's:
    /// it stays until it is swept, which `owned` judges.
    fn is_there(&self, payload: &PayloadId) -> bool {
        self.there.contains_key(payload) && !self.twice.contains(payload)
    }

    /// Whether nothing is there that the events of an incident point to.
    fn is_gone(&self, incident: IncidentId) -> Result<(), String> {
        let Some(case) = self.ledger.case(incident).filter(|case| !case.lied) else { return Ok(()) };
        let report = case.recorded.iter().map(|recorded| recorded.report);
        let mut all = report.chain(case.signals.iter().flat_map(Signal::payloads));
        let left = all.find(|payload| self.is_there(payload));
        demand(left.is_none(), || format!("{incident} has its tombstone and a ciphertext is there"))
    }

    /// That an incident has no tombstone, or only for as long.
    fn is_not_forgotten(
        &self,
        incident: IncidentId,
        late: Option<SignedDuration>,
        entry: &Entry,
        what: &str,
    ) -> Result<(), String> {
        let forgotten = self.ledger.case(incident).filter(|case| !case.lied).and_then(|case| case.forgotten);
        let fine = forgotten.is_none_or(|then| late.is_some_and(|late| entry.at <= then + late));
        demand(fine, || format!("after the tombstone of {incident} there is {what}"))
    }
}

#[cfg(test)]
mod tests {
    use hwc_schemas::{letter::Hop, wire::Task};

    use super::{
        super::story::{DAVIDS, Story, david, durable_at, fact, incident, number, org, payload, signal},
        *,
    };
    use crate::chronicle::{Content, Gone};

    fn judged(story: &Story) -> Result<(), String> {
        story.judged(Purged::default())
    }

    fn gone(n: u32) -> impl Fn(&Happened) -> bool {
        move |what| matches!(what, Happened::Gone { payload: gone, .. } if *gone == payload(n))
    }

    fn of_number(n: u16, such: impl Fn(&Fact) -> bool) -> impl Fn(&Happened) -> bool {
        fact(move |fact| fact.number() == Some(number(n)) && such(fact))
    }

    #[test]
    fn in_an_ordinary_world_what_is_over_is_gone() {
        assert_eq!(judged(&Story::ordinary()), Ok(()));
    }

    #[test]
    fn a_ciphertext_that_is_said_to_be_erased_and_is_there_is_noticed() {
        assert!(judged(&Story::ordinary().without(gone(1))).unwrap_err().contains("said to be erased"));
        let lied = Happened::StorageLied { incidents: [incident(1)].into() };
        let mut story = Story::ordinary().without(gone(1)).before(fact(|fact| *fact == Fact::Screened), lied);
        let late = Happened::Gone { payload: payload(1), how: Gone::Swept };
        assert_eq!(judged(story.happens(late)), Ok(()));
    }

    #[test]
    fn a_signal_that_is_said_to_be_purged_with_its_letter_there_is_noticed() {
        let erased = fact(|fact| *fact == Fact::Erased { payload: payload(4) });
        let story = Story::ordinary().without(gone(4)).without(erased);
        assert!(judged(&story).unwrap_err().contains("said to be purged"));
    }

    #[test]
    fn a_tombstone_with_the_report_there_is_noticed() {
        let erased = fact(|fact| *fact == Fact::Erased { payload: payload(1) });
        let mut story = Story::new();
        story.reported().expanded();
        let mut story = story.without(gone(1)).without(erased);
        assert!(judged(story.forgotten()).unwrap_err().contains("has its tombstone"));
    }

    #[test]
    fn a_letter_that_nobody_needs_any_more_is_gone_in_time_once_the_world_has_healed() {
        let unerased = |healed: bool| {
            let mut story = Story::until_delivered();
            let mut story = if healed {
                story
            } else {
                story.entries.retain(|entry| entry.what != Happened::Healed);
                story
            };
            let number = number(1);
            story.at("2026-11-19 08:00:00").durable([Fact::Opened { number }]);
            story.durable([Fact::Acknowledged { number }]);
            story
        };
        let mut story = unerased(true);
        assert!(judged(story.at("2026-11-19 08:02:01").fault()).unwrap_err().contains("in time"));
        let mut story = unerased(false);
        story.at("2026-11-19 18:00:00").happens(Happened::Healed).at("2026-11-19 18:02:00").fault();
        assert!(judged(&story).unwrap_err().contains("for ever"));
        assert!(judged(story.at("2026-11-19 18:02:01").fault()).unwrap_err().contains("in time"));
    }

    #[test]
    fn a_letter_that_was_returned_is_gone_in_time() {
        let mut story = Story::until_delivered();
        story.durable([Fact::Opened { number: number(1) }]).durable([Fact::Returned { number: number(1) }]);
        assert!(judged(story.at("2026-11-19 07:02:01").fault()).unwrap_err().contains("in time"));
    }

    #[test]
    fn a_signal_that_is_over_and_not_purged_in_time_is_noticed() {
        let purged = of_number(2, |fact| matches!(fact, Fact::Purged { .. }));
        let story = Story::ordinary().without(purged);
        assert!(judged(&story).unwrap_err().contains("is over and not purged in time"));
    }

    #[test]
    fn a_tombstone_that_does_not_come_in_time_is_noticed() {
        let mut story = Story::ordinary().without(|what| matches!(what, Happened::Forgotten { .. }));
        assert!(judged(story.at("2026-11-19 08:22:01").fault()).unwrap_err().contains("has no tombstone"));
    }

    #[test]
    fn a_ciphertext_that_is_there_for_ever_is_noticed() {
        let mut story = Story::ordinary();
        assert!(judged(story.stored(9, Hop::Letter, DAVIDS)).unwrap_err().contains("for ever"));
    }

    #[test]
    fn nothing_happens_after_the_tombstone() {
        let event = durable_at(super::super::story::when("2026-11-19 09:00"), Fact::Screened);
        assert!(judged(Story::ordinary().happens(event)).unwrap_err().contains("an event"));

        let mut story = Story::ordinary();
        story.opened(DAVIDS, Some(number(1)), Content::Letter(david()));
        assert_eq!(judged(&story), Ok(()));
        story.at("2026-11-19 08:21:01").opened(DAVIDS, Some(number(1)), Content::Letter(david()));
        assert!(judged(&story).unwrap_err().contains("opens"));

        let offered = || {
            let task = Task::Read { signal: signal(1), round: 1 };
            Happened::Offered { to: org(DAVIDS), task }
        };
        let mut story = Story::ordinary();
        story.at("2026-11-19 08:21:01").happens(offered());
        assert!(judged(&story).unwrap_err().contains("a task"));
        assert_eq!(judged(&story.without(|what| *what == Happened::Healed)), Ok(()));
    }
}
