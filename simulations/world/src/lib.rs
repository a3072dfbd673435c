//! A simulated world: the production driver, law and desks on a simulated broker, network, clocks and keys.
//!
//! One seed is one world. What goes wrong in it, when and to whom follows from the seed alone, and so does everything that
//! comes of it.

mod agenda;
mod broker;
mod case;
pub mod checkers;
pub mod chronicle;
mod dice;
mod hands;
mod hunt;
mod mutation;
mod outfit;
mod scenario;
mod seal;
mod story;
pub mod truth;
mod weather;
mod world;

pub use case::{Case, CaseError, Listener, Verdict};
pub use dice::Dice;
pub use hunt::{Failure, Found, Hunt};
pub use mutation::Mutation;
pub use scenario::{Cut, NoWorld, Scenario};
pub use weather::{Climate, Coverage, Place, Strike};
pub use world::{Act, Fault, Member, Outcome, Planned, Setup, Watcher, World};
