//! How a signal ends: the table of the rules, word for word, in its order.

use serde::{Deserialize, Serialize};

/// Why a signal was screened out. In the order of the rules: the first that applies counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ScreenedOut {
    /// The whole incident: no violence in a relationship of dependency (R3).
    NotDomesticViolence,
    /// The whole incident: nobody named or registered there is of age (R3).
    NoChildOfAge,
    /// This child is younger than 4 or already 18 (R2).
    NotOfAge,
    /// This child was a visitor (R6).
    Visitor,
    /// This child is registered elsewhere and was not there (R7).
    RegisteredElsewhereAbsent,
}

/// Why a signal was withheld. In the order of the rules: the first that applies counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Withheld {
    /// The child's home municipality does not take part (R15); decided by Veilig Thuis.
    MunicipalityNotParticipating,
    /// No enrolment is known (R12).
    EnrolmentUnknown,
    /// A person at the municipality could not tell which child it is (R16).
    EnrolmentAmbiguous,
    /// The enrolment is secret (R13).
    EnrolmentSecret,
    /// The child is seconded to a school that does not take part (R14).
    HostSchoolNotParticipating,
    /// The school does not take part (R11).
    SchoolNotParticipating,
    /// The school lies outside the region (R15).
    SchoolOutsideRegion,
    /// It would have been delivered after summer (R18); decided by the engine.
    SummerHoliday,
    /// No school day came within the longest hold (R19); decided by the engine.
    HeldTooLong,
}

impl Withheld {
    /// Whether the municipality may give this reason; the others are not its to give.
    pub const fn is_the_municipalitys(self) -> bool {
        !matches!(self, Self::MunicipalityNotParticipating | Self::SummerHoliday | Self::HeldTooLong)
    }
}

/// Why a signal was recalled (R24).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Recalled {
    /// It went to a school that does not have the child.
    WrongSchool,
    /// It should not have been sent.
    SentInError,
}

/// What did not happen in time (R20, R23).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Expired {
    /// The ceiling came before the screening.
    NotScreened,
    /// The ceiling came before the routing.
    NotRouted,
    /// Nobody acknowledged in time.
    NotAcknowledged,
}

/// The one way a signal ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
#[serde(tag = "outcome", content = "reason", rename_all = "snake_case")]
pub enum Outcome {
    /// It never was a signal for a school.
    ScreenedOut(ScreenedOut),
    /// It was not passed on.
    Withheld(Withheld),
    /// It was called back.
    Recalled(Recalled),
    /// Time ran out.
    Expired(Expired),
    /// The school received it.
    Acknowledged,
}

impl Outcome {
    /// The outcome and its reason as the rules write them: `("withheld", Some("enrolment_secret"))`.
    pub const fn words(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::ScreenedOut(why) => ("screened_out", Some(why.as_str())),
            Self::Withheld(why) => ("withheld", Some(why.as_str())),
            Self::Recalled(why) => ("recalled", Some(why.as_str())),
            Self::Expired(why) => ("expired", Some(why.as_str())),
            Self::Acknowledged => ("acknowledged", None),
        }
    }
}

macro_rules! words {
    ($kind:ident { $($variant:ident => $word:literal),+ $(,)? }) => {
        impl $kind {
            /// Every reason, in the order of the rules.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The reason as the rules write it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }
    };
}

words!(ScreenedOut {
    NotDomesticViolence => "not_domestic_violence",
    NoChildOfAge => "no_child_of_age",
    NotOfAge => "not_of_age",
    Visitor => "visitor",
    RegisteredElsewhereAbsent => "registered_elsewhere_absent",
});
words!(Withheld {
    MunicipalityNotParticipating => "municipality_not_participating",
    EnrolmentUnknown => "enrolment_unknown",
    EnrolmentAmbiguous => "enrolment_ambiguous",
    EnrolmentSecret => "enrolment_secret",
    HostSchoolNotParticipating => "host_school_not_participating",
    SchoolNotParticipating => "school_not_participating",
    SchoolOutsideRegion => "school_outside_region",
    SummerHoliday => "summer_holiday",
    HeldTooLong => "held_too_long",
});
words!(Recalled { WrongSchool => "wrong_school", SentInError => "sent_in_error" });
words!(Expired {
    NotScreened => "not_screened",
    NotRouted => "not_routed",
    NotAcknowledged => "not_acknowledged",
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wire_and_the_words_agree() {
        for why in Withheld::ALL {
            assert_eq!(serde_json::to_value(why).unwrap(), why.as_str());
        }
        for why in ScreenedOut::ALL {
            assert_eq!(serde_json::to_value(why).unwrap(), why.as_str());
        }
        for why in Expired::ALL {
            assert_eq!(serde_json::to_value(why).unwrap(), why.as_str());
        }
        for why in Recalled::ALL {
            assert_eq!(serde_json::to_value(why).unwrap(), why.as_str());
        }
    }
}
