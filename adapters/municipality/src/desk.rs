//! Routing one signal.

use std::{collections::BTreeSet, future::Future, sync::Arc};

use hwc_adapter_kit::{Clerk, Office, Settled};
use hwc_casework::routing::{Candidate, Enrolments, SchoolCode, Schools, Verdict, route, route_to};
use hwc_schemas::{
    Organisation, Role, SignalId,
    letter::{Letter, Referral},
    outcome::Withheld,
    person::Child,
    report::MunicipalityCode,
    wire::{Command, Fetch, Task},
};
use jiff::tz::TimeZone;

/// What a municipality decides by: its own register, the directory of schools, the region.
pub struct Settings {
    /// Its own register of pupils, and no other (R16).
    pub enrolments: Enrolments,
    /// The directory of schools (R11).
    pub schools: Schools,
    /// Where a school must lie (R15).
    pub region: BTreeSet<MunicipalityCode>,
    /// The local time zone: a covenant counts from its local day (R11).
    pub zone: TimeZone,
}

/// A case that is never guessed (R16).
pub struct Doubt<'a> {
    /// Which signal.
    pub signal: SignalId,
    /// The child, as the signal spells it.
    pub child: &'a Child,
    /// Whether the same incident has a signal that nearly matches this one (R9).
    pub sister: bool,
    /// The pupils that it could be.
    pub candidates: &'a [Candidate<'a>],
}

/// What a person decides about a doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It is this candidate, counted from 0.
    Pick(usize),
    /// It is none of them.
    Withhold,
}

/// The person at the municipality. May take as long as it needs; the ceiling waits for nobody.
pub trait Person: Send + Sync + 'static {
    /// Decides.
    fn decide(&self, doubt: &Doubt<'_>) -> impl Future<Output = Decision> + Send;
}

/// A municipality at work.
pub struct Desk<P> {
    settings: Arc<Settings>,
    person: P,
}

impl<P: Person> Desk<P> {
    /// A desk with a person for the doubtful cases.
    pub const fn new(settings: Arc<Settings>, person: P) -> Self {
        Self { settings, person }
    }

    async fn route(&self, office: &Office, task: &Task, (signal, round): (SignalId, u16)) -> Settled {
        let referral: Referral = match office.open(&Fetch::Referral { signal, round }).await {
            Ok(referral) => referral,
            Err(why) => return Settled::without(office, task, &why),
        };
        let command = match self.destination(office, signal, &referral).await {
            Err(reason) => Command::Withhold { signal, round, reason },
            Ok(code) => {
                let Some(school) = school(code) else { return Settled::Later("a school's code is no name") };
                let letter = Letter { child: referral.child.clone() };
                match office.seal(&letter, signal.incident, Some(signal.number), &school) {
                    Ok(letter) => Command::Route { signal, round, school, letter },
                    Err(error) => {
                        let organisation = office.organisation();
                        tracing::error!(%organisation, task = %task.id(), %error, "a letter cannot be sealed");
                        return Settled::Later("the letter cannot be sealed");
                    }
                }
            }
        };
        let answer = office.submit(&command).await;
        Settled::by(office, task, answer)
    }

    /// R11 to R16, on the day of routing.
    async fn destination(
        &self,
        office: &Office,
        signal: SignalId,
        referral: &Referral,
    ) -> Result<SchoolCode, Withheld> {
        let Settings { enrolments, schools, region, zone } = &*self.settings;
        let today = zone.to_datetime(office.clock().now()).date();
        match route(&referral.child, enrolments, schools, region, today) {
            Verdict::To(school) => Ok(school),
            Verdict::Withhold(reason) => Err(reason),
            Verdict::AskSomebody(candidates) => {
                let doubt = Doubt {
                    signal,
                    child: &referral.child,
                    sister: referral.sister,
                    candidates: &candidates,
                };
                let picked = match self.person.decide(&doubt).await {
                    Decision::Pick(which) => candidates.get(which),
                    Decision::Withhold => None,
                };
                let picked = picked.ok_or(Withheld::EnrolmentAmbiguous)?;
                // The person may have taken days: the rules hold on the day of routing.
                let today = zone.to_datetime(office.clock().now()).date();
                route_to(picked.placement, schools, region, today)
            }
        }
    }
}

impl<P: Person> Clerk for Desk<P> {
    async fn handle(&self, office: &Office, task: &Task) -> Settled {
        match task {
            Task::Route { signal, round, .. } => self.route(office, task, (*signal, *round)).await,
            Task::Notice { notice, .. } => {
                tracing::info!(organisation = %office.organisation(), notice = notice.as_str(), "a notice");
                Settled::Done
            }
            Task::Screen { .. } | Task::LookUp { .. } | Task::Read { .. } => Settled::Done,
        }
    }
}

/// The organisation of a school.
pub fn school(code: SchoolCode) -> Option<Organisation> {
    Organisation::new(Role::School, code.as_str()).ok()
}
