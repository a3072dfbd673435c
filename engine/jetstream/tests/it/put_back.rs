//! Somebody puts an old copy of one server's folder back, among three: nothing of what was erased since comes back.

use std::{fs, path::Path, time::Duration};

use hwc_jetstream::SealedStore;
use hwc_journal::{Append, Commit, Generation, History, Journal as _, Location, Markers, Position};
use hwc_schemas::{IncidentId, PayloadId, wire::Sealed};
use uuid::Uuid;

use crate::{region::eventually, three::Three};

const LONG: Duration = Duration::from_hours(1);

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

fn incident(number: u128) -> IncidentId {
    IncidentId::from_uuid(Uuid::from_u128(number))
}

fn canary(marker: Uuid) -> (PayloadId, Sealed) {
    let random = (0..128).flat_map(|_| Uuid::new_v4().into_bytes());
    let bytes = marker.into_bytes().into_iter().chain(random).collect();
    (PayloadId::from_uuid(Uuid::new_v4()), Sealed::new(bytes))
}

#[tokio::test]
async fn an_old_copy_of_one_servers_folder_brings_nothing_back() {
    let mut three = Three::start().await;
    let lease = three.lead().await;
    let journal = Three::journal(&lease).await;
    let (store, others) = (
        SealedStore::open(lease.link(), &Three::settings()),
        SealedStore::open(lease.link(), &Three::settings()),
    );
    let (alone, among) = (Uuid::new_v4(), (0..4).map(|_| Uuid::new_v4()).collect::<Vec<_>>());
    let dropped = store.store(vec![canary(alone)], LONG).await.unwrap();
    let stored = others.store(among.iter().copied().map(canary).collect(), LONG).await.unwrap();
    let at = Location::new(Generation::from_uuid(Uuid::nil()), 1);
    let mark = PayloadId::from_uuid(Uuid::new_v4());
    let commit = Commit { events: Vec::new(), stored: vec![(mark, at)] };
    let Append::Appended(end) = journal.append(incident(1), Position::NONE, &commit).await.unwrap() else {
        panic!("a conflict")
    };
    eventually("it is on three servers", async || {
        [alone, among[3]].iter().all(|marker| three.have_on_disk(marker.as_bytes()).len() == 3)
    })
    .await;
    let folders = three.cluster.folders();
    let kept = tempfile::tempdir().unwrap();
    let copied = kept.path().join("copy");
    three.cluster.server(2).unwrap().halt().await.unwrap();
    copy(&folders[2], &copied);
    three.cluster.server(2).unwrap().restart().await.unwrap();

    // It ends, and every server has heard of it.
    eventually("it is erased", async || {
        let erased = store.erase_all(&dropped).await.is_ok() && others.erase_all(&stored[3..]).await.is_ok();
        erased && journal.forget(incident(1), end, &Markers::default()).await.is_ok()
    })
    .await;
    eventually("it is cleared", async || {
        journal.clear(Duration::ZERO).await.is_ok_and(|cleared| cleared.unanswered == 0)
    })
    .await;
    eventually("the blocks have nothing", async || three.have_on_disk(alone.as_bytes()).is_empty()).await;

    three.cluster.server(2).unwrap().halt().await.unwrap();
    fs::remove_dir_all(&folders[2]).unwrap();
    fs::rename(&copied, &folders[2]).unwrap();
    assert_eq!(three.have_on_disk(alone.as_bytes()), [2], "the copy was not put back");
    three.cluster.server(2).unwrap().restart().await.unwrap();

    eventually("what was dropped is nowhere", async || {
        three.have_on_disk(alone.as_bytes()).is_empty()
            && three.have_on_disk(mark.to_string().as_bytes()).is_empty()
    })
    .await;
    // Of what was deleted among others the copy may keep the bytes (`docs/erasure.md`); nobody is given them.
    assert!(others.fetch(stored[3].0, stored[3].1).await.unwrap().is_none());
    assert!(store.fetch(dropped[0].0, dropped[0].1).await.unwrap().is_none());
    assert_eq!(journal.read(incident(1)).await.unwrap(), History::Ended);
    for (payload, location) in &stored[..3] {
        assert!(others.fetch(*payload, *location).await.unwrap().is_some());
    }
}
