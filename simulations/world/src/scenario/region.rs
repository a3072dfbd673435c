//! The region: municipalities, schools, households, registers; some of it odd, as in life.

use std::collections::{BTreeMap, BTreeSet};

use hwc_workflow::{calendar::Zone, policy::PolicySettings};
use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, date, time},
};

use super::later;
use crate::{
    Dice,
    truth::{Enrolment, Holidays, Invented, Register, Resident, School, Truth},
};

/// Mornings and evenings on which something is odd: before holidays, in them, at their ends, when clocks change, and where the
/// listed school years end; and ordinary ones.
const DAYS: [(i16, i8, i8); 22] = [
    (2026, 11, 17),
    (2026, 11, 18),
    (2026, 11, 20),
    (2026, 9, 1),
    (2027, 1, 12),
    (2027, 3, 4),
    (2026, 10, 16),
    (2026, 10, 24),
    (2026, 12, 17),
    (2026, 12, 18),
    (2026, 12, 23),
    (2027, 3, 26),
    (2027, 3, 27),
    (2027, 4, 23),
    (2027, 5, 5),
    (2027, 7, 8),
    (2027, 7, 9),
    (2026, 7, 28),
    (2026, 8, 27),
    (2026, 8, 28),
    (2027, 8, 20),
    (2027, 6, 18),
];

pub(super) fn begins(dice: &mut Dice, zone: &Zone) -> Timestamp {
    let (year, month, day) = dice.pick(&DAYS).copied().unwrap_or((2026, 11, 17));
    let minute = dice.between(0, 24 * 60 - 1);
    let at = time(i8::try_from(minute / 60).unwrap_or(0), i8::try_from(minute % 60).unwrap_or(0), 0, 0);
    zone.instant(date(year, month, day), at)
}

fn holidays(dice: &mut Dice) -> Holidays {
    let mut closed_days = BTreeSet::from([date(2027, 5, 7)]);
    if dice.happens(200) {
        closed_days.insert(date(2026, 11, 19));
    }
    Holidays {
        summer: vec![(date(2026, 7, 11), date(2026, 8, 23)), (date(2027, 7, 10), date(2027, 8, 22))],
        other: vec![
            (date(2026, 10, 17), date(2026, 10, 25)),
            (date(2026, 12, 19), date(2027, 1, 3)),
            (date(2027, 2, 13), date(2027, 2, 21)),
            (date(2027, 4, 24), date(2027, 5, 2)),
        ],
        years_listed: BTreeSet::from([2025, 2026]),
        closed_days,
    }
}

fn schools(dice: &mut Dice, day: Date) -> Vec<School> {
    let mut school = |code: &str, municipality: &str, mailbox: bool, signed: Option<Date>| School {
        code: code.to_owned(),
        municipality: municipality.to_owned(),
        mailbox,
        covenant_signed_on: signed,
        closed_days: if dice.happens(200) {
            (0..4)
                .filter_map(|after| day.checked_add(jiff::ToSpan::days(after)).ok())
                .filter(|_| dice.happens(400))
                .collect()
        } else {
            BTreeSet::new()
        },
    };
    let long_ago = Some(date(2021, 3, 1));
    let soon = day.checked_add(jiff::ToSpan::days(2)).ok();
    vec![
        school("01AA00", "0855", true, long_ago),
        school("02BB00", "0867", true, long_ago),
        school("03CC00", "0797", true, long_ago),
        school("04DD00", "0855", true, soon),
        school("05EE00", "0867", false, long_ago),
        school("06FF00", "0855", true, None),
        school("07GG00", "0758", true, long_ago),
    ]
}

/// Whether a school can ever receive (R11, R15), and so takes part.
pub(super) fn may_receive(school: &School, truth: &Truth) -> bool {
    school.mailbox && school.covenant_signed_on.is_some() && truth.region.contains(&school.municipality)
}

const GIVEN: [&str; 14] = [
    "David",
    "Noor",
    "Sem",
    "Lotte",
    "Milan",
    "Eva",
    "Yusuf",
    "Zoë",
    "Björn",
    "Şeyma",
    "Anna Maria",
    "Łukasz",
    "Inês",
    "Finn",
];
const SURNAMES: [(&str, &str); 10] = [
    ("", "Pieterse"),
    ("van der", "Berg"),
    ("", "El Idrissi"),
    ("de", "Jong"),
    ("", "Jansen-Smit"),
    ("", "Yıldız"),
    ("", "Nowak"),
    ("van", "Smit"),
    ("", "Ó Briain"),
    ("", "Sørensen"),
];

fn day_of_birth(dice: &mut Dice, today: Date, years: (i64, i64)) -> Date {
    let days = dice.between(years.0 * 365, years.1 * 365);
    // Birthdays on the day itself and on 29 February are worth trying.
    match dice.below(20) {
        0 => today.checked_sub(jiff::ToSpan::years(4)).unwrap_or(today),
        1 => today.checked_sub(jiff::ToSpan::years(18)).unwrap_or(today),
        2 => date(2012, 2, 29),
        _ => today.checked_sub(jiff::ToSpan::days(days)).unwrap_or(today),
    }
}

/// Somebody new.
pub(super) fn somebody(dice: &mut Dice, today: Date, surname: (&str, &str), years: (i64, i64)) -> Invented {
    Invented {
        given_names: dice.pick(&GIVEN).copied().unwrap_or("Sem").to_owned(),
        prefix: surname.0.to_owned(),
        surname: surname.1.to_owned(),
        date_of_birth: day_of_birth(dice, today, years),
    }
}

pub(super) fn surname(dice: &mut Dice) -> (&'static str, &'static str) {
    dice.pick(&SURNAMES).copied().unwrap_or(("", "Smit"))
}

/// The same child, as another clerk spells it: a match still, or only a near one.
pub(super) fn spelt_otherwise(dice: &mut Dice, child: &Invented) -> Invented {
    let mut other = child.clone();
    match dice.below(5) {
        0 => other.surname = other.surname.to_uppercase(),
        1 => {
            format!("{} {}", child.prefix, child.surname).trim().clone_into(&mut other.surname);
            other.prefix.clear();
        }
        2 => other.given_names.push_str(" Johanna"),
        3 => "Robin".clone_into(&mut other.given_names),
        _ => other.surname = format!("{}e", child.surname),
    }
    other
}

fn residents(dice: &mut Dice, today: Date) -> Vec<Resident> {
    let mut residents = Vec::new();
    for household in 0..dice.between(2, 5) {
        let address = format!("50{}{}AA {}", 10 + household, "", 1 + household * 7);
        let municipality = match dice.below(10) {
            0 => "0758",
            1..=3 => "0867",
            _ => "0855",
        };
        let surname = surname(dice);
        let mut live_here = |person: Invented| {
            residents.push(Resident {
                address: address.clone(),
                municipality: municipality.to_owned(),
                person,
            });
        };
        live_here(somebody(dice, today, surname, (25, 45)));
        let children = dice.between(0, 4);
        let mut last: Option<Invented> = None;
        for _ in 0..children {
            let mut child = somebody(dice, today, surname, (1, 19));
            if let Some(twin) = last.as_ref().filter(|_| dice.happens(150)) {
                child.date_of_birth = twin.date_of_birth;
            }
            last = Some(child.clone());
            live_here(child);
        }
    }
    residents
}

const SCHOOLS_OF_ENROLMENT: [&str; 12] = [
    "01AA00", "01AA00", "01AA00", "02BB00", "02BB00", "03CC00", "03CC00", "04DD00", "05EE00", "06FF00",
    "07GG00", "09ZZ00",
];

fn enrolments(dice: &mut Dice, residents: &[Resident], municipality: &str) -> Vec<Enrolment> {
    let mut rows = Vec::new();
    for resident in residents.iter().filter(|resident| resident.municipality == municipality) {
        let one = |dice: &mut Dice, pupil: Invented| Enrolment {
            pupil,
            school: (!dice.happens(60))
                .then(|| dice.pick(&SCHOOLS_OF_ENROLMENT).copied().unwrap_or("01AA00").to_owned()),
            host: dice
                .happens(80)
                .then(|| dice.pick(&SCHOOLS_OF_ENROLMENT).copied().unwrap_or("02BB00").to_owned()),
            secret: dice.happens(70),
        };
        let pupil = resident.person.clone();
        match dice.below(20) {
            0 => {}
            1 | 2 => {
                let pupil = spelt_otherwise(dice, &pupil);
                rows.push(one(dice, pupil));
            }
            3 => {
                rows.push(one(dice, pupil.clone()));
                rows.push(one(dice, pupil));
            }
            4 => {
                let row = one(dice, pupil);
                rows.push(row.clone());
                rows.push(row);
            }
            _ => rows.push(one(dice, pupil)),
        }
    }
    rows
}

/// The region as it is; nothing is reported yet.
pub(super) fn truth(dice: &mut Dice, zone: &Zone, begins: Timestamp, heals_at: Timestamp) -> Truth {
    let today = zone.local(begins).date();
    let residents = residents(dice, today);
    let participating = BTreeSet::from(["0855".to_owned(), "0867".to_owned()]);
    let mut registers = BTreeMap::new();
    for municipality in &participating {
        let rows = enrolments(dice, &residents, municipality);
        let mut versions = vec![Register { from: begins, rows: rows.clone() }];
        if dice.happens(350) {
            // What was wrong is put right, or the other way round.
            let minutes = heals_at.duration_since(begins).as_secs() / 60;
            let from = later(begins, SignedDuration::from_mins(dice.between(1, minutes.max(2))));
            let mut corrected = rows;
            for row in &mut corrected {
                if dice.happens(400) {
                    row.school = dice.pick(&SCHOOLS_OF_ENROLMENT).map(|code| (*code).to_owned());
                    row.secret = dice.happens(100);
                }
            }
            versions.push(Register { from, rows: corrected });
        }
        registers.insert(municipality.clone(), versions);
    }
    let mut policy = PolicySettings::default();
    if dice.happens(150) {
        policy.max_hold_days = 3;
    }
    Truth {
        begins,
        heals_at,
        policy,
        holidays: holidays(dice),
        participating,
        region: ["0855", "0867", "0797"].map(str::to_owned).into(),
        schools: schools(dice, today),
        residents,
        registers,
        reports: Vec::new(),
        look_up_down: Vec::new(),
        clock_error_max: SignedDuration::ZERO,
        dishonest: BTreeSet::new(),
    }
}
