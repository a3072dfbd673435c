use super::*;

const DAY: i64 = SECONDS_OF_A_DAY;
const KEPT: KeptFor = KeptFor { incidents_days: 400, payloads_days: 29 };

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
    let all = Ids { incidents: (0..20).map(incident).collect(), payloads: (0..20).map(payload).collect() };
    let known = ended.known(&all).unwrap();
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
    assert_eq!(known(&later), (vec![6], vec![7]));
    assert_eq!(fs::metadata(folder.path().join(FILE)).unwrap().len(), 2 * RECORD_BYTES as u64);
    let last = EndedIds::open(folder.path(), KEPT, on_day(20_500)).unwrap();
    last.incident(incident(9), on_day(20_500)).await.unwrap();
    assert!(known(&last).0.contains(&9));
}

mod put_back;
