//! A school's tray with a bell, and an engine that nobody asks anything.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, sync::Arc, time::Duration};

use hwc_adapter_kit::{
    Clerk as _, Line, Nobody, Office, Said, Seals, Settled, Unopened, WallClock, office::Unsealed,
};
use hwc_schemas::{
    Organisation, SignalId, SignalNumber, Traceparent,
    letter::Plaintext,
    wire::{Answer, Binding, Command, Fetch, Fetched, Notice, Sealed, Task},
};
use hwc_school::Tray;
use hwc_school_systems::webhook::{Bell, Ringing, Webhook, WebhookTable};
use jiff::Timestamp;
use tokio::task::JoinHandle;

use crate::receiver::{Receiver, SECRET};

/// How much shorter waits are than in earnest: fifteen seconds are five milliseconds.
const HURRY: u32 = 3_000;
/// How long a call may take here.
const WITHIN: Duration = Duration::from_millis(400);

struct Nowhere(Organisation);

impl Line for Nowhere {
    fn organisation(&self) -> &Organisation {
        &self.0
    }

    fn submit<'a>(
        &'a self,
        _: &'a Command<Sealed>,
        _: Option<Traceparent>,
    ) -> Said<'a, (Answer, Option<Traceparent>)> {
        Box::pin(std::future::pending())
    }

    fn fetch<'a>(&'a self, _: &'a Fetch, _: Option<Traceparent>) -> Said<'a, Fetched> {
        Box::pin(std::future::pending())
    }
}

impl Seals for Nowhere {
    fn seal(&self, _: &Binding, _: &Plaintext) -> Result<Sealed, Unsealed> {
        unreachable!("a school seals nothing")
    }

    fn open(&self, _: &Binding, _: &Sealed) -> Result<Plaintext, Unopened> {
        unreachable!("nothing is fetched")
    }
}

/// Settings of a webhook, as a file has them, and the folder with its secret.
pub(crate) fn webhook(url: &str, ca: Option<&Path>) -> Webhook {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let path = folder.path().join("webhook");
    fs::write(&path, SECRET).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let table: WebhookTable = serde_json::from_value(serde_json::json!({
        "url": url, "ca": ca, "secret_file": path,
    }))
    .unwrap();
    Webhook::check(&table, Path::to_owned).unwrap_or_else(|error| panic!("{error}")).waiting(WITHIN)
}

/// A school whose software is rung at.
pub(crate) struct School {
    pub(crate) tray: Tray,
    pub(crate) bell: Bell,
    pub(crate) office: Office,
    clerk: Arc<Ringing<Tray>>,
}

impl School {
    pub(crate) fn ringing_at(receiver: &Receiver) -> Self {
        Self::by(webhook(&receiver.url(), None))
    }

    pub(crate) fn by(webhook: Webhook) -> Self {
        let school: Organisation = "school-01AA00".parse().unwrap();
        let office = Office::new(
            Nowhere(school.clone()),
            Nowhere(school.clone()),
            Arc::new(WallClock),
            Arc::new(Nobody),
        );
        let tray = Tray::default();
        let bell = Bell::hurried(webhook, school, tray.clone(), office.telemetry().clone(), HURRY);
        let clerk = Arc::new(Ringing::beside(tray.clone(), Some(bell.clone())));
        Self { tray, bell, office, clerk }
    }

    /// The engine says that this signal waits.
    pub(crate) fn gets(&self, signal: SignalId) -> JoinHandle<Settled> {
        self.does(Task::Read { signal, round: 1 })
    }

    /// The engine says that the school is to be reminded.
    pub(crate) fn is_reminded(&self, signal: SignalId) -> JoinHandle<Settled> {
        self.does(Task::Notice { signal, round: 1, notice: Notice::RemindContact, due: Timestamp::now() })
    }

    fn does(&self, task: Task) -> JoinHandle<Settled> {
        let (office, clerk) = (self.office.clone(), Arc::clone(&self.clerk));
        tokio::spawn(async move { clerk.handle(&office, &task, since()).await })
    }

    pub(crate) fn metrics(&self) -> String {
        self.office.telemetry().page().text()
    }
}

/// When everything came.
pub(crate) fn since() -> Timestamp {
    "2026-11-18T07:04:00Z".parse().unwrap()
}

pub(crate) fn signal(number: u32) -> SignalId {
    SignalId {
        incident: format!("{:032x}", 0xfeed_0000 + number).parse().unwrap(),
        number: SignalNumber::FIRST,
    }
}
