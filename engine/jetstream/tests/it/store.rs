//! The sealed store: what is stored is there, what is erased is nowhere.

use std::{collections::HashSet, time::Duration};

use hwc_jetstream::{
    Fault, GENERATION_PAYLOADS_MAX, JetStreamJournal, Link, SealedStore, Settings, Shares, StoreError,
};
use hwc_journal::{Append, Commit, Journal as _, Location, Markers, Position};
use hwc_schemas::{IncidentId, Marker, PayloadId, wire::Sealed};
use serde_json::json;
use uuid::Uuid;

use crate::{
    proxy::Proxy,
    region::{Region, api, eventually},
};

const LONG: Duration = Duration::from_hours(1);

/// A payload that is found again in a file.
fn canary(number: u32) -> (PayloadId, Sealed) {
    let bytes = format!("canary-{number:08}-").repeat(64).into_bytes();
    (PayloadId::from_uuid(Uuid::new_v4()), Sealed::new(bytes))
}

fn mark(number: u32) -> Vec<u8> {
    format!("canary-{number:08}-").into_bytes()
}

async fn store(region: &Region) -> SealedStore {
    SealedStore::open(&region.link().await, &Settings::development())
}

async fn put(store: &SealedStore, numbers: std::ops::Range<u32>) -> Vec<(PayloadId, Location)> {
    store.store(numbers.map(canary).collect(), LONG).await.unwrap()
}

/// Where they lie, as whoever has not seen them names it.
fn places(stored: &[(PayloadId, Location)]) -> Vec<(PayloadId, Location)> {
    stored.iter().map(|(id, at)| (*id, at.of(None))).collect()
}

async fn generations(region: &Region) -> usize {
    let names = api(&region.raw_engine().await, "STREAM.NAMES", json!({})).await;
    names["streams"].as_array().map_or(0, Vec::len)
}

#[tokio::test]
async fn what_is_stored_is_fetched_whole_until_it_is_erased() {
    let region = Region::with(&[]).await;
    let store = store(&region).await;
    let (id, sealed) = canary(1);
    let stored = store.store(vec![(id, sealed.clone()), canary(2)], LONG).await.unwrap();
    assert_eq!(stored[0].0, id);
    let at = stored[0].1;
    assert_eq!(at.marker, Marker::of(&sealed));
    assert_eq!(store.fetch(id, at).await.unwrap(), Some(sealed));
    store.erase(id, at).await.unwrap();
    assert_eq!(store.fetch(id, at).await.unwrap(), None);
    store.erase(id, at).await.unwrap();
    let (other, there) = stored[1];
    assert!(store.fetch(other, there).await.unwrap().is_some());
}

#[tokio::test]
async fn nothing_of_an_erased_ciphertext_is_left_on_the_disk_where_others_live_on() {
    let region = Region::with(&[]).await;
    let store = store(&region).await;
    let stored = put(&store, 0..40).await;
    assert!(region.has_on_disk(&mark(7)));
    store.erase_all(&[stored[7], stored[20]]).await.unwrap();
    assert!(!region.has_on_disk(&mark(7)) && !region.has_on_disk(&mark(20)));
    assert!(region.has_on_disk(&mark(8)));
    assert_eq!(generations(&region).await, 1);
}

#[tokio::test]
async fn nothing_of_a_dropped_generation_is_left_on_the_disk() {
    let region = Region::with(&[]).await;
    let store = store(&region).await;
    let stored = put(&store, 0..3).await;
    assert!(region.has_on_disk(&mark(0)));
    for (id, at) in stored {
        store.erase(id, at).await.unwrap();
    }
    // The server removes the files when it has answered.
    eventually("it is gone", || async { !(0..3).any(|number| region.has_on_disk(&mark(number))) }).await;
    assert_eq!(generations(&region).await, 0);

    let again = put(&store, 5..6).await;
    assert!(store.fetch(again[0].0, again[0].1).await.unwrap().is_some(), "no new generation was opened");
}

#[tokio::test]
async fn a_whole_generation_erased_at_once_is_dropped() {
    let region = Region::with(&[]).await;
    let store = store(&region).await;
    let stored = put(&store, 0..100).await;
    store.erase_all(&stored).await.unwrap();
    assert_eq!(generations(&region).await, 0);
}

#[tokio::test]
async fn a_late_erase_of_an_old_location_hits_nobody_elses_payload() {
    let region = Region::with(&[]).await;
    let store = store(&region).await;
    let stored = put(&store, 0..3).await;
    let (old, _) = canary(9);
    let (alive, at) = stored[1];
    store.erase(old, at).await.unwrap();
    assert!(store.fetch(alive, at).await.unwrap().is_some());
    assert_eq!(store.fetch(old, at).await.unwrap(), None);

    store.erase_all(&stored).await.unwrap();
    let next = put(&store, 10..13).await;
    store.erase_all(&stored).await.unwrap();
    for (id, at) in next {
        assert!(store.fetch(id, at).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn erasing_twice_never_takes_a_living_neighbour_along() {
    let region = Region::with(&[]).await;
    let store = store(&region).await;
    let stored = put(&store, 0..2).await;
    for _ in 0..3 {
        store.erase(stored[0].0, stored[0].1).await.unwrap();
    }
    assert!(store.fetch(stored[1].0, stored[1].1).await.unwrap().is_some());
}

#[tokio::test]
async fn a_generation_takes_so_many_and_no_more() {
    let region = Region::with(&[]).await;
    let store = store(&region).await;
    let most = u32::try_from(GENERATION_PAYLOADS_MAX).unwrap();
    let stored = put(&store, 0..2 * most + 1).await;
    let used: HashSet<_> = stored.iter().map(|(_, at)| at.generation).collect();
    assert_eq!((stored.len(), used.len()), (2 * GENERATION_PAYLOADS_MAX + 1, 3));
    assert_eq!(store.holdings().await.unwrap().len(), stored.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_who_store_and_erase_at_once_lose_nothing_and_leave_nothing() {
    let region = Region::with(&[]).await;
    let store = store(&region).await;
    let working: Vec<_> = (0..8_u32)
        .map(|worker| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut kept = Vec::new();
                for round in 0..25 {
                    let stored = put(&store, worker * 1000 + 3 * round..worker * 1000 + 3 * round + 3).await;
                    store.erase_all(&stored[..2]).await.unwrap();
                    kept.push(stored[2]);
                }
                kept
            })
        })
        .collect();
    let mut kept = Vec::new();
    for one in working {
        kept.extend(one.await.unwrap());
    }
    for (id, at) in &kept {
        assert!(store.fetch(*id, *at).await.unwrap().is_some());
    }
    assert_eq!(store.holdings().await.unwrap().len(), kept.len());
    store.erase_all(&kept).await.unwrap();
    assert_eq!(store.holdings().await.unwrap(), []);
    assert_eq!(generations(&region).await, 0);
}

#[tokio::test]
async fn the_broker_alone_keeps_the_ceiling() {
    let region = Region::with(&[]).await;
    let store = store(&region).await;
    let short = store.store(vec![canary(1)], Duration::from_millis(1)).await.unwrap();
    let long = put(&store, 2..3).await;
    eventually("its time is over", || async { store.fetch(short[0].0, short[0].1).await.unwrap().is_none() })
        .await;
    assert!(store.fetch(long[0].0, long[0].1).await.unwrap().is_some());
    store.erase(short[0].0, short[0].1).await.unwrap();
    assert!(store.fetch(long[0].0, long[0].1).await.unwrap().is_some());
}

#[tokio::test]
async fn with_every_program_of_ours_stopped_the_broker_drops_at_the_ceiling_what_it_held() {
    let region = Region::with(&[]).await;
    let stored = {
        // Nobody of ours is there afterwards: no store, no connection.
        let store = store(&region).await;
        let short = store.store((0..3).map(canary).collect(), Duration::from_secs(1)).await.unwrap();
        assert!((0..3).all(|number| region.has_on_disk(&mark(number))));
        short
    };
    // Asked of the files alone. A generation in which everything is over has no block any more.
    eventually("nothing of it is on the disk", || async {
        !(0..3).any(|number| region.has_on_disk(&mark(number)))
    })
    .await;
    assert_eq!(store(&region).await.fetch(stored[0].0, stored[0].1).await.unwrap(), None);
}

#[tokio::test]
async fn with_everything_off_the_next_start_serves_nothing_that_is_older_than_the_ceiling() {
    let mut region = Region::with(&[]).await;
    let first = store(&region).await;
    let short = first.store(vec![canary(1)], Duration::from_secs(2)).await.unwrap();
    let long = put(&first, 2..3).await;
    assert!(first.fetch(short[0].0, short[0].1).await.unwrap().is_some());
    region.broker.halt().await.unwrap();
    assert!(region.has_on_disk(&mark(1)), "it went before everything was off");
    tokio::time::sleep(Duration::from_secs(3)).await;
    region.broker.restart().await.unwrap();
    // The very first question.
    let next = store(&region).await;
    assert_eq!(next.fetch(short[0].0, short[0].1).await.unwrap(), None);
    assert!(next.fetch(long[0].0, long[0].1).await.unwrap().is_some());
    let long = places(&long);
    eventually("the broker has looked too", || async { next.holdings().await.unwrap() == long }).await;
}

#[tokio::test]
async fn nothing_is_kept_longer_than_the_ceiling_whatever_was_asked() {
    let region = Region::with(&[]).await;
    let settings = Settings { payloads_for: Duration::from_secs(1), ..Settings::development() };
    let store = SealedStore::open(&region.link().await, &settings);
    let stored = put(&store, 1..2).await;
    eventually("the ceiling came", || async {
        store.fetch(stored[0].0, stored[0].1).await.unwrap().is_none()
    })
    .await;
}

#[tokio::test]
async fn after_a_restart_another_process_fetches_erases_and_drops_what_the_first_one_stored() {
    let mut region = Region::with(&[]).await;
    let stored = put(&store(&region).await, 0..3).await;
    region.broker.restart().await.unwrap();
    let second = store(&region).await;
    assert_eq!(second.holdings().await.unwrap().len(), 3);
    let (id, at) = stored[0];
    assert!(second.fetch(id, at).await.unwrap().is_some());
    second.erase(id, at).await.unwrap();
    assert!(!region.has_on_disk(&mark(0)) && region.has_on_disk(&mark(1)));
    let new = put(&second, 10..11).await;
    assert_ne!(new[0].1.generation, at.generation, "an old generation was filled further");
    second.erase_all(&stored).await.unwrap();
    assert_eq!(generations(&region).await, 1);
}

#[tokio::test]
async fn a_process_that_thinks_it_still_leads_loses_nothing_to_another_that_drops() {
    let region = Region::with(&[]).await;
    let (old, new) = (store(&region).await, store(&region).await);
    let first = put(&old, 0..1).await;
    // The new one is about to drop the old one's generation while the old one stores into it.
    let (dropped, second) = tokio::join!(new.erase_all(&first), put(&old, 1..2));
    dropped.unwrap();
    assert!(old.fetch(second[0].0, second[0].1).await.unwrap().is_some());
    let third = put(&old, 2..3).await;
    assert!(new.fetch(third[0].0, third[0].1).await.unwrap().is_some());
}

#[tokio::test]
async fn the_sweep_erases_what_nothing_points_to_and_leaves_what_is_young() {
    let region = Region::with(&[]).await;
    let first = store(&region).await;
    let (known, orphans) = (put(&first, 0..2).await, put(&first, 2..5).await);
    let swept_by = store(&region).await;
    let alone = put(&swept_by, 5..6).await;
    let keep: HashSet<_> = known.iter().map(|(id, _)| *id).collect();

    let young = swept_by.sweep(|id| keep.contains(id), LONG).await.unwrap();
    assert_eq!((young.payloads, young.generations), (0, 0));

    let old = swept_by.sweep(|id| keep.contains(id), Duration::ZERO).await.unwrap();
    assert_eq!((old.payloads, old.generations), (4, 1));
    for (id, at) in orphans.iter().chain(&alone) {
        assert!(first.fetch(*id, *at).await.unwrap().is_none());
    }
    for (id, at) in &known {
        assert!(first.fetch(*id, *at).await.unwrap().is_some());
    }
    assert!(!(2..6).any(|number| region.has_on_disk(&mark(number))));
}

#[tokio::test]
async fn a_generation_that_does_not_answer_holds_up_no_other_in_the_sweep() {
    let region = Region::with(&[]).await;
    let first = store(&region).await;
    let orphan = put(&first, 0..1).await[0];
    // Names that sort before and after every other, holding what no engine ever wrote.
    let raw = region.raw_engine().await;
    for name in ["0", "f"].map(|digit| digit.repeat(32)) {
        let stream = json!({ "name": format!("PAY_{name}"), "subjects": [format!("pay.{name}.*")] });
        assert!(api(&raw, &format!("STREAM.CREATE.PAY_{name}"), stream).await["error"].is_null());
        for _ in 0..2 {
            raw.request(format!("pay.{name}.{}", Uuid::nil().simple()), "canary".into()).await.unwrap();
        }
    }
    let swept = store(&region).await.sweep(|_| false, Duration::ZERO).await.unwrap();
    assert_eq!((swept.payloads, swept.generations, swept.unanswered), (1, 1, 2));
    assert!(first.fetch(orphan.0, orphan.1).await.unwrap().is_none());
    assert_eq!(generations(&region).await, 2, "what nobody understands was touched");
}

/// A store, and the journal beside it, of which the one may hold little.
async fn small(region: &Region) -> (SealedStore, JetStreamJournal) {
    let shares = Shares { payloads: 64 * 1024, ..Shares::STANDARD };
    let settings = Settings { shares, ..Settings::development() };
    let link = region.link().await;
    let journal = JetStreamJournal::open(region.lead(&link).await, &settings).await.unwrap();
    (SealedStore::open(&link, &settings), journal)
}

#[tokio::test]
async fn a_flood_of_ciphertexts_is_refused_in_time_and_never_takes_the_journals_room() {
    let region = Region::with(&[]).await;
    let (store, journal) = small(&region).await;
    let mut stored = Vec::new();
    let refused = loop {
        // Always a generation's worth, so that the next one needs another.
        match store.store((0..256).map(canary).collect(), LONG).await {
            Ok(more) => stored.extend(more),
            Err(error) => break error,
        }
        assert!(stored.len() <= 1024, "there is no bound");
    };
    assert!(matches!(refused, StoreError::Fault(Fault::Full)), "{refused}");
    assert!(refused.to_string().contains("until some are erased"), "{refused}");
    // What is there is still there, and what ends still ends.
    let (id, at) = stored[0];
    assert!(store.fetch(id, at).await.unwrap().is_some());
    let incident = IncidentId::from_uuid(Uuid::from_u128(1));
    let Append::Appended(end) = journal.append(incident, Position::NONE, &Commit::default()).await.unwrap()
    else {
        panic!("a conflict")
    };
    journal.forget(incident, end, &Markers::default()).await.unwrap();
    store.erase_all(&stored).await.unwrap();
    assert_eq!(put(&store, 0..1).await.len(), 1, "no room again after the erasure");
}

#[tokio::test]
async fn a_broker_whose_store_is_smaller_than_the_shares_is_refused_at_the_start() {
    let region = Region::with_store(1024 * 1024 * 1024).await;
    let link = region.link().await;
    let lease = region.lead(&link).await;
    let refused = JetStreamJournal::open(lease, &Settings::development()).await.unwrap_err().to_string();
    assert!(refused.contains("insufficient storage"), "{refused}");
}

#[tokio::test]
async fn the_sweep_drops_generations_that_time_has_emptied() {
    let region = Region::with(&[]).await;
    let first = store(&region).await;
    let stored = first.store(vec![canary(1)], Duration::from_secs(1)).await.unwrap();
    eventually("its time is over", || async {
        first.fetch(stored[0].0, stored[0].1).await.unwrap().is_none()
    })
    .await;
    assert_eq!(
        first.sweep(|_| true, Duration::ZERO).await.unwrap().generations,
        0,
        "the filling one was dropped"
    );
    let other = store(&region).await;
    assert_eq!(other.sweep(|_| true, Duration::ZERO).await.unwrap().generations, 1);
    assert!(!put(&first, 2..3).await.is_empty(), "storing stopped because the generation was gone");
}

#[tokio::test]
async fn a_payload_whose_answer_was_lost_is_stored_once() {
    let region = Region::with(&[]).await;
    let proxy = Proxy::before(region.broker.port()).await;
    let link = Link::connect(&proxy.url, Some(&region.engine)).await.unwrap();
    let store =
        SealedStore::open(&link.with_answer_within(Duration::from_millis(500)), &Settings::development());
    let mut stored = put(&store, 0..1).await;
    for number in 1..4 {
        proxy.lose(1);
        stored.extend(put(&store, number..number + 1).await);
    }
    assert!(proxy.lost() >= 3, "no answer was lost");
    let mut held = store.holdings().await.unwrap();
    let key = |one: &(PayloadId, Location)| one.0;
    held.sort_unstable_by_key(key);
    stored.sort_unstable_by_key(key);
    assert_eq!(held, places(&stored));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_of_the_broker_lose_nothing_that_was_stored() {
    let mut region = Region::with(&[]).await;
    let link = region.link().await.with_answer_within(Duration::from_secs(2));
    let store = SealedStore::open(&link, &Settings::development());
    let storing = {
        let store = store.clone();
        tokio::spawn(async move {
            let mut stored = Vec::new();
            for number in 0..400 {
                if let Ok(some) = store.store(vec![canary(number)], LONG).await {
                    stored.extend(some);
                }
            }
            stored
        })
    };
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_millis(60)).await;
        region.broker.restart().await.unwrap();
    }
    let stored = storing.await.unwrap();
    assert!(!stored.is_empty());
    for (id, at) in &stored {
        assert!(store.fetch(*id, *at).await.unwrap().is_some());
    }
    store.erase_all(&stored).await.unwrap();
    store.sweep(|_| false, Duration::ZERO).await.unwrap();
    assert_eq!(store.holdings().await.unwrap(), []);
}
