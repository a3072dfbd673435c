//! Whether an audit log is what was written.

use std::{fs, io, path::Path};

use super::{Checkpoint, FORGOTTEN, Head, Verified, Written, hash_of, read_head};

/// What is wrong with a log: the first thing that is.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    /// Somebody wrote there.
    #[error("line {line} is no line of an audit log")]
    Strange {
        /// Which line of the file, from 1.
        line: usize,
    },
    /// Lines are missing, or stand in another order.
    #[error(
        "line {line} has number {found} where {wanted} belongs: lines were removed, moved or put in before it"
    )]
    OutOfOrder {
        /// Which line of the file, from 1.
        line: usize,
        /// The number that belongs there.
        wanted: u64,
        /// The one that stands there.
        found: u64,
    },
    /// The line before it is another than it was.
    #[error("line {line} does not go on from what stands before it: that was changed, or is another line")]
    Broken {
        /// Which line of the file, from 1.
        line: usize,
    },
    /// It does not begin with the first line, and nothing says that what is missing was dropped when its time was over.
    #[error("the beginning is missing, and no line says that it was dropped when its time was over")]
    Beheaded,
    /// The last lines are missing.
    #[error("it ends with line number {found}, and the head is number {wanted}: the end was cut off")]
    CutOff {
        /// The head's number.
        wanted: u64,
        /// The last one's number.
        found: u64,
    },
    /// The line that the head names is another.
    #[error(
        "line number {seq} is not the one that the head names: it was changed, or the log was written anew"
    )]
    NotTheHead {
        /// Which.
        seq: u64,
    },
    /// The file with the head is missing.
    #[error("the file with its head is missing, so nobody can say that nothing was cut off")]
    NoHead,
    /// The line that the head names was dropped, so nothing can be said.
    #[error(
        "line number {seq}, which the head names, was dropped when its time was over; compare a later head"
    )]
    HeadDropped {
        /// Which.
        seq: u64,
    },
}

/// Verifies a log: each line goes on from the one before, and the last is the one that the head beside it names. `kept`: a head that was
/// kept elsewhere, which must be the head or come before it. What a crash tore off behind the last line is no fault.
pub fn verify(path: &Path, kept: Option<Head>) -> Result<Verified, Fault> {
    let text = match fs::read(path) {
        // A log to which nothing was ever written has no file.
        Err(error) if error.kind() == io::ErrorKind::NotFound && read_head(path).is_some() => Vec::new(),
        read => read?,
    };
    let mut walk = Walk::default();
    let heads = [read_head(path), kept];
    let mut lines: Vec<_> = text.split(|byte| *byte == b'\n').collect();
    // What stands behind the last end of a line is nothing, or torn.
    lines.pop();
    for (at, line) in lines.iter().enumerate() {
        walk.step(at + 1, line, &heads)?;
    }
    if walk.dropped_through != walk.forgotten_through {
        // A log that says that it dropped something and still has it was killed in between, and does it at the next start.
        if walk.dropped_through.is_some() {
            return Err(Fault::Beheaded);
        }
    }
    let [Some(head), kept] = heads else { return Err(Fault::NoHead) };
    for head in std::iter::once(head).chain(kept) {
        if head.seq > walk.end.seq {
            return Err(Fault::CutOff { wanted: head.seq, found: walk.end.seq });
        }
        match walk.dropped_through {
            Some(through) if head.seq < through => return Err(Fault::HeadDropped { seq: head.seq }),
            _ => {}
        }
    }
    Ok(Verified { lines: walk.lines, dropped_through: walk.dropped_through, head: walk.end })
}

/// A walk from line to line.
struct Walk {
    end: Head,
    lines: u64,
    dropped_through: Option<u64>,
    /// What the log itself says that was dropped.
    forgotten_through: Option<u64>,
}

impl Default for Walk {
    fn default() -> Self {
        Self { end: Head::NONE, lines: 0, dropped_through: None, forgotten_through: None }
    }
}

impl Walk {
    fn step(&mut self, at: usize, line: &[u8], heads: &[Option<Head>]) -> Result<(), Fault> {
        if at == 1
            && let Ok(Checkpoint { dropped_through, hash }) = serde_json::from_slice(line)
        {
            self.dropped_through = Some(dropped_through);
            self.end = Head { seq: dropped_through, hash };
            return self.compare(heads);
        }
        let written: Written = serde_json::from_slice(line).map_err(|_| Fault::Strange { line: at })?;
        let wanted = self.end.seq + 1;
        if written.seq != wanted {
            return Err(Fault::OutOfOrder { line: at, wanted, found: written.seq });
        }
        if written.before != self.end.hash {
            return Err(Fault::Broken { line: at });
        }
        self.end = Head { seq: written.seq, hash: hash_of(line) };
        self.lines += 1;
        if written.act == FORGOTTEN {
            self.forgotten_through = self.forgotten_through.max(written.through);
        }
        self.compare(heads)
    }

    fn compare(&self, heads: &[Option<Head>]) -> Result<(), Fault> {
        let differs = |head: &Head| head.seq == self.end.seq && head.hash != self.end.hash;
        match heads.iter().flatten().find(|head| differs(head)) {
            Some(head) => Err(Fault::NotTheHead { seq: head.seq }),
            None => Ok(()),
        }
    }
}
