//! Records that were written once stay readable. The fixtures are frozen: never edit one; a new version gets a new one.

#![cfg(test)]

use std::collections::BTreeSet;

use hwc_journal::codec;
use hwc_workflow::{Fact, Found, Incident, evolve};

const V1: &str = include_str!("fixtures/v1.jsonl");
const V2: &str = include_str!("fixtures/v2.jsonl");

/// Names every variant once, for a match that the compiler checks and for a list that the test checks.
macro_rules! variants {
    ($names:ident, $name:ident, $kind:ident: $($variant:ident),+ $(,)?) => {
        const $names: &[&str] = &[$(stringify!($variant)),+];

        fn $name(one: &$kind) -> &'static str {
            match one { $($kind::$variant { .. } => stringify!($variant)),+ }
        }
    };
}

variants!(FACTS, fact_name, Fact:
    Recorded, Screened, NotDomesticViolence, Expanded, Joined, ReportExpired, Routed, Withheld, LookUpAgain, Delivered,
    Opened, Reminded, Acknowledged, Returned, Recalled, Expired, Erased, BreachRecorded, Purged, IncidentPurged,
);
variants!(FOUND, found_name, Found: Referred, ScreenedOut, NotParticipating);

#[test]
fn every_record_of_version_2_is_read_and_written_back_to_the_byte() {
    for line in V2.lines() {
        let commit = codec::decode(line.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(codec::encode(&commit)).unwrap(), line);
    }
}

#[test]
fn every_record_of_version_1_is_read_and_means_the_same_when_it_is_written_anew() {
    for line in V1.lines() {
        let commit = codec::decode(line.as_bytes()).unwrap();
        assert_eq!(codec::decode(&codec::encode(&commit)), Ok(commit));
    }
}

#[test]
fn an_incident_of_version_1_has_no_trace_and_one_of_version_2_has_its_own() {
    let trace = |lines: &str| {
        let commit = codec::decode(lines.lines().next().unwrap().as_bytes()).unwrap();
        let incident = evolve(Incident::Unknown, &commit.events[0]).unwrap();
        incident.trace().map(|trace| trace.to_string())
    };
    assert_eq!(trace(V1), None);
    assert_eq!(trace(V2).as_deref(), Some("c0000000000000000000000000000001"));
}

#[test]
fn each_fixture_holds_every_kind_of_fact_and_of_finding() {
    for version in [V1, V2] {
        holds_every_kind(version);
    }
}

fn holds_every_kind(version: &str) {
    let events: Vec<_> =
        version.lines().flat_map(|line| codec::decode(line.as_bytes()).unwrap().events).collect();
    let facts: BTreeSet<_> = events.iter().map(|event| fact_name(&event.fact)).collect();
    assert_eq!(facts, FACTS.iter().copied().collect(), "a kind of fact is missing from the fixture");

    let found = events.iter().flat_map(|event| match &event.fact {
        Fact::Expanded { found, .. } | Fact::Joined { found } => found.as_slice(),
        _ => &[],
    });
    let found: BTreeSet<_> = found.map(found_name).collect();
    assert_eq!(found, FOUND.iter().copied().collect(), "a kind of finding is missing from the fixture");
}

#[test]
fn a_record_holds_what_is_stored_with_it() {
    let stored: usize = V1.lines().map(|line| codec::decode(line.as_bytes()).unwrap().stored.len()).sum();
    assert!(stored > 0);
}

#[test]
fn a_version_from_the_future_is_refused_by_its_number() {
    let said = codec::decode(br#"{"v":3,"events":"canary"}"#).unwrap_err().to_string();
    assert!(said.contains("version 3") && said.contains("upgrade") && !said.contains("canary"), "{said}");
}

#[test]
fn a_record_that_is_none_is_refused_without_repeating_it() {
    for bad in [
        "",
        "canary",
        "{}",
        r#"{"v":0,"events":[]}"#,
        r#"{"v":1,"events":["canary"]}"#,
        r#"{"v":1,"events":[],"stored":[["canary","x",1]]}"#,
    ] {
        let said = codec::decode(bad.as_bytes()).unwrap_err().to_string();
        assert!(!said.contains("canary"), "{said}");
    }
}
