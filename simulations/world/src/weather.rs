//! What goes wrong by chance, message by message; and what of it happened where.

use std::collections::{BTreeMap, BTreeSet};

use hwc_workflow::law::Phase;
use jiff::Timestamp;

use crate::dice::Dice;

/// Something that goes wrong with one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Strike {
    /// It never arrives.
    Lost,
    /// It arrives and has its effect; the answer never comes.
    AnswerLost,
    /// It takes up to 50 seconds; others overtake it.
    Slow,
    /// It arrives twice.
    Twice,
    /// Whoever sends it dies before it leaves.
    SenderDiesBefore,
    /// Whoever sent it dies before the answer comes.
    SenderDiesAfter,
    /// The broker dies when it arrives, before it has an effect.
    BrokerDiesBefore,
    /// The broker dies right after its effect.
    BrokerDiesAfter,
}

impl Strike {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::Lost,
        Self::AnswerLost,
        Self::Slow,
        Self::Twice,
        Self::SenderDiesBefore,
        Self::SenderDiesAfter,
        Self::BrokerDiesBefore,
        Self::BrokerDiesAfter,
    ];

    /// Its name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::AnswerLost => "answer lost",
            Self::Slow => "slow",
            Self::Twice => "twice",
            Self::SenderDiesBefore => "sender dies before",
            Self::SenderDiesAfter => "sender dies after",
            Self::BrokerDiesBefore => "broker dies before",
            Self::BrokerDiesAfter => "broker dies after",
        }
    }
}

/// How often each kind strikes, in so many of 100,000 messages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Climate(pub BTreeMap<Strike, u64>);

impl Climate {
    /// Nothing ever goes wrong.
    pub fn calm() -> Self {
        Self::default()
    }
}

/// Where something struck: at which step, and in which state the incident or its furthest signal was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The step, as in `append`.
    pub step: &'static str,
    /// The furthest state of the incident and its signals; none where nobody knew of it.
    pub state: Option<Phase>,
}

/// How often what struck where.
pub type Coverage = BTreeMap<(Strike, Place), u64>;

/// The weather of one world.
pub(crate) struct Weather {
    climate: Climate,
    dice: Dice,
    drawn: u64,
    /// Only these draws strike; all that chance says when none are named.
    only: Option<BTreeSet<u64>>,
    clears_at: Timestamp,
    /// The draws that struck.
    pub(crate) struck: Vec<u64>,
    pub(crate) coverage: Coverage,
}

impl Weather {
    pub(crate) fn new(
        seed: u64,
        climate: Climate,
        only: Option<BTreeSet<u64>>,
        clears_at: Timestamp,
    ) -> Self {
        let dice = Dice::new(seed, "weather");
        Self { climate, dice, drawn: 0, only, clears_at, struck: Vec::new(), coverage: Coverage::new() }
    }

    /// Whether this goes wrong now.
    pub(crate) fn strikes(&mut self, strike: Strike, now: Timestamp) -> bool {
        let Some(rate) = self.climate.0.get(&strike).copied().filter(|rate| *rate > 0) else { return false };
        if now >= self.clears_at {
            return false;
        }
        self.drawn += 1;
        let hit = match &self.only {
            Some(only) => only.contains(&self.drawn),
            None => self.dice.at(self.drawn) % 100_000 < rate,
        };
        if hit {
            self.struck.push(self.drawn);
        }
        hit
    }

    pub(crate) fn struck_at(&mut self, strike: Strike, place: Place) {
        *self.coverage.entry((strike, place)).or_default() += 1;
    }
}
