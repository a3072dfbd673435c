//! The driver, sans-IO: it keeps the law's promise for many incidents at once.
//!
//! ```text
//! handle(Input, now)      something arrived, or time passed
//! poll() -> Option<Output>   what to do about it: store, append, perform, answer …
//! wake_at()                  when to call again if nothing arrives
//! ```
//!
//! It has no tokio, no clock and no dice: the program drives it with the broker, a simulated world with a faulty one.
//! For each incident one thing at a time, in this order, each durable before the next: decide, store the ciphertexts that
//! the decision points to, append the events, answer, perform the duties. Whatever is uncertain is read back. What is
//! refused is refused by the log: an engine that was overtaken may remember less than is so.

mod census;
mod desk;
mod doubt;
pub mod ended;
mod errands;
mod io;
mod known;
mod relay;
mod work;

pub use census::{Census, Standing};
pub use io::{Input, Limits, Output, Problem, Reply, Ticket, Trouble};
pub use relay::{Relay, Rules};
