//! An organisation's own desk: what it asks of the engine, and what it opens and seals.

use std::{sync::Arc, time::Duration};

use hwc_jetstream::DoorError;
use hwc_logbook::Logbook;
use hwc_schemas::{
    IncidentId, KeyId, Organisation, SignalNumber, Traceparent,
    ask::{Ask, Told},
    key::SignedKey,
    letter::{PlainError, Sealable},
    wire::{Answer, Binding, Command, Fetch, Fetched, Refusal, Sealed},
};
use hwc_vault::{KeyTrouble, OpenError, SealError};
use jiff::tz::TimeZone;
use tokio::sync::Semaphore;

use crate::{Clock, Hours, KeyringError, Line, Seals, Telemetry, Witness, logging};

/// What an adapter works with. Cheap to clone.
#[derive(Clone)]
pub struct Office {
    inner: Arc<Inner>,
    hours: Hours,
    telemetry: Telemetry,
    /// Where it is written what is done.
    logbook: Option<Logbook>,
    /// Where in a trace it is worked just now.
    place: Option<Traceparent>,
}

struct Inner {
    line: Box<dyn Line>,
    seals: Box<dyn Seals>,
    clock: Arc<dyn Clock>,
    witness: Arc<dyn Witness>,
    /// Places at the door. A task that waits for a person or for the morning takes none.
    places: Semaphore,
}

/// Requests of one organisation that are under way at once, at most.
const REQUESTS_MAX: usize = 64;

/// How long an answer may take before the same is asked again: long enough for a busy morning, short enough
/// that a lost answer costs no lesson.
pub const ANSWERS_WITHIN: Duration = Duration::from_secs(10);

/// Why a payload could not be had.
#[derive(Debug, thiserror::Error)]
pub enum Unopened {
    /// It is not due: it ended, or another turn came. The task may be let go.
    #[error("the engine does not give it: {}", .0.code())]
    NotDue(Refusal),
    /// No key of the sender is believed. The task comes back, and opens when one is.
    #[error(transparent)]
    Sender(#[from] KeyTrouble),
    /// It says to be from an organisation that never sends on this leg.
    #[error("{0} never seals on this leg")]
    WrongSender(Organisation),
    /// It is sealed to a key that we left with the engine and do not have. Whatever folder it was in is lost; only the sender can
    /// send it again.
    #[error(
        "it is sealed to the one-time key {0}, which is not here: its folder was lost, or belongs to another machine"
    )]
    NoKey(KeyId),
    /// Nobody is here who has the keys.
    #[error("nobody of the organisation is logged in")]
    Locked,
    /// The key could not be read.
    #[error(transparent)]
    Ring(#[from] KeyringError),
    /// It does not open, or not as what it should be. Somebody must look; the sender is named in the engine's journal.
    #[error("the sealed payload is not acceptable: {0}")]
    Seal(#[from] OpenError),
}

impl From<PlainError> for Unopened {
    fn from(error: PlainError) -> Self {
        Self::Seal(OpenError::Content(error))
    }
}

/// How often something was sealed already to a key that another seal then used up. Begin with none; [`Attempts::again`] says
/// whether there is to be another.
#[derive(Debug, Clone, Copy, Default)]
pub struct Attempts(u32);

/// Seals to one-time keys that are tried before it is sealed to the weekly key, and as many more before it is the one in the
/// directory, which is never used up.
const ONE_TIME_ATTEMPTS_MAX: u32 = 4;

impl Attempts {
    /// Whether the engine refused what was sealed because of its key: then it is to be sealed and submitted once more.
    pub fn again(&mut self, answer: Answer) -> bool {
        let used = answer == (Answer::Refused { refusal: Refusal::KeyUsed });
        self.0 += u32::from(used);
        used && self.0 <= 2 * ONE_TIME_ATTEMPTS_MAX
    }
}

/// Why a payload could not be sealed.
#[derive(Debug, thiserror::Error)]
pub enum Unsealed {
    /// No key of the receiver is believed. Nothing is lost: it is sealed when one is.
    #[error(transparent)]
    Receiver(#[from] KeyTrouble),
    /// Nobody is here who has the keys.
    #[error("nobody of the organisation is logged in")]
    Locked,
    /// It cannot be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
}

impl Office {
    const FIRST_WAIT: Duration = Duration::from_millis(50);
    const LONGEST_WAIT: Duration = Duration::from_secs(5);

    /// An office with a line to the engine, and its seals. On the broker it is a [`crate::Station`] that has one.
    pub fn new(line: impl Line, seals: impl Seals, clock: Arc<dyn Clock>, witness: Arc<dyn Witness>) -> Self {
        let places = Semaphore::new(REQUESTS_MAX);
        let inner = Arc::new(Inner { line: Box::new(line), seals: Box::new(seals), clock, witness, places });
        Self { inner, hours: Hours::always(), telemetry: Telemetry::default(), logbook: None, place: None }
    }

    /// The same office, keeping these hours.
    #[must_use]
    pub fn keeping(mut self, hours: Hours) -> Self {
        self.hours = hours;
        self
    }

    /// Its hours.
    pub const fn hours(&self) -> &Hours {
        &self.hours
    }

    /// The same office, telling of its work there.
    #[must_use]
    pub fn telling(mut self, telemetry: Telemetry) -> Self {
        self.telemetry = telemetry;
        self
    }

    /// The same office, whose processing of signals is a line in this log before it is done.
    #[must_use]
    pub fn logging(mut self, logbook: Option<Logbook>) -> Self {
        self.logbook = logbook;
        self
    }

    /// Where it is written what is done; nowhere if it is not.
    pub const fn logbook(&self) -> Option<&Logbook> {
        self.logbook.as_ref()
    }

    /// Police: so many children are named in a report that is about to be submitted.
    pub async fn will_report(&self, incident: IncidentId, children: usize) {
        self.note(logging::of_report(incident, children)).await;
    }

    /// Returns when the lines are on the disk.
    async fn note(&self, processed: Vec<hwc_logbook::Processing>) {
        if let Some(logbook) = &self.logbook {
            logbook.note(processed, self.clock().now()).await;
        }
    }

    /// The same office, at work there in a trace: what it asks of the engine says so.
    #[must_use]
    pub(crate) fn at(&self, place: Option<Traceparent>) -> Self {
        Self { place, ..self.clone() }
    }

    /// To whom it tells of its work.
    pub const fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    /// Whose office it is.
    pub fn organisation(&self) -> &Organisation {
        self.inner.line.organisation()
    }

    /// The time.
    pub fn clock(&self) -> &dyn Clock {
        &*self.inner.clock
    }

    /// Who watches.
    pub fn witness(&self) -> &dyn Witness {
        &*self.inner.witness
    }

    /// Submits a command until the engine has answered it. An unknown outcome is answered by submitting the same command
    /// again: the first wins. Dropping the future is safe at any moment. What can never be sent is answered as `malformed`.
    pub async fn submit(&self, command: &Command<Sealed>) -> Answer {
        self.submit_in(command).await.0
    }

    /// The same; and where in a trace the engine says that it belongs, which it says to whoever sends a report.
    pub async fn submit_in(&self, command: &Command<Sealed>) -> (Answer, Option<Traceparent>) {
        // Before the first attempt: from then on it may be done, whoever hears of it.
        self.note(logging::of_command(command)).await;
        let mut wait = Self::FIRST_WAIT;
        loop {
            let answer = {
                let _place = self.inner.places.acquire().await;
                self.inner.line.submit(command, self.place).await
            };
            match answer {
                Ok((Answer::TryLater, _)) => {}
                Ok(said) => return said,
                Err(DoorError::TooLarge) => return (Answer::Refused { refusal: Refusal::Malformed }, None),
                Err(error) => self.say_unreachable(&error),
            }
            self.inner.clock.pause(wait).await;
            wait = (wait * 2).min(Self::LONGEST_WAIT);
        }
    }

    /// Fetches a payload that is due, and opens it.
    pub async fn open<T: Sealable>(&self, fetch: &Fetch) -> Result<T, Unopened> {
        self.note(vec![logging::of_fetch(fetch)]).await;
        let mut wait = Self::FIRST_WAIT;
        let (from, sealed) = loop {
            let fetched = {
                let _place = self.inner.places.acquire().await;
                self.inner.line.fetch(fetch, self.place).await
            };
            match fetched {
                Ok(Fetched::Payload { from, sealed }) => break (from, sealed),
                Ok(Fetched::Refused { refusal }) => return Err(Unopened::NotDue(refusal)),
                Ok(Fetched::TryLater) => {}
                Err(error) => self.say_unreachable(&error),
            }
            self.inner.clock.pause(wait).await;
            wait = (wait * 2).min(Self::LONGEST_WAIT);
        };
        if from.role() != T::HOP.sender() {
            return Err(Unopened::WrongSender(from));
        }
        let number = match fetch {
            Fetch::Report { .. } => None,
            Fetch::Referral { signal, .. } | Fetch::Letter { signal, .. } => Some(signal.number),
        };
        let binding = Binding {
            incident: fetch.incident(),
            number,
            hop: T::HOP,
            sender: from,
            receiver: self.organisation().clone(),
        };
        Ok(T::from_plaintext(&self.inner.seals.open(&binding, &sealed)?)?)
    }

    /// Seals something to the one organisation that needs it next: to a one-time key that it left with the engine; if there is
    /// none, to its weekly key; if there is none either, to its key in the directory. What becomes of it is known when it was
    /// submitted: [`Attempts`].
    pub async fn seal<T: Sealable>(
        &self,
        content: &T,
        (incident, number): (IncidentId, Option<SignalNumber>),
        receiver: &Organisation,
        attempts: Attempts,
    ) -> Result<Sealed, Unsealed> {
        let binding = Binding {
            incident,
            number,
            hop: T::HOP,
            sender: self.organisation().clone(),
            receiver: receiver.clone(),
        };
        self.inner.seals.may_seal_to(receiver)?;
        let left = self.keys_of(receiver, attempts).await;
        let today = TimeZone::UTC.to_datetime(self.clock().now()).date();
        self.inner.seals.seal_to_left(&binding, &content.to_plaintext(), &left, today)
    }

    /// The keys that an organisation left, the best first.
    async fn keys_of(&self, organisation: &Organisation, Attempts(attempts): Attempts) -> Vec<SignedKey> {
        if attempts >= 2 * ONE_TIME_ATTEMPTS_MAX {
            return Vec::new();
        }
        let ask = Ask::KeyOf { organisation: organisation.clone() };
        let mut wait = Self::FIRST_WAIT;
        loop {
            let told = {
                let _place = self.inner.places.acquire().await;
                self.inner.line.ask(&ask).await
            };
            match told {
                Ok(Told::KeyOf { one_time, weekly }) => {
                    let one_time = one_time.filter(|_| attempts < ONE_TIME_ATTEMPTS_MAX);
                    return one_time.into_iter().chain(weekly).collect();
                }
                Ok(Told::TryLater) => {}
                // An engine of an earlier version.
                Ok(_) => return Vec::new(),
                Err(error) => self.say_unreachable(&error),
            }
            self.inner.clock.pause(wait).await;
            wait = (wait * 2).min(Self::LONGEST_WAIT);
        }
    }

    /// Asks the engine something about ourselves until it has answered.
    pub async fn ask(&self, ask: &Ask) -> Told {
        let mut wait = Self::FIRST_WAIT;
        loop {
            let told = {
                let _place = self.inner.places.acquire().await;
                self.inner.line.ask(ask).await
            };
            match told {
                Ok(Told::TryLater) => {}
                Ok(told) => return told,
                Err(error) => self.say_unreachable(&error),
            }
            self.inner.clock.pause(wait).await;
            wait = (wait * 2).min(Self::LONGEST_WAIT);
        }
    }

    fn say_unreachable(&self, error: &DoorError) {
        tracing::warn!(organisation = %self.organisation(), %error, "the engine did not answer; trying again");
    }
}
