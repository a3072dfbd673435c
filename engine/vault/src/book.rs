//! What one organisation makes of the directory: whose key it has seen before, and which it believes.
//!
//! The first time an organisation is named its key is taken from the signed directory. After that a changed key is not
//! believed until somebody compared its fingerprint with the organisation itself and confirmed it: the operator's
//! signature alone cannot put another key in its place.

use std::collections::BTreeMap;

use hwc_schemas::Organisation;
use serde::{Deserialize, Serialize};

use crate::{Directory, DirectoryError, Fingerprint, PublicKey, UnknownKey, directory::Listed};

const VERSION: u64 = 1;

/// The directory and what we know ourselves. A picture of one moment: take a new one whenever something is sealed or opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressBook {
    directory: Directory,
    known: KnownKeys,
}

/// Whose key was believed, and up to which serial the directory was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownKeys {
    version: u64,
    serial: u64,
    /// The fingerprint of the directory with this serial; empty before the first.
    directory: String,
    organisations: BTreeMap<Organisation, Known>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    key: PublicKey,
    #[serde(default)]
    earlier: Vec<PublicKey>,
}

/// Why no key is believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyTrouble {
    /// The organisation is not in the directory.
    #[error(transparent)]
    Unknown(#[from] UnknownKey),
    /// Its key changed and nobody confirmed the new one.
    #[error(
        "the key of {organisation} changed and nobody confirmed the new one. Ask them by telephone for the fingerprint \
         of their key, on a number that you had before; then: hwc keys confirm {organisation} --fingerprint \"...\""
    )]
    Unconfirmed {
        /// Whose.
        organisation: Organisation,
    },
}

/// Why a key was not confirmed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotConfirmed {
    /// There is nothing to confirm.
    #[error(transparent)]
    Unknown(#[from] UnknownKey),
    /// The key in the directory has another fingerprint.
    #[error(
        "the key that the directory gives for {0} has another fingerprint. If they read theirs out rightly, somebody put \
         another key in its place: seal nothing to it, and call the operator"
    )]
    Differs(Organisation),
}

impl Default for KnownKeys {
    fn default() -> Self {
        Self { version: VERSION, serial: 0, directory: String::new(), organisations: BTreeMap::new() }
    }
}

impl KnownKeys {
    pub(crate) const fn is_readable(&self) -> bool {
        self.version == VERSION
    }

    /// Notes a directory: believes whoever is new, and forgets earlier keys that it lists no more.
    fn note(&mut self, directory: &Directory) -> Result<(), DirectoryError> {
        let (seen, offered) = (self.serial, directory.serial());
        if offered < seen {
            return Err(DirectoryError::RolledBack { seen, offered });
        }
        let fingerprint = directory.fingerprint().to_string();
        if offered == seen && !self.directory.is_empty() && self.directory != fingerprint {
            return Err(DirectoryError::Forked(seen));
        }
        (self.serial, self.directory) = (offered, fingerprint);
        for (organisation, Listed { key, earlier }) in directory.iter() {
            let known = self
                .organisations
                .entry(organisation.clone())
                .or_insert_with(|| Known { key: *key, earlier: earlier.clone() });
            known.earlier.retain(|one| earlier.contains(one));
        }
        Ok(())
    }
}

impl AddressBook {
    /// What we make of this directory, knowing what we know. A directory older than one seen before is refused.
    pub fn new(directory: Directory, mut known: KnownKeys) -> Result<Self, DirectoryError> {
        known.note(&directory)?;
        Ok(Self { directory, known })
    }

    /// What we know, while the directory itself is not at hand: nobody can be sealed to until it is fetched.
    pub(crate) fn without_directory(known: KnownKeys) -> Self {
        Self { directory: Directory::default(), known }
    }

    /// The directory.
    pub const fn directory(&self) -> &Directory {
        &self.directory
    }

    /// What we know ourselves.
    pub const fn known(&self) -> &KnownKeys {
        &self.known
    }

    /// The key to seal to an organisation with.
    pub fn key_to_seal_to(&self, organisation: &Organisation) -> Result<&PublicKey, KeyTrouble> {
        let listed = self.directory.listed(organisation)?;
        if self.believes(organisation, &listed.key) {
            Ok(&listed.key)
        } else {
            Err(KeyTrouble::Unconfirmed { organisation: organisation.clone() })
        }
    }

    /// The keys that an organisation may have sealed with: those that the directory lists and that we believe. An
    /// unconfirmed key is not among them; an earlier one is, as long as it is listed.
    pub fn keys_to_open_from(&self, organisation: &Organisation) -> Result<Vec<PublicKey>, KeyTrouble> {
        let listed = self.directory.listed(organisation)?;
        let known = self.known.organisations.get(organisation);
        let believed =
            |key: &&PublicKey| known.is_some_and(|known| known.key == **key || known.earlier.contains(key));
        let keys: Vec<_> = listed.keys().filter(believed).copied().collect();
        if keys.is_empty() {
            return Err(KeyTrouble::Unconfirmed { organisation: organisation.clone() });
        }
        Ok(keys)
    }

    /// Whose key changed and is not confirmed, with the fingerprint of the new one.
    pub fn unconfirmed(&self) -> impl Iterator<Item = (&Organisation, Fingerprint)> {
        let changed =
            |(organisation, listed): &(&Organisation, &Listed)| !self.believes(organisation, &listed.key);
        self.directory.iter().filter(changed).map(|(one, listed)| (one, listed.key.fingerprint()))
    }

    /// Believes the key that the directory gives for an organisation, if it has this fingerprint.
    pub fn confirm(
        &mut self,
        organisation: &Organisation,
        fingerprint: Fingerprint,
    ) -> Result<(), NotConfirmed> {
        let listed = self.directory.listed(organisation)?;
        if listed.key.fingerprint() != fingerprint {
            return Err(NotConfirmed::Differs(organisation.clone()));
        }
        if let Some(known) = self.known.organisations.get_mut(organisation)
            && known.key != listed.key
        {
            let before = std::mem::replace(&mut known.key, listed.key);
            known.earlier.retain(|one| *one != listed.key);
            if listed.earlier.contains(&before) {
                known.earlier.push(before);
            }
        }
        Ok(())
    }

    fn believes(&self, organisation: &Organisation, key: &PublicKey) -> bool {
        self.known.organisations.get(organisation).is_some_and(|known| known.key == *key)
    }
}

impl From<Directory> for AddressBook {
    /// As on the first day: everybody is believed.
    fn from(directory: Directory) -> Self {
        let mut known = KnownKeys::default();
        // Nothing was seen before, so nothing is older.
        let _ = known.note(&directory);
        Self { directory, known }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> PublicKey {
        PublicKey::from_bytes([byte; 32])
    }

    fn school() -> Organisation {
        "school-01AA00".parse().unwrap()
    }

    fn directory(serial: u64, present: u8, earlier: &[u8]) -> Directory {
        let mut directory = Directory::with_serial(serial);
        let earlier = earlier.iter().map(|byte| key(*byte)).collect();
        directory.list(school(), Listed { key: key(present), earlier });
        directory
    }

    fn next(book: &AddressBook, directory: Directory) -> AddressBook {
        AddressBook::new(directory, book.known().clone()).unwrap()
    }

    #[test]
    fn who_is_new_is_believed_and_who_is_not_there_is_named() {
        let book = AddressBook::from(directory(1, 1, &[9]));
        assert_eq!(book.key_to_seal_to(&school()), Ok(&key(1)));
        assert_eq!(book.keys_to_open_from(&school()), Ok(vec![key(1), key(9)]));
        let other: Organisation = "school-02BB00".parse().unwrap();
        assert_eq!(book.key_to_seal_to(&other), Err(KeyTrouble::Unknown(UnknownKey(other))));
        assert_eq!(book.unconfirmed().count(), 0);
    }

    #[test]
    fn a_changed_key_is_believed_only_when_its_own_fingerprint_was_confirmed() {
        let mut book = next(&AddressBook::from(directory(1, 1, &[])), directory(2, 2, &[1]));
        let unconfirmed = Err(KeyTrouble::Unconfirmed { organisation: school() });
        assert_eq!(book.key_to_seal_to(&school()), unconfirmed);
        // What was in flight opens; what the new key sealed does not yet.
        assert_eq!(book.keys_to_open_from(&school()), Ok(vec![key(1)]));
        assert_eq!(book.unconfirmed().collect::<Vec<_>>(), [(&school(), key(2).fingerprint())]);
        let wrong = book.confirm(&school(), key(1).fingerprint());
        assert_eq!(wrong, Err(NotConfirmed::Differs(school())));
        assert_eq!(book.key_to_seal_to(&school()), unconfirmed);

        book.confirm(&school(), key(2).fingerprint()).unwrap();
        assert_eq!(book.key_to_seal_to(&school()), Ok(&key(2)));
        assert_eq!(book.keys_to_open_from(&school()), Ok(vec![key(2), key(1)]));
        // Nothing is in flight any more: the old key opens nothing, and cannot come back unseen.
        let book = next(&book, directory(3, 2, &[]));
        assert_eq!(book.keys_to_open_from(&school()), Ok(vec![key(2)]));
        let book = next(&book, directory(4, 1, &[2]));
        assert!(book.key_to_seal_to(&school()).is_err());
        assert_eq!(book.keys_to_open_from(&school()), Ok(vec![key(2)]));
    }

    #[test]
    fn a_key_that_was_replaced_at_once_opens_nothing_until_the_new_one_is_confirmed() {
        let book = next(&AddressBook::from(directory(1, 1, &[])), directory(2, 2, &[]));
        assert_eq!(
            book.keys_to_open_from(&school()),
            Err(KeyTrouble::Unconfirmed { organisation: school() })
        );
    }

    #[test]
    fn who_was_revoked_is_gone_and_comes_back_under_another_key_only_when_confirmed() {
        let book = next(&AddressBook::from(directory(1, 1, &[])), Directory::with_serial(2));
        assert!(matches!(book.keys_to_open_from(&school()), Err(KeyTrouble::Unknown(_))));
        let back = next(&book, directory(3, 1, &[]));
        assert!(back.key_to_seal_to(&school()).is_ok());
        let other = next(&book, directory(3, 2, &[]));
        assert!(matches!(other.key_to_seal_to(&school()), Err(KeyTrouble::Unconfirmed { .. })));
    }

    #[test]
    fn an_older_directory_and_another_one_of_the_same_serial_are_refused() {
        let book = AddressBook::from(directory(5, 1, &[]));
        let again = |directory| AddressBook::new(directory, book.known().clone());
        assert!(matches!(
            again(directory(4, 1, &[])),
            Err(DirectoryError::RolledBack { seen: 5, offered: 4 })
        ));
        assert!(matches!(again(directory(5, 2, &[])), Err(DirectoryError::Forked(5))));
        assert_eq!(again(directory(5, 1, &[])).unwrap(), book);
    }
}
