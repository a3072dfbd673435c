//! The two engines of these tests: the real law, driver, doors and stores at a standing clock; and, where everything is
//! open, one that believes whatever it is told.

use std::{collections::HashMap, time::Duration};

use hwc_jetstream::{
    BreachRecord, BreachRecordKind, Breaches, Caller, Doors, JetStreamJournal, Knock, Link, SealedStore,
    Tasks,
};
use hwc_journal::Journal as _;
use hwc_relay::{Input, Limits, Output, Relay, Reply, Rules, Ticket};
use hwc_schemas::{
    PayloadId,
    ask::{Ask, Told},
    breach::Reported,
    wire::{Answer, Fetched},
};
use hwc_workflow::{BreachKind, Duty};
use jiff::Timestamp;
use uuid::Uuid;

use crate::line::{Line, Saying};

/// The driver over the real stores, one thing after the other, at a moment that does not pass.
pub(crate) struct Engine {
    pub(crate) now: Timestamp,
    pub(crate) journal: JetStreamJournal,
    pub(crate) store: SealedStore,
    pub(crate) tasks: Tasks,
    pub(crate) breaches: Breaches,
}

impl Engine {
    /// Opens the doors and works until the connection ends.
    pub(crate) async fn open(self, link: &Link, rules: Rules) {
        let mut doors = Doors::open(link).await.unwrap();
        let mut relay = Relay::new(rules, Limits::default());
        tokio::spawn(async move {
            let (mut asked, mut fetching, mut tickets) = (HashMap::new(), HashMap::new(), 0_u64);
            while let Some(knock) = doors.next().await {
                let ticket = Ticket(tickets);
                tickets += 1;
                let input = match knock {
                    Knock::Submit { from, command: Ok(command), caller } => {
                        asked.insert(ticket, caller);
                        let (command, payloads) = command.detach(|| PayloadId::from_uuid(Uuid::new_v4()));
                        Input::Submit { ticket, from, command, payloads, trace: None }
                    }
                    Knock::Fetch { from, fetch: Ok(fetch), caller } => {
                        fetching.insert(ticket, caller);
                        Input::Fetch { ticket, from, fetch }
                    }
                    Knock::Ask { from, ask: Ok(Ask::ReportBreach { id, what, day }), caller } => {
                        let kind = BreachRecordKind::Reported(Reported { what, by: from.role() });
                        let record = BreachRecord { day, kind, opened: None };
                        let already = self.breaches.keep_reported((&from, id), &record).await.unwrap();
                        caller.answer(&Told::BreachKept { already }).await.unwrap();
                        continue;
                    }
                    Knock::Ask { caller, .. } => {
                        let told = Told::Holdings { held: Vec::new(), more: false };
                        caller.answer(&told).await.unwrap();
                        continue;
                    }
                    Knock::Submit { command: Err(refusal), caller, .. } => {
                        caller.answer(&Answer::Refused { refusal }).await.unwrap();
                        continue;
                    }
                    Knock::Fetch { fetch: Err(refusal), caller, .. } => {
                        caller.answer(&Fetched::Refused { refusal }).await.unwrap();
                        continue;
                    }
                };
                relay.handle(input, self.now);
                while let Some(output) = relay.poll() {
                    if let Output::Reply { ticket, reply } = output {
                        self.reply(asked.remove(&ticket), fetching.remove(&ticket), reply).await;
                    } else if let Some(input) = self.carry_out(output).await {
                        relay.handle(input, self.now);
                    }
                }
            }
        });
    }

    async fn carry_out(&self, output: Output) -> Option<Input> {
        match output {
            Output::Load { incident } => {
                let history = self.journal.read(incident).await.unwrap();
                Some(Input::Loaded { incident, history: Ok(history) })
            }
            Output::Store { incident, payloads, .. } => {
                let places = self.store.store(payloads, Duration::from_hours(1)).await.unwrap();
                Some(Input::Stored { incident, places: Ok(places) })
            }
            Output::Append { incident, expected, commit } => {
                let outcome = self.journal.append(incident, expected, &commit).await.unwrap();
                Some(Input::Appended { incident, outcome: Ok(outcome) })
            }
            Output::Forget { incident, expected, markers } => {
                let outcome = self.journal.forget(incident, expected, &markers).await.unwrap();
                Some(Input::Forgotten { incident, outcome: Ok(outcome) })
            }
            Output::Perform { incident, duty, location } => {
                match &duty {
                    Duty::Offer { to, task } => self.tasks.offer(to, task).await.unwrap(),
                    Duty::Erase { payload } => self.store.erase(*payload, location.unwrap()).await.unwrap(),
                    Duty::RecordBreach { number, breach } => {
                        let kind = match breach.kind {
                            BreachKind::Returned => BreachRecordKind::Returned,
                            BreachKind::Recalled(reason) => BreachRecordKind::Recalled(reason),
                        };
                        let day = breach.at.to_zoned(jiff::tz::TimeZone::UTC).date();
                        let record = BreachRecord { day, kind, opened: Some(breach.opened) };
                        self.breaches.keep((incident, *number, breach.at), &record).await.unwrap();
                    }
                    Duty::Forget => return None,
                }
                Some(Input::Performed { incident, duty, outcome: Ok(()) })
            }
            Output::Discard { payload, location } => {
                self.store.erase(payload, location).await.unwrap();
                None
            }
            Output::Noted { .. } | Output::Reply { .. } => None,
            Output::Alarm { problem, .. } => panic!("the journal is not as the law allows: {problem}"),
        }
    }

    async fn reply(&self, asked: Option<Caller<Answer>>, fetching: Option<Caller<Fetched>>, reply: Reply) {
        match (reply, asked, fetching) {
            (Reply::Command(answer), Some(caller), _) => caller.answer(&answer).await.unwrap(),
            (Reply::Release { payload, location, from }, _, Some(caller)) => {
                let sealed = self.store.fetch(payload, location).await.unwrap().unwrap();
                caller.answer(&Fetched::Payload { from, sealed }).await.unwrap();
            }
            (Reply::NotDue(refusal), _, Some(caller)) => {
                caller.answer(&Fetched::Refused { refusal }).await.unwrap();
            }
            (reply, ..) => panic!("an answer that fits no question: {reply:?}"),
        }
    }
}

/// Answers everybody at every door, as whoever the subject says, wherever they want it said.
pub(crate) async fn credulous(engine: Line) {
    for door in ["hwc.submit.*", "hwc.fetch.*", "hwc.ask.*", "hwc.directory.*"] {
        engine.subscribe(door, "").await;
    }
    engine.settle().await;
    tokio::spawn(async move {
        let mut from = engine.mark();
        while let Some(heard) = engine.wait_for(Duration::from_hours(1), from, |_| true).await {
            from += 1;
            let crate::line::Heard::Message(message) = heard else { continue };
            if !message.reply.is_empty() {
                let body = r#"{"answer":"recorded"}"#.to_owned();
                // With the mark of whoever asked, to be known again.
                let headers = message.headers.lines().filter_map(|line| line.split_once(": "));
                let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
                engine.say(&Saying { to: message.reply, headers, body, ..Saying::default() }).await;
            }
        }
    });
}
