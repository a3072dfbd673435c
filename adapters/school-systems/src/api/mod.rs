//! A small HTTP API for a school's own software: list what waits, open one for a person, confirm receipt, return it. By the
//! Dutch REST API Design Rules; `openapi.json` is the contract, `docs/school-software.md` the page for people.
//!
//! It asks what the school's people ask at their counter and nothing else. Nothing about a signal stands in a path or a log;
//! one answer of all of them holds a name, and is wiped when it has gone out.

mod problem;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{HeaderMap, Request, Response, StatusCode},
    routing::{get, post},
};
use bytes::Bytes;
use hwc_adapter_kit::{
    counter::{Said, Service},
    recall::Done,
};
use hwc_http::{Gate, NoBody, media_type};
use hwc_schemas::{letter::Plaintext, wire::Refusal};
use hwc_school::counter::{Line, Question, Reply};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

pub use self::problem::Problem;

/// The version of the contract, in every answer as `API-Version`.
pub const VERSION: &str = "1.0.0";
/// The contract.
pub const OPENAPI: &str = include_str!("openapi.json");
/// What there is, and how it is asked.
pub const ROUTES: [(&str, &str); 5] = [
    ("get", "/v1/signals"),
    ("post", "/v1/openings"),
    ("post", "/v1/acknowledgements"),
    ("post", "/v1/returns"),
    ("get", "/v1/openapi.json"),
];

/// Largest body, in bytes: a code and a word.
pub const BODY_BYTES_MAX: usize = 1024;
/// Longest code, in characters, with whatever people put between its digits.
pub const CODE_CHARS_MAX: usize = 96;
/// Requests that are under way at once.
const UNDER_WAY_MAX: usize = 16;
/// How long a body may take to come.
const BODY_WITHIN: Duration = Duration::from_secs(8);

/// What answers.
struct Api<S> {
    counter: Arc<S>,
    gate: Gate,
    places: Semaphore,
}

/// The service, for whoever the gate lets in: it asks at this counter.
pub fn service<S: Service<Question = Question, Reply = Reply>>(counter: S, gate: Gate) -> Router {
    let api = Api { counter: Arc::new(counter), gate, places: Semaphore::new(UNDER_WAY_MAX) };
    Router::new()
        .route("/v1/signals", get(signals::<S>))
        .route("/v1/openings", post(open::<S>))
        .route("/v1/acknowledgements", post(acknowledge::<S>))
        .route("/v1/returns", post(give_back::<S>))
        .route("/v1/openapi.json", get(openapi))
        .fallback(async || Problem::NotFound.answer())
        .method_not_allowed_fallback(async || Problem::MethodNotAllowed.answer())
        .with_state(Arc::new(api))
}

fn answer(status: StatusCode, kind: &'static str, body: impl Into<Body>) -> Response<Body> {
    hwc_http::answer(VERSION, status, kind, body)
}

fn json(status: StatusCode, body: &impl Serialize) -> Response<Body> {
    // Words, numbers and times: to write them into memory cannot fail.
    answer(status, "application/json", serde_json::to_vec(body).unwrap_or_default())
}

async fn openapi() -> Response<Body> {
    answer(StatusCode::OK, "application/openapi+json", OPENAPI)
}

async fn signals<S>(State(api): State<Arc<Api<S>>>, request: Request<Body>) -> Response<Body>
where
    S: Service<Question = Question, Reply = Reply>,
{
    api.list(request.headers()).await.unwrap_or_else(Problem::answer)
}

async fn open<S>(State(api): State<Arc<Api<S>>>, request: Request<Body>) -> Response<Body>
where
    S: Service<Question = Question, Reply = Reply>,
{
    said("open", api.open(request).await)
}

async fn acknowledge<S>(State(api): State<Arc<Api<S>>>, request: Request<Body>) -> Response<Body>
where
    S: Service<Question = Question, Reply = Reply>,
{
    said("acknowledge", api.end(request, Question::Acknowledge).await)
}

async fn give_back<S>(State(api): State<Arc<Api<S>>>, request: Request<Body>) -> Response<Body>
where
    S: Service<Question = Question, Reply = Reply>,
{
    said("return", api.end(request, Question::NotOurPupil).await)
}

/// The act and how it ended go to the log; which signal does not.
fn said(act: &'static str, done: Result<Response<Body>, Problem>) -> Response<Body> {
    let response = done.unwrap_or_else(Problem::answer);
    tracing::info!(act, status = response.status().as_u16(), "the school's software asked");
    response
}

/// Which signal is to be opened, and who reads it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Opening {
    code: String,
    reader: Reader,
}

/// Who asked for it, and looks at the screen now (R20, R24).
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reader {
    Contact,
    BackupContact,
}

/// Which signal is meant.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Meant {
    code: String,
}

/// A signal that waits, as the API tells it: without the relay's own id.
#[derive(Serialize)]
struct Waiting {
    code: String,
    round: u16,
    since: jiff::Timestamp,
    opened: bool,
    reminders: u32,
}

impl From<Line> for Waiting {
    fn from(line: Line) -> Self {
        let Line { code, signal: _, round, since, opened, reminders } = line;
        Self { code, round, since, opened, reminders }
    }
}

impl<S: Service<Question = Question, Reply = Reply>> Api<S> {
    async fn list(&self, headers: &HeaderMap) -> Result<Response<Body>, Problem> {
        self.admit(headers)?;
        let _place = self.places.try_acquire().map_err(|_| Problem::Busy)?;
        let Reply::Inbox { signals, more } = self.ask(Question::Inbox).await?.reply else {
            return Err(Problem::RelayUnreachable);
        };
        let signals: Vec<Waiting> = signals.into_iter().map(Waiting::from).collect();
        Ok(json(StatusCode::OK, &json!({ "signals": signals, "more": more })))
    }

    /// It is opened when the relay says that this is recorded (R24); then it is handed over once.
    async fn open(&self, request: Request<Body>) -> Result<Response<Body>, Problem> {
        let (headers, body) = (request.headers().clone(), request.into_body());
        self.admit(&headers)?;
        let _place = self.places.try_acquire().map_err(|_| Problem::Busy)?;
        let Opening { code, reader } = question(&headers, body).await?;
        let Said { reply, enclosed } = self.ask(Question::Open(checked(code)?)).await?;
        let Reply::Opened { code } = reply else { return Err(problem_of(&reply)) };
        let Some(letter) = enclosed.first() else { return Err(Problem::DoesNotOpen) };
        tracing::info!(?reader, "a signal was opened for a person");
        Ok(answer(StatusCode::OK, "application/json", shown(&code, letter)))
    }

    /// Confirms receipt, or gives back what is not the school's.
    async fn end(
        &self,
        request: Request<Body>,
        how: impl FnOnce(String) -> Question,
    ) -> Result<Response<Body>, Problem> {
        let (headers, body) = (request.headers().clone(), request.into_body());
        self.admit(&headers)?;
        let _place = self.places.try_acquire().map_err(|_| Problem::Busy)?;
        let Meant { code } = question(&headers, body).await?;
        match self.ask(how(checked(code)?)).await?.reply {
            Reply::Said { code, done: Done::Recorded { already: false } } => {
                Ok(json(StatusCode::CREATED, &json!({ "code": code, "status": "recorded" })))
            }
            Reply::Said { code, done: Done::Recorded { already: true } } => {
                Ok(json(StatusCode::OK, &json!({ "code": code, "status": "already_recorded" })))
            }
            other => Err(problem_of(&other)),
        }
    }

    fn admit(&self, headers: &HeaderMap) -> Result<(), Problem> {
        if self.gate.admits(headers) { Ok(()) } else { Err(Problem::NotAuthenticated) }
    }

    /// What is asked is done to its end, also when whoever asked has left.
    async fn ask(&self, question: Question) -> Result<Said<Reply>, Problem> {
        let counter = Arc::clone(&self.counter);
        let asking = tokio::spawn(async move { counter.answer(question).await });
        asking.await.map_err(|_| Problem::RelayUnreachable)
    }
}

/// Why a reply is not what was hoped for.
fn problem_of(reply: &Reply) -> Problem {
    match reply {
        Reply::Unknown => Problem::NothingWaits,
        Reply::Several => Problem::SeveralMeant,
        Reply::DoesNotOpen { .. } => Problem::DoesNotOpen,
        Reply::Said { done: Done::Refused { refusal }, .. } => match refusal {
            Refusal::Gone | Refusal::AlreadyDecided => Problem::Gone,
            Refusal::NotOpened => Problem::NotOpened,
            refusal => Problem::RefusedByRelay(*refusal),
        },
        Reply::Said { .. } | Reply::Inbox { .. } | Reply::Opened { .. } => Problem::RelayUnreachable,
    }
}

/// What was asked, as JSON of bounded size.
async fn question<T: for<'de> Deserialize<'de>>(headers: &HeaderMap, body: Body) -> Result<T, Problem> {
    if media_type(headers).as_deref() != Some("application/json") {
        return Err(Problem::NotAForm);
    }
    let read = hwc_http::body(body, BODY_BYTES_MAX, BODY_WITHIN).await.map_err(|why| match why {
        NoBody::TooSlow => Problem::TooSlow,
        NoBody::TooLarge => Problem::TooLarge,
    })?;
    serde_json::from_slice(&read).map_err(|_| Problem::BrokenRequest)
}

/// A code as people say it: hexadecimal digits, spaces and hyphens.
fn checked(code: String) -> Result<String, Problem> {
    let sign = |c: char| c.is_ascii_hexdigit() || c == ' ' || c == '-';
    let fine = code.len() <= CODE_CHARS_MAX && !code.is_empty() && code.chars().all(sign);
    // A signal's own id is none: the relay's ids stay with the relay.
    if fine { Ok(code) } else { Err(Problem::BrokenRequest) }
}

/// The one body with a name in it. The letter is JSON already; it is neither read nor copied but into the buffer that goes
/// out, and that is wiped.
fn shown(code: &str, letter: &Plaintext) -> Bytes {
    let parts = [br#"{"code":""#, code.as_bytes(), br#"","letter":"#, letter.as_bytes(), b"}"];
    let mut whole = Zeroizing::new(Vec::with_capacity(parts.iter().map(|part| part.len()).sum()));
    for part in parts {
        whole.extend_from_slice(part);
    }
    Bytes::from_owner(whole)
}
