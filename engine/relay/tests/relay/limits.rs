//! Everything has a limit, and hitting one is a clear answer.

use hwc_relay::{Limits, Reply};
use hwc_schemas::wire::{Answer, Command, Fetch, Refusal};

use crate::{
    people::{record, screen},
    region::{MORNING, incident, police, school, signal, veilig_thuis},
    world::World,
};

fn limits(change: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    change(&mut limits);
    limits
}

#[test]
fn a_full_queue_asks_to_come_back_and_the_others_are_answered_in_their_order() {
    let mut world = World::with(MORNING, limits(|l| l.waiting_per_incident_max = 2));
    // All three are asked before anything is read: two fit.
    let tickets = [(); 3].map(|()| world.submit(&police(), record(1)));
    world.run();
    let replies = tickets.map(|ticket| world.reply(ticket).unwrap());
    assert_eq!(replies, [Answer::Recorded, Answer::AlreadyRecorded, Answer::TryLater].map(Reply::Command));
    assert_eq!(world.say(&police(), record(1)), Answer::AlreadyRecorded);
}

#[test]
fn with_no_room_for_another_incident_whoever_asks_about_one_is_asked_to_come_back() {
    let mut world = World::with(MORNING, limits(|l| l.incidents_max = 2));
    assert_eq!(world.say(&police(), record(1)), Answer::Recorded);
    assert_eq!(world.say(&police(), record(2)), Answer::Recorded);
    assert_eq!(world.say(&police(), record(3)), Answer::TryLater);
    let letter = Fetch::Letter { signal: signal(3, 0), round: 1 };
    assert_eq!(world.get(&school(), letter), Reply::TryLater);
    assert_eq!(world.say(&veilig_thuis(), screen(1)), Answer::Recorded, "those that are here go on");
    assert!(world.relay.is_idle());
}

#[test]
fn whoever_asks_about_what_never_was_leaves_nothing_in_memory() {
    let mut world = World::new(MORNING);
    for n in 1..100 {
        let letter = Fetch::Letter { signal: signal(n, 0), round: 1 };
        assert_eq!(world.get(&school(), letter), Reply::NotDue(Refusal::Gone));
        let acknowledge = Command::Acknowledge { signal: signal(n, 0), round: 1 };
        assert_eq!(world.say(&school(), acknowledge), Answer::Refused { refusal: Refusal::Gone });
    }
    world.check_over();
}

#[test]
fn an_incident_that_ended_makes_room() {
    let mut world = World::with(MORNING, limits(|l| l.incidents_max = 1));
    assert_eq!(world.say(&police(), record(1)), Answer::Recorded);
    let screening = hwc_schemas::wire::Screening::NotDomesticViolence { children: 1 };
    world.say(&veilig_thuis(), Command::Screen { incident: incident(1), screening });
    assert_eq!(world.relay.incidents().count(), 0);
    assert_eq!(world.say(&police(), record(2)), Answer::Recorded);
}
