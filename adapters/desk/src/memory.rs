//! What this process remembers of what its people did, to tell a colleague who was first: a code, whose, and when. Only memory.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use jiff::Timestamp;

/// Deeds that are remembered, at most.
const DEEDS_MAX: usize = 1_000;

/// Somebody opened or decided a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Deed {
    pub(crate) code: String,
    pub(crate) account: String,
    pub(crate) at: Timestamp,
    pub(crate) decided: bool,
}

/// The last deeds.
#[derive(Default)]
pub(crate) struct Memory(Mutex<VecDeque<Deed>>);

impl Memory {
    pub(crate) fn note(&self, code: &str, account: &str, at: Timestamp, decided: bool) {
        let mut deeds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (code, account) = (code.to_owned(), account.to_owned());
        deeds.push_back(Deed { code, account, at, decided });
        while deeds.len() > DEEDS_MAX {
            deeds.pop_front();
        }
    }

    /// A decision that came to nothing was none.
    pub(crate) fn forget(&self, code: &str, account: &str) {
        let mut deeds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        deeds.retain(|one| !(one.decided && one.code == code && one.account == account));
    }

    /// The last deed of this kind at a case. A code may have grown a digit since.
    pub(crate) fn last(&self, code: &str, decided: bool) -> Option<Deed> {
        let deeds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |one: &&Deed| one.code.starts_with(code) || code.starts_with(&one.code);
        deeds.iter().rev().filter(|one| one.decided == decided).find(same).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_first_is_remembered_by_the_code_and_a_decision_that_came_to_nothing_is_not() {
        let memory = Memory::default();
        let at = Timestamp::UNIX_EPOCH;
        memory.note("5b20e7", "a", at, false);
        memory.note("5b20e7", "b", at, true);
        assert_eq!(memory.last("5b20e7a", true).map(|one| one.account), Some("b".to_owned()));
        assert_eq!(memory.last("5b20e7", false).map(|one| one.account), Some("a".to_owned()));
        assert_eq!(memory.last("000000", true), None);
        memory.forget("5b20e7", "b");
        assert_eq!(memory.last("5b20e7", true), None);
        for _ in 0..=DEEDS_MAX {
            memory.note("000000", "c", at, false);
        }
        assert_eq!(memory.last("5b20e7", false), None);
    }
}
