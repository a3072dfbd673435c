//! A dataset's own time line as the clock: it advances only when nobody works, never by sleeping.
//!
//! Every piece of work holds a token (see [`Clock`]). When the last one is given back, time jumps to the next sleeper. At
//! one moment the engine goes first, so that a deadline and whatever the organisations do at the same moment always fall
//! out the same way.

use std::{
    collections::{BTreeMap, HashSet},
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use hwc_adapter_kit::Clock;
use jiff::Timestamp;
use tokio::sync::{Notify, oneshot};

/// The engine's own token.
pub(crate) const ENGINE: &str = "engine";

/// A clock that follows a dataset. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Timeline {
    inner: Arc<Mutex<Inner>>,
    at_the_end: Arc<Notify>,
}

struct Inner {
    now: Timestamp,
    tokens: HashSet<String>,
    ended: HashSet<String>,
    sleepers: BTreeMap<Turn, Sleeper>,
    next: u64,
    moved: Instant,
}

/// When somebody wakes: by moment, the engine first, then in the order of falling asleep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Turn {
    at: Timestamp,
    after_the_engine: bool,
    order: u64,
}

struct Sleeper {
    token: String,
    wake: oneshot::Sender<()>,
}

impl Timeline {
    /// A clock that stands at this moment.
    pub(crate) fn starting_at(now: Timestamp) -> Self {
        let inner = Inner {
            now,
            tokens: HashSet::new(),
            ended: HashSet::new(),
            sleepers: BTreeMap::new(),
            next: 0,
            moved: Instant::now(),
        };
        Self { inner: Arc::new(Mutex::new(inner)), at_the_end: Arc::new(Notify::new()) }
    }

    /// Returns when nobody works and nobody sleeps for anything but ever.
    pub(crate) async fn at_the_end(&self) {
        self.at_the_end.notified().await;
    }

    /// For how long nothing has moved, in real time, and how much work is held.
    pub(crate) fn standing_still(&self) -> (std::time::Duration, usize) {
        let inner = self.lock();
        (inner.moved.elapsed(), inner.tokens.len())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Jumps to the next sleeper if nobody works.
    fn advance(&self, inner: &mut Inner) {
        if !inner.tokens.is_empty() {
            return;
        }
        let Some((first, _)) = inner.sleepers.first_key_value() else { return };
        let Turn { at, after_the_engine, .. } = *first;
        if at == Timestamp::MAX {
            self.at_the_end.notify_one();
            return;
        }
        inner.now = inner.now.max(at);
        inner.moved = Instant::now();
        while let Some(entry) = inner.sleepers.first_entry() {
            if entry.key().at != at || entry.key().after_the_engine != after_the_engine {
                break;
            }
            let Sleeper { token, wake } = entry.remove();
            inner.tokens.insert(token);
            // Whoever dropped its sleep meanwhile has its token back already, by the same name.
            let _ = wake.send(());
        }
    }
}

impl Clock for Timeline {
    fn now(&self) -> Timestamp {
        self.lock().now
    }

    fn is_replayed(&self) -> bool {
        true
    }

    fn begin(&self, token: &str) {
        let mut inner = self.lock();
        let sleeps = inner.sleepers.values().any(|sleeper| sleeper.token == token);
        if !sleeps && !inner.ended.contains(token) {
            inner.tokens.insert(token.to_owned());
        }
    }

    fn end(&self, token: &str) {
        let mut inner = self.lock();
        if inner.tokens.remove(token) {
            inner.moved = Instant::now();
        }
        inner.ended.insert(token.to_owned());
        self.advance(&mut inner);
    }

    fn sleep_until<'a>(
        &'a self,
        token: &'a str,
        until: Timestamp,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(async move {
            let (turn, woken) = {
                let mut inner = self.lock();
                if until <= inner.now {
                    return;
                }
                let (wake, woken) = oneshot::channel();
                let turn = Turn { at: until, after_the_engine: token != ENGINE, order: inner.next };
                inner.next += 1;
                inner.sleepers.insert(turn, Sleeper { token: token.to_owned(), wake });
                inner.tokens.remove(token);
                self.advance(&mut inner);
                (turn, woken)
            };
            let _bed = Bed { timeline: self, turn, token };
            // An error means that the clock itself is gone; then there is nothing to wait for.
            let _ = woken.await;
        })
    }
}

/// Whoever gets up early takes its token again.
struct Bed<'a> {
    timeline: &'a Timeline,
    turn: Turn,
    token: &'a str,
}

impl Drop for Bed<'_> {
    fn drop(&mut self) {
        let mut inner = self.timeline.lock();
        if inner.sleepers.remove(&self.turn).is_some() {
            inner.tokens.insert(self.token.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[tokio::test]
    async fn time_stands_still_while_somebody_works_and_jumps_when_nobody_does() {
        let timeline = Timeline::starting_at(at(0));
        timeline.begin("a");
        timeline.begin("b");
        let sleeping = tokio::spawn({
            let timeline = timeline.clone();
            async move {
                timeline.sleep_until("a", at(1_000_000)).await;
                timeline.now()
            }
        });
        tokio::task::yield_now().await;
        assert_eq!(timeline.now(), at(0));
        timeline.end("b");
        assert_eq!(sleeping.await.unwrap(), at(1_000_000));
    }

    #[tokio::test]
    async fn at_one_moment_the_engine_goes_first() {
        let timeline = Timeline::starting_at(at(0));
        let order = Arc::new(Mutex::new(Vec::new()));
        for token in ["school", ENGINE] {
            timeline.begin(token);
        }
        let tasks = ["school", ENGINE].map(|token| {
            let (timeline, order) = (timeline.clone(), Arc::clone(&order));
            tokio::spawn(async move {
                timeline.sleep_until(token, at(5)).await;
                order.lock().unwrap().push(token);
                timeline.end(token);
            })
        });
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), [ENGINE, "school"]);
    }

    #[tokio::test]
    async fn a_task_that_is_offered_again_holds_nobody_up() {
        let timeline = Timeline::starting_at(at(0));
        timeline.begin("other");
        timeline.begin("settled");
        timeline.end("settled");
        timeline.begin("settled");
        timeline.begin("waits");
        let waiting = tokio::spawn({
            let timeline = timeline.clone();
            async move { timeline.sleep_until("waits", at(7)).await }
        });
        tokio::task::yield_now().await;
        timeline.begin("waits");
        timeline.end("other");
        waiting.await.unwrap();
        assert_eq!(timeline.now(), at(7));
    }

    #[tokio::test]
    async fn who_gets_up_early_holds_its_token_again() {
        let timeline = Timeline::starting_at(at(0));
        timeline.begin("other");
        timeline.begin(ENGINE);
        {
            let sleep = timeline.sleep_until(ENGINE, at(9));
            tokio::select! { () = sleep => {}, () = std::future::ready(()) => {} }
        }
        timeline.end("other");
        assert_eq!(timeline.now(), at(0));
    }
}
