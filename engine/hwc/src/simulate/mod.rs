//! `hwc simulate`: what has not happened, from a seed. One file for each command.

mod mutations;
mod population;
mod run;
mod world;
mod worlds;

use std::process::ExitCode;

use crate::exit;

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

/// Runs the command on a thread of its own: a simulated world polls the adapters' futures itself, and in a thread that works for
/// the runtime those are made to pause after a while, for others who are not there.
pub(crate) fn run(simulation: Simulation) -> ExitCode {
    std::thread::spawn(move || carry_out(simulation))
        .join()
        .unwrap_or_else(|_| exit::failed("a fault of the program; nothing that was written is of use"))
}

fn carry_out(simulation: Simulation) -> ExitCode {
    match simulation {
        Simulation::Population(arguments) => population::run(&arguments),
        Simulation::Worlds(arguments) => worlds::run(&arguments),
        Simulation::World(arguments) => world::run(&arguments),
        Simulation::Mutations(arguments) => mutations::run(&arguments),
        Simulation::Run(arguments) => run::run(&arguments),
    }
}
