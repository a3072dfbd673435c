//! No key of a living payload is ever destroyed, and every key of an ended one is in the end.

use jiff::{ToSpan, civil::date};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

const TODAY: Date = date(2026, 11, 22);

fn id(number: u32) -> KeyId {
    KeyId::from_uuid(Uuid::from_u128(number.into()))
}

fn minutes(minutes: u64) -> Duration {
    Duration::from_mins(minutes)
}

fn seen(stock: &[u32], living: &[u32]) -> Seen {
    let ids = |all: &[u32]| all.iter().copied().map(id).collect();
    Seen { stock: ids(stock), living: Some(ids(living)) }
}

fn one_time(keys: &[u32]) -> BTreeMap<KeyId, KeyKind> {
    keys.iter().map(|key| (id(*key), KeyKind::OneTime)).collect()
}

/// What is destroyed of these keys when the engine says this at each of these minutes.
fn destroyed(
    planner: &mut Planner,
    own: &BTreeMap<KeyId, KeyKind>,
    at: impl IntoIterator<Item = u64>,
    seen: &Seen,
) -> Vec<KeyId> {
    at.into_iter().flat_map(|minute| planner.plan(seen, own, 0, (minutes(minute), TODAY)).destroy).collect()
}

#[test]
fn a_key_is_destroyed_when_it_was_nowhere_for_ten_minutes_on_end() {
    let (mut planner, own) = (Planner::default(), one_time(&[1, 2, 3]));
    let nowhere = seen(&[1], &[2]);
    assert_eq!(destroyed(&mut planner, &own, 0..=9, &nowhere), []);
    // On its way from the stock to a payload it was nowhere for a moment.
    assert_eq!(destroyed(&mut planner, &own, [9], &seen(&[1], &[2, 3])), []);
    assert_eq!(destroyed(&mut planner, &own, (11..=20).step_by(3), &nowhere), []);
    assert_eq!(destroyed(&mut planner, &own, [21], &nowhere), [id(3)]);
}

#[test]
fn what_nobody_looked_at_for_a_while_was_not_missing_all_that_while() {
    let (mut planner, own) = (Planner::default(), one_time(&[1]));
    let nowhere = seen(&[], &[]);
    // It is seen missing, then the engine is out of reach for longer than it takes: something may have been sealed to it.
    assert_eq!(destroyed(&mut planner, &own, [0, 1, 12], &nowhere), []);
    assert_eq!(destroyed(&mut planner, &own, 13..=21, &nowhere), []);
    assert_eq!(destroyed(&mut planner, &own, [25], &nowhere), [], "four minutes of silence are a while too");
    assert_eq!(destroyed(&mut planner, &own, (26..=34).chain([35]), &nowhere), [id(1)]);
}

#[test]
fn as_long_as_the_engine_does_not_know_what_lives_nothing_is_destroyed() {
    let (mut planner, own) = (Planner::default(), one_time(&[1]));
    let (unsure, nowhere) = (Seen { stock: BTreeSet::new(), living: None }, seen(&[], &[]));
    assert_eq!(destroyed(&mut planner, &own, 0..=60, &unsure), []);
    // What was not known then does not count now.
    assert_eq!(destroyed(&mut planner, &own, 61..=64, &nowhere), []);
    assert_eq!(destroyed(&mut planner, &own, [65], &unsure), []);
    assert_eq!(destroyed(&mut planner, &own, 66..=75, &nowhere), []);
    assert_eq!(destroyed(&mut planner, &own, [76], &nowhere), [id(1)]);
}

#[test]
fn the_stock_is_filled_up_and_what_nobody_can_open_is_withdrawn() {
    let mut planner = Planner::default();
    let plan = planner.plan(&seen(&[1, 2, 9], &[3]), &one_time(&[1, 2, 3]), 8, (minutes(0), TODAY));
    assert_eq!((plan.make, plan.withdraw, plan.rotate), (6, vec![id(9)], true));
    let full = planner.plan(&seen(&[1, 2], &[]), &one_time(&[1, 2]), 1, (minutes(0), TODAY));
    assert_eq!(full.make, 0);
    let many: Vec<_> = (0..8_192).collect();
    let plan = planner.plan(&seen(&[], &many), &one_time(&many), 8, (minutes(0), TODAY));
    assert_eq!((plan.make, plan.rotate), (0, false), "there are enough of them");
}

#[test]
fn the_weekly_key_is_followed_by_another_after_a_week_whatever_clock_made_it() {
    let rotates = |made: Date| {
        let own = [(id(1), KeyKind::Weekly { made })].into();
        Planner::default().plan(&seen(&[1], &[]), &own, 0, (minutes(0), TODAY)).rotate
    };
    let day = |days: i64| TODAY.checked_add(days.days()).unwrap();
    assert!(!rotates(TODAY) && !rotates(day(-6)));
    assert!(rotates(day(-7)) && rotates(day(-400)) && rotates(day(1)) && rotates(day(400)));
    // One that is handed out no more is no weekly key.
    let own = [(id(1), KeyKind::Weekly { made: TODAY })].into();
    assert!(Planner::default().plan(&seen(&[], &[1]), &own, 0, (minutes(0), TODAY)).rotate);
}

/// What may happen to a key, and between two questions.
#[derive(Debug, Clone)]
enum Turn {
    /// So many are left.
    Leave(u8),
    /// Somebody takes one of the stock; its payload is pointed to some turns later, or never.
    Take(u8, Option<u8>),
    /// A payload ends.
    End(u8),
    /// So much later the engine is asked; perhaps it does not know what lives.
    Ask { minutes: u16, unsure: bool },
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let turn = prop_oneof![
        (1_u8..6).prop_map(Turn::Leave),
        (any::<u8>(), proptest::option::of(0_u8..4)).prop_map(|(key, after)| Turn::Take(key, after)),
        any::<u8>().prop_map(Turn::End),
        // Every minute or two; now and then it was out of reach for long.
        (prop_oneof![8 => 1_u16..3, 1 => 3_u16..30], proptest::bool::weighted(0.1))
            .prop_map(|(minutes, unsure)| Turn::Ask { minutes, unsure }),
    ];
    proptest::collection::vec(turn, 1..120)
}

/// An engine that says what is so; what was taken counts as living until it is pointed to or nothing came of it.
#[derive(Default)]
struct Engine {
    stock: Vec<KeyId>,
    /// Taken, and pointed to after so many questions; or never.
    on_the_way: Vec<(KeyId, Option<u8>)>,
    held: Vec<KeyId>,
}

impl Engine {
    fn seen(&mut self, unsure: bool) -> Seen {
        let living = self.on_the_way.iter().map(|(key, _)| *key).chain(self.held.iter().copied()).collect();
        let seen = Seen { stock: self.stock.iter().copied().collect(), living: (!unsure).then_some(living) };
        for (key, after) in std::mem::take(&mut self.on_the_way) {
            match after {
                Some(0) => self.held.push(key),
                Some(later) => self.on_the_way.push((key, Some(later - 1))),
                // Half an hour passed.
                None => {}
            }
        }
        seen
    }
}

proptest! {
    #[test]
    fn no_key_of_a_living_payload_is_destroyed_and_every_key_of_an_ended_one_is(turns in turns()) {
        let (mut engine, mut planner) = (Engine::default(), Planner::default());
        let (mut own, mut next, mut now) = (BTreeMap::new(), 0, 0);
        for turn in turns {
            match turn {
                Turn::Leave(keys) => for _ in 0..keys {
                    next += 1;
                    own.insert(id(next), KeyKind::OneTime);
                    // Every third question is lost on the way.
                    if !next.is_multiple_of(3) {
                        engine.stock.push(id(next));
                    }
                },
                Turn::Take(which, after) if !engine.stock.is_empty() => {
                    let key = engine.stock.remove(usize::from(which) % engine.stock.len());
                    engine.on_the_way.push((key, after));
                }
                Turn::End(which) if !engine.held.is_empty() => {
                    engine.held.remove(usize::from(which) % engine.held.len());
                }
                Turn::Take(..) | Turn::End(_) => {}
                Turn::Ask { minutes: later, unsure } => {
                    now += u64::from(later);
                    let plan = planner.plan(&engine.seen(unsure), &own, 0, (minutes(now), TODAY));
                    prop_assert!(plan.withdraw.is_empty());
                    for key in plan.destroy {
                        prop_assert!(!engine.stock.contains(&key), "it is handed out");
                        prop_assert!(!engine.held.contains(&key), "something is sealed to it");
                        prop_assert!(engine.on_the_way.iter().all(|(one, _)| *one != key), "it is on its way");
                        own.remove(&key);
                    }
                }
            }
        }
        // Everything ends, and nobody takes any more.
        engine.held.clear();
        engine.stock.clear();
        engine.on_the_way.clear();
        for _ in 0..8 {
            now += 2;
            for key in planner.plan(&engine.seen(false), &own, 0, (minutes(now), TODAY)).destroy {
                own.remove(&key);
            }
        }
        prop_assert!(own.is_empty(), "{} keys live for ever", own.len());
    }
}
