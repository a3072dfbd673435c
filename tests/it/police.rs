//! The police's ways in, with real processes on a real broker: a folder and HTTP, three forms, one report each time.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    os::unix::fs::OpenOptionsExt as _,
    path::PathBuf,
    time::Duration,
};

use serde_json::Value;

use crate::{
    canary,
    ground::root,
    region::{Process, Region, report_of, wait_for},
};

const CHAIN: [&str; 4] = ["police-region", "veilig-thuis-region", "municipality-0855", "school-01AA00"];
/// Of the token `secret`.
const TOKENS: &str = "bvh 2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b\n";

/// Lays a file into the inbox, whole.
fn lay(region: &Region, name: &str, text: &str) -> PathBuf {
    region.report(name, &[text.to_owned()])
}

fn gone(file: &std::path::Path) {
    wait_for(|| (!file.exists()).then_some(())).expect("the file stays");
}

/// A message of the manual's Lotte Smit, with this reference.
fn message(reference: &str) -> String {
    let sample = fs::read_to_string(root().join("adapters/police/samples/partial-date.xml")).unwrap();
    let only_child = sample.split("<betrokkene>").take(2).collect::<Vec<_>>().join("<betrokkene>");
    let message = format!("{}</object></vtMeldingDi01>", only_child.trim_end())
        .replace("PL2000-2026-000124", reference)
        .replace("20261119064500", "20261118064000")
        .replace("<datumIncident>20261118", "<datumIncident>20261117")
        .replace("<postcode>5038AA</postcode><huisnummer>12<", "<postcode>5099ZZ</postcode><huisnummer>1<")
        .replace(">Noor<", ">Lotte<")
        .replace(">Voorbeeld<", ">Smit<")
        .replace("20160203", "20181211");
    assert!(message.contains("5099ZZ") && message.contains("Smit") && message.contains("20181211"));
    message
}

fn table(reference: &str) -> String {
    format!(
        "report_id;reported_at;occurred_at;kind;postcode;house_number;house_letter;addition;municipality;given_names;prefix;\
         surname;date_of_birth;presence;relation\r\n{reference};2026-11-18T06:40:00+01:00;2026-11-17;child_abuse;5099ZZ;1;;;0855;\
         Lotte;;Smit;2018-12-11;present;resident\r\n"
    )
}

#[test]
fn a_table_and_a_message_in_the_folder_go_to_the_school_and_the_files_go_when_they_are_screened() {
    let (region, _engine, [police, _veilig_thuis, _municipality, _school]) = Region::with(CHAIN);
    let files = [
        lay(&region, "a.csv", &table("P-1")),
        lay(&region, "b.xml", &message("PL-2")),
        lay(&region, "c.json", &report_of("P-3", "Lotte", "Smit", "2018-12-11")),
    ];
    for file in &files {
        gone(file);
    }
    let waiting = wait_for(|| Some(region.inbox("school-01AA00")).filter(|all| all.len() >= 3)).unwrap();
    assert_eq!(waiting.len(), 3);
    // The same once more, by other names and in other company: nothing comes of it.
    let files = [lay(&region, "d.xml", &message("PL-2")), lay(&region, "e.csv", &table("P-1"))];
    for file in &files {
        gone(file);
    }
    // What comes after it is there, and nothing else.
    gone(&lay(&region, "f.csv", &table("P-4")));
    let waiting = wait_for(|| Some(region.inbox("school-01AA00")).filter(|all| all.len() >= 4)).unwrap();
    assert_eq!(waiting.len(), 4);
    assert!(!police.log().contains("Smit"));
}

/// What came back over HTTP.
pub(crate) struct Heard {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Value,
}

fn ask(address: &str, path: &str, kind: &str, token: &str, body: &str) -> Heard {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    let length = body.len();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: police\r\nContent-Type: {kind}\r\nAuthorization: Bearer {token}\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Heard { status, head: head.to_ascii_lowercase(), body: serde_json::from_str(body).unwrap() }
}

pub(crate) fn send(address: &str, kind: &str, body: &str) -> Heard {
    ask(address, "/v1/reports", kind, "secret", body)
}

/// Where a process takes reports in.
pub(crate) fn address_of(police: &Process) -> String {
    police.says("reports are taken in over http");
    let log = police.log();
    let said = log.lines().find(|line| line.contains("reports are taken in over http")).unwrap();
    let word = said.split_whitespace().find_map(|word| word.strip_prefix("address=")).unwrap();
    word.to_owned()
}

/// Lets the police take reports in over HTTP, at a port that the system chooses.
pub(crate) fn listen(region: &Region) {
    let tokens = region.path().join("keys/police-region/tokens");
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(tokens).unwrap();
    file.write_all(TOKENS.as_bytes()).unwrap();
    let settings = region.settings("police-region");
    let written = fs::read_to_string(&settings).unwrap();
    let http = "\n[police.http]\nlisten = \"127.0.0.1:0\"\ntokens = \"keys/police-region/tokens\"\n";
    fs::write(settings, written + http).unwrap();
}

#[test]
fn a_report_over_http_is_answered_when_the_relay_has_it_and_is_never_there_twice() {
    let region = Region::prepare();
    listen(&region);
    let engine = region.start("engine");
    engine.says("leading");
    let police = region.start("police-region");
    let address = address_of(&police);

    let heard = send(&address, "application/xml", &message("PL-1"));
    assert_eq!((heard.status, &heard.body["status"]), (201, &"recorded".into()));
    assert!(heard.head.contains("api-version: 1.0.0"), "{}", heard.head);
    let heard = send(&address, "application/xml", &message("PL-1"));
    assert_eq!((heard.status, &heard.body["status"]), (200, &"already_recorded".into()));
    assert_eq!(ask(&address, "/v1/reports", "application/json", "wrong", "{}").status, 401);
    let how_far = || {
        let question =
            r#"{"reports":[{"sender":"00000099000000001000/","report_id":"PL-1"},{"report_id":"P-9"}]}"#;
        let heard = ask(&address, "/v1/report-statuses", "application/json", "secret", question);
        assert_eq!(heard.status, 200, "{}", heard.body);
        heard.body["statuses"].clone()
    };
    assert_eq!(how_far(), serde_json::json!([{ "status": "waiting" }, { "status": "unknown" }]));

    // The relay is away: the sender knows, and does the same again another way.
    engine.kill();
    let report = report_of("P-2", "Eva", "Jansen", "2015-04-08");
    let heard = send(&address, "application/json", &report);
    assert_eq!(heard.status, 503, "{}", heard.body);
    assert!(heard.body["type"].as_str().unwrap().ends_with("#relay-unreachable"), "{}", heard.body);
    assert!(heard.head.contains("retry-after: 30"), "{}", heard.head);
    let engine = region.start("engine");
    engine.says("leading");
    let file = lay(&region, "again.json", &report);
    police.says("a file was taken in");
    assert_eq!(send(&address, "application/json", &report).status, 200);

    let _others =
        ["veilig-thuis-region", "municipality-0855", "school-01AA00"].map(|name| region.start(name));
    gone(&file);
    let waiting = wait_for(|| Some(region.inbox("school-01AA00")).filter(|all| all.len() >= 2)).unwrap();
    assert_eq!(waiting.len(), 2);
    assert_eq!(how_far()[0]["status"], "screened");
}

#[test]
fn nothing_of_a_report_is_in_any_log_or_store_whichever_way_it_came_and_however_it_was_broken() {
    const NEEDLES: [&str; 5] = ["Quorvanthe", "Zylbrinkstöffer", "2018-08-17", "20180817", "KANARIE-REF"];
    let region = Region::prepare();
    listen(&region);
    let engine = region.start_saying("engine", "trace");
    engine.says("leading");
    let police = region.start_saying("police-region", "trace");
    let _veilig_thuis = region.start_saying("veilig-thuis-region", "trace");
    let address = address_of(&police);
    let canary = |text: String| {
        text.replace("Lotte", "Quorvanthe")
            .replace("Smit", "Zylbrinkstöffer")
            .replace("20181211", "20180817")
            .replace("2018-12-11", "2018-08-17")
    };
    let forms = [
        ("csv", canary(table("KANARIE-REF-1"))),
        ("xml", canary(message("KANARIE-REF-2"))),
        ("json", canary(report_of("KANARIE-REF-3", "Lotte", "Smit", "2018-12-11"))),
    ];
    let mut files = Vec::new();
    for (at, (ending, text)) in forms.iter().enumerate() {
        files.push(lay(&region, &format!("KANARIE-REF-{at}.{ending}"), text));
        // Broken where it hurts: the name is too long, the date no date, the whole cut in two.
        let long = text.replace("Quorvanthe", &"Quorvanthe ".repeat(100));
        let dated = text.replace("20180817", "Quorvanthe").replace("2018-08-17", "Quorvanthe");
        for (how, broken) in
            [long, dated, text.chars().take(text.chars().count() * 3 / 4).collect()].into_iter().enumerate()
        {
            files.push(lay(&region, &format!("KANARIE-REF-{at}-{how}.{ending}"), &broken));
            let kind = if *ending == "xml" { "application/xml" } else { "application/json" };
            assert_eq!(send(&address, kind, &broken).status, 400, "{ending} {how}");
        }
        if *ending != "csv" {
            let kind = if *ending == "xml" { "application/xml" } else { "application/json" };
            assert!(send(&address, kind, text).status <= 201);
        }
    }
    for file in &files {
        gone(file);
    }
    let reasons = canary::files_below(&region.path().join("inbox"));
    let reasons: Vec<_> =
        reasons.iter().filter(|path| path.extension().is_some_and(|e| e == "reason")).collect();
    assert!(reasons.len() >= 8, "too little was set aside: {reasons:?}");
    for reason in reasons {
        let words = fs::read(reason).unwrap();
        assert_eq!(canary::found_in(&words, &NEEDLES), None, "{}", String::from_utf8_lossy(&words));
    }
    assert!(police.log().contains("something of it was set aside"), "nothing was logged: {}", police.log());
    for path in canary::files_below(region.path()) {
        if !["tables", "inbox"].iter().any(|own| path.starts_with(region.path().join(own))) {
            assert_eq!(canary::found_in(&fs::read(&path).unwrap(), &NEEDLES), None, "{}", path.display());
        }
    }
}
