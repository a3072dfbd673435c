//! How much lies where, over time.

use super::{Figure, Picture};
use crate::{
    report::{
        draw::{Anchor, Fit, Scale, Svg, ticks},
        format,
        table::{As, Table},
    },
    summary::{Queue, Summary},
};

/// What lies at a place.
fn lies(place: &str) -> &'static str {
    match place {
        "veilig_thuis" => "Reports at Veilig Thuis",
        "municipality" => "Signals at a municipality",
        "held" => "Signals held for a school day",
        _ => "Signals unread or unconfirmed at a school",
    }
}

pub(super) fn figure(summary: &Summary) -> Figure {
    let most = summary.queues.iter().max_by_key(|queue| queue.most);
    let says = most.filter(|queue| queue.most > 0).map_or_else(
        || "Nothing waited anywhere.".to_owned(),
        |queue| {
            format!(
                "The longest queue: {} {}, on {}.",
                format::count(queue.most),
                lower(lies(queue.place)),
                format::moment(&queue.most_at)
            )
        },
    );
    let rows = summary.queues.iter().enumerate().map(|(place, queue)| {
        let of = |end: &str, shown| (format!("/queues/{place}/{end}"), shown);
        let cells = vec![of("most", As::Count), of("most_at", As::Moment), of("mean_milli", As::Milli)];
        (lies(queue.place).to_owned(), cells)
    });
    let table = Table {
        caption: "What waits where",
        columns: vec!["What", "Most at once", "When", "On average"],
        rows: rows.collect(),
    };
    let ids = ["queue-1", "queue-2", "queue-3", "queue-4"];
    let pictures = summary
        .queues
        .iter()
        .zip(ids)
        .map(|(queue, id)| Picture::new(id, lies(queue.place), |fit| draw(queue, fit)));
    Figure {
        id: "queues",
        heading: "What waits, where and when?",
        says,
        pictures: pictures.collect(),
        tables: vec![table],
        below: true,
    }
}

fn lower(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

fn draw(queue: &Queue, fit: Fit) -> Svg {
    let width = fit.width();
    let height = if fit.is_narrow() { 130 } else { 140 };
    let (left, right, top, bottom) = (520, width * 10 - 160, 270, height * 10 - 240);
    let mut svg = Svg::new(width, height);
    let steps = ticks(queue.most, 2);
    let y = Scale { from: bottom, to: top, least: 0, most: steps.last().copied().unwrap_or(1) };
    let count = i64::try_from(queue.steps.len()).unwrap_or(1).max(1);
    let x = Scale { from: left, to: right, least: 0, most: count };
    svg.text("label", (left - 480, 130), Anchor::Start, lies(queue.place));
    for step in &steps {
        svg.line("grid", (left, y.at(*step)), (right, y.at(*step)));
        svg.text("tick", (left - 70, y.at(*step) + 40), Anchor::End, &format::count(*step));
    }
    let mut points = vec![(left, bottom)];
    for (place, value) in queue.steps.iter().enumerate() {
        let place = i64::try_from(place).unwrap_or(0);
        points.extend([(x.at(place), y.at(*value)), (x.at(place + 1), y.at(*value))]);
    }
    points.push((right, bottom));
    points.dedup();
    svg.path("area solid", &points, true);
    for (place, name) in days(queue, if fit.is_narrow() { 3 } else { 7 }) {
        let at = x.at(place);
        let anchor = if at > right - 400 { Anchor::End } else { Anchor::Start };
        svg.line("axis", (at, bottom), (at, bottom + 50));
        svg.text("tick", (at, bottom + 190), anchor, &name);
    }
    svg.line("axis", (left, bottom), (right, bottom));
    svg
}

/// So many midnights or so, with the steps in which they lie.
fn days(queue: &Queue, about: i64) -> Vec<(i64, String)> {
    let Some((first, _)) = queue.begins_at.split_once('T') else { return Vec::new() };
    let Some(first) = hwc_schemas::person::civil_date(first) else { return Vec::new() };
    let steps_a_day = 86_400 / queue.step_s.clamp(1, 86_400);
    let count = i64::try_from(queue.steps.len()).unwrap_or(0) / steps_a_day.max(1);
    let every = (count / about.max(1)).max(1);
    let named = |day: i64| {
        let date = first.checked_add(jiff::Span::new().days(day)).unwrap_or(first);
        format::day(&date.to_string())
            .map(|text| text.rsplit_once(' ').map(|(day, _)| day.to_owned()).unwrap_or_default())
    };
    let places = (0..=count).step_by(usize::try_from(every).unwrap_or(1));
    places.filter_map(|day| Some((day * steps_a_day, named(day)?))).collect()
}
