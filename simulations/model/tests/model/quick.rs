//! Every state within the quick bounds, and nothing wrong in any.

use hwc_model::{Bounds, Found, Leading, Sight, check, quick};

fn found(name: &str) -> Found {
    let one = quick().into_iter().find(|one| one.name == name).unwrap();
    let found = check(one.bounds, None, |_, _, _| {}).unwrap();
    if let Some(wrong) = &found.counterexample {
        panic!("{name}\n{wrong}");
    }
    assert!(found.complete, "{name} was not finished");
    found
}

/// A check that never saw a conflict says nothing about conflicts.
fn saw(found: &Found, sights: &[Sight]) {
    for sight in sights {
        assert!(found.sights.of(*sight) > 0, "nobody ever saw that {}", sight.as_str());
    }
}

#[test]
fn r23_with_two_children_and_any_one_fault_at_any_step_nothing_is_wrong_and_everything_ends() {
    let found = found("one-fault");
    assert!(found.states > 100_000, "{}", found.states);
    saw(
        &found,
        Sight::ALL.iter().filter(|sight| !NEEDS_MORE.contains(sight)).copied().collect::<Vec<_>>().as_slice(),
    );
}

/// What one fault and no choice do not bring about.
const NEEDS_MORE: &[Sight] =
    &[Sight::Reminded, Sight::Returned, Sight::Recalled, Sight::BreachRecorded, Sight::TombstoneConflict];

#[test]
fn r23_with_two_engines_that_both_write_the_guard_alone_keeps_everything_right() {
    let found = found("guard-alone");
    saw(
        &found,
        &[Sight::Conflict, Sight::LateAppend, Sight::Discarded, Sight::RecordedBefore, Sight::HalfForgotten],
    );
}

#[test]
fn r23_whatever_organisations_choose_everything_ends() {
    let found = found("choices");
    saw(&found, &[Sight::Returned, Sight::Recalled, Sight::BreachRecorded, Sight::Withheld, Sight::Expired]);
}

#[test]
fn r23_messages_that_overtake_each_other_change_nothing() {
    saw(&found("any-order"), &[Sight::Acknowledged, Sight::LateAppend, Sight::Swept]);
}

#[test]
fn r23_whatever_happens_before_an_engine_hears_of_what_was_done_changes_nothing() {
    saw(&found("answers-travel"), &[Sight::Acknowledged, Sight::Expired]);
}

#[test]
fn the_same_bounds_have_the_same_states_on_any_number_of_threads() {
    let counts = || {
        let found = check(small(Leading::Both), None, |_, _, _| {}).unwrap();
        (found.states, found.transitions, found.depth)
    };
    assert_eq!(counts(), counts());
}

/// One child, one fault of any kind.
pub(crate) fn small(leading: Leading) -> Bounds {
    Bounds { leading, ..quick().into_iter().find(|one| one.name == "guard-alone").unwrap().bounds }
}
