//! A school whose own software is rung at and asks over HTTP: from the police's report to the acknowledgement, with real
//! processes on a real broker.

use std::{
    collections::VecDeque,
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::fs::OpenOptionsExt as _,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    canary,
    processes::fine,
    region::{Process, Region, report_of, the_one, wait_for},
};

const SCHOOL: &str = "school-01AA00";
const OTHERS: [&str; 3] = ["police-region", "veilig-thuis-region", "municipality-0855"];
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// Of the token `secret`.
const TOKENS: &str = "sis 2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b\n";

/// Whether a signature is right, by somebody who shares nothing with us but the convention.
const CHECK: &str = r#"
import base64, hashlib, hmac, sys
secret, id, moment, said = sys.argv[1:5]
key = base64.b64decode(secret.removeprefix("whsec_"))
wanted = hmac.new(key, f"{id}.{moment}.".encode() + sys.stdin.buffer.read(), hashlib.sha256).digest()
wanted = "v1," + base64.b64encode(wanted).decode()
sys.exit(0 if any(hmac.compare_digest(one, wanted) for one in said.split(" ")) else 1)
"#;

/// A call of the webhook.
#[derive(Clone)]
struct Call {
    head: String,
    body: String,
}

impl Call {
    fn header(&self, name: &str) -> &str {
        let line = self.head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.unwrap_or_else(|| panic!("no {name}: {}", self.head))
    }

    fn event(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    fn news(&self) -> (String, Value) {
        let event = self.event();
        (event["type"].as_str().unwrap().to_owned(), event["data"]["round"].clone())
    }

    fn is_signed(&self) {
        let [id, moment, said] =
            ["webhook-id", "webhook-timestamp", "webhook-signature"].map(|name| self.header(name));
        let mut checking = Command::new("python3")
            .args(["-c", CHECK, SECRET, id, moment, said])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        checking.stdin.take().unwrap().write_all(self.body.as_bytes()).unwrap();
        assert!(checking.wait().unwrap().success(), "{}\n{}", self.head, self.body);
    }
}

/// The school's own software, as far as the webhook knows it.
struct Software {
    address: SocketAddr,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl Software {
    /// It answers so to the first calls, and yes to all others.
    fn that_says(statuses: &[u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let calls: Arc<Mutex<Vec<Call>>> = Arc::default();
        let (kept, mut statuses) = (Arc::clone(&calls), statuses.iter().copied().collect::<VecDeque<_>>());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let Some(call) = heard(&stream) else { continue };
                kept.lock().unwrap().push(call);
                let status = statuses.pop_front().unwrap_or(204);
                let _ = write!(&stream, "HTTP/1.1 {status} x\r\ncontent-length: 0\r\n\r\n");
            }
        });
        Self { address, calls }
    }

    fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    /// Waits for a call that says this of that time round.
    fn hears(&self, news: &str, round: u16) -> Call {
        let wanted = (format!("nl.handlewithcare.signal.{news}.v1"), Value::from(round));
        wait_for(|| self.calls().into_iter().rev().find(|call| call.news() == wanted))
            .unwrap_or_else(|| panic!("it never heard {wanted:?}"))
    }
}

fn heard(mut stream: &TcpStream) -> Option<Call> {
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?;
            if body.len() >= length.parse().ok()? {
                return Some(Call { head: head.to_owned(), body: body.to_owned() });
            }
        }
        let mut more = [0; 4096];
        match stream.read(&mut more).ok()? {
            0 => return None,
            read => bytes.extend_from_slice(&more[..read]),
        }
    }
}

/// A region whose first school has software of its own.
fn region(software: &Software) -> Region {
    let region = Region::prepare();
    for (name, text) in [("webhook", SECRET), ("tokens", TOKENS)] {
        let path = region.path().join("keys").join(SCHOOL).join(name);
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }
    let written = fs::read_to_string(region.settings(SCHOOL)).unwrap();
    let shown = written.replacen("[relay]\n", "[relay]\nlisten = \"127.0.0.1:0\"\n", 1);
    let own = format!(
        "\n[webhook]\nurl = \"http://{}/hook\"\nsecret_file = \"keys/{SCHOOL}/webhook\"\n\
         \n[api]\nlisten = \"127.0.0.1:0\"\ntokens = \"keys/{SCHOOL}/tokens\"\n",
        software.address
    );
    fs::write(region.settings(SCHOOL), shown + &own).unwrap();
    region
}

/// The engine and everybody but the school.
fn start_others(region: &Region) -> Vec<Process> {
    let engine = region.start("engine");
    engine.says("leading");
    let mut processes: Vec<_> = OTHERS.map(|name| region.start(name)).into();
    processes.push(engine);
    processes
}

fn start_school(region: &Region) -> Process {
    let school = region.start_saying(SCHOOL, "trace");
    school.says("at work");
    school
}

/// An address that a process said in a line with these words.
fn address_of(process: &Process, words: &str) -> String {
    process.says(words);
    let log = process.log();
    let said = log.lines().find(|line| line.contains(words)).unwrap();
    let word = said.split_whitespace().find_map(|word| word.strip_prefix("address=")).unwrap();
    word.to_owned()
}

/// What came back over HTTP.
struct Heard {
    status: u16,
    head: String,
    body: Value,
}

fn ask(school: &Process, method: &str, path: &str, body: &str) -> Heard {
    let address = address_of(school, "the school's software is served over http");
    said_to(&address, method, path, body)
}

fn said_to(address: &str, method: &str, path: &str, body: &str) -> Heard {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: school\r\nContent-Type: application/json\r\nConnection: close\r\n\
         Authorization: Bearer secret\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let body = serde_json::from_str(body).unwrap_or(Value::Null);
    Heard { status, head: head.to_ascii_lowercase(), body }
}

fn post(school: &Process, path: &str, body: &Value) -> Heard {
    ask(school, "POST", path, &body.to_string())
}

fn waiting(school: &Process) -> Vec<Value> {
    let heard = ask(school, "GET", "/v1/signals", "");
    assert_eq!(heard.status, 200, "{}", heard.body);
    heard.body["signals"].as_array().unwrap().clone()
}

#[test]
fn a_report_rings_at_the_schools_software_which_opens_and_acknowledges_it_and_nothing_is_left() {
    let software = Software::that_says(&[]);
    let region = region(&software);
    let _others = start_others(&region);
    let school = start_school(&region);
    region.report("one.jsonl", &[report_of("P-1", "Lotte", "Smit", "2018-12-11")]);
    let rung = software.hears("waits", 1);
    rung.is_signed();

    // Killed between the ring and the opening: it rings again, and the software can tell that it heard that.
    school.kill();
    let before = software.calls().len();
    let school = start_school(&region);
    let again = wait_for(|| software.calls().get(before).cloned()).expect("it never rang again");
    again.is_signed();
    assert_eq!((again.header("webhook-id"), &again.body), (rung.header("webhook-id"), &rung.body));

    let one = the_one(|| waiting(&school));
    let code = one["code"].clone();
    assert_eq!((&code, &one["opened"]), (&rung.event()["data"]["code"], &false.into()));
    let early = post(&school, "/v1/acknowledgements", &json!({ "code": code }));
    assert_eq!(early.status, 409, "{}", early.body);
    assert!(early.body["type"].as_str().unwrap().ends_with("#not-opened"), "{}", early.body);
    let opening = json!({ "code": code, "reader": "contact" });
    for _ in 0..2 {
        let opened = post(&school, "/v1/openings", &opening);
        assert_eq!(opened.status, 200, "{}", opened.body);
        assert!(opened.head.contains("cache-control: no-store"), "{}", opened.head);
        let letter = &opened.body["letter"];
        assert_eq!(
            (&letter["child"]["given_names"], &letter["child"]["surname"]),
            (&"Lotte".into(), &"Smit".into())
        );
        assert_eq!(letter["codeword"], "Handle with Care");
    }
    assert_eq!(the_one(|| waiting(&school))["opened"], true);
    // The people's own counter knows the same, by the same code.
    let listed = fine(region.does(SCHOOL, &["inbox"]));
    assert!(listed.contains(code.as_str().unwrap()) && listed.contains("ja"), "{listed}");
    let done = post(&school, "/v1/acknowledgements", &json!({ "code": code }));
    assert_eq!((done.status, &done.body["status"]), (201, &"recorded".into()));
    assert_eq!(waiting(&school), [""; 0]);
    software.hears("gone", 1).is_signed();
    for path in ["/v1/openings", "/v1/acknowledgements"] {
        let asked = if path == "/v1/openings" { &opening } else { &json!({ "code": code }) };
        let heard = post(&school, path, asked);
        assert!(heard.body["type"].as_str().unwrap().ends_with("#nothing-waits"), "{}", heard.body);
    }

    // Another one is not the school's pupil: it goes back, comes once more, and rings as what it is.
    region.report("two.jsonl", &[report_of("P-2", "Eva", "Jansen", "2015-04-08")]);
    let two = the_one(|| waiting(&school));
    assert_eq!(
        post(&school, "/v1/openings", &json!({ "code": two["code"], "reader": "backup_contact" })).status,
        200
    );
    assert_eq!(post(&school, "/v1/returns", &json!({ "code": two["code"] })).status, 201);
    let code = software.hears("waits", 2).event()["data"]["code"].clone();
    assert_ne!(code, two["code"]);
    assert_eq!(post(&school, "/v1/openings", &json!({ "code": code, "reader": "contact" })).status, 200);
    assert_eq!(post(&school, "/v1/acknowledgements", &json!({ "code": code })).status, 201);
    region.holds_nothing();

    // Nobody wrote it down: not the relay, not the school's log, not the webhook.
    let needles = ["Lotte", "2018-12-11", "Jansen", "2015-04-08"];
    let log = school.log();
    assert!(log.contains("the school's software asked"), "{log}");
    for word in [code.as_str().unwrap(), two["code"].as_str().unwrap(), "secret"] {
        assert!(
            !log.contains(&format!("{word} ")) && !log.contains(&format!("\"{word}\"")),
            "{word} is logged"
        );
    }
    for call in software.calls() {
        let said = format!("{}\n{}", call.head, call.body);
        assert_eq!(canary::found_in(said.as_bytes(), &needles), None, "{said}");
        assert!(!said.contains("01AA00") && !said.contains("traceparent"), "{said}");
    }
    assert_eq!(school.stop(), Some(0));
    for path in canary::files_below(region.path()) {
        if !["tables", "inbox"].iter().any(|own| path.starts_with(region.path().join(own))) {
            assert_eq!(canary::found_in(&fs::read(&path).unwrap(), &needles), None, "{}", path.display());
        }
    }
}

#[test]
fn software_that_refuses_the_call_is_said_where_somebody_looks_and_holds_nothing_up() {
    let software = Software::that_says(&[404; 100]);
    let region = region(&software);
    let _others = start_others(&region);
    let school = start_school(&region);
    region.report("one.jsonl", &[report_of("P-1", "Lotte", "Smit", "2018-12-11")]);
    software.hears("waits", 1);
    let shown = address_of(&school, "health and metrics");
    let said = wait_for(|| {
        let heard = said_to(&shown, "GET", "/readyz", "");
        let said = heard.body["attention"].to_string();
        (heard.status == 200 && said.contains("refuses it (404)")).then_some(said)
    });
    assert!(said.is_some(), "{}", school.log());
    let one = the_one(|| region.inbox(SCHOOL));
    let code = one["code"].as_str().unwrap();
    assert!(fine(region.does(SCHOOL, &["open", code, "--show"])).contains("Lotte Smit"));
    fine(region.does(SCHOOL, &["acknowledge", code]));
    region.holds_nothing();
}

#[test]
fn a_webhook_in_the_clear_or_with_an_open_secret_and_an_api_for_anybody_are_refused_at_the_start() {
    let software = Software::that_says(&[]);
    let region = region(&software);
    let written = fs::read_to_string(region.settings(SCHOOL)).unwrap();
    let refused = |from: &str, to: &str| {
        assert!(written.contains(from));
        fs::write(region.settings(SCHOOL), written.replace(from, to)).unwrap();
        let done = region.does(SCHOOL, &[]);
        assert_eq!(done.code, Some(3), "{to}: {}", done.stderr);
        done.stderr
    };
    let clear = format!("http://{}/hook", software.address);
    assert!(refused(&clear, "http://school.example/hook").contains("plain HTTP"));
    assert!(refused("[webhook]\n", "[webhook]\nretries = 3\n").contains("this setting is not known"));
    let tokens = format!("tokens = \"keys/{SCHOOL}/tokens\"\n");
    assert!(refused(&tokens, "").contains("[api] neither tokens nor an authority"));
    let open = "[api]\nlisten = \"0.0.0.0:0\"";
    assert!(refused("[api]\nlisten = \"127.0.0.1:0\"", open).contains("give a certificate"));
    let secret = region.path().join("keys").join(SCHOOL).join("webhook");
    fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    assert!(refused("[webhook]\n", "[webhook]\n# open\n").contains("chmod 600"));
}
