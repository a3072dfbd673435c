//! One mail for everybody who waits for the same: so that nobody can count signals by counting mails.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::OnceCell;

use crate::{Failing, Mail, Mailbox, PostOffice, Purpose, Sent};

/// Mailings that are remembered.
const SLOTS_MAX: usize = 1_024;
/// Signals that come within the same quarter of an hour are told of by one mail.
const TOGETHER: SignedDuration = SignedDuration::from_mins(15);

/// Which mailing something belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot(Timestamp);

impl Slot {
    /// The mailing that was due then.
    pub const fn due(at: Timestamp) -> Self {
        Self(at)
    }

    /// The mailing of what came then.
    pub fn came(at: Timestamp) -> Self {
        let past = SignedDuration::from_secs(at.as_second().rem_euclid(TOGETHER.as_secs()));
        let whole = Timestamp::from_second(at.as_second()).unwrap_or(at);
        Self(whole.checked_sub(past).unwrap_or(at))
    }
}

type Mailings = BTreeMap<(Slot, &'static str, Mailbox), Arc<OnceCell<Sent>>>;

/// What was mailed of late. It is kept in memory: after a crash a mailing may go out once more.
#[derive(Debug, Clone)]
pub struct Round {
    office: PostOffice,
    mailings: Arc<Mutex<Mailings>>,
}

impl Round {
    /// Nothing yet.
    pub fn of(office: PostOffice) -> Self {
        Self { office, mailings: Arc::default() }
    }

    /// Delivers a mail, or waits for the same one that is under way, or says what became of it. Whoever is dropped in the
    /// middle leaves it to the next, and so does whoever finds no room.
    pub async fn deliver(&self, mail: Mail, to: &Mailbox, purpose: &Purpose, slot: Slot) -> Sent {
        let mailing = self.mailing((slot, mail.name(), to.clone()));
        let delivered =
            mailing.get_or_try_init(async || match self.office.deliver(mail, to, purpose).await {
                Sent::NoRoom => Err(Sent::NoRoom),
                sent => Ok(sent),
            });
        match delivered.await {
            Ok(sent) => *sent,
            Err(sent) => sent,
        }
    }

    /// What came back of what was mailed; see [`PostOffice::returned`].
    pub fn returned(&self) -> Failing {
        self.office.returned()
    }

    fn mailing(&self, key: (Slot, &'static str, Mailbox)) -> Arc<OnceCell<Sent>> {
        let mut mailings = self.mailings.lock().unwrap_or_else(PoisonError::into_inner);
        let mailing = Arc::clone(mailings.entry(key).or_default());
        while mailings.len() > SLOTS_MAX {
            mailings.pop_first();
        }
        mailing
    }
}
