//! One incident as a picture: a bar for each stay in a state, all by one scale, each in the colour of whom it waited for. Places are
//! hundredths of the width, so that it fits a telephone without its words becoming small.

use std::fmt::Write as _;

use askama::filters::{Escaper as _, Html};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use crate::story::{Bar, Story, who};

/// From one bar to the next, in pixels: its words, itself, and for whom it waited.
const ROW: usize = 58;
/// Above the first.
const TOP: usize = 22;
/// Below the last: the times.
const FOOT: usize = 26;
/// The least width of a bar, in thousandths.
const THIN: i64 = 6;
/// Bars that are drawn, at most; the table below has them all.
const BARS_MAX: usize = 120;

/// Where something lies, in thousandths of the whole.
struct Scale {
    first: Timestamp,
    whole: i128,
}

impl Scale {
    fn of(bars: &[Bar]) -> Option<Self> {
        let first = bars.iter().map(|bar| bar.from).min()?;
        let last = bars.iter().map(|bar| bar.to).max()?;
        Some(Self { first, whole: last.duration_since(first).as_millis().max(1) })
    }

    fn place(&self, at: Timestamp) -> i64 {
        let so_far = at.duration_since(self.first).as_millis();
        i64::try_from((so_far * 1000 / self.whole).clamp(0, 1000)).unwrap_or(1000)
    }

    fn holds(&self, at: Timestamp) -> bool {
        let so_far = at.duration_since(self.first).as_millis();
        (0..=self.whole).contains(&so_far)
    }
}

fn percent(thousandths: i64) -> String {
    format!("{}.{}%", thousandths / 10, thousandths % 10)
}

/// How long something took, as people say it.
pub(crate) fn took(from: Timestamp, to: Timestamp) -> String {
    let took = to.duration_since(from).max(SignedDuration::ZERO);
    let unit = if took < SignedDuration::from_hours(1) { jiff::Unit::Second } else { jiff::Unit::Minute };
    format!("{:#}", took.round(unit).unwrap_or(took))
}

/// The bars in the order in which they are drawn: the incident as a whole, then child by child.
fn in_order(story: &Story) -> Vec<&Bar> {
    let mut bars: Vec<_> = story.bars.iter().collect();
    bars.sort_by_key(|bar| (bar.child, bar.from, bar.goes_on));
    bars.truncate(BARS_MAX);
    bars
}

/// The picture, as SVG; nothing where nothing is known. The table beside it says the same in words.
pub(crate) fn drawn(story: &Story, zone: &TimeZone) -> String {
    let Some(scale) = Scale::of(&story.bars) else { return String::new() };
    let bars = in_order(story);
    let height = TOP + bars.len() * ROW + FOOT;
    let mut svg = format!(
        "<svg class=\"waterfall\" width=\"100%\" height=\"{height}\" role=\"img\" aria-label=\"{}\">",
        escaped(&said(&bars))
    );
    let bottom = TOP + bars.len() * ROW;
    let mut hops: Vec<_> = story.passed.iter().map(|one| scale.place(one.at)).collect();
    hops.sort_unstable();
    hops.dedup();
    for hop in hops {
        let x = percent(hop);
        let _ = write!(svg, "<line class=\"hop\" x1=\"{x}\" x2=\"{x}\" y1=\"{TOP}\" y2=\"{bottom}\"/>");
    }
    let clock = |at: Timestamp| at.to_zoned(zone.clone()).strftime("%a %H:%M:%S").to_string();
    if let Some(lessons) = story.lessons.filter(|at| scale.holds(*at)) {
        let place = scale.place(lessons);
        let (x, anchor) = (percent(place), if place > 500 { "end" } else { "start" });
        let _ = write!(
            svg,
            "<line class=\"lessons\" x1=\"{x}\" x2=\"{x}\" y1=\"0\" y2=\"{bottom}\"/>\
             <text class=\"soft\" x=\"{x}\" y=\"14\" text-anchor=\"{anchor}\">lessons</text>"
        );
    }
    for (row, bar) in bars.iter().enumerate() {
        let (top, from) = (TOP + row * ROW, scale.place(bar.from).min(1000 - THIN));
        let width = (scale.place(bar.to) - from).max(THIN);
        let goes_on = if bar.goes_on { ", still" } else { "" };
        let words = format!("{} {}: {}{goes_on}", who(bar.child), bar.state, took(bar.from, bar.to));
        let open = if bar.goes_on { " open" } else { "" };
        let role = escaped(bar.waits_for);
        let _ = write!(
            svg,
            "<text x=\"0\" y=\"{}\">{}</text><rect class=\"bar by-{role}{open}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"14\"/>\
             <text class=\"soft\" x=\"0\" y=\"{}\">waits for {role}</text>",
            top + 14,
            escaped(&words),
            percent(from),
            top + 20,
            percent(width),
            top + 47,
        );
    }
    let (first, last) = (scale.first, story.bars.iter().map(|bar| bar.to).max().unwrap_or(scale.first));
    let _ = write!(
        svg,
        "<text class=\"soft\" x=\"0\" y=\"{y}\">{}</text><text class=\"soft\" x=\"100%\" y=\"{y}\" text-anchor=\"end\">{}</text></svg>",
        clock(first),
        clock(last),
        y = bottom + 18,
    );
    svg
}

/// What somebody who does not see it hears.
fn said(bars: &[&Bar]) -> String {
    let one = |bar: &&Bar| {
        let still = if bar.goes_on { ", and still is" } else { "" };
        format!("{} {} for {}{still}", who(bar.child), bar.state, took(bar.from, bar.to))
    };
    format!("How long it was where: {}.", bars.iter().map(one).collect::<Vec<_>>().join("; "))
}

fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    // A string takes whatever is written.
    let _ = Html.write_escaped_str(&mut escaped, text);
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn bar(child: Option<u16>, state: &'static str, from: i64, to: i64, goes_on: bool) -> Bar {
        Bar { child, state, waits_for: "school", from: at(from), to: at(to), goes_on }
    }

    fn story(bars: Vec<Bar>) -> Story {
        Story {
            id: "00000000000000000000000000000007".to_owned(),
            trace: None,
            now: at(100),
            bars,
            passed: Vec::new(),
            owed: Vec::new(),
            next: None,
            lessons: Some(at(50)),
        }
    }

    #[test]
    fn bars_stand_where_they_began_by_one_scale_and_the_shortest_is_seen() {
        let story = story(vec![
            bar(Some(1), "expanded", 50, 100, true),
            bar(None, "recorded", 0, 50, false),
            bar(None, "screened", 50, 50, false),
        ]);
        let svg = drawn(&story, &TimeZone::UTC);
        let places: Vec<_> = svg.match_indices("<rect").map(|(from, _)| &svg[from..from + 95]).collect();
        assert!(places[0].contains("x=\"0.0%\"") && places[0].contains("width=\"50.0%\""), "{places:?}");
        assert!(places[1].contains("x=\"50.0%\"") && places[1].contains("width=\"0.6%\""), "{places:?}");
        assert!(places[2].contains("open") && svg.contains("child 1 expanded: 50s, still"), "{svg}");
        assert!(
            svg.contains("lessons") && svg.contains("aria-label=\"How long it was where: incident recorded")
        );
        assert!(!svg.contains("style="), "the page's policy lets no style in");
    }

    #[test]
    fn nothing_is_drawn_of_nothing_and_of_very_many_only_so_many() {
        assert_eq!(drawn(&story(Vec::new()), &TimeZone::UTC), "");
        let many = (0..500).map(|child| bar(Some(child), "routed", 0, 9, true)).collect();
        assert_eq!(drawn(&story(many), &TimeZone::UTC).matches("<rect").count(), BARS_MAX);
    }

    #[test]
    fn what_goes_past_either_end_stays_inside_the_picture() {
        let mut far = story(vec![bar(None, "recorded", 10, 20, true)]);
        far.lessons = Some(at(1_000_000));
        let svg = drawn(&far, &TimeZone::UTC);
        assert!(!svg.contains("lessons"), "{svg}");
        assert!(svg.contains("width=\"100.0%\""), "{svg}");
    }
}
