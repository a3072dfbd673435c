//! The pictures, each with a title, a sentence that says what it shows, and a table of its figures.

mod arrivals;
mod bars;
mod hours;
mod legs;
mod queues;
mod soon;

use super::{
    draw::{Fit, Svg},
    table::Table,
};
use crate::summary::Summary;

/// A picture with its table.
pub(super) struct Figure {
    pub(super) id: &'static str,
    /// What is asked.
    pub(super) heading: &'static str,
    /// What it shows, in a sentence or two, with its figures.
    pub(super) says: String,
    /// Drawn once for each width.
    pub(super) pictures: Vec<Picture>,
    /// Its figures.
    pub(super) tables: Vec<Table>,
    /// Whether the tables are too wide to stand beside the pictures.
    pub(super) below: bool,
}

/// One picture of a figure.
pub(super) struct Picture {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) drawn: [Svg; 2],
}

impl Picture {
    fn new(id: &'static str, title: &'static str, draw: impl Fn(Fit) -> Svg) -> Self {
        Self { id, title, drawn: Fit::ALL.map(draw) }
    }
}

/// Every figure, in the order of the page.
pub(super) fn all(summary: &Summary) -> Vec<Figure> {
    vec![
        soon::figure(summary),
        legs::figure(summary),
        bars::outcomes(summary),
        hours::figure(summary),
        arrivals::figure(summary),
        queues::figure(summary),
        bars::held(summary),
    ]
}

/// Values that are drawn at equal distances, straight in between: for what spreads from seconds to weeks.
struct Marks<'a> {
    values: &'a [(i64, &'static str)],
}

impl Marks<'_> {
    /// As many of the marks as are needed to hold the most.
    fn up_to(&self, most: i64) -> usize {
        let needed = self.values.partition_point(|(value, _)| *value < most) + 1;
        needed.clamp(2, self.values.len())
    }

    /// Where a value lies among the first so many marks.
    fn at(&self, value: i64, shown: usize, from: i64, to: i64) -> i64 {
        let last = shown.saturating_sub(1).max(1);
        let place = |mark: usize| {
            from + (to - from) * i64::try_from(mark).unwrap_or(0) / i64::try_from(last).unwrap_or(1)
        };
        let above = self.values.iter().take(shown).position(|(mark, _)| *mark >= value);
        let Some(above) = above else { return to };
        let Some(below) = above.checked_sub(1) else { return from };
        let of = |mark: usize| self.values.get(mark).map_or(0, |(value, _)| *value);
        let (low, high) = (of(below), of(above));
        place(below) + (place(above) - place(below)) * (value - low) / (high - low).max(1)
    }
}
