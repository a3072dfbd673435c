//! The board, and its pages. All but the first need a press, and are written down: who looked into incidents, and on which day.

use std::{future::Future, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Response, StatusCode},
    routing::get,
};
use hwc_web::{Gate, Seat, behind, respond};
use tokio::sync::watch;

use crate::{
    Crew, Snapshot,
    live::{self, SCRIPT, script_path},
    story::{Away, Found, Line},
    view::{
        self, ActsPage, BoardPage, IncidentPage, IncidentsPage, OrganisationLine, OrganisationsPage, Parts,
        ToldPage,
    },
};

/// Acts that are listed.
const ACTS_LISTED: usize = 200;
/// Incidents that are listed.
pub(crate) const INCIDENTS_LISTED: usize = 200;
/// How often the page that renews itself does so.
const RENEWED_EVERY: Duration = Duration::from_secs(30);
/// Characters of an id that is looked for, at most.
const ID_CHARS_MAX: usize = 64;

/// Where the board gets what it shows.
pub trait Source: Send + Sync + 'static {
    /// How the region stands, and every change of that.
    fn watch(&self) -> watch::Receiver<Arc<Snapshot>>;

    /// The incidents in flight, those with trouble first, then the oldest.
    fn incidents(&self) -> impl Future<Output = Result<Vec<Line>, Away>> + Send;

    /// What is known by an incident's, a signal's or a trace's id.
    fn story(&self, id: &str) -> impl Future<Output = Result<Found, Away>> + Send;
}

/// The board of one region.
pub struct Board<S> {
    pub(crate) gate: Arc<Gate<Crew>>,
    pub(crate) source: S,
    pub(crate) stop: watch::Receiver<bool>,
}

/// The board in a handler.
pub(crate) type TheBoard<S> = State<Arc<Board<S>>>;

impl<S: Source> Board<S> {
    /// A board behind this gate, fed from there. Streams end when `stop` becomes true.
    pub const fn new(gate: Arc<Gate<Crew>>, source: S, stop: watch::Receiver<bool>) -> Self {
        Self { gate, source, stop }
    }

    /// The file of accounts changed: whoever is gone from it, or has a new passphrase, is logged out at once.
    pub fn reread(&self) -> Result<(), crate::AccountsError> {
        for account in self.crew().accounts().reread()? {
            self.gate.sessions().close_account(&account);
        }
        Ok(())
    }

    pub(crate) fn crew(&self) -> &Crew {
        self.gate.people()
    }

    /// What changes of the first page.
    pub(crate) fn parts(&self, snapshot: &Snapshot) -> Parts {
        Parts::of(snapshot, self.crew().zone())
    }

    fn told(
        &self,
        seat: &Seat<()>,
        headers: &HeaderMap,
        status: StatusCode,
        title: &'static str,
        how: &'static str,
    ) -> Response<Body> {
        let frame = self.gate.frame(seat, headers, title, "/incidents");
        respond::page(status, &ToldPage { frame, how })
    }

    fn away(&self, seat: &Seat<()>, headers: &HeaderMap) -> Response<Body> {
        let how = "Nothing is lost by it. Look at the broker: hwc check broker, and docs/runbook.md, HwcBrokerAway.";
        self.told(seat, headers, StatusCode::SERVICE_UNAVAILABLE, "The broker does not answer", how)
    }
}

/// The board's pages, behind its gate.
pub fn pages<S: Source>(board: Arc<Board<S>>) -> Router {
    let gate = Arc::clone(&board.gate);
    let own = Router::new()
        .route("/", get(first::<S>))
        .route("/renewing", get(renewing::<S>))
        .route("/live", get(live::stream::<S>))
        .route("/organisations", get(organisations::<S>))
        .route("/incidents", get(incidents::<S>))
        .route("/incident", get(to_incidents).post(incident::<S>))
        .route("/acts", get(acts::<S>))
        .route(script_path(), get(async || respond::file("text/javascript; charset=utf-8", SCRIPT)))
        .with_state(board);
    behind(&gate, own)
}

async fn to_incidents() -> Response<Body> {
    respond::see("/incidents")
}

async fn first<S: Source>(State(board): TheBoard<S>, headers: HeaderMap) -> Response<Body> {
    let Some(seat) = board.gate.seat(&headers) else { return board.gate.to_login(&headers) };
    respond::scripted(respond::page(StatusCode::OK, &board.page(&seat, &headers, false)))
}

/// The same, for whoever has no script and asked for it: the browser comes again by itself.
async fn renewing<S: Source>(State(board): TheBoard<S>, headers: HeaderMap) -> Response<Body> {
    let Some(seat) = board.gate.seat(&headers) else { return board.gate.to_login(&headers) };
    let mut response = respond::page(StatusCode::OK, &board.page(&seat, &headers, true));
    response.headers_mut().insert("refresh", HeaderValue::from(RENEWED_EVERY.as_secs()));
    response
}

impl<S: Source> Board<S> {
    fn page(&self, seat: &Seat<()>, headers: &HeaderMap, renews: bool) -> BoardPage {
        let snapshot = Arc::clone(&self.source.watch().borrow());
        BoardPage {
            frame: self.gate.frame(seat, headers, "How the region stands", "/"),
            parts: self.parts(&snapshot),
            script: script_path(),
            renews,
        }
    }
}

async fn organisations<S: Source>(State(board): TheBoard<S>, headers: HeaderMap) -> Response<Body> {
    let Some(seat) = board.gate.seat(&headers) else { return board.gate.to_login(&headers) };
    let snapshot = Arc::clone(&board.source.watch().borrow());
    let page = OrganisationsPage {
        frame: board.gate.frame(&seat, &headers, "Organisations and their keys", "/organisations"),
        lines: snapshot.organisations.iter().map(OrganisationLine::of).collect(),
        serial: snapshot.serial,
    };
    respond::page(StatusCode::OK, &page)
}

async fn incidents<S: Source>(State(board): TheBoard<S>, headers: HeaderMap) -> Response<Body> {
    let Some(seat) = board.gate.seat(&headers) else { return board.gate.to_login(&headers) };
    board.crew().act(&seat, "looked_at_incidents");
    let Ok(mut lines) = board.source.incidents().await else { return board.away(&seat, &headers) };
    let more = lines.len() > INCIDENTS_LISTED;
    lines.truncate(INCIDENTS_LISTED);
    let page = IncidentsPage {
        frame: board.gate.frame(&seat, &headers, "Incidents in flight", "/incidents"),
        lines: lines.into_iter().map(|line| view::IncidentLine::of(line, board.crew().zone())).collect(),
        more,
    };
    respond::page(StatusCode::OK, &page)
}

/// An id is in no address, and so in no history and no proxy's log.
async fn incident<S: Source>(State(board): TheBoard<S>, request: Request) -> Response<Body> {
    let posted = match board.gate.posted(request).await {
        Ok(posted) => posted,
        Err(response) => return response,
    };
    let (seat, headers) = (&posted.seat, &posted.headers);
    let id: String = posted.form.text("id").trim().chars().take(ID_CHARS_MAX).collect();
    board.crew().act(seat, "looked_at_one");
    let told = |status, title, how| board.told(seat, headers, status, title, how);
    match board.source.story(&id).await {
        Err(Away) => board.away(seat, headers),
        Ok(Found::Story(story)) => {
            let frame = board.gate.frame(seat, headers, "One incident", "/incidents");
            respond::page(StatusCode::OK, &IncidentPage::of(frame, &story, board.crew().zone()))
        }
        Ok(Found::Ended) => {
            told(StatusCode::OK, "It ended", "Nothing else is kept of it: no state, no time, no trace.")
        }
        Ok(Found::Unknown) => told(
            StatusCode::NOT_FOUND,
            "Nothing is known of it",
            "No such incident is in flight, and none by this id ended while ended ones are remembered.",
        ),
        Ok(Found::LeftAlone) => told(
            StatusCode::OK,
            "The engine leaves it alone",
            "Its log cannot be read, or says what cannot have happened. A child's signal may be in it: docs/runbook.md, HwcAlarmed.",
        ),
        Ok(Found::NoId) => told(
            StatusCode::UNPROCESSABLE_ENTITY,
            "That is no id",
            "An id has 32 hexadecimal digits, and -1 behind them for the first child.",
        ),
    }
}

async fn acts<S: Source>(State(board): TheBoard<S>, headers: HeaderMap) -> Response<Body> {
    let Some(seat) = board.gate.seat(&headers) else { return board.gate.to_login(&headers) };
    let acts = board.crew().audit().last(ACTS_LISTED, |_| true);
    let page = ActsPage {
        frame: board.gate.frame(&seat, &headers, "Acts", "/acts"),
        acts: acts.into_iter().map(view::ActLine::of).collect(),
    };
    respond::page(StatusCode::OK, &page)
}
