//! Organisations: their tasks, their hands, their deaths. What they do is done by the desks of production.

use std::{collections::BTreeMap, future::Future, pin::Pin, sync::Arc};

use hwc_adapter_kit::{Clerk, Clock, Office, Settled};
use hwc_police::{Sent, Submission, send};
use hwc_schemas::{
    Organisation,
    letter::{Letter, Referral},
    report::Report,
    wire::{Answer, Command, Fetch, Sealed, Task},
};
use jiff::{SignedDuration, Timestamp};

use super::{Due, World};
use crate::{
    chronicle::Happened,
    hands::HandNumber,
    outfit::{Ether, PartyNumber, SimClock, SimLine, SimSeals, SimWitness},
    truth::ReportNumber,
    weather::Strike,
};

/// How long a task that was handed out stays away when nobody says anything of it, as in production.
const COMES_AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(30);
/// How long a task stays away that cannot be done now, and one that was handed back.
const LATER_AFTER: SignedDuration = SignedDuration::from_secs(15);
const HANDED_BACK_FOR: SignedDuration = SignedDuration::from_secs(1);
/// How long the police wait before they send again what could not be sent.
const SENT_AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(10);

/// What becomes of a task, some time.
type Working<'a> = Pin<Box<dyn Future<Output = Settled> + Send + 'a>>;

/// A clerk, whatever it is.
pub(crate) trait Works: Send + Sync + 'static {
    /// Does one task to its end.
    fn work<'a>(&'a self, office: &'a Office, task: &'a Task, since: Timestamp) -> Working<'a>;
}

impl<C: Clerk> Works for C {
    fn work<'a>(&'a self, office: &'a Office, task: &'a Task, since: Timestamp) -> Working<'a> {
        Box::pin(self.handle(office, task, since))
    }
}

/// Somebody who takes part: an organisation and who does its tasks.
pub struct Member {
    organisation: Organisation,
    clerk: Option<Hired>,
}

/// A clerk that begins when it gets a clock.
type Hired = Box<dyn FnOnce(Arc<dyn Clock>) -> Arc<dyn Works>>;

impl Member {
    /// An organisation with its clerk, who gets the organisation's clock.
    pub fn new<C: Clerk>(
        organisation: Organisation,
        clerk: impl FnOnce(Arc<dyn Clock>) -> C + 'static,
    ) -> Self {
        Self { organisation, clerk: Some(Box::new(move |clock| Arc::new(clerk(clock)))) }
    }

    /// An organisation that has no tasks, or lets them lie.
    pub const fn silent(organisation: Organisation) -> Self {
        Self { organisation, clerk: None }
    }
}

/// An organisation.
pub(super) struct Party {
    pub(super) organisation: Organisation,
    clerk: Option<Arc<dyn Works>>,
    office: Office,
    pub(super) is_up: bool,
    pub(super) cut_off: bool,
    /// What it has in hand, by hand.
    in_hand: BTreeMap<HandNumber, InHand>,
}

enum InHand {
    Task(String),
    Report(usize),
    Act(&'static str),
}

/// How a hand ended.
pub(super) enum Ended {
    Settled(Settled),
    Sent(Option<Sent>),
    Answered(Answer),
    Pried(bool),
}

/// A report that the police have, until it was answered.
pub(super) struct Reporting {
    pub(super) at: Timestamp,
    pub(super) submission: Arc<Submission>,
    state: Progress,
}

#[derive(PartialEq, Eq)]
enum Progress {
    NotYet,
    Due,
    Answered,
}

impl Reporting {
    pub(super) fn new((at, submission): (Timestamp, Submission)) -> Self {
        Self { at, submission: Arc::new(submission), state: Progress::NotYet }
    }
}

impl Party {
    pub(super) fn new(ether: &Ether, member: Member) -> Self {
        let Member { organisation, clerk } = member;
        let party = ether.admit(&organisation);
        let line = SimLine { ether: ether.clone(), party, organisation: organisation.clone() };
        let seals = SimSeals { ether: ether.clone(), party };
        let clock: Arc<dyn Clock> = Arc::new(SimClock { ether: ether.clone(), party });
        let witness = Arc::new(SimWitness { ether: ether.clone() });
        let clerk = clerk.map(|hire| hire(Arc::clone(&clock)));
        let office = Office::new(line, seals, clock, witness);
        Self { organisation, clerk, office, is_up: false, cut_off: false, in_hand: BTreeMap::new() }
    }
}

impl World<'_> {
    /// An organisation begins to work, and takes what lies for it.
    pub(super) fn opens(&mut self, number: PartyNumber) {
        let Some(party) = self.parties.get_mut(number).filter(|party| !party.is_up) else { return };
        party.is_up = true;
        let organisation = party.organisation.clone();
        let lying = self.broker.tasks.iter().filter(|(_, lies)| lies.to == organisation);
        for id in lying.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
            self.agenda.put(self.now, Due::HandOut { id });
        }
        if number == self.police {
            let due = self.reporting.iter().enumerate().filter(|(_, one)| one.state == Progress::Due);
            for place in due.map(|(place, _)| place).collect::<Vec<_>>() {
                self.send(place);
            }
        }
    }

    /// It is gone in the middle of everything, and comes back in a while.
    pub(super) fn party_dies(&mut self, number: PartyNumber, back_after: SignedDuration) {
        let Some(party) = self.parties.get_mut(number).filter(|party| party.is_up) else { return };
        party.is_up = false;
        let name = party.organisation.to_string();
        for hand in std::mem::take(&mut party.in_hand).into_keys() {
            self.hands.drop_hand(hand);
        }
        self.tell(Happened::Fault(format!("{name} dies")));
        self.agenda.put(self.after(back_after), Due::Opens { party: number });
    }

    /// The broker hands a task to its organisation, if it is there and the task is in nobody's hands.
    pub(super) fn hand_out(&mut self, id: &str) {
        let now = self.now;
        let Some(lies) = self.broker.tasks.get(id) else { return };
        let Some(number) = self.by_name.get(&lies.to).copied() else { return };
        let Some(party) = self.parties.get(number) else { return };
        let held = lies.held_until.filter(|until| *until > now);
        if let Some(until) = held {
            return self.agenda.put(until, Due::HandOut { id: id.to_owned() });
        }
        if !party.is_up || party.cut_off || !self.broker.is_up {
            // It comes when they are there again.
            return;
        }
        if party.in_hand.values().any(|what| matches!(what, InHand::Task(held) if held == id)) {
            // Offered again while it is being done: whoever does it will acknowledge it.
            return;
        }
        let Some(clerk) = party.clerk.clone() else { return };
        let (office, task) = (party.office.clone(), lies.task.clone());
        let to = lies.to.clone();
        self.tell(Happened::Tasked { to, task: task.clone() });
        let work = Box::pin(async move { Ended::Settled(clerk.work(&office, &task, now).await) });
        let hand = self.hands.begin(work);
        if let Some(party) = self.parties.get_mut(number) {
            party.in_hand.insert(hand, InHand::Task(id.to_owned()));
        }
    }

    /// A hand has ended: the task is acknowledged or put back, the report is answered or sent again.
    pub(super) fn hand_ended(&mut self, hand: HandNumber, ended: Ended) {
        let found = self.parties.iter_mut().enumerate().find_map(|(number, party)| {
            let what = party.in_hand.remove(&hand)?;
            Some((number, party.organisation.clone(), what))
        });
        let Some((number, organisation, what)) = found else { return };
        match (what, ended) {
            (InHand::Task(id), Ended::Settled(settled)) => self.settled(number, id, settled),
            (InHand::Report(place), Ended::Sent(sent)) => self.was_sent(place, sent),
            (InHand::Act(command), Ended::Answered(answer)) => {
                self.tell(Happened::Fault(format!("{organisation} is answered {answer:?} to its {command}")));
            }
            (InHand::Act(_), Ended::Pried(true)) => {
                self.tell(Happened::Fault(format!("{organisation} pries, and gets something")));
            }
            _ => {}
        }
    }

    fn settled(&mut self, number: PartyNumber, id: String, settled: Settled) {
        let wait = self.on_the_way();
        match settled {
            Settled::Done => {
                let incident = self.broker.tasks.get(&id).map(|lies| lies.task.incident());
                if self.strikes(Strike::SenderDiesBefore, "acknowledge task", incident) {
                    let back = self.seconds(1, 600);
                    return self.party_dies(number, back);
                }
                let cut_off = self.parties.get(number).is_none_or(|party| party.cut_off);
                if cut_off || !self.broker.is_up || self.strikes(Strike::Lost, "acknowledge task", incident) {
                    // The broker never hears of it: it comes again.
                    return self.agenda.put(self.after(COMES_AGAIN_AFTER), Due::HandOut { id });
                }
                self.agenda.put(self.after(wait), Due::Settled { id });
            }
            Settled::Later(_) => self.agenda.put(self.after(LATER_AFTER), Due::PutBack { id }),
            Settled::HandedBack => self.agenda.put(self.after(HANDED_BACK_FOR), Due::PutBack { id }),
        }
    }

    pub(super) fn put_back(&mut self, id: &str) {
        if let Some(lies) = self.broker.tasks.get_mut(id) {
            lies.held_until = None;
            self.hand_out(id);
        }
    }

    /// The police take up a report, and send it until it is answered.
    pub(super) fn take_up(&mut self, place: usize) {
        let Some(one) = self.reporting.get_mut(place) else { return };
        one.state = Progress::Due;
        let incident = self.setup.key.incident(&one.submission.report_id);
        self.tell(Happened::Reporting { report: ReportNumber(place), incident });
        self.send(place);
    }

    /// Somebody has the police's outbox: what was answered long ago is sent once more, as it was.
    pub(super) fn send_once_more(&mut self, place: usize) {
        if self.reporting.get(place).is_some_and(|one| one.state == Progress::Answered) {
            self.take_up(place);
        }
    }

    /// What organisations have in hand.
    pub(super) fn in_hand(&self) -> Vec<(Organisation, String)> {
        let all = self.parties.iter().flat_map(|party| {
            let tasks = party.in_hand.values().filter_map(|what| match what {
                InHand::Task(id) => Some(id.clone()),
                InHand::Report(_) | InHand::Act(_) => None,
            });
            tasks.map(|id| (party.organisation.clone(), id))
        });
        all.collect()
    }

    /// Sends a report that is due, unless somebody does already or nobody is there.
    pub(super) fn send(&mut self, place: usize) {
        let Some(one) = self.reporting.get(place).filter(|one| one.state == Progress::Due) else { return };
        let Some(party) = self.parties.get(self.police).filter(|party| party.is_up) else { return };
        if party.in_hand.values().any(|what| matches!(what, InHand::Report(held) if *held == place)) {
            return;
        }
        let (office, submission) = (party.office.clone(), Arc::clone(&one.submission));
        let (key, veilig_thuis) = (Arc::clone(&self.setup.key), self.setup.veilig_thuis.clone());
        let sending =
            Box::pin(async move { Ended::Sent(send(&office, &key, &veilig_thuis, &submission).await.ok()) });
        let hand = self.hands.begin(sending);
        let police = self.police;
        if let Some(party) = self.parties.get_mut(police) {
            party.in_hand.insert(hand, InHand::Report(place));
        }
    }

    fn was_sent(&mut self, place: usize, sent: Option<Sent>) {
        let Some(one) = self.reporting.get_mut(place) else { return };
        match sent {
            Some(Sent { incident, answer }) => {
                one.state = Progress::Answered;
                self.tell(Happened::ReportAnswered { report: ReportNumber(place), incident, answer });
            }
            // The receiver's key is not believed yet.
            None => self.agenda.put(self.after(SENT_AGAIN_AFTER), Due::SendAgain { place }),
        }
    }

    /// Somebody says something of its own accord.
    pub(super) fn act(&mut self, by: &Organisation, command: Command<Sealed>) {
        let Some(number) = self.by_name.get(by).copied() else { return };
        let Some(party) = self.parties.get_mut(number).filter(|party| party.is_up) else { return };
        let (office, name) = (party.office.clone(), command.name());
        let saying = Box::pin(async move { Ended::Answered(office.submit(&command).await) });
        let hand = self.hands.begin(saying);
        party.in_hand.insert(hand, InHand::Act(name));
    }

    /// Somebody asks for a payload of its own accord, and tries to open what it gets.
    pub(super) fn pry(&mut self, by: &Organisation, fetch: Fetch) {
        let Some(number) = self.by_name.get(by).copied() else { return };
        let Some(party) = self.parties.get_mut(number).filter(|party| party.is_up) else { return };
        let office = party.office.clone();
        let prying = Box::pin(async move {
            let opened = match fetch {
                Fetch::Report { .. } => office.open::<Report>(&fetch).await.is_ok(),
                Fetch::Referral { .. } => office.open::<Referral>(&fetch).await.is_ok(),
                Fetch::Letter { .. } => office.open::<Letter>(&fetch).await.is_ok(),
            };
            Ended::Pried(opened)
        });
        let hand = self.hands.begin(prying);
        party.in_hand.insert(hand, InHand::Act("prying"));
    }
}
