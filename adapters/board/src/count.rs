//! Counts and ages that tell of nobody: what they are made of cannot be had back.

use std::fmt;

use jiff::SignedDuration;

/// Below this a count is not said, and above it only in steps of so many (R27).
const FEW: u64 = 5;

/// How many, as far as it may be said: none, fewer than five, or at least so many, in steps of five. The number itself is not kept, so
/// two counts that are said alike are the same, and no sum gives a few of them back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Count(Said);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
enum Said {
    #[default]
    None,
    Few,
    AtLeast(u64),
}

impl Count {
    /// Of so many.
    pub const fn of(many: u64) -> Self {
        Self(match many {
            0 => Said::None,
            1..FEW => Said::Few,
            _ => Said::AtLeast(many - many % FEW),
        })
    }

    /// Whether there is none.
    pub const fn is_none(self) -> bool {
        matches!(self.0, Said::None)
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Said::None => f.write_str("0"),
            Said::Few => write!(f, "<{FEW}"),
            Said::AtLeast(many) => write!(f, "{many}+"),
        }
    }
}

/// How long something has been so, in steps: whoever knows when the police came cannot find the incident by its moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Age(usize);

/// From how many minutes on, and how it is said.
const STEPS: [(i64, &str); 6] = [
    (0, "under 5 min"),
    (5, "5 to 15 min"),
    (15, "15 to 60 min"),
    (60, "1 to 4 hours"),
    (4 * 60, "4 to 24 hours"),
    (24 * 60, "over a day"),
];

impl Age {
    /// Of this duration.
    pub fn of(duration: SignedDuration) -> Self {
        let minutes = duration.as_mins();
        Self(STEPS.iter().rposition(|(from, _)| *from <= minutes).unwrap_or_default())
    }
}

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(STEPS.get(self.0).map_or("", |(_, said)| said))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r27_how_many_a_few_are_cannot_be_had_back_not_even_by_its_debug() {
        let said = [0, 1, 4, 5, 9, 10, 14, 101].map(|many| Count::of(many).to_string());
        assert_eq!(said, ["0", "<5", "<5", "5+", "5+", "10+", "10+", "100+"]);
        assert_eq!(Count::of(1), Count::of(4));
        assert_eq!(format!("{:?}", Count::of(1)), format!("{:?}", Count::of(3)));
        assert!(Count::of(0).is_none() && !Count::of(1).is_none());
    }

    #[test]
    fn a_moment_cannot_be_told_from_an_age() {
        let said = [-5, 0, 4, 5, 59, 60, 1_439, 1_440, 100_000].map(|minutes| {
            let age = Age::of(SignedDuration::from_mins(minutes));
            age.to_string()
        });
        let expected = [
            "under 5 min",
            "under 5 min",
            "under 5 min",
            "5 to 15 min",
            "15 to 60 min",
            "1 to 4 hours",
            "4 to 24 hours",
            "over a day",
            "over a day",
        ];
        assert_eq!(said, expected);
    }
}
