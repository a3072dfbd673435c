//! What travels between an organisation and the engine: JSON, one object a message.
//!
//! An organisation has six doors: it *submits* a [`Command`] and gets an [`Answer`]; it *pulls* its own [`Task`]s; it
//! *acknowledges* a task once its command is answered; it *fetches* a payload that is due to it with a [`Fetch`]; it *asks*
//! about itself ([`crate::ask`]); it asks for the directory of public keys.
//! Nothing here holds personal data but inside a [`Sealed`].

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use crate::{
    ids::{IncidentId, PayloadId, SignalId, SignalNumber},
    letter::Hop,
    organisation::Organisation,
    outcome::{Recalled, ScreenedOut, Withheld},
};

/// Bounds that every door keeps.
pub mod limits {
    /// Most children that get a signal of their own in one incident, screened-out ones included.
    pub const SIGNALS_PER_INCIDENT_MAX: usize = 256;
    /// How often one signal may be routed: a hold of 17 days is looked up afresh at most once a day (R12, R19), the others are
    /// returns (R24). Then a person at the municipality withholds it or calls it back.
    pub const ROUNDS_MAX: u16 = 32;
    /// Largest command or answer, in bytes.
    pub const MESSAGE_BYTES_MAX: usize = 1024 * 1024;
    /// Largest sealed payload, in bytes.
    pub const SEALED_BYTES_MAX: usize = 256 * 1024;
}

/// A ciphertext. Base64 on the wire; printing it says only its size.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Sealed(Vec<u8>);

impl Sealed {
    /// Takes a ciphertext's bytes.
    pub const fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The ciphertext's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Gives the bytes away.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

impl Serialize for Sealed {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&BASE64.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Sealed {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(from)?;
        let bytes = BASE64.decode(text.as_bytes()).map_err(|_| serde::de::Error::custom("not base64"))?;
        if bytes.len() > limits::SEALED_BYTES_MAX {
            return Err(serde::de::Error::custom("sealed payload too large"));
        }
        Ok(Self(bytes))
    }
}

/// What an organisation wants to happen. `P` is a [`Sealed`] payload on the wire and a [`PayloadId`] inside the engine,
/// where the law sees no ciphertext at all.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command<P> {
    /// Police: here is a report, sealed to Veilig Thuis (R8).
    Record {
        /// The id the police derived from their own reference.
        incident: IncidentId,
        /// The day, in UTC, on which the police made the report: what is too old is refused.
        day: Date,
        /// The report.
        report: P,
    },
    /// Veilig Thuis: what the screening says of the whole incident (R3).
    Screen {
        /// The incident.
        incident: IncidentId,
        /// The verdict.
        screening: Screening,
    },
    /// Veilig Thuis: the children, those named and those found at the address (R9).
    Expand {
        /// The incident.
        incident: IncidentId,
        /// The children.
        expansion: Expansion<P>,
    },
    /// Municipality: this signal goes to that school (R12, R14).
    Route {
        /// The signal.
        signal: SignalId,
        /// The round the task named.
        round: u16,
        /// The school.
        school: Organisation,
        /// The letter, sealed to that school.
        letter: P,
    },
    /// Municipality: this signal is not passed on (R11 to R16).
    Withhold {
        /// The signal.
        signal: SignalId,
        /// The round the task named.
        round: u16,
        /// Why.
        reason: Withheld,
    },
    /// School: the contact received it (R20).
    Acknowledge {
        /// The signal.
        signal: SignalId,
        /// The round the task named.
        round: u16,
    },
    /// School: opened, and not our pupil (R24).
    Return {
        /// The signal.
        signal: SignalId,
        /// The round the task named.
        round: u16,
    },
    /// Municipality or Veilig Thuis: call it back (R24).
    Recall {
        /// The signal.
        signal: SignalId,
        /// Why.
        reason: Recalled,
    },
}

impl<P> Command<P> {
    /// The incident that the command is about.
    pub const fn incident(&self) -> IncidentId {
        match self {
            Self::Record { incident, .. } | Self::Screen { incident, .. } | Self::Expand { incident, .. } => {
                *incident
            }
            Self::Route { signal, .. }
            | Self::Withhold { signal, .. }
            | Self::Acknowledge { signal, .. }
            | Self::Return { signal, .. }
            | Self::Recall { signal, .. } => signal.incident,
        }
    }

    /// The command's name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Record { .. } => "record",
            Self::Screen { .. } => "screen",
            Self::Expand { .. } => "expand",
            Self::Route { .. } => "route",
            Self::Withhold { .. } => "withhold",
            Self::Acknowledge { .. } => "acknowledge",
            Self::Return { .. } => "return",
            Self::Recall { .. } => "recall",
        }
    }
}

impl Command<Sealed> {
    /// Takes the ciphertexts out and leaves ids in their place: what the law may see, and what the payload store gets.
    pub fn detach(
        self,
        mut new_id: impl FnMut() -> PayloadId,
    ) -> (Command<PayloadId>, Vec<(PayloadId, Sealed)>) {
        let mut taken = Vec::new();
        let mut take = |sealed: Sealed| {
            let id = new_id();
            taken.push((id, sealed));
            id
        };
        let command = match self {
            Self::Record { incident, day, report } => Command::Record { incident, day, report: take(report) },
            Self::Screen { incident, screening } => Command::Screen { incident, screening },
            Self::Expand { incident, expansion } => Command::Expand {
                incident,
                expansion: Expansion {
                    first: expansion.first,
                    findings: expansion.findings.into_iter().map(|f| f.map(&mut take)).collect(),
                    complete: expansion.complete,
                    interval: expansion.interval,
                },
            },
            Self::Route { signal, round, school, letter } => {
                Command::Route { signal, round, school, letter: take(letter) }
            }
            Self::Withhold { signal, round, reason } => Command::Withhold { signal, round, reason },
            Self::Acknowledge { signal, round } => Command::Acknowledge { signal, round },
            Self::Return { signal, round } => Command::Return { signal, round },
            Self::Recall { signal, reason } => Command::Recall { signal, reason },
        };
        (command, taken)
    }
}

/// What Veilig Thuis says of a whole incident before it looks up the household.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Screening {
    /// It is violence in a relationship of dependency; the household is looked up next (R3).
    Qualifies,
    /// It is not; every child named ends here, as `not_domestic_violence`.
    NotDomesticViolence {
        /// How many children were named, each counted once.
        children: u16,
    },
}

/// The children of one incident, as far as they are known.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
pub struct Expansion<P> {
    /// How many children went before: 0, or as many as were referred while the look-up was down. So the same expansion
    /// submitted again can never double a child.
    pub first: u16,
    /// One for each child, in the order of their numbers, following on from those already known.
    pub findings: Vec<Finding<P>>,
    /// False while the look-up of the household is down: the named children go first, the others join once (R9).
    pub complete: bool,
    /// From the incident to the report (R26); the one thing about the report that is handed on.
    pub interval: Interval,
}

/// The time from the incident to the report (R26).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
pub struct Interval {
    /// Whole seconds, not below zero.
    pub seconds: u64,
    /// Whether only the day of the incident was known, counted from its midnight.
    pub date_only: bool,
}

/// What Veilig Thuis found about one child.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
#[serde(tag = "finding", rename_all = "snake_case")]
pub enum Finding<P> {
    /// It counts, and goes to its home municipality.
    Refer {
        /// The municipality.
        municipality: Organisation,
        /// The referral, sealed to that municipality.
        referral: P,
    },
    /// It does not count (R2, R3, R6, R7).
    ScreenedOut {
        /// Why.
        reason: ScreenedOut,
    },
    /// It counts, but its home municipality does not take part (R15): nothing is sent.
    NotParticipating,
}

impl<P> Finding<P> {
    fn map<Q>(self, take: &mut impl FnMut(P) -> Q) -> Finding<Q> {
        match self {
            Self::Refer { municipality, referral } => {
                Finding::Refer { municipality, referral: take(referral) }
            }
            Self::ScreenedOut { reason } => Finding::ScreenedOut { reason },
            Self::NotParticipating => Finding::NotParticipating,
        }
    }
}

/// What the engine says to a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// It is durable.
    Recorded,
    /// It was already so; nothing was stored.
    AlreadyRecorded,
    /// The law says no; trying again will not help.
    Refused {
        /// Why.
        refusal: Refusal,
    },
    /// Not now: the journal is out of reach or the queue is full. Try the same command again.
    TryLater,
}

/// Why a command or a fetch was refused. A code, never content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// Not a command of this version, or larger than a command may be.
    Malformed,
    /// The sender's role never does this.
    NotYours,
    /// It ended, never was, or is somebody else's: which of these is not said. Whoever holds a task for it may let it go.
    Gone,
    /// It is decided already, and differently.
    AlreadyDecided,
    /// Its turn has not come.
    OutOfOrder,
    /// The school must open a signal before it can say anything about it.
    NotOpened,
    /// That organisation takes no part, or not in this region.
    UnknownOrganisation,
    /// That reason is not the sender's to give.
    NotYourReason,
    /// More children than one incident may have.
    TooManySignals,
    /// It went round too often already: it may still be withheld or called back.
    TooManyRounds,
    /// A report of a day too long ago: nobody could tell any more whether it was there before.
    TooOld,
    /// It is sealed to a key that is used up or that nobody left here: it is to be sealed to another one.
    KeyUsed,
    /// More breaches in one day than anybody finds.
    TooManyBreaches,
    /// A refusal of a later version: whoever holds a task keeps it.
    #[serde(other)]
    Unknown,
}

impl Refusal {
    /// Every refusal.
    pub const ALL: [Self; 13] = [
        Self::Malformed,
        Self::NotYours,
        Self::Gone,
        Self::AlreadyDecided,
        Self::OutOfOrder,
        Self::NotOpened,
        Self::UnknownOrganisation,
        Self::NotYourReason,
        Self::TooManySignals,
        Self::TooManyRounds,
        Self::TooOld,
        Self::KeyUsed,
        Self::TooManyBreaches,
    ];

    /// Whether a task that was answered so may be let go: nothing is owed any more, or somebody decided before. After any
    /// other refusal the task stays, for the signal still waits and somebody must look.
    pub const fn ends_the_task(self) -> bool {
        matches!(self, Self::Gone | Self::AlreadyDecided)
    }

    /// The code on the wire.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::NotYours => "not_yours",
            Self::Gone => "gone",
            Self::AlreadyDecided => "already_decided",
            Self::OutOfOrder => "out_of_order",
            Self::NotOpened => "not_opened",
            Self::UnknownOrganisation => "unknown_organisation",
            Self::NotYourReason => "not_your_reason",
            Self::TooManySignals => "too_many_signals",
            Self::TooManyRounds => "too_many_rounds",
            Self::TooOld => "too_old",
            Self::KeyUsed => "key_used",
            Self::TooManyBreaches => "too_many_breaches",
            Self::Unknown => "unknown",
        }
    }
}

/// Something the engine asks of an organisation. It holds ids only; the payload is fetched.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
#[serde(tag = "task", rename_all = "snake_case")]
pub enum Task {
    /// To Veilig Thuis: screen and expand this incident.
    Screen {
        /// The incident.
        incident: IncidentId,
    },
    /// To Veilig Thuis: the named children went first; look the household up and let the others join (R9).
    LookUp {
        /// The incident.
        incident: IncidentId,
    },
    /// To a municipality: find the school of this signal, or withhold it.
    Route {
        /// The signal.
        signal: SignalId,
        /// Which time round: 1, and one more after each return or fresh look-up.
        round: u16,
        /// Why it is asked.
        why: RouteWhy,
    },
    /// To a school: a signal waits for its contact.
    Read {
        /// The signal.
        signal: SignalId,
        /// Which time round.
        round: u16,
    },
    /// To whom it concerns: a message about a signal that waits; it names no child (R20, R22).
    Notice {
        /// The signal.
        signal: SignalId,
        /// Which time round.
        round: u16,
        /// Which message.
        notice: Notice,
        /// The moment it was due.
        due: Timestamp,
    },
}

impl Task {
    /// The task's stable id: the same work has the same id after any crash, so offering it twice changes nothing.
    pub fn id(&self) -> String {
        match self {
            Self::Screen { incident } => format!("screen.{incident}"),
            Self::LookUp { incident } => format!("look_up.{incident}"),
            Self::Route { signal, round, .. } => format!("route.{signal}.{round}"),
            Self::Read { signal, round } => format!("read.{signal}.{round}"),
            Self::Notice { signal, round, notice, due } => {
                format!("notice.{signal}.{round}.{}.{}", notice.as_str(), due.as_second())
            }
        }
    }

    /// The incident it is about.
    pub const fn incident(&self) -> IncidentId {
        match self {
            Self::Screen { incident } | Self::LookUp { incident } => *incident,
            Self::Route { signal, .. } | Self::Read { signal, .. } | Self::Notice { signal, .. } => {
                signal.incident
            }
        }
    }
}

/// Why a municipality is asked to route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RouteWhy {
    /// The first time.
    New,
    /// It was held for more than 24 hours: look the enrolment up afresh (R12).
    LookUpAgain,
    /// A school returned it (R24).
    Returned,
}

/// A message about a signal that waits (R20).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// To the school's HwC mailbox.
    RemindContact,
    /// To the backup contact.
    RemindBackup,
    /// To the municipality: receipt is missing.
    ReceiptMissing,
    /// To the municipality at the end of the day of delivery: still unread.
    StillUnread,
}

impl Notice {
    /// Every notice.
    pub const ALL: [Self; 4] =
        [Self::RemindContact, Self::RemindBackup, Self::ReceiptMissing, Self::StillUnread];

    /// The notice's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RemindContact => "remind_contact",
            Self::RemindBackup => "remind_backup",
            Self::ReceiptMissing => "receipt_missing",
            Self::StillUnread => "still_unread",
        }
    }
}

/// Asks for a payload that is due to the asker at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
#[serde(tag = "fetch", rename_all = "snake_case")]
pub enum Fetch {
    /// Veilig Thuis: the report it must screen.
    Report {
        /// The incident.
        incident: IncidentId,
    },
    /// Municipality: the referral it must route.
    Referral {
        /// The signal.
        signal: SignalId,
        /// The round the task named.
        round: u16,
    },
    /// School: the letter. Fetching it *is* opening it: the event is durable before the bytes leave.
    Letter {
        /// The signal.
        signal: SignalId,
        /// The round the task named.
        round: u16,
    },
}

impl Fetch {
    /// The incident that it is about.
    pub const fn incident(&self) -> IncidentId {
        match self {
            Self::Report { incident } => *incident,
            Self::Referral { signal, .. } | Self::Letter { signal, .. } => signal.incident,
        }
    }
}

/// What the engine gives for a fetch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
#[serde(tag = "fetched", rename_all = "snake_case")]
pub enum Fetched {
    /// The ciphertext, and what its seal binds.
    Payload {
        /// Who sealed it.
        from: Organisation,
        /// The ciphertext.
        sealed: Sealed,
    },
    /// Not due to the asker.
    Refused {
        /// Why.
        refusal: Refusal,
    },
    /// Not now; ask again.
    TryLater,
}

/// What a seal binds besides its content, so that no two payloads can be swapped unnoticed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Binding {
    /// The incident.
    pub incident: IncidentId,
    /// The child's number; none while it is a report.
    pub number: Option<SignalNumber>,
    /// The leg.
    pub hop: Hop,
    /// Who sealed it.
    pub sender: Organisation,
    /// Who may open it.
    pub receiver: Organisation,
}

#[cfg(test)]
mod tests;
