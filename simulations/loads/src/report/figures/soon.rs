//! How soon signals are delivered after the incident (R26).

use super::{Figure, Marks, Picture};
use crate::{
    report::{
        draw::{Anchor, Fit, Scale, Svg},
        format,
        table::{As, Table},
    },
    summary::Summary,
};

const HOURS: Marks<'_> = Marks {
    values: &[
        (0, "0"),
        (24, "24 h"),
        (48, "48 h"),
        (72, "72 h"),
        (168, "1 week"),
        (336, "2 weeks"),
        (504, "3 weeks"),
    ],
};

pub(super) fn figure(summary: &Summary) -> Figure {
    let delivered = &summary.delivered;
    let share = |part: u32| format::share(i64::from(part));
    let says = format!(
        "Of {} delivered signals {} were with the school before the first lessons after the incident, {} within 24 hours of it, {} within 48 and {} within 72.",
        format::count(i64::from(delivered.all.signals)),
        share(delivered.before_first_lesson.share),
        share(delivered.within_24_h.share),
        share(delivered.within_48_h.share),
        share(delivered.within_72_h.share),
    );
    let row = |label: &str, path: &str| {
        let of = |end: &str| format!("/delivered/{path}/{end}");
        (label.to_owned(), vec![(of("signals"), As::Count), (of("share"), As::Share)])
    };
    let table = Table {
        caption: "Delivered signals, from the incident",
        columns: vec!["Delivered", "Signals", "Share"],
        rows: vec![
            row("Before the first lessons after the incident", "before_first_lesson"),
            row("Before lessons, on whichever day", "before_lessons"),
            row("Within 24 hours", "within_24_h"),
            row("Within 48 hours", "within_48_h"),
            row("Within 72 hours", "within_72_h"),
            row("Later", "later"),
        ],
    };
    let picture = Picture::new("soon", "Share of delivered signals by hours since the incident", |fit| {
        draw(summary, fit)
    });
    Figure {
        id: "how-soon",
        heading: "How soon is the school told?",
        says,
        pictures: vec![picture],
        tables: vec![table],
        below: false,
    }
}

fn draw(summary: &Summary, fit: Fit) -> Svg {
    let width = fit.width();
    let height = if fit.is_narrow() { 250 } else { 300 };
    let (left, right, top, bottom) = (440, width * 10 - 160, 260, height * 10 - 460);
    let mut svg = Svg::new(width, height);
    let points = &summary.delivered.within_hours;
    let whole = summary.delivered.all.signals;
    // As far as anything still arrives.
    let last = points.iter().find(|point| point.signals >= whole).map_or(504, |point| point.hours.max(72));
    let shown = HOURS.up_to(i64::from(last));
    let x = |hours: i64| HOURS.at(hours, shown, left, right);
    let y = Scale { from: bottom, to: top, least: 0, most: 1_000_000 };
    for percent in [0, 25, 50, 75, 100] {
        let at = y.at(percent * 10_000);
        svg.line("grid", (left, at), (right, at));
        svg.text("tick", (left - 70, at + 40), Anchor::End, &format!("{percent}%"));
    }
    for (place, (hours, name)) in HOURS.values.iter().take(shown).enumerate() {
        let at = x(*hours);
        let name = if fit.is_narrow() {
            name.replace(" weeks", " w").replace(" week", " w")
        } else {
            (*name).to_owned()
        };
        let anchor = if place + 1 == shown && fit.is_narrow() { Anchor::End } else { Anchor::Middle };
        svg.line("axis", (at, bottom), (at, bottom + 50));
        svg.text("tick", (at, bottom + 190), anchor, &name);
    }
    svg.text("axis-name", (right, bottom + 380), Anchor::End, "hours since the incident");
    svg.text("axis-name", (left - 400, 130), Anchor::Start, "share of delivered signals");
    let reached = points.iter().filter(|point| point.hours <= last);
    let mut line: Vec<_> = vec![(x(0), y.at(0))];
    line.extend(reached.map(|point| (x(i64::from(point.hours)), y.at(i64::from(point.share)))));
    let mut area = line.clone();
    area.extend([(line.last().map_or(left, |point| point.0), bottom), (left, bottom)]);
    svg.path("area", &area, true);
    svg.path("curve", &line, false);
    for hours in [24_u32, 48, 72] {
        let Some(point) = points.iter().find(|point| point.hours == hours) else { continue };
        let at = (x(i64::from(hours)), y.at(i64::from(point.share)));
        svg.line("mark", (at.0, bottom), at);
        svg.circle("dot", at, 45);
        // Beside the curve: to the left above it, or below where it is near the top.
        let (text, anchor) = if at.1 < top + 250 {
            ((at.0 + 60, at.1 + 190), Anchor::Start)
        } else {
            ((at.0 - 70, at.1 - 50), Anchor::End)
        };
        svg.text("value", text, anchor, &format::share(i64::from(point.share)));
    }
    svg.line("axis", (left, bottom), (right, bottom));
    svg
}
