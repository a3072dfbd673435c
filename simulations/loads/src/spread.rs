//! How something is spread: fixed, uniform or by quantiles. Whole seconds and integers only, so that a seed gives the same
//! everywhere.

use std::fmt;

use serde::{Deserialize, Deserializer, de::Error as _};

use crate::chance::{Dice, Share};

/// How a number of seconds is spread: straight lines between these points, from share 0 to the whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spread {
    points: Vec<(u32, i64)>,
}

/// Why points are no spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SpreadError {
    /// Too few or too many.
    #[error("wants 2 to {} points", Spread::POINTS_MAX)]
    Points,
    /// The shares do not go from 0 to 1, each larger than the one before.
    #[error("the shares must begin with 0, end with 1 and grow")]
    Shares,
    /// The values shrink.
    #[error("no value may be smaller than the one before")]
    Values,
}

impl Spread {
    /// Most points.
    pub const POINTS_MAX: usize = 32;

    /// Always the same.
    pub fn fixed(seconds: i64) -> Self {
        Self { points: vec![(0, seconds), (Share::WHOLE, seconds)] }
    }

    /// By quantiles: pairs of share and value.
    pub fn by_quantiles(points: Vec<(Share, i64)>) -> Result<Self, SpreadError> {
        if !(2..=Self::POINTS_MAX).contains(&points.len()) {
            return Err(SpreadError::Points);
        }
        let points: Vec<_> = points.into_iter().map(|(share, value)| (share.parts(), value)).collect();
        let ends = points.first().map(|point| point.0) == Some(0)
            && points.last().map(|point| point.0) == Some(Share::WHOLE);
        let pairs = || points.iter().zip(points.iter().skip(1));
        if !ends || !pairs().all(|(one, next)| one.0 < next.0) {
            return Err(SpreadError::Shares);
        }
        if !pairs().all(|(one, next)| one.1 <= next.1) {
            return Err(SpreadError::Values);
        }
        Ok(Self { points })
    }

    /// One value, in seconds.
    pub fn draw(&self, dice: &mut Dice) -> i64 {
        // Finer than the shares themselves, so that a long tail is no staircase.
        const FINER: u64 = 1_000;
        let thrown = dice.below(u64::from(Share::WHOLE) * FINER);
        let mut before = (0, self.smallest());
        for (share, value) in &self.points {
            let share = u64::from(*share) * FINER;
            if thrown < share {
                let (from, low) = before;
                let part = i128::from(*value - low) * i128::from(thrown - from) / i128::from(share - from);
                return low + i64::try_from(part).unwrap_or(0);
            }
            before = (share, *value);
        }
        self.largest()
    }

    /// The smallest value it gives.
    pub fn smallest(&self) -> i64 {
        self.points.first().map_or(0, |point| point.1)
    }

    /// The largest value it gives.
    pub fn largest(&self) -> i64 {
        self.points.last().map_or(0, |point| point.1)
    }
}

/// The longest time that a plan may name.
pub const SECONDS_MAX: i64 = 400 * 24 * 3600;

/// A length of time as a plan writes it: a whole number and `s`, `min`, `h` or `d`. A day is 24 hours.
pub fn seconds(text: &str) -> Option<i64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let unit = match unit.trim() {
        "s" => 1,
        "min" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    let seconds = number.parse::<i64>().ok()?.checked_mul(unit)?;
    (seconds <= SECONDS_MAX).then_some(seconds)
}

/// A time of day as a plan writes it, `07:30`, in seconds since midnight; `24:00` is the end of the day.
pub fn time_of_day(text: &str) -> Option<i64> {
    let (hours, minutes) = text.split_once(':')?;
    let two = |digits: &str| {
        let shaped = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        if shaped { digits.parse::<i64>().ok() } else { None }
    };
    let (hours, minutes) = (two(hours)?, two(minutes)?);
    let seconds = hours * 3_600 + minutes * 60;
    (minutes < 60 && seconds <= 86_400).then_some(seconds)
}

/// A spread of lengths of time, as a plan writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lengths(pub Spread);

/// A spread of times of day, as a plan writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Times(pub Spread);

impl<'de> Deserialize<'de> for Lengths {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wanted = "a length of time, as in \"90 s\", \"5 min\", \"2 h\" or \"3 d\"";
        spread(deserializer, seconds, wanted).map(Self)
    }
}

impl<'de> Deserialize<'de> for Times {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        spread(deserializer, time_of_day, "a time of day, as in \"07:45\"").map(Self)
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Fixed(String),
    Uniform(Uniform),
    Quantiles(Quantiles),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Uniform {
    uniform: [String; 2],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Quantiles {
    quantiles: Vec<(Share, String)>,
}

fn spread<'de, D: Deserializer<'de>>(
    deserializer: D,
    read: fn(&str) -> Option<i64>,
    wanted: &str,
) -> Result<Spread, D::Error> {
    let shapes = "wants a text, { uniform = [FROM, TO] } or { quantiles = [[0, LEAST], ..., [1, MOST]] }";
    let written = Written::deserialize(deserializer).map_err(|_| D::Error::custom(shapes))?;
    let value = |text: &str| read(text).ok_or_else(|| D::Error::custom(format!("{text:?} is not {wanted}")));
    let points = match written {
        Written::Fixed(text) => return Ok(Spread::fixed(value(&text)?)),
        Written::Uniform(Uniform { uniform: [from, to] }) => {
            vec![(Share::NONE, value(&from)?), (Share::ALL, value(&to)?)]
        }
        Written::Quantiles(Quantiles { quantiles }) => {
            let point = |(share, text): (Share, String)| Ok((share, value(&text)?));
            quantiles.into_iter().map(point).collect::<Result<_, _>>()?
        }
    };
    Spread::by_quantiles(points).map_err(D::Error::custom)
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ShareVisitor)
    }
}

struct ShareVisitor;

impl serde::de::Visitor<'_> for ShareVisitor {
    type Value = Share;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a share from 0 to 1")
    }

    fn visit_i64<E: serde::de::Error>(self, whole: i64) -> Result<Share, E> {
        match whole {
            0 => Ok(Share::NONE),
            1 => Ok(Share::ALL),
            _ => Err(E::custom("a share lies between 0 and 1")),
        }
    }

    fn visit_f64<E: serde::de::Error>(self, share: f64) -> Result<Share, E> {
        // Written in decimals, read as the nearest part in a million: the same on every machine.
        let parts = (0.0..=1.0).contains(&share).then(|| format!("{:.0}", share * 1e6));
        let parts = parts.and_then(|digits| digits.parse().ok()).and_then(Share::of_parts);
        parts.ok_or_else(|| E::custom("a share lies between 0 and 1"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Holder {
        it: Lengths,
    }

    fn read(text: &str) -> Result<Spread, String> {
        let holder: Result<Holder, _> = toml::from_str(&format!("it = {text}"));
        holder.map(|holder| holder.it.0).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn lengths_and_times_are_read_in_their_units() {
        let lengths = [("90 s", 90), ("5min", 300), ("2 h", 7_200), ("3 d", 259_200), ("0 s", 0)];
        for (text, wanted) in lengths {
            assert_eq!(seconds(text), Some(wanted), "{text}");
        }
        for bad in ["", "5", "five min", "-5 min", "1.5 h", "5 weeks", "401 d", "99999999999999999999 s"] {
            assert_eq!(seconds(bad), None, "{bad}");
        }
        assert_eq!((time_of_day("07:45"), time_of_day("24:00")), (Some(27_900), Some(86_400)));
        for bad in ["7:45", "07:60", "24:01", "25:00", "0745", "07:45:00"] {
            assert_eq!(time_of_day(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_spread_keeps_its_quantiles() {
        let spread =
            read(r#"{ quantiles = [[0, "1 min"], [0.5, "5 min"], [0.9, "20 min"], [1, "4 h"]] }"#).unwrap();
        let mut dice = crate::chance::Stream::Work.dice(3, &[]);
        let mut drawn: Vec<i64> = (0..10_001).map(|_| spread.draw(&mut dice)).collect();
        drawn.sort_unstable();
        assert!(drawn[0] >= 60 && drawn[10_000] < 14_400);
        assert!((285..315).contains(&drawn[5_000]), "{}", drawn[5_000]);
        assert!((1_000..2_200).contains(&drawn[9_000]), "{}", drawn[9_000]);
    }

    #[test]
    fn what_is_fixed_or_uniform_stays_within_it() {
        let mut dice = crate::chance::Stream::Work.dice(3, &[]);
        let (fixed, uniform) =
            (read(r#""5 min""#).unwrap(), read(r#"{ uniform = ["1 s", "3 s"] }"#).unwrap());
        for _ in 0..100 {
            assert_eq!(fixed.draw(&mut dice), 300);
            assert!((1..3).contains(&uniform.draw(&mut dice)));
        }
    }

    #[test]
    fn a_broken_spread_is_refused_in_words() {
        for (text, wanted) in [
            (r#""5 weeks""#, "is not a length of time"),
            (r#"{ unifrom = ["1 s", "3 s"] }"#, "wants a text"),
            (r#"{ uniform = ["3 s", "1 s"] }"#, "no value may be smaller"),
            (r#"{ quantiles = [[0, "1 s"], [0.5, "2 s"]] }"#, "must begin with 0, end with 1"),
            (r#"{ quantiles = [[0, "1 s"], [1.5, "2 s"]] }"#, "wants a text"),
            (r#"{ quantiles = [[0, "1 s"]] }"#, "wants 2 to 32 points"),
        ] {
            let said = read(text).unwrap_err();
            assert!(said.contains(wanted), "{text}: {said}");
        }
    }
}
