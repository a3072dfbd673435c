//! What an organisation may ask the engine about itself: JSON, one object a message, at the door *ask*.
//!
//! Asking changes nothing that a signal depends on. What is answered is about the asker alone, and holds ids, organisations
//! and times only.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    ids::{IncidentId, PayloadId, SignalNumber},
    letter::Hop,
    organisation::Organisation,
    wire::Refusal,
};

/// Most ciphertexts that one answer lists; whoever has more asks again with `after`.
pub const HELD_PER_ANSWER_MAX: usize = 1_000;

/// A question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Ask {
    /// What does the relay hold at this moment that is sealed to me (R28)?
    Holdings {
        /// Only what comes after this one, in the order of the ids; from the first if there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<PayloadId>,
    },
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
#[serde(tag = "told", rename_all = "snake_case")]
pub enum Told {
    /// What is held.
    Holdings {
        /// In the order of their ids, at most [`HELD_PER_ANSWER_MAX`].
        held: Vec<Held>,
        /// Whether there is more: ask again after the last of these.
        more: bool,
    },
    /// The question was not understood, or is not the asker's.
    Refused {
        /// Why.
        refusal: Refusal,
    },
    /// Not now; ask again.
    TryLater,
}

/// A ciphertext that the relay holds for the one who can open it. What is being erased at this moment is not among them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
pub struct Held {
    /// Which.
    pub payload: PayloadId,
    /// The incident it is about.
    pub incident: IncidentId,
    /// The child's number; none while it is a report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<SignalNumber>,
    /// The leg it travels.
    pub hop: Hop,
    /// Who sealed it.
    pub from: Organisation,
    /// Whether it may be fetched at this moment. A letter may not before its school's day, and a municipality's own copy only
    /// while it is asked to route (R21).
    pub due: bool,
    /// When it goes at the latest, whatever happens (R23).
    pub until: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message;
    use uuid::Uuid;

    #[test]
    fn a_question_and_its_answer_are_written_as_the_page_says() {
        let asked = message::read::<Ask>(br#"{"ask":"holdings"}"#);
        assert_eq!(asked, Ok(Ask::Holdings { after: None }));
        let (payload, incident) =
            (PayloadId::from_uuid(Uuid::nil()), IncidentId::from_uuid(Uuid::from_u128(1)));
        let held = Held {
            payload,
            incident,
            number: None,
            hop: Hop::Report,
            from: "police-pl0200".parse().unwrap(),
            due: true,
            until: "2026-12-01T08:00:00Z".parse().unwrap(),
        };
        let told = Told::Holdings { held: vec![held], more: false };
        let written = serde_json::to_string(&told).unwrap();
        assert_eq!(message::read::<Told>(written.as_bytes()), Ok(told));
        assert!(
            written.starts_with(r#"{"told":"holdings","held":[{"payload":"#) && !written.contains("number")
        );
    }

    #[test]
    fn a_question_of_a_later_version_is_not_understood() {
        assert!(message::read::<Ask>(br#"{"ask":"weather"}"#).is_err());
    }
}
