//! Letters that came back: the folder (Maildir) into which a mail server lays what it says of letters that it took and could not
//! deliver. It is looked at now and then, and somebody is told; nothing else hangs on it, for anybody can write such a message.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::Mutex,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

use crate::{Mail, Mailbox, bounce};

/// How often the folder is looked at.
pub(crate) const LOOK_EVERY: Duration = Duration::from_secs(30);
/// Messages that are read in one look; the rest waits for the next.
const MESSAGES_MAX: usize = 100;
/// The largest message that is read: headers come back, and no letters.
const MESSAGE_BYTES_MAX: u64 = 256 * 1024;
/// For so long somebody is told of a letter that came back.
const TOLD_FOR: SignedDuration = SignedDuration::from_hours(24);
/// Mailboxes that are remembered, with what was last mailed to each.
const MAILBOXES_MAX: usize = 1_024;

/// The folder: `new`, where messages are laid, and `cur`, where they lie when they were read.
#[derive(Clone)]
pub(crate) struct Folder {
    new: PathBuf,
    cur: PathBuf,
}

impl Folder {
    /// Whether it is there is seen when it is looked at: another process with the same settings may not come in.
    pub(crate) fn at(path: &Path) -> Self {
        Self { new: path.join("new"), cur: path.join("cur") }
    }

    /// Messages that nobody has read, the first ones by name.
    fn messages(&self) -> io::Result<Vec<PathBuf>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.new)? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                names.push(entry.path());
            }
        }
        names.sort();
        names.truncate(MESSAGES_MAX);
        Ok(names)
    }

    /// Lays a message where what was read lies; `seen` if it needs nobody's reading (the flag S).
    fn put_aside(&self, message: &Path, seen: bool) -> io::Result<()> {
        let mut name = message.file_name().unwrap_or_default().to_owned();
        name.push(if seen { ":2,S" } else { ":2," });
        fs::rename(message, self.cur.join(name))
    }
}

/// What was mailed, and what came back of it.
#[derive(Default)]
pub(crate) struct Returned {
    /// When and what was last mailed to each. In memory: of what was mailed before the start only the code is told.
    mailed: Mutex<BTreeMap<Mailbox, (Timestamp, &'static str)>>,
    /// What is told of, and since when.
    told: Mutex<BTreeMap<String, Timestamp>>,
}

impl Returned {
    /// The server took this letter.
    pub(crate) fn mailed(&self, mail: Mail, to: &Mailbox, now: Timestamp) {
        let mut mailed = lock(&self.mailed);
        mailed.insert(to.clone(), (now, mail.name()));
        if mailed.len() > MAILBOXES_MAX {
            let oldest = mailed.iter().min_by_key(|(_, (at, _))| *at).map(|(to, _)| to.clone());
            oldest.map(|oldest| mailed.remove(&oldest));
        }
    }

    /// Looks into the folder, and says what somebody must be told of: no mailbox, and nothing that a message says but its code.
    pub(crate) fn look(&self, folder: &Folder, now: Timestamp) -> Option<String> {
        let read = folder
            .messages()
            .and_then(|messages| messages.iter().try_for_each(|message| self.read(folder, message, now)));
        let mut told = lock(&self.told);
        told.retain(|_, since| now.duration_since(*since) < TOLD_FOR);
        let trouble = read.err().map(|error| format!("the folder of returned mail cannot be used: {error}"));
        let all: Vec<_> = told.keys().cloned().chain(trouble).collect();
        (!all.is_empty()).then(|| all.join("; "))
    }

    fn read(&self, folder: &Folder, message: &Path, now: Timestamp) -> io::Result<()> {
        let mut bytes = Vec::new();
        File::open(message)?.take(MESSAGE_BYTES_MAX).read_to_end(&mut bytes)?;
        let bounces = bounce::read(&bytes);
        for bounce in &bounces {
            let mailed = bounce.to.as_ref().and_then(|to| lock(&self.mailed).get(to).map(|(_, name)| *name));
            let (notice, became, status) =
                (mailed.unwrap_or("of before the start"), bounce.became, bounce.status);
            tracing::error!(notice, %became, %status, "a mail that the server had taken came back");
            lock(&self.told).insert(format!("a mail ({notice}) {became}: {status}"), now);
        }
        folder.put_aside(message, !bounces.is_empty())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
