//! The one page of what can happen to a signal. What is not on it cannot happen.
//!
//! [`crate::evolve`] looks every event up here first; the matrix of all phases and all kinds of event is tested against
//! it, the diagram in the README is drawn from it, and each edge names the rules it stands on.

use std::fmt::Write as _;

use crate::event::Fact;

/// Where a signal is on its way. The first three it shares with its siblings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Nothing is known.
    Unknown,
    /// The engine has the report.
    Recorded,
    /// Veilig Thuis says that it qualifies.
    Screened,
    /// The child is known and referred to its municipality.
    Expanded,
    /// The school is known; the letter waits for the school's day.
    Routed,
    /// The school may open it.
    Delivered,
    /// The school received it.
    Acknowledged,
    /// Side exit.
    ScreenedOut,
    /// Side exit.
    Withheld,
    /// Side exit.
    Recalled,
    /// Side exit.
    Expired,
    /// Nothing is left.
    Purged,
}

impl Phase {
    /// Every phase.
    pub const ALL: [Self; 12] = [
        Self::Unknown,
        Self::Recorded,
        Self::Screened,
        Self::Expanded,
        Self::Routed,
        Self::Delivered,
        Self::Acknowledged,
        Self::ScreenedOut,
        Self::Withheld,
        Self::Recalled,
        Self::Expired,
        Self::Purged,
    ];
}

/// A kind of event, without its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// [`Fact::Recorded`]
    Recorded,
    /// [`Fact::Screened`]
    Screened,
    /// [`Fact::NotDomesticViolence`]
    NotDomesticViolence,
    /// [`Fact::Expanded`]
    Expanded,
    /// [`Fact::Joined`]
    Joined,
    /// [`Fact::ReportExpired`]
    ReportExpired,
    /// [`Fact::Routed`]
    Routed,
    /// [`Fact::Withheld`]
    Withheld,
    /// [`Fact::LookUpAgain`]
    LookUpAgain,
    /// [`Fact::Delivered`]
    Delivered,
    /// [`Fact::Opened`]
    Opened,
    /// [`Fact::Reminded`]
    Reminded,
    /// [`Fact::Acknowledged`]
    Acknowledged,
    /// [`Fact::Returned`]
    Returned,
    /// [`Fact::Recalled`]
    Recalled,
    /// [`Fact::Expired`]
    Expired,
    /// [`Fact::Purged`]
    Purged,
    /// [`Fact::IncidentPurged`]
    IncidentPurged,
}

impl Kind {
    /// Every kind that moves a signal or an incident.
    pub const ALL: [Self; 18] = [
        Self::Recorded,
        Self::Screened,
        Self::NotDomesticViolence,
        Self::Expanded,
        Self::Joined,
        Self::ReportExpired,
        Self::Routed,
        Self::Withheld,
        Self::LookUpAgain,
        Self::Delivered,
        Self::Opened,
        Self::Reminded,
        Self::Acknowledged,
        Self::Returned,
        Self::Recalled,
        Self::Expired,
        Self::Purged,
        Self::IncidentPurged,
    ];

    /// The kind of a fact; none for book-keeping (erasures, breach records), which moves nothing.
    pub const fn of(fact: &Fact) -> Option<Self> {
        Some(match fact {
            Fact::Recorded { .. } => Self::Recorded,
            Fact::Screened => Self::Screened,
            Fact::NotDomesticViolence { .. } => Self::NotDomesticViolence,
            Fact::Expanded { .. } => Self::Expanded,
            Fact::Joined { .. } => Self::Joined,
            Fact::ReportExpired => Self::ReportExpired,
            Fact::Routed { .. } => Self::Routed,
            Fact::Withheld { .. } => Self::Withheld,
            Fact::LookUpAgain { .. } => Self::LookUpAgain,
            Fact::Delivered { .. } => Self::Delivered,
            Fact::Opened { .. } => Self::Opened,
            Fact::Reminded { .. } => Self::Reminded,
            Fact::Acknowledged { .. } => Self::Acknowledged,
            Fact::Returned { .. } => Self::Returned,
            Fact::Recalled { .. } => Self::Recalled,
            Fact::Expired { .. } => Self::Expired,
            Fact::Purged { .. } => Self::Purged,
            Fact::IncidentPurged => Self::IncidentPurged,
            Fact::Erased { .. } | Fact::BreachRecorded { .. } => return None,
        })
    }
}

/// One thing that can happen.
#[derive(Debug, Clone, Copy)]
pub struct Edge {
    /// In this phase
    pub from: Phase,
    /// this kind of event
    pub on: Kind,
    /// leads there,
    pub to: Phase,
    /// decided by them,
    pub by: &'static str,
    /// because of these rules.
    pub rules: &'static [&'static str],
}

const fn edge(from: Phase, on: Kind, to: Phase, by: &'static str, rules: &'static [&'static str]) -> Edge {
    Edge { from, on, to, by, rules }
}

/// The law.
#[rustfmt::skip]
pub const EDGES: &[Edge] = &[
    // The incident: one report, all its children together.
    edge(Phase::Unknown,      Kind::Recorded,            Phase::Recorded,     "police",        &["R8", "R9", "R15"]),
    edge(Phase::Recorded,     Kind::Screened,            Phase::Screened,     "veilig-thuis",  &["R3"]),
    edge(Phase::Recorded,     Kind::NotDomesticViolence, Phase::ScreenedOut,  "veilig-thuis",  &["R3"]),
    edge(Phase::Recorded,     Kind::ReportExpired,       Phase::Expired,      "engine",        &["R23"]),
    edge(Phase::Screened,     Kind::ReportExpired,       Phase::Expired,      "engine",        &["R23"]),
    edge(Phase::Screened,     Kind::Expanded,            Phase::Expanded,     "veilig-thuis",  &["R5", "R9"]),
    edge(Phase::Screened,     Kind::Expanded,            Phase::ScreenedOut,  "veilig-thuis",  &["R2", "R3", "R6", "R7"]),
    edge(Phase::Screened,     Kind::Expanded,            Phase::Withheld,     "veilig-thuis",  &["R15"]),
    edge(Phase::Expanded,     Kind::Joined,              Phase::Expanded,     "veilig-thuis",  &["R9"]),
    edge(Phase::Expanded,     Kind::Joined,              Phase::ScreenedOut,  "veilig-thuis",  &["R2", "R6", "R7", "R9"]),
    edge(Phase::Expanded,     Kind::Joined,              Phase::Withheld,     "veilig-thuis",  &["R9", "R15"]),
    edge(Phase::Expanded,     Kind::ReportExpired,       Phase::Expanded,     "engine",        &["R23"]),
    // The signal: one child.
    edge(Phase::Expanded,     Kind::Routed,              Phase::Routed,       "municipality",  &["R10", "R12", "R14", "R16"]),
    edge(Phase::Expanded,     Kind::Withheld,            Phase::Withheld,     "municipality, engine", &["R11", "R12", "R13", "R14", "R15", "R16", "R18", "R19"]),
    edge(Phase::Expanded,     Kind::Expired,             Phase::Expired,      "engine",        &["R23"]),
    edge(Phase::Expanded,     Kind::Recalled,            Phase::Recalled,     "municipality, veilig-thuis", &["R24"]),
    edge(Phase::Routed,       Kind::Delivered,           Phase::Delivered,    "engine",        &["R17", "R19"]),
    edge(Phase::Routed,       Kind::LookUpAgain,         Phase::Expanded,     "engine",        &["R12"]),
    edge(Phase::Routed,       Kind::Withheld,            Phase::Withheld,     "engine",        &["R18", "R19"]),
    edge(Phase::Routed,       Kind::Recalled,            Phase::Recalled,     "municipality, veilig-thuis", &["R24"]),
    edge(Phase::Delivered,    Kind::Opened,              Phase::Delivered,    "school",        &["R20", "R24"]),
    edge(Phase::Delivered,    Kind::Reminded,            Phase::Delivered,    "engine",        &["R20"]),
    edge(Phase::Delivered,    Kind::Acknowledged,        Phase::Acknowledged, "school",        &["R20"]),
    edge(Phase::Delivered,    Kind::Returned,            Phase::Expanded,     "school",        &["R24"]),
    edge(Phase::Delivered,    Kind::Expired,             Phase::Expired,      "engine",        &["R20", "R23"]),
    edge(Phase::Delivered,    Kind::Recalled,            Phase::Recalled,     "municipality, veilig-thuis", &["R24"]),
    edge(Phase::Acknowledged, Kind::Recalled,            Phase::Recalled,     "municipality, veilig-thuis", &["R24"]),
    edge(Phase::Expired,      Kind::Recalled,            Phase::Recalled,     "municipality, veilig-thuis", &["R24"]),
    // Every path ends here.
    edge(Phase::Acknowledged, Kind::Purged,              Phase::Purged,       "engine",        &["R21", "R22", "R23"]),
    edge(Phase::ScreenedOut,  Kind::Purged,              Phase::Purged,       "engine",        &["R22", "R23"]),
    edge(Phase::Withheld,     Kind::Purged,              Phase::Purged,       "engine",        &["R22", "R23"]),
    edge(Phase::Recalled,     Kind::Purged,              Phase::Purged,       "engine",        &["R22", "R23", "R24"]),
    edge(Phase::Expired,      Kind::Purged,              Phase::Purged,       "engine",        &["R22", "R23"]),
    // The incident's own end: when every signal of it is purged and the report is gone.
    edge(Phase::Expanded,     Kind::IncidentPurged,      Phase::Purged,       "engine",        &["R23"]),
    edge(Phase::ScreenedOut,  Kind::IncidentPurged,      Phase::Purged,       "engine",        &["R23"]),
    edge(Phase::Expired,      Kind::IncidentPurged,      Phase::Purged,       "engine",        &["R23"]),
];

/// Whether this kind of event can happen in this phase.
pub fn allows(from: Phase, on: Kind) -> bool {
    EDGES.iter().any(|edge| edge.from == from && edge.on == on)
}

/// The law as a Mermaid state diagram. Committed in the README; a test keeps the two the same.
pub fn diagram() -> String {
    let mut out = String::from("stateDiagram-v2\n");
    for edge in EDGES.iter().filter(|edge| edge.on != Kind::IncidentPurged && edge.from != edge.to) {
        let from = if edge.from == Phase::Unknown { "[*]".to_owned() } else { format!("{:?}", edge.from) };
        // Writing into a String cannot fail.
        let _ = writeln!(out, "    {from} --> {:?}: {:?} ({})", edge.to, edge.on, edge.rules.join(" "));
    }
    out.push_str("    Purged --> [*]\n");
    out
}
