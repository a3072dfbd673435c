//! Small worlds, written by hand in few lines: one in which everything is as it should be, and ways to spoil it.

use hwc_schemas::{
    IncidentId, Organisation, PayloadId, SignalId, SignalNumber,
    letter::Hop,
    outcome::ScreenedOut,
    report::{Kind, Presence, Relation},
    wire::{Answer, Interval, Notice, RouteWhy, Task},
};
use hwc_workflow::{Event, Fact, Found};
use jiff::{SignedDuration, Timestamp, civil::date};

use super::Checker;
use crate::{
    chronicle::{Content, EngineNumber, Entry, Gone, Happened},
    truth::{
        Enrolment, Holidays, Invented, Mention, Register, Report, ReportNumber, Resident, School, Truth,
    },
};

/// What is so, and what happened, until now.
pub(super) struct Story {
    pub(super) truth: Truth,
    pub(super) entries: Vec<Entry>,
    now: Timestamp,
}

/// Who is who.
pub(super) fn org(name: &str) -> Organisation {
    name.parse().unwrap()
}

pub(super) fn incident(n: u32) -> IncidentId {
    format!("{n:032x}").parse().unwrap()
}

pub(super) fn number(n: u16) -> SignalNumber {
    SignalNumber::try_from(n).unwrap()
}

pub(super) fn signal(n: u16) -> SignalId {
    SignalId { incident: incident(1), number: number(n) }
}

pub(super) fn payload(n: u32) -> PayloadId {
    format!("{n:032x}").parse().unwrap()
}

pub(super) fn child(given_names: &str, surname: &str, born: &str) -> Invented {
    Invented {
        given_names: given_names.into(),
        prefix: String::new(),
        surname: surname.into(),
        date_of_birth: born.parse().unwrap(),
    }
}

/// Named in the report, and registered: goes to 01AA00.
pub(super) fn david() -> Invented {
    child("David", "Pieterse", "2016-02-03")
}

/// Named in the report, on a visit.
pub(super) fn sam() -> Invented {
    child("Sam", "Smit", "2015-05-05")
}

/// Registered at the address, not named: goes to 03CC00.
pub(super) fn noor() -> Invented {
    child("Noor", "Pieterse", "2011-06-21")
}

/// A moment of the Netherlands in winter, as in `2026-11-19 06:45`.
pub(super) fn when(local: &str) -> Timestamp {
    let text = format!("{}+01:00", local.replace(' ', "T"));
    text.parse().unwrap_or_else(|_| format!("{}:00+01:00", local.replace(' ', "T")).parse().unwrap())
}

pub(super) fn enrolled(pupil: Invented, school: &str) -> Enrolment {
    Enrolment { pupil, school: Some(school.into()), host: None, secret: false }
}

fn school(code: &str, municipality: &str, mailbox: bool) -> School {
    School {
        code: code.into(),
        municipality: municipality.into(),
        mailbox,
        covenant_signed_on: Some(date(2021, 3, 1)),
        closed_days: std::collections::BTreeSet::new(),
    }
}

/// A small region with one report.
pub(super) fn region() -> Truth {
    let begins = when("2026-11-18 12:00");
    let address = String::from("5038AA 1");
    let living = |person| Resident { address: address.clone(), municipality: "0855".into(), person };
    let of_0855 = vec![enrolled(david(), "01AA00"), enrolled(noor(), "03CC00")];
    let codes = |codes: &[&str]| codes.iter().map(|&code| code.to_owned()).collect();
    Truth {
        begins,
        heals_at: begins,
        policy: crate::truth::PolicySettings::default(),
        holidays: Holidays {
            summer: vec![(date(2027, 7, 24), date(2027, 9, 5))],
            other: vec![
                (date(2026, 10, 17), date(2026, 10, 25)),
                (date(2026, 12, 19), date(2027, 1, 3)),
                (date(2027, 2, 13), date(2027, 2, 21)),
                (date(2027, 4, 24), date(2027, 5, 2)),
            ],
            years_listed: [2026].into(),
            closed_days: [].into(),
        },
        participating: codes(&["0855", "0867"]),
        region: codes(&["0855", "0867", "0797"]),
        schools: vec![
            school("01AA00", "0855", true),
            school("02BB00", "0855", true),
            school("03CC00", "0855", true),
            school("04DD00", "0867", false),
            school("09ZZ00", "0758", true),
        ],
        residents: vec![living(david()), living(noor()), living(child("Anna", "Pieterse", "1984-05-02"))],
        registers: [
            ("0855".into(), vec![Register { from: begins, rows: of_0855 }]),
            ("0867".into(), vec![Register { from: begins, rows: Vec::new() }]),
        ]
        .into(),
        reports: vec![Report {
            reference: "P-1".into(),
            reported_at: when("2026-11-19 06:45"),
            occurred_at: when("2026-11-18 22:40"),
            kind: Kind::DomesticViolence,
            address,
            municipality: Some("0855".into()),
            mentions: vec![
                Mention { child: david(), presence: Presence::Present, relation: Relation::Resident },
                Mention { child: sam(), presence: Presence::Present, relation: Relation::Visitor },
            ],
        }],
        look_up_down: Vec::new(),
        clock_error_max: SignedDuration::from_secs(30),
        dishonest: [].into(),
    }
}

impl Story {
    /// Nothing happened yet, and nothing goes wrong.
    pub(super) fn new() -> Self {
        let truth = region();
        let now = truth.begins;
        Self { truth, entries: Vec::new(), now }
    }

    /// Goes on to a moment, as in `2026-11-19 06:45`.
    pub(super) fn at(&mut self, local: &str) -> &mut Self {
        self.now = when(local);
        self
    }

    pub(super) fn now(&self) -> Timestamp {
        self.now
    }

    pub(super) fn happens(&mut self, what: Happened) -> &mut Self {
        self.entries.push(Entry { at: self.now, what });
        self
    }

    pub(super) fn fault(&mut self) -> &mut Self {
        self.happens(Happened::Fault("a crash".into()))
    }

    /// Becomes durable, and is noted.
    pub(super) fn durable(&mut self, facts: impl IntoIterator<Item = Fact>) -> &mut Self {
        let events: Vec<_> = facts.into_iter().map(|fact| Event { at: self.now, fact }).collect();
        let (incident, by) = (incident(1), EngineNumber(0));
        self.happens(Happened::Durable { incident, by, events: events.clone() });
        self.happens(Happened::Noted { by, incident, events })
    }

    pub(super) fn stored(&mut self, n: u32, hop: Hop, sealed_to: &str) -> &mut Self {
        let sealed_to = org(sealed_to);
        self.happens(Happened::Stored { payload: payload(n), incident: incident(1), hop, sealed_to })
    }

    /// A ciphertext is gone, and the engine says so.
    pub(super) fn erased(&mut self, n: u32) -> &mut Self {
        self.happens(Happened::Gone { payload: payload(n), how: Gone::Erased });
        self.durable([Fact::Erased { payload: payload(n) }])
    }

    /// A task is offered, and reaches its organisation.
    pub(super) fn asked(&mut self, to: &str, task: &Task) -> &mut Self {
        self.happens(Happened::Offered { to: org(to), task: task.clone() });
        self.happens(Happened::Tasked { to: org(to), task: task.clone() })
    }

    /// An organisation hears that its command is recorded, and settles its task.
    pub(super) fn answered(&mut self, to: &str, command: &'static str, task: Task) -> &mut Self {
        let (incident, answer) = (incident(1), Answer::Recorded);
        self.happens(Happened::Answered { to: org(to), incident, command, answer });
        self.happens(Happened::Settled { to: org(to), task })
    }

    pub(super) fn opened(&mut self, by: &str, number: Option<SignalNumber>, content: Content) -> &mut Self {
        self.happens(Happened::Opened { by: org(by), incident: incident(1), number, content })
    }

    /// The police report, and Veilig Thuis has it before it.
    pub(super) fn reported(&mut self) -> &mut Self {
        let (report, number) = (ReportNumber(0), incident(1));
        self.at("2026-11-19 06:45:00").happens(Happened::Reporting { report, incident: number });
        self.stored(1, Hop::Report, VT).durable([Fact::Recorded {
            police: org("police-0599"),
            veilig_thuis: org(VT),
            report: payload(1),
            trace: None,
        }]);
        self.happens(Happened::ReportAnswered { report, incident: number, answer: Answer::Recorded });
        self.asked(VT, &screen()).opened(VT, None, Content::Report(report))
    }

    /// Veilig Thuis screens, and refers two children; a third, on a visit, goes no further.
    pub(super) fn expanded(&mut self) -> &mut Self {
        self.at("2026-11-19 06:50:00").durable([Fact::Screened]);
        for (n, (child, sibling)) in (1..).zip([(david(), false), (sam(), false), (noor(), true)]) {
            self.happens(Happened::Found { signal: signal(n), child, sibling });
        }
        self.stored(2, Hop::Referral, "municipality-0855").stored(3, Hop::Referral, "municipality-0855");
        self.durable([Fact::Expanded {
            found: vec![referred(2), Found::ScreenedOut { reason: ScreenedOut::Visitor }, referred(3)],
            complete: true,
            interval: Interval { seconds: 29_100, date_only: false },
        }]);
        self.answered(VT, "expand", screen()).erased(1).durable([Fact::Purged { number: number(2) }])
    }

    /// The municipality routes a child: number, its child, its school and the letter's ciphertext.
    pub(super) fn routed(&mut self, n: u16, child: Invented, school: &str, letter: u32) -> &mut Self {
        let task = Task::Route { signal: signal(n), round: 1, why: RouteWhy::New };
        let municipality = "municipality-0855";
        self.asked(municipality, &task);
        self.opened(municipality, Some(number(n)), Content::Referral(child, false));
        self.stored(letter, Hop::Letter, school);
        self.durable([Fact::Routed { number: number(n), school: org(school), letter: payload(letter) }]);
        self.answered(municipality, "route", task)
    }

    /// It is delivered.
    pub(super) fn delivered(&mut self, n: u16, school: &str) -> &mut Self {
        self.durable([Fact::Delivered { number: number(n) }])
            .asked(school, &Task::Read { signal: signal(n), round: 1 })
    }

    /// The contact is reminded, opens it and confirms, and everything of it goes.
    pub(super) fn received(&mut self, n: u16, child: Invented, school: &str, letter: u32) -> &mut Self {
        let (number, task) = (number(n), Task::Read { signal: signal(n), round: 1 });
        self.durable([Fact::Opened { number }]).opened(school, Some(number), Content::Letter(child));
        self.durable([Fact::Acknowledged { number }]).answered(school, "acknowledge", task);
        let referral = letter - 2;
        self.erased(referral).erased(letter).durable([Fact::Purged { number }])
    }

    /// At the school's contact: a notice fell due.
    pub(super) fn reminded(&mut self, n: u16, to: &str, notice: Notice, due: &str) -> &mut Self {
        let (number, due) = (number(n), when(due));
        let task = Task::Notice { signal: signal(n), round: 1, notice, due };
        self.durable([Fact::Reminded { number, notice, due }]).asked(to, &task);
        self.happens(Happened::Settled { to: org(to), task })
    }

    pub(super) fn forgotten(&mut self) -> &mut Self {
        self.happens(Happened::Forgotten { incident: incident(1) })
    }

    pub(super) fn over(&mut self) -> &mut Self {
        self.happens(Happened::Over)
    }

    /// Everything before the school's morning.
    pub(super) fn until_delivered() -> Self {
        let mut story = Self::new();
        story.happens(Happened::Healed).reported().expanded().at("2026-11-19 06:51:00");
        story.routed(1, david(), DAVIDS, 4).routed(3, noor(), NOORS, 5);
        story.at("2026-11-19 07:00:00").delivered(1, DAVIDS).delivered(3, NOORS);
        story
    }

    /// A whole world in which everything is as it should be.
    pub(super) fn ordinary() -> Self {
        let mut story = Self::until_delivered();
        story.at("2026-11-19 08:00:00").received(1, david(), DAVIDS, 4);
        story.at("2026-11-19 08:15:00").reminded(3, NOORS, Notice::RemindContact, "2026-11-19 08:15:00");
        story.at("2026-11-19 08:20:00").received(3, noor(), NOORS, 5);
        story.forgotten().over();
        story
    }

    /// Where the first such thing happened.
    pub(super) fn place(&self, such: impl Fn(&Happened) -> bool) -> usize {
        self.entries.iter().position(|entry| such(&entry.what)).expect("no such thing happened")
    }

    /// The same, had such things never happened. At least one did.
    pub(super) fn without(mut self, such: impl Fn(&Happened) -> bool) -> Self {
        let before = self.entries.len();
        self.entries.retain(|entry| !such(&entry.what));
        assert!(self.entries.len() < before, "no such thing happened");
        self
    }

    /// The same, with something just before the first such thing.
    pub(super) fn before(mut self, such: impl Fn(&Happened) -> bool, what: Happened) -> Self {
        let place = self.place(such);
        let at = self.entries[place].at;
        self.entries.insert(place, Entry { at, what });
        self
    }

    /// The same, with something just after the first such thing.
    pub(super) fn after(mut self, such: impl Fn(&Happened) -> bool, what: Happened) -> Self {
        let place = self.place(such);
        let at = self.entries[place].at;
        self.entries.insert(place + 1, Entry { at, what });
        self
    }

    /// The same, were what is so different.
    pub(super) fn were(mut self, change: impl FnOnce(&mut Truth)) -> Self {
        change(&mut self.truth);
        self
    }

    /// The same, had the first such thing been otherwise.
    pub(super) fn instead(mut self, such: impl Fn(&Happened) -> bool, what: Happened) -> Self {
        let place = self.place(such);
        self.entries[place].what = what;
        self
    }

    /// What a checker says of it.
    pub(super) fn judged(&self, mut checker: impl Checker) -> Result<(), String> {
        for entry in &self.entries {
            checker.see(entry, &self.truth)?;
        }
        checker.end(&self.truth)
    }
}

/// Whether these events, durable, hold such a fact.
pub(super) fn fact(such: impl Fn(&Fact) -> bool) -> impl Fn(&Happened) -> bool {
    move |what| matches!(what, Happened::Durable { events, .. } if events.iter().any(|event| such(&event.fact)))
}

/// One more thing that is durable, at that moment.
pub(super) fn durable_at(at: Timestamp, fact: Fact) -> Happened {
    let events = vec![Event { at, fact }];
    Happened::Durable { incident: incident(1), by: EngineNumber(0), events }
}

pub(super) fn referred(referral: u32) -> Found {
    Found::Referred { municipality: org("municipality-0855"), referral: payload(referral) }
}

pub(super) const VT: &str = "veilig-thuis-17";
pub(super) const DAVIDS: &str = "school-01AA00";
pub(super) const NOORS: &str = "school-03CC00";

/// What Veilig Thuis is asked.
pub(super) fn screen() -> Task {
    Task::Screen { incident: incident(1) }
}
