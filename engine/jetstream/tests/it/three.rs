//! Three servers that hold everything together: the same promises, and what is erased is erased on each of them.

use std::{
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use hwc_broker::Cluster;
use hwc_jetstream::{
    Credential, JetStreamJournal, Lease, Link, SealedStore, Settings, SetupError, permissions,
};
use hwc_journal::{Append, Commit, Generation, Journal, Location, Markers, Position, exam};
use hwc_residue::Needles;
use hwc_schemas::{IncidentId, PayloadId, wire::Sealed};
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};
use uuid::Uuid;

use crate::region::{api, eventually};

const LONG: Duration = Duration::from_hours(1);

/// Three servers, in folders that go with them.
pub(crate) struct Three {
    pub(crate) cluster: Cluster,
    engine: Credential,
    folder: TempDir,
    _only_one: MutexGuard<'static, ()>,
}

/// Nine servers at a time would be slower than three after three.
static ONLY_ONE: Mutex<()> = Mutex::const_new(());

impl Three {
    pub(crate) async fn start() -> Self {
        let only_one = ONLY_ONE.lock().await;
        let folder = tempfile::tempdir().unwrap();
        let engine = Credential::generate();
        let accounts = permissions::accounts(&engine.public(), &[]);
        let settings = hwc_broker::Settings { accounts, ..hwc_broker::Settings::in_folder(folder.path()) };
        let cluster = Cluster::start(settings, 3).await.unwrap();
        let three = Self { cluster, engine, folder, _only_one: only_one };
        let raw = three.raw().await;
        let answers = async || {
            let answer = raw.request("$JS.API.INFO", "".into()).await;
            answer.is_ok_and(|answer| !String::from_utf8_lossy(&answer.payload).contains("\"error\""))
        };
        eventually("it answers", answers).await;
        three
    }

    pub(crate) fn settings() -> Settings {
        Settings { lease_for: Duration::from_mins(10), ..Settings::production() }
    }

    pub(crate) async fn link(&self) -> Link {
        Link::connect(self.cluster.client_url(), Some(&self.engine)).await.unwrap()
    }

    pub(crate) async fn lead(&self) -> Lease {
        Lease::stand_by(&self.link().await, &Self::settings(), "test").await.unwrap()
    }

    /// The journal, once its stream has chosen who leads it, which a busy machine may take some time for.
    pub(crate) async fn journal(lease: &Lease) -> JetStreamJournal {
        for _ in 0..10 {
            if let Ok(journal) = JetStreamJournal::open(lease, &Self::settings()).await {
                return journal;
            }
        }
        JetStreamJournal::open(lease, &Self::settings()).await.unwrap()
    }

    pub(crate) async fn raw(&self) -> async_nats::Client {
        let path = self.folder.path().join(format!("{}.nk", Uuid::new_v4()));
        self.engine.write(&path).unwrap();
        let seed = std::fs::read_to_string(&path).unwrap().trim().to_owned();
        async_nats::ConnectOptions::with_nkey(seed)
            .connect(self.cluster.client_url().split(',').collect::<Vec<_>>())
            .await
            .unwrap()
    }

    /// Takes everything away.
    async fn empty(&self) {
        let raw = self.raw().await;
        let names = api(&raw, "STREAM.NAMES", serde_json::json!({})).await;
        for name in names["streams"].as_array().into_iter().flatten().filter_map(|name| name.as_str()) {
            api(&raw, &format!("STREAM.DELETE.{name}"), serde_json::json!({})).await;
        }
    }

    /// The servers that hold this in a file, counted from 0.
    pub(crate) fn have_on_disk(&self, bytes: &[u8]) -> Vec<usize> {
        let needles = Needles::new([bytes.to_vec()]).unwrap();
        let has = |folder: &Path| !needles.in_folder(folder).unwrap().is_empty();
        let folders = self.cluster.folders();
        (0..folders.len()).filter(|at| has(&folders[*at])).collect()
    }
}

fn incident(number: u128) -> IncidentId {
    IncidentId::from_uuid(Uuid::from_u128(number))
}

/// A ciphertext that is found again in a file.
fn canary(marker: Uuid) -> (PayloadId, Sealed) {
    let random = (0..128).flat_map(|_| Uuid::new_v4().into_bytes());
    let bytes = marker.into_bytes().into_iter().chain(random).collect();
    (PayloadId::from_uuid(Uuid::new_v4()), Sealed::new(bytes))
}

#[tokio::test]
async fn the_journal_on_three_servers_passes_the_exam() {
    let three = Three::start().await;
    exam::sit(async || {
        three.empty().await;
        let lease = three.lead().await;
        let journal = Three::journal(&lease).await;
        Box::leak(Box::new(lease));
        journal
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn what_was_made_for_one_server_is_not_taken_for_three() {
    let three = Three::start().await;
    let lease = three.lead().await;
    JetStreamJournal::open(&lease, &Settings { replicas: 1, ..Three::settings() }).await.unwrap();
    let refused = JetStreamJournal::open(&lease, &Three::settings()).await.unwrap_err();
    assert!(matches!(refused, SetupError::Differs(_)));
    assert!(refused.to_string().contains("JOURNAL: replicas is 1, wanted 3"), "{refused}");
}

#[tokio::test]
async fn what_ended_together_leaves_every_server_at_once_also_the_one_that_was_away() {
    let mut three = Three::start().await;
    let lease = three.lead().await;
    let journal = Three::journal(&lease).await;
    let store = SealedStore::open(lease.link(), &Three::settings());
    let marker = Uuid::new_v4();
    let stored = store.store(vec![canary(marker)], LONG).await.unwrap();
    let mark = PayloadId::from_uuid(Uuid::new_v4());
    let at = Location::new(Generation::from_uuid(Uuid::nil()), 1);
    let commit = Commit { events: Vec::new(), stored: vec![(mark, at)] };
    let end = match journal.append(incident(1), Position::NONE, &commit).await.unwrap() {
        Append::Appended(end) => end,
        Append::Conflict => panic!("a conflict"),
    };
    let everywhere = |three: &Three| {
        let marks = [marker.as_bytes().to_vec(), mark.to_string().into_bytes()];
        marks.map(|mark| three.have_on_disk(&mark).len())
    };
    eventually("it is on three servers", async || everywhere(&three) == [3, 3]).await;

    three.cluster.server(2).unwrap().kill().await.unwrap();
    eventually("it is erased without the third", async || {
        let erased = store.erase_all(&stored).await.is_ok();
        erased && journal.forget(incident(1), end, &Markers::default()).await.is_ok()
    })
    .await;
    eventually("it is cleared without the third", async || {
        journal.clear(Duration::ZERO).await.is_ok_and(|cleared| cleared.unanswered == 0)
    })
    .await;
    eventually("two have nothing", async || everywhere(&three) == [1, 1]).await;
    three.cluster.server(2).unwrap().restart().await.unwrap();
    eventually("none has anything", async || everywhere(&three) == [0, 0]).await;
}

#[tokio::test]
async fn a_server_that_missed_an_erasure_among_others_has_nothing_of_it_after_its_return() {
    let mut three = Three::start().await;
    let lease = three.lead().await;
    let journal = Three::journal(&lease).await;
    let store = SealedStore::open(lease.link(), &Three::settings());
    let markers: Vec<_> = (0..10).map(|_| Uuid::new_v4()).collect();
    let stored = store.store(markers.iter().copied().map(canary).collect(), LONG).await.unwrap();
    let at = Location::new(Generation::from_uuid(Uuid::nil()), 1);
    let mut ends = Vec::new();
    for (number, marker) in (1..).zip(&markers) {
        let commit = Commit { events: Vec::new(), stored: vec![(PayloadId::from_uuid(*marker), at)] };
        match journal.append(incident(number), Position::NONE, &commit).await.unwrap() {
            Append::Appended(end) => ends.push(end),
            Append::Conflict => panic!("a conflict"),
        }
    }
    let event = |at: usize| PayloadId::from_uuid(markers[at]).to_string().into_bytes();
    eventually("it is on three servers", async || three.have_on_disk(markers[3].as_bytes()).len() == 3).await;

    three.cluster.server(2).unwrap().kill().await.unwrap();
    eventually("it is erased without the third", async || {
        let erased = store.erase(stored[3].0, stored[3].1).await.is_ok();
        erased && journal.forget(incident(4), ends[3], &Markers::default()).await.is_ok()
    })
    .await;
    eventually("it is cleared without the third", async || {
        let cleared = journal.clear(Duration::ZERO).await.unwrap();
        !journal.in_flight().await.is_ok_and(|all| all.len() != 9) && cleared.waiting == 1
    })
    .await;
    let away = store.settle().await;
    assert_eq!((away.gone.len(), away.waiting, away.mended, away.unmended), (0, 1, 0, 1));
    assert!(three.have_on_disk(markers[3].as_bytes()).contains(&2), "nothing was missed");

    three.cluster.server(2).unwrap().restart().await.unwrap();
    let gone = AtomicUsize::new(0);
    eventually("both streams are made anew", async || {
        let more = store.settle().await.gone.len() + journal.clear(LONG).await.unwrap().gone.len();
        gone.fetch_add(more, Ordering::Relaxed) + more == 2
    })
    .await;
    // Of the stream itself and of its Raft log, on every server.
    eventually("it is nowhere", async || {
        three.have_on_disk(markers[3].as_bytes()).is_empty() && three.have_on_disk(&event(3)).is_empty()
    })
    .await;
    for at in (0..10).filter(|at| *at != 3) {
        assert!(store.fetch(stored[at].0, stored[at].1).await.unwrap().is_some());
        // Two of three suffice to give it; the one that was away may still be reading.
        eventually("the others are on every server", async || {
            three.have_on_disk(markers[at].as_bytes()) == [0, 1, 2]
                && three.have_on_disk(&event(at)) == [0, 1, 2]
        })
        .await;
    }
    // What it was made with is as before: the next engine takes it.
    let next = Three::journal(&lease).await;
    assert_eq!(next.in_flight().await.unwrap().len(), 9);
}

#[tokio::test]
async fn an_engine_that_was_killed_while_it_mended_leaves_the_rest_to_the_next() {
    let three = Three::start().await;
    let lease = three.lead().await;
    let journal = Three::journal(&lease).await;
    journal.append(incident(1), Position::NONE, &Commit::default()).await.unwrap();
    let raw = three.raw().await;
    let names = api(&raw, "STREAM.NAMES", serde_json::json!({})).await;
    let names = names["streams"].as_array().unwrap().iter().filter_map(|name| name.as_str());
    let segment = names.filter(|name| name.starts_with("JRN_")).min().unwrap().to_owned();
    // As it is between the two steps.
    let mut config =
        api(&raw, &format!("STREAM.INFO.{segment}"), serde_json::json!({})).await["config"].clone();
    config["num_replicas"] = 1.into();
    config["metadata"]["hwc.missed"] = "n3".into();
    let changed = api(&raw, &format!("STREAM.UPDATE.{segment}"), config).await;
    assert!(changed["error"].is_null(), "{changed}");

    let next = Three::journal(&lease).await;
    assert_eq!(next.in_flight().await.unwrap().len(), 1);
    next.clear(LONG).await.unwrap();

    let config = api(&raw, &format!("STREAM.INFO.{segment}"), serde_json::json!({})).await["config"].clone();
    assert_eq!(config["num_replicas"], 3);
    assert!(config["metadata"].get("hwc.missed").is_none(), "{config}");
    assert_eq!(next.in_flight().await.unwrap().len(), 1);
}
