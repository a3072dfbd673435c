//! R15: the municipality in which a child lives, and who else is registered where it does.

#[cfg(test)]
mod tests;

use hwc_schemas::{
    person::Child,
    report::{Address, MunicipalityCode, Place},
};

use crate::names::{Index, Key};

/// Somebody, of any age, registered at an address.
pub struct Resident {
    /// The address.
    pub place: Place,
    /// The municipality it lies in.
    pub municipality: MunicipalityCode,
    /// Who lives there.
    pub person: Child,
}

/// Who is registered where. A look-up among half a million takes microseconds.
pub struct Register {
    /// Sorted by place; at one place as they came.
    residents: Vec<Resident>,
    index: Index,
}

impl Register {
    /// Takes the rows in any order; those of one address keep theirs.
    pub fn new(mut residents: Vec<Resident>) -> Self {
        residents.sort_by(|one, other| one.place.cmp(&other.place));
        let index = Index::new(residents.iter().map(|resident| Key::of(&resident.person)).collect());
        Self { residents, index }
    }

    /// Everybody registered at an address, adults too (R9).
    pub fn household(&self, place: &Place) -> impl Iterator<Item = &Child> {
        self.residents_of(place).iter().map(|resident| &resident.person)
    }

    /// Where a child lives (R15): where it is registered itself, found by a match at the incident's address or else
    /// anywhere; if it is registered nowhere, or in two municipalities, then in the municipality of the incident's
    /// address, which is that of its residents if the report does not say. `None` takes no part.
    pub fn home_municipality(&self, child: &Child, incident: &Address) -> Option<MunicipalityCode> {
        let key = Key::of(child);
        let own = || self.index.matching(&key).filter_map(|row| self.residents.get(row));
        let at_the_address = own().filter(|resident| resident.place == *incident.place());
        the_one_municipality(at_the_address)
            .or_else(|| the_one_municipality(own()))
            .or(incident.municipality)
            .or_else(|| the_one_municipality(self.residents_of(incident.place())))
    }

    fn residents_of(&self, place: &Place) -> &[Resident] {
        let start = self.residents.partition_point(|resident| resident.place < *place);
        let from_there = self.residents.get(start..).unwrap_or_default();
        let count = from_there.partition_point(|resident| resident.place == *place);
        from_there.get(..count).unwrap_or_default()
    }
}

/// The municipality that all of them live in; none if they disagree, or there are none.
fn the_one_municipality<'a>(residents: impl IntoIterator<Item = &'a Resident>) -> Option<MunicipalityCode> {
    let mut municipalities = residents.into_iter().map(|resident| resident.municipality);
    let first = municipalities.next()?;
    municipalities.all(|other| other == first).then_some(first)
}
