//! What programs say of themselves at `/readyz` and `/metrics`, as far as the board may say it: ready or not, whether a person is needed
//! there, and when pupils and schools were imported. Their own words stay with them: they may count.

use std::{net::SocketAddr, time::Duration};

use hwc_board::{Age, Process, Ready, Register};
use jiff::Timestamp;
use serde::Deserialize;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// How long a program gets to answer.
const WITHIN: Duration = Duration::from_secs(3);
/// Bytes of an answer that are read, at most.
const BYTES_MAX: u64 = 512 * 1024;
/// The metric that says when a register was imported.
const IMPORTED: &str = "hwc_register_imported_timestamp_seconds";

/// A program whose health is looked at.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    /// How it is called on the board.
    pub(crate) name: String,
    /// Where it shows `/readyz` and `/metrics`.
    pub(crate) health: SocketAddr,
}

impl Program {
    /// Asks it.
    pub(super) async fn look(&self) -> Process {
        let (ready, metrics) = tokio::join!(self.get("/readyz"), self.get("/metrics"));
        let (ready, attention) = ready.as_deref().map_or((Ready::Silent, false), said);
        let register = metrics.as_deref().and_then(|text| imported(text, Timestamp::now()));
        Process { name: self.name.clone(), ready, attention, register }
    }

    /// The body of an answer, whatever its status.
    async fn get(&self, path: &str) -> Option<String> {
        let asked = async {
            let mut stream = TcpStream::connect(self.health).await.ok()?;
            let request =
                format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.health);
            stream.write_all(request.as_bytes()).await.ok()?;
            let mut answer = Vec::new();
            stream.take(BYTES_MAX).read_to_end(&mut answer).await.ok()?;
            let answer = String::from_utf8(answer).ok()?;
            answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned())
        };
        timeout(WITHIN, asked).await.ok()?
    }
}

/// What `/readyz` says; an answer of something else is as good as none.
fn said(body: &str) -> (Ready, bool) {
    #[derive(Deserialize)]
    struct Readyz {
        ready: bool,
        #[serde(default)]
        attention: Vec<serde::de::IgnoredAny>,
    }
    match serde_json::from_str::<Readyz>(body.trim()) {
        Ok(Readyz { ready, attention }) => {
            (if ready { Ready::Yes } else { Ready::No }, !attention.is_empty())
        }
        Err(_) => (Ready::Silent, false),
    }
}

/// When a register was imported, if there is one.
fn imported(metrics: &str, now: Timestamp) -> Option<Register> {
    let line = metrics.lines().find(|line| line.starts_with(IMPORTED))?;
    let seconds: f64 = line.rsplit(' ').next()?.parse().ok()?;
    if !(0.0..=253_402_300_000.0).contains(&seconds) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "between the bounds above")]
    let imported = Timestamp::from_second(seconds as i64).ok()?;
    Some(Register { imported, age: Age::of(now.duration_since(imported)) })
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn a_program_is_ready_or_not_and_its_own_words_are_left_out() {
        let body = r#"{"attention":["1 doubtful case waits"],"ready":true,"reasons":[]}"#;
        assert_eq!(said(body), (Ready::Yes, true));
        assert_eq!(said(r#"{"attention":[],"ready":false,"reasons":["x"]}"#), (Ready::No, false));
        for nothing in ["", "OK", "[]", r#"{"ready":"yes"}"#] {
            assert_eq!(said(nothing), (Ready::Silent, false), "{nothing}");
        }
    }

    #[test]
    fn an_import_is_a_moment_and_none_is_none() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let found = imported(&format!("# TYPE x gauge\n{IMPORTED} 940000.0\n"), now).unwrap();
        assert_eq!(
            (found.imported.as_second(), found.age.to_string()),
            (940_000, "4 to 24 hours".to_owned())
        );
        for nothing in
            [format!("{IMPORTED} NaN"), format!("{IMPORTED} -1"), format!("{IMPORTED} 1e300"), String::new()]
        {
            assert_eq!(imported(&nothing, now), None, "{nothing}");
        }
    }

    #[tokio::test]
    async fn who_does_not_answer_or_says_too_much_is_silent() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let health = listener.local_addr().unwrap();
        let program = Program { name: "x".to_owned(), health };
        let endless = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                tokio::spawn(async move { while stream.write_all(&[b'a'; 4096]).await.is_ok() {} });
            }
        });
        assert_eq!(program.look().await.ready, Ready::Silent);
        endless.abort();
        let _ = endless.await;
        assert_eq!(program.look().await.ready, Ready::Silent);
    }
}
