//! The stock of public keys, on a real broker.

use hwc_jetstream::{Fault, KeyStock, Lease, Settings};
use hwc_residue::Needles;
use hwc_schemas::{
    KeyId, Organisation,
    key::{Digits, KeyKind, SignedKey},
};
use serde_json::json;

use crate::region::{Region, api};

fn school() -> Organisation {
    "school-01AA00".parse().unwrap()
}

fn key(byte: u8) -> SignedKey {
    let id = KeyId::from_uuid(uuid::Uuid::from_bytes([byte; 16]));
    SignedKey { id, kind: KeyKind::OneTime, key: Digits([byte; 32]), signature: Digits([byte; 64]) }
}

#[tokio::test]
async fn of_all_who_take_a_key_one_gets_it_and_its_bytes_are_gone() {
    let region = Region::with(&[]).await;
    let link = region.link().await;
    let lease = region.lead(&link).await;
    let (stock, found) = KeyStock::open(lease, &Settings::development()).await.unwrap();
    assert_eq!(found, []);
    for byte in [1, 2, 2] {
        stock.put(&school(), &key(byte)).await.unwrap();
    }
    let takers: Vec<_> = (0..16).map(|_| stock.clone()).collect();
    let taken = futures::future::join_all(takers.iter().map(|stock| {
        let school = school();
        async move { stock.take(&school, key(2).id).await.unwrap() }
    }));
    assert_eq!(taken.await.into_iter().filter(|taken| *taken).count(), 1);
    assert!(!stock.take(&school(), key(2).id).await.unwrap(), "it is gone");
    let elsewhere = "school-01AA01".parse().unwrap();
    assert!(!stock.take(&elsewhere, key(1).id).await.unwrap(), "it is another school's");
    let digits = "02".repeat(64);
    let search = Needles::new([digits.into_bytes()]).unwrap();
    assert!(search.in_folder(region.folder.path()).unwrap().is_empty());
    // A later leader finds what is left.
    let (_, found) = KeyStock::open(lease, &Settings::development()).await.unwrap();
    assert_eq!(found, [(school(), key(1))]);
}

#[tokio::test]
async fn whoever_led_before_puts_no_key_in_that_the_new_leader_does_not_know() {
    let region = Region::with(&[]).await;
    let link = region.link().await;
    let before = region.lead(&link).await;
    let (old, _) = KeyStock::open(before, &Settings::development()).await.unwrap();
    old.put(&school(), &key(1)).await.unwrap();
    // The lease is somebody else's, and the one before has not noticed.
    api(&region.raw_engine().await, "STREAM.PURGE.LEAD", json!({})).await;
    let now = Lease::stand_by(&region.link().await, &Settings::development(), "other").await.unwrap();
    old.put(&school(), &key(2)).await.unwrap();
    let (new, mut found) = KeyStock::open(&now, &Settings::development()).await.unwrap();
    found.sort_unstable_by_key(|(_, key)| key.id);
    assert_eq!(found, [(school(), key(1)), (school(), key(2))], "what came before is known");
    assert!(before.holds());
    assert_eq!(old.put(&school(), &key(3)).await, Err(Fault::NotLeading));
    new.put(&school(), &key(4)).await.unwrap();
    assert!(!new.take(&school(), key(3).id).await.unwrap());
}
