//! What should never arrive: strays, half commands, and a log that cannot be.

use hwc_journal::{Append, History, Position, codec};
use hwc_relay::{Input, Output, Problem, Reply, Trouble};
use hwc_schemas::wire::{Answer, Refusal, RouteWhy, Task};
use hwc_workflow::{Duty, Fact};

use crate::{
    life::referred,
    people::{record, screen},
    region::{MORNING, incident, municipality, other_school, police, school, signal, veilig_thuis},
    trouble::{events, route},
    world::{Weather, World},
};

#[test]
fn a_command_whose_ciphertext_is_missing_is_malformed() {
    let mut world = referred();
    let ticket = world.submit_without_ciphertexts(&municipality(), route(&school()));
    world.run();
    let refused = Answer::Refused { refusal: Refusal::Malformed };
    assert_eq!(world.reply(ticket), Some(Reply::Command(refused)));
    assert_eq!(world.say(&municipality(), route(&other_school())), Answer::Recorded);
}

#[test]
fn a_task_that_got_lost_is_offered_again_and_a_notice_is_told_once() {
    let mut world = referred();
    let offered_again = |world: &mut World| {
        world.outside.tasks.clear();
        world.relay.handle(Input::OfferAgain, world.now);
        world.run();
        world.outside.tasks.values().map(|(_, task)| task.clone()).collect::<Vec<_>>()
    };
    let route_it = Task::Route { signal: signal(1, 0), round: 1, why: RouteWhy::New };
    assert_eq!(offered_again(&mut world), [route_it]);

    world.say(&municipality(), route(&school()));
    world.until("2026-11-20T08:30");
    assert!(world.outside.tasks.len() > 1, "no reminder was told");
    assert_eq!(offered_again(&mut world), [Task::Read { signal: signal(1, 0), round: 1 }]);
}

#[test]
fn a_log_that_holds_what_cannot_have_happened_is_left_alone_with_all_its_ciphertexts() {
    let mut world = World::new(MORNING);
    world.say(&police(), record(1));
    let stored = world.kept();
    let History::Live { mut commits, position } = world.outside.read(incident(1)) else { panic!() };
    commits.push(events([Fact::Returned { number: signal(1, 0).number }]));
    world.crash();
    world.run();
    let mut fresh = World::new(MORNING);
    fresh.relay.handle(
        Input::Loaded { incident: incident(1), history: Ok(History::Live { commits, position }) },
        fresh.now,
    );
    let Some(Output::Alarm { problem: Problem::OutOfOrder(problem), .. }) = fresh.relay.poll() else {
        panic!()
    };
    assert_eq!(problem.what, "an event of a signal");
    assert_eq!(fresh.kept(), stored, "the sweeper leaves its ciphertexts alone");
    assert_eq!(fresh.say(&veilig_thuis(), screen(1)), Answer::TryLater);
    assert_eq!(fresh.relay.wake_at(), None);
    assert!(fresh.relay.is_idle());
    assert_eq!(fresh.say(&police(), record(2)), Answer::Recorded, "nobody else is held up");
}

#[test]
fn a_log_that_cannot_be_read_alarms_its_own_incident_and_the_sweeper_leaves_everything_alone() {
    let mut world = World::new(MORNING);
    let unreadable = codec::decode(br#"{"v":7}"#).unwrap_err();
    let history = Ok(History::Unreadable(unreadable.clone()));
    world.relay.handle(Input::Loaded { incident: incident(1), history }, world.now);
    let Some(Output::Alarm { incident: alarmed, problem }) = world.relay.poll() else { panic!() };
    assert_eq!((alarmed, problem), (incident(1), Problem::Unreadable(unreadable)));
    assert_eq!(world.relay.keeps(), None, "what it points to is unknown");
    assert_eq!(world.say(&veilig_thuis(), screen(1)), Answer::TryLater);
    assert_eq!(world.say(&police(), record(2)), Answer::Recorded, "nobody else is held up");
    assert_eq!(world.say(&veilig_thuis(), screen(2)), Answer::Recorded);
}

#[test]
fn a_log_that_turns_out_unreadable_while_somebody_waits_asks_them_to_come_back() {
    let mut world = World::new(MORNING);
    world.say(&police(), record(1));
    let ticket = world.submit(&veilig_thuis(), screen(1));
    let Some(Output::Append { incident, .. }) = world.relay.poll() else { panic!() };
    world.relay.handle(Input::Appended { incident, outcome: Ok(Append::Conflict) }, world.now);
    let Some(Output::Load { .. }) = world.relay.poll() else { panic!() };
    let history = Ok(History::Unreadable(codec::decode(b"{").unwrap_err()));
    world.relay.handle(Input::Loaded { incident, history }, world.now);
    world.run();
    assert_eq!(world.reply(ticket), Some(Reply::Command(Answer::TryLater)));
    assert_eq!((world.alarms.as_slice(), world.relay.keeps()), ([incident].as_slice(), None));
    assert!(world.relay.is_idle());
}

#[test]
fn an_incident_that_is_left_alone_keeps_nobody_busy() {
    let mut world = World::new(MORNING);
    world.submit(&police(), record(1));
    // The task is being offered when the log turns out to hold nonsense.
    let mut offer = None;
    loop {
        match world.relay.poll() {
            Some(output @ Output::Perform { .. }) => offer = Some(output),
            Some(output) => world.carry_out(output, Weather::Fine),
            None if world.deliver(0) => {}
            None => break,
        }
    }
    let ticket = world.submit(&veilig_thuis(), screen(1));
    let Some(Output::Append { incident, .. }) = world.relay.poll() else { panic!() };
    world.relay.handle(Input::Appended { incident, outcome: Ok(Append::Conflict) }, world.now);
    let Some(Output::Load { .. }) = world.relay.poll() else { panic!() };
    let History::Live { mut commits, position } = world.outside.read(incident) else { panic!() };
    commits.push(events([Fact::Returned { number: signal(1, 0).number }]));
    let history = Ok(History::Live { commits, position });
    world.relay.handle(Input::Loaded { incident, history }, world.now);
    world.run();
    assert_eq!(world.reply(ticket), Some(Reply::Command(Answer::TryLater)));
    assert!(!world.relay.is_idle(), "the offer is still under way");
    world.carry_out(offer.unwrap(), Weather::Fine);
    world.run();
    assert!(world.relay.is_idle());
    assert_eq!((world.alarms.as_slice(), world.relay.wake_at()), ([incident].as_slice(), None));
}

#[test]
fn answers_that_nobody_waits_for_change_nothing() {
    let strays = || {
        let duty = Duty::Erase { payload: crate::region::payload(5) };
        let incident = incident(1);
        [
            Input::Loaded { incident, history: Ok(History::Ended) },
            Input::Stored { incident, places: Ok(Vec::new()) },
            Input::Stored { incident, places: Err(Trouble) },
            Input::Appended { incident, outcome: Ok(Append::Appended(Position(999))) },
            Input::Appended { incident, outcome: Ok(Append::Conflict) },
            Input::Appended { incident, outcome: Err(Trouble) },
            Input::Forgotten { incident, outcome: Ok(Append::Appended(Position(999))) },
            Input::Performed { incident, duty: duty.clone(), outcome: Ok(()) },
            Input::Performed { incident, duty, outcome: Err(Trouble) },
        ]
    };
    let mut nobody = World::new(MORNING);
    for stray in strays() {
        nobody.relay.handle(stray, nobody.now);
        assert!(nobody.relay.poll().is_none() && nobody.relay.is_idle());
    }
    nobody.check_over();

    let mut ready = referred();
    for stray in strays() {
        ready.relay.handle(stray, ready.now);
        assert!(ready.relay.poll().is_none() && ready.relay.is_idle());
    }
    assert_eq!(ready.say(&municipality(), route(&school())), Answer::Recorded);

    for stray in strays().into_iter().skip(1) {
        let mut loading = World::new(MORNING);
        let ticket = loading.submit(&police(), record(1));
        loading.relay.handle(stray, loading.now);
        loading.run();
        assert_eq!(loading.reply(ticket), Some(Reply::Command(Answer::Recorded)));
        assert_eq!(loading.log, ["load", "store", "append", "reply", "noted", "perform"]);
    }
}
