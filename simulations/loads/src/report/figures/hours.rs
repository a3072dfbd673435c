//! When signals reach the schools.

use super::{Figure, Picture};
use crate::{
    report::{
        draw::{Anchor, Fit, Scale, Svg, ticks},
        format,
        table::{As, Table},
    },
    summary::Summary,
};

pub(super) fn figure(summary: &Summary) -> Figure {
    let delivered = &summary.delivered;
    let says = format!(
        "{} of the {} deliveries come before lessons begin at {}. Schools receive from {} until {} on a school day.",
        format::count(i64::from(delivered.before_lessons.signals)),
        format::count(i64::from(delivered.all.signals)),
        summary.plan.school_start,
        summary.plan.deliver_from,
        summary.plan.deliver_until,
    );
    let (first, last) = span(&summary.deliveries_by_half_hour);
    let rows =
        (first..last).map(|half| (name(half), vec![(format!("/deliveries_by_half_hour/{half}"), As::Count)]));
    let table = Table {
        caption: "First deliveries by the time of the day",
        columns: vec!["From", "Signals"],
        rows: rows.collect(),
    };
    let picture = Picture::new("hours", "First deliveries by the time of the day", |fit| draw(summary, fit));
    Figure {
        id: "when-delivered",
        heading: "At what time of the day?",
        says,
        pictures: vec![picture],
        tables: vec![table],
        below: false,
    }
}

fn name(half: usize) -> String {
    format!("{:02}:{}", half / 2, if half.is_multiple_of(2) { "00" } else { "30" })
}

/// The half hours that are shown: an ordinary day's, and whatever else something arrived in.
fn span(counts: &[u32]) -> (usize, usize) {
    let first = counts.iter().position(|count| *count > 0).unwrap_or(14);
    let last = counts.iter().rposition(|count| *count > 0).map_or(34, |last| last + 1);
    (first.min(14), last.max(34).min(counts.len()))
}

fn draw(summary: &Summary, fit: Fit) -> Svg {
    let counts = &summary.deliveries_by_half_hour;
    let width = fit.width();
    let height = if fit.is_narrow() { 230 } else { 270 };
    let (left, right, top, bottom) = (520, width * 10 - 160, 280, height * 10 - 460);
    let mut svg = Svg::new(width, height);
    let (first, last) = span(counts);
    let whole = i64::try_from(last - first).unwrap_or(1);
    let x = Scale { from: left, to: right, least: 0, most: whole };
    let at = |half: usize| x.at(i64::try_from(half).unwrap_or(0) - i64::try_from(first).unwrap_or(0));
    let steps = ticks(counts.iter().copied().max().map_or(0, i64::from), 4);
    let y = Scale { from: bottom, to: top, least: 0, most: steps.last().copied().unwrap_or(1) };
    for step in &steps {
        svg.line("grid", (left, y.at(*step)), (right, y.at(*step)));
        svg.text("tick", (left - 70, y.at(*step) + 40), Anchor::End, &format::count(*step));
    }
    for half in first..last {
        let count = counts.get(half).copied().map_or(0, i64::from);
        let (from, until) = (at(half) + 12, at(half + 1) - 12);
        let high = if count > 0 { (bottom - y.at(count)).max(10) } else { 0 };
        let says = format!("from {}: {}", name(half), format::count(count));
        svg.rect("bar", (from, bottom - high), (until - from, high), &says);
    }
    let every = if fit.is_narrow() { 6 } else { 2 };
    for half in (first..=last).filter(|half| half % every == 0) {
        svg.line("axis", (at(half), bottom), (at(half), bottom + 50));
        svg.text("tick", (at(half), bottom + 190), Anchor::Middle, &name(half));
    }
    if let Some(start) =
        halves(&summary.plan.school_start).filter(|start| (first..last).contains(&(start / 30)))
    {
        let minutes = i64::try_from(start).unwrap_or(0) - i64::try_from(first).unwrap_or(0) * 30;
        let at = Scale { from: left, to: right, least: 0, most: whole * 30 }.at(minutes);
        svg.line("mark", (at, top - 60), (at, bottom));
        svg.text(
            "value",
            (at + 60, top - 20),
            Anchor::Start,
            &format!("lessons begin {}", summary.plan.school_start),
        );
    }
    svg.line("axis", (left, bottom), (right, bottom));
    svg.text("axis-name", (left - 480, 130), Anchor::Start, "signals");
    svg.text("axis-name", (right, bottom + 380), Anchor::End, "time of the first delivery, half hours");
    svg
}

/// `08:30` in minutes.
fn halves(clock: &str) -> Option<usize> {
    let (hours, minutes) = clock.split_once(':')?;
    Some(hours.parse::<usize>().ok()? * 60 + minutes.parse::<usize>().ok()?)
}
