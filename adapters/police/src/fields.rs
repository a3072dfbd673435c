//! What the three forms of a report have in common: their words and their moments.

use hwc_schemas::{
    person::civil_date,
    report::{Kind, Occurred, Presence, Relation},
};
use jiff::Timestamp;

/// Something that breaks the format: where, and what is wrong with it, without the content.
pub(crate) struct Bad {
    pub(crate) field: String,
    pub(crate) problem: &'static str,
}

pub(crate) fn bad(field: impl Into<String>, problem: &'static str) -> Bad {
    Bad { field: field.into(), problem }
}

pub(crate) const KINDS: &[(&str, Kind)] = &[
    ("domestic_violence", Kind::DomesticViolence),
    ("child_abuse", Kind::ChildAbuse),
    ("other", Kind::Other),
];

pub(crate) const PRESENCES: &[(&str, Presence)] =
    &[("present", Presence::Present), ("absent", Presence::Absent)];

pub(crate) const RELATIONS: &[(&str, Relation)] =
    &[("resident", Relation::Resident), ("family", Relation::Family), ("visitor", Relation::Visitor)];

/// What the format's word means.
pub(crate) fn word<T: Copy>(text: &str, words: &[(&str, T)]) -> Result<T, &'static str> {
    let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
    found.ok_or("is none of the words that the format knows")
}

/// A time with an offset.
pub(crate) fn moment(text: &str) -> Result<Timestamp, &'static str> {
    read_moment(text).ok_or("is not a time with an offset, years 1900 to 2199")
}

/// A time with an offset, or a bare date.
pub(crate) fn occurred(text: &str) -> Result<Occurred, &'static str> {
    let day = civil_date(text).map(Occurred::On);
    day.or_else(|| read_moment(text).map(Occurred::At))
        .ok_or("is neither a date nor a time with an offset, years 1900 to 2199")
}

/// The sender's own reference.
pub(crate) fn reference(text: &str) -> Result<String, &'static str> {
    short_text(text, crate::reports::REFERENCE_CHARS_MAX)
}

/// Which of the police's systems it comes from; none where there is only one.
pub(crate) fn sender(text: &str) -> Result<Option<String>, &'static str> {
    if text.trim().is_empty() {
        Ok(None)
    } else {
        short_text(text, crate::reports::SENDER_CHARS_MAX).map(Some)
    }
}

fn short_text(text: &str, chars_max: usize) -> Result<String, &'static str> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > chars_max {
        return Err("is empty or too long");
    }
    if text.chars().any(char::is_control) {
        return Err("holds a control character");
    }
    Ok(text.to_owned())
}

fn read_moment(text: &str) -> Option<Timestamp> {
    let moment: Timestamp = text.parse().ok()?;
    in_range(moment).then_some(moment)
}

/// Whether its year is one that the formats know.
pub(crate) fn in_range(moment: Timestamp) -> bool {
    // 1900-01-01 and 2200-01-01 in UTC.
    const SECONDS: std::ops::Range<i64> = -2_208_988_800..7_258_118_400;
    SECONDS.contains(&moment.as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_of_the_years_that_the_formats_know() {
        for good in ["1900-01-01T00:00:00Z", "2199-12-31T23:59:59Z"] {
            assert!(moment(good).is_ok(), "{good}");
        }
        for bad in ["1899-12-31T23:59:59Z", "2200-01-01T00:00:00Z", "2026-11-18", ""] {
            assert!(moment(bad).is_err(), "{bad}");
        }
    }
}
