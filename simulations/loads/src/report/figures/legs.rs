//! Where the time goes, leg by leg.

use super::{Figure, Marks, Picture};
use crate::{
    report::{
        draw::{Anchor, Fit, Svg},
        format,
        table::{As, Table},
    },
    summary::{LegLine, Summary},
};

const LENGTHS: Marks<'_> = Marks {
    values: &[
        (0, "0"),
        (60, "1 min"),
        (600, "10 min"),
        (3_600, "1 h"),
        (21_600, "6 h"),
        (86_400, "1 d"),
        (259_200, "3 d"),
        (604_800, "1 w"),
        (1_814_400, "3 w"),
        (5_184_000, "60 d"),
    ],
};

/// What each leg goes from and to.
fn stretch(leg: &str) -> &'static str {
    match leg {
        "police" => "incident to report",
        "veilig_thuis" => "report to children known",
        "municipality" => "children known to school found",
        "held" => "school found to delivery",
        _ => "delivery to acknowledgement",
    }
}

pub(super) fn figure(summary: &Summary) -> Figure {
    let most = summary.legs.iter().max_by_key(|leg| leg.share_of_time);
    let says = most.filter(|leg| leg.took.signals > 0).map_or_else(
        || "Nothing was passed on.".to_owned(),
        |leg| {
            format!(
                "The largest part of the time, {}, goes into {}: half take no longer than {}, nine in ten no longer than {}.",
                format::share(i64::from(leg.share_of_time)),
                if leg.leg == "held" { "waiting for a school day" } else { format::word(leg.leg) },
                format::length(leg.took.p50_s),
                format::length(leg.took.p90_s),
            )
        },
    );
    let quantiles = |base: String| {
        let of = |end: &str, shown| (format!("{base}/{end}"), shown);
        vec![
            of("signals", As::Count),
            of("p50_s", As::Length),
            of("p90_s", As::Length),
            of("p99_s", As::Length),
            of("longest_s", As::Length),
        ]
    };
    let mut rows: Vec<_> = (summary.legs.iter().enumerate())
        .map(|(place, leg)| {
            let label = format!("{}: {}", format::word(leg.leg), stretch(leg.leg));
            (label, quantiles(format!("/legs/{place}")))
        })
        .collect();
    rows.push(("Incident to delivery".to_owned(), quantiles("/incident_to_delivery".to_owned())));
    let table = Table {
        caption: "How long each leg takes",
        columns: vec!["Leg", "Signals", "Half within", "90% within", "99% within", "Longest"],
        rows,
    };
    let shares = (summary.legs.iter().enumerate()).map(|(place, leg)| {
        let cells = vec![(format!("/legs/{place}/share_of_time"), As::Share)];
        (format!("{}  {}", place + 1, format::word(leg.leg)), cells)
    });
    let parts = Table {
        caption: "Parts of all the time of acknowledged signals",
        columns: vec!["Leg", "Share"],
        rows: shares.collect(),
    };
    let boxes = Picture::new("legs", "How long each leg takes", |fit| boxes(&summary.legs, fit));
    let stack = Picture::new("parts", "Parts of all the time of acknowledged signals", |fit| {
        stack(&summary.legs, fit)
    });
    Figure {
        id: "where-time-goes",
        heading: "Where does the time go?",
        says,
        pictures: vec![boxes, stack],
        tables: vec![table, parts],
        below: true,
    }
}

/// A bar from the 10th to the 90th in a hundred, a notch at the half, a line to the 99th.
fn boxes(legs: &[LegLine], fit: Fit) -> Svg {
    let width = fit.width();
    let (row, left) = if fit.is_narrow() { (520, 100) } else { (440, 1_900) };
    let rows = i64::try_from(legs.len()).unwrap_or(0);
    let top = 60;
    let bottom = top + rows * row;
    let right = width * 10 - 260;
    let mut svg = Svg::new(width, (bottom + 620) / 10);
    let most = legs.iter().map(|leg| leg.took.p99_s).max().unwrap_or(0);
    let shown = LENGTHS.up_to(most);
    let x = |seconds: i64| LENGTHS.at(seconds.max(0), shown, left, right);
    for (place, (value, name)) in LENGTHS.values.iter().take(shown).enumerate() {
        let at = x(*value);
        svg.line("grid", (at, top), (at, bottom));
        // Every second name where there is no room for all.
        if !fit.is_narrow() || shown <= 6 || place % 2 == (shown + 1) % 2 {
            svg.text("tick", (at, bottom + 180), Anchor::Middle, name);
        }
    }
    for (place, leg) in legs.iter().enumerate() {
        let y = top + i64::try_from(place).unwrap_or(0) * row;
        let (middle, thick) = if fit.is_narrow() { (y + 370, 130) } else { (y + row / 2, 150) };
        if fit.is_narrow() {
            svg.text("label", (left, y + 210), Anchor::Start, format::word(leg.leg));
        } else {
            svg.text("label", (left - 130, middle - 20), Anchor::End, format::word(leg.leg));
            svg.text("small", (left - 130, middle + 130), Anchor::End, stretch(leg.leg));
        }
        let took = &leg.took;
        if took.signals == 0 {
            svg.text("small", (left + 40, middle + 40), Anchor::Start, "nothing");
            continue;
        }
        let says = format!(
            "{}: 10% within {}, half within {}, 90% within {}, 99% within {}",
            format::word(leg.leg),
            format::length(took.p10_s),
            format::length(took.p50_s),
            format::length(took.p90_s),
            format::length(took.p99_s)
        );
        let (low, high) = (x(took.p10_s), x(took.p90_s));
        svg.line("whisker", (high, middle), (x(took.p99_s), middle));
        svg.line("whisker", (x(took.p99_s), middle - 50), (x(took.p99_s), middle + 50));
        svg.rect("bar", (low, middle - thick / 2), ((high - low).max(20), thick), &says);
        svg.line("notch", (x(took.p50_s), middle - thick / 2 - 30), (x(took.p50_s), middle + thick / 2 + 30));
    }
    svg.line("axis", (left, bottom), (right, bottom));
    let key = if fit.is_narrow() {
        "bar: 10th to 90th, notch: half, line: to 99th of 100"
    } else {
        "bar: 10th to 90th of a hundred signals; notch: half of them; line: to the 99th. The scale widens to the right."
    };
    svg.text("axis-name", (width * 10 - 160, bottom + 420), Anchor::End, key);
    svg
}

/// One bar that is all the time, in numbered parts.
fn stack(legs: &[LegLine], fit: Fit) -> Svg {
    let width = fit.width();
    let (left, right) = (0, width * 10);
    let mut svg = Svg::new(width, 84);
    let mut from = left;
    for (place, leg) in legs.iter().enumerate() {
        let size = (right - left) * i64::from(leg.share_of_time) / 1_000_000;
        let share = format::share(i64::from(leg.share_of_time));
        let name = format::word(leg.leg);
        svg.rect(&format!("part c{}", place + 1), (from, 60), (size, 380), &format!("{name}: {share}"));
        if size >= 200 {
            svg.text(
                &format!("part-name on-c{}", place + 1),
                (from + size / 2, 300),
                Anchor::Middle,
                &(place + 1).to_string(),
            );
        }
        // The share is said below where it has room.
        if size >= 560 {
            svg.text("small", (from + size / 2, 600), Anchor::Middle, &share);
        }
        from += size;
    }
    let key = if fit.is_narrow() {
        "all the time; numbers as in the table"
    } else {
        "all the time of acknowledged signals; numbers as in the table"
    };
    svg.text("axis-name", (right, 780), Anchor::End, key);
    svg
}
