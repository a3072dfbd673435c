//! When incidents happen and when they are reported.

use super::{Figure, Picture};
use crate::{
    report::{
        draw::{Anchor, Fit, Svg},
        format,
        table::{As, Table},
    },
    summary::Summary,
};

const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

pub(super) fn figure(summary: &Summary) -> Figure {
    let arrivals = &summary.arrivals;
    let most = |by_day: &[u32; 7]| {
        let place = by_day.iter().enumerate().max_by_key(|(place, count)| (**count, usize::MAX - place));
        place.and_then(|(place, _)| DAYS.get(place)).copied().unwrap_or_default()
    };
    let says = format!(
        "{} incidents; {} follow an earlier one in the same family. Most happen on a {}, most are reported on a {}.",
        format::count(i64::from(summary.reports.sent)),
        format::count(i64::from(summary.reports.follow_ups)),
        most(&arrivals.incidents_by_weekday),
        most(&arrivals.reports_by_weekday),
    );
    let cells = |by: &str, place: usize| {
        let of = |what: &str| (format!("/arrivals/{what}_by_{by}/{place}"), As::Count);
        vec![of("incidents"), of("reports")]
    };
    let days = DAYS.iter().enumerate().map(|(place, day)| ((*day).to_owned(), cells("weekday", place)));
    let hours = (0..24).map(|hour| (format!("{hour:02}:00"), cells("hour", hour)));
    let columns = |first| vec![first, "Incidents", "Reports"];
    let days = Table { caption: "By day of the week", columns: columns("Day"), rows: days.collect() };
    let hours = Table { caption: "By hour of the day", columns: columns("From"), rows: hours.collect() };
    let happened = Picture::new("happened", "Incidents by day of the week and hour", |fit| {
        draw(&arrivals.incidents, "incidents", fit)
    });
    let reported = Picture::new("reported", "Reports by day of the week and hour", |fit| {
        draw(&arrivals.reports, "reports", fit)
    });
    Figure {
        id: "arrivals",
        heading: "When does it happen, and when is it reported?",
        says,
        pictures: vec![happened, reported],
        tables: vec![days, hours],
        below: false,
    }
}

fn draw(counts: &[[u32; 24]; 7], what: &str, fit: Fit) -> Svg {
    let width = fit.width();
    let (left, right) = (430, width * 10 - 60);
    let cell = (right - left) / 24;
    let high = if fit.is_narrow() { 160 } else { 220 };
    let top = 260;
    let bottom = top + 7 * high;
    let mut svg = Svg::new(width, (bottom + 480) / 10);
    let most = counts.iter().flatten().copied().max().unwrap_or(0);
    svg.text("axis-name", (0, 130), Anchor::Start, what);
    for (day, hours) in counts.iter().enumerate() {
        let y = top + i64::try_from(day).unwrap_or(0) * high;
        let name = DAYS.get(day).copied().unwrap_or_default();
        svg.text("tick", (left - 70, y + high / 2 + 40), Anchor::End, name.get(..3).unwrap_or_default());
        for (hour, count) in hours.iter().enumerate() {
            let x = left + i64::try_from(hour).unwrap_or(0) * cell;
            // What is rare is still seen, what is nothing is not.
            let shade = if *count == 0 { 0 } else { 12 + i64::from(*count) * 88 / i64::from(most.max(1)) };
            let says = format!("{name} {hour:02}:00: {} {what}", format::count(i64::from(*count)));
            svg.rect("cell", (x, y), (cell - 12, high - 12), "");
            svg.shaded(shade, (x, y), (cell - 12, high - 12), &says);
        }
    }
    for hour in (0..24).step_by(if fit.is_narrow() { 6 } else { 3 }) {
        let x = left + i64::from(hour) * cell;
        svg.text("tick", (x, bottom + 170), Anchor::Start, &format!("{hour:02}:00"));
    }
    // The scale, from none to the most.
    let key = [(0, "0".to_owned()), (56, String::new()), (100, format::count(i64::from(most)))];
    let mut x = right - 1_150;
    svg.text("tick", (x - 60, bottom + 400), Anchor::End, "in one hour of the week:");
    for (shade, name) in key {
        svg.rect("cell", (x, bottom + 290), (260, 130), "");
        svg.shaded(shade, (x, bottom + 290), (260, 130), "");
        svg.text("tick", (x + 300, bottom + 400), Anchor::Start, &name);
        x += if name.is_empty() {
            270
        } else if shade == 0 {
            430
        } else {
            0
        };
    }
    svg
}
