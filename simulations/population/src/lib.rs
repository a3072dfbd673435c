//! A synthetic region of any size, up to the country, in the dataset's format (`docs/dataset.md`, `docs/population.md`).
//!
//! A [`Population`] holds its municipalities and schools; a household is a pure function of the seed, its municipality and its
//! number, so the country can be walked through without being held in memory. Nobody in it is real, so everything here can
//! be printed; what the real programs work with cannot, and is made by `to_child`, `to_report` and [`mod@registers`].
//!
//! * [`dice`]: chance that falls the same on every machine, in whole numbers.
//! * [`rates`]: every distribution, named, with its source.
//! * [`settings`]: which region: seed, size, day.
//! * [`municipality`], [`school`], [`names`], [`household`], [`enrolment`]: the region.
//! * [`incident`]: what the police report of it; [`reports`]: a number of reports over a period.
//! * [`holidays`]: the school years as the national feed has them.
//! * [`write`](mod@write): the region as files.

pub mod dice;
pub mod enrolment;
pub mod holidays;
pub mod household;
pub mod incident;
pub mod municipality;
pub mod names;
pub mod person;
mod population;
pub mod rates;
pub mod registers;
pub mod reports;
pub mod school;
pub mod settings;
mod spelling;
pub mod write;

pub use self::{
    dice::Dice,
    household::{Household, HouseholdId},
    incident::{Incident, Recent},
    municipality::Municipality,
    person::Person,
    population::Population,
    rates::Rates,
    school::School,
    settings::{Settings, Size},
    write::{WriteError, Written},
};
