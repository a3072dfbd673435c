//! A region on a real broker: an engine, a few organisations, each with its key.

use std::time::{Duration, Instant};

use hwc_broker::Broker;
use hwc_jetstream::{Credential, Door, Lease, Link, PublicNkey, Settings, Tasks, permissions};
use hwc_schemas::Organisation;
use serde_json::Value;
use tempfile::TempDir;

/// As long as anything may take before a test gives up on it.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A broker of its own, in a folder that goes with it.
pub(crate) struct Region {
    pub(crate) broker: Broker,
    pub(crate) engine: Credential,
    pub(crate) organisations: Vec<(Organisation, Credential)>,
    pub(crate) folder: TempDir,
}

impl Region {
    /// Starts a broker that knows an engine and these organisations.
    pub(crate) async fn with(names: &[&str]) -> Self {
        Self::with_more(names, "").await
    }

    /// The same, with more in its configuration.
    pub(crate) async fn with_more(names: &[&str], more: &str) -> Self {
        let accounts = |engine: &Credential, organisations: &[_]| {
            permissions::accounts(&engine.public(), organisations) + more
        };
        Self::with_accounts(names, accounts).await
    }

    /// The same, with these accounts.
    pub(crate) async fn with_accounts(
        names: &[&str],
        accounts: impl FnOnce(&Credential, &[(Organisation, PublicNkey)]) -> String,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let engine = Credential::generate();
        let organisations: Vec<_> =
            names.iter().map(|name| (name.parse().unwrap(), Credential::generate())).collect();
        let public: Vec<_> =
            organisations.iter().map(|(one, key)| (Organisation::clone(one), key.public())).collect();
        let accounts = accounts(&engine, &public);
        let settings = hwc_broker::Settings { accounts, ..hwc_broker::Settings::in_folder(folder.path()) };
        Self { broker: Broker::start(settings).await.unwrap(), engine, organisations, folder }
    }

    /// The same, with a store of so many bytes and nobody but the engine.
    pub(crate) async fn with_store(file_store_bytes_max: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let engine = Credential::generate();
        let accounts = permissions::accounts(&engine.public(), &[]);
        let settings = hwc_broker::Settings {
            accounts,
            file_store_bytes_max,
            ..hwc_broker::Settings::in_folder(folder.path())
        };
        Self { broker: Broker::start(settings).await.unwrap(), engine, organisations: Vec::new(), folder }
    }

    /// A connection of the engine.
    pub(crate) async fn link(&self) -> Link {
        Link::connect(self.broker.client_url(), Some(&self.engine)).await.unwrap()
    }

    /// A lease that holds until the test ends.
    pub(crate) async fn lead(&self, over: &Link) -> &'static Lease {
        let settings = Settings { lease_for: Duration::from_mins(10), ..Settings::development() };
        let lease = Lease::stand_by(&self.link().await, &settings, "test").await.unwrap();
        Box::leak(Box::new(lease.over(over)))
    }

    /// The streams whose names begin so.
    pub(crate) async fn streams(&self, beginning: &str) -> Vec<String> {
        let names = api(&self.raw_engine().await, "STREAM.NAMES", serde_json::json!({})).await;
        let names = names["streams"].as_array().into_iter().flatten().filter_map(Value::as_str);
        names.filter(|name| name.starts_with(beginning)).map(str::to_owned).collect()
    }

    /// Writes in a stream of the journal, as whoever has the pen just now: `<incident>.e` or `<incident>.t`.
    pub(crate) async fn write_in(
        &self,
        raw: &async_nats::Client,
        stream: &str,
        subject: &str,
        body: &'static str,
    ) {
        let info = api(raw, &format!("STREAM.INFO.{stream}"), serde_json::json!({})).await;
        let pen = info["config"]["subjects"][0].as_str().unwrap().replace("*.*", subject);
        raw.request(pen, body.into()).await.unwrap();
    }

    pub(crate) fn organisation(&self, at: usize) -> Organisation {
        self.organisations[at].0.clone()
    }

    /// An organisation's door.
    pub(crate) async fn door(&self, at: usize) -> Door {
        let (organisation, key) = &self.organisations[at];
        Door::connect(self.broker.client_url(), key, organisation.clone()).await.unwrap()
    }

    /// The tasks, with every organisation admitted.
    pub(crate) async fn tasks(&self) -> Tasks {
        let tasks = Tasks::open(&self.link().await, &Settings::development()).await.unwrap();
        for (organisation, _) in &self.organisations {
            tasks.admit(organisation).await.unwrap();
        }
        tasks
    }

    /// A connection that does whatever it is told, with one of our keys.
    pub(crate) async fn raw(&self, key: &Credential, inbox: &str) -> async_nats::Client {
        let path = self.folder.path().join(format!("{}.nk", uuid::Uuid::new_v4()));
        key.write(&path).unwrap();
        let seed = std::fs::read_to_string(&path).unwrap().trim().to_owned();
        async_nats::ConnectOptions::with_nkey(seed)
            .custom_inbox_prefix(inbox)
            .request_timeout(Some(Duration::from_millis(700)))
            .connect(self.broker.client_url())
            .await
            .unwrap()
    }

    /// The engine's own raw connection.
    pub(crate) async fn raw_engine(&self) -> async_nats::Client {
        self.raw(&self.engine, "_INBOX").await
    }

    /// An organisation's raw connection.
    pub(crate) async fn raw_organisation(&self, at: usize) -> async_nats::Client {
        let (organisation, key) = &self.organisations[at];
        self.raw(key, &format!("_INBOX_{organisation}")).await
    }

    /// Whether these bytes are in any file of the broker.
    pub(crate) fn has_on_disk(&self, bytes: &[u8]) -> bool {
        let mut folders = vec![self.folder.path().to_owned()];
        while let Some(folder) = folders.pop() {
            // A generation that is dropped may go away while it is looked at.
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    folders.push(entry.path());
                } else if std::fs::read(entry.path())
                    .is_ok_and(|file| file.windows(bytes.len()).any(|window| window == bytes))
                {
                    return true;
                }
            }
        }
        false
    }
}

/// Calls JetStream's API.
pub(crate) async fn api(client: &async_nats::Client, what: &str, body: Value) -> Value {
    let answer = client.request(format!("$JS.API.{what}"), body.to_string().into()).await.unwrap();
    serde_json::from_slice(&answer.payload).unwrap()
}

/// Waits until something holds.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let since = Instant::now();
    while !holds().await {
        assert!(since.elapsed() < PATIENCE, "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
