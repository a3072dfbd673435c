//! A region that an operator set up: a broker that reads the operator's files, and members with what was handed over.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use hwc_broker::Broker;
use hwc_jetstream::{Address, Credential, Door, DoorError, Doors, Knock, Link, LinkError, TlsFiles};
use hwc_operator::{Begin, Credentials, Member, Operator, Reloaded, Request, Turn, keys};
use hwc_schemas::{
    IncidentId, Organisation,
    wire::{Answer, Command, Sealed},
};
use jiff::Timestamp;
use tempfile::TempDir;
use uuid::Uuid;

pub(crate) const PATIENCE: Duration = Duration::from_mins(1);
pub(crate) const A: &str = "school-01AA00";
pub(crate) const B: &str = "school-02BB00";
pub(crate) const ENGINE: &str = "engine-one";
pub(crate) const BOARD: &str = "board-one";

pub(crate) struct Region {
    pub(crate) operator: Operator,
    pub(crate) broker: Broker,
    pub(crate) folder: TempDir,
}

pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

pub(crate) fn member(name: &str) -> Member {
    name.parse().unwrap()
}

pub(crate) fn organisation(name: &str) -> Organisation {
    name.parse().unwrap()
}

/// An operator in a new folder, whose broker will run beside it.
pub(crate) async fn operator(folder: &Path) -> Operator {
    let begin = Begin {
        folder: folder.join("operator"),
        broker_names: vec!["127.0.0.1".to_owned()],
        pid_file: Some(folder.join("broker/broker.pid")),
        log_file: Some(folder.join("broker/broker.log")),
        program: None,
    };
    Operator::begin(&begin, now()).await.unwrap()
}

impl Region {
    /// A region with these members, whose broker runs.
    pub(crate) async fn with(members: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut operator = operator(folder.path()).await;
        for name in members {
            let turn = operator.add(&member(name), Credentials::MadeHere, now()).await.unwrap();
            assert_eq!(turn.reloaded, Reloaded::NotRunning);
        }
        let settings = hwc_broker::Settings {
            accounts: "include \"../operator/broker/accounts.conf\"\n".to_owned(),
            secured: true,
            ..hwc_broker::Settings::in_folder(folder.path().join("broker"))
        };
        Self { operator, broker: Broker::start(settings).await.unwrap(), folder }
    }

    /// The folder with a member's keys, as it was handed over.
    pub(crate) fn handed_over(&self, name: &str) -> PathBuf {
        self.folder.path().join("operator/handover").join(name)
    }

    /// Makes a member's keys where the operator never looks, and asks.
    pub(crate) fn ask(&self, name: &str, folder: &str, earlier: Option<&Path>) -> (PathBuf, Credentials) {
        let folder = self.folder.path().join(folder);
        let told = keys::make(&member(name), &folder, earlier).unwrap().fingerprint();
        let request = Request::load(&folder.join(keys::REQUEST)).unwrap();
        (folder, Credentials::Requested(Box::new(request), told))
    }

    /// Puts what was handed over beside what the member made itself.
    pub(crate) fn fetch(turn: &Turn, folder: &Path) {
        for entry in fs::read_dir(turn.handover.as_ref().unwrap()).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, folder.join(path.file_name().unwrap())).unwrap();
        }
    }

    pub(crate) fn address(&self, keys: &Path) -> Address {
        Address::secured(self.broker.client_url(), TlsFiles::in_folder(keys))
    }

    pub(crate) async fn link(&self, keys: &Path) -> Result<Link, LinkError> {
        let credential = Credential::read(&keys.join(keys::NKEY)).unwrap();
        Link::connect(self.address(keys), Some(&credential)).await
    }

    pub(crate) async fn board(&self, name: &str, keys: &Path) -> Result<Link, LinkError> {
        let credential = Credential::read(&keys.join(keys::NKEY)).unwrap();
        Link::connect_board(self.address(keys), &credential, &name.parse().unwrap()).await
    }

    pub(crate) async fn engine(&self) -> Link {
        self.link(&self.handed_over(ENGINE)).await.unwrap()
    }

    pub(crate) async fn door(&self, name: &str, keys: &Path) -> Result<Door, DoorError> {
        let credential = Credential::read(&keys.join(keys::NKEY)).unwrap();
        Door::connect(self.address(keys), &credential, organisation(name)).await
    }

    /// Says yes to every command, and tells whose it was.
    pub(crate) async fn answering(&self) -> tokio::sync::mpsc::UnboundedReceiver<String> {
        let mut doors = Doors::open(&self.engine().await).await.unwrap();
        let (tell, told) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Some(knock) = doors.next().await {
                if let Knock::Submit { from, caller, .. } = knock {
                    let _ = tell.send(from.to_string());
                    let _ = caller.answer(&Answer::Recorded).await;
                }
            }
        });
        told
    }
}

pub(crate) fn command() -> Command<Sealed> {
    let incident = IncidentId::from_uuid(Uuid::from_u128(1));
    Command::Acknowledge { signal: format!("{incident}-1").parse().unwrap(), round: 1 }
}

/// Everything below a folder.
pub(crate) fn everything_in(folder: &Path) -> Vec<PathBuf> {
    let mut all = vec![folder.to_owned()];
    if folder.is_dir() {
        all.extend(fs::read_dir(folder).unwrap().flat_map(|entry| everything_in(&entry.unwrap().path())));
    }
    all
}
