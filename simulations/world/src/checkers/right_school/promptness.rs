//! Once nothing goes wrong, what is due is done (R17, R19, R20).

use std::collections::BTreeSet;

use hwc_schemas::{SignalId, SignalNumber};
use jiff::Timestamp;

use super::{
    super::{
        calendar::Chance,
        demand,
        ledger::{Ledger, Place, Signal},
    },
    PROMPT_WITHIN,
    days::Days,
};

/// By when each signal that waits must have gone on.
#[derive(Default)]
pub(super) struct Promptness {
    healed: bool,
    /// By when, which, and in which round it was where.
    due: BTreeSet<(Timestamp, SignalId, Waits)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Waits {
    ForTheDay(usize),
    ForTheContact(usize),
}

impl Waits {
    fn of(signal: &Signal) -> Option<Self> {
        match signal.place {
            Place::Routed => Some(Self::ForTheDay(signal.round())),
            Place::Delivered => Some(Self::ForTheContact(signal.round())),
            _ => None,
        }
    }
}

impl Promptness {
    /// Everything that waits is due from now on.
    pub(super) fn heal(&mut self, now: Timestamp, ledger: &Ledger, days: &Days) {
        self.healed = true;
        for (incident, case) in ledger.cases() {
            let numbers = (0..case.signals.len()).filter_map(SignalNumber::at);
            for number in numbers {
                self.follow(SignalId { incident, number }, now, ledger, days);
            }
        }
    }

    /// A signal went on: by when must it do so again?
    pub(super) fn follow(&mut self, id: SignalId, now: Timestamp, ledger: &Ledger, days: &Days) {
        let Some(case) = ledger.case(id.incident).filter(|case| self.healed && !case.lied) else { return };
        let Some(signal) = case.signals.get(id.number.index()) else { return };
        let Some(waits) = Waits::of(signal) else { return };
        let when = match waits {
            Waits::ForTheDay(_) => match days.chance(case, signal, now) {
                Some(Chance::At(slot)) => Some(slot),
                Some(Chance::SummerHoliday | Chance::TooLong) => Some(now),
                Some(Chance::Unknown) | None => None,
            },
            Waits::ForTheContact(_) => days.expires(case, signal),
        };
        if let Some(when) = when.and_then(|when| when.max(now).checked_add(PROMPT_WITHIN).ok()) {
            self.due.insert((when, id, waits));
        }
    }

    /// Whether everything went on that was due before now.
    pub(super) fn is_in_time(&mut self, now: Timestamp, ledger: &Ledger) -> Result<(), String> {
        while let Some((when, id, waits)) = self.due.first().copied().filter(|(when, ..)| *when < now) {
            let signal = ledger.signal(id.incident, id.number);
            let still = signal.is_some_and(|signal| Waits::of(signal) == Some(waits));
            demand(!still, || {
                let what = match waits {
                    Waits::ForTheDay(_) => "its school's day has come",
                    Waits::ForTheContact(_) => "it has expired",
                };
                format!("{id} still waits after {when}, and {what}")
            })?;
            self.due.remove(&(when, id, waits));
        }
        Ok(())
    }
}
