use std::{fs, os::unix::fs::PermissionsExt as _};

use hwc_schemas::{KeyId, Organisation, SignalNumber, key::KeyKind, letter::Hop};
use hwc_vault::{Directory, SealingKey};
use jiff::civil::date;
use uuid::Uuid;

use super::*;

const TODAY: Date = date(2026, 11, 22);

fn new_key() -> SealingKey {
    SealingKey::generate(&mut OsChance).unwrap_or_else(|error| panic!("{error}"))
}

fn school() -> Organisation {
    "school-01AA00".parse().unwrap()
}

fn binding() -> Binding {
    Binding {
        incident: Uuid::nil().simple().to_string().parse().unwrap(),
        number: Some(SignalNumber::FIRST),
        hop: Hop::Letter,
        sender: "municipality-0855".parse().unwrap(),
        receiver: school(),
    }
}

/// A municipality, and a school whose long-term key it believes.
struct Two {
    municipality: KeysAndBook,
    school: KeysAndBook,
    signer: SealingKey,
    ring: Keyring,
    _folder: tempfile::TempDir,
}

impl Two {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let (sender, file) = (new_key(), folder.path().join("seal"));
        new_key().save(&file).unwrap();
        let own = || SealingKey::load(&file).unwrap_or_else(|error| panic!("{error}"));
        let mut directory = Directory::with_serial(1);
        directory.insert(binding().sender, sender.public_key());
        directory.insert(school(), own().public_key());
        let ring = Keyring::open(folder.path().join("one-time-keys")).unwrap();
        let book = || Book::from(directory.clone());
        Self {
            municipality: KeysAndBook { keys: sender.into(), book: book(), ring: None },
            school: KeysAndBook { keys: own().into(), book: book(), ring: Some(ring.clone()) },
            signer: own(),
            ring,
            _folder: folder,
        }
    }

    fn leaves(&self, kind: KeyKind) -> SignedKey {
        let (id, key) = self.ring.make(kind).unwrap();
        self.signer.sign(&school(), id, kind, key)
    }

    /// What it is sealed to, and whether the school reads it.
    fn seals_to(&self, left: &[SignedKey]) -> (Option<KeyId>, bool) {
        let content = Plaintext::from_opened(b"content".to_vec().into());
        let sealed = self.municipality.seal_to_left(&binding(), &content, left, TODAY).unwrap();
        let opened = self.school.open(&binding(), &sealed);
        (sealed_to(&sealed).unwrap(), opened.is_ok_and(|opened| opened.as_bytes() == b"content"))
    }
}

#[test]
fn a_key_in_the_place_of_another_is_never_sealed_to() {
    let (two, relay) = (Two::new(), new_key());
    let (own, weekly) = (two.leaves(KeyKind::OneTime), two.leaves(KeyKind::Weekly { made: TODAY }));
    assert_eq!(two.seals_to(&[own, weekly]), (Some(own.id), true));
    let substituted = SignedKey { key: hwc_schemas::key::Digits(*relay.public_key().as_bytes()), ..own };
    let forged = relay.sign(&school(), own.id, KeyKind::OneTime, relay.public_key());
    let elsewhere: Organisation = "school-02BB00".parse().unwrap();
    let of_another_school = two.signer.sign(&elsewhere, own.id, KeyKind::OneTime, relay.public_key());
    // Nor a weekly key in the place of one that is used once.
    let relabelled = SignedKey { kind: KeyKind::OneTime, ..weekly };
    for bad in [substituted, forged, of_another_school, relabelled] {
        assert_eq!(two.seals_to(&[bad, weekly]), (Some(weekly.id), true));
        assert_eq!(two.seals_to(&[bad]), (None, true), "the key in the directory is theirs");
    }
}

#[test]
fn what_is_too_old_is_passed_over_and_a_clock_of_hours_ahead_is_not() {
    let two = Two::new();
    let of = |made| two.leaves(KeyKind::Weekly { made });
    for (made, fresh) in [
        (date(2026, 11, 23), true),
        (date(2026, 9, 27), true),
        (date(2026, 9, 26), false),
        (Date::MAX, false),
    ] {
        let weekly = of(made);
        assert_eq!(two.seals_to(&[weekly]), (fresh.then_some(weekly.id), true), "{made}");
    }
}

#[test]
fn a_key_that_was_destroyed_opens_nothing_and_it_is_said_which() {
    let two = Two::new();
    let own = two.leaves(KeyKind::OneTime);
    let content = Plaintext::from_opened(b"content".to_vec().into());
    let sealed = two.municipality.seal_to_left(&binding(), &content, &[own], TODAY).unwrap();
    two.ring.destroy(own.id).unwrap();
    let why = two.school.open(&binding(), &sealed).err().unwrap();
    assert!(matches!(why, Unopened::NoKey(key) if key == own.id), "{why}");
    // Who keeps no such keys says the same.
    let without = KeysAndBook { keys: two.signer.into(), book: two.school.book.clone(), ring: None };
    assert!(matches!(without.open(&binding(), &sealed), Err(Unopened::NoKey(_))));
}

#[test]
fn whoever_has_an_unconfirmed_key_is_not_sealed_to_in_any_way() {
    let two = Two::new();
    let own = two.leaves(KeyKind::OneTime);
    let book = two.municipality.book.now();
    let mut changed = Directory::with_serial(2);
    changed.insert(binding().sender, *book.directory().key_of(&binding().sender).unwrap());
    changed.insert(school(), new_key().public_key());
    let next = hwc_vault::AddressBook::new(changed, book.known().clone()).unwrap();
    let sender = KeysAndBook { keys: new_key().into(), book: next.into(), ring: None };
    let content = Plaintext::from_opened(b"content".to_vec().into());
    let sealed = sender.seal_to_left(&binding(), &content, &[own], TODAY);
    assert!(matches!(sealed, Err(Unsealed::Receiver(KeyTrouble::Unconfirmed { .. }))));
}
