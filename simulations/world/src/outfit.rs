//! What a simulated organisation works with: a line into the simulated network, a clock that may be wrong, and seals that open
//! for the right key only. All of them meet in one [`Ether`], which the world empties after every step.

use std::{
    collections::{BTreeMap, VecDeque},
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

use hwc_adapter_kit::{Clock, Line, Said, Seals, Unopened, Witness, door::DoorError, office::Unsealed};
use hwc_schemas::{
    IncidentId, Organisation, SignalId, Traceparent,
    letter::{Hop, Letter, Plaintext, Referral, Sealable as _},
    person::Child,
    report::Report,
    wire::{Answer, Binding, Command, Fetch, Fetched, Sealed},
};
use hwc_vault::{KeyTrouble, OpenError, UnknownKey};
use jiff::{SignedDuration, Timestamp};

use crate::{
    chronicle::{Content, Happened},
    seal::{self, KeyNumber},
    truth::{Invented, ReportNumber},
};

/// An organisation's number in its world.
pub(crate) type PartyNumber = usize;

/// A request's number; never used again.
pub(crate) type RequestNumber = u64;

/// What an organisation says into its line.
#[derive(Debug, Clone)]
pub(crate) enum Request {
    Submit(Command<Sealed>),
    Fetch(Fetch),
}

impl Request {
    pub(crate) const fn incident(&self) -> IncidentId {
        match self {
            Self::Submit(command) => command.incident(),
            Self::Fetch(fetch) => fetch.incident(),
        }
    }

    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Submit(command) => command.name(),
            Self::Fetch(Fetch::Report { .. }) => "fetch_report",
            Self::Fetch(Fetch::Referral { .. }) => "fetch_referral",
            Self::Fetch(Fetch::Letter { .. }) => "fetch_letter",
        }
    }
}

/// What comes back.
#[derive(Debug, Clone)]
pub(crate) enum Response {
    Answered(Answer),
    Fetched(Fetched),
}

/// A request that left an organisation.
pub(crate) struct Asked {
    pub(crate) number: RequestNumber,
    pub(crate) party: PartyNumber,
    pub(crate) request: Request,
}

#[derive(Default)]
struct Inner {
    now: Timestamp,
    offsets: Vec<SignedDuration>,
    /// Each organisation's own keys, the present one last.
    keys: Vec<KeyNumber>,
    /// Which key each organisation believes of whom, where that is not the present one; none for one that nobody confirmed.
    beliefs: BTreeMap<(PartyNumber, Organisation), Option<KeyNumber>>,
    parties: BTreeMap<Organisation, PartyNumber>,
    asked: VecDeque<Asked>,
    next_request: RequestNumber,
    answers: BTreeMap<RequestNumber, Result<Response, DoorError>>,
    waiting: BTreeMap<RequestNumber, Waker>,
    timers: Vec<(PartyNumber, Timestamp, Waker)>,
    seen: Vec<Happened>,
    /// Which report is which, by incident and the moment it says.
    reports: BTreeMap<(IncidentId, Timestamp), ReportNumber>,
    /// Whether what is read is written down.
    reads: bool,
    letters: u64,
    swap_letters: bool,
}

/// Where organisations and their world meet.
#[derive(Clone, Default)]
pub(crate) struct Ether {
    inner: Arc<Mutex<Inner>>,
}

impl Ether {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more organisation.
    pub(crate) fn admit(&self, organisation: &Organisation) -> PartyNumber {
        let mut inner = self.lock();
        let number = inner.offsets.len();
        inner.offsets.push(SignedDuration::ZERO);
        inner.keys.push(0);
        inner.parties.insert(organisation.clone(), number);
        number
    }

    pub(crate) fn set_now(&self, now: Timestamp) {
        self.lock().now = now;
    }

    /// An organisation's clock is wrong by so much from now on; whoever sleeps looks at it again.
    pub(crate) fn set_clock(&self, party: PartyNumber, offset: SignedDuration) {
        let mut inner = self.lock();
        if let Some(now) = inner.offsets.get_mut(party) {
            *now = offset;
        }
        let (its, others) = inner.timers.drain(..).partition::<Vec<_>, _>(|(whose, ..)| *whose == party);
        inner.timers = others;
        drop(inner);
        for (_, _, waker) in its {
            waker.wake();
        }
    }

    /// An organisation has a new key. Others believe it at once, but for those who have to be told.
    pub(crate) fn rotate(&self, organisation: &Organisation, unconfirmed_by: Option<&Organisation>) {
        let mut inner = self.lock();
        let Some(number) = inner.parties.get(organisation).copied() else { return };
        if let Some(key) = inner.keys.get_mut(number) {
            *key += 1;
        }
        if let Some(by) = unconfirmed_by.and_then(|by| inner.parties.get(by).copied()) {
            inner.beliefs.insert((by, organisation.clone()), None);
        }
    }

    /// Everybody confirmed everybody's key.
    pub(crate) fn confirm_all(&self) {
        self.lock().beliefs.clear();
    }

    /// The next request that left somebody.
    pub(crate) fn next_asked(&self) -> Option<Asked> {
        self.lock().asked.pop_front()
    }

    /// Gives an answer to whoever still waits for it.
    pub(crate) fn answer(&self, request: RequestNumber, answer: Result<Response, DoorError>) {
        let mut inner = self.lock();
        if let Some(waker) = inner.waiting.remove(&request) {
            inner.answers.insert(request, answer);
            drop(inner);
            waker.wake();
        }
    }

    /// From here on it is written down what everybody reads, the reports by these names.
    pub(crate) fn write_down(&self, reports: BTreeMap<(IncidentId, Timestamp), ReportNumber>) {
        let mut inner = self.lock();
        (inner.reports, inner.reads) = (reports, true);
    }

    /// The sleepers since the last time: when to wake each, by the world's clock.
    pub(crate) fn take_timers(&self) -> Vec<(Timestamp, Waker)> {
        let mut inner = self.lock();
        let timers = std::mem::take(&mut inner.timers);
        let world = |party: PartyNumber, at: Timestamp| {
            let offset = inner.offsets.get(party).copied().unwrap_or_default();
            at.checked_sub(offset).unwrap_or(Timestamp::MAX)
        };
        timers.into_iter().map(|(party, at, waker)| (world(party, at), waker)).collect()
    }

    /// What organisations saw since the last time.
    pub(crate) fn take_seen(&self) -> Vec<Happened> {
        std::mem::take(&mut self.lock().seen)
    }

    fn saw(&self, what: Happened) {
        let mut inner = self.lock();
        if inner.reads {
            inner.seen.push(what);
        }
    }

    /// What was read, in printable words.
    fn read(&self, binding: &Binding, plain: &Plaintext) {
        let mut inner = self.lock();
        if !inner.reads {
            return;
        }
        let content = match binding.hop {
            Hop::Report => Report::from_plaintext(plain).ok().and_then(|report| {
                inner.reports.get(&(binding.incident, report.reported_at)).copied().map(Content::Report)
            }),
            Hop::Referral => {
                let read = Referral::from_plaintext(plain).ok();
                read.map(|read| Content::Referral(Invented::of(&read.child), read.sister))
            }
            Hop::Letter => {
                Letter::from_plaintext(plain).ok().map(|letter| Content::Letter(Invented::of(&letter.child)))
            }
        };
        let (by, incident, number) = (binding.receiver.clone(), binding.incident, binding.number);
        inner.seen.extend(content.map(|content| Happened::Opened { by, incident, number, content }));
    }

    fn now_of(&self, party: PartyNumber) -> Timestamp {
        let inner = self.lock();
        let offset = inner.offsets.get(party).copied().unwrap_or_default();
        inner.now.checked_add(offset).unwrap_or(Timestamp::MAX)
    }

    /// From here on every second payload goes with another child's binding: a planted bug.
    pub(crate) fn plant_swapped_seals(&self) {
        self.lock().swap_letters = true;
    }

    /// A seal as this organisation makes it.
    pub(crate) fn sealed_by(
        &self,
        party: PartyNumber,
        binding: &Binding,
        content: &[u8],
    ) -> Result<Sealed, KeyTrouble> {
        let mut inner = self.lock();
        let receiver = &binding.receiver;
        let Some(present) = inner.parties.get(receiver).and_then(|number| inner.keys.get(*number)).copied()
        else {
            return Err(KeyTrouble::Unknown(UnknownKey(receiver.clone())));
        };
        let believed = inner.beliefs.get(&(party, receiver.clone())).copied().unwrap_or(Some(present));
        let key = believed.ok_or_else(|| KeyTrouble::Unconfirmed { organisation: receiver.clone() })?;
        let own = inner.keys.get(party).copied().unwrap_or_default();
        inner.letters += 1;
        let swapped = inner.swap_letters && inner.letters.is_multiple_of(2) && binding.number.is_some();
        Ok(seal::seal(binding, (own, key), content, swapped))
    }
}

/// The line of one organisation.
pub(crate) struct SimLine {
    pub(crate) ether: Ether,
    pub(crate) party: PartyNumber,
    pub(crate) organisation: Organisation,
}

/// An answer that is waited for.
struct Waiting {
    ether: Ether,
    number: RequestNumber,
}

impl Future for Waiting {
    type Output = Result<Response, DoorError>;
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut inner = self.ether.lock();
        if let Some(answer) = inner.answers.remove(&self.number) {
            return Poll::Ready(answer);
        }
        inner.waiting.insert(self.number, context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut inner = self.ether.lock();
        inner.waiting.remove(&self.number);
        inner.answers.remove(&self.number);
    }
}

impl SimLine {
    fn ask(&self, request: Request) -> Waiting {
        let mut inner = self.ether.lock();
        inner.next_request += 1;
        let number = inner.next_request;
        inner.asked.push_back(Asked { number, party: self.party, request });
        Waiting { ether: self.ether.clone(), number }
    }
}

impl Line for SimLine {
    fn organisation(&self) -> &Organisation {
        &self.organisation
    }

    fn submit<'a>(
        &'a self,
        command: &'a Command<Sealed>,
        _: Option<Traceparent>,
    ) -> Said<'a, (Answer, Option<Traceparent>)> {
        let waiting = self.ask(Request::Submit(command.clone()));
        Box::pin(async move {
            match waiting.await? {
                Response::Answered(answer) => Ok((answer, None)),
                Response::Fetched(_) => Err(DoorError::Unreadable),
            }
        })
    }

    fn fetch<'a>(&'a self, fetch: &'a Fetch, _: Option<Traceparent>) -> Said<'a, Fetched> {
        let waiting = self.ask(Request::Fetch(*fetch));
        Box::pin(async move {
            match waiting.await? {
                Response::Fetched(fetched) => Ok(fetched),
                Response::Answered(_) => Err(DoorError::Unreadable),
            }
        })
    }
}

/// The clock on the wall of one organisation.
pub(crate) struct SimClock {
    pub(crate) ether: Ether,
    pub(crate) party: PartyNumber,
}

struct Sleep {
    ether: Ether,
    party: PartyNumber,
    until: Timestamp,
}

impl Future for Sleep {
    type Output = ();
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.ether.now_of(self.party) >= self.until {
            return Poll::Ready(());
        }
        self.ether.lock().timers.push((self.party, self.until, context.waker().clone()));
        Poll::Pending
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        self.ether.now_of(self.party)
    }

    fn is_replayed(&self) -> bool {
        false
    }

    fn begin(&self, _: &str) {}

    fn end(&self, _: &str) {}

    fn sleep_until<'a>(
        &'a self,
        _: &'a str,
        until: Timestamp,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(Sleep { ether: self.ether.clone(), party: self.party, until })
    }

    fn pause(&self, wait: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
        let until = self.now().checked_add(wait).unwrap_or(Timestamp::MAX);
        Box::pin(Sleep { ether: self.ether.clone(), party: self.party, until })
    }
}

/// The seals of one organisation.
pub(crate) struct SimSeals {
    pub(crate) ether: Ether,
    pub(crate) party: PartyNumber,
}

impl Seals for SimSeals {
    fn seal(&self, binding: &Binding, content: &Plaintext) -> Result<Sealed, Unsealed> {
        Ok(self.ether.sealed_by(self.party, binding, content.as_bytes())?)
    }

    fn open(&self, binding: &Binding, sealed: &Sealed) -> Result<Plaintext, Unopened> {
        let own = self.ether.lock().keys.get(self.party).copied().unwrap_or_default();
        match seal::open(binding, own, sealed) {
            Ok(plain) => {
                self.ether.read(binding, &plain);
                Ok(plain)
            }
            Err(error) => {
                let Some((hop, sealed_to)) = seal::label(sealed) else {
                    return Err(OpenError::from(error).into());
                };
                self.ether.saw(Happened::GivenUnopened { to: binding.receiver.clone(), hop, sealed_to });
                Err(OpenError::from(error).into())
            }
        }
    }
}

/// What Veilig Thuis finds is written down.
pub(crate) struct SimWitness {
    pub(crate) ether: Ether,
}

impl Witness for SimWitness {
    fn found(&self, signal: SignalId, child: &Child, sibling: bool) {
        self.ether.saw(Happened::Found { signal, child: Invented::of(child), sibling });
    }
}
