//! No payload without an owner, and none taken from its owner.

use std::collections::{BTreeSet, HashMap};

use hwc_schemas::{IncidentId, PayloadId};
use hwc_workflow::{Event, Fact, Found};
use jiff::{SignedDuration, Timestamp};

use super::{Checker, demand, ledger::Ledger};
use crate::{
    chronicle::{Entry, Gone, Happened},
    truth::Truth,
};

/// How soon a ciphertext is gone that no event points to, once nothing goes wrong.
pub const SWEPT_WITHIN: SignedDuration = SignedDuration::from_mins(4);

/// Every ciphertext at the broker is some incident's own (R21, R23, R28: what the system holds is always demonstrable).
///
/// A ciphertext has an owner while a durable event of an incident without a tombstone points to it and none says that it is
/// gone. One that was stored twice, because nobody heard that it was, is there until both copies are gone. It demands
/// * once the world has healed: that a ciphertext without an owner is gone within [`SWEPT_WITHIN`] of the healing, of its
///   storing or of losing its owner, whichever is last; and in the end that there is none;
/// * always: that nothing with an owner is swept, and nothing erased that somebody still needs (the report before the children
///   are known, the referral before the signal is over, the letter of this round);
/// * always: that an event which becomes durable points to a ciphertext that is there, or was lost or met its ceiling.
///
/// Where the storage lied about an incident, it may have lost what points to a ciphertext, or the ciphertext: only the first
/// demand is left.
#[derive(Default)]
pub struct Owned {
    ledger: Ledger,
    there: HashMap<PayloadId, There>,
    orphans: BTreeSet<(Timestamp, PayloadId)>,
    gone: HashMap<PayloadId, Gone>,
    healed: Option<Timestamp>,
}

/// A ciphertext that is there.
struct There {
    /// Whose it should be.
    incident: IncidentId,
    /// In how many copies: one was stored again because nobody heard that it was.
    copies: u32,
    /// Since when nothing points to it.
    orphan: Option<Timestamp>,
}

impl Checker for Owned {
    fn name(&self) -> &'static str {
        "owned"
    }

    fn see(&mut self, entry: &Entry, _: &Truth) -> Result<(), String> {
        if let Some((healed, (since, payload))) = self.healed.zip(self.orphans.first()) {
            let until = (*since).max(healed) + SWEPT_WITHIN;
            demand(entry.at <= until, || format!("{payload} is nobody's and still there"))?;
        }
        match &entry.what {
            Happened::Healed => self.healed = Some(entry.at),
            Happened::Stored { payload, incident, .. } => {
                self.gone.remove(payload);
                let first = There { incident: *incident, copies: 0, orphan: None };
                let there = self.there.entry(*payload).or_insert(first);
                there.copies += 1;
                if !self.is_owned(*incident, *payload) {
                    self.disown(*payload, entry.at);
                }
            }
            Happened::Gone { payload, how } => {
                self.may_go(*payload, *how)?;
                self.go(*payload, *how);
            }
            Happened::Durable { incident, events, .. } => {
                for event in events {
                    self.point(*incident, event)?;
                    if let Fact::Erased { payload } = event.fact {
                        self.disown(payload, entry.at);
                    }
                }
            }
            Happened::Forgotten { incident } => {
                let pointed_to =
                    self.ledger.case(*incident).map(|case| case.pointed_to().collect::<Vec<_>>());
                for payload in pointed_to.unwrap_or_default() {
                    self.disown(payload, entry.at);
                }
            }
            Happened::Left { incident, .. } => {
                self.ledger.see(entry);
                let its = self.there.iter().filter(|(_, there)| there.incident == *incident);
                let its: Vec<_> = its.map(|(payload, _)| *payload).collect();
                for payload in its {
                    if self.is_owned(*incident, payload) {
                        self.own(payload);
                    } else {
                        self.disown(payload, entry.at);
                    }
                }
                return Ok(());
            }
            _ => {}
        }
        self.ledger.see(entry);
        Ok(())
    }

    fn end(&mut self, _: &Truth) -> Result<(), String> {
        let left = self.orphans.first();
        demand(left.is_none(), || {
            left.map(|(_, payload)| format!("{payload} is nobody's for ever")).unwrap_or_default()
        })
    }
}

impl Owned {
    fn is_owned(&self, incident: IncidentId, payload: PayloadId) -> bool {
        self.ledger.case(incident).is_some_and(|case| case.pointed_to().any(|one| one == payload))
    }

    /// Something points to it, or it is not there any more.
    fn own(&mut self, payload: PayloadId) {
        if let Some(since) = self.there.get_mut(&payload).and_then(|there| there.orphan.take()) {
            self.orphans.remove(&(since, payload));
        }
    }

    /// A copy is gone.
    fn go(&mut self, payload: PayloadId, how: Gone) {
        let Some(there) = self.there.get_mut(&payload) else { return };
        there.copies -= 1;
        if there.copies == 0 {
            self.own(payload);
            self.there.remove(&payload);
            self.gone.insert(payload, how);
        }
    }

    /// Nothing points to it from now on.
    fn disown(&mut self, payload: PayloadId, now: Timestamp) {
        if let Some(There { orphan: orphan @ None, .. }) = self.there.get_mut(&payload) {
            *orphan = Some(now);
            self.orphans.insert((now, payload));
        }
    }

    fn may_go(&self, payload: PayloadId, how: Gone) -> Result<(), String> {
        let Some(There { incident, orphan, copies: 1 }) = self.there.get(&payload) else { return Ok(()) };
        let Some(case) = self.ledger.case(*incident).filter(|case| !case.lied) else { return Ok(()) };
        match how {
            Gone::Swept => demand(orphan.is_some(), || {
                format!("{payload} was swept, and an event of {incident} points to it")
            }),
            Gone::Erased => demand(orphan.is_some() || !case.needs(payload), || {
                format!("{payload} was erased, and {incident} still needs it")
            }),
            Gone::Ceiling | Gone::Lost => Ok(()),
        }
    }

    /// An event becomes durable: what it points to has its owner, and must be there.
    fn point(&mut self, incident: IncidentId, event: &Event) -> Result<(), String> {
        let mut to = Vec::new();
        match &event.fact {
            Fact::Recorded { report, .. } => to.push(*report),
            Fact::Routed { letter, .. } => to.push(*letter),
            Fact::Expanded { found, .. } | Fact::Joined { found } => {
                to.extend(found.iter().filter_map(|found| match found {
                    Found::Referred { referral, .. } => Some(*referral),
                    _ => None,
                }));
            }
            _ => {}
        }
        for payload in to {
            let lost = matches!(self.gone.get(&payload), Some(Gone::Lost | Gone::Ceiling));
            let there = self.there.contains_key(&payload);
            demand(there || lost || self.ledger.lied(incident), || {
                format!("an event of {incident} points to {payload}, which is not there")
            })?;
            self.own(payload);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use hwc_schemas::letter::Hop;

    use super::{
        super::story::{DAVIDS, Story, david, fact, incident, payload},
        *,
    };

    fn judged(story: &Story) -> Result<(), String> {
        story.judged(Owned::default())
    }

    fn gone(n: u32, how: Gone) -> Happened {
        Happened::Gone { payload: payload(n), how }
    }

    #[test]
    fn in_an_ordinary_world_every_ciphertext_has_an_owner() {
        assert_eq!(judged(&Story::ordinary()), Ok(()));
    }

    #[test]
    fn a_ciphertext_of_nobody_is_noticed_unless_it_is_swept_in_time() {
        let mut story = Story::until_delivered();
        story.stored(9, Hop::Letter, DAVIDS).at("2026-11-19 07:04:00").fault();
        assert!(judged(&story).unwrap_err().contains("for ever"));
        assert_eq!(judged(story.happens(gone(9, Gone::Swept))), Ok(()));
        let mut story = Story::until_delivered();
        story.stored(9, Hop::Letter, DAVIDS).at("2026-11-19 07:04:01").fault();
        assert!(judged(&story).unwrap_err().contains("still there"));
    }

    #[test]
    fn before_the_world_heals_a_ciphertext_may_wait_for_the_sweeper() {
        let mut story = Story::until_delivered().without(|what| *what == Happened::Healed);
        story.stored(9, Hop::Letter, DAVIDS).at("2026-11-19 09:00:00").happens(Happened::Healed);
        story.at("2026-11-19 09:04:00").happens(gone(9, Gone::Swept));
        assert_eq!(judged(&story), Ok(()));
        story.stored(10, Hop::Letter, DAVIDS).at("2026-11-19 09:08:01").fault();
        assert!(judged(&story).unwrap_err().contains("still there"));
    }

    #[test]
    fn a_ciphertext_that_survives_its_tombstone_is_noticed() {
        let mut story = Story::ordinary().without(|what| *what == gone(4, Gone::Erased));
        assert!(judged(story.at("2026-11-19 08:30:00").fault()).unwrap_err().contains("still there"));
    }

    #[test]
    fn sweeping_what_an_event_points_to_is_noticed() {
        let mut story = Story::until_delivered();
        assert!(judged(story.happens(gone(4, Gone::Swept))).unwrap_err().contains("was swept"));
        let lied = Happened::StorageLied { incidents: [incident(1)].into() };
        let story = story.before(|what| *what == gone(4, Gone::Swept), lied);
        assert_eq!(judged(&story), Ok(()));
    }

    #[test]
    fn erasing_what_somebody_needs_is_noticed() {
        let needed = |n| judged(Story::until_delivered().happens(gone(n, Gone::Erased)));
        assert!(needed(2).unwrap_err().contains("still needs it"));
        assert!(needed(4).unwrap_err().contains("still needs it"));
        let mut story = Story::new();
        assert!(judged(story.reported().happens(gone(1, Gone::Erased))).is_err());
    }

    #[test]
    fn an_event_that_points_to_nothing_is_noticed_unless_it_was_lost() {
        let stored = |what: &Happened| matches!(what, Happened::Stored { hop: Hop::Letter, .. });
        assert!(judged(&Story::ordinary().without(stored)).unwrap_err().contains("which is not there"));
        let routed = || fact(|fact| matches!(fact, Fact::Routed { .. }));
        let swept = Story::ordinary().before(routed(), gone(4, Gone::Swept));
        assert!(judged(&swept).unwrap_err().contains("which is not there"));
        let lost = Story::ordinary().before(routed(), gone(4, Gone::Lost));
        assert_eq!(judged(&lost), Ok(()));
    }

    #[test]
    fn a_second_copy_that_outlives_the_first_is_noticed_unless_it_is_swept_in_time() {
        let twice = |swept: bool| {
            let mut story = Story::until_delivered();
            story.stored(4, Hop::Letter, DAVIDS).at("2026-11-19 08:00:00").received(1, david(), DAVIDS, 4);
            if swept {
                story.at("2026-11-19 08:04:00").happens(gone(4, Gone::Swept));
            }
            judged(story.at("2026-11-19 08:04:01").fault())
        };
        assert_eq!(twice(true), Ok(()));
        assert!(twice(false).unwrap_err().contains("still there"));
        let mut story = Story::until_delivered();
        story.stored(4, Hop::Letter, DAVIDS).happens(gone(4, Gone::Swept));
        assert_eq!(judged(&story), Ok(()));
        assert!(judged(story.happens(gone(4, Gone::Swept))).unwrap_err().contains("was swept"));
    }

    #[test]
    fn what_is_left_of_a_log_decides_who_owns_what() {
        let mut story = Story::until_delivered();
        story.happens(Happened::StorageLied { incidents: [incident(1)].into() });
        // Recorded, screened and expanded are left: the letters are nobody's.
        story.happens(Happened::Left { incident: incident(1), events: 3 });
        story.at("2026-11-19 07:04:01").fault();
        assert!(judged(&story).unwrap_err().contains("still there"));
    }
}
