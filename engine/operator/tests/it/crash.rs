//! Killed at the desk: the folder is usable, and whoever takes part still does.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use hwc_operator::{Credentials, Operator};
use hwc_vault::{AddressBook, Directory};

use crate::region::{A, B, ENGINE, everything_in, member, now, operator};

const DESK: &str = "HWC_OPERATOR_TEST_DESK";

/// Not a test of its own: what the next one kills.
#[tokio::test]
async fn somebody_at_the_desk_who_will_be_killed() {
    let Some(folder) = std::env::var_os(DESK).map(PathBuf::from) else { return };
    let mut operator = Operator::open(&folder).unwrap();
    loop {
        for name in [A, B] {
            let known = operator.show().members.iter().any(|one| one.name == name);
            if known {
                operator.rotate(&member(name), Credentials::MadeHere, false, now()).await.unwrap();
            } else {
                operator.add(&member(name), Credentials::MadeHere, now()).await.unwrap();
            }
        }
        operator.revoke(&member(A), now()).await.unwrap();
    }
}

#[tokio::test]
async fn killed_at_any_moment_the_folder_is_usable_and_nothing_that_was_said_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let mut desk = operator(folder.path()).await;
    desk.add(&member(ENGINE), Credentials::MadeHere, now()).await.unwrap();
    let path = folder.path().join("operator");
    let mut serial = desk.show().serial;
    drop(desk);
    for round in 0..12_u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::somebody_at_the_desk_who_will_be_killed"])
            .env(DESK, &path)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(90 + 37 * round));
        child.kill().unwrap();
        child.wait().unwrap();

        let mut desk = Operator::open(&path).unwrap();
        desk.apply(None, now()).await.unwrap();
        let shown = desk.show();
        assert!(shown.applied);
        assert!(shown.serial >= serial, "what was said was forgotten");
        serial = shown.serial;
        assert!(shown.members.iter().any(|one| one.name == ENGINE));
        let directory = Directory::load(&desk.directory_file(), &desk.public_key()).unwrap();
        assert_eq!(directory.serial(), serial);
        let members = shown.members.iter().filter(|one| one.fingerprint.is_some()).count();
        assert_eq!(directory.iter().count(), members);
    }
    assert!(serial > 5, "nothing was done before the kills");
}

#[tokio::test]
async fn what_is_missing_or_stale_is_made_again_from_the_register() {
    let folder = tempfile::tempdir().unwrap();
    let mut desk = operator(folder.path()).await;
    desk.add(&member(A), Credentials::MadeHere, now()).await.unwrap();
    let path = folder.path().join("operator");
    let (accounts, directory) = (path.join("broker/accounts.conf"), path.join("directory.json"));
    let stale = (fs::read(&accounts).unwrap(), fs::read(&directory).unwrap());
    desk.add(&member(B), Credentials::MadeHere, now()).await.unwrap();
    let good = (fs::read(&accounts).unwrap(), fs::read(&directory).unwrap());
    drop(desk);

    // As a kill after the register was written leaves it.
    fs::write(&accounts, stale.0).unwrap();
    fs::write(&directory, stale.1).unwrap();
    fs::create_dir(path.join("handover/.school-03CC00.new")).unwrap();
    let mut desk = Operator::open(&path).unwrap();
    assert!(!desk.show().applied);
    desk.apply(None, now()).await.unwrap();
    assert_eq!((fs::read(&accounts).unwrap(), fs::read(&directory).unwrap()), good);
    // As a kill before anything else leaves it.
    fs::remove_file(&accounts).unwrap();
    fs::remove_file(&directory).unwrap();
    desk.apply(None, now()).await.unwrap();
    assert_eq!((fs::read(&accounts).unwrap(), fs::read(&directory).unwrap()), good);
    desk.add(&member("school-03CC00"), Credentials::MadeHere, now()).await.unwrap();
    let half_made =
        everything_in(&path.join("handover")).iter().any(|one| one.to_string_lossy().ends_with(".new"));
    assert!(!half_made);
}

#[tokio::test]
async fn a_folder_restored_from_an_older_copy_goes_on_from_what_everybody_saw() {
    let folder = tempfile::tempdir().unwrap();
    let mut desk = operator(folder.path()).await;
    desk.add(&member(A), Credentials::MadeHere, now()).await.unwrap();
    let register = folder.path().join("operator/register.json");
    let copy = fs::read(&register).unwrap();
    desk.add(&member(B), Credentials::MadeHere, now()).await.unwrap();
    let load = |desk: &Operator| Directory::load(&desk.directory_file(), &desk.public_key()).unwrap();
    let seen = AddressBook::from(load(&desk));
    drop(desk);

    fs::write(&register, copy).unwrap();
    let mut desk = Operator::open(&folder.path().join("operator")).unwrap();
    desk.apply(None, now()).await.unwrap();
    assert!(AddressBook::new(load(&desk), seen.known().clone()).is_err(), "an old directory was taken");
    desk.apply(Some(seen.directory().serial()), now()).await.unwrap();
    let after = AddressBook::new(load(&desk), seen.known().clone()).unwrap();
    assert!(after.key_to_seal_to(&crate::region::organisation(A)).is_ok());
    assert!(after.key_to_seal_to(&crate::region::organisation(B)).is_err());
}
