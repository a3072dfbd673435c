//! A wall clock that goes ahead or behind by a fixed time: for regions of invented people only, where a Sunday must be a
//! school day for once.

use std::{future::Future, pin::Pin};

use hwc_adapter_kit::{Clock, WallClock};
use jiff::{SignedDuration, Timestamp};

/// The real time and a fixed shift. It is the same after any restart, so time never runs backwards.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ShiftedClock(pub(crate) SignedDuration);

impl Clock for ShiftedClock {
    fn now(&self) -> Timestamp {
        WallClock.now().saturating_add(self.0).unwrap_or(Timestamp::MAX)
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
        let until = until.saturating_sub(self.0).unwrap_or(Timestamp::MAX);
        Box::pin(async move { WallClock.sleep_until("", until).await })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_shows_another_time_and_sleeps_just_as_long() {
        let clock = ShiftedClock(SignedDuration::from_hours(-48));
        let shown = clock.now();
        assert!(WallClock.now().duration_since(shown).as_hours() >= 48);
        let soon = clock.now().saturating_add(SignedDuration::from_millis(20)).unwrap();
        clock.sleep_until("", soon).await;
        assert!(clock.now() >= soon);
    }
}
