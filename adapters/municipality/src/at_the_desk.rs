//! What the municipality's process answers its desk, which runs as another user: what the desk's pages ask, and nothing else.
//!
//! At the counter itself more can be asked: all children that wait at once, what is held about one child (R28), to record a breach. None
//! of that is understood here, by type: a question is let through by name or it is no question.

use hwc_adapter_kit::counter::{Said, Service};
use serde::Deserialize;

use crate::{
    AtTheCounter,
    counter::{Question, Reply},
};

/// A question that the desk asks.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Question")]
pub struct DesksQuestion(Question);

impl TryFrom<Question> for DesksQuestion {
    type Error = &'static str;

    fn try_from(question: Question) -> Result<Self, Self::Error> {
        match question {
            // Names are for whoever opens one case.
            Question::Pending { show: true } => Err("the desk shows one case at a time"),
            Question::Pending { show: false }
            | Question::Open { .. }
            | Question::Pick { .. }
            | Question::Withhold { .. }
            | Question::PassedOn
            | Question::Reminders
            | Question::Register
            | Question::Recall { .. } => Ok(Self(question)),
        }
    }
}

/// A municipality's counter, as far as its desk may ask.
#[derive(Clone)]
pub struct AtTheDesk(AtTheCounter);

impl AtTheDesk {
    /// This counter, for the desk.
    pub const fn of(counter: AtTheCounter) -> Self {
        Self(counter)
    }
}

impl Service for AtTheDesk {
    type Question = DesksQuestion;
    type Reply = Reply;

    fn act(DesksQuestion(question): &DesksQuestion) -> Option<&'static str> {
        AtTheCounter::act(question)
    }

    fn is_done(reply: &Reply) -> bool {
        AtTheCounter::is_done(reply)
    }

    async fn answer(&self, DesksQuestion(question): DesksQuestion) -> Said<Reply> {
        self.0.answer(question).await
    }
}

#[cfg(test)]
mod tests {
    use hwc_hostile::Trial;
    use hwc_schemas::message;

    use super::*;

    const SIGNAL: &str = "00000000000000000000000000000007-1";

    fn asked() -> Vec<String> {
        vec![
            r#"{"ask":"pending","show":false}"#.to_owned(),
            r#"{"ask":"open","case":"5b20e7"}"#.to_owned(),
            r#"{"ask":"pick","case":"5b20e7","number":1}"#.to_owned(),
            r#"{"ask":"withhold","case":"5b20e7","reason":"enrolment_unknown"}"#.to_owned(),
            r#"{"ask":"passed_on"}"#.to_owned(),
            r#"{"ask":"reminders"}"#.to_owned(),
            r#"{"ask":"register"}"#.to_owned(),
            format!(r#"{{"ask":"recall","signal":"{SIGNAL}","reason":"wrong_school"}}"#),
        ]
    }

    #[test]
    fn what_the_desk_asks_is_understood_and_what_only_the_counter_answers_is_not() {
        for question in asked() {
            assert!(message::read::<DesksQuestion>(question.as_bytes()).is_ok(), "{question}");
        }
        for question in [
            r#"{"ask":"pending","show":true}"#,
            r#"{"holdings":"list"}"#,
            r#"{"holdings":"about"}"#,
            r#"{"report_breach":{"id":"00000000000000000000000000000007","what":"spread","day":"2026-11-18"}}"#,
            r#"{"ask":"stop"}"#,
        ] {
            assert!(message::read::<DesksQuestion>(question.as_bytes()).is_err(), "{question}");
        }
    }

    #[test]
    fn a_desks_questions_withstand_hostile_input() {
        let said = |bytes: &[u8]| {
            message::read::<DesksQuestion>(bytes).err().map(|error| format!("{error} {error:?}"))
        };
        Trial::new(asked(), said).withstands();
    }
}
