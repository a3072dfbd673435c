//! `schools.csv` and `enrolments.csv`.

use hwc_adapter_kit::table::{self, Row, TableError};
use hwc_casework::routing::{Enrolment, Placement, School, SchoolCode};
use hwc_schemas::{
    person::{Child, DateOfBirth, FieldError, civil_date},
    report::MunicipalityCode,
};

/// One row of `schools.csv`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchoolRow {
    /// The school.
    pub code: SchoolCode,
    /// Its name.
    pub name: String,
    /// What routing needs of it.
    pub school: School,
}

/// One row of `enrolments.csv`, with the register it belongs to.
pub struct EnrolmentRow {
    /// Whose register this is: the child's home municipality.
    pub municipality: MunicipalityCode,
    /// The enrolment.
    pub enrolment: Enrolment,
}

/// Reads `schools.csv`.
pub fn schools(bytes: &[u8]) -> Result<Vec<SchoolRow>, TableError> {
    const COLUMNS: [&str; 7] =
        ["brin", "location", "name", "sector", "municipality", "mailbox", "covenant_signed_on"];
    let mut seen = std::collections::BTreeSet::new();
    table::read("schools.csv", bytes, &COLUMNS, |row| {
        let code = code(row, "brin", "location")?;
        if !seen.insert(code) {
            return Err(row.refuse("location", "this school stands in an earlier row too"));
        }
        if !["po", "so", "vo", "mbo"].contains(&row.get("sector")) {
            return Err(row.refuse("sector", "is none of po, so, vo, mbo"));
        }
        let signed = match row.get("covenant_signed_on") {
            "" => None,
            text => Some(civil_date(text).ok_or_else(|| {
                row.refuse("covenant_signed_on", "is neither empty nor a date written YYYY-MM-DD")
            })?),
        };
        let school = School {
            municipality: row.read("municipality", MunicipalityCode::parse)?,
            mailbox: !row.get("mailbox").is_empty(),
            covenant_signed_on: signed,
        };
        Ok(SchoolRow { code, name: row.get("name").to_owned(), school })
    })
}

/// Reads `enrolments.csv`.
pub fn enrolments(bytes: &[u8]) -> Result<Vec<EnrolmentRow>, TableError> {
    const COLUMNS: [&str; 10] = [
        "municipality",
        "given_names",
        "prefix",
        "surname",
        "date_of_birth",
        "brin",
        "location",
        "secret",
        "host_brin",
        "host_location",
    ];
    table::read("enrolments.csv", bytes, &COLUMNS, |row| {
        let municipality = row.read("municipality", MunicipalityCode::parse)?;
        let born = row.read("date_of_birth", DateOfBirth::parse)?;
        let pupil = Child::new(row.get("given_names"), Some(row.get("prefix")), row.get("surname"), born)
            .map_err(|error| row.refuse_field(&error))?;
        let secret = row.read("secret", |text| match text {
            "yes" => Ok(true),
            "no" => Ok(false),
            _ => Err(FieldError { field: "secret", problem: "is neither yes nor no" }),
        })?;
        // An empty BRIN is an enrolment unknown (R12).
        let school = (!row.get("brin").is_empty()).then(|| code(row, "brin", "location")).transpose()?;
        let seconded = !(row.get("host_brin").is_empty() && row.get("host_location").is_empty());
        let host = seconded.then(|| code(row, "host_brin", "host_location")).transpose()?;
        let placement = Placement { school, host, secret };
        Ok(EnrolmentRow { municipality, enrolment: Enrolment { pupil, placement } })
    })
}

fn code(row: &Row<'_>, brin: &'static str, location: &'static str) -> Result<SchoolCode, TableError> {
    SchoolCode::parse(row.get(brin), row.get(location)).map_err(|error| {
        let column = if error.field == "brin" { brin } else { location };
        row.refuse(column, error.problem)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUPILS: &str = "municipality,given_names,prefix,surname,date_of_birth,brin,location,secret,host_brin,host_location\n";

    #[test]
    fn an_empty_brin_is_an_enrolment_unknown_and_a_half_host_is_broken() {
        let rows = enrolments(format!("{PUPILS}0855,Noor,,Smit,2011-06-21,,,no,,\n").as_bytes());
        assert!(rows.is_ok_and(|rows| rows[0].enrolment.placement.school.is_none()));
        let rows =
            enrolments(format!("{PUPILS}0855,Geheim,,Geheimpje,2011-06-21,01AA,00,no,06FF,\n").as_bytes());
        let Err(error) = rows else { panic!("taken") };
        assert_eq!(
            error.to_string(),
            "enrolments.csv line 2, column host_location: is not two letters or digits"
        );
    }

    #[test]
    fn a_broken_school_is_named_by_line_and_column() {
        let header = "brin,location,name,sector,municipality,mailbox,covenant_signed_on\n";
        for (row, column) in [
            ("1AA,00,X,po,0855,a@b,2021-03-01", "brin"),
            ("01AA,00,X,xx,0855,a@b,2021-03-01", "sector"),
            ("01AA,00,X,po,855,a@b,2021-03-01", "municipality"),
            ("01AA,00,X,po,0855,a@b,1 maart", "covenant_signed_on"),
        ] {
            let error = schools(format!("{header}{row}\n").as_bytes()).unwrap_err();
            assert_eq!((error.line, error.column.as_str()), (2, column));
        }
    }
}
