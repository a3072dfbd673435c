//! The engine that leads erases what remained for long enough: tombstones and breach records, by the policy of the region.

use std::{sync::Arc, time::Duration};

use hwc_jetstream::{AT_ONCE_MAX, Fault, Holder, Link, Remains, erase_older};
use hwc_relay::Rules;
use hwc_workflow::policy::Policy;
use tokio::sync::watch;

/// How often it is looked for.
const LOOK_EVERY: Duration = Duration::from_hours(1);

/// Days that this is kept by a policy.
pub(crate) fn days(policy: &Policy, what: Remains) -> u16 {
    match what {
        Remains::Tombstones => policy.tombstone_days(),
        Remains::BreachRecords => policy.breach_days(),
    }
}

/// The same, as a time.
pub(crate) fn kept_for(policy: &Policy, what: Remains) -> Duration {
    Duration::from_hours(24 * u64::from(days(policy, what)))
}

/// Erases, now and every hour, for as long as it is polled.
pub(crate) async fn expire(link: Link, holder: Holder, rules: watch::Receiver<Arc<Rules>>) {
    let mut hour = tokio::time::interval(LOOK_EVERY);
    loop {
        hour.tick().await;
        let policy = rules.borrow().policy;
        for what in Remains::ALL {
            match one(&link, &holder, what, kept_for(&policy, what)).await {
                Ok(0) => {}
                Ok(gone) => tracing::info!(?what, gone, "kept for long enough, and erased"),
                Err(error) => {
                    tracing::warn!(?what, %error, "what was kept for long enough stays an hour more");
                }
            }
        }
    }
}

async fn one(link: &Link, holder: &Holder, what: Remains, than: Duration) -> Result<u64, Fault> {
    let mut gone = 0;
    loop {
        holder.confirm().await?;
        let some = erase_older(link, what, than).await?;
        gone += some;
        if some < AT_ONCE_MAX {
            return Ok(gone);
        }
    }
}
