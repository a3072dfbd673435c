//! A dataset's own time line as the clock: it advances only when nobody works.
//!
//! Every piece of work holds a token (see [`Clock`]). When the last one is given back, time jumps to the next sleeper; with a
//! [`Speed`] it first waits until that moment has come. At one moment the engine goes first, so that a deadline and whatever
//! the organisations do at the same moment always fall out the same way.

use std::{
    collections::{BTreeMap, HashSet},
    future::Future,
    pin::Pin,
    str::FromStr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use hwc_adapter_kit::Clock;
use jiff::Timestamp;
use tokio::sync::{Notify, oneshot};

/// The engine's own token.
pub(crate) const ENGINE: &str = "engine";

/// How fast a dataset's time passes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Speed {
    /// Nobody waits for anything.
    Max,
    /// So many times as fast as it happened: 1 as it happened, 60 a minute a second.
    Times(f64),
}

impl Speed {
    /// Slowest and fastest that may be asked for.
    const BOUNDS: std::ops::RangeInclusive<f64> = 0.001..=1e9;
}

impl FromStr for Speed {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.eq_ignore_ascii_case("max") {
            return Ok(Self::Max);
        }
        let times = text.parse().ok().filter(|times| Self::BOUNDS.contains(times));
        times.map(Self::Times).ok_or("write max, or a number from 0.001 to 1000000000")
    }
}

/// A clock that follows a dataset. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Timeline {
    inner: Arc<Mutex<Inner>>,
    at_the_end: Arc<Notify>,
    speed: Speed,
}

struct Inner {
    now: Timestamp,
    tokens: HashSet<String>,
    ended: HashSet<String>,
    sleepers: BTreeMap<Turn, Sleeper>,
    next: u64,
    moved: Instant,
    /// With a speed: when the first wait began, in real time and on this clock.
    began: Option<(Instant, Timestamp)>,
    /// With a speed: the moment that is waited for.
    awaited: Option<Timestamp>,
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
    /// A clock that stands at this moment, and goes on as fast as this.
    pub(crate) fn starting_at(now: Timestamp, speed: Speed) -> Self {
        let inner = Inner {
            now,
            tokens: HashSet::new(),
            ended: HashSet::new(),
            sleepers: BTreeMap::new(),
            next: 0,
            moved: Instant::now(),
            began: None,
            awaited: None,
        };
        Self { inner: Arc::new(Mutex::new(inner)), at_the_end: Arc::new(Notify::new()), speed }
    }

    /// Returns when nobody works and nobody sleeps for anything but ever.
    pub(crate) async fn at_the_end(&self) {
        self.at_the_end.notified().await;
    }

    /// For how long nothing has moved, in real time, and how much work is held. Who waits for a moment to come does not stand
    /// still.
    pub(crate) fn standing_still(&self) -> (Duration, usize) {
        let inner = self.lock();
        let still = if inner.awaited.is_some() { Duration::ZERO } else { inner.moved.elapsed() };
        (still, inner.tokens.len())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Jumps to the next sleeper if nobody works, as soon as its moment has come.
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
        if let Some(left) = self.left_until(at, inner) {
            return self.look_again_after(left, at, inner);
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

    /// How long it takes in real time until this moment has come; none if it has.
    fn left_until(&self, at: Timestamp, inner: &mut Inner) -> Option<Duration> {
        let Speed::Times(times) = self.speed else { return None };
        let (began, then) = *inner.began.get_or_insert((Instant::now(), inner.now));
        let ahead = Duration::try_from(at.duration_since(then)).unwrap_or_default();
        let ahead = Duration::try_from_secs_f64(ahead.as_secs_f64() / times).unwrap_or(Duration::MAX);
        ahead.checked_sub(began.elapsed()).filter(|left| !left.is_zero())
    }

    /// Has the clock looked at again when a moment has come. One look is enough, however often somebody turns over in bed.
    fn look_again_after(&self, left: Duration, at: Timestamp, inner: &mut Inner) {
        if inner.awaited == Some(at) {
            return;
        }
        inner.awaited = Some(at);
        let timeline = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(left).await;
            let mut inner = timeline.lock();
            if inner.awaited == Some(at) {
                inner.awaited = None;
                inner.moved = Instant::now();
            }
            timeline.advance(&mut inner);
        });
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
        let timeline = Timeline::starting_at(at(0), Speed::Max);
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
        let timeline = Timeline::starting_at(at(0), Speed::Max);
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
        let timeline = Timeline::starting_at(at(0), Speed::Max);
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
    async fn with_a_speed_a_moment_comes_no_sooner_than_it_should() {
        // A day in a tenth of a second.
        let day = 86_400;
        let timeline = Timeline::starting_at(at(0), Speed::Times(864_000.0));
        let began = Instant::now();
        timeline.begin("other");
        timeline.begin("waits");
        let waiting = tokio::spawn({
            let timeline = timeline.clone();
            async move { timeline.sleep_until("waits", at(day)).await }
        });
        tokio::task::yield_now().await;
        timeline.end("other");
        assert_eq!((timeline.now(), timeline.standing_still()), (at(0), (Duration::ZERO, 0)));
        // Somebody works in between, and the moment comes all the same.
        timeline.begin("in between");
        timeline.end("in between");
        waiting.await.unwrap();
        assert!(began.elapsed() >= Duration::from_millis(100));
        assert_eq!(timeline.now(), at(day));
    }

    #[tokio::test]
    async fn with_a_speed_too_nobody_is_overtaken() {
        let timeline = Timeline::starting_at(at(0), Speed::Times(1e9));
        timeline.begin("works");
        timeline.begin("sleeps");
        let sleeping = tokio::spawn({
            let timeline = timeline.clone();
            async move { timeline.sleep_until("sleeps", at(60)).await }
        });
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(timeline.now(), at(0));
        timeline.end("works");
        sleeping.await.unwrap();
        assert_eq!(timeline.now(), at(60));
    }

    #[test]
    fn a_speed_is_max_or_a_number_within_bounds() {
        assert_eq!("max".parse(), Ok(Speed::Max));
        assert_eq!("60".parse(), Ok(Speed::Times(60.0)));
        assert_eq!("0.5".parse(), Ok(Speed::Times(0.5)));
        for bad in ["", "0", "-1", "1e10", "inf", "NaN", "fast"] {
            assert!(bad.parse::<Speed>().is_err(), "{bad}");
        }
    }

    #[tokio::test]
    async fn who_gets_up_early_holds_its_token_again() {
        let timeline = Timeline::starting_at(at(0), Speed::Max);
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
