//! The page of the law, the rules it names, and the tests that keep both.

use std::{collections::BTreeSet, fs, path::PathBuf};

use hwc_workflow::law::{self, EDGES, Edge, Kind, Phase};

/// Rules that the law has a say in. The adapters own the rest.
const ON_THE_PAGE: [u8; 17] = [3, 8, 9, 10, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24];

/// Rules that the law owns.
const OWNED: [u8; 11] = [8, 9, 12, 17, 18, 19, 20, 21, 22, 23, 24];

fn here(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Compares with a committed file of this crate, or writes it when `HWC_BLESS` is 1.
pub(crate) fn committed(path: &str, text: &str) {
    let file = here(path);
    if std::env::var_os("HWC_BLESS").is_some_and(|bless| bless == "1") {
        fs::write(&file, text).unwrap();
    }
    let known = fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(known, text, "{path} is not what the law says; HWC_BLESS=1 cargo test rewrites it");
}

#[test]
fn the_diagram_is_as_committed() {
    committed("law.mmd", &law::diagram());
}

#[test]
fn every_edge_names_rules_and_every_rule_it_names_exists() {
    let rules = fs::read_to_string(here("../../docs/rules.md")).unwrap();
    for edge in EDGES {
        assert!(!edge.rules.is_empty(), "{edge:?}");
        for rule in edge.rules {
            assert!(rules.contains(&format!("\n| {rule} |")), "{edge:?}: no rule {rule}");
        }
    }
}

#[test]
fn every_rule_that_the_law_has_a_say_in_stands_on_an_edge() {
    let named: BTreeSet<&str> = EDGES.iter().flat_map(|edge| edge.rules).copied().collect();
    for rule in ON_THE_PAGE {
        assert!(named.contains(format!("R{rule}").as_str()), "no edge stands on R{rule}");
    }
}

#[test]
fn every_rule_that_the_law_owns_has_a_test_that_names_it() {
    let mut tests = String::new();
    for folder in ["tests", "tests/law"] {
        for file in fs::read_dir(here(folder)).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "rs") {
                tests.push_str(&fs::read_to_string(path).unwrap());
            }
        }
    }
    let names: BTreeSet<&str> = tests
        .split("fn ")
        .skip(1)
        .filter_map(|after| after.split('(').next())
        .flat_map(|name| name.split('_').take_while(|part| part.starts_with('r') && is_number(&part[1..])))
        .collect();
    for rule in OWNED {
        assert!(names.contains(format!("r{rule}").as_str()), "no test names R{rule}");
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[test]
fn no_edge_stands_twice_on_the_page() {
    let edges: BTreeSet<_> = EDGES.iter().map(|edge| (edge.from, edge.on, edge.to)).collect();
    assert_eq!(edges.len(), EDGES.len());
}

#[test]
fn every_phase_is_reached_and_every_kind_of_event_stands_on_the_page() {
    for phase in Phase::ALL {
        let reached = EDGES.iter().any(|edge| edge.to == phase);
        assert!(reached || phase == Phase::Unknown, "{phase:?}");
    }
    for kind in Kind::ALL {
        assert!(EDGES.iter().any(|edge| edge.on == kind), "{kind:?}");
    }
}

/// What needs nobody but the engine and moves something.
fn engines_own() -> impl Iterator<Item = &'static Edge> {
    EDGES.iter().filter(|edge| edge.by.contains("engine") && edge.from != edge.to)
}

#[test]
fn r23_every_phase_has_a_way_to_the_end_that_needs_nobody_but_the_engine() {
    let mut ending = BTreeSet::from([Phase::Purged]);
    while let Some(edge) =
        engines_own().find(|edge| ending.contains(&edge.to) && !ending.contains(&edge.from))
    {
        ending.insert(edge.from);
    }
    for phase in Phase::ALL {
        assert!(ending.contains(&phase) || phase == Phase::Unknown, "{phase:?}");
    }
}

#[test]
fn no_way_that_needs_nobody_but_the_engine_goes_in_a_circle() {
    for start in Phase::ALL {
        let mut reached: BTreeSet<Phase> = engines_own().filter(|e| e.from == start).map(|e| e.to).collect();
        while let Some(edge) = engines_own().find(|e| reached.contains(&e.from) && !reached.contains(&e.to)) {
            reached.insert(edge.to);
        }
        assert!(!reached.contains(&start), "{start:?}");
    }
}

#[test]
fn r10_r12_nothing_is_delivered_that_no_municipality_routed() {
    let ways_to = |phase| EDGES.iter().filter(move |edge| edge.to == phase && edge.from != phase);
    assert!(ways_to(Phase::Delivered).all(|edge| edge.from == Phase::Routed));
    assert!(ways_to(Phase::Routed).all(|edge| edge.by == "municipality"));
    assert!(ways_to(Phase::Expanded).all(|edge| edge.from != Phase::Recorded));
}
