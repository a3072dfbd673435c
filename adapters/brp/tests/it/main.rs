//! The look-up against the mock of the BRP: what it asks, what it makes of each answer, and what each error leads to.
#![cfg(test)]

mod errors;
mod found;
mod ground;
mod secured;
