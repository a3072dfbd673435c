//! What ended is got off the disk, every few seconds and once more at a polite stop.

use std::time::Duration;

use hwc_counts::Roster;
use hwc_jetstream::SealedStore;
use hwc_journal::Journal;
use hwc_relay::Relay;
use hwc_telemetry::Erased;
use hwc_workflow::Incident;
use jiff::Timestamp;

use crate::{
    counting::{Closing, Counting},
    engine::trouble,
    telling::Telling,
};

/// What is cleared: one look at it.
pub(crate) struct Clearing<J> {
    pub(crate) journal: J,
    pub(crate) store: SealedStore,
    pub(crate) counting: Counting,
    pub(crate) telling: Telling,
    /// For the counts: what the clock on the wall says, and who takes part; none of it while something that ended is not counted
    /// yet, so that no month is closed before that.
    pub(crate) closing: Option<Closing>,
}

/// What a month is closed by, if nothing stands in its way.
pub(crate) fn closing(relay: &Relay, now: Timestamp) -> Option<Closing> {
    let uncounted = relay.incidents().any(|(_, incident)| matches!(incident, Incident::Purged));
    let table = relay.table();
    let municipalities = table.chains.iter().flat_map(|chain| &chain.municipalities);
    let roster = Roster { municipalities: municipalities.cloned().collect(), schools: table.schools.clone() };
    let kept_months = relay.policy().counts_months();
    (!uncounted).then(|| Closing { now: relay.local(now), roster, kept_months })
}

impl<J: Journal> Clearing<J> {
    /// Gets what ended longer ago than this off the disk, and tells how long it was there.
    pub(crate) async fn clear(self, grouped_for: Duration) {
        let settled = self.store.settle().await;
        self.telling.settled(Erased::Ciphertext, &settled.gone, settled.waiting, settled.unmended);
        match self.journal.clear(grouped_for).await {
            Ok(cleared) => {
                self.telling.settled(Erased::Events, &cleared.gone, cleared.waiting, cleared.unanswered);
            }
            Err(error) => {
                trouble(&error);
            }
        }
        self.counting.settle(self.closing).await;
    }
}
