//! What holds for any sequence of commands, fetches, duties and time.

use std::collections::BTreeSet;

use hwc_workflow::{deadline, duties, law::Kind};
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};

use crate::{
    chaos::Chaos,
    ops::{ops, starts},
    situations::replay,
    world::incident_id,
};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// [`Chaos`] checks after every step: nothing panics; only its municipality routes and only the school it named is
    /// delivered to, opens and acknowledges, never before the screening; what was accepted once is known again; held
    /// ciphertexts are exactly those pointed to and not erased; outcomes stay; a look never asks for another look at once.
    #[test]
    fn r9_r10_r12_r21_r24_whatever_anybody_says_the_law_holds(start in starts(), ops in ops()) {
        let mut chaos = Chaos::of(&start);
        for op in &ops {
            chaos.go(op);
        }
        chaos.look();
        chaos.check_replay();
    }

    #[test]
    fn duties_and_deadlines_follow_from_the_state_alone_and_time_asks_for_nothing_in_between(start in starts(), ops in ops()) {
        let mut chaos = Chaos::of(&start);
        for op in &ops {
            chaos.go(op);
            let again = replay(&chaos.life.events);
            let context = chaos.life.world.at(chaos.life.now);
            prop_assert_eq!(duties(incident_id(), &again), chaos.life.duties());
            prop_assert_eq!(deadline(&again, &context), chaos.life.deadline());
            chaos.check_deadline();
        }
    }

    #[test]
    fn every_event_reads_back_as_it_was_written(start in starts(), ops in ops()) {
        let mut chaos = Chaos::of(&start);
        for op in &ops {
            chaos.go(op);
        }
        for event in &chaos.life.events {
            let written = serde_json::to_string(event).unwrap();
            prop_assert_eq!(&serde_json::from_str::<hwc_workflow::Event>(&written).unwrap(), event);
        }
    }
}

#[test]
fn what_anybody_says_leads_to_every_kind_of_event() {
    let mut runner = TestRunner::deterministic();
    let mut met = BTreeSet::new();
    for _ in 0..2_000 {
        let (start, ops) = (starts(), ops()).new_tree(&mut runner).unwrap().current();
        let mut chaos = Chaos::of(&start);
        for op in &ops {
            chaos.go(op);
        }
        met.extend(chaos.life.events.iter().filter_map(|event| Kind::of(&event.fact)));
    }
    let missed: Vec<_> = Kind::ALL.into_iter().filter(|kind| !met.contains(kind)).collect();
    assert!(missed.is_empty(), "the properties above never saw {missed:?}");
}
