//! What the school's contact asks at the counter, and is told.

use hwc_adapter_kit::{
    Office, Unopened,
    code::Meant,
    counter::{Said, Service},
    recall::{Done, WHILE_SOMEBODY_WAITS},
};
use hwc_schemas::{
    SignalId,
    letter::{Letter, Sealable as _},
    wire::{Command, Fetch},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Tray, tray::Lying};

/// What the contact asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", content = "signal", rename_all = "snake_case")]
pub enum Question {
    /// What waits?
    Inbox,
    /// Opens the one that is called so, or has this id.
    Open(String),
    /// *Ontvangen*: received.
    Acknowledge(String),
    /// *Geen leerling van ons*: not our pupil.
    NotOurPupil(String),
}

/// What the contact is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "told", rename_all = "snake_case")]
pub enum Reply {
    /// This waits. It names nobody.
    Inbox {
        /// At most [`LINES_MAX`], the longest waiting first.
        signals: Vec<Line>,
        /// How many more there are.
        more: usize,
    },
    /// It is enclosed.
    Opened {
        /// What it is called.
        code: String,
    },
    /// What became of it.
    Said {
        /// What it is called.
        code: String,
        /// What the engine said.
        done: Done,
    },
    /// It cannot be opened; somebody must look. This holds nothing of it.
    DoesNotOpen {
        /// Why.
        why: String,
    },
    /// Nothing of that name waits.
    Unknown,
    /// More than one is called so: say more digits.
    Several,
}

/// A signal that waits, without a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// What to call it.
    pub code: String,
    /// Its id.
    pub signal: SignalId,
    /// Which time round.
    pub round: u16,
    /// When it came.
    pub since: Timestamp,
    /// Whether it was opened since the process started.
    pub opened: bool,
    /// How often the school was reminded since the process started.
    pub reminders: u32,
}

/// Most signals that are listed at once.
pub const LINES_MAX: usize = 500;

/// A school's counter.
pub struct AtTheCounter {
    office: Office,
    tray: Tray,
}

impl AtTheCounter {
    /// The counter of this office, for what lies in this tray.
    pub const fn new(office: Office, tray: Tray) -> Self {
        Self { office, tray }
    }

    fn inbox(&self) -> Reply {
        let (lying, digits) = self.tray.lying();
        let more = lying.len().saturating_sub(LINES_MAX);
        let line = |one: Lying| Line {
            code: one.code.short(digits).to_owned(),
            signal: one.signal,
            round: one.round,
            since: one.since,
            opened: one.opened,
            reminders: one.reminders,
        };
        Reply::Inbox { signals: lying.into_iter().take(LINES_MAX).map(line).collect(), more }
    }

    /// Fetching it *is* opening it: that is durable before the bytes leave the engine (R24).
    async fn open(&self, one: &Lying, code: String) -> Said<Reply> {
        let fetch = Fetch::Letter { signal: one.signal, round: one.round };
        let opened = tokio::time::timeout(WHILE_SOMEBODY_WAITS, self.office.open::<Letter>(&fetch)).await;
        match opened {
            Ok(Ok(letter)) => {
                self.office.witness().opened(one.signal, &letter.child, self.office.organisation());
                self.tray.opened((one.signal, one.round));
                Said { reply: Reply::Opened { code }, enclosed: vec![letter.to_plaintext()] }
            }
            Ok(Err(Unopened::NotDue(refusal))) => self.said(one, code, Done::Refused { refusal }).into(),
            Ok(Err(error)) => {
                tracing::error!(organisation = %self.office.organisation(), %error, "it does not open");
                Reply::DoesNotOpen { why: error.to_string() }.into()
            }
            Err(_) => self.said(one, code, Done::NoAnswer).into(),
        }
    }

    async fn say(&self, one: &Lying, code: String, command: Command<hwc_schemas::wire::Sealed>) -> Reply {
        let answer = tokio::time::timeout(WHILE_SOMEBODY_WAITS, self.office.submit(&command)).await;
        self.said(one, code, answer.map_or(Done::NoAnswer, Done::from))
    }

    /// Once nothing more is owed, it leaves the tray.
    fn said(&self, one: &Lying, code: String, done: Done) -> Reply {
        let over = match done {
            Done::Recorded { .. } => true,
            Done::Refused { refusal } => refusal.ends_the_task(),
            Done::NoAnswer => false,
        };
        if over {
            self.tray.settle((one.signal, one.round));
        }
        Reply::Said { code, done }
    }
}

impl Service for AtTheCounter {
    type Question = Question;
    type Reply = Reply;

    fn act(question: &Question) -> Option<&'static str> {
        match question {
            Question::Inbox => None,
            Question::Open(_) => Some("opened"),
            Question::Acknowledge(_) => Some("acknowledged"),
            Question::NotOurPupil(_) => Some("returned"),
        }
    }

    fn is_done(reply: &Reply) -> bool {
        match reply {
            Reply::Opened { .. } => true,
            Reply::Said { done, .. } => done.may_be_done(),
            _ => false,
        }
    }

    async fn answer(&self, question: Question) -> Said<Reply> {
        let (Question::Open(said) | Question::Acknowledge(said) | Question::NotOurPupil(said)) = &question
        else {
            return self.inbox().into();
        };
        let one = match self.tray.find(said) {
            Meant::One(one) => one,
            Meant::None => return Reply::Unknown.into(),
            Meant::Several => return Reply::Several.into(),
        };
        let code = one.code.short(self.tray.lying().1).to_owned();
        let (signal, round) = (one.signal, one.round);
        match question {
            Question::NotOurPupil(_) => self.say(&one, code, Command::Return { signal, round }).await.into(),
            Question::Acknowledge(_) => {
                self.say(&one, code, Command::Acknowledge { signal, round }).await.into()
            }
            Question::Open(_) | Question::Inbox => self.open(&one, code).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use hwc_hostile::Trial;
    use hwc_schemas::message;

    use super::*;

    #[test]
    fn questions_and_replies_withstand_hostile_input() {
        let questions = [r#"{"ask":"inbox"}"#, r#"{"ask":"open","signal":"a3f91c"}"#];
        let said =
            |bytes: &[u8]| message::read::<Question>(bytes).err().map(|error| format!("{error} {error:?}"));
        Trial::new(questions, said).withstands();
        let replies = [
            r#"{"told":"inbox","signals":[{"code":"a3f91c","signal":"00000000000000000000000000000007-1","round":1,"since":"2026-11-18T10:00:00Z","opened":false,"reminders":0}],"more":0}"#,
            r#"{"told":"said","code":"a3f91c","done":{"done":"refused","refusal":"not_opened"}}"#,
        ];
        let said =
            |bytes: &[u8]| message::read::<Reply>(bytes).err().map(|error| format!("{error} {error:?}"));
        Trial::new(replies, said).withstands();
    }
}
