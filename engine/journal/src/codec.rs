//! How a commit is written: one JSON object, `{"v":2,"events":[…],"stored":[[payload,generation,sequence],…]}`.
//!
//! The events are what [`hwc_workflow::Event`] serialises to. In version 2 `recorded` may have a `trace`, which version 1
//! did not know; a record of version 1 is one without. A later version gets its own reader here and lifts the old ones
//! (upcasting); a frozen fixture of each is replayed by the tests, so no version can be forgotten.

use hwc_schemas::PayloadId;
use hwc_workflow::Event;
use serde::{Deserialize, Serialize};

use crate::{Commit, Generation, Location};

/// The version that is written.
pub const VERSION: u32 = 2;

/// The oldest version that is read.
const OLDEST: u32 = 1;

/// A record that cannot be read. It says where, never what.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// A version from the future, or none.
    #[error(
        "version {0} is not known to this program, which reads up to {VERSION}; upgrade before starting it here"
    )]
    Version(u64),
    /// Not what its version says.
    #[error("not a commit of version {version}, at column {column}")]
    Malformed {
        /// The version it claims.
        version: u64,
        /// Where reading stopped.
        column: usize,
    },
}

#[derive(Serialize, Deserialize)]
struct Versioned {
    v: u64,
}

#[derive(Serialize, Deserialize)]
struct Record<'a> {
    v: u64,
    events: std::borrow::Cow<'a, [Event]>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    stored: Vec<(PayloadId, String, u64)>,
}

/// Writes a commit.
pub fn encode(commit: &Commit) -> Vec<u8> {
    let record = Record {
        v: u64::from(VERSION),
        events: commit.events.as_slice().into(),
        stored: commit.stored.iter().map(|(id, at)| (*id, at.generation.to_string(), at.sequence)).collect(),
    };
    // Ids, words and times into memory: there is nothing in it that JSON cannot say.
    serde_json::to_vec(&record).unwrap_or_default()
}

/// Reads a commit of any version.
pub fn decode(bytes: &[u8]) -> Result<Commit, CodecError> {
    let malformed =
        |version| move |error: serde_json::Error| CodecError::Malformed { version, column: error.column() };
    let Versioned { v } = serde_json::from_slice(bytes).map_err(malformed(0))?;
    if !(u64::from(OLDEST)..=u64::from(VERSION)).contains(&v) {
        return Err(CodecError::Version(v));
    }
    let record: Record<'_> = serde_json::from_slice(bytes).map_err(malformed(v))?;
    let stored = record
        .stored
        .into_iter()
        .map(|(id, generation, sequence)| {
            let generation =
                Generation::parse(&generation).ok_or(CodecError::Malformed { version: v, column: 0 })?;
            Ok((id, Location { generation, sequence }))
        })
        .collect::<Result<_, CodecError>>()?;
    Ok(Commit { events: record.events.into_owned(), stored })
}
