//! Whether a process is ready, and if not, why: named conditions, each fine or not for a reason that stands in this program.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// How a process is doing. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Health {
    conditions: Arc<Mutex<BTreeMap<&'static str, Option<&'static str>>>>,
}

/// One thing that must be so before a process is ready. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Condition {
    health: Health,
    name: &'static str,
}

impl Health {
    /// A condition by this name, not fulfilled yet for this reason. The same name again is the same condition.
    pub fn condition(&self, name: &'static str, until: &'static str) -> Condition {
        self.lock().insert(name, Some(until));
        Condition { health: self.clone(), name }
    }

    /// Why it is not ready; nothing when it is. A process that has no conditions yet is starting.
    pub fn reasons(&self) -> Vec<&'static str> {
        let conditions = self.lock();
        if conditions.is_empty() {
            vec!["starting"]
        } else {
            conditions.values().copied().flatten().collect()
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, Option<&'static str>>> {
        self.conditions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Condition {
    /// It is so.
    pub fn is_fine(&self) {
        self.health.lock().insert(self.name, None);
    }

    /// It is not so, for this reason.
    pub fn fails(&self, reason: &'static str) {
        self.health.lock().insert(self.name, Some(reason));
    }

    /// It is so, or not for this reason.
    pub fn set(&self, fine: bool, reason: &'static str) {
        if fine { self.is_fine() } else { self.fails(reason) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_ready_when_all_its_conditions_are_fine() {
        let health = Health::default();
        assert_eq!(health.reasons(), ["starting"]);
        let broker = health.condition("broker", "no connection to the broker yet");
        let journal = health.condition("journal", "the journal is not read yet");
        assert_eq!(health.reasons().len(), 2);
        broker.is_fine();
        assert_eq!(health.reasons(), ["the journal is not read yet"]);
        journal.is_fine();
        assert_eq!(health.reasons(), [""; 0]);
        broker.set(false, "no connection to the broker");
        assert_eq!(health.reasons(), ["no connection to the broker"]);
    }
}
