//! Files that may change while a process runs.

use std::{fs, path::PathBuf, time::SystemTime};

/// Files, and how they last looked.
#[derive(Debug)]
pub(crate) struct Watched {
    files: Vec<PathBuf>,
    looked: Vec<Option<(SystemTime, u64)>>,
}

impl Watched {
    /// Watches these from now on; a file may be missing.
    pub(crate) fn new(files: Vec<PathBuf>) -> Self {
        let looked = look(&files);
        Self { files, looked }
    }

    /// Whether any of them looks different from when this was last asked: by its time and size.
    pub(crate) fn changed(&mut self) -> bool {
        let now = look(&self.files);
        let changed = now != self.looked;
        self.looked = now;
        changed
    }
}

fn look(files: &[PathBuf]) -> Vec<Option<(SystemTime, u64)>> {
    let one = |path: &PathBuf| {
        let found = fs::metadata(path).ok()?;
        Some((found.modified().ok()?, found.len()))
    };
    files.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_written_comes_or_goes_has_changed_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let mut watched = Watched::new(vec![path.clone()]);
        assert!(!watched.changed());
        fs::write(&path, "a").unwrap();
        assert!(watched.changed() && !watched.changed());
        fs::write(&path, "ab").unwrap();
        assert!(watched.changed() && !watched.changed());
        fs::remove_file(&path).unwrap();
        assert!(watched.changed() && !watched.changed());
    }
}
