mod tls;

use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};

use axum::http::Method;
use http_body_util::BodyExt as _;
use hwc_adapter_kit::office::Unsealed;
use hwc_http::{Clients, Listening, PAGES, TlsFiles};
use hwc_schemas::{IncidentId, wire::Refusal};
use tower_service::Service as _;

use super::*;
use crate::{NotTold, Sent, desk::Said};

const FAMILY: &str = include_str!("../../samples/family.xml");
const REPORT: &str = r#"{"report_id":"P-1","reported_at":"2026-11-19T06:45:00+01:00","incident":{"occurred_at":"2026-11-18","kind":"child_abuse","address":{"postcode":"5038 aa","house_number":12}},"children":[{"given_names":"Geheim","surname":"Geheimpje","date_of_birth":"2016-02-03","presence":"present","relation":"resident"}]}"#;
/// Of the token `secret`.
const TOKENS: &str = "bvh 2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";

/// A relay that says what it is told to.
#[derive(Default)]
struct Pretended {
    answers: Mutex<Vec<Answer>>,
    sent: AtomicUsize,
}

impl WayOut for &'static Pretended {
    fn incident(&self, sender: Option<&str>, reference: &str) -> IncidentId {
        let key = crate::ReferenceKey::new(Zeroizing::new([7; 32]));
        key.incident_of(sender, reference)
    }

    fn send<'a>(&'a self, submission: &'a Submission) -> Said<'a, Sent, Unsealed> {
        Box::pin(async move {
            self.sent.fetch_add(1, Ordering::Relaxed);
            let answer = self.answers.lock().unwrap().pop();
            let incident = self.incident(submission.sender.as_deref(), &submission.report_id);
            match answer {
                Some(answer) => Ok(Sent { incident, answer }),
                // Nobody answers.
                None => std::future::pending().await,
            }
        })
    }

    fn progress<'a>(&'a self, incidents: &'a [IncidentId]) -> Said<'a, Vec<Progress>, NotTold> {
        Box::pin(async move {
            let known = self.incident(Some("a"), "P-1");
            let is = |incident: &IncidentId| {
                if *incident == known { Progress::Screened } else { Progress::Unknown }
            };
            Ok(incidents.iter().map(is).collect())
        })
    }
}

struct Heard {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

impl Heard {
    /// It is this problem, written as the contract says.
    fn is(&self, problem: &Problem) {
        assert_eq!(self.body["type"], format!("{PAGES}{}", problem.name()), "{}", self.body);
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!(
            (self.status, self.body["status"].as_u64()),
            (problem.status().as_u16(), Some(self.status.into()))
        );
        let retry = self.headers.get("retry-after").and_then(|seconds| seconds.to_str().ok());
        assert_eq!(retry, problem.retry_after());
    }
}

fn relay(answers: &[Answer]) -> &'static Pretended {
    let answers = Mutex::new(answers.iter().rev().copied().collect());
    Box::leak(Box::new(Pretended { answers, sent: AtomicUsize::new(0) }))
}

async fn ask(
    relay: &'static Pretended,
    method: Method,
    path: &str,
    kind: &str,
    token: &str,
    body: &str,
) -> Heard {
    let mut service = service(relay, Gate::of(Clients::read(TOKENS).ok()));
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", kind)
        .header("authorization", format!("Bearer {token}"))
        .body(Body::from(body.to_owned()))
        .unwrap();
    let response = service.call(request).await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    assert_eq!(headers["api-version"], VERSION);
    assert_eq!(headers["cache-control"], "no-store");
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    assert!(!text.contains("Geheim") && !text.contains("P-1"), "content shown: {text}");
    Heard { status, headers, body: serde_json::from_str(&text).unwrap() }
}

async fn send(relay: &'static Pretended, kind: &str, body: &str) -> Heard {
    ask(relay, Method::POST, "/v1/reports", kind, "secret", body).await
}

#[tokio::test]
async fn a_new_report_is_created_and_the_same_again_is_already_there() {
    let relay = relay(&[Answer::Recorded, Answer::AlreadyRecorded, Answer::Recorded]);
    let heard = send(relay, "application/json", REPORT).await;
    assert_eq!((heard.status, &heard.body["status"]), (201, &"recorded".into()));
    let heard = send(relay, "application/json; charset=UTF-8", REPORT).await;
    assert_eq!((heard.status, &heard.body["status"]), (200, &"already_recorded".into()));
    let heard = send(relay, "text/xml", FAMILY).await;
    assert_eq!((heard.status, &heard.body["not_named"]), (201, &json!([])));
}

#[tokio::test]
async fn a_child_that_could_not_be_named_is_pointed_at() {
    let heard =
        send(relay(&[Answer::Recorded]), "application/xml", include_str!("../../samples/partial-date.xml"))
            .await;
    let places = heard.body["not_named"].as_array().unwrap();
    assert_eq!(places[0]["field"], "object/betrokkene[2]/natuurlijkPersoon/geboortedatum");
    assert_eq!((heard.status, places.len()), (201, 2));
}

#[tokio::test]
async fn nobody_is_let_in_without_a_token_and_nothing_is_read_before() {
    let relay = relay(&[Answer::Recorded]);
    for token in ["", "secret2", "Secret"] {
        let heard = ask(relay, Method::POST, "/v1/reports", "application/json", token, REPORT).await;
        heard.is(&Problem::NotAuthenticated);
        assert_eq!(heard.headers["www-authenticate"], "Bearer");
        ask(relay, Method::POST, "/v1/report-statuses", "application/json", token, "{}")
            .await
            .is(&Problem::NotAuthenticated);
    }
    assert_eq!(relay.sent.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn what_is_broken_is_named_by_its_place_and_never_sent() {
    let relay = relay(&[]);
    let heard = send(relay, "application/json", &REPORT.replace("child_abuse", "Geheim")).await;
    heard.is(&Problem::BrokenReport(Vec::new()));
    assert_eq!(heard.body["errors"][0]["field"], "incident.kind");
    send(relay, "application/xml", REPORT).await.is(&Problem::BrokenReport(Vec::new()));
    send(relay, "text/csv", REPORT).await.is(&Problem::NotAForm);
    send(relay, "application/json; charset=iso-8859-1", REPORT).await.is(&Problem::NotAForm);
    send(relay, "application/json", &" ".repeat(BODY_BYTES_MAX + 1)).await.is(&Problem::TooLarge);
    assert_eq!(relay.sent.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn a_sender_knows_within_half_a_minute_that_the_relay_is_away() {
    let began = tokio::time::Instant::now();
    send(relay(&[]), "application/json", REPORT).await.is(&Problem::RelayUnreachable);
    assert!(began.elapsed() < Duration::from_secs(30));
}

#[tokio::test]
async fn a_refusal_of_the_relay_is_said_with_its_code() {
    let heard =
        send(relay(&[Answer::Refused { refusal: Refusal::TooOld }]), "application/json", REPORT).await;
    heard.is(&Problem::RefusedByRelay(Refusal::TooOld));
    assert_eq!(heard.body["code"], "too_old");
}

#[tokio::test]
async fn how_far_reports_are_is_asked_by_post() {
    let question = r#"{"reports":[{"sender":"a","report_id":"P-1"},{"report_id":"P-1"}]}"#;
    let ask = |body: String| {
        ask(
            relay(&[]),
            Method::POST,
            "/v1/report-statuses",
            "application/json",
            "secret",
            Box::leak(body.into_boxed_str()),
        )
    };
    let heard = ask(question.to_owned()).await;
    assert_eq!(heard.body, json!({ "statuses": [{ "status": "screened" }, { "status": "unknown" }] }));
    let many = vec![r#"{"report_id":"P-1"}"#; REPORTS_PER_QUESTION_MAX + 1].join(",");
    for broken in [
        "",
        "[]",
        r#"{"reports":[{"report_id":""}]}"#,
        r#"{"reports":[],"more":1}"#,
        &format!(r#"{{"reports":[{many}]}}"#),
    ] {
        ask(broken.to_owned()).await.is(&Problem::BrokenQuestion);
    }
}

#[tokio::test]
async fn what_is_not_there_and_what_is_not_done_are_problems_too() {
    let ask = |method, path: &'static str| ask(relay(&[]), method, path, "application/json", "secret", "");
    ask(Method::GET, "/v1/reports/P-1").await.is(&Problem::NotFound);
    ask(Method::GET, "/v1/reports").await.is(&Problem::MethodNotAllowed);
    let heard = ask(Method::GET, "/v1/openapi.json").await;
    assert_eq!((heard.status, &heard.body["openapi"]), (200, &"3.1.0".into()));
}

#[tokio::test]
async fn too_much_at_once_is_said() {
    let api = Api { way_out: Box::new(relay(&[])), gate: Gate::of(None), places: Semaphore::new(0) };
    let request =
        Request::builder().header("content-type", "application/json").body(Body::from(REPORT)).unwrap();
    assert_eq!(api.take_report(request).await.err(), Some(Problem::Busy));
}

#[test]
fn the_contract_the_routes_and_the_page_of_problems_are_in_step() {
    let contract: Value = serde_json::from_str(OPENAPI).unwrap();
    assert_eq!(contract["info"]["version"], VERSION);
    let paths = contract["paths"].as_object().unwrap();
    let written: Vec<_> = paths
        .iter()
        .flat_map(|(path, how)| {
            how.as_object().unwrap().keys().map(move |method| (method.as_str(), path.as_str()))
        })
        .collect();
    for route in ROUTES {
        assert!(written.contains(&route), "{route:?} is not in the contract");
    }
    assert_eq!(written.len(), ROUTES.len());
    let page = include_str!("../../../../docs/problems.md");
    let types =
        contract["components"]["schemas"]["Problem"]["properties"]["type"]["enum"].as_array().unwrap();
    assert_eq!(types.len(), Problem::ALL.len());
    for problem in Problem::ALL {
        let section = format!("\n## {}\n\n{}. ", problem.name(), problem.status().as_u16());
        assert!(page.contains(&section), "{} has no section", problem.name());
        assert!(types.contains(&format!("{PAGES}{}", problem.name()).into()), "{}", problem.name());
    }
    let report = &contract["components"]["schemas"]["Report"]["properties"];
    assert_eq!(report["children"]["maxItems"], hwc_schemas::report::Report::MENTIONS_MAX);
    assert_eq!(report["report_id"]["maxLength"], crate::reports::REFERENCE_CHARS_MAX);
    assert_eq!(report["sender"]["maxLength"], crate::reports::SENDER_CHARS_MAX);
    let names = &report["children"]["items"]["properties"];
    assert_eq!(names["surname"]["maxLength"], hwc_schemas::person::Child::NAME_CHARS_MAX);
    assert_eq!(names["prefix"]["maxLength"], hwc_schemas::person::Child::PREFIX_CHARS_MAX);
    let question = &contract["components"]["schemas"]["Question"]["properties"]["reports"];
    assert_eq!(question["maxItems"], REPORTS_PER_QUESTION_MAX);
}

#[tokio::test]
async fn a_place_that_anybody_could_use_or_read_along_is_not_taken() {
    let local = "127.0.0.1:0".parse().unwrap();
    let said = async |listen, clients| {
        Listening::bind(listen, None, clients).await.err().map(|error| error.to_string())
    };
    assert!(said(local, None).await.unwrap().contains("anybody could use it"));
    let open = said("0.0.0.0:0".parse().unwrap(), Clients::read(TOKENS).ok()).await.unwrap();
    assert!(open.contains("give a certificate"), "{open}");
    assert_eq!(said(local, Clients::read(TOKENS).ok()).await, None);
}
