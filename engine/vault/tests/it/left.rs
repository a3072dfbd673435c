//! Version 2: what is sealed to a key that the receiver left.

use hwc_schemas::{
    KeyId, Organisation,
    key::{KeyKind, SignedKey},
    wire::Sealed,
};
use hwc_vault::{
    BelievedKey, DoesNotOpen, OsChance, SealingKey, marker, open, seal, seal_to_left, sealed_to,
};
use uuid::Uuid;

use crate::{
    common::{Example, Example2, Scripted, bytes, key_of, plain},
    seals::{bindings, new_key},
};

fn believed(owner: &SealingKey, key: &SealingKey) -> BelievedKey {
    let (to, id) = (&bindings()[2].receiver, KeyId::from_uuid(Uuid::new_v4()));
    let signed = owner.sign(to, id, KeyKind::OneTime, key.public_key());
    BelievedKey::of(&signed, to, &[owner.public_key()]).unwrap()
}

#[test]
fn the_worked_example_of_version_2_is_made_to_the_bit_and_opens() {
    let (one, two) = (Example::read(), Example2::read());
    let (sender, receiver) = (key_of(&one.sender_secret), key_of(&one.receiver_secret));
    let school: Organisation = "school-01AA00".parse().unwrap();
    let key = key_of(&two.key_secret);
    assert_eq!(receiver.sign(&school, two.key_id, KeyKind::OneTime, key.public_key()), two.signed());
    let signers = [receiver.public_key()];
    assert!(BelievedKey::of(&two.weekly, &school, &signers).is_ok());
    let believed = BelievedKey::of(&two.signed(), &school, &signers).unwrap();
    let (binding, content) = (one.binding.binding(), bytes(&one.content));
    let mut chance = Scripted(bytes(&format!("{}{}", two.marker, two.ikm)));
    let sealed = seal_to_left(&sender, &believed, &binding, &plain(&content), &mut chance).unwrap();
    assert_eq!(hex::encode(sealed.as_bytes()), two.seal);
    assert_eq!(
        (marker(&sealed).map(hex::encode), sealed_to(&sealed)),
        (Some(two.marker), Some(Some(two.key_id)))
    );
    let opened = open(&key, &sender.public_key(), &binding, &sealed);
    assert!(opened.is_ok_and(|opened| opened.as_bytes() == content));
}

#[test]
fn it_opens_for_the_key_that_it_was_sealed_to_and_not_for_its_owners_long_term_key() {
    let (sender, owner, key) = (new_key(), new_key(), new_key());
    let binding = &bindings()[2];
    let sealed =
        seal_to_left(&sender, &believed(&owner, &key), binding, &plain(b"content"), &mut OsChance).unwrap();
    assert!(open(&key, &sender.public_key(), binding, &sealed).is_ok());
    for other in [&owner, &sender, &new_key()] {
        assert_eq!(open(other, &sender.public_key(), binding, &sealed).err(), Some(DoesNotOpen));
    }
    assert_eq!(open(&key, &owner.public_key(), binding, &sealed).err(), Some(DoesNotOpen));
}

#[test]
fn with_any_one_byte_of_its_head_altered_it_does_not_open() {
    let (sender, key) = (new_key(), new_key());
    let binding = &bindings()[2];
    let sealed =
        seal_to_left(&sender, &believed(&new_key(), &key), binding, &plain(b"content"), &mut OsChance)
            .unwrap();
    assert_eq!(sealed.as_bytes().len(), 2048 + 81);
    for place in (0..90).chain(2048 + 80..2048 + 81) {
        for bit in [1, 2, 0x80] {
            let mut bytes = sealed.as_bytes().to_vec();
            bytes[place] ^= bit;
            let altered = Sealed::new(bytes);
            assert_eq!(
                open(&key, &sender.public_key(), binding, &altered).err(),
                Some(DoesNotOpen),
                "{place}"
            );
        }
    }
}

#[test]
fn neither_version_can_be_passed_off_as_the_other() {
    let (sender, key) = (new_key(), new_key());
    let binding = &bindings()[2];
    let first = seal(&sender, &key.public_key(), binding, &plain(b"content"), &mut OsChance).unwrap();
    assert_eq!(sealed_to(&first), Some(None));
    let second =
        seal_to_left(&sender, &believed(&new_key(), &key), binding, &plain(b"content"), &mut OsChance)
            .unwrap();
    let mut longer = first.as_bytes().to_vec();
    longer.splice(17..17, [0; 16]);
    longer[0] = 2;
    let mut shorter = second.as_bytes().to_vec();
    shorter.drain(17..33);
    shorter[0] = 1;
    for passed_off in [longer, shorter] {
        let sealed = Sealed::new(passed_off);
        assert!(marker(&sealed).is_some(), "it has the shape");
        assert_eq!(open(&key, &sender.public_key(), binding, &sealed).err(), Some(DoesNotOpen));
    }
    assert_eq!(sealed_to(&Sealed::new(vec![2; 100])), None);
    assert_eq!(sealed_to(&Sealed::new(vec![3; 2048 + 81])), None);
}

#[test]
fn a_key_in_the_place_of_another_is_not_believed_whoever_signed_it() {
    let (owner, relay) = (new_key(), new_key());
    let school = &bindings()[2].receiver;
    let id = KeyId::from_uuid(Uuid::new_v4());
    let own = owner.sign(school, id, KeyKind::OneTime, new_key().public_key());
    let substituted = SignedKey { key: hwc_schemas::key::Digits(*relay.public_key().as_bytes()), ..own };
    let forged = relay.sign(school, id, KeyKind::OneTime, relay.public_key());
    for bad in [substituted, forged] {
        let refused = BelievedKey::of(&bad, school, &[owner.public_key()]).unwrap_err();
        assert!(refused.to_string().contains("school-01AA00 did not sign"), "{refused}");
    }
}
