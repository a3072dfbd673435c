//! A picture of how long something was where: one bar a line, all by one scale.

use jiff::{SignedDuration, Timestamp};

/// How wide the picture is, in letters.
const WIDTH: i64 = 48;

/// What took from then until then.
pub(crate) struct Took {
    pub(crate) what: String,
    pub(crate) from: Timestamp,
    pub(crate) to: Timestamp,
    /// Whether it goes on.
    pub(crate) goes_on: bool,
}

/// The picture; nothing of nothing. Each bar has one letter at least, however short it was.
pub(crate) fn draw(all: &[Took]) -> String {
    let (Some(first), Some(last)) =
        (all.iter().map(|took| took.from).min(), all.iter().map(|took| took.to).max())
    else {
        return String::new();
    };
    let whole = last.duration_since(first).as_millis().max(1);
    let place = |at: Timestamp| {
        let so_far = at.duration_since(first).max(SignedDuration::ZERO).as_millis();
        i64::try_from(so_far * i128::from(WIDTH) / whole).unwrap_or(WIDTH).clamp(0, WIDTH)
    };
    let longest = all.iter().map(|took| took.what.chars().count()).max().unwrap_or_default();
    let line = |took: &Took| {
        let from = place(took.from).min(WIDTH - 1);
        let letters = (place(took.to) - from).max(1);
        let count = |letters: i64| usize::try_from(letters).unwrap_or_default();
        let (gap, bar) = (" ".repeat(count(from)), "#".repeat(count(letters)));
        let end = if took.goes_on { ">" } else { "" };
        format!("{:<longest$}  {gap}{bar}{end}\n", took.what)
    };
    all.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_stand_where_they_began_by_one_scale_and_the_shortest_is_seen() {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        let took = |what: &str, from, to, goes_on| Took {
            what: what.to_owned(),
            from: at(from),
            to: at(to),
            goes_on,
        };
        let drawn = draw(&[
            took("recorded", 0, 24, false),
            took("screened", 24, 24, false),
            took("expanded", 24, 48, true),
        ]);
        let expected = format!(
            "recorded  {}\nscreened  {}#\nexpanded  {}{}>\n",
            "#".repeat(24),
            " ".repeat(24),
            " ".repeat(24),
            "#".repeat(24)
        );
        assert_eq!(drawn, expected);
        assert_eq!(draw(&[]), "");
    }
}
