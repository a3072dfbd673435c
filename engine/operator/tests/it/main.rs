//! An operator's desk with a real broker under TLS: who joins, who goes, who gets new keys, and what a crash leaves.

#![cfg(test)]

mod certificates;
mod crash;
mod folder;
mod joining;
mod region;
mod rotating;
