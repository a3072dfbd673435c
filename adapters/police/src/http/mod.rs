//! `POST /v1/reports`: one report, taken in when the relay has it. By the Dutch REST API Design Rules; `openapi.json` is the
//! contract, `docs/police.md` the page for people.
//!
//! It answers after the engine did: what was answered as recorded is durable at the relay. Nothing of a report stands in a
//! path, a header, a log or an answer.

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
use hwc_http::{Gate, NoBody, media_type};
use hwc_schemas::{
    ask::{Progress, REPORTS_PER_QUESTION_MAX},
    wire::Answer,
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{sync::Semaphore, time::timeout};
use zeroize::Zeroizing;

pub use self::problem::Problem;
use crate::{Form, Submission, WayOut, fields, stuf::XML_BYTES_MAX};

/// The version of the contract, in every answer as `API-Version`.
pub const VERSION: &str = "1.0.0";
/// The contract.
pub const OPENAPI: &str = include_str!("openapi.json");
/// What there is, and how it is asked.
pub const ROUTES: [(&str, &str); 3] =
    [("post", "/v1/reports"), ("post", "/v1/report-statuses"), ("get", "/v1/openapi.json")];

/// Largest body, in bytes.
pub const BODY_BYTES_MAX: usize = XML_BYTES_MAX;
/// Requests that are under way at once.
const UNDER_WAY_MAX: usize = 64;
/// How long a body may take to come.
const BODY_WITHIN: Duration = Duration::from_secs(8);
/// How long the relay may take, so that with the body and a handshake the sender knows within half a minute.
const ANSWERED_WITHIN: Duration = Duration::from_secs(15);

/// What answers.
struct Api {
    way_out: Box<dyn WayOut>,
    gate: Gate,
    places: Semaphore,
}

/// The service, for whoever the gate lets in.
pub fn service(way_out: impl WayOut, gate: Gate) -> Router {
    let api = Api { way_out: Box::new(way_out), gate, places: Semaphore::new(UNDER_WAY_MAX) };
    Router::new()
        .route("/v1/reports", post(report))
        .route("/v1/report-statuses", post(statuses))
        .route("/v1/openapi.json", get(openapi))
        .fallback(async || Problem::NotFound.answer())
        .method_not_allowed_fallback(async || Problem::MethodNotAllowed.answer())
        .with_state(Arc::new(api))
}

fn json(status: StatusCode, body: &Value) -> Response<Body> {
    answer(status, "application/json", body.to_string())
}

fn answer(status: StatusCode, kind: &'static str, body: impl Into<Body>) -> Response<Body> {
    hwc_http::answer(VERSION, status, kind, body)
}

async fn openapi() -> Response<Body> {
    answer(StatusCode::OK, "application/openapi+json", OPENAPI)
}

async fn report(State(api): State<Arc<Api>>, request: Request<Body>) -> Response<Body> {
    let taken = api.take_report(request).await;
    let response = taken.unwrap_or_else(|problem| problem.answer());
    tracing::info!(status = response.status().as_u16(), "a report came over http");
    response
}

async fn statuses(State(api): State<Arc<Api>>, request: Request<Body>) -> Response<Body> {
    api.tell_statuses(request).await.unwrap_or_else(|problem| problem.answer())
}

/// A question about reports.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    reports: Vec<Named>,
}

/// A report, as its sender calls it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    #[serde(default)]
    sender: Option<String>,
    report_id: String,
}

impl Api {
    async fn take_report(&self, request: Request<Body>) -> Result<Response<Body>, Problem> {
        self.admit(request.headers())?;
        let _place = self.places.try_acquire().map_err(|_| Problem::Busy)?;
        let form = form(request.headers()).ok_or(Problem::NotAForm)?;
        let body = body(request.into_body()).await?;
        let (mut submissions, refused) = form.read(&body);
        drop(body);
        let submission = submissions.pop().filter(|_| submissions.is_empty() && refused.is_empty());
        let Some(submission) = submission else { return Err(Problem::BrokenReport(refused)) };
        let sent = timeout(ANSWERED_WITHIN, self.way_out.send(&submission)).await;
        let sent = sent.map_err(|_| Problem::RelayUnreachable)?.map_err(|error| {
            tracing::error!(%error, "a report cannot be sealed");
            Problem::NotSealed
        })?;
        match sent.answer {
            Answer::Recorded => Ok(taken(StatusCode::CREATED, "recorded", &submission)),
            Answer::AlreadyRecorded => Ok(taken(StatusCode::OK, "already_recorded", &submission)),
            Answer::Refused { refusal } => Err(Problem::RefusedByRelay(refusal)),
            Answer::TryLater => Err(Problem::RelayUnreachable),
        }
    }

    async fn tell_statuses(&self, request: Request<Body>) -> Result<Response<Body>, Problem> {
        self.admit(request.headers())?;
        let _place = self.places.try_acquire().map_err(|_| Problem::Busy)?;
        if form(request.headers()) != Some(Form::Json) {
            return Err(Problem::NotAForm);
        }
        let body = body(request.into_body()).await?;
        let question: Question = serde_json::from_slice(&body).map_err(|_| Problem::BrokenQuestion)?;
        if question.reports.len() > REPORTS_PER_QUESTION_MAX {
            return Err(Problem::BrokenQuestion);
        }
        let incident = |named: Named| {
            let sender = fields::sender(named.sender.as_deref().unwrap_or_default())?;
            Ok(self.way_out.incident(sender.as_deref(), &fields::reference(&named.report_id)?))
        };
        let incidents: Result<Vec<_>, &str> = question.reports.into_iter().map(incident).collect();
        let incidents = incidents.map_err(|_| Problem::BrokenQuestion)?;
        let told = timeout(ANSWERED_WITHIN, self.way_out.progress(&incidents)).await;
        let progress = told.map_err(|_| Problem::RelayUnreachable)?.map_err(|error| {
            tracing::warn!(%error, "nobody can say how far reports are");
            Problem::RelayUnreachable
        })?;
        let word = |progress: &Progress| match progress {
            Progress::Waiting => "waiting",
            Progress::Screened => "screened",
            Progress::Unknown => "unknown",
        };
        let statuses: Value = progress.iter().map(|one| json!({ "status": word(one) })).collect();
        Ok(json(StatusCode::OK, &json!({ "statuses": statuses })))
    }

    /// Lets in who holds a token, where tokens are asked for.
    fn admit(&self, headers: &HeaderMap) -> Result<(), Problem> {
        if self.gate.admits(headers) { Ok(()) } else { Err(Problem::NotAuthenticated) }
    }
}

fn taken(status: StatusCode, word: &str, submission: &Submission) -> Response<Body> {
    let not_named = problem::places_of(&submission.not_named);
    json(status, &json!({ "status": word, "not_named": not_named }))
}

/// The form that the content type says, in UTF-8.
fn form(headers: &HeaderMap) -> Option<Form> {
    match media_type(headers)?.as_str() {
        "application/json" => Some(Form::Json),
        "application/xml" | "text/xml" | "application/soap+xml" => Some(Form::Stuf),
        _ => None,
    }
}

/// The whole body, wiped when dropped.
async fn body(body: Body) -> Result<Zeroizing<Vec<u8>>, Problem> {
    hwc_http::body(body, BODY_BYTES_MAX, BODY_WITHIN).await.map_err(|why| match why {
        NoBody::TooSlow => Problem::TooSlow,
        NoBody::TooLarge => Problem::TooLarge,
    })
}
