//! The journal on a real broker: the exam, crashes, and settings that differ.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use hwc_jetstream::{JetStreamJournal, Link, Settings, SetupError, Shares};
use hwc_journal::{Append, Commit, History, Journal, JournalError, Markers, Position, exam};
use hwc_schemas::IncidentId;
use hwc_workflow::{Event, Fact};
use serde_json::json;
use uuid::Uuid;

use crate::{
    proxy::Proxy,
    region::{PATIENCE, Region, api, eventually},
};

fn incident(number: u128) -> IncidentId {
    IncidentId::from_uuid(Uuid::from_u128(number))
}

fn commit(fact: Fact) -> Commit {
    Commit { events: vec![Event { at: "2026-11-22T08:00:00Z".parse().unwrap(), fact }], stored: Vec::new() }
}

fn numbered(children: u16) -> Commit {
    commit(Fact::NotDomesticViolence { children })
}

async fn journal(region: &Region) -> JetStreamJournal {
    journal_over(region, &region.link().await, &Settings::development()).await.unwrap()
}

/// The journal of an engine that leads until the test ends, over this connection.
async fn journal_over(
    region: &Region,
    link: &Link,
    settings: &Settings,
) -> Result<JetStreamJournal, SetupError> {
    JetStreamJournal::open(region.lead(link).await, settings).await
}

fn position(outcome: Append) -> Position {
    match outcome {
        Append::Appended(position) => position,
        Append::Conflict => panic!("a conflict"),
    }
}

#[tokio::test]
async fn the_journal_on_jetstream_passes_the_exam() {
    let regions = Mutex::new(Vec::new());
    exam::sit(async || {
        let region = Region::with(&[]).await;
        let journal = journal(&region).await;
        regions.lock().unwrap().push(region);
        journal
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn what_was_appended_is_there_after_a_restart() {
    let mut region = Region::with(&[]).await;
    let first = journal(&region).await;
    let end = position(first.append(incident(1), Position::NONE, &numbered(1)).await.unwrap());
    first.append(incident(2), Position::NONE, &numbered(2)).await.unwrap();
    let other = position(first.append(incident(3), Position::NONE, &numbered(3)).await.unwrap());
    first.forget(incident(3), other, &Markers::default()).await.unwrap();

    region.broker.restart().await.unwrap();

    let second = journal(&region).await;
    let live = History::Live { commits: vec![numbered(1)], position: end };
    assert_eq!(second.read(incident(1)).await.unwrap(), live);
    assert_eq!(second.read(incident(3)).await.unwrap(), History::Ended);
    assert_eq!(second.in_flight().await.unwrap().len(), 2);
    assert_eq!(second.append(incident(3), other, &numbered(4)).await.unwrap(), Append::Conflict);
}

#[tokio::test]
async fn a_stream_that_differs_is_named_in_every_difference_and_left_alone() {
    let region = Region::with(&[]).await;
    let raw = region.raw_engine().await;
    let made = json!({ "name": "JOURNAL", "subjects": ["jrn.*.*"], "storage": "memory", "max_age": 60_000_000_000_u64 });
    api(&raw, "STREAM.CREATE.JOURNAL", made).await;
    let before = api(&raw, "STREAM.INFO.JOURNAL", json!({})).await["config"].clone();

    let link = region.link().await;
    let refused = journal_over(&region, &link, &Settings::production()).await.unwrap_err();

    let SetupError::Differs(differences) = &refused else { panic!("{refused}") };
    for named in [
        "JOURNAL: replicas is 1, wanted 3",
        "JOURNAL: max_age is 60s, wanted 0ns",
        "JOURNAL: storage is \"memory\", wanted \"file\"",
        "JOURNAL: discard is \"old\", wanted \"new\"",
        "JOURNAL: allow_msg_ttl is off, wanted true",
    ] {
        assert!(differences.0.iter().any(|one| one == named), "{named} is not in: {refused}");
    }
    assert!(!differences.0.iter().any(|one| one.contains("subjects")), "{refused}");
    assert_eq!(api(&raw, "STREAM.INFO.JOURNAL", json!({})).await["config"], before);
}

#[tokio::test]
async fn opening_it_again_with_the_same_settings_is_no_difference() {
    let region = Region::with(&[]).await;
    journal(&region).await;
    journal(&region).await;
}

#[tokio::test]
async fn a_crash_between_tombstone_and_erasure_is_finished_at_the_next_start() {
    let region = Region::with(&[]).await;
    let journal = journal(&region).await;
    let end =
        position(journal.append(incident(1), Position::NONE, &commit(Fact::IncidentPurged)).await.unwrap());
    journal.append(incident(2), Position::NONE, &commit(Fact::IncidentPurged)).await.unwrap();
    let raw = region.raw_engine().await;
    region.write_in(&raw, "JOURNAL", &format!("{}.t", incident(1)), "").await;

    let in_flight = journal.in_flight().await.unwrap();

    assert_eq!(in_flight.iter().map(|(one, _)| *one).collect::<Vec<_>>(), [incident(2)]);
    assert!(journal.append(incident(1), end, &numbered(1)).await.unwrap() == Append::Conflict);
    journal.clear(Duration::ZERO).await.unwrap();
    let mut subjects = serde_json::Map::new();
    for stream in region.streams("J").await {
        let info = api(&raw, &format!("STREAM.INFO.{stream}"), json!({ "subjects_filter": ">" })).await;
        subjects.extend(info["state"]["subjects"].as_object().unwrap().clone());
    }
    assert!(subjects.contains_key(&format!("jrn.{}.t", incident(1))), "{subjects:?}");
    assert!(!subjects.contains_key(&format!("jrn.{}.e", incident(1))), "{subjects:?}");
    assert!(subjects.contains_key(&format!("jrn.{}.e", incident(2))), "{subjects:?}");
    assert!(journal.append(incident(1), end, &numbered(1)).await.unwrap() == Append::Conflict);
}

#[tokio::test]
async fn a_tombstone_has_its_time_and_an_event_has_none() {
    let region = Region::with(&[]).await;
    let settings = Settings { tombstones_for: Duration::from_secs(1), ..Settings::development() };
    let journal = journal_over(&region, &region.link().await, &settings).await.unwrap();
    let end = position(journal.append(incident(1), Position::NONE, &numbered(1)).await.unwrap());
    journal.append(incident(2), Position::NONE, &numbered(2)).await.unwrap();
    journal.forget(incident(1), end, &Markers::default()).await.unwrap();
    journal.clear(Duration::ZERO).await.unwrap();
    eventually("the tombstone goes", || async {
        journal.read(incident(1)).await.unwrap() == History::Unknown
    })
    .await;
    assert!(matches!(journal.read(incident(2)).await.unwrap(), History::Live { .. }));
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_its_own_incidents_trouble_and_nobody_elses() {
    let region = Region::with(&[]).await;
    let journal = journal(&region).await;
    let end = position(journal.append(incident(1), Position::NONE, &numbered(1)).await.unwrap());
    let other = position(journal.append(incident(4), Position::NONE, &numbered(4)).await.unwrap());
    let raw = region.raw_engine().await;
    let unreadable = [(1, r#"{"v":7,"canary":1}"#), (2, "canary"), (3, "")];
    let segment = region.streams("JRN_").await.remove(0);
    for (number, body) in unreadable {
        // One where it began, the others where former versions had their events.
        let stream = if number == 1 { &segment } else { "JOURNAL" };
        region.write_in(&raw, stream, &format!("{}.e", incident(number)), body).await;
    }
    // Nobody's record at all.
    for stream in ["JOURNAL", &segment] {
        region.write_in(&raw, stream, "canary.e", "canary").await;
    }
    // What comes after it does not make it readable.
    let empty = r#"{"v":1,"events":[]}"#;
    region.write_in(&raw, "JOURNAL", &format!("{}.e", incident(2)), empty).await;

    let in_flight: BTreeMap<_, _> = journal.in_flight().await.unwrap().into_iter().collect();

    assert_eq!(in_flight.len(), 4);
    assert_eq!(in_flight[&incident(4)], History::Live { commits: vec![numbered(4)], position: other });
    for (number, _) in unreadable {
        let listed = &in_flight[&incident(number)];
        let History::Unreadable(error) = listed else { panic!("{listed:?}") };
        assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
        assert_eq!(journal.read(incident(number)).await.unwrap(), *listed);
    }
    let History::Unreadable(error) = &in_flight[&incident(1)] else { panic!() };
    assert!(error.to_string().contains("version 7"), "{error}");
    assert_eq!(journal.append(incident(1), end, &numbered(2)).await.unwrap(), Append::Conflict);
}

#[tokio::test]
async fn a_full_journal_refuses_appends_loses_nothing_and_takes_them_again_when_something_ended() {
    let region = Region::with(&[]).await;
    let shares = Shares { payloads: 0, journal: 200_000, ..Shares::STANDARD };
    let settings = Settings { shares, ..Settings::development() };
    let journal = journal_over(&region, &region.link().await, &settings).await.unwrap();
    let mut ends = Vec::new();
    let refused = loop {
        let one = incident(ends.len() as u128);
        let begun = match journal.append(one, Position::NONE, &numbered(1)).await {
            Ok(outcome) => position(outcome),
            Err(error) => break error,
        };
        let goes_on = journal.append(one, begun, &numbered(2)).await.unwrap();
        ends.push(position(journal.append(one, position(goes_on), &numbered(3)).await.unwrap()));
        assert!(ends.len() < 2_000, "there is no bound");
    };
    assert!(matches!(refused, JournalError::Unavailable(_)), "{refused}");
    assert_eq!(journal.in_flight().await.unwrap().len(), ends.len());
    // What began goes on, and its end makes room.
    ends[0] = position(journal.append(incident(0), ends[0], &numbered(4)).await.unwrap());
    // All that began in the first segment.
    for (number, end) in ends.iter().take(256).enumerate() {
        journal.forget(incident(number as u128), *end, &Markers::default()).await.unwrap();
    }
    journal.clear(Duration::ZERO).await.unwrap();
    journal.append(incident(9_999), Position::NONE, &numbered(1)).await.unwrap();
}

#[tokio::test]
async fn a_journal_of_a_former_version_with_everything_in_one_stream_goes_on() {
    let region = Region::with(&[]).await;
    let raw = region.raw_engine().await;
    journal(&region).await;
    let first = r#"{"v":1,"events":[]}"#;
    for subject in [1, 2].map(|number| format!("{}.e", incident(number))) {
        region.write_in(&raw, "JOURNAL", &subject, first).await;
    }
    let journal = journal(&region).await;
    let in_flight: BTreeMap<_, _> = journal.in_flight().await.unwrap().into_iter().collect();
    let History::Live { position: end, .. } = in_flight[&incident(1)] else { panic!("{in_flight:?}") };
    assert_eq!(journal.append(incident(1), Position::NONE, &numbered(1)).await.unwrap(), Append::Conflict);
    let end = position(journal.append(incident(1), end, &numbered(1)).await.unwrap());
    journal.forget(incident(1), end, &Markers::default()).await.unwrap();
    assert_eq!(journal.clear(Duration::ZERO).await.unwrap().records, 2);
    assert_eq!(journal.read(incident(1)).await.unwrap(), History::Ended);
    assert_eq!(journal.in_flight().await.unwrap().len(), 1);
    assert!(matches!(journal.read(incident(2)).await.unwrap(), History::Live { .. }));
}

#[tokio::test]
async fn a_reading_that_is_told_of_no_messages_while_there_are_some_starts_again() {
    let region = Region::with(&[]).await;
    let writer = journal(&region).await;
    for number in 1..=300 {
        writer.append(incident(number), Position::NONE, &numbered(1)).await.unwrap();
    }
    let proxy = Proxy::before(region.broker.port()).await;
    let link = Link::connect(&proxy.url, Some(&region.engine)).await.unwrap();
    let reader = JetStreamJournal::read_only(&link);
    proxy.say_nothing_is_there(1);
    assert_eq!(reader.in_flight().await.unwrap().len(), 300);
    assert_eq!(proxy.lost(), 1, "nothing false was said");
    // Said again and again it is an error, never an empty journal.
    proxy.say_nothing_is_there(1_000);
    let outcome = JetStreamJournal::read_only(&link).in_flight().await;
    assert!(matches!(outcome, Err(JournalError::Unavailable(_))), "{outcome:?}");
}

#[tokio::test]
async fn an_append_whose_answer_was_lost_is_read_back_and_not_written_twice() {
    let region = Region::with(&[]).await;
    let proxy = Proxy::before(region.broker.port()).await;
    let link = Link::connect(&proxy.url, Some(&region.engine)).await.unwrap();
    let link = link.with_answer_within(Duration::from_millis(500));
    let journal = journal_over(&region, &link, &Settings::development()).await.unwrap();
    let mut end = Position::NONE;
    for number in 1..=3 {
        proxy.lose(number.into());
        end = position(journal.append(incident(1), end, &numbered(number)).await.unwrap());
    }
    proxy.lose(0);
    assert!(proxy.lost() >= 3, "no answer was lost");
    let live = History::Live { commits: (1..=3).map(numbered).collect(), position: end };
    assert_eq!(journal.read(incident(1)).await.unwrap(), live);

    proxy.lose(1);
    journal.forget(incident(1), end, &Markers::default()).await.unwrap();
    assert_eq!(journal.read(incident(1)).await.unwrap(), History::Ended);
    assert_eq!(journal.in_flight().await.unwrap(), []);
}

#[tokio::test]
async fn a_reading_that_breaks_in_the_middle_starts_again_and_misses_nothing() {
    let region = Region::with(&[]).await;
    let writer = journal(&region).await;
    for number in 1..=600 {
        writer.append(incident(number), Position::NONE, &numbered(1)).await.unwrap();
    }
    let proxy = Proxy::before(region.broker.port()).await;
    let link = Link::connect(&proxy.url, Some(&region.engine)).await.unwrap();
    let link = link.with_answer_within(Duration::from_millis(500));
    let reader = JetStreamJournal::read_only(&link);
    let reading = tokio::spawn(async move { reader.in_flight().await });
    tokio::time::sleep(Duration::from_millis(2)).await;
    proxy.lose(1);
    assert_eq!(reading.await.unwrap().unwrap().len(), 600);
}

/// Appends one commit after the other to one incident, whatever happens, and says how many it believes were written.
async fn write_on(journal: JetStreamJournal, incident: IncidentId, stop: &AtomicBool) -> Vec<u16> {
    let (mut believed, mut position) = (Vec::new(), Position::NONE);
    let mut next = 1;
    while !stop.load(Ordering::Relaxed) && next < 20_000 {
        match journal.append(incident, position, &numbered(next)).await {
            Ok(Append::Appended(end)) => {
                believed.push(next);
                position = end;
                next += 1;
            }
            Ok(Append::Conflict) => panic!("there is only one writer of {incident}"),
            Err(JournalError::Unavailable(_)) => {
                // Unknown: read, as the port says.
                let Ok(history) = journal.read(incident).await else { continue };
                if let History::Live { commits, position: end } = history
                    && end != position
                {
                    assert_eq!(commits.len(), believed.len() + 1);
                    believed.push(next);
                    position = end;
                    next += 1;
                }
            }
            Err(error) => panic!("{error}"),
        }
    }
    believed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_of_the_broker_under_load_lose_no_commit_and_double_none() {
    let mut region = Region::with(&[]).await;
    let link = region.link().await.with_answer_within(Duration::from_secs(2));
    let journal = journal_over(&region, &link, &Settings::development()).await.unwrap();
    let stop: &'static AtomicBool = Box::leak(Box::new(AtomicBool::new(false)));
    let writers: Vec<_> =
        (1..=8).map(|number| tokio::spawn(write_on(journal.clone(), incident(number), stop))).collect();

    for _ in 0..4 {
        tokio::time::sleep(Duration::from_millis(400)).await;
        region.broker.kill().await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        region.broker.restart().await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(400)).await;
    stop.store(true, Ordering::Relaxed);

    for (number, writer) in (1..).zip(writers) {
        let believed = writer.await.unwrap();
        let History::Live { commits, .. } = journal.read(incident(number)).await.unwrap() else {
            panic!("not live")
        };
        let written: Vec<_> = believed.iter().map(|number| numbered(*number)).collect();
        assert!(!written.is_empty());
        assert_eq!(commits, written, "incident {number}");
    }
}

#[tokio::test]
async fn without_a_broker_it_says_so_in_bounded_time() {
    let mut region = Region::with(&[]).await;
    let link = region.link().await.with_answer_within(Duration::from_millis(200));
    let journal = journal_over(&region, &link, &Settings::development()).await.unwrap();
    region.broker.kill().await.unwrap();
    let commit = numbered(1);
    let outcome = tokio::time::timeout(PATIENCE, journal.append(incident(1), Position::NONE, &commit));
    assert!(matches!(outcome.await.unwrap(), Err(JournalError::Unavailable(_))));
}
