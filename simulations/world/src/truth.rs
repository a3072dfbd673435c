//! What is so in a simulated world, whoever knows it: the region, its people, what was reported. A checker judges by it.
//!
//! It is written in plain words and not in the types of the program, so that whoever judges reads the rules and not the code.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use hwc_schemas::{
    Organisation,
    person::{Child, DateOfBirth, FieldError},
    report::{Kind, Presence, Relation},
};
use jiff::{SignedDuration, Timestamp, civil::Date};

/// Somebody who does not exist. Printable, because invented.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Invented {
    /// Given names, separated by spaces.
    pub given_names: String,
    /// What stands before the surname; empty for none.
    pub prefix: String,
    /// The surname.
    pub surname: String,
    /// The day of birth.
    pub date_of_birth: Date,
}

impl Invented {
    /// As the program knows children.
    pub fn child(&self) -> Result<Child, FieldError> {
        let born = DateOfBirth::new(self.date_of_birth);
        Child::new(&self.given_names, Some(&self.prefix), &self.surname, born)
    }

    /// An invented child that went through the program.
    pub fn of(child: &Child) -> Self {
        Self {
            given_names: child.given_names.expose().to_owned(),
            prefix: child.prefix.as_ref().map(|prefix| prefix.expose().to_owned()).unwrap_or_default(),
            surname: child.surname.expose().to_owned(),
            date_of_birth: child.date_of_birth.expose(),
        }
    }
}

impl fmt::Display for Invented {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { given_names, prefix, surname, date_of_birth } = self;
        let space = if prefix.is_empty() { "" } else { " " };
        write!(f, "{given_names} {prefix}{space}{surname}, born {date_of_birth}")
    }
}

/// A report's place among the reports of its world, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReportNumber(pub usize);

/// An address: postcode, house number, letter and addition, as in `5038AA 12 a 2`. Two are the same place when these words are.
pub type Address = String;

/// Somebody registered at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resident {
    /// Where.
    pub address: Address,
    /// In which municipality; a CBS code.
    pub municipality: String,
    /// Who.
    pub person: Invented,
}

/// A row of a municipality's register of pupils.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolment {
    /// The pupil, as the register spells it.
    pub pupil: Invented,
    /// BRIN and location; none for an enrolment unknown (R12).
    pub school: Option<String>,
    /// The school of secondment (R14).
    pub host: Option<String>,
    /// Whether it is secret (R13).
    pub secret: bool,
}

/// A municipality's register of pupils, from a moment on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Register {
    /// From when on the municipality's own program has it.
    pub from: Timestamp,
    /// Its rows.
    pub rows: Vec<Enrolment>,
}

/// A school of the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct School {
    /// BRIN and location, as in `01AA00`.
    pub code: String,
    /// The municipality it lies in.
    pub municipality: String,
    /// Whether its mailbox is known.
    pub mailbox: bool,
    /// The day its board signed the covenant.
    pub covenant_signed_on: Option<Date>,
    /// Its own closed days.
    pub closed_days: BTreeSet<Date>,
}

/// A child that the police noted.
#[derive(Clone, PartialEq, Eq)]
pub struct Mention {
    /// The child, as the police spell it.
    pub child: Invented,
    /// Whether it was there.
    pub presence: Presence,
    /// How it belongs to the address.
    pub relation: Relation,
}

/// A report of the police.
#[derive(Clone)]
pub struct Report {
    /// Its reference. Two reports with one reference are one incident, and the first that the engine accepts wins (R9).
    pub reference: String,
    /// When the police take it up.
    pub reported_at: Timestamp,
    /// When it happened; a bare date is its midnight.
    pub occurred_at: Timestamp,
    /// What kind of incident.
    pub kind: Kind,
    /// Where.
    pub address: Address,
    /// The municipality, where the report says it.
    pub municipality: Option<String>,
    /// Whom the police noted.
    pub mentions: Vec<Mention>,
}

/// School holidays and closed days of the region (R18, R19), besides weekends and national holidays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holidays {
    /// First and last day of each summer holiday.
    pub summer: Vec<(Date, Date)>,
    /// First and last day of each other school holiday.
    pub other: Vec<(Date, Date)>,
    /// The years on whose 1 August a listed school year begins.
    pub years_listed: BTreeSet<i16>,
    /// Closed for all schools.
    pub closed_days: BTreeSet<Date>,
}

/// The region's policy, in the words and with the defaults of `region.toml`.
pub use hwc_workflow::policy::PolicySettings;

/// Everything that is so.
#[derive(Clone)]
pub struct Truth {
    /// When the world begins.
    pub begins: Timestamp,
    /// From when on nothing goes wrong any more.
    pub heals_at: Timestamp,
    /// Times and limits.
    pub policy: PolicySettings,
    /// Days without school.
    pub holidays: Holidays,
    /// Municipalities that take part: where a child must live (R15).
    pub participating: BTreeSet<String>,
    /// Municipalities of the region: where a school must lie (R15).
    pub region: BTreeSet<String>,
    /// The directory of schools.
    pub schools: Vec<School>,
    /// Who is registered where.
    pub residents: Vec<Resident>,
    /// Each participating municipality's registers of pupils, in order of time; a new one replaces the one before.
    pub registers: BTreeMap<String, Vec<Register>>,
    /// The reports.
    pub reports: Vec<Report>,
    /// When the look-up of households is down, from and until.
    pub look_up_down: Vec<(Timestamp, Timestamp)>,
    /// By how much a clock of an engine or an organisation may be wrong before the world heals; afterwards they are right.
    pub clock_error_max: SignedDuration,
    /// Organisations whose people or programs lie. What an honest organisation may expect of them is nothing; what they must
    /// not achieve is everything.
    pub dishonest: BTreeSet<Organisation>,
}
