//! Lives that a plain replay does not have: returned and recalled, on the real broker, with nothing left of them either.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
};

use hwc_schemas::{
    SignalId,
    letter::Letter,
    outcome::Recalled,
    wire::{Answer, Command},
};
use hwc_school::Reading;
use hwc_workflow::Fact;
use tokio::sync::mpsc;

use super::*;

fn handbook() -> Dataset {
    Dataset::read(&PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../simulations/handbook"))).unwrap()
}

fn options(watcher: Option<Arc<dyn Watcher>>) -> Options {
    Options { unattended_schools: BTreeSet::new(), nats_server: None, watcher }
}

/// A contact who does not know the child the first time.
struct Hesitates {
    hours: SchoolHours,
    once: AtomicBool,
}

impl Contact for Hesitates {
    fn opens_at(&self, arrived: Timestamp) -> Option<Timestamp> {
        self.hours.opens_at(arrived)
    }

    fn read(&self, _: &Letter) -> Reading {
        if self.once.swap(true, Ordering::SeqCst) { Reading::Received } else { Reading::NotOurPupil }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_returned_signal_is_routed_afresh_and_ends_as_what_follows() {
    let ground = Ground::prepare(None).unwrap();
    let (mut stage, script) = Stage::set(handbook(), &ground, &options(None)).await.unwrap();
    stage.enter(script, |hours| Hesitates { hours, once: AtomicBool::new(false) }).await.unwrap();
    let replayed = stage.play().await.unwrap();
    assert!(replayed.summary.is_clean(), "{}", replayed.summary);
    assert_eq!(replayed.summary.count.outcomes.get(&("acknowledged", None)), Some(&9));
    // Four schools returned one signal each before they took it.
    assert_eq!(replayed.summary.count.opened, 9 + 4);
}

/// Calls a signal back the moment it reaches its school; the clock waits for it.
struct CallsBack {
    timeline: std::sync::OnceLock<Timeline>,
    delivered: mpsc::UnboundedSender<SignalId>,
}

const RECALLING: &str = "recalling";

impl Watcher for CallsBack {
    fn noted(&self, _: &Diarist, incident: IncidentId, events: &[Event]) {
        for event in events {
            let Fact::Delivered { number } = event.fact else { continue };
            let signal = SignalId { incident, number };
            if let Some(timeline) = self.timeline.get() {
                timeline.begin(&format!("{RECALLING} {signal}"));
                self.delivered.send(signal).unwrap();
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recalled_signal_is_gone_from_its_school_at_once_and_leaves_nothing() {
    let ground = Ground::prepare(None).unwrap();
    let (delivered, mut deliveries) = mpsc::unbounded_channel();
    let watcher = Arc::new(CallsBack { timeline: std::sync::OnceLock::new(), delivered });
    let (mut stage, script) = Stage::set(handbook(), &ground, &options(Some(watcher.clone()))).await.unwrap();
    assert!(watcher.timeline.set(stage.timeline.clone()).is_ok());
    let office = stage.office(&stage.cast.veilig_thuis).await.unwrap();
    let timeline = stage.timeline.clone();
    let recalling = tokio::spawn(async move {
        while let Some(signal) = deliveries.recv().await {
            let answer = office.submit(&Command::Recall { signal, reason: Recalled::SentInError }).await;
            // A contact may have been quicker: a late signal is opened and acknowledged at once.
            assert!(!matches!(answer, Answer::TryLater));
            timeline.end(&format!("{RECALLING} {signal}"));
        }
    });
    stage.enter(script, |hours| hours).await.unwrap();
    let replayed = stage.play().await.unwrap();
    recalling.abort();
    assert!(replayed.summary.is_clean(), "{}", replayed.summary);
    let recalled = replayed.summary.count.outcomes.get(&("recalled", Some("sent_in_error")));
    assert!(recalled.is_some_and(|count| *count >= 8), "{}", replayed.summary);
}
