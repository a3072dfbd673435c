//! A fault that is planted around the driver is found, by the right rule, with a short way to it.

use hwc_model::{Bounds, Counterexample, Leading, Planted, check};

use crate::quick::small;

fn found(planted: Planted, faults_max: u8) -> Counterexample {
    let bounds = Bounds { faults_max, ..small(Leading::Both) };
    let found = check(bounds, Some(planted), |_, _, _| {}).unwrap();
    found.counterexample.unwrap_or_else(|| panic!("{planted:?} was not found in {} states", found.states))
}

/// The fault, how many other faults it takes to show, what is then said to be wrong, and after how many steps.
const EXPECTED: [(Planted, u8, &str, usize); 9] = [
    (Planted::GuardIgnored, 1, "the report was recorded twice (R9)", 5),
    (Planted::TombstoneOutsideTheGuard, 2, "an append behind the tombstone became durable", 16),
    (Planted::AnswerBeforeDurable, 0, "\"the police report\" is answered as recorded and is not durable", 3),
    (Planted::StoredBeforeDurable, 0, "the report is still needed and does not lie there", 3),
    (Planted::EraseBeforeAppend, 0, "the report is still needed and does not lie there", 6),
    (Planted::ErasureLost, 0, "the report is on record as erased and lies there (R21)", 10),
    (Planted::NothingReadAtTheStart, 1, "it goes round and never ends (R23)", 12),
    (Planted::SweeperTakesTheYoung, 0, "the report is still needed and does not lie there", 5),
    (
        Planted::AnybodysLetter,
        1,
        "\"another school opens the letter of child 1 (round 1)\" is answered as if it were theirs (R12)",
        19,
    ),
];

#[test]
fn every_planted_fault_is_found_by_its_rule_and_in_few_steps() {
    for (planted, faults_max, what, steps_max) in EXPECTED {
        let wrong = found(planted, faults_max);
        assert_eq!(wrong.what, what, "{planted:?}\n{wrong}");
        assert!(wrong.steps.len() <= steps_max, "{planted:?} takes {} steps\n{wrong}", wrong.steps.len());
    }
    assert!(Planted::ALL.iter().all(|one| EXPECTED.iter().any(|(planted, ..)| planted == one)));
}

#[test]
fn without_a_fault_around_it_the_same_bounds_find_nothing() {
    let found = check(small(Leading::Both), None, |_, _, _| {}).unwrap();
    assert!(found.complete && found.counterexample.is_none());
}

#[test]
fn a_counterexample_reads_as_numbered_steps_that_end_with_what_is_wrong() {
    let told = found(Planted::EraseBeforeAppend, 0).to_string();
    let expected = "   1. engine A is asked: the police report
   2. engine A: reading the log arrives
   3. engine A: storing the report arrives
   4. engine A: appending [Recorded] arrives; durable now: Recorded
   5. time passes: delivery
   6. time passes: behind the ceiling
      wrong: the report is still needed and does not lie there
";
    assert_eq!(told, expected);
}
