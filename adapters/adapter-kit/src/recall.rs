//! Calling a signal back (R24), for the two organisations that may.

use std::time::Duration;

use hwc_schemas::{
    SignalId,
    outcome::Recalled,
    wire::{Answer, Command, Refusal},
};
use serde::{Deserialize, Serialize};

use crate::Office;

/// How long the engine gets while a person waits at the counter; the same may be asked again.
pub const WHILE_SOMEBODY_WAITS: Duration = Duration::from_secs(20);

/// What became of something that a person asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "done", rename_all = "snake_case")]
pub enum Done {
    /// It is durable; `already` if it was so before.
    Recorded {
        /// Somebody said the same before.
        already: bool,
    },
    /// The law says no.
    Refused {
        /// Why.
        refusal: Refusal,
    },
    /// The engine did not answer. It may have happened; asking the same again changes nothing if it did.
    NoAnswer,
}

impl Done {
    /// Whether it was done, or may have been: the engine that did not answer may have heard.
    pub const fn may_be_done(self) -> bool {
        matches!(self, Self::Recorded { .. } | Self::NoAnswer)
    }
}

impl From<Answer> for Done {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Recorded => Self::Recorded { already: false },
            Answer::AlreadyRecorded => Self::Recorded { already: true },
            Answer::Refused { refusal } => Self::Refused { refusal },
            Answer::TryLater => Self::NoAnswer,
        }
    }
}

/// Calls a signal back while somebody waits.
pub async fn recall(office: &Office, signal: SignalId, reason: Recalled) -> Done {
    let command = Command::Recall { signal, reason };
    let answer = tokio::time::timeout(WHILE_SOMEBODY_WAITS, office.submit(&command)).await;
    answer.map_or(Done::NoAnswer, Done::from)
}
