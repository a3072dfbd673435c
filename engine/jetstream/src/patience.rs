//! How often something is tried whose outcome is unknown, and how long is waited in between.

use std::time::Duration;

use crate::Fault;

/// How often it is looked for and tried again before the caller hears that it is unknown.
pub(crate) const ATTEMPTS_MAX: u32 = 4;

/// None before the first attempt, then longer and longer: a restarted server is back within two seconds.
pub(crate) async fn pause(attempt: u32) {
    if attempt > 0 {
        tokio::time::sleep(Duration::from_millis(25 << (2 * attempt).min(6))).await;
    }
}

/// Does something that may be done again, until it is answered.
pub(crate) async fn patiently<T, Attempt: Future<Output = Result<T, Fault>>>(
    mut again: impl FnMut() -> Attempt,
) -> Result<T, Fault> {
    let mut last = Fault::NoAnswer;
    for attempt in 0..ATTEMPTS_MAX {
        pause(attempt).await;
        match again().await {
            Err(fault @ (Fault::NoAnswer | Fault::NobodyServes)) => last = fault,
            answered => return answered,
        }
    }
    Err(last)
}
