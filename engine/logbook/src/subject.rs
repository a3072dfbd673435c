//! Who a line is about: a random code for one signal at one organisation. It lies beside what the organisation has of the signal, and
//! is erased with it; then no line can be tied to anybody.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use hwc_schemas::{IncidentId, SignalId, SignalNumber};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{lines, step::Step};

/// A signal, or a report whose children are not told apart yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject {
    /// Its incident.
    pub incident: IncidentId,
    /// Which child; none while it is a report.
    pub number: Option<SignalNumber>,
}

impl From<SignalId> for Subject {
    fn from(SignalId { incident, number }: SignalId) -> Self {
        Self { incident, number: Some(number) }
    }
}

/// What is drawn for a subject when it is first processed. It lies in a file of its own, and nowhere else.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Leaf {
    incident: IncidentId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    number: Option<SignalNumber>,
    /// The code in the lines.
    pub(crate) code: String,
    /// The trace of the lines: this organisation's own, in no relation to any other.
    pub(crate) trace: String,
    /// From which the ids of spans follow, so that a step that is repeated after a crash has the same.
    salt: String,
}

/// Hexadecimal digits of a code, a trace and a salt: 16 bytes each.
const RANDOM_BYTES: usize = 16;
/// Bytes of a leaf's file, at most.
const LEAF_BYTES_MAX: usize = 1024;

impl Leaf {
    fn drawn(subject: Subject) -> io::Result<Self> {
        let random = || {
            let mut bytes = [0; RANDOM_BYTES];
            getrandom::fill(&mut bytes)
                .map_err(|_| io::Error::other("the system gives no random numbers"))?;
            // All zeros would be no trace.
            Ok::<_, io::Error>(if bytes == [0; RANDOM_BYTES] {
                "1".repeat(2 * RANDOM_BYTES)
            } else {
                hex::encode(bytes)
            })
        };
        let Subject { incident, number } = subject;
        Ok(Self { incident, number, code: random()?, trace: random()?, salt: random()? })
    }

    const fn subject(&self) -> Subject {
        Subject { incident: self.incident, number: self.number }
    }

    /// The id of the span of a step, the same each time.
    pub(crate) fn span(&self, step: Step, round: u16) -> [u8; 8] {
        let digest = Sha256::new()
            .chain_update(&self.salt)
            .chain_update(step.as_str())
            .chain_update(round.to_be_bytes())
            .finalize();
        let mut span = [0; 8];
        span.copy_from_slice(digest.get(..8).unwrap_or(&[1; 8]));
        if span == [0; 8] { [1; 8] } else { span }
    }

    fn is_whole(&self) -> bool {
        let random =
            |text: &str| text.len() == 2 * RANDOM_BYTES && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        random(&self.code) && random(&self.trace) && random(&self.salt)
    }
}

/// The leaves that live, in a folder.
pub(crate) struct Leaves {
    folder: PathBuf,
    all: BTreeMap<Subject, Leaf>,
}

impl Leaves {
    /// Reads those that are there.
    pub(crate) fn open(folder: PathBuf) -> io::Result<Self> {
        crate::logbook::private_folder(&folder)?;
        let mut leaves = Self { folder, all: BTreeMap::new() };
        for entry in fs::read_dir(&leaves.folder)? {
            let path = entry?.path();
            if fs::metadata(&path)?.len() > LEAF_BYTES_MAX as u64 {
                return Err(io::Error::other(format!(
                    "{} is no code of a signal; move it away",
                    path.display()
                )));
            }
            match serde_json::from_slice::<Leaf>(&fs::read(&path)?) {
                Ok(leaf) if leaf.is_whole() && path == leaves.path(leaf.subject()) => {
                    leaves.all.insert(leaf.subject(), leaf);
                }
                // Half written when it was made, or half erased: either way nothing depends on it.
                _ => erase(&path)?,
            }
        }
        Ok(leaves)
    }

    pub(crate) fn subjects(&self) -> impl Iterator<Item = Subject> {
        self.all.keys().copied()
    }

    /// The leaf of a subject; drawn if there is none, and then durable before this returns.
    pub(crate) fn of(&mut self, subject: Subject) -> io::Result<Leaf> {
        if let Some(leaf) = self.all.get(&subject) {
            return Ok(leaf.clone());
        }
        let leaf = Leaf::drawn(subject)?;
        let bytes = serde_json::to_vec(&leaf).map_err(io::Error::other)?;
        // Its name is the signal's: what is said of it goes where anybody may ask how the process is.
        let unwritten = |_| io::Error::other("a code cannot be written; is the disk full?");
        hwc_vault::replace(&self.path(subject), &bytes).map_err(unwritten)?;
        self.all.insert(subject, leaf.clone());
        Ok(leaf)
    }

    /// Erases a leaf. From then on nobody can say whom its lines are about.
    pub(crate) fn forget(&mut self, subject: Subject) -> io::Result<()> {
        erase(&self.path(subject))?;
        self.all.remove(&subject);
        Ok(())
    }

    fn path(&self, Subject { incident, number }: Subject) -> PathBuf {
        self.folder.join(match number {
            Some(number) => SignalId { incident, number }.to_string(),
            None => incident.to_string(),
        })
    }
}

/// Overwrites a file, and takes it away.
fn erase(path: &Path) -> io::Result<()> {
    let gone = |error: io::Error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) };
    let overwritten = fs::File::options().write(true).open(path).and_then(|mut file| {
        let length = usize::try_from(file.metadata()?.len()).unwrap_or(LEAF_BYTES_MAX).min(LEAF_BYTES_MAX);
        io::Write::write_all(&mut file, &vec![0; length])?;
        file.sync_all()
    });
    overwritten.or_else(gone)?;
    fs::remove_file(path).or_else(gone)?;
    lines::sync_folder(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(number: usize) -> Subject {
        Subject {
            incident: "00000000000000000000000000000007".parse().unwrap(),
            number: SignalNumber::at(number),
        }
    }

    #[test]
    fn a_code_is_the_same_after_a_crash_and_another_for_each_signal() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Leaves::open(folder.path().join("subjects")).unwrap();
        let (one, other) = (open().of(subject(0)).unwrap(), open().of(subject(1)).unwrap());
        let again = open().of(subject(0)).unwrap();
        assert_eq!((&one.code, one.span(Step::Open, 1)), (&again.code, again.span(Step::Open, 1)));
        assert!(one.code != other.code && one.trace != other.trace);
        assert_ne!(one.span(Step::Open, 1), one.span(Step::Open, 2));
        assert_ne!(one.span(Step::Open, 1), one.span(Step::Return, 1));
        for ids in ["00000000000000000000000000000007", "000000000000000000000000000000071"] {
            assert!(!one.code.contains(ids), "a code follows from nothing");
        }
    }

    #[test]
    fn what_is_forgotten_is_overwritten_and_drawn_anew() {
        let folder = tempfile::tempdir().unwrap();
        let mut leaves = Leaves::open(folder.path().join("subjects")).unwrap();
        let leaf = leaves.of(subject(0)).unwrap();
        let kept = folder.path().join("kept");
        fs::hard_link(leaves.path(subject(0)), &kept).unwrap();
        leaves.forget(subject(0)).unwrap();
        leaves.forget(subject(0)).unwrap();
        assert!(fs::read(&kept).unwrap().iter().all(|byte| *byte == 0));
        assert_eq!(fs::read_dir(folder.path().join("subjects")).unwrap().count(), 0);
        assert_ne!(leaves.of(subject(0)).unwrap().code, leaf.code);
    }

    #[test]
    fn a_leaf_that_was_torn_is_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("subjects");
        let mut leaves = Leaves::open(path.clone()).unwrap();
        leaves.of(subject(0)).unwrap();
        fs::write(path.join("half"), b"{\"incident\":\"0000").unwrap();
        assert_eq!(Leaves::open(path.clone()).unwrap().subjects().collect::<Vec<_>>(), [subject(0)]);
        assert_eq!(fs::read_dir(path).unwrap().count(), 1);
    }
}
