//! What the relay holds that is sealed to us, and whether any of it is about one child (R28): *what do you have on my child?*
//!
//! An [`Enquiry`] stands in front of a process's own counter and answers these two questions itself. To answer the second, the process
//! opens what the rules let it open at that moment, compares, and wipes; what goes out is which of the ciphertexts match, never a
//! name. What the rules let nobody open now is counted as such: nobody can say whom it is about.

use std::{sync::Arc, time::Duration};

use hwc_schemas::{
    IncidentId, Organisation, PayloadId, SignalId, SignalNumber,
    ask::{Ask, Held, Told},
    letter::{Hop, Letter, Plaintext, Referral, Sealable as _},
    person::Child,
    report::Report,
    wire::{Fetch, Refusal},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, timeout_at};

use crate::{
    Office, Unopened,
    counter::{Said, Service},
};

/// Most ciphertexts that are listed, and looked at, at once.
pub const HELD_MAX: usize = 2_000;

/// How long looking may take while somebody waits. What was not reached by then is said.
const LOOK_WITHIN: Duration = Duration::from_secs(40);

/// How much two spellings are one child (R16).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Likeness {
    /// They match.
    Same,
    /// They could be one child all the same; a person must judge.
    Near,
    /// They are two.
    Other,
}

/// What a person asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// How far to look.
    pub holdings: Look,
}

/// How far to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Look {
    /// What is there; nothing is opened.
    List,
    /// Is any of it about the child that is enclosed, as a [`Letter`] holds it?
    About,
}

/// What the person is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    /// The answer.
    pub holdings: Answer,
}

/// What is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "told", rename_all = "snake_case")]
pub enum Answer {
    /// This.
    Held {
        /// At most [`HELD_MAX`].
        held: Vec<Line>,
        /// How many more there are, which are neither listed nor looked at.
        more: usize,
        /// What came of looking; none if nobody was asked about.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        about: Option<About>,
    },
    /// The engine did not answer in time, or knows no such question.
    NoAnswer,
    /// What was enclosed is no child.
    NoChild,
}

/// A ciphertext that is held for us, without a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The incident it is about.
    pub incident: IncidentId,
    /// The child's number; none while it is a report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<SignalNumber>,
    /// The leg it travels.
    pub hop: Hop,
    /// Who sealed it.
    pub from: Organisation,
    /// Whether the rules let us open it at this moment.
    pub due: bool,
    /// When it goes at the latest, whatever happens (R23).
    pub until: Timestamp,
}

/// What came of looking for one child.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// How many were opened and compared.
    pub opened: usize,
    /// Those that are about the child, by their place in the list.
    pub same: Vec<usize>,
    /// Those that are about somebody so alike that a person must judge.
    pub near: Vec<usize>,
    /// Those that the rules let nobody open now: whom they are about, nobody can say.
    pub closed: usize,
    /// Those that ended while it was looked.
    pub ended: usize,
    /// Those that could not be opened though they may be, or not in time.
    pub failed: usize,
}

/// One question or the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Either<A, B> {
    /// What this answers itself.
    Holdings(A),
    /// What the counter behind it is asked.
    Other(B),
}

/// A counter that answers what is held, in front of a process's own.
pub struct Enquiry<S> {
    inner: S,
    office: Office,
    alike: fn(&Child, &Child) -> Likeness,
    opened: Arc<dyn Fn(SignalId, u16) + Send + Sync>,
}

impl<S> Enquiry<S> {
    /// In front of this counter, comparing so.
    pub fn new(inner: S, office: Office, alike: fn(&Child, &Child) -> Likeness) -> Self {
        Self { inner, office, alike, opened: Arc::new(|_, _| {}) }
    }

    /// Telling of each letter that is opened, which for a school is an event.
    #[must_use]
    pub fn telling(self, opened: impl Fn(SignalId, u16) + Send + Sync + 'static) -> Self {
        Self { opened: Arc::new(opened), ..self }
    }

    async fn held(&self, until: Instant) -> Option<(Vec<Held>, usize)> {
        let (mut held, mut after): (Vec<Held>, Option<PayloadId>) = (Vec::new(), None);
        loop {
            let Ok(Told::Holdings { held: some, more }) =
                timeout_at(until, self.office.ask(&Ask::Holdings { after })).await
            else {
                return None;
            };
            after = some.last().map(|one| one.payload);
            held.extend(some);
            if !more || after.is_none() || held.len() > 10 * HELD_MAX {
                let more = held.len().saturating_sub(HELD_MAX);
                held.truncate(HELD_MAX);
                return Some((held, more));
            }
        }
    }

    async fn list(&self) -> Answer {
        let held = self.held(Instant::now() + LOOK_WITHIN).await;
        held.map_or(Answer::NoAnswer, |(held, more)| Answer::Held { held: lines(&held), more, about: None })
    }

    async fn about(&self, child: &Child) -> Answer {
        let until = Instant::now() + LOOK_WITHIN;
        let Some((held, more)) = self.held(until).await else { return Answer::NoAnswer };
        let mut about =
            About { opened: 0, same: Vec::new(), near: Vec::new(), closed: 0, ended: 0, failed: 0 };
        for (place, one) in held.iter().enumerate() {
            if !one.due {
                about.closed += 1;
                continue;
            }
            match timeout_at(until, self.likest(one, child)).await {
                Ok(Ok(likeness)) => {
                    about.opened += 1;
                    match likeness {
                        Likeness::Same => about.same.push(place),
                        Likeness::Near => about.near.push(place),
                        Likeness::Other => {}
                    }
                }
                Ok(Err(Unopened::NotDue(Refusal::Gone))) => about.ended += 1,
                Ok(Err(Unopened::NotDue(_))) => about.closed += 1,
                Ok(Err(error)) => {
                    tracing::error!(organisation = %self.office.organisation(), %error, "it does not open");
                    about.failed += 1;
                }
                Err(_) => about.failed += 1,
            }
        }
        Answer::Held { held: lines(&held), more, about: Some(about) }
    }

    /// How much anybody in it is like the child. What is opened is wiped when this returns.
    async fn likest(&self, held: &Held, child: &Child) -> Result<Likeness, Unopened> {
        let signal = held.number.map(|number| SignalId { incident: held.incident, number });
        let alike = |other: &Child| (self.alike)(child, other);
        Ok(match (held.hop, signal.zip(held.round)) {
            (Hop::Report, _) => {
                let fetch = Fetch::Report { incident: held.incident };
                let report: Report = self.office.open(&fetch).await?;
                let all: Vec<_> = report.mentions.iter().map(|mention| alike(&mention.child)).collect();
                [Likeness::Same, Likeness::Near]
                    .into_iter()
                    .find(|one| all.contains(one))
                    .unwrap_or(Likeness::Other)
            }
            (Hop::Referral, Some((signal, round))) => {
                let referral: Referral = self.office.open(&Fetch::Referral { signal, round }).await?;
                alike(&referral.child)
            }
            (Hop::Letter, Some((signal, round))) => {
                let letter: Letter = self.office.open(&Fetch::Letter { signal, round }).await?;
                self.office.witness().opened(signal, &letter.child, self.office.organisation());
                (self.opened)(signal, round);
                alike(&letter.child)
            }
            // An engine that does not say which time round it is.
            (Hop::Referral | Hop::Letter, None) => return Err(Unopened::NotDue(Refusal::OutOfOrder)),
        })
    }
}

fn lines(held: &[Held]) -> Vec<Line> {
    let line = |one: &Held| Line {
        incident: one.incident,
        number: one.number,
        hop: one.hop,
        from: one.from.clone(),
        due: one.due,
        until: one.until,
    };
    held.iter().map(line).collect()
}

fn ours<R>(answer: Answer) -> Said<Either<Reply, R>> {
    Either::Holdings(Reply { holdings: answer }).into()
}

impl<S: Service> Service for Enquiry<S> {
    type Question = Either<Question, S::Question>;
    type Reply = Either<Reply, S::Reply>;

    async fn answer(&self, question: Self::Question) -> Said<Self::Reply> {
        match question {
            Either::Holdings(_) => ours(self.list().await),
            Either::Other(question) => {
                let Said { reply, enclosed } = self.inner.answer(question).await;
                Said { reply: Either::Other(reply), enclosed }
            }
        }
    }

    fn act(question: &Self::Question) -> Option<&'static str> {
        match question {
            Either::Holdings(question) => (question.holdings == Look::About).then_some("enquired"),
            Either::Other(question) => S::act(question),
        }
    }

    fn is_done(reply: &Self::Reply) -> bool {
        match reply {
            Either::Holdings(reply) => matches!(reply.holdings, Answer::Held { .. }),
            Either::Other(reply) => S::is_done(reply),
        }
    }

    fn has_an_enclosure(question: &Self::Question) -> bool {
        match question {
            Either::Holdings(question) => question.holdings == Look::About,
            Either::Other(question) => S::has_an_enclosure(question),
        }
    }

    async fn answer_to(&self, question: Self::Question, enclosed: Plaintext) -> Said<Self::Reply> {
        match question {
            Either::Holdings(_) => {
                let child = Letter::from_plaintext(&enclosed).map(|letter| letter.child);
                drop(enclosed);
                let Ok(child) = child else { return ours(Answer::NoChild) };
                ours(self.about(&child).await)
            }
            Either::Other(question) => {
                let Said { reply, enclosed } = self.inner.answer_to(question, enclosed).await;
                Said { reply: Either::Other(reply), enclosed }
            }
        }
    }
}

#[cfg(test)]
mod tests;
