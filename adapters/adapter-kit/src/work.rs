//! The loop of every adapter: take a task, do it, acknowledge it once the engine has answered.
//!
//! A task is acknowledged last, so a crash anywhere brings it back; what was already submitted is then answered as
//! *already recorded*. Tasks are done side by side up to a bound, each by its own id at most once at a time.

use std::{
    collections::HashSet,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hwc_jetstream::{DoorError, Offered};
use hwc_schemas::wire::{Answer, Task};
use tokio::{sync::Semaphore, task::JoinSet};

use crate::Office;

/// What an organisation does with its tasks.
pub trait Clerk: Send + Sync + 'static {
    /// Does one task to its end: the engine has answered, or nothing is left to do. It may take days; the task stays the
    /// organisation's own as long as the future lives.
    fn handle(&self, office: &Office, task: &Task) -> impl Future<Output = Settled> + Send;
}

/// What became of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// It is done, or nobody needs it any more.
    Done,
    /// It cannot be done now; it comes back. The reason says nothing about a person.
    Later(&'static str),
}

impl Settled {
    /// A refusal settles a task as well as a record: trying again would not help.
    pub fn by(office: &Office, task: &Task, answer: Answer) -> Self {
        if let Answer::Refused { refusal } = answer {
            tracing::warn!(
                organisation = %office.organisation(),
                task = %task.id(),
                refusal = refusal.code(),
                "the engine refused; the task is let go"
            );
        }
        Self::Done
    }
}

/// Tasks that are done at once, at most.
const TASKS_AT_ONCE_MAX: usize = 512;

/// How long a task that cannot be done now stays away.
const COMES_BACK_AFTER: Duration = Duration::from_secs(15);

/// Works until the door closes or the future is dropped. Tasks in hand come back to whoever works next.
pub async fn work<C: Clerk>(office: Office, clerk: Arc<C>) -> Result<(), DoorError> {
    let mut feed = office.door().tasks().await?;
    let in_hand: Arc<Mutex<HashSet<String>>> = Arc::default();
    let places = Arc::new(Semaphore::new(TASKS_AT_ONCE_MAX));
    let mut hands = JoinSet::new();
    while let Some(offered) = feed.next().await {
        while hands.try_join_next().is_some() {}
        let id = offered.task.id();
        if !lock(&in_hand).insert(id.clone()) {
            // Offered again while it is being done: whoever does it will acknowledge it.
            continue;
        }
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { break };
        let (office, clerk, in_hand) = (office.clone(), Arc::clone(&clerk), Arc::clone(&in_hand));
        hands.spawn(async move {
            do_one(&office, &*clerk, offered, &id).await;
            lock(&in_hand).remove(&id);
            drop(place);
        });
    }
    Ok(())
}

async fn do_one<C: Clerk>(office: &Office, clerk: &C, offered: Offered, id: &str) {
    // Begun by the engine already if it runs in this program; begun here if the task comes back.
    office.clock().begin(id);
    let settled = offered.keep(clerk.handle(office, &offered.task)).await;
    let handed_back = match settled {
        Settled::Done => offered.acknowledge().await,
        Settled::Later(why) => {
            tracing::warn!(organisation = %office.organisation(), task = %id, why, "the task comes back later");
            offered.put_back(COMES_BACK_AFTER).await
        }
    };
    match (settled, handed_back) {
        (_, Err(error)) => {
            tracing::warn!(task = %id, %error, "the task could not be handed back; it comes again")
        }
        // A replayed clock must not overtake a task that comes back.
        (Settled::Later(_), Ok(())) => {}
        (Settled::Done, Ok(())) => office.clock().end(id),
    }
}

fn lock(set: &Mutex<HashSet<String>>) -> std::sync::MutexGuard<'_, HashSet<String>> {
    set.lock().unwrap_or_else(PoisonError::into_inner)
}
