//! How many contacts the log-in bears at once.
#![cfg(test)]

mod load;
