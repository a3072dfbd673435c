//! A receiver that does what it is told, and checks signatures by an implementation of its own.

use std::{
    collections::{BTreeMap, VecDeque},
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpListener,
};

/// The published example's secret.
pub(crate) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// What a receiver does with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Does {
    /// Answers this status.
    Says(u16),
    /// The same, after a while.
    SaysSlowly(u16),
    /// Sends the caller elsewhere.
    Redirects(SocketAddr),
    /// Says nothing, and stays.
    Hangs,
    /// Hangs up.
    HangsUp,
    /// Speaks no HTTP.
    Garbage,
    /// Begins a head that never ends.
    EndlessHead,
    /// Says yes, and then more than anybody wants to hear.
    EndlessBody,
}

/// A call as it was heard.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) first: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Call {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn news(&self) -> String {
        self.json()["type"].as_str().unwrap().to_owned()
    }

    /// Whether one of its signatures is by this secret, worked out from RFC 2104 and nothing else.
    pub(crate) fn is_signed_by(&self, secret: &str) -> bool {
        let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let said = [self.header("webhook-id"), self.header("webhook-timestamp"), &self.body].join(".");
        let mut block = [0_u8; 64];
        block[..key.len()].copy_from_slice(&key);
        let inner = Sha256::new().chain_update(block.map(|byte| byte ^ 0x36)).chain_update(said).finalize();
        let outer = Sha256::new().chain_update(block.map(|byte| byte ^ 0x5c)).chain_update(inner).finalize();
        let wanted = format!("v1,{}", STANDARD.encode(outer));
        self.header("webhook-signature").split(' ').any(|one| one == wanted)
    }
}

#[derive(Default)]
struct State {
    calls: Vec<Call>,
    does: VecDeque<Does>,
    afterwards: Option<Does>,
    under_way: BTreeMap<String, usize>,
    at_once: usize,
}

/// A receiver on this machine.
#[derive(Clone)]
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Receiver {
    /// One that does these with the first calls, and the last of them with all others.
    pub(crate) async fn that(does: &[Does]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Self::at(listener.local_addr().unwrap(), does);
        let serving = receiver.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let receiver = serving.clone();
                tokio::spawn(async move { receiver.hear(stream).await });
            }
        });
        receiver
    }

    pub(crate) fn at(address: SocketAddr, does: &[Does]) -> Self {
        let state = State {
            does: does.iter().copied().collect(),
            afterwards: does.last().copied(),
            ..State::default()
        };
        Self { address, state: Arc::new(Mutex::new(state)) }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.state.lock().unwrap().calls.clone()
    }

    /// Most calls about one signal that were under way at once.
    pub(crate) fn at_once(&self) -> usize {
        self.state.lock().unwrap().at_once
    }

    /// Waits for so many calls.
    pub(crate) async fn waits_for(&self, calls: usize) -> Vec<Call> {
        let waiting = async {
            loop {
                let heard = self.calls();
                if heard.len() >= calls {
                    return heard;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_mins(1), waiting)
            .await
            .unwrap_or_else(|_| panic!("it heard {} calls, not {calls}", self.calls().len()))
    }

    pub(crate) async fn hear(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
        let Some(call) = read(&mut stream).await else { return };
        let code = call.json()["data"]["code"].as_str().unwrap().to_owned();
        let does = {
            let mut state = self.state.lock().unwrap();
            let under_way = state.under_way.entry(code.clone()).or_default();
            *under_way += 1;
            let under_way = *under_way;
            state.at_once = state.at_once.max(under_way);
            state.calls.push(call);
            state.does.pop_front().or(state.afterwards).unwrap()
        };
        match does {
            Does::SaysSlowly(_) => tokio::time::sleep(Duration::from_millis(60)).await,
            Does::Hangs => {
                // The caller is gone when there is nothing more to read.
                let mut byte = [0];
                let _ = stream.read(&mut byte).await;
            }
            _ => {}
        }
        // Before it answers: the next call may come right behind the answer.
        *self.state.lock().unwrap().under_way.entry(code).or_default() -= 1;
        let said = |status: u16| format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\n\r\n");
        match does {
            Does::Hangs | Does::HangsUp => {}
            Does::Says(status) | Does::SaysSlowly(status) => {
                let _ = stream.write_all(said(status).as_bytes()).await;
            }
            Does::Redirects(to) => {
                let said =
                    format!("HTTP/1.1 307 x\r\nlocation: http://{to}/hook\r\ncontent-length: 0\r\n\r\n");
                let _ = stream.write_all(said.as_bytes()).await;
            }
            Does::Garbage => _ = stream.write_all(b"\x00\xff heard, thank you\r\n\r\n").await,
            Does::EndlessHead => {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n").await;
                while stream
                    .write_all(b"x: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n")
                    .await
                    .is_ok()
                {}
            }
            Does::EndlessBody => {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
                while stream.write_all(b"10\r\naaaaaaaaaaaaaaaa\r\n").await.is_ok() {}
            }
        }
    }
}

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Call> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let mut lines = head.lines();
            let first = lines.next()?.to_owned();
            let headers: BTreeMap<_, _> = lines
                .filter_map(|line| line.split_once(": "))
                .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
                .collect();
            let length: usize = headers.get("content-length")?.parse().ok()?;
            if body.len() >= length {
                return Some(Call { first, headers, body: body.to_owned() });
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}
