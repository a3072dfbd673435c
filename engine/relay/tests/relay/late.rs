//! An append that was given up and arrives after all, when nobody waits for it any more.

use hwc_relay::{Output, Reply};
use hwc_schemas::{
    outcome::Recalled,
    wire::{Answer, Command, Task},
};
use hwc_workflow::Incident;

use crate::{
    engines::up_to_the_append,
    life::referred,
    people::record,
    region::{MORNING, incident, municipality, payload, police, school, signal},
    trouble::route,
    world::{Weather, World, later},
};

/// The append of what is asked is given up, and so is the request: the log cannot be read for a while, and then says nothing.
fn given_up(
    world: &mut World,
    from: &hwc_schemas::Organisation,
    command: Command<hwc_schemas::wire::Sealed>,
) -> Output {
    let ticket = world.submit(from, command);
    let append = up_to_the_append(world);
    world.carry_out(append.clone(), Weather::Lost);
    world.deliver(0);
    assert!(world.tick());
    world.run_in(|output| if matches!(output, Output::Load { .. }) { Weather::Lost } else { Weather::Fine });
    assert_eq!(world.reply(ticket), Some(Reply::Command(Answer::TryLater)));
    assert!(world.tick());
    world.run();
    append
}

/// It arrives, and its answer is nobody's.
fn arrives(world: &mut World, append: Output) {
    world.carry_out(append, Weather::Unheard);
    world.deliver(0);
}

#[test]
fn r8_a_report_whose_append_arrives_after_it_was_given_up_is_found_and_goes_its_way() {
    let mut world = World::new(MORNING);
    let append = given_up(&mut world, &police(), record(1));
    arrives(&mut world, append);
    // The police do not come back; the sweeper comes, and checks that it takes nothing that is pointed to.
    let kept = world.kept();
    world.outside.sweep(&kept);
    world.until("2026-11-19T09:10");
    let screen = Task::Screen { incident: incident(1) }.id();
    assert!(world.outside.tasks.contains_key(&screen), "nobody is asked to screen what is on record");
    assert_eq!(world.outside.store.len(), 1);
    world.until("2027-01-01T09:00");
    world.check_over();
}

#[test]
fn a_letter_whose_append_arrives_after_it_was_given_up_is_not_swept() {
    let mut world = referred();
    let append = given_up(&mut world, &municipality(), route(&school()));
    arrives(&mut world, append);
    let kept = world.kept();
    world.outside.sweep(&kept);
    assert!(matches!(world.outside.truth.of(incident(1)), Incident::Expanded(_)));
    let recall = Command::Recall { signal: signal(1, 0), reason: Recalled::SentInError };
    assert_eq!(world.say(&municipality(), recall), Answer::Recorded);
    world.until("2027-01-01T09:00");
    world.check_over();
}

#[test]
fn what_was_stored_for_an_append_that_never_arrives_is_kept_for_a_while_and_then_swept() {
    let mut world = World::new(MORNING);
    given_up(&mut world, &police(), record(1));
    assert!(world.kept().contains(&payload(1)), "it may be on its way");
    world.now = later(world.now, 150);
    world.run();
    assert!(world.kept().is_empty());
    let kept = world.kept();
    world.outside.sweep(&kept);
    assert!(world.outside.store.is_empty());
    assert_eq!((world.relay.incidents().count(), world.relay.wake_at()), (0, None));
}

#[test]
fn an_append_of_which_nobody_knows_is_not_waited_for_once_something_else_was_written_in_its_place() {
    let mut world = World::new(MORNING);
    let append = given_up(&mut world, &police(), record(1));
    assert_eq!(world.say(&police(), record(1)), Answer::Recorded);
    assert!(!world.kept().contains(&payload(1)), "it can only conflict");
    arrives(&mut world, append);
    assert_eq!(world.outside.conflicts, 1);
    world.until("2027-01-01T09:00");
    let kept = world.kept();
    world.outside.sweep(&kept);
    world.check_over();
}
