//! The inbox: a folder into which the police's own system moves files of reports.
//!
//! ```text
//! inbox/NAME.jsonl              moved in whole (written elsewhere on the same disk, then renamed). Gone once every good
//!                               line was answered.
//! inbox/set-aside/NAME.jsonl    the lines that could not be sent, as they were.
//! inbox/set-aside/NAME.jsonl.reason    for each its line in the file, and what is wrong; none of its content.
//! ```
//!
//! Killed at any moment, it goes on where it was: what was sent before is answered as *already recorded*, and what was
//! set aside before is set aside as the same file.

use std::{
    collections::HashSet,
    fmt::Write as _,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use hwc_adapter_kit::Office;
use hwc_schemas::{Organisation, wire::Answer};
use tokio::sync::watch;
use zeroize::Zeroizing;

use crate::{ReferenceKey, Refused, read, send};

/// Largest file that is taken, in bytes; a larger one is set aside whole.
pub const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// How often the folder is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long to wait after something that did not work.
const AGAIN_AFTER: Duration = Duration::from_secs(10);
/// Files with the same name that can be set aside beside each other.
const SAME_NAMES_MAX: u32 = 10_000;

/// Why the inbox is of no use. Matters to the operator of this machine.
#[derive(Debug, thiserror::Error)]
pub enum InboxError {
    /// It cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others may look into it.
    #[error("{path} has mode {mode:04o}, so others can look into it; run: chmod 700 {path}")]
    OpenToOthers {
        /// Which folder.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// As many files of one name were set aside as can be.
    #[error("{0} holds too many files of one name; look at them and take them away")]
    Full(PathBuf),
}

/// The folder.
#[derive(Debug, Clone)]
pub struct Inbox {
    folder: PathBuf,
}

/// A line that was not sent, and why; nothing of its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotSent {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub why: String,
}

impl From<Refused> for NotSent {
    fn from(Refused { line, field, problem }: Refused) -> Self {
        Self { line, why: format!("{field}: {problem}") }
    }
}

/// What was seen of a file before it was read.
type Seen = (u64, u64, i64, i64);

impl Inbox {
    /// Opens the inbox, and makes it if it is not there. It must be its owner's alone.
    pub fn open(folder: PathBuf) -> Result<Self, InboxError> {
        let aside = folder.join("set-aside");
        DirBuilder::new().recursive(true).mode(0o700).create(&aside).map_err(at(&aside))?;
        let mode = fs::metadata(&folder).map_err(at(&folder))?.mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(InboxError::OpenToOthers { path: folder, mode });
        }
        Ok(Self { folder })
    }

    /// Sends what comes until the office closes. `problem` says what stands in the way, if anything does.
    pub async fn run(
        self,
        office: Office,
        key: Arc<ReferenceKey>,
        veilig_thuis: Organisation,
        problem: watch::Sender<Option<String>>,
    ) {
        let hours = office.hours().clone();
        let mut left: HashSet<String> = HashSet::new();
        let working = async {
            loop {
                let mut wait = LOOK_EVERY;
                let mut in_the_way = None;
                match self.names() {
                    Ok(names) => {
                        left.retain(|name| names.contains(name));
                        for name in names {
                            match self.take_in(&office, &key, &veilig_thuis, &name).await {
                                Ok(()) => _ = left.remove(&name),
                                Err(error) => {
                                    // Once for each file: its name is the police's own and stays out of the log.
                                    if left.insert(name) {
                                        tracing::error!(%error, "a file of the inbox cannot be taken in; it stays");
                                    }
                                    (in_the_way, wait) = (Some(error), AGAIN_AFTER);
                                }
                            }
                        }
                    }
                    Err(error) => (in_the_way, wait) = (Some(error.to_string()), AGAIN_AFTER),
                }
                problem.send_if_modified(|said| {
                    let other = *said != in_the_way;
                    *said = in_the_way;
                    other
                });
                tokio::time::sleep(wait).await;
            }
        };
        tokio::select! {
            () = hours.closing() => {}
            () = working => {}
        }
    }

    /// The files that wait, in the order of their names.
    fn names(&self) -> Result<Vec<String>, InboxError> {
        let entries = fs::read_dir(&self.folder).map_err(at(&self.folder))?;
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| {
                !name.starts_with('.') && Path::new(name).extension().is_some_and(|end| end == "jsonl")
            })
            .collect();
        names.sort();
        Ok(names)
    }

    /// Sends a file's good lines, sets the others aside, and removes it.
    async fn take_in(
        &self,
        office: &Office,
        key: &ReferenceKey,
        veilig_thuis: &Organisation,
        name: &str,
    ) -> Result<(), String> {
        let path = self.folder.join(name);
        let (bytes, seen) = match contents(&path) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                let why = format!("the file is larger than {FILE_BYTES_MAX} bytes\n");
                return self.set_aside_whole(name, &why).map_err(|error| unnamed(&error));
            }
            Err(error) => return Err(error.to_string()),
        };
        let (submissions, broken) = read(&bytes);
        let mut not_sent: Vec<NotSent> = broken.into_iter().map(NotSent::from).collect();
        let mut recorded = 0_usize;
        for submission in &submissions {
            let answer =
                send(office, key, veilig_thuis, submission).await.map_err(|error| error.to_string())?.answer;
            match answer {
                Answer::Recorded | Answer::AlreadyRecorded => recorded += 1,
                Answer::TryLater => return Err("the relay was busy".to_owned()),
                Answer::Refused { refusal } => {
                    let why = format!("(line): the relay refused it: {}", refusal.code());
                    not_sent.push(NotSent { line: submission.line, why });
                }
            }
        }
        not_sent.sort_by_key(|one| one.line);
        let set_aside = not_sent.len();
        if set_aside > 0 {
            self.set_aside(name, &bytes, &not_sent).map_err(|error| unnamed(&error))?;
        }
        // Somebody wrote on in it instead of moving it in whole: it is read again, and what was sent is known.
        if look(&path).map_err(|error| error.to_string())? != seen {
            return Err("a file changed while it was read; move files in whole".to_owned());
        }
        fs::remove_file(&path).map_err(|error| error.to_string())?;
        if set_aside > 0 {
            tracing::warn!(recorded, set_aside, "a file was taken in, and lines of it were set aside");
        } else {
            tracing::info!(recorded, "a file was taken in");
        }
        Ok(())
    }

    /// Keeps the lines that were not sent, and says why; durable before the file goes.
    fn set_aside(&self, name: &str, bytes: &[u8], not_sent: &[NotSent]) -> Result<(), InboxError> {
        let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
        let mut kept = Zeroizing::new(Vec::with_capacity(bytes.len() + 1));
        let mut reasons = String::new();
        for NotSent { line, why } in not_sent {
            kept.extend_from_slice(lines.get(line - 1).copied().unwrap_or_default());
            kept.push(b'\n');
            let _ = writeln!(reasons, "line {line}: {why}");
        }
        let (to, known) = self.place_for(name, &kept)?;
        if !known {
            write(&to, &kept)?;
        }
        write(&beside(&to), reasons.as_bytes())
    }

    fn set_aside_whole(&self, name: &str, why: &str) -> Result<(), InboxError> {
        let (to, _) = self.place_for(name, &[])?;
        write(&beside(&to), why.as_bytes())?;
        fs::rename(self.folder.join(name), &to).map_err(at(&to))
    }

    /// A name in `set-aside` that is free, or that holds these very bytes already.
    fn place_for(&self, name: &str, bytes: &[u8]) -> Result<(PathBuf, bool), InboxError> {
        let aside = self.folder.join("set-aside");
        for number in 1..=SAME_NAMES_MAX {
            let place = aside.join(if number == 1 { name.to_owned() } else { format!("{name}.{number}") });
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
        Err(InboxError::Full(aside))
    }
}

/// A whole file, no link; wiped when dropped.
fn contents(path: &Path) -> io::Result<(Zeroizing<Vec<u8>>, Seen)> {
    let seen = look(path)?;
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    if length > FILE_BYTES_MAX {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(length).unwrap_or_default() + 1));
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    Ok((bytes, seen))
}

fn look(path: &Path) -> io::Result<Seen> {
    let seen = fs::symlink_metadata(path)?;
    if !seen.is_file() {
        return Err(io::Error::other("it is no plain file"));
    }
    Ok((seen.ino(), seen.size(), seen.mtime(), seen.mtime_nsec()))
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".reason");
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

/// Why something could not be set aside, without the file's name, which may be a family's.
fn unnamed(error: &InboxError) -> String {
    match error {
        InboxError::File { source, .. } => format!("what was not sent cannot be set aside: {source}"),
        _ => "what was not sent cannot be set aside; empty the folder set-aside".to_owned(),
    }
}

fn at(path: &Path) -> impl Fn(io::Error) -> InboxError {
    let path = path.to_owned();
    move |source| InboxError::File { path: path.clone(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inbox() -> (tempfile::TempDir, Inbox) {
        let folder = tempfile::tempdir().unwrap();
        let inbox = Inbox::open(folder.path().join("inbox")).unwrap();
        (folder, inbox)
    }

    fn aside(inbox: &Inbox, name: &str) -> Option<String> {
        fs::read_to_string(inbox.folder.join("set-aside").join(name)).ok()
    }

    fn not_sent(line: usize) -> NotSent {
        NotSent { line, why: "kind: is none of the words that the format knows".to_owned() }
    }

    #[test]
    fn a_line_set_aside_is_kept_as_it_was_and_its_reason_holds_nothing_of_it() {
        let (_folder, inbox) = inbox();
        inbox.set_aside("a.jsonl", b"good\nGeheim 1\ngood\nGeheim 2", &[not_sent(2), not_sent(4)]).unwrap();
        assert_eq!(aside(&inbox, "a.jsonl").unwrap(), "Geheim 1\nGeheim 2\n");
        let reasons = aside(&inbox, "a.jsonl.reason").unwrap();
        assert!(reasons.starts_with("line 2: kind: ") && reasons.contains("\nline 4: kind: "), "{reasons}");
        assert!(!reasons.contains("Geheim"));
    }

    #[test]
    fn the_same_set_aside_twice_is_one_file_and_another_of_its_name_is_another() {
        let (_folder, inbox) = inbox();
        for text in ["one", "one", "two", "one"] {
            inbox.set_aside("a.jsonl", text.as_bytes(), &[not_sent(1)]).unwrap();
        }
        assert_eq!(aside(&inbox, "a.jsonl").unwrap(), "one\n");
        assert_eq!(aside(&inbox, "a.jsonl.2").unwrap(), "two\n");
        assert!(aside(&inbox, "a.jsonl.3").is_none() && aside(&inbox, "a.jsonl.2.reason").is_some());
    }

    #[test]
    fn only_plain_files_that_end_in_jsonl_and_do_not_hide_are_taken() {
        let (_folder, inbox) = inbox();
        for name in ["b.jsonl", "a.jsonl", ".c.jsonl", "d.json", "e.jsonl.part"] {
            fs::write(inbox.folder.join(name), "x").unwrap();
        }
        std::os::unix::fs::symlink(inbox.folder.join("d.json"), inbox.folder.join("z.jsonl")).unwrap();
        assert_eq!(inbox.names().unwrap(), ["a.jsonl", "b.jsonl", "z.jsonl"]);
        assert!(contents(&inbox.folder.join("a.jsonl")).is_ok());
        assert!(contents(&inbox.folder.join("z.jsonl")).is_err(), "a link was followed");
    }

    #[test]
    fn an_inbox_that_others_can_look_into_is_refused_with_the_remedy() {
        use std::os::unix::fs::PermissionsExt as _;
        let (_folder, inbox) = inbox();
        fs::set_permissions(&inbox.folder, fs::Permissions::from_mode(0o750)).unwrap();
        let said = Inbox::open(inbox.folder).unwrap_err().to_string();
        assert!(said.contains("chmod 700"), "{said}");
    }

    #[test]
    fn a_file_without_bound_is_set_aside_whole() {
        let (_folder, inbox) = inbox();
        let path = inbox.folder.join("a.jsonl");
        File::create(&path).unwrap().set_len(FILE_BYTES_MAX + 1).unwrap();
        assert_eq!(contents(&path).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        inbox.set_aside_whole("a.jsonl", "too large\n").unwrap();
        assert!(!path.exists() && inbox.folder.join("set-aside/a.jsonl").exists());
        assert_eq!(aside(&inbox, "a.jsonl.reason").unwrap(), "too large\n");
    }
}
