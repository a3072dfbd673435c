//! Saying lines to a server and hearing its answers, each of bounded length and within a bounded time.

use std::time::Duration;

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    time::timeout,
};

use super::{Stage, Undelivered};
use crate::settings::Times;

/// The longest answer, all its lines together, in bytes.
const ANSWER_BYTES_MAX: usize = 16 * 1024;

/// A conversation with a server.
pub(super) struct Dialogue<S> {
    stream: S,
    /// What was heard and not looked at yet.
    heard: Vec<u8>,
    times: Times,
}

/// What the server answers.
pub(super) struct Reply {
    code: u16,
    lines: Vec<String>,
}

impl Reply {
    /// It must have one of these codes.
    pub(super) fn wants(&self, stage: Stage, codes: &[u16]) -> Result<(), Undelivered> {
        match self.code {
            code if codes.contains(&code) => Ok(()),
            code @ 400..=499 => Err(Undelivered::Deferred { stage, code }),
            code @ 500..=599 => Err(Undelivered::Refused { stage, code }),
            _ => Err(Undelivered::Garbled(stage)),
        }
    }

    /// Whether a server that greets offers this.
    pub(super) fn has(&self, keyword: &str) -> bool {
        self.keyword(keyword).is_some()
    }

    /// Whether it offers this way of doing that.
    pub(super) fn offers(&self, keyword: &str, way: &str) -> bool {
        self.keyword(keyword).is_some_and(|mut ways| ways.any(|one| one.eq_ignore_ascii_case(way)))
    }

    fn keyword(&self, keyword: &str) -> Option<impl Iterator<Item = &str>> {
        // The first line is its name.
        self.lines.iter().skip(1).find_map(|line| {
            let mut words = line.split_ascii_whitespace();
            words.next().filter(|word| word.eq_ignore_ascii_case(keyword)).map(|_| words)
        })
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Dialogue<S> {
    pub(super) const fn new(stream: S, times: Times) -> Self {
        Self { stream, heard: Vec::new(), times }
    }

    /// The line itself, if the server has said nothing that was not asked for.
    pub(super) fn into_stream(self, stage: Stage) -> Result<S, Undelivered> {
        if self.heard.is_empty() { Ok(self.stream) } else { Err(Undelivered::Garbled(stage)) }
    }

    /// Says a line and hears the answer.
    pub(super) async fn ask(&mut self, line: &str, stage: Stage) -> Result<Reply, Undelivered> {
        let mut bytes = zeroize::Zeroizing::new(Vec::with_capacity(line.len() + 2));
        bytes.extend_from_slice(line.as_bytes());
        bytes.extend_from_slice(b"\r\n");
        self.write(&bytes, stage).await?;
        self.hear(stage).await
    }

    /// Says a letter, and that it is over. A line that begins with a dot gets another one (RFC 5321, 4.5.2).
    pub(super) async fn say_letter(&mut self, letter: &[u8]) -> Result<(), Undelivered> {
        let mut bytes = Vec::with_capacity(letter.len() + 64);
        for line in letter.split(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.starts_with(b".") {
                bytes.push(b'.');
            }
            bytes.extend_from_slice(line);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b".\r\n");
        self.write(&bytes, Stage::Content).await
    }

    async fn write(&mut self, bytes: &[u8], stage: Stage) -> Result<(), Undelivered> {
        let writing = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        let written = timeout(self.times.answers, writing).await;
        written.map_err(|_| Undelivered::Silent(stage))?.map_err(|_| Undelivered::HungUp(stage))
    }

    /// Hears one answer.
    pub(super) async fn hear(&mut self, stage: Stage) -> Result<Reply, Undelivered> {
        self.hear_within(stage, self.times.answers).await
    }

    /// Hears one answer within this time, all its lines together.
    pub(super) async fn hear_within(&mut self, stage: Stage, within: Duration) -> Result<Reply, Undelivered> {
        timeout(within, self.answer(stage)).await.map_err(|_| Undelivered::Silent(stage))?
    }

    async fn answer(&mut self, stage: Stage) -> Result<Reply, Undelivered> {
        let garbled = Undelivered::Garbled(stage);
        let (mut code, mut lines, mut bytes) = (None, Vec::new(), 0);
        loop {
            let line = self.line(stage).await?;
            bytes += line.len() + 1;
            if bytes > ANSWER_BYTES_MAX {
                return Err(garbled);
            }
            let digits =
                line.get(..3).filter(|digits| digits.iter().all(u8::is_ascii_digit)).ok_or(garbled)?;
            let said = digits.iter().fold(0, |said, digit| said * 10 + u16::from(digit - b'0'));
            if !(200..600).contains(&said) || code.is_some_and(|code| code != said) {
                return Err(garbled);
            }
            code = Some(said);
            let (more, rest) = match line.get(3) {
                None => (false, &b""[..]),
                Some(b' ') => (false, line.get(4..).unwrap_or_default()),
                Some(b'-') => (true, line.get(4..).unwrap_or_default()),
                Some(_) => return Err(garbled),
            };
            lines.push(String::from_utf8_lossy(rest).into_owned());
            if !more {
                return Ok(Reply { code: said, lines });
            }
        }
    }

    /// One line, without its end.
    async fn line(&mut self, stage: Stage) -> Result<Vec<u8>, Undelivered> {
        loop {
            if let Some(end) = self.heard.iter().position(|byte| *byte == b'\n') {
                let mut line: Vec<u8> = self.heard.drain(..=end).collect();
                line.pop();
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                return Ok(line);
            }
            if self.heard.len() > ANSWER_BYTES_MAX {
                return Err(Undelivered::Garbled(stage));
            }
            let mut some = [0; 1024];
            match self.stream.read(&mut some).await {
                Ok(0) | Err(_) => return Err(Undelivered::HungUp(stage)),
                Ok(read) => self.heard.extend_from_slice(some.get(..read).unwrap_or_default()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;

    const TIMES: Times = Times { answers: Duration::from_secs(5), takes: Duration::from_secs(5) };

    async fn heard(said: &[u8]) -> Result<Reply, Undelivered> {
        let (mut server, client) = duplex(64 * 1024);
        server.write_all(said).await.unwrap();
        drop(server);
        Dialogue::new(client, TIMES).hear(Stage::Hello).await
    }

    #[tokio::test]
    async fn what_a_server_offers_is_found_in_any_case_and_not_in_its_name() {
        let reply = heard(b"250-STARTTLS.example\r\n250-   \r\n250-auth LOGIN plain\r\n250 DSN\r\n")
            .await
            .ok()
            .unwrap();
        assert!(reply.has("DSN") && reply.offers("AUTH", "PLAIN") && !reply.has("STARTTLS"));
        assert!(!reply.offers("AUTH", "XOAUTH2"));
    }

    #[tokio::test]
    async fn what_is_no_answer_is_garbled_and_a_silence_is_a_line_that_broke() {
        for said in
            [&b"ehlo\r\n"[..], b"25\r\n", b"250+x\r\n", b"250-a\r\n251 b\r\n", b"199 a\r\n", b"600 a\r\n"]
        {
            let said = heard(said).await.err();
            assert_eq!(said, Some(Undelivered::Garbled(Stage::Hello)));
        }
        let endless = b"250-x\r\n".repeat(ANSWER_BYTES_MAX);
        assert_eq!(heard(&endless[..60_000]).await.err(), Some(Undelivered::Garbled(Stage::Hello)));
        assert_eq!(heard(&b"2".repeat(40_000)).await.err(), Some(Undelivered::Garbled(Stage::Hello)));
        for said in [&b""[..], b"250-a\r\n", b"250 a"] {
            assert_eq!(heard(said).await.err(), Some(Undelivered::HungUp(Stage::Hello)));
        }
    }

    #[tokio::test]
    async fn a_line_of_the_letter_that_begins_with_a_dot_does_not_end_it() {
        let (mut server, client) = duplex(1024);
        let mut dialogue = Dialogue::new(client, TIMES);
        dialogue.say_letter(b"a\r\n.\r\n..b\r\n").await.unwrap();
        drop(dialogue);
        let mut said = String::new();
        server.read_to_string(&mut said).await.unwrap();
        assert_eq!(said, "a\r\n..\r\n...b\r\n\r\n.\r\n");
    }
}
