//! What is asked of one incident, and what is answered. It knows roles, states and times; which organisation it was is not in it.

use jiff::Timestamp;

/// Nothing could be asked: the broker does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the broker does not answer")]
pub struct Away;

/// One incident of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its id.
    pub id: String,
    /// Where it is, or its children are: each state once, in the order of the law.
    pub states: Vec<&'static str>,
    /// When it was recorded.
    pub recorded: Timestamp,
    /// Whether something of it is late, stands still, or is left alone.
    pub trouble: Option<&'static str>,
}

/// What is known by an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// It is in flight.
    Story(Box<Story>),
    /// It ended, and nothing else is kept of it.
    Ended,
    /// Nothing is known of it.
    Unknown,
    /// The engine leaves it alone until somebody has looked.
    LeftAlone,
    /// That is no id.
    NoId,
}

/// The life of one incident up to now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Story {
    /// Its id.
    pub id: String,
    /// Its trace's.
    pub trace: Option<String>,
    /// Now, by the engines' clock.
    pub now: Timestamp,
    /// Where it was and is.
    pub bars: Vec<Bar>,
    /// What happened.
    pub passed: Vec<Passed>,
    /// What is owed.
    pub owed: Vec<Owed>,
    /// When the law looks again.
    pub next: Option<Timestamp>,
    /// When the first lessons after it was recorded began, or begin.
    pub lessons: Option<Timestamp>,
}

/// How long it was in a state, or a child of it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bar {
    /// Which child; none for the incident as a whole.
    pub child: Option<u16>,
    /// The state.
    pub state: &'static str,
    /// On whom it waited.
    pub waits_for: &'static str,
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
    /// Whether it goes on.
    pub goes_on: bool,
}

/// An edge of the law that was walked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// Which child; none for the incident as a whole.
    pub child: Option<u16>,
    /// When.
    pub at: Timestamp,
    /// From which state.
    pub from: &'static str,
    /// To which.
    pub to: &'static str,
    /// Why it ended, if it did.
    pub reason: Option<&'static str>,
    /// The rules that it stands on.
    pub rules: String,
}

/// Something that is owed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owed {
    /// Which child; none for the incident as a whole.
    pub child: Option<u16>,
    /// What.
    pub what: String,
    /// By which role.
    pub by: &'static str,
}

/// The incident, or one of its children, in words.
pub(crate) fn who(child: Option<u16>) -> String {
    child.map_or_else(|| "incident".to_owned(), |number| format!("child {number}"))
}
