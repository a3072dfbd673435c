//! Who did what on which day: an act, an actor's id and a day. It has no field for a signal, a child, an hour or an address.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use jiff::{ToSpan as _, civil::Date};
use serde::{Deserialize, Serialize};

/// How long an entry is kept.
pub const DAYS_KEPT: i64 = 92;
/// Entries that are kept, at most; the oldest go.
const ENTRIES_MAX: usize = 20_000;
/// Bytes of an actor's id, at most.
const ACTOR_BYTES_MAX: usize = 64;

/// One act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// When, to the day.
    pub day: Date,
    /// The account's id.
    pub actor: String,
    /// What: a word of the page's own list.
    pub act: String,
}

/// The book of acts: a file of one JSON object a line, of mode 600.
#[derive(Debug)]
pub struct Audit {
    path: PathBuf,
    entries: Mutex<VecDeque<Entry>>,
}

impl Audit {
    /// Reads what is there and forgets what is too old. A last line that was cut off by a crash is left out.
    pub fn open(path: impl Into<PathBuf>, today: Date) -> io::Result<Self> {
        let path = path.into();
        let text = match std::fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            read => read?,
        };
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Entry>(line).ok());
        let audit = Self { path, entries: Mutex::new(lines.collect()) };
        if audit.forget(today) || !text.ends_with('\n') {
            audit.rewrite()?;
        }
        Ok(audit)
    }

    /// Writes an act down. What cannot be written is said in the log, and the act is done all the same: a full disk must not
    /// keep a teacher from a child.
    pub fn note(&self, day: Date, actor: &str, act: &'static str) {
        let actor: String = actor.chars().filter(|sign| !sign.is_control()).take(ACTOR_BYTES_MAX).collect();
        let entry = Entry { day, actor, act: act.to_owned() };
        let written = serde_json::to_vec(&entry).map_err(io::Error::other).and_then(|mut line| {
            line.push(b'\n');
            opened(&self.path)?.write_all(&line)
        });
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).push_back(entry);
        let rewritten = if self.forget(day) { self.rewrite() } else { Ok(()) };
        if let Err(error) = written.and(rewritten) {
            tracing::error!(%error, "an act could not be written into the book of acts");
        }
    }

    /// The last so many for which this holds, the latest first.
    pub fn last(&self, most: usize, wanted: impl Fn(&Entry) -> bool) -> Vec<Entry> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.iter().rev().filter(|entry| wanted(entry)).take(most).cloned().collect()
    }

    fn forget(&self, today: Date) -> bool {
        let oldest = today.checked_sub(DAYS_KEPT.days()).unwrap_or(Date::MIN);
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let before = entries.len();
        entries.retain(|entry| entry.day >= oldest);
        let surplus = entries.len().saturating_sub(ENTRIES_MAX);
        entries.drain(..surplus);
        entries.len() < before
    }

    fn rewrite(&self) -> io::Result<()> {
        let mut text = Vec::new();
        for entry in &*self.entries.lock().unwrap_or_else(PoisonError::into_inner) {
            serde_json::to_writer(&mut text, entry).map_err(io::Error::other)?;
            text.push(b'\n');
        }
        hwc_vault::replace(&self.path, &text).map_err(io::Error::other)
    }
}

fn opened(path: &Path) -> io::Result<File> {
    File::options().append(true).create(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use jiff::civil::date;

    use super::*;

    #[test]
    fn acts_are_kept_by_day_for_a_quarter_and_survive_a_torn_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("acts");
        let audit = Audit::open(&path, date(2026, 8, 1)).unwrap();
        audit.note(date(2026, 8, 1), "3f", "opened");
        audit.note(date(2026, 11, 1), "3f\n\u{0}", "acknowledged");
        let torn = [std::fs::read(&path).unwrap(), b"{\"day\":\"2026-".to_vec()].concat();
        std::fs::write(&path, torn).unwrap();
        let audit = Audit::open(&path, date(2026, 11, 2)).unwrap();
        let last = audit.last(10, |_| true);
        let seen: Vec<_> = last.iter().map(|one| (one.actor.as_str(), one.act.as_str())).collect();
        assert_eq!(seen, [("3f", "acknowledged")]);
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, "{\"day\":\"2026-11-01\",\"actor\":\"3f\",\"act\":\"acknowledged\"}\n");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn the_book_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("acts");
        let line = "{\"day\":\"2026-11-01\",\"actor\":\"a\",\"act\":\"b\"}\n";
        std::fs::write(&path, line.repeat(ENTRIES_MAX + 5)).unwrap();
        let audit = Audit::open(&path, date(2026, 11, 2)).unwrap();
        assert_eq!(audit.last(usize::MAX, |_| true).len(), ENTRIES_MAX);
    }
}
