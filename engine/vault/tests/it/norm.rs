//! `SEAL.md`, its worked example, and seals that another implementation made.

use hwc_schemas::wire::Sealed;
use hwc_vault::{PublicKey, marker, open, seal};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::common::{Bound, Example, Example2, Scripted, bytes, key_of, plain};

#[derive(Deserialize)]
struct ForeignMade {
    sender_public: PublicKey,
    receiver_secret: String,
    seals: Vec<ForeignSeal>,
}

#[derive(Deserialize)]
struct ForeignSeal {
    binding: Bound,
    content: String,
    seal: String,
}

#[test]
fn seals_that_another_implementation_made_open_on_every_hop() {
    let made: ForeignMade = serde_json::from_str(include_str!("../fixtures/foreign-made.json")).unwrap();
    let receiver = key_of(&made.receiver_secret);
    assert_eq!(made.seals.len(), 3);
    for one in made.seals {
        let sealed = Sealed::new(bytes(&one.seal));
        let opened = open(&receiver, &made.sender_public, &one.binding.binding(), &sealed);
        assert!(opened.is_ok_and(|opened| opened.as_bytes() == bytes(&one.content)));
    }
}

#[test]
fn the_worked_example_is_made_to_the_bit_and_opens() {
    let example = Example::read();
    let (sender, receiver) = (key_of(&example.sender_secret), key_of(&example.receiver_secret));
    assert_eq!(sender.public_key().to_string(), example.sender_public);
    assert_eq!(receiver.public_key().to_string(), example.receiver_public);
    let content = bytes(&example.content);
    let binding = example.binding.binding();
    let mut chance = Scripted(bytes(&format!("{}{}", example.marker, example.ikm)));
    let sealed = seal(&sender, &receiver.public_key(), &binding, &plain(&content), &mut chance).unwrap();
    assert_eq!(hex::encode(sealed.as_bytes()), example.seal);
    assert_eq!(marker(&sealed).map(hex::encode), Some(example.marker));
    let opened = open(&receiver, &sender.public_key(), &binding, &sealed);
    assert!(opened.is_ok_and(|opened| opened.as_bytes() == content));
}

#[test]
fn the_page_says_what_the_worked_example_holds() {
    let page = include_str!("../../SEAL.md");
    let (text, block) = page.split_once("## Worked example").unwrap();
    let (block, second) = block.split_once("The same content in version 2").unwrap();
    let example = Example::read();
    let seal = bytes(&example.seal);
    let facts = [
        &example.sender_secret,
        &example.sender_public,
        &example.receiver_secret,
        &example.receiver_public,
        &example.ikm,
        &example.ephemeral_secret,
        &example.marker,
        &String::from_utf8(bytes(&example.content)).unwrap(),
        &hex::encode(&seal[17..49]),
        &hex::encode(&seal[49..81]),
        &hex::encode(&seal[seal.len() - 16..]),
        &format!("{} bytes, SHA-256 {}", seal.len(), hex::encode(Sha256::digest(&seal))),
    ];
    for fact in facts {
        assert!(block.contains(fact.as_str()), "not on the page: {fact}");
    }
    // The associated data is on the page field by field: length, space, bytes.
    let written = block.split_once("aad").unwrap().1.split_once("padded").unwrap().0;
    let digits: String = written.split_whitespace().collect();
    assert_eq!(digits, example.associated_data);
    assert!(text.contains("`hwc-seal-1`") && text.contains("`hwc-seal-2`") && text.contains("`hwc-key-1`"));
    assert!(page.lines().count() < 170, "no longer two pages");

    let example = Example2::read();
    let seal = bytes(&example.seal);
    let id = example.key_id.to_string();
    let (first, last) = example.signature.split_at(64);
    let facts = [
        id.as_str(),
        &example.key_secret,
        &example.key_public,
        first,
        last,
        &example.ikm,
        &example.marker,
        &hex::encode(&seal[33..65]),
        &hex::encode(&seal[65..97]),
        &hex::encode(&seal[seal.len() - 16..]),
        &format!("{} bytes, SHA-256 {}", seal.len(), hex::encode(Sha256::digest(&seal))),
    ];
    for fact in facts {
        assert!(second.contains(fact), "not on the page: {fact}");
    }
    let written = second.split_once("signed ").unwrap().1.split_once("signature").unwrap().0;
    let digits: String = written.split_whitespace().collect();
    let fields = [
        b"hwc-key-1".as_slice(),
        b"school-01AA00",
        b"one_time",
        b"",
        &bytes(&id),
        &bytes(&example.key_public),
    ];
    let signed = fields.map(|field| format!("{:04x}{}", field.len(), hex::encode(field))).concat();
    assert_eq!(digits, signed);
}
