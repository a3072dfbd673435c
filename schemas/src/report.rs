//! A police report: what Veilig Thuis needs to screen, and nothing else (R4, R8). Carried sealed only.

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use crate::person::{Child, FieldError, PersonalText};

/// One incident as the police report it.
#[derive(Clone, PartialEq, Eq)]
pub struct Report {
    /// When the police sent it.
    pub reported_at: Timestamp,
    /// When it happened.
    pub occurred: Occurred,
    /// What kind of incident.
    pub kind: Kind,
    /// Where.
    pub address: Address,
    /// Whom the police noted.
    pub mentions: Vec<Mention>,
}

impl Report {
    /// Most children one report may name.
    pub const MENTIONS_MAX: usize = 64;
}

/// When the incident happened, as precisely as the source knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occurred {
    /// The moment.
    At(Timestamp),
    /// Only the day.
    On(Date),
}

impl Occurred {
    /// The local day of the incident, which decides a child's age (R2).
    pub fn day(self, zone: &TimeZone) -> Date {
        match self {
            Self::At(moment) => zone.to_datetime(moment).date(),
            Self::On(day) => day,
        }
    }
}

/// What the incident was. Known to the police and Veilig Thuis only.
#[derive(Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Domestic violence.
    DomesticViolence,
    /// Child abuse.
    ChildAbuse,
    /// Anything else: no signal follows.
    Other,
}

impl Kind {
    /// Whether it is violence in a relationship of dependency (R3).
    pub const fn qualifies(self) -> bool {
        matches!(self, Self::DomesticViolence | Self::ChildAbuse)
    }
}

/// One child that the police named.
#[derive(Clone, PartialEq, Eq)]
pub struct Mention {
    /// The child, as the police spell it.
    pub child: Child,
    /// Whether it was there.
    pub presence: Presence,
    /// How it belongs to the address, as the police noted it.
    pub relation: Relation,
}

/// Whether the child was there.
#[derive(Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// At the address when the police came.
    Present,
    /// Not there.
    Absent,
}

/// How the child belongs to the address.
#[derive(Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// Registered at the address (R5).
    Resident,
    /// A child of the family, registered elsewhere (R7).
    Family,
    /// A visitor (R6).
    Visitor,
}

/// A CBS municipality code, four digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MunicipalityCode([u8; 4]);

impl MunicipalityCode {
    /// Reads four digits.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        let bytes: [u8; 4] =
            text.as_bytes().try_into().ok().filter(|b: &[u8; 4]| b.iter().all(u8::is_ascii_digit)).ok_or(
                FieldError {
                    field: "municipality",
                    problem: "is not a CBS municipality code of four digits",
                },
            )?;
        Ok(Self(bytes))
    }

    /// The code's four digits.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("0000")
    }
}

/// An address, and the municipality where the source knows it. Two are the same place when everything but the
/// municipality agrees, without spaces and case, empty as none.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    place: Place,
    /// The municipality, where the source says it.
    pub municipality: Option<MunicipalityCode>,
}

/// The comparable part of an address.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    postcode: PersonalText,
    house_number: u32,
    house_letter: PersonalText,
    addition: PersonalText,
}

impl Address {
    /// Checks the fields and makes the address. The house number is 1 to 99999, the postcode `1234AB`.
    pub fn new(
        postcode: &str,
        house_number: u32,
        house_letter: &str,
        addition: &str,
        municipality: Option<MunicipalityCode>,
    ) -> Result<Self, FieldError> {
        let postcode = PersonalText::new("postcode", &folded(postcode), 6)?;
        let (digits, letters) = postcode.expose().as_bytes().split_at_checked(4).unwrap_or_default();
        if !(digits.iter().all(u8::is_ascii_digit)
            && letters.len() == 2
            && letters.iter().all(u8::is_ascii_uppercase))
        {
            return Err(FieldError { field: "postcode", problem: "is not four digits and two letters" });
        }
        if !(1..=99_999).contains(&house_number) {
            return Err(FieldError {
                field: "house_number",
                problem: "is not a whole number from 1 to 99999",
            });
        }
        let place = Place {
            postcode,
            house_number,
            house_letter: PersonalText::new("house_letter", &folded(house_letter), 8)?,
            addition: PersonalText::new("addition", &folded(addition), 16)?,
        };
        Ok(Self { place, municipality })
    }

    /// What two sources compare.
    pub const fn place(&self) -> &Place {
        &self.place
    }
}

impl Place {
    /// Four digits and two letters, without spaces, in capitals.
    pub const fn postcode(&self) -> &PersonalText {
        &self.postcode
    }

    /// 1 to 99999.
    pub const fn house_number(&self) -> u32 {
        self.house_number
    }

    /// In capitals; empty for none.
    pub const fn house_letter(&self) -> &PersonalText {
        &self.house_letter
    }

    /// In capitals, without spaces; empty for none.
    pub const fn addition(&self) -> &PersonalText {
        &self.addition
    }
}

fn folded(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_uppercase).collect()
}

pub(crate) mod plain {
    //! The report as bytes inside a seal.

    use std::borrow::Cow;

    use jiff::{Timestamp, civil::Date};
    use serde::{Deserialize, Serialize};

    use super::{Address, Kind, Mention, MunicipalityCode, Occurred, Presence, Relation, Report};
    use crate::{letter::PlainError, letter::plain::PlainChild};

    #[derive(Serialize, Deserialize)]
    #[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
    pub(crate) struct PlainReport<'a> {
        /// When the police made it.
        reported_at: Timestamp,
        /// When it happened, if the moment is known. Either this or `occurred_on`, never both.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        occurred_at: Option<Timestamp>,
        /// The local day on which it happened, if no more is known.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        occurred_on: Option<Date>,
        /// What it was.
        kind: Kind,
        /// Where.
        #[serde(borrow)]
        address: PlainAddress<'a>,
        /// Every minor who was there or is registered there (R4).
        #[serde(borrow)]
        #[cfg_attr(feature = "contract", schemars(length(max = Report::MENTIONS_MAX)))]
        children: Vec<PlainMention<'a>>,
    }

    #[derive(Serialize, Deserialize)]
    #[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
    struct PlainAddress<'a> {
        /// Four digits and two letters; spaces and case do not matter.
        #[serde(borrow)]
        postcode: Cow<'a, str>,
        #[cfg_attr(feature = "contract", schemars(range(min = 1, max = 99_999)))]
        house_number: u32,
        /// Empty for none.
        #[serde(borrow)]
        #[cfg_attr(feature = "contract", schemars(length(max = 8)))]
        house_letter: Cow<'a, str>,
        /// Empty for none.
        #[serde(borrow)]
        #[cfg_attr(feature = "contract", schemars(length(max = 16)))]
        addition: Cow<'a, str>,
        /// The CBS code, four digits, if the source knows it.
        #[serde(borrow)]
        municipality: Option<Cow<'a, str>>,
    }

    #[derive(Serialize, Deserialize)]
    #[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
    struct PlainMention<'a> {
        #[serde(borrow)]
        child: PlainChild<'a>,
        presence: Presence,
        relation: Relation,
    }

    impl<'a> From<&'a Report> for PlainReport<'a> {
        fn from(report: &'a Report) -> Self {
            let place = &report.address.place;
            let (occurred_at, occurred_on) = match report.occurred {
                Occurred::At(moment) => (Some(moment), None),
                Occurred::On(day) => (None, Some(day)),
            };
            Self {
                reported_at: report.reported_at,
                occurred_at,
                occurred_on,
                kind: report.kind,
                address: PlainAddress {
                    postcode: place.postcode.expose().into(),
                    house_number: place.house_number,
                    house_letter: place.house_letter.expose().into(),
                    addition: place.addition.expose().into(),
                    municipality: report.address.municipality.as_ref().map(|m| m.as_str().into()),
                },
                children: report
                    .mentions
                    .iter()
                    .map(|m| PlainMention {
                        child: (&m.child).into(),
                        presence: m.presence,
                        relation: m.relation,
                    })
                    .collect(),
            }
        }
    }

    impl TryFrom<PlainReport<'_>> for Report {
        type Error = PlainError;
        fn try_from(plain: PlainReport<'_>) -> Result<Self, PlainError> {
            let address = &plain.address;
            let municipality = address.municipality.as_deref().map(MunicipalityCode::parse).transpose()?;
            if plain.children.len() > Self::MENTIONS_MAX {
                return Err(PlainError::Malformed);
            }
            Ok(Self {
                reported_at: plain.reported_at,
                occurred: match (plain.occurred_at, plain.occurred_on) {
                    (Some(moment), None) => Occurred::At(moment),
                    (None, Some(day)) => Occurred::On(day),
                    _ => return Err(PlainError::Malformed),
                },
                kind: plain.kind,
                address: Address::new(
                    &address.postcode,
                    address.house_number,
                    &address.house_letter,
                    &address.addition,
                    municipality,
                )?,
                mentions: plain
                    .children
                    .iter()
                    .map(|m| {
                        Ok(Mention {
                            child: (&m.child).try_into()?,
                            presence: m.presence,
                            relation: m.relation,
                        })
                    })
                    .collect::<Result<_, PlainError>>()?,
            })
        }
    }
}
