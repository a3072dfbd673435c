//! The lives of the parties of a replay: each party runs over a line of its own to the broker, and whoever dies starts again
//! with nothing but what the broker and its own secrets hold.

use std::{fmt::Display, future::Future, pin::Pin, sync::Arc};

/// The end of a life.
pub(super) type Death = Pin<Box<dyn Future<Output = ()> + Send>>;

/// How a party reaches the broker, one life after the other.
pub(super) trait Lives: Send + Sync + 'static {
    /// The broker's address for this party's next life, and when that life ends.
    fn next(&self, party: &str, broker: &str) -> (String, Death);
}

/// Nobody dies.
pub(super) struct Undying;

impl Lives for Undying {
    fn next(&self, _: &str, broker: &str) -> (String, Death) {
        (broker.to_owned(), Box::pin(std::future::pending()))
    }
}

/// Lives until it ends by itself: killed, it is dropped in the middle of whatever it did and begins anew.
pub(super) async fn live<T, F: Future<Output = T>>(
    lives: Arc<dyn Lives>,
    party: impl Display,
    broker: String,
    mut life: impl FnMut(String) -> F,
) -> T {
    let party = party.to_string();
    loop {
        let (url, death) = lives.next(&party, &broker);
        tokio::select! {
            biased;
            () = death => {}
            ended = life(url) => return ended,
        }
    }
}
