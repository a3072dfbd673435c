//! Screening one incident.

use std::{collections::BTreeSet, future::Future};

use hwc_adapter_kit::{Attempts, Clerk, Office, Settled};
use hwc_casework::{
    household::{Doubt, Extent, Household},
    screening::{self, Finding as Found, Standing, Verdict},
};
use hwc_schemas::{
    IncidentId, Organisation, Role, SignalId, SignalNumber,
    letter::Referral,
    person::Child,
    report::{MunicipalityCode, Occurred, Report},
    wire::{Answer, Command, Expansion, Fetch, Finding, Interval, Screening, Sealed, Task},
};
use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};

use crate::households::{Asked, Down, Households};

/// What a Veilig Thuis decides by.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The municipalities that take part (R15).
    pub participating: BTreeSet<MunicipalityCode>,
    /// The local time zone: a child's age is that of the local day (R2).
    pub zone: TimeZone,
    /// How long a look-up may be down before the named children go first (R9).
    pub look_up_patience: SignedDuration,
}

impl Settings {
    /// The rules' default patience: 30 minutes (R9).
    pub const LOOK_UP_PATIENCE: SignedDuration = SignedDuration::from_mins(30);
}

/// Which of an incident's two tasks it is. Both can be in hand at once: a screening that is offered again because its answer got
/// lost, and the look-up that follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// R3 and R9: every child of age.
    Screen,
    /// R9: those who join after the named children went first.
    LookUp,
}

/// What a person decides about: one task of one incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CaseId {
    /// Which incident.
    pub incident: IncidentId,
    /// Which task.
    pub step: Step,
}

/// A household that a person must look at before it counts.
pub struct Case<'a> {
    /// Which.
    pub id: CaseId,
    /// When it began to wait.
    pub since: Timestamp,
    /// Why.
    pub doubts: &'a BTreeSet<Doubt>,
    /// Whom the police named.
    pub report: &'a Report,
    /// The local day of the incident.
    pub day: Date,
    /// Who is registered there.
    pub household: &'a Household,
}

/// What a person decides about a household.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// So much of it counts.
    Count(Extent),
    /// It is looked up once more.
    LookAgain,
}

/// What became of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// So many children are on their way or have ended, those that went first aside.
    Recorded(usize),
    /// The engine refused: it ended meanwhile, or was decided before.
    Refused,
    /// Not now; it comes again.
    NotNow,
}

/// The person at Veilig Thuis.
pub trait Person: Send + Sync + 'static {
    /// Decides. May take as long as it needs; the named children go first after the policy's patience. Dropped when the
    /// office closes, and then asked anew.
    fn look_at(&self, case: &Case<'_>) -> impl Future<Output = Decision> + Send;

    /// Whether every household that adds a child is looked at.
    fn looks_at_all(&self) -> bool {
        false
    }

    /// Hears what became of a decision.
    fn hears(&self, _case: CaseId, _outcome: Outcome) {}
}

/// Nobody is there: of what is in doubt nothing counts.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoPerson;

impl Person for NoPerson {
    async fn look_at(&self, _: &Case<'_>) -> Decision {
        Decision::Count(Extent::Certain)
    }
}

/// A Veilig Thuis at work.
pub struct Desk<H, P = NoPerson> {
    settings: Settings,
    households: H,
    person: P,
}

/// One incident in hand.
struct InHand<'a> {
    office: &'a Office,
    task: &'a Task,
    case: CaseId,
    report: &'a Report,
    day: Date,
    began: Timestamp,
    patience_ends: Timestamp,
}

/// What came of a look-up.
enum Looked {
    /// So much of this household counts; whether a person said so.
    Found(Household, Extent, bool),
    /// The named children go first; of a household that waits for a person its municipality is known.
    NamedFirst(Option<Household>),
    /// The office closes.
    Closing,
}

/// How a wait ended.
enum Waited {
    Again,
    GiveUp,
    Closing,
}

impl<H: Households> Desk<H> {
    /// A desk that looks households up there.
    pub const fn new(settings: Settings, households: H) -> Self {
        Self { settings, households, person: NoPerson }
    }

    /// The local time zone.
    pub const fn zone(&self) -> &TimeZone {
        &self.settings.zone
    }

    /// The same desk, with a person for what is in doubt.
    pub fn with_person<P: Person>(self, person: P) -> Desk<H, P> {
        Desk { settings: self.settings, households: self.households, person }
    }
}

impl<H: Households, P: Person> Desk<H, P> {
    /// R3, then R9. Every command here may be submitted twice: the first wins.
    async fn screen(&self, office: &Office, task: &Task, incident: IncidentId) -> Settled {
        let report = match report(office, task, incident).await {
            Ok(report) => report,
            Err(settled) => return settled,
        };
        let day = report.occurred.day(&self.settings.zone);
        if let Verdict::NotDomesticViolence { .. } = screening::screen(&report, day, []) {
            return screen_out(office, task, incident, &report).await;
        }
        let screened = office.submit(&Command::Screen { incident, screening: Screening::Qualifies }).await;
        if matches!(screened, Answer::Refused { .. }) {
            return Settled::by(office, task, screened);
        }
        let work = self.in_hand(office, task, CaseId { incident, step: Step::Screen }, (&report, day));
        match self.look(&work, true).await {
            Looked::Closing => Settled::HandedBack,
            Looked::NamedFirst(household) => {
                let first = screening::before_the_look_up(&report, day);
                let homes = self.homes_at_once(&work, household.as_ref(), &first).await;
                self.expand(&work, (&first, 0), &homes, false).await.0
            }
            Looked::Found(household, extent, decided) => {
                let found = match screening::screen(&report, day, household.counting(extent)) {
                    Verdict::Findings(found) => found,
                    Verdict::NotDomesticViolence { .. } => return Settled::Done,
                };
                self.expand_all(&work, &household, (&found, 0), (decided, self.by_the_address(&report))).await
            }
        }
    }

    /// R9: the named children went first; the others join, once.
    async fn look_up(&self, office: &Office, task: &Task, incident: IncidentId) -> Settled {
        let report = match report(office, task, incident).await {
            Ok(report) => report,
            Err(settled) => return settled,
        };
        let day = report.occurred.day(&self.settings.zone);
        let work = self.in_hand(office, task, CaseId { incident, step: Step::LookUp }, (&report, day));
        let Looked::Found(household, extent, decided) = self.look(&work, false).await else {
            return Settled::HandedBack;
        };
        let first = screening::before_the_look_up(&report, day).len();
        let rest = screening::after_the_look_up(&report, day, household.counting(extent));
        self.expand_all(&work, &household, (&rest, first), (decided, false)).await
    }

    fn in_hand<'a>(
        &self,
        office: &'a Office,
        task: &'a Task,
        case: CaseId,
        (report, day): (&'a Report, Date),
    ) -> InHand<'a> {
        let began = office.clock().now();
        let patience_ends = began.checked_add(self.settings.look_up_patience).unwrap_or(Timestamp::MAX);
        InHand { office, task, case, report, day, began, patience_ends }
    }

    /// Without the register only the incident's own address says where a child lives. Where it does not, or where that
    /// municipality takes no part, waiting is better than withholding for want of a look-up.
    fn by_the_address(&self, report: &Report) -> bool {
        report.address.municipality.is_some_and(|home| self.settings.participating.contains(&home))
    }

    /// Looks the household up until it is known and, where that is needed, a person has looked at it; or until the named
    /// children may go first.
    async fn look(&self, work: &InHand<'_>, may_give_up: bool) -> Looked {
        let by_the_address = may_give_up && self.by_the_address(work.report);
        let somebody_first = !screening::before_the_look_up(work.report, work.day).is_empty();
        let mut attempt = 0;
        loop {
            attempt += 1;
            let household = match self.households.household(&work.asked(attempt)).await {
                Ok(household) => household,
                Err(down) => match work.wait(&down, by_the_address).await {
                    Waited::Again => continue,
                    Waited::GiveUp => return Looked::NamedFirst(None),
                    Waited::Closing => return Looked::Closing,
                },
            };
            let mut doubts = household.doubts(work.report, work.day);
            if self.person.looks_at_all() && !household.added(work.report, work.day).is_empty() {
                doubts.insert(Doubt::Policy);
            }
            if doubts.is_empty() {
                return Looked::Found(household, Extent::Everybody, false);
            }
            let (id, since) = (work.case, work.office.clock().now());
            let (report, day) = (work.report, work.day);
            let case = Case { id, since, doubts: &doubts, report, day, household: &household };
            let decided = tokio::select! {
                biased;
                decision = self.person.look_at(&case) => decision,
                () = work.office.hours().closing() => return Looked::Closing,
                () = work.patience(), if may_give_up && somebody_first => {
                    return Looked::NamedFirst(Some(household));
                }
            };
            if let Decision::Count(extent) = decided {
                return Looked::Found(household, extent, true);
            }
        }
    }

    /// Submits what a household that is known makes of an incident.
    async fn expand_all(
        &self,
        work: &InHand<'_>,
        household: &Household,
        found: (&[Found<'_>], usize),
        (decided, may_give_up): (bool, bool),
    ) -> Settled {
        let mut attempt = 0;
        let homes = loop {
            attempt += 1;
            match self.homes(&work.asked(attempt), household, found.0).await {
                Ok(homes) => break homes,
                Err(down) => match work.wait(&down, may_give_up).await {
                    Waited::Again => {}
                    // The household is known, and where somebody else lives is not: the incident's own address decides.
                    Waited::GiveUp => break known_homes(work.report, household, found.0),
                    Waited::Closing => return Settled::HandedBack,
                },
            }
        };
        let (settled, outcome) = self.expand(work, found, &homes, true).await;
        if decided {
            self.person.hears(work.case, outcome);
        }
        settled
    }

    /// Where each of them lives; nobody asks for a child that does not count.
    async fn homes(
        &self,
        asked: &Asked<'_>,
        household: &Household,
        found: &[Found<'_>],
    ) -> Result<Vec<Option<MunicipalityCode>>, Down> {
        let mut homes = Vec::with_capacity(found.len());
        for one in found {
            homes.push(match one.standing {
                Standing::Counts { .. } => self.households.home(asked, household, one.child).await?,
                Standing::ScreenedOut(_) => None,
            });
        }
        Ok(homes)
    }

    /// The same for children who go first. While the look-up is down nobody is known to be registered anywhere: the
    /// incident's own address decides.
    async fn homes_at_once(
        &self,
        work: &InHand<'_>,
        household: Option<&Household>,
        found: &[Found<'_>],
    ) -> Vec<Option<MunicipalityCode>> {
        if let Some(household) = household
            && let Ok(homes) = self.homes(&work.asked(1), household, found).await
        {
            return homes;
        }
        known_homes(work.report, household.unwrap_or(&Household::default()), found)
    }

    /// Submits the children, numbered on from those that went before; `complete` once the household is known.
    async fn expand(
        &self,
        work: &InHand<'_>,
        (found, first): (&[Found<'_>], usize),
        homes: &[Option<MunicipalityCode>],
        complete: bool,
    ) -> (Settled, Outcome) {
        let mut attempts = Attempts::default();
        loop {
            let findings = match self.findings(work, (found, first), homes, attempts).await {
                Ok(findings) => findings,
                Err(later) => return (later, Outcome::NotNow),
            };
            let Ok(first) = u16::try_from(first) else {
                return (Settled::Later("too many children"), Outcome::NotNow);
            };
            let expansion = Expansion { first, findings, complete, interval: self.interval(work.report) };
            let answer =
                work.office.submit(&Command::Expand { incident: work.case.incident, expansion }).await;
            if attempts.again(answer) {
                continue;
            }
            let outcome = became(answer, work.case.step, complete, found.len());
            return (Settled::by(work.office, work.task, answer), outcome);
        }
    }

    /// One finding for each child, numbered on from those that went before.
    async fn findings(
        &self,
        work: &InHand<'_>,
        (found, first): (&[Found<'_>], usize),
        homes: &[Option<MunicipalityCode>],
        attempts: Attempts,
    ) -> Result<Vec<Finding<Sealed>>, Settled> {
        let (office, incident) = (work.office, work.case.incident);
        let mut findings = Vec::with_capacity(found.len());
        for (place, (one, home)) in found.iter().zip(homes).enumerate() {
            let number = SignalNumber::at(first + place).ok_or(Settled::Later("too many children"))?;
            office.witness().found(SignalId { incident, number }, one.child, one.sibling);
            let Standing::Counts { sister } = one.standing else {
                if let Standing::ScreenedOut(reason) = one.standing {
                    findings.push(Finding::ScreenedOut { reason });
                }
                continue;
            };
            let Some(home) = home.filter(|home| self.settings.participating.contains(home)) else {
                findings.push(Finding::NotParticipating);
                continue;
            };
            let municipality =
                municipality(home).ok_or(Settled::Later("a municipality's code is no name"))?;
            let referral = Referral { child: Child::clone(one.child), sister };
            let sealed = office.seal(&referral, (incident, Some(number)), &municipality, attempts).await;
            let referral = sealed.map_err(|error| {
                tracing::error!(organisation = %office.organisation(), %error, "a referral could not be sealed");
                Settled::Later("a referral could not be sealed")
            })?;
            findings.push(Finding::Refer { municipality, referral });
        }
        Ok(findings)
    }

    /// R26: the one thing about the report that is handed on.
    fn interval(&self, report: &Report) -> Interval {
        let (from, date_only) = match report.occurred {
            Occurred::At(moment) => (Some(moment), false),
            Occurred::On(day) => {
                (day.to_zoned(self.settings.zone.clone()).ok().map(|midnight| midnight.timestamp()), true)
            }
        };
        let seconds = from.map_or(0, |from| report.reported_at.duration_since(from).as_secs());
        Interval { seconds: u64::try_from(seconds).unwrap_or(0), date_only }
    }
}

impl InHand<'_> {
    fn asked(&self, attempt: u32) -> Asked<'_> {
        let (began, patience_ends) = (self.began, self.patience_ends);
        let now = self.office.clock().now();
        Asked { report: self.report, day: self.day, attempt, began, now, patience_ends }
    }

    /// Waits before the next try, but not past the moment when the named children go first, if they may.
    async fn wait(&self, down: &Down, may_give_up: bool) -> Waited {
        let named_first = down.named_first.min(self.patience_ends);
        if may_give_up && self.office.clock().now() >= named_first {
            return Waited::GiveUp;
        }
        let until = if may_give_up { down.again.min(named_first) } else { down.again };
        if self.office.hours().is_closing() {
            return Waited::Closing;
        }
        let id = self.task.id();
        tokio::select! {
            biased;
            () = self.office.clock().sleep_until(&id, until) => Waited::Again,
            () = self.office.hours().closing() => Waited::Again,
        }
    }

    /// Returns when the policy's patience ends.
    async fn patience(&self) {
        let id = self.task.id();
        self.office.clock().sleep_until(&id, self.patience_ends).await;
    }
}

impl<H: Households, P: Person> Clerk for Desk<H, P> {
    async fn handle(&self, office: &Office, task: &Task, _: Timestamp) -> Settled {
        match task {
            Task::Screen { incident } => self.screen(office, task, *incident).await,
            Task::LookUp { incident } => self.look_up(office, task, *incident).await,
            Task::Route { .. } | Task::Read { .. } | Task::Notice { .. } => Settled::Done,
        }
    }
}

/// Where they live as far as it is known: with the household, or else in the municipality of the incident's address.
fn known_homes(report: &Report, household: &Household, found: &[Found<'_>]) -> Vec<Option<MunicipalityCode>> {
    let there = report.address.municipality.or(household.municipality);
    let home = |one: &Found<'_>| if household.holds(one.child) { household.municipality } else { there };
    found.iter().map(home).collect()
}

/// What became of an expansion by so many children.
const fn became(answer: Answer, step: Step, complete: bool, children: usize) -> Outcome {
    match (answer, step) {
        // What was recorded before may be the named children alone: the look-up is then a task of its own, and asks again.
        (Answer::AlreadyRecorded, Step::Screen) if complete => Outcome::NotNow,
        (Answer::Recorded | Answer::AlreadyRecorded, _) => Outcome::Recorded(children),
        (Answer::Refused { .. }, _) => Outcome::Refused,
        (Answer::TryLater, _) => Outcome::NotNow,
    }
}

/// The organisation of a municipality.
pub(crate) fn municipality(code: MunicipalityCode) -> Option<Organisation> {
    Organisation::new(Role::Municipality, code.as_str()).ok()
}

async fn report(office: &Office, task: &Task, incident: IncidentId) -> Result<Report, Settled> {
    let opened = office.open(&Fetch::Report { incident }).await;
    opened.map_err(|why| Settled::without(office, task, &why))
}

/// R3: no look-up; every child named, each once, ends here.
async fn screen_out(office: &Office, task: &Task, incident: IncidentId, report: &Report) -> Settled {
    let named = screening::distinct(&report.mentions);
    for (place, one) in named.iter().enumerate() {
        if let Some(number) = SignalNumber::at(place) {
            office.witness().found(SignalId { incident, number }, one.child, false);
        }
    }
    let children = u16::try_from(named.len()).unwrap_or(u16::MAX);
    let screening = Screening::NotDomesticViolence { children };
    let answer = office.submit(&Command::Screen { incident, screening }).await;
    Settled::by(office, task, answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_screening_that_was_recorded_before_nobody_hears_that_their_decision_counts() {
        let (recorded, before) = (Answer::Recorded, Answer::AlreadyRecorded);
        assert_eq!(became(before, Step::Screen, true, 3), Outcome::NotNow);
        assert_eq!(became(recorded, Step::Screen, true, 3), Outcome::Recorded(3));
        assert_eq!(became(before, Step::LookUp, true, 2), Outcome::Recorded(2));
        assert_eq!(became(before, Step::Screen, false, 1), Outcome::Recorded(1));
    }
}
