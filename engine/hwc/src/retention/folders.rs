//! Folders whose files go when they are old enough: logs, traces that somebody keeps as files, what an adapter set aside.
//!
//! ```toml
//! [[relay.swept]]
//! folder = "logs"   # only files that lie in it; not what is below, and nothing that a link points to
//! days = 14
//! ```

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use serde::Deserialize;
use tokio::task::JoinHandle;

/// How often folders are swept.
const SWEEP_EVERY: Duration = Duration::from_hours(1);

/// The longest that a file may be kept, in days.
const KEPT_DAYS_MAX: u16 = 3_653;

/// A folder as it is written in the settings.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SweptTable {
    /// The folder.
    pub(crate) folder: PathBuf,
    /// How old its files become.
    pub(crate) days: u16,
}

/// A folder, and how long its files are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SweptFolder {
    pub(crate) folder: PathBuf,
    pub(crate) days: u16,
}

/// A number of days that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("[[relay.swept]] days must be at least 1 and at most {KEPT_DAYS_MAX}")]
pub(crate) struct NoDays;

/// A folder that is not to be swept: keys, unsent reports or registers lie there, or could.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("[[relay.swept]] {}: another setting names it or something in it, or it lies below or above the folder of keys or state, so nothing there is removed; say a folder of its own", .0.display())]
pub(crate) struct Named(PathBuf);

/// Refuses folders that hold the settings themselves, or that another setting or a flag names, or something in them; and those
/// that lie anywhere below or above one of `private`: keys and state, of whose folders only their owner knows what is old.
pub(crate) fn check(
    swept: &[SweptFolder],
    folder: &Path,
    written: &toml::Value,
    private: &[&Path],
) -> Result<(), Named> {
    let mut named = vec![folder.to_owned()];
    texts(written, &mut |text| named.push(folder.join(text)));
    let named: Vec<_> = named.iter().map(|path| real(path)).collect();
    let private: Vec<_> = private.iter().map(|path| real(path)).collect();
    let touched = |one: &SweptFolder| {
        let swept = real(&one.folder);
        named.iter().any(|named| *named == swept || named.parent() == Some(&swept))
            || private.iter().any(|private| swept.starts_with(private) || private.starts_with(&swept))
    };
    swept.iter().find(|one| touched(one)).map_or(Ok(()), |one| Err(Named(one.folder.clone())))
}

/// Every text of the settings but the swept folders' own.
fn texts(value: &toml::Value, take: &mut impl FnMut(&str)) {
    match value {
        toml::Value::String(text) => take(text),
        toml::Value::Array(all) => all.iter().for_each(|one| texts(one, take)),
        toml::Value::Table(table) => {
            table.iter().filter(|(key, _)| *key != "swept").for_each(|(_, one)| texts(one, take));
        }
        _ => {}
    }
}

/// Where a path leads; below the last folder that is there, as it is written.
fn real(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let there = path.ancestors().find_map(|above| Some((above, above.canonicalize().ok()?)));
    match there.and_then(|(above, leads_to)| Some((leads_to, path.strip_prefix(above).ok()?))) {
        // Joined with nothing it would end in a slash.
        Some((leads_to, below)) if below.as_os_str().is_empty() => leads_to,
        Some((leads_to, below)) => leads_to.join(below),
        None => path,
    }
}

impl SweptFolder {
    pub(crate) fn new(folder: PathBuf, days: u16) -> Result<Self, NoDays> {
        if (1..=KEPT_DAYS_MAX).contains(&days) { Ok(Self { folder, days }) } else { Err(NoDays) }
    }

    /// The files that are too old at this moment.
    pub(crate) fn old(&self, now: SystemTime) -> io::Result<Vec<PathBuf>> {
        let kept_for = Duration::from_hours(24 * u64::from(self.days));
        let Some(before) = now.checked_sub(kept_for) else { return Ok(Vec::new()) };
        let mut old = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            // Of a link this is the link itself, which is no file.
            let about = entry.metadata()?;
            if about.is_file() && about.modified()? < before {
                old.push(entry.path());
            }
        }
        Ok(old)
    }

    /// Removes them; says how many.
    fn sweep(&self, now: SystemTime) -> io::Result<usize> {
        let old = self.old(now)?;
        for file in &old {
            remove(file)?;
        }
        Ok(old.len())
    }
}

/// Somebody else may have been quicker.
fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Sweeps these folders now and every hour, until this is dropped.
#[derive(Debug)]
pub(crate) struct Sweeping(JoinHandle<()>);

impl Sweeping {
    pub(crate) fn of(folders: Vec<SweptFolder>) -> Self {
        Self(tokio::spawn(async move {
            let mut hour = tokio::time::interval(SWEEP_EVERY);
            while !folders.is_empty() {
                hour.tick().await;
                let folders = folders.clone();
                // Whatever comes of it was said.
                let _ = tokio::task::spawn_blocking(move || folders.iter().for_each(sweep_one)).await;
            }
        }))
    }
}

impl Drop for Sweeping {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn sweep_one(swept: &SweptFolder) {
    let folder = swept.folder.display();
    match swept.sweep(SystemTime::now()) {
        Ok(0) => {}
        Ok(files) => tracing::info!(%folder, files, "files older than their time are removed"),
        Err(error) => {
            tracing::warn!(%folder, %error, "a folder cannot be swept; its files stay until it can");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_hours(24);

    #[test]
    fn only_old_files_of_the_folder_itself_go() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let now = SystemTime::now();
        for (name, age) in [("old.log", DAY * 15), ("young.log", DAY * 13)] {
            let file = fs::File::create(at(name)).unwrap();
            file.set_modified(now - age).unwrap();
        }
        fs::create_dir(at("below")).unwrap();
        fs::File::create(at("below/old.log")).unwrap().set_modified(now - DAY * 15).unwrap();
        let elsewhere = tempfile::NamedTempFile::new().unwrap();
        elsewhere.as_file().set_modified(now - DAY * 15).unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), at("link")).unwrap();
        let swept = SweptFolder::new(folder.path().into(), 14).unwrap();
        assert_eq!(swept.sweep(now).unwrap(), 1);
        assert!(!at("old.log").exists() && at("young.log").exists() && at("below/old.log").exists());
        assert!(elsewhere.path().exists() && at("link").exists());
        assert_eq!(swept.sweep(now).unwrap(), 0);
    }

    #[test]
    fn a_folder_where_another_setting_has_something_is_never_swept() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["keys", "inbox/set-aside", "tables", "logs", "state/school-01AA00", "keys/below/it"] {
            fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        std::os::unix::fs::symlink(folder.path().join("keys"), folder.path().join("other")).unwrap();
        let written = "[relay]\nkeys = \"keys\"\nswept = [{ folder = \"logs\", days = 14 }]\n[police]\ninbox = \"inbox\"\n\
                       [municipality]\nschools = \"tables/schools.csv\"\n";
        let written: toml::Value = toml::from_str(written).unwrap();
        let private = ["keys", "state", "far/off/kept"].map(|name| folder.path().join(name));
        let refused = |name: &str| {
            let swept = SweptFolder::new(folder.path().join(name), 14).unwrap();
            check(&[swept], folder.path(), &written, &private.each_ref().map(PathBuf::as_path)).is_err()
        };
        for name in ["keys", "other", "inbox", "tables", "state", "."] {
            assert!(refused(name), "{name}");
        }
        for name in
            ["keys/below/it", "other/below", "other/new/one", "state/school-01AA00", "state/new", "far"]
        {
            assert!(refused(name), "{name}: it lies below or above a folder of keys or state");
        }
        // What was set aside may be swept, for it lies beside the inbox's own files and not among keys.
        for name in ["logs", "inbox/set-aside", "kept"] {
            assert!(!refused(name), "{name}");
        }
    }

    #[test]
    fn a_number_of_days_that_is_none_is_refused() {
        for days in [0, KEPT_DAYS_MAX + 1] {
            assert_eq!(SweptFolder::new("logs".into(), days), Err(NoDays));
        }
    }
}
