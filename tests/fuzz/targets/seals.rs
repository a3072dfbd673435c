//! Sealed envelopes: nobody can make one that opens.
#![no_main]

use std::sync::LazyLock;

use hwc_schemas::{
    letter::Hop,
    wire::{Binding, Sealed},
};
use hwc_vault::{OsChance, SealingKey, marker, open};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    static KEYS: LazyLock<Option<[SealingKey; 2]>> = LazyLock::new(|| {
        Some([SealingKey::generate(&mut OsChance).ok()?, SealingKey::generate(&mut OsChance).ok()?])
    });
    let Some([receiver, sender]) = &*KEYS else { return };
    let (Ok(incident), Ok(from), Ok(to)) =
        ("00000000000000000000000000000007".parse(), "municipality-0855".parse(), "school-01AA00".parse())
    else {
        return;
    };
    let binding = Binding { incident, number: None, hop: Hop::Letter, sender: from, receiver: to };
    let sealed = Sealed::new(bytes.to_vec());
    let _ = marker(&sealed);
    assert!(open(receiver, &sender.public_key(), &binding, &sealed).is_err(), "a forged seal opened");
});
