//! Whether a process is ready, and if not, why: named conditions, each fine or not for a reason. A reason names a file or a
//! part of the work, never what is in it or whom it is about.
//!
//! What waits for a person is no reason: the process goes on with all its other work, and whoever sends to it should go on too.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// What is wrong with each; none where all is well.
type Conditions = BTreeMap<&'static str, Option<Cow<'static, str>>>;

/// How a process is doing. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Health {
    conditions: Arc<Mutex<Conditions>>,
    attention: Arc<Mutex<Conditions>>,
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
        self.set(name, Some(until.into()));
        Condition { health: self.clone(), name }
    }

    /// A condition is fulfilled, or is not for this reason.
    pub fn set(&self, name: &'static str, problem: Option<Cow<'static, str>>) {
        lock(&self.conditions).insert(name, problem);
    }

    /// Something waits for a person, or nothing does any more. It makes no process unready.
    pub fn needs_attention(&self, name: &'static str, problem: Option<Cow<'static, str>>) {
        lock(&self.attention).insert(name, problem);
    }

    /// What waits for a person.
    pub fn attention(&self) -> Vec<String> {
        said(&lock(&self.attention))
    }

    /// Why it is not ready; nothing when it is. A process that has no conditions yet is starting.
    pub fn reasons(&self) -> Vec<String> {
        let conditions = lock(&self.conditions);
        if conditions.is_empty() {
            return vec!["starting".to_owned()];
        }
        said(&conditions)
    }
}

fn said(conditions: &Conditions) -> Vec<String> {
    conditions.values().flatten().map(|reason| reason.clone().into_owned()).collect()
}

fn lock(conditions: &Mutex<Conditions>) -> MutexGuard<'_, Conditions> {
    conditions.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Condition {
    /// It is so.
    pub fn is_fine(&self) {
        self.health.set(self.name, None);
    }

    /// It is not so, for this reason.
    pub fn fails(&self, reason: &'static str) {
        self.health.set(self.name, Some(reason.into()));
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

    #[test]
    fn what_waits_for_a_person_makes_no_process_unready() {
        let health = Health::default();
        health.condition("broker", "no connection to the broker yet").is_fine();
        health.needs_attention("set aside", Some("1 file in set-aside".into()));
        assert_eq!(health.reasons(), [""; 0]);
        assert_eq!(health.attention(), ["1 file in set-aside"]);
        health.needs_attention("set aside", None);
        assert_eq!(health.attention(), [""; 0]);
    }
}
