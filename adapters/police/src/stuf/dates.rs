//! Dates and moments as StUF writes them: digits only, and what is not known of a date beside it.

use hwc_schemas::person::{DateOfBirth, civil_date};
use jiff::{
    Timestamp, ToSpan as _,
    civil::{Date, date},
    tz::TimeZone,
};

/// What is known of a date: `StUF:indOnvolledigeDatum`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Known {
    /// `V`, or not said.
    #[default]
    Whole,
    /// `D`: the day is not known.
    Month,
    /// `M`: day and month are not known.
    Year,
    /// `J`, or anything else: nothing is known.
    Nothing,
}

impl Known {
    pub(super) fn read(word: &str) -> Self {
        match word.trim() {
            "V" => Self::Whole,
            "D" => Self::Month,
            "M" => Self::Year,
            _ => Self::Nothing,
        }
    }
}

/// `yyyymmdd`.
pub(super) fn whole(digits: &str) -> Option<Date> {
    let (year, month, day) = parts(digits)?;
    civil_date(&format!("{year}-{month}-{day}"))
}

fn parts(digits: &str) -> Option<(&str, &str, &str)> {
    let shaped = digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_digit());
    shaped.then(|| (&digits[..4], &digits[4..6], &digits[6..]))
}

/// When somebody was born, as far as it is known.
#[derive(Clone, Copy)]
pub(super) enum Born {
    /// On this day.
    On(DateOfBirth),
    /// In a month or a year that ends on this day.
    Before(DateOfBirth),
    /// Nobody knows.
    Unknown,
}

impl Born {
    /// What digits and mark say together. A date with zeros for what is not known is taken by its zeros.
    pub(super) fn read(digits: &str, known: Known) -> Result<Self, &'static str> {
        let digits = digits.trim();
        if digits.is_empty() || known == Known::Nothing {
            return Ok(Self::Unknown);
        }
        let problem = "is not a date written YYYYMMDD";
        let (year, month, day) = parts(digits).ok_or(problem)?;
        let known = match (year, month, day) {
            ("0000", ..) => Known::Nothing,
            (_, "00", _) => Known::Year,
            (_, _, "00") if known == Known::Whole => Known::Month,
            _ => known,
        };
        let first = |month: &str| civil_date(&format!("{year}-{month}-01")).ok_or(problem);
        let before = |last: Date| Self::Before(DateOfBirth::new(last));
        match known {
            Known::Nothing => Ok(Self::Unknown),
            Known::Whole => whole(digits).map(|day| Self::On(DateOfBirth::new(day))).ok_or(problem),
            Known::Month => first(month).map(|first| before(first.last_of_month())),
            Known::Year => first("01").map(|first| before(date(first.year(), 12, 31))),
        }
    }

    /// Whether somebody could be younger than 18 years on that day.
    pub(super) fn could_be_a_minor(self, on: Date) -> bool {
        match self {
            Self::On(last) | Self::Before(last) => !is_grown_up(last, on),
            Self::Unknown => true,
        }
    }
}

/// Eighteen years or older on that day. Who was born on 29 February has the birthday on 1 March in other years (R2).
fn is_grown_up(born: DateOfBirth, on: Date) -> bool {
    on.checked_sub(18.years()).is_ok_and(|latest| born <= DateOfBirth::new(latest))
}

/// `yyyymmddhhmmss` and up to three digits of its fraction, in local time; what is cut off counts as zero.
pub(super) fn moment(digits: &str, zone: &TimeZone) -> Option<Timestamp> {
    let digits = digits.trim();
    let shaped = (8..=17).contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits.len() > 14 || digits.len().is_multiple_of(2));
    let day = whole(shaped.then(|| digits.get(..8))??)?;
    let two = |at: usize| digits.get(at..at + 2).map_or(Some(0), |two| two.parse::<i8>().ok());
    let fraction = digits.get(14..).filter(|fraction| !fraction.is_empty()).map_or(Some(0), |fraction| {
        let milliseconds: i32 = format!("{fraction:0<3}").parse().ok()?;
        Some(milliseconds * 1_000_000)
    })?;
    let time = jiff::civil::Time::new(two(8)?, two(10)?, two(12)?, fraction).ok()?;
    Some(day.to_datetime(time).to_zoned(zone.clone()).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Date {
        civil_date(text).unwrap()
    }

    #[test]
    fn what_is_not_known_of_a_date_makes_it_a_span() {
        let lasts = [
            ("20160203", Known::Whole, Some("2016-02-03"), true),
            ("20160203", Known::Month, Some("2016-02-29"), false),
            ("20160200", Known::Whole, Some("2016-02-29"), false),
            ("20160203", Known::Year, Some("2016-12-31"), false),
            ("20160000", Known::Whole, Some("2016-12-31"), false),
            ("20160203", Known::Nothing, None, false),
            ("00000000", Known::Whole, None, false),
            ("", Known::Whole, None, false),
        ];
        for (digits, known, last, whole) in lasts {
            let found = match Born::read(digits, known).unwrap_or(Born::Unknown) {
                Born::On(born) => Some((born.expose(), true)),
                Born::Before(last) => Some((last.expose(), false)),
                Born::Unknown => None,
            };
            assert_eq!(found, last.map(|last| (day(last), whole)), "{digits} {known:?}");
        }
        for broken in ["2016", "2016-02-03", "20161301", "20160230", "18991231"] {
            assert!(Born::read(broken, Known::Whole).is_err(), "{broken}");
        }
    }

    #[test]
    fn who_could_be_a_minor_by_any_reading_is_taken_for_one() {
        let on = day("2026-11-18");
        let could = |digits, known| Born::read(digits, known).is_ok_and(|born| born.could_be_a_minor(on));
        assert!(could("20081119", Known::Whole) && !could("20081118", Known::Whole));
        assert!(could("20081101", Known::Month) && !could("20081001", Known::Month));
        assert!(could("20080101", Known::Year) && !could("20070101", Known::Year));
        assert!(could("", Known::Whole) && could("19500101", Known::Nothing));
        let leap = |on| Born::read("20080229", Known::Whole).is_ok_and(|born| born.could_be_a_minor(day(on)));
        assert!(leap("2026-02-28") && !leap("2026-03-01"));
    }

    #[test]
    fn a_moment_is_local_time_and_may_be_cut_short() {
        let zone = TimeZone::get("Europe/Amsterdam").unwrap();
        let said = |digits| moment(digits, &zone).map(|moment| moment.to_string());
        assert_eq!(said("20261119064500123"), Some("2026-11-19T05:45:00.123Z".to_owned()));
        assert_eq!(said("2026111906450012"), Some("2026-11-19T05:45:00.12Z".to_owned()));
        assert_eq!(said("20260719064500"), Some("2026-07-19T04:45:00Z".to_owned()));
        assert_eq!(said("20261119"), Some("2026-11-18T23:00:00Z".to_owned()));
        for broken in
            ["", "2026111906450", "20261119T064500", "202611190645001234", "20261319064500", "20261119990000"]
        {
            assert_eq!(said(broken), None, "{broken}");
        }
    }
}
