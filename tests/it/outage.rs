//! When the relay itself is down before lessons: whoever sends knows it within half a minute, and what was handed over goes on by
//! itself, once, when it is back.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    time::{Duration, Instant},
};

use crate::{
    police::{address_of, listen, send},
    region::{Process, Region, report_of, wait_for},
};

/// What a sender may be left in doubt (the issue's own figure).
const KNOWS_WITHIN: Duration = Duration::from_secs(30);

/// Whether a process says that it is ready, and what it says.
fn readiness(process: &Process) -> (bool, String) {
    process.says("health and metrics are shown");
    let log = process.log();
    let said = log.lines().find(|line| line.contains("health and metrics are shown")).unwrap();
    let address = said.split_whitespace().find_map(|word| word.strip_prefix("address=")).unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    (text.starts_with("HTTP/1.1 200"), text)
}

/// Does something and demands that it was over in time.
fn in_time<T>(what: &str, act: impl FnOnce() -> T) -> T {
    let since = Instant::now();
    let done = act();
    assert!(since.elapsed() < KNOWS_WITHIN, "{what} took {:?}", since.elapsed());
    done
}

#[test]
fn whoever_sends_while_the_broker_is_down_knows_it_within_half_a_minute_and_nothing_is_sent_twice() {
    let region = Region::prepare();
    listen(&region);
    region.each_settings(|text| text.replace("drain_seconds", "listen = \"127.0.0.1:0\"\ndrain_seconds"));
    let engine = region.start("engine");
    engine.says("leading");
    let [police, _veilig_thuis, _municipality, _school] =
        ["police-region", "veilig-thuis-region", "municipality-0855", "school-01AA00"]
            .map(|name| region.start(name));
    let address = address_of(&police);
    wait_for(|| readiness(&police).0.then_some(())).expect("the police never were ready");

    region.broker_dies();
    // A program that sends over HTTP.
    let report = report_of("P-1", "Lotte", "Smit", "2018-12-11");
    let heard = in_time("HTTP", || send(&address, "application/json", &report));
    assert_eq!(heard.status, 503, "{}", heard.body);
    assert!(heard.body["type"].as_str().unwrap().ends_with("#relay-unreachable"), "{}", heard.body);
    assert!(heard.head.contains("retry-after: 30"), "{}", heard.head);
    // A person who sends a file by hand, with the time that the command gives it.
    let by_hand = region.path().join("by-hand.jsonl");
    fs::write(&by_hand, &report).unwrap();
    let sent = in_time("hwc police send", || {
        region.does("police-region", &["send", by_hand.to_str().unwrap(), "--within", "20"])
    });
    assert_eq!(sent.code, Some(4), "{}{}", sent.stdout, sent.stderr);
    // Whoever watches the process.
    let said = in_time("readyz", || {
        wait_for(|| Some(readiness(&police)).filter(|(ready, _)| !ready)).expect("it says that it is ready").1
    });
    assert!(said.contains("no connection to the broker"), "{said}");
    assert!(police.log().contains("no connection to the broker"));
    // A file in the folder stays there: that it is not gone is the sign.
    let file = region.report("folder.jsonl", &[report]);
    assert!(file.exists());

    // Back again: what lay in the folder goes by itself. The sender who tries again is told that it is there.
    region.broker_returns();
    wait_for(|| (!file.exists()).then_some(())).expect("the file was not taken in");
    let heard = wait_for(|| {
        let report = report_of("P-1", "Lotte", "Smit", "2018-12-11");
        Some(send(&address, "application/json", &report)).filter(|heard| heard.status < 300)
    });
    assert_eq!(heard.expect("never taken").body["status"], "already_recorded");
    wait_for(|| (region.inbox("school-01AA00").len() == 1).then_some(())).expect("the school was not told");
    wait_for(|| readiness(&police).0.then_some(())).expect("the police are not ready again");
    assert_eq!(region.inbox("school-01AA00").len(), 1, "the school is told twice");
}
