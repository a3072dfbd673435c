//! Sets of days, kept as spans.

use jiff::civil::{Date, Weekday};

/// Whether it is a Saturday or a Sunday.
pub(super) fn is_weekend(date: Date) -> bool {
    matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday)
}

/// A set of days as spans from the first to the last day, both included: in order, apart, and never touching.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Spans(Vec<(Date, Date)>);

impl FromIterator<(Date, Date)> for Spans {
    fn from_iter<I: IntoIterator<Item = (Date, Date)>>(spans: I) -> Self {
        let mut spans: Vec<_> = spans.into_iter().filter(|(first, last)| first <= last).collect();
        spans.sort_unstable();
        let mut merged: Vec<(Date, Date)> = Vec::with_capacity(spans.len());
        for (first, last) in spans {
            match merged.last_mut() {
                Some((_, end)) if end.tomorrow().is_ok_and(|next| first <= next) => *end = last.max(*end),
                _ => merged.push((first, last)),
            }
        }
        Self(merged)
    }
}

impl Spans {
    /// The span that a day lies in.
    pub(super) fn around(&self, date: Date) -> Option<(Date, Date)> {
        let begun = self.0.partition_point(|(first, _)| *first <= date);
        let (first, last) = *self.0.get(begun.checked_sub(1)?)?;
        (date <= last).then_some((first, last))
    }

    /// Whether a day is one of them.
    pub(super) fn contains(&self, date: Date) -> bool {
        self.around(date).is_some()
    }

    /// Whether one of them is a weekday between two days, both included.
    pub(super) fn have_a_weekday_within(&self, from: Date, until: Date) -> bool {
        let begun = self.0.iter().take_while(|(first, _)| *first <= until);
        begun.filter(|(_, last)| from <= *last).any(|(first, last)| {
            let (first, last) = (from.max(*first), until.min(*last));
            // A weekend has two days, so the third is a weekday at the latest.
            std::iter::successors(Some(first), |day| day.tomorrow().ok())
                .take(3)
                .take_while(|day| *day <= last)
                .any(|day| !is_weekend(day))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn july(spans: &[(i8, i8)]) -> Spans {
        spans.iter().map(|(first, last)| (date(2026, 7, *first), date(2026, 7, *last))).collect()
    }

    #[test]
    fn spans_that_touch_or_overlap_are_one() {
        assert_eq!(july(&[(5, 6), (1, 4), (3, 4), (9, 9)]), july(&[(1, 6), (9, 9)]));
        assert_eq!(july(&[(5, 4)]), Spans::default());
    }

    #[test]
    fn both_ends_are_in_it() {
        let spans = july(&[(2, 3), (5, 5)]);
        let inside: Vec<i8> = (1..=6).filter(|day| spans.contains(date(2026, 7, *day))).collect();
        assert_eq!(inside, [2, 3, 5]);
    }

    #[test]
    fn a_weekend_alone_has_no_weekday() {
        // 4 and 5 July 2026 are a weekend.
        let spans = july(&[(4, 10)]);
        assert!(!spans.have_a_weekday_within(date(2026, 7, 1), date(2026, 7, 5)));
        assert!(spans.have_a_weekday_within(date(2026, 7, 1), date(2026, 7, 6)));
        assert!(spans.have_a_weekday_within(date(2026, 7, 10), date(2026, 7, 13)));
        assert!(!spans.have_a_weekday_within(date(2026, 7, 11), date(2026, 7, 13)));
        assert!(!spans.have_a_weekday_within(date(2026, 7, 6), date(2026, 7, 5)));
        let from_monday = july(&[(6, 6), (8, 8)]);
        assert!(from_monday.have_a_weekday_within(date(2026, 7, 1), date(2026, 7, 6)));
        assert!(!from_monday.have_a_weekday_within(date(2026, 7, 7), date(2026, 7, 7)));
    }
}
