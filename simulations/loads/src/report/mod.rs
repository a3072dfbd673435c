//! The page about a run: one file, readable without a script and without a network.
//!
//! Every figure in a table is taken from `summary.json` by its path and says so in `data-of`, so that page and file cannot
//! differ. Coordinates are whole tenths of a pixel, so that the page, too, is the same on every machine.

mod draw;
mod figures;
pub mod format;
mod page;
mod table;

pub use page::page;

#[cfg(test)]
mod tests;
