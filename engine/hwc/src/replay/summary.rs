//! What a replay comes to, naming nobody.

use std::{fmt, time::Duration};

use serde_json::{Value, json};

use super::diary::Count;

/// The sums of a replay.
pub(crate) struct Summary {
    pub(crate) dataset: String,
    pub(crate) refused_lines: usize,
    pub(crate) unsent: usize,
    pub(crate) delivered_before_school_start: usize,
    pub(crate) days_replayed: i64,
    pub(crate) count: Count,
    pub(crate) left: Left,
    pub(crate) took: Duration,
}

/// What the broker still holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Left {
    /// Incidents whose events are still there.
    pub(crate) incidents: usize,
    /// Ciphertexts.
    pub(crate) payloads: usize,
    /// Tasks that nobody acknowledged.
    pub(crate) tasks: u64,
}

impl Left {
    /// Whether nothing is left.
    pub(crate) const fn is_nothing(self) -> bool {
        self.incidents == 0 && self.payloads == 0 && self.tasks == 0
    }
}

impl Summary {
    /// Whether every signal ended purged, nothing is left and no line was refused.
    pub(crate) fn is_fine(&self) -> bool {
        self.is_clean() && self.refused_lines == 0
    }

    /// Whether every signal ended purged and nothing is left.
    pub(crate) fn is_clean(&self) -> bool {
        self.unsent == 0 && self.count.open == 0 && self.count.misdelivered == 0 && self.left.is_nothing()
    }

    /// All signals.
    pub(crate) fn signals(&self) -> usize {
        self.count.outcomes.values().sum::<usize>() + self.count.open
    }

    /// One JSON object.
    pub(crate) fn to_json(&self) -> Value {
        let outcomes: Vec<Value> = self
            .count
            .outcomes
            .iter()
            .map(|((outcome, reason), signals)| json!({ "outcome": outcome, "reason": reason, "signals": signals }))
            .collect();
        json!({
            "dataset": self.dataset,
            "incidents": self.count.incidents,
            "signals": self.signals(),
            "outcomes": outcomes,
            "delivered": self.count.delivered,
            "delivered_before_school_start": self.delivered_before_school_start,
            "not_purged": self.count.open,
            "misdelivered": self.count.misdelivered,
            "refused_lines": self.refused_lines,
            "not_recorded": self.unsent,
            "left": {
                "incidents": self.left.incidents,
                "payloads": self.left.payloads,
                "tasks": self.left.tasks,
            },
            "days_replayed": self.days_replayed,
            "seconds": self.took.as_secs_f64(),
        })
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {} incidents, {} signals", self.dataset, self.count.incidents, self.signals())?;
        let outcomes = self
            .count
            .outcomes
            .iter()
            .map(|((outcome, reason), signals)| (*outcome, reason.unwrap_or(""), signals));
        for (outcome, reason, signals) in outcomes {
            writeln!(f, "  {signals:>6}  {outcome:<13} {reason}")?;
        }
        if self.count.open > 0 {
            writeln!(f, "  {:>6}  NOT PURGED", self.count.open)?;
        }
        writeln!(
            f,
            "delivered {}, of which {} before the first lesson; opened {}, at a wrong school or for a wrong child {}",
            self.count.delivered,
            self.delivered_before_school_start,
            self.count.opened,
            self.count.misdelivered,
        )?;
        if self.refused_lines > 0 {
            writeln!(f, "refused lines of reports.jsonl: {}", self.refused_lines)?;
        }
        if self.unsent > 0 {
            writeln!(f, "REPORTS NOT RECORDED: {}", self.unsent)?;
        }
        writeln!(
            f,
            "left in the broker: {} incidents, {} ciphertexts, {} tasks",
            self.left.incidents, self.left.payloads, self.left.tasks
        )?;
        write!(f, "{} days replayed in {:.1} s", self.days_replayed, self.took.as_secs_f64())
    }
}
