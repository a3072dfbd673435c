//! What the people who keep a region running ask: how it stands (`status`), what happens (`watch`), whether it is well (`check`, for a
//! monitoring program), what is the matter (`doctor`), what lies aside (`dead-letters`), and whether what was written down of their acts is whole (`audit`). Judgement is apart from asking: what is
//! asked is in functions that wait for an answer, what is thought of it in functions that do not. None shows an id of a child.

pub(crate) mod audit;
pub(crate) mod board;
pub(crate) mod check;
pub(crate) mod dead;
pub(crate) mod doctor;
mod flight;
pub(crate) mod pages;
pub(crate) mod status;
mod verdict;
pub(crate) mod watch;

use jiff::{SignedDuration, Timestamp, Unit};

/// A table without lines, as every command prints it.
fn table<const N: usize>(header: [&str; N]) -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(header);
    table
}

/// The same text without what no eye sees at the ends of its lines.
fn trimmed(text: &str) -> String {
    text.lines().flat_map(|line| [line.trim_end(), "\n"]).collect()
}

/// How long it is until then, or since, in words of whole seconds.
fn span(from: Timestamp, to: Timestamp) -> String {
    said(to.duration_since(from))
}

/// A duration in words of whole seconds; nothing is shorter than none.
fn said(duration: SignedDuration) -> String {
    let duration = duration.max(SignedDuration::ZERO);
    let unit = if duration < SignedDuration::from_hours(1) { Unit::Second } else { Unit::Minute };
    format!("{:#}", duration.round(unit).unwrap_or(duration))
}
