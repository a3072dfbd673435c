//! Whom the gate knows: the contacts of the schools that are hosted here.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use hwc_adapter_kit::{Aims, KeyKeeper};
use hwc_post::Mailbox;
use hwc_schemas::Role;
use hwc_vault::{SealingKeys, WrappingKey};
use hwc_web::{Admitted, Frame, Gate, Item, People, Seat, code::Code, passphrase::Passphrase};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use tokio::time::Instant;

use crate::{Hosted, tickets::Tickets, words::words};

/// Schools in which one address may be a contact.
const SCHOOLS_PER_ADDRESS_MAX: usize = 4;

/// What a session of a contact holds, in memory and nowhere else. When the session is over the keys are wiped.
pub struct Unlocked {
    /// Of which school.
    pub(crate) school: Arc<Hosted>,
    /// Which contact.
    pub(crate) contact: String,
    /// What everything of the school is wrapped with.
    pub(crate) wrapping: Arc<WrappingKey>,
    /// The school's sealing keys.
    pub(crate) keys: SealingKeys,
    /// Whether it was an invitation that let them in: then they choose a passphrase first.
    invited: Mutex<bool>,
    tickets: Mutex<Tickets>,
}

impl Unlocked {
    pub(crate) fn tickets(&self) -> MutexGuard<'_, Tickets> {
        self.tickets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_invited(&self) -> bool {
        *self.invited.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn has_chosen(&self) {
        *self.invited.lock().unwrap_or_else(PoisonError::into_inner) = false;
    }
}

/// Who carries a code to somebody's mailbox.
pub trait Courier: Send + Sync + 'static {
    /// Mails a code, and returns at once.
    fn mail_code(&self, to: Mailbox, code: Code);
}

/// The schools that are hosted here.
pub struct Portal {
    pub(crate) schools: Vec<Arc<Hosted>>,
    courier: Box<dyn Courier>,
    zone: TimeZone,
}

impl Portal {
    /// A page for these schools.
    pub fn new(schools: Vec<Arc<Hosted>>, courier: impl Courier) -> Self {
        let zone = TimeZone::get("Europe/Amsterdam").unwrap_or(TimeZone::UTC);
        Self { schools, courier: Box::new(courier), zone }
    }

    /// How many schools there are.
    pub const fn schools(&self) -> usize {
        self.schools.len()
    }

    /// Today, where the schools are.
    pub fn today(&self) -> Date {
        self.local(Timestamp::now()).date()
    }

    pub(crate) fn local(&self, at: Timestamp) -> jiff::Zoned {
        at.to_zoned(self.zone.clone())
    }

    /// The account of a contact: its school is in it, so that no two schools share one.
    pub(crate) fn account(school: &Hosted, contact: &str) -> String {
        format!("{}/{contact}", school.organisation())
    }

    fn schools_of<'a>(&'a self, address: &'a str) -> impl Iterator<Item = &'a Arc<Hosted>> {
        let knows = move |school: &&Arc<Hosted>| school.locker.contacts().of_address(address).is_some();
        self.schools.iter().filter(knows).take(SCHOOLS_PER_ADDRESS_MAX)
    }
}

impl People for Portal {
    type Badge = Unlocked;

    fn mailbox(&self, address: &str) -> Option<Mailbox> {
        self.schools_of(address).next()?;
        Mailbox::parse(address).ok()
    }

    fn mail_code(&self, to: Mailbox, code: Code) {
        self.courier.mail_code(to, code);
    }

    /// Who is a contact of several schools has a passphrase for each, and so says which is meant.
    fn admit(&self, address: &str, passphrase: &Passphrase) -> Option<Admitted<Unlocked>> {
        self.schools_of(address).find_map(|school| {
            let opened = school.locker.unlock(address, passphrase, self.today())?;
            let badge = Unlocked {
                school: Arc::clone(school),
                contact: opened.contact.id.clone(),
                wrapping: opened.wrapping,
                keys: opened.keys,
                invited: Mutex::new(opened.contact.invited_until.is_some()),
                tickets: Mutex::default(),
            };
            let account = Self::account(school, &opened.contact.id);
            Some(Admitted { account, name: opened.contact.name, badge })
        })
    }

    fn furnish(&self, frame: &mut Frame, seat: &Seat<Unlocked>, path: &str) {
        let words = words(frame.language);
        seat.badge.school.organisation().code().clone_into(&mut frame.place);
        frame.unprinted = true;
        if !seat.badge.is_invited() {
            let item = |href, label| Item { href, label, current: href == path };
            frame.menu =
                vec![item("/", words.signals), item("/contacts", words.contacts), item("/acts", words.acts)];
        }
        frame.said = seat.said().and_then(|said| words.said(said));
    }

    fn note(&self, seat: &Seat<Unlocked>, act: &'static str) {
        let badge = &seat.badge;
        badge.school.audit.note(self.today(), &badge.contact, act);
        // Only now is there a session to lend the keys from.
        badge.school.unlocked.notify_one();
    }
}

/// How often the one-time keys are looked after.
const KEEP_EVERY: Duration = Duration::from_mins(1);

/// Looks after a school's one-time keys for as long as it is let run: what ended is destroyed at any time; new ones are made while
/// somebody of the school is logged in, and at once when somebody logs in.
pub async fn keep_keys(gate: Arc<Gate<Portal>>, school: Arc<Hosted>) {
    let mut keeper = KeyKeeper::locked(school.locker.ring().clone(), Aims::of(Role::School));
    let began = Instant::now();
    loop {
        let unlocked = gate.sessions().any(gate.now(), |seat| {
            let badge = &seat.badge;
            Arc::ptr_eq(&badge.school, &school)
                .then(|| (school.locker.ring().unlocked(Arc::clone(&badge.wrapping)), badge.keys.clone()))
        });
        match unlocked {
            Some((ring, keys)) => keeper.lent(ring, Some(keys)),
            None => keeper.lent(school.locker.ring().clone(), None),
        }
        if let Err(error) = keeper.keep(&school.door, (began.elapsed(), Timestamp::now())).await {
            let organisation = school.organisation();
            tracing::warn!(%organisation, %error, "the one-time keys were not looked after");
        }
        // Nothing is kept for longer than it takes.
        keeper.lent(school.locker.ring().clone(), None);
        let _ = tokio::time::timeout(KEEP_EVERY, school.unlocked.notified()).await;
    }
}
