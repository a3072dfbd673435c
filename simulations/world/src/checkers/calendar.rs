//! Days and hours (R17 to R20), read from the rules alone: local time, days without school, and what follows from them.

use std::collections::{BTreeSet, HashMap};

use jiff::{
    Timestamp, ToSpan,
    civil::{Date, DateTime, Time, Weekday},
    tz::{Offset, TimeZone},
};

use crate::truth::{Holidays, PolicySettings, Truth};

/// The region's days.
#[derive(Debug, Clone)]
pub(crate) struct Calendar {
    holidays: Holidays,
    closed_days: HashMap<String, BTreeSet<Date>>,
    policy: PolicySettings,
}

/// When a letter that waits is delivered, seen from a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Chance {
    /// At this moment.
    At(Timestamp),
    /// Not: the summer holiday lies between (R18).
    SummerHoliday,
    /// Not: it would be held too long (R19).
    TooLong,
    /// Not to be said yet: it waits for a day of which nothing is known (R19).
    Unknown,
}

impl Calendar {
    /// From what is so.
    pub(crate) fn of(truth: &Truth) -> Self {
        let closed = truth.schools.iter().map(|school| (school.code.clone(), school.closed_days.clone()));
        Self { holidays: truth.holidays.clone(), closed_days: closed.collect(), policy: truth.policy }
    }

    /// Whether there is school there on that day; none for a day of which nothing is known (R19).
    pub(crate) fn is_school_day(&self, school: &str, day: Date) -> Option<bool> {
        let within = |(first, last): &(Date, Date)| (*first..=*last).contains(&day);
        let holidays = &self.holidays;
        self.is_listed(day).then(|| {
            !(is_weekend(day)
                || is_national_holiday(day)
                || holidays.summer.iter().chain(&holidays.other).any(within)
                || holidays.closed_days.contains(&day)
                || self.closed_days.get(school).is_some_and(|days| days.contains(&day)))
        })
    }

    /// A school year runs from 1 August to 31 July, and on to the end of its summer holiday (R19).
    fn is_listed(&self, day: Date) -> bool {
        self.holidays.years_listed.iter().any(|&year| {
            let (first, last) = (Date::new(year, 8, 1), Date::new(year + 1, 7, 31));
            let (Ok(first), Ok(mut last)) = (first, last) else { return false };
            let its_own = |(begins, _): &&(Date, Date)| (first..=last).contains(begins);
            let ends = self.holidays.summer.iter().filter(its_own).map(|(_, ends)| *ends).max();
            last = last.max(ends.unwrap_or(last));
            (first..=last).contains(&day)
        })
    }

    /// A weekday of the summer holiday (R18).
    pub(crate) fn is_summer_weekday(&self, day: Date) -> bool {
        !is_weekend(day) && self.holidays.summer.iter().any(|(first, last)| (*first..=*last).contains(&day))
    }

    /// Whether a weekday of the summer holiday lies between two days, both included (R18).
    pub(crate) fn summer_between(&self, first: Date, last: Date) -> bool {
        days(first, last).any(|day| self.is_summer_weekday(day))
    }

    /// What becomes of a letter that is ready since `ready` and still waits at `now`, when `last` is the last day of its hold
    /// and `ceiling` the end of every payload (R18, R19).
    pub(crate) fn chance(
        &self,
        school: &str,
        (ready, now): (Timestamp, Timestamp),
        last: Date,
        ceiling: Timestamp,
    ) -> Chance {
        let today = local(now).date();
        let mut unknown = None;
        for day in days(local(ready.min(now)).date(), today.saturating_add(400.days())) {
            if self.is_summer_weekday(day) {
                return Chance::SummerHoliday;
            }
            if day < today {
                continue;
            }
            match self.is_school_day(school, day) {
                None => {
                    unknown = Some(day);
                    break;
                }
                Some(false) => {}
                Some(true) => {
                    let slot = now.max(at(day, self.policy.deliver_from));
                    if slot < at(day, self.policy.deliver_until) {
                        let in_time = day <= last && slot <= ceiling;
                        return if in_time { Chance::At(slot) } else { Chance::TooLong };
                    }
                }
            }
        }
        let hopeless = unknown.is_none_or(|day| day > last) || now >= at(last, self.policy.deliver_until);
        if hopeless { Chance::TooLong } else { Chance::Unknown }
    }

    /// When a delivered letter expires that nobody acknowledges (R20); none when the days ahead are not known.
    pub(crate) fn expires(&self, school: &str, delivered: Timestamp) -> Option<Timestamp> {
        let first = local(delivered).date().tomorrow().ok()?;
        let count = usize::from(self.policy.expire_after_school_days);
        if count == 0 {
            return Some(at(local(delivered).date(), self.policy.deliver_until));
        }
        let day = days(first, first.saturating_add(400.days()))
            .filter(|day| self.is_school_day(school, *day) == Some(true))
            .nth(count - 1)?;
        Some(at(day, self.policy.deliver_until))
    }
}

/// The time that clocks in Amsterdam show: an hour ahead of UTC, two from the last Sunday of March to that of October.
pub(crate) fn local(moment: Timestamp) -> DateTime {
    let utc = TimeZone::UTC.to_datetime(moment);
    let turn = |month| last_sunday(utc.year(), month).at(1, 0, 0, 0);
    let hours = if (turn(3)..turn(10)).contains(&utc) { 2 } else { 1 };
    Offset::constant(hours).to_datetime(moment)
}

/// The moment at which clocks in Amsterdam show that time on that day; the first of two.
pub(crate) fn at(day: Date, time: Time) -> Timestamp {
    let shown = day.to_datetime(time);
    let moments = [2, 1].map(|hours| Offset::constant(hours).to_timestamp(shown).unwrap_or(Timestamp::MAX));
    moments.into_iter().find(|moment| local(*moment) == shown).unwrap_or(moments[0])
}

/// All days from the first to the last, both included.
pub(crate) fn days(first: Date, last: Date) -> impl Iterator<Item = Date> {
    std::iter::successors(Some(first), |day| day.tomorrow().ok()).take_while(move |day| *day <= last)
}

/// Of a month of 31 days.
fn last_sunday(year: i16, month: i8) -> Date {
    let last = Date::constant(year, month, 31);
    last.saturating_sub(i64::from(last.weekday().to_sunday_zero_offset()).days())
}

fn is_weekend(day: Date) -> bool {
    matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday)
}

fn is_national_holiday(day: Date) -> bool {
    let fixed = match (day.month(), day.day()) {
        (1, 1) | (12, 25 | 26) => true,
        (4, 26) => day.weekday() == Weekday::Saturday,
        (4, 27) => day.weekday() != Weekday::Sunday,
        (5, 5) => day.year() % 5 == 0,
        _ => false,
    };
    let easter = easter(day.year());
    // Easter Sunday and Monday, Ascension Day, Whit Sunday and Monday.
    fixed || [0, 1, 39, 49, 50].iter().any(|&after: &i64| easter.saturating_add(after.days()) == day)
}

/// Easter Sunday, by the anonymous Gregorian reckoning.
fn easter(year: i16) -> Date {
    let year = i32::from(year);
    let (golden, century, rest) = (year % 19, year / 100, year % 100);
    let moon = (19 * golden + century - century / 4 - (8 * century + 13) / 25 + 15) % 30;
    let week = (32 + 2 * (century % 4) + 2 * (rest / 4) - moon - rest % 4) % 7;
    let late = (golden + 11 * moon + 19 * week) / 433;
    let month = (moon + week - 7 * late + 90) / 25;
    let day = (moon + week - 7 * late + 33 * month + 19) % 32;
    let narrow = |number| i8::try_from(number).unwrap_or(1);
    Date::new(i16::try_from(year).unwrap_or(1), narrow(month), narrow(day)).unwrap_or(Date::MIN)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::{super::story::region, *};

    fn when(local: &str) -> Timestamp {
        let shown: DateTime = local.replace(' ', "T").parse().unwrap();
        at(shown.date(), shown.time())
    }

    #[test]
    fn local_time_is_amsterdams() {
        let amsterdam = TimeZone::get("Europe/Amsterdam").unwrap();
        let mut moment: Timestamp = "2026-01-01T00:30:00Z".parse().unwrap();
        while moment < "2029-01-01T00:00:00Z".parse().unwrap() {
            assert_eq!(local(moment), amsterdam.to_datetime(moment));
            moment += jiff::SignedDuration::from_mins(30);
        }
    }

    #[test]
    fn r19_national_holidays_are_those_of_the_rule() {
        let closed: Vec<_> =
            days(date(2027, 1, 1), date(2027, 12, 31)).filter(|d| is_national_holiday(*d)).collect();
        let of_2027 = ["01-01", "03-28", "03-29", "04-27", "05-06", "05-16", "05-17", "12-25", "12-26"];
        assert_eq!(closed, of_2027.map(|day| format!("2027-{day}").parse::<Date>().unwrap()));
        assert!(is_national_holiday(date(2025, 4, 26)) && !is_national_holiday(date(2025, 4, 27)));
        assert!(is_national_holiday(date(2030, 5, 5)) && !is_national_holiday(date(2029, 5, 5)));
        for (year, month, day) in [(2024, 3, 31), (2025, 4, 20), (2026, 4, 5), (2038, 4, 25)] {
            assert_eq!(easter(year), date(year, month, day));
        }
    }

    #[test]
    fn r19_a_day_in_no_listed_year_is_unknown() {
        let mut truth = region();
        truth.schools[0].closed_days.insert(date(2026, 11, 20));
        let calendar = Calendar::of(&truth);
        let is = |day| calendar.is_school_day("01AA00", day);
        assert_eq!(is(date(2026, 11, 19)), Some(true));
        assert_eq!(is(date(2026, 11, 20)), Some(false));
        assert_eq!(calendar.is_school_day("02BB00", date(2026, 11, 20)), Some(true));
        assert_eq!(is(date(2026, 11, 21)), Some(false));
        // Its school year ends with its summer holiday.
        assert_eq!(
            (is(date(2027, 9, 3)), is(date(2027, 9, 6)), is(date(2026, 7, 31))),
            (Some(false), None, None)
        );
    }

    #[test]
    fn r18_and_r19_say_when_a_letter_may_go() {
        let calendar = Calendar::of(&region());
        let chance = |ready: &str, last: &str| {
            let ready = when(ready);
            calendar.chance("01AA00", (ready, ready), last.parse().unwrap(), Timestamp::MAX)
        };
        let goes = |moment: &str| Chance::At(when(moment));
        assert_eq!(chance("2026-11-19 06:00", "2026-12-06"), goes("2026-11-19 07:00"));
        assert_eq!(chance("2026-11-19 16:59", "2026-12-06"), goes("2026-11-19 16:59"));
        assert_eq!(chance("2026-11-19 17:00", "2026-12-06"), goes("2026-11-20 07:00"));
        assert_eq!(chance("2026-11-20 17:00", "2026-12-06"), goes("2026-11-23 07:00"));
        assert_eq!(chance("2026-12-18 17:00", "2027-01-04"), goes("2027-01-04 07:00"));
        assert_eq!(chance("2026-12-18 17:00", "2027-01-03"), Chance::TooLong);
        assert_eq!(chance("2027-07-23 17:00", "2027-08-09"), Chance::SummerHoliday);
        // The weekend that ends the holiday is a weekend like any other; what comes after it is not listed.
        assert_eq!(chance("2027-09-04 12:00", "2027-09-21"), Chance::Unknown);
        assert_eq!(chance("2027-09-05 12:00", "2027-09-05"), Chance::TooLong);
    }

    #[test]
    fn r20_a_letter_expires_on_the_second_school_day_after() {
        let calendar = Calendar::of(&region());
        let expires = |delivered| calendar.expires("01AA00", when(delivered));
        assert_eq!(expires("2026-11-19 07:00"), Some(when("2026-11-23 17:00")));
        assert_eq!(expires("2026-12-18 07:00"), Some(when("2027-01-05 17:00")));
        assert_eq!(expires("2027-07-23 07:00"), None);
    }
}
