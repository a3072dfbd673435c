//! The duties of one incident: which are being performed, which worked, which did not.

use std::collections::{BTreeMap, BTreeSet};

use hwc_workflow::Duty;
use jiff::Timestamp;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Progress {
    /// Its performance has not been answered.
    UnderWay,
    /// It worked; its event or an organisation's command discharges it.
    Performed,
    /// It did not work.
    Failed,
}

/// Duties that were taken on, each once.
#[derive(Debug, Clone, Default, Hash)]
pub(crate) struct Errands {
    known: BTreeMap<Duty, Progress>,
    /// When those that did not work are tried again.
    pub(crate) retry_at: Option<Timestamp>,
}

impl Errands {
    /// Takes on what is owed and nobody has taken on yet, and lets go of what is no longer owed. Gives what is to be
    /// performed now.
    pub(crate) fn take_on(&mut self, mut owed: BTreeSet<Duty>) -> BTreeSet<Duty> {
        self.known.retain(|duty, progress| *progress == Progress::UnderWay || owed.contains(duty));
        owed.retain(|duty| !self.known.contains_key(duty));
        self.known.extend(owed.iter().map(|duty| (duty.clone(), Progress::UnderWay)));
        owed
    }

    /// Those that did not work are to be performed again.
    pub(crate) fn try_again(&mut self) -> BTreeSet<Duty> {
        self.retry_at = None;
        let failed = self.known.iter_mut().filter(|(_, progress)| **progress == Progress::Failed);
        failed
            .map(|(duty, progress)| {
                *progress = Progress::UnderWay;
                duty.clone()
            })
            .collect()
    }

    /// A performance worked. Whether anybody waited for it.
    pub(crate) fn worked(&mut self, duty: &Duty) -> bool {
        self.answered(duty, Progress::Performed)
    }

    /// A performance did not work; it is tried again then, if it is still owed.
    pub(crate) fn failed(&mut self, duty: &Duty, retry_at: Timestamp) {
        if self.answered(duty, Progress::Failed) {
            self.retry_at.get_or_insert(retry_at);
        }
    }

    fn answered(&mut self, duty: &Duty, how: Progress) -> bool {
        match self.known.get_mut(duty) {
            Some(progress) if *progress == Progress::UnderWay => {
                *progress = how;
                true
            }
            _ => false,
        }
    }

    /// Its event is durable. If the same is still owed, that is another one.
    pub(crate) fn discharged(&mut self, duty: &Duty) {
        if self.known.get(duty) == Some(&Progress::Performed) {
            self.known.remove(duty);
        }
    }

    /// Those that worked and are not discharged yet.
    pub(crate) fn performed(&self) -> impl Iterator<Item = &Duty> {
        self.known.iter().filter(|(_, progress)| **progress == Progress::Performed).map(|(duty, _)| duty)
    }

    /// Whether something is still to be performed, now or later.
    pub(crate) fn are_open(&self) -> bool {
        self.known.values().any(|progress| *progress != Progress::Performed)
    }
}
