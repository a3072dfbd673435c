//! `/livez`, `/readyz` and `/metrics`, for the machine's own eyes: a few bounded requests at a time, and nothing else.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{net::TcpListener, sync::Semaphore};

use crate::{health::Health, metrics::Page};

/// Connections at once; the next waits.
const CONNECTIONS_MAX: usize = 16;
/// Bytes of a request's head.
const HEAD_BYTES_MAX: usize = 8 * 1024;
/// Headers of a request.
const HEADERS_MAX: usize = 32;
/// How long a request's head may take to come.
const HEAD_WITHIN: Duration = Duration::from_secs(5);
/// How long a connection may take altogether.
const CONNECTION_WITHIN: Duration = Duration::from_secs(15);

/// Why nobody can ask.
#[derive(Debug, thiserror::Error)]
#[error("{address}: health and metrics cannot be shown there: {source}; give another address to listen on")]
pub struct HttpError {
    /// Where.
    address: SocketAddr,
    /// Why.
    source: io::Error,
}

/// A place where health and metrics are shown.
#[derive(Debug)]
pub struct Http {
    listener: TcpListener,
    address: SocketAddr,
}

impl Http {
    /// Takes the place.
    pub async fn bind(listen: SocketAddr) -> Result<Self, HttpError> {
        let failed = |source| HttpError { address: listen, source };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address })
    }

    /// Where it is; useful when the system was asked to choose the port.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Shows both until the future is dropped.
    pub async fn serve(self, health: Health, page: Page) {
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            let Ok((stream, _)) = self.listener.accept().await else {
                // Too many open files, or whoever came is gone already: neither lasts.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            let (health, page) = (health.clone(), page.clone());
            tokio::spawn(async move {
                let service = service_fn(move |request| {
                    let response = answer(&request, &health, &page);
                    async move { Ok::<_, Infallible>(response) }
                });
                let connection = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .keep_alive(false)
                    .max_buf_size(HEAD_BYTES_MAX)
                    .max_headers(HEADERS_MAX)
                    .header_read_timeout(HEAD_WITHIN)
                    .serve_connection(TokioIo::new(stream), service);
                // Whoever asks badly, or goes away, hears nothing of it.
                let _ = tokio::time::timeout(CONNECTION_WITHIN, connection).await;
                drop(place);
            });
        }
    }
}

fn answer(request: &Request<Incoming>, health: &Health, page: &Page) -> Response<Full<Bytes>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut response = say(StatusCode::METHOD_NOT_ALLOWED, JSON, r#"{"error":"only GET"}"#.to_owned());
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    match request.uri().path() {
        "/livez" => say(StatusCode::OK, JSON, r#"{"alive":true}"#.to_owned()),
        "/readyz" => {
            let reasons = health.reasons();
            let ready = reasons.is_empty();
            let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            let attention = health.attention();
            let said = serde_json::json!({ "ready": ready, "reasons": reasons, "attention": attention });
            say(status, JSON, said.to_string())
        }
        "/metrics" => say(StatusCode::OK, OPEN_METRICS, page.text()),
        _ => say(
            StatusCode::NOT_FOUND,
            JSON,
            r#"{"error":"there are /livez, /readyz and /metrics here"}"#.to_owned(),
        ),
    }
}

const JSON: &str = "application/json";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

fn say(status: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
