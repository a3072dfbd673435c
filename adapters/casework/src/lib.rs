//! Who counts, who belongs to the household, who is whose, and where to: R1–R7 and R9–R16.
//!
//! * [`names`]: when two spellings are one child (R16); everything else here asks it.
//! * [`age`]: from the 4th birthday up to the 18th (R2).
//! * [`screening`]: which children of an incident get a signal (R3–R7, R9); Veilig Thuis asks.
//! * [`home`]: in which municipality a child lives (R15); Veilig Thuis asks.
//! * [`household`]: who is registered at an address as far as a civil register says it, and what of it a person must look at
//!   (R9); Veilig Thuis asks.
//! * [`routing`]: which school a signal goes to, if any (R11–R16); a municipality asks.
//!
//! Pure: no IO, no clock, no dice. The same arguments always give the same verdict, and no verdict about a child can
//! be printed.

pub mod age;
pub mod home;
pub mod household;
pub mod names;
pub mod routing;
pub mod screening;

#[cfg(test)]
mod testing;
