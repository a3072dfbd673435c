//! What is sealed to a key that another seal used up.

use hwc_relay::{Input, Output, Reply};
use hwc_schemas::{
    Organisation,
    wire::{Answer, Command, Refusal, Sealed},
};

use crate::{
    life::referred,
    people::{expand, record, screen},
    region::{MORNING, incident, municipality, police, school, veilig_thuis},
    trouble::route,
    world::{Weather, World},
};

/// Submits; whoever keeps the keys says that one is used up. Gives to whom the ciphertexts were sealed.
fn with_a_used_key(
    world: &mut World,
    from: &Organisation,
    command: Command<Sealed>,
) -> (Answer, Vec<Organisation>) {
    let ticket = world.submit(from, command);
    let mut sealed_to = Vec::new();
    loop {
        while let Some(output) = world.relay.poll() {
            if let Output::Store { incident, receivers, .. } = output {
                sealed_to = receivers;
                world.relay.handle(Input::KeyUsed { incident }, world.now);
            } else {
                world.carry_out(output, Weather::Fine);
            }
        }
        if !world.deliver(0) {
            break;
        }
    }
    match world.reply(ticket) {
        Some(Reply::Command(answer)) => (answer, sealed_to),
        other => panic!("answered with {other:?}"),
    }
}

#[test]
fn what_is_sealed_to_a_used_key_is_refused_and_nothing_is_decided() {
    let screened = || {
        let mut world = World::new(MORNING);
        world.say(&police(), record(1));
        world.say(&veilig_thuis(), screen(1));
        world
    };
    let cases = [
        (World::new(MORNING), police(), record(1), vec![veilig_thuis()]),
        (screened(), veilig_thuis(), expand(incident(1), 2, true), vec![municipality(); 2]),
        (referred(), municipality(), route(&school()), vec![school()]),
    ];
    for (mut world, from, command, receivers) in cases {
        let (stored, appended) = (world.outside.store.len(), world.log.len());
        let used = with_a_used_key(&mut world, &from, command.clone());
        assert_eq!(used, (Answer::Refused { refusal: Refusal::KeyUsed }, receivers));
        assert_eq!(world.outside.store.len(), stored);
        assert!(!world.log.iter().skip(appended).any(|name| *name == "append"));
        assert!(world.relay.is_idle(), "nobody tries it again by themselves");
        // Sealed anew it is recorded.
        assert_eq!(world.say(&from, command), Answer::Recorded);
    }
}

#[test]
fn the_same_command_again_is_already_recorded_whatever_became_of_its_key() {
    let mut world = World::new(MORNING);
    world.say(&police(), record(1));
    let (again, stored) = with_a_used_key(&mut world, &police(), record(1));
    assert_eq!((again, stored), (Answer::AlreadyRecorded, Vec::new()));
}

#[test]
fn an_answer_about_a_key_that_nobody_waits_for_changes_nothing() {
    let mut world = referred();
    world.relay.handle(Input::KeyUsed { incident: incident(1) }, world.now);
    world.run();
    assert_eq!(world.say(&municipality(), route(&school())), Answer::Recorded);
}
