//! The driver in a small deterministic world of its own: a journal, a store of ciphertexts, organisations, and weather.

#![cfg(test)]

mod census;
mod crash;
mod engines;
mod keys;
mod late;
mod life;
mod limits;
mod outside;
mod people;
mod purged;
mod region;
mod strange;
mod trouble;
mod truth;
mod weather;
mod world;
