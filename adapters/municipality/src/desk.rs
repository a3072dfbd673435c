//! Routing one signal.

use std::{collections::BTreeSet, future::Future};

use hwc_adapter_kit::{Attempts, Clerk, Kept, Office, Settled};
use hwc_casework::routing::{Candidate, Enrolments, SchoolCode, Schools, Verdict, route, route_to};
use hwc_schemas::{
    Organisation, Role, SignalId,
    letter::{Letter, Referral},
    outcome::Withheld,
    person::Child,
    report::MunicipalityCode,
    wire::{Answer, Command, Fetch, Notice, Refusal, RouteWhy, Sealed, Task},
};
use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::{NoView, Registry};

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
    /// Which time round.
    pub round: u16,
    /// Why it is routed now.
    pub why: RouteWhy,
    /// When the engine asked.
    pub since: Timestamp,
    /// The child, as the signal spells it.
    pub child: &'a Child,
    /// Whether the same incident has a signal that nearly matches this one (R9).
    pub sister: bool,
    /// The pupils that it could be; none when it went round too often, and can only be withheld or called back.
    pub candidates: &'a [Candidate<'a>],
}

/// What a person decides about a doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It is this candidate, counted from 0.
    Pick(usize),
    /// It is none of them, or nobody can tell.
    Withhold(Why),
}

/// Why a person withholds. That a school does not take part, or lies elsewhere, is not for a person to say: it follows from the
/// pupil that is picked (R11, R14, R15).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Nobody can tell which of them it is (R16).
    #[default]
    EnrolmentAmbiguous,
    /// It is none of them: the child is not enrolled here (R12).
    EnrolmentUnknown,
    /// The person knows that the enrolment is secret (R13).
    EnrolmentSecret,
}

impl From<Why> for Withheld {
    fn from(why: Why) -> Self {
        match why {
            Why::EnrolmentAmbiguous => Self::EnrolmentAmbiguous,
            Why::EnrolmentUnknown => Self::EnrolmentUnknown,
            Why::EnrolmentSecret => Self::EnrolmentSecret,
        }
    }
}

/// What became of a signal that was to be routed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is passed on to a school.
    PassedOn,
    /// It is not passed on.
    Withheld(Withheld),
    /// The engine refused: it ended meanwhile, or was decided before.
    Refused(Refusal),
    /// Not now; it comes again.
    NotNow,
}

/// The person at the municipality.
pub trait Person: Send + Sync + 'static {
    /// Decides. May take as long as it needs, though the ceiling waits for nobody. Dropped when the office closes, and when
    /// the register changes: then it is asked anew, for the candidates may be others.
    fn decide(&self, doubt: &Doubt<'_>) -> impl Future<Output = Decision> + Send;

    /// Hears what became of a signal, doubtful or not.
    fn hears(&self, _signal: SignalId, _round: u16, _outcome: Outcome) {}

    /// Hears to which school a signal was passed on, before it hears that it was.
    fn goes_to(&self, _signal: SignalId, _round: u16, _school: &Organisation) {}

    /// Hears a notice about a signal (R20). It names no child.
    fn is_noticed(&self, _signal: SignalId, _notice: Notice) {}
}

/// A municipality at work.
pub struct Desk<P, R = Kept<Settings>> {
    register: R,
    person: P,
}

/// Where a signal goes, or why it is not passed on, and the view that says so.
struct Destined<V> {
    to: Result<SchoolCode, Withheld>,
    by: V,
}

/// Why a signal has no destination yet.
enum NotYet {
    /// The office closes while it waits for a person.
    Closing,
    /// Nobody can be looked up.
    NoView(NoView),
}

impl<P: Person, R: Registry> Desk<P, R> {
    /// A desk with a person for the doubtful cases.
    pub const fn new(register: R, person: P) -> Self {
        Self { register, person }
    }

    async fn route(&self, office: &Office, task: &Task, asked: Asked) -> Settled {
        let Asked { signal, round, .. } = asked;
        let referral: Referral = match office.open(&Fetch::Referral { signal, round }).await {
            Ok(referral) => referral,
            Err(why) => return Settled::without(office, task, &why),
        };
        let Destined { to, by } = match self.destination(office, asked, &referral).await {
            Ok(destined) => destined,
            Err(NotYet::Closing) => return Settled::HandedBack,
            Err(NotYet::NoView(NoView(why))) => {
                self.person.hears(signal, round, Outcome::NotNow);
                return Settled::Later(why);
            }
        };
        let answer = tokio::select! {
            biased;
            settled = self.decided(office, task, asked, (&referral, to)) => match settled {
                Ok(answer) => answer,
                Err(settled) => return settled,
            },
            // R12: nobody answered before the register became another, and it may say another school now.
            () = self.register.changed_from(&by) => {
                return Settled::Later("the register changed before the engine answered");
            }
        };
        if answer != (Answer::Refused { refusal: Refusal::TooManyRounds }) {
            return Settled::by(office, task, answer);
        }
        // Schools and register do not agree about this child: only a person can end it, by withholding it or calling it back.
        let nobody = asked.doubt(&referral, &[]);
        let reason = tokio::select! {
            biased;
            decision = self.person.decide(&nobody) => match decision {
                Decision::Withhold(why) => why.into(),
                // There is nobody to pick.
                Decision::Pick(_) => Withheld::EnrolmentAmbiguous,
            },
            () = office.hours().closing() => return Settled::HandedBack,
        };
        let command = Command::Withhold { signal, round, reason };
        let answer = self.submit(office, asked, &command, Outcome::Withheld(reason)).await;
        Settled::by(office, task, answer)
    }

    /// Seals the letter and submits, or withholds; sealed anew as long as somebody else used the key before.
    async fn decided(
        &self,
        office: &Office,
        task: &Task,
        asked: Asked,
        (referral, to): (&Referral, Result<SchoolCode, Withheld>),
    ) -> Result<Answer, Settled> {
        let Asked { signal, round, .. } = asked;
        let not_now = |why| {
            self.person.hears(signal, round, Outcome::NotNow);
            Err(Settled::Later(why))
        };
        let code = match to {
            Ok(code) => code,
            Err(reason) => {
                let command = Command::Withhold { signal, round, reason };
                return Ok(self.submit(office, asked, &command, Outcome::Withheld(reason)).await);
            }
        };
        let Some(school) = school(code) else { return not_now("a school's code is no name") };
        let letter = Letter { child: referral.child.clone() };
        let mut attempts = Attempts::default();
        loop {
            let bound = (signal.incident, Some(signal.number));
            let letter = match office.seal(&letter, bound, &school, attempts).await {
                Ok(letter) => letter,
                Err(error) => {
                    let organisation = office.organisation();
                    tracing::error!(%organisation, task = %task.id(), %error, "a letter cannot be sealed");
                    return not_now("the letter cannot be sealed");
                }
            };
            let command = Command::Route { signal, round, school: school.clone(), letter };
            let answer = office.submit(&command).await;
            if !attempts.again(answer) {
                if matches!(answer, Answer::Recorded | Answer::AlreadyRecorded) {
                    self.person.goes_to(signal, round, &school);
                }
                self.hears(asked, answer, Outcome::PassedOn);
                return Ok(answer);
            }
        }
    }

    /// Submits, and lets the person hear what became of it.
    async fn submit(
        &self,
        office: &Office,
        asked: Asked,
        command: &Command<Sealed>,
        outcome: Outcome,
    ) -> Answer {
        let answer = office.submit(command).await;
        self.hears(asked, answer, outcome);
        answer
    }

    fn hears(&self, asked: Asked, answer: Answer, outcome: Outcome) {
        let outcome = match answer {
            Answer::Recorded | Answer::AlreadyRecorded => outcome,
            Answer::Refused { refusal } => Outcome::Refused(refusal),
            Answer::TryLater => Outcome::NotNow,
        };
        self.person.hears(asked.signal, asked.round, outcome);
    }

    /// R11 to R16, on the day of routing.
    async fn destination(
        &self,
        office: &Office,
        asked: Asked,
        referral: &Referral,
    ) -> Result<Destined<R::View>, NotYet> {
        let look = || async {
            let now = office.clock().now();
            let view = self.register.look(&referral.child, now).await.map_err(NotYet::NoView)?;
            let today = view.zone.to_datetime(now).date();
            Ok((view, today))
        };
        loop {
            let (view, today) = look().await?;
            let Settings { enrolments, schools, region, .. } = &*view;
            let candidates = match route(&referral.child, enrolments, schools, region, today) {
                Verdict::To(school) => return Ok(Destined { to: Ok(school), by: view }),
                Verdict::Withhold(reason) => return Ok(Destined { to: Err(reason), by: view }),
                Verdict::AskSomebody(candidates) => candidates,
            };
            let doubt = asked.doubt(referral, &candidates);
            let decision = tokio::select! {
                biased;
                decision = self.person.decide(&doubt) => decision,
                // R12: the enrolment counts that holds when it is routed.
                () = self.register.changed_from(&view) => continue,
                () = office.hours().closing() => return Err(NotYet::Closing),
            };
            let picked = match decision {
                Decision::Pick(which) => candidates.get(which).ok_or(Withheld::EnrolmentAmbiguous),
                Decision::Withhold(why) => Err(why.into()),
            };
            // The person may have taken days: the rules hold on the day of routing.
            let (by, today) = look().await?;
            let to = picked.and_then(|picked| route_to(picked.placement, &by.schools, &by.region, today));
            return Ok(Destined { to, by });
        }
    }
}

/// What the engine asks, in full.
#[derive(Clone, Copy)]
struct Asked {
    signal: SignalId,
    round: u16,
    why: RouteWhy,
    since: Timestamp,
}

impl Asked {
    /// Asks the person about it.
    const fn doubt<'a>(self, referral: &'a Referral, candidates: &'a [Candidate<'a>]) -> Doubt<'a> {
        let Self { signal, round, why, since } = self;
        Doubt { signal, round, why, since, child: &referral.child, sister: referral.sister, candidates }
    }
}

impl<P: Person, R: Registry> Clerk for Desk<P, R> {
    async fn handle(&self, office: &Office, task: &Task, since: Timestamp) -> Settled {
        match task {
            Task::Route { signal, round, why } => {
                let asked = Asked { signal: *signal, round: *round, why: *why, since };
                self.route(office, task, asked).await
            }
            Task::Notice { signal, notice, .. } => {
                self.person.is_noticed(*signal, *notice);
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
