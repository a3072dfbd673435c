//! Bars with their names: how signals ended, and how long they were held.

use super::{Figure, Picture};
use crate::{
    report::{
        draw::{Anchor, Fit, Scale, Svg, ticks},
        format,
        table::{As, Table},
    },
    summary::{HeldLine, Summary},
};

/// One bar: its name, its value, and which ink it has.
struct Bar {
    name: String,
    value: i64,
    says: String,
    class: &'static str,
}

pub(super) fn outcomes(summary: &Summary) -> Figure {
    let named = |outcome: &str, reason: Option<&'static str>| {
        reason.map_or_else(
            || format::word(outcome).to_owned(),
            |reason| format!("{}: {}", format::word(outcome), format::word(reason)),
        )
    };
    let bars: Vec<Bar> = summary
        .outcomes
        .iter()
        .map(|line| Bar {
            name: named(line.outcome, line.reason),
            value: i64::from(line.signals),
            says: format!(
                "{} ({})",
                format::count(i64::from(line.signals)),
                format::share(i64::from(line.share))
            ),
            class: if line.outcome == "acknowledged" { "bar" } else { "bar other" },
        })
        .collect();
    let rows = summary.outcomes.iter().enumerate().map(|(place, line)| {
        let of = |end: &str| format!("/outcomes/{place}/{end}");
        (named(line.outcome, line.reason), vec![(of("signals"), As::Count), (of("share"), As::Share)])
    });
    let table = Table {
        caption: "How signals ended",
        columns: vec!["Outcome", "Signals", "Share"],
        rows: rows.collect(),
    };
    let says = format!(
        "{} signals came of {} reports. {} were acknowledged by a school, {} were withheld, {} expired and {} were no signal for a school.",
        format::count(i64::from(summary.signals)),
        format::count(i64::from(summary.reports.recorded)),
        format::count(i64::from(summary.ended("acknowledged"))),
        format::count(i64::from(summary.ended("withheld"))),
        format::count(i64::from(summary.ended("expired"))),
        format::count(i64::from(summary.ended("screened_out"))),
    );
    let picture = Picture::new("ends", "Signals by how they ended", |fit| draw(&bars, "signals", fit));
    Figure {
        id: "outcomes",
        heading: "How do signals end?",
        says,
        pictures: vec![picture],
        tables: vec![table],
        below: false,
    }
}

pub(super) fn held(summary: &Summary) -> Figure {
    let held = &summary.held;
    let name = |line: &HeldLine| {
        let hours = |hours: u32| format::length(i64::from(hours) * 3_600).replace('\u{a0}', " ");
        match (line.from_hours, line.until_hours) {
            (0, Some(until)) => format!("less than {}", hours(until)),
            (from, Some(until)) => format!("{} to {}", hours(from), hours(until)),
            (from, None) => format!("{} or longer", hours(from)),
        }
    };
    let bars: Vec<Bar> = held
        .lengths
        .iter()
        .map(|line| Bar {
            name: name(line),
            value: i64::from(line.signals),
            says: format::count(i64::from(line.signals)),
            class: "bar",
        })
        .collect();
    let lengths = held.lengths.iter().enumerate();
    let lengths = Table {
        caption: "Delivered signals by how long they were held",
        columns: vec!["Held", "Signals"],
        rows: lengths
            .map(|(place, line)| (name(line), vec![(format!("/held/lengths/{place}/signals"), As::Count)]))
            .collect(),
    };
    let row = |label: &str, path: &str| (label.to_owned(), vec![(path.to_owned(), As::Count)]);
    let others = Table {
        caption: "Held too long, expired, looked after",
        columns: vec!["What", "Times"],
        rows: vec![
            row("Withheld: summer holiday (R18)", "/held/summer_holiday"),
            row("Withheld: held too long (R19)", "/held/held_too_long"),
            row("Expired: not acknowledged (R20)", "/held/not_acknowledged"),
            row("Expired otherwise (R23)", "/held/expired_otherwise"),
            row("Looked up again after a hold (R12)", "/held/looked_up_again"),
            row("Contact reminded (R20)", "/people/reminded_contact"),
            row("Backup contact called in (R20)", "/people/reminded_backup"),
            row("Municipality told that receipt is missing (R20)", "/people/told_municipality"),
            row("Returned by a school (R24)", "/people/returned"),
        ],
    };
    let says = format!(
        "{} held signals were looked up again before their delivery. {} were withheld because of a holiday that was too long, {} expired because nobody confirmed them.",
        format::count(i64::from(held.looked_up_again)),
        format::count(i64::from(held.summer_holiday + held.held_too_long)),
        format::count(i64::from(held.not_acknowledged)),
    );
    let picture = Picture::new("holds", "Delivered signals by how long they were held", |fit| {
        draw(&bars, "signals", fit)
    });
    Figure {
        id: "held",
        heading: "What is held, and what expires?",
        says,
        pictures: vec![picture],
        tables: vec![lengths, others],
        below: false,
    }
}

fn draw(bars: &[Bar], unit: &str, fit: Fit) -> Svg {
    let width = fit.width();
    let letters =
        bars.iter().map(|bar| bar.name.chars().count()).max().and_then(|most| i64::try_from(most).ok());
    let (row, left) =
        if fit.is_narrow() { (420, 100) } else { (300, letters.unwrap_or(0).min(45) * 64 + 160) };
    let right = width * 10 - if fit.is_narrow() { 760 } else { 1_100 };
    let rows = i64::try_from(bars.len()).unwrap_or(0);
    let top = 40;
    let bottom = top + rows * row;
    let mut svg = Svg::new(width, (bottom + 420) / 10);
    let most = bars.iter().map(|bar| bar.value).max().unwrap_or(0);
    let steps = ticks(most, if fit.is_narrow() { 3 } else { 5 });
    let x = Scale { from: left, to: right, least: 0, most: steps.last().copied().unwrap_or(1) };
    for step in &steps {
        svg.line("grid", (x.at(*step), top), (x.at(*step), bottom));
        svg.text("tick", (x.at(*step), bottom + 170), Anchor::Middle, &format::count(*step));
    }
    for (place, bar) in bars.iter().enumerate() {
        let y = top + i64::try_from(place).unwrap_or(0) * row;
        let (at, thick) = if fit.is_narrow() { (y + 230, 130) } else { (y + 65, 170) };
        if fit.is_narrow() {
            svg.text("label", (left + 40, y + 180), Anchor::Start, &bar.name);
        } else {
            svg.text("label", (left - 130, at + 125), Anchor::End, &bar.name);
        }
        let end = x.at(bar.value);
        let size = if bar.value > 0 { (end - left).max(10) } else { 0 };
        svg.rect(bar.class, (left, at), (size, thick), &format!("{}: {}", bar.name, bar.says));
        let says = if fit.is_narrow() { format::count(bar.value) } else { bar.says.clone() };
        svg.text("value", (left + size + 70, at + thick / 2 + 45), Anchor::Start, &says);
    }
    svg.line("axis", (left, top), (left, bottom));
    svg.text("axis-name", (right, bottom + 340), Anchor::End, unit);
    svg
}
