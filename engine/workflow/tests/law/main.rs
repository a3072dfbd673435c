//! The law: what can happen, who may have it happen, and that every signal ends.

#![cfg(test)]

#[path = "../fixtures/calendar.rs"]
mod fixture;

mod chaos;
mod commands;
mod fetches;
mod liveness;
mod matrix;
mod ops;
mod page;
mod properties;
mod recalls;
mod situations;
mod stories;
mod trail;
mod waiting;
mod world;
