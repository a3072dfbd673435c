//! One incident's desk: one thing at a time, in the one safe order.

use std::collections::{BTreeSet, VecDeque};

use hwc_journal::{Append, History, Location, Position};
use hwc_schemas::{
    IncidentId, PayloadId,
    wire::{Answer, Refusal, Task},
};
use hwc_workflow::{Context, Duty, Event, Incident, Step, Trail, deadline, due};
use jiff::{SignedDuration, Timestamp};

use crate::{
    doubt::Doubt,
    errands::Errands,
    io::{Output, Reply, Trouble},
    known::Known,
    relay::Turn,
    work::{Ask, Cause, Chore, Request, Work},
};

/// What the desk is doing.
#[derive(Debug, Clone, Hash)]
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
    /// Something did not work; go on then.
    Resting(Timestamp, Option<Work>),
    /// The log holds what cannot have happened.
    Alarmed,
}

#[derive(Clone, Hash)]
pub(crate) struct Desk {
    id: IncidentId,
    known: Known,
    stage: Stage,
    requests: VecDeque<Request>,
    chores: Vec<Chore>,
    errands: Errands,
    doubt: Option<Doubt>,
    look_at: Option<Timestamp>,
}

impl Desk {
    pub(crate) fn new(id: IncidentId) -> Self {
        Self {
            id,
            known: Known::default(),
            stage: Stage::Unread,
            requests: VecDeque::new(),
            chores: Vec::new(),
            errands: Errands::default(),
            doubt: None,
            look_at: None,
        }
    }

    pub(crate) const fn incident(&self) -> &Incident {
        &self.known.incident
    }

    pub(crate) const fn trail(&self) -> &Trail {
        &self.known.trail
    }

    /// Whether there is nothing to remember.
    pub(crate) fn is_vacant(&self) -> bool {
        let alarmed = matches!(self.stage, Stage::Alarmed);
        self.known.is_nothing() && self.doubt.is_none() && !alarmed && !self.is_busy()
    }

    pub(crate) fn is_busy(&self) -> bool {
        let at_rest = matches!(self.stage, Stage::Ready | Stage::Unread | Stage::Alarmed);
        !at_rest || !self.requests.is_empty() || !self.chores.is_empty() || self.errands.are_open()
    }

    pub(crate) fn alarm(&self) -> Option<Timestamp> {
        let resting = if let Stage::Resting(until, _) = &self.stage { Some(*until) } else { None };
        let ready = matches!(self.stage, Stage::Ready);
        let doubted = self.doubt.as_ref().filter(|_| ready).and_then(Doubt::until);
        [resting, self.errands.retry_at, self.look_at, doubted].into_iter().flatten().min()
    }

    /// What a sweeper must leave alone: what events point to, and what is about to be pointed to. `None` if the log cannot be
    /// read: then it is not known, and could be anything.
    pub(crate) fn keeps(&self) -> Option<Vec<PayloadId>> {
        if self.known.unreadable {
            return None;
        }
        let mut kept = self.known.incident.payloads();
        match &self.stage {
            Stage::Storing(work)
            | Stage::Appending(work)
            | Stage::Loading(Some(work))
            | Stage::Resting(_, Some(work)) => kept.extend(work.payloads()),
            // Nobody knows what the log says: leave everything that it names.
            Stage::Alarmed => kept.extend(self.known.places.keys()),
            _ => {}
        }
        kept.extend(self.doubt.iter().flat_map(Doubt::payloads));
        kept.extend(self.requests.iter().flat_map(Request::payloads).map(|(id, _)| *id));
        Some(kept)
    }

    /// What its log points to, and where that lies. `None` if the log cannot be read.
    pub(crate) fn places(&self) -> Option<impl Iterator<Item = (PayloadId, Location)>> {
        let known = self.known.places.iter().map(|(payload, location)| (*payload, *location));
        (!self.known.unreadable).then_some(known)
    }

    /// Computes when time alone may change something.
    pub(crate) fn rest(&mut self, context: &Context<'_>) {
        let ready = matches!(self.stage, Stage::Ready);
        self.look_at = if ready { deadline(&self.known.incident, context) } else { None };
    }

    pub(crate) fn accept(&mut self, request: Request, turn: &mut Turn<'_>) {
        let full = self.requests.len() >= turn.limits.waiting_per_incident_max;
        if full || matches!(self.stage, Stage::Alarmed) {
            turn.outputs.push_back(request.try_later());
            return;
        }
        self.requests.push_back(request);
        if matches!(self.stage, Stage::Unread) {
            self.load(None, turn);
        }
        self.go_on(turn);
    }

    /// The tasks that are owed and were offered before.
    pub(crate) fn offers(&self) -> impl Iterator<Item = Output> {
        let offered = self.errands.performed().filter(|duty| match duty {
            Duty::Offer { task, .. } => !matches!(task, Task::Notice { .. }),
            _ => false,
        });
        offered.map(|duty| Output::Perform { incident: self.id, duty: duty.clone(), location: None })
    }

    /// Time passed.
    pub(crate) fn look(&mut self, turn: &mut Turn<'_>) {
        let now = turn.context.now;
        if self.errands.retry_at.is_some_and(|at| at <= now) {
            self.take_on_duties(turn);
            let again = self.errands.try_again();
            self.perform(again, turn);
        }
        match self.take_stage() {
            Stage::Resting(until, work) if until <= now => self.wake(work, turn),
            Stage::Ready => {
                if let Some(doubt) =
                    self.doubt.as_mut().filter(|doubt| doubt.until().is_some_and(|at| at <= now))
                {
                    doubt.is_read_at(now);
                    self.load(None, turn);
                } else if deadline(&self.known.incident, &turn.context).is_some_and(|at| at <= now) {
                    self.chores.push(Chore::Look);
                }
            }
            other => self.stage = other,
        }
        self.go_on(turn);
    }

    /// Whatever did not work is tried again now.
    pub(crate) fn try_again(&mut self, turn: &mut Turn<'_>) {
        let now = turn.context.now;
        self.errands.retry_at = self.errands.retry_at.map(|_| now);
        if let Stage::Resting(until, _) = &mut self.stage {
            *until = now;
        }
        self.look(turn);
    }

    pub(crate) fn loaded(&mut self, history: Result<History, Trouble>, turn: &mut Turn<'_>) {
        let work = match self.take_stage() {
            Stage::Loading(work) => work,
            Stage::Unread => None,
            // An answer that nobody waits for.
            other => {
                self.stage = other;
                return;
            }
        };
        let Ok(history) = history else {
            let work = self.ask_to_come_back(work, turn);
            self.rest_a_while(work, turn);
            return;
        };
        match self.known.read(history) {
            Ok((events, _)) if events.is_empty() => {}
            Ok((events, steps)) => self.note(events, steps, turn),
            Err(problem) => {
                turn.outputs.push_back(Output::Alarm { incident: self.id, problem });
                self.ask_to_come_back(work, turn);
                self.chores.clear();
                self.stage = Stage::Alarmed;
                return;
            }
        }
        self.settle_doubt();
        self.take_on_duties(turn);
        if let Some(work) = work {
            self.begin(Work { read: true, ..work }, turn);
        }
        self.go_on_having(true, turn);
    }

    pub(crate) fn stored(
        &mut self,
        places: Result<Vec<(PayloadId, Location)>, Trouble>,
        turn: &mut Turn<'_>,
    ) {
        match (self.take_stage(), places) {
            (Stage::Storing(mut work), Ok(places)) => {
                work.stored.extend(places);
                if work.missing().is_empty() {
                    self.append(work, turn);
                } else {
                    self.rest_a_while(Some(work), turn);
                }
            }
            (Stage::Storing(work), Err(Trouble)) => self.rest_a_while(Some(work), turn),
            (other, _) => self.stage = other,
        }
    }

    /// Whoever sealed it seals it again, to another key.
    pub(crate) fn key_used(&mut self, turn: &mut Turn<'_>) {
        match self.take_stage() {
            Stage::Storing(work) => {
                if let Cause::Request(request) = &work.cause {
                    turn.outputs.push_back(request.refused(Refusal::KeyUsed));
                }
                self.discard(&work, turn);
                self.go_on(turn);
            }
            other => self.stage = other,
        }
    }

    pub(crate) fn appended(&mut self, outcome: Result<Append, Trouble>, turn: &mut Turn<'_>) {
        match (self.take_stage(), outcome) {
            (Stage::Appending(work), Ok(Append::Appended(position))) => {
                self.became_durable(work, position, turn);
                self.go_on(turn);
            }
            (Stage::Appending(work), Ok(Append::Conflict)) => self.load(Some(work), turn),
            (Stage::Appending(mut work), Err(Trouble)) => {
                work.unsure = Some(self.known.position);
                self.rest_a_while(Some(work), turn);
            }
            (other, _) => self.stage = other,
        }
    }

    pub(crate) fn forgotten(&mut self, outcome: Result<Append, Trouble>, turn: &mut Turn<'_>) {
        match (self.take_stage(), outcome) {
            (Stage::Forgetting, Ok(Append::Appended(_))) => {
                self.known.ended = true;
                self.settle_doubt();
                self.go_on(turn);
            }
            (Stage::Forgetting, Ok(Append::Conflict)) => self.load(None, turn),
            (Stage::Forgetting, Err(Trouble)) => self.rest_a_while(None, turn),
            (other, _) => self.stage = other,
        }
    }

    pub(crate) fn performed(&mut self, duty: Duty, outcome: Result<(), Trouble>, turn: &mut Turn<'_>) {
        if outcome.is_err() {
            self.errands.failed(&duty, later(turn));
        } else if self.errands.worked(&duty) && !matches!(self.stage, Stage::Alarmed) {
            self.chores.push(Chore::Done(duty));
        }
        self.go_on(turn);
    }

    fn take_stage(&mut self) -> Stage {
        std::mem::replace(&mut self.stage, Stage::Ready)
    }

    fn go_on(&mut self, turn: &mut Turn<'_>) {
        self.go_on_having(false, turn);
    }

    /// Goes on as long as the desk is ready, having read the log just now or not: what nobody waits for first, all of it
    /// in one commit; then one request after the other; the tombstone last.
    fn go_on_having(&mut self, read: bool, turn: &mut Turn<'_>) {
        while matches!(self.stage, Stage::Ready) {
            let cause = if self.chores.is_empty() {
                let Some(request) = self.requests.pop_front() else { break };
                Cause::Request(request)
            } else {
                Cause::Chores(std::mem::take(&mut self.chores))
            };
            self.begin(Work::new(cause, read), turn);
        }
        if matches!(self.stage, Stage::Ready) && self.known.owes_the_tombstone() {
            let (incident, expected) = (self.id, self.known.position);
            let markers = self.known.markers.clone();
            turn.outputs.push_back(Output::Forget { incident, expected, markers });
            self.stage = Stage::Forgetting;
        }
    }

    /// Decides, and starts to make the decision durable. Afterwards the desk is busy, or the work is answered.
    fn begin(&mut self, mut work: Work, turn: &mut Turn<'_>) {
        let refused = work.decide(&self.known.incident, &turn.context).err();
        let refused = refused.or_else(|| work.points_to_nothing().then_some(Refusal::Malformed));
        if let Some(refusal) = refused {
            // Another engine may know better.
            if !work.read {
                self.load(Some(work), turn);
                return;
            }
            if let Cause::Request(request) = &work.cause {
                turn.outputs.push_back(request.refused(refusal));
            }
            self.discard(&work, turn);
            return;
        }
        if work.events.is_empty() {
            // A letter that was opened before leaves once more by the log and not by memory: another engine may have taken it
            // back (R24).
            if !work.read && work.asks_for_a_letter() {
                self.load(Some(work), turn);
                return;
            }
            // Nothing to write: whatever was asked is so already.
            self.answer(&work.cause, Answer::AlreadyRecorded, turn);
            self.discard(&work, turn);
            return;
        }
        // What nobody waits for is tried as long as it takes.
        work.attempts += u32::from(matches!(work.cause, Cause::Request(_)));
        if work.attempts > turn.limits.attempts_max {
            let (work, reply) = work.give_up();
            turn.outputs.extend(reply);
            self.discard(&work, turn);
            return;
        }
        let missing = work.missing();
        if missing.is_empty() {
            self.append(work, turn);
            return;
        }
        let ceiling = work.after.ceiling(turn.context.policy).unwrap_or(turn.context.now);
        let receivers = missing.iter().filter_map(|(payload, _)| work.receiver_of(*payload)).collect();
        turn.outputs.push_back(Output::Store { incident: self.id, payloads: missing, receivers, ceiling });
        self.stage = Stage::Storing(work);
    }

    fn append(&mut self, work: Work, turn: &mut Turn<'_>) {
        let (incident, expected) = (self.id, self.known.position);
        turn.outputs.push_back(Output::Append { incident, expected, commit: work.commit() });
        self.stage = Stage::Appending(work);
    }

    fn became_durable(&mut self, work: Work, position: Position, turn: &mut Turn<'_>) {
        let steps = self.known.went_on(&work, position);
        self.settle_doubt();
        self.answer(&work.cause, Answer::Recorded, turn);
        self.discard(&work, turn);
        if let Cause::Chores(chores) = &work.cause {
            for chore in chores {
                if let Chore::Done(duty) = chore {
                    self.errands.discharged(duty);
                }
            }
        }
        self.note(work.events, steps, turn);
        self.take_on_duties(turn);
    }

    fn note(&self, events: Vec<Event>, steps: Vec<Step>, turn: &mut Turn<'_>) {
        let (incident, trace) = (self.id, self.known.trail.trace());
        turn.outputs.push_back(Output::Noted { incident, trace, events, steps });
    }

    fn answer(&self, cause: &Cause, answer: Answer, turn: &mut Turn<'_>) {
        let Cause::Request(request) = cause else { return };
        turn.outputs.push_back(match &request.ask {
            Ask::Command { .. } => request.reply(Reply::Command(answer)),
            Ask::Fetch(fetch) => match due(&self.known.incident, &request.from, fetch) {
                Err(refusal) => request.refused(refusal),
                Ok(due) => match self.known.places.get(&due.payload) {
                    None => request.try_later(),
                    Some(location) => request.reply(Reply::Release {
                        payload: due.payload,
                        location: *location,
                        from: due.from,
                    }),
                },
            },
        });
    }

    /// What was stored for a decision that then fell out differently. An append of which nobody knows what became may
    /// still arrive as long as the log ends where it did: then this is kept for a while, and left to the sweeper.
    fn discard(&mut self, work: &Work, turn: &mut Turn<'_>) {
        if work.unsure == Some(self.known.position) && !self.known.ended {
            let until = seconds_later(turn, turn.limits.under_way_max_seconds);
            let doubt = self.doubt.get_or_insert(Doubt::new(self.known.position));
            doubt.add(until, work.stored.iter().map(|(payload, _)| *payload));
            return;
        }
        let held = self.known.incident.payloads();
        let needless = work.stored.iter().filter(|(payload, _)| !held.contains(payload));
        turn.outputs.extend(
            needless.map(|(payload, location)| Output::Discard { payload: *payload, location: *location }),
        );
    }

    /// The log was read or written.
    fn settle_doubt(&mut self) {
        self.doubt = self.doubt.take().and_then(|doubt| doubt.settled(&self.known));
    }

    /// Takes on what the state owes and nobody has taken on yet.
    fn take_on_duties(&mut self, turn: &mut Turn<'_>) {
        let new = self.errands.take_on(self.known.owes(self.id));
        self.perform(new, turn);
    }

    fn perform(&self, duties: BTreeSet<Duty>, turn: &mut Turn<'_>) {
        for duty in duties {
            let location = match &duty {
                Duty::Erase { payload } => self.known.places.get(payload).copied(),
                _ => None,
            };
            turn.outputs.push_back(Output::Perform { incident: self.id, duty, location });
        }
    }

    fn load(&mut self, work: Option<Work>, turn: &mut Turn<'_>) {
        self.stage = Stage::Loading(work);
        turn.outputs.push_back(Output::Load { incident: self.id });
    }

    /// Something did not work, and what became of it is unknown: read again in a while, then decide anew.
    fn rest_a_while(&mut self, work: Option<Work>, turn: &mut Turn<'_>) {
        self.stage = Stage::Resting(later(turn), work);
    }

    /// After a rest the log is read again. Nothing comes after the end of an incident but its tombstone, which may be
    /// written already while the events behind it are not erased yet: that is done again, not read.
    fn wake(&mut self, work: Option<Work>, turn: &mut Turn<'_>) {
        if work.is_some() || !self.known.owes_the_tombstone() {
            self.load(work, turn);
        }
    }

    /// The log is out of reach: whoever waits is asked to come back; what nobody waits for stays.
    fn ask_to_come_back(&mut self, work: Option<Work>, turn: &mut Turn<'_>) -> Option<Work> {
        turn.outputs.extend(self.requests.drain(..).map(|request| request.try_later()));
        let (work, reply) = work?.give_up();
        turn.outputs.extend(reply);
        Some(work)
    }
}

fn later(turn: &Turn<'_>) -> Timestamp {
    seconds_later(turn, turn.limits.retry_after_seconds)
}

fn seconds_later(turn: &Turn<'_>, seconds: i64) -> Timestamp {
    let after = SignedDuration::from_secs(seconds);
    turn.context.now.checked_add(after).unwrap_or(Timestamp::MAX)
}
