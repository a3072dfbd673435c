//! What is read from files, and read again when they change: a register, a directory of schools.
//!
//! A new version is taken whole or not at all: one that cannot be read is said, and the old one stays in use.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::sync::watch;

/// How often the files are looked at. A version is read once it has not changed between two looks, so that a file which is
/// written in place is not read in the middle.
pub const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The present version. Cheap to clone.
pub struct Kept<T> {
    present: watch::Receiver<Arc<T>>,
    problem: watch::Receiver<Option<String>>,
}

impl<T> Clone for Kept<T> {
    fn clone(&self) -> Self {
        Self { present: self.present.clone(), problem: self.problem.clone() }
    }
}

/// Whoever changes a [`Kept::by_hand`].
pub struct Keeper<T>(watch::Sender<Arc<T>>);

impl<T> Keeper<T> {
    /// From here on this is the present version.
    pub fn replace(&self, value: T) {
        self.0.send_replace(Arc::new(value));
    }
}

/// What is seen of a file without reading it; none while it is not there.
type Look = Option<(u64, u64, i64, i64, i64, i64)>;

impl<T: Send + Sync + 'static> Kept<T> {
    /// One that never changes.
    pub fn fixed(value: T) -> Self {
        Self { present: watch::channel(Arc::new(value)).1, problem: watch::channel(None).1 }
    }

    /// One that changes when its keeper says so: for a program that has it from elsewhere than from files.
    pub fn by_hand(value: T) -> (Keeper<T>, Self) {
        let (tell, present) = watch::channel(Arc::new(value));
        (Keeper(tell), Self { present, problem: watch::channel(None).1 })
    }

    /// Reads these files with a function, and again whenever one of them changes. The first reading must succeed. What the
    /// function says of a file that cannot be read holds nothing of its content.
    pub async fn follow<E: std::fmt::Display + Send + 'static>(
        files: Vec<PathBuf>,
        every: Duration,
        read: impl Fn() -> Result<T, E> + Send + Sync + 'static,
    ) -> Result<Self, E> {
        let read = Arc::new(read);
        let looked = looks(&files);
        let (tell, present) = watch::channel(Arc::new(beside(&read).await?));
        let (complain, problem) = watch::channel(None);
        tokio::spawn(watched(files, looked, every, read, tell, complain));
        Ok(Self { present, problem })
    }

    /// The present version.
    pub fn now(&self) -> Arc<T> {
        Arc::clone(&self.present.borrow())
    }

    /// Returns once there is another version than this one.
    pub async fn changed_from(&self, version: &Arc<T>) {
        let mut present = self.present.clone();
        if present.wait_for(|now| !Arc::ptr_eq(now, version)).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Why the newest version on disk is not the one in use; none when it is.
    pub fn problem(&self) -> watch::Receiver<Option<String>> {
        self.problem.clone()
    }
}

/// Looks until nobody uses it any more.
async fn watched<T: Send + Sync + 'static, E: std::fmt::Display + Send + 'static>(
    files: Vec<PathBuf>,
    mut taken: Vec<Look>,
    every: Duration,
    read: Arc<impl Fn() -> Result<T, E> + Send + Sync + 'static>,
    tell: watch::Sender<Arc<T>>,
    complain: watch::Sender<Option<String>>,
) {
    let mut before = taken.clone();
    loop {
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            () = tell.closed() => return,
        }
        let now = looks(&files);
        let settled = now == before;
        before.clone_from(&now);
        if now == taken || !settled {
            continue;
        }
        let outcome = beside(&read).await;
        // It changed while it was read: whatever was read may be half of it.
        if looks(&files) != now {
            continue;
        }
        taken = now;
        match outcome {
            Ok(version) => {
                tracing::info!("files were read again; the new version is in use");
                tell.send_replace(Arc::new(version));
                complain.send_replace(None);
            }
            Err(error) => {
                tracing::error!(%error, "a new version is not taken; the one before stays in use");
                complain.send_replace(Some(error.to_string()));
            }
        }
    }
}

/// Reads on a thread that may block.
async fn beside<T: Send + 'static, E: Send + 'static>(
    read: &Arc<impl Fn() -> Result<T, E> + Send + Sync + 'static>,
) -> Result<T, E> {
    let reading = tokio::task::spawn_blocking({
        let read = Arc::clone(read);
        move || read()
    });
    match reading.await {
        Ok(outcome) => outcome,
        // It panicked, or the runtime is going: here and now, then.
        Err(_) => read(),
    }
}

fn looks(files: &[PathBuf]) -> Vec<Look> {
    files.iter().map(|file| look(file)).collect()
}

fn look(file: &Path) -> Look {
    let seen = fs::metadata(file).ok()?;
    Some((seen.ino(), seen.size(), seen.mtime(), seen.mtime_nsec(), seen.ctime(), seen.ctime_nsec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_millis(5);

    #[tokio::test]
    async fn one_that_is_kept_by_hand_changes_when_its_keeper_says_so() {
        let (keeper, kept) = Kept::by_hand(1);
        let first = kept.now();
        keeper.replace(2);
        kept.changed_from(&first).await;
        assert_eq!((*first, *kept.now()), (1, 2));
    }

    async fn number(folder: &Path) -> Kept<u32> {
        let file = folder.join("number");
        let read = move || {
            let text = fs::read_to_string(&file).map_err(|error| error.to_string())?;
            text.trim().parse::<u32>().map_err(|_| "number line 1: is no number".to_owned())
        };
        Kept::follow(vec![folder.join("number")], EVERY, read).await.unwrap()
    }

    fn write(folder: &Path, text: &str) {
        fs::write(folder.join("new"), text).unwrap();
        fs::rename(folder.join("new"), folder.join("number")).unwrap();
    }

    #[tokio::test]
    async fn a_new_version_is_taken_and_a_broken_one_is_said_and_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "1");
        let kept = number(folder.path()).await;
        let first = kept.now();
        assert_eq!(*first, 1);
        write(folder.path(), "geheim");
        let mut problem = kept.problem();
        let said = problem.wait_for(Option::is_some).await.unwrap().clone();
        assert_eq!((said.as_deref(), *kept.now()), (Some("number line 1: is no number"), 1));
        write(folder.path(), "2");
        kept.changed_from(&first).await;
        assert_eq!(*kept.now(), 2);
        problem.wait_for(Option::is_none).await.unwrap();
        fs::remove_file(folder.path().join("number")).unwrap();
        problem.wait_for(Option::is_some).await.unwrap();
        assert_eq!(*kept.now(), 2, "what is gone from disk stays in use");
    }

    #[tokio::test]
    async fn what_cannot_be_read_the_first_time_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let read = || Err::<u32, _>("no");
        assert_eq!(Kept::follow(vec![folder.path().join("x")], EVERY, read).await.err(), Some("no"));
    }

    #[tokio::test]
    async fn what_is_fixed_never_changes() {
        let kept = Kept::fixed(7);
        let changed = tokio::time::timeout(EVERY, kept.changed_from(&kept.now())).await;
        assert!(changed.is_err() && kept.problem().borrow().is_none());
    }
}
