//! The loop of every adapter: take a task, do it, acknowledge it once the engine has answered.
//!
//! A task is acknowledged last, so a crash anywhere brings it back; what was already submitted is then answered as
//! *already recorded*. Tasks are done side by side, each at most once at a time: one that waits for a person
//! or for the morning holds no other up.

use std::{
    collections::HashSet,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hwc_jetstream::{DoorError, Offered};
use hwc_schemas::wire::{Answer, Refusal, Task};
use hwc_telemetry::{SettledHow, TaskKind};
use jiff::Timestamp;
use tokio::task::JoinSet;

use crate::{Office, Station, Unopened, telemetry::Handed};

/// What an organisation does with its tasks.
pub trait Clerk: Send + Sync + 'static {
    /// Does one task to its end: the engine has answered, or nothing is left to do. It may take days; the task stays the
    /// organisation's own as long as the future lives. `since` is when the engine asked, in real time. Who waits for a
    /// person or for another day hands back when the office closes ([`crate::Hours::closing`]).
    fn handle(&self, office: &Office, task: &Task, since: Timestamp) -> impl Future<Output = Settled> + Send;
}

/// What became of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// It is done, or nobody needs it any more.
    Done,
    /// It cannot be done now; it comes back. The reason says nothing about a person.
    Later(&'static str),
    /// The office closes; whoever opens next does it.
    HandedBack,
}

impl Settled {
    /// What is said of it where nobody may know why.
    const fn how(self) -> SettledHow {
        match self {
            Self::Done => SettledHow::Done,
            Self::Later(_) => SettledHow::Later,
            Self::HandedBack => SettledHow::HandedBack,
        }
    }

    /// By the engine's answer: done, unless it refused for a reason that leaves the signal waiting. Then the task stays,
    /// and somebody must look.
    pub fn by(office: &Office, task: &Task, answer: Answer) -> Self {
        match answer {
            Answer::Refused { refusal } => Self::refused(office, task, refusal),
            Answer::Recorded | Answer::AlreadyRecorded => Self::Done,
            Answer::TryLater => Self::Later("the engine was busy"),
        }
    }

    /// By a payload that could not be had.
    pub fn without(office: &Office, task: &Task, why: &Unopened) -> Self {
        if let Unopened::NotDue(refusal) = why {
            return Self::refused(office, task, *refusal);
        }
        tracing::error!(organisation = %office.organisation(), task = %task.id(), error = %why, "it does not open");
        Self::Later("what was sealed does not open")
    }

    fn refused(office: &Office, task: &Task, refusal: Refusal) -> Self {
        if refusal.ends_the_task() {
            return Self::Done;
        }
        let (organisation, refusal) = (office.organisation(), refusal.code());
        tracing::error!(%organisation, task = %task.id(), refusal, "the engine refused; somebody must look");
        Self::Later("the engine refused")
    }
}

/// How long a task that cannot be done now stays away.
const COMES_BACK_AFTER: Duration = Duration::from_secs(15);

/// How long a task that is handed back stays away: until this process is gone.
const HANDED_BACK_FOR: Duration = Duration::from_secs(1);

/// Works until the office closes, the door closes or the future is dropped. Tasks in hand come back to whoever works next:
/// at once when the office closes, and else once nobody has said for a while that they are being worked on.
pub async fn work<C: Clerk>(station: &Station, clerk: Arc<C>) -> Result<(), DoorError> {
    let office = station.office().clone();
    let mut feed = station.door().tasks().await?;
    let in_hand: Arc<Mutex<HashSet<String>>> = Arc::default();
    let mut hands = JoinSet::new();
    let hours = office.hours().clone();
    loop {
        let offered = tokio::select! {
            biased;
            () = hours.closing() => break,
            offered = feed.next() => offered,
        };
        let Some(offered) = offered else { break };
        while let Some(ended) = hands.try_join_next() {
            if let Err(error) = ended {
                // Not what a panic says, which may quote what it stumbled over.
                let panicked = error.is_panic();
                tracing::error!(panicked, "a task ended in the middle; it comes again");
            }
        }
        // Offered again while it is being done: whoever does it will acknowledge it.
        let Some(held) = Held::take(&in_hand, offered.task.id()) else {
            let (role, task) = (office.organisation().role(), TaskKind::of(&offered.task));
            office.telemetry().came_again(role, task);
            continue;
        };
        let (office, clerk) = (office.clone(), Arc::clone(&clerk));
        hands.spawn(async move { do_one(&office, &*clerk, offered, &held.id).await });
    }
    if hours.is_closing() {
        while hands.join_next().await.is_some() {}
        station.door().flush().await;
    }
    Ok(())
}

/// A task in hand, until this is dropped, in whatever way.
struct Held {
    in_hand: Arc<Mutex<HashSet<String>>>,
    id: String,
}

impl Held {
    fn take(in_hand: &Arc<Mutex<HashSet<String>>>, id: String) -> Option<Self> {
        lock(in_hand).insert(id.clone()).then(|| Self { in_hand: Arc::clone(in_hand), id })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        lock(&self.in_hand).remove(&self.id);
    }
}

async fn do_one<C: Clerk>(office: &Office, clerk: &C, offered: Offered, id: &str) {
    // Begun by the engine already if it runs in this program; begun here if the task comes back.
    office.clock().begin(id);
    let since = offered.since().unwrap_or_else(Timestamp::now);
    let handed =
        Handed { below: offered.traceparent(), deliveries: offered.deliveries(), at: office.clock().now() };
    let (role, task) = (office.organisation().role(), TaskKind::of(&offered.task));
    let in_hand = office.telemetry().take(role, task, handed);
    let there = office.at(in_hand.place());
    let doing = async {
        tokio::select! {
            biased;
            settled = clerk.handle(&there, &offered.task, since) => settled,
            () = office.hours().closed() => Settled::HandedBack,
        }
    };
    let settled = offered.keep(doing).await;
    in_hand.settled(settled.how(), office.clock().now());
    let handed_back = match settled {
        Settled::Done => {
            // Before the acknowledgement: whoever is killed right behind it has nobody left to say so. A replayed clock must
            // not overtake a task that comes back.
            office.clock().end(id);
            offered.acknowledge().await
        }
        Settled::Later(why) => {
            tracing::warn!(organisation = %office.organisation(), task = %id, why, "the task comes back later");
            offered.put_back(COMES_BACK_AFTER).await
        }
        Settled::HandedBack => offered.put_back(HANDED_BACK_FOR).await,
    };
    if let Err(error) = handed_back {
        tracing::warn!(task = %id, %error, "the task could not be handed back; it comes again");
    }
}

fn lock(set: &Mutex<HashSet<String>>) -> std::sync::MutexGuard<'_, HashSet<String>> {
    set.lock().unwrap_or_else(PoisonError::into_inner)
}
