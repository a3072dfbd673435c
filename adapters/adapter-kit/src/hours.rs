//! An office's hours. First it closes: nothing new is begun, and what waits for a person is handed back at once. Then it is
//! closed: what is still in hand is handed back too, and comes again to whoever opens next.

use std::time::Duration;

use tokio::sync::watch;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Open,
    Closing,
    Closed,
}

/// When an office closes. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Hours {
    stage: watch::Receiver<Stage>,
}

impl Hours {
    /// Never closing; whoever works is simply dropped.
    pub fn always() -> Self {
        Self { stage: watch::channel(Stage::Open).1 }
    }

    /// Closing when `stop` becomes true, and closed so long after that.
    pub fn until(mut stop: watch::Receiver<bool>, drain_within: Duration) -> Self {
        let (tell, stage) = watch::channel(Stage::Open);
        tokio::spawn(async move {
            // Whoever could say stop is gone: then nobody will.
            if stop.wait_for(|stop| *stop).await.is_err() {
                return tell.closed().await;
            }
            tell.send_replace(Stage::Closing);
            tokio::time::sleep(drain_within).await;
            tell.send_replace(Stage::Closed);
            tell.closed().await;
        });
        Self { stage }
    }

    /// Returns once nothing new is to be begun.
    pub async fn closing(&self) {
        self.reached(Stage::Closing).await;
    }

    /// Returns once everything is to be handed back.
    pub async fn closed(&self) {
        self.reached(Stage::Closed).await;
    }

    /// Whether nothing new is to be begun.
    pub fn is_closing(&self) -> bool {
        *self.stage.borrow() >= Stage::Closing
    }

    async fn reached(&self, wanted: Stage) {
        let mut stage = self.stage.clone();
        if stage.wait_for(|stage| *stage >= wanted).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_office_closes_when_told_and_is_closed_a_while_later() {
        let (tell, stop) = watch::channel(false);
        let hours = Hours::until(stop, Duration::from_secs(10));
        assert!(!hours.is_closing());
        tell.send_replace(true);
        let began = tokio::time::Instant::now();
        hours.closing().await;
        assert_eq!(began.elapsed(), Duration::ZERO);
        hours.closed().await;
        assert_eq!(began.elapsed(), Duration::from_secs(10));
    }

    #[tokio::test(start_paused = true)]
    async fn an_office_that_nobody_can_close_stays_open() {
        let (tell, stop) = watch::channel(false);
        drop(tell);
        for hours in [Hours::always(), Hours::until(stop, Duration::ZERO)] {
            let closed = tokio::time::timeout(Duration::from_mins(1), hours.closing()).await;
            assert!(closed.is_err() && !hours.is_closing());
        }
    }
}
