//! R11: the schools of the directory, and whether they take part.

use std::{collections::BTreeMap, fmt, str::FromStr};

use hwc_schemas::{person::FieldError, report::MunicipalityCode};
use jiff::civil::Date;

/// A school: one location of one BRIN number, written `01AA00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SchoolCode([u8; 6]);

impl SchoolCode {
    /// Reads a BRIN number, two digits and two letters or digits, and a location, two letters or digits. Spaces around
    /// them and case do not matter.
    pub fn parse(brin: &str, location: &str) -> Result<Self, FieldError> {
        let [b1, b2, b3, b4] = upper_case(brin)
            .filter(|[b1, b2, _, _]| b1.is_ascii_digit() && b2.is_ascii_digit())
            .ok_or(FieldError { field: "brin", problem: "is not two digits and two letters or digits" })?;
        let [l1, l2] = upper_case(location)
            .ok_or(FieldError { field: "location", problem: "is not two letters or digits" })?;
        Ok(Self([b1, b2, b3, b4, l1, l2]))
    }

    /// BRIN and location, six characters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Exactly N letters and digits, in upper case.
fn upper_case<const N: usize>(text: &str) -> Option<[u8; N]> {
    let bytes: [u8; N] = text.trim().as_bytes().try_into().ok()?;
    bytes.iter().all(u8::is_ascii_alphanumeric).then(|| bytes.map(|b| b.to_ascii_uppercase()))
}

impl fmt::Display for SchoolCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for SchoolCode {
    type Err = FieldError;
    /// Reads what [`SchoolCode::as_str`] writes.
    fn from_str(text: &str) -> Result<Self, FieldError> {
        let (brin, location) = text
            .split_at_checked(4)
            .ok_or(FieldError { field: "school", problem: "is not a BRIN number and a location" })?;
        Self::parse(brin, location)
    }
}

/// What the directory knows of a school.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct School {
    /// The municipality it lies in.
    pub municipality: MunicipalityCode,
    /// Whether its HwC mailbox is known.
    pub mailbox: bool,
    /// The day its board signed the covenant.
    pub covenant_signed_on: Option<Date>,
}

impl School {
    /// Whether it receives signals that are routed on that day: the covenant signed then at the latest, and a mailbox
    /// known (R11).
    pub fn participates(&self, on: Date) -> bool {
        self.mailbox && self.covenant_signed_on.is_some_and(|signed| signed <= on)
    }
}

/// The directory of schools, which the project leader keeps (R11).
#[derive(Debug, Clone, Default)]
pub struct Schools(BTreeMap<SchoolCode, School>);

impl Schools {
    /// What is known of a school.
    pub fn get(&self, code: SchoolCode) -> Option<&School> {
        self.0.get(&code)
    }

    /// Whether a school receives signals that are routed on that day; one in no directory does not (R11).
    pub fn participates(&self, code: SchoolCode, on: Date) -> bool {
        self.get(code).is_some_and(|school| school.participates(on))
    }
}

/// Of two rows about the same school the later one holds.
impl FromIterator<(SchoolCode, School)> for Schools {
    fn from_iter<I: IntoIterator<Item = (SchoolCode, School)>>(rows: I) -> Self {
        Self(rows.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{day, municipality};

    #[test]
    fn a_school_code_reads_back_what_it_writes() {
        let code = SchoolCode::parse("01aa", " 00 ").unwrap();
        assert_eq!(code.to_string(), "01AA00");
        assert_eq!("01AA00".parse(), Ok(code));
    }

    #[test]
    fn text_that_is_no_school_code_is_refused_by_field_and_not_repeated() {
        for (brin, location, field) in [
            ("", "00", "brin"),
            ("AA01", "00", "brin"),
            ("0AAA", "00", "brin"),
            ("01A", "00", "brin"),
            ("01AAA", "00", "brin"),
            ("01A-", "00", "brin"),
            ("01é", "00", "brin"),
            ("01AA", "", "location"),
            ("01AA", "0", "location"),
            ("01AA", "000", "location"),
            ("01AA", "é", "location"),
        ] {
            let error = SchoolCode::parse(brin, location).unwrap_err();
            assert_eq!(error.field, field, "{brin} {location}");
        }
        assert!("01A".parse::<SchoolCode>().is_err() && "01AÀ00".parse::<SchoolCode>().is_err());
    }

    #[test]
    fn r11_a_school_takes_part_from_the_day_of_its_covenant_if_its_mailbox_is_known() {
        for (mailbox, signed, participates) in [
            (true, Some("2026-11-17"), true),
            (true, Some("2026-11-18"), true),
            (true, Some("2026-11-19"), false),
            (true, None, false),
            (false, Some("2021-03-01"), false),
            (false, None, false),
        ] {
            let code = SchoolCode::parse("01AA", "00").unwrap();
            let covenant_signed_on = signed.map(day);
            let school = School { municipality: municipality("0855"), mailbox, covenant_signed_on };
            let schools: Schools = [(code, school)].into_iter().collect();
            assert_eq!(schools.participates(code, day("2026-11-18")), participates, "{mailbox} {signed:?}");
        }
        assert!(
            !Schools::default().participates(SchoolCode::parse("01AA", "00").unwrap(), day("2026-11-18"))
        );
    }
}
