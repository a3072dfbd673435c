//! Lines between the parties of a replay and the broker that kill whoever speaks over them, or the broker, at the n-th message.
//!
//! A message is one that carries something: a publish of the party's, or a delivery to it. The fatal one is swallowed, so the
//! party dies either just before something left it, or just after something was done of which it never heard. One point for
//! every message is one point between every two awaits that matter: whatever a party does in between, nobody can see.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    sync::Notify,
};

use super::{Death, Lives};

/// Kills one party at one message of its life, and counts everybody's.
pub(super) struct Killer {
    victim: String,
    at: u64,
    said: Mutex<BTreeMap<String, Arc<AtomicU64>>>,
    deaths: Arc<AtomicU64>,
    /// The broker's process number, if the broker dies at the party's message.
    broker: Option<Arc<OnceLock<u32>>>,
}

impl Killer {
    /// The party dies at this message, counted from 1 over its lives.
    pub(super) fn of(victim: &str, at: u64) -> Arc<Self> {
        Arc::new(Self::new(victim, at, None))
    }

    /// The broker dies at this message of the party's.
    pub(super) fn of_the_broker(speaker: &str, at: u64) -> Arc<Self> {
        Arc::new(Self::new(speaker, at, Some(Arc::default())))
    }

    fn new(victim: &str, at: u64, broker: Option<Arc<OnceLock<u32>>>) -> Self {
        let victim = victim.to_owned();
        Self { victim, at, said: Mutex::default(), deaths: Arc::default(), broker }
    }

    /// Says which process the broker is.
    pub(super) fn the_broker_is(&self, pid: u32) {
        if let Some(broker) = &self.broker {
            broker.set(pid).unwrap();
        }
    }

    /// Nobody dies.
    pub(super) fn of_nobody() -> Arc<Self> {
        Self::of("", 0)
    }

    /// How many messages each party sent and heard.
    pub(super) fn said(&self) -> BTreeMap<String, u64> {
        let said = self.said.lock().unwrap();
        said.iter().map(|(party, said)| (party.clone(), said.load(Ordering::SeqCst))).collect()
    }

    /// How often the victim died.
    pub(super) fn deaths(&self) -> u64 {
        self.deaths.load(Ordering::SeqCst)
    }
}

impl Lives for Killer {
    fn next(&self, party: &str, broker: &str) -> (String, Death) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("nats://{}", listener.local_addr().unwrap());
        let line = Line {
            said: Arc::clone(self.said.lock().unwrap().entry(party.to_owned()).or_default()),
            fatal: if party == self.victim { self.at } else { 0 },
            dead: Arc::new(Notify::new()),
            deaths: Arc::clone(&self.deaths),
            broker: self.broker.clone(),
        };
        let dead = Arc::clone(&line.dead);
        let broker = broker.trim_start_matches("nats://").to_owned();
        let carrying = tokio::spawn(line.carry(TcpListener::from_std(listener).unwrap(), broker));
        let death = async move {
            dead.notified().await;
            // Nobody reaches anything over a dead one's line.
            carrying.abort();
        };
        (url, Box::pin(death))
    }
}

#[derive(Clone)]
struct Line {
    said: Arc<AtomicU64>,
    fatal: u64,
    dead: Arc<Notify>,
    deaths: Arc<AtomicU64>,
    broker: Option<Arc<OnceLock<u32>>>,
}

impl Line {
    async fn carry(self, listener: TcpListener, broker: String) {
        let mut connections = tokio::task::JoinSet::new();
        while let Ok((party, _)) = listener.accept().await {
            let Ok(server) = TcpStream::connect(&broker).await else { continue };
            let (from_party, to_party) = party.into_split();
            let (from_server, to_server) = server.into_split();
            let line = self.clone();
            connections.spawn(async move {
                tokio::select! {
                    () = line.pass(from_party, to_server) => {}
                    () = line.pass(from_server, to_party) => {}
                }
            });
        }
    }

    /// Passes one direction on, message by message, until the fatal one or the end.
    async fn pass(
        &self,
        from: impl tokio::io::AsyncRead + Unpin,
        mut to: impl tokio::io::AsyncWrite + Unpin,
    ) {
        let mut from = BufReader::new(from);
        let mut message = Vec::new();
        loop {
            message.clear();
            match from.read_until(b'\n', &mut message).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
            if let Some(size) = carried(&message) {
                let head = message.len();
                message.resize(head + size + 2, 0);
                if from.read_exact(&mut message[head..]).await.is_err() {
                    return;
                }
                if self.said.fetch_add(1, Ordering::SeqCst) + 1 == self.fatal {
                    self.deaths.fetch_add(1, Ordering::SeqCst);
                    match &self.broker {
                        Some(broker) => kill(broker).await,
                        None => self.dead.notify_one(),
                    }
                    return;
                }
            }
            if to.write_all(&message).await.is_err() {
                return;
            }
        }
    }
}

/// Kills the broker as soon as it is known which process it is.
async fn kill(broker: &OnceLock<u32>) {
    let pid = loop {
        match broker.get() {
            Some(pid) => break *pid,
            None => tokio::task::yield_now().await,
        }
    };
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

/// How many bytes a message carries behind its first line; none for what only keeps the line open.
fn carried(line: &[u8]) -> Option<usize> {
    let line = std::str::from_utf8(line).unwrap().trim_end();
    let mut words = line.split_ascii_whitespace();
    match words.next() {
        Some("PUB" | "HPUB" | "MSG" | "HMSG") => words.last()?.parse().ok(),
        _ => None,
    }
}
