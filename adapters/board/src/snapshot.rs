//! How a region stands at one moment, as far as the board may say it.

use hwc_schemas::Organisation;
use jiff::{Timestamp, civil::Date};

use crate::{Age, Count};

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Level {
    /// As it should be.
    Fine,
    /// Not known yet, or not known any more.
    #[default]
    Unknown,
    /// Somebody should look.
    Look,
    /// Somebody must look now.
    Urgent,
}

impl Level {
    /// In a word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Unknown => "not known",
            Self::Look => "look",
            Self::Urgent => "look now",
        }
    }

    /// How the style calls it.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Unknown => "unknown",
            Self::Look => "look",
            Self::Urgent => "urgent",
        }
    }
}

/// How a region stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot {
    /// By the engines' clock; none before the first look.
    pub at: Option<Timestamp>,
    /// How the broker is; while it does not answer everything else is as it was.
    pub broker: Level,
    /// What is the matter with the broker, or that it answers.
    pub broker_says: &'static str,
    /// Who leads.
    pub lead: Lead,
    /// The next lessons.
    pub lessons: Lessons,
    /// Where signals are, in the order of the law, those states in which none is included.
    pub pipeline: Vec<Stage>,
    /// Since five in the afternoon.
    pub night: Night,
    /// What is over, and still there.
    pub erasure: Erasure,
    /// Who takes part, in the order of their names.
    pub organisations: Vec<Standing>,
    /// The directory's serial.
    pub serial: Option<u64>,
    /// The day on which the certificate that the board itself shows the broker runs out.
    pub own_certificate: Option<Date>,
    /// Programs whose health is looked at.
    pub processes: Vec<Process>,
    /// What goes on by itself no more.
    pub aside: Aside,
}

impl Snapshot {
    /// The worst of it.
    pub fn level(&self) -> Level {
        let aside = if self.aside.incidents.is_none() { Level::Fine } else { Level::Urgent };
        [self.broker, self.lead.level(), self.lessons.level, self.erasure.level, aside]
            .into_iter()
            .max()
            .unwrap_or_default()
    }
}

/// Which engine leads.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lead {
    /// Its name.
    pub engine: Option<String>,
    /// How many answer, itself included; none if nobody asked yet.
    pub engines: Option<usize>,
}

impl Lead {
    /// How that is.
    pub const fn level(&self) -> Level {
        match (&self.engine, self.engines) {
            (Some(_), _) => Level::Fine,
            (None, None) => Level::Unknown,
            (None, Some(_)) => Level::Urgent,
        }
    }
}

/// The next lessons, and what is to be at a school by then (R17).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lessons {
    /// When; none if no listed school year says so.
    pub next: Option<Timestamp>,
    /// What no school had when the lessons began.
    pub late: Count,
    /// Incidents whose own deadline passed and nothing happened.
    pub still: Count,
    /// How that is.
    pub level: Level,
}

/// One state of the law.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// Its word.
    pub state: &'static str,
    /// On whom it waits.
    pub waits_for: &'static str,
    /// Signals in it; a report counts as one until its children are known.
    pub signals: Count,
    /// Since when the oldest.
    pub oldest: Option<Age>,
    /// Whether it is to be at a school by the next lessons.
    pub is_due: bool,
}

/// The last night's reports.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Night {
    /// From when on.
    pub since: Option<Timestamp>,
    /// Since when the board looks: what ended before is not known to it.
    pub seen_since: Option<Timestamp>,
    /// Reports.
    pub reports: Count,
    /// Where their signals are; `ended` is one of the places.
    pub places: Vec<(&'static str, Count)>,
}

/// What is over, and still there (R23).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Erasure {
    /// Erasures that are owed.
    pub owed: Count,
    /// For how long the oldest, in whole seconds; none if none is.
    pub lag_seconds: Option<i64>,
    /// Ciphertexts that no event points to.
    pub orphans: Count,
    /// Ciphertexts that are older than they may be, or are held and not there.
    pub amiss: Count,
    /// Streams of which a server missed an erasure.
    pub missed: u64,
    /// How that is.
    pub level: Level,
}

/// How many one-time keys of an organisation are left, without saying how many: a stock that shrinks by one says that something was
/// sealed to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stock {
    /// It leaves none: nobody seals to it.
    Needless,
    /// Enough.
    Enough,
    /// Under a quarter of the usual.
    Low,
    /// None: what is sealed to it meanwhile is shredded later.
    Empty,
    /// Nobody asked yet.
    Unknown,
}

/// How one organisation is connected, and its keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Which.
    pub organisation: Organisation,
    /// Whether its program asks for tasks; not known of whoever asks for none.
    pub connected: Option<bool>,
    /// One-time keys.
    pub stock: Stock,
    /// The day on which its key of the week was made, if it left one.
    pub weekly_made: Option<Date>,
    /// Whether that key is older than it should be.
    pub weekly_is_old: bool,
    /// Since when it has its long-term keys.
    pub since: Option<Date>,
    /// When its certificate runs out.
    pub until: Option<Date>,
    /// Whether it runs out soon.
    pub runs_out: bool,
    /// Earlier keys that the directory still lists.
    pub earlier: usize,
}

/// What a program says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// How the settings call it.
    pub name: String,
    /// Whether it is ready.
    pub ready: Ready,
    /// Whether something waits for a person there.
    pub attention: bool,
    /// Its register of pupils and schools, if it has one in a database.
    pub register: Option<Register>,
}

/// Whether a program is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ready {
    /// It says so.
    Yes,
    /// It says that it is not.
    No,
    /// It does not answer.
    Silent,
}

/// When pupils and schools were imported last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Register {
    /// When.
    pub imported: Timestamp,
    /// How long ago.
    pub age: Age,
}

/// What goes on by itself no more.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Aside {
    /// Incidents that the engine leaves alone until somebody has looked.
    pub incidents: Count,
    /// Mails about breaches that wait.
    pub mails: Count,
}
