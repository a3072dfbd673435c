//! A plan: a question about a region, written as TOML (`docs/plans.md`).
//!
//! Strict: an unknown key is refused with its line, every value has a bound, and what two keys say must agree.

mod parts;
mod rates;
mod words;

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use hwc_workflow::policy::{Policy, PolicySettings};
use serde::Deserialize;

pub use parts::{
    Arrivals, Down, LookUp, Outages, Period, PolicyPart, Region, Registers, Reporting, Schools, Staff,
};
pub use rates::RatesPart;
pub use words::{At, Day, Length, Moment, RegionSize, Weekdays};

use crate::spread::Spread;

/// A plan, read and checked.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What it says.
    pub says: Says,
    /// Its text, to be shown with what came of it.
    pub text: String,
    /// The folder in which it lies; what it names is relative to that.
    folder: PathBuf,
}

/// What a plan says. The keys are those of the file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Says {
    /// What it is called.
    pub name: String,
    /// The question it answers.
    #[serde(default)]
    pub question: String,
    /// The seed: the same plan with the same seed gives the same, byte for byte, on every machine.
    #[serde(default = "one")]
    pub seed: u64,
    /// When. A dataset that is run as it is has its own.
    pub period: Option<Period>,
    /// Where.
    pub region: Region,
    /// What happens.
    #[serde(default)]
    pub arrivals: Arrivals,
    /// When it is reported.
    #[serde(default)]
    pub reporting: Reporting,
    /// Who screens.
    #[serde(default)]
    pub veilig_thuis: Staff,
    /// Who routes, in each municipality.
    #[serde(default)]
    pub municipality: Staff,
    /// Who opens.
    #[serde(default)]
    pub schools: Schools,
    /// When the registers of pupils are corrected.
    #[serde(default)]
    pub registers: Registers,
    /// How often what happens.
    #[serde(default)]
    pub rates: RatesPart,
    /// When the look-up of households is down.
    #[serde(default)]
    pub look_up: LookUp,
    /// When the engine cannot be reached.
    #[serde(default)]
    pub engine: Outages,
    /// The region's policy.
    #[serde(default)]
    pub policy: PolicyPart,
}

const fn one() -> u64 {
    1
}

/// A plan that cannot be used. Matters to whoever wrote it.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// It is not there or cannot be read.
    #[error("{0}")]
    File(#[from] std::io::Error),
    /// It is larger than a plan is.
    #[error("larger than a plan may be ({} bytes)", Plan::BYTES_MAX)]
    TooLarge,
    /// A place in it.
    #[error("line {line}, column {column}: {problem}")]
    Place {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What is wrong.
        problem: String,
    },
    /// Something that two keys do not agree about, or a value out of its bounds.
    #[error("line {line}: {key}: {problem}")]
    Key {
        /// The line on which its table begins, from 1.
        line: usize,
        /// Which key.
        key: &'static str,
        /// What is wrong and what to do.
        problem: &'static str,
    },
}

impl Plan {
    /// The largest plan, in bytes.
    pub const BYTES_MAX: u64 = 256 * 1024;
    /// The longest period, in days.
    pub const DAYS_MAX: u16 = 400;
    /// Most incidents a year.
    pub const INCIDENTS_MAX: u32 = 1_000_000;
    /// Most people at one organisation.
    pub const PEOPLE_MAX: u16 = 1_000;
    /// Most outages of one kind.
    pub const OUTAGES_MAX: usize = 1_000;

    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self, PlanError> {
        let mut text = String::new();
        File::open(path)?.take(Self::BYTES_MAX + 1).read_to_string(&mut text)?;
        if text.len() as u64 > Self::BYTES_MAX {
            return Err(PlanError::TooLarge);
        }
        let folder = path.parent().map(Path::to_owned).unwrap_or_default();
        Ok(Self { folder, ..Self::parse(text)? })
    }

    /// Reads and checks a text.
    pub fn parse(text: impl Into<String>) -> Result<Self, PlanError> {
        let text = text.into();
        let says: Says = toml::from_str(&text).map_err(|error| {
            let before = text.get(..error.span().map_or(0, |span| span.start)).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            PlanError::Place { line, column, problem: error.message().replace('\n', " ") }
        })?;
        if let Some((table, key, problem)) = wrong(&says) {
            return Err(PlanError::Key { line: line_of(&text, table), key, problem });
        }
        Ok(Self { says, text, folder: PathBuf::new() })
    }

    /// A path that the plan names, from where the plan lies.
    pub fn beside(&self, path: &Path) -> PathBuf {
        self.folder.join(path)
    }

    /// The region's policy.
    pub fn policy(&self) -> Policy {
        Policy::check(self.says.policy.over(PolicySettings::default())).unwrap_or_default()
    }
}

/// The line on which a table begins; the first when it is not there.
fn line_of(text: &str, table: &str) -> usize {
    let header = format!("[{table}]");
    text.lines().position(|line| line.trim_start().starts_with(&header)).map_or(1, |at| at + 1)
}

type Wrong = (&'static str, &'static str, &'static str);

fn wrong(says: &Says) -> Option<Wrong> {
    let Says { period, region, arrivals, reporting, engine, look_up, .. } = says;
    let made = region.size.is_some();
    let rules = [
        (says.name.trim().is_empty(), "", "name", "says nothing"),
        (says.name.chars().count() > 120, "", "name", "is longer than 120 characters"),
        (says.question.chars().count() > 1_000, "", "question", "is longer than 1000 characters"),
        (i64::try_from(says.seed).is_err(), "", "seed", "must be at most 2^63 - 1"),
        (made == region.dataset.is_some(), "region", "size", "give either size or dataset"),
        (
            made != period.is_some(),
            "period",
            "from",
            "a region that is made needs a period, a dataset has its own",
        ),
        (
            period.is_some_and(|period| !(1..=Plan::DAYS_MAX).contains(&period.days)),
            "period",
            "days",
            "must be 1 to 400",
        ),
        (
            period.is_some_and(|period| !(2000..2099).contains(&period.from.0.year())),
            "period",
            "from",
            "must lie between 2000 and 2099",
        ),
        (
            arrivals.incidents_per_year.is_some_and(|a_year| a_year > Plan::INCIDENTS_MAX),
            "arrivals",
            "incidents_per_year",
            "must be at most 1000000",
        ),
        (
            arrivals.incidents_per_100k_children > 100_000,
            "arrivals",
            "incidents_per_100k_children",
            "must be at most 100000",
        ),
        (weightless(&arrivals.by_weekday), "arrivals", "by_weekday", "wants a weight from 1 to 1000000"),
        (weightless(&arrivals.by_hour), "arrivals", "by_hour", "wants a weight from 1 to 1000000"),
        (
            reporting.verify_from >= reporting.verify_until,
            "reporting",
            "verify_until",
            "must be later than verify_from",
        ),
        (outages(&engine.down, engine.per_year), "engine", "per_year", "at most 1000 outages"),
        (outages(&look_up.down, look_up.per_year), "look_up", "per_year", "at most 1000 outages"),
    ];
    let rules =
        rules.into_iter().find(|(broken, ..)| *broken).map(|(_, table, key, problem)| (table, key, problem));
    rules
        .or_else(|| staff("veilig_thuis", &says.veilig_thuis))
        .or_else(|| staff("municipality", &says.municipality))
        .or_else(|| {
            let policy = Policy::check(says.policy.over(PolicySettings::default()));
            policy.err().map(|error| ("policy", error.key, error.problem))
        })
}

fn weightless(weights: &[u32]) -> bool {
    weights.iter().all(|weight| *weight == 0) || weights.iter().any(|weight| *weight > 1_000_000)
}

fn outages(down: &[Down], per_year: u32) -> bool {
    down.len() > Plan::OUTAGES_MAX || usize::try_from(per_year).is_ok_and(|count| count > Plan::OUTAGES_MAX)
}

/// The longest that one task may take somebody, in seconds: whoever needs longer has not understood the question.
const TASK_SECONDS_MAX: i64 = 5 * 86_400;

fn staff(table: &'static str, staff: &Staff) -> Option<Wrong> {
    let lunch = staff
        .lunch
        .is_some_and(|[from, until]| !(staff.opens <= from && from < until && until <= staff.closes));
    let long = |spread: &Spread| spread.largest() > TASK_SECONDS_MAX;
    let rules = [
        (
            staff.people.is_some_and(|people| !(1..=Plan::PEOPLE_MAX).contains(&people)),
            "people",
            "must be 1 to 1000; leave it out for work that is done at once",
        ),
        (staff.opens >= staff.closes, "closes", "must be later than opens"),
        (lunch, "lunch", "must lie between opens and closes"),
        (long(&staff.takes.0), "takes", "must be at most 5 d"),
        (long(&staff.doubt_takes.0), "doubt_takes", "must be at most 5 d"),
    ];
    rules.into_iter().find(|(broken, ..)| *broken).map(|(_, key, problem)| (table, key, problem))
}

#[cfg(test)]
mod tests;
