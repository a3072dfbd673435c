//! Everything here, on a real broker. Each test starts its own in a folder that goes with it.

#![cfg(test)]

mod breaches;
mod clearing;
mod doors;
mod journal;
mod lease;
mod looking;
mod permissions;
mod porch;
mod proxy;
mod put_back;
mod region;
mod remains;
mod stock;
mod store;
mod three;
mod tls;
mod traced;
