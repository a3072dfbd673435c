//! What is sealed on each hop, as plain bytes: made just before sealing, read just after opening, wiped when dropped.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{
    organisation::Role,
    person::{Child, FieldError},
    report::{Report, plain::PlainReport},
};

/// The literal text every signal carries (R1).
pub const CODEWORD: &str = "Handle with Care";

/// A leg of the way. Each is sealed by one organisation to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Hop {
    /// Police to Veilig Thuis: the report.
    Report,
    /// Veilig Thuis to municipality: one child, and whether a sister signal exists (R9).
    Referral,
    /// Municipality to school: one child and the codeword.
    Letter,
}

impl Hop {
    /// Who seals on this leg; a seal by anybody else is not believed.
    pub const fn sender(self) -> Role {
        match self {
            Self::Report => Role::Police,
            Self::Referral => Role::VeiligThuis,
            Self::Letter => Role::Municipality,
        }
    }

    /// The hop's name as seals bind it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Report => "report",
            Self::Referral => "referral",
            Self::Letter => "letter",
        }
    }
}

/// Plain bytes on their way into or out of a seal. Wiped when dropped, never printed.
pub struct Plaintext(Zeroizing<Vec<u8>>);

impl Plaintext {
    /// Takes bytes that came out of a seal.
    pub const fn from_opened(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }

    /// The bytes, for sealing.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Bytes out of a seal that are not what the hop carries. Says nothing of what they were.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlainError {
    /// Not the shape of this hop.
    #[error("the sealed content does not have the shape of its hop")]
    Malformed,
    /// One field is not acceptable.
    #[error("the sealed content has a bad field: {0}")]
    Field(#[from] FieldError),
}

/// What goes into a seal on one hop.
pub trait Sealable: Sized {
    /// The hop it travels.
    const HOP: Hop;
    /// As bytes.
    fn to_plaintext(&self) -> Plaintext;
    /// Back from bytes.
    fn from_plaintext(plain: &Plaintext) -> Result<Self, PlainError>;
}

/// One child, referred to its municipality.
#[derive(Clone, PartialEq, Eq)]
pub struct Referral {
    /// The child.
    pub child: Child,
    /// Whether the same incident has another signal that nearly matches this one (R9): shown to the person who must decide.
    pub sister: bool,
}

/// One child, to its school: name, date of birth, codeword (R1).
#[derive(Clone, PartialEq, Eq)]
pub struct Letter {
    /// The child.
    pub child: Child,
}

impl Sealable for Report {
    const HOP: Hop = Hop::Report;
    fn to_plaintext(&self) -> Plaintext {
        plain::written(&PlainReport::from(self))
    }
    fn from_plaintext(plain: &Plaintext) -> Result<Self, PlainError> {
        plain::read::<PlainReport<'_>>(plain)?.try_into()
    }
}

impl Sealable for Referral {
    const HOP: Hop = Hop::Referral;
    fn to_plaintext(&self) -> Plaintext {
        plain::written(&plain::PlainReferral {
            child: (&self.child).into(),
            codeword: CODEWORD.into(),
            sister: self.sister,
        })
    }
    fn from_plaintext(plain: &Plaintext) -> Result<Self, PlainError> {
        let read: plain::PlainReferral<'_> = plain::read(plain)?;
        plain::check_codeword(&read.codeword)?;
        Ok(Self { child: (&read.child).try_into()?, sister: read.sister })
    }
}

impl Sealable for Letter {
    const HOP: Hop = Hop::Letter;
    fn to_plaintext(&self) -> Plaintext {
        plain::written(&plain::PlainLetter { child: (&self.child).into(), codeword: CODEWORD.into() })
    }
    fn from_plaintext(plain: &Plaintext) -> Result<Self, PlainError> {
        let read: plain::PlainLetter<'_> = plain::read(plain)?;
        plain::check_codeword(&read.codeword)?;
        Ok(Self { child: (&read.child).try_into()? })
    }
}

pub(crate) mod plain {
    //! The mirrors that serde sees; private, so that the types themselves stay unprintable.

    use std::borrow::Cow;

    use jiff::civil::Date;
    use serde::{Deserialize, Serialize};
    use zeroize::Zeroizing;

    use super::{CODEWORD, PlainError, Plaintext};
    use crate::person::{Child, DateOfBirth};

    /// Large enough that no hop's text makes the buffer grow and leave an unwiped copy behind.
    const PLAIN_BYTES_RESERVED: usize = 160 * 1024;

    #[derive(Serialize, Deserialize)]
    #[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
    pub(crate) struct PlainChild<'a> {
        /// Separated by spaces; empty for somebody who has only one name.
        #[serde(borrow)]
        #[cfg_attr(feature = "contract", schemars(length(max = Child::NAME_CHARS_MAX)))]
        given_names: Cow<'a, str>,
        /// What stands before the surname, where the source keeps it apart.
        #[serde(borrow)]
        #[cfg_attr(feature = "contract", schemars(length(max = Child::PREFIX_CHARS_MAX)))]
        prefix: Option<Cow<'a, str>>,
        /// Holds a letter or digit.
        #[serde(borrow)]
        #[cfg_attr(feature = "contract", schemars(length(max = Child::NAME_CHARS_MAX)))]
        surname: Cow<'a, str>,
        /// `YYYY-MM-DD`.
        date_of_birth: Date,
    }

    #[derive(Serialize, Deserialize)]
    #[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
    pub(crate) struct PlainReferral<'a> {
        #[serde(borrow)]
        pub(crate) child: PlainChild<'a>,
        /// Always `Handle with Care`.
        #[serde(borrow)]
        pub(crate) codeword: Cow<'a, str>,
        /// Whether a child with nearly the same name and date of birth has a signal of its own (R9).
        pub(crate) sister: bool,
    }

    #[derive(Serialize, Deserialize)]
    #[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
    pub(crate) struct PlainLetter<'a> {
        #[serde(borrow)]
        pub(crate) child: PlainChild<'a>,
        /// Always `Handle with Care`.
        #[serde(borrow)]
        pub(crate) codeword: Cow<'a, str>,
    }

    impl<'a> From<&'a Child> for PlainChild<'a> {
        fn from(child: &'a Child) -> Self {
            Self {
                given_names: child.given_names.expose().into(),
                prefix: child.prefix.as_ref().map(|p| p.expose().into()),
                surname: child.surname.expose().into(),
                date_of_birth: child.date_of_birth.expose(),
            }
        }
    }

    impl TryFrom<&PlainChild<'_>> for Child {
        type Error = PlainError;
        fn try_from(plain: &PlainChild<'_>) -> Result<Self, PlainError> {
            Ok(Self::new(
                &plain.given_names,
                plain.prefix.as_deref(),
                &plain.surname,
                DateOfBirth::new(plain.date_of_birth),
            )?)
        }
    }

    pub(crate) fn check_codeword(word: &str) -> Result<(), PlainError> {
        if word == CODEWORD { Ok(()) } else { Err(PlainError::Malformed) }
    }

    pub(crate) fn written<T: Serialize>(value: &T) -> Plaintext {
        let mut bytes = Zeroizing::new(Vec::with_capacity(PLAIN_BYTES_RESERVED));
        // Writing strings, numbers and dates into memory cannot fail; were it to, an empty text opens to nothing.
        if serde_json::to_writer(&mut *bytes, value).is_err() {
            bytes.clear();
        }
        Plaintext(bytes)
    }

    pub(crate) fn read<'a, T: Deserialize<'a>>(plain: &'a Plaintext) -> Result<T, PlainError> {
        serde_json::from_slice(plain.as_bytes()).map_err(|_| PlainError::Malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::person::DateOfBirth;

    fn child() -> Child {
        let born = DateOfBirth::parse("2016-02-03").unwrap_or_else(|e| panic!("{e}"));
        Child::new("Zoë \"Zo\"", Some("van der"), "Berg-Łuk", born).unwrap_or_else(|e| panic!("{e}"))
    }

    #[test]
    fn every_hop_reads_back_what_was_written() {
        let referral = Referral { child: child(), sister: true };
        assert!(Referral::from_plaintext(&referral.to_plaintext()).is_ok_and(|r| r == referral));
        let letter = Letter { child: child() };
        assert!(Letter::from_plaintext(&letter.to_plaintext()).is_ok_and(|l| l == letter));
    }

    #[test]
    fn a_letter_says_name_date_of_birth_and_codeword_and_nothing_else() {
        let plain = Letter { child: child() }.to_plaintext();
        let value: serde_json::Value = serde_json::from_slice(plain.as_bytes()).unwrap();
        let mut keys: Vec<_> = value.as_object().unwrap().keys().collect();
        keys.sort();
        assert_eq!(keys, ["child", "codeword"]);
        assert_eq!(value["child"].as_object().unwrap().len(), 4);
    }

    #[test]
    fn bytes_of_another_hop_are_malformed_and_not_repeated() {
        let referral = Referral { child: child(), sister: false };
        let report = Report::from_plaintext(&referral.to_plaintext());
        assert!(matches!(report, Err(PlainError::Malformed)));
    }
}
