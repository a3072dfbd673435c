//! A counter as a municipality's process has it, without the process: invented cases, decided once, under codes that change.

use std::sync::{Arc, Mutex, MutexGuard};

use hwc_adapter_kit::{
    counter::{AskError, Said},
    recall::Done,
};
use hwc_desk::Counter;
use hwc_municipality::{
    Import, ImportCounts, Occasion, RegisterStanding, Reminded, Why,
    counter::{Case, Choice, Decided, PassedOn, Place, Question, Reply},
};
use hwc_schemas::{
    SignalId,
    letter::{Letter, Plaintext, Sealable as _},
    outcome::Withheld,
    person::{Child, DateOfBirth},
    wire::{Notice, Refusal, RouteWhy},
};
use jiff::Timestamp;

/// An invented child.
pub(crate) fn child(given_names: &str, prefix: Option<&str>, surname: &str, born: &str) -> Child {
    let born = DateOfBirth::parse(born).expect("a date");
    Child::new(given_names, prefix, surname, born).expect("a child")
}

pub(crate) fn signal(number: u32) -> SignalId {
    format!("{number:032x}-1").parse().expect("a signal's id")
}

fn moment(text: &str) -> Timestamp {
    text.parse().expect("a moment")
}

/// A case that waits.
pub(crate) struct Waiting {
    pub(crate) case: Case,
    sought: Child,
    pupils: Vec<(Child, Choice)>,
    shown: bool,
    /// It ended meanwhile, and nobody told this counter.
    pub(crate) gone: bool,
    /// Somebody decides it, and the engine is slow.
    pub(crate) being_decided: bool,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) cases: Vec<Waiting>,
    pub(crate) left: Vec<(String, bool)>,
    pub(crate) passed_on: Vec<PassedOn>,
    pub(crate) reminders: Vec<Reminded>,
    pub(crate) standing: RegisterStanding,
    /// The process does not run.
    pub(crate) away: bool,
    pub(crate) asked: Vec<Question>,
    codes: u32,
}

/// The counter.
#[derive(Clone, Default)]
pub(crate) struct Pretend(Arc<Mutex<State>>);

fn school(code: &str) -> Choice {
    Choice { school: Some(code.to_owned()), host: None, secret: false }
}

impl Pretend {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("nobody panicked")
    }

    /// A morning with one case of each kind.
    pub(crate) fn on_a_morning() -> Self {
        let counter = Self::default();
        counter.comes(
            RouteWhy::New,
            child("Lotje", None, "Smit", "2018-12-11"),
            vec![(child("Lotte", None, "Smit", "2018-12-11"), school("01AA00"))],
        );
        counter.comes(
            RouteWhy::New,
            child("Noa", Some("van der"), "Berg", "2014-02-03"),
            vec![
                (child("Noa", Some("van der"), "Berg", "2014-02-03"), school("01AA00")),
                (
                    child("Noa Sophie", Some("van der"), "Berg", "2014-02-03"),
                    Choice { host: Some("02BB00".to_owned()), ..school("01AA00") },
                ),
                (
                    child("Noa", None, "van der Berg-Jansen", "2014-02-03"),
                    Choice { school: None, host: None, secret: true },
                ),
            ],
        );
        counter.comes(RouteWhy::Returned, child("Eva", None, "Jansen", "2015-04-08"), Vec::new());
        let mut state = counter.lock();
        state.cases[1].case.sister = true;
        state.reminders = vec![
            Reminded {
                at: moment("2026-11-18T07:00:00Z"),
                occasion: Occasion::StillWaiting,
                cases: 2,
                since: moment("2026-11-17T15:02:00Z"),
            },
            Reminded {
                at: moment("2026-11-17T15:02:00Z"),
                occasion: Occasion::New,
                cases: 2,
                since: moment("2026-11-17T15:02:00Z"),
            },
        ];
        let passed = |number: u32, at: &str, place, notice| PassedOn {
            code: format!("9c01d{number}"),
            signal: signal(100 + number),
            at: moment(at),
            school: "school-01AA00".parse().expect("a school"),
            place,
            notice,
        };
        state.passed_on = vec![
            passed(4, "2026-11-18T06:12:00Z", Place::Delivered, None),
            passed(3, "2026-11-18T06:10:00Z", Place::Opened, None),
            passed(2, "2026-11-17T06:31:00Z", Place::Delivered, Some(Notice::ReceiptMissing)),
            passed(1, "2026-11-17T06:30:00Z", Place::Acknowledged, None),
            passed(0, "2026-11-16T06:30:00Z", Place::Over, None),
        ];
        state.standing = RegisterStanding {
            looked_at: Some(moment("2026-11-18T07:04:00Z")),
            in_a_database: true,
            pupils: Some(31_107),
            schools: Some(84),
            participating: Some(61),
            imported_at: Some(moment("2026-11-16T20:15:00Z")),
            stale_after_days: Some(10),
            stale: false,
            problem: None,
            last: Some(Import {
                at: moment("2026-11-16T20:15:00Z"),
                full: true,
                counts: ImportCounts {
                    rows: 31_204,
                    new: 112,
                    gone: 97,
                    moved: 41,
                    ..ImportCounts::default()
                },
            }),
        };
        drop(state);
        counter
    }

    /// A case comes to the counter; its code.
    pub(crate) fn comes(&self, why: RouteWhy, sought: Child, pupils: Vec<(Child, Choice)>) -> String {
        let mut state = self.lock();
        state.codes += 1;
        let code = format!("5b20e{:x}", state.codes);
        let case = Case {
            code: code.clone(),
            signal: signal(state.codes),
            round: 1,
            why,
            since: moment("2026-11-17T15:02:00Z"),
            sister: false,
            candidates: pupils.len(),
            choices: Vec::new(),
        };
        state.cases.push(Waiting { case, sought, pupils, shown: false, gone: false, being_decided: false });
        code
    }

    /// The process starts again: everything waits under another code, and nobody was shown anything.
    pub(crate) fn starts_again(&self) {
        let mut state = self.lock();
        state.left.clear();
        let State { cases, codes, .. } = &mut *state;
        for one in cases {
            *codes += 1;
            one.case.code = format!("77aa{codes:02x}");
            one.shown = false;
        }
    }

    /// The register changes: this case is judged anew, under another code.
    pub(crate) fn is_judged_anew(&self, code: &str) {
        let mut state = self.lock();
        state.left.push((code.to_owned(), false));
        let one = state.cases.iter_mut().find(|one| one.case.code == code).expect("it waits");
        one.case.code = format!("c{}", &code[1..]);
        one.shown = false;
    }

    fn answer(&self, question: Question) -> Said<Reply> {
        let mut state = self.lock();
        state.asked.push(question.clone());
        match question {
            Question::Pending { .. } => {
                let cases = state.cases.iter().map(|one| one.case.clone()).collect();
                Reply::Pending { cases, more: 0 }.into()
            }
            Question::Open { case } => match state.find(&case) {
                Ok(at) => {
                    let one = &mut state.cases[at];
                    one.shown = true;
                    let plain = |child: &Child| Letter { child: child.clone() }.to_plaintext();
                    let enclosed: Vec<Plaintext> = std::iter::once(plain(&one.sought))
                        .chain(one.pupils.iter().map(|(pupil, _)| plain(pupil)))
                        .collect();
                    let choices = one.pupils.iter().map(|(_, choice)| choice.clone()).collect();
                    Said { reply: Reply::Opened { case: Case { choices, ..one.case.clone() } }, enclosed }
                }
                Err(reply) => (*reply).into(),
            },
            Question::Pick { case, number } => state.decide(&case, Some(number), Why::default()).into(),
            Question::Withhold { case, reason } => state.decide(&case, None, reason).into(),
            Question::PassedOn => Reply::PassedOn { signals: state.passed_on.clone() }.into(),
            Question::Reminders => Reply::Reminders { reminders: state.reminders.clone() }.into(),
            Question::Register => Reply::Register { standing: state.standing.clone() }.into(),
            Question::Recall { signal, .. } => {
                let meant = |one: &&mut PassedOn| one.code == signal || one.signal.to_string() == signal;
                let Some(one) = state.passed_on.iter_mut().find(meant) else { return Reply::Unknown.into() };
                let done = match one.place {
                    Place::Recalled => Done::Recorded { already: true },
                    Place::Over | Place::Acknowledged => Done::Refused { refusal: Refusal::Gone },
                    _ => Done::Recorded { already: false },
                };
                if matches!(done, Done::Recorded { .. }) {
                    one.place = Place::Recalled;
                }
                Reply::Recalled { signal: one.signal, done }.into()
            }
        }
    }
}

impl State {
    fn find(&self, code: &str) -> Result<usize, Box<Reply>> {
        if let Some(at) = self.cases.iter().position(|one| one.case.code == code) {
            return if self.cases[at].being_decided { Err(Box::new(Reply::BeingDecided)) } else { Ok(at) };
        }
        let left = self.left.iter().find(|(left, _)| left == code);
        let reply = left.map_or(Reply::Unknown, |(_, decided)| Reply::NoLonger { decided: *decided });
        Err(Box::new(reply))
    }

    fn decide(&mut self, code: &str, number: Option<usize>, why: Why) -> Reply {
        let at = match self.find(code) {
            Ok(at) => at,
            Err(reply) => return *reply,
        };
        let one = &self.cases[at];
        let picked = match number.map(|number| one.pupils.get(number - 1)) {
            Some(_) if !one.shown => return Reply::NotShown,
            Some(None) => return Reply::NoSuchCandidate,
            picked => picked.flatten().map(|(_, choice)| choice.clone()),
        };
        let one = self.cases.remove(at);
        self.left.push((code.to_owned(), true));
        let decided = match picked {
            _ if one.gone => Decided::Refused { refusal: Refusal::Gone },
            None => Decided::Withheld { reason: why.into() },
            Some(Choice { secret: true, .. }) => Decided::Withheld { reason: Withheld::EnrolmentSecret },
            Some(choice) => {
                let school = format!("school-{}", choice.school.expect("a school"));
                self.passed_on.insert(
                    0,
                    PassedOn {
                        code: format!("e{}", &code[1..]),
                        signal: one.case.signal,
                        at: Timestamp::now(),
                        school: school.parse().expect("a school"),
                        place: Place::Held,
                        notice: None,
                    },
                );
                Decided::PassedOn
            }
        };
        Reply::Decided { decided }
    }
}

impl Counter for Pretend {
    async fn ask(&self, question: Question) -> Result<Said<Reply>, AskError> {
        if self.lock().away {
            return Err(AskError::NobodyThere("counter".into()));
        }
        Ok(self.answer(question))
    }
}
