//! Planted bugs: what the checkers must find. Each sits at a seam between production code and its surroundings, so that no
//! production code knows of it.

use std::fmt;

/// A bug that can be planted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mutation {
    /// The journal appends wherever its log ends: the guard is gone.
    UnguardedAppend,
    /// The journal hears whoever thinks that it leads, and not its present leader only.
    NoPen,
    /// Whoever thinks that it leads sweeps, without asking whether it does.
    SweepsUnconfirmed,
    /// The guard does not span the tombstone: what ended can begin again.
    ResurrectedIncident,
    /// An erasure is said to be done, and is not.
    LostErasure,
    /// When a command arrives, the payloads before it are erased first, and its own are stored then.
    EraseBeforeStore,
    /// The engine answers before its event is durable.
    AnswerBeforeDurable,
    /// Orphans are never swept.
    NoSweeper,
    /// The broker has no ceiling of its own, and the law's is not heard.
    NoCeiling,
    /// The engine knows no holidays but the summer's, and no closed days.
    ForgetsHolidays,
    /// The summer holiday is unknown to the engine.
    NoSummerHoliday,
    /// Time alone never moves the engine: nothing expires, nothing is delivered later.
    DeafToTime,
    /// The engine believes who a command says it is from.
    BelievesAnybody,
    /// Veilig Thuis takes every report for domestic violence.
    EverythingQualifies,
    /// Veilig Thuis takes visitors for children of the family.
    VisitorsCount,
    /// A municipality takes a near match for a match.
    GuessesTheChild,
    /// A municipality does not know which enrolments are secret.
    SecretIsOpen,
    /// A municipality never takes a new register.
    StaleRegister,
    /// Every second payload is sealed for another child than it says.
    SwappedSeals,
    /// A task that got lost is never offered again.
    OffersOnce,
    /// A start reads only the first record of each log.
    HalfReadJournal,
    /// Watchers hear of every event twice.
    CountsTwice,
    /// A start does not look at what ended: a copy that was put back brings everything back.
    NoEndedIds,
    /// Whoever begins to lead learns nothing from the journal of what the other engine ended.
    LearnsNothing,
    /// A start takes no task back of what ended.
    KeepsTasks,
    /// A start does not tell the broker again of what it knows nothing any more.
    TellsNothing,
    /// A tombstone is kept for a day.
    ShortTombstones,
    /// A tombstone is kept for ever.
    TombstonesForEver,
    /// Ids of what ended are kept for ever.
    IdsForEver,
    /// A report is accepted however old it is.
    AcceptsAnyAge,
}

impl Mutation {
    /// Every bug that can be planted.
    pub const ALL: [Self; 30] = [
        Self::UnguardedAppend,
        Self::NoPen,
        Self::SweepsUnconfirmed,
        Self::ResurrectedIncident,
        Self::LostErasure,
        Self::EraseBeforeStore,
        Self::AnswerBeforeDurable,
        Self::NoSweeper,
        Self::NoCeiling,
        Self::ForgetsHolidays,
        Self::NoSummerHoliday,
        Self::DeafToTime,
        Self::BelievesAnybody,
        Self::EverythingQualifies,
        Self::VisitorsCount,
        Self::GuessesTheChild,
        Self::SecretIsOpen,
        Self::StaleRegister,
        Self::SwappedSeals,
        Self::OffersOnce,
        Self::HalfReadJournal,
        Self::CountsTwice,
        Self::NoEndedIds,
        Self::LearnsNothing,
        Self::KeepsTasks,
        Self::TellsNothing,
        Self::ShortTombstones,
        Self::TombstonesForEver,
        Self::IdsForEver,
        Self::AcceptsAnyAge,
    ];

    /// Its name, as one writes it on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::UnguardedAppend => "unguarded-append",
            Self::NoPen => "no-pen",
            Self::SweepsUnconfirmed => "sweeps-unconfirmed",
            Self::ResurrectedIncident => "resurrected-incident",
            Self::LostErasure => "lost-erasure",
            Self::EraseBeforeStore => "erase-before-store",
            Self::AnswerBeforeDurable => "answer-before-durable",
            Self::NoSweeper => "no-sweeper",
            Self::NoCeiling => "no-ceiling",
            Self::ForgetsHolidays => "forgets-holidays",
            Self::NoSummerHoliday => "no-summer-holiday",
            Self::DeafToTime => "deaf-to-time",
            Self::BelievesAnybody => "believes-anybody",
            Self::EverythingQualifies => "everything-qualifies",
            Self::VisitorsCount => "visitors-count",
            Self::GuessesTheChild => "guesses-the-child",
            Self::SecretIsOpen => "secret-is-open",
            Self::StaleRegister => "stale-register",
            Self::SwappedSeals => "swapped-seals",
            Self::OffersOnce => "offers-once",
            Self::HalfReadJournal => "half-read-journal",
            Self::CountsTwice => "counts-twice",
            Self::NoEndedIds => "no-ended-ids",
            Self::LearnsNothing => "learns-nothing",
            Self::KeepsTasks => "keeps-tasks",
            Self::TellsNothing => "tells-nothing",
            Self::ShortTombstones => "short-tombstones",
            Self::TombstonesForEver => "tombstones-for-ever",
            Self::IdsForEver => "ids-for-ever",
            Self::AcceptsAnyAge => "accepts-any-age",
        }
    }

    /// Finds a bug by its name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mutation| mutation.name() == name)
    }
}

impl fmt::Display for Mutation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
