//! To which school, or why to none (R10 to R16), read from the rules alone.

use std::collections::HashMap;

use hwc_schemas::outcome::Withheld;
use jiff::{Timestamp, civil::Date};

use super::names::Name;
use crate::truth::{Enrolment, School, Truth};

/// The municipalities' registers of pupils, made ready to compare, and the directory of schools.
pub(super) struct Registers {
    registers: HashMap<String, Vec<(Timestamp, Rows)>>,
    schools: HashMap<String, School>,
}

/// A register's rows, by day of birth.
type Rows = HashMap<Date, Vec<Row>>;

struct Row {
    name: Name,
    enrolment: Enrolment,
}

/// What may become of a child at its municipality.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Way {
    /// It goes to this school.
    School(String),
    /// It is not passed on.
    Withheld(Withheld),
}

impl Way {
    /// The school, if it goes to one.
    pub(super) fn school(&self) -> Option<&str> {
        match self {
            Self::School(school) => Some(school),
            Self::Withheld(_) => None,
        }
    }
}

/// When a municipality decided: between these moments, on one of these days.
#[derive(Debug, Clone, Copy)]
pub(super) struct Decided {
    pub(super) between: (Timestamp, Timestamp),
    pub(super) on: (Date, Date),
    /// Whether a school returned it before: then a person may decide as if it were in doubt (R24).
    pub(super) returned: bool,
}

impl Registers {
    /// From what is so.
    pub(super) fn of(truth: &Truth) -> Self {
        let row =
            |enrolment: &Enrolment| Row { name: Name::of(&enrolment.pupil), enrolment: enrolment.clone() };
        let registers = truth.registers.iter().map(|(municipality, registers)| {
            let made = registers.iter().map(|register| {
                let mut rows = Rows::new();
                for enrolment in &register.rows {
                    rows.entry(enrolment.pupil.date_of_birth).or_default().push(row(enrolment));
                }
                (register.from, rows)
            });
            (municipality.clone(), made.collect())
        });
        let schools = truth.schools.iter().map(|school| (school.code.clone(), school.clone()));
        Self { registers: registers.collect(), schools: schools.collect() }
    }

    /// Everything that may become of a child at its municipality, by any register that was in force in that time.
    pub(super) fn ways(&self, municipality: &str, child: &Name, decided: Decided, truth: &Truth) -> Vec<Way> {
        let mut ways = Vec::new();
        let mut may = |way| {
            if !ways.contains(&way) {
                ways.push(way);
            }
        };
        for rows in self.in_force(municipality, child.born, decided.between) {
            // Whether a school takes part changes once, from no to yes.
            for day in [decided.on.0, decided.on.1] {
                self.by_rows(rows, child, (day, decided.returned), truth, &mut may);
            }
        }
        ways
    }

    /// Whether a letter about `pupil` may be about `child`: it matches, or is one that the person could pick.
    pub(super) fn may_be(
        &self,
        municipality: &str,
        child: &Name,
        pupil: &Name,
        between: (Timestamp, Timestamp),
    ) -> bool {
        let known = |rows: &[Row]| rows.iter().any(|row| row.name.matches(pupil));
        child.matches(pupil)
            || (child.nearly_matches(pupil) && self.in_force(municipality, child.born, between).any(known))
    }

    /// The rows of that day of birth, of each register in force at some moment of that time.
    fn in_force(
        &self,
        municipality: &str,
        born: Date,
        (since, until): (Timestamp, Timestamp),
    ) -> impl Iterator<Item = &[Row]> {
        let all = self.registers.get(municipality).map(Vec::as_slice).unwrap_or_default();
        let first = all.iter().rposition(|(from, _)| *from <= since).unwrap_or(0);
        let in_time = all[first..].iter().take_while(move |(from, _)| *from <= until);
        in_time.map(move |(_, rows)| rows.get(&born).map(Vec::as_slice).unwrap_or_default())
    }

    fn by_rows(
        &self,
        rows: &[Row],
        child: &Name,
        (day, returned): (Date, bool),
        truth: &Truth,
        may: &mut impl FnMut(Way),
    ) {
        let exact: Vec<_> = rows.iter().filter(|row| row.name.matches(child)).collect();
        let near: Vec<_> = rows.iter().filter(|row| row.name.nearly_matches(child)).collect();
        let place = |row: &Row| (row.enrolment.school.clone(), row.enrolment.host.clone());
        let agree = exact.windows(2).all(|pair| place(pair[0]) == place(pair[1]));
        let secret = |rows: &[&Row]| rows.iter().any(|row| row.enrolment.secret);
        if let (Some(row), true) = (exact.first(), agree) {
            may(self.by_enrolment(&row.enrolment, secret(&exact), day, truth));
        } else if near.is_empty() {
            may(Way::Withheld(Withheld::EnrolmentUnknown));
        }
        // In doubt a person picks one, or withholds it.
        let doubt = match (returned, exact.is_empty(), agree) {
            (true, ..) | (_, true, _) => near,
            (_, false, true) => Vec::new(),
            (_, false, false) => exact,
        };
        if !doubt.is_empty() || returned {
            may(Way::Withheld(Withheld::EnrolmentAmbiguous));
        }
        for row in &doubt {
            // Rows of one pupil at one school count as one, and are secret if one of them is.
            let same: Vec<_> = doubt
                .iter()
                .copied()
                .filter(|other| other.name.matches(&row.name) && place(other) == place(row))
                .collect();
            may(self.by_enrolment(&row.enrolment, secret(&same), day, truth));
        }
    }

    fn by_enrolment(&self, enrolment: &Enrolment, secret: bool, day: Date, truth: &Truth) -> Way {
        let Some(school) = &enrolment.school else { return Way::Withheld(Withheld::EnrolmentUnknown) };
        if secret {
            return Way::Withheld(Withheld::EnrolmentSecret);
        }
        let to = enrolment.host.as_ref().unwrap_or(school);
        let known = self
            .schools
            .get(to)
            .filter(|school| school.mailbox && school.covenant_signed_on.is_some_and(|signed| signed <= day));
        match known {
            None if enrolment.host.is_some() => Way::Withheld(Withheld::HostSchoolNotParticipating),
            None => Way::Withheld(Withheld::SchoolNotParticipating),
            Some(known) if !truth.region.contains(&known.municipality) => {
                Way::Withheld(Withheld::SchoolOutsideRegion)
            }
            Some(_) => Way::School(to.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::{
        super::story::{child, david, enrolled, noor, region, when},
        *,
    };
    use crate::truth::Register;

    /// What may become of David, when his municipality decides between two moments by these rows.
    fn ways(rows: Vec<Enrolment>, returned: bool) -> Vec<Way> {
        let mut truth = region();
        truth.registers.insert("0855".into(), vec![Register { from: truth.begins, rows }]);
        let (since, until) = (when("2026-11-19 06:50"), when("2026-11-19 06:55"));
        let on = (date(2026, 11, 19), date(2026, 11, 19));
        let decided = Decided { between: (since, until), on, returned };
        Registers::of(&truth).ways("0855", &Name::of(&david()), decided, &truth)
    }

    fn row(school: Option<&str>, host: Option<&str>, secret: bool) -> Enrolment {
        let text = |code: &str| code.to_owned();
        Enrolment { pupil: david(), school: school.map(text), host: host.map(text), secret }
    }

    fn school(code: &str) -> Way {
        Way::School(code.into())
    }

    #[test]
    fn r11_to_r15_give_one_way_in_the_order_of_the_table() {
        let one = |school, host, secret| ways(vec![row(school, host, secret)], false);
        let no = |why| vec![Way::Withheld(why)];
        assert_eq!(one(Some("01AA00"), None, false), [school("01AA00")]);
        assert_eq!(one(Some("04DD00"), Some("02BB00"), false), [school("02BB00")]);
        assert_eq!(one(None, Some("02BB00"), true), no(Withheld::EnrolmentUnknown));
        assert_eq!(one(Some("04DD00"), None, true), no(Withheld::EnrolmentSecret));
        assert_eq!(one(Some("01AA00"), Some("04DD00"), false), no(Withheld::HostSchoolNotParticipating));
        assert_eq!(one(Some("04DD00"), None, false), no(Withheld::SchoolNotParticipating));
        assert_eq!(one(Some("99XX00"), None, false), no(Withheld::SchoolNotParticipating));
        assert_eq!(one(Some("09ZZ00"), None, false), no(Withheld::SchoolOutsideRegion));
        assert_eq!(
            ways(vec![enrolled(child("Mees", "Bos", "2016-02-03"), "01AA00")], false),
            no(Withheld::EnrolmentUnknown)
        );
    }

    #[test]
    fn r16_two_rows_that_agree_are_one_and_two_that_do_not_are_a_persons() {
        let agree = vec![row(Some("01AA00"), None, false), row(Some("01AA00"), None, true)];
        assert_eq!(ways(agree, false), [Way::Withheld(Withheld::EnrolmentSecret)]);
        let differ = vec![row(Some("01AA00"), None, false), row(Some("02BB00"), None, false)];
        let doubtful = Way::Withheld(Withheld::EnrolmentAmbiguous);
        assert_eq!(ways(differ, false), [doubtful.clone(), school("01AA00"), school("02BB00")]);
        let twin = enrolled(child("Daan", "Pieterse", "2016-02-03"), "02BB00");
        assert_eq!(ways(vec![twin.clone()], false), [doubtful.clone(), school("02BB00")]);
        // One exact match, whoever is near; but after a return a person looks.
        let both = || vec![enrolled(david(), "01AA00"), twin.clone()];
        assert_eq!(ways(both(), false), [school("01AA00")]);
        assert!(ways(both(), true).contains(&doubtful) && ways(both(), true).contains(&school("02BB00")));
    }

    #[test]
    fn r12_any_register_in_force_at_that_time_may_have_decided_and_no_other() {
        let mut truth = region();
        let register = |from, school| Register { from: when(from), rows: vec![enrolled(david(), school)] };
        let registers = vec![
            register("2026-11-18 12:00", "01AA00"),
            register("2026-11-19 06:52", "02BB00"),
            register("2026-11-19 07:00", "03CC00"),
        ];
        truth.registers.insert("0855".into(), registers);
        let registers = Registers::of(&truth);
        let ways = |since, until| {
            let on = (date(2026, 11, 19), date(2026, 11, 19));
            let decided = Decided { between: (when(since), when(until)), on, returned: false };
            registers.ways("0855", &Name::of(&david()), decided, &truth)
        };
        assert_eq!(ways("2026-11-19 06:50", "2026-11-19 06:51"), [school("01AA00")]);
        assert_eq!(ways("2026-11-19 06:50", "2026-11-19 06:55"), [school("01AA00"), school("02BB00")]);
        assert_eq!(ways("2026-11-19 06:53", "2026-11-19 06:55"), [school("02BB00")]);
    }

    #[test]
    fn r11_a_covenant_counts_from_the_day_it_is_signed() {
        let mut truth = region();
        truth.schools[0].covenant_signed_on = Some(date(2026, 11, 20));
        let registers = Registers::of(&truth);
        let ways = |first, last| {
            let between = (when("2026-11-19 06:50"), when("2026-11-20 06:55"));
            let decided = Decided { between, on: (first, last), returned: false };
            registers.ways("0855", &Name::of(&david()), decided, &truth)
        };
        let (before, after) = (date(2026, 11, 19), date(2026, 11, 20));
        assert!(!ways(before, before).contains(&school("01AA00")));
        assert!(ways(before, after).contains(&school("01AA00")));
        assert!(!ways(after, after).contains(&Way::Withheld(Withheld::SchoolNotParticipating)));
    }

    #[test]
    fn r16_a_letter_may_be_about_whom_a_person_could_pick() {
        let mut truth = region();
        let twin = child("Daan", "Pieterse", "2016-02-03");
        let rows = vec![enrolled(twin.clone(), "02BB00")];
        truth.registers.insert("0855".into(), vec![Register { from: truth.begins, rows }]);
        let registers = Registers::of(&truth);
        let between = (when("2026-11-19 06:50"), when("2026-11-19 06:55"));
        let may = |pupil| registers.may_be("0855", &Name::of(&david()), &Name::of(&pupil), between);
        assert!(may(david()) && may(twin));
        assert!(!may(noor()) && !may(child("Dirk", "Pieterse", "2016-02-03")));
    }
}
