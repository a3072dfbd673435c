//! Breaches, as they are kept and told (R24): a day, a kind, and whether the letter had been opened. No signal, no child, no
//! school.
//!
//! Of a breach that somebody reports only their role is kept, never which organisation they are: a school and a day together
//! can point to one child (R27), and the record stays. Who it is, and what happened, they say by telephone.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{organisation::Role, outcome::Recalled};

/// One breach, as it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreachRecord {
    /// The local day.
    pub day: Date,
    /// What happened.
    #[serde(flatten)]
    pub kind: BreachRecordKind,
    /// Whether the letter had been opened; none where nobody can know, as after the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened: Option<bool>,
}

/// What kind of breach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "reason", rename_all = "snake_case")]
pub enum BreachRecordKind {
    /// A school opened it and does not have the child.
    Returned,
    /// It was called back.
    Recalled(Recalled),
    /// Somebody reported it.
    Reported(Reported),
}

/// A breach that somebody reports, also after the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reported {
    /// What happened.
    pub what: WhatHappened,
    /// The role of whoever reports it.
    pub by: Role,
}

/// What happened, as whoever finds a breach can say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
pub enum WhatHappened {
    /// It went to a school that does not have the child.
    WrongSchool,
    /// Somebody else opened it.
    OpenedByAnother,
    /// It was passed on or told to somebody else.
    Spread,
    /// Somebody broke in, into a building or a system.
    BreakIn,
    /// A laptop, telephone or disk was stolen or lost.
    StolenDevice,
    /// Something is wrong and nobody knows yet what.
    Doubt,
}

impl WhatHappened {
    /// Everything that can be reported.
    pub const ALL: [Self; 6] = [
        Self::WrongSchool,
        Self::OpenedByAnother,
        Self::Spread,
        Self::BreakIn,
        Self::StolenDevice,
        Self::Doubt,
    ];

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WrongSchool => "wrong_school",
            Self::OpenedByAnother => "opened_by_another",
            Self::Spread => "spread",
            Self::BreakIn => "break_in",
            Self::StolenDevice => "stolen_device",
            Self::Doubt => "doubt",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(kind: BreachRecordKind, opened: Option<bool>) -> String {
        let record = BreachRecord { day: "2026-11-18".parse().unwrap(), kind, opened };
        let text = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<BreachRecord>(&text).unwrap(), record);
        text
    }

    #[test]
    fn a_record_is_written_as_it_always_was_and_a_report_beside_it() {
        assert_eq!(
            written(BreachRecordKind::Returned, Some(true)),
            r#"{"day":"2026-11-18","kind":"returned","opened":true}"#
        );
        assert_eq!(
            written(BreachRecordKind::Recalled(Recalled::WrongSchool), Some(false)),
            r#"{"day":"2026-11-18","kind":"recalled","reason":"wrong_school","opened":false}"#
        );
        let reported = Reported { what: WhatHappened::StolenDevice, by: Role::School };
        assert_eq!(
            written(BreachRecordKind::Reported(reported), None),
            r#"{"day":"2026-11-18","kind":"reported","reason":{"what":"stolen_device","by":"school"}}"#
        );
    }

    #[test]
    fn the_wire_and_the_words_agree() {
        for what in WhatHappened::ALL {
            assert_eq!(serde_json::to_value(what).unwrap(), what.as_str());
        }
    }
}
