//! The events of what ended are nowhere on the disk, whoever lives on beside it.

use std::time::Duration;

use hwc_jetstream::{JetStreamJournal, Settings};
use hwc_journal::{Append, Commit, Generation, History, Journal, Location, Markers, Position};
use hwc_schemas::{IncidentId, PayloadId};
use hwc_workflow::{Event, Fact};
use serde_json::json;
use uuid::Uuid;

use crate::region::{Region, api, eventually};

const LONG: Duration = Duration::from_hours(1);

fn incident(number: u128) -> IncidentId {
    IncidentId::from_uuid(Uuid::from_u128(number))
}

/// A commit that is found again in a file.
fn marked(mark: PayloadId) -> Commit {
    let at = "2026-11-22T08:00:00Z".parse().unwrap();
    let place = Location::new(Generation::from_uuid(Uuid::nil()), 1);
    Commit {
        events: vec![Event { at, fact: Fact::NotDomesticViolence { children: 1 } }],
        stored: vec![(mark, place)],
    }
}

async fn journal(region: &Region) -> JetStreamJournal {
    let link = region.link().await;
    JetStreamJournal::open(region.lead(&link).await, &Settings::development()).await.unwrap()
}

/// Three commits of an incident; where it ends, and what to look for on the disk.
async fn live(journal: &JetStreamJournal, number: u128) -> (Position, Vec<u8>) {
    let mark = PayloadId::from_uuid(Uuid::new_v4());
    let mut end = Position::NONE;
    for _ in 0..3 {
        match journal.append(incident(number), end, &marked(mark)).await.unwrap() {
            Append::Appended(position) => end = position,
            Append::Conflict => panic!("a conflict"),
        }
    }
    (end, mark.to_string().into_bytes())
}

#[tokio::test]
async fn what_ended_among_others_is_deleted_securely_and_the_others_live_on() {
    let region = Region::with(&[]).await;
    let journal = journal(&region).await;
    let mut all = Vec::new();
    for number in 1..=20 {
        all.push(live(&journal, number).await);
    }
    journal.forget(incident(7), all[6].0, &Markers::default()).await.unwrap();
    assert!(region.has_on_disk(&all[6].1), "nothing was ever there");

    let cleared = journal.clear(Duration::ZERO).await.unwrap();

    assert_eq!((cleared.records, cleared.segments, cleared.waited.len()), (3, 0, 1));
    assert!(!region.has_on_disk(&all[6].1));
    assert!(all.iter().enumerate().all(|(at, (_, mark))| at == 6 || region.has_on_disk(mark)));
    assert_eq!(journal.read(incident(7)).await.unwrap(), History::Ended);
    assert_eq!(journal.in_flight().await.unwrap().len(), 19);
    let again = journal.append(incident(7), Position::NONE, &Commit::default()).await.unwrap();
    assert_eq!(again, Append::Conflict);
}

#[tokio::test]
async fn what_ended_together_is_dropped_whole_and_stays_ended() {
    let region = Region::with(&[]).await;
    let journal = journal(&region).await;
    let mut all = Vec::new();
    for number in 1..=20 {
        all.push(live(&journal, number).await);
    }
    for (number, (end, _)) in (1..).zip(&all) {
        journal.forget(incident(number), *end, &Markers::default()).await.unwrap();
    }
    assert_eq!(journal.clear(LONG).await.unwrap().waited.len(), 0, "it did not wait for its neighbours");

    let cleared = journal.clear(Duration::ZERO).await.unwrap();

    assert_eq!((cleared.records, cleared.segments, cleared.waited.len()), (0, 1, 20));
    // The server removes the files when it has answered.
    eventually("it is gone", async || !all.iter().any(|(_, mark)| region.has_on_disk(mark))).await;
    assert!(region.streams("JRN_").await.is_empty());
    for (number, (end, _)) in (1..).zip(&all) {
        assert_eq!(journal.read(incident(number)).await.unwrap(), History::Ended);
        for expected in [Position::NONE, *end] {
            let again = journal.append(incident(number), expected, &Commit::default()).await.unwrap();
            assert_eq!(again, Append::Conflict);
        }
    }
    live(&journal, 21).await;
    assert_eq!(journal.in_flight().await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_engine_that_was_killed_before_it_cleared_leaves_it_to_the_next() {
    let mut region = Region::with(&[]).await;
    let first = journal(&region).await;
    let (ended, half, lives) = (live(&first, 1).await, live(&first, 2).await, live(&first, 3).await);
    first.forget(incident(1), ended.0, &Markers::default()).await.unwrap();
    // Killed between the tombstone beside the events and the one that outlives them.
    let raw = region.raw_engine().await;
    let segment = region.streams("JRN_").await.remove(0);
    region.write_in(&raw, &segment, &format!("{}.t", incident(2)), "").await;
    region.broker.restart().await.unwrap();

    let next = journal(&region).await;
    let in_flight = next.in_flight().await.unwrap();
    assert_eq!(in_flight.iter().map(|(one, _)| *one).collect::<Vec<_>>(), [incident(3)]);
    next.clear(Duration::ZERO).await.unwrap();

    assert!(!region.has_on_disk(&ended.1) && !region.has_on_disk(&half.1) && region.has_on_disk(&lives.1));
    let kept = api(&raw, "STREAM.INFO.JOURNAL", json!({ "subjects_filter": "jrn.*.t" })).await;
    for number in [1, 2] {
        assert_eq!(kept["state"]["subjects"][format!("jrn.{}.t", incident(number))], 1, "{kept}");
        assert_eq!(next.read(incident(number)).await.unwrap(), History::Ended);
    }
    // Also when what it lay in is gone altogether.
    next.forget(incident(3), lives.0, &Markers::default()).await.unwrap();
    assert_eq!(next.clear(Duration::ZERO).await.unwrap().segments, 1);
    eventually("it is gone", async || !region.has_on_disk(&lives.1)).await;
    let last = journal(&region).await;
    for number in 1..=3 {
        assert_eq!(last.read(incident(number)).await.unwrap(), History::Ended);
    }
}

#[tokio::test]
async fn whoever_only_reads_finds_what_lives_in_any_segment_and_clears_nothing() {
    let region = Region::with(&[]).await;
    let writer = journal(&region).await;
    let (ended, lives) = (live(&writer, 1).await, live(&writer, 2).await);
    writer.forget(incident(1), ended.0, &Markers::default()).await.unwrap();
    let reader = JetStreamJournal::read_only(&region.link().await);
    assert_eq!(reader.read(incident(1)).await.unwrap(), History::Ended);
    let found = reader.read(incident(2)).await.unwrap();
    assert!(matches!(found, History::Live { position, .. } if position == lives.0), "{found:?}");
    assert_eq!(reader.read(incident(3)).await.unwrap(), History::Unknown);
    assert_eq!(reader.in_flight().await.unwrap().len(), 1);
    assert!(reader.clear(Duration::ZERO).await.is_err());
}
