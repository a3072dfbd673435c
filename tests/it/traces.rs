//! One trace for each incident, through all programs, told to a collector; and nothing in it that says who.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::TcpListener,
};

use hwc_schemas::{
    Role,
    outcome::{Expired, Recalled, ScreenedOut, Withheld},
    wire::Refusal,
};
use hwc_telemetry::Key;
use hwc_workflow::law::{EDGES, Kind, Phase};

use crate::{
    canary::found_in,
    collector::{Collector, Told},
    ground::{Dataset, sorted},
};

/// Who and where in the manual's cases, in words that occur nowhere else.
const WHO: [&str; 12] = [
    "Pieterse",
    "Visser",
    "Jansen",
    "Dekker",
    "Lotte",
    "2016-02-03",
    "2014-09-30",
    "2018-12-11",
    "school-0",
    "municipality-0",
    "police-region",
    "veilig-thuis-region",
];

/// What each key may say, and nothing else.
fn allowed(key: &str) -> BTreeSet<String> {
    let words = |words: Vec<&str>| words.into_iter().map(str::to_owned).collect();
    let reasons = || {
        let all = ScreenedOut::ALL.iter().map(|why| why.as_str());
        let all = all.chain(Withheld::ALL.iter().map(|why| why.as_str()));
        let all = all.chain(Recalled::ALL.iter().map(|why| why.as_str()));
        all.chain(Expired::ALL.iter().map(|why| why.as_str())).chain(["none"]).collect()
    };
    let answers = ["recorded", "already_recorded", "released", "try_later"];
    match Key::ALL.into_iter().find(|known| known.as_str() == key).unwrap_or_else(|| panic!("a key: {key}")) {
        Key::From | Key::To => words(Phase::ALL.iter().map(hwc_telemetry::Word::word).collect()),
        Key::Rules => EDGES.iter().flat_map(|edge| edge.rules).map(|rule| (*rule).to_owned()).collect(),
        Key::Outcome => words(vec!["screened_out", "withheld", "recalled", "expired", "acknowledged"]),
        Key::Reason => words(reasons()),
        Key::Role => words(Role::ALL.iter().map(|role| role.as_str()).collect()),
        Key::Task => words(vec!["screen", "look_up", "route", "read", "notice"]),
        Key::Settled => words(vec!["done", "later", "handed_back"]),
        Key::Request => words(vec![
            "record",
            "screen",
            "expand",
            "route",
            "withhold",
            "acknowledge",
            "return",
            "recall",
            "fetch_report",
            "fetch_referral",
            "fetch_letter",
        ]),
        Key::Answer => words(Refusal::ALL.iter().map(|refusal| refusal.code()).chain(answers).collect()),
        Key::Signals | Key::Deliveries => (0..1000).map(|count| count.to_string()).collect(),
    }
}

fn names(trace: &[Told], service: &str) -> BTreeMap<String, usize> {
    let mut names = BTreeMap::new();
    for span in trace.iter().filter(|span| span.service == service) {
        *names.entry(span.name.clone()).or_default() += 1;
    }
    names
}

/// How the trace's signals ended, and how many so.
fn outcomes(trace: &[Told]) -> Vec<String> {
    let mut ended = Vec::new();
    for span in trace.iter().filter(|span| ["signal", "incident"].contains(&span.name.as_str())) {
        let Some(outcome) = span.said.get("hwc.outcome") else { continue };
        let reason = span.said["hwc.reason"].concat();
        let reason = if reason == "none" { String::new() } else { format!(" {reason}") };
        let count = span.said.get("hwc.signals").map_or(1, |count| count.concat().parse().unwrap());
        ended.extend(std::iter::repeat_n(format!("{}{reason}", outcome.concat()), count));
    }
    ended
}

#[test]
fn a_replay_tells_one_trace_for_each_incident_with_every_step_in_it_and_nobody_s_name() {
    let collector = Collector::start();
    let replayed = Dataset::handbook().replay(&["--otlp", &collector.url, "-o", "json"]);
    assert_eq!(replayed.code(), Some(0), "{}", replayed.stderr());
    let summary: serde_json::Value = serde_json::from_slice(&replayed.output.stdout).unwrap();

    let traces = collector.traces();
    assert_eq!(traces.len() as u64, summary["incidents"].as_u64().unwrap());
    let mut ended: BTreeMap<String, usize> = BTreeMap::new();
    let kinds: BTreeSet<_> = Kind::ALL.iter().map(hwc_telemetry::Word::word).collect();
    for trace in traces.values() {
        let ids: BTreeSet<_> = trace.iter().map(|span| span.id.as_str()).collect();
        for span in trace {
            assert!(span.parent.is_empty() == (span.name == "incident"), "{span:?}");
            assert!(
                span.parent.is_empty() || ids.contains(span.parent.as_str()),
                "its parent is not there: {span:?}"
            );
            assert!(span.start <= span.end, "{span:?}");
            for (key, values) in &span.said {
                let allowed = allowed(key);
                assert!(values.iter().all(|value| allowed.contains(value)), "{key}: {values:?}");
            }
            if kinds.contains(span.name.as_str()) {
                assert!(!span.said["hwc.rules"].is_empty(), "a step without its rule: {span:?}");
            }
        }
        let engine = names(trace, "hwc-engine");
        for once in ["incident", "recorded", "incident_purged", "request record"] {
            assert_eq!(engine.get(once), Some(&1), "{once}: {engine:?}");
        }
        assert_eq!(engine.get("purged"), engine.get("signal"), "{engine:?}");
        assert_eq!(names(trace, "hwc-police").get("send report"), Some(&1));
        assert_eq!(names(trace, "hwc-veilig-thuis").get("task screen"), Some(&1));
        let routed = engine.get("request route").or(engine.get("request withhold"));
        assert_eq!(names(trace, "hwc-municipality").contains_key("task route"), routed.is_some());
        assert_eq!(names(trace, "hwc-school").get("task read"), engine.get("delivered"));
        for outcome in outcomes(trace) {
            *ended.entry(outcome).or_default() += 1;
        }
    }
    assert_eq!(ended, replayed.outcomes());
    assert!(ended.len() > 5, "{ended:?}");

    // What an adapter asks for belongs below its own span.
    let all = collector.spans();
    let (tasks, requests): (Vec<_>, Vec<_>) = all
        .iter()
        .filter(|span| span.name.starts_with("task ") || span.name == "request expand")
        .partition(|span| span.name.starts_with("task "));
    assert!(!requests.is_empty());
    for request in requests {
        let task = tasks.iter().find(|task| task.id == request.parent).unwrap();
        assert_eq!((task.name.as_str(), task.service.as_str()), ("task screen", "hwc-veilig-thuis"));
    }

    let services = ["engine", "police", "veilig-thuis", "municipality", "school"];
    let mut resources: BTreeSet<_> =
        services.map(|role| ("service.name".to_owned(), format!("hwc-{role}"))).into();
    resources.insert(("service.version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()));
    assert_eq!(collector.resources(), resources);
    assert_eq!(found_in(&collector.bytes(), &WHO), None);
}

#[test]
fn a_collector_that_is_not_there_or_never_answers_holds_nothing_up_and_changes_nothing() {
    let alone = Dataset::handbook().replay(&[]);
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    // It takes connections into its backlog and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    for address in [gone, silent.local_addr().unwrap()] {
        let replayed = Dataset::handbook().replay(&["--otlp", &format!("http://{address}")]);
        assert_eq!(replayed.code(), Some(0), "{}", replayed.stderr());
        assert_eq!(sorted(&replayed.diary), sorted(&alone.diary));
    }
}

#[test]
fn an_address_that_is_no_collector_s_is_refused_before_anything_starts() {
    for address in ["127.0.0.1:4318", "https://collector.example", "http://me:canary@127.0.0.1:4318"] {
        let replayed = Dataset::handbook().replay(&["--otlp", address]);
        assert_eq!(replayed.code(), Some(3));
        let said = replayed.stderr();
        assert!(
            said.contains("--otlp") && said.contains("http://127.0.0.1:4318") && !said.contains("canary"),
            "{said}"
        );
    }
}
