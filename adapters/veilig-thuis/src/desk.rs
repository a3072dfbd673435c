//! Screening one incident.

use std::collections::BTreeSet;

use hwc_adapter_kit::{Clerk, Office, Settled};
use hwc_casework::{
    home::Register,
    screening::{self, Finding as Found, Standing, Verdict},
};
use hwc_schemas::{
    IncidentId, Organisation, Role, SignalId, SignalNumber,
    letter::Referral,
    report::{MunicipalityCode, Occurred, Report},
    wire::{Answer, Command, Expansion, Fetch, Finding, Interval, Screening, Sealed, Task},
};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use crate::{Lookup, Unavailable};

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

/// How often a look-up that is down is tried.
const LOOK_UP_AGAIN_AFTER: SignedDuration = SignedDuration::from_mins(1);

/// A Veilig Thuis at work.
pub struct Desk<L> {
    settings: Settings,
    lookup: L,
}

impl<L: Lookup> Desk<L> {
    /// A desk that looks households up there.
    pub const fn new(settings: Settings, lookup: L) -> Self {
        Self { settings, lookup }
    }

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
        let patience =
            office.clock().now().checked_add(self.settings.look_up_patience).unwrap_or(Timestamp::MAX);
        // Without the register only the incident's own address says where a child lives. Where it does not, or where that
        // municipality takes no part, waiting is better than withholding for want of a look-up.
        let address = report.address.municipality;
        let may_go_first = address.is_some_and(|home| self.settings.participating.contains(&home));
        let register = loop {
            match self.lookup.register() {
                Ok(register) => break Some(register),
                Err(Unavailable) if may_go_first && office.clock().now() >= patience => break None,
                Err(Unavailable) if office.hours().is_closing() => return Settled::HandedBack,
                Err(Unavailable) => self.wait_for_the_look_up(office, task).await,
            }
        };
        let found = match &register {
            None => screening::before_the_look_up(&report, day),
            Some(register) => {
                match screening::screen(&report, day, register.household(report.address.place())) {
                    Verdict::Findings(found) => found,
                    Verdict::NotDomesticViolence { .. } => return Settled::Done,
                }
            }
        };
        self.expand(office, task, (incident, &report), (&found, 0), register.as_deref()).await
    }

    /// R9: the named children went first; the others join, once.
    async fn look_up(&self, office: &Office, task: &Task, incident: IncidentId) -> Settled {
        let report = match report(office, task, incident).await {
            Ok(report) => report,
            Err(settled) => return settled,
        };
        let day = report.occurred.day(&self.settings.zone);
        let register = loop {
            match self.lookup.register() {
                Ok(register) => break register,
                Err(Unavailable) if office.hours().is_closing() => return Settled::HandedBack,
                Err(Unavailable) => self.wait_for_the_look_up(office, task).await,
            }
        };
        let first = screening::before_the_look_up(&report, day).len();
        let rest = screening::after_the_look_up(&report, day, register.household(report.address.place()));
        self.expand(office, task, (incident, &report), (&rest, first), Some(&register)).await
    }

    async fn wait_for_the_look_up(&self, office: &Office, task: &Task) {
        let again = office.clock().now().checked_add(LOOK_UP_AGAIN_AFTER).unwrap_or(Timestamp::MAX);
        let id = task.id();
        tokio::select! {
            biased;
            () = office.clock().sleep_until(&id, again) => {}
            () = office.hours().closing() => {}
        }
    }

    /// Submits the children, numbered on from those that went before; `complete` once the household is known.
    async fn expand(
        &self,
        office: &Office,
        task: &Task,
        (incident, report): (IncidentId, &Report),
        (found, first): (&[Found<'_>], usize),
        register: Option<&Register>,
    ) -> Settled {
        match self.findings(office, (incident, report), (found, first), register) {
            Ok(findings) => {
                let complete = register.is_some();
                let Ok(first) = u16::try_from(first) else { return Settled::Later("too many children") };
                let expansion = Expansion { first, findings, complete, interval: self.interval(report) };
                let answer = office.submit(&Command::Expand { incident, expansion }).await;
                Settled::by(office, task, answer)
            }
            Err(later) => later,
        }
    }

    /// One finding for each child, numbered on from those that went before.
    fn findings(
        &self,
        office: &Office,
        (incident, report): (IncidentId, &Report),
        (found, first): (&[Found<'_>], usize),
        register: Option<&Register>,
    ) -> Result<Vec<Finding<Sealed>>, Settled> {
        let mut findings = Vec::with_capacity(found.len());
        for (place, one) in found.iter().enumerate() {
            let number = SignalNumber::at(first + place).ok_or(Settled::Later("too many children"))?;
            office.witness().found(SignalId { incident, number }, one.child, one.sibling);
            let Standing::Counts { sister } = one.standing else {
                if let Standing::ScreenedOut(reason) = one.standing {
                    findings.push(Finding::ScreenedOut { reason });
                }
                continue;
            };
            // While the look-up is down nobody is known to be registered anywhere: the incident's own address decides.
            let home = match register {
                Some(register) => register.home_municipality(one.child, &report.address),
                None => report.address.municipality,
            };
            let Some(home) = home.filter(|home| self.settings.participating.contains(home)) else {
                findings.push(Finding::NotParticipating);
                continue;
            };
            let municipality =
                municipality(home).ok_or(Settled::Later("a municipality's code is no name"))?;
            let referral = Referral { child: one.child.clone(), sister };
            let referral = office.seal(&referral, incident, Some(number), &municipality).map_err(|error| {
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

impl<L: Lookup> Clerk for Desk<L> {
    async fn handle(&self, office: &Office, task: &Task, _: Timestamp) -> Settled {
        match task {
            Task::Screen { incident } => self.screen(office, task, *incident).await,
            Task::LookUp { incident } => self.look_up(office, task, *incident).await,
            Task::Route { .. } | Task::Read { .. } | Task::Notice { .. } => Settled::Done,
        }
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
