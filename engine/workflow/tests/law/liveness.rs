//! Whatever happened before: everything ends, in bounded steps.

use hwc_schemas::{
    outcome::Withheld,
    wire::{Command, Expansion, Fetch, Screening, Task},
};
use hwc_workflow::{Act, Done, Duty, Incident};
use proptest::prelude::*;

use crate::{
    chaos::Chaos,
    ops::{Op, Who, ops, starts},
    world::{INTERVAL, incident_id, later},
};

/// Deadlines that a life of 28 days with a handful of signals can have: a midnight and four notices a day, and an end.
const STEPS_MAX: usize = 28 * 6 + 20;

/// The engine does its duties.
fn perform(chaos: &mut Chaos) {
    loop {
        let owed = chaos.life.duties().iter().filter(|duty| Done::of(duty).is_some()).count();
        if owed == 0 {
            return;
        }
        chaos.go(&Op::Discharge(0));
    }
}

/// Time passes, from deadline to deadline, until nothing is left.
fn live_on(chaos: &mut Chaos, mut meanwhile: impl FnMut(&mut Chaos)) {
    for _ in 0..STEPS_MAX {
        chaos.look();
        meanwhile(chaos);
        perform(chaos);
        if matches!(chaos.life.incident, Incident::Unknown | Incident::Purged) {
            return;
        }
        assert!(chaos.life.deadline().is_some(), "nobody will ever look again: {:?}", chaos.life.incident);
        chaos.go(&Op::JumpToDeadline);
    }
    panic!("it does not end: {:?}", chaos.life.incident);
}

/// Every organisation does what it was asked, at once.
fn answer(chaos: &mut Chaos, withhold: bool) {
    for duty in chaos.life.duties() {
        let Duty::Offer { to, task } = duty else { continue };
        match task {
            Task::Screen { incident } => {
                chaos.say(&to, &Command::Screen { incident, screening: Screening::Qualifies });
                expand(chaos, &to);
            }
            Task::LookUp { .. } => expand(chaos, &to),
            Task::Route { signal, round, .. } if withhold => {
                chaos.say(&to, &Command::Withhold { signal, round, reason: Withheld::EnrolmentUnknown });
            }
            Task::Route { signal, round, .. } => {
                let letter = chaos.life.new_payload();
                let school = crate::world::other_school();
                chaos.ask(&to, &Fetch::Referral { signal, round });
                chaos.say(&to, &Command::Route { signal, round, school, letter });
            }
            Task::Read { signal, round } => {
                chaos.ask(&to, &Fetch::Letter { signal, round });
                chaos.say(&to, &Command::Acknowledge { signal, round });
            }
            Task::Notice { .. } => {}
        }
    }
}

fn expand(chaos: &mut Chaos, veilig_thuis: &hwc_schemas::Organisation) {
    let findings = vec![chaos.life.referral()];
    let first = u16::try_from(chaos.life.incident_outcomes().len()).unwrap();
    let expansion = Expansion { first, findings, complete: true, interval: INTERVAL };
    chaos.say(veilig_thuis, &Command::Expand { incident: incident_id(), expansion });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn r23_everything_ends_though_nobody_but_the_engine_ever_moves_again(start in starts(), ops in ops()) {
        let mut chaos = Chaos::of(&start);
        for op in &ops {
            chaos.go(op);
        }
        live_on(&mut chaos, |_| {});
        if !chaos.life.events.is_empty() {
            chaos.check_ended();
        }
    }

    #[test]
    fn r23_everything_ends_when_everybody_does_what_it_was_asked(
        start in starts(), ops in ops(), withhold in any::<bool>()
    ) {
        let mut chaos = Chaos::of(&start);
        for op in &ops {
            chaos.go(op);
        }
        live_on(&mut chaos, |chaos| answer(chaos, withhold));
        if !chaos.life.events.is_empty() {
            chaos.check_ended();
        }
    }

    #[test]
    fn r23_everything_ends_though_everybody_keeps_saying_anything(start in starts(), ops in ops(), more in ops()) {
        let mut chaos = Chaos::of(&start);
        for op in &ops {
            chaos.go(op);
        }
        let mut more = more.iter().cycle();
        let quarrelsome = |op: &Op| !matches!(op, Op::Wait(_) | Op::JumpToDeadline | Op::Calendar(_));
        live_on(&mut chaos, |chaos| {
            for op in more.by_ref().take(5).filter(|op| quarrelsome(op)) {
                chaos.go(op);
            }
        });
        if !chaos.life.events.is_empty() {
            chaos.check_ended();
        }
    }

    #[test]
    fn nothing_purged_ever_comes_back(start in starts(), ops in ops(), more in ops()) {
        let mut chaos = Chaos::of(&start);
        chaos.go(&Op::Say { who: Who::Right, what: 0, place: 0, round: 0, choice: 0 });
        for op in &ops {
            chaos.go(op);
        }
        live_on(&mut chaos, |_| {});
        let told = chaos.life.events.len();
        chaos.life.now = later(chaos.life.now, 1);
        for op in &more {
            chaos.go(op);
        }
        prop_assert_eq!(chaos.life.events.len(), told);
        prop_assert_eq!(chaos.life.act(Act::Look), Ok(Vec::new()));
        chaos.check_ended();
    }
}
