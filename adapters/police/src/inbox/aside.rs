//! What could not be sent: kept as it was, with a reason beside it that holds nothing of it.

use std::{
    fmt::Write as _,
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use super::{InboxError, NotSent, at};

/// Files with the same name that can be set aside beside each other.
const SAME_NAMES_MAX: u32 = 10_000;
/// How the name of a reason ends.
const REASON: &str = ".reason";

/// The folder of what was set aside.
#[derive(Debug, Clone)]
pub(super) struct Aside {
    folder: PathBuf,
}

impl Aside {
    pub(super) const fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// How many files wait here for somebody.
    pub(super) fn count(&self) -> usize {
        let names = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        names.filter(|entry| !entry.file_name().to_string_lossy().ends_with(REASON)).count()
    }

    /// Keeps what was not sent, and says why; durable before the file goes.
    pub(super) fn keep(&self, name: &str, kept: &[u8], not_sent: &[NotSent]) -> Result<(), InboxError> {
        let mut reasons = String::new();
        for NotSent { line, why } in not_sent {
            let _ = writeln!(reasons, "line {line}: {why}");
        }
        let (to, known) = self.place_for(name, kept)?;
        if !known {
            write(&to, kept)?;
        }
        write(&beside(&to), reasons.as_bytes())
    }

    /// Moves a whole file here.
    pub(super) fn take(&self, file: &Path, name: &str, why: &str) -> Result<(), InboxError> {
        let (to, _) = self.place_for(name, &[])?;
        write(&beside(&to), why.as_bytes())?;
        fs::rename(file, &to).map_err(at(&to))
    }

    /// A name that is free, or that holds these very bytes already.
    fn place_for(&self, name: &str, bytes: &[u8]) -> Result<(PathBuf, bool), InboxError> {
        for number in 1..=SAME_NAMES_MAX {
            let place =
                self.folder.join(if number == 1 { name.to_owned() } else { format!("{number}-{name}") });
            match fs::metadata(&place) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((place, false)),
                Err(error) => return Err(at(&place)(error)),
                Ok(found) if !bytes.is_empty() && found.len() == bytes.len() as u64 => {
                    if *Zeroizing::new(fs::read(&place).map_err(at(&place))?) == *bytes {
                        return Ok((place, true));
                    }
                }
                Ok(_) => {}
            }
        }
        Err(InboxError::Full(self.folder.clone()))
    }
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(REASON);
    name.into()
}

/// Whole or not at all, and durable.
fn write(path: &Path, bytes: &[u8]) -> Result<(), InboxError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let part = path.with_file_name(format!(".{name}.part"));
    let open = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part);
    let mut file = open.map_err(at(&part))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(at(&part))?;
    fs::rename(&part, path).map_err(at(path))?;
    let folder = path.parent().unwrap_or(path);
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(at(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aside() -> (tempfile::TempDir, Aside) {
        let folder = tempfile::tempdir().unwrap();
        let aside = Aside::new(folder.path().to_owned());
        (folder, aside)
    }

    fn text(folder: &tempfile::TempDir, name: &str) -> Option<String> {
        fs::read_to_string(folder.path().join(name)).ok()
    }

    fn not_sent(line: usize) -> NotSent {
        NotSent { line, why: "kind: is none of the words that the format knows".to_owned() }
    }

    #[test]
    fn what_is_set_aside_is_kept_as_it_was_and_its_reason_holds_nothing_of_it() {
        let (folder, aside) = aside();
        aside.keep("a.jsonl", b"Geheim 1\nGeheim 2\n", &[not_sent(2), not_sent(4)]).unwrap();
        assert_eq!(text(&folder, "a.jsonl").unwrap(), "Geheim 1\nGeheim 2\n");
        let reasons = text(&folder, "a.jsonl.reason").unwrap();
        assert!(reasons.starts_with("line 2: kind: ") && reasons.contains("\nline 4: kind: "), "{reasons}");
        assert!(!reasons.contains("Geheim"));
        assert_eq!(aside.count(), 1);
    }

    #[test]
    fn the_same_set_aside_twice_is_one_file_and_another_of_its_name_is_another() {
        let (folder, aside) = aside();
        for kept in ["one", "one", "two", "one"] {
            aside.keep("a.jsonl", kept.as_bytes(), &[not_sent(1)]).unwrap();
        }
        assert_eq!(text(&folder, "a.jsonl").unwrap(), "one");
        assert_eq!(text(&folder, "2-a.jsonl").unwrap(), "two");
        assert!(text(&folder, "3-a.jsonl").is_none() && text(&folder, "2-a.jsonl.reason").is_some());
        assert_eq!(aside.count(), 2);
    }

    #[test]
    fn a_whole_file_is_moved_with_its_reason() {
        let (folder, aside) = aside();
        let inbox = tempfile::tempdir().unwrap();
        let file = inbox.path().join("a.jsonl");
        fs::write(&file, "x").unwrap();
        aside.take(&file, "a.jsonl", "too large\n").unwrap();
        assert!(!file.exists() && text(&folder, "a.jsonl").is_some());
        assert_eq!(text(&folder, "a.jsonl.reason").unwrap(), "too large\n");
    }
}
