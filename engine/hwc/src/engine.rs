//! The engine: the driver's wishes, carried out on the broker.
//!
//! It holds no key that opens anything and no state that the journal does not: kill it at any moment and start it again.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use hwc_adapter_kit::Clock;
use hwc_jetstream::{
    Breaches, Caller, Counts, Doors, Fault, Holder, KeyStock, Knock, Lease, LinkError, SealedStore,
    SetupError, StoreError, Tasks,
};
use hwc_journal::{History, Journal, JournalError, Location};
use hwc_relay::{Input, Limits, Output, Relay, Reply, Rules, Ticket, Trouble};
use hwc_schemas::{
    IncidentId, Organisation, PayloadId, TraceId, Traceparent,
    ask::{Ask, Told},
    wire::{Answer, Fetched, Refusal},
};
use hwc_telemetry::{Erased, ReplyKind, RequestKind};
use hwc_workflow::{Duty, Event, calendar::NoZone};
use jiff::Timestamp;
use serde::Serialize;
use tokio::{sync::watch, task::JoinSet};

use crate::{
    clearing::{Clearing, closing},
    counting::{Counting, end},
    ended::{EndedIds, EndedIdsError},
    questions::Question,
    reported::{Reports, record_of},
    sealed::is_sealed,
    stock::Stock,
    telling::{self, Asked, Telling},
    timeline::ENGINE,
};

/// Watches what became durable. It is never waited for.
pub(crate) trait Observer: Send + Sync + 'static {
    /// Events of one incident became durable.
    fn noted(&self, incident: IncidentId, events: &[Event]);

    /// At a start: everything that the journal holds of an incident. Whoever watched a former life knows most of it already.
    fn found(&self, incident: IncidentId, events: &[Event]);
}

/// Why the engine did not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EngineError {
    /// The broker is out of reach.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The broker does not do what it must.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// A store is not as it must be.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// The sealed store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// What ended cannot be read or kept.
    #[error(transparent)]
    Ended(#[from] EndedIdsError),
    /// The time zone in which months are counted.
    #[error(transparent)]
    Zone(#[from] NoZone),
}

/// Requests and duties that are under way at once, at most: beyond it the doors wait.
const UNDER_WAY_MAX: usize = 1024;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It was told to.
    Stopped,
    /// Another engine leads, or may by now.
    Overtaken,
}

/// How often what did not work is tried again, in real time: a replayed clock stands still meanwhile.
const TRY_AGAIN_EVERY: Duration = Duration::from_secs(1);

/// How often every task that is owed is offered again, lest one got lost.
const OFFER_AGAIN_EVERY: Duration = Duration::from_mins(1);

/// How often what ended is got off the disk.
const CLEAR_EVERY: Duration = Duration::from_secs(5);

/// How long a stopping engine takes to get off the disk what ended.
const CLEARED_WITHIN: Duration = Duration::from_secs(5);

/// How often what is in flight is counted for whoever watches.
const COUNT_EVERY: Duration = Duration::from_secs(5);

/// How orphaned ciphertexts are swept up: those that no event points to, because a crash came between the two.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sweep {
    /// How often they are looked for.
    pub(crate) every: Duration,
    /// How old they must be: older than any append can be under way.
    pub(crate) orphans_after: Duration,
}

impl Default for Sweep {
    fn default() -> Self {
        Self { every: Duration::from_mins(1), orphans_after: Duration::from_mins(2) }
    }
}

/// What the engine works with.
pub(crate) struct Engine<J> {
    relay: Relay,
    journal: J,
    store: SealedStore,
    tasks: Tasks,
    doors: Doors,
    breaches: Breaches,
    counting: Counting,
    stock: Stock,
    reports: Reports,
    ended: Option<EndedIds>,
    clock: Arc<dyn Clock>,
    observer: Arc<dyn Observer>,
    telling: Telling,
    sweep: Sweep,
    asked: HashMap<Ticket, Waiting<Answer>>,
    fetching: HashMap<Ticket, Waiting<Fetched>>,
    next_ticket: u64,
    under_way: JoinSet<Option<Input>>,
}

/// Somebody who waits for an answer about an incident.
struct Waiting<T> {
    caller: Caller<T>,
    incident: IncidentId,
    asked: Asked,
}

/// What lies beneath an engine.
pub(crate) struct Ground<J> {
    /// The log.
    pub(crate) journal: J,
    /// The ciphertexts.
    pub(crate) store: SealedStore,
    /// The tasks.
    pub(crate) tasks: Tasks,
    /// Where organisations knock.
    pub(crate) doors: Doors,
    /// The breach records.
    pub(crate) breaches: Breaches,
    /// The counts that stay.
    pub(crate) counts: Counts,
    /// The keys that organisations left.
    pub(crate) stock: Stock,
    /// What ended, kept outside the broker; none where nothing is to outlive it.
    pub(crate) ended: Option<EndedIds>,
}

impl<J: Journal + Clone> Engine<J> {
    /// Reads what is in flight, and is ready to run.
    pub(crate) async fn start(
        ground: Ground<J>,
        rules: Rules,
        clock: Arc<dyn Clock>,
        observer: Arc<dyn Observer>,
        telling: Telling,
    ) -> Result<Self, EngineError> {
        clock.begin(ENGINE);
        let counting = Counting::begin(ground.counts.clone(), ground.journal.clone())?;
        let mut relay = Relay::new(rules, Limits::default());
        let mut in_flight = ground.journal.in_flight().await?;
        if let Some(ended) = &ground.ended {
            in_flight = ended.purge_again(&ground, in_flight, clock.now()).await?;
        }
        for (incident, history) in in_flight {
            if let History::Live { commits, .. } = &history {
                let events: Vec<_> = commits.iter().flat_map(|commit| &commit.events).cloned().collect();
                observer.found(incident, &events);
                telling.found(&events);
            }
            relay.handle(Input::Loaded { incident, history: Ok(history) }, clock.now());
        }
        Ok(Self {
            relay,
            journal: ground.journal,
            store: ground.store,
            tasks: ground.tasks,
            doors: ground.doors,
            reports: Reports::of(&ground.breaches),
            breaches: ground.breaches,
            counting,
            stock: ground.stock,
            ended: ground.ended,
            clock,
            observer,
            telling,
            sweep: Sweep::default(),
            asked: HashMap::new(),
            fetching: HashMap::new(),
            next_ticket: 0,
            under_way: JoinSet::new(),
        })
    }

    /// With another way of sweeping.
    #[must_use]
    pub(crate) const fn sweeping(mut self, sweep: Sweep) -> Self {
        self.sweep = sweep;
        self
    }

    /// Runs until told to stop; then takes nothing new, finishes what is under way, and returns. Returns at once when the
    /// lease is lost: whatever was under way is somebody else's now, who reads it in the journal.
    ///
    /// New rules are taken as they come, and every incident is looked at again by them.
    pub(crate) async fn run(
        mut self,
        lease: &mut Lease,
        mut rules: watch::Receiver<Arc<Rules>>,
        mut stop: watch::Receiver<bool>,
    ) -> Ended {
        rules.mark_unchanged();
        let _leading = self.telling.leading();
        let mut rules_may_change = true;
        let mut count = tokio::time::interval(COUNT_EVERY);
        count.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut sweep = tokio::time::interval(self.sweep.every);
        sweep.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let clock = Arc::clone(&self.clock);
        let mut again = tokio::time::interval(TRY_AGAIN_EVERY);
        again.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut offer = tokio::time::interval(OFFER_AGAIN_EVERY);
        offer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        offer.reset();
        let mut clear = tokio::time::interval(CLEAR_EVERY);
        clear.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            while self.under_way.len() < UNDER_WAY_MAX
                && let Some(output) = self.relay.poll()
            {
                self.carry_out(output);
            }
            let stopping = *stop.borrow();
            if stopping && self.under_way.is_empty() {
                // What does not go now goes at the next start.
                let clearing = Box::pin(self.clearing().clear(Duration::ZERO));
                let _ = tokio::time::timeout(CLEARED_WITHIN, clearing).await;
                return Ended::Stopped;
            }
            let idle = self.relay.is_idle() && self.under_way.is_empty();
            let wake_at = self.relay.wake_at().unwrap_or(Timestamp::MAX);
            tokio::select! {
                () = lease.lost() => return Ended::Overtaken,
                Some(done) = self.under_way.join_next() => match done {
                    Ok(Some(input)) => self.relay.handle(input, clock.now()),
                    Ok(None) => {}
                    // Half a thought is worth nothing: the next start reads the journal.
                    Err(error) => match error.try_into_panic() {
                        Ok(panic) => std::panic::resume_unwind(panic),
                        Err(error) => tracing::error!(%error, "an errand was broken off"),
                    },
                },
                Some(knock) = self.doors.next(), if !stopping && self.under_way.len() < UNDER_WAY_MAX => {
                    self.knocked(knock, lease.holder());
                }
                () = sleep(&*clock, idle, wake_at), if !stopping => {
                    self.relay.handle(Input::Tick, clock.now());
                }
                _ = again.tick(), if !stopping && !self.relay.is_idle() => {
                    self.relay.handle(Input::TryAgain, clock.now());
                }
                // A replayed minute is no minute.
                _ = offer.tick(), if !stopping && !clock.is_replayed() => {
                    self.relay.handle(Input::OfferAgain, clock.now());
                }
                _ = sweep.tick(), if !stopping => self.sweep(lease.holder()),
                _ = clear.tick(), if !stopping => self.clear(),
                _ = count.tick(), if !stopping && !clock.is_replayed() => self.count(),
                changed = rules.changed(), if rules_may_change && !stopping => match changed {
                    Ok(()) => {
                        let rules = Rules::clone(&rules.borrow_and_update());
                        self.relay.set_rules(rules, clock.now());
                    }
                    Err(_) => rules_may_change = false,
                },
                Ok(()) = stop.changed(), if !stopping => {}
            }
        }
    }

    fn knocked(&mut self, knock: Knock, holder: Holder) {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        let input = match knock {
            Knock::Submit { from, command: Ok(command), caller } if !is_sealed(&command) => {
                tracing::warn!(%from, command = command.name(), "a payload that is not sealed");
                let reply = ReplyKind::Refused(Refusal::Malformed);
                self.telling.replied(&from, RequestKind::of(&command), reply);
                return self.spawn(answered(caller, Answer::Refused { refusal: Refusal::Malformed }, None));
            }
            Knock::Submit { command: Ok(command), from, caller } => {
                let asked = Asked::command(&from, &command, &caller, self.clock.now());
                self.asked.insert(ticket, Waiting { caller, incident: command.incident(), asked });
                let (command, payloads) = command.detach(|| PayloadId::from_uuid(uuid::Uuid::new_v4()));
                let trace = TraceId::from_bytes(uuid::Uuid::new_v4().into_bytes());
                Input::Submit { ticket, from, command, payloads, trace }
            }
            Knock::Fetch { from, fetch: Ok(fetch), caller } => {
                let asked = Asked::fetch(&from, &fetch, &caller, self.clock.now());
                self.fetching.insert(ticket, Waiting { caller, incident: fetch.incident(), asked });
                Input::Fetch { ticket, from, fetch }
            }
            Knock::Ask { from, ask, caller } => return self.asked(from, ask, caller, holder),
            Knock::Submit { from, command: Err(refusal), caller } => {
                tracing::warn!(%from, refusal = refusal.code(), "a command that cannot be read");
                let reply = ReplyKind::Refused(refusal);
                self.telling.replied(&from, RequestKind::UnreadableCommand, reply);
                return self.spawn(answered(caller, Answer::Refused { refusal }, None));
            }
            Knock::Fetch { from, fetch: Err(refusal), caller } => {
                tracing::warn!(%from, refusal = refusal.code(), "a fetch that cannot be read");
                let reply = ReplyKind::Refused(refusal);
                self.telling.replied(&from, RequestKind::UnreadableFetch, reply);
                return self.spawn(answered(caller, Fetched::Refused { refusal }, None));
            }
        };
        self.relay.handle(input, self.clock.now());
    }

    /// Answers a question about the asker by what we know, if the broker says that this is still all there is to know.
    fn asked(&mut self, from: Organisation, ask: Result<Ask, Refusal>, caller: Caller<Told>, holder: Holder) {
        let question = Question::of(from, ask, &self.relay, &self.stock);
        let (stock, store, telling) = (self.stock.clone(), self.store.clone(), self.telling.clone());
        let reports = self.reports.on(self.relay.local(self.clock.now()).date());
        self.spawn(async move {
            let told = question.answer(&stock, &store, &reports, &holder, &telling).await;
            answered(caller, told, None).await
        });
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Load { incident } => {
                let journal = self.journal.clone();
                self.spawn(async move {
                    let history = journal.read(incident).await.map_err(|error| trouble(&error));
                    Some(Input::Loaded { incident, history })
                });
            }
            Output::Store { incident, payloads, receivers, ceiling } => {
                let (stock, store, telling) = (self.stock.clone(), self.store.clone(), self.telling.clone());
                let left = Duration::try_from(ceiling.duration_since(self.clock.now())).unwrap_or_default();
                self.spawn(async move {
                    let sealed = (payloads, receivers);
                    Some(stock.store(&store, incident, sealed, left, &telling.metrics).await)
                });
            }
            Output::Append { incident, expected, commit } => {
                let journal = self.journal.clone();
                self.spawn(async move {
                    let outcome =
                        journal.append(incident, expected, &commit).await.map_err(|error| trouble(&error));
                    Some(Input::Appended { incident, outcome })
                });
            }
            Output::Forget { incident, expected, markers } => {
                let (journal, counting) = (self.journal.clone(), self.counting.clone());
                let (ended, telling, now) = (self.ended.clone(), self.telling.clone(), self.clock.now());
                self.spawn(async move {
                    Some(
                        end((&journal, &counting), ended, &telling, (incident, expected, &markers, now))
                            .await,
                    )
                });
            }
            Output::Perform { incident, duty, location } => self.perform(incident, duty, location),
            Output::Discard { payload, location } => {
                let store = self.store.clone();
                self.spawn(async move {
                    // If this fails the sweeper finds it.
                    let _ = store.erase(payload, location).await.map_err(|error| trouble(&error));
                    None
                });
            }
            Output::Reply { ticket, reply } => self.reply(ticket, reply),
            Output::Noted { incident, trace, events, steps } => {
                self.observer.noted(incident, &events);
                self.telling.walked(&self.relay, trace, &steps);
            }
            Output::Alarm { incident, problem } => {
                self.telling.metrics.alarm();
                tracing::error!(%incident, %problem, "the incident is left alone; somebody must look");
            }
        }
    }

    fn perform(&mut self, incident: IncidentId, duty: Duty, location: Option<Location>) {
        match &duty {
            Duty::Offer { to, task } => {
                self.clock.begin(&task.id());
                self.telling.offered(task);
                let place = self.relay.trace_of(incident).map(|trace| telling::place_of(task, trace));
                let (tasks, to, task) = (self.tasks.clone(), to.clone(), task.clone());
                self.spawn(async move {
                    let outcome = tasks.offer_in(&to, &task, place).await.map_err(|error| trouble(&error));
                    Some(Input::Performed { incident, duty, outcome })
                });
            }
            Duty::Erase { payload } => {
                self.stock.ended(*payload);
                let (store, payload) = (self.store.clone(), *payload);
                let (telling, since) = (self.telling.clone(), Instant::now());
                let (ended, now) = (self.ended.clone(), self.clock.now());
                self.spawn(async move {
                    if let Some(ended) = ended {
                        noted(ended.payload(payload, now).await);
                    }
                    let outcome = if let Some(location) = location {
                        let erased = store.erase(payload, location).await.map_err(|error| trouble(&error));
                        if erased.is_ok() {
                            telling.metrics.unreadable(Erased::Ciphertext, since.elapsed());
                        }
                        erased
                    } else {
                        tracing::error!(%incident, "a ciphertext is to be erased and nobody knows where it lies");
                        Ok(())
                    };
                    Some(Input::Performed { incident, duty, outcome })
                });
            }
            Duty::RecordBreach { number, breach } => {
                let (breaches, signal) = (self.breaches.clone(), (incident, *number, breach.at));
                let record = record_of(breach, self.relay.local(breach.at).date());
                self.spawn(async move {
                    let outcome = breaches.keep(signal, &record).await.map_err(|error| trouble(&error));
                    Some(Input::Performed { incident, duty, outcome })
                });
            }
            // The driver asks for this one by itself.
            Duty::Forget => {}
        }
    }

    fn reply(&mut self, ticket: Ticket, reply: Reply) {
        let (kind, now) = (telling::kind_of(&reply), self.clock.now());
        if let Reply::Command(answer) = reply {
            if let Some(Waiting { caller, incident, asked }) = self.asked.remove(&ticket) {
                let trace = self.relay.trace_of(incident);
                self.telling.answered(&asked, kind, trace, now);
                self.spawn(answered(caller, answer, asked.learns(answer, trace)));
            }
            return;
        }
        let Some(Waiting { caller, incident, asked }) = self.fetching.remove(&ticket) else { return };
        self.telling.answered(&asked, kind, self.relay.trace_of(incident), now);
        let store = self.store.clone();
        self.spawn(async move {
            let fetched = match reply {
                Reply::Release { payload, location, from } => match store.fetch(payload, location).await {
                    Ok(Some(sealed)) => Fetched::Payload { from, sealed },
                    Ok(None) => {
                        tracing::error!(%payload, "a ciphertext that is due is not there");
                        Fetched::Refused { refusal: Refusal::Gone }
                    }
                    Err(error) => {
                        trouble(&error);
                        Fetched::TryLater
                    }
                },
                Reply::NotDue(refusal) => Fetched::Refused { refusal },
                Reply::TryLater | Reply::Command(_) => Fetched::TryLater,
            };
            answered(caller, fetched, None).await
        });
    }

    fn count(&mut self) {
        self.telling.count(&self.relay, self.clock.now());
        self.stock.count(&self.telling.metrics);
        let (tasks, telling) = (self.tasks.clone(), self.telling.clone());
        self.spawn(async move {
            if let Ok(waiting) = tasks.waiting().await {
                telling.metrics.tasks_waiting(waiting);
            }
            None
        });
    }

    /// What we know of decides what goes, so the broker is asked first whether it is still all that there is to know.
    fn sweep(&mut self, holder: Holder) {
        // An incident whose log cannot be read was alarmed; what it points to is unknown, so nothing is swept.
        let Some(kept) = self.relay.keeps() else { return };
        let (store, orphans_after) = (self.store.clone(), self.sweep.orphans_after);
        self.spawn(async move {
            if let Err(fault) = holder.confirm().await {
                trouble(&fault);
                return None;
            }
            match store.sweep(|payload| kept.contains(payload), orphans_after).await {
                Ok(swept) if swept.payloads > 0 => tracing::warn!(?swept, "orphaned ciphertexts erased"),
                Ok(_) => {}
                Err(error) => {
                    trouble(&error);
                }
            }
            None
        });
    }

    fn clear(&mut self) {
        let clearing = self.clearing();
        let grouped_for = Duration::from_secs(self.relay.policy().events_grouped_seconds().into());
        self.spawn(async move {
            clearing.clear(grouped_for).await;
            None
        });
    }

    fn clearing(&self) -> Clearing<J> {
        Clearing {
            journal: self.journal.clone(),
            store: self.store.clone(),
            counting: self.counting.clone(),
            telling: self.telling.clone(),
            closing: closing(&self.relay, self.clock.now()),
        }
    }

    fn spawn(&mut self, work: impl Future<Output = Option<Input>> + Send + 'static) {
        self.under_way.spawn(work);
    }
}

/// An erasure does not wait for a disk of ours that is full: what is not erased is worse than what could come back.
pub(crate) fn noted(outcome: Result<(), EndedIdsError>) {
    if let Err(error) = outcome {
        tracing::error!(%error, "what ended was not written down; it is erased all the same");
    }
}

/// An answer that gets lost is asked for again.
async fn answered<T: Serialize>(caller: Caller<T>, answer: T, place: Option<Traceparent>) -> Option<Input> {
    if let Err(error) = caller.answer_in(&answer, place).await {
        trouble(&error);
    }
    None
}

/// Sleeps until the next deadline. A replayed clock stands still as long as there is anything to do.
async fn sleep(clock: &dyn Clock, idle: bool, until: Timestamp) {
    if idle || !clock.is_replayed() {
        clock.sleep_until(ENGINE, until).await;
    } else {
        std::future::pending::<()>().await;
    }
}

/// Weather: it is logged, and tried again.
pub(crate) fn trouble(error: &dyn std::error::Error) -> Trouble {
    tracing::warn!(%error, "the broker did not do it; trying again");
    Trouble
}

/// The broker's side of an engine, opened.
pub(crate) async fn ground(
    lease: &Lease,
    settings: &hwc_jetstream::Settings,
) -> Result<Ground<hwc_jetstream::JetStreamJournal>, EngineError> {
    let link = lease.link();
    // The pen first: from here on nobody else writes.
    let journal = hwc_jetstream::JetStreamJournal::open(lease, settings).await?;
    let (stock, found) = KeyStock::open(lease, settings).await?;
    Ok(Ground {
        journal,
        stock: Stock::of(stock, found),
        store: SealedStore::open(link, settings),
        tasks: Tasks::open(link, settings).await?,
        doors: Doors::open(link).await?,
        breaches: Breaches::open(link, settings).await?,
        counts: Counts::open(link, settings).await?,
        ended: None,
    })
}
