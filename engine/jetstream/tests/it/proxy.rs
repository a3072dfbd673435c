//! A line between client and broker that can lose answers.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

/// Passes everything on, except what it was told to lose.
pub(crate) struct Proxy {
    pub(crate) url: String,
    to_lose: Arc<AtomicU32>,
    lost: Arc<AtomicU32>,
}

impl Proxy {
    pub(crate) async fn before(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("nats://{}", listener.local_addr().unwrap());
        let (to_lose, lost) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let proxy = Self { url, to_lose: Arc::clone(&to_lose), lost: Arc::clone(&lost) };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else { continue };
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                tokio::spawn(pass(from_client, to_server));
                tokio::spawn(answer(from_server, to_client, Arc::clone(&to_lose), Arc::clone(&lost)));
            }
        });
        proxy
    }

    /// Loses what the broker says next, and the connection with it, this many times.
    pub(crate) fn lose(&self, times: u32) {
        self.to_lose.store(times, Ordering::SeqCst);
    }

    /// How often something was lost.
    pub(crate) fn lost(&self) -> u32 {
        self.lost.load(Ordering::SeqCst)
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
    let _ = tokio::io::copy(&mut from, &mut to).await;
}

async fn answer(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    to_lose: Arc<AtomicU32>,
    lost: Arc<AtomicU32>,
) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let Ok(read) = from.read(&mut buffer).await else { return };
        // What greets a new connection is never lost, or there would be none.
        let greets = buffer.starts_with(b"INFO") || buffer.starts_with(b"PONG");
        let loses = !greets
            && to_lose.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        if loses {
            lost.fetch_add(1, Ordering::SeqCst);
        }
        if read == 0 || loses || to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
