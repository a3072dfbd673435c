//! What an operator sees of the broker: who is served, who leads, what is stored and whether it is made as it must be. Whoever asks
//! need not lead. Nothing is changed, but for what says so by its name: [`withdraw_task`], [`mails_hurried`], [`mails_heard`].

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use async_nats::HeaderMap;
use bytes::Bytes;
use futures::StreamExt as _;
use hwc_schemas::{Organisation, key::KeyKind, wire::Task};
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use crate::{
    Fault, Link, Settings, breaches, counts,
    custody::MISSED,
    directory::Newer,
    fault::code,
    journal::pen,
    lease,
    messages::{self, Which},
    names::{self, BREACHES, COUNTS, JOURNAL, KEYS, LEAD, TASKS, TELLING},
    patience::patiently,
    scan::{Read, Scan},
    settings, stock, streams as asked, tasks,
};

/// Tasks that one listing shows at most; each costs a request.
pub const TASKS_LISTED_MAX: usize = 10_000;

/// How long engines get to say that they are there.
const ENGINES_ANSWER_WITHIN: Duration = Duration::from_millis(750);

/// How one organisation is served with tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feed {
    /// Whose.
    pub organisation: Organisation,
    /// Tasks that it did not acknowledge yet, those in hand included.
    pub waiting: u64,
    /// Of them, those that were handed to it and are not settled.
    pub in_hand: u64,
    /// Of those, how many were handed out more than once.
    pub again: u64,
    /// Pulls for tasks that wait for an answer at this moment: none means that its program is not connected, or asks for nothing.
    pub pulls: u64,
    /// When it was given a task last, by the broker's clock; none if never, or not since the broker's start.
    pub served_at: Option<Timestamp>,
}

/// How every organisation that an engine ever admitted is served.
pub async fn feeds(link: &Link) -> Result<Vec<Feed>, Fault> {
    #[derive(Deserialize)]
    struct Info {
        name: String,
        num_pending: u64,
        num_ack_pending: u64,
        #[serde(default)]
        num_redelivered: u64,
        #[serde(default)]
        num_waiting: u64,
        #[serde(default)]
        delivered: Delivered,
    }
    #[derive(Deserialize, Default)]
    struct Delivered {
        last_active: Option<Timestamp>,
    }
    let all = paged::<Info>(link, &format!("CONSUMER.LIST.{TASKS}"), "consumers").await?;
    Ok(all
        .into_iter()
        .filter_map(|info| {
            Some(Feed {
                organisation: info.name.parse().ok()?,
                waiting: info.num_pending + info.num_ack_pending,
                in_hand: info.num_ack_pending,
                again: info.num_redelivered,
                pulls: info.num_waiting,
                served_at: info.delivered.last_active,
            })
        })
        .collect())
}

/// The keys that one organisation left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeysLeft {
    /// For one seal each.
    pub one_time: u64,
    /// The day on which its newest key of a week was made, by its maker's clock; none if there is none.
    pub weekly_made: Option<Date>,
}

/// How many one-time keys of each organisation are in stock; one that has none is not among them. Keys of a week are not counted.
pub async fn stocks(link: &Link) -> Result<BTreeMap<Organisation, u64>, Fault> {
    let left = keys_left(link).await?.into_iter().map(|(organisation, left)| (organisation, left.one_time));
    Ok(left.filter(|(_, one_time)| *one_time > 0).collect())
}

/// The keys that each organisation left; one that left none is not among them.
pub async fn keys_left(link: &Link) -> Result<BTreeMap<Organisation, KeysLeft>, Fault> {
    let all = names::key("*", "*");
    let scan = Scan { stream: KEYS, filter: &all, from: 1, headers_only: false };
    let take = |all: &mut BTreeMap<Organisation, KeysLeft>, read: &Read| {
        if let Some((organisation, key)) = stock::understood(&read.message) {
            let left = all.entry(organisation).or_default();
            match key.kind {
                KeyKind::OneTime => left.one_time += 1,
                KeyKind::Weekly { made } => left.weekly_made = left.weekly_made.max(Some(made)),
            }
        }
        Ok::<(), Fault>(())
    };
    match scan.read(link, BTreeMap::new, take).await {
        Err(fault) if fault.is(code::STREAM_NOT_FOUND) => Ok(BTreeMap::new()),
        left => left,
    }
}

/// How much of the broker's store is used, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// By everything that is stored, on one server.
    pub used: u64,
    /// Set aside for the streams that have a bound, whether they use it or not, on one server.
    pub set_aside: u64,
    /// How many streams there are.
    pub streams: u64,
}

/// How much is used. `replicas`: on how many servers each message lies.
pub async fn room(link: &Link, replicas: u8) -> Result<Room, Fault> {
    #[derive(Deserialize)]
    struct Info {
        storage: u64,
        #[serde(default)]
        reserved_storage: u64,
        streams: u64,
    }
    let nothing = json!({});
    let info: Info = patiently(|| link.api("INFO".to_owned(), &nothing)).await?;
    let on = u64::from(replicas.max(1));
    Ok(Room { used: info.storage / on, set_aside: info.reserved_storage / on, streams: info.streams })
}

/// One stream, and the servers that keep it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its name; it says nothing of anybody.
    pub name: String,
    /// How many messages it holds.
    pub messages: u64,
    /// How many bytes.
    pub bytes: u64,
    /// How many servers keep it.
    pub servers: usize,
    /// Whether one of them leads it: otherwise nobody can write.
    pub is_led: bool,
    /// Servers that are away, or have not heard everything.
    pub behind: usize,
    /// Servers that missed an erasure and wait to be mended.
    pub missed: usize,
}

/// Every stream that there is.
pub async fn streams(link: &Link) -> Result<Vec<Kept>, Fault> {
    #[derive(Deserialize)]
    struct Info {
        config: Config,
        state: State,
        cluster: Option<Cluster>,
    }
    #[derive(Deserialize)]
    struct Config {
        name: String,
        #[serde(default)]
        metadata: BTreeMap<String, String>,
    }
    #[derive(Deserialize)]
    struct State {
        messages: u64,
        bytes: u64,
    }
    #[derive(Deserialize)]
    struct Cluster {
        #[serde(default)]
        leader: String,
        #[serde(default)]
        replicas: Vec<Server>,
    }
    #[derive(Deserialize)]
    struct Server {
        #[serde(default)]
        current: bool,
        #[serde(default)]
        offline: bool,
    }
    let all = paged::<Info>(link, "STREAM.LIST", "streams").await?;
    let kept = all.into_iter().map(|info| {
        // A server that is alone names no cluster, or one without a leader to speak of.
        let alone = info.cluster.as_ref().is_none_or(|cluster| cluster.replicas.is_empty());
        let servers = info.cluster.as_ref().map_or(1, |cluster| cluster.replicas.len() + 1);
        let behind = info.cluster.iter().flat_map(|cluster| &cluster.replicas);
        let missed = info.config.metadata.get(MISSED).map(String::as_str).unwrap_or_default();
        Kept {
            messages: info.state.messages,
            bytes: info.state.bytes,
            servers,
            is_led: alone || info.cluster.as_ref().is_some_and(|cluster| !cluster.leader.is_empty()),
            behind: behind.filter(|server| !server.current || server.offline).count(),
            missed: missed.split(',').filter(|name| !name.is_empty()).count(),
            name: info.config.name,
        }
    });
    Ok(kept.collect())
}

/// A list of the broker's, page by page.
async fn paged<T: DeserializeOwned>(link: &Link, what: &str, key: &str) -> Result<Vec<T>, Fault> {
    let mut all = Vec::new();
    loop {
        let offset = json!({ "offset": all.len() });
        let mut page: Value = match patiently(|| link.api(what.to_owned(), &offset)).await {
            Err(fault) if fault.is(code::STREAM_NOT_FOUND) => return Ok(all),
            page => page?,
        };
        let total = page.get("total").and_then(Value::as_u64).unwrap_or_default();
        let Some(Value::Array(some)) = page.get_mut(key).map(Value::take) else { return Ok(all) };
        let ended = some.is_empty();
        for one in some {
            all.push(serde_json::from_value(one).map_err(|_| Fault::Garbled)?);
        }
        if ended || all.len() as u64 >= total {
            return Ok(all);
        }
    }
}

/// How many engines answer at this moment: the one that leads and those that stand by. `asks_as`: any organisation that takes part;
/// each engine answers it at the door for the directory.
/// A board asks as itself.
pub async fn engines(link: &Link, asks_as: &Organisation) -> Result<usize, Fault> {
    // A board has a subject of its own there. Else where that organisation hears its answers; in the engine's own account nobody
    // else does.
    let (door, inbox) = match link.board() {
        Some(board) => (names::directory(board), names::inbox(board)),
        None => (names::directory(asks_as), names::inbox(asks_as)),
    };
    let inbox = format!("{inbox}.{}", Uuid::new_v4().simple());
    let mut answers = link.listen(inbox.clone()).await?;
    // Newer than any there can be: so that none is handed out, and nobody's turn is taken.
    let body = serde_json::to_vec(&Newer { than: u64::MAX }).map_err(|_| Fault::Garbled)?;
    link.send(door, Some(inbox), body.into()).await?;
    let until = Instant::now() + ENGINES_ANSWER_WITHIN;
    let mut there = 0;
    while let Ok(Some(answer)) = timeout_at(until, answers.next()).await {
        // The broker says so by itself where nobody listens.
        there += usize::from(answer.status.is_none());
    }
    Ok(there)
}

/// What the broker's clock says.
pub async fn broker_time(link: &Link) -> Result<Timestamp, Fault> {
    // Any stream does; every region has this one from its first engine on.
    asked::now(link, LEAD).await
}

/// In what the streams and consumers differ from what an engine with these settings makes: one sentence each. A stream that is not
/// there is named too. Consumers are looked at for these organisations.
pub async fn differences(
    link: &Link,
    settings: &Settings,
    organisations: &BTreeSet<Organisation>,
) -> Result<Vec<String>, Fault> {
    let streams: [(&str, Value, &[&str]); 6] = [
        (LEAD, lease::wanted(settings), &[]),
        (JOURNAL, pen::wanted_first(settings), &pen::PEN),
        (TASKS, tasks::wanted(settings), &[]),
        (BREACHES, breaches::wanted(settings), &[]),
        (COUNTS, counts::wanted(settings), &[]),
        (KEYS, stock::wanted(settings), &[]),
    ];
    let mut all = Vec::new();
    for (name, wanted, free) in streams {
        let found = settings::look(link, (format!("STREAM.INFO.{name}"), name), &wanted, free).await?;
        all.extend(found.unwrap_or_else(|| vec![format!("{name}: is not there")]));
    }
    let mut consumers = vec![(BREACHES, TELLING.to_owned(), breaches::wanted_telling(settings))];
    consumers.extend(organisations.iter().map(|organisation| {
        let (name, filter) = (organisation.to_string(), names::tasks(organisation));
        let wanted = tasks::wanted_of(&name, &filter, settings.tasks_held_for, settings.replicas);
        (TASKS, name, wanted)
    }));
    for (stream, name, wanted) in consumers {
        let place = format!("{stream}/{name}");
        let asked = (format!("CONSUMER.INFO.{stream}.{name}"), place.as_str());
        let found = settings::look(link, asked, &wanted, &[]).await?;
        all.extend(found.unwrap_or_else(|| vec![format!("{place}: is not there")]));
    }
    Ok(all)
}

/// A task that lies at the broker, whoever has it in hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LyingTask {
    /// For whom.
    pub organisation: Organisation,
    /// What is asked; none if it cannot be read.
    pub task: Option<Task>,
    /// Since when, by the broker's clock.
    pub since: Option<Timestamp>,
    /// Where it lies.
    pub place: u64,
    /// Whether the broker takes it once in [`Settings::task_ids_for`] only: when it is taken back, it is not offered again before.
    pub told_once: bool,
}

/// The tasks that nobody acknowledged yet, the oldest first, at most [`TASKS_LISTED_MAX`].
pub async fn tasks_lying(link: &Link) -> Result<Vec<LyingTask>, Fault> {
    let (all, mut from, mut found) = (names::tasks("*"), 1, Vec::new());
    while found.len() < TASKS_LISTED_MAX {
        let Some(one) = messages::get(link, TASKS, Which::NextOf(&all, from)).await? else { break };
        from = one.sequence + 1;
        let Some(organisation) = one.subject.split('.').nth(2).and_then(|name| name.parse().ok()) else {
            continue;
        };
        let task = serde_json::from_slice(&one.body).ok();
        let (since, place, told_once) = (one.since, one.sequence, one.has_id);
        found.push(LyingTask { organisation, task, since, place, told_once });
    }
    Ok(found)
}

/// Takes one task back; whether it was there. Whoever has it in hand may still acknowledge it. An engine offers again within a
/// minute what is still owed, so nothing that matters is lost by it; but of what is [`LyingTask::told_once`] the broker takes no
/// second one for a day.
pub async fn withdraw_task(link: &Link, place: u64) -> Result<bool, Fault> {
    messages::take(link, TASKS, place).await
}

/// Mails about breaches that the project leader did not get yet (R24).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UntoldMails {
    /// How many.
    pub untold: u64,
    /// Of them, those that were tried and wait for their next try.
    pub tried: u64,
    /// Since when the oldest of them waits, as far as can be known.
    pub oldest: Option<Timestamp>,
    /// Where those lie that were tried: behind the first place, up to the last.
    places: (u64, u64),
    /// How many the queue handed out, ever.
    handed_out: u64,
}

/// How many mails about breaches wait. None where no engine ever was.
pub async fn untold_mails(link: &Link) -> Result<UntoldMails, Fault> {
    #[derive(Deserialize)]
    struct Info {
        num_pending: u64,
        num_ack_pending: u64,
        delivered: Sequences,
        ack_floor: Sequences,
    }
    #[derive(Deserialize)]
    struct Sequences {
        consumer_seq: u64,
        stream_seq: u64,
    }
    let what = || format!("CONSUMER.INFO.{BREACHES}.{TELLING}");
    let nothing = json!({});
    let info: Info = match patiently(|| link.api(what(), &nothing)).await {
        Err(fault) if fault.is(code::STREAM_NOT_FOUND) || fault.is(code::CONSUMER_NOT_FOUND) => {
            return Ok(UntoldMails::default());
        }
        info => info?,
    };
    let untold = info.num_pending + info.num_ack_pending;
    let oldest = if untold == 0 {
        None
    } else {
        let next = Which::NextOf(names::breach(), info.ack_floor.stream_seq + 1);
        messages::get(link, BREACHES, next).await?.and_then(|found| found.since)
    };
    Ok(UntoldMails {
        untold,
        tried: info.num_ack_pending,
        oldest,
        places: (info.ack_floor.stream_seq, info.delivered.stream_seq),
        handed_out: info.delivered.consumer_seq,
    })
}

/// Has every mail that waits for its next try tried again now, by the engine that leads. How many waited.
pub async fn mails_hurried(link: &Link) -> Result<u64, Fault> {
    answered_for_all(link, "-NAK").await
}

/// Says of every mail that waits for its next try that the project leader was told; its record stays. How many. One that is being
/// mailed at this very moment is among them.
pub async fn mails_heard(link: &Link) -> Result<u64, Fault> {
    answered_for_all(link, "+ACK").await
}

/// Says this of everything that the queue handed out and that was not settled. The broker passes over what was settled already.
async fn answered_for_all(link: &Link, word: &'static str) -> Result<u64, Fault> {
    let before = untold_mails(link).await?;
    let (first, last) = before.places;
    for place in first + 1..=last {
        let reply = format!("$JS.ACK.{BREACHES}.{TELLING}.1.{place}.{}.0.0", before.handed_out);
        link.send_with(reply, HeaderMap::new(), Bytes::from_static(word.as_bytes())).await?;
    }
    // Behind them on the same connection: when this is answered they were heard.
    untold_mails(link).await?;
    Ok(before.tried)
}
