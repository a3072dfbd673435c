//! When whoever must look at a household in doubt (R9) is told of it: at once, and again well before the first lesson (R17).

use hwc_adapter_kit::doubts::NoticePolicy;
use jiff::{
    civil::{Time, time},
    tz::TimeZone,
};

/// When of those that still wait, local time, on school days: early enough that the children still arrive before 08:30.
pub const REMINDED_AT: [Time; 3] = [time(7, 0, 0, 0), time(7, 45, 0, 0), time(8, 10, 0, 0)];
/// What the cases are called where they are counted.
pub const CALLED: &str = "households in doubt";

/// When it is told, in this zone.
pub fn policy(zone: TimeZone) -> NoticePolicy {
    NoticePolicy { remind_at: REMINDED_AT.to_vec(), zone }
}
