//! A mail server for tests, as friendly or as strange as a test wants it.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

/// How a server behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Takes everything.
    Takes,
    /// The same, and offers to tell of failures.
    TakesAndTells,
    /// Asks to come back with the mailbox, so many times; then takes it.
    Defers(usize),
    /// Knows no such mailbox.
    Refuses,
    /// Does not believe the login.
    RefusesLogin,
    /// Takes the letter and hangs up before it says so, once.
    HangsUpOnce,
    /// Offers no TLS.
    OffersNoTls,
    /// Answers, in the clear, what it was not asked yet.
    AnswersAhead,
    /// Greets, and then says nothing.
    Silent,
    /// Speaks something else.
    Strange,
}

/// What it was told.
#[derive(Debug, Clone, Default)]
pub(crate) struct Heard {
    /// Everything that was said in the clear.
    pub(crate) in_the_clear: Vec<String>,
    /// Every line of a command, secured or not.
    pub(crate) commands: Vec<String>,
    /// Every letter that it took.
    pub(crate) letters: Vec<String>,
    /// Conversations.
    pub(crate) conversations: usize,
}

/// A running server; it ends with this value.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    heard: Arc<Mutex<Heard>>,
    folder: tempfile::TempDir,
    serving: tokio::task::JoinHandle<()>,
}

#[derive(Clone)]
struct Desk {
    manner: Manner,
    secured_from_the_start: bool,
    tls: TlsAcceptor,
    heard: Arc<Mutex<Heard>>,
}

impl Server {
    /// A server that begins in the clear, with a certificate that says this name.
    pub(crate) async fn start(manner: Manner, name: &str) -> Self {
        Self::on(manner, name, false).await
    }

    /// The same, secured from the first byte.
    pub(crate) async fn secured(manner: Manner, name: &str) -> Self {
        Self::on(manner, name, true).await
    }

    async fn on(manner: Manner, name: &str, secured_from_the_start: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tls = certified(name, folder.path());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heard: Arc<Mutex<Heard>> = Arc::default();
        let desk = Desk { manner, secured_from_the_start, tls, heard: Arc::clone(&heard) };
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                desk.heard.lock().unwrap().conversations += 1;
                tokio::spawn(desk.clone().serve(stream));
            }
        });
        Self { address, heard, folder, serving }
    }

    /// The certificate of the authority that its own is from.
    pub(crate) fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    pub(crate) fn heard(&self) -> Heard {
        self.heard.lock().unwrap().clone()
    }

    /// Waits until it took so many letters.
    pub(crate) async fn took(&self, letters: usize) -> Vec<String> {
        loop {
            let heard = self.heard();
            if heard.letters.len() >= letters {
                return heard.letters;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// An authority, whose certificate lies in the folder then, and a server's certificate from it.
fn certified(name: &str, folder: &Path) -> TlsAcceptor {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    std::fs::write(folder.join("ca.pem"), authority.self_signed(&key).unwrap().pem()).unwrap();
    let issuer = Issuer::new(authority, key);
    let own = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&own, &issuer).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(own.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

impl Desk {
    async fn serve(self, stream: TcpStream) {
        if self.secured_from_the_start {
            if let Ok(stream) = self.tls.clone().accept(stream).await {
                self.converse(stream, true, true).await;
            }
            return;
        }
        if let Some(stream) = self.converse(stream, false, true).await
            && let Ok(stream) = self.tls.clone().accept(stream).await
        {
            self.converse(stream, true, false).await;
        }
    }

    /// Serves until it hangs up; the line back when TLS was asked for.
    async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
        secured: bool,
        greets: bool,
    ) -> Option<S> {
        let mut stream = BufReader::new(stream);
        if greets {
            let greeting =
                if self.manner == Manner::Strange { "HTTP/1.1 200 OK" } else { "220 post.example" };
            says(&mut stream, greeting).await?;
        }
        let mut line = String::new();
        loop {
            line.clear();
            if stream.read_line(&mut line).await.ok()? == 0 {
                return None;
            }
            let said = line.trim_end().to_owned();
            {
                let mut heard = self.heard.lock().unwrap();
                heard.commands.push(said.clone());
                if !secured {
                    heard.in_the_clear.push(said.clone());
                }
            }
            if self.manner == Manner::Silent {
                continue;
            }
            match said.split(' ').next().unwrap() {
                "EHLO" => says(&mut stream, &self.offers(secured)).await?,
                "STARTTLS" => {
                    let ahead = self.manner == Manner::AnswersAhead;
                    says(&mut stream, if ahead { "220 go\r\n250 ahead" } else { "220 go" }).await?;
                    return Some(stream.into_inner());
                }
                "AUTH" if self.manner == Manner::RefusesLogin => says(&mut stream, "535 no").await?,
                "AUTH" if said == "AUTH LOGIN" => {
                    says(&mut stream, "334 VXNlcm5hbWU6").await?;
                    stream.read_line(&mut line).await.ok()?;
                    says(&mut stream, "334 UGFzc3dvcmQ6").await?;
                    stream.read_line(&mut line).await.ok()?;
                    says(&mut stream, "235 yes").await?;
                }
                "AUTH" => says(&mut stream, "235 yes").await?,
                "RCPT" => {
                    let before = self.heard.lock().unwrap().conversations;
                    match self.manner {
                        Manner::Refuses => says(&mut stream, "550 5.1.1 no such mailbox").await?,
                        Manner::Defers(times) if before <= times => {
                            says(&mut stream, "451 4.7.1 come back later").await?;
                        }
                        _ => says(&mut stream, "250 fine").await?,
                    }
                }
                "DATA" => {
                    says(&mut stream, "354 go").await?;
                    let letter = letter(&mut stream).await?;
                    let first = {
                        let mut heard = self.heard.lock().unwrap();
                        heard.letters.push(letter);
                        heard.letters.len() == 1
                    };
                    if self.manner == Manner::HangsUpOnce && first {
                        return None;
                    }
                    says(&mut stream, "250 taken").await?;
                }
                "QUIT" => {
                    says(&mut stream, "221 bye").await?;
                    return None;
                }
                _ => says(&mut stream, "250 fine").await?,
            }
        }
    }

    fn offers(&self, secured: bool) -> String {
        let mut lines = vec!["post.example", "8BITMIME", "   "];
        if !secured && self.manner != Manner::OffersNoTls {
            lines.push("STARTTLS");
        }
        if secured {
            lines.push(if self.manner == Manner::TakesAndTells { "AUTH LOGIN" } else { "AUTH PLAIN" });
        }
        if self.manner == Manner::TakesAndTells {
            lines.push("DSN");
        }
        let last = lines.pop().unwrap();
        let before: Vec<_> = lines.iter().flat_map(|line| ["250-", line, "\r\n"]).collect();
        before.concat() + "250 " + last
    }
}

async fn says<S: AsyncWrite + Unpin>(stream: &mut S, line: &str) -> Option<()> {
    stream.write_all(format!("{line}\r\n").as_bytes()).await.ok()?;
    stream.flush().await.ok()
}

async fn letter<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut BufReader<S>) -> Option<String> {
    let mut whole = String::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        if line == ".\r\n" {
            return Some(whole);
        }
        whole.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}
