//! The words in which a plan says days, times and moments.

use hwc_population::Size;
use jiff::civil::{Date, DateTime, Time};
use serde::{Deserialize, Deserializer, de::Error as _};

use crate::spread;

/// A day, as in `2026-11-16`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(pub Date);

/// A time of day, as in `07:30`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct At(pub Time);

/// A local moment, as in `2026-11-18 05:30`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub DateTime);

/// A length of time in seconds, as in `3 h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Length(pub i64);

/// A size of the population, as in `region` or `50000`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RegionSize(pub Size);

/// Days of the week, Monday first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weekdays([bool; 7]);

impl Weekdays {
    /// Every day.
    pub const ALL: Self = Self([true; 7]);
    /// Monday to Friday.
    pub const WORKING: Self = Self([true, true, true, true, true, false, false]);
    /// Monday.
    pub const MONDAY: Self = Self([true, false, false, false, false, false, false]);
    const NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

    /// Whether a day is one of them.
    pub fn hold(&self, day: Date) -> bool {
        let at = usize::try_from(day.weekday().to_monday_zero_offset()).unwrap_or(0);
        self.0.get(at).copied().unwrap_or(false)
    }
}

fn text<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    wanted: &str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<T, D::Error> {
    let text = String::deserialize(deserializer)?;
    read(text.trim()).ok_or_else(|| D::Error::custom(format!("{text:?} is not {wanted}")))
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text(deserializer, "a day, as in \"2026-11-16\"", hwc_schemas::person::civil_date).map(Self)
    }
}

impl<'de> Deserialize<'de> for At {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text(deserializer, "a time of day from \"00:00\" to \"23:59\"", time).map(Self)
    }
}

fn time(text: &str) -> Option<Time> {
    let seconds = spread::time_of_day(text).filter(|seconds| *seconds < 86_400)?;
    let part = |seconds: i64| i8::try_from(seconds).ok();
    Time::new(part(seconds / 3_600)?, part(seconds / 60 % 60)?, 0, 0).ok()
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = |text: &str| {
            let (day, at) = text.split_once(' ')?;
            Some(hwc_schemas::person::civil_date(day)?.to_datetime(time(at)?))
        };
        text(deserializer, "a local moment, as in \"2026-11-18 05:30\"", read).map(Self)
    }
}

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wanted = "a length of time, as in \"90 s\", \"5 min\", \"2 h\" or \"3 d\"";
        text(deserializer, wanted, spread::seconds).map(Self)
    }
}

impl<'de> Deserialize<'de> for Weekdays {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut days = [false; 7];
        for name in Vec::<String>::deserialize(deserializer)? {
            let at = Self::NAMES.iter().position(|known| *known == name);
            let day = at.and_then(|at| days.get_mut(at));
            *day.ok_or_else(|| D::Error::custom(format!("{name:?} is none of {:?}", Self::NAMES)))? = true;
        }
        if days == [false; 7] { Err(D::Error::custom("names no day of the week")) } else { Ok(Self(days)) }
    }
}

impl<'de> Deserialize<'de> for RegionSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Word(String),
            Number(u32),
        }
        let written =
            Written::deserialize(deserializer).map_err(|_| D::Error::custom("wants a word or a number"))?;
        let text = match written {
            Written::Word(word) => word,
            Written::Number(number) => number.to_string(),
        };
        text.parse().map(Self).map_err(D::Error::custom)
    }
}
