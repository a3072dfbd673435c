//! An ordinary life, and the order in which things become durable.

use std::collections::BTreeSet;

use hwc_journal::History;
use hwc_relay::{Output, Reply, Rules};
use hwc_schemas::{
    Role,
    letter::Hop,
    wire::{Answer, Command, Fetch, Refusal},
};
use hwc_workflow::{Duty, Fact};
use jiff::civil::date;

use crate::{
    outside::name,
    people::{People, Plan, expand, record, screen},
    region::{MORNING, at, incident, municipality, police, rules, school, sealed, signal, veilig_thuis},
    world::{Weather, World, later},
};

/// Everybody does what they should, and time passes, until nothing moves.
pub(crate) fn live_on(world: &mut World, people: &mut People) {
    for _ in 0..10_000 {
        world.run();
        if people.work(world) {
            continue;
        }
        if !world.tick() {
            return;
        }
    }
    panic!("it does not end");
}

#[test]
fn an_ordinary_life_leaves_nothing_behind_but_a_tombstone() {
    let (mut world, mut people) = (World::new(MORNING), People::default());
    people.report(1, Plan::Ordinary);
    live_on(&mut world, &mut people);
    assert!(people.are_done() && people.answers.iter().all(|answer| *answer == Answer::Recorded));
    world.check_over();
    assert!(world.outside.store.is_empty());
    assert_eq!(world.outside.stored, 5, "a report, two referrals, two letters");
    assert_eq!(world.outside.read(incident(1)), History::Ended);
}

#[test]
fn every_plan_ends_as_planned() {
    for plan in Plan::ALL {
        let (mut world, mut people) = (World::new(MORNING), People::default());
        people.report(1, plan);
        live_on(&mut world, &mut people);
        world.check_over();
        assert!(world.outside.store.is_empty(), "{plan:?}");
        assert_eq!(world.outside.truth.words(incident(1)), plan.ends(), "{plan:?}");
        let breaches = usize::from(matches!(plan, Plan::Returned | Plan::Recalled));
        assert_eq!(world.outside.breaches.len(), breaches, "{plan:?}");
    }
}

#[test]
fn many_incidents_live_side_by_side() {
    let (mut world, mut people) = (World::new(MORNING), People::default());
    for (n, plan) in (1..).zip(Plan::ALL.into_iter().cycle().take(70)) {
        people.report(n, plan);
    }
    live_on(&mut world, &mut people);
    world.check_over();
    assert!(world.outside.store.is_empty());
    assert_eq!(world.outside.truth.courses.len(), 70);
}

/// The names of what the driver asks for, each done and answered before the next is polled.
fn order(world: &mut World) -> Vec<&'static str> {
    let mut names = Vec::new();
    loop {
        while let Some(output) = world.relay.poll() {
            names.push(name(&output));
            world.carry_out(output, Weather::Fine);
        }
        if !world.deliver(0) {
            return names;
        }
    }
}

#[test]
fn r21_each_is_durable_before_the_next_stored_appended_answered_performed() {
    let mut world = World::new(MORNING);
    world.submit(&police(), record(1));
    assert_eq!(order(&mut world), ["load", "store", "append", "reply", "noted", "perform"]);
    world.submit(&veilig_thuis(), screen(1));
    assert_eq!(order(&mut world), ["append", "reply", "noted"]);
    world.submit(&veilig_thuis(), expand(incident(1), 1, true));
    let expanded = ["store", "append", "reply", "noted", "perform", "perform", "append", "noted"];
    assert_eq!(order(&mut world), expanded, "the report is erased once the referral is pointed to");
}

#[test]
fn r24_a_letter_is_released_only_after_it_is_durable_that_it_was_opened() {
    let mut world = delivered();
    world.fetch(&school(), Fetch::Letter { signal: signal(1, 0), round: 1 });
    assert_eq!(order(&mut world), ["append", "reply", "noted"]);
    world.fetch(&school(), Fetch::Letter { signal: signal(1, 0), round: 1 });
    assert_eq!(
        order(&mut world),
        ["load", "reply"],
        "the second time nothing is to be written, and the log is asked"
    );
}

/// With its school, not opened.
pub(crate) fn delivered() -> World {
    let mut world = referred();
    let letter = sealed();
    let route = Command::Route { signal: signal(1, 0), round: 1, school: school(), letter };
    assert_eq!(world.say(&municipality(), route), Answer::Recorded);
    world
}

/// One child, with its municipality.
pub(crate) fn referred() -> World {
    let mut world = World::new(MORNING);
    for (from, command) in
        [(police(), record(1)), (veilig_thuis(), screen(1)), (veilig_thuis(), expand(incident(1), 1, true))]
    {
        assert_eq!(world.say(&from, command), Answer::Recorded);
    }
    world
}

#[test]
fn r9_a_report_again_after_the_end_is_already_recorded_and_nothing_is_stored() {
    let (mut world, mut people) = (World::new(MORNING), People::default());
    people.report(1, Plan::Ordinary);
    live_on(&mut world, &mut people);
    let stored = world.outside.stored;
    assert_eq!(world.say(&police(), record(1)), Answer::AlreadyRecorded);
    let refused = Answer::Refused { refusal: Refusal::NotYours };
    assert_eq!(world.say(&school(), record(1)), refused);
    assert_eq!(world.say(&veilig_thuis(), screen(1)), Answer::Refused { refusal: Refusal::Gone });
    let letter = Fetch::Letter { signal: signal(1, 0), round: 1 };
    assert_eq!(world.get(&school(), letter), Reply::NotDue(Refusal::Gone));
    assert_eq!(world.outside.stored, stored);
    world.check_over();
}

#[test]
fn the_same_command_again_stores_nothing() {
    let mut world = delivered();
    let stored = world.outside.stored;
    for (from, command) in [
        (police(), record(1)),
        (veilig_thuis(), screen(1)),
        (veilig_thuis(), expand(incident(1), 1, true)),
        (
            municipality(),
            Command::Route { signal: signal(1, 0), round: 1, school: school(), letter: sealed() },
        ),
    ] {
        assert_eq!(world.say(&from, command), Answer::AlreadyRecorded);
    }
    assert_eq!(world.outside.stored, stored);
}

#[test]
fn r24_a_fetch_at_the_moment_of_expiry_is_answered_though_nobody_has_looked() {
    let mut world = delivered();
    world.now = at("2026-11-23T17:00");
    let letter = Fetch::Letter { signal: signal(1, 0), round: 1 };
    assert_eq!(world.get(&school(), letter), Reply::NotDue(Refusal::Gone));
}

#[test]
fn r19_a_fetch_at_the_moment_of_delivery_is_given_though_nobody_has_looked() {
    let mut world = referred();
    world.now = at("2026-11-19T18:00");
    let route = Command::Route { signal: signal(1, 0), round: 1, school: school(), letter: sealed() };
    assert_eq!(world.say(&municipality(), route), Answer::Recorded);
    world.now = at("2026-11-20T07:00");
    let letter = Fetch::Letter { signal: signal(1, 0), round: 1 };
    assert!(matches!(world.get(&school(), letter), Reply::Release { .. }));
    let events = &world.outside.truth.courses[&incident(1)].events;
    let last: Vec<_> = events.iter().rev().take(2).map(|event| &event.fact).collect();
    assert!(matches!(last[..], [Fact::Opened { .. }, Fact::Delivered { .. }]));
}

#[test]
fn nobody_is_idle_while_anything_is_under_way_and_everybody_is_when_nothing_is() {
    let mut world = World::new(MORNING);
    assert!(world.relay.is_idle());
    world.submit(&police(), record(1));
    let mut waited = 0;
    loop {
        if !world.inbox.is_empty() {
            assert!(!world.relay.is_idle(), "while {} is under way", world.log.last().unwrap());
            waited += 1;
        }
        if let Some(output) = world.relay.poll() {
            world.carry_out(output, Weather::Fine);
        } else if !world.deliver(0) {
            break;
        }
    }
    assert!(waited > 3 && world.relay.is_idle(), "a task that is offered is the organisation's, not ours");
}

#[test]
fn an_erasure_is_asked_for_with_its_place() {
    let mut world = referred();
    world.submit(
        &municipality(),
        Command::Recall { signal: signal(1, 0), reason: hwc_schemas::outcome::Recalled::SentInError },
    );
    let mut erased = 0;
    world.run_in(|output| {
        if let Output::Perform { duty: Duty::Erase { .. }, location, .. } = output {
            assert!(location.is_some());
            erased += 1;
        }
        Weather::Fine
    });
    assert_eq!(erased, 1);
}

#[test]
fn r23_every_ciphertext_is_stored_with_the_ceiling_of_its_incident() {
    let mut world = referred();
    world.until("2026-12-01T09:00");
    let route = Command::Route { signal: signal(1, 0), round: 1, school: school(), letter: sealed() };
    assert_eq!(world.say(&municipality(), route), Answer::Recorded);
    assert_eq!(world.ceilings, [at("2026-12-17T09:00"); 3], "report, referral and letter");
}

#[test]
fn r19_rules_that_are_replaced_count_for_what_waits_already() {
    let mut world = referred();
    let closed = Rules { calendar: rules().calendar.with_closed_days([date(2026, 11, 19)]), ..rules() };
    world.relay.set_rules(closed, world.now);
    let route = Command::Route { signal: signal(1, 0), round: 1, school: school(), letter: sealed() };
    assert_eq!(world.say(&municipality(), route), Answer::Recorded);
    let letter = Fetch::Letter { signal: signal(1, 0), round: 1 };
    assert_eq!(world.get(&school(), letter), Reply::NotDue(Refusal::OutOfOrder));
    world.relay.set_rules(rules(), world.now);
    world.run();
    assert!(matches!(world.get(&school(), letter), Reply::Release { .. }));
}

#[test]
fn an_engine_that_starts_late_catches_up_at_once() {
    let mut world = delivered();
    world.now = at("2026-11-23T17:00");
    world.crash();
    assert!(world.relay.wake_at().is_some_and(|at| at <= world.now));
    world.run();
    world.check_over();
    assert_eq!(world.outside.truth.words(incident(1)), ["expired"]);
}

#[test]
fn r24_two_breaches_at_one_moment_are_both_recorded_though_they_look_the_same() {
    let mut world = referred();
    for round in 1..=2 {
        let route = Command::Route { signal: signal(1, 0), round, school: school(), letter: sealed() };
        world.submit(&municipality(), route);
        world.fetch(&school(), Fetch::Letter { signal: signal(1, 0), round });
        world.submit(&school(), Command::Return { signal: signal(1, 0), round });
    }
    // Neither can be recorded at first, so that both are owed at once.
    let breach = |output: &Output| matches!(output, Output::Perform { duty: Duty::RecordBreach { .. }, .. });
    world.run_in(|output| if breach(output) { Weather::Lost } else { Weather::Fine });
    assert_eq!(world.outside.breaches, []);
    world.tick();
    world.run();
    assert_eq!(world.outside.breaches.len(), 2);
    assert_eq!(world.outside.breaches[0], world.outside.breaches[1]);
    assert!(world.relay.is_idle());
}

#[test]
fn r28_what_is_held_is_told_with_whom_it_is_sealed_to_and_until_when() {
    let (mut world, mut people) = (World::new(MORNING), People::default());
    assert_eq!(world.relay.holdings().count(), 0);
    people.report(1, Plan::Ordinary);
    let mut seen = BTreeSet::new();
    loop {
        world.run();
        for (incident, held, until) in world.relay.holdings() {
            assert!(world.outside.store.values().any(|one| *one == held.payload), "what is held is there");
            assert_eq!(
                until,
                later(at(MORNING), 28 * 24 * 3_600),
                "the ceiling counts from the report (R23)"
            );
            seen.insert((incident, held.hop, held.from.role(), held.to.role(), held.due));
        }
        if !people.work(&mut world) && !world.tick() {
            break;
        }
    }
    assert_eq!(world.relay.holdings().count(), 0, "after the end it is nothing");
    let one = incident(1);
    let expected = [
        (one, Hop::Report, Role::Police, Role::VeiligThuis, true),
        (one, Hop::Referral, Role::VeiligThuis, Role::Municipality, false),
        (one, Hop::Referral, Role::VeiligThuis, Role::Municipality, true),
        (one, Hop::Letter, Role::Municipality, Role::School, true),
    ];
    assert_eq!(seen, BTreeSet::from(expected), "the municipality's copy is due only while it routes (R21)");
}
