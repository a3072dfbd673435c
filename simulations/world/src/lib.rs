//! A simulated world: the production driver, law and desks on a simulated broker, network, clocks and keys.
//!
//! One seed is one world. What goes wrong in it, when and to whom follows from the seed alone, and so does everything that
//! comes of it.

pub mod checkers;
pub mod chronicle;
pub mod truth;
