//! What a replay leaves behind, asked of the broker itself.

use std::time::{Duration, Instant};

use hwc_jetstream::{JetStreamJournal, Link, SealedStore, Settings, Tasks};
use hwc_journal::Journal as _;

use super::{ReplayError, Stage, summary::Left};
use crate::engine::EngineError;

/// How long what is on its way at the end, and a broker that does not answer then, may take before it counts.
const SETTLES_WITHIN: Duration = Duration::from_secs(5);

const LOOK_EVERY: Duration = Duration::from_millis(20);

impl Stage {
    /// What is left at the end. Until that is known a broker that dies is started again, as before the end.
    pub(super) async fn left(&mut self) -> Result<Left, ReplayError> {
        loop {
            tokio::select! {
                biased;
                (at, last_words) = self.brokers.ended() => {
                    tracing::error!(last_words, "the broker died at the end; starting it again");
                    self.restart_broker(at).await?;
                }
                left = settled(&self.link, &self.streams) => return Ok(left?),
            }
        }
    }
}

/// Nothing, or what is left when it has had its time.
async fn settled(link: &Link, streams: &Settings) -> Result<Left, EngineError> {
    let since = Instant::now();
    loop {
        let left = look(link, streams).await;
        // The last acknowledgements may still be on their way to the broker, and after a crash a task comes back.
        if since.elapsed() > SETTLES_WITHIN || left.as_ref().is_ok_and(|left| left.is_nothing()) {
            return left;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn look(link: &Link, streams: &Settings) -> Result<Left, EngineError> {
    let journal = JetStreamJournal::read_only(link);
    let tasks = Tasks::open(link, streams).await?;
    Ok(Left {
        incidents: journal.in_flight().await?.len(),
        payloads: SealedStore::open(link, streams).holdings().await?.len(),
        tasks: tasks.waiting().await?,
    })
}
