//! The first page as a stream of events (SSE): what changed of it, as it would be written anew. Whoever has no script misses nothing but
//! the waiting.

use std::{
    convert::Infallible,
    sync::{Arc, LazyLock},
    time::Duration,
};

use askama::Template as _;
use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, Response, StatusCode, header},
};
use futures::stream;
use hwc_web::{Seat, respond};
use sha2::{Digest as _, Sha256};
use tokio::{sync::watch, time::Instant};

use crate::{
    Snapshot,
    board::{Board, Source, TheBoard},
};

/// What makes the page live; everything on it can be done without.
pub(crate) const SCRIPT: &str = include_str!("../script/board.js");

static SCRIPT_PATH: LazyLock<String> = LazyLock::new(|| {
    let digest = hex::encode(Sha256::digest(SCRIPT.as_bytes()));
    format!("/assets/{}.js", digest.get(..16).unwrap_or_default())
});

/// Where the script lies; another script lies elsewhere.
pub(crate) fn script_path() -> &'static str {
    &SCRIPT_PATH
}

/// How long one stream lasts: a connection has its end, and the browser comes again.
const LASTS: Duration = Duration::from_secs(100);
/// How often it is looked whether whoever listens is still logged in; a proxy hears something as often.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How soon a browser comes again.
const AGAIN_AFTER_MILLIS: u32 = 2_000;

/// What a listener is at.
struct Listener<S> {
    board: Arc<Board<S>>,
    seat: Arc<Seat<()>>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    stop: watch::Receiver<bool>,
    until: Instant,
    last: String,
    began: bool,
}

/// The stream. A script that is not logged in is told so, and asks no more.
pub(crate) async fn stream<S: Source>(State(board): TheBoard<S>, headers: HeaderMap) -> Response<Body> {
    let Some(seat) = board.gate.seat(&headers) else { return respond::plain(StatusCode::UNAUTHORIZED) };
    let listener = Listener {
        snapshots: board.source.watch(),
        stop: board.stop.clone(),
        until: Instant::now() + LASTS,
        last: String::new(),
        began: false,
        seat,
        board,
    };
    let events = stream::unfold(listener, |mut listener| async move {
        let event = listener.next().await?;
        Some((Ok::<_, Infallible>(event), listener))
    });
    let mut response = Response::new(Body::from_stream(events));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

impl<S: Source> Listener<S> {
    /// What is said next; nothing when the stream is over.
    async fn next(&mut self) -> Option<String> {
        if !self.began {
            self.began = true;
            return Some(format!("retry: {AGAIN_AFTER_MILLIS}\n\n"));
        }
        loop {
            if *self.stop.borrow() || Instant::now() >= self.until || !self.is_logged_in() {
                return None;
            }
            let snapshot = Arc::clone(&self.snapshots.borrow_and_update());
            let html = self.board.parts(&snapshot).render().ok()?;
            if html != self.last {
                self.last.clone_from(&html);
                let data = serde_json::to_string(&html).ok()?;
                return Some(format!("event: board\ndata: {data}\n\n"));
            }
            let quiet = tokio::select! {
                changed = self.snapshots.changed() => { changed.ok()?; false }
                _ = self.stop.wait_for(|stop| *stop) => return None,
                () = tokio::time::sleep(LOOK_EVERY) => true,
            };
            if quiet && self.is_logged_in() {
                // A line that says nothing, so that nobody in between thinks that the connection is dead.
                return Some(":\n\n".to_owned());
            }
        }
    }

    /// Nobody's session lives longer by listening.
    fn is_logged_in(&self) -> bool {
        let gate = &self.board.gate;
        gate.sessions().any(gate.now(), |seat| Arc::ptr_eq(seat, &self.seat).then_some(())).is_some()
    }
}
