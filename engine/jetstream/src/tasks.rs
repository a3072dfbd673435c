//! What the engine asks of organisations: one stream, one durable consumer for each of them.
//!
//! Each task has a subject of its own, and the stream takes no second message of a subject. So offering again what is there
//! changes nothing, and offering again what got lost brings it back: the engine does so every minute while a task is owed. It
//! also keeps an organisation from multiplying its own tasks: whoever pulls with one of its other doors as the reply subject
//! makes the broker publish the task once more (verified on 2.15.1), and that is refused.

use std::{sync::Arc, time::Duration};

use async_nats::HeaderMap;
use hwc_schemas::{Organisation, Traceparent, wire::Task};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Fault, Link, Settings, SetupError, cloud_event,
    messages::{self, Which},
    names::{self, TASKS},
    settings::{self, nanos},
    traced,
};

/// How long a holder of a task may be silent before it is offered again, unless the settings say otherwise.
pub const ACK_WITHIN: Duration = Duration::from_secs(30);
/// Tasks that one organisation may hold at a time.
const HELD_MAX: u32 = 100_000;
/// Organisations that may have a consumer.
const ORGANISATIONS_MAX: u32 = 20_000;
/// A task in bytes, headers included: ids only.
const TASK_BYTES_MAX: u32 = 4 * 1024;

/// The tasks of all organisations, as the engine sees them. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Tasks {
    link: Link,
    replicas: u8,
    held_for: Duration,
    source: Arc<str>,
}

/// What the stream is made with.
pub(crate) fn wanted(settings: &Settings) -> Value {
    let own = json!({
        "retention": "workqueue",
        "max_consumers": ORGANISATIONS_MAX,
        "max_msgs_per_subject": 1,
        "discard_new_per_subject": true,
        "max_msg_size": TASK_BYTES_MAX,
        "max_bytes": settings.shares.tasks,
        // No task outlives what it is about, whether anybody takes it or not.
        "max_age": nanos(settings.payloads_for),
        "duplicate_window": nanos(settings.task_ids_for),
    });
    settings::stream(TASKS, &[names::tasks("*")], settings.replicas, own)
}

/// What an organisation's consumer is made with.
pub(crate) fn wanted_of(name: &str, filter: &str, held_for: Duration, replicas: u8) -> Value {
    json!({
        "name": name,
        "durable_name": name,
        "filter_subject": filter,
        "deliver_policy": "all",
        "replay_policy": "instant",
        "ack_policy": "explicit",
        "ack_wait": nanos(held_for),
        "max_ack_pending": HELD_MAX,
        "max_deliver": -1,
        // What an organisation can make the broker keep for it.
        "max_waiting": 64,
        "max_batch": 256,
        "max_expires": nanos(Duration::from_secs(30)),
        "num_replicas": replicas,
    })
}

impl Tasks {
    /// Opens the tasks: makes their stream if it is missing, and verifies it.
    pub async fn open(link: &Link, settings: &Settings) -> Result<Self, SetupError> {
        settings::ensure_stream(link, TASKS, &wanted(settings)).await?;
        let source = cloud_event::TEST_SOURCE.into();
        Ok(Self {
            link: link.clone(),
            replicas: settings.replicas,
            held_for: settings.tasks_held_for,
            source,
        })
    }

    /// The same, saying whose engine it is that offers: a source as [`crate::is_source`] wants it.
    #[must_use]
    pub fn from_source(mut self, source: &str) -> Self {
        self.source = source.into();
        self
    }

    /// Lets an organisation have its tasks: makes its consumer if it is missing, and verifies it.
    pub async fn admit(&self, organisation: &Organisation) -> Result<(), SetupError> {
        let (name, filter) = (organisation.to_string(), names::tasks(organisation));
        let wanted = wanted_of(&name, &filter, self.held_for, self.replicas);
        settings::ensure_consumer(&self.link, TASKS, &name, &filter, &wanted).await
    }

    /// Offers a task, durably when it answers. Offering it again changes nothing, so after an error it is safe.
    pub async fn offer(&self, organisation: &Organisation, task: &Task) -> Result<(), Fault> {
        self.offer_in(organisation, task, None).await
    }

    /// Offers a task that belongs there in a trace.
    pub async fn offer_in(
        &self,
        organisation: &Organisation,
        task: &Task,
        traceparent: Option<Traceparent>,
    ) -> Result<(), Fault> {
        let body = serde_json::to_vec(task).map_err(|_| Fault::Garbled)?;
        let mut headers = HeaderMap::new();
        // A notice is told once, also after it was heard.
        if let Task::Notice { .. } = task {
            headers.insert("Nats-Msg-Id", task.id());
        }
        traced::write(traceparent, &mut headers);
        cloud_event::write(task, &self.source, Timestamp::now(), &mut headers);
        match self.link.put(names::task(organisation, &task.id()), headers, body.into()).await {
            Err(fault) if fault.is_already_there() => Ok(()),
            offered => offered.map(|_| ()),
        }
    }

    /// Takes tasks back so that nothing of them is left on the disk: how many. Whoever holds one may still acknowledge it. What
    /// cannot be read stays. It costs as much as there are tasks.
    pub async fn withdraw(&self, which: impl Fn(&Task) -> bool) -> Result<u64, Fault> {
        // A stream of this kind lets nobody read all of it while others take from it; so it is read message by message.
        let (all, mut from, mut withdrawn) = (names::tasks("*"), 1, 0);
        while let Some(found) = messages::get(&self.link, TASKS, Which::NextOf(&all, from)).await? {
            from = found.sequence + 1;
            if serde_json::from_slice(&found.body).is_ok_and(|task| which(&task)) {
                messages::erase(&self.link, TASKS, found.sequence).await?;
                withdrawn += 1;
            }
        }
        Ok(withdrawn)
    }

    pub(crate) const fn link(&self) -> &Link {
        &self.link
    }

    /// How many tasks are not acknowledged yet, of all organisations.
    pub async fn waiting(&self) -> Result<u64, Fault> {
        #[derive(Deserialize)]
        struct Info {
            state: State,
        }
        #[derive(Deserialize)]
        struct State {
            messages: u64,
        }
        let info: Info = self.link.api(format!("STREAM.INFO.{TASKS}"), &Value::Null).await?;
        Ok(info.state.messages)
    }
}
