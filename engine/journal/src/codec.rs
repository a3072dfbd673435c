//! How a commit is written: one JSON object, `{"v":3,"events":[…],"stored":[[payload,generation,sequence,marker],…]}`; and what
//! a tombstone holds.
//!
//! The events are what [`hwc_workflow::Event`] serialises to. In version 2 `recorded` may have a `trace`, which version 1
//! did not know; a record of version 1 is one without. In version 3 a place has a marker, or `null`; a record of an older version
//! knows none. A later version gets its own reader here and lifts the old ones (upcasting); a frozen fixture of each is replayed
//! by the tests, so no version can be forgotten.
//!
//! A tombstone of version 3 is `{"v":3,"gone":"…"}`: the markers one behind the other, each byte inverted, in base64. So whoever looks
//! for a marker on a disk, in the clear or in base64, does not find the tombstone that keeps it. One of an older version is empty,
//! and so is one that has no marker to keep.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use hwc_schemas::{Marker, PayloadId};
use hwc_workflow::Event;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::{Commit, Generation, Location, MARKERS_MAX, Markers};

/// The version that is written.
pub const VERSION: u32 = 3;

/// The oldest version that is read.
const OLDEST: u32 = 1;

/// The first version whose places have markers, and whose tombstones hold them.
const WITH_MARKERS: u64 = 3;

const MARKER_BYTES: usize = 16;

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

/// `P` is how a ciphertext's place is written.
#[derive(Serialize, Deserialize)]
struct Record<'a, P> {
    v: u64,
    events: std::borrow::Cow<'a, [Event]>,
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    stored: Vec<P>,
}

/// A place as versions 1 and 2 wrote it.
type Unmarked = (PayloadId, String, u64);

/// A place.
type Marked = (PayloadId, String, u64, Option<Marker>);

#[derive(Serialize, Deserialize)]
struct Gone {
    v: u64,
    gone: String,
}

/// Writes a commit.
pub fn encode(commit: &Commit) -> Vec<u8> {
    let stored =
        commit.stored.iter().map(|(id, at)| (*id, at.generation.to_string(), at.sequence, at.marker));
    let record: Record<'_, Marked> =
        Record { v: u64::from(VERSION), events: commit.events.as_slice().into(), stored: stored.collect() };
    // Ids, words and times into memory: there is nothing in it that JSON cannot say.
    serde_json::to_vec(&record).unwrap_or_default()
}

/// Reads a commit of any version.
pub fn decode(bytes: &[u8]) -> Result<Commit, CodecError> {
    let v = version(bytes)?;
    let (events, stored) = if v < WITH_MARKERS {
        let record: Record<'_, Unmarked> = read(bytes, v)?;
        let stored = record.stored.into_iter().map(|(id, generation, at)| (id, generation, at, None));
        (record.events, stored.collect())
    } else {
        let record: Record<'_, Marked> = read(bytes, v)?;
        (record.events, record.stored)
    };
    let stored: Result<_, _> = stored.into_iter().map(|place| lift(place, v)).collect();
    Ok(Commit { events: events.into_owned(), stored: stored? })
}

fn lift(
    (id, generation, sequence, marker): Marked,
    version: u64,
) -> Result<(PayloadId, Location), CodecError> {
    let generation = Generation::parse(&generation).ok_or(CodecError::Malformed { version, column: 0 })?;
    Ok((id, Location { generation, sequence, marker }))
}

/// Writes what a tombstone holds.
pub fn encode_tombstone(markers: &Markers) -> Vec<u8> {
    if markers.is_empty() {
        return Vec::new();
    }
    let inverted: Vec<u8> =
        markers.iter().flat_map(|marker| *marker.as_bytes()).map(std::ops::Not::not).collect();
    let record = Gone { v: u64::from(VERSION), gone: BASE64.encode(inverted) };
    // Letters and digits.
    serde_json::to_vec(&record).unwrap_or_default()
}

/// Reads what a tombstone of any version holds.
pub fn decode_tombstone(bytes: &[u8]) -> Result<Markers, CodecError> {
    if bytes.is_empty() {
        return Ok(Markers::default());
    }
    let v = version(bytes)?;
    let record: Gone = read(bytes, v)?;
    let malformed = CodecError::Malformed { version: v, column: 0 };
    let inverted = BASE64.decode(record.gone).map_err(|_| malformed.clone())?;
    let (markers, rest) = inverted.as_chunks::<MARKER_BYTES>();
    if !rest.is_empty() || markers.len() > MARKERS_MAX {
        return Err(malformed);
    }
    Ok(markers
        .iter()
        .map(|bytes| Marker::from_uuid(Uuid::from_bytes(bytes.map(std::ops::Not::not))))
        .collect())
}

fn version(bytes: &[u8]) -> Result<u64, CodecError> {
    let Versioned { v } = read(bytes, 0)?;
    let known = (u64::from(OLDEST)..=u64::from(VERSION)).contains(&v);
    if known { Ok(v) } else { Err(CodecError::Version(v)) }
}

fn read<T: DeserializeOwned>(bytes: &[u8], version: u64) -> Result<T, CodecError> {
    serde_json::from_slice(bytes).map_err(|error| CodecError::Malformed { version, column: error.column() })
}
