//! One trace for each incident, through all programs, told to a collector; and nothing in it that says who.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
};

use hwc_schemas::{
    Role,
    outcome::{Expired, Recalled, ScreenedOut, Withheld},
    wire::Refusal,
};
use hwc_telemetry::Key;
use hwc_workflow::law::{EDGES, Kind, Phase};
use serde_json::Value;

use crate::{
    canary::found_in,
    collector::{Collector, Told},
    ground::{Dataset, sorted},
    region::{Process, Region, report_of, the_one, wait_for},
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

const CHAIN: [&str; 4] = ["police-region", "veilig-thuis-region", "municipality-0855", "school-01AA00"];

/// Everybody's process, each telling this collector and showing itself on a port of its own.
fn telling(region: &Region, collector: &Collector) -> Vec<Process> {
    let names = ["engine"].into_iter().chain(CHAIN);
    let processes = names.map(|name| {
        let path = region.settings(name);
        let shown = format!("[relay]\nlisten = \"127.0.0.1:0\"\notlp = \"{}\"\n", collector.url);
        fs::write(&path, fs::read_to_string(&path).unwrap().replacen("[relay]\n", &shown, 1)).unwrap();
        let process = region.start(name);
        process.says(if name == "engine" { "leading" } else { "at work" });
        process
    });
    processes.collect()
}

/// What a process shows there: the status and the text.
fn shows(process: &Process, path: &str) -> (u16, String) {
    process.says("health and metrics are shown");
    let log = process.log();
    let address = log.split("address=").nth(1).unwrap().split_whitespace().next().unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).unwrap();
    let mut heard = String::new();
    stream.read_to_string(&mut heard).unwrap();
    let (first, body) = heard.split_once("\r\n\r\n").unwrap();
    (first.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

fn life(region: &Region, id: &str) -> Value {
    let settings = region.settings("engine");
    let done = region.hwc(&["trace", id, "--config", settings.to_str().unwrap(), "-o", "json"]);
    assert_eq!(done.code, Some(0), "{}{}", done.stdout, done.stderr);
    serde_json::from_str(&done.stdout).unwrap()
}

#[test]
fn an_incident_is_one_trace_through_all_processes_which_show_how_they_are_doing() {
    let (region, collector) = (Region::prepare(), Collector::start());
    let processes = telling(&region, &collector);
    for process in &processes {
        assert_eq!(shows(process, "/livez").0, 200);
        let ready = || (shows(process, "/readyz").0 == 200).then_some(());
        wait_for(ready).unwrap_or_else(|| panic!("not ready: {:?}", shows(process, "/readyz")));
    }
    let engine = &processes[0];
    region.report("one.jsonl", &[report_of("P-1", "Lotte", "Smit", "2018-12-11")]);
    let waiting = the_one(|| region.inbox("school-01AA00"));
    let signal = waiting["signal"].as_str().unwrap();
    let counted =
        || shows(engine, "/metrics").1.contains("hwc_signals{state=\"delivered\"} 1\n").then_some(());
    wait_for(counted).unwrap_or_else(|| panic!("{}", shows(engine, "/metrics").1));
    let page = shows(engine, "/metrics").1;
    for line in [
        "hwc_leader 1\n",
        "hwc_broker_connected 1\n",
        "hwc_requests_total{role=\"police\",request=\"record\",answer=\"recorded\"} 1\n",
        "hwc_deliveries_total{moment=\"after_school_start\"} 1\n",
    ] {
        assert!(page.contains(line), "{line}{page}");
    }

    // The same incident by the signal's, the incident's and the trace's id.
    let lived = life(&region, signal);
    assert_eq!(
        (&lived["now"][1]["state"], &lived["owed"][0]["what"]),
        (&"delivered".into(), &"task read".into())
    );
    for id in ["incident", "trace"] {
        assert_eq!(life(&region, lived[id].as_str().unwrap())["trace"], lived["trace"]);
    }
    assert_eq!(found_in(lived.to_string().as_bytes(), &WHO), None);

    for does in [["open", signal, "--show"].as_slice(), &["acknowledge", signal]] {
        assert_eq!(region.does("school-01AA00", does).code, Some(0));
    }
    region.holds_nothing();
    let ended = life(&region, lived["incident"].as_str().unwrap());
    assert_eq!(ended, serde_json::json!({ "known": true, "ended": true }));
    let page = shows(engine, "/metrics").1;
    assert!(page.contains("hwc_outcomes_total{outcome=\"acknowledged\",reason=\"none\"} 1\n"), "{page}");
    for process in &processes {
        assert_eq!(found_in(shows(process, "/metrics").1.as_bytes(), &WHO), None);
    }

    for process in processes.into_iter().rev() {
        assert_eq!(process.stop(), Some(0));
    }
    let traces = collector.traces();
    assert_eq!(traces.keys().collect::<Vec<_>>(), [lived["trace"].as_str().unwrap()]);
    let trace = &traces[lived["trace"].as_str().unwrap()];
    let ids: BTreeSet<_> = trace.iter().map(|span| span.id.as_str()).collect();
    assert!(
        trace.iter().all(|span| span.parent.is_empty() || ids.contains(span.parent.as_str())),
        "{trace:#?}"
    );
    for (service, name) in [
        ("hwc-engine", "incident"),
        ("hwc-police", "send report"),
        ("hwc-veilig-thuis", "task screen"),
        ("hwc-municipality", "task route"),
        ("hwc-school", "task read"),
    ] {
        assert_eq!(names(trace, service).get(name), Some(&1), "{service}: {trace:#?}");
    }
    assert_eq!(found_in(&collector.bytes(), &WHO), None);
}
