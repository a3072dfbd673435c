//! Forgetting and replaying can be done in either order: what is replayed from a log in which something was forgotten is what is
//! replayed from the whole log and then forgotten.

use std::collections::BTreeSet;

use hwc_journal::{Append, History, Journal as _, Markers, Position, memory::MemoryJournal};
use hwc_relay::{Input, Limits, Output, Relay};
use hwc_schemas::{IncidentId, PayloadId};
use jiff::Timestamp;
use proptest::prelude::*;

use crate::{
    outside::now,
    people::{People, Plan},
    region::{MORNING, rules},
    world::{Weather, World},
};

type Histories = Vec<(IncidentId, History)>;

/// Lives so many steps of so many incidents, with their ends wherever that is.
fn lived(plans: &[Plan], steps: usize) -> World {
    let (mut world, mut people) = (World::new(MORNING), People::default());
    for (number, plan) in (1..).zip(plans) {
        people.report(number, *plan);
    }
    for _ in 0..steps {
        if let Some(output) = world.relay.poll() {
            world.carry_out(output, Weather::Fine);
        } else if !world.deliver(0) && !people.work(&mut world) && !world.tick() {
            break;
        }
    }
    world
}

/// The same histories in a journal of their own, in which these ended.
fn purged(histories: &Histories, ended: &BTreeSet<IncidentId>) -> MemoryJournal {
    let journal = MemoryJournal::default();
    for (incident, history) in histories {
        let History::Live { commits, .. } = history else { panic!("what is in flight is alive") };
        let mut position = Position::NONE;
        for commit in commits {
            match now(journal.append(*incident, position, commit)).unwrap() {
                Append::Appended(end) => position = end,
                Append::Conflict => panic!("nobody else writes"),
            }
        }
        if ended.contains(incident) {
            now(journal.forget(*incident, position, &Markers::of(commits))).unwrap();
        }
    }
    journal
}

/// What a driver knows and owes of some incidents after reading what is in flight.
#[derive(Debug, PartialEq)]
struct Replayed {
    incidents: Vec<String>,
    holdings: Vec<String>,
    owed: BTreeSet<String>,
    keeps: BTreeSet<PayloadId>,
}

fn replayed(histories: &Histories, at: Timestamp) -> (Relay, Vec<Output>) {
    let mut relay = Relay::new(rules(), Limits::default());
    for (incident, history) in histories {
        relay.handle(Input::Loaded { incident: *incident, history: Ok(history.clone()) }, at);
    }
    let outputs = std::iter::from_fn(|| relay.poll()).collect();
    (relay, outputs)
}

impl Replayed {
    /// Everything but what these are about.
    fn without(purged: &BTreeSet<IncidentId>, (relay, outputs): &(Relay, Vec<Output>)) -> Self {
        let is_left = |incident: &IncidentId| !purged.contains(incident);
        let owed = outputs.iter().filter_map(|output| match output {
            Output::Perform { incident, duty, location } if is_left(incident) => {
                Some(format!("{incident} {duty:?} {location:?}"))
            }
            // Where its log ends is another place in a log that was written anew.
            Output::Forget { incident, markers, .. } if is_left(incident) => {
                Some(format!("{incident} forget {markers:?}"))
            }
            Output::Append { incident, commit, .. } if is_left(incident) => {
                Some(format!("{incident} {commit:?}"))
            }
            _ => None,
        });
        let gone: BTreeSet<_> = relay
            .incidents()
            .filter(|(incident, _)| purged.contains(incident))
            .flat_map(|(_, incident)| incident.payloads())
            .collect();
        Self {
            incidents: relay
                .incidents()
                .filter(|(one, _)| is_left(one))
                .map(|one| format!("{one:?}"))
                .collect(),
            holdings: relay
                .holdings()
                .filter(|(one, ..)| is_left(one))
                .map(|one| format!("{one:?}"))
                .collect(),
            owed: owed.collect(),
            keeps: relay.keeps().unwrap().difference(&gone).copied().collect(),
        }
    }
}

fn plans() -> impl Strategy<Value = Vec<Plan>> {
    prop::collection::vec(prop::sample::select(Plan::ALL.to_vec()), 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn r23_replaying_a_purged_log_is_purging_the_replayed_log(
        plans in plans(), steps in 1_usize..400, chosen in any::<u8>(),
    ) {
        let world = lived(&plans, steps);
        let histories = world.outside.in_flight();
        let ended: BTreeSet<_> = histories
            .iter()
            .enumerate()
            .filter(|(place, _)| chosen >> place & 1 == 1)
            .map(|(_, (incident, _))| *incident)
            .collect();
        let journal = purged(&histories, &ended);
        let left = now(journal.in_flight()).unwrap();

        // What was not forgotten is as it was, to the last commit.
        let commits = |histories: &Histories| -> Vec<_> {
            let left = histories.iter().filter(|(incident, _)| !ended.contains(incident));
            left.map(|(incident, history)| match history {
                History::Live { commits, .. } => (*incident, commits.clone()),
                other => panic!("{other:?}"),
            })
            .collect()
        };
        prop_assert_eq!(commits(&left), commits(&histories));
        for incident in &ended {
            prop_assert_eq!(now(journal.read(*incident)).unwrap(), History::Ended);
        }
        let tombstones = now(journal.tombstones()).unwrap();
        prop_assert_eq!(tombstones.iter().map(|one| one.incident).collect::<BTreeSet<_>>(), ended.clone());
        for tombstone in tombstones {
            let whole = histories.iter().find(|(incident, _)| *incident == tombstone.incident);
            let Some((_, History::Live { commits, .. })) = whole else { panic!("it was alive") };
            prop_assert_eq!(tombstone.markers, Ok(Markers::of(commits)));
        }

        let purged_first = Replayed::without(&BTreeSet::new(), &replayed(&left, world.now));
        let replayed_first = Replayed::without(&ended, &replayed(&histories, world.now));
        prop_assert_eq!(purged_first, replayed_first);
    }
}
