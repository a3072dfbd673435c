//! One test binary: journeys, privacy, contract, tidiness.
#![cfg(test)]

mod canary;
mod ground;
mod journeys;
mod privacy;
mod tidy;
