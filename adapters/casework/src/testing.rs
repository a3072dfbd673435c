//! Children and days for the tests, in few words.

use hwc_schemas::{
    person::{Child, DateOfBirth},
    report::{Address, MunicipalityCode},
};
use jiff::civil::Date;

pub(crate) fn day(text: &str) -> Date {
    text.parse().unwrap()
}

pub(crate) fn born(text: &str) -> DateOfBirth {
    DateOfBirth::parse(text).unwrap()
}

pub(crate) fn child(given_names: &str, prefix: &str, surname: &str, birth: &str) -> Child {
    Child::new(given_names, Some(prefix), surname, born(birth)).unwrap()
}

pub(crate) fn municipality(code: &str) -> MunicipalityCode {
    MunicipalityCode::parse(code).unwrap()
}

pub(crate) fn address(house_number: u32, in_municipality: Option<&str>) -> Address {
    Address::new("5038AA", house_number, "", "", in_municipality.map(municipality)).unwrap()
}

/// A number for a long text, so that a test can say what it was.
pub(crate) fn checksum(text: &str) -> u64 {
    text.bytes().fold(7, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)))
}
