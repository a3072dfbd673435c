//! From a seed to a world: the region and its people, what is reported, and what goes wrong.

mod forgetting;
mod people;
mod region;
mod reports;
mod trouble;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use hwc_police::{ReferenceKey, Submission};
use hwc_relay::Rules;
use hwc_schemas::{
    Organisation, Role,
    report::{Address, MunicipalityCode, Occurred},
};
use hwc_workflow::{
    Chain, Table,
    calendar::{Calendar, Feed, HolidayRegion, Zone},
    policy::Policy,
};
use jiff::{SignedDuration, Timestamp, civil::Date};

use self::people::{Cast, SimLookup};
use crate::{
    Climate, Dice, Member, Mutation, Planned, Setup,
    truth::{Holidays, Truth},
};

/// A seed that makes no world: only if the program and its own words disagree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the seed makes no world: {0}")]
pub struct NoWorld(String);

impl NoWorld {
    fn of(error: impl std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}

/// What is left of a seed's world: everything, unless somebody takes things away to find the little that matters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cut {
    /// Only these reports.
    pub reports: Option<BTreeSet<usize>>,
    /// Only these planned faults.
    pub faults: Option<BTreeSet<usize>>,
    /// Only these draws of chance strike.
    pub strikes: Option<BTreeSet<u64>>,
}

/// A world as a seed makes it, before it begins.
pub struct Scenario {
    /// What is so in it.
    pub truth: Truth,
    /// What it begins with.
    pub setup: Setup,
}

/// The one police district and the one Veilig Thuis of the simulated region.
pub(crate) fn organisation(role: Role, code: &str) -> Result<Organisation, NoWorld> {
    Organisation::new(role, code).map_err(NoWorld::of)
}

impl Scenario {
    /// The world of a seed, cut to size, with a bug planted or none.
    pub fn new(seed: u64, cut: &Cut, mutation: Option<Mutation>) -> Result<Self, NoWorld> {
        let mut dice = Dice::new(seed, "scenario");
        let zone = Zone::amsterdam().map_err(NoWorld::of)?;
        let begins = region::begins(&mut dice, &zone);
        let heals_at = later(begins, SignedDuration::from_mins(dice.between(120, 6 * 24 * 60)));
        let mut truth = region::truth(&mut dice, &zone, begins, heals_at);
        let all = reports::reports(&mut dice, &truth, &zone);
        let is_kept = |place: usize| cut.reports.as_ref().is_none_or(|kept| kept.contains(&place));
        truth.reports =
            all.into_iter().enumerate().filter(|(place, _)| is_kept(*place)).map(|(_, one)| one).collect();

        let police = organisation(Role::Police, "D1")?;
        let veilig_thuis = organisation(Role::VeiligThuis, "R1")?;
        let key = Arc::new(ReferenceKey::new([7; 32].into()));
        let lookup = SimLookup::new(&truth)?;
        let mut cast = Cast::of(&truth, &zone, &lookup, mutation, seed)?;
        let mut planned =
            trouble::planned(&mut Dice::new(seed, "trouble"), &mut truth, &key, &lookup, &cast)?;
        let mut climate = climate(&mut dice);
        let longer =
            forgetting::planned(&mut Dice::new(seed, "forgetting"), &mut truth, &mut climate, &mut planned)?;
        let is_kept = |place: usize| cut.faults.as_ref().is_none_or(|kept| kept.contains(&place));
        planned = planned
            .into_iter()
            .enumerate()
            .filter(|(place, _)| is_kept(*place))
            .map(|(_, one)| one)
            .collect();
        let reports = truth
            .reports
            .iter()
            .enumerate()
            .map(|(place, report)| Ok((report.reported_at, submission(place, report, mutation)?)));
        let setup = Setup {
            seed,
            begins,
            heals_at: truth.heals_at,
            gives_up_at: later(truth.heals_at, SignedDuration::from_hours(24 * 120) + longer),
            rules: rules(&truth, &zone, mutation)?,
            engines: 2,
            has_a_pen: mutation != Some(Mutation::NoPen),
            members: cast.take_members(&truth)?,
            police,
            veilig_thuis,
            key,
            reports: reports.collect::<Result<_, NoWorld>>()?,
            climate,
            only: cut.strikes.clone(),
            planned,
            mutation,
            latency_ms: (1, 400),
        };
        Ok(Self { truth, setup })
    }
}

pub(crate) fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// How often what goes wrong by chance: in one world of eight never, else a few kinds now and then.
fn climate(dice: &mut Dice) -> Climate {
    if dice.happens(125) {
        return Climate::calm();
    }
    let mut rates = BTreeMap::new();
    for strike in crate::Strike::ALL {
        if dice.happens(450) {
            let rate = dice.between(20, 1500);
            // Deaths take longer to get over than messages.
            let deadly = !matches!(
                strike,
                crate::Strike::Lost | crate::Strike::AnswerLost | crate::Strike::Slow | crate::Strike::Twice
            );
            rates.insert(strike, u64::try_from(if deadly { rate / 4 } else { rate }).unwrap_or_default());
        }
    }
    Climate(rates)
}

fn submission(
    place: usize,
    report: &crate::truth::Report,
    mutation: Option<Mutation>,
) -> Result<Submission, NoWorld> {
    use hwc_schemas::report::{Kind, Mention, Relation, Report};
    let mentions = report.mentions.iter().map(|mention| {
        let child = mention.child.child().map_err(NoWorld::of)?;
        let visits = mention.relation == Relation::Visitor && mutation == Some(Mutation::VisitorsCount);
        let relation = if visits { Relation::Family } else { mention.relation };
        Ok(Mention { child, presence: mention.presence, relation })
    });
    let municipality = report.municipality.as_deref().map(MunicipalityCode::parse).transpose();
    let all_qualify = mutation == Some(Mutation::EverythingQualifies);
    let content = Report {
        reported_at: report.reported_at,
        occurred: Occurred::At(report.occurred_at),
        kind: if all_qualify { Kind::DomesticViolence } else { report.kind },
        address: address(&report.address, municipality.map_err(NoWorld::of)?)?,
        mentions: mentions.collect::<Result<_, NoWorld>>()?,
    };
    Ok(Submission::new(place + 1, report.reference.clone(), content))
}

/// An address as the program knows it.
pub(crate) fn address(words: &str, municipality: Option<MunicipalityCode>) -> Result<Address, NoWorld> {
    let mut words = words.split(' ');
    let mut next = || words.next().unwrap_or_default();
    let (postcode, number, letter, addition) = (next(), next(), next(), next());
    let number = number.parse().map_err(NoWorld::of)?;
    Address::new(postcode, number, letter, addition, municipality).map_err(NoWorld::of)
}

/// What the engines decide by.
fn rules(truth: &Truth, zone: &Zone, mutation: Option<Mutation>) -> Result<Rules, NoWorld> {
    let mut holidays = truth.holidays.clone();
    let mut own_closed: BTreeSet<(String, Date)> = truth
        .schools
        .iter()
        .flat_map(|one| one.closed_days.iter().map(|day| (one.code.clone(), *day)))
        .collect();
    match mutation {
        Some(Mutation::ForgetsHolidays) => {
            (holidays.other, holidays.closed_days) = (Vec::new(), BTreeSet::new());
            own_closed.clear();
        }
        Some(Mutation::NoSummerHoliday) => holidays.summer.clear(),
        _ => {}
    }
    let feed = Feed::parse(feed(&holidays, zone).as_bytes(), zone).map_err(NoWorld::of)?;
    let own = own_closed.into_iter().map(|(code, day)| Ok((organisation(Role::School, &code)?, day)));
    let calendar = Calendar::new(zone.clone(), HolidayRegion::Zuid, &feed)
        .with_closed_days(holidays.closed_days.iter().copied())
        .with_own_closed_days(own.collect::<Result<Vec<_>, NoWorld>>()?);
    let municipalities = truth
        .participating
        .iter()
        .map(|code| organisation(Role::Municipality, code))
        .collect::<Result<_, _>>()?;
    let schools = truth.schools.iter().filter(|school| region::may_receive(school, truth));
    let table = Table {
        chains: vec![Chain {
            police: organisation(Role::Police, "D1")?,
            veilig_thuis: organisation(Role::VeiligThuis, "R1")?,
            municipalities,
        }],
        schools: schools.map(|school| organisation(Role::School, &school.code)).collect::<Result<_, _>>()?,
    };
    let policy = Policy::check(truth.policy).map_err(NoWorld::of)?;
    Ok(Rules { policy, calendar, table })
}

/// The holidays in the shape of the national open data: instants in UTC, the end inclusive.
fn feed(holidays: &Holidays, zone: &Zone) -> String {
    let instant = |day: Date, hour: i8, minute: i8| zone.instant(day, jiff::civil::time(hour, minute, 0, 0));
    let year_of = |day: Date| if day.month() >= 8 { day.year() } else { day.year() - 1 };
    // A summer that begins in July belongs to the school year that ends with it.
    let mut years: BTreeMap<i16, Vec<String>> =
        holidays.years_listed.iter().map(|year| (*year, Vec::new())).collect();
    let spans = holidays.summer.iter().map(|span| ("Zomervakantie", span));
    for (name, (first, last)) in spans.chain(holidays.other.iter().map(|span| ("Vakantie", span))) {
        let (from, until) = (instant(*first, 0, 0), instant(*last, 23, 59));
        let entry = format!(
            r#"{{"type":" {name} ","compulsorydates":"false","regions":[{{"region":"zuid","startdate":"{from}","enddate":"{until}"}}]}}"#
        );
        years.entry(year_of(*first)).or_default().push(entry);
    }
    let content: Vec<_> = years
        .into_iter()
        .map(|(year, entries)| {
            format!(r#"{{"schoolyear":"{year}-{}","vacations":[{}]}}"#, year + 1, entries.join(","))
        })
        .collect();
    format!(r#"[{{"content":[{}]}}]"#, content.join(","))
}

/// Everybody who takes part besides the police, and what may be changed about them.
pub(crate) type Members = Vec<Member>;
/// What goes wrong at its time.
pub(crate) type Plans = Vec<Planned>;
