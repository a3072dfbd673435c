//! Loads for researchers: what would happen to the signals of a region, in virtual time, and a report of it.
//!
//! * [`plan`]: the question, as strict TOML (`docs/plans.md`); [`spread`] and [`chance`]: how it is drawn, the same on every
//!   machine.
//! * [`arrivals`]: when incidents happen and are reported; [`region`]: in which families, as a dataset.
//! * [`mod@run`]: the production driver and desks in a simulated world, with the plan's people; [`roster`]: who works when.
//! * [`ledger`]: what happened, as it happens; [`summary`]: what it comes to; [`report`]: the page; [`results`]: the folder.

pub mod arrivals;
pub mod chance;
pub mod ledger;
pub mod plan;
pub mod region;
pub mod report;
pub mod results;
pub mod roster;
pub mod run;
pub mod spread;
pub mod summary;

#[cfg(test)]
mod testing;
