//! A model check: one incident with two children, two engines, and every state that they can come to.
//!
//! The production driver ([`hwc_relay::Relay`], and by it the law) is stepped through every order of events within stated
//! [`Bounds`]: organisations that ask, messages to the broker that arrive, are late, doubled or lost, crashes, a change of the
//! leader, time. Each state is checked for what must never be, and from each state the world must end by itself once nothing
//! goes wrong any more. `docs/model.md` says what is modelled, what is not, and what was found.
//!
//! Read in this order: [`bounds`] and `region` (what is looked at), `outside` (the broker), `engine` (the driver in its
//! program), `people` (the organisations), `world`, `possible`, `becomes` (what may happen, and what becomes of it), `watch` (the rules),
//! `search`.

mod becomes;
pub mod bounds;
mod engine;
mod outside;
mod people;
mod possible;
mod print;
mod region;
mod replies;
mod scenes;
mod search;
mod sights;
mod step;
mod trace;
mod watch;
mod world;

pub use bounds::{Bounds, Choice, Fault, Leading, Planted};
pub use region::{MOMENTS, SceneError};
pub use scenes::{Check, long, quick};
pub use search::{Found, check};
pub use sights::{Sight, Sights};
pub use trace::Counterexample;
