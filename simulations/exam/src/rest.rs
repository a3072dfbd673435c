//! The rest of the world: the organisations that are not under exam. They do what they should, at once, and keep a diary.

use std::sync::{Arc, Mutex, PoisonError};

use hwc_adapter_kit::{Attempts, Clerk, Office, Settled, Unopened};
use hwc_schemas::{
    IncidentId, Organisation, SignalId, SignalNumber,
    letter::{Letter, Referral, Sealable},
    report::{Kind, Report},
    wire::{Answer, Command, Expansion, Fetch, Finding, Interval, Screening, Sealed, Task},
};
use jiff::Timestamp;

use crate::{
    inside::Inside,
    people::{DAY, People},
};

/// The police of the exam's region.
pub(crate) const POLICE: &str = "police-region";
/// Its Veilig Thuis.
pub(crate) const VEILIG_THUIS: &str = "veilig-thuis-region";
/// Its municipality.
pub(crate) const MUNICIPALITY: &str = "municipality-0855";
/// Its schools.
pub(crate) const SCHOOLS: [&str; 2] = ["school-01AA00", "school-02BB00"];

/// Something that somebody of the rest of the world received and looked into.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    pub(crate) incident: IncidentId,
    pub(crate) number: Option<SignalNumber>,
    pub(crate) by: Organisation,
    /// Which of the exam's children it is about, if any.
    pub(crate) children: Vec<Option<usize>>,
    /// The places of what should not be in it.
    pub(crate) more: Vec<String>,
    /// Why it could not be read.
    pub(crate) trouble: Option<String>,
}

/// What everybody of the rest of the world knows.
pub(crate) struct Diary {
    pub(crate) people: People,
    /// The school to which everything goes; each child's own if there is none.
    pub(crate) only_school: Option<&'static str>,
    arrivals: Mutex<Vec<Arrival>>,
}

impl Diary {
    pub(crate) fn new(people: People, only_school: Option<&'static str>) -> Self {
        Self { people, only_school, arrivals: Mutex::default() }
    }

    /// What arrived of an incident.
    pub(crate) fn arrivals(&self, incident: IncidentId) -> Vec<Arrival> {
        let all = self.arrivals.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter(|one| one.incident == incident).cloned().collect()
    }

    fn note(&self, arrival: Arrival) {
        self.arrivals.lock().unwrap_or_else(PoisonError::into_inner).push(arrival);
    }

    /// The school to which this child's letter goes.
    pub(crate) fn school_of(&self, child: Option<usize>) -> Option<Organisation> {
        let own = match child.map(People::school_of) {
            Some("02BB") => SCHOOLS[1],
            _ => SCHOOLS[0],
        };
        self.only_school.unwrap_or(own).parse().ok()
    }
}

/// One organisation of the rest of the world.
pub(crate) struct Player(pub(crate) Arc<Diary>);

impl Player {
    /// Opens what is due, and writes into the diary what it is.
    async fn open<T: Sealable>(
        &self,
        office: &Office,
        (fetch, number): (Fetch, Option<SignalNumber>),
        children: impl Fn(&T) -> Vec<Option<usize>>,
    ) -> Result<T, Unopened> {
        let opened = office.open::<Inside<T>>(&fetch).await;
        let mut arrival = Arrival {
            incident: fetch.incident(),
            number,
            by: office.organisation().clone(),
            children: Vec::new(),
            more: Vec::new(),
            trouble: None,
        };
        match &opened {
            Ok(inside) => {
                arrival.children = children(&inside.read);
                arrival.more = inside.more.iter().cloned().collect();
            }
            Err(Unopened::NotDue(_)) => return Ok(opened?.read),
            Err(error) => arrival.trouble = Some(error.to_string()),
        }
        self.0.note(arrival);
        Ok(opened?.read)
    }

    async fn screen(&self, office: &Office, task: &Task, incident: IncidentId) -> Settled {
        let diary = &self.0;
        let mentioned = |report: &Report| {
            report.mentions.iter().map(|mention| diary.people.number_of(&mention.child)).collect()
        };
        let report = self.open::<Report>(office, (Fetch::Report { incident }, None), mentioned).await;
        let report = match report {
            Ok(report) => report,
            Err(why) => return Settled::without(office, task, &why),
        };
        let screen = Command::Screen { incident, screening: Screening::Qualifies };
        let answer = office.submit(&screen).await;
        if matches!(answer, Answer::Refused { .. }) {
            return Settled::by(office, task, answer);
        }
        let Ok(municipality) = MUNICIPALITY.parse::<Organisation>() else { return Settled::Done };
        let mut attempts = Attempts::default();
        loop {
            let mut findings = Vec::new();
            for (place, mention) in report.mentions.iter().enumerate() {
                let referral = Referral { child: mention.child.clone(), sister: false };
                let about = (incident, SignalNumber::at(place));
                match office.seal(&referral, about, &municipality, attempts).await {
                    Ok(referral) => {
                        let municipality = municipality.clone();
                        findings.push(Finding::Refer { municipality, referral });
                    }
                    Err(_) => return Settled::Later("it could not be sealed"),
                }
            }
            let interval = Interval { seconds: 3600, date_only: true };
            let expansion = Expansion { first: 0, findings, complete: true, interval };
            let answer = office.submit(&Command::Expand { incident, expansion }).await;
            if !attempts.again(answer) {
                return Settled::by(office, task, answer);
            }
        }
    }

    async fn route(&self, office: &Office, task: &Task, signal: SignalId, round: u16) -> Settled {
        let diary = &self.0;
        let who = |referral: &Referral| vec![diary.people.number_of(&referral.child)];
        let fetch = (Fetch::Referral { signal, round }, Some(signal.number));
        let referral = match self.open::<Referral>(office, fetch, who).await {
            Ok(referral) => referral,
            Err(why) => return Settled::without(office, task, &why),
        };
        let Some(school) = diary.school_of(diary.people.number_of(&referral.child)) else {
            return Settled::Done;
        };
        let letter = Letter { child: referral.child };
        let mut attempts = Attempts::default();
        loop {
            let about = (signal.incident, Some(signal.number));
            let Ok(letter) = office.seal(&letter, about, &school, attempts).await else {
                return Settled::Later("it could not be sealed");
            };
            let answer =
                office.submit(&Command::Route { signal, round, school: school.clone(), letter }).await;
            if !attempts.again(answer) {
                return Settled::by(office, task, answer);
            }
        }
    }

    async fn read(&self, office: &Office, task: &Task, signal: SignalId, round: u16) -> Settled {
        let who = |letter: &Letter| vec![self.0.people.number_of(&letter.child)];
        let fetch = (Fetch::Letter { signal, round }, Some(signal.number));
        match self.open::<Letter>(office, fetch, who).await {
            Ok(_) => {
                let answer = office.submit(&Command::Acknowledge { signal, round }).await;
                Settled::by(office, task, answer)
            }
            Err(why) => Settled::without(office, task, &why),
        }
    }
}

impl Clerk for Player {
    async fn handle(&self, office: &Office, task: &Task, _since: Timestamp) -> Settled {
        match task {
            Task::Screen { incident } => self.screen(office, task, *incident).await,
            Task::Route { signal, round, .. } => self.route(office, task, *signal, *round).await,
            Task::Read { signal, round } => self.read(office, task, *signal, *round).await,
            Task::LookUp { .. } | Task::Notice { .. } => Settled::Done,
        }
    }
}

/// The police send a report about one of the exam's children.
pub(crate) async fn report(
    police: &Office,
    people: &People,
    (incident, child, kind): (IncidentId, usize, Kind),
) -> Result<Answer, String> {
    let report = people.report(child, kind).ok_or("no such child")?;
    let veilig_thuis: Organisation = VEILIG_THUIS.parse().map_err(|_| "no such organisation")?;
    let mut attempts = Attempts::default();
    loop {
        let sealed: Sealed = police
            .seal(&report, (incident, None), &veilig_thuis, attempts)
            .await
            .map_err(|error| error.to_string())?;
        let answer = police.submit(&Command::Record { incident, day: DAY, report: sealed }).await;
        if !attempts.again(answer) {
            return Ok(answer);
        }
    }
}
