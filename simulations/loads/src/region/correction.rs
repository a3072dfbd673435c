//! Children whose register is wrong, where they really go to school, and when the register comes to know.

use std::collections::{HashMap, HashSet};

use hwc_casework::{names::Key, routing::SchoolCode};
use hwc_population::{Incident as Reported, Population, enrolment::Schooling};
use hwc_schemas::{
    person::{Child, FieldError},
    report::MunicipalityCode,
};
use hwc_workflow::calendar::Zone;
use jiff::Timestamp;

use crate::{arrivals::later, chance::Stream, plan::Registers};

/// A child that the register does not have at its school.
pub struct Misplaced {
    /// The child, as the civil register spells it.
    pub child: Child,
    /// Whose register it is.
    pub municipality: MunicipalityCode,
    /// Where the child really goes.
    pub attends: SchoolCode,
    /// When the register comes to know by itself; none for never.
    pub known_at: Option<Timestamp>,
}

/// Who is misplaced, found by name and day of birth.
#[derive(Default)]
pub struct Truth {
    misplaced: Vec<Misplaced>,
    by_key: HashMap<Key, usize>,
}

impl Truth {
    /// Of these children.
    pub fn of(misplaced: Vec<Misplaced>) -> Self {
        let by_key = (0..).zip(&misplaced).map(|(place, one)| (Key::of(&one.child), place)).collect();
        Self { misplaced, by_key }
    }

    /// Everybody.
    pub fn all(&self) -> &[Misplaced] {
        &self.misplaced
    }

    /// This child, if its register is wrong; and its place in the list.
    pub fn find(&self, child: &Child) -> Option<(usize, &Misplaced)> {
        let place = *self.by_key.get(&Key::of(child))?;
        Some((place, self.misplaced.get(place)?))
    }
}

/// The misplaced children of the households of these reports.
pub(super) fn of(
    population: &Population,
    reports: &[Reported],
    registers: &Registers,
    seed: u64,
    zone: &Zone,
) -> Result<Vec<Misplaced>, FieldError> {
    let mut households = HashSet::new();
    let mut misplaced = Vec::new();
    for report in
        reports.iter().filter(|report| super::qualifies(report) && households.insert(report.household))
    {
        let household = population.household(report.household);
        for child in &household.children {
            let Some(schooling) = child.schooling.as_ref().filter(|schooling| is_wrong(schooling)) else {
                continue;
            };
            let number = misplaced.len() as u64;
            let known_at = registers.corrected_after.as_ref().map(|after| {
                let told = after.0.draw(&mut Stream::Corrections.dice(seed, &[number]));
                next_feed(registers, zone, later(report.reported_at, told))
            });
            misplaced.push(Misplaced {
                child: child.person.to_child()?,
                municipality: super::municipality(
                    &population.municipalities()[household.id.municipality].code,
                )?,
                attends: population.schools()[schooling.attends].code()?,
                known_at,
            });
        }
    }
    Ok(misplaced)
}

/// Whether a register does not lead to the school that the child attends. A secret enrolment is right as it is.
fn is_wrong(schooling: &Schooling) -> bool {
    match schooling.rows.as_slice() {
        [only] => !only.secret && only.host.or(only.school) != Some(schooling.attends),
        _ => true,
    }
}

/// The next time that the registers are fed, a week away at most.
fn next_feed(registers: &Registers, zone: &Zone, from: Timestamp) -> Timestamp {
    let first = zone.local(from).date();
    let days = std::iter::successors(Some(first), |day| day.tomorrow().ok()).take(9);
    let fed =
        days.filter(|day| registers.feed_days.hold(*day)).map(|day| zone.instant(day, registers.feed_at.0));
    fed.into_iter().find(|at| *at >= from).unwrap_or(from)
}
