//! Certificates and NKEYs: which says what.

use std::fs;

use hwc_jetstream::{DoorError, LinkError};
use hwc_operator::keys;
use hwc_schemas::wire::Answer;

use crate::region::{A, B, ENGINE, Region, command, operator};

#[tokio::test]
async fn a_certificate_says_that_one_may_talk_and_the_nkey_says_who_one_is() {
    let region = Region::with(&[ENGINE, A, B]).await;
    let mut told = region.answering().await;
    // B's NKEY under A's certificate: nats-server cannot bind the two, so the broker takes it for B, and never for A.
    let mixed = region.handed_over(B);
    for file in [keys::TLS_CERTIFICATE, keys::TLS_KEY] {
        fs::copy(region.handed_over(A).join(file), mixed.join(file)).unwrap();
    }
    let door = region.door(B, &mixed).await.unwrap();
    assert_eq!(door.submit(&command()).await, Ok(Answer::Recorded));
    assert_eq!(told.recv().await.unwrap(), B);
    let as_a =
        region.door(A, &mixed).await.unwrap().with_answer_within(std::time::Duration::from_millis(500));
    assert_eq!(as_a.submit(&command()).await, Err(DoorError::Unknown));
    assert_eq!(told.recv().await.unwrap(), B);
}

#[tokio::test]
async fn members_of_another_region_are_strangers_on_both_sides() {
    let region = Region::with(&[ENGINE, A]).await;
    let other = Region::with(&[ENGINE, A]).await;
    let theirs = other.handed_over(A);
    let refused = region.door(A, &theirs).await.unwrap_err();
    assert!(matches!(refused, DoorError::Link(LinkError::NotTheBroker(_))), "{refused}");
    fs::copy(region.handed_over(A).join(keys::AUTHORITY), theirs.join(keys::AUTHORITY)).unwrap();
    assert_eq!(region.door(A, &theirs).await.unwrap_err(), DoorError::Link(LinkError::CertificateRefused));
}

#[tokio::test]
async fn before_anybody_was_added_no_certificate_is_let_in() {
    let folder = tempfile::tempdir().unwrap();
    let operator = operator(folder.path()).await;
    let text = operator.accounts();
    assert!(text.contains(&format!("pinned_certs: [\n    \"{}\"", "0".repeat(64))), "{text}");
    assert!(text.contains("verify: true") && text.contains("min_version: \"1.3\""), "{text}");
}
