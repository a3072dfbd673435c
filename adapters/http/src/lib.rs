//! What a small HTTP service of an adapter is made of, by the Dutch REST API Design Rules. The services themselves are their
//! adapters' own: the police's inbox, a school's signals.
//!
//! * [`Listening`]: a place where a few bounded connections at a time are served, with TLS unless nobody else can listen.
//! * [`TlsFiles`]: what secures it, here and for the pages of `hwc-web`.
//! * [`Clients`] and [`Gate`]: who is let in, by tokens of which only the hashes are known.
//! * [`body`], [`media_type`]: what was sent, within bounds, wiped when dropped.
//! * [`answer`], [`Problem`]: what is said, with a version, and kept by nobody on the way.

mod clients;
mod listen;
mod problem;
mod request;
mod tls;

use axum::{
    body::Body,
    http::{HeaderValue, Response, StatusCode, header},
};

pub use self::{
    clients::{CLIENTS_MAX, Clients, Gate, TokenError},
    listen::{ListenError, Listening},
    problem::{PAGES, Problem},
    request::{NoBody, body, media_type},
    tls::{TlsError, TlsFiles},
};

/// An answer of this version of a contract. Nobody on the way keeps it.
pub fn answer(
    version: &'static str,
    status: StatusCode,
    kind: &'static str,
    body: impl Into<Body>,
) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert("api-version", HeaderValue::from_static(version));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
