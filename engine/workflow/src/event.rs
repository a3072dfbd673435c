//! What happened, in the past tense. An event holds ids, organisations, reasons and times; it has no field for a person.
//!
//! These are the types that the journal keeps: changing one changes the format of [`hwc_schemas`]'s neighbours on disk,
//! so a frozen journal of every version is replayed by the tests.

use hwc_schemas::{
    Organisation, PayloadId, Role, SignalNumber, TraceId,
    outcome::{Expired, Recalled, ScreenedOut, Withheld},
    wire::{Interval, Notice},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A fact and its moment.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Event {
    /// When it was decided.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub fact: Fact,
}

/// Something that happened to an incident or to one of its signals.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum Fact {
    /// The engine accepted the report (R8).
    Recorded {
        /// Who sent it.
        police: Organisation,
        /// Who screens it (R15).
        veilig_thuis: Organisation,
        /// The sealed report.
        report: PayloadId,
        /// The trace of this incident, random; none where nobody drew one, as before version 2 of the journal.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        trace: Option<TraceId>,
    },
    /// It is violence in a relationship of dependency (R3).
    Screened,
    /// It is not: the whole incident ends (R3).
    NotDomesticViolence {
        /// How many children had been named.
        children: u16,
    },
    /// The children are known, or those named in the report while the look-up is down (R9).
    Expanded {
        /// The children, in the order of their numbers.
        found: Vec<Found>,
        /// Whether the household was looked up.
        complete: bool,
        /// From incident to report (R26).
        interval: Interval,
    },
    /// The look-up came back: the other children join, once (R9).
    Joined {
        /// The further children.
        found: Vec<Found>,
    },
    /// The ceiling came while Veilig Thuis still needed the report (R23).
    ReportExpired,
    /// The municipality found the school (R12).
    Routed {
        /// Which child.
        number: SignalNumber,
        /// The school.
        school: Organisation,
        /// The sealed letter.
        letter: PayloadId,
    },
    /// It is not passed on (R11 to R16, R18, R19).
    Withheld {
        /// Which child.
        number: SignalNumber,
        /// Why.
        reason: Withheld,
    },
    /// Held for over 24 hours: the municipality looks again on the morning of delivery (R12).
    LookUpAgain {
        /// Which child.
        number: SignalNumber,
    },
    /// The school's contact may open it from now on (R17, R19).
    Delivered {
        /// Which child.
        number: SignalNumber,
    },
    /// The school's contact asked for the letter; durable before the bytes leave (R24).
    Opened {
        /// Which child.
        number: SignalNumber,
    },
    /// A notice fell due (R20).
    Reminded {
        /// Which child.
        number: SignalNumber,
        /// Which notice.
        notice: Notice,
        /// The moment it was due.
        due: Timestamp,
    },
    /// The school received it (R20).
    Acknowledged {
        /// Which child.
        number: SignalNumber,
    },
    /// The school opened it and does not have the child (R24).
    Returned {
        /// Which child.
        number: SignalNumber,
    },
    /// It was called back (R24).
    Recalled {
        /// Which child.
        number: SignalNumber,
        /// Why.
        reason: Recalled,
        /// Which role called.
        by: Role,
    },
    /// Time ran out (R20, R23).
    Expired {
        /// Which child.
        number: SignalNumber,
        /// What did not happen.
        reason: Expired,
    },
    /// A ciphertext is gone (R21).
    Erased {
        /// Which.
        payload: PayloadId,
    },
    /// The record of a breach is durable (R24).
    BreachRecorded {
        /// Which child.
        number: SignalNumber,
    },
    /// Nothing of the signal is left (R23).
    Purged {
        /// Which child.
        number: SignalNumber,
    },
    /// Nothing of the whole incident is left but this log, which goes next (R23).
    IncidentPurged,
}

/// What was found about one child.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "found", rename_all = "snake_case")]
pub enum Found {
    /// It counts.
    Referred {
        /// Its home municipality.
        municipality: Organisation,
        /// The sealed referral.
        referral: PayloadId,
    },
    /// It does not count.
    ScreenedOut {
        /// Why.
        reason: ScreenedOut,
    },
    /// Its home municipality takes no part (R15).
    NotParticipating,
}

impl Fact {
    /// The signal it is about; none when it is about the whole incident.
    pub const fn number(&self) -> Option<SignalNumber> {
        match self {
            Self::Routed { number, .. }
            | Self::Withheld { number, .. }
            | Self::LookUpAgain { number }
            | Self::Delivered { number }
            | Self::Opened { number }
            | Self::Reminded { number, .. }
            | Self::Acknowledged { number }
            | Self::Returned { number }
            | Self::Recalled { number, .. }
            | Self::Expired { number, .. }
            | Self::BreachRecorded { number }
            | Self::Purged { number } => Some(*number),
            Self::Recorded { .. }
            | Self::Screened
            | Self::NotDomesticViolence { .. }
            | Self::Expanded { .. }
            | Self::Joined { .. }
            | Self::ReportExpired
            | Self::Erased { .. }
            | Self::IncidentPurged => None,
        }
    }
}
