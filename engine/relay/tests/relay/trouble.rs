//! Something outside does not work, or nobody can tell whether it did.

use hwc_journal::{Append, Commit, History};
use hwc_relay::{Input, Limits, Output, Reply, Rules};
use hwc_schemas::{
    outcome::{Recalled, Withheld},
    wire::{Answer, Command, Fetch, Sealed},
};
use hwc_workflow::{Duty, Event, Fact};
use jiff::{ToSpan, civil::date};

use crate::{
    life::{delivered, referred},
    people::{expand, record, screen},
    region::{MORNING, incident, municipality, police, rules, school, sealed, signal, veilig_thuis},
    world::{Weather, World},
};

pub(crate) fn route(to: &hwc_schemas::Organisation) -> Command<Sealed> {
    Command::Route { signal: signal(1, 0), round: 1, school: to.clone(), letter: sealed() }
}

fn letter() -> Fetch {
    Fetch::Letter { signal: signal(1, 0), round: 1 }
}

fn count(world: &World, what: &str) -> usize {
    world.log.iter().filter(|name| **name == what).count()
}

/// The first output that fits meets this weather, everything else is fine; then time passes until nobody is busy.
fn once(world: &mut World, weather: Weather, fits: impl Fn(&Output) -> bool) {
    let mut met = false;
    world.run_in(|output| {
        let now = !met && fits(output);
        met |= now;
        if now { weather } else { Weather::Fine }
    });
    assert!(met, "it met no such weather");
    rest(world);
}

/// Until nobody is busy. No deadline of the law may come in between.
fn rest(world: &mut World) {
    for _ in 0..20 {
        if world.relay.is_idle() {
            return;
        }
        assert!(world.tick());
        world.run();
    }
    panic!("somebody is always busy");
}

const fn is_append(output: &Output) -> bool {
    matches!(output, Output::Append { .. })
}

const fn is_store(output: &Output) -> bool {
    matches!(output, Output::Store { .. })
}

/// Every command, in a world in which it is about to be recorded.
fn about_to_be_recorded() -> Vec<(World, hwc_schemas::Organisation, Command<Sealed>)> {
    let signal = signal(1, 0);
    let opened = || {
        let mut world = delivered();
        world.get(&school(), letter());
        world
    };
    let recorded = || {
        let mut world = World::new(MORNING);
        world.say(&police(), record(1));
        world
    };
    let screened = || {
        let mut world = recorded();
        world.say(&veilig_thuis(), screen(1));
        world
    };
    vec![
        (World::new(MORNING), police(), record(1)),
        (recorded(), veilig_thuis(), screen(1)),
        (screened(), veilig_thuis(), expand(incident(1), 2, true)),
        (referred(), municipality(), route(&school())),
        (
            referred(),
            municipality(),
            Command::Withhold { signal, round: 1, reason: Withheld::EnrolmentUnknown },
        ),
        (opened(), school(), Command::Acknowledge { signal, round: 1 }),
        (opened(), school(), Command::Return { signal, round: 1 }),
        (delivered(), municipality(), Command::Recall { signal, reason: Recalled::WrongSchool }),
    ]
}

#[test]
fn an_append_of_which_nobody_heard_is_read_back_and_not_written_twice() {
    for (mut world, from, command) in about_to_be_recorded() {
        let (name, before) =
            (command.name(), world.outside.truth.courses.get(&incident(1)).map_or(0, |c| c.events.len()));
        let stored = world.outside.stored;
        let payloads = u64::try_from(command.clone().detach(|| world.new_payload()).1.len()).unwrap();
        let ticket = world.submit(&from, command.clone());
        once(&mut world, Weather::Unheard, is_append);
        let answer = world.reply(ticket).unwrap();
        assert_eq!(answer, Reply::Command(Answer::AlreadyRecorded), "{name}");
        assert_eq!(world.outside.stored, stored + payloads, "{name}");
        let written = &world.outside.truth.courses[&incident(1)].events;
        assert!(written.len() > before);
        assert_eq!(world.noted, *written, "{name}: whoever watches hears of everything once");
        assert_eq!(world.outside.conflicts, 0, "{name}");
    }
}

#[test]
fn an_append_that_was_lost_is_tried_again_and_its_ciphertexts_are_not_stored_twice() {
    for (mut world, from, command) in about_to_be_recorded() {
        let name = command.name();
        let stored = world.outside.stored;
        let payloads = u64::try_from(command.clone().detach(|| world.new_payload()).1.len()).unwrap();
        let ticket = world.submit(&from, command);
        once(&mut world, Weather::Lost, is_append);
        assert_eq!(world.reply(ticket), Some(Reply::Command(Answer::Recorded)), "{name}");
        assert_eq!(world.outside.stored, stored + payloads, "{name}");
        assert_eq!(count(&world, "discard"), 0);
    }
}

#[test]
fn r24_an_opening_of_which_nobody_heard_is_read_back_and_the_letter_is_given() {
    for weather in [Weather::Lost, Weather::Unheard] {
        let mut world = delivered();
        let ticket = world.fetch(&school(), letter());
        once(&mut world, weather, is_append);
        assert!(matches!(world.reply(ticket), Some(Reply::Release { .. })));
        let opened = |fact: &Fact| matches!(fact, Fact::Opened { .. }).then_some(signal(1, 0).number);
        assert_eq!(world.outside.truth.count(incident(1), opened), 1);
    }
}

#[test]
fn a_store_that_does_not_answer_is_tried_again_and_a_copy_too_many_is_an_orphan() {
    for (weather, left) in [(Weather::Lost, 0), (Weather::Unheard, 1)] {
        let mut world = referred();
        let ticket = world.submit(&municipality(), route(&school()));
        once(&mut world, weather, is_store);
        assert_eq!(world.reply(ticket), Some(Reply::Command(Answer::Recorded)));
        let recall = Command::Recall { signal: signal(1, 0), reason: Recalled::SentInError };
        world.say(&municipality(), recall);
        assert_eq!(world.outside.store.len(), left);
        world.outside.sweep(&world.kept());
        assert!(world.outside.store.is_empty());
        world.check_over();
    }
}

#[test]
fn a_store_that_keeps_only_a_part_is_not_believed() {
    let mut world = World::new(MORNING);
    world.say(&police(), record(1));
    world.say(&veilig_thuis(), screen(1));
    let ticket = world.submit(&veilig_thuis(), expand(incident(1), 2, true));
    while let Some(output) = world.relay.poll() {
        world.carry_out(output, Weather::Fine);
    }
    let Some(Input::Stored { incident, places: Ok(mut places) }) = world.inbox.pop_front() else { panic!() };
    places.pop();
    world.inbox.push_back(Input::Stored { incident, places: Ok(places) });
    world.run();
    assert_eq!(count(&world, "append"), 2, "report and screening, and not yet the children");
    rest(&mut world);
    assert_eq!(world.reply(ticket), Some(Reply::Command(Answer::Recorded)));
}

#[test]
fn a_log_that_cannot_be_read_is_not_guessed_and_whoever_waits_comes_back() {
    let mut world = World::new(MORNING);
    let tickets = [world.submit(&police(), record(1)), world.submit(&police(), record(1))];
    world.run_in(|_| Weather::Lost);
    for ticket in tickets {
        assert_eq!(world.reply(ticket), Some(Reply::Command(Answer::TryLater)));
    }
    assert!(!world.relay.is_idle(), "it is read again");
    rest(&mut world);
    world.check_over();
    assert_eq!(world.say(&police(), record(1)), Answer::Recorded);
}

#[test]
fn whoever_waits_for_an_append_that_cannot_be_read_back_comes_back_and_finds_it_recorded() {
    let mut world = World::new(MORNING);
    let ticket = world.submit(&police(), record(1));
    world.run_in(|output| if is_append(output) { Weather::Unheard } else { Weather::Fine });
    world.tick();
    world.run_in(|_| Weather::Lost);
    assert_eq!(world.reply(ticket), Some(Reply::Command(Answer::TryLater)));
    let kept = world.kept();
    world.outside.sweep(&kept);
    rest(&mut world);
    assert_eq!(world.say(&police(), record(1)), Answer::AlreadyRecorded);
    assert_eq!(world.outside.store.len(), 1, "the sweeper left what may have been pointed to");
}

#[test]
fn a_request_is_tried_so_often_and_then_its_sender_comes_back() {
    let mut world = World::with(MORNING, Limits { attempts_max: 3, ..Limits::default() });
    let ticket = world.submit(&police(), record(1));
    for _ in 0..3 {
        world.run_in(|output| if is_append(output) { Weather::Lost } else { Weather::Fine });
        assert_eq!(world.reply(ticket), None);
        world.tick();
    }
    world.run();
    assert_eq!(world.reply(ticket), Some(Reply::Command(Answer::TryLater)));
    assert_eq!(count(&world, "append"), 3);
    assert_eq!(count(&world, "discard"), 0, "one of the three may still arrive");
    assert_eq!(world.kept().len(), 1, "and would point to it");
    world.until("2026-11-19T09:10");
    world.check_over();
    world.outside.sweep(&world.kept());
    assert!(world.outside.store.is_empty());
}

#[test]
fn what_was_stored_for_a_request_that_comes_to_nothing_is_discarded() {
    let mut world = World::with(MORNING, Limits { attempts_max: 1, ..Limits::default() });
    let mut world_was_first = 0;
    for (from, command) in
        [(police(), record(1)), (veilig_thuis(), screen(1)), (veilig_thuis(), expand(incident(1), 2, true))]
    {
        world.say(&from, command);
    }
    let ticket = world.submit(&municipality(), route(&school()));
    // Somebody else writes about the sibling between the store and the append.
    world.run_in(|output| {
        world_was_first += usize::from(is_append(output));
        if is_append(output) { Weather::Lost } else { Weather::Fine }
    });
    let commit = events([Fact::Withheld { number: signal(1, 1).number, reason: Withheld::EnrolmentSecret }]);
    let History::Live { position, .. } = world.outside.read(incident(1)) else { panic!() };
    assert!(matches!(world.outside.append(incident(1), position, &commit), Append::Appended(_)));
    world.tick();
    world.run();
    assert_eq!(world.reply(ticket), Some(Reply::Command(Answer::TryLater)));
    assert_eq!(count(&world, "discard"), 1, "the log went on, so the lost append can never arrive");
    assert_eq!(world_was_first, 1);
}

pub(crate) fn events<const N: usize>(facts: [Fact; N]) -> Commit {
    let at = crate::region::at(MORNING);
    Commit { events: facts.map(|fact| Event { at, fact }).into(), stored: Vec::new() }
}

#[test]
fn duties_that_do_not_work_are_performed_again() {
    for weather in [Weather::Lost, Weather::Unheard] {
        let mut world = World::new(MORNING);
        world.submit(&police(), record(1));
        once(&mut world, weather, |output| matches!(output, Output::Perform { .. }));
        assert_eq!(world.outside.tasks.len(), 1);
        assert_eq!(count(&world, "perform"), 2);
        world.say(&veilig_thuis(), screen(1));
        world.submit(&veilig_thuis(), expand(incident(1), 1, true));
        once(&mut world, weather, |output| {
            matches!(output, Output::Perform { duty: Duty::Erase { .. }, .. })
        });
        assert_eq!(world.outside.store.len(), 1, "the report is gone, the referral is not");
    }
}

#[test]
fn a_duty_that_is_no_longer_owed_is_not_performed_again() {
    let mut world = referred();
    world.submit(&municipality(), route(&school()));
    // The school's task cannot be offered; meanwhile the signal is recalled.
    let offer = |output: &Output| matches!(output, Output::Perform { duty: Duty::Offer { .. }, .. });
    world.run_in(|output| if offer(output) { Weather::Lost } else { Weather::Fine });
    let recall = Command::Recall { signal: signal(1, 0), reason: Recalled::SentInError };
    assert_eq!(world.say(&municipality(), recall), Answer::Recorded);
    rest(&mut world);
    world.check_over();
    assert!(!world.outside.offered.iter().any(|id| id.starts_with("read.")), "{:?}", world.outside.offered);
}

#[test]
fn a_letter_that_was_stored_for_a_routing_that_then_is_withheld_is_discarded() {
    let mut world = referred();
    let ticket = world.submit(&municipality(), route(&school()));
    world.run_in(|output| if is_append(output) { Weather::Lost } else { Weather::Fine });
    let month = date(2026, 11, 19).series(1.day()).take(30);
    let closed = Rules { calendar: rules().calendar.with_closed_days(month), ..rules() };
    world.relay.set_rules(closed, world.now);
    rest(&mut world);
    assert_eq!(world.reply(ticket), Some(Reply::Command(Answer::Recorded)));
    assert_eq!(world.outside.truth.words(incident(1)), ["withheld"]);
    assert!(world.outside.store.is_empty());
    world.check_over();
}

#[test]
fn a_tombstone_of_which_nobody_heard_is_written_again_because_the_events_may_not_be_erased() {
    for weather in [Weather::Lost, Weather::Unheard] {
        let mut world = referred();
        world
            .submit(&municipality(), Command::Recall { signal: signal(1, 0), reason: Recalled::SentInError });
        once(&mut world, weather, |output| matches!(output, Output::Forget { .. }));
        assert_eq!(count(&world, "forget"), 2);
        world.check_over();
    }
}

#[test]
fn what_does_not_work_can_be_tried_again_though_the_clock_stands_still() {
    let mut world = World::new(MORNING);
    let ticket = world.submit(&police(), record(1));
    world.run_in(|output| if is_append(output) { Weather::Lost } else { Weather::Fine });
    assert!(!world.relay.is_idle());
    world.relay.handle(Input::TryAgain, world.now);
    world.run_in(
        |output| if matches!(output, Output::Perform { .. }) { Weather::Lost } else { Weather::Fine },
    );
    assert_eq!(world.reply(ticket), Some(Reply::Command(Answer::Recorded)));
    assert!(!world.relay.is_idle(), "the task could not be offered");
    world.relay.handle(Input::TryAgain, world.now);
    world.run();
    assert!(world.relay.is_idle());
    assert_eq!(world.outside.tasks.len(), 1);
}
