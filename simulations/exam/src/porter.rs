//! Whoever stands between the adapter and the engine: passes on what is said, keeps a record of it, and does what a bad day does.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use hwc_adapter_kit::door::{Door, Offered};
use hwc_jetstream::{DoorName, Porch, Tasks, Visit};
use hwc_residue::Disguises;
use hwc_schemas::{
    IncidentId, Organisation,
    wire::{Fetched, Sealed, Task},
};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    record::{Said, in_a_word},
    schema::Schemas,
    subject::Subject,
};

/// What is done to an answer.
#[derive(Debug, Clone)]
pub(crate) enum Twist {
    /// *Try later*, and nothing is done.
    TryLater,
    /// A refusal of this code, and nothing is done.
    Refuse(&'static str),
    /// It is done, and the answer gets lost.
    Lose,
    /// It is done, and the answer takes so long.
    Slow(Duration),
    /// One byte of the seal is another.
    Spoil,
    /// This is answered, whatever was asked.
    Say(Bytes),
    /// The adapter is killed; nothing is done.
    KillBefore,
    /// It is done, and the adapter is killed before it hears so.
    KillAfter,
}

/// A twist that waits for its moment.
#[derive(Debug, Clone)]
pub(crate) struct Planned {
    pub(crate) door: DoorName,
    /// What it waits for: these commands, fetches or questions; any if there are none.
    pub(crate) what: &'static [&'static str],
    /// About this incident; any but those before if there is none.
    pub(crate) about: Option<IncidentId>,
    /// What was before.
    pub(crate) before: Vec<IncidentId>,
    pub(crate) twist: Twist,
    pub(crate) times: u32,
}

/// A task that was laid before the adapter.
#[derive(Debug, Clone)]
pub(crate) struct Laid {
    pub(crate) task: Task,
    /// When the adapter acknowledged it.
    pub(crate) acknowledged: Option<Duration>,
}

#[derive(Default)]
struct State {
    said: Vec<Said>,
    plan: Vec<Planned>,
    laid: BTreeMap<String, Laid>,
    in_hand: BTreeSet<String>,
    causes: Vec<(Option<IncidentId>, Duration)>,
    embellishes: bool,
    kills: u32,
    /// What was given to the adapter last, of each incident.
    given: BTreeMap<IncidentId, Bytes>,
}

/// The porter.
pub(crate) struct Porter {
    organisation: Organisation,
    front: Tasks,
    back: Door,
    pub(crate) subject: Arc<Subject>,
    schemas: Schemas,
    canaries: Disguises,
    began: Instant,
    state: Mutex<State>,
}

/// How often it is looked whether a task was acknowledged.
const LOOK_EVERY: Duration = Duration::from_millis(50);

impl Porter {
    pub(crate) fn new(
        organisation: Organisation,
        front: Tasks,
        back: Door,
        subject: Arc<Subject>,
        (schemas, canaries): (Schemas, Disguises),
    ) -> Arc<Self> {
        Arc::new(Self {
            organisation,
            front,
            back,
            subject,
            schemas,
            canaries,
            began: Instant::now(),
            state: Mutex::default(),
        })
    }

    /// How long the exam has gone on.
    pub(crate) fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// The organisation's own door at the engine.
    pub(crate) const fn back(&self) -> &Door {
        &self.back
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything that was said so far.
    pub(crate) fn said(&self) -> Vec<Said> {
        self.state().said.clone()
    }

    /// What was said of an incident since then at a door.
    pub(crate) fn said_of(&self, incident: IncidentId, door: DoorName) -> Vec<Said> {
        let state = self.state();
        let of = |said: &&Said| said.incident == Some(incident) && said.door == door;
        state.said.iter().filter(of).cloned().collect()
    }

    /// Tasks that were laid before the adapter.
    pub(crate) fn laid(&self) -> BTreeMap<String, Laid> {
        self.state().laid.clone()
    }

    /// From now on this is done.
    pub(crate) fn plan(&self, planned: Planned) {
        self.state().plan.push(planned);
    }

    /// Nothing is planned any more.
    pub(crate) fn plan_nothing(&self) {
        self.state().plan.clear();
    }

    /// How much of the plan is still to come.
    pub(crate) fn planned(&self) -> u32 {
        self.state().plan.iter().map(|planned| planned.times).sum()
    }

    /// From now on answers and tasks have fields that nobody knows, or not any more.
    pub(crate) fn embellish(&self, embellishes: bool) {
        self.state().embellishes = embellishes;
    }

    /// How often the adapter was killed.
    pub(crate) fn kills(&self) -> u32 {
        self.state().kills
    }

    /// When there was cause to say something again, and about what.
    pub(crate) fn causes(&self) -> Vec<(Option<IncidentId>, Duration)> {
        self.state().causes.clone()
    }

    /// There is cause to say something of this again.
    pub(crate) fn cause(&self, about: Option<IncidentId>) {
        let now = self.now();
        self.state().causes.push((about, now));
    }

    /// Kills the adapter.
    pub(crate) fn kill(&self) {
        if self.subject.kill() {
            self.cause(None);
            self.state().kills += 1;
        }
    }

    /// Works until it is dropped.
    pub(crate) async fn work(self: Arc<Self>, mut porch: Porch) {
        let mut feed = loop {
            match self.back.tasks().await {
                Ok(feed) => break feed,
                Err(_) => tokio::time::sleep(LOOK_EVERY).await,
            }
        };
        let mut hands = JoinSet::new();
        loop {
            tokio::select! {
                visit = porch.next() => match visit {
                    Some(visit) => drop(hands.spawn(Arc::clone(&self).receive(visit))),
                    None => return,
                },
                offered = feed.next() => match offered {
                    Some(offered) => drop(hands.spawn(Arc::clone(&self).carry(offered))),
                    None => return,
                },
                Some(_) = hands.join_next() => {}
            }
        }
    }

    async fn receive(self: Arc<Self>, visit: Visit) {
        let entry = self.note(&visit);
        let twist = self.twist_of(entry);
        let word = match &twist {
            Some(Twist::KillBefore) => return self.kill(),
            Some(Twist::TryLater) => Some(try_later(visit.at)),
            Some(Twist::Refuse(code)) => Some(refused(visit.at, code)),
            Some(Twist::Say(answer)) => Some(answer.clone()),
            _ => None,
        };
        let (mut answer, place) = match word {
            Some(word) => (word, None),
            None => match self.back.pass_on(visit.at, visit.body.clone(), visit.traceparent).await {
                Ok(passed) => {
                    if let Some(said) = self.state().said.get_mut(entry) {
                        said.came = Some(in_a_word(&passed.0));
                    }
                    passed
                }
                // An answer that does not come is no answer of ours either.
                Err(_) => return,
            },
        };
        match twist {
            Some(Twist::Lose) => return,
            Some(Twist::KillAfter) => return self.kill(),
            Some(Twist::Slow(time)) => tokio::time::sleep(time).await,
            Some(Twist::Spoil) => answer = spoiled(&answer),
            _ => {}
        }
        let word = in_a_word(&answer);
        if visit.at == DoorName::Fetch && word == "payload" {
            self.note_given(entry, &answer);
        }
        self.note_unknown(entry, &answer);
        if self.state().embellishes && visit.at != DoorName::Directory {
            answer = embellished(&answer);
        }
        if visit.answer(answer, place).await.is_ok() {
            let now = self.now();
            if let Some(said) = self.state().said.get_mut(entry) {
                (said.told, said.told_at) = (Some(word), Some(now));
            }
        }
    }

    fn note(&self, visit: &Visit) -> usize {
        let mut said = Said::at_a_door(self.now(), visit.at, &visit.body);
        said.unfit = self.schemas.unfit(visit.at, &said.what, &visit.body);
        said.leaks = self.canaries.find(&visit.body).is_some();
        let mut state = self.state();
        state.said.push(said);
        state.said.len() - 1
    }

    fn note_given(&self, entry: usize, answer: &Bytes) {
        let mut state = self.state();
        if let Some(incident) = state.said.get(entry).and_then(|said| said.incident) {
            state.given.insert(incident, answer.clone());
        }
    }

    /// The payload of an incident that was given to the adapter last, as an answer.
    pub(crate) fn given(&self, incident: IncidentId) -> Option<Bytes> {
        self.state().given.get(&incident).cloned()
    }

    /// The police may send again what the engine says it does not know: it is answered *already recorded* if it ended.
    fn note_unknown(&self, entry: usize, answer: &[u8]) {
        let told: Value = serde_json::from_slice(answer).unwrap_or_default();
        let Some(reports) = told.get("reports").and_then(Value::as_array) else { return };
        let now = self.now();
        let mut state = self.state();
        let asked = state.said.get(entry).and_then(|said| said.body.get("incidents")?.as_array().cloned());
        for (incident, progress) in asked.into_iter().flatten().zip(reports) {
            let incident = incident.as_str().and_then(|id| id.parse().ok());
            if incident.is_some() && progress.as_str() == Some("unknown") {
                state.causes.push((incident, now));
            }
        }
    }

    fn twist_of(&self, entry: usize) -> Option<Twist> {
        let mut state = self.state();
        let said = state.said.get(entry)?.clone();
        let planned = state.plan.iter_mut().find(|planned| {
            planned.times > 0
                && planned.door == said.door
                && (planned.what.is_empty() || planned.what.contains(&said.what.as_str()))
                && planned.about.is_none_or(|about| said.incident == Some(about))
                && !planned.before.iter().any(|before| said.incident == Some(*before))
        })?;
        planned.times -= 1;
        Some(planned.twist.clone())
    }

    /// Carries one task to the adapter, and its acknowledgement back.
    async fn carry(self: Arc<Self>, offered: Offered) {
        let id = offered.task.id();
        if !self.state().in_hand.insert(id.clone()) {
            return;
        }
        let laid = Laid { task: offered.task.clone(), acknowledged: None };
        self.state().laid.insert(id.clone(), laid);
        let carrying = async {
            while self.lay(&offered.task).await.is_err() {
                tokio::time::sleep(LOOK_EVERY).await;
            }
            loop {
                tokio::time::sleep(LOOK_EVERY).await;
                if let Ok(false) = self.front.lies(&self.organisation, &id).await {
                    break;
                }
            }
        };
        offered.keep(carrying).await;
        let now = self.now();
        if let Some(laid) = self.state().laid.get_mut(&id) {
            laid.acknowledged = Some(now);
        }
        // If this gets lost it comes again, and is passed on again.
        let _ = offered.acknowledge().await;
        self.state().in_hand.remove(&id);
    }

    async fn lay(&self, task: &Task) -> Result<(), hwc_jetstream::Fault> {
        let mut body = serde_json::to_vec(task).unwrap_or_default();
        if self.state().embellishes {
            body = embellished(&body).to_vec();
        }
        self.front.lay(&self.organisation, (&task.id(), task), body.into()).await
    }

    /// Has a task come once more, whether it was acknowledged or not.
    pub(crate) async fn redeliver(&self, task: &Task) -> Result<(), hwc_jetstream::Fault> {
        self.cause(Some(task.incident()));
        if self.front.lies(&self.organisation, &task.id()).await? {
            self.front.offer_again(&self.organisation, &task.id()).await
        } else {
            self.lay(task).await
        }
    }

    /// Lays a task before the adapter that the engine never asked for.
    pub(crate) async fn lay_strange(
        &self,
        id: &str,
        like: &Task,
        body: Value,
    ) -> Result<(), hwc_jetstream::Fault> {
        self.front.lay(&self.organisation, (id, like), body.to_string().into()).await
    }

    /// Whether a task lies before the adapter.
    pub(crate) async fn lies(&self, id: &str) -> Result<bool, hwc_jetstream::Fault> {
        self.front.lies(&self.organisation, id).await
    }

    /// Takes a task away.
    pub(crate) async fn take_away(&self, id: &str) {
        // What stays lies there until the exam is over.
        let _ = self.front.take_away(&self.organisation, id).await;
    }
}

fn try_later(door: DoorName) -> Bytes {
    let word = match door {
        DoorName::Submit => json!({ "answer": "try_later" }),
        DoorName::Fetch => json!({ "fetched": "try_later" }),
        DoorName::Ask | DoorName::Directory => json!({ "told": "try_later" }),
    };
    word.to_string().into()
}

fn refused(door: DoorName, code: &str) -> Bytes {
    let word = match door {
        DoorName::Submit => json!({ "answer": "refused", "refusal": code }),
        DoorName::Fetch => json!({ "fetched": "refused", "refusal": code }),
        DoorName::Ask | DoorName::Directory => json!({ "told": "refused", "refusal": code }),
    };
    word.to_string().into()
}

/// With fields that nobody knows, in front and behind.
fn embellished(answer: &[u8]) -> Bytes {
    let Ok(Value::Object(known)) = serde_json::from_slice::<Value>(answer) else {
        return Bytes::copy_from_slice(answer);
    };
    let mut all = serde_json::Map::new();
    all.insert(
        "a_later_field".to_owned(),
        json!({ "of": ["a", "later", { "version": 2 }], "task": "dance" }),
    );
    all.extend(known);
    all.insert("zz_another".to_owned(), json!(null));
    Value::Object(all).to_string().into()
}

/// With another byte in the middle of the seal.
fn spoiled(answer: &[u8]) -> Bytes {
    let Ok(Fetched::Payload { from, sealed }) = serde_json::from_slice(answer) else {
        return Bytes::copy_from_slice(answer);
    };
    let mut bytes = sealed.into_bytes();
    let middle = bytes.len() / 2;
    if let Some(byte) = bytes.get_mut(middle) {
        *byte ^= 1;
    }
    serde_json::to_vec(&Fetched::Payload { from, sealed: Sealed::new(bytes) }).unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_embellished_says_the_same_and_more() {
        let said: Value = serde_json::from_slice(&embellished(br#"{"answer":"recorded"}"#)).unwrap();
        assert_eq!((&said["answer"], said.as_object().unwrap().len()), (&json!("recorded"), 3));
        assert_eq!(in_a_word(&embellished(br#"{"answer":"recorded"}"#)), "recorded");
        assert_eq!(embellished(b"no json"), Bytes::from_static(b"no json"));
    }

    #[test]
    fn what_is_spoiled_differs_in_one_byte() {
        let sealed = Sealed::new(vec![7; 100]);
        let answer = serde_json::to_vec(&Fetched::Payload {
            from: "police-x".parse().unwrap(),
            sealed: sealed.clone(),
        });
        let Ok(Fetched::Payload { sealed: other, .. }) = serde_json::from_slice(&spoiled(&answer.unwrap()))
        else {
            panic!("no payload")
        };
        let differ = sealed.as_bytes().iter().zip(other.as_bytes()).filter(|(one, other)| one != other);
        assert_eq!((differ.count(), other.as_bytes().len()), (1, 100));
    }
}
