//! The engine crashes between any two steps, and everything ends as if it had not.

use std::collections::BTreeMap;

use hwc_schemas::SignalNumber;
use hwc_workflow::{Fact, law::Kind};

use crate::{
    people::{People, Plan},
    region::{MORNING, incident},
    world::{Weather, World},
};

/// When the engine crashes: at so many things done outside, before or after this one is done.
#[derive(Debug, Clone, Copy)]
struct Crash {
    at: usize,
    weather: Weather,
}

/// Lives a whole life. How many things were done outside.
fn live(world: &mut World, people: &mut People, crash: Option<Crash>) -> usize {
    let mut done = 0;
    for _ in 0..10_000 {
        if let Some(output) = world.relay.poll() {
            done += 1;
            match crash.filter(|crash| crash.at == done) {
                None => world.carry_out(output, Weather::Fine),
                Some(Crash { weather, .. }) => {
                    world.carry_out(output, weather);
                    world.crash();
                    people.lost_the_engine();
                }
            }
        } else if !world.deliver(0) && !people.work(world) && !world.tick() {
            return done;
        }
    }
    panic!("it does not end");
}

/// What happened to each child, without times and ids: siblings may take turns.
fn kinds(world: &World) -> BTreeMap<Option<SignalNumber>, Vec<Option<Kind>>> {
    let mut kinds: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for event in &world.outside.truth.courses[&incident(1)].events {
        kinds.entry(event.fact.number()).or_default().push(Kind::of(&event.fact));
    }
    kinds
}

#[test]
fn r23_a_crash_before_or_after_any_step_changes_nothing_of_what_happens() {
    for plan in Plan::ALL {
        let (mut calm, mut people) = (World::new(MORNING), People::default());
        people.report(1, plan);
        let steps = live(&mut calm, &mut people, None);
        for at in 1..=steps {
            for weather in [Weather::Lost, Weather::Fine] {
                let crash = Crash { at, weather };
                let (mut world, mut people) = (World::new(MORNING), People::default());
                people.report(1, plan);
                live(&mut world, &mut people, Some(crash));
                world.check_over();
                assert!(people.are_done());
                let context = format!("{plan:?}, {crash:?}");
                assert_eq!(kinds(&world), kinds(&calm), "{context}");
                assert_eq!(world.outside.truth.outcomes(), calm.outside.truth.outcomes(), "{context}");
                assert_eq!(world.outside.offered, calm.outside.offered, "{context}");
                check_orphans(&mut world, &context);
                let breaches = world.outside.breaches.len() - calm.outside.breaches.len();
                assert!(breaches <= 1, "{context}: recorded once, or once more by the second engine");
            }
        }
    }
}

/// What is left was stored for a decision that never became durable, and no more than that of one request.
fn check_orphans(world: &mut World, context: &str) {
    assert!(world.outside.store.len() <= 2, "{context}");
    let pointed_to: Vec<_> = world.outside.truth.courses[&incident(1)]
        .events
        .iter()
        .filter_map(|event| if let Fact::Erased { payload } = event.fact { Some(payload) } else { None })
        .collect();
    for payload in world.outside.store.values() {
        assert!(!pointed_to.contains(payload), "{context}: an erased ciphertext is still there");
    }
    world.outside.sweep(&world.kept());
    assert!(world.outside.store.is_empty(), "{context}: the sweeper is kept from an orphan");
}

#[test]
fn r23_a_crash_of_the_second_engine_at_any_step_of_its_own_changes_nothing_either() {
    let plan = Plan::Returned;
    let (mut calm, mut people) = (World::new(MORNING), People::default());
    people.report(1, plan);
    let steps = live(&mut calm, &mut people, None);
    for first in (1..=steps).step_by(3) {
        for second in 1..=8 {
            let (mut world, mut people) = (World::new(MORNING), People::default());
            people.report(1, plan);
            let mut done = 0;
            for _ in 0..10_000 {
                if let Some(output) = world.relay.poll() {
                    done += 1;
                    let crash = done == first || done == first + second;
                    world.carry_out(output, if crash { Weather::Unheard } else { Weather::Fine });
                    if crash {
                        world.crash();
                        people.lost_the_engine();
                    }
                } else if !world.deliver(0) && !people.work(&mut world) && !world.tick() {
                    break;
                }
            }
            world.check_over();
            assert_eq!(kinds(&world), kinds(&calm), "{first}, {second}");
        }
    }
}

#[test]
fn a_sweeper_that_runs_at_any_moment_takes_nothing_that_is_needed() {
    for plan in Plan::ALL {
        let (mut world, mut people) = (World::new(MORNING), People::default());
        people.report(1, plan);
        for _ in 0..10_000 {
            world.outside.sweep(&world.kept());
            if let Some(output) = world.relay.poll() {
                world.carry_out(output, Weather::Fine);
            } else if !world.deliver(0) && !people.work(&mut world) && !world.tick() {
                break;
            }
        }
        world.check_over();
        assert!(world.outside.store.is_empty());
    }
}
