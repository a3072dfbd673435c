//! One incident's desk: one thing at a time, in the one safe order.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use hwc_journal::{Append, Commit, History, Location, Position};
use hwc_schemas::{
    IncidentId, Organisation, PayloadId,
    wire::{Answer, Command, Fetch, Refusal, Sealed},
};
use hwc_workflow::{
    Act, Context, Done, Duty, Event, Fact, Found, Incident, OutOfOrder, deadline, decide, due, duties, evolve,
};
use jiff::{SignedDuration, Timestamp};

use crate::{
    io::{Output, Reply, Ticket, Trouble},
    relay::Turn,
};

/// Something to decide.
#[derive(Debug)]
pub(crate) enum Job {
    Command {
        ticket: Ticket,
        from: Organisation,
        command: Command<PayloadId>,
        payloads: Vec<(PayloadId, Sealed)>,
    },
    Fetch {
        ticket: Ticket,
        from: Organisation,
        fetch: Fetch,
    },
    Done(Done),
    Look,
}

/// Jobs that are decided together, on their way to being durable.
#[derive(Debug, Default)]
struct Work {
    jobs: Vec<Job>,
    events: Vec<Event>,
    stored: Vec<(PayloadId, Location)>,
    attempts: u32,
}

/// What the desk is doing.
#[derive(Debug)]
enum Stage {
    /// Never read.
    Unread,
    /// The log is being read; then this goes on.
    Loading(Option<Work>),
    /// The state is known and nothing is under way.
    Ready,
    /// Ciphertexts are being stored.
    Storing(Work),
    /// Events are being appended.
    Appending(Work),
    /// The tombstone is being written.
    Forgetting,
    /// Something did not work; read again then.
    Resting(Timestamp, Option<Work>),
    /// The log holds what cannot have happened.
    Alarmed,
}

pub(crate) struct Desk {
    id: IncidentId,
    incident: Incident,
    position: Position,
    /// The log is gone, only the tombstone is left.
    ended: bool,
    places: BTreeMap<PayloadId, Location>,
    stage: Stage,
    queue: VecDeque<Job>,
    /// Duties that were taken on and are still owed: not taken on again.
    taken: BTreeSet<Duty>,
    /// Of these, the ones whose performance has not been answered.
    under_way: BTreeSet<Duty>,
    /// Duties that did not work, to be taken on again.
    failed: BTreeSet<Duty>,
    retry_at: Option<Timestamp>,
    look_at: Option<Timestamp>,
}

impl Desk {
    pub(crate) fn new(id: IncidentId) -> Self {
        Self {
            id,
            incident: Incident::Unknown,
            position: Position::NONE,
            ended: false,
            places: BTreeMap::new(),
            stage: Stage::Unread,
            queue: VecDeque::new(),
            taken: BTreeSet::new(),
            under_way: BTreeSet::new(),
            failed: BTreeSet::new(),
            retry_at: None,
            look_at: None,
        }
    }

    pub(crate) const fn incident(&self) -> &Incident {
        &self.incident
    }

    /// Whether there is nothing to remember.
    pub(crate) fn is_vacant(&self) -> bool {
        let nothing_known = self.ended || matches!(self.incident, Incident::Unknown);
        nothing_known && matches!(self.stage, Stage::Ready | Stage::Unread) && self.queue.is_empty()
    }

    pub(crate) fn is_busy(&self) -> bool {
        let at_rest = matches!(self.stage, Stage::Ready | Stage::Unread | Stage::Alarmed);
        !at_rest || !self.queue.is_empty() || !self.under_way.is_empty() || !self.failed.is_empty()
    }

    pub(crate) fn alarm(&self) -> Option<Timestamp> {
        let resting = if let Stage::Resting(until, _) = &self.stage { Some(*until) } else { None };
        [resting, self.retry_at, self.look_at].into_iter().flatten().min()
    }

    /// What a sweeper must leave alone: what events point to, and what is about to be pointed to.
    pub(crate) fn keeps(&self) -> Vec<PayloadId> {
        let mut kept = self.incident.payloads();
        let work = match &self.stage {
            Stage::Storing(work)
            | Stage::Appending(work)
            | Stage::Loading(Some(work))
            | Stage::Resting(_, Some(work)) => Some(work),
            _ => None,
        };
        let jobs = work.into_iter().flat_map(|work| &work.jobs).chain(&self.queue);
        for job in jobs {
            if let Job::Command { payloads, .. } = job {
                kept.extend(payloads.iter().map(|(id, _)| *id));
            }
        }
        kept
    }

    /// Computes when time alone may change something.
    pub(crate) fn rest(&mut self, context: &Context<'_>) {
        let ready = matches!(self.stage, Stage::Ready) && !self.ended;
        self.look_at = if ready { deadline(&self.incident, context) } else { None };
    }

    pub(crate) fn accept(&mut self, job: Job, turn: &mut Turn<'_>) {
        if self.queue.len() >= turn.limits.waiting_per_incident_max || matches!(self.stage, Stage::Alarmed) {
            try_later(&job, turn);
            return;
        }
        self.queue.push_back(job);
        if matches!(self.stage, Stage::Unread) {
            self.load(None, turn);
        }
        self.go_on(turn);
    }

    /// Time passed.
    pub(crate) fn look(&mut self, turn: &mut Turn<'_>) {
        let now = turn.context.now;
        if self.retry_at.is_some_and(|at| at <= now) {
            self.retry_at = None;
            for duty in std::mem::take(&mut self.failed) {
                self.taken.remove(&duty);
            }
            self.take_on_duties(turn);
        }
        match std::mem::replace(&mut self.stage, Stage::Unread) {
            Stage::Resting(until, work) if until <= now => self.load(work, turn),
            Stage::Ready => {
                self.stage = Stage::Ready;
                if deadline(&self.incident, &turn.context).is_some_and(|at| at <= now) {
                    self.queue.push_back(Job::Look);
                }
                self.go_on(turn);
            }
            other => self.stage = other,
        }
    }

    pub(crate) fn loaded(&mut self, history: Result<History, Trouble>, turn: &mut Turn<'_>) {
        let work = match std::mem::replace(&mut self.stage, Stage::Ready) {
            Stage::Loading(work) => work,
            Stage::Unread => None,
            // An answer that nobody waits for.
            other => {
                self.stage = other;
                return;
            }
        };
        let folded = match history {
            Ok(history) => self.fold(history),
            Err(Trouble) => {
                self.give_up_on_requests(turn);
                self.rest_a_while(work, turn);
                return;
            }
        };
        if let Err(problem) = folded {
            turn.outputs.push_back(Output::Alarm { incident: self.id, problem });
            self.stage = Stage::Alarmed;
            self.queue.extend(work.into_iter().flat_map(|work| work.jobs));
            self.give_up_on_requests(turn);
            self.queue.clear();
            return;
        }
        self.take_on_duties(turn);
        if let Some(work) = work {
            self.begin(work, turn);
        }
        self.go_on(turn);
    }

    pub(crate) fn stored(
        &mut self,
        places: Result<Vec<(PayloadId, Location)>, Trouble>,
        turn: &mut Turn<'_>,
    ) {
        let Stage::Storing(mut work) = std::mem::replace(&mut self.stage, Stage::Ready) else { return };
        match places {
            Ok(places) => {
                work.stored.extend(places);
                self.append(work, turn);
            }
            Err(Trouble) => self.rest_a_while(Some(work), turn),
        }
    }

    pub(crate) fn appended(&mut self, outcome: Result<Append, Trouble>, turn: &mut Turn<'_>) {
        let Stage::Appending(work) = std::mem::replace(&mut self.stage, Stage::Ready) else { return };
        match outcome {
            Ok(Append::Appended(position)) => {
                self.position = position;
                self.became_durable(work, turn);
                self.go_on(turn);
            }
            Ok(Append::Conflict) => self.load(Some(work), turn),
            Err(Trouble) => self.rest_a_while(Some(work), turn),
        }
    }

    pub(crate) fn forgotten(&mut self, outcome: Result<Append, Trouble>, turn: &mut Turn<'_>) {
        if !matches!(self.stage, Stage::Forgetting) {
            return;
        }
        self.stage = Stage::Ready;
        match outcome {
            Ok(Append::Appended(_)) => {
                self.ended = true;
                self.taken.clear();
                self.go_on(turn);
            }
            Ok(Append::Conflict) => {
                self.taken.remove(&Duty::Forget);
                self.load(None, turn);
            }
            Err(Trouble) => {
                self.taken.remove(&Duty::Forget);
                self.rest_a_while(None, turn);
            }
        }
    }

    pub(crate) fn performed(&mut self, duty: Duty, outcome: Result<(), Trouble>, turn: &mut Turn<'_>) {
        if !self.under_way.remove(&duty) {
            return;
        }
        if outcome.is_err() {
            self.failed.insert(duty);
            self.retry_at.get_or_insert(later(turn));
            return;
        }
        match duty {
            Duty::Erase { payload } => self.queue.push_back(Job::Done(Done::Erased(payload))),
            Duty::RecordBreach { number, .. } => {
                self.queue.push_back(Job::Done(Done::BreachRecorded(number)))
            }
            Duty::Offer { .. } | Duty::Forget => {}
        }
        self.go_on(turn);
    }

    /// Takes jobs from the queue as long as the desk is ready.
    fn go_on(&mut self, turn: &mut Turn<'_>) {
        while matches!(self.stage, Stage::Ready) {
            let Some(first) = self.queue.pop_front() else {
                self.forget_if_owed(turn);
                return;
            };
            let mut work = Work { jobs: vec![first], ..Work::default() };
            if matches!(work.jobs.first(), Some(Job::Done(_) | Job::Look)) {
                // What nobody waits for goes into one commit.
                let (own, others) = std::mem::take(&mut self.queue)
                    .into_iter()
                    .partition::<VecDeque<_>, _>(|job| matches!(job, Job::Done(_) | Job::Look));
                work.jobs.extend(own);
                self.queue = others;
            }
            self.begin(work, turn);
        }
    }

    /// Decides, and starts to make the decision durable. Afterwards the desk is busy, or the jobs are answered.
    fn begin(&mut self, mut work: Work, turn: &mut Turn<'_>) {
        work.attempts += 1;
        if work.attempts > turn.limits.attempts_max && work.jobs.iter().any(is_request) {
            for job in &work.jobs {
                try_later(job, turn);
            }
            return;
        }
        work.events.clear();
        let mut state = self.incident.clone();
        for job in &work.jobs {
            let act = match job {
                Job::Command { from, command, .. } => Act::Command { from, command },
                Job::Fetch { from, fetch, .. } => Act::Fetch { from, fetch },
                Job::Done(done) => Act::Done(*done),
                Job::Look => Act::Look,
            };
            match decide(&state, act, &turn.context) {
                Ok(events) => {
                    for event in events {
                        // `decide` has already walked this way once.
                        if let Ok(next) = evolve(state.clone(), &event) {
                            state = next;
                        }
                        work.events.push(event);
                    }
                }
                Err(refusal) => {
                    refuse(job, refusal, turn);
                    self.discard(&work, turn);
                    return;
                }
            }
        }
        if work.events.is_empty() {
            // Nothing to write: whatever was asked is so already.
            self.answer(&work, Answer::AlreadyRecorded, turn);
            self.discard(&work, turn);
            return;
        }
        let pointed_to = pointers(&work.events);
        let missing: Vec<(PayloadId, Sealed)> = work
            .jobs
            .iter()
            .filter_map(|job| if let Job::Command { payloads, .. } = job { Some(payloads) } else { None })
            .flatten()
            .filter(|(id, _)| pointed_to.contains(id) && work.stored.iter().all(|(known, _)| known != id))
            .cloned()
            .collect();
        if missing.is_empty() {
            self.append(work, turn);
        } else {
            let ceiling = state.ceiling(turn.context.policy).unwrap_or(turn.context.now);
            turn.outputs.push_back(Output::Store { incident: self.id, payloads: missing, ceiling });
            self.stage = Stage::Storing(work);
        }
    }

    fn append(&mut self, work: Work, turn: &mut Turn<'_>) {
        let pointed_to = pointers(&work.events);
        let stored = work.stored.iter().filter(|(id, _)| pointed_to.contains(id)).copied().collect();
        let commit = Commit { events: work.events.clone(), stored };
        turn.outputs.push_back(Output::Append { incident: self.id, expected: self.position, commit });
        self.stage = Stage::Appending(work);
    }

    fn became_durable(&mut self, work: Work, turn: &mut Turn<'_>) {
        for event in &work.events {
            match evolve(std::mem::take(&mut self.incident), event) {
                Ok(next) => self.incident = next,
                Err(problem) => {
                    turn.outputs.push_back(Output::Alarm { incident: self.id, problem });
                    self.stage = Stage::Alarmed;
                    return;
                }
            }
        }
        self.places.extend(work.stored.iter().copied());
        self.answer(&work, Answer::Recorded, turn);
        self.discard(&work, turn);
        turn.outputs.push_back(Output::Noted { incident: self.id, events: work.events });
        self.take_on_duties(turn);
        self.forget_places();
    }

    /// Takes on what the state owes and nobody has taken on yet.
    fn take_on_duties(&mut self, turn: &mut Turn<'_>) {
        if self.ended {
            return;
        }
        let owed: BTreeSet<Duty> = duties(self.id, &self.incident).into_iter().collect();
        self.taken.retain(|duty| owed.contains(duty));
        self.failed.retain(|duty| owed.contains(duty));
        for duty in owed {
            if duty == Duty::Forget || !self.taken.insert(duty.clone()) {
                continue;
            }
            let location = match &duty {
                Duty::Erase { payload } => self.places.get(payload).copied(),
                _ => None,
            };
            self.under_way.insert(duty.clone());
            turn.outputs.push_back(Output::Perform { incident: self.id, duty, location });
        }
    }

    /// The last duty waits until the desk is clear.
    fn forget_if_owed(&mut self, turn: &mut Turn<'_>) {
        let clear = self.under_way.is_empty() && !self.ended && matches!(self.incident, Incident::Purged);
        if clear && self.taken.insert(Duty::Forget) {
            turn.outputs.push_back(Output::Forget { incident: self.id, expected: self.position });
            self.stage = Stage::Forgetting;
        }
    }

    fn fold(&mut self, history: History) -> Result<(), OutOfOrder> {
        self.places.clear();
        self.ended = false;
        let (commits, position) = match history {
            History::Unknown => (Vec::new(), Position::NONE),
            History::Ended => {
                self.incident = Incident::Purged;
                self.ended = true;
                self.taken.clear();
                return Ok(());
            }
            History::Live { commits, position } => (commits, position),
        };
        self.position = position;
        self.incident = Incident::Unknown;
        for commit in commits {
            self.places.extend(commit.stored);
            for event in &commit.events {
                self.incident = evolve(std::mem::take(&mut self.incident), event)?;
            }
        }
        self.forget_places();
        Ok(())
    }

    fn forget_places(&mut self) {
        let held: BTreeSet<_> = self.incident.payloads().into_iter().collect();
        self.places.retain(|payload, _| held.contains(payload));
    }

    fn load(&mut self, work: Option<Work>, turn: &mut Turn<'_>) {
        self.stage = Stage::Loading(work);
        turn.outputs.push_back(Output::Load { incident: self.id });
    }

    /// Something did not work, and what became of it is unknown: read again in a while, then decide anew.
    fn rest_a_while(&mut self, work: Option<Work>, turn: &mut Turn<'_>) {
        self.stage = Stage::Resting(later(turn), work);
    }

    /// Whoever waits is asked to come back; what nobody waits for stays.
    fn give_up_on_requests(&mut self, turn: &mut Turn<'_>) {
        self.queue.retain(|job| {
            try_later(job, turn);
            !is_request(job)
        });
    }

    fn answer(&self, work: &Work, answer: Answer, turn: &mut Turn<'_>) {
        for job in &work.jobs {
            match job {
                Job::Command { ticket, .. } => reply(*ticket, Reply::Command(answer), turn),
                Job::Fetch { ticket, from, fetch } => {
                    if let Ok(due) = due(&self.incident, from, fetch) {
                        let released = self.places.get(&due.payload).map_or(Reply::TryLater, |location| {
                            Reply::Release {
                                payload: due.payload,
                                location: *location,
                                from: due.from.clone(),
                            }
                        });
                        reply(*ticket, released, turn);
                    }
                }
                Job::Done(_) | Job::Look => {}
            }
        }
    }

    /// What was stored for a decision that then fell out differently.
    fn discard(&self, work: &Work, turn: &mut Turn<'_>) {
        let held = self.incident.payloads();
        for (payload, location) in &work.stored {
            if !held.contains(payload) && !pointers(&work.events).contains(payload) {
                turn.outputs.push_back(Output::Discard { payload: *payload, location: *location });
            }
        }
    }
}

/// The ciphertexts that events point to for the first time.
fn pointers(events: &[Event]) -> Vec<PayloadId> {
    let mut all = Vec::new();
    for event in events {
        match &event.fact {
            Fact::Recorded { report, .. } => all.push(*report),
            Fact::Routed { letter, .. } => all.push(*letter),
            Fact::Expanded { found, .. } | Fact::Joined { found } => {
                all.extend(found.iter().filter_map(|child| match child {
                    Found::Referred { referral, .. } => Some(*referral),
                    Found::ScreenedOut { .. } | Found::NotParticipating => None,
                }));
            }
            _ => {}
        }
    }
    all
}

const fn is_request(job: &Job) -> bool {
    matches!(job, Job::Command { .. } | Job::Fetch { .. })
}

fn refuse(job: &Job, refusal: Refusal, turn: &mut Turn<'_>) {
    match job {
        Job::Command { ticket, .. } => reply(*ticket, Reply::Command(Answer::Refused { refusal }), turn),
        Job::Fetch { ticket, .. } => reply(*ticket, Reply::NotDue(refusal), turn),
        Job::Done(_) | Job::Look => {}
    }
}

fn try_later(job: &Job, turn: &mut Turn<'_>) {
    match job {
        Job::Command { ticket, .. } => reply(*ticket, Reply::Command(Answer::TryLater), turn),
        Job::Fetch { ticket, .. } => reply(*ticket, Reply::TryLater, turn),
        Job::Done(_) | Job::Look => {}
    }
}

fn reply(ticket: Ticket, reply: Reply, turn: &mut Turn<'_>) {
    turn.outputs.push_back(Output::Reply { ticket, reply });
}

fn later(turn: &Turn<'_>) -> Timestamp {
    let after = SignedDuration::from_secs(turn.limits.retry_after_seconds);
    turn.context.now.checked_add(after).unwrap_or(Timestamp::MAX)
}
