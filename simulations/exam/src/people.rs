//! The exam's children: invented anew for every exam, with names that occur nowhere by chance, and the tables that they stand in.

use std::fmt::Write as _;

use hwc_schemas::{
    person::{Child, DateOfBirth},
    report::{Address, Kind, Mention, MunicipalityCode, Occurred, Presence, Relation, Report},
};
use jiff::civil::Date;

/// How many there are: more than there are cases.
const PEOPLE: usize = 64;
/// The municipality where all of them live.
pub(crate) const MUNICIPALITY_CODE: &str = "0855";
/// The local day of every report.
pub(crate) const DAY: Date = jiff::civil::date(2026, 11, 18);
const REPORTED_AT: &str = "2026-11-18T06:40:00+01:00";
const OCCURRED_ON: &str = "2026-11-17";
const POSTCODE: &str = "5038ZZ";
/// The house number of the first one.
const FIRST_HOUSE: usize = 101;

/// Two names of a child.
struct Names {
    given: String,
    surname: String,
}

/// Who is something special; everybody else is an ordinary pupil.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Special {
    /// Enrolled in secret (R13).
    Secret,
    /// In no register.
    Unknown,
    /// The register has somebody with the same day of birth and given name (R16).
    InDoubt,
    /// Has a sibling at the same address, who is the next one.
    HasSibling,
}

/// Everybody.
pub(crate) struct People {
    names: Vec<Names>,
}

impl People {
    /// Invents them, by these dice.
    pub(crate) fn invent(mut dice: impl FnMut() -> u8) -> Self {
        const HEADS: [&str; 12] =
            ["Quor", "Zyl", "Brax", "Wexa", "Vlim", "Kjor", "Fyxa", "Drumb", "Glyx", "Pfex", "Tsav", "Mroz"];
        const MIDDLES: [&str; 10] =
            ["van", "brin", "ith", "opel", "uzra", "ynde", "éla", "owix", "arzu", "ulfe"];
        const TAILS: [&str; 8] = ["ther", "kamp", "zoon", "wyck", "stra", "ghel", "pryd", "blom"];
        let mut pick = |from: &[&str]| from[usize::from(dice()) % from.len()].to_owned();
        let mut names: Vec<Names> = Vec::new();
        while names.len() < PEOPLE {
            let number = names.len();
            // The place among all makes every name one of a kind.
            let mark = format!("{}{}", MARKS[number / MARKS.len()], MARKS[number % MARKS.len()]);
            let given = format!("{}{}{mark}", pick(&HEADS), pick(&MIDDLES));
            let surname = format!("{}{}{}{mark}", pick(&HEADS), pick(&MIDDLES), pick(&TAILS));
            names.push(Names { given, surname });
        }
        Self { names }
    }

    /// How many there are.
    pub(crate) const fn count(&self) -> usize {
        self.names.len()
    }

    /// The one who is special so.
    pub(crate) const fn special(which: Special) -> usize {
        which as usize
    }

    /// The first who is nothing special, the sibling not counted.
    pub(crate) const FIRST_ORDINARY: usize = Special::HasSibling as usize + 2;

    fn born(number: usize) -> Date {
        // Between four and eighteen years old, each on a day of their own.
        let days = i32::try_from(number).unwrap_or_default() * 37;
        jiff::civil::date(2012, 1, 3).saturating_add(jiff::Span::new().days(days))
    }

    fn house(number: usize) -> usize {
        let number = if number == Self::special(Special::HasSibling) + 1 { number - 1 } else { number };
        FIRST_HOUSE + number
    }

    /// A child.
    pub(crate) fn child(&self, number: usize) -> Option<Child> {
        let names = self.names.get(number)?;
        let born = DateOfBirth::parse(&Self::born(number).to_string()).ok()?;
        Child::new(&names.given, None, &names.surname, born).ok()
    }

    /// Which child it is, if it is one of them.
    pub(crate) fn number_of(&self, child: &Child) -> Option<usize> {
        (0..self.count()).find(|number| self.child(*number).is_some_and(|known| known == *child))
    }

    /// The school at which a child is enrolled.
    pub(crate) const fn school_of(number: usize) -> &'static str {
        if number.is_multiple_of(2) { "01AA" } else { "02BB" }
    }

    /// What the police report about a child, as it goes into a seal.
    pub(crate) fn report(&self, number: usize, kind: Kind) -> Option<Report> {
        let house = u32::try_from(Self::house(number)).ok()?;
        let municipality = MunicipalityCode::parse(MUNICIPALITY_CODE).ok();
        Some(Report {
            reported_at: REPORTED_AT.parse().ok()?,
            occurred: Occurred::On(OCCURRED_ON.parse().ok()?),
            kind,
            address: Address::new(POSTCODE, house, "", "", municipality).ok()?,
            mentions: vec![Mention {
                child: self.child(number)?,
                presence: Presence::Present,
                relation: Relation::Resident,
            }],
        })
    }

    /// The same as a file, as `docs/dataset.md` has it.
    pub(crate) fn report_file(&self, number: usize, reference: &str) -> String {
        let Some(names) = self.names.get(number) else { return String::new() };
        let report = serde_json::json!({
            "report_id": reference, "reported_at": REPORTED_AT,
            "incident": { "occurred_at": OCCURRED_ON, "kind": "domestic_violence", "address": {
                "postcode": POSTCODE, "house_number": Self::house(number), "municipality": MUNICIPALITY_CODE } },
            "children": [{ "given_names": names.given, "surname": names.surname,
                "date_of_birth": Self::born(number), "presence": "present", "relation": "resident" }],
        });
        format!("{report}\n")
    }

    /// `residents.csv`: who is registered where.
    pub(crate) fn residents(&self) -> String {
        let mut text = String::from(
            "postcode,house_number,house_letter,addition,municipality,given_names,prefix,surname,date_of_birth\n",
        );
        for (number, names) in self.names.iter().enumerate() {
            let Names { given, surname } = names;
            let (house, born) = (Self::house(number), Self::born(number));
            let _ = writeln!(text, "{POSTCODE},{house},,,{MUNICIPALITY_CODE},{given},,{surname},{born}");
        }
        text
    }

    /// `enrolments.csv`: who is enrolled where.
    pub(crate) fn enrolments(&self) -> String {
        let mut text = String::from(
            "municipality,given_names,prefix,surname,date_of_birth,brin,location,secret,host_brin,host_location\n",
        );
        for (number, names) in self.names.iter().enumerate() {
            if number == Self::special(Special::Unknown) {
                continue;
            }
            let secret = if number == Self::special(Special::Secret) { "yes" } else { "no" };
            let nearly = if number == Self::special(Special::InDoubt) { "ens" } else { "" };
            let Names { given, surname } = names;
            let (born, school) = (Self::born(number), Self::school_of(number));
            let _ = writeln!(
                text,
                "{MUNICIPALITY_CODE},{given},,{surname}{nearly},{born},{school},00,{secret},,"
            );
        }
        text
    }

    /// Every word that must be nowhere.
    pub(crate) fn canaries(&self) -> Vec<String> {
        let names = self.names.iter().flat_map(|names| [names.given.clone(), names.surname.clone()]);
        names.chain((0..self.count()).map(|number| Self::born(number).to_string())).collect()
    }
}

/// Two of these tell everybody apart.
const MARKS: [&str; 8] = ["bax", "cyd", "dov", "fum", "gip", "hez", "jaw", "kol"];

/// `schools.csv`: both schools take part.
pub(crate) const SCHOOLS: &str = "\
brin,location,name,sector,municipality,mailbox,covenant_signed_on
01AA,00,De Regenboog,po,0855,01AAHwC@deregenboog.example,2021-03-01
02BB,00,Het Kompas,po,0855,02BBHwC@hetkompas.example,2021-03-01
";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn everybody_is_somebody_else_of_school_age_and_a_word_that_occurs_nowhere_by_chance() {
        let people = People::invent(|| 7);
        let canaries = people.canaries();
        assert_eq!(canaries.iter().collect::<BTreeSet<_>>().len(), 3 * PEOPLE);
        assert!(hwc_residue::Disguises::new(&canaries).is_ok());
        for number in 0..people.count() {
            let born = People::born(number);
            assert!(born >= jiff::civil::date(2009, 1, 1) && born < jiff::civil::date(2022, 1, 1), "{born}");
            let child = people.child(number).unwrap();
            assert_eq!(people.number_of(&child), Some(number));
        }
    }

    #[test]
    fn the_tables_have_everybody_but_whom_they_should_not_know() {
        let people = People::invent(|| 3);
        assert_eq!(people.residents().lines().count(), PEOPLE + 1);
        assert_eq!(people.enrolments().lines().count(), PEOPLE);
        let secret = people.enrolments().lines().filter(|line| line.contains(",yes,")).count();
        assert_eq!(secret, 1);
        let (one, sibling) = (People::house(3), People::house(4));
        assert_eq!(one, sibling, "they live together");
        assert!(people.report(5, Kind::ChildAbuse).is_some());
    }
}
