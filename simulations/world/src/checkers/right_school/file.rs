//! Who the children of an incident are, as far as that became known.

use std::collections::{BTreeMap, HashMap};

use hwc_schemas::SignalNumber;
use jiff::Timestamp;

use super::super::names::Name;
use crate::truth::{Invented, ReportNumber};

/// A child as Veilig Thuis found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) child: Invented,
    pub(super) name: Name,
    /// Whether the police did not name it.
    pub(super) sibling: bool,
}

/// Which child is which number.
pub(super) type Reading = BTreeMap<SignalNumber, Known>;

/// What became known of an incident's people.
#[derive(Default)]
pub(super) struct File {
    /// The report that Veilig Thuis read.
    pub(super) report: Option<ReportNumber>,
    /// What each screening said, the latest last: one that comes again after a crash, or when the look-up is back, may count
    /// differently, and the one that becomes durable need not be the latest.
    said: Vec<(Timestamp, Reading)>,
    /// What may have become durable; more than one as long as nothing tells them apart.
    durable: Vec<Reading>,
    /// The children as the municipalities read them.
    pub(super) referred: HashMap<SignalNumber, Name>,
    /// How many were found before others joined.
    pub(super) first: usize,
}

impl File {
    /// A screening says who a number is.
    pub(super) fn says(&mut self, at: Timestamp, number: SignalNumber, child: &Invented, sibling: bool) {
        if self.said.last().is_none_or(|(then, _)| *then != at) {
            if let Some((_, latest)) = self.said.last().cloned() {
                let last = self.said.len() - 1;
                let mut place = 0;
                self.said.retain(|(_, reading)| {
                    place += 1;
                    place > last || *reading != latest
                });
            }
            self.said.push((at, Reading::new()));
        }
        let known = Known { child: child.clone(), name: Name::of(child), sibling };
        if let Some((_, reading)) = self.said.last_mut() {
            reading.insert(number, known);
        }
    }

    /// So many children after the first ones became durable: takes what was said of them and fits. If nothing does, says why
    /// the latest does not.
    pub(super) fn settle(
        &mut self,
        (first, count): (usize, usize),
        fits: impl Fn(&Reading) -> Result<(), String>,
    ) -> Result<(), String> {
        let none = [Reading::new()];
        let before = if first == 0 { &none[..] } else { &self.durable[..] };
        let said = self.said.iter().rev().map(|(_, reading)| reading).chain(&none);
        let (mut durable, mut why) = (Vec::new(), None);
        for said in said {
            for before in before {
                let older = before.iter().filter(|(number, _)| number.index() < first);
                let newer =
                    said.iter().filter(|(number, _)| (first..first + count).contains(&number.index()));
                let reading: Reading = older.chain(newer).map(|(n, known)| (*n, known.clone())).collect();
                match fits(&reading) {
                    Ok(()) if durable.contains(&reading) => {}
                    Ok(()) => durable.push(reading),
                    Err(said) => why = why.or(Some(said)),
                }
            }
        }
        if let (true, Some(why)) = (durable.is_empty(), why) {
            return Err(why);
        }
        self.durable = durable;
        Ok(())
    }

    /// A municipality reads who a number is. Whether that may be.
    pub(super) fn reads(&mut self, number: SignalNumber, child: &Invented) -> bool {
        self.durable.retain(|reading| reading.get(&number).is_some_and(|known| known.child == *child));
        !self.durable.is_empty()
    }

    /// Which child is which number, as far as that is durable.
    pub(super) fn reading(&self) -> Option<&Reading> {
        self.durable.first()
    }
}
