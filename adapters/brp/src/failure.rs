//! What can go wrong with one question, without anything of its content.

use std::time::Duration;

use serde::Deserialize;

/// Why a question has no answer. Matters to whoever keeps the connection to the BRP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// 400 `tooManyResults`: more people than the API gives. Not a fault: another question may do, or a person looks.
    #[error("more people than the API gives")]
    TooMany,
    /// 400 of any other code, 404, 405, 406, 415, 422, 501: it does not take the question as we put it.
    #[error(
        "the BRP refused the question (status {status}, {code}); does the address of the API fit its version?"
    )]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The documented code of the problem, or `unknown`.
        code: &'static str,
    },
    /// 401: it does not know us.
    #[error("the BRP does not accept the key or token (401); is it the right file, and not withdrawn?")]
    NotAdmitted,
    /// 403: we may not ask this.
    #[error(
        "the authorisation does not cover this question (403); compare it with the fields in docs/brp.md"
    )]
    Forbidden,
    /// 429: too many questions at once.
    #[error("too many questions (429)")]
    Busy {
        /// How long it wants to be left alone, if it says.
        after: Option<Duration>,
    },
    /// 500, 502, 503, 504 and whatever else a server says of itself.
    #[error("the BRP does not work just now (status {status})")]
    Unavailable {
        /// The HTTP status.
        status: u16,
        /// How long it wants to be left alone, if it says.
        after: Option<Duration>,
    },
    /// No answer within the time for one question.
    #[error("no answer in time")]
    TimedOut,
    /// No connection, or no trust between the two ends of it.
    #[error("no connection to the BRP; is it the right address, certificate and CA?")]
    Unreachable,
    /// The connection ended in the middle.
    #[error("the connection ended in the middle of the answer")]
    Cut,
    /// The answer is not what the API's description says.
    #[error("the answer is not what the API's description says")]
    NotUnderstood,
    /// The answer is larger than any answer to such a question.
    #[error("the answer is larger than an answer may be")]
    TooLarge,
    /// Nobody asks for a while, because it did not work the last times.
    #[error("not asked: it did not work the last times")]
    LeftAlone {
        /// Until it is tried again.
        left: Duration,
    },
}

/// What a failure says about the next try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It may work in a moment.
    Passing,
    /// It may work after this long.
    NotBefore(Duration),
    /// It works once somebody has mended something.
    ToMend,
}

impl Failure {
    /// What it says about the next try.
    pub const fn kind(self) -> Kind {
        match self {
            Self::Busy { after: Some(after) }
            | Self::Unavailable { after: Some(after), .. }
            | Self::LeftAlone { left: after } => Kind::NotBefore(after),
            Self::Busy { after: None }
            | Self::Unavailable { after: None, .. }
            | Self::TimedOut
            | Self::Unreachable
            | Self::Cut => Kind::Passing,
            Self::TooMany
            | Self::Refused { .. }
            | Self::NotAdmitted
            | Self::Forbidden
            | Self::NotUnderstood
            | Self::TooLarge => Kind::ToMend,
        }
    }

    /// Whether it says that the BRP itself is in trouble, so that it is better left alone.
    pub const fn is_trouble(self) -> bool {
        matches!(
            self,
            Self::Busy { .. } | Self::Unavailable { .. } | Self::TimedOut | Self::Unreachable | Self::Cut
        )
    }

    /// By an answer that is none: its status, what it says of itself, and how long it wants to be left alone.
    pub(crate) fn of(status: u16, body: &[u8], after: Option<Duration>) -> Self {
        match status {
            400 if code(body) == "tooManyResults" => Self::TooMany,
            401 => Self::NotAdmitted,
            403 => Self::Forbidden,
            429 => Self::Busy { after },
            501 => Self::Refused { status, code: code(body) },
            500.. => Self::Unavailable { status, after },
            _ => Self::Refused { status, code: code(body) },
        }
    }
}

/// The codes that the APIs document; another is not repeated.
const CODES: [&str; 13] = [
    "paramsRequired",
    "paramsValidation",
    "paramsCombination",
    "unsupportedCombination",
    "tooManyResults",
    "authentication",
    "autorisation",
    "notFound",
    "methodNotAllowed",
    "notAcceptable",
    "unsupportedMediaType",
    "unprocessableEntity",
    "notImplemented",
];

fn code(body: &[u8]) -> &'static str {
    #[derive(Deserialize)]
    struct Problem<'a> {
        #[serde(borrow)]
        code: Option<std::borrow::Cow<'a, str>>,
    }
    let problem: Option<Problem<'_>> = serde_json::from_slice(body).ok();
    let said = problem.and_then(|problem| problem.code);
    CODES.into_iter().find(|known| said.as_deref() == Some(*known)).unwrap_or("unknown")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_status_has_its_failure_and_a_code_that_nobody_documented_is_not_repeated() {
        let problem = |code: &str| format!("{{\"code\":\"{code}\",\"status\":400}}").into_bytes();
        let of = |status, code: &str| Failure::of(status, &problem(code), None);
        assert_eq!(of(400, "tooManyResults"), Failure::TooMany);
        assert_eq!(of(400, "paramsValidation"), Failure::Refused { status: 400, code: "paramsValidation" });
        assert_eq!(of(404, "Jansen"), Failure::Refused { status: 404, code: "unknown" });
        assert_eq!(of(401, "authentication"), Failure::NotAdmitted);
        assert_eq!(of(403, "autorisation"), Failure::Forbidden);
        for status in [404, 405, 406, 415, 422, 501] {
            assert_eq!(of(status, "").kind(), Kind::ToMend, "{status}");
        }
        for status in [429, 500, 502, 503, 504] {
            assert_eq!(of(status, "notAvailable").kind(), Kind::Passing, "{status}");
            let after = Some(Duration::from_secs(7));
            assert_eq!(
                Failure::of(status, b"half a pag", after).kind(),
                Kind::NotBefore(Duration::from_secs(7))
            );
        }
    }
}
