//! The look-up as Veilig Thuis asks it: one address, one household; one child, one municipality.

use std::collections::BTreeSet;

use hwc_adapter_kit::Kept;
use hwc_casework::{
    household::{Doubt, Household},
    names::matches,
};
use hwc_schemas::{
    person::Child,
    report::{MunicipalityCode, Place},
};
use hwc_veilig_thuis::{Asked, Down, Households};
use jiff::Timestamp;

use crate::{
    Addresses, Caller, Failure, ObjectId,
    answers::{self, Resident},
    budget::{self, Morning, Spent},
    caller::Api,
    failure::Kind,
    questions,
};

/// How it is asked.
pub struct Manner {
    /// The municipalities that take part (R15). Whoever is registered elsewhere is not asked for by name.
    pub participating: BTreeSet<MunicipalityCode>,
    /// The morning that a look-up must not miss.
    pub morning: Morning,
}

/// Households and homes out of the BRP.
pub struct Brp {
    caller: Caller,
    addresses: Kept<Addresses>,
    manner: Manner,
}

/// Who is registered at one address, and in which municipality.
struct Registered {
    people: Vec<Resident>,
    municipality: Option<MunicipalityCode>,
}

impl Brp {
    /// A look-up that asks through this caller; of the addresses in the list it asks by their object.
    pub const fn new(caller: Caller, addresses: Kept<Addresses>, manner: Manner) -> Self {
        Self { caller, addresses, manner }
    }

    async fn found(&self, asked: &Asked<'_>) -> Result<Household, Failure> {
        let address = &asked.report.address;
        let place = address.place();
        let object = self.addresses.now().object(place);
        // First where the report says that it lies. Nobody who is registered in another municipality is given to us then.
        let others =
            self.manner.participating.iter().copied().filter(|one| Some(*one) != address.municipality);
        for municipality in address.municipality.into_iter().chain(others) {
            let within = Some(municipality);
            match self.residents(asked, object.as_ref(), within).await {
                Ok(people) if people.is_empty() => {}
                Ok(people) => return Ok(Registered { people, municipality: within }.household(place, object)),
                Err(Failure::TooMany) => return self.many(asked, object, within).await,
                Err(failure) => return Err(failure),
            }
        }
        // Nobody where anybody takes part; in another municipality the household is known, and its signals end there.
        match self.residents(asked, object.as_ref(), None).await {
            Ok(people) => Ok(Registered { people, municipality: None }.household(place, object)),
            Err(Failure::TooMany) => self.many(asked, object, None).await,
            Err(failure) => Err(failure),
        }
    }

    async fn residents(
        &self,
        asked: &Asked<'_>,
        object: Option<&ObjectId>,
        within: Option<MunicipalityCode>,
    ) -> Result<Vec<Resident>, Failure> {
        let question = match object {
            Some(object) => questions::residents_of(object, within),
            None => questions::residents(asked.report.address.place(), within),
        };
        answers::residents(&self.caller.ask(asked.now, Api::Persons, question).await?)
    }

    /// More than thirty. Bewoning gives up to a hundred of an object that we know; either way a person must look.
    async fn many(
        &self,
        asked: &Asked<'_>,
        object: Option<ObjectId>,
        municipality: Option<MunicipalityCode>,
    ) -> Result<Household, Failure> {
        let nobody_listed =
            || Household { doubts: [Doubt::NoList].into(), municipality, ..Household::default() };
        let Some(object) = object.filter(|_| self.caller.knows_occupancy()) else {
            return Ok(nobody_listed());
        };
        let question = questions::occupants(&object, asked.day);
        let found = answers::occupants(&self.caller.ask(asked.now, Api::Occupancy, question).await?)?;
        if found.many || found.people.is_empty() {
            return Ok(nobody_listed());
        }
        let mut household = collected(found.people, municipality);
        household.doubts.insert(Doubt::ManyResidents);
        Ok(household)
    }

    async fn home_of(
        &self,
        asked: &Asked<'_>,
        household: &Household,
        child: &Child,
    ) -> Result<Option<MunicipalityCode>, Failure> {
        if household.holds(child) {
            return Ok(household.municipality);
        }
        let there = asked.report.address.municipality.or(household.municipality);
        if !self.is_registered(asked, child, None).await? {
            return Ok(there);
        }
        let mut homes = Vec::new();
        for municipality in &self.manner.participating {
            if self.is_registered(asked, child, Some(*municipality)).await? {
                homes.push(*municipality);
            }
        }
        // R15: in two counts as in none, and then the incident's address decides; in none that takes part is elsewhere.
        Ok(match homes.as_slice() {
            [] => None,
            [home] => Some(*home),
            _ => there,
        })
    }

    /// Whether a child of this name and date of birth (R16) is registered anywhere, or in one municipality. So many
    /// namesakes that the BRP gives none of them are no match.
    async fn is_registered(
        &self,
        asked: &Asked<'_>,
        child: &Child,
        within: Option<MunicipalityCode>,
    ) -> Result<bool, Failure> {
        let question = questions::registered(child, within);
        let answer = match self.caller.ask(asked.now, Api::Persons, question).await {
            Err(Failure::TooMany) => return Ok(within.is_none()),
            answer => answer?,
        };
        let found = answers::residents(&answer)?;
        let found = found.into_iter().filter_map(|one| one.into_member().ok());
        Ok(found.into_iter().any(|member| matches(&member.person, child)))
    }

    fn down(&self, asked: &Asked<'_>, failure: Failure) -> Down {
        let (attempt, kind) = (asked.attempt, failure.kind());
        if kind == Kind::ToMend {
            tracing::error!(attempt, %failure, "the BRP cannot be asked; somebody must mend it");
        } else {
            tracing::warn!(attempt, %failure, "the BRP cannot be asked just now");
        }
        let (began, patience_ends) = (asked.began, asked.patience_ends);
        let spread = spread(asked.began);
        let spent = Spent { attempts: attempt.max(1), began, patience_ends, failed: kind, spread };
        budget::next(asked.now, &spent, &self.manner.morning)
    }
}

/// Another number for each look-up, as even as the moments at which they begin.
fn spread(began: Timestamp) -> u8 {
    (began.subsec_nanosecond().unsigned_abs() / 1_000).to_le_bytes().iter().fold(0, |sum, byte| sum ^ byte)
}

impl Registered {
    /// The household of exactly this address. By postcode and number the BRP gives the neighbours with a letter or an addition
    /// too; the line of the address tells them apart, and where it is missing a person must.
    fn household(self, place: &Place, object: Option<ObjectId>) -> Household {
        let Self { people, municipality } = self;
        if object.is_some() {
            return collected(people, municipality);
        }
        let designation = questions::designation(place);
        let (with_line, without): (Vec<_>, Vec<_>) = people.into_iter().partition(|one| one.line.is_some());
        let there =
            |one: &Resident| one.line.as_ref().is_some_and(|line| questions::is_there(line, &designation));
        let mut household = collected(with_line.into_iter().filter(there).collect(), municipality);
        if !without.is_empty() {
            household.doubts.insert(Doubt::AddressUnclear);
        }
        household
    }
}

fn collected(people: Vec<Resident>, municipality: Option<MunicipalityCode>) -> Household {
    let mut household = Household { municipality, ..Household::default() };
    for one in people {
        match one.into_member() {
            Ok(member) => household.members.push(member),
            Err(incomplete) => household.incomplete.push(incomplete),
        }
    }
    household
}

impl Households for Brp {
    async fn household(&self, asked: &Asked<'_>) -> Result<Household, Down> {
        self.found(asked).await.map_err(|failure| self.down(asked, failure))
    }

    async fn home(
        &self,
        asked: &Asked<'_>,
        household: &Household,
        child: &Child,
    ) -> Result<Option<MunicipalityCode>, Down> {
        self.home_of(asked, household, child).await.map_err(|failure| self.down(asked, failure))
    }
}
