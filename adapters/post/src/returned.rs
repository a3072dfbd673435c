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

use crate::{
    Mail, Mailbox,
    bounce::{self, Bounce},
};

/// How often the folder is looked at.
pub(crate) const LOOK_EVERY: Duration = Duration::from_secs(30);
/// Messages that are read in one look; the rest waits for the next.
const MESSAGES_MAX: usize = 100;
/// The largest message that is read: headers come back, and no letters.
const MESSAGE_BYTES_MAX: u64 = 256 * 1024;
/// For so long somebody is told of a letter that came back.
const TOLD_FOR: SignedDuration = SignedDuration::from_hours(24);
/// Different troubles that are told of at a time. Anybody can write a message, so more are counted as others.
const TOLD_MAX: usize = 16;
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
    /// A message that cannot be read or laid aside keeps no other back.
    pub(crate) fn look(&self, folder: &Folder, now: Timestamp) -> Option<String> {
        let trouble = match folder.messages() {
            Ok(messages) => {
                messages.iter().filter_map(|message| self.read(folder, message, now).err()).next_back()
            }
            Err(error) => Some(error),
        };
        let mut told = lock(&self.told);
        told.retain(|_, since| now.duration_since(*since) < TOLD_FOR);
        let trouble = trouble.map(|error| format!("the folder of returned mail cannot be used: {error}"));
        let all: Vec<_> = told.keys().cloned().chain(trouble).collect();
        (!all.is_empty()).then(|| all.join("; "))
    }

    fn read(&self, folder: &Folder, message: &Path, now: Timestamp) -> io::Result<()> {
        let mut bytes = Vec::new();
        File::open(message)?.take(MESSAGE_BYTES_MAX).read_to_end(&mut bytes)?;
        let bounces = bounce::read(&bytes);
        for bounce in &bounces {
            self.tell(bounce, now);
        }
        folder.put_aside(message, !bounces.is_empty())
    }

    /// Tells of one that came back. What is told of already is not logged a second time.
    fn tell(&self, bounce: &Bounce, now: Timestamp) {
        let mailed = bounce.to.as_ref().and_then(|to| lock(&self.mailed).get(to).map(|(_, name)| *name));
        let (notice, became, status) =
            (mailed.unwrap_or("of before the start"), bounce.became, bounce.status);
        let mut told = lock(&self.told);
        let mut what = format!("a mail ({notice}) {became}: {status}");
        if told.len() >= TOLD_MAX && !told.contains_key(&what) {
            "others; the folder of returned mail has them".clone_into(&mut what);
        }
        if told.insert(what, now).is_none() {
            tracing::error!(notice, %became, %status, "a mail that the server had taken came back");
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounce(status: &str) -> String {
        format!(
            "MIME-Version: 1.0\r\nContent-Type: multipart/report; boundary=b\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n\
             Final-Recipient: rfc822; a@b.nl\r\nAction: failed\r\nStatus: {status}\r\n\r\n--b--\r\n"
        )
    }

    fn folder() -> (tempfile::TempDir, Folder) {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::at(place.path());
        for one in [&folder.new, &folder.cur] {
            fs::create_dir(one).unwrap();
        }
        (place, folder)
    }

    #[test]
    fn whoever_writes_many_messages_makes_nobody_remember_them_all() {
        let ((_place, folder), returned) = (folder(), Returned::default());
        for detail in 0..99 {
            fs::write(folder.new.join(format!("{detail}")), bounce(&format!("5.1.{detail}"))).unwrap();
        }
        let now = Timestamp::UNIX_EPOCH;
        let said = returned.look(&folder, now).unwrap();
        assert_eq!(said.split("; a").count(), TOLD_MAX, "{said}");
        assert!(said.contains("others; the folder"), "{said}");
        assert_eq!(returned.look(&folder, now + TOLD_FOR), None, "and no longer than a day");
    }

    #[test]
    fn a_message_that_cannot_be_laid_aside_keeps_no_other_back() {
        let ((_place, folder), returned) = (folder(), Returned::default());
        fs::create_dir_all(folder.cur.join("1:2,/full")).unwrap();
        fs::write(folder.new.join("1"), "From: anne@school.example\r\n\r\nvraag\r\n").unwrap();
        fs::write(folder.new.join("2"), bounce("5.2.2")).unwrap();
        let said = returned.look(&folder, Timestamp::UNIX_EPOCH).unwrap();
        assert!(said.contains("5.2.2") && said.contains("cannot be used"), "{said}");
        assert!(folder.cur.join("2:2,S").exists() && folder.new.join("1").exists());
    }
}
