//! A region's municipalities and schools, and the way to its households.

use crate::{
    household::{Household, HouseholdId},
    municipality::{self, Municipality},
    school::{self, Directory, School},
    settings::Settings,
};

/// A synthetic region. It holds municipalities and schools only; households are made as they are asked for.
#[derive(Debug, Clone)]
pub struct Population {
    settings: Settings,
    municipalities: Vec<Municipality>,
    schools: Vec<School>,
    directory: Directory,
}

impl Population {
    /// The region that follows from the settings.
    pub fn new(settings: Settings) -> Self {
        let municipalities = municipality::all(&settings);
        let (schools, directory) = school::all(&settings, &municipalities);
        Self { settings, municipalities, schools, directory }
    }

    /// What it follows from.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The municipalities; other lists refer to them by place.
    pub fn municipalities(&self) -> &[Municipality] {
        &self.municipalities
    }

    /// The schools; enrolments refer to them by place.
    pub fn schools(&self) -> &[School] {
        &self.schools
    }

    pub(crate) const fn directory(&self) -> &Directory {
        &self.directory
    }

    /// A municipality's households, one after the other.
    pub fn households_of(&self, municipality: usize) -> impl Iterator<Item = Household> + '_ {
        let count = self.municipalities.get(municipality).map_or(0, |one| one.households);
        (0..count).map(move |number| self.household(HouseholdId { municipality, number }))
    }

    /// Every household, municipality by municipality.
    pub fn households(&self) -> impl Iterator<Item = Household> + '_ {
        (0..self.municipalities.len()).flat_map(|municipality| self.households_of(municipality))
    }
}
