//! Files of reports that the police could not send.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::SystemTime,
};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::{DeadError, Kind, Letter};

/// The folder below the inbox.
const ASIDE: &str = "set-aside";
/// How the name of a reason ends.
const REASON: &str = ".reason";
/// What a file is overwritten with at a time.
const NOTHING: [u8; 8192] = [0; 8192];

/// An inbox, and the state folder of its process, whose audit log is kept for so long.
pub(super) struct Inbox {
    pub(super) folder: PathBuf,
    pub(super) state: PathBuf,
    pub(super) audit_years: u16,
}

/// The files that were set aside, without their reasons.
pub(in crate::ops) fn set_aside(inbox: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(inbox.join(ASIDE)).into_iter().flatten().flatten();
    let files = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
    let mut files: Vec<_> = files.map(|entry| entry.path()).filter(|path| !is_beside(path)).collect();
    files.sort_unstable();
    files
}

/// Whether it is a reason, or half a file.
fn is_beside(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.ends_with(REASON) || name.starts_with('.')
}

fn reason_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(REASON);
    name.into()
}

impl Inbox {
    pub(super) fn letters(&self) -> Vec<Letter> {
        set_aside(&self.folder).iter().map(|path| letter(path)).collect()
    }

    fn find(&self, code: &str) -> Result<PathBuf, DeadError> {
        let found = set_aside(&self.folder).into_iter().find(|path| letter(path).code == code);
        found.ok_or_else(|| DeadError::Unknown(code.to_owned()))
    }

    /// Moves it back into the inbox, where the process takes it again as it is.
    pub(super) fn retry(&self, code: &str) -> Result<&'static str, DeadError> {
        let path = self.find(code)?;
        let to = self.folder.join(path.file_name().unwrap_or_default());
        // Before the file moves: from then on the process may set it aside anew, with another reason.
        let reason = fs::read(reason_of(&path));
        let _ = fs::remove_file(reason_of(&path));
        moved(&path, &to).map_err(|error| {
            if let Ok(reason) = reason {
                let _ = fs::write(reason_of(&path), reason);
            }
            not_done(&error)
        })?;
        Ok("lies in the inbox again; what was sent of it before is already recorded and is not sent twice")
    }

    /// Overwrites it and takes it away.
    pub(super) fn let_go(&self, code: &str) -> Result<&'static str, DeadError> {
        let path = self.find(code)?;
        overwrite(&path).and_then(|()| fs::remove_file(&path)).map_err(|error| not_done(&error))?;
        let _ = fs::remove_file(reason_of(&path));
        Ok("overwritten and removed; none of its reports was sent from here")
    }
}

/// Of a file nothing is said but how many of its lines were not sent: its name may name somebody.
fn letter(path: &Path) -> Letter {
    let reasons = fs::read_to_string(reason_of(path)).unwrap_or_default();
    let lines = reasons.lines().filter(|line| line.starts_with("line ")).count();
    let says = match (lines, reasons.lines().next()) {
        (0, None) => "its reason is not beside it".to_owned(),
        (0 | 1, Some(first)) => first.to_owned(),
        (lines, Some(first)) => format!("{lines} reports were not sent; {first}"),
        (lines, None) => format!("{lines} reports were not sent"),
    };
    let found = fs::metadata(path).ok();
    // Its place on the disk tells it from the others. Its name would be confirmed by whoever guesses it.
    let place =
        found.as_ref().map(|found| format!("{} {} {}", found.ino(), found.mtime(), found.mtime_nsec()));
    let since = found.and_then(|found| found.modified().ok());
    let age = since.and_then(|since| SystemTime::now().duration_since(since).ok());
    let seconds = age.and_then(|age| i64::try_from(age.as_secs()).ok());
    Letter::new(Kind::SetAside, &place.unwrap_or_default(), "police", says).lying_for(seconds)
}

/// Moves a file to where nothing is; what is in the inbox is never replaced. It is at no moment in both places: the process could
/// take it from the one and set it aside in the other, where it would then be removed.
fn moved(from: &Path, to: &Path) -> io::Result<()> {
    renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE)?;
    for folder in [to, from].into_iter().filter_map(Path::parent) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

fn overwrite(path: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    let mut left = file.metadata()?.len();
    while left > 0 {
        let some = left.min(NOTHING.len() as u64);
        let zeroes = NOTHING.get(..usize::try_from(some).unwrap_or(NOTHING.len())).unwrap_or(&NOTHING);
        file.write_all(zeroes)?;
        left -= some;
    }
    file.sync_all()
}

fn not_done(error: &io::Error) -> DeadError {
    DeadError::NotDone(match error.kind() {
        io::ErrorKind::AlreadyExists => {
            "a file of this name lies in the inbox already; wait until it is taken".to_owned()
        }
        _ => error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inbox(files: &[(&str, &str)]) -> (tempfile::TempDir, Inbox) {
        let folder = tempfile::tempdir().unwrap();
        let inbox = folder.path().join("inbox");
        fs::create_dir_all(inbox.join(ASIDE)).unwrap();
        for (name, text) in files {
            fs::write(inbox.join(ASIDE).join(name), text).unwrap();
        }
        let state = folder.path().join("state");
        (folder, Inbox { folder: inbox, state, audit_years: 3 })
    }

    const BROKEN: [(&str, &str); 2] = [
        ("Lotte Smit.jsonl", "geheim"),
        ("Lotte Smit.jsonl.reason", "line 1: kind: unknown\nline 4: kind: unknown\n"),
    ];

    #[test]
    fn a_file_is_listed_by_its_code_and_reason_and_never_by_its_name() {
        let (_folder, inbox) = inbox(&BROKEN);
        let letters = inbox.letters();
        assert_eq!(letters.len(), 1);
        assert!(letters[0].says.starts_with("2 reports were not sent; line 1: kind"), "{}", letters[0].says);
        let said = serde_json::to_string(&letters).unwrap();
        assert!(!said.contains("Lotte") && !said.contains("geheim"), "{said}");
    }

    #[test]
    fn one_that_is_tried_again_lies_in_the_inbox_and_replaces_nothing_there() {
        let (_folder, inbox) = inbox(&BROKEN);
        let code = inbox.letters()[0].code.clone();
        fs::write(inbox.folder.join("Lotte Smit.jsonl"), "another").unwrap();
        assert!(inbox.retry(&code).unwrap_err().to_string().contains("already"));
        let letters = inbox.letters();
        assert!(letters.len() == 1 && letters[0].says.starts_with("2 reports"), "{letters:?}");
        fs::remove_file(inbox.folder.join("Lotte Smit.jsonl")).unwrap();
        inbox.retry(&code).unwrap();
        assert_eq!(fs::read_to_string(inbox.folder.join("Lotte Smit.jsonl")).unwrap(), "geheim");
        assert_eq!(inbox.letters(), []);
    }

    #[test]
    fn one_that_is_tried_again_is_never_in_both_places() {
        let (_folder, inbox) = inbox(&BROKEN);
        let to = inbox.folder.join("Lotte Smit.jsonl");
        let aside = set_aside(&inbox.folder).remove(0);
        let is_over = std::sync::atomic::AtomicBool::new(false);
        let names_max = std::thread::scope(|scope| {
            let watching = scope.spawn(|| {
                let mut names_max = 0;
                while !is_over.load(std::sync::atomic::Ordering::Relaxed) {
                    names_max = fs::metadata(&to).map_or(0, |found| found.nlink()).max(names_max);
                }
                names_max
            });
            for _ in 0..2_000 {
                inbox.retry(&inbox.letters()[0].code).unwrap();
                fs::rename(&to, &aside).unwrap();
            }
            is_over.store(true, std::sync::atomic::Ordering::Relaxed);
            watching.join().unwrap()
        });
        assert_eq!(names_max, 1, "whoever took it from the inbox at that moment would lose it");
    }

    #[test]
    fn one_that_goes_is_overwritten_in_its_place_and_its_reason_goes_with_it() {
        let (_folder, inbox) = inbox(&BROKEN);
        let path = set_aside(&inbox.folder).remove(0);
        let second = inbox.folder.join("held");
        fs::hard_link(&path, &second).unwrap();
        inbox.let_go(&inbox.letters()[0].code).unwrap();
        assert_eq!(fs::read(&second).unwrap(), [0; 6]);
        assert_eq!(fs::read_dir(inbox.folder.join(ASIDE)).unwrap().count(), 0);
        assert!(matches!(inbox.let_go("00000000"), Err(DeadError::Unknown(_))));
    }
}
