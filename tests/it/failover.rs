//! Two engines as processes: the leader is killed, or stopped and woken late, and the other goes on.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::region::{Process, Region, report_of, the_one, wait_for};

/// What a stand-by may take to lead (the issue's own figure).
const TAKES_OVER_WITHIN: Duration = Duration::from_secs(5);

/// A region with two engines, of which the first leads.
fn with_two_engines() -> (Region, Process, Process, Vec<Process>) {
    let region = Region::prepare();
    region.second_engine();
    let first = region.start("engine");
    first.says("leading");
    let second = region.start("engine-two");
    second.says("standing by");
    let everybody = ["police-region", "veilig-thuis-region", "municipality-0855", "school-01AA00"];
    let others: Vec<_> = everybody.iter().map(|name| region.start(name)).collect();
    for other in &others {
        other.says("at work");
    }
    (region, first, second, others)
}

/// Opens and acknowledges the one signal that waits.
fn is_received(region: &Region) {
    let waiting = the_one(|| region.inbox("school-01AA00"));
    let code = waiting["code"].as_str().unwrap();
    assert_eq!(region.does("school-01AA00", &["open", code, "--show"]).code, Some(0));
    assert_eq!(region.does("school-01AA00", &["acknowledge", code]).code, Some(0));
    assert!(region.inbox("school-01AA00").is_empty());
}

fn signal(process: &Process, name: &str) {
    Command::new("kill").args([name, &process.id().to_string()]).status().unwrap();
}

/// What the journal says about itself, without the clock's part of it.
fn journal(region: &Region) -> Value {
    let info = region.api("STREAM.INFO.JOURNAL", &json!({}));
    json!({ "config": info["config"], "last": info["state"]["last_seq"] })
}

#[test]
fn a_killed_leader_is_followed_within_five_seconds_and_no_signal_is_lost() {
    let (region, first, second, _others) = with_two_engines();
    region.report("one.jsonl", &[report_of("P-1", "Lotte", "Smit", "2018-12-11")]);
    the_one(|| region.inbox("school-01AA00"));

    let killed = Instant::now();
    first.kill();
    second.says("leading");
    assert!(killed.elapsed() < TAKES_OVER_WITHIN, "{:?}", killed.elapsed());

    is_received(&region);
    let done = region.report("two.jsonl", &[report_of("P-2", "Lotte", "Smit", "2018-12-11")]);
    is_received(&region);
    // A file is removed once each of its reports is screened, which the police hear when they ask again.
    wait_for(|| (!done.exists()).then_some(())).expect("the file stays");
    region.holds_nothing();
}

#[test]
fn a_leader_that_was_stopped_and_wakes_late_writes_nothing_and_stands_by() {
    let (region, first, second, _others) = with_two_engines();
    region.report("one.jsonl", &[report_of("P-1", "Lotte", "Smit", "2018-12-11")]);
    let waiting = the_one(|| region.inbox("school-01AA00"));
    signal(&first, "-STOP");
    second.says("leading");
    // Something to do for both of them while one sleeps: what it hears of it, it hears too late.
    let code = waiting["code"].as_str().unwrap().to_owned();
    assert_eq!(region.does("school-01AA00", &["open", &code, "--show"]).code, Some(0));
    let before = journal(&region);

    signal(&first, "-CONT");
    first.says("standing by; another engine");
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(journal(&region), before, "the old leader wrote");

    assert_eq!(region.does("school-01AA00", &["acknowledge", &code]).code, Some(0));
    // And it is as good as any when its turn comes.
    second.kill();
    wait_for(|| (first.log().matches("leading").count() > 1).then_some(())).unwrap();
    region.report("two.jsonl", &[report_of("P-2", "Lotte", "Smit", "2018-12-11")]);
    is_received(&region);
    region.holds_nothing();
}

#[test]
fn a_polite_stop_hands_the_lease_over_at_once() {
    let (region, first, second, _others) = with_two_engines();
    assert_eq!(first.stop(), Some(0));
    second.says("leading");
    region.report("one.jsonl", &[report_of("P-1", "Lotte", "Smit", "2018-12-11")]);
    is_received(&region);
}
