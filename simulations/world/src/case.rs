//! One world that is worth telling of: tried, told event by event, cut down to what matters, kept as a file.

use std::{
    cell::Cell,
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
};

use serde::{Deserialize, Serialize};

use crate::{
    Cut, Mutation, NoWorld, Outcome, Scenario, Watcher, World,
    checkers::{Jury, Violation},
    chronicle::Entry,
    truth::Truth,
};

/// How often a failing world is tried with less in it.
const TRIES_MAX: u32 = 400;

/// A seed, what is left of its world, and a planted bug or none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Case {
    /// The seed.
    pub seed: u64,
    /// What is left.
    pub cut: Cut,
    /// The bug.
    pub mutation: Option<Mutation>,
}

/// What became of a world.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// What must not have happened; the earliest first.
    pub violations: Vec<Violation>,
    /// How it ended; none if it was broken off.
    pub outcome: Option<Outcome>,
    /// How many reports there were.
    pub reports: usize,
    /// How many planned faults there were.
    pub faults: usize,
    /// How many things were written down.
    pub entries: usize,
}

/// Who is told of every entry, with what was found wrong by then.
pub type Listener<'l> = &'l mut dyn FnMut(&Entry, &[Violation]);

struct Judge<'t, 'l> {
    truth: &'t Truth,
    jury: Jury,
    listener: Option<Listener<'l>>,
    entries: usize,
    goes_on: bool,
}

impl Watcher for Judge<'_, '_> {
    fn saw(&mut self, entry: Entry) -> bool {
        self.jury.see(&entry, self.truth);
        self.entries += 1;
        if let Some(listener) = &mut self.listener {
            listener(&entry, self.jury.violations());
        }
        // What follows from a wrong is no news, unless somebody listens.
        self.goes_on || self.jury.violations().is_empty()
    }
}

impl Case {
    /// The whole world of a seed.
    pub fn of(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }

    /// Lives through it, until the first thing that is wrong.
    pub fn try_out(&self) -> Result<Verdict, NoWorld> {
        self.lived(None)
    }

    /// Lives through it to the end, and tells everything.
    pub fn tell(&self, listener: Listener<'_>) -> Result<Verdict, NoWorld> {
        self.lived(Some(listener))
    }

    fn lived(&self, listener: Option<Listener<'_>>) -> Result<Verdict, NoWorld> {
        let Scenario { truth, setup } = Scenario::new(self.seed, &self.cut, self.mutation)?;
        let (reports, faults) = (truth.reports.len(), setup.planned.len());
        let goes_on = listener.is_some();
        let mut judge = Judge { truth: &truth, jury: Jury::default(), listener, entries: 0, goes_on };
        let lived = catch_unwind(AssertUnwindSafe(|| World::new(setup, &mut judge).live()));
        if judge.jury.violations().is_empty() || goes_on {
            judge.jury.end(&truth);
        }
        let mut violations = judge.jury.violations().to_vec();
        let entry = judge.entries;
        match &lived {
            Ok(outcome) if !outcome.at_rest => {
                let what = format!("nothing came to rest until {}", outcome.ended_at);
                violations.push(Violation { checker: "rest", entry, what });
            }
            Ok(_) => {}
            Err(panic) => {
                let said = panic.downcast_ref::<String>().map(String::as_str);
                let said = said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a word");
                violations.push(Violation { checker: "panic", entry, what: said.to_owned() });
            }
        }
        Ok(Verdict { violations, outcome: lived.ok(), reports, faults, entries: judge.entries })
    }

    /// The same fault with as little as possible around it: fewer reports, fewer planned faults, fewer strikes of chance. What is
    /// left still makes the same checker object.
    pub fn shrunk(&self) -> Result<Self, NoWorld> {
        let verdict = self.try_out()?;
        let Some(first) = verdict.violations.first() else { return Ok(self.clone()) };
        let checker = first.checker;
        let tries = Cell::new(0);
        let fails = |case: &Self| {
            tries.set(tries.get() + 1);
            if tries.get() > TRIES_MAX {
                return false;
            }
            let violations = case.try_out().map(|verdict| verdict.violations).unwrap_or_default();
            violations.iter().any(|violation| violation.checker == checker)
        };
        let mut case = self.clone();
        case.cut.strikes = Some(struck(&verdict, &case.cut));
        if !fails(&case) {
            case.cut.strikes.clone_from(&self.cut.strikes);
        }
        // What is taken away changes what is left of chance, so it is gone over until nothing more can go.
        for _ in 0..4 {
            let before = case.cut.clone();
            let all = 0..verdict
                .reports
                .max(before.reports.as_ref().and_then(|kept| kept.last().map(|n| n + 1)).unwrap_or(0));
            let reports = before.reports.clone().unwrap_or_else(|| all.collect());
            case.cut.reports = Some(fewest(reports, |kept| {
                fails(&Self { cut: Cut { reports: Some(kept.clone()), ..case.cut.clone() }, ..case.clone() })
            }));
            let faults = before.faults.clone().unwrap_or_else(|| (0..verdict.faults).collect());
            case.cut.faults = Some(fewest(faults, |kept| {
                fails(&Self { cut: Cut { faults: Some(kept.clone()), ..case.cut.clone() }, ..case.clone() })
            }));
            if let Some(strikes) = case.cut.strikes.clone() {
                case.cut.strikes = Some(fewest(strikes, |kept| {
                    fails(&Self {
                        cut: Cut { strikes: Some(kept.clone()), ..case.cut.clone() },
                        ..case.clone()
                    })
                }));
            }
            if case.cut == before {
                break;
            }
        }
        Ok(case)
    }

    /// As it is kept in a file, with what it shows.
    pub fn to_toml(&self, shows: &str) -> String {
        let shows: Vec<_> = shows.lines().map(|line| format!("# {line}")).collect();
        let kept = Kept {
            seed: self.seed,
            mutation: self.mutation.map(|mutation| mutation.name().to_owned()),
            reports: self.cut.reports.clone(),
            faults: self.cut.faults.clone(),
            strikes: self.cut.strikes.clone(),
        };
        format!("{}\n{}", shows.join("\n"), toml::to_string(&kept).unwrap_or_default())
    }

    /// Reads what [`Case::to_toml`] writes. An unknown key is refused.
    pub fn from_toml(text: &str) -> Result<Self, CaseError> {
        let kept: Kept = toml::from_str(text).map_err(|error| CaseError(error.to_string()))?;
        let mutation = kept
            .mutation
            .map(|name| Mutation::named(&name).ok_or_else(|| CaseError(format!("{name} is no planted bug"))));
        let cut = Cut { reports: kept.reports, faults: kept.faults, strikes: kept.strikes };
        Ok(Self { seed: kept.seed, cut, mutation: mutation.transpose()? })
    }

    /// What one types to see it again, event by event.
    pub fn command(&self) -> String {
        let mut command = format!("hwc simulate world --seed {}", self.seed);
        let mut add = |option: &str, numbers: Option<Vec<String>>| {
            if let Some(numbers) = numbers {
                let listed = if numbers.is_empty() { "none".to_owned() } else { numbers.join(",") };
                command.extend([" --", option, " ", &listed]);
            }
        };
        let words = |set: &BTreeSet<usize>| set.iter().map(ToString::to_string).collect();
        add("reports", self.cut.reports.as_ref().map(words));
        add("faults", self.cut.faults.as_ref().map(words));
        let strikes = self.cut.strikes.as_ref();
        add("strikes", strikes.map(|set| set.iter().map(ToString::to_string).collect()));
        add("mutation", self.mutation.map(|mutation| vec![mutation.name().to_owned()]));
        command
    }
}

/// A file that holds no case.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no world to live through: {0}")]
pub struct CaseError(String);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    seed: u64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    mutation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    reports: Option<BTreeSet<usize>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    faults: Option<BTreeSet<usize>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    strikes: Option<BTreeSet<u64>>,
}

/// The draws that struck, as far as that is known.
fn struck(verdict: &Verdict, cut: &Cut) -> BTreeSet<u64> {
    match (&verdict.outcome, &cut.strikes) {
        (Some(outcome), _) => outcome.struck.iter().copied().collect(),
        (None, Some(kept)) => kept.clone(),
        (None, None) => BTreeSet::new(),
    }
}

/// Takes away as much as can be, in halves first and then one by one.
fn fewest<T: Ord + Copy>(all: BTreeSet<T>, fails: impl Fn(&BTreeSet<T>) -> bool) -> BTreeSet<T> {
    let mut kept = all;
    let mut chunk = kept.len();
    while chunk > 0 {
        let items: Vec<T> = kept.iter().copied().collect();
        for part in items.chunks(chunk) {
            let fewer: BTreeSet<T> = kept.iter().copied().filter(|item| !part.contains(item)).collect();
            if fewer.len() < kept.len() && fails(&fewer) {
                kept = fewer;
            }
        }
        chunk /= 2;
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_reads_back_from_its_file() {
        let cut =
            Cut { reports: Some([0, 2].into()), faults: Some(BTreeSet::new()), strikes: Some([17].into()) };
        let case = Case { seed: 7, cut, mutation: Some(Mutation::NoSweeper) };
        let text = case.to_toml("a ciphertext\nwithout owner");
        assert!(text.starts_with("# a ciphertext\n# without owner\n"));
        assert_eq!(Case::from_toml(&text), Ok(case));
        assert!(Case::from_toml("seed = 1\nsedd = 2").is_err());
        assert!(Case::from_toml("seed = 1\nmutation = \"obey\"").is_err());
    }

    #[test]
    fn the_fewest_are_those_without_which_it_holds() {
        let all: BTreeSet<u32> = (0..100).collect();
        let kept = fewest(all, |kept| kept.contains(&17) && kept.contains(&63));
        assert_eq!(kept, [17, 63].into());
    }

    #[test]
    fn the_command_says_what_is_left() {
        let cut = Cut { reports: Some([1].into()), faults: Some(BTreeSet::new()), strikes: None };
        let case = Case { seed: 7, cut, mutation: None };
        assert_eq!(case.command(), "hwc simulate world --seed 7 --reports 1 --faults none");
    }
}
