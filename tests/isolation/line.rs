//! A bare line to the broker: every word of the protocol is ours, and every word that comes back is kept in its order.
//!
//! A client library would hide what matters here: whether the broker refused *before* it answered the ping behind it, and
//! what it says to those who do not keep to the protocol at all.

use std::{
    fmt::Write as _,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use nkeys::KeyPair;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{Mutex, watch},
};

/// As long as anything may take before a test gives up on it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// How often one calls again whose line was cut without a word.
pub(crate) const CALLS_MAX: usize = 10;

/// The subscription to one's own inbox: the first.
pub(crate) const INBOX: u64 = 1;

/// What came over the line.
#[derive(Debug, Clone)]
pub(crate) enum Heard {
    /// A message to one of our subscriptions.
    Message(Message),
    /// `-ERR`, and what it says.
    Refused(String),
    /// The answer to a ping: everything that we said before it is settled.
    Pong,
    /// The broker hung up.
    HungUp,
}

/// A message.
#[derive(Debug, Clone, Default)]
pub(crate) struct Message {
    pub(crate) subscription: u64,
    pub(crate) subject: String,
    pub(crate) reply: String,
    pub(crate) headers: String,
    pub(crate) body: String,
}

impl Message {
    /// Whether nobody serves what was asked for.
    pub(crate) fn nobody_serves(&self) -> bool {
        self.headers.starts_with("NATS/1.0 503")
    }
}

/// Who says that they are whom.
pub(crate) enum Login<'a> {
    /// Nobody at all.
    Nobody,
    /// The owner of this key.
    Key(&'a KeyPair),
    /// Somebody who knows the public key and signs with their own.
    Pretends(&'a str, &'a KeyPair),
    /// Somebody with a name and a password.
    Password,
}

/// What one says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Saying {
    pub(crate) to: String,
    pub(crate) reply: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

/// One connection.
pub(crate) struct Line {
    write: Mutex<OwnedWriteHalf>,
    heard: watch::Receiver<Vec<Heard>>,
    inbox: String,
    count: AtomicU64,
    pings: AtomicU64,
}

impl Line {
    /// Connects and waits until the broker lets us in; what it says if it does not.
    pub(crate) async fn dial(port: u16, login: &Login<'_>, inbox: &str) -> Result<Self, String> {
        let mut last = String::new();
        for _ in 0..CALLS_MAX {
            let (line, greeting) = Self::lift(port, inbox).await;
            let nonce = greeting["nonce"].as_str().unwrap_or_default();
            line.write(format!("CONNECT {}\r\nPING\r\n", hello(login, nonce)).as_bytes()).await;
            line.pings.fetch_add(1, Ordering::Relaxed);
            match line.wait(0, |heard| !matches!(heard, Heard::Message(_))).await {
                Some(Heard::Pong) => return Ok(line),
                Some(Heard::Refused(why)) => return Err(why),
                // Whoever hangs up in the middle of a word may take the last words along.
                other => last = format!("{other:?}"),
            }
        }
        Err(last)
    }

    /// Opens the line and says nothing yet; with the broker's greeting.
    pub(crate) async fn lift(port: u16, inbox: &str) -> (Self, Value) {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (read, write) = stream.into_split();
        let mut read = BufReader::new(read);
        let mut greeting = String::new();
        read.read_line(&mut greeting).await.unwrap();
        let greeting = serde_json::from_str(greeting.trim_start_matches("INFO ")).unwrap();
        let (tell, heard) = watch::channel(Vec::new());
        tokio::spawn(listen(read, tell));
        let line = Self {
            write: Mutex::new(write),
            heard,
            inbox: inbox.to_owned(),
            count: AtomicU64::new(1),
            pings: AtomicU64::new(0),
        };
        (line, greeting)
    }

    /// Says it, word for word.
    pub(crate) async fn write(&self, words: &[u8]) {
        // The broker may have hung up; what was heard tells.
        let _ = self.write.lock().await.write_all(words).await;
    }

    /// How much was heard up to now.
    pub(crate) fn mark(&self) -> usize {
        self.heard.borrow().len()
    }

    /// What was heard since.
    pub(crate) fn since(&self, mark: usize) -> Vec<Heard> {
        self.heard.borrow()[mark..].to_vec()
    }

    /// Waits for something to be heard; `None` when it does not come.
    pub(crate) async fn wait(&self, from: usize, is: impl Fn(&Heard) -> bool) -> Option<Heard> {
        self.wait_for(PATIENCE, from, is).await
    }

    /// The same, no longer than this.
    pub(crate) async fn wait_for(
        &self,
        patience: Duration,
        from: usize,
        is: impl Fn(&Heard) -> bool,
    ) -> Option<Heard> {
        let mut heard = self.heard.clone();
        let found = heard.wait_for(|all| all[from.min(all.len())..].iter().any(&is));
        let found = tokio::time::timeout(patience, found).await.ok()?.ok()?;
        found[from..].iter().find(|one| is(one)).cloned()
    }

    /// Waits until the broker has dealt with everything that we said: an answer to a ping comes after every refusal.
    pub(crate) async fn settle(&self) {
        self.write(b"PING\r\n").await;
        let wanted = self.pings.fetch_add(1, Ordering::Relaxed) + 1;
        let mut heard = self.heard.clone();
        let done = heard.wait_for(|all| {
            let pongs = all.iter().filter(|one| matches!(one, Heard::Pong)).count();
            u64::try_from(pongs).is_ok_and(|pongs| pongs >= wanted)
                || all.iter().any(|one| matches!(one, Heard::HungUp))
        });
        tokio::time::timeout(PATIENCE, done).await.unwrap().unwrap();
    }

    /// A subject for one answer, in our own namespace.
    pub(crate) fn new_inbox(&self) -> String {
        format!("{}.{}", self.inbox, self.count.fetch_add(1, Ordering::Relaxed))
    }

    /// Subscribes; with the subscription's number.
    pub(crate) async fn subscribe(&self, subject: &str, queue: &str) -> u64 {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let queue = if queue.is_empty() { String::new() } else { format!("{queue} ") };
        self.write(format!("SUB {subject} {queue}{number}\r\n").as_bytes()).await;
        number
    }

    /// Ends a subscription.
    pub(crate) async fn unsubscribe(&self, number: u64) {
        self.write(format!("UNSUB {number}\r\n").as_bytes()).await;
    }

    /// Publishes.
    pub(crate) async fn say(&self, saying: &Saying) {
        let Saying { to, reply, headers, body } = saying;
        let mut block = String::from("NATS/1.0\r\n");
        for (name, value) in headers {
            let _ = write!(block, "{name}: {value}\r\n");
        }
        block.push_str("\r\n");
        let reply = if reply.is_empty() { String::new() } else { format!("{reply} ") };
        let words = if headers.is_empty() {
            format!("PUB {to} {reply}{}\r\n{body}\r\n", body.len())
        } else {
            format!("HPUB {to} {reply}{} {}\r\n{block}{body}\r\n", block.len(), block.len() + body.len())
        };
        self.write(words.as_bytes()).await;
    }

    /// Asks and waits for the one answer. Our inbox must be subscribed to.
    pub(crate) async fn ask(&self, to: &str, body: &str) -> Option<Message> {
        let reply = self.new_inbox();
        let from = self.mark();
        self.say(&Saying {
            to: to.to_owned(),
            reply: reply.clone(),
            body: body.to_owned(),
            ..Saying::default()
        })
        .await;
        match self.wait(from, |heard| matches!(heard, Heard::Message(m) if m.subject == reply)).await {
            Some(Heard::Message(message)) => Some(message),
            _ => None,
        }
    }

    /// Calls JetStream's API.
    pub(crate) async fn api(&self, what: &str, body: Value) -> Value {
        let answer = self.ask(&format!("$JS.API.{what}"), &body.to_string()).await;
        let answer = answer.unwrap_or_else(|| panic!("{what}: no answer"));
        serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("{what}: {answer:?}"))
    }
}

fn hello(login: &Login<'_>, nonce: &str) -> Value {
    let mut hello = json!({
        "verbose": false, "pedantic": false, "headers": true, "no_responders": true, "protocol": 1,
        "lang": "none", "version": "0", "name": "probe",
    });
    let signed = |key: &KeyPair| URL_SAFE_NO_PAD.encode(key.sign(nonce.as_bytes()).unwrap());
    match login {
        Login::Nobody => {}
        Login::Key(key) => {
            hello["nkey"] = key.public_key().into();
            hello["sig"] = signed(key).into();
        }
        Login::Pretends(public, key) => {
            hello["nkey"] = (*public).into();
            hello["sig"] = signed(key).into();
        }
        Login::Password => {
            hello["user"] = "engine".into();
            hello["pass"] = "engine".into();
        }
    }
    hello
}

async fn listen(mut read: BufReader<OwnedReadHalf>, tell: watch::Sender<Vec<Heard>>) {
    while let Some(heard) = next(&mut read).await {
        tell.send_modify(|all| all.push(heard));
    }
    tell.send_modify(|all| all.push(Heard::HungUp));
    // Whoever waits for more waits in vain, and gives up by the clock.
    tell.closed().await;
}

async fn next(read: &mut BufReader<OwnedReadHalf>) -> Option<Heard> {
    loop {
        let mut line = String::new();
        if read.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let line = line.trim_end();
        let mut words = line.split(' ');
        match words.next()? {
            "PONG" => return Some(Heard::Pong),
            "-ERR" => return Some(Heard::Refused(line["-ERR ".len()..].trim_matches('\'').to_owned())),
            "MSG" => return message(read, words.collect(), false).await,
            "HMSG" => return message(read, words.collect(), true).await,
            // PING, INFO, +OK
            _ => {}
        }
    }
}

async fn message(read: &mut BufReader<OwnedReadHalf>, words: Vec<&str>, headed: bool) -> Option<Heard> {
    let sizes = if headed { 2 } else { 1 };
    let number = |at: usize| words.get(at)?.parse::<usize>().ok();
    let total = number(words.len() - 1)?;
    let head = if headed { number(words.len() - 2)? } else { 0 };
    let mut bytes = vec![0; total + 2];
    read.read_exact(&mut bytes).await.ok()?;
    let text = |part: &[u8]| String::from_utf8_lossy(part).into_owned();
    Some(Heard::Message(Message {
        subscription: words.get(1)?.parse().ok()?,
        subject: (*words.first()?).to_owned(),
        reply: if words.len() > 2 + sizes { words[2].to_owned() } else { String::new() },
        headers: text(&bytes[..head]),
        body: text(&bytes[head..total]),
    }))
}
