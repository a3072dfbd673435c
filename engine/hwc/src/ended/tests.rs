use super::*;

const DAY: i64 = SECONDS_OF_A_DAY;
const KEPT: KeptFor =
    KeptFor { incidents: Duration::from_hours(24 * 400), payloads: Duration::from_hours(24 * 29) };

fn incident(number: u128) -> IncidentId {
    IncidentId::from_uuid(Uuid::from_u128(number))
}

fn payload(number: u128) -> PayloadId {
    PayloadId::from_uuid(Uuid::from_u128(number))
}

fn on_day(day: i64) -> Timestamp {
    Timestamp::from_second(day * DAY + 5).unwrap()
}

fn known(ended: &EndedIds) -> (Vec<u128>, Vec<u128>) {
    let (incidents, payloads) = ((0..20).map(incident).collect(), (0..20).map(payload).collect());
    let known = ended.known(&incidents, &payloads).unwrap();
    let number = |id: &[u8; 16]| u128::from_be_bytes(*id);
    let mut incidents: Vec<_> = known.incidents.iter().map(|one| number(one.as_bytes())).collect();
    let mut payloads: Vec<_> = known.payloads.iter().map(|one| number(one.as_bytes())).collect();
    incidents.sort_unstable();
    payloads.sort_unstable();
    (incidents, payloads)
}

#[tokio::test]
async fn what_ended_is_known_after_any_end_and_nothing_else_is() {
    let folder = tempfile::tempdir().unwrap();
    let ended = EndedIds::open(folder.path(), KEPT, on_day(20_000)).unwrap();
    ended.incident(incident(3), on_day(20_000)).await.unwrap();
    ended.payload(payload(4), on_day(20_000)).await.unwrap();
    ended.payload(payload(77), on_day(20_000)).await.unwrap();
    assert_eq!(known(&ended), (vec![3], vec![4]));
    let again = EndedIds::open(folder.path(), KEPT, on_day(20_001)).unwrap();
    assert_eq!(known(&again), (vec![3], vec![4]));
}

#[tokio::test]
async fn a_record_that_was_being_written_when_the_machine_stopped_hides_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE);
    let ended = EndedIds::open(folder.path(), KEPT, on_day(20_000)).unwrap();
    ended.incident(incident(1), on_day(20_000)).await.unwrap();
    let whole = fs::read(&path).unwrap();
    for torn in 1..RECORD_BYTES {
        fs::write(&path, [&whole[..], &whole[..torn]].concat()).unwrap();
        let ended = EndedIds::open(folder.path(), KEPT, on_day(20_000)).unwrap();
        ended.incident(incident(2), on_day(20_000)).await.unwrap();
        assert_eq!(known(&ended).0, [1, 2]);
    }
}

#[tokio::test]
async fn a_file_that_is_damaged_is_said_to_be_and_never_taken_for_an_empty_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE);
    let ended = EndedIds::open(folder.path(), KEPT, on_day(20_000)).unwrap();
    for number in 0..3 {
        ended.incident(incident(number), on_day(20_000)).await.unwrap();
    }
    let mut bytes = fs::read(&path).unwrap();
    bytes[RECORD_BYTES + 9] ^= 1;
    fs::write(&path, bytes).unwrap();
    let refused = EndedIds::open(folder.path(), KEPT, on_day(20_000)).unwrap_err();
    assert!(matches!(refused, EndedIdsError::Damaged(_)), "{refused}");
}

#[tokio::test]
async fn ids_are_kept_for_their_time_and_the_file_does_not_grow_without_end() {
    let folder = tempfile::tempdir().unwrap();
    let ended = EndedIds::open(folder.path(), KEPT, on_day(20_000)).unwrap();
    let old: Vec<_> = (100..400)
        .map(|id| Record { kind: Kind::Payload, day: 20_000, id })
        .chain([
            Record { kind: Kind::Payload, day: 20_000, id: 5 },
            Record { kind: Kind::Incident, day: 20_000, id: 6 },
            Record { kind: Kind::ReadTo, day: 20_000, id: 41 },
            Record { kind: Kind::Payload, day: 20_020, id: 7 },
            Record { kind: Kind::ReadTo, day: 20_000, id: 42 },
        ])
        .collect();
    ended.note(old).await.unwrap();
    let later = EndedIds::open(folder.path(), KEPT, on_day(20_040)).unwrap();
    assert_eq!((known(&later), later.read_to().unwrap()), ((vec![6], vec![7]), 42));
    assert_eq!(fs::metadata(folder.path().join(FILE)).unwrap().len(), 3 * RECORD_BYTES as u64);
    let last = EndedIds::open(folder.path(), KEPT, on_day(20_500)).unwrap();
    last.incident(incident(9), on_day(20_500)).await.unwrap();
    assert_eq!(last.read_to().unwrap(), 42);
    assert!(known(&last).0.contains(&9));
}

#[test]
fn an_end_that_a_crash_cut_short_is_no_copy_that_was_put_back() {
    let (at, generation) = (on_day(20_000), hwc_journal::Generation::from_uuid(Uuid::from_u128(1)));
    let report = payload(4);
    let recorded = Fact::Recorded {
        police: "police-1".parse().unwrap(),
        veilig_thuis: "veilig-thuis-1".parse().unwrap(),
        report,
        trace: None,
    };
    let history = |facts: &[Fact]| History::Live {
        commits: vec![hwc_journal::Commit {
            events: facts.iter().map(|fact| hwc_workflow::Event { at, fact: fact.clone() }).collect(),
            stored: vec![(report, Location::new(generation, 1))],
        }],
        position: hwc_journal::Position(1),
    };
    let facts = [
        recorded,
        Fact::NotDomesticViolence { children: 1 },
        Fact::Erased { payload: report },
        Fact::IncidentPurged,
    ];
    // As long as the report is needed, whoever says that it was erased has seen a later log than this one.
    assert_eq!(held(&history(&facts[..1])).len(), 1);
    // From then on the log itself says that it goes, and the driver sees to it.
    for known in 2..=facts.len() {
        assert_eq!(held(&history(&facts[..known])), [], "{known} facts");
    }
    assert!(!is_over(&history(&facts[..3])) && is_over(&history(&facts)));
}

/// A broker whose folder can be copied and put back, with a ciphertext or two in it.
mod put_back {
    use hwc_broker::Broker;
    use hwc_jetstream::{Credential, Lease, Link, Settings, permissions};
    use hwc_journal::{Append, Commit, Markers, Position};
    use hwc_residue::Needles;
    use hwc_schemas::{
        Organisation, SignalId, SignalNumber,
        wire::{Sealed, Task},
    };
    use hwc_workflow::Event;

    use super::*;
    use crate::engine;

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
        let ended = EndedIds::open(folder.path(), KEPT, on_day(20_001)).unwrap();
        let rest = ended.purge_again(&ground, in_flight).await.unwrap();

        assert_eq!(rest.iter().map(|(incident, _)| *incident).collect::<Vec<_>>(), [incident(2)]);
        assert_eq!(ground.journal.read(incident(1)).await.unwrap(), History::Ended);
        assert_eq!(ground.journal.in_flight().await.unwrap().len(), 1);
        for (at, (payload, location)) in stored.iter().enumerate() {
            assert_eq!(ground.store.fetch(*payload, *location).await.unwrap().is_some(), at == 2);
        }
        assert_eq!(found(&at), [2]);
        assert_eq!(ground.tasks.waiting().await.unwrap(), 1);
        // Another time there is nothing to do.
        let in_flight = ground.journal.in_flight().await.unwrap();
        assert_eq!(ended.purge_again(&ground, in_flight).await.unwrap().len(), 1);
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
        for number in [3, 4] {
            ground.journal.forget(incident(number), Position::NONE, &Markers::default()).await.unwrap();
            ended.learn(&ground.journal, on_day(20_000)).await.unwrap();
        }
        assert_eq!(known(&ended).0, [3, 4]);
        let length = fs::metadata(folder.path().join(FILE)).unwrap().len();
        ended.learn(&ground.journal, on_day(20_000)).await.unwrap();
        let more = fs::metadata(folder.path().join(FILE)).unwrap().len() - length;
        assert_eq!(more, RECORD_BYTES as u64, "what was known was learned again");
    }
}
