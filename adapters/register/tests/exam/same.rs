//! The same verdict from the database as from the whole table in memory, over registers of names of many origins.

use std::collections::BTreeSet;

use hwc_casework::routing::{Enrolment, Enrolments, Placement, SchoolCode, Verdict, route};
use hwc_municipality::Settings;
use hwc_population::{Population, Settings as Region, Size};
use hwc_register::{
    Directory, Place, Pupil, Register, SchoolChange, SchoolRecord,
    files::{Change, What},
};
use hwc_schemas::{
    person::{Child, DateOfBirth},
    report::MunicipalityCode,
};
use jiff::civil::Date;

use super::{CONFIRMED, code, day, full, own, prepared, school};

/// Registers that are made up and asked.
const REGISTERS: u64 = 12;
/// Children that are asked for in each.
const ASKED: usize = 150;

/// A few days of birth, so that many children share one.
const BIRTHS: [&str; 3] = ["2014-05-30", "2016-02-03", "2016-02-29"];
const SCHOOLS: [&str; 8] = ["01AA00", "02BB00", "03CC00", "04DD00", "05EE00", "06FF00", "06FF01", "09ZZ00"];
/// Spellings that the population does not draw: other scripts, other ways to write a prefix, no given name.
const MORE: [(&str, &str, &str); 12] = [
    ("Юрий", "", "Кравченко"),
    ("ЮРИЙ", "", "кравченко"),
    ("李", "", "小龙"),
    ("", "", "Noor"),
    ("Noor", "van der", "Berg"),
    ("Noor", "", "van der Berg"),
    ("noor", "VAN DER", "BERG"),
    ("Nóór Anna", "van", "der Berg"),
    ("Noor", "", "Berg"),
    ("Æsa", "", "Øster-Straße"),
    ("Aesa", "", "Osterstrasse"),
    ("محمد", "", "العربي"),
];

/// Dice that always fall the same.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}

/// A made-up register, and the children to ask for.
struct World {
    schools: Vec<SchoolRecord>,
    pupils: Vec<Pupil>,
    asked: Vec<Child>,
    changes: Vec<Change>,
}

fn spelt(given_names: &str, prefix: &str, surname: &str, dice: &mut Dice) -> Child {
    let born = DateOfBirth::parse(dice.of(&BIRTHS)).unwrap();
    Child::new(given_names, Some(prefix), surname, born).unwrap()
}

fn world(seed: u64, today: Date) -> World {
    let mut dice = Dice(seed);
    let village = Population::new(Region::new(seed, Size::Inhabitants(600)));
    let (mut registered, mut enrolled) = (Vec::new(), Vec::new());
    for household in village.households() {
        for child in &household.children {
            registered.push(child.person.clone());
            enrolled.extend(
                child.schooling.iter().flat_map(|schooling| &schooling.rows).map(|row| row.pupil.clone()),
            );
        }
    }
    let name = |person: &hwc_population::Person, dice: &mut Dice| {
        spelt(&person.given_names, person.prefix.as_deref().unwrap_or_default(), &person.surname, dice)
    };
    let mut children: Vec<Child> = enrolled.iter().map(|person| name(person, &mut dice)).collect();
    for _ in 0..80 {
        let (given_names, prefix, surname) = dice.of(&MORE);
        children.push(spelt(given_names, prefix, surname, &mut dice));
    }
    let pupils: Vec<Pupil> = children.into_iter().map(|child| pupil(child, today, &mut dice)).collect();
    let mut asked: Vec<Child> =
        (0..ASKED).map(|_| name(&registered[dice.below(registered.len())], &mut dice)).collect();
    asked.extend(pupils.iter().take(60).map(|pupil| pupil.child.clone()));
    for (given_names, prefix, surname) in MORE {
        asked.push(spelt(given_names, prefix, surname, &mut dice));
    }
    let changes = (0..40)
        .map(|_| {
            let child = pupils[dice.below(pupils.len())].child.clone();
            Change {
                what: dice.of(&[What::Enrolled, What::Left, What::Moved]),
                pupil: pupil(child, today, &mut dice),
            }
        })
        .collect();
    World { schools: schools(today, &mut dice), pupils, asked, changes }
}

fn pupil(child: Child, today: Date, dice: &mut Dice) -> Pupil {
    let days = [None, None, None, today.yesterday().ok(), Some(today), today.tomorrow().ok()];
    let some = |dice: &mut Dice| (dice.below(8) > 0).then(|| code(dice.of(&SCHOOLS)));
    let host = (dice.below(8) == 0).then(|| code(dice.of(&SCHOOLS)));
    let municipality = if dice.below(12) == 0 { "0797" } else { "0855" };
    let placement = Placement { school: some(dice), host, secret: dice.below(10) == 0 };
    let (from, until) = (dice.of(&days), dice.of(&days));
    Pupil { municipality: MunicipalityCode::parse(municipality).unwrap(), child, placement, from, until }
}

/// Schools of which some do not take part, left, merged or lie outside the region. The last is in no directory.
fn schools(today: Date, dice: &mut Dice) -> Vec<SchoolRecord> {
    let days = [None, None, today.yesterday().ok(), Some(today), today.tomorrow().ok()];
    let mut all = Vec::new();
    for (place, text) in SCHOOLS[..7].iter().enumerate() {
        let mut record = school(text);
        record.municipality = MunicipalityCode::parse(dice.of(&["0855", "0855", "0855", "0797"])).unwrap();
        record.mailbox = record.mailbox.filter(|_| dice.below(6) > 0);
        record.covenant_signed_on =
            dice.of(&[Some(day("2021-03-01")), Some(today), today.tomorrow().ok(), None]);
        record.left_on = dice.of(&days);
        // Into one that stands later in the list, so that nobody becomes part of itself.
        let into = code(dice.of(&SCHOOLS[place + 1..8.min(place + 3)]));
        record.merged = dice.of(&days).filter(|_| into != code("09ZZ00")).map(|on| (into, on));
        all.push(record);
    }
    all.reverse();
    all
}

/// A verdict that can be compared, and is shown without names.
#[derive(PartialEq, Eq)]
enum Says {
    To(SchoolCode),
    Withhold(&'static str),
    Ask(Vec<Shown>),
}

/// A candidate that can be compared: neither it nor where it is enrolled can be printed.
struct Shown(Child, Placement);

impl PartialEq for Shown {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 && self.1 == other.1
    }
}

impl Eq for Shown {}

fn says(child: &Child, settings: &Settings, today: Date) -> Says {
    match route(child, &settings.enrolments, &settings.schools, &settings.region, today) {
        Verdict::To(school) => Says::To(school),
        Verdict::Withhold(reason) => Says::Withhold(reason.as_str()),
        Verdict::AskSomebody(candidates) => {
            Says::Ask(candidates.iter().map(|one| Shown(one.pupil.clone(), one.placement)).collect())
        }
    }
}

/// Everything in memory, as casework takes it.
fn in_memory(pupils: &[Pupil], schools: &[SchoolRecord], today: Date) -> Settings {
    let directory: Directory = schools.iter().cloned().collect();
    let of_ours = pupils.iter().filter(|pupil| pupil.municipality == own()).cloned();
    let rows: Vec<Enrolment> = of_ours.filter_map(|pupil| pupil.on(today, &directory)).collect();
    Settings {
        enrolments: Enrolments::new(rows),
        schools: directory.on(today),
        region: BTreeSet::from([own()]),
        zone: super::zone(),
    }
}

/// What the rows are after a delta, read from the rule and not from the program: change by change over the whole list.
fn after(mut pupils: Vec<Pupil>, changes: &[Change], today: Date) -> Vec<Pupil> {
    pupils.retain(|pupil| pupil.municipality == own() && pupil.until.is_none_or(|until| until >= today));
    for Change { what, pupil } in changes.iter().filter(|change| change.pupil.municipality == own()) {
        let same = |row: &Pupil| hwc_casework::names::matches(&row.child, &pupil.child);
        let here = |row: &Pupil| row.placement.school == pupil.placement.school;
        match what {
            What::Enrolled => pupils.retain(|row| !(same(row) && here(row))),
            What::Left if pupil.placement.school.is_some() => pupils.retain(|row| !(same(row) && here(row))),
            What::Left | What::Moved => pupils.retain(|row| !same(row)),
        }
        if *what != What::Left {
            pupils.push(pupil.clone());
        }
    }
    pupils.retain(|pupil| pupil.until.is_none_or(|until| until >= today));
    pupils
}

pub(crate) async fn the_database_says_what_memory_says(place: Place) {
    let register = prepared(&place).await;
    let reader = super::reader(&place).await.unwrap();
    let (mut asked, mut kinds) = (0, BTreeSet::new());
    for seed in 0..REGISTERS {
        let now = super::now();
        let World { schools, pupils, asked: children, changes } = world(seed, now.1);
        put_schools(&register, &schools).await;
        // From nothing, so that the rows are in the order of the file.
        full(&register, Vec::new()).await;
        full(&register, pupils.clone()).await;
        let memory = in_memory(&pupils, &schools, now.1);
        for child in &children {
            let view = reader.view(child, now.0).await.unwrap();
            let (one, other) = (says(child, &memory, now.1), says(child, &view, now.1));
            assert!(one == other, "register {seed}: memory and database disagree about a child");
            kinds.insert(match one {
                Says::To(_) => "to",
                Says::Withhold(reason) => reason,
                Says::Ask(candidates) if candidates.len() == 1 => "one",
                Says::Ask(_) => "several",
            });
            asked += 1;
        }

        // After a delta too; the order of candidates may then be another.
        register.import_delta(changes.clone(), now, hwc_register::Mode::Apply, CONFIRMED).await.unwrap();
        let memory = in_memory(&after(pupils, &changes, now.1), &schools, now.1);
        for child in &children {
            let view = reader.view(child, now.0).await.unwrap();
            let agree = match (says(child, &memory, now.1), says(child, &view, now.1)) {
                (Says::Ask(one), Says::Ask(other)) => {
                    one.len() == other.len() && one.iter().all(|candidate| other.contains(candidate))
                }
                (one, other) => one == other,
            };
            assert!(agree, "register {seed}, after a delta: memory and database disagree about a child");
        }
    }
    assert_eq!(asked, usize::try_from(REGISTERS).unwrap() * (ASKED + 60 + MORE.len()));
    let wanted = [
        "to",
        "one",
        "several",
        "enrolment_unknown",
        "enrolment_secret",
        "host_school_not_participating",
        "school_not_participating",
        "school_outside_region",
    ];
    assert!(wanted.iter().all(|kind| kinds.contains(kind)), "these came by: {kinds:?}");
    register.close().await;
}

async fn put_schools(register: &Register, schools: &[SchoolRecord]) {
    for school in schools {
        register.change_school(school.code, SchoolChange::Add(Box::new(school.clone()))).await.unwrap();
    }
}
