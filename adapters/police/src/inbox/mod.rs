//! The inbox: a folder into which the police's own systems move files of reports.
//!
//! ```text
//! inbox/NAME.json .jsonl .csv .xml    moved in whole (written elsewhere on the same disk, then renamed). Gone once Veilig
//!                                     Thuis has screened every good report in it, or it ended.
//! inbox/set-aside/NAME                what could not be sent, as it was.
//! inbox/set-aside/NAME.reason         for each its line in the file, and what is wrong; none of its content.
//! ```
//!
//! Killed at any moment, it goes on where it was: what was sent before is answered as *already recorded*, and what was
//! set aside before is set aside as the same file.

mod aside;
mod files;

use std::{
    collections::{BTreeMap, HashSet},
    fs::{self, DirBuilder},
    io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use hwc_schemas::{IncidentId, ask::Progress, wire::Answer};
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};
use zeroize::Zeroizing;

use self::{aside::Aside, files::Seen};
use crate::{Desk, Form, Refused, Submission, WayOut};

/// Largest file that is taken, in bytes; a larger one is set aside whole.
pub const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// How often the folder is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How often it is asked what was screened.
const ASK_EVERY: Duration = Duration::from_secs(2);
/// How long to wait after something that did not work.
const AGAIN_AFTER: Duration = Duration::from_secs(10);
/// How long one report may keep the others waiting.
const ANSWERED_WITHIN: Duration = Duration::from_secs(30);

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
    aside: Aside,
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

/// What somebody must look at.
#[derive(Debug, Clone)]
pub struct Troubles {
    /// What stands in the way, if anything does.
    pub in_the_way: watch::Sender<Option<String>>,
    /// That files were set aside, if any were.
    pub set_aside: watch::Sender<Option<String>>,
}

/// A file that stays until its reports are screened.
struct Kept {
    seen: Seen,
    form: Form,
    waiting: Vec<IncidentId>,
}

/// What the inbox keeps in mind: nothing that it could not find again.
#[derive(Default)]
struct Memory {
    kept: BTreeMap<String, Kept>,
    /// Files that were complained about.
    left: HashSet<String>,
    asked: Option<Instant>,
}

impl Inbox {
    /// Opens the inbox, and makes it if it is not there. It must be its owner's alone.
    pub fn open(folder: PathBuf) -> Result<Self, InboxError> {
        let aside = folder.join("set-aside");
        DirBuilder::new().recursive(true).mode(0o700).create(&aside).map_err(at(&aside))?;
        let mode = fs::metadata(&folder).map_err(at(&folder))?.mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(InboxError::OpenToOthers { path: folder, mode });
        }
        files::put_all_back(&folder)?;
        Ok(Self { folder, aside: Aside::new(aside) })
    }

    /// Sends what comes until the office closes.
    pub async fn run(self, desk: Desk, troubles: Troubles) {
        let hours = desk.office.hours().clone();
        let working = async {
            let mut memory = Memory::default();
            loop {
                let in_the_way = self.look(&desk, &mut memory).await;
                let wait = if in_the_way.is_some() { AGAIN_AFTER } else { LOOK_EVERY };
                let set_aside = self.aside.count();
                let waiting = memory.kept.values().map(|kept| kept.waiting.len()).sum();
                desk.office.telemetry().inbox(waiting, set_aside);
                tell(&troubles.in_the_way, in_the_way);
                let words = |count| {
                    format!("{count} files in set-aside wait for somebody; their reasons lie beside them")
                };
                tell(&troubles.set_aside, (set_aside > 0).then(|| words(set_aside)));
                tokio::time::sleep(wait).await;
            }
        };
        tokio::select! {
            () = hours.closing() => {}
            () = working => {}
        }
    }

    /// Takes in what is new, and removes what was screened. What stands in the way, if anything does; every other file goes on.
    async fn look(&self, desk: &impl WayOut, memory: &mut Memory) -> Option<String> {
        let names = match files::names(&self.folder) {
            Ok(names) => names,
            Err(error) => return Some(error.to_string()),
        };
        memory.left.retain(|name| names.contains(name));
        memory.kept.retain(|name, _| names.contains(name));
        let mut in_the_way = None;
        for name in &names {
            let known = memory.kept.get(name).map(|kept| kept.seen);
            if known.is_some() && files::look(&self.folder.join(name)).ok() == known {
                continue;
            }
            match self.take_in(desk, name).await {
                Ok(None) => _ = (memory.left.remove(name), memory.kept.remove(name)),
                Ok(Some(kept)) => {
                    memory.left.remove(name);
                    memory.kept.insert(name.clone(), kept);
                }
                Err(error) => {
                    // Once for each file: its name is the police's own and stays out of the log.
                    if memory.left.insert(name.clone()) {
                        tracing::error!(%error, "a file of the inbox cannot be taken in; it stays");
                    }
                    in_the_way = Some(error);
                }
            }
        }
        if memory.asked.is_none_or(|asked| asked.elapsed() >= ASK_EVERY) && !memory.kept.is_empty() {
            memory.asked = Some(Instant::now());
            in_the_way = self.let_go(desk, memory).await.err().or(in_the_way);
        }
        in_the_way
    }

    /// Sends a file's good reports and sets the others aside. None if it is gone.
    async fn take_in(&self, desk: &impl WayOut, name: &str) -> Result<Option<Kept>, String> {
        let path = self.folder.join(name);
        let Some(form) = Form::of_name(name) else { return Ok(None) };
        let (bytes, seen) = match files::contents(&path) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                let why = format!("the file is larger than {FILE_BYTES_MAX} bytes; divide it\n");
                self.aside.take(&path, name, &why).map_err(|error| unnamed(&error))?;
                return Ok(None);
            }
            // Whoever moved it in took it away again.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.to_string()),
        };
        let (submissions, broken) = form.read(&bytes);
        let onward = broken.iter().find(|one| one.is_of_all_that_follows()).map(|one| one.line);
        let mut not_sent: Vec<NotSent> = broken.into_iter().map(NotSent::from).collect();
        let mut waiting = Vec::new();
        for submission in submissions {
            let sent = sent(desk, &submission).await?;
            match sent.answer {
                Answer::Recorded | Answer::AlreadyRecorded => {
                    waiting.push(sent.incident);
                    not_sent.extend(submission.not_named.into_iter().map(NotSent::from));
                }
                Answer::TryLater => return Err("the relay was busy".to_owned()),
                Answer::Refused { refusal } => {
                    let why = format!("(report): the relay refused it: {}", refusal.code());
                    not_sent.extend(submission.lines().map(|line| NotSent { line, why: why.clone() }));
                }
            }
        }
        let set_aside = not_sent.len();
        if set_aside > 0 {
            not_sent.sort_by_key(|one| one.line);
            let lines: Vec<usize> = not_sent.iter().map(|one| one.line).collect();
            let kept: Zeroizing<Vec<u8>> = form.excerpt(&bytes, &lines, onward);
            self.aside.keep(name, &kept, &not_sent).map_err(|error| unnamed(&error))?;
        }
        drop(bytes);
        let recorded = waiting.len();
        if set_aside > 0 {
            tracing::warn!(recorded, set_aside, "a file was taken in, and something of it was set aside");
        } else {
            tracing::info!(recorded, "a file was taken in; it stays until it is screened");
        }
        if waiting.is_empty() {
            return self.gone(name, seen).map(|()| None);
        }
        if files::look(&path).map_err(|error| error.to_string())? != seen {
            return Err(CHANGED.to_owned());
        }
        Ok(Some(Kept { seen, form, waiting }))
    }

    /// Removes the files whose reports were all screened, or ended.
    /// What stands in the way of one of them holds up no other.
    async fn let_go(&self, desk: &impl WayOut, memory: &mut Memory) -> Result<(), String> {
        let Memory { kept: files, left, .. } = memory;
        let all: Vec<IncidentId> = files.values().flat_map(|kept| kept.waiting.clone()).collect();
        let progress = desk.progress(&all).await.map_err(|error| error.to_string())?;
        let unknown: HashSet<_> = of(&all, &progress, Progress::Unknown);
        let screened: HashSet<_> = of(&all, &progress, Progress::Screened);
        let mut in_the_way = Ok(());
        for (name, kept) in files.iter_mut() {
            kept.waiting.retain(|incident| !screened.contains(incident));
            if !kept.waiting.iter().any(|incident| unknown.contains(incident)) {
                continue;
            }
            match self.end(desk, name, kept, &unknown).await {
                Ok(()) => _ = left.remove(name),
                Err(error) => {
                    if left.insert(name.clone()) {
                        tracing::error!(%error, "a file of the inbox whose reports the relay does not know stays");
                    }
                    in_the_way = Err(error);
                }
            }
        }
        let done: Vec<_> = files.extract_if(.., |_, kept| kept.waiting.is_empty()).collect();
        for (name, kept) in done {
            match self.gone(&name, kept.seen) {
                Ok(()) => tracing::info!("a file was screened, and removed"),
                Err(error) => in_the_way = Err(error),
            }
        }
        in_the_way
    }

    /// Nothing is known of some reports of a file. What ended is *already recorded*; what a relay lost that was put back from
    /// an older copy is sent anew. Of what it refuses nobody can tell which of the two it is: the file stays for somebody to see.
    async fn end(
        &self,
        desk: &impl WayOut,
        name: &str,
        kept: &mut Kept,
        unknown: &HashSet<IncidentId>,
    ) -> Result<(), String> {
        let (bytes, seen) = files::contents(&self.folder.join(name)).map_err(|error| error.to_string())?;
        if seen != kept.seen {
            return Err(CHANGED.to_owned());
        }
        let (submissions, _) = kept.form.read(&bytes);
        let mut in_the_way = Ok(());
        for submission in submissions {
            let incident = desk.incident(submission.sender.as_deref(), &submission.report_id);
            if !unknown.contains(&incident) || !kept.waiting.contains(&incident) {
                continue;
            }
            match sent(desk, &submission).await?.answer {
                Answer::Recorded => tracing::warn!("a report that the relay no longer knew was sent anew"),
                Answer::AlreadyRecorded => kept.waiting.retain(|waiting| *waiting != incident),
                Answer::TryLater => in_the_way = Err("the relay was busy".to_owned()),
                Answer::Refused { refusal } => {
                    in_the_way = Err(format!(
                        "the relay does not know a report any more and refuses it ({}); its file stays in the inbox: see to it \
                         that Veilig Thuis has the report, then take the file away",
                        refusal.code()
                    ));
                }
            }
        }
        in_the_way
    }

    fn gone(&self, name: &str, seen: Seen) -> Result<(), String> {
        match files::remove(&self.folder, name, seen) {
            Ok(true) => Ok(()),
            // Somebody wrote on in it instead of moving it in whole: it is read again, and what was sent is known.
            Ok(false) => Err(CHANGED.to_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }
}

const CHANGED: &str = "a file changed while it was read; move files in whole";

/// What the engine says to a report, within a time that the others can wait.
async fn sent(desk: &impl WayOut, submission: &Submission) -> Result<crate::Sent, String> {
    match timeout(ANSWERED_WITHIN, desk.send(submission)).await {
        Ok(sent) => sent.map_err(|error| error.to_string()),
        Err(_) => Err(format!("the relay did not answer within {} seconds", ANSWERED_WITHIN.as_secs())),
    }
}

/// Those that are so far.
fn of(all: &[IncidentId], progress: &[Progress], wanted: Progress) -> HashSet<IncidentId> {
    all.iter().zip(progress).filter(|(_, is)| **is == wanted).map(|(incident, _)| *incident).collect()
}

/// Says it, if it is another than before.
fn tell(to: &watch::Sender<Option<String>>, words: Option<String>) {
    to.send_if_modified(|said| {
        let other = *said != words;
        *said = words;
        other
    });
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
mod tests;
