//! Records that were written once stay readable. The fixtures are frozen: never edit one; a new version gets a new one.

#![cfg(test)]

use std::collections::BTreeSet;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use hwc_journal::{MARKERS_MAX, Markers, codec};
use hwc_schemas::Marker;
use hwc_workflow::{Fact, Found, Incident, evolve};

const V1: &str = include_str!("fixtures/v1.jsonl");
const V2: &str = include_str!("fixtures/v2.jsonl");
const V3: &str = include_str!("fixtures/v3.jsonl");

/// A tombstone of version 3 with the markers of the third fixture's first record.
const TOMBSTONE_V3: &str = r#"{"v":3,"gone":"L////////////////////g=="}"#;

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
fn every_record_of_version_3_is_read_and_written_back_to_the_byte() {
    for line in V3.lines() {
        let commit = codec::decode(line.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(codec::encode(&commit)).unwrap(), line);
    }
}

#[test]
fn every_record_of_an_older_version_is_read_and_means_the_same_when_it_is_written_anew() {
    for line in V1.lines().chain(V2.lines()) {
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
    for version in [V1, V2, V3] {
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
    let markers = |version: &str| -> Vec<Option<Marker>> {
        let commits = version.lines().map(|line| codec::decode(line.as_bytes()).unwrap());
        commits.flat_map(|commit| commit.stored).map(|(_, at)| at.marker).collect()
    };
    for unmarked in [markers(V1), markers(V2)] {
        assert!(!unmarked.is_empty() && unmarked.iter().all(Option::is_none), "a marker out of nothing");
    }
    assert!(markers(V3).iter().any(Option::is_some) && markers(V3).iter().any(Option::is_none));
}

#[test]
fn a_tombstone_of_every_version_is_read_and_the_last_is_written_back_to_the_byte() {
    assert_eq!(codec::decode_tombstone(b""), Ok(Markers::default()), "as versions 1 and 2 wrote it");
    let commit = codec::decode(V3.lines().next().unwrap().as_bytes()).unwrap();
    let markers = codec::decode_tombstone(TOMBSTONE_V3.as_bytes()).unwrap();
    assert_eq!(markers, Markers::of(&[commit]));
    assert_eq!(String::from_utf8(codec::encode_tombstone(&markers)).unwrap(), TOMBSTONE_V3);
}

#[test]
fn a_tombstone_does_not_hold_what_it_keeps_the_markers_of() {
    let marker: Marker = "71b802b767d1899e75a230f28ac85ead".parse().unwrap();
    let written = codec::encode_tombstone(&[marker].into_iter().collect());
    let bytes = marker.as_bytes().as_slice();
    for shift in 0..3 {
        let text = BASE64.encode([&[0; 3][..shift], bytes].concat());
        let sure = &text[shift + 1..20];
        assert!(!String::from_utf8_lossy(&written).contains(sure));
    }
    assert!(!written.windows(8).any(|some| some == &bytes[..8]));
    assert!(!String::from_utf8_lossy(&written).contains(&marker.to_string()[..8]));
}

#[test]
fn a_tombstone_that_is_none_is_refused_without_repeating_it() {
    let too_many = format!(r#"{{"v":3,"gone":"{}"}}"#, BASE64.encode(vec![7; 16 * (MARKERS_MAX + 1)]));
    for bad in [
        "canary",
        "{}",
        r#"{"v":3}"#,
        r#"{"v":3,"gone":"canary"}"#,
        r#"{"v":3,"gone":"AAAA"}"#,
        r#"{"v":4,"gone":""}"#,
        too_many.as_str(),
    ] {
        let said = codec::decode_tombstone(bad.as_bytes()).unwrap_err().to_string();
        assert!(!said.contains("canary"), "{said}");
    }
}

#[test]
fn a_version_from_the_future_is_refused_by_its_number() {
    let said = codec::decode(br#"{"v":4,"events":"canary"}"#).unwrap_err().to_string();
    assert!(said.contains("version 4") && said.contains("upgrade") && !said.contains("canary"), "{said}");
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
        r#"{"v":3,"events":[],"stored":[["a0000000000000000000000000000001","b0000000000000000000000000000001",1]]}"#,
        r#"{"v":3,"events":[],"stored":[["a0000000000000000000000000000001","b0000000000000000000000000000001",1,"canary"]]}"#,
    ] {
        let said = codec::decode(bad.as_bytes()).unwrap_err().to_string();
        assert!(!said.contains("canary"), "{said}");
    }
}
