//! The address book of running adapters, on a real broker: who joins is known, whose key changes is not believed.

#![cfg(test)]

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use hwc_adapter_kit::{Attempts, Book, Follower, Nobody, Station, Unopened, WallClock, office::Unsealed};
use hwc_broker::Broker;
use hwc_jetstream::{Credential, DirectoryDoor, Door, Doors, Knock, Link, Published, permissions};
use hwc_schemas::{
    IncidentId, Organisation, SignalId,
    ask::Told,
    letter::{Letter, Plaintext, Sealable as _},
    wire::{Fetch, Fetched, Sealed},
};
use hwc_vault::{
    Directory, KeyTrouble, Listed, OperatorKey, OsChance, PublicKey, SealingKey, SealingKeys, Shelf,
};
use tempfile::TempDir;
use tokio::sync::{mpsc, watch};
use uuid::Uuid;

const PATIENCE: Duration = Duration::from_mins(1);

/// A region of a municipality and a school, with an engine that hands out the directory and whatever was sealed last.
struct Region {
    broker: Broker,
    credentials: Vec<(Organisation, Credential)>,
    operator: OperatorKey,
    publish: watch::Sender<Published>,
    hand_out: watch::Sender<Option<Sealed>>,
    folder: TempDir,
    _directory: DirectoryDoor,
    _answering: mpsc::Sender<()>,
}

impl Region {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let engine = Credential::generate();
        let credentials: Vec<_> =
            [municipality(), school()].into_iter().map(|one| (one, Credential::generate())).collect();
        let public: Vec<_> = credentials.iter().map(|(one, key)| (one.clone(), key.public())).collect();
        let settings = hwc_broker::Settings {
            accounts: permissions::accounts(&engine.public(), &public),
            ..hwc_broker::Settings::in_folder(folder.path().join("broker"))
        };
        let broker = Broker::start(settings).await.unwrap();
        let link = Link::connect(broker.client_url(), Some(&engine)).await.unwrap();
        let (publish, published) = watch::channel(Published::default());
        let directory = DirectoryDoor::open(&link, published).await.unwrap();
        let (hand_out, handed) = watch::channel(None::<Sealed>);
        let mut doors = Doors::open(&link).await.unwrap();
        let (answering, mut end) = mpsc::channel::<()>(1);
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    Some(knock) = doors.next() => match knock {
                        Knock::Fetch { caller, .. } => {
                            let sealed = handed.borrow().clone().unwrap();
                            let _ = caller.answer(&Fetched::Payload { from: municipality(), sealed }).await;
                        }
                        Knock::Ask { caller, .. } => {
                            // Nobody left any key.
                            let _ = caller.answer(&Told::KeyOf { one_time: None, weekly: None }).await;
                        }
                        Knock::Submit { .. } => {}
                    },
                    _ = end.recv() => return,
                }
            }
        });
        let operator = OperatorKey::generate();
        Self {
            broker,
            credentials,
            operator,
            publish,
            hand_out,
            folder,
            _directory: directory,
            _answering: answering,
        }
    }

    /// Signs and hands out what the operator has to say.
    fn publish(&self, serial: u64, organisations: &[(Organisation, Listed)]) {
        let mut directory = Directory::with_serial(serial);
        for (organisation, listed) in organisations {
            directory.list(organisation.clone(), listed.clone());
        }
        self.publish_signed(serial, directory.sign(&self.operator).unwrap());
    }

    fn publish_signed(&self, serial: u64, text: Vec<u8>) {
        self.publish.send_replace(Published { serial, text: text.into() });
    }

    fn state(&self, organisation: &Organisation) -> PathBuf {
        let folder = self.folder.path().join(organisation.to_string());
        fs::create_dir_all(&folder).unwrap();
        fs::set_permissions(&folder, Permissions::from_mode(0o700)).unwrap();
        folder
    }

    /// A running station, with an address book that follows the operator.
    async fn station(&self, organisation: &Organisation, keys: impl Into<SealingKeys>) -> Station {
        let (_, credential) = self.credentials.iter().find(|(one, _)| one == organisation).unwrap();
        let door = Door::connect(self.broker.client_url(), credential, organisation.clone()).await.unwrap();
        let (follower, book) =
            Follower::open(&self.state(organisation), &self.operator.public_key(), None).unwrap();
        tokio::spawn(follower.run(door.clone()));
        Station::new(door, keys, book, Arc::new(WallClock), Arc::new(Nobody))
    }

    fn shelf(&self, organisation: &Organisation) -> Shelf {
        Shelf::new(self.state(organisation), self.operator.public_key())
    }
}

fn municipality() -> Organisation {
    "municipality-0855".parse().unwrap()
}

fn school() -> Organisation {
    "school-01AA00".parse().unwrap()
}

fn signal() -> SignalId {
    format!("{}-1", IncidentId::from_uuid(Uuid::from_u128(1))).parse().unwrap()
}

fn letter() -> Letter {
    let content = br#"{"child":{"given_names":"Noor","surname":"Voorbeeld","date_of_birth":"2016-02-03"},"codeword":"Handle with Care"}"#;
    Letter::from_plaintext(&Plaintext::from_opened(content.to_vec().into())).unwrap()
}

fn key() -> Arc<SealingKey> {
    Arc::new(SealingKey::generate(&mut OsChance).unwrap())
}

fn only(key: PublicKey) -> Listed {
    Listed { key, earlier: Vec::new() }
}

async fn seal(station: &Station) -> Result<Sealed, Unsealed> {
    seal_to(station, &school()).await
}

async fn seal_to(station: &Station, receiver: &Organisation) -> Result<Sealed, Unsealed> {
    let bound = (signal().incident, Some(signal().number));
    station.office().seal(&letter(), bound, receiver, Attempts::default()).await
}

async fn open(station: &Station) -> Result<Letter, Unopened> {
    station.office().open(&Fetch::Letter { signal: signal(), round: 1 }).await
}

async fn until(what: &str, book: &Book, mut holds: impl AsyncFnMut() -> bool) {
    let since = Instant::now();
    while !holds().await {
        assert!(since.elapsed() < PATIENCE, "never: {what}");
        book.ask_soon();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn who_joins_while_others_run_can_be_sealed_to_and_opens_at_once() {
    let region = Region::start().await;
    let (theirs, ours) = (key(), key());
    region.publish(1, &[(municipality(), only(theirs.public_key()))]);
    let sender = region.station(&municipality(), Arc::clone(&theirs)).await;
    assert!(matches!(seal(&sender).await, Err(Unsealed::Receiver(KeyTrouble::Unknown(_)))));

    let both = [(municipality(), only(theirs.public_key())), (school(), only(ours.public_key()))];
    region.publish(2, &both);
    until("the school is known", sender.book(), async || seal(&sender).await.is_ok()).await;
    region.hand_out.send_replace(Some(seal(&sender).await.unwrap()));
    let receiver = region.station(&school(), ours).await;
    until("the school has its book", receiver.book(), async || {
        receiver.book().now().directory().serial() == 2
    })
    .await;
    assert!(open(&receiver).await.is_ok());
}

#[tokio::test]
async fn a_changed_key_is_refused_until_it_is_confirmed_and_what_was_in_flight_still_opens() {
    let region = Region::start().await;
    let (old, new, ours) = (key(), key(), key());
    let school_listed = (school(), only(ours.public_key()));
    region.publish(1, &[(municipality(), only(old.public_key())), school_listed.clone()]);
    let sender = region.station(&municipality(), Arc::clone(&old)).await;
    let receiver = region.station(&school(), ours).await;
    for station in [&sender, &receiver] {
        until("everybody knows", station.book(), async || station.book().now().directory().serial() == 1)
            .await;
    }
    let in_flight = seal(&sender).await.unwrap();

    let rotated = Listed { key: new.public_key(), earlier: vec![old.public_key()] };
    region.publish(2, &[(municipality(), rotated), school_listed]);
    until("the change is seen", receiver.book(), async || receiver.book().now().unconfirmed().count() == 1)
        .await;
    region.hand_out.send_replace(Some(in_flight.clone()));
    assert!(open(&receiver).await.is_ok(), "what was in flight does not open");
    let unconfirmed = seal_to(&receiver, &municipality()).await;
    let Err(Unsealed::Receiver(KeyTrouble::Unconfirmed { organisation })) = unconfirmed else {
        panic!("sealed to a key that nobody confirmed")
    };
    assert_eq!(organisation, municipality());

    let sender = Station::new(
        sender.door().clone(),
        Arc::clone(&new),
        sender.book().clone(),
        Arc::new(WallClock),
        Arc::new(Nobody),
    );
    region.hand_out.send_replace(Some(seal(&sender).await.unwrap()));
    let refused = open(&receiver).await.err().unwrap();
    assert!(matches!(refused, Unopened::Sender(KeyTrouble::Unconfirmed { .. })), "{refused}");
    assert!(refused.to_string().contains("hwc keys confirm municipality-0855"), "{refused}");

    // Another process confirms; the running one heeds it.
    assert!(region.shelf(&school()).confirm(&municipality(), old.public_key().fingerprint()).is_err());
    region.shelf(&school()).confirm(&municipality(), new.public_key().fingerprint()).unwrap();
    until("the confirmation is heeded", receiver.book(), async || {
        receiver.book().now().unconfirmed().count() == 0
    })
    .await;
    assert!(open(&receiver).await.is_ok());
    region.hand_out.send_replace(Some(in_flight));
    assert!(open(&receiver).await.is_ok(), "what was in flight does not open any more");
}

#[tokio::test]
async fn a_receiver_opens_with_its_earlier_key_what_was_sealed_before_its_own_rotation() {
    let region = Region::start().await;
    let (theirs, old) = (key(), key());
    region.publish(1, &[(municipality(), only(theirs.public_key())), (school(), only(old.public_key()))]);
    let sender = region.station(&municipality(), theirs).await;
    until("the school is known", sender.book(), async || seal(&sender).await.is_ok()).await;
    region.hand_out.send_replace(Some(seal(&sender).await.unwrap()));

    // The folder as `hwc keys new --earlier` makes it.
    let folder = region.folder.path().join("keys");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, Permissions::from_mode(0o700)).unwrap();
    key().save(&folder.join(SealingKeys::FILE)).unwrap();
    old.save(&folder.join(SealingKeys::earlier_file(1))).unwrap();
    let receiver = region.station(&school(), SealingKeys::load(&folder).unwrap()).await;
    until("the school has its book", receiver.book(), async || {
        receiver.book().now().directory().serial() == 1
    })
    .await;
    assert!(open(&receiver).await.is_ok());
}

#[tokio::test]
async fn a_forged_and_an_old_directory_from_the_engine_change_nothing() {
    let region = Region::start().await;
    let (theirs, ours) = (key(), key());
    let both = [(municipality(), only(theirs.public_key())), (school(), only(ours.public_key()))];
    region.publish(5, &both);
    let sender = region.station(&municipality(), theirs).await;
    until("the school is known", sender.book(), async || seal(&sender).await.is_ok()).await;

    let mut stolen = Directory::with_serial(9);
    stolen.insert(school(), key().public_key());
    let mut old = Directory::with_serial(4);
    old.insert(school(), key().public_key());
    for text in [
        stolen.sign(&OperatorKey::generate()).unwrap(),
        old.sign(&region.operator).unwrap(),
        b"hwc-directory-1 ".to_vec(),
        stolen.sign(&region.operator).unwrap()[..200].to_vec(),
    ] {
        // The engine is not believed: it says that this is newer.
        region.publish_signed(u64::MAX, text);
        sender.book().ask_soon();
        tokio::time::sleep(Duration::from_millis(1_200)).await;
        assert_eq!(sender.book().now().directory().serial(), 5);
        assert_eq!(sender.book().now().key_to_seal_to(&school()), Ok(&ours.public_key()));
    }
}
