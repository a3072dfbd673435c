//! What anybody may do at any moment, and how a life may begin.

use hwc_workflow::policy::{Policy, PolicySettings};
use jiff::Timestamp;
use proptest::prelude::*;

use crate::{
    fixture::at,
    world::{Life, World},
};

/// One thing that somebody does. Places and choices are taken modulo what there is.
#[derive(Debug, Clone)]
pub(crate) enum Op {
    Say {
        who: Who,
        what: u8,
        place: u8,
        round: i8,
        choice: u8,
    },
    Ask {
        who: Who,
        what: u8,
        place: u8,
        round: i8,
    },
    /// One of the duties is done.
    Discharge(u8),
    /// Somebody says that something is done that perhaps nobody owes.
    DischargeAnything(u8),
    Wait(i64),
    JumpToDeadline,
    Look,
    Calendar(u8),
}

/// Mostly whoever should, sometimes anybody.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Who {
    Right,
    Anybody(u8),
}

fn who() -> impl Strategy<Value = Who> {
    prop_oneof![6 => Just(Who::Right), 1 => any::<u8>().prop_map(Who::Anybody)]
}

fn round() -> impl Strategy<Value = i8> {
    prop_oneof![8 => Just(0_i8), 1 => Just(-1), 1 => Just(1)]
}

fn seconds() -> impl Strategy<Value = i64> {
    const HOUR: i64 = 3600;
    prop_oneof![
        1 => -5_i64..=0,
        4 => 0..60_i64,
        4 => 0..12 * HOUR,
        2 => 0..100 * HOUR,
        1 => 0..1000 * HOUR,
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let say = (who(), 0_u8..8, any::<u8>(), round(), any::<u8>())
        .prop_map(|(who, what, place, round, choice)| Op::Say { who, what, place, round, choice });
    let ask = (who(), 0_u8..3, any::<u8>(), round()).prop_map(|(who, what, place, round)| Op::Ask {
        who,
        what,
        place,
        round,
    });
    prop_oneof![
        16 => say,
        6 => ask,
        6 => any::<u8>().prop_map(Op::Discharge),
        1 => any::<u8>().prop_map(Op::DischargeAnything),
        6 => seconds().prop_map(Op::Wait),
        3 => Just(Op::JumpToDeadline),
        2 => Just(Op::Look),
        1 => any::<u8>().prop_map(Op::Calendar),
    ]
}

pub(crate) fn ops() -> impl Strategy<Value = Vec<Op>> {
    // Most lives begin as they should, or few would get anywhere.
    let say = |what, choice| Op::Say { who: Who::Right, what, place: 0, round: 0, choice };
    let begun = (0_usize..=4, any::<u8>()).prop_map(move |(far, children)| {
        let steps = [say(0, 0), say(1, 1), say(2, children), say(3, 0)];
        steps[..far].to_vec()
    });
    (begun, prop::collection::vec(op(), 0..50)).prop_map(|(mut begun, ops)| {
        begun.extend(ops);
        begun
    })
}

/// How a life begins.
#[derive(Debug, Clone)]
pub(crate) struct Start {
    at: Timestamp,
    settings: PolicySettings,
}

impl Start {
    pub(crate) fn life(&self) -> Life {
        Life::of(World { policy: Policy::check(self.settings).unwrap(), ..World::new() }, self.at)
    }
}

/// A moment of the listed years or shortly after, and one of a few policies.
pub(crate) fn starts() -> impl Strategy<Value = Start> {
    let moments = at("2025-09-01T00:00").as_second()..at("2028-08-25T00:00").as_second();
    let holds = prop::sample::select(vec![0_u16, 1, 5, 17]);
    let hours = prop::sample::select(vec![8_i8, 10]);
    (moments, holds, 0_u16..3, 0_u16..3, hours).prop_map(|(second, hold, expire, spare, hour)| {
        let settings = PolicySettings {
            max_hold_days: hold,
            expire_after_school_days: expire,
            payload_ceiling_days: hold + expire + 7 + spare,
            remind_backup_at: jiff::civil::time(hour, 0, 0, 0),
            ..PolicySettings::default()
        };
        Start { at: Timestamp::from_second(second).unwrap(), settings }
    })
}
