//! The mail server of `hwc dev`: whatever is mailed lies in a folder.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use jiff::SignedDuration;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    task::JoinHandle,
};

use super::ground::{DevError, at};

/// Bytes of a letter that is taken in.
const LETTER_BYTES_MAX: usize = 256 * 1024;

/// Takes in whatever is mailed, until it is dropped.
pub(super) struct MailRoom {
    address: SocketAddr,
    ahead: SignedDuration,
    taking: JoinHandle<()>,
}

impl MailRoom {
    /// A server whose letters lie in this folder; the engine's clock is so far ahead.
    pub(super) async fn open(folder: PathBuf, ahead: SignedDuration) -> Result<Self, DevError> {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(at(&folder))?;
        let address = listener.local_addr().map_err(at(&folder))?;
        Ok(Self { address, ahead, taking: tokio::spawn(take_in(listener, folder)) })
    }

    /// `[post]` of whoever mails by it.
    pub(super) fn post(&self) -> String {
        format!(
            "[post]\nserver = \"127.0.0.1\"\nport = {}\nsecurity = \"plain-on-this-machine\"\nfrom = \"hwc@relay.example\"\n\
             language = \"both\"\nclock_offset_seconds = {}\n",
            self.address.port(),
            self.ahead.as_secs()
        )
    }
}

impl Drop for MailRoom {
    fn drop(&mut self) {
        self.taking.abort();
    }
}

async fn take_in(listener: tokio::net::TcpListener, folder: PathBuf) {
    let count = Arc::new(AtomicU32::new(0));
    while let Ok((stream, _)) = listener.accept().await {
        let (folder, count) = (folder.clone(), Arc::clone(&count));
        tokio::spawn(async move {
            // Whoever hangs up in the middle mailed nothing.
            let _ = converse(stream, &folder, &count).await;
        });
    }
}

async fn converse(stream: TcpStream, folder: &Path, count: &AtomicU32) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    let mut letter: Option<String> = None;
    write.write_all(b"220 hwc dev\r\n").await?;
    while let Some(line) = lines.next_line().await? {
        let answer = match &mut letter {
            Some(text) if line == "." => {
                let number = count.fetch_add(1, Ordering::Relaxed) + 1;
                let now = jiff::Timestamp::now().as_millisecond();
                tokio::fs::write(folder.join(format!("{now}-{number}.eml")), text.as_bytes()).await?;
                letter = None;
                "250 taken\r\n"
            }
            Some(text) => {
                if text.len() + line.len() < LETTER_BYTES_MAX {
                    text.push_str(&line);
                    text.push('\n');
                }
                continue;
            }
            None if line.starts_with("DATA") => {
                letter = Some(String::new());
                "354 go on\r\n"
            }
            None if line.starts_with("QUIT") => {
                write.write_all(b"221 bye\r\n").await?;
                return Ok(());
            }
            None => "250 fine\r\n",
        };
        write.write_all(answer.as_bytes()).await?;
    }
    Ok(())
}
