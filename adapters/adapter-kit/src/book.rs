//! The address book of a running adapter: kept up with what the operator signs, through the door `directory`.

use std::{
    fs,
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};

use hwc_jetstream::{Door, DoorError};
use hwc_vault::{AddressBook, BookError, Directory, OperatorPublicKey, Shelf};
use tokio::{
    sync::{Notify, watch},
    time::{MissedTickBehavior, interval},
};

/// How often the engine is asked for a newer directory.
const ASK_EVERY: Duration = Duration::from_mins(1);
/// How often it is looked whether somebody confirmed a key, with `hwc keys confirm`.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How long it is waited after an answer that did not come.
const AGAIN_AFTER: Duration = Duration::from_secs(2);

/// The address book as it is now, and a way to have it looked after. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Book {
    now: watch::Receiver<Arc<AddressBook>>,
    ask: Arc<Notify>,
}

/// Keeps a [`Book`] up to date for as long as [`Follower::run`] is let run.
#[derive(Debug)]
pub struct Follower {
    shelf: Shelf,
    tell: watch::Sender<Arc<AddressBook>>,
    ask: Arc<Notify>,
}

impl Book {
    /// The book of this moment.
    pub fn now(&self) -> Arc<AddressBook> {
        Arc::clone(&self.now.borrow())
    }

    /// Tells whoever waits when the book changes. The next answer may already be the changed one.
    pub fn changes(&self) -> watch::Receiver<Arc<AddressBook>> {
        self.now.clone()
    }

    /// Has the engine asked for a newer directory soon: somebody is not in this one.
    pub fn ask_soon(&self) {
        self.ask.notify_one();
    }
}

impl From<AddressBook> for Book {
    /// A book that never changes, for replays and tests.
    fn from(book: AddressBook) -> Self {
        let (_, now) = watch::channel(Arc::new(book));
        Self { now, ask: Arc::default() }
    }
}

impl From<Directory> for Book {
    /// A book that never changes and believes everybody in the directory, for replays and tests.
    fn from(directory: Directory) -> Self {
        AddressBook::from(directory).into()
    }
}

impl Follower {
    /// Opens the book in an organisation's state folder. `handed_over` is the directory that came with its credentials:
    /// what a first start begins with.
    pub fn open(
        state: &Path,
        operator: &OperatorPublicKey,
        handed_over: Option<&Path>,
    ) -> Result<(Self, Book), BookError> {
        let shelf = Shelf::new(state, operator.clone());
        let mut book = shelf.read()?;
        if let Some(path) = handed_over.filter(|path| path.exists()) {
            let (signed, directory) = hwc_vault::read_signed(path, operator)?;
            if directory.serial() > book.directory().serial() {
                book = shelf.take(&signed)?;
            }
        }
        let (tell, now) = watch::channel(Arc::new(book));
        let ask = Arc::new(Notify::new());
        Ok((Self { shelf, tell, ask: Arc::clone(&ask) }, Book { now, ask }))
    }

    /// Asks at once, then every minute and whenever somebody is missed; heeds what is confirmed meanwhile. Runs until it is
    /// dropped.
    pub async fn run(self, door: Door) {
        let mut every = interval(ASK_EVERY);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut confirmed = self.last_confirmed();
        // What was confirmed since the book was opened.
        self.read();
        loop {
            tokio::select! {
                _ = every.tick() => self.ask(&door).await,
                () = self.ask.notified() => {
                    self.ask(&door).await;
                    // Whoever is missed is missed by many at once.
                    tokio::time::sleep(AGAIN_AFTER).await;
                }
                _ = look.tick() => {
                    let now = self.last_confirmed();
                    if now != confirmed {
                        confirmed = now;
                        self.read();
                    }
                }
            }
        }
    }

    /// Asks once, and heeds what another process of ours took meanwhile: for whoever does one thing and ends. Takes two
    /// seconds at most; without an answer the book stays as it is.
    pub async fn look(&self, door: &Door) {
        let _ = tokio::time::timeout(AGAIN_AFTER, self.ask(door)).await;
        self.read();
    }

    async fn ask(&self, door: &Door) {
        let serial = self.tell.borrow().directory().serial();
        match door.directory(serial).await {
            Ok(None) => {}
            Ok(Some(signed)) => match self.shelf.take(&signed) {
                Ok(book) => self.publish(book),
                Err(error) => {
                    tracing::error!(organisation = %door.organisation(), %error, "the directory was not taken");
                }
            },
            Err(DoorError::NobodyThere | DoorError::Unknown) => self.ask_again(),
            Err(error) => {
                tracing::warn!(organisation = %door.organisation(), %error, "the directory was not to be had");
            }
        }
    }

    /// In a while, without holding anything up.
    fn ask_again(&self) {
        let ask = Arc::clone(&self.ask);
        tokio::spawn(async move {
            tokio::time::sleep(AGAIN_AFTER).await;
            ask.notify_one();
        });
    }

    fn read(&self) {
        match self.shelf.read() {
            Ok(book) => self.publish(book),
            Err(error) => tracing::error!(%error, "the address book cannot be read; the last one is used"),
        }
    }

    fn publish(&self, book: AddressBook) {
        for (organisation, fingerprint) in book.unconfirmed() {
            tracing::error!(
                %organisation, %fingerprint,
                "the key changed: nothing is sealed to it until somebody compared this fingerprint by telephone and \
                 said: hwc keys confirm"
            );
        }
        let book = Arc::new(book);
        self.tell.send_if_modified(|now| {
            let changed = **now != *book;
            *now = book;
            changed
        });
    }

    fn last_confirmed(&self) -> Option<SystemTime> {
        fs::metadata(self.shelf.known_keys()).and_then(|about| about.modified()).ok()
    }
}
