//! Who joins and who is put out, while the others work.

use hwc_jetstream::{DirectoryDoor, DoorError, LinkError, Published, Settings, Tasks};
use hwc_operator::{Credentials, OperatorError, Reloaded, keys};
use hwc_schemas::wire::{Answer, Task};
use hwc_vault::{Directory, read_signed};
use tokio::sync::watch;

use crate::region::{A, B, BOARD, ENGINE, PATIENCE, Region, command, member, now, organisation};

/// What an engine hands out.
fn signed(region: &Region) -> Published {
    let (text, directory) =
        read_signed(&region.operator.directory_file(), &region.operator.public_key()).unwrap();
    Published { serial: directory.serial(), text: text.into() }
}

fn task() -> Task {
    let hwc_schemas::wire::Command::Acknowledge { signal, round } = command() else { unreachable!() };
    Task::Read { signal, round }
}

#[tokio::test]
async fn who_is_added_while_others_run_can_work_at_once_and_disturbs_nobody() {
    let mut region = Region::with(&[ENGINE, A]).await;
    let mut told = region.answering().await;
    let engine = region.engine().await;
    let tasks = Tasks::open(&engine, &Settings::development()).await.unwrap();
    let (publish, published) = watch::channel(signed(&region));
    let _porter = DirectoryDoor::open(&engine, published).await.unwrap();
    let resident = region.door(A, &region.handed_over(A)).await.unwrap();
    let serial_before = publish.borrow().serial;

    let (folder, asked) = region.ask(B, "b", None);
    let turn = region.operator.add(&member(B), asked, now()).await.unwrap();
    assert_eq!(turn.reloaded, Reloaded::Yes);
    Region::fetch(&turn, &folder);

    let newcomer = region.door(B, &folder).await.unwrap();
    assert_eq!(newcomer.submit(&command()).await, Ok(Answer::Recorded));
    assert_eq!(told.recv().await.unwrap(), B);
    // What an engine does when the file changes.
    publish.send_replace(signed(&region));
    tasks.admit(&organisation(B)).await.unwrap();
    tasks.offer(&organisation(B), &task()).await.unwrap();
    let mut feed = newcomer.tasks().await.unwrap();
    assert_eq!(feed.next().await.unwrap().task, task());
    let signed = resident.directory(serial_before).await.unwrap().unwrap();
    let directory = Directory::verify(&signed, &region.operator.public_key()).unwrap();
    assert!(directory.key_of(&organisation(B)).is_ok());
    assert_eq!(resident.submit(&command()).await, Ok(Answer::Recorded));
    assert_eq!(resident.health().borrow().connections, 1);
    assert_eq!(engine.health().borrow().connections, 1);
}

#[tokio::test]
async fn a_revoked_organisation_is_out_at_once_and_cannot_come_back() {
    let mut region = Region::with(&[ENGINE, A, B]).await;
    let mut told = region.answering().await;
    let (stays, goes) = (region.handed_over(A), region.folder.path().join("kept-by-b"));
    // What they hold stays in their hands, whatever becomes of the operator's folder.
    std::process::Command::new("cp").arg("-a").arg(region.handed_over(B)).arg(&goes).status().unwrap();
    let (resident, revoked) = (region.door(A, &stays).await.unwrap(), region.door(B, &goes).await.unwrap());
    assert_eq!(revoked.submit(&command()).await, Ok(Answer::Recorded));
    assert_eq!(told.recv().await.unwrap(), B);

    let turn = region.operator.revoke(&member(B), now()).await.unwrap();
    assert_eq!(turn.reloaded, Reloaded::Yes);
    let mut health = revoked.health();
    let out = health.wait_for(|health| !health.connected);
    tokio::time::timeout(PATIENCE, out).await.unwrap().unwrap();
    let refused = revoked.with_answer_within(std::time::Duration::from_secs(2)).submit(&command()).await;
    assert!(refused.is_err(), "{refused:?}");
    let refused = region.door(B, &goes).await.unwrap_err();
    assert_eq!(refused, DoorError::Link(LinkError::CertificateRefused));

    // Not with somebody else's certificate either, for the broker knows its key no more.
    for file in [keys::TLS_CERTIFICATE, keys::TLS_KEY] {
        std::fs::copy(stays.join(file), goes.join(file)).unwrap();
    }
    let refused = region.door(B, &goes).await.unwrap_err();
    assert!(matches!(refused, DoorError::Link(LinkError::NotAdmitted(_))), "{refused}");

    assert_eq!(resident.submit(&command()).await, Ok(Answer::Recorded));
    assert_eq!(told.recv().await.unwrap(), A);
    assert_eq!(resident.health().borrow().connections, 1);
    assert!(told.try_recv().is_err(), "a revoked organisation was heard");
    let directory =
        Directory::load(&region.operator.directory_file(), &region.operator.public_key()).unwrap();
    assert!(directory.key_of(&organisation(B)).is_err());

    let again = region.operator.add(&member(B), Credentials::MadeHere, now()).await.unwrap();
    assert_eq!(again.reloaded, Reloaded::Yes);
    assert!(region.door(B, &region.handed_over(B)).await.is_ok());
}

#[tokio::test]
async fn two_engines_share_an_account_and_one_can_go_without_the_other() {
    let mut region = Region::with(&[ENGINE, "engine-two", A]).await;
    let (one, two) = (region.engine().await, region.link(&region.handed_over("engine-two")).await.unwrap());
    Tasks::open(&one, &Settings::development()).await.unwrap().admit(&organisation(A)).await.unwrap();
    let theirs = Tasks::open(&two, &Settings::development()).await.unwrap();
    theirs.offer(&organisation(A), &task()).await.unwrap();
    region.operator.revoke(&member(ENGINE), now()).await.unwrap();
    let mut health = one.health();
    let out = health.wait_for(|health| !health.connected);
    tokio::time::timeout(PATIENCE, out).await.unwrap().unwrap();
    assert_eq!(theirs.waiting().await, Ok(1));
    assert_eq!(two.health().borrow().connections, 1);
}

#[tokio::test]
async fn a_board_is_let_in_while_others_run_looks_and_is_put_out_at_once() {
    let mut region = Region::with(&[ENGINE, A]).await;
    let engine = region.engine().await;
    let (_publish, published) = watch::channel(signed(&region));
    let _porter = DirectoryDoor::open(&engine, published).await.unwrap();
    let (folder, asked) = region.ask(BOARD, "board", None);
    let turn = region.operator.add(&member(BOARD), asked, now()).await.unwrap();
    assert_eq!((turn.reloaded, engine.health().borrow().connections), (Reloaded::Yes, 1));
    Region::fetch(&turn, &folder);
    assert!(!folder.join("seal").exists() && folder.join(keys::DIRECTORY).exists());
    let shown = region.operator.show();
    let board = shown.members.iter().find(|one| one.name == BOARD).unwrap();
    assert_eq!((board.fingerprint.as_deref(), shown.applied), (None, true));

    let link = region.board(BOARD, &folder).await.unwrap();
    assert_eq!(hwc_jetstream::room(&link, 1).await.map(|room| room.streams), Ok(0));
    assert_eq!(hwc_jetstream::engines(&link, &organisation(A)).await, Ok(1));
    assert_eq!(link.health().borrow().denied, 0);

    // New keys, and the old ones are out; then it is out itself.
    let turn = region.operator.rotate(&member(BOARD), Credentials::MadeHere, false, now()).await.unwrap();
    assert_eq!(region.board(BOARD, &folder).await.unwrap_err(), LinkError::CertificateRefused);
    let again = region.board(BOARD, &turn.handover.unwrap()).await.unwrap();
    region.operator.revoke(&member(BOARD), now()).await.unwrap();
    let mut health = again.health();
    let out = health.wait_for(|health| !health.connected);
    tokio::time::timeout(PATIENCE, out).await.unwrap().unwrap();
    assert_eq!(engine.health().borrow().connections, 1);
}

#[tokio::test]
async fn a_broker_that_is_not_told_so_still_starts_with_who_takes_part_now() {
    let mut region = Region::with(&[ENGINE, A]).await;
    region.broker.kill().await.unwrap();
    let turn = region.operator.add(&member(B), Credentials::MadeHere, now()).await.unwrap();
    assert_eq!(turn.reloaded, Reloaded::NotRunning);
    region.broker.restart().await.unwrap();
    let _told = region.answering().await;
    let door = region.door(B, &region.handed_over(B)).await.unwrap();
    assert_eq!(door.submit(&command()).await, Ok(Answer::Recorded));
}

#[tokio::test]
async fn a_request_that_is_not_what_was_read_out_lets_nobody_in() {
    let mut region = Region::with(&[ENGINE, A]).await;
    let (folder, asked) = region.ask(B, "b", None);
    let Credentials::Requested(_, told) = asked else { unreachable!() };
    let path = folder.join(keys::REQUEST);
    let honest = std::fs::read_to_string(&path).unwrap();
    let (other, _) = region.ask(B, "other", None);
    let theirs: serde_json::Value =
        serde_json::from_slice(&std::fs::read(other.join(keys::REQUEST)).unwrap()).unwrap();
    // On the way somebody put a key of their own in the place of each of theirs.
    for part in ["nkey", "seal", "certificate_request"] {
        let mut altered: serde_json::Value = serde_json::from_str(&honest).unwrap();
        altered[part] = theirs[part].clone();
        std::fs::write(&path, altered.to_string()).unwrap();
        let request = Box::new(hwc_operator::Request::load(&path).unwrap());
        let refused = region.operator.add(&member(B), Credentials::Requested(request, told), now()).await;
        assert!(matches!(refused, Err(OperatorError::OtherFingerprint)), "{part}: {refused:?}");
    }
    std::fs::write(&path, &honest).unwrap();
    let load = || Box::new(hwc_operator::Request::load(&path).unwrap());
    let refused =
        region.operator.add(&member("school-03CC00"), Credentials::Requested(load(), told), now()).await;
    assert!(matches!(refused, Err(OperatorError::RequestOfAnother { .. })), "{refused:?}");

    region.operator.add(&member(B), Credentials::Requested(load(), told), now()).await.unwrap();
    let refused = region.operator.add(&member(B), Credentials::Requested(load(), told), now()).await;
    assert!(matches!(refused, Err(OperatorError::Known(_))), "{refused:?}");
    region.operator.revoke(&member(B), now()).await.unwrap();
    let refused = region.operator.add(&member(B), Credentials::Requested(load(), told), now()).await;
    assert!(
        matches!(refused, Err(OperatorError::UsedKey(_))),
        "keys that were revoked came back: {refused:?}"
    );
}
