//! Who leads: one at a time, the next one soon, and an old leader writes nothing.

use std::time::{Duration, Instant};

use hwc_jetstream::{JetStreamJournal, Lease, Settings};
use hwc_journal::{Append, Commit, Journal, JournalError, Position};
use hwc_schemas::IncidentId;
use hwc_workflow::{Event, Fact};
use serde_json::json;
use uuid::Uuid;

use crate::region::{Region, api, eventually};

fn settings() -> Settings {
    Settings::development()
}

fn incident(number: u128) -> IncidentId {
    IncidentId::from_uuid(Uuid::from_u128(number))
}

fn commit(children: u16) -> Commit {
    let at = "2026-11-22T08:00:00Z".parse().unwrap();
    Commit { events: vec![Event { at, fact: Fact::NotDomesticViolence { children } }], stored: Vec::new() }
}

async fn lead(region: &Region, name: &str) -> Lease {
    Lease::stand_by(&region.link().await, &settings(), name).await.unwrap()
}

#[tokio::test]
async fn one_of_many_leads() {
    let region = Region::with(&[]).await;
    let mut candidates = tokio::task::JoinSet::new();
    for number in 0..8 {
        let link = region.link().await;
        candidates.spawn(async move {
            Lease::stand_by(&link, &settings(), &format!("engine-{number}")).await.unwrap()
        });
    }
    let first = candidates.join_next().await.unwrap().unwrap();
    let nobody_else = tokio::time::timeout(Duration::from_secs(6), candidates.join_next()).await;
    assert!(nobody_else.is_err() && first.holds(), "two led at once");
}

#[tokio::test]
async fn when_a_leader_falls_silent_a_stand_by_leads_within_five_seconds() {
    let region = Region::with(&[]).await;
    let old = lead(&region, "engine-a").await;
    let link = region.link().await;
    let stand_by =
        tokio::spawn(async move { Lease::stand_by(&link, &settings(), "engine-b").await.unwrap() });
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(old.holds() && !stand_by.is_finished());
    let (silent, before) = (Instant::now(), old.epoch());
    drop(old);
    let new = stand_by.await.unwrap();
    JetStreamJournal::open(&new, &settings()).await.unwrap();
    assert!(silent.elapsed() < Duration::from_secs(5), "{:?}", silent.elapsed());
    assert!(new.epoch() > before);
}

#[tokio::test]
async fn a_lease_that_is_given_back_is_free_at_once_and_a_former_life_s_is_taken_over_at_once() {
    let region = Region::with(&[]).await;
    lead(&region, "engine-a").await.give_back().await;
    let second = lead(&region, "engine-b").await;
    let mut overtaken = lead(&region, "engine-b").await;
    assert!(overtaken.holds() && overtaken.epoch() > second.epoch());
    let mut second = second;
    second.lost().await;
    assert!(!second.holds());
    let still = tokio::time::timeout(Duration::from_millis(100), overtaken.lost()).await;
    assert!(still.is_err(), "the new one lost its lease too");
}

#[tokio::test]
async fn an_old_leader_writes_nothing_whatever_its_clock_says() {
    let region = Region::with(&[]).await;
    let old = lead(&region, "engine").await;
    let old_journal = JetStreamJournal::open(&old, &settings()).await.unwrap();
    let end = old_journal.append(incident(1), Position::NONE, &commit(1)).await.unwrap();
    let Append::Appended(end) = end else { panic!("a conflict") };
    let old_pen =
        api(&region.raw_engine().await, "STREAM.INFO.JOURNAL", json!({})).await["config"]["subjects"][0]
            .as_str()
            .unwrap()
            .to_owned();

    let new = lead(&region, "engine").await;
    let new_journal = JetStreamJournal::open(&new, &settings()).await.unwrap();

    // Its own lease, by its own clock, held a moment ago; the incident's guard would let it.
    let late = old_journal.append(incident(1), end, &commit(2)).await;
    assert!(matches!(late, Err(JournalError::Unavailable(_))), "{late:?}");
    // Nor does a message of it that was under way.
    let raw = region.raw_engine().await;
    let under_way = raw.request(old_pen.replace("jrn.*.*", &format!("jrn.{}.e", incident(1))), "x".into());
    assert!(under_way.await.is_err(), "somebody heard the old leader");
    let ours = new_journal.append(incident(1), end, &commit(3)).await.unwrap();
    assert!(matches!(ours, Append::Appended(_)));
}

#[tokio::test]
async fn what_an_old_leader_would_begin_is_begun_nowhere() {
    let region = Region::with(&[]).await;
    let old = lead(&region, "engine").await;
    // It has not begun anything yet, so its first append needs a segment of its own.
    let old_journal = JetStreamJournal::open(&old, &settings()).await.unwrap();
    let new = lead(&region, "engine").await;
    let new_journal = JetStreamJournal::open(&new, &settings()).await.unwrap();

    // By its own clock it still leads; a segment that it makes now is one that its successor does not know.
    let late = old_journal.append(incident(1), Position::NONE, &commit(1)).await;
    assert!(matches!(late, Err(JournalError::Unavailable(_))), "{late:?}");
    let ours = new_journal.append(incident(1), Position::NONE, &commit(2)).await.unwrap();
    assert!(matches!(ours, Append::Appended(_)));
    let third = lead(&region, "engine").await;
    let third_journal = JetStreamJournal::open(&third, &settings()).await.unwrap();
    assert_eq!(third_journal.in_flight().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_pen_that_a_late_message_took_is_taken_back() {
    let region = Region::with(&[]).await;
    let lease = lead(&region, "engine").await;
    let journal = JetStreamJournal::open(&lease, &settings()).await.unwrap();
    let raw = region.raw_engine().await;
    let mut config = api(&raw, "STREAM.INFO.JOURNAL", json!({})).await["config"].clone();
    config["subjects"] = json!(["lead.1.jrn.*.*"]);
    config["subject_transform"]["src"] = json!("lead.1.jrn.*.*");
    let changed = api(&raw, "STREAM.UPDATE.JOURNAL", config).await;
    assert!(changed.get("error").is_none(), "{changed}");
    let outcome = journal.append(incident(1), Position::NONE, &commit(1)).await.unwrap();
    assert!(matches!(outcome, Append::Appended(_)));
}

#[tokio::test]
async fn a_short_restart_of_the_broker_costs_no_leader() {
    let mut region = Region::with(&[]).await;
    let patient = Settings { lease_for: Duration::from_secs(20), ..settings() };
    let lease = Lease::stand_by(&region.link().await, &patient, "engine").await.unwrap();
    let journal = JetStreamJournal::open(&lease, &patient).await.unwrap();
    region.broker.restart().await.unwrap();
    eventually("it appends again", || async {
        matches!(
            journal.append(incident(1), Position::NONE, &commit(1)).await,
            Ok(Append::Appended(_) | Append::Conflict)
        )
    })
    .await;
    assert!(lease.holds());
}

#[tokio::test]
async fn whoever_is_asked_whether_it_leads_hears_it_from_the_broker_and_not_from_its_own_clock() {
    let region = Region::with(&[]).await;
    let old = lead(&region, "engine-a").await;
    let holder = old.holder();
    holder.confirm().await.unwrap();
    // Another life of the same engine takes over at once, while by its own clock the old one still leads.
    let _new = lead(&region, "engine-a").await;
    assert_eq!(holder.confirm().await, Err(hwc_jetstream::Fault::NotLeading));
    assert!(!old.holds());
}
