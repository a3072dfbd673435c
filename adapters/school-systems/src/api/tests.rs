//! The API asked as a school's software asks it, and as somebody asks it who should not; and its contract.

use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};

use axum::http::Method;
use http_body_util::BodyExt as _;
use hwc_http::{Clients, Listening, PAGES};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tower_service::Service as _;

use super::*;

/// Of the token `secret`.
const TOKENS: &str = "sis 2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";
const LETTER: &str = r#"{"child":{"given_names":"Lotte","prefix":null,"surname":"Smit","date_of_birth":"2018-12-11"},"codeword":"Handle with Care"}"#;

/// A counter that says what it is told to, and remembers what it was asked.
#[derive(Clone, Default)]
struct Pretended {
    replies: Arc<Mutex<Vec<Reply>>>,
    asked: Arc<Mutex<Vec<Question>>>,
    done: Arc<AtomicUsize>,
    slow: bool,
}

impl Pretended {
    fn saying(replies: &[Reply]) -> Self {
        Self { replies: Arc::new(Mutex::new(replies.iter().rev().cloned().collect())), ..Self::default() }
    }

    fn asked(&self) -> Vec<Question> {
        self.asked.lock().unwrap().clone()
    }
}

impl Service for Pretended {
    type Question = Question;
    type Reply = Reply;

    async fn answer(&self, question: Question) -> Said<Reply> {
        self.asked.lock().unwrap().push(question);
        if self.slow {
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        let reply = self.replies.lock().unwrap().pop().expect("asked more than was expected");
        let opened = matches!(reply, Reply::Opened { .. });
        let letter = || Plaintext::from_opened(Zeroizing::new(LETTER.as_bytes().to_vec()));
        self.done.fetch_add(1, Ordering::Relaxed);
        Said { reply, enclosed: if opened { vec![letter()] } else { Vec::new() } }
    }
}

fn code() -> String {
    "bf89b3".to_owned()
}

fn waits() -> Reply {
    let signal = "00000000000000000000000000000007-1".parse().unwrap();
    let since = "2026-11-18T07:04:00Z".parse().unwrap();
    let line = Line { code: code(), signal, round: 1, since, opened: false, reminders: 1 };
    Reply::Inbox { signals: vec![line], more: 0 }
}

fn ended(done: Done) -> Reply {
    Reply::Said { code: code(), done }
}

fn refused(refusal: Refusal) -> Reply {
    ended(Done::Refused { refusal })
}

struct Heard {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl Heard {
    fn body(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    /// It is this problem, written as the contract says.
    fn is(&self, problem: Problem) {
        let (written, body) = (problem.written(), self.body());
        assert_eq!(body["type"], format!("{PAGES}{}", written.name), "{body}");
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!((self.status, &body["status"]), (written.status.as_u16(), &self.status.into()));
        let retry = self.headers.get("retry-after").and_then(|seconds| seconds.to_str().ok());
        assert_eq!(retry, written.retry_after);
    }
}

async fn ask(counter: &Pretended, method: Method, path: &str, token: &str, body: &str) -> Heard {
    let mut service = service(counter.clone(), Gate::of(Clients::read(TOKENS).ok()));
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {token}"))
        .body(Body::from(body.to_owned()))
        .unwrap();
    let response = service.call(request).await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    assert_eq!(headers["api-version"], VERSION);
    assert_eq!(headers["cache-control"], "no-store");
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    assert_eq!(text.contains("Lotte"), path == "/v1/openings" && status == 200, "{text}");
    assert!(!text.contains("00000000000000000000000000000007"), "the relay's own id is told: {text}");
    Heard { status, headers, text }
}

async fn post(counter: &Pretended, path: &str, body: &str) -> Heard {
    ask(counter, Method::POST, path, "secret", body).await
}

const OPENING: &str = r#"{"code":"bf89b3","reader":"contact"}"#;
const MEANT: &str = r#"{"code":"bf89b3"}"#;
const ENDINGS: [&str; 2] = ["/v1/acknowledgements", "/v1/returns"];

#[tokio::test]
async fn what_waits_is_listed_and_one_is_opened_confirmed_and_returned_at_the_peoples_own_counter() {
    let recorded = ended(Done::Recorded { already: false });
    let again = ended(Done::Recorded { already: true });
    let counter =
        Pretended::saying(&[waits(), Reply::Opened { code: code() }, recorded.clone(), again, recorded]);
    let listed = ask(&counter, Method::GET, "/v1/signals", "secret", "").await;
    assert_eq!(listed.body()["signals"][0]["code"], "bf89b3");
    let opened = post(&counter, "/v1/openings", OPENING).await;
    assert_eq!((opened.status, opened.body()["letter"].to_string()), (200, sorted(LETTER)));
    for (path, status, word) in
        [(ENDINGS[0], 201, "recorded"), (ENDINGS[0], 200, "already_recorded"), (ENDINGS[1], 201, "recorded")]
    {
        let heard = post(&counter, path, MEANT).await;
        assert_eq!((heard.status, &heard.body()["status"]), (status, &word.into()), "{path}");
    }
    let (one, two) = (Question::Acknowledge(code()), Question::NotOurPupil(code()));
    assert_eq!(counter.asked(), [Question::Inbox, Question::Open(code()), one.clone(), one, two]);
}

/// The same JSON, as this library writes it.
fn sorted(text: &str) -> String {
    serde_json::from_str::<Value>(text).unwrap().to_string()
}

#[tokio::test]
async fn who_has_no_token_or_another_one_is_not_let_in_and_nobody_is_asked() {
    let counter = Pretended::default();
    for token in ["", "Secret", "secret2", "secret secret"] {
        for (method, path) in ROUTES.into_iter().filter(|(_, path)| *path != "/v1/openapi.json") {
            let method = if method == "get" { Method::GET } else { Method::POST };
            let heard = ask(&counter, method, path, token, OPENING).await;
            heard.is(Problem::NotAuthenticated);
            assert_eq!(heard.headers["www-authenticate"], "Bearer");
        }
    }
    assert_eq!(counter.asked(), []);
}

#[tokio::test]
async fn another_way_another_path_and_another_form_are_problems_and_nobody_is_asked() {
    let counter = Pretended::default();
    let get = |path: &'static str| ask(&counter, Method::GET, path, "secret", "");
    for path in ["/", "/v1", "/v1/signals/bf89b3", "/v1/openings/bf89b3", "/v1/../etc/passwd", "/v2/signals"]
    {
        get(path).await.is(Problem::NotFound);
    }
    for path in ["/v1/openings", "/v1/acknowledgements", "/v1/returns"] {
        get(path).await.is(Problem::MethodNotAllowed);
        ask(&counter, Method::DELETE, path, "secret", "").await.is(Problem::MethodNotAllowed);
    }
    post(&counter, "/v1/signals", "{}").await.is(Problem::MethodNotAllowed);
    let long = format!(r#"{{"code":"{}","reader":"contact"}}"#, "a".repeat(CODE_CHARS_MAX + 1));
    for broken in [
        "",
        "[]",
        "{}",
        MEANT,
        r#"{"code":"","reader":"contact"}"#,
        r#"{"code":"bf89b3","reader":"software"}"#,
        r#"{"code":"bf89b3","reader":"contact","all":true}"#,
        r#"{"code":"Lotte Smit","reader":"contact"}"#,
        r#"{"code":["bf89b3"],"reader":"contact"}"#,
        &long,
    ] {
        post(&counter, "/v1/openings", broken).await.is(Problem::BrokenRequest);
    }
    for path in ENDINGS {
        post(&counter, path, OPENING).await.is(Problem::BrokenRequest);
    }
    let huge = " ".repeat(BODY_BYTES_MAX + 1);
    post(&counter, "/v1/openings", &huge).await.is(Problem::TooLarge);
    let mut service = service(counter.clone(), Gate::of(None));
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-16"] {
        let request = Request::post("/v1/openings").header("content-type", kind).body(Body::from(OPENING));
        assert_eq!(service.call(request.unwrap()).await.unwrap().status(), 415, "{kind}");
    }
    assert_eq!(counter.asked(), []);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_never_comes_is_given_up_and_nobody_is_asked() {
    let counter = Pretended::default();
    let mut service = service(counter.clone(), Gate::of(None));
    let never = futures::stream::pending::<Result<Bytes, std::io::Error>>();
    let request = Request::post("/v1/openings").header("content-type", "application/json");
    let response = service.call(request.body(Body::from_stream(never)).unwrap()).await.unwrap();
    assert_eq!(response.status(), 408);
    assert_eq!(counter.asked(), []);
}

#[tokio::test]
async fn each_way_in_which_it_cannot_be_done_is_a_problem_of_its_own() {
    let cases = [
        (Reply::Unknown, Problem::NothingWaits),
        (Reply::Several, Problem::SeveralMeant),
        (refused(Refusal::NotOpened), Problem::NotOpened),
        (refused(Refusal::Gone), Problem::Gone),
        (refused(Refusal::AlreadyDecided), Problem::Gone),
        (refused(Refusal::OutOfOrder), Problem::RefusedByRelay(Refusal::OutOfOrder)),
        (Reply::DoesNotOpen { why: "geheim".into() }, Problem::DoesNotOpen),
        (ended(Done::NoAnswer), Problem::RelayUnreachable),
    ];
    for (reply, problem) in cases {
        let counter = Pretended::saying(&[reply.clone(), reply.clone(), reply.clone()]);
        post(&counter, "/v1/openings", OPENING).await.is(problem);
        for path in ENDINGS {
            let heard = post(&counter, path, MEANT).await;
            heard.is(problem);
            assert!(!heard.text.contains("bf89b3") && !heard.text.contains("geheim"), "{}", heard.text);
        }
    }
}

#[tokio::test]
async fn too_much_at_once_is_said_and_what_was_begun_is_done_when_the_asker_has_left() {
    let replies = vec![waits(); UNDER_WAY_MAX];
    let counter = Pretended { slow: true, ..Pretended::saying(&replies) };
    let service = service(counter.clone(), Gate::of(None));
    let asking = |mut service: Router| async move {
        let request = Request::get("/v1/signals").body(Body::empty()).unwrap();
        service.call(request).await.unwrap().status().as_u16()
    };
    let mut places: Vec<_> = (0..UNDER_WAY_MAX).map(|_| tokio::spawn(asking(service.clone()))).collect();
    while counter.asked().len() < UNDER_WAY_MAX {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(asking(service.clone()).await, 503);
    // One leaves in the middle.
    places.pop().unwrap().abort();
    for place in places {
        assert_eq!(place.await.unwrap(), 200);
    }
    while counter.done.load(Ordering::Relaxed) < UNDER_WAY_MAX {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// What comes back over a connection of its own on which this was said.
async fn over_the_line(address: std::net::SocketAddr, said: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // Whoever is turned away in the middle of a sentence does not finish it.
    let _ = stream.write_all(said).await;
    let mut heard = Vec::new();
    let _ = stream.read_to_end(&mut heard).await;
    String::from_utf8_lossy(&heard).into_owned()
}

#[tokio::test]
async fn over_the_line_nobody_holds_it_up_and_a_letter_arrives_whole() {
    let counter = Pretended::saying(&[Reply::Opened { code: code() }]);
    let clients = Clients::read(TOKENS).ok();
    let listening = Listening::bind("127.0.0.1:0".parse().unwrap(), None, clients).await.unwrap();
    let (address, asked) = (listening.address(), counter.clone());
    let serving = tokio::spawn(listening.serve(move |gate| service(counter, gate)));
    // They say nothing, half a head, half a body; they stay, and everybody else is served.
    let mut idlers = Vec::new();
    for said in [
        "",
        "POST /v1/openings HTTP/1.1\r\nhost: x\r\n",
        "POST /v1/openings HTTP/1.1\r\nhost: x\r\nauthorization: Bearer secret\r\ncontent-type: application/json\r\ncontent-length: 36\r\n\r\n{\"code\"",
    ] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(said.as_bytes()).await.unwrap();
        idlers.push(stream);
    }
    let saying = |more: &str, length: usize| {
        format!(
            "POST /v1/openings HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{more}\r\n"
        )
    };
    let heard = over_the_line(address, saying("", 1 << 40).as_bytes()).await;
    assert!(heard.starts_with("HTTP/1.1 401 "), "{heard}");
    let long = saying(&format!("x: {}\r\n", "a".repeat(64 * 1024)), 0);
    let heard = over_the_line(address, long.as_bytes()).await;
    assert!(!heard.contains("200 OK"), "{heard}");
    let heard = over_the_line(address, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03garbage\r\n\r\n").await;
    assert!(!heard.contains("200 OK"), "{heard}");
    assert_eq!(asked.asked(), []);
    let open = saying("authorization: Bearer secret\r\n", OPENING.len()) + OPENING;
    let heard = over_the_line(address, open.as_bytes()).await;
    let (before, body) = heard.split_once("\r\n\r\n").unwrap();
    assert!(before.starts_with("HTTP/1.1 200 ") && before.contains("cache-control: no-store"), "{before}");
    assert_eq!(sorted(body), sorted(&format!(r#"{{"code":"bf89b3","letter":{LETTER}}}"#)));
    drop(idlers);
    serving.abort();
}

#[test]
fn a_letter_goes_out_in_one_buffer_of_its_very_size() {
    let letter = Plaintext::from_opened(Zeroizing::new(LETTER.as_bytes().to_vec()));
    let whole = shown("bf89b3", &letter);
    assert_eq!(std::str::from_utf8(&whole).unwrap(), format!(r#"{{"code":"bf89b3","letter":{LETTER}}}"#));
}

#[test]
fn requests_withstand_hostile_input() {
    // What is wrong with them is never said.
    let opening = |bytes: &[u8]| serde_json::from_slice::<Opening>(bytes).err().map(|_| String::new());
    hwc_hostile::Trial::new([OPENING], opening).withstands();
    let meant = |bytes: &[u8]| serde_json::from_slice::<Meant>(bytes).err().map(|_| String::new());
    hwc_hostile::Trial::new([MEANT], meant).withstands();
}

fn contract() -> Value {
    serde_json::from_str(OPENAPI).unwrap()
}

/// A schema of the contract, with all the others beside it.
fn schema(name: &str) -> jsonschema::Validator {
    let components = contract()["components"].clone();
    let text = json!({ "$ref": format!("#/components/schemas/{name}"), "components": components });
    jsonschema::validator_for(&text).unwrap()
}

/// Every example of an answer or a request in a part of the contract, with the name of its schema.
fn examples(part: &Value) -> Vec<(String, String, Value)> {
    let mut found = Vec::new();
    for (_, media) in part["content"].as_object().into_iter().flatten() {
        let reference = media["schema"]["$ref"].as_str().unwrap_or_default();
        let schema = reference.rsplit('/').next().unwrap_or_default().to_owned();
        for (name, example) in media["examples"].as_object().into_iter().flatten() {
            found.push((name.clone(), schema.clone(), example["value"].clone()));
        }
    }
    found
}

#[tokio::test]
async fn every_example_of_the_contract_is_what_is_really_answered() {
    let contract = contract();
    let paths = contract["paths"].as_object().unwrap();
    let mut checked = 0;
    for (path, ways) in paths {
        for (method, operation) in ways.as_object().unwrap() {
            let asked = examples(&operation["requestBody"]).pop();
            if let Some((_, name, value)) = &asked {
                assert!(schema(name).is_valid(value), "{path}: {value}");
            }
            let body = asked.map(|(_, _, value)| value.to_string()).unwrap_or_default();
            for (status, response) in operation["responses"].as_object().unwrap() {
                for (name, of, value) in examples(response) {
                    assert!(schema(&of).is_valid(&value), "{path} {status} {name}: {value}");
                    let heard = provoke(&name, method, path, &body).await;
                    assert_eq!(heard.status.to_string(), *status, "{path} {name}: {}", heard.text);
                    assert_eq!(heard.body(), value, "{path} {name}");
                    checked += 1;
                }
            }
        }
    }
    assert!(checked > 40, "only {checked} examples were found");
}

/// Asks so that this example is the answer.
async fn provoke(example: &str, method: &str, path: &str, body: &str) -> Heard {
    let reply = match example {
        "one" if path == "/v1/signals" => waits(),
        "one" => Reply::Opened { code: code() },
        "recorded" => ended(Done::Recorded { already: false }),
        "already" => ended(Done::Recorded { already: true }),
        "several-meant" => Reply::Several,
        "not-opened" => refused(Refusal::NotOpened),
        "gone" => refused(Refusal::Gone),
        "refused-by-relay" => refused(Refusal::OutOfOrder),
        "does-not-open" => Reply::DoesNotOpen { why: String::new() },
        "relay-unreachable" if path == "/v1/signals" => Reply::Unknown,
        "relay-unreachable" => ended(Done::NoAnswer),
        _ => Reply::Unknown,
    };
    let method = if method == "get" { Method::GET } else { Method::POST };
    let counter = Pretended::saying(&[reply]);
    let huge = " ".repeat(BODY_BYTES_MAX + 1);
    match example {
        "not-authenticated" => ask(&counter, method, path, "", body).await,
        "broken-request" => ask(&counter, method, path, "secret", "{}").await,
        "too-large" => ask(&counter, method, path, "secret", &huge).await,
        // What the line itself provokes, in the words that it hears.
        "not-a-form" => said_of(Problem::NotAForm).await,
        "too-slow" => said_of(Problem::TooSlow).await,
        "busy" => said_of(Problem::Busy).await,
        _ => ask(&counter, method, path, "secret", body).await,
    }
}

async fn said_of(problem: Problem) -> Heard {
    let response = problem.answer();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    Heard { status, headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
}

#[test]
fn the_contract_the_routes_and_the_page_of_problems_are_in_step() {
    let contract = contract();
    assert_eq!(contract["info"]["version"], VERSION);
    let paths = contract["paths"].as_object().unwrap();
    let written: Vec<_> = paths
        .iter()
        .flat_map(|(path, how)| how.as_object().unwrap().keys().map(move |way| (way.as_str(), path.as_str())))
        .collect();
    assert_eq!(written.len(), ROUTES.len());
    assert!(ROUTES.iter().all(|route| written.contains(route)), "{written:?}");
    let page = include_str!("../../../../docs/problems.md");
    let schemas = &contract["components"]["schemas"];
    let types = schemas["Problem"]["properties"]["type"]["enum"].as_array().unwrap();
    assert_eq!(types.len(), Problem::ALL.len());
    for problem in Problem::ALL.map(Problem::written) {
        let section = format!("\n## {}\n\n{}. ", problem.name, problem.status.as_u16());
        assert!(page.contains(&section), "{} has no section", problem.name);
        assert!(types.contains(&format!("{PAGES}{}", problem.name).into()), "{}", problem.name);
    }
    assert_eq!(schemas["Code"]["maxLength"], CODE_CHARS_MAX);
    assert_eq!(schemas["Code"]["minLength"], hwc_adapter_kit::code::DIGITS_MIN);
    assert_eq!(schemas["Signals"]["properties"]["signals"]["maxItems"], hwc_school::counter::LINES_MAX);
    let names = &schemas["Opened"]["properties"]["letter"]["properties"]["child"]["properties"];
    assert_eq!(names["surname"]["maxLength"], hwc_schemas::person::Child::NAME_CHARS_MAX);
    assert_eq!(names["prefix"]["maxLength"], hwc_schemas::person::Child::PREFIX_CHARS_MAX);
}

#[test]
fn the_webhook_of_the_contract_is_what_is_really_sent() {
    use crate::webhook::News;
    let contract = contract();
    let told = &contract["webhooks"]["signal"]["post"]["requestBody"];
    let [(_, _, example)] = &examples(told)[..] else { panic!("one example") };
    assert!(schema("News").is_valid(example));
    let kinds = &contract["components"]["schemas"]["News"]["properties"]["type"]["enum"];
    assert_eq!(*kinds, json!([News::Waits, News::Reminded, News::Gone].map(News::kind)));
}
