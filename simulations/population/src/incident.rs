//! What the police report: a plausible incident in a household of the region.

use std::collections::VecDeque;

use hwc_schemas::{
    person::FieldError,
    report::{Kind, Mention, Occurred, Presence, Relation, Report},
};
use jiff::{Timestamp, ToSpan as _, tz::TimeZone};
use serde::Serialize;

use crate::{
    dice::Dice,
    household::{Address, Household, HouseholdId},
    municipality::Standing,
    person::Person,
    population::Population,
    rates::FOLLOW_UP_DAYS_MAX,
    spelling,
};

/// A report of one incident, in plain words.
#[derive(Clone)]
pub struct Incident {
    /// The sender's reference.
    pub report_id: String,
    /// When it was reported.
    pub reported_at: Timestamp,
    /// When it happened.
    pub occurred: Occurred,
    /// What kind of incident.
    pub kind: Kind,
    /// Where.
    pub address: Address,
    /// Whom the police noted.
    pub children: Vec<Noted>,
    /// The household at that address.
    pub household: HouseholdId,
    /// Whether the same family was reported within the last days.
    pub follow_up: bool,
}

/// A child that the police noted.
#[derive(Clone, Serialize)]
pub struct Noted {
    /// Who, as the police spell it.
    #[serde(flatten)]
    pub person: Person,
    /// Whether it was there.
    pub presence: Presence,
    /// How it belongs to the address, as the police noted it.
    pub relation: Relation,
}

impl Incident {
    /// The line of `reports.jsonl`, without its end. Moments are local times with their offset.
    pub fn line(&self, zone: &TimeZone) -> String {
        #[derive(Serialize)]
        struct Line<'a> {
            report_id: &'a str,
            reported_at: String,
            incident: Happened<'a>,
            children: &'a [Noted],
        }
        #[derive(Serialize)]
        struct Happened<'a> {
            occurred_at: String,
            kind: Kind,
            address: &'a Address,
        }
        let local = |at: Timestamp| at.to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string();
        let occurred_at = match self.occurred {
            Occurred::At(moment) => local(moment),
            Occurred::On(day) => day.to_string(),
        };
        let line = Line {
            report_id: &self.report_id,
            reported_at: local(self.reported_at),
            incident: Happened { occurred_at, kind: self.kind, address: &self.address },
            children: &self.children,
        };
        serde_json::to_string(&line).unwrap_or_default()
    }

    /// The same report as the real programs carry it: no longer printable.
    pub fn to_report(&self) -> Result<Report, FieldError> {
        let mention = |noted: &Noted| {
            let child = noted.person.to_child()?;
            Ok(Mention { child, presence: noted.presence, relation: noted.relation })
        };
        Ok(Report {
            reported_at: self.reported_at,
            occurred: self.occurred,
            kind: self.kind,
            address: self.address.to_address()?,
            mentions: self.children.iter().map(mention).collect::<Result<_, _>>()?,
        })
    }
}

/// The families that were reported within the last days: often they are reported again.
#[derive(Debug, Clone, Default)]
pub struct Recent {
    families: VecDeque<(Timestamp, HouseholdId)>,
}

impl Recent {
    /// Nobody was reported yet.
    pub fn new() -> Self {
        Self::default()
    }

    fn forget(&mut self, now: Timestamp) {
        let long_ago = now.checked_sub((FOLLOW_UP_DAYS_MAX * 24).hours()).unwrap_or(Timestamp::MIN);
        while self.families.front().is_some_and(|(at, _)| *at < long_ago) {
            self.families.pop_front();
        }
    }

    fn pick(&self, dice: &mut Dice) -> Option<HouseholdId> {
        (!self.families.is_empty()).then(|| self.families[dice.place(self.families.len())].1)
    }
}

impl Population {
    /// Draws an incident that happened and was reported at these moments; its reference has this number. Incidents are drawn
    /// in the order in which they are reported, with the same [`Recent`].
    pub fn incident(
        &self,
        dice: &mut Dice,
        recent: &mut Recent,
        number: u64,
        occurred: Occurred,
        reported_at: Timestamp,
    ) -> Incident {
        let rates = self.settings().rates;
        recent.forget(reported_at);
        let again = if dice.happens(rates.follow_up) { recent.pick(dice) } else { None };
        let household = match again {
            Some(family) => self.household(family),
            None => self.somebody(dice),
        };
        recent.families.push_back((reported_at, household.id));
        let kind = match dice.case(&[rates.other_kind, rates.child_abuse]) {
            Some(0) => Kind::Other,
            Some(_) => Kind::ChildAbuse,
            None => Kind::DomesticViolence,
        };
        let mut address = household.address.clone();
        if dice.happens(rates.address_without_municipality) {
            address.municipality = None;
        }
        let children = self.noted(&household, dice);
        let year = reported_at.to_zoned(TimeZone::UTC).year();
        Incident {
            report_id: format!("P-{year}-{number:06}"),
            reported_at,
            occurred,
            kind,
            address,
            children,
            household: household.id,
            follow_up: again.is_some(),
        }
    }

    /// A household where something happens: by the number of households, rather a larger one.
    fn somebody(&self, dice: &mut Dice) -> Household {
        let elsewhere = dice.happens(self.settings().rates.elsewhere);
        let in_question = |standing: Standing| (standing != Standing::Participates) == elsewhere;
        let everywhere = !self.municipalities().iter().any(|one| in_question(one.standing));
        let weights = self
            .municipalities()
            .iter()
            .map(|one| if everywhere || in_question(one.standing) { one.households } else { 0 });
        let municipality = dice.weighted(weights);
        let one = self.household(self.anywhere_in(municipality, dice));
        if dice.happens(self.settings().rates.larger_family) {
            let other = self.household(self.anywhere_in(municipality, dice));
            if other.children.len() > one.children.len() {
                return other;
            }
        }
        one
    }

    fn anywhere_in(&self, municipality: usize, dice: &mut Dice) -> HouseholdId {
        let households = self.municipalities()[municipality].households;
        HouseholdId { municipality, number: dice.between(0, households.saturating_sub(1)) }
    }

    fn noted(&self, household: &Household, dice: &mut Dice) -> Vec<Noted> {
        let rates = self.settings().rates;
        let mut noted = Vec::new();
        for child in &household.children {
            if !dice.happens(rates.named) {
                continue;
            }
            let presence = if dice.happens(rates.present) { Presence::Present } else { Presence::Absent };
            let relation = if dice.happens(rates.relation_mistaken) {
                *dice.pick(&[Relation::Visitor, Relation::Family])
            } else {
                Relation::Resident
            };
            noted.push(Noted { person: self.spelt(&child.person, dice), presence, relation });
        }
        let municipality = household.id.municipality;
        if dice.happens(rates.visitor) {
            noted.extend(self.stranger(municipality, dice).map(|person| Noted {
                person,
                presence: Presence::Present,
                relation: Relation::Visitor,
            }));
        }
        if dice.happens(rates.family_elsewhere) {
            let present = dice.happens(rates.family_present);
            noted.extend(self.stranger(municipality, dice).map(|person| Noted {
                person,
                presence: if present { Presence::Present } else { Presence::Absent },
                relation: Relation::Family,
            }));
        }
        noted
    }

    /// A child of some other household of the municipality.
    fn stranger(&self, municipality: usize, dice: &mut Dice) -> Option<Person> {
        let other = self.household(self.anywhere_in(municipality, dice));
        let child = (!other.children.is_empty()).then(|| dice.pick(&other.children));
        child.map(|child| self.spelt(&child.person, dice))
    }

    /// A child as the police write it down.
    fn spelt(&self, person: &Person, dice: &mut Dice) -> Person {
        let rates = &self.settings().rates;
        let ways = [rates.report_wrong_birthday, rates.report_misspelt, rates.report_spelt_otherwise];
        match dice.case(&ways) {
            Some(0) => spelling::wrong_birthday(person, self.settings().day, dice),
            Some(1) => spelling::misspelt(person, dice),
            Some(_) => spelling::otherwise(person, dice),
            None => person.clone(),
        }
    }
}
