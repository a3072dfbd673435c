//! The engine that leads erases what remained for long enough: tombstones and breach records, by the policy of the region.

use std::{sync::Arc, time::Duration};

use hwc_adapter_kit::{Clock as _, WallClock};
use hwc_jetstream::{AT_ONCE_MAX, Fault, Holder, Link, Remains, erase_older};
use hwc_relay::Rules;
use hwc_workflow::policy::Policy;
use jiff::{SignedDuration, Timestamp};
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

/// The moment before which it is too old.
pub(crate) fn oldest(policy: &Policy, what: Remains, now: Timestamp) -> Timestamp {
    let kept_for = SignedDuration::from_hours(24 * i64::from(days(policy, what)));
    now.checked_sub(kept_for).unwrap_or(Timestamp::MIN)
}

/// Erases, now and every hour, for as long as it is polled.
///
/// By the real time: what is compared with it are times that the broker gave.
pub(crate) async fn expire(link: Link, holder: Holder, rules: watch::Receiver<Arc<Rules>>) {
    let mut hour = tokio::time::interval(LOOK_EVERY);
    loop {
        hour.tick().await;
        let policy = rules.borrow().policy;
        for what in Remains::ALL {
            match one(&link, &holder, what, oldest(&policy, what, WallClock.now())).await {
                Ok(0) => {}
                Ok(gone) => tracing::info!(?what, gone, "kept for long enough, and erased"),
                Err(error) => {
                    tracing::warn!(?what, %error, "what was kept for long enough stays an hour more");
                }
            }
        }
    }
}

async fn one(link: &Link, holder: &Holder, what: Remains, than: Timestamp) -> Result<u64, Fault> {
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
