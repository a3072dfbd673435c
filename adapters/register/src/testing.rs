//! Pupils and schools for the tests, in few words.

use hwc_casework::routing::SchoolCode;
use hwc_schemas::report::MunicipalityCode;
use jiff::civil::Date;

use crate::SchoolRecord;

pub(crate) fn day(text: &str) -> Date {
    text.parse().unwrap()
}

pub(crate) fn code(text: &str) -> SchoolCode {
    text.parse().unwrap()
}

pub(crate) fn own() -> MunicipalityCode {
    MunicipalityCode::parse("0855").unwrap()
}

/// A school of the municipality that takes part.
pub(crate) fn school(text: &str) -> SchoolRecord {
    SchoolRecord {
        code: code(text),
        name: "De School".to_owned(),
        sector: Some("po".to_owned()),
        municipality: own(),
        mailbox: Some("hwc@school.example".to_owned()),
        covenant_signed_on: Some(day("2021-03-01")),
        contact: None,
        backup: None,
        left_on: None,
        merged: None,
    }
}
