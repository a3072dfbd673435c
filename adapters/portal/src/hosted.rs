//! A school that is hosted: its door to the relay, its tray of waiting signals, its locker; and who opened what, in memory.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hwc_adapter_kit::{Book, Nobody, Office, WallClock, code::DIGITS_MIN, door::Door, with_keys};
use hwc_schemas::{
    Organisation, SignalId,
    ask::{Ask, Told},
};
use hwc_school::{AtTheCounter, Tray};
use hwc_web::Audit;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;

use crate::{Locker, portal::Unlocked};

/// How long the relay gets to say what it holds, while somebody looks at the page.
const HELD_WITHIN: Duration = Duration::from_secs(3);
/// Openings that are remembered, and signals that are over.
const REMEMBERED_MAX: usize = 1_000;
/// How long a signal that is over is still said to be.
const OVER_FOR: SignedDuration = SignedDuration::from_hours(10);

type Round = (SignalId, u16);

/// Who opened a signal, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Opening {
    pub(crate) name: String,
    pub(crate) at: Timestamp,
}

/// A signal that ended by itself: it was called back, or its time was over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Over {
    pub(crate) code: String,
    seen: Timestamp,
}

/// A school that is hosted.
pub struct Hosted {
    pub(crate) door: Door,
    pub(crate) book: Book,
    pub(crate) tray: Tray,
    pub(crate) locker: Locker,
    pub(crate) audit: Audit,
    /// Somebody logged in: there is something to make keys with.
    pub(crate) unlocked: Notify,
    office: Office,
    openings: Mutex<HashMap<Round, Opening>>,
    over: Mutex<Vec<Over>>,
}

impl Hosted {
    /// A school with its door open. `office`: that of its [`hwc_adapter_kit::Station::locked`].
    pub fn new(
        door: Door,
        book: Book,
        office: Office,
        tray: Tray,
        locker: Locker,
        audit: Audit,
    ) -> Arc<Self> {
        Arc::new(Self {
            door,
            book,
            tray,
            locker,
            audit,
            unlocked: Notify::new(),
            office,
            openings: Mutex::default(),
            over: Mutex::default(),
        })
    }

    /// Which.
    pub const fn organisation(&self) -> &Organisation {
        self.locker.organisation()
    }

    /// Its contacts' locker.
    pub const fn locker(&self) -> &Locker {
        &self.locker
    }

    /// The counter, with the keys of one session.
    pub(crate) fn counter(&self, unlocked: &Unlocked) -> AtTheCounter {
        let ring = self.locker.ring().unlocked(Arc::clone(&unlocked.wrapping));
        let seals = with_keys(unlocked.keys.clone(), self.book.clone(), Some(ring));
        let office = Office::new(self.door.clone(), seals, Arc::new(WallClock), Arc::new(Nobody))
            .logging(self.office.logbook().cloned());
        AtTheCounter::new(office, self.tray.clone())
    }

    /// Takes out of the tray what the relay does not hold any more: it was called back, or its time was over.
    pub(crate) async fn clear_away(&self) {
        // First what lies here, then what is held: whatever came meanwhile is not looked for.
        let before = self.tray.lying().0;
        if before.is_empty() {
            return;
        }
        let Ok(Some(held)) = tokio::time::timeout(HELD_WITHIN, self.held()).await else { return };
        let still = self.tray.lying().0;
        for lying in before.iter().filter(|one| !held.contains(&one.signal)) {
            // Somebody else may have confirmed it meanwhile.
            if !still.iter().any(|one| (one.signal, one.round) == (lying.signal, lying.round)) {
                continue;
            }
            self.tray.settle((lying.signal, lying.round));
            self.forget((lying.signal, lying.round));
            let code = lying.code.short(DIGITS_MIN).to_owned();
            let mut over = self.over.lock().unwrap_or_else(PoisonError::into_inner);
            if over.len() < REMEMBERED_MAX {
                over.push(Over { code, seen: Timestamp::now() });
            }
        }
    }

    /// The signals that the relay holds for this school; none if it does not say.
    async fn held(&self) -> Option<Vec<SignalId>> {
        let (mut held, mut after) = (Vec::new(), None);
        loop {
            let Told::Holdings { held: some, more } = self.office.ask(&Ask::Holdings { after }).await else {
                return None;
            };
            after = some.last().map(|one| one.payload);
            held.extend(
                some.into_iter()
                    .filter_map(|one| Some(SignalId { incident: one.incident, number: one.number? })),
            );
            if !more || after.is_none() {
                return Some(held);
            }
        }
    }

    /// What ended by itself today.
    pub(crate) fn over(&self) -> Vec<Over> {
        let mut over = self.over.lock().unwrap_or_else(PoisonError::into_inner);
        over.retain(|one| Timestamp::now().duration_since(one.seen) < OVER_FOR);
        over.clone()
    }

    /// Somebody opened one: both contacts see who.
    pub(crate) fn opened(&self, round: Round, name: &str) {
        let mut openings = self.openings.lock().unwrap_or_else(PoisonError::into_inner);
        if openings.len() < REMEMBERED_MAX {
            openings.entry(round).or_insert_with(|| Opening { name: name.to_owned(), at: Timestamp::now() });
        }
    }

    /// Who opened it first.
    pub(crate) fn opening(&self, round: Round) -> Option<Opening> {
        self.openings.lock().unwrap_or_else(PoisonError::into_inner).get(&round).cloned()
    }

    /// It is over: who opened it is nobody's business any more.
    pub(crate) fn forget(&self, round: Round) {
        self.openings.lock().unwrap_or_else(PoisonError::into_inner).remove(&round);
    }
}
