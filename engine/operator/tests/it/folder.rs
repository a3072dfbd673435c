//! The operator's folder: closed to others, one person at the desk, and no private key that is not the operator's.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
};

use hwc_operator::{Begin, Credentials, Operator, OperatorError, keys};
use hwc_vault::SealingKeys;

use crate::region::{A, B, ENGINE, Region, everything_in, member, now, operator};

#[tokio::test]
async fn everything_is_the_operators_alone() {
    let mut region = Region::with(&[ENGINE, A]).await;
    let (folder, asked) = region.ask(B, "b", None);
    region.operator.add(&member(B), asked, now()).await.unwrap();
    region.operator.rotate(&member(A), Credentials::MadeHere, false, now()).await.unwrap();
    let all = everything_in(&region.folder.path().join("operator"));
    for name in ["register.json", "operator.nk", "ca.key", "directory.json", "broker/accounts.conf"] {
        assert!(all.contains(&region.folder.path().join("operator").join(name)), "{name} is missing");
    }
    for path in all.into_iter().chain(everything_in(&folder)) {
        let mode = path.metadata().unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode, if path.is_dir() { 0o700 } else { 0o600 }, "{}", path.display());
    }
}

#[tokio::test]
async fn the_operator_never_sees_a_private_key_of_whoever_asks() {
    let mut region = Region::with(&[ENGINE]).await;
    let (folder, asked) = region.ask(B, "b", None);
    let turn = region.operator.add(&member(B), asked, now()).await.unwrap();
    let secrets: Vec<String> = [keys::NKEY, SealingKeys::FILE, keys::TLS_KEY]
        .iter()
        .map(|name| fs::read_to_string(folder.join(name)).unwrap().trim().to_owned())
        .collect();
    for path in everything_in(&region.folder.path().join("operator")).iter().filter(|path| path.is_file()) {
        let text = String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
        assert!(!secrets.iter().any(|secret| text.contains(secret)), "{}", path.display());
    }
    let mut handed: Vec<_> = everything_in(&turn.handover.unwrap())
        .iter()
        .filter(|path| path.is_file())
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    handed.sort();
    assert_eq!(handed, ["ca.pem", "directory.json", "operator.pub", "tls.pem"]);
    let request = fs::read_to_string(folder.join(keys::REQUEST)).unwrap();
    assert!(!secrets.iter().any(|secret| request.contains(secret)), "the request holds a secret");
}

#[tokio::test]
async fn one_person_at_a_time_sits_at_the_desk() {
    let folder = tempfile::tempdir().unwrap();
    let first = operator(folder.path()).await;
    let path = folder.path().join("operator");
    assert!(matches!(Operator::open(&path), Err(OperatorError::InUse(_))));
    drop(first);
    Operator::open(&path).unwrap();
    assert!(matches!(Operator::open(folder.path()), Err(OperatorError::NotAnOperator(_))));
}

#[tokio::test]
async fn a_folder_that_others_can_enter_is_refused_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    drop(operator(folder.path()).await);
    let path = folder.path().join("operator");
    fs::set_permissions(&path, Permissions::from_mode(0o750)).unwrap();
    let told = Operator::open(&path).err().unwrap().to_string();
    assert!(told.contains("chmod 700"), "{told}");
}

#[tokio::test]
async fn nothing_that_is_there_is_begun_anew_and_a_name_that_is_none_begins_nothing() {
    let folder = tempfile::tempdir().unwrap();
    drop(operator(folder.path()).await);
    let begin = |name: &str, broker: &str| Begin {
        folder: folder.path().join(name),
        broker_names: vec![broker.to_owned()],
        pid_file: None,
        log_file: None,
        program: None,
    };
    let again = Operator::begin(&begin("operator", "127.0.0.1"), now()).await;
    assert!(matches!(again, Err(OperatorError::Exists(_))));
    for bad in ["", "tls://broker:4222", "broker:4222", "a b", "{}"] {
        let refused = Operator::begin(&begin("other", bad), now()).await;
        assert!(matches!(refused, Err(OperatorError::BrokerName)), "{bad}");
        assert!(!folder.path().join("other").exists());
    }
}

#[tokio::test]
async fn what_the_server_itself_refuses_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut operator = operator(folder.path()).await;
    let before = operator.show();
    // The server's own check finds the broker's certificate missing.
    let tls = folder.path().join("operator/broker/tls-1");
    fs::rename(&tls, folder.path().join("elsewhere")).unwrap();
    let refused = operator.add(&member(A), Credentials::MadeHere, now()).await;
    assert!(matches!(refused, Err(OperatorError::Refused(_))), "{refused:?}");
    assert_eq!(operator.show(), before);
    fs::rename(folder.path().join("elsewhere"), &tls).unwrap();
    operator.add(&member(A), Credentials::MadeHere, now()).await.unwrap();
}

#[tokio::test]
async fn what_is_shown_is_what_people_compare() {
    let region = Region::with(&[ENGINE, A]).await;
    let shown = region.operator.show();
    assert!(shown.applied);
    assert_eq!(shown.operator, region.operator.public_key().fingerprint().to_string());
    let names: Vec<_> = shown.members.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, [ENGINE, A]);
    let own = SealingKeys::load(&region.handed_over(A)).unwrap().present().public_key();
    assert_eq!(shown.members[1].fingerprint, Some(own.fingerprint().to_string()));
    assert_eq!(shown.members[0].fingerprint, None);
}
