//! What the person at the municipality asks at the counter, and is told.

use std::time::Duration;

use hwc_adapter_kit::{
    Office,
    code::Meant,
    counter::{Said, Service},
    recall::{Done, WHILE_SOMEBODY_WAITS, recall},
};
use hwc_schemas::{
    Organisation, SignalId,
    ask::{Ask, SIGNALS_PER_QUESTION_MAX, Told, Whereabouts},
    letter::Plaintext,
    outcome::{Recalled, Withheld},
    wire::{Notice, Refusal, RouteWhy},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::{
    Decision, Outcome, RegisterStanding, Reminded, Reminders, Tray, Why,
    tray::{CANDIDATES_MAX, Enrolled, Lying, NotTaken, Shown},
};

/// What the person asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Question {
    /// What waits for a decision?
    Pending {
        /// With the children, to decide by.
        show: bool,
    },
    /// It is this candidate.
    Pick {
        /// The case, by its code.
        case: String,
        /// The candidate, counted from 1.
        number: usize,
    },
    /// Shows one case, with its children: from then on its candidates can be picked.
    Open {
        /// The case, by its code.
        case: String,
    },
    /// It is none of them, or nobody can tell.
    Withhold {
        /// The case, by its code or its signal's id.
        case: String,
        /// Why.
        #[serde(default)]
        reason: Why,
    },
    /// What was passed on since the process started?
    PassedOn,
    /// When was whoever decides told of what waits?
    Reminders,
    /// How does the register stand?
    Register,
    /// Call it back (R24).
    Recall {
        /// The signal, by its code or its id.
        signal: String,
        /// Why.
        reason: Recalled,
    },
}

/// What the person is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "told", rename_all = "snake_case")]
pub enum Reply {
    /// These wait. If they are shown, enclosed are for each in turn: the child, then its candidates.
    Pending {
        /// The longest waiting first.
        cases: Vec<Case>,
        /// How many more there are.
        more: usize,
    },
    /// This is the case. Enclosed are the child, then its candidates.
    Opened {
        /// Which.
        case: Case,
    },
    /// What became of a decision.
    Decided {
        /// What.
        decided: Decided,
    },
    /// What was passed on since the process started, the latest first.
    PassedOn {
        /// No child.
        signals: Vec<PassedOn>,
    },
    /// When whoever decides was told since the process started, the latest first.
    Reminders {
        /// Times and numbers.
        reminders: Vec<Reminded>,
    },
    /// How the register stands.
    Register {
        /// Times and numbers.
        standing: RegisterStanding,
    },
    /// What became of a recall.
    Recalled {
        /// The signal.
        signal: SignalId,
        /// What the engine said.
        done: Done,
    },
    /// Nothing of that name waits.
    Unknown,
    /// More than one is called so: say more digits.
    Several,
    /// These candidates were not shown yet, or changed since.
    NotShown,
    /// There is no candidate of that number.
    NoSuchCandidate,
    /// Somebody decides it at this moment.
    BeingDecided,
    /// It waits no more.
    NoLonger {
        /// Whether somebody decided it; else its candidates changed, and it waits under another code if it waits.
        decided: bool,
    },
}

/// A case that waits for a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// What to call it. It changes with the candidates.
    pub code: String,
    /// Its id.
    pub signal: SignalId,
    /// Which time round.
    pub round: u16,
    /// Why it is routed.
    pub why: RouteWhy,
    /// When the engine asked.
    pub since: Timestamp,
    /// Whether the same incident has a signal that nearly matches this one (R9).
    pub sister: bool,
    /// How many candidates there are.
    pub candidates: usize,
    /// Where they are enrolled, if they are shown; in the order of their numbers.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub choices: Vec<Choice>,
}

/// Where a candidate is enrolled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// The school; none while it is not known or secret.
    pub school: Option<String>,
    /// The school of secondment.
    pub host: Option<String>,
    /// Whether the enrolment is secret (R13): to pick it is to withhold the signal.
    pub secret: bool,
}

/// What became of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Decided {
    /// It is passed on to the school.
    PassedOn,
    /// It is not passed on.
    Withheld {
        /// Why.
        reason: Withheld,
    },
    /// The engine refused.
    Refused {
        /// Why.
        refusal: Refusal,
    },
    /// Nothing came of it: it could not be done, or the register changed meanwhile. It waits again.
    WaitsAgain,
    /// The engine did not answer yet. It goes on asking.
    NoAnswerYet,
}

/// A signal that was passed on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassedOn {
    /// What to call it.
    pub code: String,
    /// Its id.
    pub signal: SignalId,
    /// When.
    pub at: Timestamp,
    /// To which school.
    pub school: Organisation,
    /// Where it is, as far as the engine said.
    pub place: Place,
    /// The last notice about it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub notice: Option<Notice>,
}

/// Where a signal is that was passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// Back with the municipality.
    Here,
    /// Held for the school's day.
    Held,
    /// With the school, unopened.
    Delivered,
    /// The school has opened it.
    Opened,
    /// The school has acknowledged it.
    Acknowledged,
    /// It was not passed on any further.
    Withheld,
    /// It was called back.
    Recalled,
    /// Nobody acknowledged it in time.
    Expired,
    /// It ended, and how is forgotten (R23).
    Over,
}

/// Most cases that are listed at once.
pub const CASES_MAX: usize = 500;
/// Children that are shown at once; the next case is then left for the next time.
const SHOWN_MAX: usize = 2_000;
/// Signals passed on that are listed.
const PASSED_ON_MAX: usize = 500;
/// How long the engine may take to say where they are.
const LOOK_WITHIN: Duration = Duration::from_secs(5);
/// How often it is asked while nobody looks.
const LOOK_EVERY: Duration = Duration::from_secs(20);

/// A municipality's counter. Cheap to clone.
#[derive(Clone)]
pub struct AtTheCounter {
    office: Office,
    tray: Tray,
    reminders: Reminders,
    register: watch::Receiver<RegisterStanding>,
}

impl AtTheCounter {
    /// The counter of this office, for what lies in this tray.
    pub const fn new(
        office: Office,
        tray: Tray,
        reminders: Reminders,
        register: watch::Receiver<RegisterStanding>,
    ) -> Self {
        Self { office, tray, reminders, register }
    }

    fn open(&self, said: &str) -> Said<Reply> {
        let Shown { lying, child, candidates } = match self.tray.show_meant(said) {
            Ok(shown) => shown,
            Err(why) => return Reply::from(why).into(),
        };
        let (_, digits) = self.tray.lying();
        let (mut enclosed, mut choices) = (vec![child], Vec::with_capacity(candidates.len()));
        for (pupil, enrolled) in candidates {
            enclosed.push(pupil);
            choices.push(enrolled.into());
        }
        Said { reply: Reply::Opened { case: case(&lying, digits, choices) }, enclosed }
    }

    fn pending(&self, show: bool) -> Said<Reply> {
        let (lying, digits) = self.tray.lying();
        let waiting = lying.len();
        let (mut cases, mut enclosed): (Vec<Case>, Vec<Plaintext>) = (Vec::new(), Vec::new());
        for one in lying.into_iter().take(CASES_MAX) {
            if !show {
                cases.push(case(&one, digits, Vec::new()));
                continue;
            }
            if enclosed.len() + CANDIDATES_MAX + 1 > SHOWN_MAX {
                break;
            }
            // Decided meanwhile.
            let Some(Shown { lying, child, candidates }) = self.tray.show((one.signal, one.round)) else {
                continue;
            };
            enclosed.push(child);
            let mut choices = Vec::with_capacity(candidates.len());
            for (pupil, enrolled) in candidates {
                enclosed.push(pupil);
                choices.push(enrolled.into());
            }
            cases.push(case(&lying, digits, choices));
        }
        let more = waiting.saturating_sub(cases.len());
        Said { reply: Reply::Pending { cases, more }, enclosed }
    }

    async fn decide(&self, said: &str, decision: Decision) -> Reply {
        let told = match self.tray.hand_in(said, decision) {
            Ok(told) => told,
            Err(why) => return why.into(),
        };
        let decided = match tokio::time::timeout(WHILE_SOMEBODY_WAITS, told).await {
            Ok(Ok(Outcome::PassedOn)) => Decided::PassedOn,
            Ok(Ok(Outcome::Withheld(reason))) => Decided::Withheld { reason },
            Ok(Ok(Outcome::Refused(refusal))) => Decided::Refused { refusal },
            Ok(Ok(Outcome::NotNow) | Err(_)) => Decided::WaitsAgain,
            Err(_) => Decided::NoAnswerYet,
        };
        Reply::Decided { decided }
    }

    async fn passed_on(&self) -> Reply {
        // What was known stays said if the engine does not answer.
        let _ = tokio::time::timeout(LOOK_WITHIN, look_where(&self.office, &self.tray)).await;
        let (passed_on, digits) = self.tray.passed_on();
        let line = |one: crate::tray::PassedOn| PassedOn {
            code: one.code.short(digits).to_owned(),
            signal: one.signal,
            at: one.at,
            place: Place::from(&one),
            school: one.school,
            notice: one.notice,
        };
        Reply::PassedOn { signals: passed_on.into_iter().take(PASSED_ON_MAX).map(line).collect() }
    }

    async fn recall(&self, said: &str, reason: Recalled) -> Reply {
        let signal = match said.trim().parse::<SignalId>() {
            Ok(signal) => signal,
            Err(_) => match self.tray.find_passed_on(said) {
                Meant::One(signal) => signal,
                Meant::None => return Reply::Unknown,
                Meant::Several => return Reply::Several,
            },
        };
        let done = recall(&self.office, signal, reason).await;
        if matches!(done, Done::Recorded { .. }) {
            self.tray.is_seen(signal, Whereabouts::Recalled);
        }
        Reply::Recalled { signal, done }
    }
}

fn case(one: &Lying, digits: usize, choices: Vec<Choice>) -> Case {
    Case {
        code: one.code.short(digits).to_owned(),
        signal: one.signal,
        round: one.round,
        why: one.why,
        since: one.since,
        sister: one.sister,
        candidates: one.candidates,
        choices,
    }
}

/// Asks the engine where the signals are that were passed on and have not ended, as far as is known.
async fn look_where(office: &Office, tray: &Tray) {
    for some in tray.not_over().chunks(SIGNALS_PER_QUESTION_MAX) {
        let Told::Signals { signals } = office.ask(&Ask::Signals { signals: some.to_vec() }).await else {
            return;
        };
        for (signal, at) in some.iter().zip(signals) {
            tray.is_seen(*signal, at);
        }
    }
}

/// Looks where what was passed on is, again and again: how a signal ended is known for moments only.
pub async fn follow(office: Office, tray: Tray) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let _ = tokio::time::timeout(LOOK_WITHIN, look_where(&office, &tray)).await;
    }
}

impl From<NotTaken> for Reply {
    fn from(why: NotTaken) -> Self {
        match why {
            NotTaken::Unknown => Self::Unknown,
            NotTaken::Several => Self::Several,
            NotTaken::NotShown => Self::NotShown,
            NotTaken::NoSuchCandidate => Self::NoSuchCandidate,
            NotTaken::BeingDecided => Self::BeingDecided,
            NotTaken::Decided => Self::NoLonger { decided: true },
            NotTaken::Left => Self::NoLonger { decided: false },
        }
    }
}

impl From<Enrolled> for Choice {
    fn from(Enrolled { school, host, secret }: Enrolled) -> Self {
        Self { school, host, secret }
    }
}

impl From<&crate::tray::PassedOn> for Place {
    fn from(one: &crate::tray::PassedOn) -> Self {
        match one.seen {
            Whereabouts::Acknowledged => Self::Acknowledged,
            Whereabouts::Withheld => Self::Withheld,
            Whereabouts::Recalled => Self::Recalled,
            Whereabouts::Expired => Self::Expired,
            _ if one.over => Self::Over,
            Whereabouts::Here => Self::Here,
            Whereabouts::Delivered => Self::Delivered,
            Whereabouts::Opened => Self::Opened,
            Whereabouts::Held | Whereabouts::Unknown => Self::Held,
        }
    }
}

impl Service for AtTheCounter {
    type Question = Question;
    type Reply = Reply;

    fn act(question: &Question) -> Option<&'static str> {
        match question {
            Question::Pending { show: true } => Some("shown"),
            Question::Open { .. } => Some("opened"),
            Question::Pick { .. } => Some("picked"),
            Question::Withhold { .. } => Some("withheld"),
            Question::Recall { .. } => Some("recalled"),
            Question::Pending { show: false }
            | Question::PassedOn
            | Question::Reminders
            | Question::Register => None,
        }
    }

    fn is_done(reply: &Reply) -> bool {
        match reply {
            Reply::Pending { cases, .. } => !cases.is_empty(),
            Reply::Opened { .. } => true,
            Reply::Decided { decided } => {
                matches!(decided, Decided::PassedOn | Decided::Withheld { .. } | Decided::NoAnswerYet)
            }
            Reply::Recalled { done, .. } => done.may_be_done(),
            _ => false,
        }
    }

    async fn answer(&self, question: Question) -> Said<Reply> {
        match question {
            Question::Pending { show } => return self.pending(show),
            Question::Pick { case, number } => match number.checked_sub(1) {
                Some(which) => self.decide(&case, Decision::Pick(which)).await,
                None => Reply::NoSuchCandidate,
            },
            Question::Open { case } => return self.open(&case),
            Question::Withhold { case, reason } => self.decide(&case, Decision::Withhold(reason)).await,
            Question::PassedOn => self.passed_on().await,
            Question::Reminders => Reply::Reminders { reminders: self.reminders.last() },
            Question::Register => Reply::Register { standing: self.register.borrow().clone() },
            Question::Recall { signal, reason } => self.recall(&signal, reason).await,
        }
        .into()
    }
}

#[cfg(test)]
mod tests {
    use hwc_hostile::Trial;
    use hwc_schemas::message;

    use super::*;

    #[test]
    fn questions_and_replies_withstand_hostile_input() {
        let signal = "00000000000000000000000000000007-1";
        let questions = [
            r#"{"ask":"pending","show":true}"#.to_owned(),
            r#"{"ask":"pick","case":"5b20e7","number":1}"#.to_owned(),
            r#"{"ask":"passed_on"}"#.to_owned(),
            r#"{"ask":"withhold","case":"5b20e7","reason":"enrolment_unknown"}"#.to_owned(),
            format!(r#"{{"ask":"recall","signal":"{signal}","reason":"wrong_school"}}"#),
        ];
        let said =
            |bytes: &[u8]| message::read::<Question>(bytes).err().map(|error| format!("{error} {error:?}"));
        Trial::new(questions, said).withstands();
        let replies = [
            format!(
                r#"{{"told":"pending","cases":[{{"code":"5b20e7","signal":"{signal}","round":1,"why":"new","since":"2026-11-18T10:00:00Z","sister":false,"candidates":1}}],"more":0}}"#
            ),
            r#"{"told":"register","standing":{"in_a_database":true,"pupils":7,"stale":false}}"#.to_owned(),
            r#"{"told":"decided","decided":{"outcome":"withheld","reason":"enrolment_secret"}}"#.to_owned(),
            format!(
                r#"{{"told":"recalled","signal":"{signal}","done":{{"done":"recorded","already":false}}}}"#
            ),
        ];
        let said =
            |bytes: &[u8]| message::read::<Reply>(bytes).err().map(|error| format!("{error} {error:?}"));
        Trial::new(replies, said).withstands();
    }
}
