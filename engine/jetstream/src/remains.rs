//! What remains by policy, and goes when it is old enough: tombstones and breach records. Nobody's name is in them.

use std::time::Duration;

use crate::{
    Fault, Link,
    messages::{self, Which},
    names, streams,
};

/// What is counted or erased at one go at most; the next go takes what is left.
pub const AT_ONCE_MAX: u64 = 10_000;

/// Something that remains for a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remains {
    /// That an incident ended.
    Tombstones,
    /// The records of breaches (R24).
    BreachRecords,
}

impl Remains {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Tombstones, Self::BreachRecords];

    const fn lie(self) -> (&'static str, &'static str) {
        match self {
            Self::Tombstones => (names::JOURNAL, names::ALL_TOMBSTONES),
            Self::BreachRecords => (names::BREACHES, names::breach()),
        }
    }
}

/// How many there are that the broker has had for longer than this, at most [`AT_ONCE_MAX`]. Nothing is changed.
pub async fn older(link: &Link, what: Remains, than: Duration) -> Result<u64, Fault> {
    walk(link, what, than, false).await
}

/// Erases what the broker has had for longer than this, the oldest first, at most [`AT_ONCE_MAX`], so that its bytes leave the
/// disk. Says how many. Only for the engine that leads.
pub async fn erase_older(link: &Link, what: Remains, than: Duration) -> Result<u64, Fault> {
    walk(link, what, than, true).await
}

/// A stream is in the order of its times, so the first that is young enough ends the walk. Its times are the broker's, and are
/// compared with what the broker says that it is now: a clock of ours that runs ahead would have erased tombstones, and what
/// ended could have come back.
async fn walk(link: &Link, what: Remains, than: Duration, erase: bool) -> Result<u64, Fault> {
    let (stream, subjects) = what.lie();
    let Ok(oldest) = streams::now(link, stream).await?.checked_sub(than) else { return Ok(0) };
    let (mut place, mut found) = (1, 0);
    while found < AT_ONCE_MAX {
        let Some(one) = messages::get(link, stream, Which::NextOf(subjects, place)).await? else { break };
        if one.since.is_none_or(|since| since >= oldest) {
            break;
        }
        if erase {
            messages::erase(link, stream, one.sequence).await?;
        }
        place = one.sequence.saturating_add(1);
        found += 1;
    }
    Ok(found)
}
