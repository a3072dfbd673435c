//! The organisations: they work off what they are asked, and ask again when told to come back.

use std::collections::BTreeMap;

use hwc_relay::{Reply, Ticket};
use hwc_schemas::{
    IncidentId, Organisation,
    outcome::{Recalled, Withheld},
    wire::{Answer, Command, Expansion, Fetch, Finding, Interval, Notice, Refusal, Screening, Sealed, Task},
};

use crate::{
    region::{incident, municipality, other_school, police, school, sealed},
    world::World,
};

/// What becomes of an incident if everybody does what they should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plan {
    /// Two children, both acknowledged.
    Ordinary,
    /// Not violence in a relationship of dependency.
    NotDv,
    /// The look-up is down at first; then a sibling joins.
    LookUpDown,
    /// Withheld by the municipality.
    Withheld,
    /// Returned by the first school, acknowledged by another.
    Returned,
    /// Recalled by the municipality once the school has opened it.
    Recalled,
    /// Nobody at the school ever opens anything.
    Unattended,
}

impl Plan {
    pub(crate) const ALL: [Self; 7] = [
        Self::Ordinary,
        Self::NotDv,
        Self::LookUpDown,
        Self::Withheld,
        Self::Returned,
        Self::Recalled,
        Self::Unattended,
    ];

    /// How its signals end.
    pub(crate) const fn ends(self) -> &'static [&'static str] {
        match self {
            Self::Ordinary | Self::LookUpDown => &["acknowledged", "acknowledged"],
            Self::Returned => &["acknowledged"],
            Self::NotDv => &[],
            Self::Withheld => &["withheld"],
            Self::Recalled => &["recalled"],
            Self::Unattended => &["expired"],
        }
    }
}

enum Ask {
    Command(Command<Sealed>),
    Fetch(Fetch),
}

/// Something that an organisation has set out to do, step by step.
struct Errand {
    who: Organisation,
    task: Option<Task>,
    plan: Plan,
    steps: Vec<Ask>,
    done: usize,
    waits_for: Option<Ticket>,
}

/// All organisations. They survive a crash of the engine.
#[derive(Default)]
pub(crate) struct People {
    plans: BTreeMap<String, Plan>,
    errands: BTreeMap<String, Errand>,
    /// What was said to every command, in order.
    pub(crate) answers: Vec<Answer>,
}

pub(crate) fn record(n: u64) -> Command<Sealed> {
    Command::Record {
        incident: incident(n),
        day: jiff::civil::Date::constant(2026, 11, 19),
        report: sealed(),
    }
}

pub(crate) fn expand(incident: IncidentId, children: usize, complete: bool) -> Command<Sealed> {
    expand_after(0, incident, children, complete)
}

/// So many children, after so many that went before.
pub(crate) fn expand_after(
    first: u16,
    incident: IncidentId,
    children: usize,
    complete: bool,
) -> Command<Sealed> {
    let refer = Finding::Refer { municipality: municipality(), referral: sealed() };
    let interval = Interval { seconds: 3600, date_only: false };
    Command::Expand {
        incident,
        expansion: Expansion { first, findings: vec![refer; children], complete, interval },
    }
}

pub(crate) fn screen(n: u64) -> Command<Sealed> {
    Command::Screen { incident: incident(n), screening: Screening::Qualifies }
}

impl People {
    /// The police send a report, and this is what becomes of it.
    pub(crate) fn report(&mut self, n: u64, plan: Plan) {
        self.plans.insert(incident(n).to_string(), plan);
        let steps = vec![Ask::Command(record(n))];
        let errand = Errand { who: police(), task: None, plan, steps, done: 0, waits_for: None };
        self.errands.insert(format!("report.{n}"), errand);
    }

    /// Takes on what was offered, hears what was answered, asks what is next. Whether anybody did anything.
    pub(crate) fn work(&mut self, world: &mut World) -> bool {
        let mut moved = self.take_on(world);
        let mut finished = Vec::new();
        for (id, errand) in &mut self.errands {
            let heard = errand.waits_for.and_then(|ticket| world.reply(ticket));
            if let Some(reply) = heard {
                moved = true;
                errand.hear(&reply);
                if let Reply::Command(answer) = reply {
                    self.answers.push(answer);
                }
            }
            if errand.waits_for.is_some() {
                continue;
            }
            moved = true;
            match errand.steps.get(errand.done) {
                Some(Ask::Command(command)) => {
                    errand.waits_for = Some(world.submit(&errand.who, command.clone()));
                }
                Some(Ask::Fetch(fetch)) => errand.waits_for = Some(world.fetch(&errand.who, *fetch)),
                None => finished.push(id.clone()),
            }
        }
        for id in finished {
            self.errands.remove(&id);
            world.outside.tasks.remove(&id);
        }
        moved
    }

    /// Their connections broke: they ask again.
    pub(crate) fn lost_the_engine(&mut self) {
        for errand in self.errands.values_mut() {
            errand.waits_for = None;
        }
    }

    pub(crate) fn are_done(&self) -> bool {
        self.errands.is_empty()
    }

    fn take_on(&mut self, world: &World) -> bool {
        let mut moved = false;
        for (id, (who, task)) in &world.outside.tasks {
            let plan = self.plans[&task.incident().to_string()];
            let never = plan == Plan::Unattended && matches!(task, Task::Read { .. });
            if !never && !self.errands.contains_key(id) {
                moved = true;
                let steps = steps(task, plan);
                let (who, task) = (who.clone(), Some(task.clone()));
                self.errands.insert(id.clone(), Errand { who, task, plan, steps, done: 0, waits_for: None });
            }
        }
        moved
    }
}

impl Errand {
    fn hear(&mut self, reply: &Reply) {
        self.waits_for = None;
        match reply {
            Reply::TryLater | Reply::Command(Answer::TryLater) => {}
            Reply::Command(Answer::Recorded | Answer::AlreadyRecorded) | Reply::Release { .. } => {
                self.done += 1;
            }
            // Whoever holds a task for it lets it go.
            Reply::Command(Answer::Refused { refusal }) | Reply::NotDue(refusal) => {
                let expected = [Refusal::Gone, Refusal::AlreadyDecided].contains(refusal);
                assert!(expected, "{:?} of {:?} is refused: {refusal:?}", self.task, self.plan);
                self.done = self.steps.len();
            }
        }
    }
}

fn steps(task: &Task, plan: Plan) -> Vec<Ask> {
    match task.clone() {
        Task::Screen { incident } => {
            let report = Ask::Fetch(Fetch::Report { incident });
            let screening = if plan == Plan::NotDv {
                Screening::NotDomesticViolence { children: 1 }
            } else {
                Screening::Qualifies
            };
            let screen = Ask::Command(Command::Screen { incident, screening });
            match plan {
                Plan::NotDv => vec![report, screen],
                Plan::LookUpDown => vec![report, screen, Ask::Command(expand(incident, 1, false))],
                Plan::Ordinary => vec![report, screen, Ask::Command(expand(incident, 2, true))],
                _ => vec![report, screen, Ask::Command(expand(incident, 1, true))],
            }
        }
        Task::LookUp { incident } => vec![Ask::Command(expand_after(1, incident, 1, true))],
        Task::Route { signal, round, .. } => {
            let referral = Ask::Fetch(Fetch::Referral { signal, round });
            let to = if plan == Plan::Returned && round == 1 { other_school() } else { school() };
            let reason = Withheld::EnrolmentUnknown;
            vec![
                referral,
                Ask::Command(if plan == Plan::Withheld {
                    Command::Withhold { signal, round, reason }
                } else {
                    Command::Route { signal, round, school: to, letter: sealed() }
                }),
            ]
        }
        Task::Read { signal, round } => {
            let letter = Ask::Fetch(Fetch::Letter { signal, round });
            let last = match plan {
                Plan::Returned if round == 1 => Command::Return { signal, round },
                // The school's contact acknowledges; the recall comes with the municipality's next notice.
                _ => Command::Acknowledge { signal, round },
            };
            if plan == Plan::Recalled { vec![letter] } else { vec![letter, Ask::Command(last)] }
        }
        Task::Notice { signal, notice: Notice::ReceiptMissing | Notice::StillUnread, .. }
            if plan == Plan::Recalled =>
        {
            vec![Ask::Command(Command::Recall { signal, reason: Recalled::WrongSchool })]
        }
        Task::Notice { .. } => Vec::new(),
    }
}
