//! Public keys that an organisation leaves with the engine, so that what is sealed to it can be shredded one by one.
//!
//! A private key is used for one signal and destroyed with it. What is sealed to it then opens for nobody, wherever a copy of
//! the ciphertext may lie. The engine keeps the public keys and hands them out; that it can put none of its own in their
//! place is the signature's work (`engine/vault/SEAL.md`).

use std::{borrow::Cow, fmt, str::FromStr};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::ids::KeyId;

/// One public key, as its organisation signed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
pub struct SignedKey {
    /// Its name: random, never used again, and in the clear on every seal that is made to it.
    pub id: KeyId,
    /// What it may be used for.
    #[serde(flatten)]
    pub kind: KeyKind,
    /// The X25519 public key.
    pub key: Digits<32>,
    /// The organisation's signature.
    pub signature: Digits<64>,
}

/// What a key may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum KeyKind {
    /// For one seal.
    OneTime,
    /// For whatever is sealed while no one-time key is left: the one of that week.
    Weekly {
        /// The day on which it was made, by its maker's clock, in UTC.
        made: Date,
    },
}

impl KeyKind {
    /// Whether one seal uses it up.
    pub const fn is_for_one_seal(self) -> bool {
        matches!(self, Self::OneTime)
    }
}

/// Bytes that are written as twice as many lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digits<const BYTES: usize>(pub [u8; BYTES]);

/// Text that is not so many hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("wanted {0} hexadecimal digits")]
pub struct DigitsError(usize);

impl<const BYTES: usize> fmt::Display for Digits<BYTES> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl<const BYTES: usize> fmt::Debug for Digits<BYTES> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl<const BYTES: usize> FromStr for Digits<BYTES> {
    type Err = DigitsError;
    fn from_str(text: &str) -> Result<Self, DigitsError> {
        let wrong = || DigitsError(2 * BYTES);
        let mut bytes = [0; BYTES];
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        if pairs.len() != BYTES || !rest.is_empty() {
            return Err(wrong());
        }
        for (place, [high, low]) in bytes.iter_mut().zip(pairs) {
            *place = (value(*high).ok_or_else(wrong)? << 4) | value(*low).ok_or_else(wrong)?;
        }
        Ok(Self(bytes))
    }
}

const fn value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

impl<const BYTES: usize> Serialize for Digits<BYTES> {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de, const BYTES: usize> Deserialize<'de> for Digits<BYTES> {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Cow::<str>::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_on_the_wire_reads_back_as_it_was_written() {
        let id = KeyId::from_uuid(uuid::Uuid::from_u128(7));
        for kind in [KeyKind::OneTime, KeyKind::Weekly { made: jiff::civil::date(2026, 11, 22) }] {
            let key = SignedKey { id, kind, key: Digits([0xab; 32]), signature: Digits([1; 64]) };
            let text = serde_json::to_string(&key).unwrap();
            assert_eq!(crate::message::read::<SignedKey>(text.as_bytes()), Ok(key), "{text}");
        }
        let weekly = KeyKind::Weekly { made: jiff::civil::date(2026, 11, 22) };
        assert_eq!(serde_json::to_string(&weekly).unwrap(), r#"{"kind":"weekly","made":"2026-11-22"}"#);
        assert_eq!(serde_json::to_string(&KeyKind::OneTime).unwrap(), r#"{"kind":"one_time"}"#);
    }

    #[test]
    fn anything_but_so_many_lower_case_digits_is_refused() {
        for bad in ["", "0", "000", "0g", "AB", " 0", "é"] {
            assert_eq!(bad.parse::<Digits<1>>(), Err(DigitsError(2)), "{bad}");
        }
        assert_eq!("a0".parse(), Ok(Digits([0xa0])));
    }
}
