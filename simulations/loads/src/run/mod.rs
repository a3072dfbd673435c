//! The run: the production driver and the production desks in a simulated world, with a plan's people in it.

mod contacts;
mod outages;
mod people;

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    sync::Arc,
};

use hwc_casework::{
    home::Register,
    routing::{Enrolment, Enrolments, School, SchoolCode},
};
use hwc_municipality::Settings as AtMunicipality;
use hwc_police::{ReferenceKey, Submission};
use hwc_relay::Rules;
use hwc_schemas::{Organisation, Role, report::MunicipalityCode};
use hwc_workflow::{Chain, Table, calendar::Calendar, policy::Policy};
use hwc_world::{
    Climate, Member, Setup, Watcher, World,
    chronicle::{Entry, Happened},
};
use jiff::{SignedDuration, Timestamp};
use zeroize::Zeroizing;

use self::{
    contacts::Attending,
    outages::{PlanLookup, engine_outages, spans},
    people::{Fed, People, Staffed},
};
use crate::{
    arrivals::{Incident, later},
    chance::Stream,
    ledger::{Closed, Ledger},
    plan::{Plan, Says},
    region::{Misplaced, Truth},
};

/// What is run: a dataset, as the program reads it.
pub struct Ground {
    /// Times and limits.
    pub policy: Policy,
    /// School days.
    pub calendar: Calendar,
    /// Where a child must live (R15).
    pub participating: BTreeSet<MunicipalityCode>,
    /// Where a school must lie (R15).
    pub region: BTreeSet<MunicipalityCode>,
    /// The reports, in the order in which they are sent.
    pub submissions: Vec<Submission>,
    /// Who is registered where.
    pub register: Register,
    /// The directory of schools.
    pub schools: BTreeMap<SchoolCode, School>,
    /// The schools that can ever receive.
    pub receiving: Vec<SchoolCode>,
    /// Each municipality's register of pupils.
    pub enrolments: BTreeMap<MunicipalityCode, Vec<Enrolment>>,
    /// The same reports, as far as they are counted.
    pub incidents: Vec<Incident>,
    /// Children whose register is wrong.
    pub misplaced: Vec<Misplaced>,
}

/// Why a run came to no end that says anything.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A line could not be written.
    #[error("events.csv: {0}")]
    Lines(#[from] csv::Error),
    /// A code of the dataset is no name of an organisation.
    #[error("an organisation's code is no name")]
    Name,
    /// Something was still under way when the world was given up. A fault of the program.
    #[error("after {days} days {open} incidents had not ended")]
    NoEnd {
        /// Days after the last report.
        days: i64,
        /// How many.
        open: usize,
    },
}

/// What a run gave.
pub struct Ran {
    /// What was kept.
    pub closed: Closed,
    /// When the first day begins.
    pub begins: Timestamp,
    /// How many days there are reports about.
    pub days: u16,
}

/// How far a run is: incidents that ended, of so many, and the time in it.
pub type Progress<'a> = &'a mut dyn FnMut(u32, u32, Timestamp);

/// No signal lives longer after its report than a ceiling (R23) and this.
const GIVEN_UP_AFTER_DAYS: i64 = 30;

/// Runs a plan's people over a dataset, and writes every transition there.
pub fn run<W: Write>(
    plan: &Plan,
    seed: u64,
    ground: Ground,
    lines: W,
    progress: Progress<'_>,
) -> Result<Ran, RunError> {
    let says = &plan.says;
    let zone = ground.calendar.zone().clone();
    let (begins, days) = span(says, &ground);
    let last = ground.incidents.last().map_or(begins, |incident| incident.reported_at).max(begins);
    let step = step_seconds(last.duration_since(begins).as_secs());
    let ledger = Ledger::new(zone, lines, begins, step)?;
    let incidents = ground.incidents.clone();
    let ceiling = i64::from(ground.policy.payload_ceiling_days());
    let gives_up_at = later(last, (ceiling + GIVEN_UP_AFTER_DAYS) * 86_400);
    let total = u32::try_from(incidents.len()).unwrap_or(u32::MAX);
    let mut watching = Watching { ledger, incidents, total, ended: 0, failed: None, last: begins, progress };
    let setup = setup(says, seed, ground, (begins, gives_up_at))?;
    let outcome = World::new(setup, &mut watching).live();
    let Watching { ledger, failed, last, .. } = watching;
    if let Some(error) = failed {
        return Err(error.into());
    }
    let (open, _) = ledger.progress();
    if open > 0 || !outcome.at_rest {
        return Err(RunError::NoEnd { days: ceiling + GIVEN_UP_AFTER_DAYS, open });
    }
    Ok(Ran { closed: ledger.close(last)?, begins, days })
}

/// When the first day begins, and how many days there are reports about.
fn span(says: &Says, ground: &Ground) -> (Timestamp, u16) {
    let calendar = &ground.calendar;
    let midnight = |day| calendar.instant(day, jiff::civil::Time::midnight());
    if let Some(period) = says.period {
        return (midnight(period.from.0), period.days);
    }
    let moments = || ground.incidents.iter().map(|one| one.occurred_at.min(one.reported_at));
    let first = moments().min().unwrap_or(Timestamp::UNIX_EPOCH);
    let begins = midnight(calendar.local(first).date());
    let last = moments().max().unwrap_or(first);
    let days = last.duration_since(begins).as_hours() / 24 + 1;
    (begins, u16::try_from(days).unwrap_or(u16::MAX))
}

/// How finely it is kept how much lies where: some hundreds of steps.
const fn step_seconds(whole: i64) -> i64 {
    match whole / 86_400 {
        ..=14 => 3_600,
        15..=60 => 6 * 3_600,
        _ => 24 * 3_600,
    }
}

fn setup(
    says: &Says,
    seed: u64,
    mut ground: Ground,
    (begins, gives_up_at): (Timestamp, Timestamp),
) -> Result<Setup, RunError> {
    let named = |role, code: &str| Organisation::new(role, code).map_err(|_| RunError::Name);
    let (police, veilig_thuis) = (named(Role::Police, "region")?, named(Role::VeiligThuis, "region")?);
    let calendar = Arc::new(ground.calendar.clone());
    let starts = ground.incidents.first().map_or(begins, |one| one.reported_at).min(begins);
    let until = ground.incidents.last().map_or(begins, |one| one.reported_at);
    let down = spans(&says.look_up.outages(), (begins, until), Stream::LookUp, seed, &calendar);
    let gone = spans(&says.engine, (begins, until), Stream::Engine, seed, &calendar);
    // A world that heals brings everybody back at once.
    let heals_at = gone.last().map_or(starts, |(_, back)| later(*back, 1));
    let planned = engine_outages(&gone);

    let mut members = vec![veilig_thuis_member(says, seed, &veilig_thuis, &mut ground, down, &calendar)];
    let truth = Arc::new(Truth::of(std::mem::take(&mut ground.misplaced)));
    let schools: hwc_casework::routing::Schools =
        ground.schools.iter().map(|(code, school)| (*code, *school)).collect();
    let mut municipalities = Vec::new();
    for code in &ground.participating {
        let organisation = named(Role::Municipality, code.as_str())?;
        let own = ground.enrolments.remove(code).unwrap_or_default();
        let settings = AtMunicipality {
            enrolments: Enrolments::new(own.iter().map(people::copied).collect()),
            schools: schools.clone(),
            region: ground.region.clone(),
            zone: calendar.zone().as_time_zone().clone(),
        };
        let people = People::of(&says.municipality, calendar.zone(), seed, &organisation);
        let fed = Fed::new(says, (seed, *code), own, &truth);
        members.push(people::municipality(organisation.clone(), settings, people, fed));
        municipalities.push(organisation);
    }
    let mut schools = Vec::new();
    for code in &ground.receiving {
        let organisation = hwc_municipality::school(*code).ok_or(RunError::Name)?;
        let contact = Attending::new(says, seed, *code, (&calendar, &ground.policy), &truth);
        let desk = hwc_school::Desk::new(Arc::new(contact));
        members.push(Member::new(organisation.clone(), |_| desk));
        schools.push(organisation);
    }
    let chain = Chain {
        police: police.clone(),
        veilig_thuis: veilig_thuis.clone(),
        municipalities: municipalities.into_iter().collect(),
    };
    let table = Table { chains: vec![chain], schools: schools.into_iter().collect() };
    Ok(Setup {
        seed,
        begins: starts,
        heals_at,
        gives_up_at,
        rules: Rules { policy: ground.policy, calendar: ground.calendar, table },
        engines: 1,
        has_a_pen: true,
        members,
        police,
        veilig_thuis,
        key: Arc::new(ReferenceKey::new(Zeroizing::new(key(seed)))),
        reports: ground.submissions.into_iter().map(|one| (one.report.reported_at, one)).collect(),
        climate: Climate::default(),
        only: None,
        planned,
        mutation: None,
        latency_ms: (0, 0),
    })
}

fn veilig_thuis_member(
    says: &Says,
    seed: u64,
    organisation: &Organisation,
    ground: &mut Ground,
    down: Vec<(Timestamp, Timestamp)>,
    calendar: &Calendar,
) -> Member {
    let settings = hwc_veilig_thuis::Settings {
        participating: ground.participating.clone(),
        zone: calendar.zone().as_time_zone().clone(),
        look_up_patience: SignedDuration::from_secs(says.look_up.patience.0),
    };
    let register = Arc::new(std::mem::replace(&mut ground.register, Register::new(Vec::new())));
    let people = People::of(&says.veilig_thuis, calendar.zone(), seed, organisation);
    Member::new(organisation.clone(), move |clock| {
        let lookup = PlanLookup::new(register, clock, down);
        Staffed::new(hwc_veilig_thuis::Desk::new(settings, lookup), people)
    })
}

/// The police's own secret: every reference gives an incident of its own.
fn key(seed: u64) -> [u8; 32] {
    let mut bytes = [0x70; 32];
    if let Some(place) = bytes.get_mut(..8) {
        place.copy_from_slice(&seed.to_le_bytes());
    }
    bytes
}

/// Writes down what happens in the world.
struct Watching<'a, W: Write> {
    ledger: Ledger<W>,
    incidents: Vec<Incident>,
    total: u32,
    ended: u32,
    failed: Option<csv::Error>,
    /// When something happened last.
    last: Timestamp,
    progress: Progress<'a>,
}

impl<W: Write> Watching<'_, W> {
    fn see(&mut self, Entry { at, what }: Entry) -> Result<(), csv::Error> {
        match what {
            Happened::Reporting { report, incident } => {
                if let Some(known) = self.incidents.get(report.0) {
                    let number = u32::try_from(report.0 + 1).unwrap_or(u32::MAX);
                    self.ledger.reporting(incident, number, *known);
                }
            }
            Happened::ReportAnswered { incident, answer, .. } => self.ledger.answered(incident, answer),
            Happened::Durable { incident, events, .. } => {
                self.last = self.last.max(at);
                self.ledger.note(incident, &events)?;
                let (_, ended) = self.ledger.progress();
                // Often enough to be seen to move.
                if ended != self.ended && ended.is_multiple_of(64) {
                    (self.progress)(ended, self.total, at);
                }
                self.ended = ended;
            }
            _ => {}
        }
        Ok(())
    }
}

impl<W: Write> Watcher for Watching<'_, W> {
    fn saw(&mut self, entry: Entry) -> bool {
        match self.see(entry) {
            Ok(()) => true,
            Err(error) => {
                self.failed = Some(error);
                false
            }
        }
    }

    fn is_curious(&self) -> bool {
        false
    }
}
