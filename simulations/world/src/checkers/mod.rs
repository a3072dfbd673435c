//! What must hold in every world, one rule of the game per file. Each is written from `docs/rules.md` and what happened, and
//! uses nothing of the program that is judged.

use crate::{chronicle::Entry, truth::Truth};

/// Something that must not happen, happened. In words; the people are invented.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{checker}: {what}")]
pub struct Violation {
    /// Who noticed.
    pub checker: &'static str,
    /// What is wrong.
    pub what: String,
}

/// Judges one world, entry by entry.
pub trait Checker {
    /// Its name, as in tables.
    fn name(&self) -> &'static str;

    /// Something happened.
    fn see(&mut self, entry: &Entry, truth: &Truth) -> Result<(), String>;

    /// Nothing more happens: the world has healed and come to rest, or was given up because it never did.
    fn end(&mut self, truth: &Truth) -> Result<(), String>;
}
