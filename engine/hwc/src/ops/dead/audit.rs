//! What people did with what lay aside: a line before it is done, and one after. Nothing in it is about anybody.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use serde::Serialize;

/// The file in the state folder.
const NAME: &str = "acts.jsonl";

/// One act.
#[derive(Debug, Serialize)]
pub(super) struct Act {
    pub(super) at: Timestamp,
    /// `retry` or `drop`.
    #[serde(rename = "act")]
    pub(super) verb: &'static str,
    /// What lay aside: its kind.
    pub(super) kind: &'static str,
    /// Its code, from which nothing can be had back.
    pub(super) code: String,
    /// Why, as whoever did it said.
    pub(super) reason: Option<&'static str>,
    /// Who, as this machine numbers its users.
    pub(super) user: u32,
    /// Whether it is done; before it is, it may not be.
    pub(super) done: bool,
}

/// The book of acts of one process.
pub(super) struct Acts(PathBuf);

impl Acts {
    /// In this state folder, which is made if it is not there.
    pub(super) fn open(state: &Path) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(state)?;
        Ok(Self(state.join(NAME)))
    }

    /// Writes an act down, durably when it returns.
    pub(super) fn note(&self, act: &Act) -> io::Result<()> {
        let mut line = serde_json::to_vec(act).map_err(io::Error::other)?;
        line.push(b'\n');
        let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(&self.0)?;
        file.write_all(&line)?;
        file.sync_all()?;
        let folder = self.0.parent().unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()
    }
}

impl Act {
    /// An act of whoever runs this, at this moment, that is not done yet.
    pub(super) fn now(
        verb: &'static str,
        kind: &'static str,
        code: &str,
        reason: Option<&'static str>,
    ) -> Self {
        let user = rustix::process::getuid().as_raw();
        Self { at: Timestamp::now(), verb, kind, code: code.to_owned(), reason, user, done: false }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn an_act_is_a_line_before_it_is_done_and_one_after_and_nobody_else_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let acts = Acts::open(&folder.path().join("state")).unwrap();
        let mut act = Act::now("drop", "task", "5b20e7", Some("stale"));
        acts.note(&act).unwrap();
        act.done = true;
        acts.note(&act).unwrap();
        let text = fs::read_to_string(&acts.0).unwrap();
        let done: Vec<bool> = text
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["done"].as_bool().unwrap())
            .collect();
        assert_eq!(done, [false, true]);
        assert_eq!(fs::metadata(&acts.0).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
