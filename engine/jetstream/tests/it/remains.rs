//! What remains by policy goes when it is old enough, and no sooner.

use std::time::Duration;

use hwc_jetstream::{
    BreachRecord, BreachRecordKind, Breaches, JetStreamJournal, Remains, Settings, erase_older, older,
};
use hwc_journal::{Commit, History, Journal as _, Markers, Position};
use hwc_schemas::{IncidentId, SignalNumber};
use jiff::Timestamp;
use uuid::Uuid;

use crate::region::Region;

fn incident(number: u128) -> IncidentId {
    IncidentId::from_uuid(Uuid::from_u128(number))
}

#[tokio::test]
async fn r24_tombstones_and_breach_records_go_when_they_are_old_enough() {
    let region = Region::with(&[]).await;
    let link = region.link().await;
    let settings = Settings::development();
    let journal = JetStreamJournal::open(region.lead(&link).await, &settings).await.unwrap();
    let breaches = Breaches::open(&link, &settings).await.unwrap();
    let day = jiff::civil::date(2026, 11, 22);
    for number in 1..=3 {
        let end = journal.append(incident(number), Position::NONE, &Commit::default()).await.unwrap();
        let hwc_journal::Append::Appended(end) = end else { panic!("a conflict") };
        journal.forget(incident(number), end, &Markers::default()).await.unwrap();
        let record = BreachRecord { day, kind: BreachRecordKind::Returned, opened: Some(true) };
        let first = SignalNumber::FIRST;
        breaches.keep((incident(number), first, Timestamp::now()), &record).await.unwrap();
    }
    // No clock of ours is asked: the broker says how long it has had something.
    let (hour, at_all) = (Duration::from_hours(1), Duration::ZERO);
    for what in Remains::ALL {
        assert_eq!(older(&link, what, hour).await, Ok(0), "{what:?}");
        assert_eq!(erase_older(&link, what, hour).await, Ok(0), "{what:?}");
        assert_eq!(older(&link, what, at_all).await, Ok(3), "{what:?}");
    }
    assert_eq!(journal.read(incident(2)).await.unwrap(), History::Ended, "counting changed nothing");

    assert_eq!(erase_older(&link, Remains::Tombstones, at_all).await, Ok(3));

    assert_eq!(older(&link, Remains::Tombstones, at_all).await, Ok(0));
    assert_eq!(older(&link, Remains::BreachRecords, at_all).await, Ok(3), "they have a time of their own");
}
