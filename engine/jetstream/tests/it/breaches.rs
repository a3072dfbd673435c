//! Breach records: each is kept once, and comes until the project leader was told.

use std::time::Duration;

use hwc_jetstream::{BreachRecord, BreachRecordKind, Breaches, Link, Settings, Untold};
use hwc_schemas::{
    BreachReportId, Organisation, Role, SignalNumber,
    breach::{Reported, WhatHappened},
    outcome::Recalled,
};
use uuid::Uuid;

use crate::region::Region;

async fn open(link: &Link) -> Breaches {
    Breaches::open(link, &Settings::development()).await.unwrap()
}

fn record(kind: BreachRecordKind, opened: Option<bool>) -> BreachRecord {
    BreachRecord { day: "2026-11-18".parse().unwrap(), kind, opened }
}

async fn the_next(breaches: &Breaches) -> Untold {
    loop {
        if let Some(untold) = breaches.untold().await.unwrap() {
            return untold;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_record_is_kept_once_and_comes_again_until_it_was_told() {
    let region = Region::with(&[]).await;
    let breaches = open(&region.link().await).await;
    assert!(breaches.untold().await.unwrap().is_none());
    let recalled = record(BreachRecordKind::Recalled(Recalled::WrongSchool), Some(true));
    let of = ("7".repeat(32).parse().unwrap(), SignalNumber::FIRST, "2026-11-18T09:00:00Z".parse().unwrap());
    breaches.keep(of, &recalled).await.unwrap();
    breaches.keep(of, &recalled).await.unwrap();
    assert_eq!(breaches.untold_count().await.unwrap(), 1);

    let untold = the_next(&breaches).await;
    assert_eq!((untold.record, untold.tries), (recalled, 1));
    assert!(breaches.untold().await.unwrap().is_none(), "it is in hand");
    assert_eq!(breaches.untold_count().await.unwrap(), 1, "in hand is not told");
    untold.put_back(Duration::from_millis(200)).await.unwrap();

    // Another engine goes on where this one was.
    let other = open(&region.link().await).await;
    let untold = the_next(&other).await;
    assert_eq!((untold.record, untold.tries), (recalled, 2));
    untold.told().await.unwrap();
    assert_eq!(other.untold_count().await.unwrap(), 0);
    assert!(other.untold().await.unwrap().is_none());
}

#[tokio::test]
async fn a_report_is_kept_once_for_each_who_reports_and_what_is_kept_holds_no_id_and_no_organisation() {
    let region = Region::with(&[]).await;
    let breaches = open(&region.link().await).await;
    let kind = BreachRecordKind::Reported(Reported { what: WhatHappened::Spread, by: Role::School });
    let (kept, id) = (record(kind, None), BreachReportId::from_uuid(Uuid::new_v4()));
    let organisation = |name: &str| name.parse::<Organisation>().unwrap();
    let (one, other) = (organisation("school-01CANARY"), organisation("school-02BB00"));
    assert!(!breaches.keep_reported((&one, id), &kept).await.unwrap());
    assert!(breaches.keep_reported((&one, id), &kept).await.unwrap(), "the same again is so already");
    assert!(!breaches.keep_reported((&other, id), &kept).await.unwrap(), "an id is its reporter's own");
    assert_eq!(breaches.untold_count().await.unwrap(), 2);
    assert!(region.has_on_disk(b"\"spread\""));
    for never in [id.to_string(), one.to_string(), "01CANARY".to_owned()] {
        assert!(!region.has_on_disk(never.as_bytes()), "{never}");
    }
}
