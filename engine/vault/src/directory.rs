//! Which public key belongs to which organisation.

use std::{collections::BTreeMap, fmt, path::Path};

use hwc_schemas::Organisation;
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, Visitor},
};

use crate::{
    file::{self, FileError, Guard},
    keys::PublicKey,
};

const VERSION: u64 = 1;

/// The public keys that an organisation trusts. Whoever can change one can read what is sealed to it, so each is
/// compared by fingerprint before it gets in, and the file is refused if others may write it.
///
/// The file is JSON: `{"version":1,"keys":{"school-01AA00":"<64 hexadecimal digits>"}}`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Directory {
    keys: BTreeMap<Organisation, PublicKey>,
}

/// Why a directory was not read. Matters to whoever keeps it. It says where, never what stands there.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The file or its folder.
    #[error(transparent)]
    File(#[from] FileError),
    /// Larger than a directory may be.
    #[error("the key directory is too large: at most {} bytes", Directory::BYTES_MAX)]
    TooLarge,
    /// A later version.
    #[error("the key directory is of a version that this program does not know; it knows {VERSION}")]
    Version,
    /// Not the format: no JSON, an unknown field, an organisation named twice, no organisation, no key.
    #[error("the key directory is malformed at line {line}, column {column}")]
    Malformed {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
}

/// No key for an organisation. Matters to whoever keeps the directory: ask that organisation for its key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the key directory has no public key of {0}")]
pub struct UnknownKey(pub Organisation);

impl Directory {
    /// Largest directory, in bytes: some forty thousand organisations.
    pub const BYTES_MAX: usize = 4 * 1024 * 1024;

    /// Reads a directory's text.
    pub fn parse(json: &[u8]) -> Result<Self, DirectoryError> {
        if json.len() > Self::BYTES_MAX {
            return Err(DirectoryError::TooLarge);
        }
        // The parser's own words may repeat what it found, so only the place is kept.
        let read: Written = serde_json::from_slice(json)
            .map_err(|e| DirectoryError::Malformed { line: e.line(), column: e.column() })?;
        if read.version == VERSION { Ok(Self { keys: read.keys.0 }) } else { Err(DirectoryError::Version) }
    }

    /// Reads a directory's file. Refused: a link, and a file or folder that others may write.
    pub fn load(path: &Path) -> Result<Self, DirectoryError> {
        Self::parse(&file::read(path, Guard::Unaltered, Self::BYTES_MAX)?)
    }

    /// The key of an organisation.
    pub fn key_of(&self, organisation: &Organisation) -> Result<&PublicKey, UnknownKey> {
        self.keys.get(organisation).ok_or_else(|| UnknownKey(organisation.clone()))
    }

    /// Takes an organisation's key, and gives the one it had.
    pub fn insert(&mut self, organisation: Organisation, key: PublicKey) -> Option<PublicKey> {
        self.keys.insert(organisation, key)
    }

    /// Everybody, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&Organisation, &PublicKey)> {
        self.keys.iter()
    }
}

impl fmt::Display for Directory {
    /// The file's text, one organisation a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{\"version\":{VERSION},\"keys\":{{")?;
        for (place, (organisation, key)) in self.keys.iter().enumerate() {
            let comma = if place > 0 { "," } else { "" };
            write!(f, "{comma}\n\"{organisation}\":\"{key}\"")?;
        }
        f.write_str("\n}}\n")
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    version: u64,
    keys: Keys,
}

struct Keys(BTreeMap<Organisation, PublicKey>);

impl<'de> Deserialize<'de> for Keys {
    /// As a map, but an organisation named twice is an error: which of the two keys is meant?
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct EachOnce;
        impl<'de> Visitor<'de> for EachOnce {
            type Value = Keys;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("organisations and their public keys")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
                let mut keys = BTreeMap::new();
                while let Some((organisation, key)) = map.next_entry::<Organisation, PublicKey>()? {
                    if keys.insert(organisation, key).is_some() {
                        return Err(A::Error::custom("named twice"));
                    }
                }
                Ok(Keys(keys))
            }
        }
        from.deserialize_map(EachOnce)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two() -> Directory {
        let mut directory = Directory::default();
        for (byte, name) in [(1, "school-01AA00"), (2, "municipality-0855")] {
            let before = directory.insert(name.parse().unwrap(), PublicKey::from_bytes([byte; 32]));
            assert_eq!(before, None);
        }
        directory
    }

    #[test]
    fn a_directory_reads_back_what_it_writes() {
        for directory in [Directory::default(), two()] {
            assert_eq!(Directory::parse(directory.to_string().as_bytes()).unwrap(), directory);
        }
    }

    #[test]
    fn an_organisation_without_a_key_is_named() {
        let directory = two();
        let known = "school-01AA00".parse().unwrap();
        assert_eq!(directory.key_of(&known), Ok(&PublicKey::from_bytes([1; 32])));
        let told = directory.key_of(&"school-02BB00".parse().unwrap()).unwrap_err().to_string();
        assert_eq!(told, "the key directory has no public key of school-02BB00");
        assert_eq!(directory.iter().count(), 2);
    }

    #[test]
    fn whatever_is_not_the_format_is_refused_by_its_place_and_not_repeated() {
        let key = "ab".repeat(32);
        for bad in [
            String::new(),
            "null".into(),
            "canary".into(),
            r#"{"version":1}"#.into(),
            r#"{"keys":{}}"#.into(),
            r#"{"version":"canary","keys":{}}"#.into(),
            r#"{"version":1,"keys":{},"canary":0}"#.into(),
            r#"{"version":1,"version":1,"keys":{}}"#.into(),
            r#"{"version":1,"keys":{}} canary"#.into(),
            r#"{"version":1,"keys":{"canary":"00"}}"#.into(),
            r#"{"version":1,"keys":{"school-01AA00":"canary"}}"#.into(),
            format!(r#"{{"version":1,"keys":{{"canary":"{key}"}}}}"#),
            format!(r#"{{"version":1,"keys":{{"school-01AA00":"{key}00"}}}}"#),
            format!(r#"{{"version":1,"keys":{{"school-01AA00":"{key}","school-01AA00":"{key}"}}}}"#),
        ] {
            let error = Directory::parse(bad.as_bytes()).unwrap_err();
            assert!(matches!(error, DirectoryError::Malformed { .. }), "{bad}");
            assert!(!format!("{error} {error:?}").contains("canary"));
        }
    }

    #[test]
    fn a_later_version_and_a_boundless_file_are_refused_as_such() {
        let later = Directory::parse(br#"{"version":2,"keys":{}}"#);
        assert!(matches!(later, Err(DirectoryError::Version)));
        let spaces = vec![b' '; Directory::BYTES_MAX + 1];
        assert!(matches!(Directory::parse(&spaces), Err(DirectoryError::TooLarge)));
    }
}
