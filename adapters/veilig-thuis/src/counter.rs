//! What a person at Veilig Thuis asks at the counter, and is told.

use hwc_adapter_kit::{
    Office,
    counter::{Said, Service},
    recall::{Done, recall},
};
use hwc_schemas::{SignalId, outcome::Recalled};
use serde::{Deserialize, Serialize};

/// What the person asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Question {
    /// Call it back (R24).
    Recall {
        /// The signal.
        signal: SignalId,
        /// Why.
        reason: Recalled,
    },
}

/// A Veilig Thuis's counter.
pub struct AtTheCounter {
    office: Office,
}

impl AtTheCounter {
    /// The counter of this office.
    pub const fn new(office: Office) -> Self {
        Self { office }
    }
}

impl Service for AtTheCounter {
    type Question = Question;
    type Reply = Done;

    async fn answer(&self, question: Question) -> Said<Done> {
        let Question::Recall { signal, reason } = question;
        recall(&self.office, signal, reason).await.into()
    }
}
