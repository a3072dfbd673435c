//! A board on a real broker: it sees what an engine's own look sees, it does nothing, and what it could think of is refused.

use std::{collections::BTreeSet, time::Duration};

use hwc_jetstream::{
    BoardName, Counts, Credential, DirectoryDoor, Fault, JetStreamJournal, KeyStock, Link, Published,
    SealedStore, Settings, Tail, broker_time, differences, engines, feeds, inventory, kept_streams,
    keys_left, leading, permissions, room, tasks_lying, untold_mails, withdraw_task,
};
use hwc_journal::{Commit, Journal as _, Markers, Position};
use hwc_schemas::{
    IncidentId, KeyId, Organisation, PayloadId,
    key::{Digits, KeyKind, SignedKey},
    wire::Sealed,
};
use hwc_workflow::{Event, Fact};
use jiff::civil::date;
use serde_json::json;
use tokio::sync::watch;
use uuid::Uuid;

use crate::region::{Region, api};

const A: &str = "school-01AA00";

/// A region with a school and a board.
struct Seen {
    region: Region,
    board: Credential,
    name: BoardName,
}

impl Seen {
    async fn region() -> Self {
        let (board, name) = (Credential::generate(), "one".parse::<BoardName>().unwrap());
        let boards = [(name.clone(), board.public())];
        let accounts = |engine: &Credential, organisations: &[_]| {
            let limits = permissions::AccountLimits::default();
            permissions::region(&[engine.public()], &boards, organisations, limits)
        };
        Self { region: Region::with_accounts(&[A], accounts).await, board, name }
    }

    async fn link(&self) -> Link {
        Link::connect_board(self.region.broker.client_url(), &self.board, &self.name).await.unwrap()
    }
}

fn incident(number: u128) -> IncidentId {
    IncidentId::from_uuid(Uuid::from_u128(number))
}

fn screened() -> Commit {
    let event = Event { at: "2026-11-19T06:00:00Z".parse().unwrap(), fact: Fact::Screened };
    Commit { events: vec![event], stored: Vec::new() }
}

#[tokio::test]
async fn a_board_sees_what_an_engine_sees_and_nothing_is_denied_or_changed() {
    let seen = Seen::region().await;
    let (engine, board) = (seen.region.link().await, seen.link().await);
    let (lease, settings) = (seen.region.lead(&engine).await, Settings::development());
    let journal = JetStreamJournal::open(lease, &settings).await.unwrap();
    for number in 1..=150 {
        journal.append(incident(number), Position::NONE, &screened()).await.unwrap();
    }
    journal.forget(incident(7), Position(7), &Markers::default()).await.unwrap();
    let store = SealedStore::open(&engine, &settings);
    let sealed = |number| (PayloadId::from_uuid(Uuid::from_u128(number)), Sealed::new(vec![7; 300]));
    store.store(vec![sealed(1), sealed(2)], Duration::from_hours(1)).await.unwrap();
    let (stock, _) = KeyStock::open(lease, &settings).await.unwrap();
    for byte in 1..=3 {
        let kind = if byte == 3 { KeyKind::Weekly { made: date(2026, 11, 16) } } else { KeyKind::OneTime };
        let (id, key) = (KeyId::from_uuid(Uuid::from_u128(byte.into())), Digits([byte; 32]));
        let key = SignedKey { id, kind, key, signature: Digits([byte; 64]) };
        stock.put(&A.parse().unwrap(), &key).await.unwrap();
    }
    let _tasks = seen.region.tasks().await;
    let (_tell, published) = watch::channel(Published { serial: 1, text: "the directory".into() });
    // Two engines; one stands by.
    let stand_by = seen.region.link().await;
    let _doors = (
        DirectoryDoor::open(&engine, published.clone()).await.unwrap(),
        DirectoryDoor::open(&stand_by, published).await.unwrap(),
    );

    let before = api(&seen.region.raw_engine().await, "STREAM.LIST", json!({})).await;
    let read = |link: &Link| {
        let link = link.clone();
        async move { JetStreamJournal::read_only(&link).in_flight().await.unwrap() }
    };
    let (by_engine, by_board) = (read(&engine).await, read(&board).await);
    assert_eq!((by_engine.len(), &by_board), (149, &by_engine));
    // Whoever looks again and again reads only what is new, and sees the same.
    let notes = [&engine, &board].map(JetStreamJournal::read_only);
    for reader in &notes {
        assert_eq!(reader.in_flight().await.unwrap(), by_engine);
    }
    journal.append(incident(8), Position(8), &screened()).await.unwrap();
    journal.append(incident(152), Position::NONE, &screened()).await.unwrap();
    journal.forget(incident(9), Position(9), &Markers::default()).await.unwrap();
    journal.clear(Duration::ZERO).await.unwrap();
    let by_engine = read(&engine).await;
    for reader in &notes {
        assert_eq!(reader.in_flight().await.unwrap(), by_engine);
        assert_eq!(reader.in_flight().await.unwrap(), by_engine);
    }
    assert_eq!(by_engine.len(), 149);
    let (mut by_engine, mut by_board) = (Tail::of(&engine), Tail::of(&board));
    assert_eq!(by_board.look().await.unwrap(), by_engine.look().await.unwrap());
    journal.append(incident(151), Position::NONE, &screened()).await.unwrap();
    let (told, again) = (by_board.look().await.unwrap(), by_board.look().await.unwrap());
    assert_eq!((told.len(), told[0].0, again.len()), (1, incident(151), 0));
    let tombstones = JetStreamJournal::read_only(&board).tombstones().await.unwrap();
    assert_eq!(tombstones.len(), 2);

    let ids = async |link: &Link| {
        let all = inventory(link).await.unwrap();
        all.into_iter().map(|one| one.payload).collect::<BTreeSet<_>>()
    };
    assert_eq!((ids(&board).await, ids(&board).await.len()), (ids(&engine).await, 2));
    let organisation: Organisation = A.parse().unwrap();
    assert_eq!(leading(&board).await.unwrap().map(|one| one.engine).as_deref(), Some("test"));
    assert_eq!(engines(&board, &organisation).await, Ok(2));
    assert_eq!(engines(&engine, &organisation).await, Ok(2));
    // An engine's credential may ask as a board, too.
    let (url, key) = (seen.region.broker.client_url(), &seen.region.engine);
    let lent = Link::connect_board(url, key, &seen.name).await.unwrap();
    assert_eq!(engines(&lent, &organisation).await, Ok(2));
    assert_eq!(feeds(&board).await, feeds(&engine).await);
    assert_eq!(keys_left(&board).await, keys_left(&engine).await);
    assert_eq!(kept_streams(&board).await.unwrap().len(), kept_streams(&engine).await.unwrap().len());
    assert_eq!(room(&board, 1).await.unwrap().streams, room(&engine, 1).await.unwrap().streams);
    assert_eq!(untold_mails(&board).await, untold_mails(&engine).await);
    assert_eq!(tasks_lying(&board).await, tasks_lying(&engine).await);
    assert!(broker_time(&board).await.is_ok());
    let members = [organisation].into();
    let (by_board, by_engine) =
        (differences(&board, &settings, &members).await, differences(&engine, &settings, &members).await);
    assert_eq!(by_board, by_engine);
    assert_eq!(Counts::read_only(&board).read().await, Counts::read_only(&engine).read().await);

    assert_eq!(board.health().borrow().denied, 0);
    let after = api(&seen.region.raw_engine().await, "STREAM.LIST", json!({})).await;
    let consumers = |list: &serde_json::Value| -> Vec<_> {
        let streams = list["streams"].as_array().unwrap().iter();
        streams.map(|one| (one["config"].clone(), one["state"]["consumer_count"].clone())).collect()
    };
    assert_eq!(consumers(&before), consumers(&after));
}

#[tokio::test]
async fn what_is_more_than_looking_is_refused_before_it_is_sent_and_by_the_broker() {
    let seen = Seen::region().await;
    let (engine, board) = (seen.region.link().await, seen.link().await);
    let _lease = seen.region.lead(&engine).await;
    assert_eq!(withdraw_task(&board, 1).await, Err(Fault::OnlyLooks));
    let standing_by = hwc_jetstream::Tasks::open(&board, &Settings::development()).await;
    assert!(format!("{standing_by:?}").contains("OnlyLooks"), "{standing_by:?}");
    let raw = seen.region.raw(&seen.board, &format!("_INBOX_{}", seen.name)).await;
    for deed in ["hwc.lead", "$JS.API.STREAM.PURGE.LEAD", "$JS.API.CONSUMER.CREATE.LEAD.x.hwc.lead"] {
        assert!(raw.request(deed, "{}".into()).await.is_err(), "{deed} is open");
    }
    // A question may be asked; where its answer is to go is a subject of the board's own account.
    raw.publish_with_reply("$JS.API.INFO", "hwc.lead", "".into()).await.unwrap();
    raw.flush().await.unwrap();
    api(&raw, "INFO", json!({})).await;
    assert_eq!(leading(&board).await.unwrap().map(|one| one.engine).as_deref(), Some("test"));
}
