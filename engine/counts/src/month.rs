//! A month of the calendar on the wall in the Netherlands: what is counted together, and what is published together.

use std::{fmt, str::FromStr};

use jiff::civil::{Date, DateTime, Time};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A month, as in `2026-11`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    year: i16,
    month: i8,
}

/// Text that is no month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a month; wanted YYYY-MM, as in 2026-11")]
pub struct MonthError;

impl Month {
    /// The month that a day lies in.
    pub fn of(day: Date) -> Self {
        Self { year: day.year(), month: day.month() }
    }

    /// The next one; the last one that there can be is its own next.
    #[must_use]
    pub fn next(self) -> Self {
        let last = Self { year: 9999, month: 12 };
        match (self, self.month) {
            (month, _) if month >= last => last,
            (Self { year, .. }, 12) => Self { year: year + 1, month: 1 },
            (Self { year, month }, _) => Self { year, month: month + 1 },
        }
    }

    /// Months from the first of all.
    pub(crate) fn number(self) -> i32 {
        i32::from(self.year) * 12 + i32::from(self.month)
    }

    /// When it is over, by the clock on the wall.
    pub(crate) fn end(self) -> DateTime {
        let next = self.next();
        Date::new(next.year, next.month, 1).unwrap_or(Date::MAX).to_datetime(Time::midnight())
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl FromStr for Month {
    type Err = MonthError;

    fn from_str(text: &str) -> Result<Self, MonthError> {
        let digits =
            |part: &str, count| part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit());
        let (year, month) = text.split_once('-').ok_or(MonthError)?;
        if !digits(year, 4) || !digits(month, 2) {
            return Err(MonthError);
        }
        let (year, month) = (year.parse().map_err(|_| MonthError)?, month.parse().map_err(|_| MonthError)?);
        if (1..=12).contains(&month) { Ok(Self { year, month }) } else { Err(MonthError) }
    }
}

impl Serialize for Month {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Month {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'_, str>>::deserialize(from)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_written_as_it_is_read_and_nothing_else_is_one() {
        for text in ["2026-11", "0001-01", "9999-12"] {
            assert_eq!(text.parse::<Month>().unwrap().to_string(), text);
        }
        for text in ["", "2026", "2026-13", "2026-00", "2026-1", "26-11", "2026-11-01", "2026/11", "+026-11"]
        {
            assert_eq!(text.parse::<Month>(), Err(MonthError), "{text}");
        }
    }

    #[test]
    fn december_is_followed_by_january_and_the_last_month_by_itself() {
        let next = |text: &str| text.parse::<Month>().unwrap().next().to_string();
        assert_eq!((next("2026-11").as_str(), next("2026-12").as_str()), ("2026-12", "2027-01"));
        assert_eq!(next("9999-12"), "9999-12");
        let november: Month = "2026-11".parse().unwrap();
        assert_eq!(november.end().to_string(), "2026-12-01T00:00:00");
    }
}
