//! Any weather, any order of answers, any crash; then it clears up, and everything must end.

use proptest::prelude::*;

use crate::{
    people::{People, Plan},
    region::MORNING,
    world::{Weather, World},
};

/// What chance decides, byte by byte; when they are used up it is fine for ever.
struct Chance {
    bytes: Vec<u8>,
    used: usize,
}

impl Chance {
    fn next(&mut self) -> Option<u8> {
        let byte = self.bytes.get(self.used).copied();
        self.used += 1;
        byte
    }

    fn weather(&mut self) -> Weather {
        match self.next() {
            Some(byte) if byte % 8 == 1 => Weather::Lost,
            Some(byte) if byte % 8 == 2 => Weather::Unheard,
            _ => Weather::Fine,
        }
    }
}

/// Most steps between the clearing up and the end.
const STEPS_MAX: usize = 20_000;

/// Lives on as chance has it. Time passes as soon as nothing else can happen, and now and then before.
fn live(world: &mut World, people: &mut People, chance: &mut Chance, crashes: bool) {
    let mut steps = 0;
    loop {
        steps += 1;
        assert!(steps < STEPS_MAX + chance.bytes.len(), "it does not end");
        match chance.next().unwrap_or(0) {
            1 if crashes => {
                world.crash();
                people.lost_the_engine();
            }
            2 => {
                world.relay.handle(hwc_relay::Input::TryAgain, world.now);
            }
            3 => world.outside.sweep(&world.kept()),
            4 => {
                world.tick();
            }
            _ => {}
        }
        if let Some(output) = world.relay.poll() {
            let weather = chance.weather();
            world.carry_out(output, weather);
            continue;
        }
        let which = chance.next().unwrap_or(0);
        let early = chance.next().unwrap_or(0) % 4 == 1;
        if early && people.work(world) || world.deliver(which.into()) || people.work(world) {
            continue;
        }
        if !world.tick() {
            return;
        }
    }
}

fn plans() -> impl Strategy<Value = Vec<Plan>> {
    prop::collection::vec(prop::sample::select(Plan::ALL.to_vec()), 1..5)
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    // Bytes that do something are as likely as bytes that do not.
    let byte = prop_oneof![0_u8..5, any::<u8>()];
    prop::collection::vec(byte, 0..600)
}

fn world_of(plans: &[Plan]) -> (World, People) {
    let (world, mut people) = (World::new(MORNING), People::default());
    let mut people_with = |(n, plan): (u64, &Plan)| people.report(n, *plan);
    (1..).zip(plans).for_each(&mut people_with);
    (world, people)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// [`World`] checks on the way: every request is answered exactly once; nothing is pointed to that is not stored;
    /// nothing is performed that no durable state owed; nothing is released that was not due; nothing that is pointed to
    /// is discarded or swept.
    #[test]
    fn r23_any_weather_clears_up_and_everything_ends(plans in plans(), bytes in bytes()) {
        let (mut world, mut people) = world_of(&plans);
        live(&mut world, &mut people, &mut Chance { bytes, used: 0 }, false);
        world.check_over();
        prop_assert!(people.are_done());
        world.outside.sweep(&world.kept());
        prop_assert!(world.outside.store.is_empty());
        prop_assert_eq!(world.outside.conflicts, 0, "one engine alone never conflicts with itself");
    }

    #[test]
    fn r23_any_weather_with_any_crashes_clears_up_and_everything_ends(plans in plans(), bytes in bytes()) {
        let (mut world, mut people) = world_of(&plans);
        live(&mut world, &mut people, &mut Chance { bytes, used: 0 }, true);
        world.check_over();
        prop_assert!(people.are_done());
        world.outside.sweep(&world.kept());
        prop_assert!(world.outside.store.is_empty());
    }
}
