//! What the register holds, and what it says on a day. Pure.

use std::collections::BTreeMap;

use hwc_casework::routing::{Enrolment, Placement, School, SchoolCode, Schools};
use hwc_schemas::{person::Child, report::MunicipalityCode};
use jiff::civil::Date;

/// One enrolment of one pupil, as a source gives it. It cannot be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Pupil {
    /// Whose register this is: the child's home municipality (R16).
    pub municipality: MunicipalityCode,
    /// The pupil.
    pub child: Child,
    /// Where it is enrolled.
    pub placement: Placement,
    /// The first day of the enrolment; none: it has begun.
    pub from: Option<Date>,
    /// Its last day; none: no end is known.
    pub until: Option<Date>,
}

impl Pupil {
    /// Whether the enrolment is over on a day.
    pub fn is_over(&self, today: Date) -> bool {
        self.until.is_some_and(|until| until < today)
    }

    /// What routing is to know of it on a day (R12): nothing of one that has not begun or is over, and the school that the
    /// one it names has become part of.
    pub fn on(self, today: Date, directory: &Directory) -> Option<Enrolment> {
        if self.is_over(today) || self.from.is_some_and(|from| today < from) {
            return None;
        }
        let Placement { school, host, secret } = self.placement;
        let now = |code: SchoolCode| directory.successor(code, today);
        let placement = Placement { school: school.map(now), host: host.map(now), secret };
        Some(Enrolment { pupil: self.child, placement })
    }
}

/// A school of the directory (R11). It cannot be printed: people's work addresses are in it.
#[derive(Clone, PartialEq, Eq)]
pub struct SchoolRecord {
    /// BRIN number and location.
    pub code: SchoolCode,
    /// Its name.
    pub name: String,
    /// `po`, `so`, `vo` or `mbo`, where a source said so.
    pub sector: Option<String>,
    /// The municipality it lies in.
    pub municipality: MunicipalityCode,
    /// Its HwC mailbox.
    pub mailbox: Option<String>,
    /// The day its board signed the covenant.
    pub covenant_signed_on: Option<Date>,
    /// The work address of its contact.
    pub contact: Option<String>,
    /// The work address of whoever stands in for the contact.
    pub backup: Option<String>,
    /// From this day on it takes no part.
    pub left_on: Option<Date>,
    /// From that day on its pupils are pupils of this school.
    pub merged: Option<(SchoolCode, Date)>,
}

/// The directory of schools, as the register holds it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Directory(BTreeMap<SchoolCode, SchoolRecord>);

/// How many mergers are followed, one after another.
const MERGERS_MAX: usize = 16;

impl Directory {
    /// What is known of a school.
    pub fn get(&self, code: SchoolCode) -> Option<&SchoolRecord> {
        self.0.get(&code)
    }

    /// All of them, in the order of their codes.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &SchoolRecord> {
        self.0.values()
    }

    /// The school that this one has become part of on a day: itself, if it has not.
    pub fn successor(&self, code: SchoolCode, today: Date) -> SchoolCode {
        let mut now = code;
        for _ in 0..MERGERS_MAX {
            match self.get(now).and_then(|school| school.merged) {
                Some((into, on)) if on <= today => now = into,
                _ => break,
            }
        }
        now
    }

    /// Whether a school becomes part of another one, sooner or later.
    pub fn leads_to(&self, from: SchoolCode, to: SchoolCode) -> bool {
        let mut now = from;
        for _ in 0..=MERGERS_MAX {
            if now == to {
                return true;
            }
            match self.get(now).and_then(|school| school.merged) {
                Some((into, _)) => now = into,
                None => return false,
            }
        }
        // As good as one: it is longer than is followed.
        true
    }

    /// What routing is to know of the schools on a day (R11). One that left, or became part of another, takes no part.
    pub fn on(&self, today: Date) -> Schools {
        let school = |record: &SchoolRecord| {
            let gone = record.left_on.is_some_and(|left| left <= today)
                || record.merged.is_some_and(|(_, on)| on <= today);
            let school = School {
                municipality: record.municipality,
                mailbox: record.mailbox.is_some() && !gone,
                covenant_signed_on: record.covenant_signed_on,
            };
            (record.code, school)
        };
        self.iter().map(school).collect()
    }
}

impl FromIterator<SchoolRecord> for Directory {
    fn from_iter<I: IntoIterator<Item = SchoolRecord>>(records: I) -> Self {
        Self(records.into_iter().map(|record| (record.code, record)).collect())
    }
}

#[cfg(test)]
mod tests {
    use hwc_schemas::person::DateOfBirth;

    use super::*;
    use crate::testing::{code, day, school};

    #[test]
    fn a_school_that_left_takes_no_part_from_that_day_on() {
        let left = SchoolRecord { left_on: Some(day("2026-11-20")), ..school("01AA00") };
        let directory: Directory = [left].into_iter().collect();
        for (today, participates) in [("2026-11-19", true), ("2026-11-20", false)] {
            assert_eq!(directory.on(day(today)).participates(code("01AA00"), day(today)), participates);
        }
    }

    #[test]
    fn the_pupils_of_a_school_that_merged_are_the_other_ones_from_that_day_on() {
        let merged =
            |from, into, on: &str| SchoolRecord { merged: Some((code(into), day(on))), ..school(from) };
        let directory: Directory = [
            merged("01AA00", "02BB00", "2026-08-01"),
            merged("02BB00", "03CC00", "2026-11-20"),
            school("03CC00"),
        ]
        .into_iter()
        .collect();
        let pupil = Pupil {
            municipality: MunicipalityCode::parse("0855").unwrap(),
            child: Child::new("Noor", None, "Smit", DateOfBirth::parse("2016-02-03").unwrap()).unwrap(),
            placement: Placement { school: Some(code("01AA00")), host: None, secret: false },
            from: Some(day("2026-07-01")),
            until: Some(day("2026-11-30")),
        };
        for (today, at) in [
            ("2026-06-30", None),
            ("2026-07-01", Some("01AA00")),
            ("2026-07-31", Some("01AA00")),
            ("2026-08-01", Some("02BB00")),
            ("2026-11-20", Some("03CC00")),
            ("2026-11-30", Some("03CC00")),
            ("2026-12-01", None),
        ] {
            let enrolment = pupil.clone().on(day(today), &directory);
            assert!(enrolment.and_then(|one| one.placement.school) == at.map(code), "{today}");
        }
        assert!(!directory.on(day("2026-08-01")).participates(code("01AA00"), day("2026-08-01")));
        assert!(directory.leads_to(code("01AA00"), code("03CC00")));
        assert!(!directory.leads_to(code("03CC00"), code("01AA00")));
    }
}
