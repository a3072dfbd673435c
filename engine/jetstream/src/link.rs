//! One connection to the broker, and every request over it, each within its time.
//!
//! What shaped it (verified on 2.15.1 with async-nats 0.51): the client queues what is sent while the broker is away and
//! sends it after the reconnect, also when the caller gave up long ago; so nothing is sent here that would be harmful
//! late. A refused permission comes only as an event, never as an answer; so it is counted and shown in [`Health`].
//! The client library's own JetStream layer is not used: it prints request bodies at debug level.

use std::{sync::Arc, time::Duration};

use async_nats::{
    Client, ConnectErrorKind, ConnectOptions, Event, HeaderMap, Message, Request, ServerError,
    client::RequestErrorKind,
};
use bytes::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::sync::watch;

use crate::{
    Address, BoardName, Credential, Fault,
    address::{refused_to_talk, tls_trouble},
    lease::Until,
    names,
};

/// How long the broker gets for an answer, unless told otherwise.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Requests that may wait for the broker to come back; the next waits outside, within its time.
const SENDING_MAX: usize = 2_048;
/// Messages that may wait in one subscription.
const WAITING_MAX: usize = 4_096;

/// One connection to the broker. Cheap to clone; it reconnects by itself for ever.
#[derive(Clone, Debug)]
pub struct Link {
    client: Client,
    health: watch::Receiver<Health>,
    answer_within: Duration,
    only_while: Option<Until>,
    board: Option<Arc<BoardName>>,
}

/// How a connection is doing. Events can be lost under load: show it, build nothing on it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    /// Whether it stands.
    pub connected: bool,
    /// How often it was made: 1 after the start, one more for each reconnect.
    pub connections: u64,
    /// How often the broker refused a publish or a subscription for want of permission: a mistake in the broker's
    /// configuration, or somebody trying doors.
    pub denied: u64,
    /// How often messages were dropped because nobody took them in time.
    pub dropped: u64,
    /// How often a reconnect was tried in vain since the connection went down. Many in a row: the broker is away, or does not
    /// admit us any more.
    pub tried: u64,
}

/// How often a reconnect is tried in vain before it is said what may be the matter: a broker that restarts is back by then.
const TRIED_SAID_AT: u64 = 10;

/// Why no connection was made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The address cannot be read.
    #[error("not an address of a broker; wanted one such as nats://127.0.0.1:4222")]
    Address,
    /// The broker does not know this key.
    #[error("the broker does not admit {0}; add it to the broker's configuration")]
    NotAdmitted(String),
    /// It cannot be reached.
    #[error("the broker cannot be reached: {0}")]
    Unreachable(String),
    /// Nothing was said in time: it is away, or it waits for a handshake of TLS.
    #[error(
        "the broker said nothing in time; is it up, and if it asks for TLS, were ca.pem, tls.pem and tls.key given?"
    )]
    Silent,
    /// The address asks for TLS and no files were given.
    #[error(
        "a tls:// address needs three files: ca.pem, tls.pem and tls.key, as the operator handed them over"
    )]
    TlsFilesMissing,
    /// One of the files for TLS cannot be used: which, and why.
    #[error("a file for TLS cannot be used: {0}")]
    TlsFile(String),
    /// Whoever answers there is not the broker we know.
    #[error("whoever answers at this address is not our broker: {0}")]
    NotTheBroker(String),
    /// The broker does not take our certificate.
    #[error(
        "the broker refuses our TLS certificate; is tls.pem the one this region's operator handed over last, and not \
         expired? Ask the operator for a new one"
    )]
    CertificateRefused,
    /// TLS went wrong in another way.
    #[error("no secure connection to the broker ({0}); does it speak TLS 1.3 at this address?")]
    Tls(String),
}

impl Link {
    /// Connects, as the engine or as whoever else has the account to themselves. Without a credential only a broker
    /// that asks nobody's name lets us in.
    pub async fn connect(
        address: impl Into<Address>,
        credential: Option<&Credential>,
    ) -> Result<Self, LinkError> {
        Self::connect_as(&address.into(), credential, "_INBOX", "hwc-engine").await
    }

    /// Connects as a board, which has an account of its own and may look and nothing else: everything else is refused by the broker,
    /// and here before it is sent ([`Fault::OnlyLooks`]).
    pub async fn connect_board(
        address: impl Into<Address>,
        credential: &Credential,
        board: &BoardName,
    ) -> Result<Self, LinkError> {
        let inbox = names::inbox(board);
        let link = Self::connect_as(&address.into(), Some(credential), &inbox, "hwc-board").await?;
        Ok(Self { board: Some(Arc::new(board.clone())), ..link })
    }

    /// Connects with a namespace of its own for answers.
    pub(crate) async fn connect_as(
        address: &Address,
        credential: Option<&Credential>,
        inbox: &str,
        name: &str,
    ) -> Result<Self, LinkError> {
        let who = credential.map_or_else(|| "nobody".to_owned(), |known| known.public().to_string());
        let (tell, mut health) = watch::channel(Health::default());
        let tell = Arc::new(tell);
        let servers = address.servers()?;
        let client = address
            .options(options(credential))?
            .name(name)
            .custom_inbox_prefix(inbox)
            .connection_timeout(ANSWER_WITHIN)
            .request_timeout(None)
            .ping_interval(Duration::from_secs(10))
            .client_capacity(SENDING_MAX)
            .subscription_capacity(WAITING_MAX)
            .reconnect_delay_callback(|attempt| {
                Duration::from_millis(20 << attempt.min(6)).min(Duration::from_secs(1))
            })
            .event_callback(move |event| {
                let tell = Arc::clone(&tell);
                async move { tell.send_modify(|health| health.heed(&event)) }
            })
            .connect(servers)
            .await
            .map_err(|error| match error.kind() {
                ConnectErrorKind::ServerParse => LinkError::Address,
                ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication => {
                    LinkError::NotAdmitted(who)
                }
                ConnectErrorKind::TimedOut => LinkError::Silent,
                kind => tls_trouble(&error).unwrap_or_else(|| match refused_to_talk(&error) {
                    // A certificate of the authority that is not, or no longer, on the broker's list.
                    true if address.tls().is_some() => LinkError::CertificateRefused,
                    true => LinkError::Silent,
                    false => LinkError::Unreachable(kind.to_string()),
                }),
            })?;
        // The event that says so comes a moment after the fact.
        let _ = tokio::time::timeout(ANSWER_WITHIN, health.wait_for(|health| health.connected)).await;
        Ok(Self { client, health, answer_within: ANSWER_WITHIN, only_while: None, board: None })
    }

    /// The same connection, with another time for answers.
    #[must_use]
    pub fn with_answer_within(mut self, answer_within: Duration) -> Self {
        self.answer_within = answer_within;
        self
    }

    /// The same connection, that sends nothing more once this does not hold.
    pub(crate) fn only_while(mut self, holds: Until) -> Self {
        self.only_while = Some(holds);
        self
    }

    /// As which board we are here; none for everybody else.
    pub(crate) fn board(&self) -> Option<&BoardName> {
        self.board.as_deref()
    }

    fn may_send(&self, subject: &str) -> Result<(), Fault> {
        if self.board().is_some_and(|board| !board.may_ask(subject)) {
            return Err(Fault::OnlyLooks);
        }
        if self.only_while.as_ref().is_none_or(Until::holds) { Ok(()) } else { Err(Fault::NotLeading) }
    }

    /// How the connection is doing, now and whenever it changes.
    pub fn health(&self) -> watch::Receiver<Health> {
        self.health.clone()
    }

    pub(crate) const fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) const fn answer_within(&self) -> Duration {
        self.answer_within
    }

    /// Asks and waits for one answer. The time includes the wait for a place in the client's queue.
    pub(crate) async fn ask(
        &self,
        subject: String,
        headers: Option<HeaderMap>,
        body: Bytes,
    ) -> Result<Message, Fault> {
        self.may_send(&subject)?;
        let mut request = Request::new().payload(body);
        if let Some(headers) = headers {
            request = request.headers(headers);
        }
        let answer =
            tokio::time::timeout(self.answer_within, self.client.send_request(subject, request)).await;
        answer.map_err(|_| Fault::NoAnswer)?.map_err(|error| match error.kind() {
            RequestErrorKind::TimedOut => Fault::NoAnswer,
            RequestErrorKind::NoResponders => Fault::NobodyServes,
            RequestErrorKind::MaxPayloadExceeded => Fault::TooLarge,
            RequestErrorKind::InvalidSubject | RequestErrorKind::Other => Fault::Closed,
        })
    }

    /// Calls JetStream's API: `$JS.API.<what>`.
    pub(crate) async fn api<T: DeserializeOwned>(
        &self,
        what: String,
        body: &impl Serialize,
    ) -> Result<T, Fault> {
        let body = serde_json::to_vec(body).map_err(|_| Fault::Garbled)?;
        let answer = self.ask(format!("$JS.API.{what}"), None, body.into()).await?;
        read(&answer.payload)
    }

    /// Publishes into a stream and waits until it is durable there.
    pub(crate) async fn put(
        &self,
        subject: String,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Stored, Fault> {
        read(&self.ask(subject, Some(headers), body).await?.payload)
    }

    /// Sends without an answer, within the time.
    pub(crate) async fn send(
        &self,
        subject: String,
        reply: Option<String>,
        body: Bytes,
    ) -> Result<(), Fault> {
        self.may_send(&subject)?;
        let sent = async {
            match reply {
                Some(reply) => self.client.publish_with_reply(subject, reply, body).await,
                None => self.client.publish(subject, body).await,
            }
        };
        self.within_the_time(sent).await
    }

    /// The same, with something beside the message.
    pub(crate) async fn send_with(
        &self,
        subject: String,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<(), Fault> {
        self.may_send(&subject)?;
        self.within_the_time(self.client.publish_with_headers(subject, headers, body)).await
    }

    async fn within_the_time(
        &self,
        sending: impl Future<Output = Result<(), async_nats::PublishError>>,
    ) -> Result<(), Fault> {
        let sent = tokio::time::timeout(self.answer_within, sending).await.map_err(|_| Fault::NoAnswer)?;
        sent.map_err(|error| match error.kind() {
            async_nats::client::PublishErrorKind::MaxPayloadExceeded => Fault::TooLarge,
            _ => Fault::Closed,
        })
    }

    /// Subscribes.
    pub(crate) async fn listen(&self, subject: String) -> Result<async_nats::Subscriber, Fault> {
        match self.board() {
            Some(board) if !board.may_hear(&subject) => return Err(Fault::OnlyLooks),
            Some(_) => {}
            None => self.may_send(&subject)?,
        }
        let heard = tokio::time::timeout(self.answer_within, self.client.subscribe(subject)).await;
        heard.map_err(|_| Fault::NoAnswer)?.map_err(|_| Fault::Closed)
    }
}

impl Health {
    fn heed(&mut self, event: &Event) {
        match event {
            Event::Connected => {
                self.connected = true;
                self.connections += 1;
                self.tried = 0;
            }
            Event::Disconnected | Event::Closed => {
                self.connected = false;
                tracing::warn!("the connection to the broker is down");
            }
            Event::SlowConsumer(_) => {
                self.dropped += 1;
                tracing::warn!("messages from the broker were dropped because nobody took them in time");
            }
            Event::ServerError(ServerError::Other(said)) if said.starts_with("Permissions Violation") => {
                self.denied += 1;
                // It names a subject; no subject of ours holds anything about a person.
                tracing::error!("the broker's permissions forbid this: {said}");
            }
            Event::ServerError(said) => tracing::warn!("the broker says: {said}"),
            Event::ClientError(error) => {
                self.tried += 1;
                if self.tried == TRIED_SAID_AT {
                    tracing::error!(
                        "the broker does not let us back in ({error}); if others reach it, our key or certificate was \
                         replaced or revoked: ask the operator"
                    );
                }
            }
            Event::LameDuckMode | Event::Draining => {}
        }
    }
}

/// What the broker answers to a publish.
#[derive(Debug, Deserialize)]
pub(crate) struct Stored {
    /// Where it lies in its stream.
    pub(crate) seq: u64,
    /// It lay there already, under the same id.
    #[serde(default)]
    pub(crate) duplicate: bool,
}

/// Longest of the broker's own words that are passed on, in characters.
const SAID_CHARS_MAX: usize = 200;

/// The broker's own words, as they may stand in a log: one line, of bounded length.
fn shown(said: &str) -> String {
    said.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SAID_CHARS_MAX).collect()
}

/// Reads an answer of JetStream, which is what was asked for or an error.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Fault> {
    #[derive(Deserialize)]
    struct Outcome {
        error: Option<Error>,
    }
    #[derive(Deserialize)]
    struct Error {
        #[serde(default)]
        code: u64,
        #[serde(default)]
        err_code: u64,
        #[serde(default)]
        description: String,
    }
    // First whether it is an error: what is asked for may be anything, and an error is something too.
    let outcome: Outcome = serde_json::from_slice(body).map_err(|_| Fault::Garbled)?;
    if let Some(error) = outcome.error {
        let code = if error.err_code == 0 { error.code } else { error.err_code };
        return Err(Fault::Refused { code, description: shown(&error.description) });
    }
    serde_json::from_slice(body).map_err(|_| Fault::Garbled)
}

fn options(credential: Option<&Credential>) -> ConnectOptions {
    let Some(credential) = credential.cloned() else { return ConnectOptions::new() };
    ConnectOptions::with_auth_callback(move |challenge| {
        let credential = credential.clone();
        async move {
            let mut auth = async_nats::Auth::new();
            auth.nkey = Some(credential.public().to_string());
            auth.signature = credential.sign(&challenge);
            Ok(auth)
        }
    })
}
