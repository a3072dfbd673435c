//! What goes wrong, as data.
//!
//! ```toml
//! [[faults]]
//! from_seconds = 0          # since the mock began
//! until_seconds = 3000      # absent: for ever
//! every = 1                 # every so manieth question meets it
//! api = "personen"          # or "bewoningen"; absent: both
//! trouble = "status"        # or slow, hang, half, garbage, huge, other_type
//! status = 503              # with the documented problem of that status
//! retry_after_seconds = 30
//! ```

use std::time::Duration;

use serde::Deserialize;

/// What goes wrong, the first that applies.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Faults {
    /// One after the other.
    #[serde(default)]
    pub faults: Vec<Fault>,
}

/// Something that goes wrong for a while.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// From when, since the mock began.
    #[serde(default)]
    pub from_seconds: u64,
    /// Until when; for ever when absent.
    #[serde(default)]
    pub until_seconds: Option<u64>,
    /// Every so manieth question meets it.
    #[serde(default = "one")]
    pub every: u64,
    /// Which API; both when absent.
    #[serde(default)]
    pub api: Option<Api>,
    /// What.
    pub trouble: Trouble,
    /// The status, for [`Trouble::Status`].
    #[serde(default = "unavailable")]
    pub status: u16,
    /// What it says of when to come again.
    #[serde(default)]
    pub retry_after_seconds: Option<u64>,
    /// How slow, for [`Trouble::Slow`].
    #[serde(default)]
    pub milliseconds: u64,
}

const fn one() -> u64 {
    1
}

const fn unavailable() -> u16 {
    503
}

/// An API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Api {
    /// BRP Personen.
    Personen,
    /// BRP Bewoning.
    Bewoningen,
}

/// A kind of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// A documented error.
    Status,
    /// The answer takes its time.
    Slow,
    /// No answer at all.
    Hang,
    /// The connection ends in the middle of the answer.
    Half,
    /// Something that is no JSON.
    Garbage,
    /// JSON that is no such answer.
    OtherType,
    /// Far too much.
    Huge,
}

/// Faults that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the faults cannot be read: {0}")]
pub struct FaultsError(String);

impl Faults {
    /// Reads them from TOML.
    pub fn read(text: &str) -> Result<Self, FaultsError> {
        toml::from_str(text).map_err(|error| FaultsError(error.message().to_owned()))
    }

    /// A documented error to everybody from now on.
    pub fn status(status: u16) -> Self {
        Self { faults: vec![Fault { status, ..Fault::always(Trouble::Status) }] }
    }

    /// One kind of trouble from now on.
    pub fn always(trouble: Trouble) -> Self {
        Self { faults: vec![Fault::always(trouble)] }
    }

    /// What meets the so manieth question (from 1), so long after the beginning.
    pub(crate) fn meets(&self, api: Api, question: u64, after: Duration) -> Option<Fault> {
        let applies = |fault: &&Fault| {
            after.as_secs() >= fault.from_seconds
                && fault.until_seconds.is_none_or(|until| after.as_secs() < until)
                && question.is_multiple_of(fault.every.max(1))
                && fault.api.is_none_or(|one| one == api)
        };
        self.faults.iter().find(applies).cloned()
    }
}

impl Fault {
    /// Always, for every question.
    pub const fn always(trouble: Trouble) -> Self {
        Self {
            from_seconds: 0,
            until_seconds: None,
            every: 1,
            api: None,
            trouble,
            status: 503,
            retry_after_seconds: None,
            milliseconds: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_meets_every_so_manieth_question_of_its_time_and_api() {
        let faults = Faults::read(
            "[[faults]]\nfrom_seconds = 10\nuntil_seconds = 20\nevery = 2\napi = \"personen\"\ntrouble = \"half\"\n",
        );
        let faults = faults.unwrap_or_else(|error| panic!("{error}"));
        let meets =
            |api, question, second| faults.meets(api, question, Duration::from_secs(second)).is_some();
        assert!(meets(Api::Personen, 2, 10) && meets(Api::Personen, 4, 19));
        assert!(!meets(Api::Personen, 3, 10) && !meets(Api::Personen, 2, 9) && !meets(Api::Personen, 2, 20));
        assert!(!meets(Api::Bewoningen, 2, 10));
        assert!(Faults::read("[[faults]]\ntrouble = \"half\"\nwhen = 1\n").is_err());
    }
}
