//! What came of an exam, for people and for programs.

use std::{fmt, time::Duration};

use hwc_schemas::Role;
use serde_json::{Value, json};

use crate::{Case, Verdict};

/// What came of one case.
#[derive(Debug, Clone)]
pub struct Line {
    /// Which.
    pub case: &'static Case,
    /// What came of it.
    pub verdict: Verdict,
    /// How long it took.
    pub took: Duration,
}

/// What came of all.
#[derive(Debug, Clone)]
pub struct Report {
    /// As whom it took part.
    pub role: Role,
    /// Each case that concerns it, in order.
    pub lines: Vec<Line>,
}

impl Report {
    pub(crate) const fn of(role: Role) -> Self {
        Self { role, lines: Vec::new() }
    }

    /// Whether everything that was put was passed, and something was put.
    pub fn is_passed(&self) -> bool {
        let fine = |line: &Line| matches!(line.verdict, Verdict::Passed | Verdict::LeftOut);
        self.count("passed") > 0 && self.lines.iter().all(fine)
    }

    fn count(&self, word: &str) -> usize {
        self.lines.iter().filter(|line| line.verdict.word() == word).count()
    }

    /// How many of each, in a line.
    pub fn sum(&self) -> String {
        let words = ["passed", "FAILED", "not shown", "left out"];
        let parts: Vec<_> = words
            .iter()
            .map(|word| (self.count(word), word))
            .filter(|(count, word)| *count > 0 || **word == "passed")
            .map(|(count, word)| format!("{count} {word}"))
            .collect();
        parts.join(", ")
    }

    /// As JSON.
    pub fn to_json(&self) -> Value {
        let line = |line: &Line| {
            let Case { name, about, rule, advice, .. } = line.case;
            let mut value = json!({
                "number": line.case.number(), "case": name, "about": about, "rule": rule,
                "verdict": line.verdict.word().to_lowercase(),
                "milliseconds": u64::try_from(line.took.as_millis()).unwrap_or(u64::MAX),
            });
            if let (Some(why), Some(all)) = (line.verdict.why(), value.as_object_mut()) {
                all.insert("why".to_owned(), json!(why));
                all.insert("advice".to_owned(), json!(advice));
            }
            value
        };
        json!({
            "as": self.role.as_str(), "passed": self.is_passed(),
            "cases": self.lines.iter().map(line).collect::<Vec<_>>(),
        })
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, name, word) = (self.case.number(), self.case.name, self.verdict.word());
        write!(f, "{number:>3}  {name:<16} {word:<10}")?;
        if self.verdict != Verdict::LeftOut {
            write!(f, " {:>6.1} s", self.took.as_secs_f64())?;
        }
        let Some(why) = self.verdict.why() else { return Ok(()) };
        let Case { about, rule, advice, .. } = self.case;
        write!(
            f,
            "\n     wanted:  {about}\n     seen:    {why}\n     rule:    {rule}\n     do:      {advice}"
        )
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            writeln!(f, "{line}")?;
        }
        write!(f, "\nAs {}: {}.", self.role.as_str(), self.sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str, verdict: Verdict) -> Line {
        Line { case: Case::named(name).unwrap(), verdict, took: Duration::from_millis(1234) }
    }

    #[test]
    fn only_an_exam_in_which_everything_that_was_put_was_passed_is_passed() {
        let with = |lines: Vec<Line>| Report { role: Role::School, lines };
        let passed = || line("first", Verdict::Passed);
        assert!(with(vec![passed(), line("slow", Verdict::LeftOut)]).is_passed());
        assert!(!with(vec![passed(), line("slow", Verdict::NotShown("no".to_owned()))]).is_passed());
        assert!(!with(vec![passed(), line("slow", Verdict::Failed("no".to_owned()))]).is_passed());
        assert!(!with(vec![line("slow", Verdict::LeftOut)]).is_passed(), "nothing was put");
    }

    #[test]
    fn what_failed_is_said_with_its_rule_and_what_to_do() {
        let report = Report {
            role: Role::School,
            lines: vec![
                line("first", Verdict::Passed),
                line("ended", Verdict::Failed("it opened it".to_owned())),
            ],
        };
        let text = report.to_string();
        for words in [
            "  1  first",
            " 18  ended            FAILED",
            "it opened it",
            "R21",
            "On gone acknowledge",
            "1 passed, 1 FAILED",
        ] {
            assert!(text.contains(words), "{words:?} is not in\n{text}");
        }
        let value = report.to_json();
        assert_eq!((&value["as"], &value["passed"]), (&json!("school"), &json!(false)));
        assert_eq!(
            (&value["cases"][1]["verdict"], &value["cases"][1]["why"]),
            (&json!("failed"), &json!("it opened it"))
        );
    }
}
