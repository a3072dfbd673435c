//! When a notice is tried again. It knows when the lessons begin: the nearer they are, the more often it is tried, and what
//! nobody has any use for any more is not sent.

use hwc_schemas::wire::Notice;
use jiff::{
    SignedDuration, Timestamp, ToSpan as _,
    civil::{Time, time},
    tz::TimeZone,
};

/// The lessons begin then (R17).
const LESSONS: Time = time(8, 30, 0, 0);
/// Nobody at a school reads mail any more.
const EVENING: Time = time(17, 0, 0, 0);
/// However late a notice was due, it is of use for so long.
const OF_USE_FOR: SignedDuration = SignedDuration::from_hours(2);
/// The first wait, and the shortest.
const FIRST_WAIT: SignedDuration = SignedDuration::from_secs(15);
/// The longest wait, before jitter.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_mins(15);
/// The last try comes so long before it is of no use any more.
const LAST_TRY: SignedDuration = SignedDuration::from_secs(10);

/// Until when a notice is wanted, and until when it is of any use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purpose {
    /// It should be there before this: the first lesson. The nearer that is, the more often it is tried.
    pub aim: Option<Timestamp>,
    /// From then on nobody has any use for it. None: it must arrive, however late.
    pub over: Option<Timestamp>,
}

impl Purpose {
    /// It must arrive, however late: a breach (R24).
    pub const ALWAYS: Self = Self { aim: None, over: None };

    /// A signal waits at a school since then.
    pub fn of_waiting(since: Timestamp, zone: &TimeZone) -> Self {
        Self::of_a_day(since, zone)
    }

    /// A notice that was due then (R20). One about a morning is of use until that day's evening, one of the evening until the
    /// next morning's lessons.
    pub fn of(notice: Notice, due: Timestamp, zone: &TimeZone) -> Self {
        match notice {
            Notice::RemindContact | Notice::RemindBackup | Notice::ReceiptMissing => {
                Self::of_a_day(due, zone)
            }
            Notice::StillUnread => {
                let tomorrow = due.to_zoned(zone.clone()).date().checked_add(1.day()).ok();
                let over = tomorrow.and_then(|day| day.to_datetime(LESSONS).to_zoned(zone.clone()).ok());
                Self { aim: None, over: over.map(|over| over.timestamp()) }
            }
        }
    }

    /// A code that somebody waits for, and that is good until then.
    pub const fn until(over: Timestamp) -> Self {
        Self { aim: None, over: Some(over) }
    }

    /// The same by a clock that is so far behind.
    #[must_use]
    pub fn by_a_clock_behind(self, by: SignedDuration) -> Self {
        let ours = |at: Timestamp| at.checked_sub(by).unwrap_or(at);
        Self { aim: self.aim.map(ours), over: self.over.map(ours) }
    }

    fn of_a_day(due: Timestamp, zone: &TimeZone) -> Self {
        let day = due.to_zoned(zone.clone()).date();
        let at = |time: Time| Some(day.to_datetime(time).to_zoned(zone.clone()).ok()?.timestamp());
        let at_least = due.checked_add(OF_USE_FOR).unwrap_or(Timestamp::MAX);
        Self {
            aim: at(LESSONS).filter(|lessons| due < *lessons),
            over: at(EVENING).map(|evening| evening.max(at_least)),
        }
    }
}

/// How long to wait before it is tried again; none when it is of no use any more. `attempts` failed so far, none before the
/// first. `dice` is any number, for the jitter: those who failed together do not come back together.
pub fn wait(now: Timestamp, purpose: &Purpose, attempts: u32, dice: u16) -> Option<SignedDuration> {
    let left = |until: Option<Timestamp>| until.map(|until| until.duration_since(now));
    let of_use = left(purpose.over);
    if of_use.is_some_and(|left| left <= SignedDuration::ZERO) {
        return None;
    }
    let Some(failed_before) = attempts.checked_sub(1) else { return Some(SignedDuration::ZERO) };
    let doubled = FIRST_WAIT.saturating_mul(1 << failed_before.min(16)).min(LONGEST_WAIT);
    // Three to five quarters of it.
    let jittered = doubled * 3 / 4 + doubled / 2 / (1 << 16) * i32::from(dice);
    let before_lessons = left(purpose.aim).filter(|left| *left > SignedDuration::ZERO);
    let hurried = before_lessons.map_or(jittered, |left| jittered.min(left / 4)).max(FIRST_WAIT);
    match of_use {
        Some(left) if hurried < left => Some(hurried),
        Some(left) if left > LAST_TRY * 2 => Some(left - LAST_TRY),
        Some(_) => None,
        None => Some(hurried),
    }
}

/// Any number, for [`wait`].
pub fn dice() -> u16 {
    let random = uuid::Uuid::new_v4();
    let [one, two, ..] = random.as_bytes();
    u16::from_be_bytes([*one, *two])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn zone() -> TimeZone {
        TimeZone::get("Europe/Amsterdam").unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// Every try of a notice whose server never answers, from this moment on.
    fn tries(mut now: Timestamp, purpose: Purpose, dice: &[u16]) -> Vec<Timestamp> {
        let mut tries = Vec::new();
        while let Some(wait) =
            wait(now, &purpose, u32::try_from(tries.len()).unwrap(), dice[tries.len() % dice.len()])
        {
            now += wait;
            tries.push(now);
            assert!(tries.len() < 1_000, "it never ends");
        }
        tries
    }

    #[test]
    fn a_reminder_of_0815_aims_at_0830_and_is_of_use_until_the_evening() {
        let purpose = Purpose::of(Notice::RemindContact, at("2026-11-18T08:15:00+01:00"), &zone());
        assert_eq!(purpose.aim, Some(at("2026-11-18T08:30:00+01:00")));
        assert_eq!(purpose.over, Some(at("2026-11-18T17:00:00+01:00")));
        let backup = Purpose::of(Notice::RemindBackup, at("2026-11-18T08:30:00+01:00"), &zone());
        assert_eq!((backup.aim, backup.over), (None, purpose.over));
        let unread = Purpose::of(Notice::StillUnread, at("2026-11-18T17:00:00+01:00"), &zone());
        assert_eq!(unread.over, Some(at("2026-11-19T08:30:00+01:00")));
        let late = Purpose::of_waiting(at("2026-11-18T16:55:00+01:00"), &zone());
        assert_eq!(late.over, Some(at("2026-11-18T18:55:00+01:00")));
    }

    #[test]
    fn by_a_clock_that_is_days_behind_a_reminder_is_as_urgent_and_as_soon_over() {
        let due = at("2026-11-18T08:15:00+01:00");
        let by_the_engines = Purpose::of(Notice::RemindContact, due, &zone());
        let days = SignedDuration::from_hours(24 * 5);
        let by_ours = by_the_engines.by_a_clock_behind(days);
        for minutes in [0, 10, 20, 400, 600] {
            let now = due.checked_add(SignedDuration::from_mins(minutes)).unwrap();
            let ours = now.checked_sub(days).unwrap();
            assert_eq!(wait(now, &by_the_engines, 3, 7), wait(ours, &by_ours, 3, 7), "{minutes}");
        }
        assert_eq!(Purpose::ALWAYS.by_a_clock_behind(days), Purpose::ALWAYS);
    }

    #[test]
    fn a_breach_is_tried_for_as_long_as_it_takes_and_never_more_rarely_than_every_nineteen_minutes() {
        for attempts in [0, 1, 10, u32::MAX] {
            let waited = wait(at("2026-11-18T08:00:00Z"), &Purpose::ALWAYS, attempts, u16::MAX).unwrap();
            assert!(waited <= SignedDuration::from_mins(19), "{attempts}: {waited}");
        }
    }

    proptest! {
        #[test]
        fn no_try_comes_after_its_purpose_and_they_are_not_too_many(
            minutes in 0_i64..24 * 60, dice in prop::collection::vec(any::<u16>(), 1..20), which in 0_usize..4,
        ) {
            let due = at("2026-11-18T00:00:00+01:00") + SignedDuration::from_mins(minutes);
            let purpose = Purpose::of(Notice::ALL[which], due, &zone());
            let tries = tries(due, purpose, &dice);
            prop_assert_eq!(tries.first(), Some(&due));
            prop_assert!(tries.iter().all(|one| *one < purpose.over.unwrap()));
            prop_assert!(tries.windows(2).all(|two| two[0] < two[1]));
            prop_assert!(tries.len() <= 200, "{} tries", tries.len());
        }

        #[test]
        fn a_server_that_is_back_a_minute_before_the_lessons_still_gets_it_before_them(
            minutes in 1_i64..8 * 60, dice in prop::collection::vec(any::<u16>(), 1..20),
        ) {
            let lessons = at("2026-11-18T08:30:00+01:00");
            let due = lessons - SignedDuration::from_mins(minutes);
            let purpose = Purpose::of(Notice::RemindContact, due, &zone());
            let back = lessons - SignedDuration::from_mins(1);
            let tries = tries(due, purpose, &dice);
            prop_assert!(tries.iter().any(|one| (back..lessons).contains(one)), "{:?}", tries);
        }

        #[test]
        fn the_nearer_the_lessons_the_shorter_the_wait(attempts in 1_u32..30, dice: u16, nearer in 0_i64..400) {
            let lessons = at("2026-11-18T08:30:00+01:00");
            let purpose = Purpose { aim: Some(lessons), over: None };
            let wait_at = |minutes| {
                wait(lessons - SignedDuration::from_mins(minutes), &purpose, attempts, dice).unwrap()
            };
            prop_assert!(wait_at(nearer + 1) >= wait_at((nearer + 1) / 2 + 1));
        }
    }
}
