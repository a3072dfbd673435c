//! The processing log: a line for each processing of one signal by one organisation, whoever is killed and whatever is down; nothing in it
//! says whom it is about once the signal has ended.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::TcpListener,
    path::PathBuf,
};

use serde_json::Value;

use crate::{
    canary,
    collector::Collector,
    ground::lines,
    processes::{CHAIN, code, fine, held_in},
    region::{Process, Region, report_of, the_one, wait_for},
};

/// Each organisation's register of processing activities, one file for all.
const ACTIVITIES: &str = "\
[police-region]
report = \"https://politie.example/verwerkingen/1\"

[veilig-thuis-region]
screen = \"https://vt.example/verwerkingen/1\"
refer = \"https://vt.example/verwerkingen/2\"
screen_out = \"https://vt.example/verwerkingen/3\"
recall = \"https://vt.example/verwerkingen/4\"

[municipality-0855]
look_up = \"https://gemeente.example/verwerkingen/1\"
route = \"https://gemeente.example/verwerkingen/2\"
withhold = \"https://gemeente.example/verwerkingen/3\"
recall = \"https://gemeente.example/verwerkingen/4\"

[school-01AA00]
open = \"https://bestuur.example/verwerkingen/1\"
acknowledge = \"https://bestuur.example/verwerkingen/2\"
return = \"https://bestuur.example/verwerkingen/3\"
";

/// A region whose organisations keep processing logs, and carry them there.
fn region(collector: &str) -> Region {
    let region = Region::prepare();
    fs::write(region.path().join("activities.toml"), ACTIVITIES).unwrap();
    let logbook = format!("logbook = {{ activities = \"activities.toml\", otlp = \"{collector}\" }}\n");
    for name in CHAIN {
        let path = region.settings(name);
        let text = fs::read_to_string(&path).unwrap();
        let with = text.replacen("drain_seconds", &format!("{logbook}drain_seconds"), 1);
        assert_ne!(text, with);
        fs::write(&path, with).unwrap();
    }
    region
}

fn start(region: &Region, name: &str) -> Process {
    let process = region.start(name);
    process.says("at work");
    process
}

fn folder(region: &Region, name: &str) -> PathBuf {
    region.path().join("state").join(name).join("logbook")
}

/// The lines of an organisation's log, of all days.
pub(crate) fn logged(region: &Region, name: &str) -> Vec<Value> {
    let mut files = canary::files_below(&folder(region, name));
    files.retain(|path| path.extension().is_some_and(|ending| ending == "jsonl"));
    files.sort();
    files.iter().flat_map(|path| lines(&fs::read_to_string(path).unwrap())).collect()
}

/// What was done by which activity, and how often.
fn steps(lines: &[Value]) -> BTreeMap<(&str, &str), usize> {
    let mut steps = BTreeMap::new();
    for line in lines {
        let activity = line["attributes"]["dpl.core.processing_activity_id"].as_str().unwrap();
        *steps.entry((line["name"].as_str().unwrap(), activity)).or_default() += 1;
    }
    steps
}

fn subject(line: &Value) -> Option<&str> {
    line["attributes"].get("dpl.core.data_subject_id").map(|subject| subject.as_str().unwrap())
}

fn text<'a>(line: &'a Value, key: &str) -> &'a str {
    line[key].as_str().unwrap_or_default()
}

#[test]
fn one_signal_is_one_line_for_each_processing_whoever_is_killed_and_though_the_collector_is_down() {
    let place = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let region = region(&format!("http://{place}"));

    // No engine leads yet: the police have written their line and cannot send. Killed, they begin again.
    let police = start(&region, "police-region");
    region.report("one.jsonl", &[report_of("P-1", "Lotte", "Smit", "2018-12-11")]);
    let named = wait_for(|| <[Value; 1]>::try_from(logged(&region, "police-region")).ok());
    let [named] = named.expect("nothing was written before it was sent");
    police.kill();
    let engine = region.start("engine");
    engine.says("leading");
    let everybody = CHAIN.map(|name| start(&region, name));
    let waiting = the_one(|| region.inbox("school-01AA00"));
    let signal = waiting["signal"].as_str().unwrap().to_owned();
    fine(region.does("school-01AA00", &["open", &code(&waiting), "--show"]));
    fine(region.does("school-01AA00", &["open", &code(&waiting), "--show"]));

    // The engine is gone: the school has written its line, and nobody hears of it. Killed, it begins again.
    engine.kill();
    let [police, veilig_thuis, municipality, school] = everybody;
    let unheard = region.does("school-01AA00", &["acknowledge", &code(&waiting)]);
    assert_ne!(unheard.code, Some(0), "{}", unheard.stdout);
    assert_eq!(logged(&region, "school-01AA00").len(), 2, "it is written before it is done");
    for process in [police, veilig_thuis, municipality, school] {
        process.kill();
    }
    let _engine = region.start("engine");
    let _everybody = CHAIN.map(|name| start(&region, name));
    let again = the_one(|| region.inbox("school-01AA00"));
    fine(region.does("school-01AA00", &["acknowledge", &code(&again)]));
    region.holds_nothing();

    let all = CHAIN.map(|name| logged(&region, name));
    let [police, veilig_thuis, municipality, school] = &all;
    assert_eq!(police, &vec![named], "the same line, and no other");
    assert_eq!(steps(police), BTreeMap::from([(("report", "https://politie.example/verwerkingen/1"), 1)]));
    let looked = ("screen", "https://vt.example/verwerkingen/1");
    assert_eq!(
        steps(veilig_thuis),
        BTreeMap::from([(looked, 1), (("refer", "https://vt.example/verwerkingen/2"), 1)])
    );
    let looked = ("look_up", "https://gemeente.example/verwerkingen/1");
    assert_eq!(
        steps(municipality),
        BTreeMap::from([(looked, 1), (("route", "https://gemeente.example/verwerkingen/2"), 1)])
    );
    let opened = ("open", "https://bestuur.example/verwerkingen/1");
    assert_eq!(
        steps(school),
        BTreeMap::from([(opened, 1), (("acknowledge", "https://bestuur.example/verwerkingen/2"), 1)])
    );
    assert_eq!(subject(&veilig_thuis[0]), None, "whose children are not told apart is about nobody");
    for of in [municipality, school] {
        assert!(subject(&of[0]).is_some() && subject(&of[0]) == subject(&of[1]), "{of:?}");
        assert_eq!(text(&of[1], "parent_span_id"), text(&of[0], "span_id"));
    }
    let codes = all.iter().flatten().filter_map(subject).collect::<BTreeSet<_>>();
    let traces = all.iter().flatten().map(|line| text(line, "trace_id")).collect::<BTreeSet<_>>();
    assert_eq!(
        (codes.len(), traces.len()),
        (4, 5),
        "nothing ties two organisations' lines, or a report's to a child's"
    );
    for line in all.iter().flatten() {
        assert_eq!(line["start_time"].as_i64().unwrap() % 86_400_000, 0, "no hour is kept: {line}");
        assert_eq!(text(line, "status"), "Unset");
    }

    // It has ended: the codes are nowhere but in the lines, and in what the collector is given once it is there.
    wait_for(|| {
        let left =
            CHAIN.iter().map(|name| canary::files_below(&folder(&region, name).join("subjects")).len());
        (left.sum::<usize>() == 0).then_some(())
    })
    .expect("codes outlive their signal");
    let collector = Collector::at(TcpListener::bind(place).unwrap());
    let carried = wait_for(|| {
        let spans: BTreeSet<_> = collector.spans().into_iter().map(|span| span.id).collect();
        (spans.len() == 7).then_some(spans)
    });
    let written: BTreeSet<_> = all.iter().flatten().map(|line| text(line, "span_id").to_owned()).collect();
    assert_eq!(carried.as_ref(), Some(&written), "what was not confirmed is given again");
    for span in collector.spans() {
        let given = span.said.get("dpl.core.data_subject_id").map(|said| said[0].as_str());
        let line = all.iter().flatten().find(|line| text(line, "span_id") == span.id).unwrap();
        assert_eq!(
            (given, span.trace.as_str(), span.name.as_str()),
            (subject(line), text(line, "trace_id"), text(line, "name"))
        );
    }
    let who = ["Lotte", signal.split('-').next().unwrap(), "01AA00", "2018-12-11"];
    assert_eq!(canary::found_in(&collector.bytes(), &who), None);
    let needles: Vec<_> = codes.union(&traces).copied().collect();
    for path in canary::files_below(region.path()) {
        let is_log = path.components().any(|part| part.as_os_str() == "logbook");
        let found = canary::found_in(&held_in(&path), if is_log { &who } else { &needles });
        assert_eq!(found, None, "{}", path.display());
    }
}

#[test]
fn a_step_without_an_activity_is_refused_at_the_start_with_its_line() {
    let region = region("http://127.0.0.1:1");
    let without = ACTIVITIES.replace("withhold", "# withhold");
    fs::write(region.path().join("activities.toml"), without).unwrap();
    let refused = region.does("municipality-0855", &[]);
    assert_eq!(refused.code, Some(3), "{}", refused.stderr);
    let looked = region.hwc(&["doctor", "--config", "municipality-0855.toml", "-o", "json"]);
    assert!(looked.stdout.contains("missing field `withhold`"), "{}", looked.stdout);
    let wanted = "activities.toml line 10, column 1: missing field `withhold`";
    assert!(refused.stderr.contains(wanted), "{}", refused.stderr);
}
