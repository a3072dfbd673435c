//! The signed directory: no bytes that the operator did not sign are taken, and those that it did are read with care. And the
//! names, keys and fingerprints in it.
#![no_main]

use std::sync::LazyLock;

use hwc_fuzz::refused;
use hwc_schemas::{Organisation, SignalId};
use hwc_vault::{Directory, Fingerprint, OperatorPublicKey, PublicKey};
use libfuzzer_sys::fuzz_target;
use nkeys::KeyPair;

static OPERATOR: LazyLock<KeyPair> = LazyLock::new(KeyPair::new_operator);

fn names(text: &str) {
    if let Err(error) = text.parse::<Organisation>() {
        refused(&error);
    }
    if let Err(error) = text.parse::<SignalId>() {
        refused(&error);
    }
    if let Err(error) = text.parse::<PublicKey>() {
        refused(&error);
    }
    if let Err(error) = text.parse::<Fingerprint>() {
        refused(&error);
    }
    if let Err(error) = text.parse::<hwc_jetstream::PublicNkey>() {
        refused(&error);
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(known) = OPERATOR.public_key().parse::<OperatorPublicKey>() else { return };
    assert!(Directory::verify(bytes, &known).is_err(), "a directory was taken that nobody signed");
    let Ok(signature) = OPERATOR.sign(&[b"hwc-directory-1\n", bytes].concat()) else { return };
    let signed = [format!("hwc-directory-1 {}\n", hex::encode(signature)).as_bytes(), bytes].concat();
    match Directory::verify(&signed, &known) {
        Ok(directory) => {
            let body = directory.to_string();
            let Ok(signature) = OPERATOR.sign(format!("hwc-directory-1\n{body}").as_bytes()) else { return };
            let again = format!("hwc-directory-1 {}\n{body}", hex::encode(signature));
            let again = Directory::verify(again.as_bytes(), &known);
            assert!(again.is_ok_and(|again| again == directory), "written as something else");
        }
        Err(error) => refused(&error),
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        names(text);
    }
});
