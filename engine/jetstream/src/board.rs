//! The board of those who keep a region running: who it is on the broker, and which questions it may ask there. It may say nothing
//! else, and hear nothing but the answers to itself.
//!
//! What shaped it (verified on 2.15.1):
//!
//! * **An account of its own.** In the engines' account a question's *reply* subject is not held against anybody's permissions: an
//!   innocent `$JS.API.INFO` with the reply `hwc.lead` has the broker store its answer as the lease. In another account that
//!   subject is another one.
//! * **No consumer.** Whoever may make a consumer says where it delivers, in the body of the request, and that subject lies in the
//!   engines' account whoever asked: what is stored would be stored a second time, as the lease or as another incident's event.
//!   No permission looks into a body. So a board reads message by message ([`crate::scan`]).
//! * A wildcard stands for a whole word. The streams of the journal's segments have names that nobody knows beforehand, and so has
//!   every generation of ciphertexts: who may read the former may read the latter, which are sealed.

use std::{fmt, str::FromStr};

use crate::names::{self, BREACHES, TASKS, TELLING};

/// What a board is called, as in `board-one`: 1 to 32 letters and digits after `board-`. It is its account on the broker, too.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BoardName(Box<str>);

/// Text that is no board's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("wanted a board such as board-one: 1 to 32 letters and digits after board-")]
pub struct BoardNameError;

impl BoardName {
    /// What every board's name begins with, and no organisation's and no engine's.
    pub const BEGINNING: &'static str = "board-";

    /// What it may ask, and whether one question there has many answers. Each is a question that changes nothing, whatever is
    /// in its body.
    pub(crate) fn questions(&self) -> Vec<(String, bool)> {
        let mut questions: Vec<_> = QUESTIONS.map(|question| (question.to_owned(), false)).into();
        questions.push((format!("$JS.API.CONSUMER.LIST.{TASKS}"), false));
        questions.push((format!("$JS.API.CONSUMER.INFO.{TASKS}.*"), false));
        questions.push((format!("$JS.API.CONSUMER.INFO.{BREACHES}.{TELLING}"), false));
        // Every engine answers that it is there.
        questions.push((names::directory(self), true));
        questions
    }

    /// Whether it may ask there.
    pub(crate) fn may_ask(&self, subject: &str) -> bool {
        self.questions().iter().any(|(question, _)| fits(question, subject))
    }

    /// Whether it may listen there.
    pub(crate) fn may_hear(&self, subject: &str) -> bool {
        subject.strip_prefix(&names::inbox(self)).is_some_and(|rest| rest.starts_with('.'))
    }
}

/// What it may ask of JetStream whatever the streams are called: how much there is, which streams, how each is, and what lies at a
/// place in one.
const QUESTIONS: [&str; 5] = [
    "$JS.API.INFO",
    "$JS.API.STREAM.NAMES",
    "$JS.API.STREAM.LIST",
    "$JS.API.STREAM.INFO.*",
    "$JS.API.STREAM.MSG.GET.*",
];

/// Whether a subject is one of these: a star stands for one word.
fn fits(these: &str, subject: &str) -> bool {
    let (mut these, mut words) = (these.split('.'), subject.split('.'));
    loop {
        match (these.next(), words.next()) {
            (None, None) => return true,
            (Some(one), Some(word)) if matches!(word, "" | "*" | ">") || (one != "*" && one != word) => {
                return false;
            }
            (Some(_), Some(_)) => {}
            _ => return false,
        }
    }
}

impl FromStr for BoardName {
    type Err = BoardNameError;
    fn from_str(text: &str) -> Result<Self, BoardNameError> {
        let name = text.strip_prefix(Self::BEGINNING).unwrap_or(text);
        let fits = (1..=32).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric());
        if fits { Ok(Self(name.into())) } else { Err(BoardNameError) }
    }
}

impl fmt::Display for BoardName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", Self::BEGINNING, self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn board() -> BoardName {
        "one".parse().unwrap()
    }

    #[test]
    fn a_board_is_written_and_read_back_and_nothing_else_is_one() {
        assert_eq!(board().to_string(), "board-one");
        assert_eq!("board-one".parse::<BoardName>(), Ok(board()));
        for bad in ["", "board-", "board-a-b", "board-a.b", "board-*", "board-one\n", "engine-one"] {
            assert!(bad.parse::<BoardName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_board_may_ask_and_do_nothing_else() {
        for question in [
            "$JS.API.INFO",
            "$JS.API.STREAM.INFO.LEAD",
            "$JS.API.STREAM.MSG.GET.JRN_00000000000000000000000000000001",
            "$JS.API.CONSUMER.INFO.TASKS.school-01AA00",
            "hwc.directory.board-one",
        ] {
            assert!(board().may_ask(question), "{question}");
        }
        for deed in [
            "hwc.lead",
            "hwc.directory.board-two",
            "hwc.directory.school-01AA00",
            "hwc.submit.board-one",
            "hwc.task.school-01AA00.x",
            "lead.1.jrn.x.e",
            "$JS.ACK.TASKS.school-01AA00.1.1.1.1.0",
            "$JS.API.STREAM.INFO",
            "$JS.API.STREAM.INFO.*",
            "$JS.API.STREAM.INFO.>",
            "$JS.API.STREAM.CREATE.X",
            "$JS.API.STREAM.UPDATE.LEAD",
            "$JS.API.STREAM.PURGE.LEAD",
            "$JS.API.STREAM.DELETE.LEAD",
            "$JS.API.STREAM.MSG.DELETE.LEAD",
            "$JS.API.CONSUMER.CREATE.JOURNAL.x.jrn.*.e",
            "$JS.API.CONSUMER.DELETE.TASKS.school-01AA00",
            "$JS.API.CONSUMER.MSG.NEXT.TASKS.school-01AA00",
            "$JS.API.CONSUMER.INFO.TASKS.school-01AA00.x",
        ] {
            assert!(!board().may_ask(deed), "{deed}");
        }
        assert!(board().may_hear("_INBOX_board-one.x"));
        for other in ["_INBOX_board-one", "_INBOX_board-onetwo.x", "_INBOX.x", "hwc.directory.*", ">"] {
            assert!(!board().may_hear(other), "{other}");
        }
    }
}
