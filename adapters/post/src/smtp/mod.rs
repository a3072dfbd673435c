//! One letter to one server (RFC 5321), over TLS unless the server is this very machine.
//!
//! Written out, and not the client of a library, for three things that letters like these need: nothing that was said before
//! TLS counts after it (the server, or whoever sits in between, could otherwise answer questions that were not asked yet);
//! failures are asked to be told of (RFC 3461) where the server offers it; and whatever a server says, however long or strange,
//! ends in one of the words of [`Undelivered`] and in no log.

mod dialogue;

use std::{fmt, net::SocketAddr};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
    time::timeout,
};
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

use self::dialogue::{Dialogue, Reply};
use crate::{
    Letter, Post, Security,
    settings::{Login, Times},
};

/// Where in the conversation something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The connection.
    Connection,
    /// The server's first words.
    Greeting,
    /// Who we are and what it offers.
    Hello,
    /// Asking for TLS, and TLS itself.
    Security,
    /// Our login.
    Login,
    /// From whom the letter is.
    Sender,
    /// To whom it is.
    Recipient,
    /// The letter.
    Content,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connection => "the connection",
            Self::Greeting => "its greeting",
            Self::Hello => "our greeting",
            Self::Security => "securing the line",
            Self::Login => "our login",
            Self::Sender => "the sender",
            Self::Recipient => "the mailbox",
            Self::Content => "the letter",
        })
    }
}

/// Why a letter was not taken, as far as is known. It names no mailbox and repeats nothing that the server said but its code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Undelivered {
    /// The server cannot be reached.
    #[error("the mail server cannot be reached")]
    Unreachable,
    /// It did not answer in time.
    #[error("the mail server did not answer in time, at {0}")]
    Silent(Stage),
    /// The line broke. At the letter itself it is not known whether it was taken.
    #[error("the mail server hung up, at {0}")]
    HungUp(Stage),
    /// Not now: 4xx.
    #[error("the mail server asks to come back later ({code}), at {stage}")]
    Deferred {
        /// Where.
        stage: Stage,
        /// Its code.
        code: u16,
    },
    /// No: 5xx.
    #[error("the mail server refused ({code}), at {stage}")]
    Refused {
        /// Where.
        stage: Stage,
        /// Its code.
        code: u16,
    },
    /// It offers no TLS; nothing was said to it.
    #[error("the mail server offers no STARTTLS, so it gets nothing; look at [post] security")]
    NotSecured,
    /// Its certificate is not believed, or is another's; nothing was said to it.
    #[error("the mail server's certificate is not believed; look at [post] server and ca")]
    NotBelieved,
    /// It offers no way to log in that we know.
    #[error("the mail server offers no login by PLAIN or LOGIN; look at [post] user")]
    NoLogin,
    /// What it says is no SMTP, or too much of it.
    #[error("what the mail server says is no SMTP, at {0}")]
    Garbled(Stage),
    /// The letter cannot be written.
    #[error("the message cannot be written; look at [post] from")]
    Unwritable,
}

impl Undelivered {
    /// Whether the same letter would be refused again: only what the server said of the letter itself. A login or a certificate
    /// can be put right meanwhile.
    pub const fn is_final(self) -> bool {
        matches!(
            self,
            Self::Refused { stage: Stage::Sender | Stage::Recipient | Stage::Content, .. } | Self::Unwritable
        )
    }
}

/// Gives the server one letter. After [`Undelivered::HungUp`] or [`Undelivered::Silent`] at the content it may have it.
pub async fn send(post: &Post, letter: &Letter) -> Result<(), Undelivered> {
    talk(post, Some(letter)).await
}

/// Greets the server, secures the line and logs in, as for a letter, and gives it none.
pub async fn greet(post: &Post) -> Result<(), Undelivered> {
    talk(post, None).await
}

async fn talk(post: &Post, letter: Option<&Letter>) -> Result<(), Undelivered> {
    let stream = connect(post).await?;
    let Some(tls) = &post.tls else {
        let mut dialogue = Dialogue::new(stream, post.times);
        dialogue.hear(Stage::Greeting).await?.wants(Stage::Greeting, &[220])?;
        let offers = hello(&mut dialogue, post).await?;
        return hand_over(dialogue, post, letter, &offers).await;
    };
    let stream = if post.security == Security::Starttls { ask_for_tls(stream, post).await? } else { stream };
    let connector = TlsConnector::from(std::sync::Arc::clone(tls));
    let handshake = timeout(post.times.answers, connector.connect(post.name.clone(), stream)).await;
    let stream = handshake.map_err(|_| Undelivered::Silent(Stage::Security))?.map_err(|error| {
        let broke = matches!(
            error.kind(),
            std::io::ErrorKind::UnexpectedEof
                | std::io::ErrorKind::ConnectionReset
                | std::io::ErrorKind::BrokenPipe
        );
        if broke { Undelivered::HungUp(Stage::Security) } else { Undelivered::NotBelieved }
    })?;
    let mut dialogue = Dialogue::new(stream, post.times);
    if post.security == Security::Tls {
        dialogue.hear(Stage::Greeting).await?.wants(Stage::Greeting, &[220])?;
    }
    // Asked again: what it offered in the clear does not count.
    let offers = hello(&mut dialogue, post).await?;
    if let Some(login) = &post.login {
        log_in(&mut dialogue, login, &offers).await?;
    }
    hand_over(dialogue, post, letter, &offers).await
}

async fn connect(post: &Post) -> Result<TcpStream, Undelivered> {
    let Times { answers, .. } = post.times;
    let connecting = async {
        let all = lookup_host((post.server.as_str(), post.port)).await.ok()?;
        let here_only = post.security == Security::PlainOnThisMachine;
        let allowed = |one: &SocketAddr| !here_only || one.ip().is_loopback();
        for address in all.filter(allowed) {
            if let Ok(stream) = TcpStream::connect(address).await {
                return Some(stream);
            }
        }
        None
    };
    let connected = timeout(answers, connecting).await.map_err(|_| Undelivered::Silent(Stage::Connection))?;
    connected.ok_or(Undelivered::Unreachable)
}

/// The conversation in the clear: as short as it can be. Whatever came with its last answer was not asked for, and ends it.
async fn ask_for_tls(stream: TcpStream, post: &Post) -> Result<TcpStream, Undelivered> {
    let mut dialogue = Dialogue::new(stream, post.times);
    dialogue.hear(Stage::Greeting).await?.wants(Stage::Greeting, &[220])?;
    let offers = hello(&mut dialogue, post).await?;
    if !offers.has("STARTTLS") {
        return Err(Undelivered::NotSecured);
    }
    dialogue.ask("STARTTLS", Stage::Security).await?.wants(Stage::Security, &[220])?;
    dialogue.into_stream(Stage::Security)
}

async fn hello<S: AsyncRead + AsyncWrite + Unpin>(
    dialogue: &mut Dialogue<S>,
    post: &Post,
) -> Result<Reply, Undelivered> {
    let offers = dialogue.ask(&format!("EHLO {}", post.hello), Stage::Hello).await?;
    offers.wants(Stage::Hello, &[250])?;
    Ok(offers)
}

async fn log_in<S: AsyncRead + AsyncWrite + Unpin>(
    dialogue: &mut Dialogue<S>,
    login: &Login,
    offers: &Reply,
) -> Result<(), Undelivered> {
    let stage = Stage::Login;
    let (user, password) = (login.user.as_str(), login.password.as_str());
    if offers.offers("AUTH", "PLAIN") {
        let plain = Zeroizing::new(format!("\0{user}\0{password}"));
        let words = Zeroizing::new(format!("AUTH PLAIN {}", *encoded(&plain)));
        return dialogue.ask(&words, stage).await?.wants(stage, &[235]);
    }
    if offers.offers("AUTH", "LOGIN") {
        dialogue.ask("AUTH LOGIN", stage).await?.wants(stage, &[334])?;
        dialogue.ask(&encoded(user), stage).await?.wants(stage, &[334])?;
        return dialogue.ask(&encoded(password), stage).await?.wants(stage, &[235]);
    }
    Err(Undelivered::NoLogin)
}

fn encoded(text: &str) -> Zeroizing<String> {
    Zeroizing::new(BASE64.encode(text))
}

/// Sender, mailbox, letter. Where the server can, it is asked to tell of a failure and of nothing else, with the headers only
/// (RFC 3461); no id of ours goes along.
async fn hand_over<S: AsyncRead + AsyncWrite + Unpin>(
    mut dialogue: Dialogue<S>,
    post: &Post,
    letter: Option<&Letter>,
    offers: &Reply,
) -> Result<(), Undelivered> {
    let Some(letter) = letter else {
        let _ = dialogue.ask("QUIT", Stage::Content).await;
        return Ok(());
    };
    let (returns, notify) = if offers.has("DSN") { (" RET=HDRS", " NOTIFY=FAILURE") } else { ("", "") };
    let sender = Zeroizing::new(format!("MAIL FROM:<{}>{returns}", letter.from.address()));
    dialogue.ask(&sender, Stage::Sender).await?.wants(Stage::Sender, &[250])?;
    let recipient = Zeroizing::new(format!("RCPT TO:<{}>{notify}", letter.to.address()));
    dialogue.ask(&recipient, Stage::Recipient).await?.wants(Stage::Recipient, &[250, 251, 252])?;
    dialogue.ask("DATA", Stage::Content).await?.wants(Stage::Content, &[354])?;
    dialogue.say_letter(&letter.bytes).await?;
    dialogue.hear_within(Stage::Content, post.times.takes).await?.wants(Stage::Content, &[250])?;
    // It has it; how it says goodbye is no matter.
    let _ = dialogue.ask("QUIT", Stage::Content).await;
    Ok(())
}
