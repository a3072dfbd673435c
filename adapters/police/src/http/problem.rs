//! What goes wrong over HTTP, as `application/problem+json` (RFC 9457). Nothing of a request is repeated.

use axum::{
    body::Body,
    http::{Response, StatusCode},
};
use hwc_schemas::wire::Refusal;
use serde_json::{Map, Value, json};

use super::VERSION;
use crate::Refused;

/// Most broken places that one answer names.
const PLACES_MAX: usize = 100;

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// No token, or none that is known.
    NotAuthenticated,
    /// There is nothing of that name.
    NotFound,
    /// It is not done that way.
    MethodNotAllowed,
    /// The body did not come in time.
    TooSlow,
    /// The body is larger than it may be.
    TooLarge,
    /// The body is in no form that is read.
    NotAForm,
    /// The report breaks its form.
    BrokenReport(Vec<Refused>),
    /// The question is none.
    BrokenQuestion,
    /// The relay refused it, and would again.
    RefusedByRelay(Refusal),
    /// Nobody can seal to Veilig Thuis now.
    NotSealed,
    /// The relay did not answer in time. It may have recorded it all the same.
    RelayUnreachable,
    /// Too much is under way.
    Busy,
}

impl Problem {
    /// One of each.
    pub const ALL: [Self; 12] = [
        Self::NotAuthenticated,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::TooSlow,
        Self::TooLarge,
        Self::NotAForm,
        Self::BrokenReport(Vec::new()),
        Self::BrokenQuestion,
        Self::RefusedByRelay(Refusal::Unknown),
        Self::NotSealed,
        Self::RelayUnreachable,
        Self::Busy,
    ];

    /// Its name on the page of problems.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NotAuthenticated => "not-authenticated",
            Self::NotFound => "not-found",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::TooSlow => "too-slow",
            Self::TooLarge => "too-large",
            Self::NotAForm => "not-a-form",
            Self::BrokenReport(_) => "broken-report",
            Self::BrokenQuestion => "broken-question",
            Self::RefusedByRelay(_) => "refused-by-relay",
            Self::NotSealed => "not-sealed",
            Self::RelayUnreachable => "relay-unreachable",
            Self::Busy => "busy",
        }
    }

    /// Its status.
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::NotAuthenticated => StatusCode::UNAUTHORIZED,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotAForm => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::BrokenReport(_) | Self::BrokenQuestion | Self::RefusedByRelay(_) => StatusCode::BAD_REQUEST,
            Self::NotSealed | Self::RelayUnreachable | Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// When to try again, in seconds; none if that would not help.
    pub const fn retry_after(&self) -> Option<&'static str> {
        match self {
            Self::NotSealed | Self::RelayUnreachable => Some("30"),
            Self::Busy => Some("5"),
            _ => None,
        }
    }

    const fn title(&self) -> &'static str {
        match self {
            Self::NotAuthenticated => "The bearer token is missing or not known.",
            Self::NotFound => "There is nothing here.",
            Self::MethodNotAllowed => "That is not done here in this way.",
            Self::TooSlow => "The body did not come in time.",
            Self::TooLarge => "The body is larger than a report may be.",
            Self::NotAForm => "The body is neither JSON nor XML in UTF-8.",
            Self::BrokenReport(_) => "The report breaks its form; nothing was sent.",
            Self::BrokenQuestion => "That is no question about reports.",
            Self::RefusedByRelay(_) => "The relay refused the report.",
            Self::NotSealed => "Nothing can be sealed to Veilig Thuis now; nothing was sent.",
            Self::RelayUnreachable => "The relay did not answer in time; send the same again.",
            Self::Busy => "Too much is under way; nothing was sent.",
        }
    }

    /// The answer.
    pub fn answer(&self) -> Response<Body> {
        let mut more = Map::new();
        match self {
            Self::BrokenReport(places) => _ = more.insert("errors".into(), places_of(places)),
            Self::RefusedByRelay(refusal) => _ = more.insert("code".into(), refusal.code().into()),
            _ => {}
        }
        let written = hwc_http::Problem {
            name: self.name(),
            status: self.status(),
            title: self.title(),
            retry_after: self.retry_after(),
        };
        written.answer(VERSION, more)
    }
}

/// Places in a report, as answers name them.
pub(super) fn places_of(places: &[Refused]) -> Value {
    let place = |one: &Refused| json!({ "line": one.line, "field": one.field, "problem": one.problem });
    places.iter().take(PLACES_MAX).map(place).collect()
}
