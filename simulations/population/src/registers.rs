//! The registers as the real programs hold them: a household at a time, a municipality, or the whole region.

use std::collections::BTreeMap;

use hwc_casework::{
    home::{Register, Resident},
    routing::{Enrolment, Placement, School as Directed, SchoolCode},
};
use hwc_schemas::{person::FieldError, report::MunicipalityCode};

use crate::{household::Household, municipality::Standing, population::Population};

impl Population {
    /// A household's rows of `residents.csv`.
    pub fn residents_of(&self, household: &Household) -> Result<Vec<Resident>, FieldError> {
        let address = household.address.to_address()?;
        let municipality = self.municipality_code(household.id.municipality)?;
        let resident = |person: &crate::Person| {
            Ok(Resident { place: address.place().clone(), municipality, person: person.to_child()? })
        };
        household.residents().map(resident).collect()
    }

    /// A household's rows of `enrolments.csv`, in the register of its own municipality.
    pub fn enrolments_of(&self, household: &Household) -> Result<Vec<Enrolment>, FieldError> {
        let code = |school: Option<usize>| school.map(|at| self.schools()[at].code()).transpose();
        let schoolings = household.children.iter().filter_map(|child| child.schooling.as_ref());
        schoolings
            .flat_map(|schooling| &schooling.rows)
            .map(|row| {
                let placement =
                    Placement { school: code(row.school)?, host: code(row.host)?, secret: row.secret };
                Ok(Enrolment { pupil: row.pupil.to_child()?, placement })
            })
            .collect()
    }

    /// Everybody's registration, in memory: some 200 bytes for each resident.
    pub fn register(&self) -> Result<Register, FieldError> {
        let mut residents = Vec::new();
        for household in self.households() {
            residents.extend(self.residents_of(&household)?);
        }
        Ok(Register::new(residents))
    }

    /// Every municipality's register of pupils, in memory.
    pub fn enrolments(&self) -> Result<BTreeMap<MunicipalityCode, Vec<Enrolment>>, FieldError> {
        let mut all = BTreeMap::new();
        for municipality in 0..self.municipalities().len() {
            let mut own = Vec::new();
            for household in self.households_of(municipality) {
                own.extend(self.enrolments_of(&household)?);
            }
            all.insert(self.municipality_code(municipality)?, own);
        }
        Ok(all)
    }

    /// The directory of schools.
    pub fn directed_schools(&self) -> Result<BTreeMap<SchoolCode, Directed>, FieldError> {
        self.schools()
            .iter()
            .map(|school| Ok((school.code()?, school.directed(self.municipalities())?)))
            .collect()
    }

    /// A municipality's code, by its place in the list.
    pub fn municipality_code(&self, municipality: usize) -> Result<MunicipalityCode, FieldError> {
        MunicipalityCode::parse(&self.municipalities()[municipality].code)
    }

    /// The codes of the municipalities whose children take part (R15).
    pub fn participating(&self) -> impl Iterator<Item = &str> {
        self.codes(|standing| standing == Standing::Participates)
    }

    /// The codes of the municipalities whose schools lie in the region (R15).
    pub fn in_the_region(&self) -> impl Iterator<Item = &str> {
        self.codes(|standing| standing != Standing::Outside)
    }

    fn codes(&self, which: impl Fn(Standing) -> bool) -> impl Iterator<Item = &str> {
        let chosen = self.municipalities().iter().filter(move |one| which(one.standing));
        chosen.map(|one| one.code.as_str())
    }
}
