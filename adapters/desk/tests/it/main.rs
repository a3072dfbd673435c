//! The desk, as its people and as those who mean ill see it: from outside, over HTTP.
#![cfg(test)]

mod browser;
mod deciding;
mod ill_will;
mod pretend;
mod shown;
