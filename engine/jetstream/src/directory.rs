//! The fifth door: an organisation asks for the directory of organisations, and gets the operator's signed text if there is
//! a newer one than it has. What stands in it is no matter of this room: whoever asks checks the signature.

use std::{collections::HashMap, time::Duration};

use async_nats::Message;
use bytes::Bytes;
use futures::StreamExt as _;
use hwc_schemas::Organisation;
use serde::{Deserialize, Serialize};
use tokio::{sync::watch, task::JoinHandle, time::Instant};

use crate::{BoardName, Fault, Link, doors::who, names};

/// The largest request: a number and what is around it.
const REQUEST_BYTES_MAX: usize = 64;
/// What a board hears. Not nothing: to the broker (2.15.1) an empty answer is the last one, and other engines would not be heard.
const THERE: &[u8] = b"there";
/// The text is handed to one organisation no more often than this; it is large, and the question is small.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The signed directory that is handed out now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Published {
    /// Its serial; 0 as long as there is none.
    pub serial: u64,
    /// The operator's text, signature and all.
    pub text: Bytes,
}

/// Hands the directory out to whoever asks, until it is dropped. Every engine may have it open, also one that stands by:
/// all say the same.
#[derive(Debug)]
pub struct DirectoryDoor {
    porter: JoinHandle<()>,
}

/// What is asked: is there a newer one than this?
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Newer {
    pub(crate) than: u64,
}

impl DirectoryDoor {
    /// Opens the door. What is handed out changes with `published`.
    pub async fn open(link: &Link, published: watch::Receiver<Published>) -> Result<Self, Fault> {
        let mut knocks = link.listen(names::directory("*")).await?;
        let link = link.clone();
        let porter = tokio::spawn(async move {
            let mut handed: HashMap<Organisation, Instant> = HashMap::new();
            while let Some(message) = knocks.next().await {
                if let Some(reply) = board_asks(&message) {
                    // That somebody is there; the directory itself it has from the operator. Whoever does not hear it asks again.
                    let _ = link.send(reply, None, Bytes::from_static(THERE)).await;
                    continue;
                }
                let Some((from, reply)) = who(&message) else { continue };
                let asked = Some(&message.payload).filter(|body| body.len() <= REQUEST_BYTES_MAX);
                let Some(asked) = asked.and_then(|body| serde_json::from_slice::<Newer>(body).ok()) else {
                    tracing::warn!(%from, "a question for the directory that cannot be read");
                    continue;
                };
                let now = published.borrow().clone();
                let answer = if now.serial > asked.than { now.text } else { Bytes::new() };
                if !answer.is_empty() {
                    // Whoever gets no answer asks again, later.
                    if handed.get(&from).is_some_and(|before| before.elapsed() < AGAIN_AFTER) {
                        continue;
                    }
                    handed.insert(from.clone(), Instant::now());
                }
                if let Err(error) = link.send(reply, None, answer).await {
                    tracing::warn!(%from, %error, "the directory did not go out; it is asked for again");
                }
            }
        });
        Ok(Self { porter })
    }
}

/// Where a board hears that we are there, if it is one that asks. As with organisations only its own account has that subject, or
/// somebody who asks as a board with an engine's credential.
fn board_asks(message: &Message) -> Option<String> {
    let from = message.subject.rsplit('.').next()?;
    let board: BoardName = from.starts_with(BoardName::BEGINNING).then(|| from.parse().ok())??;
    let fits = |reply: &str| reply.starts_with("_R_.") || board.may_hear(reply);
    message.reply.as_ref().filter(|reply| fits(reply)).map(ToString::to_string)
}

impl Drop for DirectoryDoor {
    fn drop(&mut self) {
        self.porter.abort();
    }
}
