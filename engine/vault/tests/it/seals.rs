//! What opens, and above all what does not.

use std::collections::BTreeSet;

use hpke::rand_core::{TryCryptoRng, TryRng};
use hwc_schemas::{
    IncidentId, SignalNumber,
    letter::{Hop, Letter, PlainError, Referral, Sealable},
    person::{Child, DateOfBirth},
    report::{Address, Kind, Mention, Occurred, Presence, Relation, Report},
    wire::{Binding, Sealed},
};
use hwc_vault::{
    CONTENT_BYTES_MAX, DoesNotOpen, NoChance, OpenError, OsChance, PublicKey, SealError, SealingKey, marker,
    open, open_as, seal, seal_as,
};
use jiff::civil::date;
use proptest::prelude::*;
use uuid::Uuid;

use crate::common::plain;

pub(crate) fn new_key() -> SealingKey {
    SealingKey::generate(&mut OsChance).unwrap_or_else(|e| panic!("{e}"))
}

pub(crate) fn bindings() -> [Binding; 3] {
    let incident = IncidentId::from_uuid(Uuid::from_u128(0x0192_f1c2_d3e4_4758_65a6_b7c8_d9e0_f102));
    let bound = |hop, number, sender: &str, receiver: &str| Binding {
        incident,
        number,
        hop,
        sender: sender.parse().unwrap(),
        receiver: receiver.parse().unwrap(),
    };
    let first = Some(SignalNumber::FIRST);
    [
        bound(Hop::Report, None, "police-PL2000", "veilig-thuis-MWB"),
        bound(Hop::Referral, first, "veilig-thuis-MWB", "municipality-0855"),
        bound(Hop::Letter, first, "municipality-0855", "school-01AA00"),
    ]
}

fn child(name: &str) -> Child {
    Child::new(name, None, "Voorbeeld", DateOfBirth::new(date(2016, 2, 3))).unwrap()
}

fn report() -> Report {
    let mention = Mention { child: child("Noor"), presence: Presence::Present, relation: Relation::Resident };
    Report {
        reported_at: "2026-03-02T08:15:00Z".parse().unwrap(),
        occurred: Occurred::On(date(2026, 3, 1)),
        kind: Kind::DomesticViolence,
        address: Address::new("1234AB", 7, "", "", None).unwrap(),
        mentions: vec![mention],
    }
}

fn refused(receiver: &SealingKey, sender: &PublicKey, binding: &Binding, sealed: &[u8]) -> bool {
    let opened = open(receiver, sender, binding, &Sealed::new(sealed.to_vec()));
    matches!(opened, Err(DoesNotOpen))
}

#[test]
fn every_hop_opens_as_what_was_sealed() {
    fn there_and_back<T: Sealable + PartialEq>(binding: &Binding, content: &T) {
        let (sender, receiver) = (new_key(), new_key());
        let sealed = seal_as(&sender, &receiver.public_key(), binding, content, &mut OsChance).unwrap();
        let opened = open_as::<T>(&receiver, &sender.public_key(), binding, &sealed);
        assert!(opened.is_ok_and(|opened| opened == *content));
    }
    let [to_veilig_thuis, to_municipality, to_school] = bindings();
    there_and_back(&to_veilig_thuis, &report());
    there_and_back(&to_municipality, &Referral { child: child("Noor"), sister: true });
    there_and_back(&to_school, &Letter { child: child("Noor") });
}

#[test]
fn with_any_one_field_of_the_binding_changed_it_does_not_open() {
    let (sender, receiver) = (new_key(), new_key());
    for binding in bindings() {
        let sealed =
            seal(&sender, &receiver.public_key(), &binding, &plain(b"content"), &mut OsChance).unwrap();
        let other = |change: fn(&mut Binding)| {
            let mut other = binding.clone();
            change(&mut other);
            other
        };
        let mut others = vec![
            other(|b| b.incident = IncidentId::from_uuid(Uuid::nil())),
            other(|b| b.number = SignalNumber::at(1)),
            other(|b| b.number = SignalNumber::at(256)),
            other(|b| b.number = b.number.xor(Some(SignalNumber::FIRST))),
            other(|b| std::mem::swap(&mut b.sender, &mut b.receiver)),
        ];
        for hop in [Hop::Report, Hop::Referral, Hop::Letter] {
            others.push(Binding { hop, ..binding.clone() });
        }
        for name in ["police-0855", "municipality-0856", "school-01AA00", "school-01aa00", "school-01AA0"] {
            others.push(Binding { sender: name.parse().unwrap(), ..binding.clone() });
            others.push(Binding { receiver: name.parse().unwrap(), ..binding.clone() });
        }
        others.retain(|other| *other != binding);
        assert!(others.len() > 12);
        for other in others {
            assert!(refused(&receiver, &sender.public_key(), &other, sealed.as_bytes()), "{other:?}");
        }
        assert!(!refused(&receiver, &sender.public_key(), &binding, sealed.as_bytes()));
    }
}

#[test]
fn two_childrens_payloads_that_are_swapped_do_not_open() {
    let (sender, receiver) = (new_key(), new_key());
    let first = bindings()[2].clone();
    let second = Binding { number: SignalNumber::at(1), ..first.clone() };
    let sealed = |binding, name| {
        let letter = Letter { child: child(name) };
        seal_as(&sender, &receiver.public_key(), binding, &letter, &mut OsChance).unwrap()
    };
    let (of_first, of_second) = (sealed(&first, "Noor"), sealed(&second, "Sem"));
    for (binding, swapped) in [(&first, &of_second), (&second, &of_first)] {
        let opened = open_as::<Letter>(&receiver, &sender.public_key(), binding, swapped);
        assert!(matches!(opened, Err(OpenError::DoesNotOpen(DoesNotOpen))));
    }
}

#[test]
fn with_a_wrong_key_on_either_side_it_does_not_open() {
    let (sender, receiver, stranger) = (new_key(), new_key(), new_key());
    let binding = &bindings()[1];
    let sealed = seal(&sender, &receiver.public_key(), binding, &plain(b"content"), &mut OsChance).unwrap();
    for (receiver, sender) in [
        (&receiver, stranger.public_key()),
        (&receiver, receiver.public_key()),
        (&stranger, sender.public_key()),
        (&sender, receiver.public_key()),
        (&receiver, PublicKey::from_bytes([0; 32])),
    ] {
        assert!(refused(receiver, &sender, binding, sealed.as_bytes()));
    }
}

#[test]
fn with_any_one_byte_altered_it_does_not_open() {
    let (sender, receiver) = (new_key(), new_key());
    let binding = &bindings()[2];
    let sealed = seal(&sender, &receiver.public_key(), binding, &plain(b"content"), &mut OsChance).unwrap();
    let mut bytes = sealed.into_bytes();
    for place in 0..bytes.len() {
        let bit = 1 << (place % 8);
        bytes[place] ^= bit;
        // RFC 7748 ignores the highest bit of a point, but the key schedule hashes the point as it was sent.
        assert!(refused(&receiver, &sender.public_key(), binding, &bytes), "byte {place}");
        bytes[place] ^= bit;
    }
    bytes[48] ^= 0x80;
    assert!(refused(&receiver, &sender.public_key(), binding, &bytes));
    bytes[48] ^= 0x80;
    assert!(!refused(&receiver, &sender.public_key(), binding, &bytes));
}

#[test]
fn cut_short_or_drawn_out_it_does_not_open() {
    let (sender, receiver) = (new_key(), new_key());
    let binding = &bindings()[2];
    let sealed = seal(&sender, &receiver.public_key(), binding, &plain(&[7; 3000]), &mut OsChance).unwrap();
    let bytes = sealed.as_bytes();
    for length in 0..bytes.len() {
        assert!(refused(&receiver, &sender.public_key(), binding, &bytes[..length]), "{length} bytes");
    }
    for more in [1, 16, 65, 4096, 4096 * 3, 1 << 20] {
        let longer = [bytes, &vec![0; more]].concat();
        assert!(refused(&receiver, &sender.public_key(), binding, &longer), "{more} more");
    }
}

#[test]
fn a_hop_is_sealed_and_opened_as_its_own_content_only() {
    let (sender, receiver) = (new_key(), new_key());
    let [_, to_municipality, to_school] = bindings();
    let letter = Letter { child: child("Noor") };
    let mistaken = seal_as(&sender, &receiver.public_key(), &to_municipality, &letter, &mut OsChance);
    assert_eq!(mistaken.err(), Some(SealError::Hop));
    let sealed = seal_as(&sender, &receiver.public_key(), &to_school, &letter, &mut OsChance).unwrap();
    let opened = open_as::<Referral>(&receiver, &sender.public_key(), &to_school, &sealed);
    assert!(matches!(opened, Err(OpenError::Hop)));
    // A sender that seals something else under the hop's name is told apart from one that did not seal it.
    let canary = plain(br#"{"canary":true}"#);
    let sealed = seal(&sender, &receiver.public_key(), &to_school, &canary, &mut OsChance).unwrap();
    let error = open_as::<Letter>(&receiver, &sender.public_key(), &to_school, &sealed).err().unwrap();
    assert_eq!(error, OpenError::Content(PlainError::Malformed));
    assert!(!format!("{error} {error:?}").contains("canary"));
}

#[test]
fn a_receivers_key_that_is_no_key_is_an_error_and_not_a_seal() {
    // Points of small order: everybody shares a secret with them.
    let mut one = [0; 32];
    one[0] = 1;
    for bytes in [[0; 32], one] {
        let receiver = PublicKey::from_bytes(bytes);
        let sealed = seal(&new_key(), &receiver, &bindings()[0], &plain(b"content"), &mut OsChance);
        assert_eq!(sealed.err(), Some(SealError::Receiver));
    }
}

#[test]
fn without_chance_there_is_no_seal() {
    struct RunsDry(usize);
    impl TryRng for RunsDry {
        type Error = std::fmt::Error;
        fn try_next_u32(&mut self) -> Result<u32, std::fmt::Error> {
            Err(std::fmt::Error)
        }
        fn try_next_u64(&mut self) -> Result<u64, std::fmt::Error> {
            Err(std::fmt::Error)
        }
        fn try_fill_bytes(&mut self, into: &mut [u8]) -> Result<(), std::fmt::Error> {
            into.fill(7);
            self.0 = self.0.checked_sub(into.len()).ok_or(std::fmt::Error)?;
            Ok(())
        }
    }
    impl TryCryptoRng for RunsDry {}
    let (sender, receiver) = (new_key(), new_key());
    for (bytes, fits) in [(0, false), (16, false), (47, false), (48, true)] {
        let sealed =
            seal(&sender, &receiver.public_key(), &bindings()[0], &plain(b"content"), &mut RunsDry(bytes));
        assert_eq!(sealed.err(), if fits { None } else { Some(SealError::Chance(NoChance)) });
    }
}

#[test]
fn the_same_content_twice_gives_seals_with_nothing_in_common() {
    let (sender, receiver) = (new_key(), new_key());
    let again = || {
        let content = plain(&vec![7; CONTENT_BYTES_MAX]);
        seal(&sender, &receiver.public_key(), &bindings()[0], &content, &mut OsChance).unwrap()
    };
    let (first, second) = (again(), again());
    assert_ne!(marker(&first), marker(&second));
    let blocks =
        |sealed: &Sealed| sealed.as_bytes()[1..].chunks(16).map(<[u8]>::to_vec).collect::<BTreeSet<_>>();
    assert!(blocks(&first).is_disjoint(&blocks(&second)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn content_of_any_length_comes_back_and_keeps_its_marker(content in prop::collection::vec(any::<u8>(), 0..9000)) {
        let (sender, receiver) = (new_key(), new_key());
        let binding = &bindings()[0];
        let sealed =
            seal(&sender, &receiver.public_key(), binding, &plain(&content), &mut OsChance).unwrap();
        prop_assert!(marker(&sealed).is_some_and(|marker| marker == sealed.as_bytes()[1..17]));
        // Where those read it who can open nothing.
        prop_assert_eq!(hwc_schemas::Marker::of(&sealed).map(|marker| *marker.as_bytes()), marker(&sealed));
        let opened = open(&receiver, &sender.public_key(), binding, &sealed);
        prop_assert!(opened.is_ok_and(|opened| opened.as_bytes() == content));
    }

    #[test]
    fn no_bytes_whatever_open_or_panic(
        mut bytes in prop::collection::vec(any::<u8>(), 0..200),
        like_a_seal in any::<bool>(),
        bucket in prop::sample::select(vec![2048_usize, 4096, 131_072]),
    ) {
        if like_a_seal {
            bytes.resize(bucket + 65, 0x5A);
            bytes[0] = 1;
        }
        let sealed = Sealed::new(bytes.clone());
        prop_assert_eq!(marker(&sealed).is_some(), like_a_seal);
        prop_assert!(refused(&new_key(), &new_key().public_key(), &bindings()[2], &bytes));
    }
}
