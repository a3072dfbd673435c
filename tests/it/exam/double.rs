//! An adapter made by hand on the wire, as an integrator might make it in an afternoon: a school or a municipality, with a fault if one is
//! wanted. It shares no code with ours but the seal.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    time::Duration,
};

use async_nats::{Client, ConnectOptions, Message};
use futures::StreamExt as _;
use hwc_schemas::{
    KeyId, Organisation,
    key::{KeyKind, SignedKey},
    letter::{Hop, Plaintext},
    wire::{Binding, Sealed},
};
use hwc_vault::{BelievedKey, Directory, OperatorPublicKey, OsChance, SealingKey, SealingKeys};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::beside;

/// What is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    LogsTheLetter,
    SaysItTwice,
    IgnoresRedelivery,
    LetsGoFirst,
    Hammers,
    SaysSomethingElse,
    RefusesWhatItDoesNotKnow,
    AcknowledgesAnyTask,
    ConfirmsUnopened,
    KeepsWhatIsGone,
    WritesNumbersAsText,
    LeavesUnsignedKeys,
}

/// The adapter; it ends with this value.
pub(super) struct Double {
    work: JoinHandle<()>,
    _runtime: tokio::runtime::Runtime,
}

impl Drop for Double {
    fn drop(&mut self) {
        self.work.abort();
    }
}

/// How long an answer may take before the same is said again.
const ANSWERS_WITHIN: Duration = Duration::from_secs(9);

impl Double {
    /// Starts it with what the exam wrote.
    pub(super) fn start(file: &Path, fault: Fault, log: &Path) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let adapter = Adapter::of_file(file, fault, log.to_owned());
        let work = runtime.spawn(async move { adapter.work().await });
        Self { work, _runtime: runtime }
    }
}

struct Adapter {
    name: String,
    url: String,
    keys: PathBuf,
    seal: SealingKeys,
    directory: Directory,
    fault: Fault,
    log: PathBuf,
}

impl Adapter {
    fn of_file(file: &Path, fault: Fault, log: PathBuf) -> Self {
        let settings: toml::Table = fs::read_to_string(file).unwrap().parse().unwrap();
        let text = |table: &str, key: &str| settings[table][key].as_str().unwrap().to_owned();
        let role = settings.keys().find(|key| *key != "relay").unwrap().clone();
        let keys = beside(file, "keys");
        assert_eq!(text("relay", "keys"), keys.to_str().unwrap());
        let operator = OperatorPublicKey::load(&keys.join("operator.pub")).unwrap();
        fs::write(&log, "at work\n").unwrap();
        Self {
            name: text(&role, "organisation"),
            url: text("relay", "broker"),
            seal: SealingKeys::load(&keys).unwrap(),
            directory: Directory::load(&keys.join("directory.json"), &operator).unwrap(),
            keys,
            fault,
            log,
        }
    }

    async fn work(self) {
        let client = self.connect().await;
        if self.fault == Fault::LeavesUnsignedKeys {
            self.leave_unsigned_keys(&client).await;
        }
        let inbox = client.new_inbox();
        let mut arriving = client.subscribe(inbox.clone()).await.unwrap();
        loop {
            let ask = json!({ "batch": 1, "expires": 1_000_000_000_u64 }).to_string();
            client.publish_with_reply("next", inbox.clone(), ask.into()).await.unwrap();
            let next = tokio::time::timeout(Duration::from_secs(2), arriving.next()).await;
            if let Ok(Some(message)) = next
                && message.status.is_none()
            {
                self.task(&client, message).await;
            }
        }
    }

    async fn connect(&self) -> Client {
        let _ = async_nats::rustls::crypto::ring::default_provider().install_default();
        let seed = fs::read_to_string(self.keys.join("nkey")).unwrap().trim().to_owned();
        let options = ConnectOptions::with_nkey(seed)
            .custom_inbox_prefix(format!("_INBOX_{}", self.name))
            .tls_first()
            .add_root_certificates(self.keys.join("ca.pem"))
            .add_client_certificate(self.keys.join("tls.pem"), self.keys.join("tls.key"))
            .request_timeout(Some(ANSWERS_WITHIN));
        options.connect(&self.url).await.unwrap()
    }

    /// Does a task, and acknowledges it if it is done.
    async fn task(&self, client: &Client, message: Message) {
        let reply = message.reply.clone().unwrap().to_string();
        let deliveries: u64 = reply.split('.').nth(4).unwrap().parse().unwrap();
        let task: Value = serde_json::from_slice(&message.payload).unwrap();
        if self.fault == Fault::IgnoresRedelivery && deliveries > 1 {
            return;
        }
        if self.fault == Fault::LetsGoFirst {
            client.publish(reply.clone(), "+ACK".into()).await.unwrap();
        }
        let is_done = match task["task"].as_str().unwrap() {
            "read" => self.read(client, &task).await,
            "route" => self.route(client, &task).await,
            "notice" => true,
            _ => self.fault == Fault::AcknowledgesAnyTask,
        };
        if is_done {
            client.publish(reply, "+ACK".into()).await.unwrap();
            client.flush().await.unwrap();
        }
    }

    /// A school: opens the letter and confirms it at once.
    async fn read(&self, client: &Client, task: &Value) -> bool {
        let about = json!({ "signal": task["signal"], "round": task["round"] });
        let fetched = self.say(client, "fetch", &with(&about, "fetch", "letter")).await;
        if fetched["fetched"] != "payload" {
            return self.lets_go(&fetched);
        }
        match self.open(&fetched, task, Hop::Letter) {
            Some(letter) if self.fault == Fault::LogsTheLetter => self.note(&letter),
            Some(_) => self.note(b"a letter was opened"),
            None if self.fault == Fault::ConfirmsUnopened => {}
            None => return false,
        }
        let mut command = with(&about, "command", "acknowledge");
        if self.fault == Fault::WritesNumbersAsText {
            command["round"] = json!(task["round"].to_string());
        }
        let answer = self.say(client, "submit", &command).await;
        if self.fault == Fault::SaysItTwice {
            self.say(client, "submit", &command).await;
        }
        self.is_over(&answer)
    }

    /// A municipality: passes everything on to one school, with a word too many, to whatever key it is told.
    async fn route(&self, client: &Client, task: &Value) -> bool {
        let about = json!({ "signal": task["signal"], "round": task["round"] });
        let fetched = self.say(client, "fetch", &with(&about, "fetch", "referral")).await;
        let Some(referral) = self.open(&fetched, task, Hop::Referral) else { return self.lets_go(&fetched) };
        let mut letter: Value = serde_json::from_slice(&referral).unwrap();
        letter.as_object_mut().unwrap().remove("sister");
        letter["what_happened"] = json!("much");
        let letter = Plaintext::from_opened(letter.to_string().into_bytes().into());
        let school = "school-01AA00";
        loop {
            let told = self.say(client, "ask", &json!({ "ask": "key_of", "organisation": school })).await;
            let sealed = self.seal(&letter, task, school, &told);
            let mut command = with(&about, "command", "route");
            command["school"] = json!(school);
            command["letter"] = serde_json::to_value(sealed).unwrap();
            let answer = self.say(client, "submit", &command).await;
            if answer["refusal"] != "key_used" {
                return self.is_over(&answer);
            }
        }
    }

    /// Says something until it is answered; told to try later, it waits longer each time.
    async fn say(&self, client: &Client, door: &'static str, what: &Value) -> Value {
        let (mut what, mut wait) = (what.clone(), Duration::from_millis(50));
        loop {
            let answer = client.request(door, what.to_string().into()).await;
            let Ok(answer) = answer else {
                if self.fault == Fault::SaysSomethingElse {
                    what["command"] = json!("return");
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
                continue;
            };
            let told: Value = serde_json::from_slice(&answer.payload).unwrap();
            let later = ["answer", "fetched", "told"].iter().any(|key| told[*key] == "try_later");
            if self.fault == Fault::RefusesWhatItDoesNotKnow
                && told.as_object().unwrap().contains_key("a_later_field")
            {
                return json!({});
            }
            if !later {
                return told;
            }
            tokio::time::sleep(wait).await;
            if self.fault != Fault::Hammers {
                wait *= 2;
            }
        }
    }

    fn is_over(&self, answer: &Value) -> bool {
        let recorded = ["recorded", "already_recorded"].iter().any(|word| answer["answer"] == **word);
        recorded || self.lets_go(answer)
    }

    fn lets_go(&self, answer: &Value) -> bool {
        let over = ["gone", "already_decided"].iter().any(|word| answer["refusal"] == **word);
        over && self.fault != Fault::KeepsWhatIsGone
    }

    fn note(&self, words: &[u8]) {
        let mut log = fs::File::options().append(true).open(&self.log).unwrap();
        log.write_all(words).unwrap();
        log.write_all(b"\n").unwrap();
    }

    fn binding(task: &Value, hop: Hop, (from, to): (&str, &str)) -> Binding {
        let signal: hwc_schemas::SignalId = task["signal"].as_str().unwrap().parse().unwrap();
        Binding {
            incident: signal.incident,
            number: Some(signal.number),
            hop,
            sender: from.parse().unwrap(),
            receiver: to.parse().unwrap(),
        }
    }

    fn open(&self, fetched: &Value, task: &Value, hop: Hop) -> Option<Vec<u8>> {
        let from: Organisation = fetched["from"].as_str()?.parse().ok()?;
        let sealed: Sealed = serde_json::from_value(fetched["sealed"].clone()).ok()?;
        let binding = Self::binding(task, hop, (&from.to_string(), &self.name));
        let sender = self.directory.key_of(&from).ok()?;
        let opened = hwc_vault::open(self.seal.present(), sender, &binding, &sealed).ok()?;
        Some(opened.as_bytes().to_vec())
    }

    /// Seals to the key that it is told, whoever signed it; else to the one in the directory.
    fn seal(&self, letter: &Plaintext, task: &Value, school: &str, told: &Value) -> Sealed {
        let (own, binding) = (self.seal.present(), Self::binding(task, Hop::Letter, (&self.name, school)));
        let key = serde_json::from_value::<SignedKey>(told["one_time"].clone()).ok();
        if let Some(key) = key {
            // As if it were theirs: signed once more, by a key that is then asked.
            let careless = SealingKey::generate(&mut OsChance).ok().unwrap();
            let public = hwc_vault::PublicKey::from_bytes(key.key.0);
            let again = careless.sign(&binding.receiver, key.id, key.kind, public);
            let believed = BelievedKey::of(&again, &binding.receiver, &[careless.public_key()]).ok().unwrap();
            return hwc_vault::seal_to_left(own, &believed, &binding, letter, &mut OsChance).unwrap();
        }
        let public = self.directory.key_of(&binding.receiver).unwrap();
        hwc_vault::seal(own, public, &binding, letter, &mut OsChance).unwrap()
    }

    async fn leave_unsigned_keys(&self, client: &Client) {
        let somebody = SealingKey::generate(&mut OsChance).ok().unwrap();
        let id = KeyId::from_uuid(uuid::Uuid::new_v4());
        let key = somebody.sign(&self.name.parse().unwrap(), id, KeyKind::OneTime, somebody.public_key());
        self.say(client, "ask", &json!({ "ask": "leave_keys", "keys": [key] })).await;
    }
}

fn with(about: &Value, key: &str, word: &str) -> Value {
    let mut all = about.clone();
    all[key] = json!(word);
    all
}
