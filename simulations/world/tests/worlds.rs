//! Worlds in which everything goes wrong, and what the checkers say of them.
#![cfg(test)]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use hwc_world::{Case, Hunt, Mutation, checkers::Violation, chronicle::Entry};

/// Worlds lived through here; `.ci/run` and `.ci/long` live through more.
const WORLDS: u64 = 400;

/// A planted bug is found within so many worlds.
const WORLDS_UNTIL_FOUND_MAX: u64 = 1500;

fn told(case: &Case) -> (Vec<Entry>, Vec<Violation>) {
    let mut entries = Vec::new();
    let verdict = case.tell(&mut |entry, _| entries.push(entry.clone())).unwrap();
    (entries, verdict.violations)
}

#[test]
fn whatever_goes_wrong_in_a_world_nothing_of_what_must_hold_is_broken() {
    let hunt = Hunt { first: 1_000_000, count: WORLDS, mutation: None, failures_max: 5 };
    let found = hunt.run(|_| {}).unwrap();
    let wrong: Vec<_> = found
        .failures
        .values()
        .map(|failure| format!("{:?}: {}", failure.violations, failure.case.command()))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    // A world in which nothing happens, or nothing goes wrong, shows nothing.
    let struck: u64 = found.coverage.values().sum();
    assert_eq!(found.worlds, WORLDS);
    assert!(found.reports > WORLDS && struck > WORLDS, "{} reports, {struck} strikes", found.reports);
}

#[test]
fn every_planted_bug_is_found() {
    for mutation in Mutation::ALL {
        let hunt =
            Hunt { first: 1, count: WORLDS_UNTIL_FOUND_MAX, mutation: Some(mutation), failures_max: 1 };
        let found = hunt.run(|_| {}).unwrap();
        assert!(!found.failures.is_empty(), "{mutation} is not found within {WORLDS_UNTIL_FOUND_MAX} worlds");
    }
}

#[test]
fn one_seed_is_one_world() {
    for seed in [3, 17, 653] {
        let case = Case::of(seed);
        let (once, again) = (told(&case), told(&case));
        assert!(!once.0.is_empty());
        assert_eq!(once, again, "seed {seed}");
    }
    assert_ne!(told(&Case::of(3)), told(&Case::of(4)));
}

#[test]
fn a_failing_world_is_cut_down_to_what_matters_and_still_fails() {
    let mutation = Some(Mutation::UnguardedAppend);
    let found = Hunt { first: 1, count: 500, mutation, failures_max: 1 }.run(|_| {}).unwrap();
    let failure = found.failures.values().next().unwrap();
    let small = failure.case.shrunk().unwrap();
    let (before, after) = (failure.case.try_out().unwrap(), small.try_out().unwrap());
    assert_eq!(after.violations[0].checker, before.violations[0].checker);
    assert!(after.reports <= before.reports && after.faults <= before.faults);
    let strikes = small.cut.strikes.as_ref().map_or(0, BTreeSet::len);
    assert!(strikes <= before.outcome.map_or(usize::MAX, |outcome| outcome.struck.len()));
    // From its file it is the same world.
    let kept = Case::from_toml(&small.to_toml("what is wrong")).unwrap();
    assert_eq!(told(&kept), told(&small));
}

fn kept() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../worlds");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "toml"));
    files.sort();
    files
}

#[test]
fn a_world_that_once_showed_a_fault_shows_it_no_more_unless_it_is_planted() {
    let files = kept();
    assert!(!files.is_empty());
    for path in files {
        let case = Case::from_toml(&fs::read_to_string(&path).unwrap()).unwrap();
        let violations = case.try_out().unwrap().violations;
        assert_eq!(violations.is_empty(), case.mutation.is_none(), "{}: {violations:?}", path.display());
    }
}
