//! `hwc simulate`: what has not happened, from a seed. One file for each command.

mod mutations;
mod population;
mod run;
mod world;
mod worlds;

use std::process::ExitCode;

/// What to make.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Simulation {
    /// Makes an invented region of any size, up to the country, as a dataset. The same seed makes the same files.
    Population(population::Arguments),
    /// Lives through simulated worlds in which everything goes wrong, and judges each by the rules.
    Worlds(worlds::Arguments),
    /// Lives through one simulated world, event by event.
    World(world::Arguments),
    /// Plants every known bug and says which checker finds it, and after how many worlds.
    Mutations(mutations::Arguments),
    /// Runs a plan in virtual time, with the production engine and desks, and reports what came of it.
    Run(run::Arguments),
}

/// Runs the command.
pub(crate) fn run(simulation: Simulation) -> ExitCode {
    match simulation {
        Simulation::Population(arguments) => population::run(&arguments),
        Simulation::Worlds(arguments) => worlds::run(&arguments),
        Simulation::World(arguments) => world::run(&arguments),
        Simulation::Mutations(arguments) => mutations::run(&arguments),
        Simulation::Run(arguments) => run::run(&arguments),
    }
}
