//! The time: real, or replayed with a dataset's own time line.
//!
//! Whoever works holds a *token* by name: a task's id, or a name of its own. A replayed clock stands still while any token
//! is held and advances only when everybody sleeps; a real clock does not care. A task's token is taken by the engine when
//! it offers the task and given back by the adapter when it is settled, so nothing on its way is ever overtaken by time.

use std::{future::Future, pin::Pin, time::Duration};

use jiff::Timestamp;

/// The time.
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now(&self) -> Timestamp;

    /// Whether time stands still while anybody works.
    fn is_replayed(&self) -> bool;

    /// Work begins: a replayed clock stands still until [`Clock::end`] with the same token. A task's token that has ended,
    /// or sleeps, does not begin again: then the task was only offered twice.
    fn begin(&self, token: &str);

    /// Work ends. Ending what was not begun is nothing.
    fn end(&self, token: &str);

    /// Sleeps until a moment. The token is given back meanwhile and taken again before anybody else can move the clock.
    fn sleep_until<'a>(
        &'a self,
        token: &'a str,
        until: Timestamp,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

    /// Waits before something is tried again: in real time, of which a replayed clock knows nothing.
    fn pause(&self, wait: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::time::sleep(wait))
    }
}

/// The real time.
#[derive(Debug, Clone, Copy, Default)]
pub struct WallClock;

impl WallClock {
    /// A machine's clock may be set while somebody sleeps; nobody sleeps longer than this without looking again.
    const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(30);
}

impl Clock for WallClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn is_replayed(&self) -> bool {
        false
    }

    fn begin(&self, _: &str) {}

    fn end(&self, _: &str) {}

    fn sleep_until<'a>(
        &'a self,
        _: &'a str,
        until: Timestamp,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(async move {
            loop {
                let left = until.duration_since(Timestamp::now());
                let Ok(left) = Duration::try_from(left) else { return };
                if left.is_zero() {
                    return;
                }
                tokio::time::sleep(left.min(Self::LOOK_AGAIN_AFTER)).await;
            }
        })
    }
}
