//! What an organisation may ask the engine about itself: JSON, one object a message, at the door *ask*.
//!
//! Asking changes nothing that a signal depends on. What is answered is about the asker alone, and holds ids, organisations
//! and times only.

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use crate::{
    breach::WhatHappened,
    ids::{BreachReportId, IncidentId, KeyId, PayloadId, SignalId, SignalNumber},
    key::SignedKey,
    letter::Hop,
    organisation::{Organisation, Role},
    wire::Refusal,
};

/// How long ago a breach may have been, in days: seven years.
pub const BREACH_DAYS_MAX: i32 = 7 * 366;
/// Most breaches that one organisation may report in a day: more than anybody finds, and few enough to be read.
pub const BREACHES_A_DAY_MAX: usize = 20;
/// Most ciphertexts that one answer lists; whoever has more asks again with `after`.
pub const HELD_PER_ANSWER_MAX: usize = 1_000;

/// Most one-time keys that the engine keeps of one organisation of this role. A school gets a handful of signals a year; the police
/// are sealed nothing to.
pub const fn one_time_keys_max(role: Role) -> usize {
    match role {
        Role::Police => 0,
        Role::School => 64,
        Role::VeiligThuis | Role::Municipality => 1_024,
    }
}

/// Most keys that one question may name; whoever has more asks several times.
pub const KEYS_PER_QUESTION_MAX: usize = 512;

/// Most reports that one question is about.
pub const REPORTS_PER_QUESTION_MAX: usize = 1_000;

/// Most signals that one question is about.
pub const SIGNALS_PER_QUESTION_MAX: usize = 1_000;

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
    /// Here are public keys of mine that others may seal to. One that is in the stock already is as good as new; what is more than
    /// the stock holds (64 of a school, 1,024 of a municipality or Veilig Thuis) is not taken. A key that was handed in once must not
    /// be handed in again.
    LeaveKeys {
        /// At most [`KEYS_PER_QUESTION_MAX`].
        #[cfg_attr(feature = "contract", schemars(length(max = KEYS_PER_QUESTION_MAX)))]
        keys: Vec<SignedKey>,
    },
    /// Hand these out no more: I do not have their private halves.
    WithdrawKeys {
        /// At most [`KEYS_PER_QUESTION_MAX`].
        #[cfg_attr(feature = "contract", schemars(length(max = KEYS_PER_QUESTION_MAX)))]
        keys: Vec<KeyId>,
    },
    /// Which keys of mine do you hand out; and is there anything left that is sealed to one of these?
    Keys {
        /// The keys whose private halves I have, at most [`KEYS_PER_QUESTION_MAX`].
        #[cfg_attr(feature = "contract", schemars(length(max = KEYS_PER_QUESTION_MAX)))]
        mine: Vec<KeyId>,
    },
    /// A key of the organisation that I seal to next.
    KeyOf {
        /// Whose.
        organisation: Organisation,
    },
    /// Police: how far are these reports of mine? At most [`REPORTS_PER_QUESTION_MAX`].
    Reports {
        /// Which.
        #[cfg_attr(feature = "contract", schemars(length(max = REPORTS_PER_QUESTION_MAX)))]
        incidents: Vec<IncidentId>,
    },
    /// Municipality: where are these signals, which I was asked to route? At most [`SIGNALS_PER_QUESTION_MAX`].
    Signals {
        /// Which.
        #[cfg_attr(feature = "contract", schemars(length(max = SIGNALS_PER_QUESTION_MAX)))]
        signals: Vec<SignalId>,
    },
    /// I found a breach: keep a record of it and tell the project leader. Also after the end; it names no signal and nobody (R24).
    ReportBreach {
        /// Drawn for this report; the same again is the same report.
        id: BreachReportId,
        /// What happened.
        what: WhatHappened,
        /// The local day on which it happened or was found: today or earlier, at most [`BREACH_DAYS_MAX`] days ago.
        day: Date,
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
    /// The keys were taken, or are handed out no more, as far as that is the asker's to say.
    Done,
    /// The asker's keys.
    Keys {
        /// Everything that is handed out, and belongs to the asker.
        stock: Vec<KeyId>,
        /// Of the keys in the question those that something is sealed to which is held, or was about to be in the last half hour.
        /// None if that is not known at this moment: then no key may be destroyed for it.
        living: Option<Vec<KeyId>>,
    },
    /// Keys of the organisation that was asked about, as it signed them. Two askers may be told the same one-time key; the first
    /// seal that is submitted has it, and the other is refused as `key_used`.
    KeyOf {
        /// One for a single seal, if any is left.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        one_time: Option<SignedKey>,
        /// Its key of the week, for when none is left, or for when that one is not theirs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        weekly: Option<SignedKey>,
    },
    /// How far each report is, in the order of the question.
    Reports {
        /// As many as were asked about.
        reports: Vec<Progress>,
    },
    /// Where each signal is, in the order of the question.
    Signals {
        /// As many as were asked about.
        signals: Vec<Whereabouts>,
    },
    /// The record of the breach is durable, and the project leader will be told (R24).
    BreachKept {
        /// It was kept before.
        already: bool,
    },
    /// The question was not understood, or is not the asker's.
    Refused {
        /// Why.
        refusal: Refusal,
    },
    /// Not now; ask again.
    TryLater,
}

/// How far a report is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// Veilig Thuis has not screened it yet: its sender keeps it.
    Waiting,
    /// Veilig Thuis has screened it: nobody needs the sender's own copy any more (R21).
    Screened,
    /// It ended, never was, or is somebody else's: which of these is not said. Who sends it again hears *already recorded* if
    /// it ended.
    Unknown,
}

/// Where a signal is that its municipality passed on (R20, R24).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Whereabouts {
    /// With the municipality: it is asked to route it.
    Here,
    /// Held for the school's day (R19).
    Held,
    /// With the school, which has not opened it.
    Delivered,
    /// The school has opened it.
    Opened,
    /// The school has acknowledged it.
    Acknowledged,
    /// It was not passed on.
    Withheld,
    /// It was called back.
    Recalled,
    /// Nobody acknowledged it in time.
    Expired,
    /// It ended and is forgotten, never was, or is somebody else's: which of these is not said.
    Unknown,
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
    /// Which time round it is fetched by; none while it is a report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round: Option<u16>,
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
            round: None,
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
    fn questions_about_keys_are_written_as_the_page_says() {
        let id = KeyId::from_uuid(Uuid::from_u128(1));
        let asked = message::read::<Ask>(br#"{"ask":"key_of","organisation":"school-01AA00"}"#);
        assert_eq!(asked, Ok(Ask::KeyOf { organisation: "school-01AA00".parse().unwrap() }));
        let asked = format!(r#"{{"ask":"keys","mine":["{id}"]}}"#);
        assert_eq!(message::read::<Ask>(asked.as_bytes()), Ok(Ask::Keys { mine: vec![id] }));
        let told = Told::Keys { stock: vec![id], living: None };
        let written = format!(r#"{{"told":"keys","stock":["{id}"],"living":null}}"#);
        assert_eq!(serde_json::to_string(&told).unwrap(), written);
        assert_eq!(
            message::read::<Told>(br#"{"told":"key_of"}"#),
            Ok(Told::KeyOf { one_time: None, weekly: None })
        );
    }

    #[test]
    fn a_question_about_reports_and_its_answer_are_written_as_the_page_says() {
        let incident = IncidentId::from_uuid(Uuid::from_u128(1));
        let asked = br#"{"ask":"reports","incidents":["00000000000000000000000000000001"]}"#;
        assert_eq!(message::read::<Ask>(asked), Ok(Ask::Reports { incidents: vec![incident] }));
        let told = Told::Reports { reports: vec![Progress::Waiting, Progress::Screened, Progress::Unknown] };
        let written = serde_json::to_string(&told).unwrap();
        assert_eq!(written, r#"{"told":"reports","reports":["waiting","screened","unknown"]}"#);
    }

    #[test]
    fn a_question_about_signals_and_its_answer_are_written_as_the_page_says() {
        let signal =
            SignalId { incident: IncidentId::from_uuid(Uuid::from_u128(1)), number: SignalNumber::FIRST };
        let asked = br#"{"ask":"signals","signals":["00000000000000000000000000000001-1"]}"#;
        assert_eq!(message::read::<Ask>(asked), Ok(Ask::Signals { signals: vec![signal] }));
        let told = Told::Signals { signals: vec![Whereabouts::Opened, Whereabouts::Unknown] };
        let written = serde_json::to_string(&told).unwrap();
        assert_eq!(written, r#"{"told":"signals","signals":["opened","unknown"]}"#);
    }

    #[test]
    fn a_reported_breach_has_a_kind_and_a_day_and_no_room_for_more() {
        let asked = Ask::ReportBreach {
            id: BreachReportId::from_uuid(Uuid::from_u128(7)),
            what: WhatHappened::StolenDevice,
            day: "2026-11-18".parse().unwrap(),
        };
        let written = serde_json::to_string(&asked).unwrap();
        let wanted = r#"{"ask":"report_breach","id":"00000000000000000000000000000007","what":"stolen_device","day":"2026-11-18"}"#;
        assert_eq!(written, wanted);
        assert_eq!(message::read::<Ask>(written.as_bytes()), Ok(asked));
        assert!(message::read::<Ask>(written.replace("stolen_device", "Evi Jansen").as_bytes()).is_err());
    }

    #[test]
    fn a_question_of_a_later_version_is_not_understood() {
        assert!(message::read::<Ask>(br#"{"ask":"weather"}"#).is_err());
    }
}
