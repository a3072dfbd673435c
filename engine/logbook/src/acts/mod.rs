//! The audit log: who did what, on which day. It has no room for a signal, a child, an hour or an address.
//!
//! Each line holds the SHA-256 of the line before it, so nothing can be changed, removed or moved without a trace. The hash of the last
//! line is the log's *head*; it lies in a file beside it, and is said when the log is opened, so that whoever keeps it elsewhere sees
//! that the log was cut off or written anew.

pub(crate) mod verify;

use std::{
    collections::VecDeque,
    fmt,
    fs::{self, File},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    str::FromStr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use jiff::{ToSpan as _, civil::Date};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::lines;

/// Lines that are kept, at most; the oldest go.
const LINES_MAX: usize = 50_000;
/// Lines that are left then, so that it is not done for each.
const LINES_LEFT: usize = 45_000;
/// Acts that are remembered, to be shown.
const SHOWN_MAX: usize = 2_000;
/// Bytes of an actor's id, at most.
const ACTOR_BYTES_MAX: usize = 64;
/// The act of dropping what is old.
const FORGOTTEN: &str = "forgotten";
/// Who does that.
const RETENTION: &str = "retention";

/// What stands before the first line of all.
const NOTHING: [u8; 32] = [0; 32];

type Hash = [u8; 32];

/// One act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// When, to the day.
    pub day: Date,
    /// Who: an account's or contact's code, or a user of this machine.
    pub actor: String,
    /// What: a word of the program's own.
    pub act: String,
    /// To what kind of thing, where there are several.
    pub kind: Option<String>,
    /// Why, as whoever did it said.
    pub reason: Option<String>,
    /// Whether it is done, where it is written before and after.
    pub done: Option<bool>,
}

/// A line as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    /// Its number, from 1.
    seq: u64,
    day: Date,
    actor: String,
    act: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    done: Option<bool>,
    /// The last line that was dropped, where that is the act.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    through: Option<u64>,
    /// The hash of the line before.
    #[serde(with = "hex::serde")]
    before: Hash,
}

/// What stands in the place of lines that were dropped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Checkpoint {
    /// The last of them.
    dropped_through: u64,
    /// Its hash, which the line behind it holds.
    #[serde(with = "hex::serde")]
    hash: Hash,
}

/// The last line of a log: its number and hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// The line's number.
    pub seq: u64,
    #[serde(with = "hex::serde")]
    hash: Hash,
}

impl Head {
    const NONE: Self = Self { seq: 0, hash: NOTHING };
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.seq, hex::encode(self.hash))
    }
}

/// Not the head of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a head: it is a number, a colon and 64 hexadecimal digits, as hwc audit verify prints it")]
pub struct NotAHead;

impl FromStr for Head {
    type Err = NotAHead;

    fn from_str(text: &str) -> Result<Self, NotAHead> {
        let (seq, hash) = text.trim().split_once(':').ok_or(NotAHead)?;
        let mut head = Self { seq: seq.parse().map_err(|_| NotAHead)?, hash: NOTHING };
        hex::decode_to_slice(hash, &mut head.hash).map_err(|_| NotAHead)?;
        Ok(head)
    }
}

/// Why the audit log cannot be kept.
#[derive(Debug, thiserror::Error)]
#[error("the audit log {path}: {source}")]
pub struct ActsError {
    path: PathBuf,
    source: io::Error,
}

/// What a log is, if nothing is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// How many lines it has.
    pub lines: u64,
    /// Up to which line older ones were dropped when their time was over.
    pub dropped_through: Option<u64>,
    /// Its last line; 0 in an empty log.
    pub head: Head,
}

/// An audit log: a file of one JSON object a line, of mode 600.
#[derive(Debug)]
pub struct Acts {
    path: PathBuf,
    years_kept: u16,
    shown: Mutex<Shown>,
}

#[derive(Debug, Default)]
struct Shown {
    acts: VecDeque<Act>,
    lines: usize,
    oldest: Option<Date>,
}

impl Acts {
    /// The name of the file in a state folder.
    pub const FILE: &str = "audit.jsonl";

    /// Opens the log, which is made if it is not there; mends what a crash tore off, and drops what is too old.
    pub fn open(path: impl Into<PathBuf>, years_kept: u16, today: Date) -> Result<Self, ActsError> {
        let acts = Self { path: path.into(), years_kept, shown: Mutex::default() };
        let opened = (|| {
            let mut shown = acts.lock();
            let _alone = acts.alone()?;
            lines::last(&acts.path)?;
            acts.read(&mut shown)?;
            acts.forget(&mut shown, today)?;
            Ok(shown.lines)
        })();
        let lines = opened.map_err(|source| acts.failed(source))?;
        if lines == 0 && read_head(&acts.path).is_none() {
            return Ok(acts);
        }
        match verify::verify(&acts.path, None) {
            Ok(verified) => tracing::info!(lines, head = %verified.head, "the audit log is whole"),
            Err(fault) => {
                tracing::error!(%fault, "the audit log is not whole: hwc audit verify; it goes on from here");
            }
        }
        Ok(acts)
    }

    /// Writes an act down, durably when it returns.
    pub fn note(&self, act: Act) -> Result<(), ActsError> {
        let mut shown = self.lock();
        let today = act.day;
        let noted = (|| {
            let _alone = self.alone()?;
            self.add(&mut shown, act, None)?;
            self.forget(&mut shown, today)
        })();
        noted.map_err(|source| self.failed(source))
    }

    /// The last so many for which this holds, the latest first.
    pub fn last(&self, most: usize, wanted: impl Fn(&Act) -> bool) -> Vec<Act> {
        self.lock().acts.iter().rev().filter(|act| wanted(act)).take(most).cloned().collect()
    }

    fn add(&self, shown: &mut Shown, act: Act, through: Option<u64>) -> io::Result<()> {
        let before = self.end()?;
        let Act { day, actor, act, kind, reason, done } = act;
        let actor: String = actor.chars().filter(|sign| !sign.is_control()).take(ACTOR_BYTES_MAX).collect();
        let seq = before.seq + 1;
        let written = Written { seq, day, actor, act, kind, reason, done, through, before: before.hash };
        let mut line = serde_json::to_vec(&written).map_err(io::Error::other)?;
        let head = Head { seq, hash: hash_of(&line) };
        line.push(b'\n');
        lines::append(&self.path, &line)?;
        // It may lag behind the log after a crash, never run ahead of it.
        self.keep(head)?;
        shown.take(written);
        Ok(())
    }

    /// What the next line goes on from: the last line, unless the head knows of a later one. Then something is missing, and the gap stays
    /// to be seen.
    fn end(&self) -> io::Result<Head> {
        let kept = read_head(&self.path).unwrap_or(Head::NONE);
        let last = match lines::last(&self.path)? {
            None => Head::NONE,
            Some(line) => match serde_json::from_slice::<Written>(&line) {
                Ok(written) => Head { seq: written.seq, hash: hash_of(&line) },
                Err(_) => match serde_json::from_slice::<Checkpoint>(&line) {
                    Ok(dropped) => Head { seq: dropped.dropped_through, hash: dropped.hash },
                    Err(_) => Head { seq: kept.seq, hash: hash_of(&line) },
                },
            },
        };
        Ok(if kept.seq >= last.seq { kept } else { last })
    }

    fn keep(&self, head: Head) -> io::Result<()> {
        let bytes = serde_json::to_vec(&head).map_err(io::Error::other)?;
        let path = head_of(&self.path);
        let new = path.with_extension("new");
        let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        io::Write::write_all(&mut file, &bytes)?;
        fs::rename(&new, path)
    }

    /// Drops what is over its time from the beginning, and says so in a line of its own.
    fn forget(&self, shown: &mut Shown, today: Date) -> io::Result<()> {
        let oldest = today.checked_sub(i32::from(self.years_kept).years()).unwrap_or(Date::MIN);
        if shown.oldest.is_none_or(|day| day >= oldest) && shown.lines <= LINES_MAX {
            return Ok(());
        }
        let text = fs::read(&self.path)?;
        let all: Vec<_> = text.split_inclusive(|byte| *byte == b'\n').collect();
        let surplus = if shown.lines > LINES_MAX { shown.lines - LINES_LEFT } else { 0 };
        let read = |line: &[u8]| serde_json::from_slice::<Written>(line.trim_ascii_end()).ok();
        let is_old = |(at, line): (usize, &[u8])| {
            at < surplus || read(line).is_none_or(|written| written.day < oldest)
        };
        // The last line of all stays: there is always one to go on from.
        let before_last = all.len().saturating_sub(1);
        let old =
            all.iter().take(before_last).enumerate().take_while(|(at, line)| is_old((*at, line))).count();
        let last_old = all.get(..old).unwrap_or_default().last().and_then(|line| Some((read(line)?, *line)));
        let Some((written, line)) = last_old else { return Ok(()) };
        let (through, hash) = (written.seq, hash_of(line.trim_ascii_end()));
        let act = Act {
            day: today,
            actor: RETENTION.to_owned(),
            act: FORGOTTEN.to_owned(),
            kind: None,
            reason: None,
            done: None,
        };
        self.add(shown, act, Some(through))?;
        let text = fs::read(&self.path)?;
        let dropped: usize = all.iter().take(old).map(|line| line.len()).sum();
        let mut left =
            serde_json::to_vec(&Checkpoint { dropped_through: through, hash }).map_err(io::Error::other)?;
        left.push(b'\n');
        left.extend_from_slice(text.get(dropped..).unwrap_or_default());
        hwc_vault::replace(&self.path, &left).map_err(io::Error::other)?;
        self.read(shown)
    }

    fn read(&self, shown: &mut Shown) -> io::Result<()> {
        *shown = Shown::default();
        let text = match fs::read(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            read => read?,
        };
        for line in text.split(|byte| *byte == b'\n') {
            if let Ok(written) = serde_json::from_slice::<Written>(line) {
                shown.take(written);
            }
        }
        Ok(())
    }

    /// Nobody else writes it meanwhile, in this process or another.
    fn alone(&self) -> io::Result<File> {
        let path = self.path.with_extension("lock");
        let lock = File::options().create(true).truncate(false).write(true).mode(0o600).open(path)?;
        lock.lock()?;
        Ok(lock)
    }

    fn failed(&self, source: io::Error) -> ActsError {
        ActsError { path: self.path.clone(), source }
    }

    fn lock(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shown {
    fn take(&mut self, written: Written) {
        self.lines += 1;
        self.oldest = self.oldest.or(Some(written.day));
        if written.act == FORGOTTEN {
            return;
        }
        if self.acts.len() == SHOWN_MAX {
            self.acts.pop_front();
        }
        let Written { day, actor, act, kind, reason, done, .. } = written;
        self.acts.push_back(Act { day, actor, act, kind, reason, done });
    }
}

/// The file with the head of a log.
fn head_of(path: &Path) -> PathBuf {
    path.with_extension("head")
}

fn read_head(path: &Path) -> Option<Head> {
    serde_json::from_slice(&fs::read(head_of(path)).ok()?).ok()
}

fn hash_of(line: &[u8]) -> Hash {
    Sha256::digest(line).into()
}

#[cfg(test)]
mod tests;
