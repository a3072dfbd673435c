//! What goes wrong, as `application/problem+json` (RFC 9457). Nothing of a request is repeated, and nothing of a signal said.

use axum::{
    body::Body,
    http::{Response, StatusCode},
};
use hwc_schemas::wire::Refusal;
use serde_json::Map;

use super::VERSION;

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    /// The body is no JSON in UTF-8.
    NotAForm,
    /// The body asks nothing that is answered.
    BrokenRequest,
    /// Nothing that is called so waits.
    NothingWaits,
    /// More than one is called so.
    SeveralMeant,
    /// It must be opened first.
    NotOpened,
    /// It was called back, expired, or somebody ended it before.
    Gone,
    /// The relay refused it, and would again.
    RefusedByRelay(Refusal),
    /// What was sealed does not open.
    DoesNotOpen,
    /// The relay did not answer in time. It may have happened all the same.
    RelayUnreachable,
    /// Too much is under way.
    Busy,
}

impl Problem {
    /// One of each.
    pub const ALL: [Self; 15] = [
        Self::NotAuthenticated,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::TooSlow,
        Self::TooLarge,
        Self::NotAForm,
        Self::BrokenRequest,
        Self::NothingWaits,
        Self::SeveralMeant,
        Self::NotOpened,
        Self::Gone,
        Self::RefusedByRelay(Refusal::Unknown),
        Self::DoesNotOpen,
        Self::RelayUnreachable,
        Self::Busy,
    ];

    /// As it is written.
    pub const fn written(self) -> hwc_http::Problem {
        let (name, status, title, retry_after) = match self {
            Self::NotAuthenticated => (
                "not-authenticated",
                StatusCode::UNAUTHORIZED,
                "The bearer token is missing or not known.",
                None,
            ),
            Self::NotFound => ("not-found", StatusCode::NOT_FOUND, "There is nothing here.", None),
            Self::MethodNotAllowed => (
                "method-not-allowed",
                StatusCode::METHOD_NOT_ALLOWED,
                "That is not done here in this way.",
                None,
            ),
            Self::TooSlow => {
                ("too-slow", StatusCode::REQUEST_TIMEOUT, "The body did not come in time.", None)
            }
            Self::TooLarge => {
                ("too-large", StatusCode::PAYLOAD_TOO_LARGE, "The body is larger than it may be.", None)
            }
            Self::NotAForm => {
                ("not-a-form", StatusCode::UNSUPPORTED_MEDIA_TYPE, "The body is not JSON in UTF-8.", None)
            }
            Self::BrokenRequest => {
                ("broken-request", StatusCode::BAD_REQUEST, "The body asks nothing that is done here.", None)
            }
            Self::NothingWaits => {
                ("nothing-waits", StatusCode::NOT_FOUND, "Nothing that is called so waits.", None)
            }
            Self::SeveralMeant => {
                ("several-meant", StatusCode::CONFLICT, "More than one is called so; say more digits.", None)
            }
            Self::NotOpened => ("not-opened", StatusCode::CONFLICT, "It must be opened first.", None),
            Self::Gone => (
                "gone",
                StatusCode::GONE,
                "It is no more: called back, expired or ended before. Nothing is left to do.",
                None,
            ),
            Self::RefusedByRelay(_) => {
                ("refused-by-relay", StatusCode::BAD_REQUEST, "The relay refused it.", None)
            }
            Self::DoesNotOpen => (
                "does-not-open",
                StatusCode::INTERNAL_SERVER_ERROR,
                "It cannot be opened; whoever runs the service must look. It goes on waiting.",
                None,
            ),
            Self::RelayUnreachable => (
                "relay-unreachable",
                StatusCode::SERVICE_UNAVAILABLE,
                "The relay did not answer in time; ask the same again.",
                Some("30"),
            ),
            Self::Busy => (
                "busy",
                StatusCode::SERVICE_UNAVAILABLE,
                "Too much is under way; nothing was done.",
                Some("5"),
            ),
        };
        hwc_http::Problem { name, status, title, retry_after }
    }

    /// The answer.
    pub fn answer(self) -> Response<Body> {
        let mut more = Map::new();
        if let Self::RefusedByRelay(refusal) = self {
            more.insert("code".into(), refusal.code().into());
        }
        self.written().answer(VERSION, more)
    }
}
