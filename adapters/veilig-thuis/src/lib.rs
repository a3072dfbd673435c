//! Veilig Thuis's adapter: screens a report, looks up who is registered at its address, and refers each child that counts
//! to its home municipality (R2, R3, R5 to R7, R9, R15). The address and the kind of violence stop here (R1).

pub mod counter;
mod desk;
pub mod register;

pub use counter::AtTheCounter;
pub use desk::{Desk, Settings};
pub use register::{Lookup, Unavailable, residents};
