//! Ids. Opaque, random or keyed; none says anything about a person, an address or a report's reference.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Text that is not an id of the wanted kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {kind}")]
pub struct IdError {
    /// The kind of id that was wanted.
    pub kind: &'static str,
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// Takes the id's 128 bits from the caller, who owns the dice.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The id's 128 bits, big-endian: what a seal binds.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl fmt::Display for $name {
            /// 32 lower-case hexadecimal digits: one subject token.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0.simple())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self}")
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<str>::deserialize(from)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Uuid::try_parse(text).map(Self).map_err(|_| IdError { kind: $kind })
            }
        }
    };
}

uuid_id!(
    /// One police report, one consistency boundary (R9). The sender derives it with its own secret key from its own
    /// reference, so the same reference always gives the same id and nobody else can compute or undo it.
    IncidentId, "incident id"
);
uuid_id!(
    /// One ciphertext, random. It names the ciphertext in subjects and events and is never used again.
    PayloadId, "payload id"
);
uuid_id!(
    /// One public key that an organisation leaves with the engine, random and never used again. It stands in the clear on what
    /// is sealed to that key.
    KeyId, "key id"
);
uuid_id!(
    /// The random bytes that a seal begins with. They occur nowhere else, say nothing, and are all that is kept of a ciphertext
    /// after its end: whoever looks for them on a disk knows whether it is gone.
    Marker, "marker"
);
uuid_id!(
    /// One report of a breach, random, drawn by whoever reports it: the same report again is one report. Nothing keeps it but
    /// a digest that nobody can undo.
    BreachReportId, "id of a breach report"
);

/// A child's place within its incident, counted from 1 in the order Veilig Thuis found them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct SignalNumber(u16);

impl TryFrom<u16> for SignalNumber {
    type Error = IdError;
    fn try_from(number: u16) -> Result<Self, IdError> {
        if number == 0 { Err(IdError { kind: "signal number" }) } else { Ok(Self(number)) }
    }
}

impl From<SignalNumber> for u16 {
    fn from(number: SignalNumber) -> Self {
        number.0
    }
}

impl SignalNumber {
    /// The first child.
    pub const FIRST: Self = Self(1);

    /// The number's value, from 1.
    pub const fn get(self) -> u16 {
        self.0
    }

    /// The number at a place counted from 0; `None` past 65,534.
    pub fn at(index: usize) -> Option<Self> {
        u16::try_from(index).ok()?.checked_add(1).map(Self)
    }

    /// The place, counted from 0.
    pub fn index(self) -> usize {
        usize::from(self.0).saturating_sub(1)
    }
}

/// One signal: one child of one incident (R9).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SignalId {
    /// The incident it belongs to.
    pub incident: IncidentId,
    /// The child's place in it.
    pub number: SignalNumber,
}

impl fmt::Display for SignalId {
    /// `<incident>-<number>`: one subject token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.incident, self.number.0)
    }
}

impl fmt::Debug for SignalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for SignalId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let bad = IdError { kind: "signal id" };
        let (incident, number) = text.split_once('-').ok_or(bad)?;
        let number: u16 = number.parse().map_err(|_| bad)?;
        if number == 0 || incident.len() != 32 {
            return Err(bad);
        }
        Ok(Self { incident: incident.parse().map_err(|_| bad)?, number: SignalNumber(number) })
    }
}

impl Serialize for SignalId {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SignalId {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_id_reads_back_what_it_writes() {
        let id = SignalId {
            incident: IncidentId::from_uuid(Uuid::from_u128(7)),
            number: SignalNumber::at(2).unwrap(),
        };
        assert_eq!(id.to_string().parse::<SignalId>(), Ok(id));
        assert_eq!(id.to_string(), "00000000000000000000000000000007-3");
    }

    #[test]
    fn there_is_no_child_zero() {
        assert_eq!(serde_json::from_str::<SignalNumber>("1").unwrap(), SignalNumber::FIRST);
        assert!(serde_json::from_str::<SignalNumber>("0").is_err());
    }

    #[test]
    fn text_that_is_no_signal_id_is_refused_without_repeating_it() {
        for bad in
            ["", "x", "00000000000000000000000000000007-0", "7-1", "00000000000000000000000000000007-70000"]
        {
            assert_eq!(bad.parse::<SignalId>().unwrap_err().to_string(), "not a valid signal id");
        }
    }
}
