//! Sizes hide the content.

use std::collections::BTreeSet;

use hwc_schemas::{
    letter::{Letter, Referral, Sealable},
    person::{Child, DateOfBirth},
    report::{Address, Kind, Mention, Occurred, Presence, Relation, Report},
    wire::limits::SEALED_BYTES_MAX,
};
use hwc_vault::{CONTENT_BYTES_MAX, OsChance, SealError, seal};
use jiff::civil::date;

use crate::{
    common::plain,
    seals::{bindings, new_key},
};

/// What a seal has around its bucket: version, marker, encapsulated key, tag.
const AROUND: usize = 65;

fn sealed_size(content: &[u8]) -> usize {
    let (sender, receiver) = (new_key(), new_key());
    let sealed = seal(&sender, &receiver.public_key(), &bindings()[0], &plain(content), &mut OsChance);
    sealed.unwrap().as_bytes().len()
}

/// The child with the longest names there can be, in letters of four bytes.
fn longest() -> Child {
    let name = "𐐀".repeat(Child::NAME_CHARS_MAX);
    let prefix = "𐐀".repeat(Child::PREFIX_CHARS_MAX);
    Child::new(&name, Some(&prefix), &name, DateOfBirth::new(date(2016, 2, 3))).unwrap()
}

fn shortest() -> Child {
    Child::new("", None, "A", DateOfBirth::new(date(2016, 2, 3))).unwrap()
}

#[test]
fn every_letter_and_every_referral_has_the_same_size() {
    let mut sizes = BTreeSet::new();
    for child in [longest(), shortest()] {
        sizes.insert(sealed_size(Letter { child: child.clone() }.to_plaintext().as_bytes()));
        sizes.insert(sealed_size(Referral { child, sister: false }.to_plaintext().as_bytes()));
    }
    assert_eq!(sizes, BTreeSet::from([2048 + AROUND]));
}

#[test]
fn there_are_seven_sizes_and_no_more() {
    let edges = [2048, 4096, 8192, 16_384, 32_768, 65_536, 131_072];
    for (edge, before) in edges.into_iter().zip([0, 2048, 4096, 8192, 16_384, 32_768, 65_536_usize]) {
        let least = before.saturating_sub(3);
        for length in [least, least + 1, edge - 5, edge - 4] {
            assert_eq!(sealed_size(&vec![7; length]), edge + AROUND);
        }
    }
    assert!(sealed_size(&vec![7; CONTENT_BYTES_MAX]) <= SEALED_BYTES_MAX);
}

#[test]
fn more_than_the_largest_is_refused_and_its_size_not_told() {
    let (sender, receiver) = (new_key(), new_key());
    let content = plain(&vec![7; CONTENT_BYTES_MAX + 1]);
    let error = seal(&sender, &receiver.public_key(), &bindings()[0], &content, &mut OsChance).err();
    assert_eq!(error, Some(SealError::TooLarge));
    assert_eq!(SealError::TooLarge.to_string(), "the content is too large to seal: at most 131068 bytes");
}

#[test]
fn the_largest_report_there_can_be_is_sealed() {
    let mention = Mention { child: longest(), presence: Presence::Present, relation: Relation::Resident };
    let long = |letters| "𐐀".repeat(letters);
    let report = Report {
        reported_at: "2026-03-02T08:15:00.123456789Z".parse().unwrap(),
        occurred: Occurred::At("2026-03-01T21:40:00.123456789Z".parse().unwrap()),
        kind: Kind::DomesticViolence,
        address: Address::new("1234AB", 99_999, &long(8), &long(16), None).unwrap(),
        mentions: vec![mention; Report::MENTIONS_MAX],
    };
    assert_eq!(sealed_size(report.to_plaintext().as_bytes()), 131_072 + AROUND);
}
