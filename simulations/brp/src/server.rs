//! The mock on a port of this machine.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderMap, Method, Response, StatusCode, header},
    response::IntoResponse as _,
    routing::any,
};
use futures::stream;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{
    Faults, Registry, Trouble,
    faults::{Api, Fault},
    problem::Problem,
    questions,
};

/// By what the mock lets somebody ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// Anybody.
    Nobody,
    /// This key in `X-API-KEY`.
    ApiKey(String),
    /// A token that its own issuer gave for this secret; the issuer is at `/token`.
    Token {
        /// The client's secret.
        secret: String,
        /// How long a token lasts.
        seconds: u64,
    },
}

/// Why there is no mock.
#[derive(Debug, thiserror::Error)]
#[error("{at}: {source}")]
pub struct MockError {
    at: SocketAddr,
    source: std::io::Error,
}

/// Largest question, in bytes.
const QUESTION_BYTES_MAX: usize = 64 * 1024;
/// Longest that it keeps somebody waiting who is not answered.
const HANG: Duration = Duration::from_mins(10);

/// A running mock; it ends with this value.
pub struct Mock {
    at: SocketAddr,
    inner: Arc<Inner>,
    serving: JoinHandle<()>,
}

struct Inner {
    registry: Registry,
    key: Key,
    began: Instant,
    live: Mutex<Live>,
}

#[derive(Default)]
struct Live {
    faults: Faults,
    asked: Vec<(&'static str, Value)>,
    questions: u64,
    tokens: u64,
    token_until: Option<Instant>,
}

/// Questions that are remembered.
const ASKED_MAX: usize = 10_000;

impl Mock {
    /// Begins to answer at an address; port 0 is any.
    pub async fn start(
        at: SocketAddr,
        registry: Registry,
        key: Key,
        faults: Faults,
    ) -> Result<Self, MockError> {
        let failed = |source| MockError { at, source };
        let listener = TcpListener::bind(at).await.map_err(failed)?;
        let at = listener.local_addr().map_err(failed)?;
        let live = Mutex::new(Live { faults, ..Live::default() });
        let inner = Arc::new(Inner { registry, key, began: Instant::now(), live });
        let router = Router::new()
            .route("/personen", any(personen))
            .route("/bewoningen", any(bewoningen))
            .route("/token", any(token))
            .fallback(|request: Request| async move { Problem::of(404).answer(request.uri().path()) })
            .layer(DefaultBodyLimit::max(QUESTION_BYTES_MAX))
            .with_state(Arc::clone(&inner));
        let serving = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the mock of the BRP ended");
            }
        });
        Ok(Self { at, inner, serving })
    }

    /// Where it is.
    pub const fn address(&self) -> SocketAddr {
        self.at
    }

    /// The address of Personen's question.
    pub fn persons(&self) -> String {
        format!("http://{}/personen", self.at)
    }

    /// The address of Bewoning's.
    pub fn occupancy(&self) -> String {
        format!("http://{}/bewoningen", self.at)
    }

    /// The address of the issuer of tokens.
    pub fn token_url(&self) -> String {
        format!("http://{}/token", self.at)
    }

    /// From now on this goes wrong, and nothing else.
    pub fn go_wrong(&self, faults: Faults) {
        self.inner.live().faults = faults;
    }

    /// What was asked so far: the API and the question.
    pub fn asked(&self) -> Vec<(&'static str, Value)> {
        self.inner.live().asked.clone()
    }

    /// How many tokens were issued.
    pub fn tokens(&self) -> u64 {
        self.inner.live().tokens
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Inner {
    fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lets_in(&self, headers: &HeaderMap) -> bool {
        let said = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        match &self.key {
            Key::Nobody => true,
            Key::ApiKey(key) => said("x-api-key") == key,
            Key::Token { .. } => {
                let live = self.live();
                let fresh = live.token_until.is_some_and(|until| Instant::now() < until);
                fresh && said("authorization") == format!("Bearer token-{}", live.tokens)
            }
        }
    }

    /// One question: who asks and how, what goes wrong just now, and then the register.
    async fn answer(
        &self,
        api: Api,
        request: (Method, HeaderMap, Bytes),
        ask: fn(&Registry, &Value) -> Result<Value, Problem>,
    ) -> Response<Body> {
        let (method, headers, body) = request;
        let path = match api {
            Api::Personen => "/personen",
            Api::Bewoningen => "/bewoningen",
        };
        let says = |name: header::HeaderName, what: &[&str]| {
            let said = headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("*/*");
            what.iter().any(|what| said.contains(what))
        };
        let refused = match () {
            () if method != Method::POST => Some(405),
            () if !says(header::CONTENT_TYPE, &["application/json"]) => Some(415),
            () if !says(header::ACCEPT, &["*/*", "application/json"]) => Some(406),
            () if !self.lets_in(&headers) => Some(401),
            () => None,
        };
        if let Some(status) = refused {
            return Problem::of(status).answer(path);
        }
        let question: Value = serde_json::from_slice(&body).unwrap_or_default();
        let fault = {
            let mut live = self.live();
            live.questions += 1;
            if live.asked.len() < ASKED_MAX {
                live.asked.push((path, question.clone()));
            }
            live.faults.meets(api, live.questions, self.began.elapsed())
        };
        let answer = ask(&self.registry, &question);
        if let Some(fault) = &fault
            && let Some(trouble) = meet(fault, path, &answer).await
        {
            return trouble;
        }
        match answer {
            Ok(answer) => json_answer(answer.to_string().into()),
            Err(problem) => problem.answer(path),
        }
    }
}

/// What a fault makes of an answer; none if that goes on all the same.
async fn meet(fault: &Fault, path: &str, answer: &Result<Value, Problem>) -> Option<Response<Body>> {
    Some(match fault.trouble {
        Trouble::Status => {
            let problem = Problem { retry_after: fault.retry_after_seconds, ..Problem::of(fault.status) };
            problem.answer(path)
        }
        Trouble::Slow => {
            tokio::time::sleep(Duration::from_millis(fault.milliseconds)).await;
            return None;
        }
        Trouble::Hang => {
            tokio::time::sleep(HANG).await;
            return None;
        }
        Trouble::Half => {
            let whole = answer.as_ref().map(Value::to_string).unwrap_or_default();
            let half: String = whole.chars().take(whole.chars().count() / 2).collect();
            let pieces = [Ok(Bytes::from(half)), Err(std::io::Error::other("cut"))];
            json_answer(Body::from_stream(stream::iter(pieces)))
        }
        Trouble::Garbage => json_answer("<html>Even geduld".into()),
        Trouble::OtherType => json_answer(json!({"type": "Iets", "mensen": []}).to_string().into()),
        Trouble::Huge => {
            let piece = Bytes::from(vec![b' '; 64 * 1024]);
            let pieces = std::iter::repeat_n(piece, 1_000).map(Ok::<_, std::io::Error>);
            json_answer(Body::from_stream(stream::iter(pieces)))
        }
    })
}

fn json_answer(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let kind = header::HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

async fn personen(
    State(inner): State<Arc<Inner>>,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    inner.answer(Api::Personen, (method, headers, body), questions::persons).await
}

async fn bewoningen(
    State(inner): State<Arc<Inner>>,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    inner.answer(Api::Bewoningen, (method, headers, body), questions::occupancy).await
}

/// OAuth 2.0, client credentials.
async fn token(State(inner): State<Arc<Inner>>, body: Bytes) -> Response<Body> {
    let form = String::from_utf8_lossy(&body).into_owned();
    let is = |name: &str, value: &str| form.split('&').any(|pair| pair == format!("{name}={value}"));
    let Key::Token { secret, seconds } = &inner.key else {
        return Problem::of(404).answer("/token");
    };
    if !is("grant_type", "client_credentials") || !is("client_secret", secret) {
        return (StatusCode::UNAUTHORIZED, json!({"error": "invalid_client"}).to_string()).into_response();
    }
    let mut live = inner.live();
    live.tokens += 1;
    live.token_until = Some(Instant::now() + Duration::from_secs(*seconds));
    let granted = json!({"access_token": format!("token-{}", live.tokens), "token_type": "Bearer", "expires_in": seconds});
    json_answer(granted.to_string().into())
}
