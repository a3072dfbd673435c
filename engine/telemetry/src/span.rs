//! One stretch of an incident's trace, made only of what is log-safe.

use hwc_schemas::{SignalNumber, SpanId, TraceId, Traceparent};
use hwc_workflow::{Step, law::Phase};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::log_safe::{Count, LogSafe, Reason, RequestKind, Rules, Said, TaskKind, Word as _};

/// What an attribute is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// The state before.
    From,
    /// The state after.
    To,
    /// The rules that the step stands on.
    Rules,
    /// How it ended.
    Outcome,
    /// Why it ended so.
    Reason,
    /// How many signals it is about.
    Signals,
    /// Which role did it.
    Role,
    /// What was asked of an organisation.
    Task,
    /// What became of the task.
    Settled,
    /// How often the task was handed out.
    Deliveries,
    /// What was asked of the engine.
    Request,
    /// What the engine said.
    Answer,
}

impl Key {
    /// Every key that a span can have.
    pub const ALL: [Self; 12] = [
        Self::From,
        Self::To,
        Self::Rules,
        Self::Outcome,
        Self::Reason,
        Self::Signals,
        Self::Role,
        Self::Task,
        Self::Settled,
        Self::Deliveries,
        Self::Request,
        Self::Answer,
    ];

    /// The key as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::From => "hwc.state.from",
            Self::To => "hwc.state.to",
            Self::Rules => "hwc.rules",
            Self::Outcome => "hwc.outcome",
            Self::Reason => "hwc.reason",
            Self::Signals => "hwc.signals",
            Self::Role => "hwc.role",
            Self::Task => "hwc.task",
            Self::Settled => "hwc.settled",
            Self::Deliveries => "hwc.deliveries",
            Self::Request => "hwc.request",
            Self::Answer => "hwc.answer",
        }
    }
}

/// One thing that is said of a span: only what is [`LogSafe`] can be said.
#[derive(Debug, Clone, PartialEq)]
pub struct Attribute {
    pub(crate) key: Key,
    pub(crate) said: Said,
}

impl Attribute {
    /// Says it.
    pub fn new(key: Key, value: &impl LogSafe) -> Self {
        Self { key, said: value.said() }
    }
}

/// What a span is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    /// The whole incident, from the report until nothing is left.
    Incident,
    /// One child's signal, from the look-up that found it until nothing is left.
    Signal,
    /// One edge of the law; it lasts as long as the state before it.
    Step(hwc_workflow::law::Kind),
    /// A task in an organisation's hands.
    Task(TaskKind),
    /// A request in the engine's hands.
    Request(RequestKind),
    /// A report on its way to the engine, as the police see it.
    Send,
}

impl Name {
    /// The name as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Incident => "incident",
            Self::Signal => "signal",
            Self::Step(kind) => kind.word(),
            Self::Task(TaskKind::Screen) => "task screen",
            Self::Task(TaskKind::LookUp) => "task look_up",
            Self::Task(TaskKind::Route) => "task route",
            Self::Task(TaskKind::Read) => "task read",
            Self::Task(TaskKind::Notice) => "task notice",
            Self::Request(request) => of_request(request),
            Self::Send => "send report",
        }
    }
}

const fn of_request(request: RequestKind) -> &'static str {
    match request {
        RequestKind::Record => "request record",
        RequestKind::Screen => "request screen",
        RequestKind::Expand => "request expand",
        RequestKind::Route => "request route",
        RequestKind::Withhold => "request withhold",
        RequestKind::Acknowledge => "request acknowledge",
        RequestKind::Return => "request return",
        RequestKind::Recall => "request recall",
        RequestKind::FetchReport => "request fetch_report",
        RequestKind::FetchReferral => "request fetch_referral",
        RequestKind::FetchLetter => "request fetch_letter",
        RequestKind::UnreadableCommand => "request unreadable_command",
        RequestKind::UnreadableFetch => "request unreadable_fetch",
        RequestKind::AskHoldings => "request ask_holdings",
        RequestKind::LeaveKeys => "request leave_keys",
        RequestKind::WithdrawKeys => "request withdraw_keys",
        RequestKind::AskKeys => "request ask_keys",
        RequestKind::AskKeyOf => "request ask_key_of",
        RequestKind::AskReports => "request ask_reports",
        RequestKind::AskSignals => "request ask_signals",
        RequestKind::AskReportBreach => "request ask_report_breach",
        RequestKind::UnreadableAsk => "request unreadable_ask",
    }
}

/// A span that has ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// Where it is: its trace and its own id.
    pub place: Traceparent,
    /// Below which span; none for an incident.
    pub parent: Option<SpanId>,
    /// What it is called.
    pub name: Name,
    /// When it began.
    pub start: Timestamp,
    /// When it ended.
    pub end: Timestamp,
    /// What is said of it.
    pub attributes: Vec<Attribute>,
}

/// The span of a whole incident.
pub fn of_incident(trace: TraceId) -> Traceparent {
    derived(trace, 0, None)
}

/// The span below which something about a signal, or about the incident as a whole, belongs.
pub fn below(trace: TraceId, signal: Option<SignalNumber>) -> Traceparent {
    derived(trace, 0, signal)
}

/// Derived and not drawn: told twice, by whomever, it is the same span.
fn derived(trace: TraceId, place: u32, signal: Option<SignalNumber>) -> Traceparent {
    let mut digest = Sha256::new();
    digest.update(b"hwc span 1");
    digest.update(trace.to_bytes());
    digest.update(place.to_be_bytes());
    digest.update(signal.map_or(0, SignalNumber::get).to_be_bytes());
    Traceparent { trace, span: first_eight(&digest.finalize()) }
}

/// All zeros would be no id.
fn first_eight(bytes: &[u8]) -> SpanId {
    let mut id = [0; 8];
    id.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    let last = id.len() - 1;
    SpanId::from_bytes(id).unwrap_or_else(|| {
        id[last] = 1;
        first_eight(&id)
    })
}

/// A span of this program's own in a trace: drawn, for it is told once. None when the system has no randomness to give.
pub fn drawn(trace: TraceId) -> Option<Traceparent> {
    let mut id = [0; 8];
    getrandom::fill(&mut id).ok()?;
    Some(Traceparent { trace, span: SpanId::from_bytes(id)? })
}

/// The spans that end with a step: its own, and at the very end the signal's or the incident's.
pub fn of_step(trace: TraceId, step: &Step) -> Vec<Span> {
    let above = below(trace, step.signal);
    let mut spans = vec![Span {
        place: derived(trace, step.place, step.signal),
        parent: Some(above.span),
        name: Name::Step(step.on),
        start: step.since,
        end: step.at,
        attributes: said_of(step),
    }];
    if step.to == Phase::Purged {
        let (name, parent) = match step.signal {
            Some(_) => (Name::Signal, Some(of_incident(trace).span)),
            None => (Name::Incident, None),
        };
        let attributes = ending(step);
        spans.push(Span { place: above, parent, name, start: step.began, end: step.at, attributes });
    }
    spans
}

fn said_of(step: &Step) -> Vec<Attribute> {
    let mut said = vec![
        Attribute::new(Key::From, &step.from),
        Attribute::new(Key::To, &step.to),
        Attribute::new(Key::Rules, &Rules::of(step)),
    ];
    said.extend(ending(step));
    said
}

fn ending(step: &Step) -> Vec<Attribute> {
    let Some(outcome) = step.outcome else { return Vec::new() };
    let mut said =
        vec![Attribute::new(Key::Outcome, &outcome), Attribute::new(Key::Reason, &Reason(outcome))];
    if step.signal.is_none() {
        said.push(Attribute::new(Key::Signals, &Count(step.signals.into())));
    }
    said
}
