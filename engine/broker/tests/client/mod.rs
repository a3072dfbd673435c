//! The few words of the NATS protocol that these tests need. A library would be a second opinion on what
//! only the server should answer here.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

/// Generous: it only keeps a broken test from hanging.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A connection.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
    asked: u32,
}

impl Client {
    /// Connects without a name.
    pub(crate) async fn connect(port: u16) -> io::Result<Self> {
        Self::connect_with(port, r#"{"verbose":false,"pedantic":false}"#).await
    }

    /// Connects with these options, and fails if the server refuses them.
    pub(crate) async fn connect_with(port: u16, options: &str) -> io::Result<Self> {
        let stream = BufReader::new(TcpStream::connect(("127.0.0.1", port)).await?);
        let mut client = Self { stream, asked: 0 };
        client.say(&format!("CONNECT {options}\r\nPING\r\n")).await?;
        client.hear("PONG").await?;
        Ok(client)
    }

    /// Asks and gives back the answer's body.
    pub(crate) async fn request(&mut self, subject: &str, body: &str) -> io::Result<String> {
        self.asked += 1;
        let inbox = format!("_INBOX.test.{}", self.asked);
        self.say(&format!(
            "SUB {inbox} {}\r\nPUB {subject} {inbox} {}\r\n{body}\r\n",
            self.asked,
            body.len()
        ))
        .await?;
        let line = self.hear(&format!("MSG {inbox} ")).await?;
        let length = line.rsplit(' ').next().and_then(|last| last.trim().parse().ok());
        let mut answer = vec![0; length.ok_or(io::ErrorKind::InvalidData)?];
        self.stream.read_exact(&mut answer).await?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    async fn say(&mut self, words: &str) -> io::Result<()> {
        self.stream.get_mut().write_all(words.as_bytes()).await
    }

    /// Reads until a line begins like this.
    async fn hear(&mut self, beginning: &str) -> io::Result<String> {
        let lines = async {
            loop {
                let mut line = String::new();
                if self.stream.read_line(&mut line).await? == 0 {
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server hung up"));
                }
                if line.starts_with("-ERR") {
                    return Err(io::Error::other(line));
                }
                if line.starts_with(beginning) {
                    return Ok(line);
                }
            }
        };
        tokio::time::timeout(PATIENCE, lines).await.unwrap_or(Err(io::ErrorKind::TimedOut.into()))
    }
}
