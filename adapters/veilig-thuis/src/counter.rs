//! What a person at Veilig Thuis asks at the counter, and is told.

use hwc_adapter_kit::{
    Office,
    counter::{Said, Service},
    recall::{Done, WHILE_SOMEBODY_WAITS, recall},
};
use hwc_casework::household::Extent;
use hwc_schemas::{IncidentId, SignalId, letter::Plaintext, outcome::Recalled};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    Decision, Outcome, Tray,
    tray::{NotTaken, SHOWN_MAX, Waiting},
};

/// What the person asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Question {
    /// Which households wait?
    Inbox {
        /// With the children, to decide by.
        show: bool,
    },
    /// So much of it counts, or it is to be looked up again.
    Decide {
        /// The case, by its code; or by its incident's id where it adds nobody.
        case: String,
        /// What.
        decision: Choice,
    },
    /// Call it back (R24).
    Recall {
        /// The signal.
        signal: SignalId,
        /// Why.
        reason: Recalled,
    },
}

/// What a person may decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// Every child found counts.
    Everybody,
    /// Those about whom there is no doubt.
    Certain,
    /// Only those whom the police named.
    NamedOnly,
    /// Look it up once more.
    LookAgain,
}

impl From<Choice> for Decision {
    fn from(choice: Choice) -> Self {
        match choice {
            Choice::Everybody => Self::Count(Extent::Everybody),
            Choice::Certain => Self::Count(Extent::Certain),
            Choice::NamedOnly => Self::Count(Extent::Nobody),
            Choice::LookAgain => Self::LookAgain,
        }
    }
}

/// What the person is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "told", rename_all = "snake_case")]
pub enum Reply {
    /// These wait. If they are shown, enclosed are for each in turn: the children whom the police named, then those added.
    Inbox {
        /// The longest waiting first.
        cases: Vec<Case>,
        /// How many more there are.
        more: usize,
    },
    /// What became of a decision.
    Decided {
        /// What.
        decided: Decided,
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
    /// These children were not shown yet, or changed since.
    NotShown,
    /// There is no list of residents to confirm.
    NoList,
    /// Somebody decides it at this moment.
    BeingDecided,
}

/// A household that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// What to call it. It changes when it is looked up again.
    pub code: String,
    /// Its incident.
    pub incident: IncidentId,
    /// Since when it waits.
    pub since: Timestamp,
    /// Why, as the rules of this program write it.
    pub doubts: Vec<String>,
    /// How many children the police named.
    pub named: usize,
    /// How many the household would add.
    pub added: usize,
    /// The doubt about each of those, if they are shown; in the order in which they are enclosed.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub each: Vec<Option<String>>,
}

/// What became of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Decided {
    /// It is recorded, for so many children.
    Recorded {
        /// Those who went first aside.
        children: usize,
    },
    /// The engine refused: it ended meanwhile, or was decided before.
    Refused,
    /// It waits again.
    WaitsAgain,
    /// The engine did not answer yet; it goes on trying.
    NoAnswerYet,
}

/// A Veilig Thuis's counter.
pub struct AtTheCounter {
    office: Office,
    tray: Tray,
}

impl AtTheCounter {
    /// The counter of this office, with this tray.
    pub const fn new(office: Office, tray: Tray) -> Self {
        Self { office, tray }
    }

    fn inbox(&self, show: bool) -> Said<Reply> {
        let (waiting, digits) = self.tray.lying();
        let count = waiting.len();
        if !show {
            let cases = waiting.iter().take(CASES_MAX).map(|one| case(one, digits, false)).collect();
            return Reply::Inbox { cases, more: count.saturating_sub(CASES_MAX) }.into();
        }
        let (mut cases, mut enclosed) = (Vec::new(), Vec::<Plaintext>::new());
        for one in waiting.iter().take(CASES_MAX) {
            if enclosed.len() + 2 * SHOWN_MAX > ENCLOSED_MAX {
                break;
            }
            // Decided meanwhile.
            let Some(shown) = self.tray.show(one.id) else { continue };
            cases.push(case(&shown.waiting, digits, true));
            enclosed.extend(shown.children);
        }
        let more = count.saturating_sub(cases.len());
        Said { reply: Reply::Inbox { cases, more }, enclosed }
    }

    async fn decide(&self, said: &str, choice: Choice) -> Reply {
        let told = match self.tray.hand_in(said, choice.into()) {
            Ok(told) => told,
            Err(NotTaken::Unknown) => return Reply::Unknown,
            Err(NotTaken::Several) => return Reply::Several,
            Err(NotTaken::NotShown) => return Reply::NotShown,
            Err(NotTaken::NoList) => return Reply::NoList,
            Err(NotTaken::BeingDecided) => return Reply::BeingDecided,
        };
        let decided = match tokio::time::timeout(WHILE_SOMEBODY_WAITS, told).await {
            Ok(Ok(Outcome::Recorded(children))) => Decided::Recorded { children },
            Ok(Ok(Outcome::Refused)) => Decided::Refused,
            Ok(Ok(Outcome::NotNow) | Err(_)) => Decided::WaitsAgain,
            Err(_) => Decided::NoAnswerYet,
        };
        Reply::Decided { decided }
    }
}

/// Most cases of one answer.
const CASES_MAX: usize = 500;
/// Most children of one answer: what the counter carries.
const ENCLOSED_MAX: usize = 4_000;

fn case(one: &Waiting, digits: usize, shown: bool) -> Case {
    let each =
        |doubt: &Option<_>| doubt.map(|doubt: hwc_casework::household::Doubt| doubt.as_str().to_owned());
    Case {
        code: one.code.short(digits).to_owned(),
        incident: one.id.incident,
        since: one.since,
        doubts: one.doubts.iter().map(|doubt| doubt.as_str().to_owned()).collect(),
        named: one.named,
        added: one.added.len(),
        each: if shown { one.added.iter().map(each).collect() } else { Vec::new() },
    }
}

impl Service for AtTheCounter {
    type Question = Question;
    type Reply = Reply;

    fn act(question: &Question) -> Option<&'static str> {
        match question {
            Question::Inbox { show: true } => Some("shown"),
            Question::Inbox { show: false } => None,
            Question::Decide { .. } => Some("decided"),
            Question::Recall { .. } => Some("recalled"),
        }
    }

    fn is_done(reply: &Reply) -> bool {
        match reply {
            Reply::Inbox { cases, .. } => !cases.is_empty(),
            Reply::Decided { decided } => matches!(decided, Decided::Recorded { .. } | Decided::NoAnswerYet),
            Reply::Recalled { done, .. } => done.may_be_done(),
            _ => false,
        }
    }

    async fn answer(&self, question: Question) -> Said<Reply> {
        match question {
            Question::Inbox { show } => return self.inbox(show),
            Question::Decide { case, decision } => self.decide(&case, decision).await,
            Question::Recall { signal, reason } => {
                Reply::Recalled { signal, done: recall(&self.office, signal, reason).await }
            }
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
        let questions = [
            r#"{"ask":"inbox","show":true}"#.to_owned(),
            r#"{"ask":"decide","case":"5b20e7","decision":"named_only"}"#.to_owned(),
            r#"{"ask":"recall","signal":"00000000000000000000000000000007-1","reason":"sent_in_error"}"#
                .to_owned(),
        ];
        let said =
            |bytes: &[u8]| message::read::<Question>(bytes).err().map(|error| format!("{error} {error:?}"));
        Trial::new(questions, said).withstands();
        let replies = [
            r#"{"told":"inbox","cases":[{"code":"5b20e7","incident":"00000000000000000000000000000007","since":"2026-11-18T10:00:00Z","doubts":["secret"],"named":1,"added":2,"each":["secret",null]}],"more":0}"#.to_owned(),
            r#"{"told":"decided","decided":{"outcome":"recorded","children":2}}"#.to_owned(),
        ];
        let said =
            |bytes: &[u8]| message::read::<Reply>(bytes).err().map(|error| format!("{error} {error:?}"));
        Trial::new(replies, said).withstands();
    }
}
