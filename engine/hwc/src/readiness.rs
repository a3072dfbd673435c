//! Whether a process can do its work, as named conditions: connected, tasks heard of. And what waits for a person while it does:
//! a file that cannot be read (its last good version goes on), a changed key, a doubtful case.
//!
//! A condition that fails or holds again is logged at that moment; those that fail are logged again now and then, so that
//! whoever looks at the end of a log sees them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use hwc_adapter_kit::Station;
use hwc_telemetry::Health;
use tokio::sync::watch;

use crate::supervised::Pulse;

/// How often conditions that have to be asked for are asked for.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How often what fails is said again.
const SAY_AGAIN_EVERY: Duration = Duration::from_mins(5);
/// A feed of tasks that was not heard of for so long has gone silent: a pull is answered within six seconds.
const SILENT_AFTER: Duration = Duration::from_secs(20);

/// What is wrong with each; none where nothing is.
type Problems = BTreeMap<&'static str, Option<String>>;

/// The conditions of one process. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Conditions {
    inner: Arc<Mutex<Problems>>,
    /// What waits for a person.
    waiting: Arc<Mutex<Problems>>,
    /// The same, for `/readyz`.
    health: Health,
    /// Beats as long as they are followed.
    pulse: Pulse,
}

impl Conditions {
    /// A condition holds, or fails for this reason, which holds nothing about anybody.
    pub(crate) fn set(&self, name: &'static str, problem: Option<String>) {
        self.health.set(name, problem.clone().map(Into::into));
        let before = lock(&self.inner).insert(name, problem.clone());
        match (before, problem) {
            // Nothing is ready at the start.
            (None, Some(problem)) => tracing::info!(condition = name, %problem, "not ready yet"),
            (Some(None), Some(problem)) => tracing::error!(condition = name, %problem, "not ready"),
            (Some(Some(_)), None) => tracing::info!(condition = name, "ready"),
            _ => {}
        }
    }

    /// Something waits for a person, or nothing of that name does; it holds nothing about anybody.
    pub(crate) fn needs_attention(&self, name: &'static str, problem: Option<String>) {
        self.health.needs_attention(name, problem.clone().map(Into::into));
        let before = lock(&self.waiting).insert(name, problem.clone()).flatten();
        match (before, problem) {
            (None, Some(problem)) => tracing::error!(about = name, %problem, "somebody must look"),
            (Some(_), None) => tracing::info!(about = name, "nobody need look any more"),
            _ => {}
        }
    }

    /// The same, for `/readyz`.
    pub(crate) const fn health(&self) -> &Health {
        &self.health
    }

    /// Beats as long as they are followed, which every process does where it does all its work.
    pub(crate) const fn pulse(&self) -> &Pulse {
        &self.pulse
    }

    /// What fails, and why; nothing when everything is ready.
    pub(crate) fn problems(&self) -> Vec<(&'static str, String)> {
        failing(&lock(&self.inner))
    }

    /// Follows a station's connection, its feed of tasks if it pulls any, and what others say. Never returns.
    pub(crate) async fn follow(
        self,
        station: Station,
        pulls: bool,
        said: Vec<(&'static str, watch::Receiver<Option<String>>)>,
    ) {
        let (health, heard) = (station.door().health(), station.door().heard());
        let started = tokio::time::Instant::now();
        let mut look = tokio::time::interval(LOOK_EVERY);
        let mut again = tokio::time::interval(SAY_AGAIN_EVERY);
        again.reset();
        loop {
            tokio::select! {
                _ = look.tick() => {
                    self.pulse.beat();
                    let connected = health.borrow().connected;
                    station.office().telemetry().connected(connected);
                    self.set("connected", (!connected).then(|| "no connection to the broker".to_owned()));
                    if pulls {
                        let silent = heard.borrow().unwrap_or(started).elapsed();
                        let problem = (silent > SILENT_AFTER).then(|| "no answer to a pull for tasks".to_owned());
                        self.set("tasks", problem);
                    }
                    let unconfirmed = station.book().now().unconfirmed().count();
                    let problem = (unconfirmed > 0).then(|| format!("{unconfirmed} changed keys wait to be confirmed"));
                    self.needs_attention("keys", problem);
                    for (name, said) in &said {
                        self.needs_attention(name, said.borrow().clone());
                    }
                }
                _ = again.tick() => {
                    for (condition, problem) in self.problems() {
                        tracing::error!(condition, %problem, "still not ready");
                    }
                    for (about, problem) in failing(&lock(&self.waiting)) {
                        tracing::error!(about, %problem, "somebody must still look");
                    }
                }
            }
        }
    }
}

fn failing(problems: &Problems) -> Vec<(&'static str, String)> {
    problems.iter().filter_map(|(name, problem)| Some((*name, problem.clone()?))).collect()
}

fn lock(problems: &Mutex<Problems>) -> MutexGuard<'_, Problems> {
    problems.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_fails_is_a_problem_and_it_stops_being_one() {
        let conditions = Conditions::default();
        conditions.set("connected", None);
        conditions.set("tasks", Some("no answer to a pull for tasks".to_owned()));
        conditions
            .needs_attention("residents", Some("residents.csv line 2, column surname: is empty".to_owned()));
        let problems = conditions.problems();
        assert_eq!(problems.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["tasks"]);
        assert_eq!(conditions.health().attention(), ["residents.csv line 2, column surname: is empty"]);
        conditions.set("tasks", None);
        assert_eq!(conditions.problems(), []);
    }
}
