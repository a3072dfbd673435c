//! `hwc simulate`: what has not happened, from a seed. One file for each command.

mod population;

use std::process::ExitCode;

/// What to make.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Simulation {
    /// Makes an invented region of any size, up to the country, as a dataset. The same seed makes the same files.
    Population(population::Arguments),
}

/// Runs the command.
pub(crate) fn run(simulation: Simulation) -> ExitCode {
    match simulation {
        Simulation::Population(arguments) => population::run(&arguments),
    }
}
