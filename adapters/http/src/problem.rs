//! What goes wrong over HTTP, as `application/problem+json` (RFC 9457). Nothing of a request is repeated.

use axum::{
    body::Body,
    http::{HeaderValue, Response, StatusCode, header},
};
use serde_json::{Map, Value};

use crate::answer;

/// Where the pages of the problems are. The address is a stand-in, as that of `publiccode.yml` is; the page is
/// `docs/problems.md`.
pub const PAGES: &str = "https://example.org/handle-with-care-relay/docs/problems.md#";

/// One kind of problem, as a service writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Problem {
    /// Its name on the page of problems.
    pub name: &'static str,
    /// Its status.
    pub status: StatusCode,
    /// What it is, for whoever reads the answer.
    pub title: &'static str,
    /// When to try again, in seconds; none if that would not help.
    pub retry_after: Option<&'static str>,
}

impl Problem {
    /// The answer, with whatever else it says.
    pub fn answer(&self, version: &'static str, more: Map<String, Value>) -> Response<Body> {
        let mut said = more;
        said.insert("type".into(), format!("{PAGES}{}", self.name).into());
        said.insert("title".into(), self.title.into());
        said.insert("status".into(), self.status.as_u16().into());
        let text = Value::Object(said).to_string();
        let mut response = answer(version, self.status, "application/problem+json", text);
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
