//! What may be said of the work, by type: states and endings, rules, roles, kinds, durations, counts. Nothing else can become
//! an attribute of a span or a label of a metric.
//!
//! No text, nobody's name, no organisation, no id:
//!
//! ```compile_fail,E0277
//! use hwc_telemetry::{Attribute, Key};
//! let said = Attribute::new(Key::Outcome, &"anything at all");
//! ```
//! ```compile_fail,E0277
//! use hwc_telemetry::{Attribute, Key};
//! let said = Attribute::new(Key::Outcome, &String::from("anything at all"));
//! ```
//! ```compile_fail,E0277
//! fn said(child: &hwc_schemas::person::Child) -> hwc_telemetry::Attribute {
//!     hwc_telemetry::Attribute::new(hwc_telemetry::Key::Role, child)
//! }
//! ```
//! ```compile_fail,E0277
//! fn said(name: &hwc_schemas::person::PersonalText) -> hwc_telemetry::Attribute {
//!     hwc_telemetry::Attribute::new(hwc_telemetry::Key::Role, name)
//! }
//! ```
//! ```compile_fail,E0277
//! fn said(who: &hwc_schemas::Organisation) -> hwc_telemetry::Attribute {
//!     hwc_telemetry::Attribute::new(hwc_telemetry::Key::Role, who)
//! }
//! ```
//! ```compile_fail,E0277
//! fn said(incident: &hwc_schemas::IncidentId) -> hwc_telemetry::Attribute {
//!     hwc_telemetry::Attribute::new(hwc_telemetry::Key::Role, incident)
//! }
//! ```
//! ```compile_fail,E0277
//! fn said(signal: &hwc_schemas::SignalId) -> hwc_telemetry::Attribute {
//!     hwc_telemetry::Attribute::new(hwc_telemetry::Key::Role, signal)
//! }
//! ```
//! ```compile_fail,E0277
//! fn said(sealed: &hwc_schemas::wire::Sealed) -> hwc_telemetry::Attribute {
//!     hwc_telemetry::Attribute::new(hwc_telemetry::Key::Role, sealed)
//! }
//! ```
//! Nor can anybody else say that a type is safe:
//!
//! ```compile_fail,E0603
//! struct Anything;
//! impl hwc_telemetry::log_safe::sealed::Sealed for Anything {}
//! ```
//! What can be said:
//!
//! ```
//! use hwc_telemetry::{Attribute, Key};
//! let said = Attribute::new(Key::Role, &hwc_schemas::Role::School);
//! ```

use hwc_schemas::{
    Role,
    ask::{Ask, Told},
    outcome::Outcome,
    wire::{Answer, Command, Fetch, Refusal, Task},
};
use hwc_workflow::{
    Step,
    law::{Kind, Phase},
};

mod sealed {
    pub trait Sealed {}
}

/// What a value says. It is made of words that stand in this program's text, and of numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Said(pub(crate) Saying);

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Saying {
    Word(&'static str),
    Words(&'static [&'static str]),
    Count(u64),
}

/// A type whose every value may be read by anybody.
pub trait LogSafe: sealed::Sealed {
    /// What the value says.
    fn said(&self) -> Said;
}

/// A log-safe type with a handful of values, each a word: what a metric may be divided by.
pub trait Word: sealed::Sealed {
    /// The word.
    fn word(&self) -> &'static str;
}

impl<T: Word> LogSafe for T {
    fn said(&self) -> Said {
        Said(Saying::Word(self.word()))
    }
}

macro_rules! words {
    ($($(#[$doc:meta])* $kind:ty: |$value:ident| $word:expr;)+) => {
        $(
            impl sealed::Sealed for $kind {}

            impl Word for $kind {
                fn word(&self) -> &'static str {
                    let $value = *self;
                    $word
                }
            }
        )+
    };
}

words! {
    Phase: |phase| match phase {
        Phase::Unknown => "unknown",
        Phase::Recorded => "recorded",
        Phase::Screened => "screened",
        Phase::Expanded => "expanded",
        Phase::Routed => "routed",
        Phase::Delivered => "delivered",
        Phase::Acknowledged => "acknowledged",
        Phase::ScreenedOut => "screened_out",
        Phase::Withheld => "withheld",
        Phase::Recalled => "recalled",
        Phase::Expired => "expired",
        Phase::Purged => "purged",
    };
    Kind: |kind| match kind {
        Kind::Recorded => "recorded",
        Kind::Screened => "screened",
        Kind::NotDomesticViolence => "not_domestic_violence",
        Kind::Expanded => "expanded",
        Kind::Joined => "joined",
        Kind::ReportExpired => "report_expired",
        Kind::Routed => "routed",
        Kind::Withheld => "withheld",
        Kind::LookUpAgain => "look_up_again",
        Kind::Delivered => "delivered",
        Kind::Opened => "opened",
        Kind::Reminded => "reminded",
        Kind::Acknowledged => "acknowledged",
        Kind::Returned => "returned",
        Kind::Recalled => "recalled",
        Kind::Expired => "expired",
        Kind::Purged => "purged",
        Kind::IncidentPurged => "incident_purged",
    };
    Role: |role| role.as_str();
    Outcome: |outcome| outcome.words().0;
    Reason: |reason| reason.0.words().1.unwrap_or("none");
    RequestKind: |request| match request {
        RequestKind::Record => "record",
        RequestKind::Screen => "screen",
        RequestKind::Expand => "expand",
        RequestKind::Route => "route",
        RequestKind::Withhold => "withhold",
        RequestKind::Acknowledge => "acknowledge",
        RequestKind::Return => "return",
        RequestKind::Recall => "recall",
        RequestKind::FetchReport => "fetch_report",
        RequestKind::FetchReferral => "fetch_referral",
        RequestKind::FetchLetter => "fetch_letter",
        RequestKind::UnreadableCommand => "unreadable_command",
        RequestKind::UnreadableFetch => "unreadable_fetch",
        RequestKind::AskHoldings => "ask_holdings",
        RequestKind::LeaveKeys => "leave_keys",
        RequestKind::WithdrawKeys => "withdraw_keys",
        RequestKind::AskKeys => "ask_keys",
        RequestKind::AskKeyOf => "ask_key_of",
        RequestKind::AskReports => "ask_reports",
        RequestKind::AskSignals => "ask_signals",
        RequestKind::AskReportBreach => "ask_report_breach",
        RequestKind::UnreadableAsk => "unreadable_ask",
    };
    SealedTo: |to| match to {
        SealedTo::OneTime => "one_time",
        SealedTo::Weekly => "weekly",
        SealedTo::LongTerm => "long_term",
    };
    ReplyKind: |reply| match reply {
        ReplyKind::Recorded => "recorded",
        ReplyKind::AlreadyRecorded => "already_recorded",
        ReplyKind::Released => "released",
        ReplyKind::Told => "told",
        ReplyKind::TryLater => "try_later",
        ReplyKind::Refused(refusal) => refusal.code(),
    };
    TaskKind: |task| match task {
        TaskKind::Screen => "screen",
        TaskKind::LookUp => "look_up",
        TaskKind::Route => "route",
        TaskKind::Read => "read",
        TaskKind::Notice => "notice",
    };
    SettledHow: |settled| match settled {
        SettledHow::Done => "done",
        SettledHow::Later => "later",
        SettledHow::HandedBack => "handed_back",
    };
    Morning: |morning| match morning {
        Morning::Before => "before_school_start",
        Morning::After => "after_school_start",
    };
    Erased: |erased| match erased {
        Erased::Ciphertext => "ciphertext",
        Erased::Events => "events",
    };
    Mailed: |mailed| match mailed {
        Mailed::Taken => "taken",
        Mailed::Later => "later",
        Mailed::Refused => "refused",
    };
    Fate: |fate| match fate {
        Fate::Told => "told",
        Fate::Delivered => "delivered",
        Fate::Failed => "failed",
    };
}

/// The reason of an outcome; `none` for an acknowledgement, which has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reason(pub Outcome);

/// How many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count(pub u64);

impl sealed::Sealed for Count {}

impl LogSafe for Count {
    fn said(&self) -> Said {
        Said(Saying::Count(self.0))
    }
}

/// The rules that a step stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules(&'static [&'static str]);

impl Rules {
    /// Of this step.
    pub fn of(step: &Step) -> Self {
        Self(step.rules())
    }
}

impl sealed::Sealed for Rules {}

impl LogSafe for Rules {
    fn said(&self) -> Said {
        Said(Saying::Words(self.0))
    }
}

/// What an organisation asked of the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RequestKind {
    /// [`Command::Record`]
    Record,
    /// [`Command::Screen`]
    Screen,
    /// [`Command::Expand`]
    Expand,
    /// [`Command::Route`]
    Route,
    /// [`Command::Withhold`]
    Withhold,
    /// [`Command::Acknowledge`]
    Acknowledge,
    /// [`Command::Return`]
    Return,
    /// [`Command::Recall`]
    Recall,
    /// [`Fetch::Report`]
    FetchReport,
    /// [`Fetch::Referral`]
    FetchReferral,
    /// [`Fetch::Letter`]
    FetchLetter,
    /// Nothing that this program knows, at the door for commands.
    UnreadableCommand,
    /// Nothing that this program knows, at the door for payloads.
    UnreadableFetch,
    /// [`Ask::Holdings`]
    AskHoldings,
    /// [`Ask::LeaveKeys`]
    LeaveKeys,
    /// [`Ask::WithdrawKeys`]
    WithdrawKeys,
    /// [`Ask::Keys`]
    AskKeys,
    /// [`Ask::KeyOf`]
    AskKeyOf,
    /// [`Ask::Reports`]
    AskReports,
    /// [`Ask::Signals`]
    AskSignals,
    /// [`Ask::ReportBreach`]
    AskReportBreach,
    /// Nothing that this program knows, at the door for questions.
    UnreadableAsk,
}

impl RequestKind {
    /// The kind of a command.
    pub const fn of<P>(command: &Command<P>) -> Self {
        match command {
            Command::Record { .. } => Self::Record,
            Command::Screen { .. } => Self::Screen,
            Command::Expand { .. } => Self::Expand,
            Command::Route { .. } => Self::Route,
            Command::Withhold { .. } => Self::Withhold,
            Command::Acknowledge { .. } => Self::Acknowledge,
            Command::Return { .. } => Self::Return,
            Command::Recall { .. } => Self::Recall,
        }
    }

    /// The kind of a question.
    pub const fn of_ask(ask: &Ask) -> Self {
        match ask {
            Ask::Holdings { .. } => Self::AskHoldings,
            Ask::LeaveKeys { .. } => Self::LeaveKeys,
            Ask::WithdrawKeys { .. } => Self::WithdrawKeys,
            Ask::Keys { .. } => Self::AskKeys,
            Ask::KeyOf { .. } => Self::AskKeyOf,
            Ask::Reports { .. } => Self::AskReports,
            Ask::Signals { .. } => Self::AskSignals,
            Ask::ReportBreach { .. } => Self::AskReportBreach,
        }
    }

    /// The kind of a fetch.
    pub const fn of_fetch(fetch: &Fetch) -> Self {
        match fetch {
            Fetch::Report { .. } => Self::FetchReport,
            Fetch::Referral { .. } => Self::FetchReferral,
            Fetch::Letter { .. } => Self::FetchLetter,
        }
    }
}

/// What kind of key a ciphertext is sealed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SealedTo {
    /// One for this seal alone.
    OneTime,
    /// The receiver's key of a week.
    Weekly,
    /// The receiver's key in the directory.
    LongTerm,
}

/// What the engine said to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReplyKind {
    /// It is durable.
    Recorded,
    /// It was so already: often the same again, after an answer that got lost.
    AlreadyRecorded,
    /// The payload was given.
    Released,
    /// The question was answered.
    Told,
    /// Not now.
    TryLater,
    /// No.
    Refused(Refusal),
}

impl ReplyKind {
    /// The kind of an answer to a question.
    pub const fn of_told(told: &Told) -> Self {
        match told {
            Told::Holdings { .. }
            | Told::Reports { .. }
            | Told::Signals { .. }
            | Told::Done
            | Told::Keys { .. }
            | Told::KeyOf { .. } => Self::Told,
            Told::BreachKept { already: false } => Self::Recorded,
            Told::BreachKept { already: true } => Self::AlreadyRecorded,
            Told::Refused { refusal } => Self::Refused(*refusal),
            Told::TryLater => Self::TryLater,
        }
    }

    /// The kind of an answer.
    pub const fn of(answer: Answer) -> Self {
        match answer {
            Answer::Recorded => Self::Recorded,
            Answer::AlreadyRecorded => Self::AlreadyRecorded,
            Answer::Refused { refusal } => Self::Refused(refusal),
            Answer::TryLater => Self::TryLater,
        }
    }
}

/// What the engine asks of an organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TaskKind {
    /// [`Task::Screen`]
    Screen,
    /// [`Task::LookUp`]
    LookUp,
    /// [`Task::Route`]
    Route,
    /// [`Task::Read`]
    Read,
    /// [`Task::Notice`]
    Notice,
}

impl TaskKind {
    /// The kind of a task.
    pub const fn of(task: &Task) -> Self {
        match task {
            Task::Screen { .. } => Self::Screen,
            Task::LookUp { .. } => Self::LookUp,
            Task::Route { .. } => Self::Route,
            Task::Read { .. } => Self::Read,
            Task::Notice { .. } => Self::Notice,
        }
    }
}

/// What became of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SettledHow {
    /// It is done.
    Done,
    /// It comes back later.
    Later,
    /// It was handed back undone: the office closes.
    HandedBack,
}

/// Whether something came before the day's first lesson (R17).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Morning {
    /// Before it.
    Before,
    /// At its beginning, or later.
    After,
}

/// What was erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Erased {
    /// A ciphertext.
    Ciphertext,
    /// The events of an incident.
    Events,
}

/// What became of a mail to the project leader, or of a call of a school's webhook, at one try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mailed {
    /// The server took it.
    Taken,
    /// It is tried again.
    Later,
    /// The server refused it; somebody must put an address right.
    Refused,
}

/// What became of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Fate {
    /// It was handed to the exporter.
    Told,
    /// The collector has it.
    Delivered,
    /// The collector did not take it.
    Failed,
}
