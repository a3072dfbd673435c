//! Two engines that both think they lead: whoever writes second reads again and decides anew.

use hwc_relay::{Output, Reply};
use hwc_schemas::{
    outcome::Recalled,
    wire::{Answer, Command, Fetch, Refusal, Sealed},
};
use hwc_workflow::Duty;
use proptest::prelude::*;

use crate::{
    life::{delivered, referred},
    people::{People, Plan, expand, record, screen},
    region::{MORNING, incident, municipality, other_school, police, school, sealed, signal, veilig_thuis},
    world::{Weather, World},
};

fn route(place: usize, to: &hwc_schemas::Organisation) -> Command<Sealed> {
    Command::Route { signal: signal(1, place), round: 1, school: to.clone(), letter: sealed() }
}

/// Polls and carries out until the driver is about to append; that is given back undone.
pub(crate) fn up_to_the_append(world: &mut World) -> Output {
    loop {
        match world.relay.poll() {
            Some(append @ Output::Append { .. }) => return append,
            Some(output) => world.carry_out(output, Weather::Fine),
            None => assert!(world.deliver(0), "it never appends"),
        }
    }
}

/// One engine is about to append what it was told first; the other is told something and writes it before.
fn race(
    world: &mut World,
    (first, then): (
        (hwc_schemas::Organisation, Command<Sealed>),
        (hwc_schemas::Organisation, Command<Sealed>),
    ),
) -> (Answer, Answer) {
    world.switch();
    world.switch();
    let ticket = world.submit(&first.0, first.1);
    let append = up_to_the_append(world);
    world.switch();
    let quicker = world.say(&then.0, then.1);
    world.switch();
    world.carry_out(append, Weather::Fine);
    world.run();
    let Some(Reply::Command(slower)) = world.reply(ticket) else { panic!("not answered") };
    (slower, quicker)
}

#[test]
fn r12_two_schools_for_one_child_at_once_the_first_that_is_durable_has_it() {
    let mut world = referred();
    let to = |school| (municipality(), route(0, school));
    let answers = race(&mut world, (to(&school()), to(&other_school())));
    assert_eq!(answers, (Answer::Refused { refusal: Refusal::AlreadyDecided }, Answer::Recorded));
    assert_eq!(world.outside.conflicts, 1);
    assert_eq!(world.outside.store.len(), 2, "the referral and one letter: the other was discarded");
    let letter = Fetch::Letter { signal: signal(1, 0), round: 1 };
    assert_eq!(world.get(&school(), letter), Reply::NotDue(Refusal::Gone));
    assert!(matches!(world.get(&other_school(), letter), Reply::Release { .. }));
}

#[test]
fn r9_the_same_report_to_both_is_recorded_once_and_stored_once() {
    let mut world = World::new(MORNING);
    let report = || (police(), record(1));
    let answers = race(&mut world, (report(), report()));
    assert_eq!(answers, (Answer::AlreadyRecorded, Answer::Recorded));
    assert_eq!(world.outside.store.len(), 1);
    assert_eq!(world.outside.truth.courses[&incident(1)].events.len(), 1);
}

#[test]
fn two_siblings_at_once_are_both_recorded_and_nothing_is_stored_twice() {
    let mut world = World::new(MORNING);
    for (from, command) in
        [(police(), record(1)), (veilig_thuis(), screen(1)), (veilig_thuis(), expand(incident(1), 2, true))]
    {
        world.say(&from, command);
    }
    let stored = world.outside.stored;
    let answers = race(
        &mut world,
        ((municipality(), route(0, &school())), (municipality(), route(1, &other_school()))),
    );
    assert_eq!(answers, (Answer::Recorded, Answer::Recorded));
    assert_eq!((world.outside.conflicts, world.outside.stored), (1, stored + 2));
}

#[test]
fn a_recall_that_is_durable_first_leaves_the_acknowledgement_too_late() {
    let mut world = delivered();
    world.get(&school(), Fetch::Letter { signal: signal(1, 0), round: 1 });
    let acknowledge = Command::Acknowledge { signal: signal(1, 0), round: 1 };
    let recall = Command::Recall { signal: signal(1, 0), reason: Recalled::WrongSchool };
    let answers = race(&mut world, ((school(), acknowledge), (municipality(), recall)));
    assert_eq!(answers, (Answer::Refused { refusal: Refusal::Gone }, Answer::Recorded));
}

#[test]
fn r24_a_letter_that_was_opened_and_that_the_other_engine_took_back_is_not_given_again() {
    let mut world = delivered();
    let letter = Fetch::Letter { signal: signal(1, 0), round: 1 };
    assert!(matches!(world.get(&school(), letter), Reply::Release { .. }));
    world.switch();
    // The other engine records the recall, and has not come to erase anything yet.
    let recall = Command::Recall { signal: signal(1, 0), reason: Recalled::WrongSchool };
    world.submit(&municipality(), recall);
    world.run_in(
        |output| if matches!(output, Output::Perform { .. }) { Weather::Lost } else { Weather::Fine },
    );
    world.switch();
    assert_eq!(world.get(&school(), letter), Reply::NotDue(Refusal::Gone));
}

#[test]
fn what_the_other_engine_ended_is_over_here_too_though_a_duty_here_does_not_work() {
    let mut world = referred();
    world.switch();
    // This engine is told to record a breach and cannot; the other one does everything.
    let recall = Command::Recall { signal: signal(1, 0), reason: Recalled::WrongSchool };
    world.submit(&municipality(), recall);
    world.run_in(
        |output| if matches!(output, Output::Perform { .. }) { Weather::Lost } else { Weather::Fine },
    );
    assert!(!world.relay.is_idle());
    world.switch();
    // It does not know yet; its own next write conflicts, and it reads.
    assert_eq!(
        world.say(&veilig_thuis(), Command::Recall { signal: signal(1, 0), reason: Recalled::SentInError }),
        Answer::AlreadyRecorded
    );
    world.check_over();
    world.switch();
    while world.tick() {
        world.run();
    }
    world.check_over();
}

#[test]
fn a_duty_of_which_the_other_engine_did_more_is_not_taken_for_another() {
    // Returned twice: two breaches, the first of which both engines record.
    let mut world = delivered();
    let give_back = |round| Command::Return { signal: signal(1, 0), round };
    world.get(&school(), Fetch::Letter { signal: signal(1, 0), round: 1 });
    let record_breach =
        |output: &Output| matches!(output, Output::Perform { duty: Duty::RecordBreach { .. }, .. });
    world.submit(&school(), give_back(1));
    // The performance of the first is on its way while the other engine takes over.
    let mut held = None;
    loop {
        match world.relay.poll() {
            Some(output) if record_breach(&output) => held = Some(output),
            Some(output) => world.carry_out(output, Weather::Fine),
            None if !world.deliver(0) => break,
            None => {}
        }
    }
    world.switch();
    world.run();
    assert_eq!(world.outside.breaches.len(), 1);
    world.now = crate::world::later(world.now, 60);
    let again = Command::Route { signal: signal(1, 0), round: 2, school: school(), letter: sealed() };
    assert_eq!(world.say(&municipality(), again), Answer::Recorded);
    world.get(&school(), Fetch::Letter { signal: signal(1, 0), round: 2 });
    world.submit(&school(), give_back(2));
    world.run_in(|output| if record_breach(output) { Weather::Lost } else { Weather::Fine });
    world.switch();
    world.carry_out(held.unwrap(), Weather::Fine);
    world.run();
    let days: std::collections::BTreeSet<_> = world.outside.breaches.iter().map(|breach| breach.at).collect();
    assert_eq!(days.len(), 2, "the second breach is on record too");
}

#[test]
fn what_is_refused_is_refused_by_the_log_and_not_by_what_an_engine_remembers() {
    let mut world = delivered();
    world.switch();
    world.run();
    let letter = Fetch::Letter { signal: signal(1, 0), round: 1 };
    assert!(matches!(world.get(&school(), letter), Reply::Release { .. }));
    world.switch();
    // This engine has not heard that it was opened.
    let acknowledge = Command::Acknowledge { signal: signal(1, 0), round: 1 };
    assert_eq!(world.say(&school(), acknowledge), Answer::Recorded);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// The append is the fence: with two engines at work in any order everything still ends, once.
    #[test]
    fn r23_two_engines_in_any_order_end_everything_once(
        plans in prop::collection::vec(prop::sample::select(Plan::ALL.to_vec()), 1..4),
        bytes in prop::collection::vec(any::<u8>(), 0..500),
    ) {
        let (mut world, mut people) = (World::new(MORNING), People::default());
        (1..).zip(&plans).for_each(|(n, plan)| people.report(n, *plan));
        let mut bytes = bytes.into_iter();
        let mut quiet = 0;
        for step in 0.. {
            prop_assert!(step < 40_000, "it does not end");
            let byte = bytes.next();
            if byte.is_some_and(|byte| byte < 80) {
                world.switch();
                quiet = 0;
            }
            let weather = match byte {
                Some(byte) if byte % 16 == 15 => Weather::Lost,
                Some(byte) if byte % 16 == 14 => Weather::Unheard,
                _ => Weather::Fine,
            };
            if let Some(output) = world.relay.poll() {
                world.carry_out(output, weather);
                quiet = 0;
            } else if world.deliver(byte.unwrap_or(0).into()) || people.work(&mut world) {
                quiet = 0;
            } else if quiet < 2 {
                world.switch();
                quiet += 1;
            } else if let Some(next) = world.next_for_both() {
                world.now = world.now.max(next);
                world.tick_both();
                quiet = 0;
            } else {
                break;
            }
        }
        world.check_over();
        world.switch();
        world.check_over();
        prop_assert!(people.are_done());
        for (n, plan) in (1..).zip(&plans) {
            prop_assert_eq!(world.outside.truth.words(incident(n)), plan.ends());
        }
    }
}
