//! A broker whose folder can be copied and put back, with a ciphertext or two in it.

use std::time::Duration;

use hwc_broker::{Broker, Cluster};
use hwc_jetstream::{Credential, JetStreamJournal, Lease, Link, Settings, permissions};
use hwc_journal::{Append, Commit, History, Journal as _, Markers, Position};
use hwc_residue::Needles;
use hwc_schemas::{
    Organisation, SignalId, SignalNumber,
    wire::{Sealed, Task},
};
use hwc_workflow::{Event, Fact};

use super::*;
use crate::engine::{self, Ground};

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

async fn lead(broker: &Broker, key: &Credential) -> (Lease, Ground<JetStreamJournal>) {
    let settings = Settings { lease_for: Duration::from_mins(10), ..Settings::development() };
    let link = Link::connect(broker.client_url(), Some(key)).await.unwrap();
    let lease = Lease::stand_by(&link, &settings, "engine").await.unwrap();
    let ground = engine::ground(&lease, &settings).await.unwrap();
    (lease, ground)
}

fn event(fact: Fact) -> Event {
    Event { at: on_day(20_000), fact }
}

async fn append(ground: &Ground<JetStreamJournal>, one: u128, end: Position, commit: Commit) -> Position {
    match ground.journal.append(incident(one), end, &commit).await.unwrap() {
        Append::Appended(end) => end,
        Append::Conflict => panic!("a conflict"),
    }
}

fn task(one: u128) -> Task {
    Task::Read { signal: SignalId { incident: incident(one), number: SignalNumber::FIRST }, round: 1 }
}

#[tokio::test]
async fn an_old_copy_of_the_brokers_folder_brings_nothing_back() {
    let folder = tempfile::tempdir().unwrap();
    let (at, kept) = (folder.path().join("broker"), folder.path().join("copy"));
    let (key, school): (_, Organisation) = (Credential::generate(), "school-01AA00".parse().unwrap());
    let mut settings = hwc_broker::Settings::in_folder(&at);
    settings.accounts =
        permissions::accounts(&key.public(), &[(school.clone(), Credential::generate().public())]);
    let mut broker = Broker::start(settings).await.unwrap();
    let (lease, ground) = lead(&broker, &key).await;
    let ended = EndedIds::open(folder.path(), KEPT, on_day(20_000)).unwrap();
    // One incident with a ciphertext, and one with two of which one lives on.
    let sealed = |number: u128| Sealed::new(number.to_be_bytes().repeat(100));
    let marks = [1_u128, 2, 3].map(|mark| mark << 100 | 0x5eed_5eed_5eed);
    let given = marks.iter().enumerate().map(|(at, mark)| (payload(at as u128), sealed(*mark))).collect();
    let stored = ground.store.store(given, LONG).await.unwrap();
    let purged = event(Fact::Purged { number: SignalNumber::FIRST });
    let one = Commit { events: vec![purged.clone()], stored: vec![stored[0]] };
    let two = Commit { events: vec![purged], stored: vec![stored[1], stored[2]] };
    let (one, two) =
        (append(&ground, 1, Position::NONE, one).await, append(&ground, 2, Position::NONE, two).await);
    for number in [1, 2] {
        ground.tasks.offer(&school, &task(number)).await.unwrap();
    }
    broker.halt().await.unwrap();
    copy(&at, &kept);
    broker.restart().await.unwrap();

    // Now they end.
    let now = on_day(20_000);
    for (payload, location) in &stored[..2] {
        ended.payload(*payload, now).await.unwrap();
        ground.store.erase(*payload, *location).await.unwrap();
    }
    let erased = event(Fact::Erased { payload: stored[1].0 });
    append(&ground, 2, two, Commit { events: vec![erased], stored: Vec::new() }).await;
    ended.incident(incident(1), now).await.unwrap();
    ground.journal.forget(incident(1), one, &Markers::default()).await.unwrap();
    // And one begins and ends of which the copy knows nothing.
    ended.incident(incident(3), now).await.unwrap();
    ground.journal.forget(incident(3), Position::NONE, &Markers::default()).await.unwrap();
    ended.learn(&ground.journal, &ground.tasks, KEPT, now).await.unwrap();
    ground.journal.clear(Duration::ZERO).await.unwrap();
    let needles = Needles::new(marks.map(|mark| mark.to_be_bytes().to_vec())).unwrap();
    let found = |at: &Path| -> Vec<_> {
        let all: HashSet<_> = needles.in_folder(at).unwrap().into_iter().map(|one| one.needle).collect();
        (0..3).filter(|needle| all.contains(needle)).collect()
    };
    assert_eq!((found(&at), found(&kept)), (vec![2], vec![0, 1, 2]));

    // Somebody puts the copy back, and the next engine starts.
    broker.halt().await.unwrap();
    fs::remove_dir_all(&at).unwrap();
    fs::rename(&kept, &at).unwrap();
    broker.restart().await.unwrap();
    drop((lease, ground, ended));
    let (_lease, ground) = lead(&broker, &key).await;
    let in_flight = ground.journal.in_flight().await.unwrap();
    assert_eq!(in_flight.len(), 2, "the copy was not put back");
    assert!(ground.store.fetch(stored[0].0, stored[0].1).await.unwrap().is_some());
    assert_eq!(ground.journal.read(incident(3)).await.unwrap(), History::Unknown);
    let (ended, now) = (EndedIds::open(folder.path(), KEPT, on_day(20_001)).unwrap(), on_day(20_001));
    // A start that is cut short after it has learned does it all again.
    for _cut_short in 0..2 {
        ended.learn(&ground.journal, &ground.tasks, KEPT, now).await.unwrap();
    }
    let rest = ended.purge_again(&ground, in_flight, now).await.unwrap();

    assert_eq!(rest.iter().map(|(incident, _)| *incident).collect::<Vec<_>>(), [incident(2)]);
    for number in [1, 3] {
        assert_eq!(ground.journal.read(incident(number)).await.unwrap(), History::Ended, "{number}");
    }
    assert_eq!(ground.journal.in_flight().await.unwrap().len(), 1);
    for (at, (payload, location)) in stored.iter().enumerate() {
        assert_eq!(ground.store.fetch(*payload, *location).await.unwrap().is_some(), at == 2);
    }
    assert_eq!(found(&at), [2]);
    assert_eq!(ground.tasks.waiting().await.unwrap(), 1);
    // Another time there is nothing to do.
    let in_flight = ground.journal.in_flight().await.unwrap();
    assert_eq!(ended.purge_again(&ground, in_flight, now).await.unwrap().len(), 1);
    ended.learn(&ground.journal, &ground.tasks, KEPT, now).await.unwrap();
}

#[tokio::test]
async fn an_engine_that_begins_to_lead_learns_what_the_others_ended() {
    let folder = tempfile::tempdir().unwrap();
    let key = Credential::generate();
    let mut settings = hwc_broker::Settings::in_folder(folder.path().join("broker"));
    settings.accounts = permissions::accounts(&key.public(), &[]);
    let broker = Broker::start(settings).await.unwrap();
    let (_lease, ground) = lead(&broker, &key).await;
    let ended = EndedIds::open(folder.path(), KEPT, on_day(20_000)).unwrap();
    let now = on_day(20_000);
    for number in [3, 4] {
        ground.journal.forget(incident(number), Position::NONE, &Markers::default()).await.unwrap();
        ended.learn(&ground.journal, &ground.tasks, KEPT, now).await.unwrap();
    }
    assert_eq!(known(&ended).0, [3, 4]);
    let length = fs::metadata(folder.path().join(FILE)).unwrap().len();
    ended.learn(&ground.journal, &ground.tasks, KEPT, now).await.unwrap();
    let after = fs::metadata(folder.path().join(FILE)).unwrap().len();
    assert_eq!(after, length, "what was known was learned again");

    // Of one that lives on it knows from the log what was erased.
    let erased = event(Fact::Erased { payload: payload(7) });
    append(&ground, 5, Position::NONE, Commit { events: vec![erased], stored: Vec::new() }).await;
    let in_flight = ground.journal.in_flight().await.unwrap();
    assert_eq!(ended.purge_again(&ground, in_flight, now).await.unwrap().len(), 1);
    assert_eq!(known(&ended).1, [7]);
}

/// Three servers that were just restarted may take a while to agree who leads a stream.
async fn until_answered<T, E: std::fmt::Debug, F: Future<Output = Result<T, E>>>(
    mut ask: impl FnMut() -> F,
) -> T {
    for _ in 0..20 {
        if let Ok(answer) = ask().await {
            return answer;
        }
    }
    ask().await.unwrap()
}

/// Three servers, and an old copy of each of their folders is put back.
#[tokio::test]
async fn old_copies_on_all_three_servers_bring_nothing_back() {
    let folder = tempfile::tempdir().unwrap();
    let (key, now) = (Credential::generate(), on_day(20_000));
    let mut settings = hwc_broker::Settings::in_folder(folder.path().join("broker"));
    settings.accounts = permissions::accounts(&key.public(), &[]);
    let mut cluster = Cluster::start(settings, 3).await.unwrap();
    let settings = || Settings { lease_for: Duration::from_mins(10), ..Settings::production() };
    let lead = async |url: String| {
        let link = Link::connect(url, Some(&key)).await.unwrap();
        // They have to agree first who leads what.
        for _ in 0..100 {
            if let Ok(lease) = Lease::stand_by(&link, &settings(), "engine").await
                && let Ok(ground) = engine::ground(&lease, &settings()).await
            {
                return (lease, ground);
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        panic!("three servers never agree")
    };
    let (lease, ground) = lead(cluster.client_url()).await;
    let ended = EndedIds::open(folder.path(), KEPT, now).unwrap();
    let mark = 0x5eed_5eed_u128 << 64;
    let sealed = vec![(payload(1), Sealed::new(mark.to_be_bytes().repeat(100)))];
    let stored = ground.store.store(sealed, LONG).await.unwrap();
    let commit = Commit { events: vec![event(Fact::Screened)], stored: stored.clone() };
    let end = append(&ground, 1, Position::NONE, commit).await;
    let folders = cluster.folders();
    let copies = folder.path().join("copies");
    for at in 0..3 {
        cluster.server(at).unwrap().halt().await.unwrap();
    }
    for (at, from) in folders.iter().enumerate() {
        copy(from, &copies.join(at.to_string()));
    }
    for at in 0..3 {
        cluster.server(at).unwrap().restart().await.unwrap();
    }

    // One ends, and another one begins and ends.
    drop((lease, ground));
    let (lease, ground) = lead(cluster.client_url()).await;
    for number in [1, 2] {
        ended.incident(incident(number), now).await.unwrap();
    }
    ended.payload(stored[0].0, now).await.unwrap();
    // As the driver does: what had no answer is done again.
    until_answered(async || ground.store.erase(stored[0].0, stored[0].1).await).await;
    until_answered(async || ground.journal.forget(incident(1), end, &Markers::default()).await).await;
    until_answered(async || ground.journal.forget(incident(2), Position::NONE, &Markers::default()).await)
        .await;
    drop((lease, ground));

    for at in 0..3 {
        cluster.server(at).unwrap().halt().await.unwrap();
    }
    let needles = Needles::new([mark.to_be_bytes().to_vec()]).unwrap();
    for (at, to) in folders.iter().enumerate() {
        fs::remove_dir_all(to).unwrap();
        fs::rename(copies.join(at.to_string()), to).unwrap();
        assert!(!needles.in_folder(to).unwrap().is_empty(), "the copy was not put back");
    }
    for at in 0..3 {
        cluster.server(at).unwrap().restart().await.unwrap();
    }
    let (_lease, ground) = lead(cluster.client_url()).await;
    until_answered(async || ended.learn(&ground.journal, &ground.tasks, KEPT, now).await).await;
    let in_flight = until_answered(async || ground.journal.in_flight().await).await;
    assert_eq!(in_flight.len(), 1, "the copies were not put back");
    let rest = ended.purge_again(&ground, in_flight, now).await.unwrap();

    assert!(rest.is_empty());
    for number in [1, 2] {
        assert_eq!(ground.journal.read(incident(number)).await.unwrap(), History::Ended, "{number}");
    }
    assert!(ground.store.fetch(stored[0].0, stored[0].1).await.unwrap().is_none());
    for _ in 0..100 {
        if folders.iter().all(|one| needles.in_folder(one).unwrap().is_empty()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("it is still on a disk");
}
