//! What a municipality's register of pupils says of a child, and where it really goes to school.

use crate::{dice::Dice, person::Person, population::Population, rates, school::Sector, spelling};
use jiff::civil::Date;

/// A child's place at school.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schooling {
    /// The school it really attends, by its place in the population's list.
    pub attends: usize,
    /// What the register of its home municipality has; none, one or two rows.
    pub rows: Vec<Row>,
}

/// A row of `enrolments.csv`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The child, as its school spelt it.
    pub pupil: Person,
    /// The school, by its place in the population's list; none is an enrolment unknown (R12).
    pub school: Option<usize>,
    /// The school of secondment, if the municipality knows of one (R14).
    pub host: Option<usize>,
    /// Whether it must never be revealed (R13).
    pub secret: bool,
}

/// Where a household's children go to primary school, unless they go elsewhere: the nearest, or another.
pub(crate) struct Neighbourhood {
    pub(crate) municipality: usize,
    /// The place of the household in its municipality: a fraction of the number of households.
    pub(crate) place: u32,
    pub(crate) of: u32,
}

/// The sector in which a child is, or none if it is too young: primary until the summer after it is eleven on 1 October of the
/// school year, then secondary.
pub(crate) fn sector(person: &Person, day: Date, dice: &mut Dice) -> Option<Sector> {
    let age = person.age_on(day);
    if !(4..18).contains(&age) {
        return None;
    }
    let begins = if day.month() >= 8 { day.year() } else { day.year() - 1 };
    let counts_from = Date::new(begins, 10, 1).unwrap_or(day);
    if person.age_on(counts_from) <= 11 {
        return Some(if dice.happens(rates::SPECIAL_PRIMARY) { Sector::Special } else { Sector::Primary });
    }
    if dice.happens(rates::SPECIAL_SECONDARY) {
        return Some(Sector::Special);
    }
    let vocational = age >= 16 && dice.happens(rates::VOCATIONAL_AT_16);
    Some(if vocational { Sector::Vocational } else { Sector::Secondary })
}

impl Population {
    /// Draws where a child goes to school and what the register says of it; none if it is too young or too old.
    pub(crate) fn schooling(
        &self,
        child: &Person,
        home: &Neighbourhood,
        dice: &mut Dice,
    ) -> Option<Schooling> {
        let sector = sector(child, self.settings().day, dice)?;
        let attends = self.attended(sector, home, dice)?;
        let rates = &self.settings().rates;
        let pupil = match dice.case(&[rates.enrolment_misspelt, rates.enrolment_spelt_otherwise]) {
            Some(0) => spelling::misspelt(child, dice),
            Some(_) => spelling::otherwise(child, dice),
            None => child.clone(),
        };
        let row = Row { pupil, school: Some(attends), host: None, secret: false };
        let what = dice.case(&[
            rates.enrolment_missing,
            rates.enrolment_without_school,
            rates.enrolment_stale,
            rates.enrolment_twice,
            rates.enrolment_secret,
            rates.enrolment_seconded,
        ]);
        let rows = match what {
            Some(0) => Vec::new(),
            Some(1) => vec![Row { school: None, ..row }],
            Some(2) => vec![Row { school: Some(self.former(sector, home, attends, dice)), ..row }],
            Some(3) => {
                let former = Row { school: Some(self.former(sector, home, attends, dice)), ..row.clone() };
                vec![former, row]
            }
            Some(4) => vec![Row { secret: true, ..row }],
            Some(5) => {
                let own = self.attended(sector, home, dice);
                // Seconded: the child is taught at the host, and enrolled elsewhere.
                vec![Row { school: own, host: Some(attends), ..row }]
            }
            _ => vec![row],
        };
        Some(Schooling { attends, rows })
    }

    fn attended(&self, sector: Sector, home: &Neighbourhood, dice: &mut Dice) -> Option<usize> {
        let rates = &self.settings().rates;
        let directory = self.directory();
        let own = directory.own(sector, home.municipality);
        let across = sector == Sector::Primary && dice.happens(rates.primary_across_the_border);
        if sector != Sector::Primary || own.is_empty() || across {
            let schools = directory.nearest(sector, home.municipality, across);
            return (!schools.is_empty()).then(|| schools.start + dice.place(schools.len()));
        }
        if dice.happens(rates.farther_school) {
            return Some(own.start + dice.place(own.len()));
        }
        let nearest = u64::from(home.place) * own.len() as u64 / u64::from(home.of.max(1));
        Some(own.start + usize::try_from(nearest).unwrap_or(0).min(own.len() - 1))
    }

    /// The school that a child left: another of the same sector, here or nearby; the present one if there is no other.
    fn former(&self, sector: Sector, home: &Neighbourhood, attends: usize, dice: &mut Dice) -> usize {
        let moved_house = dice.happens(3_000);
        let schools = self.directory().nearest(sector, home.municipality, moved_house);
        let former = schools.start + dice.place(schools.len().max(1));
        if former != attends || schools.len() < 2 {
            return former;
        }
        if former + 1 < schools.end { former + 1 } else { schools.start }
    }
}
