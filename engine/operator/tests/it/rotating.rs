//! New keys for somebody who takes part.

use hwc_jetstream::{DoorError, LinkError};
use hwc_operator::{Credentials, Reloaded};
use hwc_schemas::wire::Answer;
use hwc_vault::{AddressBook, Directory, KeyTrouble, SealingKeys};

use crate::region::{A, B, ENGINE, PATIENCE, Region, command, member, now, organisation};

fn directory(region: &Region) -> Directory {
    Directory::load(&region.operator.directory_file(), &region.operator.public_key()).unwrap()
}

#[tokio::test]
async fn a_rotation_puts_the_old_credential_out_and_keeps_the_old_key_for_what_is_in_flight() {
    let mut region = Region::with(&[ENGINE, A]).await;
    let mut told = region.answering().await;
    let (old, asked) = region.ask(B, "old", None);
    let turn = region.operator.add(&member(B), asked, now()).await.unwrap();
    Region::fetch(&turn, &old);
    let before = region.door(B, &old).await.unwrap();
    assert_eq!(before.submit(&command()).await, Ok(Answer::Recorded));
    let seen = AddressBook::from(directory(&region));
    let old_key = *seen.key_to_seal_to(&organisation(B)).unwrap();

    let (new, asked) = region.ask(B, "new", Some(&old));
    let turn = region.operator.rotate(&member(B), asked, false, now()).await.unwrap();
    assert_eq!(turn.reloaded, Reloaded::Yes);
    Region::fetch(&turn, &new);

    let mut health = before.health();
    let out = health.wait_for(|health| !health.connected);
    tokio::time::timeout(PATIENCE, out).await.unwrap().unwrap();
    let refused = region.door(B, &old).await.unwrap_err();
    assert_eq!(refused, DoorError::Link(LinkError::CertificateRefused));
    let after = region.door(B, &new).await.unwrap();
    assert_eq!(after.submit(&command()).await, Ok(Answer::Recorded));
    assert_eq!([told.recv().await.unwrap(), told.recv().await.unwrap()], [B, B]);

    // Whoever knew the old key opens with it what is in flight, and believes the new one when it is confirmed.
    let mut book = AddressBook::new(directory(&region), seen.known().clone()).unwrap();
    assert_eq!(book.keys_to_open_from(&organisation(B)), Ok(vec![old_key]));
    assert!(matches!(book.key_to_seal_to(&organisation(B)), Err(KeyTrouble::Unconfirmed { .. })));
    let own = SealingKeys::load(&new).unwrap();
    assert_eq!(own.all().count(), 2, "the old private key was not taken along");
    book.confirm(&organisation(B), own.present().public_key().fingerprint()).unwrap();
    assert_eq!(book.key_to_seal_to(&organisation(B)), Ok(&own.present().public_key()));
}

#[tokio::test]
async fn a_stolen_key_opens_nothing_from_the_moment_it_is_replaced() {
    let mut region = Region::with(&[A]).await;
    let seen = AddressBook::from(directory(&region));
    region.operator.rotate(&member(A), Credentials::MadeHere, true, now()).await.unwrap();
    let book = AddressBook::new(directory(&region), seen.known().clone()).unwrap();
    assert!(matches!(book.keys_to_open_from(&organisation(A)), Err(KeyTrouble::Unconfirmed { .. })));
}

#[tokio::test]
async fn earlier_keys_go_when_nothing_can_be_in_flight_for_them_any_more() {
    let mut region = Region::with(&[A]).await;
    for _ in 0..5 {
        region.operator.rotate(&member(A), Credentials::MadeHere, false, now()).await.unwrap();
    }
    let before = directory(&region);
    assert_eq!(before.listed(&organisation(A)).unwrap().earlier.len(), Directory::EARLIER_MAX);
    region.operator.apply(None, now()).await.unwrap();
    assert_eq!(directory(&region), before, "applying what is applied changed something");
    let later = now().checked_add(jiff::SignedDuration::from_hours(24 * 40)).unwrap();
    region.operator.apply(None, later).await.unwrap();
    let after = directory(&region);
    assert_eq!(after.listed(&organisation(A)).unwrap().earlier, []);
    assert_eq!(after.serial(), before.serial() + 1);
    let own = SealingKeys::load(&region.handed_over(A)).unwrap();
    assert_eq!(own.all().count(), 1 + SealingKeys::EARLIER_MAX);
}

#[tokio::test]
async fn the_broker_gets_a_new_certificate_without_a_restart() {
    let mut region = Region::with(&[ENGINE, A]).await;
    let before = region.door(A, &region.handed_over(A)).await.unwrap();
    let names = vec!["127.0.0.1".to_owned(), "broker.example".to_owned()];
    let turn = region.operator.renew_broker(Some(names), now()).await.unwrap();
    assert_eq!(turn.reloaded, Reloaded::Yes);
    region.door(A, &region.handed_over(A)).await.unwrap();
    assert_eq!(before.health().borrow().connections, 1);
    assert_eq!(region.operator.show().broker_names.len(), 2);
    region.operator.renew_broker(Some(vec!["broker.example".to_owned()]), now()).await.unwrap();
    let refused = region.door(A, &region.handed_over(A)).await.unwrap_err();
    assert!(matches!(refused, DoorError::Link(LinkError::NotTheBroker(_))), "{refused}");
}
