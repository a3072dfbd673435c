//! What ended, by the tombstones: asked of the broker, written down, read again.

use std::path::Path;

use hwc_jetstream::JetStreamJournal;
use hwc_journal::{Journal as _, Markers, Tombstone, codec};
use hwc_schemas::IncidentId;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use super::{ForgetError, whole};
use crate::{
    engine::EngineError,
    serve::{EngineFile, onlooker},
    settings::{Common, Settings},
};

/// Largest file of endings that is read: those of a country, for years.
const ENDINGS_BYTES_MAX: u64 = 1 << 30;

const KIND: &str = "hwc-endings";
const VERSION: u32 = 1;

/// Everything that ended and whose tombstone is kept.
pub(super) struct Endings {
    /// Where they were read.
    pub(super) from: String,
    /// When the broker was asked.
    pub(super) read_at: Timestamp,
    pub(super) tombstones: Vec<Tombstone>,
}

/// The first line of a file of endings.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    kind: String,
    version: u32,
    read_at: Timestamp,
    endings: usize,
}

/// Every other line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    incident: IncidentId,
    ended_at: Option<Timestamp>,
    /// The tombstone as it lies in the journal; none if it keeps nothing, which `"?"` says it may.
    #[serde(borrow)]
    tombstone: Option<&'a RawValue>,
}

/// What stands for a tombstone that cannot be read.
const UNREADABLE: &str = "\"unreadable\"";

/// Those of a period that ended long enough ago.
pub(super) struct Chosen {
    /// Each that is looked for, with its markers.
    pub(super) endings: Vec<(IncidentId, Markers)>,
    /// When the first and the last of them ended.
    pub(super) period: Option<(Timestamp, Timestamp)>,
    /// Ended so lately that it may still be on its way off the disks.
    pub(super) too_young: usize,
    /// Ended before tombstones kept markers.
    pub(super) without_markers: usize,
    /// The tombstone cannot be read.
    pub(super) unreadable: usize,
}

/// Which of them are looked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Choice {
    pub(super) since: Option<Timestamp>,
    pub(super) until: Option<Timestamp>,
    pub(super) settled_for: SignedDuration,
}

impl Endings {
    /// Asks the broker, as the engine does.
    pub(super) async fn ask(common: &Common) -> Result<Self, ForgetError> {
        let settings = Settings::<EngineFile>::read(common)?;
        let journal = JetStreamJournal::read_only(&onlooker(&settings).await?);
        let read_at = Timestamp::now();
        let tombstones = journal.tombstones().await.map_err(EngineError::from)?;
        Ok(Self { from: "the broker".to_owned(), read_at, tombstones })
    }

    /// Reads what [`Endings::written`] wrote.
    pub(super) fn read(path: &Path) -> Result<Self, ForgetError> {
        let bytes = whole(path, ENDINGS_BYTES_MAX)?;
        let bad = |line: usize| ForgetError::Unusable {
            path: path.into(),
            problem: format!("line {line} is not what `hwc forget markers` writes, or the file is not whole"),
        };
        let mut lines = (1..).zip(bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()));
        let head = lines.next().and_then(|(_, head)| serde_json::from_slice::<Head>(head).ok());
        let head = head.filter(|head| head.kind == KIND && head.version == VERSION).ok_or_else(|| bad(1))?;
        let mut tombstones = Vec::new();
        for (number, line) in lines {
            let line: Line<'_> = serde_json::from_slice(line).map_err(|_| bad(number))?;
            let holds = line.tombstone.map_or("", RawValue::get);
            let markers = codec::decode_tombstone(holds.as_bytes());
            if markers.is_err() && holds != UNREADABLE {
                return Err(bad(number));
            }
            tombstones.push(Tombstone { incident: line.incident, ended_at: line.ended_at, markers });
        }
        if tombstones.len() != head.endings {
            return Err(bad(tombstones.len() + 1));
        }
        let digest = hex::encode(Sha256::digest(&bytes));
        Ok(Self { from: format!("a file with SHA-256 {digest}"), read_at: head.read_at, tombstones })
    }

    /// One line of JSON each. The markers stand there as in the tombstones, so that a search for them does not find this.
    pub(super) fn written(&self) -> Result<String, ForgetError> {
        let head = Head {
            kind: KIND.to_owned(),
            version: VERSION,
            read_at: self.read_at,
            endings: self.tombstones.len(),
        };
        let mut text = serde_json::to_string(&head)? + "\n";
        for Tombstone { incident, ended_at, markers } in &self.tombstones {
            let holds = match markers {
                Ok(markers) => String::from_utf8(codec::encode_tombstone(markers)).unwrap_or_default(),
                Err(_) => UNREADABLE.to_owned(),
            };
            let holds = if holds.is_empty() { None } else { Some(RawValue::from_string(holds)?) };
            let line = Line { incident: *incident, ended_at: *ended_at, tombstone: holds.as_deref() };
            text += &serde_json::to_string(&line)?;
            text.push('\n');
        }
        Ok(text)
    }

    /// Those that are looked for. Whether one ended long enough ago is asked of the moment when the broker was.
    pub(super) fn choose(self, choice: Choice) -> Chosen {
        let Choice { since, until, settled_for } = choice;
        let settled = self.read_at.checked_sub(settled_for).unwrap_or(Timestamp::MIN);
        let mut chosen =
            Chosen { endings: Vec::new(), period: None, too_young: 0, without_markers: 0, unreadable: 0 };
        for Tombstone { incident, ended_at, markers } in self.tombstones {
            let at = ended_at.unwrap_or(Timestamp::MIN);
            if since.is_some_and(|since| at < since) || until.is_some_and(|until| at >= until) {
                continue;
            }
            match markers {
                Err(_) => chosen.unreadable += 1,
                Ok(markers) if markers.is_empty() => chosen.without_markers += 1,
                Ok(_) if at > settled => chosen.too_young += 1,
                Ok(markers) => {
                    let (first, last) = chosen.period.unwrap_or((at, at));
                    chosen.period = Some((first.min(at), last.max(at)));
                    chosen.endings.push((incident, markers));
                }
            }
        }
        chosen
    }
}
