//! Records that were written once stay readable. The fixtures are frozen: never edit one; a new version gets a new one.

use std::collections::BTreeSet;

use hwc_journal::codec;
use hwc_workflow::{Fact, Found};

const V1: &str = include_str!("fixtures/v1.jsonl");

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
fn every_record_of_version_1_is_read_and_written_back_to_the_byte() {
    for line in V1.lines() {
        let commit = codec::decode(line.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(codec::encode(&commit)).unwrap(), line);
    }
}

#[test]
fn the_fixture_holds_every_kind_of_fact_and_of_finding() {
    let events: Vec<_> = V1.lines().flat_map(|line| codec::decode(line.as_bytes()).unwrap().events).collect();
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
    let said = codec::decode(br#"{"v":2,"events":"canary"}"#).unwrap_err().to_string();
    assert!(said.contains("version 2") && said.contains("upgrade") && !said.contains("canary"), "{said}");
}

#[test]
fn a_record_that_is_none_is_refused_without_repeating_it() {
    for bad in [
        "",
        "canary",
        "{}",
        r#"{"v":1,"events":["canary"]}"#,
        r#"{"v":1,"events":[],"stored":[["canary","x",1]]}"#,
    ] {
        let said = codec::decode(bad.as_bytes()).unwrap_err().to_string();
        assert!(!said.contains("canary"), "{said}");
    }
}
