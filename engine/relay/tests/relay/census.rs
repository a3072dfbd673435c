//! What a watcher can count: how much is where, what happened, and how far the lessons are away.

use hwc_relay::Standing;
use hwc_schemas::{
    SignalId, SignalNumber,
    outcome::Withheld,
    wire::{Answer, Command},
};
use hwc_workflow::{Step, law::Phase};
use jiff::civil::time;

use crate::{
    life::live_on,
    people::{People, Plan, expand, expand_after, record, screen},
    region::{MORNING, at, incident, municipality, police, veilig_thuis},
    world::World,
};

fn counted(world: &World) -> Vec<(Phase, u64)> {
    world.relay.census().0.iter().map(|(phase, standing)| (*phase, standing.count)).collect()
}

#[test]
fn the_census_counts_reports_until_their_children_are_known_and_then_each_child() {
    let mut world = World::new(MORNING);
    assert_eq!(counted(&world), []);
    assert_eq!(world.say(&police(), record(1)), Answer::Recorded);
    world.now = at("2026-11-19T09:10");
    assert_eq!(world.say(&police(), record(2)), Answer::Recorded);
    let oldest = Standing { count: 2, oldest: at(MORNING) };
    assert_eq!(world.relay.census().0.get(&Phase::Recorded), Some(&oldest));

    world.say(&veilig_thuis(), screen(1));
    assert_eq!(world.say(&veilig_thuis(), expand(incident(1), 3, true)), Answer::Recorded);
    assert_eq!(counted(&world), [(Phase::Recorded, 1), (Phase::Expanded, 3)]);
    assert_eq!(world.relay.census().0[&Phase::Recorded].oldest, at("2026-11-19T09:10"));

    // An engine that starts counts the same: it is all in the journal.
    let before = world.relay.census();
    world.crash();
    assert_eq!(world.relay.census(), before);
}

#[test]
fn r9_a_child_that_joins_late_is_counted_from_when_it_joined() {
    let mut world = World::new(MORNING);
    world.say(&police(), record(1));
    world.say(&veilig_thuis(), screen(1));
    world.say(&veilig_thuis(), expand(incident(1), 1, false));
    let signal = SignalId { incident: incident(1), number: SignalNumber::FIRST };
    let withheld = Command::Withhold { signal, round: 1, reason: Withheld::EnrolmentUnknown };
    assert_eq!(world.say(&municipality(), withheld), Answer::Recorded);
    world.now = at("2026-11-19T10:00");
    world.say(&veilig_thuis(), expand_after(1, incident(1), 2, true));
    let joined = Standing { count: 2, oldest: at("2026-11-19T10:00") };
    assert_eq!(world.relay.census().0.get(&Phase::Expanded), Some(&joined));
}

#[test]
fn every_ending_is_told_once_and_at_the_end_nothing_is_counted() {
    for plan in Plan::ALL {
        let (mut world, mut people) = (World::new(MORNING), People::default());
        people.report(1, plan);
        live_on(&mut world, &mut people);
        let told = world.steps.iter().filter_map(Step::ended);
        let mut told: Vec<_> =
            told.filter(|(how, _)| how.words().1 != Some("not_domestic_violence")).collect();
        told.sort_unstable();
        let mut ended: Vec<_> = world.outside.truth.courses[&incident(1)]
            .outcomes
            .iter()
            .flatten()
            .map(|how| (*how, 1))
            .collect();
        ended.sort_unstable();
        assert_eq!(told, ended, "{plan:?}");
        assert_eq!(counted(&world), [], "{plan:?}");
    }
}

#[test]
fn the_next_lessons_are_those_of_the_next_school_day() {
    let world = World::new(MORNING);
    let start = |local: &str| world.relay.next_school_start(at(local)).unwrap();
    assert_eq!(start("2026-11-19T08:29"), at("2026-11-19T08:30"));
    assert_eq!(start("2026-11-19T08:30"), at("2026-11-20T08:30"));
    assert_eq!(start("2026-11-20T09:00"), at("2026-11-23T08:30"), "a weekend lies between");
    assert_eq!(world.relay.next_school_start(at("2030-01-01T09:00")), None, "no listed school year");
    assert_eq!(world.relay.school_start(), time(8, 30, 0, 0));
}
