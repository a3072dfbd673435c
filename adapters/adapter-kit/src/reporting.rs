//! Reporting a breach (R24): what everybody's people can do at the counter, whatever else is done there.

use std::time::Duration;

use hwc_jetstream::Door;
use hwc_schemas::{
    BreachReportId,
    ask::{Ask, Told},
    breach::WhatHappened,
    letter::Plaintext,
};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{
    counter::{Said, Service},
    recall::{Done, WHILE_SOMEBODY_WAITS},
};

/// How long to wait before the engine is asked again.
const AGAIN_AFTER: Duration = Duration::from_millis(500);

/// What a person reports; answered with a [`Done`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportBreach {
    /// The report.
    pub report_breach: BreachReport,
}

/// A breach as it is reported: there is no place for a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BreachReport {
    /// Drawn by whoever asks, who asks again with the same when no answer came.
    pub id: BreachReportId,
    /// What happened.
    pub what: WhatHappened,
    /// The local day.
    pub day: Date,
}

/// What is asked at a counter where breaches are reported too.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Asked<Q> {
    /// A breach.
    Breach(ReportBreach),
    /// Anything else.
    Own(Q),
}

/// What is told there.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum Answered<R> {
    /// What became of the report.
    Breach(Done),
    /// Anything else.
    Own(R),
}

/// A counter where breaches are reported, beside everything else that is done there.
pub struct Reporting<S> {
    door: Door,
    own: S,
}

impl<S: Service> Reporting<S> {
    /// This counter, with that door to report at.
    pub const fn beside(own: S, door: Door) -> Self {
        Self { door, own }
    }
}

impl<S: Service> Service for Reporting<S> {
    type Question = Asked<S::Question>;
    type Reply = Answered<S::Reply>;

    async fn answer(&self, question: Self::Question) -> Said<Self::Reply> {
        match question {
            Asked::Breach(ReportBreach { report_breach }) => {
                Answered::Breach(report(&self.door, &report_breach).await).into()
            }
            Asked::Own(question) => {
                let Said { reply, enclosed } = self.own.answer(question).await;
                Said { reply: Answered::Own(reply), enclosed }
            }
        }
    }

    fn act(question: &Self::Question) -> Option<&'static str> {
        match question {
            Asked::Breach(_) => Some("reported_breach"),
            Asked::Own(question) => S::act(question),
        }
    }

    fn is_done(reply: &Self::Reply) -> bool {
        match reply {
            Answered::Breach(done) => done.may_be_done(),
            Answered::Own(reply) => S::is_done(reply),
        }
    }

    fn has_an_enclosure(question: &Self::Question) -> bool {
        match question {
            Asked::Breach(_) => false,
            Asked::Own(question) => S::has_an_enclosure(question),
        }
    }

    async fn answer_to(&self, question: Self::Question, enclosed: Plaintext) -> Said<Self::Reply> {
        match question {
            Asked::Breach(_) => {
                drop(enclosed);
                self.answer(question).await
            }
            Asked::Own(question) => {
                let Said { reply, enclosed } = self.own.answer_to(question, enclosed).await;
                Said { reply: Answered::Own(reply), enclosed }
            }
        }
    }
}

/// A counter where nothing else is done.
#[derive(Debug, Clone, Copy)]
pub struct NothingElse;

/// There is none.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub enum NoQuestion {}

impl Service for NothingElse {
    type Question = NoQuestion;
    type Reply = NoQuestion;

    async fn answer(&self, question: NoQuestion) -> Said<NoQuestion> {
        match question {}
    }
}

/// Reports it while somebody waits. The same report again is kept once.
async fn report(door: &Door, report: &BreachReport) -> Done {
    let BreachReport { id, what, day } = *report;
    let asking = async {
        loop {
            match door.ask(&Ask::ReportBreach { id, what, day }).await {
                Ok(Told::BreachKept { already }) => return Done::Recorded { already },
                Ok(Told::Refused { refusal }) => return Done::Refused { refusal },
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "the engine did not answer; trying again"),
            }
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    };
    tokio::time::timeout(WHILE_SOMEBODY_WAITS, asking).await.unwrap_or(Done::NoAnswer)
}

#[cfg(test)]
mod tests {
    use hwc_schemas::message;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(tag = "ask", rename_all = "snake_case")]
    enum Question {
        Inbox,
    }

    #[test]
    fn a_report_and_the_counters_own_questions_are_told_apart_and_nothing_else_is_understood() {
        let read = |text: &str| message::read::<Asked<Question>>(text.as_bytes()).ok();
        let report = r#"{"report_breach":{"id":"00000000000000000000000000000007","what":"spread","day":"2026-11-18"}}"#;
        assert!(matches!(read(report), Some(Asked::Breach(_))));
        assert!(matches!(read(r#"{"ask":"inbox"}"#), Some(Asked::Own(Question::Inbox))));
        assert!(read(&report.replace("spread", "Evi Jansen")).is_none());
        assert!(read(&report.replace("\"day\"", "\"child\":\"Evi Jansen\",\"day\"")).is_none());
    }
}
