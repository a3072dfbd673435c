//! The files that fill a register: enrolments (in full, or what changed) and lists of schools. `docs/register.md` has their
//! columns.

use hwc_adapter_kit::table::TableError;
use hwc_casework::routing::{Placement, SchoolCode};
use hwc_schemas::{
    person::{Child, DateOfBirth, FieldError, civil_date},
    report::MunicipalityCode,
};
use jiff::civil::Date;

use crate::{
    Pupil,
    sheet::{self, Column, Form, Row, needed, optional},
};

/// Most rows of a file of enrolments.
pub const PUPILS_MAX: usize = 2_000_000;
/// Most rows of a list of schools.
pub const SCHOOLS_MAX: usize = 50_000;
/// Longest name of a school, in characters.
const NAME_CHARS_MAX: usize = 200;
/// Longest mail address, in bytes.
const MAIL_BYTES_MAX: usize = 254;

const MUNICIPALITY: usize = 0;
const GIVEN_NAMES: usize = 1;
const PREFIX: usize = 2;
const SURNAME: usize = 3;
const BORN: usize = 4;
const BRIN: usize = 5;
const LOCATION: usize = 6;
const SECRET: usize = 7;
const HOST_BRIN: usize = 8;
const HOST_LOCATION: usize = 9;
const FROM: usize = 10;
const UNTIL: usize = 11;
const CHANGE: usize = 12;

/// In the order of the numbers above.
const ENROLMENT: [Column; 12] = [
    optional(&["municipality", "gemeentecode", "gemeentenummer"]),
    needed(&["given_names", "voornamen", "voornaam"]),
    optional(&["prefix", "voorvoegsel", "voorvoegsels", "tussenvoegsel"]),
    needed(&["surname", "achternaam", "geslachtsnaam"]),
    needed(&["date_of_birth", "geboortedatum"]),
    needed(&["brin", "brinnummer", "instellingscode"]),
    needed(&["location", "vestigingscode", "vestigingsnummer"]),
    // A source that does not say it would make every secret enrolment an open one (R13).
    needed(&["secret", "geheim"]),
    optional(&["host_brin", "detachering_brin"]),
    optional(&["host_location", "detachering_vestigingscode"]),
    optional(&["from", "begindatum", "datum_inschrijving"]),
    optional(&["until", "einddatum", "datum_uitschrijving"]),
];

/// What a row of a delta says of a pupil.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// It is enrolled here, whatever else holds.
    Enrolled,
    /// It is not enrolled here any more; without a school: nowhere any more.
    Left,
    /// It is enrolled here and nowhere else.
    Moved,
}

/// One row of a delta.
#[derive(Clone)]
pub struct Change {
    /// What happened.
    pub what: What,
    /// To whom, and where.
    pub pupil: Pupil,
}

/// Reads a file of enrolments in full. A file without the column of the municipality is this one's own.
pub fn full(file: &str, bytes: &[u8], form: Form, own: MunicipalityCode) -> Result<Vec<Pupil>, TableError> {
    sheet::read(file, bytes, form, &ENROLMENT, PUPILS_MAX, |row| pupil(row, own))
}

/// Reads a file of what changed since the last one: the same columns, and `change` (`mutatie`).
pub fn delta(file: &str, bytes: &[u8], form: Form, own: MunicipalityCode) -> Result<Vec<Change>, TableError> {
    let mut columns = ENROLMENT.to_vec();
    columns.push(needed(&["change", "mutatie"]));
    sheet::read(file, bytes, form, &columns, PUPILS_MAX, |row| {
        let what = match row.get(CHANGE).to_lowercase().as_str() {
            "enrolled" | "in" | "i" => What::Enrolled,
            "left" | "uit" | "u" => What::Left,
            "moved" | "over" | "o" => What::Moved,
            _ => return Err(row.refuse(CHANGE, "is none of enrolled, left, moved (in, uit, over)")),
        };
        Ok(Change { what, pupil: pupil(row, own)? })
    })
}

fn pupil(row: &Row<'_>, own: MunicipalityCode) -> Result<Pupil, TableError> {
    let municipality = match row.given(MUNICIPALITY) {
        None => own,
        Some(text) => municipality(text).map_err(|error| row.refuse(MUNICIPALITY, error.problem))?,
    };
    let born = DateOfBirth::new(date(row.get(BORN)).ok_or_else(|| row.refuse(BORN, NOT_A_DATE))?);
    let child = Child::new(row.get(GIVEN_NAMES), Some(row.get(PREFIX)), row.get(SURNAME), born)
        .map_err(|error| row.refuse(column_of(error.field), error.problem))?;
    let secret = row.read(SECRET, yes_or_no)?;
    // An empty BRIN is an enrolment unknown (R12), unless the location says the whole code.
    let school = code(row, BRIN, LOCATION, true)?;
    let host = code(row, HOST_BRIN, HOST_LOCATION, false)?;
    let day = |column| match row.get(column) {
        "" => Ok(None),
        text => date(text).map(Some).ok_or_else(|| row.refuse(column, NOT_A_DATE)),
    };
    let (from, until) = (day(FROM)?, day(UNTIL)?);
    if from.zip(until).is_some_and(|(from, until)| until < from) {
        return Err(row.refuse(UNTIL, "lies before the first day of the enrolment"));
    }
    Ok(Pupil { municipality, child, placement: Placement { school, host, secret }, from, until })
}

fn column_of(field: &str) -> usize {
    match field {
        "given_names" => GIVEN_NAMES,
        "prefix" => PREFIX,
        _ => SURNAME,
    }
}

const NOT_A_DATE: &str = "is not a date written YYYY-MM-DD, YYYYMMDD or D-M-YYYY";

/// A date written `2016-02-03`, `20160203`, `3-2-2016` or `03-02-2016`, years 1900 to 2199.
pub fn date(text: &str) -> Option<Date> {
    if text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let (year, rest) = text.split_at_checked(4)?;
        let (month, day) = rest.split_at_checked(2)?;
        return civil_date(&format!("{year}-{month}-{day}"));
    }
    let mut parts = text.split('-');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(day), Some(month), Some(year), None) if year.len() == 4 && day.len() < 3 && month.len() < 3 => {
            civil_date(&format!("{year}-{month:0>2}-{day:0>2}"))
        }
        _ => civil_date(text),
    }
}

fn yes_or_no(text: &str) -> Result<bool, FieldError> {
    match text.to_lowercase().as_str() {
        "yes" | "ja" | "j" => Ok(true),
        "no" | "nee" | "n" => Ok(false),
        _ => Err(FieldError { field: "secret", problem: "is neither yes nor no (ja, nee)" }),
    }
}

/// A municipality's code; a source that keeps codes as numbers loses the first nought.
fn municipality(text: &str) -> Result<MunicipalityCode, FieldError> {
    MunicipalityCode::parse(&format!("{text:0>4}"))
}

/// A school's code. The location is two characters, or the whole code.
fn code(
    row: &Row<'_>,
    brin: usize,
    location: usize,
    lone_location: bool,
) -> Result<Option<SchoolCode>, TableError> {
    let refused =
        |error: FieldError| row.refuse(if error.field == "brin" { brin } else { location }, error.problem);
    match (row.get(brin), row.get(location)) {
        (_, full) if full.len() == 6 => {
            let school: SchoolCode = full.parse().map_err(refused)?;
            let begins =
                |brin: &str| brin.is_empty() || school.as_str().get(..4) == Some(&brin.to_ascii_uppercase());
            if begins(row.get(brin)) {
                Ok(Some(school))
            } else {
                Err(row.refuse(location, "does not begin with the BRIN number of this row"))
            }
        }
        ("", "") => Ok(None),
        ("", _) if lone_location => Ok(None),
        (brin, location) => SchoolCode::parse(brin, location).map(Some).map_err(refused),
    }
}

/// What a list of schools says of one. What the list has no column for is none here, and stays as it was. It cannot
/// be printed: people's work addresses are in it.
#[derive(Clone, PartialEq, Eq)]
pub struct Listed {
    /// BRIN number and location.
    pub code: SchoolCode,
    /// Its name.
    pub name: String,
    /// The municipality it lies in.
    pub municipality: MunicipalityCode,
    /// `po`, `so`, `vo` or `mbo`.
    pub sector: Option<String>,
    /// Its HwC mailbox; an empty field is none.
    pub mailbox: Option<Option<String>>,
    /// The day its board signed the covenant; an empty field is none.
    pub covenant_signed_on: Option<Option<Date>>,
    /// The work address of its contact.
    pub contact: Option<Option<String>>,
    /// The work address of whoever stands in for the contact.
    pub backup: Option<Option<String>>,
}

/// Reads a list of schools: this program's own, or an address list.
pub fn schools(file: &str, bytes: &[u8], form: Form) -> Result<Vec<Listed>, TableError> {
    const COLUMNS: [Column; 9] = [
        needed(&["brin", "brinnummer", "instellingscode"]),
        needed(&["location", "vestigingscode", "vestigingsnummer"]),
        needed(&["name", "vestigingsnaam", "naam"]),
        needed(&["municipality", "gemeentenummer", "gemeentecode"]),
        optional(&["sector"]),
        optional(&["mailbox", "postbus"]),
        optional(&["covenant_signed_on", "convenant"]),
        optional(&["contact", "contactpersoon"]),
        optional(&["backup", "achterwacht"]),
    ];
    let mut seen = std::collections::BTreeSet::new();
    sheet::read(file, bytes, form, &COLUMNS, SCHOOLS_MAX, |row| {
        let code = code(row, 0, 1, false)?.ok_or_else(|| row.refuse(0, "is empty"))?;
        if !seen.insert(code) {
            return Err(row.refuse(1, "this school stands in an earlier row too"));
        }
        let sector =
            row.given(4).map(|text| sector(text).ok_or_else(|| row.refuse(4, "is none of po, so, vo, mbo")));
        let address = |column| {
            let read = |text: &str| if text.is_empty() { Ok(None) } else { mail_address(text).map(Some) };
            let checked = |text| read(text).map_err(|problem| row.refuse(column, problem));
            row.given(column).map(checked).transpose()
        };
        let signed = row.given(6).map(|text| match text {
            "" => Ok(None),
            text => date(text).map(Some).ok_or_else(|| row.refuse(6, NOT_A_DATE)),
        });
        Ok(Listed {
            code,
            name: row.read(2, school_name)?,
            municipality: row.read(3, municipality)?,
            sector: sector.transpose()?,
            mailbox: address(5)?,
            covenant_signed_on: signed.transpose()?,
            contact: address(7)?,
            backup: address(8)?,
        })
    })
}

/// A kind of school.
pub fn sector(text: &str) -> Option<String> {
    let sector = text.to_lowercase();
    ["po", "so", "vo", "mbo"].contains(&sector.as_str()).then_some(sector)
}

/// A school's name: one line of bounded length.
pub fn school_name(text: &str) -> Result<String, FieldError> {
    let refuse = |problem| Err(FieldError { field: "name", problem });
    if text.is_empty() {
        refuse("is empty")
    } else if text.chars().count() > NAME_CHARS_MAX {
        refuse("is too long")
    } else if text.chars().any(char::is_control) {
        refuse("holds a control character")
    } else {
        Ok(text.to_owned())
    }
}

/// A mail address, as far as can be seen without sending anything.
pub fn mail_address(text: &str) -> Result<String, &'static str> {
    let (user, domain) = text.split_once('@').ok_or("is not a mail address")?;
    let plain = text.len() <= MAIL_BYTES_MAX && text.bytes().all(|byte| byte.is_ascii_graphic());
    let shaped =
        !user.is_empty() && domain.contains('.') && !domain.contains('@') && !text.contains(['<', '>', ',']);
    if plain && shaped { Ok(text.to_owned()) } else { Err("is not a mail address") }
}

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
