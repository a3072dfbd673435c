//! Who is registered where: `residents.csv`, or a look-up that may be down.

use hwc_adapter_kit::{
    Kept,
    table::{self, TableError},
};
use hwc_casework::home::{Register, Resident};
use hwc_schemas::{
    person::{Child, DateOfBirth},
    report::{Address, MunicipalityCode},
};
use std::sync::Arc;

/// The look-up is down. The named children go first then, after the policy's patience (R9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the look-up of households is down")]
pub struct Unavailable;

/// Where households are looked up.
pub trait Lookup: Send + Sync + 'static {
    /// The register as it is now.
    fn register(&self) -> Result<Arc<Register>, Unavailable>;
}

/// A file is always there: when a new version cannot be read, the one before stays in use.
impl Lookup for Kept<Register> {
    fn register(&self) -> Result<Arc<Register>, Unavailable> {
        Ok(self.now())
    }
}

/// Reads `residents.csv`.
pub fn residents(bytes: &[u8]) -> Result<Vec<Resident>, TableError> {
    const COLUMNS: [&str; 9] = [
        "postcode",
        "house_number",
        "house_letter",
        "addition",
        "municipality",
        "given_names",
        "prefix",
        "surname",
        "date_of_birth",
    ];
    table::read("residents.csv", bytes, &COLUMNS, |row| {
        let number = row.get("house_number").parse();
        let number =
            number.map_err(|_| row.refuse("house_number", "is not a whole number from 1 to 99999"))?;
        let municipality = row.read("municipality", MunicipalityCode::parse)?;
        let address = Address::new(
            row.get("postcode"),
            number,
            row.get("house_letter"),
            row.get("addition"),
            Some(municipality),
        )
        .map_err(|error| row.refuse_field(&error))?;
        let born = row.read("date_of_birth", DateOfBirth::parse)?;
        let person = Child::new(row.get("given_names"), Some(row.get("prefix")), row.get("surname"), born)
            .map_err(|error| row.refuse_field(&error))?;
        Ok(Resident { place: address.place().clone(), municipality, person })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str =
        "postcode,house_number,house_letter,addition,municipality,given_names,prefix,surname,date_of_birth\n";

    #[test]
    fn a_row_is_somebody_at_an_address() {
        let rows = residents(format!("{HEADER}5038 aa,1,,,0855,Noor,,Smit,2011-06-21\n").as_bytes());
        assert!(rows.is_ok_and(|rows| rows.len() == 1));
    }

    #[test]
    fn a_broken_row_is_named_by_file_line_and_column_and_not_shown() {
        for (row, column) in [
            ("5038AA,x,,,0855,Geheim,,Geheimpje,2011-06-21", "house_number"),
            ("5038,1,,,0855,Geheim,,Geheimpje,2011-06-21", "postcode"),
            ("5038AA,1,,,855,Geheim,,Geheimpje,2011-06-21", "municipality"),
            ("5038AA,1,,,0855,Geheim,,,2011-06-21", "surname"),
            ("5038AA,1,,,0855,Geheim,,Geheimpje,21-06-2011", "date_of_birth"),
        ] {
            let Err(error) = residents(format!("{HEADER}{row}\n").as_bytes()) else {
                panic!("taken: {column}")
            };
            let said = error.to_string();
            assert!(said.starts_with(&format!("residents.csv line 2, column {column}: ")), "{said}");
            assert!(!said.contains("Geheim"), "content shown");
        }
    }
}
