//! R3–R7 and R9: which children of an incident get a signal. What Veilig Thuis does.

#[cfg(test)]
mod tests;

use std::collections::HashSet;

use hwc_schemas::{
    outcome::ScreenedOut,
    person::Child,
    report::{Mention, Presence, Relation, Report},
};
use jiff::civil::Date;

use crate::{
    age::of_age,
    names::{Index, Key},
};

/// What becomes of the children of one incident.
pub enum Verdict<'a> {
    /// Not violence in a relationship of dependency: every child named ends here, and no household is looked up (R3).
    NotDomesticViolence {
        /// How many children were named, each counted once.
        children: usize,
    },
    /// One finding for each child (R9): first those named, in the order of their first mention, then the others of age
    /// at the address, in the order of the register.
    Findings(Vec<Finding<'a>>),
}

/// What was found about one child.
#[derive(Clone, Copy)]
pub struct Finding<'a> {
    /// The child, as first named, or else as spelt in the register.
    pub child: &'a Child,
    /// Whether the police did not name it: the look-up of the household found it.
    pub sibling: bool,
    /// Whether it counts.
    pub standing: Standing,
}

/// Whether a child counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It gets a signal.
    Counts {
        /// Whether another child of the incident that counts nearly matches it (R9).
        sister: bool,
    },
    /// It gets none, for the first of the reasons that apply.
    ScreenedOut(ScreenedOut),
}

/// A child that the police named, once or more often (R9).
pub struct Named<'a> {
    /// The child, as first named.
    pub child: &'a Child,
    /// Everything the police noted of it, in their order; never empty.
    pub mentions: Vec<&'a Mention>,
    key: Key,
}

/// The children that a report names, each once, in the order of their first mention (R9).
pub fn distinct(mentions: &[Mention]) -> Vec<Named<'_>> {
    let mut named: Vec<Named<'_>> = Vec::new();
    for mention in mentions {
        let key = Key::of(&mention.child);
        match named.iter_mut().find(|known| known.key == key) {
            Some(known) => known.mentions.push(mention),
            None => named.push(Named { child: &mention.child, mentions: vec![mention], key }),
        }
    }
    named
}

/// Screens an incident whose household is known (R3–R7, R9). The day is the local day of the incident; the household is
/// everybody registered at its address, adults too.
pub fn screen<'a>(
    report: &'a Report,
    day: Date,
    household: impl IntoIterator<Item = &'a Child>,
) -> Verdict<'a> {
    let named = distinct(&report.mentions);
    if !report.kind.qualifies() {
        return Verdict::NotDomesticViolence { children: named.len() };
    }
    let household: Vec<_> = household.into_iter().map(|person| (Key::of(person), person)).collect();
    let registered: HashSet<_> = household.iter().map(|(key, _)| key).collect();

    let mut known: HashSet<_> = named.iter().map(|named| &named.key).collect();
    let siblings: Vec<_> = household
        .iter()
        .filter(|(key, person)| of_age(person.date_of_birth, day) && known.insert(key))
        .map(|(key, child)| Case { key, child, sibling: true, screened_out: None })
        .collect();

    let qualifies = !siblings.is_empty() || named.iter().any(|named| of_age(named.child.date_of_birth, day));
    let named = named.iter().map(|named| {
        let reason = if qualifies {
            named.screened_out(day, registered.contains(&named.key))
        } else {
            Some(ScreenedOut::NoChildOfAge)
        };
        named.case(reason)
    });
    Verdict::Findings(findings(&named.chain(siblings).collect::<Vec<_>>()))
}

/// The named children that count by the report alone, for while the household cannot be looked up (R9). The register
/// can make more children count, but none of these fewer.
pub fn before_the_look_up(report: &Report, day: Date) -> Vec<Finding<'_>> {
    if !report.kind.qualifies() {
        return Vec::new();
    }
    let named = distinct(&report.mentions);
    let counting = named.iter().filter(|named| named.screened_out(day, false).is_none());
    findings(&counting.map(|named| named.case(None)).collect::<Vec<_>>())
}

/// What [`screen`] finds, without the children that [`before_the_look_up`] gave: the two together hold each child once
/// (R9).
pub fn after_the_look_up<'a>(
    report: &'a Report,
    day: Date,
    household: impl IntoIterator<Item = &'a Child>,
) -> Vec<Finding<'a>> {
    let gone_before = before_the_look_up(report, day);
    match screen(report, day, household) {
        Verdict::NotDomesticViolence { .. } => Vec::new(),
        Verdict::Findings(mut findings) => {
            findings.retain(|found| !gone_before.iter().any(|gone| std::ptr::eq(gone.child, found.child)));
            findings
        }
    }
}

impl<'a> Named<'a> {
    /// Why this child does not count, if it does not. One mention that makes it count is enough (R9), and `None` is the
    /// least; of several reasons the first in the order of the rules is.
    fn screened_out(&self, day: Date, registered: bool) -> Option<ScreenedOut> {
        if !of_age(self.child.date_of_birth, day) {
            Some(ScreenedOut::NotOfAge)
        } else if registered {
            None
        } else {
            self.mentions.iter().map(|mention| screened_out_by_report(mention)).min().flatten()
        }
    }

    fn case(&self, screened_out: Option<ScreenedOut>) -> Case<'_, 'a> {
        Case { key: &self.key, child: self.child, sibling: false, screened_out }
    }
}

/// What the police noted, for a child that is not registered at the address, or not yet known to be. Who was noted as
/// resident is believed (R7).
const fn screened_out_by_report(mention: &Mention) -> Option<ScreenedOut> {
    match (mention.relation, mention.presence) {
        (Relation::Resident, _) | (Relation::Family, Presence::Present) => None,
        (Relation::Visitor, _) => Some(ScreenedOut::Visitor),
        (Relation::Family, Presence::Absent) => Some(ScreenedOut::RegisteredElsewhereAbsent),
    }
}

/// One child of the incident, before it is known whether it has a sister signal.
struct Case<'k, 'a> {
    key: &'k Key,
    child: &'a Child,
    sibling: bool,
    screened_out: Option<ScreenedOut>,
}

fn findings<'a>(cases: &[Case<'_, 'a>]) -> Vec<Finding<'a>> {
    let counting = cases.iter().filter(|case| case.screened_out.is_none());
    let counting = Index::new(counting.map(|case| case.key.clone()).collect());
    let standing = |case: &Case<'_, '_>| match case.screened_out {
        Some(reason) => Standing::ScreenedOut(reason),
        None => Standing::Counts { sister: !counting.nearly_matching(case.key).is_empty() },
    };
    let finding =
        |case: &Case<'_, 'a>| Finding { child: case.child, sibling: case.sibling, standing: standing(case) };
    cases.iter().map(finding).collect()
}
