//! What the APIs answer when they do not answer: `application/problem+json`, with the documented codes.

use axum::{
    body::Body,
    http::{Response, StatusCode, header},
};
use serde_json::{Value, json};

/// One parameter that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Invalid {
    pub(crate) name: String,
    pub(crate) code: &'static str,
    pub(crate) reason: String,
}

impl Invalid {
    pub(crate) fn new(name: &str, code: &'static str, reason: &str) -> Self {
        Self { name: name.to_owned(), code, reason: reason.to_owned() }
    }

    pub(crate) fn required(name: &str) -> Self {
        Self::new(name, "required", "Parameter is verplicht.")
    }

    pub(crate) fn pattern(name: &str, pattern: &str) -> Self {
        Self::new(name, "pattern", &format!("Waarde voldoet niet aan patroon {pattern}."))
    }
}

/// Something that went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) title: &'static str,
    pub(crate) detail: Option<String>,
    pub(crate) invalid: Vec<Invalid>,
    pub(crate) retry_after: Option<u64>,
}

impl Problem {
    /// The documented problem of a status.
    pub(crate) fn of(status: u16) -> Self {
        let (code, title) = match status {
            400 => ("paramsValidation", "Een of meerdere parameters zijn niet correct."),
            401 => ("authentication", "Niet correct geauthenticeerd."),
            403 => ("autorisation", "U bent niet geautoriseerd voor deze operatie."),
            404 => ("notFound", "Opgevraagde resource bestaat niet."),
            405 => ("methodNotAllowed", "Deze methode is niet toegestaan."),
            406 => ("notAcceptable", "Gevraagde contenttype wordt niet ondersteund."),
            415 => ("unsupportedMediaType", "Media Type wordt niet ondersteund."),
            422 => ("unprocessableEntity", "Request body bevat een ongeldige waarde."),
            429 => ("tooManyRequests", "Te veel verzoeken."),
            501 => ("notImplemented", "Not Implemented"),
            503 => ("notAvailable", "Bronservice BRP is tijdelijk niet beschikbaar."),
            _ => ("serverError", "Interne server fout."),
        };
        Self { status, code, title, detail: None, invalid: Vec::new(), retry_after: None }
    }

    pub(crate) fn invalid(invalid: Vec<Invalid>) -> Self {
        let names: Vec<_> = invalid.iter().map(|one| one.name.as_str()).collect();
        let detail = Some(format!("De foutieve parameter(s) zijn: {}.", names.join(", ")));
        Self { detail, invalid, ..Self::of(400) }
    }

    pub(crate) fn too_many(most: usize) -> Self {
        Self {
            code: "tooManyResults",
            title: "Teveel zoekresultaten.",
            detail: Some(format!(
                "Meer dan maximum van {most} zoekresultaten gevonden. Verfijn de zoekopdracht."
            )),
            ..Self::of(400)
        }
    }

    pub(crate) fn answer(self, instance: &str) -> Response<Body> {
        let mut body = json!({
            "type": "https://datatracker.ietf.org/doc/html/rfc7231#section-6.5.1",
            "title": self.title,
            "status": self.status,
            "code": self.code,
            "instance": instance,
        });
        if let Some(fields) = body.as_object_mut() {
            if let Some(detail) = self.detail {
                fields.insert("detail".to_owned(), detail.into());
            }
            if !self.invalid.is_empty() {
                let each = |one: Invalid| json!({"name": one.name, "code": one.code, "reason": one.reason});
                let all: Vec<Value> = self.invalid.into_iter().map(each).collect();
                fields.insert("invalidParams".to_owned(), all.into());
            }
        }
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = Response::new(Body::from(body.to_string()));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/problem+json"));
        if let Some(after) = self.retry_after {
            headers.insert(header::RETRY_AFTER, header::HeaderValue::from(after));
        }
        response
    }
}
