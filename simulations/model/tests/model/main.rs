//! The quick checks, and that a check can fail.

#![cfg(test)]

mod planted;
mod quick;
