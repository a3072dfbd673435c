//! Health and metrics, asked for as a service manager and Prometheus ask.

#![cfg(test)]

use std::time::Duration;

use hwc_schemas::{
    Role, SignalNumber,
    outcome::{Outcome, Withheld},
    wire::Refusal,
};
use hwc_telemetry::{
    AdapterMetrics, EngineMetrics, Erased, Health, Http, Page, ReplyKind, RequestKind, SettledHow, Spans,
    TaskKind,
};
use hwc_workflow::{
    Step,
    law::{Kind, Phase},
};
use jiff::{SignedDuration, Timestamp, civil::time};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// What somebody hears who says this.
async fn heard(address: std::net::SocketAddr, said: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // Whoever is turned away in the middle of a sentence does not finish it.
    let _ = stream.write_all(said).await;
    let mut heard = Vec::new();
    let _ = stream.read_to_end(&mut heard).await;
    String::from_utf8(heard).unwrap()
}

async fn get(address: std::net::SocketAddr, path: &str) -> (u16, String) {
    let answer = heard(address, format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await;
    let (first, body) = answer.split_once("\r\n\r\n").unwrap();
    (first.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

async fn shown(health: &Health, page: Page) -> std::net::SocketAddr {
    let http = Http::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = http.address();
    tokio::spawn(http.serve(health.clone(), page));
    address
}

fn page() -> Page {
    EngineMetrics::new(&Spans::nowhere()).page()
}

#[tokio::test]
async fn a_process_says_why_it_is_not_ready_and_lives_all_the_same() {
    let health = Health::default();
    let address = shown(&health, page()).await;
    assert_eq!(
        get(address, "/readyz").await,
        (503, r#"{"attention":[],"ready":false,"reasons":["starting"]}"#.to_owned())
    );
    let broker = health.condition("broker", "no connection to the broker");
    let told = r#"{"attention":[],"ready":false,"reasons":["no connection to the broker"]}"#;
    assert_eq!(get(address, "/readyz").await, (503, told.to_owned()));
    assert_eq!(get(address, "/livez").await, (200, r#"{"alive":true}"#.to_owned()));
    broker.is_fine();
    health.needs_attention("set aside", Some("a file waits for somebody".into()));
    let told = r#"{"attention":["a file waits for somebody"],"ready":true,"reasons":[]}"#;
    assert_eq!(get(address, "/readyz").await, (200, told.to_owned()));
}

#[tokio::test]
async fn there_is_nothing_else_to_be_had() {
    let address = shown(&Health::default(), page()).await;
    for path in ["/", "/metrics/", "/livez/x", "/debug", "//livez"] {
        assert_eq!(get(address, path).await.0, 404, "{path}");
    }
    assert_eq!(get(address, "/livez?x=1").await.0, 200);
    let posted = heard(address, b"POST /livez HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n").await;
    assert!(posted.starts_with("HTTP/1.1 405") && posted.contains("allow: GET, HEAD"), "{posted}");
    let head = heard(address, b"HEAD /livez HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200") && head.ends_with("\r\n\r\n"), "{head}");
}

#[tokio::test]
async fn whoever_says_too_much_or_nonsense_is_turned_away_and_harms_nobody() {
    let address = shown(&Health::default(), page()).await;
    let long = format!("GET /livez HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "x".repeat(100_000));
    let many = format!("GET /livez HTTP/1.1\r\nhost: x\r\n{}\r\n", "x: x\r\n".repeat(100));
    for said in [long.as_bytes(), many.as_bytes(), b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", b"GET\r\n\r\n"] {
        let heard = heard(address, said).await;
        assert!(!heard.contains(" 200 "), "{heard}");
    }
    assert_eq!(get(address, "/livez").await.0, 200);
}

#[tokio::test]
async fn those_who_connect_and_say_nothing_keep_others_waiting_for_a_few_seconds_at_most() {
    let address = shown(&Health::default(), page()).await;
    let mut silent = Vec::new();
    for _ in 0..32 {
        silent.push(TcpStream::connect(address).await.unwrap());
    }
    let asked = tokio::time::timeout(Duration::from_mins(1), get(address, "/livez")).await;
    assert_eq!(asked.unwrap().0, 200);
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let first = Http::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let said = Http::bind(first.address()).await.unwrap_err().to_string();
    assert!(said.contains(&first.address().to_string()) && said.contains("another address"), "{said}");
}

/// A line of the page: the metric with its labels, and its value. What is no such line is no such page.
fn values(page: &str) -> Vec<(String, f64)> {
    assert!(page.ends_with("# EOF\n"), "{page}");
    let mut known = std::collections::BTreeSet::new();
    let mut values = Vec::new();
    for line in page.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            let mut words = comment.split(' ');
            let kind = words.next().unwrap();
            assert!(["HELP", "TYPE", "UNIT", "EOF"].contains(&kind), "{line}");
            known.extend(words.next().map(str::to_owned));
            continue;
        }
        let (metric, value) = line.rsplit_once(' ').unwrap();
        let name = metric.split('{').next().unwrap();
        let plain = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        let announced = known.iter().any(|known| name.starts_with(known.as_str()));
        assert!(plain && announced && name.starts_with("hwc_"), "{line}");
        values.push((metric.to_owned(), value.parse().unwrap()));
    }
    values
}

fn value(page: &str, metric: &str) -> f64 {
    let found = values(page).into_iter().find(|(known, _)| known == metric);
    found.unwrap_or_else(|| panic!("{metric} is not there:\n{page}")).1
}

fn step(on: Kind, from: Phase, to: Phase, outcome: Option<Outcome>) -> Step {
    let at = |seconds: i64| Timestamp::from_second(1_790_000_000 + seconds).unwrap();
    let signal = Some(SignalNumber::FIRST);
    Step { place: 7, signal, on, from, to, began: at(0), since: at(100), at: at(103), outcome, signals: 1 }
}

#[tokio::test]
async fn what_the_engine_counts_is_what_prometheus_reads() {
    let metrics = EngineMetrics::new(&Spans::nowhere());
    let address = shown(&Health::default(), metrics.page()).await;
    let now = Timestamp::from_second(1_790_000_000).unwrap();
    let before = now.checked_sub(SignedDuration::from_mins(2)).unwrap();
    metrics.standing(Phase::Recorded, 3, Some(before), now);
    metrics.standing(Phase::Routed, 0, None, now);
    metrics.school_starts_in(Some(SignedDuration::from_mins(90)));
    let school_start = time(8, 30, 0, 0);
    metrics.delivered(time(8, 29, 59, 0), school_start);
    metrics.delivered(school_start, school_start);
    let withheld = Some(Outcome::Withheld(Withheld::EnrolmentSecret));
    metrics.step(&step(Kind::Withheld, Phase::Expanded, Phase::Withheld, withheld));
    metrics.step(&step(Kind::Purged, Phase::Withheld, Phase::Purged, withheld));
    metrics.answered(Role::School, RequestKind::FetchLetter, ReplyKind::Released);
    metrics.answered(Role::School, RequestKind::Route, ReplyKind::Refused(Refusal::NotYours));
    metrics.offered(TaskKind::Read);
    metrics.tasks_waiting(5);
    metrics.unreadable(Erased::Ciphertext, Duration::from_millis(7));
    metrics.off_disk(Erased::Events, Duration::from_secs(16));
    metrics.still_on_disk(Erased::Events, 4, 1);
    metrics.leads(true);
    metrics.connected(true);
    metrics.alarm();
    let (status, page) = get(address, "/metrics").await;
    assert_eq!(status, 200);
    for (metric, wanted) in [
        ("hwc_signals{state=\"recorded\"}", 3.0),
        ("hwc_signals{state=\"routed\"}", 0.0),
        ("hwc_oldest_signal_seconds{state=\"recorded\"}", 120.0),
        ("hwc_counted_timestamp_seconds", 1_790_000_000.0),
        ("hwc_until_school_start_seconds", 5400.0),
        ("hwc_deliveries_total{moment=\"before_school_start\"}", 1.0),
        ("hwc_deliveries_total{moment=\"after_school_start\"}", 1.0),
        ("hwc_delivery_time_of_day_seconds_bucket{le=\"29700.0\"}", 0.0),
        ("hwc_delivery_time_of_day_seconds_bucket{le=\"30600.0\"}", 2.0),
        ("hwc_outcomes_total{outcome=\"withheld\",reason=\"enrolment_secret\"}", 1.0),
        ("hwc_state_duration_seconds_sum{state=\"expanded\"}", 3.0),
        ("hwc_erasure_lag_seconds_sum", 3.0),
        ("hwc_erasure_lag_seconds_count", 1.0),
        ("hwc_erasure_logical_seconds_bucket{le=\"0.005\",what=\"ciphertext\"}", 0.0),
        ("hwc_erasure_logical_seconds_bucket{le=\"0.02\",what=\"ciphertext\"}", 1.0),
        ("hwc_erasure_physical_seconds_bucket{le=\"60.0\",what=\"events\"}", 1.0),
        ("hwc_erasure_physical_seconds_sum{what=\"events\"}", 16.0),
        ("hwc_erasures_waiting{what=\"events\"}", 4.0),
        ("hwc_erasures_missed{what=\"events\"}", 1.0),
        ("hwc_requests_total{role=\"school\",request=\"fetch_letter\",answer=\"released\"}", 1.0),
        ("hwc_requests_total{role=\"school\",request=\"route\",answer=\"not_yours\"}", 1.0),
        ("hwc_task_offers_total{task=\"read\"}", 1.0),
        ("hwc_tasks_waiting", 5.0),
        ("hwc_leader", 1.0),
        ("hwc_broker_connected", 1.0),
        ("hwc_alarms_total", 1.0),
        ("hwc_spans_total{fate=\"told\"}", 0.0),
    ] {
        assert!((value(&page, metric) - wanted).abs() < 1e-9, "{metric}\n{page}");
    }
    metrics.leads(false);
    let (_, page) = get(address, "/metrics").await;
    assert!(!page.contains("hwc_signals{"), "who does not lead counts nothing");
}

#[test]
fn an_adapter_counts_its_tasks_and_what_came_again() {
    let metrics = AdapterMetrics::new(&Spans::nowhere());
    metrics.taken(Role::School, TaskKind::Read, 1);
    metrics.taken(Role::School, TaskKind::Notice, 3);
    metrics.settled(Role::School, TaskKind::Read, SettledHow::Done, Duration::from_secs(2));
    metrics.let_go();
    metrics.sent(ReplyKind::AlreadyRecorded);
    metrics.connected(false);
    let page = metrics.page().text();
    for (metric, wanted) in [
        ("hwc_tasks_total{role=\"school\",task=\"read\",settled=\"done\"}", 1.0),
        ("hwc_task_redeliveries_total{role=\"school\",task=\"notice\"}", 1.0),
        ("hwc_task_duration_seconds_sum{role=\"school\",task=\"read\"}", 2.0),
        ("hwc_tasks_in_hand", 1.0),
        ("hwc_reports_sent_total{answer=\"already_recorded\"}", 1.0),
        ("hwc_broker_connected", 0.0),
    ] {
        assert!((value(&page, metric) - wanted).abs() < 1e-9, "{metric}\n{page}");
    }
    assert!(!page.contains("task=\"read\"} 1\nhwc_task_redeliveries"), "{page}");
}
