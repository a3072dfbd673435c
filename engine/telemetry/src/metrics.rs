//! What Prometheus reads. Labels are words of log-safe types: a metric cannot be divided by anything that says who.
//!
//! The `prometheus-client` crate and not the metrics of OpenTelemetry: there a label is any text, here it is a type; and
//! nothing but a page of text is wanted.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use hwc_schemas::Role;
use hwc_workflow::{
    Step,
    law::{Kind, Phase},
};
use jiff::{SignedDuration, Timestamp, civil::Time};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelKey, EncodeMetric as _, LabelKeyEncoder, text},
    metrics::{
        counter::{ConstCounter, Counter},
        family::Family,
        gauge::Gauge,
        histogram::Histogram,
    },
    registry::{Registry, Unit},
};

use crate::{
    erasures::Erasures,
    export::Spans,
    keys::Keys,
    log_safe::{
        Erased, Mailed, Morning, Reason, ReplyKind, RequestKind, SealedTo, SettledHow, TaskKind, Word,
    },
};

/// What a metric is divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Label {
    State,
    Outcome,
    Reason,
    Role,
    Request,
    Answer,
    Task,
    Settled,
    Moment,
    What,
    Fate,
    Key,
}

impl EncodeLabelKey for Label {
    fn encode(&self, encoder: &mut LabelKeyEncoder<'_>) -> Result<(), fmt::Error> {
        EncodeLabelKey::encode(
            &match self {
                Self::State => "state",
                Self::Outcome => "outcome",
                Self::Reason => "reason",
                Self::Role => "role",
                Self::Request => "request",
                Self::Answer => "answer",
                Self::Task => "task",
                Self::Settled => "settled",
                Self::Moment => "moment",
                Self::What => "what",
                Self::Fate => "fate",
                Self::Key => "key",
            },
            encoder,
        )
    }
}

pub(crate) type Labels<const N: usize> = [(Label, &'static str); N];

pub(crate) fn by(label: Label, word: &impl Word) -> (Label, &'static str) {
    (label, word.word())
}

/// The page that Prometheus reads. Cheap to clone.
#[derive(Clone)]
pub struct Page(Arc<Registry>);

impl Page {
    /// The page as it is now.
    pub fn text(&self) -> String {
        let mut page = String::new();
        // Writing into a String cannot fail.
        let _ = text::encode(&mut page, &self.0);
        page
    }
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Page")
    }
}

/// From this many seconds on.
pub(crate) type Bounds = &'static [f64];

/// What happens at once, or after a restart.
const SHORT: Bounds = &[0.01, 0.1, 0.5, 1.0, 5.0, 30.0, 60.0, 300.0, 3_600.0];
/// What takes hours or days.
const LONG: Bounds = &[
    1.0,
    60.0,
    300.0,
    1_800.0,
    3_600.0,
    14_400.0,
    43_200.0,
    86_400.0,
    172_800.0,
    259_200.0,
    604_800.0,
    1_468_800.0,
];
/// The hours of a school day: 07:00, 07:30, 08:00, 08:15, 08:30, 08:45, 09:00, 10:00, 12:00, 17:00.
const OF_A_DAY: Bounds =
    &[25_200.0, 27_000.0, 28_800.0, 29_700.0, 30_600.0, 31_500.0, 32_400.0, 36_000.0, 43_200.0, 61_200.0];

fn short() -> Histogram {
    Histogram::new(SHORT.iter().copied())
}

fn long() -> Histogram {
    Histogram::new(LONG.iter().copied())
}

/// The engine's metrics. Cheap to clone.
#[derive(Debug, Clone)]
pub struct EngineMetrics {
    page: Page,
    signals: Family<Labels<1>, Gauge>,
    oldest: Family<Labels<1>, Seconds>,
    counted_at: Seconds,
    school_start: Seconds,
    deliveries: Family<Labels<1>, Counter>,
    delivered: Histogram,
    outcomes: Family<Labels<2>, Counter>,
    states: Family<Labels<1>, Histogram>,
    erasures: Histogram,
    erased: Erasures,
    keys: Keys,
    requests: Family<Labels<3>, Counter>,
    offers: Family<Labels<1>, Counter>,
    alarms: Counter,
    tasks_waiting: Gauge,
    breaches_untold: Gauge,
    notices: Family<Labels<1>, Counter>,
    leader: Gauge,
    connected: Gauge,
}

type Seconds = Gauge<f64, AtomicU64>;

impl EngineMetrics {
    /// All at zero. What became of these spans is on the page too.
    pub fn new(spans: &Spans) -> Self {
        let mut registry = Registry::with_prefix("hwc");
        let mut new = Self {
            page: Page(Arc::default()),
            signals: Family::default(),
            oldest: Family::default(),
            counted_at: Seconds::default(),
            school_start: Seconds::default(),
            deliveries: Family::default(),
            delivered: Histogram::new(OF_A_DAY.iter().copied()),
            outcomes: Family::default(),
            states: Family::new_with_constructor(long),
            erasures: short(),
            erased: Erasures::default(),
            keys: Keys::default(),
            requests: Family::default(),
            offers: Family::default(),
            alarms: Counter::default(),
            tasks_waiting: Gauge::default(),
            breaches_untold: Gauge::default(),
            notices: Family::default(),
            leader: Gauge::default(),
            connected: Gauge::default(),
        };
        new.school_start.set(f64::NAN);
        registry.register(
            "signals",
            "Signals by state; before its children are known a report counts as one",
            new.signals.clone(),
        );
        let unit = || Unit::Seconds;
        registry.register_with_unit(
            "oldest_signal",
            "How long the oldest signal has been in this state",
            unit(),
            new.oldest.clone(),
        );
        registry.register_with_unit(
            "counted_timestamp",
            "When signals were last counted, since 1970",
            unit(),
            new.counted_at.clone(),
        );
        registry.register_with_unit(
            "until_school_start",
            "Time left until 08:30 of the next school day; NaN when no listed school year says",
            unit(),
            new.school_start.clone(),
        );
        registry.register("deliveries", "Signals delivered before and after 08:30", new.deliveries.clone());
        registry.register_with_unit(
            "delivery_time_of_day",
            "At which time of the day signals were delivered, since midnight where the schools are",
            unit(),
            new.delivered.clone(),
        );
        registry.register("outcomes", "Signals that are purged, by how they ended", new.outcomes.clone());
        registry.register_with_unit(
            "state_duration",
            "How long signals were in a state that they left",
            unit(),
            new.states.clone(),
        );
        registry.register_with_unit(
            "erasure_lag",
            "From the event that ended a signal until nothing of it was left",
            unit(),
            new.erasures.clone(),
        );
        new.erased.register(&mut registry);
        new.keys.register(&mut registry);
        registry.register(
            "requests",
            "Requests of organisations, by role, kind and answer",
            new.requests.clone(),
        );
        registry.register("task_offers", "Tasks handed to the broker", new.offers.clone());
        registry.register(
            "alarms",
            "Incidents that are left alone until somebody has looked",
            new.alarms.clone(),
        );
        registry.register(
            "tasks_waiting",
            "Tasks that nobody has acknowledged yet",
            new.tasks_waiting.clone(),
        );
        new.register_notices(&mut registry);
        registry.register("leader", "Whether this engine leads: 1 or 0", new.leader.clone());
        registry.register(
            "broker_connected",
            "Whether the broker is connected: 1 or 0",
            new.connected.clone(),
        );
        registry.register_collector(Box::new(SpansTold(spans.clone())));
        new.page = Page(Arc::new(registry));
        new
    }

    fn register_notices(&self, registry: &mut Registry) {
        registry.register(
            "breaches_untold",
            "Breach records of which the project leader was not told by mail yet",
            self.breaches_untold.clone(),
        );
        registry.register(
            "notices",
            "Mails to the project leader, by what became of them at each try",
            self.notices.clone(),
        );
    }

    /// The page with all of them.
    pub fn page(&self) -> Page {
        self.page.clone()
    }

    /// How much is in a state, and since when the oldest of it. To be said of every state, of those with nothing too.
    pub fn standing(&self, state: Phase, count: u64, oldest: Option<Timestamp>, now: Timestamp) {
        self.signals.get_or_create(&[by(Label::State, &state)]).set(i64::try_from(count).unwrap_or(i64::MAX));
        let age = oldest.map_or(0.0, |since| now.duration_since(since).as_secs_f64().max(0.0));
        self.oldest.get_or_create(&[by(Label::State, &state)]).set(age);
        self.counted_at.set(SignedDuration::from_nanos_i128(now.as_nanosecond()).as_secs_f64());
    }

    /// The time left until the next lessons.
    pub fn school_starts_in(&self, left: Option<SignedDuration>) {
        self.school_start.set(left.map_or(f64::NAN, |left| left.as_secs_f64()));
    }

    /// An edge of the law was walked.
    pub fn step(&self, step: &Step) {
        let took = step.at.duration_since(step.since).as_secs_f64().max(0.0);
        // A signal shares its first states with its siblings: those are the incident's own to tell.
        let shared = step.signal.is_some() && matches!(step.from, Phase::Screened);
        if step.moves() && step.from != Phase::Unknown && !shared {
            self.states.get_or_create(&[by(Label::State, &step.from)]).observe(took);
        }
        if let Some((outcome, signals)) = step.ended() {
            let labels = [by(Label::Outcome, &outcome), by(Label::Reason, &Reason(outcome))];
            self.outcomes.get_or_create(&labels).inc_by(signals.into());
            self.erasures.observe(took);
        }
    }

    /// Nobody is given it any more, so long after the duty to erase it arose.
    pub fn unreadable(&self, what: Erased, after: Duration) {
        self.erased.unreadable(what, after);
    }

    /// It is off the disk of every server, as far as can be known, so long after the duty to erase it arose.
    pub fn off_disk(&self, what: Erased, after: Duration) {
        self.erased.off_disk(what, after);
    }

    /// A ciphertext was stored for an organisation of this role, sealed to this kind of key.
    pub fn sealed(&self, receiver: Role, to: SealedTo) {
        self.keys.sealed(receiver, to);
    }

    /// The fewest one-time keys of any organisation of this role.
    pub fn keys_lowest(&self, role: Role, keys: usize) {
        self.keys.lowest(role, keys);
    }

    /// So much is not surely off every disk yet, and so many streams wait for a server that missed an erasure.
    pub fn still_on_disk(&self, what: Erased, waiting: usize, missed: u64) {
        self.erased.still_on_disk(what, waiting, missed);
    }

    /// A signal was delivered at this time of the day; lessons begin then (R17).
    pub fn delivered(&self, at: Time, school_start: Time) {
        let moment = if at < school_start { Morning::Before } else { Morning::After };
        self.deliveries.get_or_create(&[by(Label::Moment, &moment)]).inc();
        self.delivered.observe(at.duration_since(Time::midnight()).as_secs_f64());
    }

    /// Whether a step is one that [`EngineMetrics::delivered`] wants to hear of.
    pub fn is_delivery(step: &Step) -> bool {
        step.on == Kind::Delivered
    }

    /// A request was answered.
    pub fn answered(&self, role: Role, request: RequestKind, reply: ReplyKind) {
        let labels = [by(Label::Role, &role), by(Label::Request, &request), by(Label::Answer, &reply)];
        self.requests.get_or_create(&labels).inc();
    }

    /// A task was handed to the broker.
    pub fn offered(&self, task: TaskKind) {
        self.offers.get_or_create(&[by(Label::Task, &task)]).inc();
    }

    /// An incident is left alone.
    pub fn alarm(&self) {
        self.alarms.inc();
    }

    /// Of so many breaches the project leader was not told yet.
    pub fn breaches_untold(&self, records: u64) {
        self.breaches_untold.set(i64::try_from(records).unwrap_or(i64::MAX));
    }

    /// A mail to the project leader was tried.
    pub fn notice(&self, mailed: Mailed) {
        self.notices.get_or_create(&[by(Label::Fate, &mailed)]).inc();
    }

    /// So many tasks wait.
    pub fn tasks_waiting(&self, tasks: u64) {
        self.tasks_waiting.set(i64::try_from(tasks).unwrap_or(i64::MAX));
    }

    /// Whether this engine leads. One that does not counts nothing: the one that does, does.
    pub fn leads(&self, leads: bool) {
        self.leader.set(leads.into());
        if !leads {
            self.signals.clear();
            self.oldest.clear();
            self.erased.nobody_counts();
            self.keys.nobody_counts();
            self.breaches_untold.set(0);
        }
    }

    /// Whether the broker is connected.
    pub fn connected(&self, connected: bool) {
        self.connected.set(connected.into());
    }
}

/// The metrics of an organisation's own program. Cheap to clone.
#[derive(Debug, Clone)]
pub struct AdapterMetrics {
    page: Page,
    tasks: Family<Labels<3>, Counter>,
    redeliveries: Family<Labels<2>, Counter>,
    took: Family<Labels<2>, Histogram>,
    in_hand: Gauge,
    sent: Family<Labels<1>, Counter>,
    unscreened: Gauge,
    set_aside: Gauge,
    connected: Gauge,
    cases_waiting: Gauge,
    households_waiting: Gauge,
    register_imported_at: Seconds,
    webhook_calls: Family<Labels<1>, Counter>,
}

impl AdapterMetrics {
    /// All at zero. What became of these spans is on the page too.
    pub fn new(spans: &Spans) -> Self {
        let mut registry = Registry::with_prefix("hwc");
        let mut new = Self {
            page: Page(Arc::default()),
            tasks: Family::default(),
            redeliveries: Family::default(),
            took: Family::new_with_constructor(long),
            in_hand: Gauge::default(),
            sent: Family::default(),
            unscreened: Gauge::default(),
            set_aside: Gauge::default(),
            connected: Gauge::default(),
            cases_waiting: Gauge::default(),
            households_waiting: Gauge::default(),
            register_imported_at: Seconds::default(),
            webhook_calls: Family::default(),
        };
        new.register_imported_at.set(f64::NAN);
        registry.register("tasks", "Tasks handled, by role, kind and what became of them", new.tasks.clone());
        registry.register(
            "task_redeliveries",
            "Tasks that came again because nobody had acknowledged them in time, or that were put back",
            new.redeliveries.clone(),
        );
        registry.register_with_unit(
            "task_duration",
            "From taking a task in hand until it was settled; people and mornings are waited for",
            Unit::Seconds,
            new.took.clone(),
        );
        registry.register("tasks_in_hand", "Tasks in hand", new.in_hand.clone());
        registry.register("reports_sent", "Reports sent, by the engine's answer", new.sent.clone());
        registry.register(
            "reports_unscreened",
            "Reports whose files stay in the inbox because nobody has screened them yet",
            new.unscreened.clone(),
        );
        registry.register(
            "files_set_aside",
            "Files of the inbox that wait for somebody",
            new.set_aside.clone(),
        );
        registry.register(
            "broker_connected",
            "Whether the broker is connected: 1 or 0",
            new.connected.clone(),
        );
        registry.register(
            "doubtful_cases_waiting",
            "Cases that wait for a person at a municipality",
            new.cases_waiting.clone(),
        );
        registry.register(
            "doubtful_households_waiting",
            "Households that wait for a person at Veilig Thuis",
            new.households_waiting.clone(),
        );
        registry.register_with_unit(
            "register_imported_timestamp",
            "When a municipality's enrolments were last imported, since 1970; NaN where there is no such register",
            Unit::Seconds,
            new.register_imported_at.clone(),
        );
        registry.register(
            "webhook_calls",
            "Calls of a school's webhook, at each try",
            new.webhook_calls.clone(),
        );
        registry.register_collector(Box::new(SpansTold(spans.clone())));
        new.page = Page(Arc::new(registry));
        new
    }

    /// The page with all of them.
    pub fn page(&self) -> Page {
        self.page.clone()
    }

    /// So many reports wait in the inbox until they are screened.
    pub fn unscreened(&self, reports: usize) {
        self.unscreened.set(i64::try_from(reports).unwrap_or(i64::MAX));
    }

    /// So many files of the inbox wait for somebody.
    pub fn set_aside(&self, files: usize) {
        self.set_aside.set(i64::try_from(files).unwrap_or(i64::MAX));
    }

    /// A task was taken in hand, for the so-manieth time.
    pub fn taken(&self, role: Role, task: TaskKind, deliveries: u64) {
        self.in_hand.inc();
        if deliveries > 1 {
            self.came_again(role, task);
        }
    }

    /// A task was handed out again.
    pub fn came_again(&self, role: Role, task: TaskKind) {
        self.redeliveries.get_or_create(&[by(Label::Role, &role), by(Label::Task, &task)]).inc();
    }

    /// A task was settled.
    pub fn settled(&self, role: Role, task: TaskKind, settled: SettledHow, took: Duration) {
        let labels = [by(Label::Role, &role), by(Label::Task, &task), by(Label::Settled, &settled)];
        self.tasks.get_or_create(&labels).inc();
        self.took
            .get_or_create(&[by(Label::Role, &role), by(Label::Task, &task)])
            .observe(took.as_secs_f64());
    }

    /// A task is out of hand, settled or not.
    pub fn let_go(&self) {
        self.in_hand.dec();
    }

    /// A report was sent.
    pub fn sent(&self, reply: ReplyKind) {
        self.sent.get_or_create(&[by(Label::Answer, &reply)]).inc();
    }

    /// A school's webhook was called.
    pub fn webhook_called(&self, fate: Mailed) {
        self.webhook_calls.get_or_create(&[by(Label::Fate, &fate)]).inc();
    }

    /// So many doubtful cases wait for a person.
    pub fn cases_waiting(&self, cases: usize) {
        self.cases_waiting.set(i64::try_from(cases).unwrap_or(i64::MAX));
    }

    /// So many households in doubt wait for a person.
    pub fn households_waiting(&self, households: usize) {
        self.households_waiting.set(i64::try_from(households).unwrap_or(i64::MAX));
    }

    /// Enrolments were last imported then.
    pub fn register_imported_at(&self, at: Timestamp) {
        self.register_imported_at.set(SignedDuration::from_nanos_i128(at.as_nanosecond()).as_secs_f64());
    }

    /// Whether the broker is connected.
    pub fn connected(&self, connected: bool) {
        self.connected.set(connected.into());
    }
}

/// What became of the spans, asked when the page is read.
#[derive(Debug)]
struct SpansTold(Spans);

impl Collector for SpansTold {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let family = Family::<Labels<1>, Counter>::default();
        for (fate, count) in self.0.counted() {
            family.get_or_create(&[by(Label::Fate, &fate)]).inner().store(count, Ordering::Relaxed);
        }
        let counter = ConstCounter::new(0_u64);
        let metrics = encoder.encode_descriptor(
            "spans",
            "Spans told, taken by the collector, and not taken; the rest waits or was dropped",
            None,
            counter.metric_type(),
        )?;
        family.encode(metrics)
    }
}
