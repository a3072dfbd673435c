//! What the engine tells of its work: a span for each edge of the law and each request, and counts. Nobody is waited for, and
//! nobody is named.

use std::time::Duration;

use hwc_jetstream::Caller;
use hwc_relay::{Relay, Reply};
use hwc_schemas::{
    Organisation, Role, SignalNumber, TraceId, Traceparent,
    wire::{Answer, Command, Fetch, Task},
};
use hwc_telemetry::{
    Attribute, EngineMetrics, Erased, Key, Name, ReplyKind, RequestKind, Span, Spans, TaskKind, span,
};
use hwc_workflow::{Event, Incident, Step, Trail, evolve, law::Phase};
use jiff::Timestamp;

/// To whom the engine tells of its work. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Telling {
    spans: Spans,
    pub(crate) metrics: EngineMetrics,
}

/// A request that is not answered yet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    role: Role,
    request: RequestKind,
    signal: Option<SignalNumber>,
    /// Where in a trace whoever asks says to be; it is not believed.
    said: Option<Traceparent>,
    at: Timestamp,
}

impl Asked {
    /// Somebody submits a command.
    pub(crate) fn command<P, T>(
        from: &Organisation,
        command: &Command<P>,
        caller: &Caller<T>,
        at: Timestamp,
    ) -> Self {
        let signal = match command {
            Command::Record { .. } | Command::Screen { .. } | Command::Expand { .. } => None,
            Command::Route { signal, .. }
            | Command::Withhold { signal, .. }
            | Command::Acknowledge { signal, .. }
            | Command::Return { signal, .. }
            | Command::Recall { signal, .. } => Some(signal.number),
        };
        let (role, request) = (from.role(), RequestKind::of(command));
        Self { role, request, signal, said: caller.traceparent(), at }
    }

    /// Somebody asks for a payload.
    pub(crate) fn fetch<T>(from: &Organisation, fetch: &Fetch, caller: &Caller<T>, at: Timestamp) -> Self {
        let signal = match fetch {
            Fetch::Report { .. } => None,
            Fetch::Referral { signal, .. } | Fetch::Letter { signal, .. } => Some(signal.number),
        };
        let (role, request) = (from.role(), RequestKind::of_fetch(fetch));
        Self { role, request, signal, said: caller.traceparent(), at }
    }
}

impl Asked {
    /// What whoever sent a report hears of the trace that began with it.
    pub(crate) fn learns(&self, answer: Answer, trace: Option<TraceId>) -> Option<Traceparent> {
        let theirs = matches!(answer, Answer::Recorded | Answer::AlreadyRecorded);
        trace.filter(|_| theirs && self.request == RequestKind::Record).map(span::of_incident)
    }
}

impl Telling {
    /// Tells spans to this collector.
    pub(crate) fn to(spans: Spans) -> Self {
        let metrics = EngineMetrics::new(&spans);
        Self { spans, metrics }
    }

    /// Sends what still waits, within this time.
    pub(crate) async fn close(&self, within: Duration) {
        self.spans.close(within).await;
    }

    /// Edges of the law were walked just now.
    pub(crate) fn walked(&self, relay: &Relay, trace: Option<TraceId>, steps: &[Step]) {
        for step in steps {
            self.metrics.step(step);
            if EngineMetrics::is_delivery(step) {
                self.metrics.delivered(relay.local(step.at).time(), relay.school_start());
            }
        }
        self.tell(trace, steps);
    }

    /// At a start: what the journal holds of an incident. Whoever did it may have been killed before it was told, so it is told
    /// again, as the same spans; it is counted by whoever did it.
    pub(crate) fn found(&self, events: &[Event]) {
        if !self.spans.are_heard() {
            return;
        }
        let (mut incident, mut trail) = (Incident::Unknown, Trail::default());
        for event in events {
            // The driver sounds the alarm about it.
            let Ok(after) = evolve(incident, event) else { return };
            incident = after;
            let steps = trail.walk(event, &incident);
            self.tell(trail.trace(), &steps);
        }
    }

    fn tell(&self, trace: Option<TraceId>, steps: &[Step]) {
        let Some(trace) = trace.filter(|_| self.spans.are_heard()) else { return };
        steps.iter().flat_map(|step| span::of_step(trace, step)).for_each(|span| self.spans.tell(span));
    }

    /// A request was answered. `trace` is that of the incident it was about, if there is one.
    pub(crate) fn answered(&self, asked: &Asked, reply: ReplyKind, trace: Option<TraceId>, now: Timestamp) {
        self.metrics.answered(asked.role, asked.request, reply);
        let Some(trace) = trace.filter(|_| self.spans.are_heard()) else { return };
        let Some(place) = span::drawn(trace) else { return };
        self.spans.tell(Span {
            place,
            parent: Some(parent(asked, trace).span),
            name: Name::Request(asked.request),
            start: asked.at,
            end: now,
            attributes: vec![
                Attribute::new(Key::Role, &asked.role),
                Attribute::new(Key::Request, &asked.request),
                Attribute::new(Key::Answer, &reply),
            ],
        });
    }

    /// A request was answered that no incident is about, or that cannot be read.
    pub(crate) fn replied(&self, from: &Organisation, request: RequestKind, reply: ReplyKind) {
        self.metrics.answered(from.role(), request, reply);
    }

    /// A task was handed to the broker.
    pub(crate) fn offered(&self, task: &Task) {
        self.metrics.offered(TaskKind::of(task));
    }

    /// Counts what is where.
    pub(crate) fn count(&self, relay: &Relay, now: Timestamp) {
        let census = relay.census();
        for phase in Phase::ALL.into_iter().filter(|phase| !matches!(phase, Phase::Unknown | Phase::Purged)) {
            let standing = census.0.get(&phase);
            let (count, oldest) = (standing.map_or(0, |some| some.count), standing.map(|some| some.oldest));
            self.metrics.standing(phase, count, oldest, now);
        }
        self.metrics.school_starts_in(relay.next_school_start(now).map(|start| start.duration_since(now)));
    }

    /// These were got off every server's disk, each so long after the duty to; so many are not yet, or not surely.
    pub(crate) fn settled(&self, what: Erased, gone: &[Duration], waiting: usize, missed: u64) {
        for after in gone {
            self.metrics.off_disk(what, *after);
        }
        self.metrics.still_on_disk(what, waiting, missed);
    }

    /// From now on this engine leads, until this is dropped.
    pub(crate) fn leading(&self) -> Leading {
        self.metrics.leads(true);
        Leading(self.metrics.clone())
    }
}

/// Whoever says that it is elsewhere is put where it belongs: a trace is never taken from outside.
fn parent(asked: &Asked, trace: TraceId) -> Traceparent {
    asked.said.filter(|said| said.trace == trace).unwrap_or_else(|| span::below(trace, asked.signal))
}

/// An engine's time as the leader.
#[derive(Debug)]
pub(crate) struct Leading(EngineMetrics);

impl Drop for Leading {
    fn drop(&mut self) {
        self.0.leads(false);
    }
}

/// Where a task belongs in the trace of its incident.
pub(crate) fn place_of(task: &Task, trace: TraceId) -> Traceparent {
    let signal = match task {
        Task::Screen { .. } | Task::LookUp { .. } => None,
        Task::Route { signal, .. } | Task::Read { signal, .. } | Task::Notice { signal, .. } => {
            Some(signal.number)
        }
    };
    span::below(trace, signal)
}

/// What a reply is, in a word.
pub(crate) const fn kind_of(reply: &Reply) -> ReplyKind {
    match reply {
        Reply::Command(answer) => ReplyKind::of(*answer),
        Reply::Release { .. } => ReplyKind::Released,
        Reply::NotDue(refusal) => ReplyKind::Refused(*refusal),
        Reply::TryLater => ReplyKind::TryLater,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_that_somebody_made_up_is_put_below_the_incident_that_it_is_about() {
        let [ours, foreign] = [1, 2].map(|byte| TraceId::from_bytes([byte; 16]).unwrap());
        let span = hwc_schemas::SpanId::from_bytes([7; 8]).unwrap();
        let signal = SignalNumber::FIRST;
        let asked = |said| Asked {
            role: Role::School,
            request: RequestKind::FetchLetter,
            signal: Some(signal),
            said,
            at: Timestamp::UNIX_EPOCH,
        };
        let (said, made_up) = (Traceparent { trace: ours, span }, Traceparent { trace: foreign, span });
        assert_eq!(parent(&asked(Some(said)), ours), said);
        for other in [Some(made_up), None] {
            assert_eq!(parent(&asked(other), ours), span::below(ours, Some(signal)));
        }
    }
}
