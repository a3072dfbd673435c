//! Who works in the simulated region: the desks of production, and people of all kinds.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use hwc_adapter_kit::{Clock, Keeper, Kept};
use hwc_casework::{
    home::{Register, Resident},
    routing::{Enrolment, Enrolments, Placement, School, SchoolCode},
};
use hwc_municipality::{Decision, Doubt, Person, Why};
use hwc_schemas::{Role, letter::Letter, report::MunicipalityCode};
use hwc_school::{Contact, Reading};
use hwc_veilig_thuis::{Lookup, Unavailable};
use hwc_workflow::calendar::Zone;
use jiff::{SignedDuration, Timestamp};

use super::{Members, NoWorld, address, later, organisation, region::may_receive};
use crate::{
    Dice, Member, Mutation,
    truth::{self, Invented, Truth},
};

/// The look-up of households, which may be down.
#[derive(Clone)]
pub(crate) struct SimLookup {
    register: Arc<Register>,
    is_down: Arc<AtomicBool>,
}

impl SimLookup {
    pub(super) fn new(truth: &Truth) -> Result<Self, NoWorld> {
        let residents = truth.residents.iter().map(|one| {
            let municipality = MunicipalityCode::parse(&one.municipality).map_err(NoWorld::of)?;
            let place = address(&one.address, Some(municipality))?.place().clone();
            Ok(Resident { place, municipality, person: one.person.child().map_err(NoWorld::of)? })
        });
        let register = Register::new(residents.collect::<Result<_, NoWorld>>()?);
        Ok(Self { register: Arc::new(register), is_down: Arc::default() })
    }

    pub(super) fn set_down(&self, is_down: bool) {
        self.is_down.store(is_down, Ordering::Relaxed);
    }
}

impl Lookup for SimLookup {
    fn register(&self) -> Result<Arc<Register>, Unavailable> {
        if self.is_down.load(Ordering::Relaxed) { Err(Unavailable) } else { Ok(Arc::clone(&self.register)) }
    }
}

/// The person at a municipality: takes its time, and then picks or withholds.
struct Decides {
    clock: Arc<dyn Clock>,
    dice: Dice,
}

impl Person for Decides {
    async fn decide(&self, doubt: &Doubt<'_>) -> Decision {
        let chance = self.dice.at(u64::from(doubt.signal.number.get()) * 64 + u64::from(doubt.round));
        let minutes = match chance % 10 {
            0 => 60 * 24 * 60,
            1..=3 => i64::try_from(chance / 16 % (3 * 24 * 60)).unwrap_or(0),
            _ => i64::try_from(chance / 16 % 30).unwrap_or(0),
        };
        let until = later(self.clock.now(), SignedDuration::from_mins(minutes));
        self.clock.sleep_until("person", until).await;
        let candidates = doubt.candidates.len() as u64;
        match (chance / 1024).checked_rem(candidates + 1).and_then(|which| usize::try_from(which).ok()) {
            Some(which) if which < doubt.candidates.len() => Decision::Pick(which),
            _ => Decision::Withhold(Why::default()),
        }
    }
}

/// How a school's contact is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Habit {
    Prompt,
    Slow,
    /// Takes a pupil for a stranger now and then.
    Confused,
    NeverThere,
}

/// The contact of a school.
struct Reads {
    habit: Habit,
    dice: Dice,
}

impl Contact for Reads {
    fn opens_at(&self, arrived: Timestamp) -> Option<Timestamp> {
        let chance = self.dice.at(arrived.as_second().unsigned_abs());
        let minutes = |most: u64| i64::try_from(chance % most).unwrap_or(0);
        match self.habit {
            Habit::NeverThere => None,
            Habit::Prompt | Habit::Confused => Some(later(arrived, SignedDuration::from_mins(minutes(20)))),
            Habit::Slow => Some(later(arrived, SignedDuration::from_mins(minutes(4 * 24 * 60)))),
        }
    }

    fn read(&self, letter: &Letter) -> Reading {
        let initial = Invented::of(&letter.child).given_names.len() as u64;
        if self.habit == Habit::Confused && self.dice.at(initial).is_multiple_of(2) {
            Reading::NotOurPupil
        } else {
            Reading::Received
        }
    }
}

/// Everybody, before they begin.
pub(crate) struct Cast {
    seed: u64,
    zone: Zone,
    lookup: SimLookup,
    mutation: Option<Mutation>,
    registers: BTreeMap<String, Kept<hwc_municipality::Settings>>,
    pub(super) keepers: BTreeMap<String, Arc<Keeper<hwc_municipality::Settings>>>,
}

impl Cast {
    pub(super) fn of(
        truth: &Truth,
        zone: &Zone,
        lookup: &SimLookup,
        mutation: Option<Mutation>,
        seed: u64,
    ) -> Result<Self, NoWorld> {
        let mut cast = Self {
            seed,
            zone: zone.clone(),
            lookup: lookup.clone(),
            mutation,
            registers: BTreeMap::new(),
            keepers: BTreeMap::new(),
        };
        for (code, versions) in &truth.registers {
            let first = versions.first().map(|version| version.rows.as_slice()).unwrap_or_default();
            let (keeper, kept) = Kept::by_hand(cast.settings(truth, first)?);
            cast.registers.insert(code.clone(), kept);
            cast.keepers.insert(code.clone(), Arc::new(keeper));
        }
        Ok(cast)
    }

    /// What a municipality decides by, with these rows in its register.
    pub(super) fn settings(
        &self,
        truth: &Truth,
        rows: &[truth::Enrolment],
    ) -> Result<hwc_municipality::Settings, NoWorld> {
        settings(truth, rows, &self.zone, self.mutation)
    }

    pub(super) const fn zone(&self) -> &Zone {
        &self.zone
    }

    pub(super) const fn mutation(&self) -> Option<Mutation> {
        self.mutation
    }

    /// Everybody but the police.
    pub(super) fn take_members(&mut self, truth: &Truth) -> Result<Members, NoWorld> {
        let mut members = Vec::new();
        let participating = codes(&truth.participating)?;
        let settings = hwc_veilig_thuis::Settings {
            participating,
            zone: self.zone.as_time_zone().clone(),
            look_up_patience: hwc_veilig_thuis::Settings::LOOK_UP_PATIENCE,
        };
        let desk = hwc_veilig_thuis::Desk::new(settings, self.lookup.clone());
        members.push(Member::new(organisation(Role::VeiligThuis, "R1")?, |_| desk));
        for (code, kept) in std::mem::take(&mut self.registers) {
            let dice = Dice::new(self.seed, &format!("person {code}"));
            let clerk = move |clock| hwc_municipality::Desk::new(kept, Decides { clock, dice });
            members.push(Member::new(organisation(Role::Municipality, &code)?, clerk));
        }
        let mut dice = Dice::new(self.seed, "contacts");
        for school in truth.schools.iter().filter(|school| may_receive(school, truth)) {
            let habit = match dice.below(10) {
                0 => Habit::NeverThere,
                1 | 2 => Habit::Slow,
                3 | 4 => Habit::Confused,
                _ => Habit::Prompt,
            };
            let contact = Reads { habit, dice: Dice::new(self.seed, &school.code) };
            let desk = hwc_school::Desk::new(Arc::new(contact));
            members.push(Member::new(organisation(Role::School, &school.code)?, |_| desk));
        }
        Ok(members)
    }
}

fn codes(codes: &BTreeSet<String>) -> Result<BTreeSet<MunicipalityCode>, NoWorld> {
    codes.iter().map(|code| MunicipalityCode::parse(code).map_err(NoWorld::of)).collect()
}

/// What a municipality decides by.
pub(super) fn settings(
    truth: &Truth,
    rows: &[truth::Enrolment],
    zone: &Zone,
    mutation: Option<Mutation>,
) -> Result<hwc_municipality::Settings, NoWorld> {
    let code = |text: &String| text.parse::<SchoolCode>().map_err(NoWorld::of);
    let rows = rows.iter().map(|row| {
        let guessed =
            (mutation == Some(Mutation::GuessesTheChild)).then(|| guess(truth, &row.pupil)).flatten();
        Ok(Enrolment {
            pupil: guessed.as_ref().unwrap_or(&row.pupil).child().map_err(NoWorld::of)?,
            placement: Placement {
                school: row.school.as_ref().map(code).transpose()?,
                host: row.host.as_ref().map(code).transpose()?,
                secret: row.secret && mutation != Some(Mutation::SecretIsOpen),
            },
        })
    });
    let schools = truth.schools.iter().map(|school| {
        let municipality = MunicipalityCode::parse(&school.municipality).map_err(NoWorld::of)?;
        let about =
            School { municipality, mailbox: school.mailbox, covenant_signed_on: school.covenant_signed_on };
        Ok((code(&school.code)?, about))
    });
    Ok(hwc_municipality::Settings {
        enrolments: Enrolments::new(rows.collect::<Result<_, NoWorld>>()?),
        schools: schools.collect::<Result<_, NoWorld>>()?,
        region: codes(&truth.region)?,
        zone: zone.as_time_zone().clone(),
    })
}

/// A planted bug: somebody of the same birthday and half the name is taken for the same.
fn guess(truth: &Truth, pupil: &truth::Invented) -> Option<truth::Invented> {
    let alike = |one: &&truth::Resident| {
        one.person.date_of_birth == pupil.date_of_birth
            && (one.person.given_names == pupil.given_names || one.person.surname == pupil.surname)
    };
    truth.residents.iter().find(alike).map(|one| one.person.clone())
}
