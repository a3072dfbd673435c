//! When a look-up that failed is tried again, and from when on the named children go first (R9). It knows when the first
//! lesson begins: who waits half an hour at ten past eight has missed it (R17). Pure.

use jiff::{
    SignedDuration, Timestamp,
    civil::{Time, time},
    tz::TimeZone,
};

use hwc_veilig_thuis::Down;

use crate::failure::Kind;

/// The morning that a look-up must not miss.
#[derive(Debug, Clone)]
pub struct Morning {
    /// The local time zone.
    pub zone: TimeZone,
    /// When the first lesson begins.
    pub lesson: Time,
    /// From then on a household that is still not known holds the named children up no longer. None: only the policy's
    /// patience counts.
    pub last_call: Option<Time>,
}

impl Morning {
    /// When it begins by itself.
    pub const LESSON: Time = time(8, 30, 0, 0);
    /// Twenty minutes for the municipality and the school.
    pub const LAST_CALL: Time = time(8, 10, 0, 0);
}

/// What was spent on a look-up so far.
#[derive(Debug, Clone, Copy)]
pub struct Spent {
    /// Tries, at least one.
    pub attempts: u32,
    /// When the first began.
    pub began: Timestamp,
    /// When the policy's patience ends (R9).
    pub patience_ends: Timestamp,
    /// What the last one came to.
    pub failed: Kind,
    /// Any number, another for each incident, so that not all come back at one moment.
    pub spread: u8,
}

const FIRST_WAIT: SignedDuration = SignedDuration::from_secs(2);
/// Longest wait for what may pass by itself.
pub const LONGEST_WAIT: SignedDuration = SignedDuration::from_mins(1);
/// Longest wait for what somebody must mend, or for what the BRP itself wants.
pub const LONGEST_PAUSE: SignedDuration = SignedDuration::from_mins(5);
/// A look-up that began right before the lesson gets at least so long.
pub const AT_LEAST: SignedDuration = SignedDuration::from_mins(5);

/// When to try again, and from when on the named children go first.
pub fn next(now: Timestamp, spent: &Spent, morning: &Morning) -> Down {
    let named_first = named_first(spent, morning);
    let wait = match spent.failed {
        Kind::Passing => doubled(FIRST_WAIT, spent.attempts).min(LONGEST_WAIT),
        Kind::NotBefore(after) => SignedDuration::try_from(after)
            .unwrap_or(LONGEST_PAUSE)
            .clamp(SignedDuration::from_secs(1), LONGEST_PAUSE),
        Kind::ToMend => doubled(FIRST_WAIT * 10, spent.attempts).min(LONGEST_PAUSE),
    };
    // Up to a quarter later, each incident by another part of it.
    let spread = wait * i32::from(spent.spread) / 1024;
    let again = later(now, wait + spread);
    // One more try at the very moment when the named would go first.
    let again = if now < named_first { again.min(named_first) } else { again };
    Down { again, named_first }
}

fn named_first(spent: &Spent, morning: &Morning) -> Timestamp {
    let Some(last_call) = morning.last_call else { return spent.patience_ends };
    let today = morning.zone.to_datetime(spent.began).date();
    let local = |at| morning.zone.to_timestamp(today.to_datetime(at)).ok();
    match (local(last_call), local(morning.lesson)) {
        (Some(last_call), Some(lesson)) if spent.began < lesson => {
            last_call.max(later(spent.began, AT_LEAST)).min(spent.patience_ends)
        }
        _ => spent.patience_ends,
    }
}

fn doubled(first: SignedDuration, attempts: u32) -> SignedDuration {
    first * (1_i32 << attempts.saturating_sub(1).min(12))
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn morning() -> Morning {
        let zone = TimeZone::get("Europe/Amsterdam").unwrap();
        Morning { zone, lesson: Morning::LESSON, last_call: Some(Morning::LAST_CALL) }
    }

    fn at(local: &str) -> Timestamp {
        format!("2026-11-18T{local}+01:00").parse().unwrap()
    }

    fn spent(began: &str, failed: Kind) -> Spent {
        let began = at(began);
        let patience_ends = later(began, SignedDuration::from_mins(30));
        Spent { attempts: 1, began, patience_ends, failed, spread: 0 }
    }

    #[test]
    fn r9_the_named_go_first_after_thirty_minutes_and_in_time_for_the_first_lesson() {
        for (began, expected) in [
            ("06:00:00", "06:30:00"),
            ("07:40:00", "08:10:00"),
            ("07:55:00", "08:10:00"),
            ("08:09:00", "08:14:00"),
            ("08:29:00", "08:34:00"),
            ("08:30:00", "09:00:00"),
            ("23:50:00", "24:20:00"),
        ] {
            let down = next(at(began), &spent(began, Kind::Passing), &morning());
            let expected = expected.replace("24:20", "23:50");
            let expected = if began == "23:50:00" {
                later(at(&expected), SignedDuration::from_mins(30))
            } else {
                at(&expected)
            };
            assert_eq!(down.named_first, expected, "{began}");
        }
        let patient = Morning { last_call: None, ..morning() };
        assert_eq!(
            next(at("07:55:00"), &spent("07:55:00", Kind::Passing), &patient).named_first,
            at("08:25:00")
        );
    }

    #[test]
    fn what_the_brp_asks_for_is_heeded_within_bounds_and_what_must_be_mended_is_not_hammered() {
        let again = |failed| next(at("12:00:00"), &spent("12:00:00", failed), &morning()).again;
        assert_eq!(again(Kind::NotBefore(Duration::from_secs(90))), at("12:01:30"));
        assert_eq!(again(Kind::NotBefore(Duration::from_secs(0))), at("12:00:01"));
        assert_eq!(again(Kind::NotBefore(Duration::from_hours(24))), at("12:05:00"));
        assert_eq!(again(Kind::Passing), at("12:00:02"));
        assert_eq!(again(Kind::ToMend), at("12:00:20"));
    }

    proptest! {
        #[test]
        fn a_try_always_follows_soon_never_before_now_and_never_skips_the_moment_of_the_named(
            began in 0..86_400_i64,
            passed in 0..7_200_i64,
            attempts in 1..u32::MAX,
            spread: u8,
            kind in prop_oneof![
                Just(Kind::Passing),
                Just(Kind::ToMend),
                any::<u64>().prop_map(|after| Kind::NotBefore(Duration::from_secs(after))),
            ],
        ) {
            let began = later(at("00:00:00"), SignedDuration::from_secs(began));
            let now = later(began, SignedDuration::from_secs(passed));
            let patience_ends = later(began, SignedDuration::from_mins(30));
            let spent = Spent { attempts, began, patience_ends, failed: kind, spread };
            let Down { again, named_first } = next(now, &spent, &morning());
            prop_assert!(again > now);
            prop_assert!(again.duration_since(now) <= LONGEST_PAUSE * 5 / 4);
            prop_assert!(named_first <= patience_ends && named_first >= later(began, AT_LEAST));
            prop_assert!(now >= named_first || again <= named_first);
            // Whoever began in time is not held up past the lesson by a BRP that is down.
            let lesson = at("08:30:00");
            if later(began, AT_LEAST) <= at("08:10:00") {
                prop_assert!(named_first <= at("08:10:00").max(lesson - SignedDuration::from_mins(20)));
            }
        }
    }
}
