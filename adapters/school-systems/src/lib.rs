//! For schools with software of their own (`docs/school-software.md`).
//!
//! * [`webhook`]: tells the software that something waits, was reminded of, or waits no more. It rings and says nothing: no
//!   name, no id of the relay's, no place in a trace (R22).
//! * [`api`]: lists what waits, without names; opens one for a person (R24); confirms receipt; returns what is not the
//!   school's. It asks the same [`hwc_school::AtTheCounter`] as the people at the counter do.

pub mod api;
pub mod webhook;
