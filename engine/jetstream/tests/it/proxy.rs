//! A line between client and broker that can lose answers, and tell a lie.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::Mutex,
};

/// Passes everything on, except what it was told to lose.
pub(crate) struct Proxy {
    pub(crate) url: String,
    to_lose: Arc<AtomicU32>,
    to_deny: Arc<AtomicU32>,
    lost: Arc<AtomicU32>,
}

impl Proxy {
    pub(crate) async fn before(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("nats://{}", listener.local_addr().unwrap());
        let [to_lose, to_deny, lost] = [0; 3].map(|none| Arc::new(AtomicU32::new(none)));
        let proxy = Self {
            url,
            to_lose: Arc::clone(&to_lose),
            to_deny: Arc::clone(&to_deny),
            lost: Arc::clone(&lost),
        };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else { continue };
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                let to_client = Arc::new(Mutex::new(to_client));
                let denials = (Arc::clone(&to_deny), Arc::clone(&lost));
                tokio::spawn(pass(from_client, to_server, Arc::clone(&to_client), denials));
                tokio::spawn(answer(from_server, to_client, Arc::clone(&to_lose), Arc::clone(&lost)));
            }
        });
        proxy
    }

    /// Loses what the broker says next, and the connection with it, this many times.
    pub(crate) fn lose(&self, times: u32) {
        self.to_lose.store(times, Ordering::SeqCst);
    }

    /// Answers so many pulls itself: there are no messages. The broker never hears of them.
    pub(crate) fn say_nothing_is_there(&self, times: u32) {
        self.to_deny.store(times, Ordering::SeqCst);
    }

    /// How often something was lost, or a pull was answered falsely.
    pub(crate) fn lost(&self) -> u32 {
        self.lost.load(Ordering::SeqCst)
    }
}

/// Passes on what the client says, line by line and body by body.
async fn pass(
    from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    back: Arc<Mutex<OwnedWriteHalf>>,
    (to_deny, denied): (Arc<AtomicU32>, Arc<AtomicU32>),
) {
    let mut from = BufReader::new(from);
    let mut subscriptions = HashMap::new();
    loop {
        let mut said = Vec::new();
        if from.read_until(b'\n', &mut said).await.unwrap_or(0) == 0 {
            return;
        }
        let line = String::from_utf8_lossy(&said).trim_end().to_owned();
        let words: Vec<&str> = line.split(' ').collect();
        if let ["SUB", subject, sid] = words[..] {
            subscriptions.insert(subject.to_owned(), sid.to_owned());
        }
        if let ["PUB" | "HPUB", .., size] = words[..] {
            let mut body = vec![0; size.parse::<usize>().unwrap_or(0) + 2];
            if from.read_exact(&mut body).await.is_err() {
                return;
            }
            said.extend(body);
        }
        if let ["PUB", subject, reply, _] = words[..]
            && subject.starts_with("$JS.API.CONSUMER.MSG.NEXT.")
            && let Some(sid) = subscriptions.get(reply)
            && to_deny.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
        {
            denied.fetch_add(1, Ordering::SeqCst);
            let head = "NATS/1.0 404 No Messages\r\n\r\n";
            let untrue = format!("HMSG {reply} {sid} {0} {0}\r\n{head}\r\n", head.len());
            let _ = back.lock().await.write_all(untrue.as_bytes()).await;
            continue;
        }
        if to.write_all(&said).await.is_err() {
            return;
        }
    }
}

async fn answer(
    mut from: OwnedReadHalf,
    to: Arc<Mutex<OwnedWriteHalf>>,
    to_lose: Arc<AtomicU32>,
    lost: Arc<AtomicU32>,
) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = from.read(&mut buffer).await.unwrap_or(0);
        // What greets a new connection is never lost, or there would be none.
        let greets = buffer.starts_with(b"INFO") || buffer.starts_with(b"PONG");
        let loses = !greets
            && to_lose.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        if loses {
            lost.fetch_add(1, Ordering::SeqCst);
        }
        let mut to = to.lock().await;
        if read == 0 || loses || to.write_all(&buffer[..read]).await.is_err() {
            let _ = to.shutdown().await;
            return;
        }
    }
}
