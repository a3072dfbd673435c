//! What of a region's registers the reports can ever touch.

use std::collections::{HashMap, HashSet};

use hwc_casework::names::Key;
use hwc_population::{Household, HouseholdId, Incident as Reported, Person, Population};
use hwc_schemas::person::FieldError;
use jiff::civil::Date;

/// The households and the children of incidents.
pub(super) struct Relevant {
    households: HashSet<HouseholdId>,
    /// Children that the police noted, by day of birth.
    noted: HashMap<Date, Vec<Key>>,
    /// Children that may have to be found in a register of pupils, by municipality and day of birth.
    pupils: HashMap<(usize, Date), Vec<Key>>,
}

impl Relevant {
    pub(super) fn to(population: &Population, reports: &[Reported]) -> Result<Self, FieldError> {
        let mut relevant = Self { households: HashSet::new(), noted: HashMap::new(), pupils: HashMap::new() };
        for report in reports.iter().filter(|report| super::qualifies(report)) {
            let municipality = report.household.municipality;
            for noted in &report.children {
                let key = Key::of(&noted.person.to_child()?);
                let born = noted.person.date_of_birth;
                relevant.noted.entry(born).or_default().push(key.clone());
                relevant.pupils.entry((municipality, born)).or_default().push(key);
            }
            if relevant.households.insert(report.household) {
                let household = population.household(report.household);
                for child in &household.children {
                    let key = Key::of(&child.person.to_child()?);
                    relevant.pupils.entry((municipality, child.person.date_of_birth)).or_default().push(key);
                }
            }
        }
        Ok(relevant)
    }

    /// Whether a look-up could find this resident: at the address of an incident, or as a noted child registered elsewhere.
    pub(super) fn is_relevant_resident(
        &mut self,
        household: &Household,
        person: &Person,
    ) -> Result<bool, FieldError> {
        if self.households.contains(&household.id) {
            return Ok(true);
        }
        let Some(keys) = self.noted.get(&person.date_of_birth) else { return Ok(false) };
        let key = Key::of(&person.to_child()?);
        Ok(keys.contains(&key))
    }

    /// Whether a look-up could find this pupil, or nearly (R16).
    pub(super) fn is_relevant_pupil(&self, municipality: usize, pupil: &Person) -> Result<bool, FieldError> {
        let Some(keys) = self.pupils.get(&(municipality, pupil.date_of_birth)) else { return Ok(false) };
        let key = Key::of(&pupil.to_child()?);
        Ok(keys.iter().any(|one| *one == key || one.nearly_matches(&key)))
    }
}
