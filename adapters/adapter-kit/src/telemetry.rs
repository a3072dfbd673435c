//! What an adapter tells of its work: a span for each task that it handled, and counts. Never of whom, and never which
//! organisation it is.

use std::time::Duration;

use hwc_schemas::{Role, Traceparent, wire::Answer};
use hwc_telemetry::{
    AdapterMetrics, Attribute, Count, Key, Mailed, Name, Page, ReplyKind, SettledHow, Span, Spans, TaskKind,
    span,
};
use jiff::Timestamp;

/// To whom an adapter tells of its work. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Telemetry {
    spans: Spans,
    metrics: AdapterMetrics,
}

impl Default for Telemetry {
    /// Counts, and no spans.
    fn default() -> Self {
        Self::to(Spans::nowhere())
    }
}

impl Telemetry {
    /// Tells spans to this collector.
    pub fn to(spans: Spans) -> Self {
        let metrics = AdapterMetrics::new(&spans);
        Self { spans, metrics }
    }

    /// The page that Prometheus reads.
    pub fn page(&self) -> Page {
        self.metrics.page()
    }

    /// Whether the broker is connected.
    pub fn connected(&self, connected: bool) {
        self.metrics.connected(connected);
    }

    /// A school's webhook was called, and this became of it.
    pub fn webhook_called(&self, fate: Mailed) {
        self.metrics.webhook_called(fate);
    }

    /// So many doubtful cases wait for a person.
    pub fn cases_waiting(&self, cases: usize) {
        self.metrics.cases_waiting(cases);
    }

    /// So many households in doubt wait for a person.
    pub fn households_waiting(&self, households: usize) {
        self.metrics.households_waiting(households);
    }

    /// Enrolments were last imported then.
    pub fn register_imported_at(&self, at: Timestamp) {
        self.metrics.register_imported_at(at);
    }

    /// What an inbox holds: reports that nobody has screened yet, and files that wait for somebody.
    pub fn inbox(&self, unscreened: usize, set_aside: usize) {
        self.metrics.unscreened(unscreened);
        self.metrics.set_aside(set_aside);
    }

    /// Sends what still waits, within this time.
    pub async fn close(&self, within: Duration) {
        self.spans.close(within).await;
    }

    /// Takes a task in hand.
    pub(crate) fn take(&self, role: Role, task: TaskKind, handed: Handed) -> InHand {
        self.metrics.taken(role, task, handed.deliveries);
        // Where nobody hears our own span, what we ask for belongs right below the engine's.
        let own = handed.below.filter(|_| self.spans.are_heard()).and_then(|place| span::drawn(place.trace));
        InHand { telemetry: self.clone(), role, task, handed, own }
    }

    /// The same task was handed out again while it was in hand.
    pub(crate) fn came_again(&self, role: Role, task: TaskKind) {
        self.metrics.came_again(role, task);
    }

    /// A report was sent; the engine's answer said where it belongs.
    pub fn sent(&self, place: Option<Traceparent>, answer: Answer, from: Timestamp, until: Timestamp) {
        let reply = ReplyKind::of(answer);
        self.metrics.sent(reply);
        let Some((place, own)) = place.and_then(|place| Some((place, span::drawn(place.trace)?))) else {
            return;
        };
        let attributes = vec![Attribute::new(Key::Role, &Role::Police), Attribute::new(Key::Answer, &reply)];
        self.spans.tell(Span {
            place: own,
            parent: Some(place.span),
            name: Name::Send,
            start: from,
            end: until,
            attributes,
        });
    }
}

/// How a task came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Handed {
    /// Where it belongs in its trace.
    pub(crate) below: Option<Traceparent>,
    /// How often it was handed out.
    pub(crate) deliveries: u64,
    /// When.
    pub(crate) at: Timestamp,
}

/// A task in hand, until this is dropped, in whatever way.
pub(crate) struct InHand {
    telemetry: Telemetry,
    role: Role,
    task: TaskKind,
    handed: Handed,
    own: Option<Traceparent>,
}

impl InHand {
    /// Where whatever is asked for the task belongs.
    pub(crate) fn place(&self) -> Option<Traceparent> {
        self.own.or(self.handed.below)
    }

    /// It was settled.
    pub(crate) fn settled(&self, settled: SettledHow, at: Timestamp) {
        let took = Duration::try_from(at.duration_since(self.handed.at)).unwrap_or_default();
        self.telemetry.metrics.settled(self.role, self.task, settled, took);
        let Some(own) = self.own else { return };
        self.telemetry.spans.tell(Span {
            place: own,
            parent: self.handed.below.map(|below| below.span),
            name: Name::Task(self.task),
            start: self.handed.at,
            end: at,
            attributes: vec![
                Attribute::new(Key::Role, &self.role),
                Attribute::new(Key::Task, &self.task),
                Attribute::new(Key::Settled, &settled),
                Attribute::new(Key::Deliveries, &Count(self.handed.deliveries)),
            ],
        });
    }
}

impl Drop for InHand {
    fn drop(&mut self) {
        self.telemetry.metrics.let_go();
    }
}
