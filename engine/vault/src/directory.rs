//! The signed directory: which public keys belong to which organisation, as the operator of the region says.
//!
//! As it travels and lies in files it is two parts. The first line is `hwc-directory-1`, a blank and the operator's
//! signature in hexadecimal digits; all bytes after it are the body, JSON:
//!
//! ```text
//! {"version":2,"serial":7,"organisations":{"school-01AA00":{"key":"<64 digits>","earlier":["<64 digits>"]}}}
//! ```
//!
//! The signature is Ed25519 over `hwc-directory-1`, a line end, and exactly the bytes of the body; nothing is written anew
//! before it is checked. The serial rises by one with every change.

use std::{collections::BTreeMap, fmt, path::Path};

use hwc_schemas::Organisation;
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, Visitor},
};

use crate::{
    Fingerprint, OperatorKey, OperatorPublicKey,
    file::{self, FileError, Guard},
    keys::PublicKey,
};

const LABEL: &str = "hwc-directory-1";
const VERSION: u64 = 2;

/// The public keys of all organisations of a region. Who it names takes part; whoever was revoked is not in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Directory {
    serial: u64,
    organisations: BTreeMap<Organisation, Listed>,
}

/// What the directory says of one organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// What is sealed to.
    pub key: PublicKey,
    /// What it sealed with before, for what is still in flight.
    pub earlier: Vec<PublicKey>,
}

/// Why a directory was not taken. Matters to whoever keeps it. It says where, never what stands there.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The file or its folder.
    #[error(transparent)]
    File(#[from] FileError),
    /// Larger than a directory may be.
    #[error("the directory of organisations is too large: at most {} bytes", Directory::BYTES_MAX)]
    TooLarge,
    /// Not signed by the operator we know, or altered or cut short since.
    #[error(
        "the directory of organisations is not signed by the operator in operator.pub; if the operator has a new key, \
         have operator.pub handed over again and compare its fingerprint"
    )]
    NotSigned,
    /// A later version.
    #[error(
        "the directory of organisations is of a version that this program does not know; it knows {VERSION}"
    )]
    Version,
    /// Older than one that was seen before: somebody wants an organisation back that was revoked, or a key.
    #[error(
        "the directory of organisations has serial {offered} and {seen} was seen before; an old one is not taken"
    )]
    RolledBack {
        /// The serial seen before.
        seen: u64,
        /// The serial of the one that was not taken.
        offered: u64,
    },
    /// Another text under a serial that was seen before.
    #[error(
        "two directories of organisations have the serial {0}; ask the operator which is right, and for a new one"
    )]
    Forked(u64),
    /// Not the format: no JSON, an unknown field, an organisation named twice, no organisation, no key.
    #[error("the directory of organisations is malformed at line {line}, column {column}")]
    Malformed {
        /// Counted from 1, in the body.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
}

/// No key for an organisation: it does not take part, not yet or not any more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not in the directory of organisations: it does not take part, not yet or not any more")]
pub struct UnknownKey(pub Organisation);

impl Directory {
    /// Largest directory, in bytes, signature included: some eight thousand organisations, and one message of the broker.
    pub const BYTES_MAX: usize = 960 * 1024;
    /// Earlier keys of one organisation, at most.
    pub const EARLIER_MAX: usize = 3;

    /// An empty one with this serial.
    pub fn with_serial(serial: u64) -> Self {
        Self { serial, organisations: BTreeMap::new() }
    }

    /// Reads a signed directory: first whether the operator signed these very bytes, then what they say.
    pub fn verify(signed: &[u8], operator: &OperatorPublicKey) -> Result<Self, DirectoryError> {
        if signed.len() > Self::BYTES_MAX {
            return Err(DirectoryError::TooLarge);
        }
        let body = body(signed, operator).ok_or(DirectoryError::NotSigned)?;
        // The parser's own words may repeat what it found, so only the place is kept.
        let read: Written = serde_json::from_slice(body)
            .map_err(|e| DirectoryError::Malformed { line: e.line(), column: e.column() })?;
        if read.version != VERSION {
            return Err(DirectoryError::Version);
        }
        Ok(Self { serial: read.serial, organisations: read.organisations.0 })
    }

    /// Reads a signed directory's file, whoever may write it: its signature says whether it is the operator's. A link is
    /// refused.
    pub fn load(path: &Path, operator: &OperatorPublicKey) -> Result<Self, DirectoryError> {
        Self::verify(&file::read(path, Guard::None, Self::BYTES_MAX)?, operator)
    }

    /// The signed text, for [`Directory::verify`].
    pub fn sign(&self, operator: &OperatorKey) -> Result<Vec<u8>, DirectoryError> {
        let body = self.to_string();
        let signature =
            operator.sign(format!("{LABEL}\n{body}").as_bytes()).ok_or(DirectoryError::NotSigned)?;
        let signed = format!("{LABEL} {signature}\n{body}").into_bytes();
        if signed.len() > Self::BYTES_MAX { Err(DirectoryError::TooLarge) } else { Ok(signed) }
    }

    /// One more with every change.
    pub const fn serial(&self) -> u64 {
        self.serial
    }

    /// What is told apart by: two directories with the same serial must have the same.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(self.to_string().as_bytes())
    }

    /// The present key of an organisation.
    pub fn key_of(&self, organisation: &Organisation) -> Result<&PublicKey, UnknownKey> {
        self.listed(organisation).map(|listed| &listed.key)
    }

    /// Everything said of an organisation.
    pub fn listed(&self, organisation: &Organisation) -> Result<&Listed, UnknownKey> {
        self.organisations.get(organisation).ok_or_else(|| UnknownKey(organisation.clone()))
    }

    /// Takes an organisation's key, and gives the one it had.
    pub fn insert(&mut self, organisation: Organisation, key: PublicKey) -> Option<PublicKey> {
        self.list(organisation, Listed { key, earlier: Vec::new() }).map(|before| before.key)
    }

    /// Takes what is said of an organisation, and gives what was.
    pub fn list(&mut self, organisation: Organisation, listed: Listed) -> Option<Listed> {
        self.organisations.insert(organisation, listed)
    }

    /// Everybody, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&Organisation, &Listed)> {
        self.organisations.iter()
    }
}

impl Listed {
    /// The present key first, then the earlier ones.
    pub fn keys(&self) -> impl Iterator<Item = &PublicKey> {
        std::iter::once(&self.key).chain(&self.earlier)
    }
}

/// The body, if the operator signed it.
fn body<'a>(signed: &'a [u8], operator: &OperatorPublicKey) -> Option<&'a [u8]> {
    let end = signed.iter().position(|byte| *byte == b'\n')?;
    let (head, rest) = signed.split_at(end);
    let signature = std::str::from_utf8(head).ok()?.strip_prefix(LABEL)?.strip_prefix(' ')?;
    let text = [LABEL.as_bytes(), rest].concat();
    operator.signed(&text, signature).then(|| rest.get(1..).unwrap_or_default())
}

impl fmt::Display for Directory {
    /// The body, one organisation a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{\"version\":{VERSION},\"serial\":{},\"organisations\":{{", self.serial)?;
        for (place, (organisation, listed)) in self.organisations.iter().enumerate() {
            let comma = if place > 0 { "," } else { "" };
            write!(f, "{comma}\n\"{organisation}\":{{\"key\":\"{}\"", listed.key)?;
            for (place, key) in listed.earlier.iter().enumerate() {
                write!(f, "{}\"{key}\"", if place > 0 { "," } else { ",\"earlier\":[" })?;
            }
            f.write_str(if listed.earlier.is_empty() { "}" } else { "]}" })?;
        }
        f.write_str("\n}}\n")
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    version: u64,
    serial: u64,
    organisations: Organisations,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenOne {
    key: PublicKey,
    #[serde(default)]
    earlier: Vec<PublicKey>,
}

struct Organisations(BTreeMap<Organisation, Listed>);

impl<'de> Deserialize<'de> for Organisations {
    /// As a map, but an organisation named twice is an error: which of the two keys is meant?
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct EachOnce;
        impl<'de> Visitor<'de> for EachOnce {
            type Value = Organisations;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("organisations and their public keys")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Organisations, A::Error> {
                let mut all = BTreeMap::new();
                while let Some((organisation, one)) = map.next_entry::<Organisation, WrittenOne>()? {
                    if one.earlier.len() > Directory::EARLIER_MAX {
                        return Err(A::Error::custom("too many earlier keys"));
                    }
                    let listed = Listed { key: one.key, earlier: one.earlier };
                    if all.insert(organisation, listed).is_some() {
                        return Err(A::Error::custom("named twice"));
                    }
                }
                Ok(Organisations(all))
            }
        }
        from.deserialize_map(EachOnce)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two() -> Directory {
        let mut directory = Directory::with_serial(7);
        for (byte, name) in [(1, "school-01AA00"), (2, "municipality-0855")] {
            let before = directory.insert(name.parse().unwrap(), PublicKey::from_bytes([byte; 32]));
            assert_eq!(before, None);
        }
        let rotated =
            Listed { key: PublicKey::from_bytes([3; 32]), earlier: vec![PublicKey::from_bytes([4; 32])] };
        directory.list("police-region".parse().unwrap(), rotated);
        directory
    }

    fn signed(body: &str, operator: &OperatorKey) -> Vec<u8> {
        let signature = operator.sign(format!("{LABEL}\n{body}").as_bytes()).unwrap();
        format!("{LABEL} {signature}\n{body}").into_bytes()
    }

    #[test]
    fn a_directory_reads_back_what_was_signed() {
        let operator = OperatorKey::generate();
        for directory in [Directory::default(), two()] {
            let signed = directory.sign(&operator).unwrap();
            assert_eq!(Directory::verify(&signed, &operator.public_key()).unwrap(), directory);
        }
    }

    #[test]
    fn a_directory_of_somebody_else_cut_short_or_altered_anywhere_is_not_taken() {
        let operator = OperatorKey::generate();
        let known = operator.public_key();
        let refused = |text: &[u8]| matches!(Directory::verify(text, &known), Err(DirectoryError::NotSigned));
        assert!(refused(&two().sign(&OperatorKey::generate()).unwrap()));
        let good = two().sign(&operator).unwrap();
        for length in 0..good.len() {
            assert!(refused(&good[..length]), "cut to {length} bytes");
        }
        for at in 0..good.len() {
            let mut altered = good.clone();
            altered[at] ^= 1;
            assert!(refused(&altered), "altered at {at}");
        }
        let mut longer = good.clone();
        longer.push(b'\n');
        assert!(refused(&longer));
        assert!(matches!(
            Directory::verify(&vec![b'a'; Directory::BYTES_MAX + 1], &known),
            Err(DirectoryError::TooLarge)
        ));
    }

    #[test]
    fn a_directory_that_would_not_fit_into_a_message_is_not_signed() {
        let mut directory = Directory::default();
        for number in 0..12_000 {
            directory.insert(format!("school-{number}").parse().unwrap(), PublicKey::from_bytes([1; 32]));
        }
        assert!(matches!(directory.sign(&OperatorKey::generate()), Err(DirectoryError::TooLarge)));
    }

    #[test]
    fn an_organisation_without_a_key_is_named() {
        let directory = two();
        let known = "school-01AA00".parse().unwrap();
        assert_eq!(directory.key_of(&known), Ok(&PublicKey::from_bytes([1; 32])));
        let told = directory.key_of(&"school-02BB00".parse().unwrap()).unwrap_err().to_string();
        assert!(told.starts_with("school-02BB00 is not in the directory"), "{told}");
        assert_eq!(directory.iter().count(), 3);
    }

    #[test]
    fn whatever_is_not_the_format_is_refused_by_its_place_and_not_repeated() {
        let operator = OperatorKey::generate();
        let key = "ab".repeat(32);
        for bad in [
            String::new(),
            "null".into(),
            "canary".into(),
            r#"{"version":2,"serial":1}"#.into(),
            r#"{"version":2,"organisations":{}}"#.into(),
            r#"{"version":"canary","serial":1,"organisations":{}}"#.into(),
            r#"{"version":2,"serial":-1,"organisations":{}}"#.into(),
            r#"{"version":2,"serial":1,"organisations":{},"canary":0}"#.into(),
            r#"{"version":2,"serial":1,"serial":1,"organisations":{}}"#.into(),
            r#"{"version":2,"serial":1,"organisations":{}} canary"#.into(),
            r#"{"version":2,"serial":1,"organisations":{"canary":{"key":"00"}}}"#.into(),
            r#"{"version":2,"serial":1,"organisations":{"school-01AA00":{"key":"canary"}}}"#.into(),
            r#"{"version":2,"serial":1,"organisations":{"school-01AA00":{}}}"#.into(),
            format!(r#"{{"version":2,"serial":1,"organisations":{{"canary":{{"key":"{key}"}}}}}}"#),
            format!(
                r#"{{"version":2,"serial":1,"organisations":{{"school-01AA00":{{"key":"{key}","canary":1}}}}}}"#
            ),
            format!(
                r#"{{"version":2,"serial":1,"organisations":{{"school-01AA00":{{"key":"{key}"}},"school-01AA00":{{"key":"{key}"}}}}}}"#
            ),
            format!(
                r#"{{"version":2,"serial":1,"organisations":{{"school-01AA00":{{"key":"{key}","earlier":["{key}","{key}","{key}","{key}"]}}}}}}"#
            ),
        ] {
            let error = Directory::verify(&signed(&bad, &operator), &operator.public_key()).unwrap_err();
            assert!(matches!(error, DirectoryError::Malformed { .. }), "{bad}: {error}");
            assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
        }
        let later = signed(r#"{"version":3,"serial":1,"organisations":{}}"#, &operator);
        assert!(matches!(Directory::verify(&later, &operator.public_key()), Err(DirectoryError::Version)));
    }
}
