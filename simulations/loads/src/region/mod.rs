//! The region of a plan, drawn: its reports, and as much of its registers as the reports can ever touch.
//!
//! Every household of the region is looked at. Kept are the residents of the addresses of incidents, whoever else matches a
//! child that the police noted, and every enrolment that matches or nearly matches a child of an incident (R16): so every
//! look-up gives what it would give in the whole region, and the country fits on a small machine.

mod correction;
mod relevant;
mod write;

use hwc_population::{
    Incident as Reported, Person, Population, Rates, Recent, Settings, enrolment::Row, household::Address,
};
use hwc_schemas::{
    person::FieldError,
    report::{Kind, MunicipalityCode},
};
use hwc_workflow::calendar::Zone;
use jiff::civil::Date;

pub use correction::{Misplaced, Truth};
pub use write::WriteError;

use self::relevant::Relevant;
use crate::{
    arrivals::{self, Incident},
    chance::{Share, Stream},
    plan::{Period, Plan, Says},
};

/// A drawn region.
pub struct Region {
    population: Population,
    /// The reports, in the order in which they are sent.
    pub reports: Vec<Reported>,
    /// The same, as far as they are counted.
    pub incidents: Vec<Incident>,
    /// Who is registered where: address, municipality, person.
    residents: Vec<(Address, String, Person)>,
    /// Rows of the registers of pupils, each with its municipality.
    enrolments: Vec<(String, Row)>,
    /// Children whose register is wrong.
    pub misplaced: Vec<Misplaced>,
    /// Children who live in the region.
    pub children: u64,
}

/// Why a region could not be drawn.
#[derive(Debug, thiserror::Error)]
pub enum RegionError {
    /// The plan runs a dataset as it is.
    #[error("the plan has no region to make")]
    NothingToMake,
    /// An invented person is none that the program would take. A fault of the population.
    #[error("an invented person cannot be used: {0}")]
    Person(#[from] FieldError),
}

/// How far a region is: households looked at, of so many.
pub type Progress<'a> = &'a mut dyn FnMut(u64, u64);

impl Region {
    /// Draws the region of a plan.
    pub fn draw(plan: &Plan, seed: u64, zone: &Zone, progress: Progress<'_>) -> Result<Self, RegionError> {
        let says = &plan.says;
        let (Some(size), Some(period)) = (says.region.size, says.period) else {
            return Err(RegionError::NothingToMake);
        };
        let population = Population::new(Settings {
            seed: says.region.seed.unwrap_or(seed),
            size: size.0,
            day: period.from.0,
            days: u32::from(period.days),
            rates: says.rates.over(Rates::default()),
        });
        let children = children(&population);
        let count = arrivals::count(&says.arrivals, period.days, children);
        let (reports, incidents) = reports(&population, says, period, (seed, zone), count);
        let mut relevant = Relevant::to(&population, &reports)?;
        let households: u64 = population.municipalities().iter().map(|one| u64::from(one.households)).sum();
        let (mut residents, mut enrolments) = (Vec::new(), Vec::new());
        for (looked_at, household) in (0..).zip(population.households()) {
            if looked_at % 65_536 == 0 {
                progress(looked_at, households);
            }
            let code = &population.municipalities()[household.id.municipality].code;
            for person in household.residents() {
                if relevant.is_relevant_resident(&household, person)? {
                    residents.push((household.address.clone(), code.clone(), person.clone()));
                }
            }
            for row in
                household.children.iter().filter_map(|child| child.schooling.as_ref()).flat_map(|it| &it.rows)
            {
                if relevant.is_relevant_pupil(household.id.municipality, &row.pupil)? {
                    enrolments.push((code.clone(), row.clone()));
                }
            }
        }
        progress(households, households);
        let misplaced = correction::of(&population, &reports, &says.registers, seed, zone)?;
        Ok(Self { population, reports, incidents, residents, enrolments, misplaced, children })
    }

    /// The invented region.
    pub const fn population(&self) -> &Population {
        &self.population
    }
}

/// Children of the municipalities that take part, by the population's own rate.
fn children(population: &Population) -> u64 {
    let taking_part = |code: &str| population.participating().any(|one| one == code);
    let inhabitants = population.municipalities().iter().filter(|one| taking_part(&one.code));
    let inhabitants: u64 = inhabitants.map(|one| u64::from(one.inhabitants)).sum();
    inhabitants * u64::from(hwc_population::rates::CHILDREN) / 10_000
}

fn reports(
    population: &Population,
    says: &Says,
    period: Period,
    (seed, zone): (u64, &Zone),
    count: u32,
) -> (Vec<Reported>, Vec<Incident>) {
    let mut recent = Recent::new();
    let drawn = arrivals::draw((&says.arrivals, &says.reporting), period, seed, zone, count);
    let report = |(mut incident, number): (Incident, u64)| {
        let mut dice = Stream::Incidents.dice(seed, &[number]);
        let bare = Share::of_parts(population.settings().rates.bare_date * 100).unwrap_or_default();
        incident.date_only = bare.happens(&mut dice);
        let day: Date = zone.local(incident.occurred_at).date();
        let occurred = if incident.date_only {
            hwc_schemas::report::Occurred::On(day)
        } else {
            hwc_schemas::report::Occurred::At(incident.occurred_at)
        };
        let reported = population.incident(&mut dice, &mut recent, number, occurred, incident.reported_at);
        incident.follow_up = reported.follow_up;
        (reported, incident)
    };
    drawn.into_iter().zip(1..).map(report).unzip()
}

/// Whether anything follows from a report at all (R3).
fn qualifies(report: &Reported) -> bool {
    matches!(report.kind, Kind::DomesticViolence | Kind::ChildAbuse)
}

/// A code of the population's own.
fn municipality(code: &str) -> Result<MunicipalityCode, FieldError> {
    MunicipalityCode::parse(code)
}

#[cfg(test)]
mod tests;
