//! How the register stands, looked at again and again for whoever asks at the counter; and what the last import on this machine
//! did: numbers and times only.

use std::{
    fs::{self, DirBuilder},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use hwc_municipality::{Import, ImportCounts, RegisterStanding};
use hwc_register::{Place, Register, stale};
use hwc_schemas::{message, report::MunicipalityCode};
use jiff::{Timestamp, tz::TimeZone};
use tokio::sync::watch;

use super::municipality::Tables;

/// How often it is looked.
const LOOK_EVERY: Duration = Duration::from_secs(15);
/// What the last import did, in the state folder.
const LAST_IMPORT: &str = "last-import.json";
/// Largest such file, in bytes.
const LAST_IMPORT_BYTES_MAX: u64 = 4 * 1024;

/// Of a register in a database.
pub(super) fn of_a_database(
    place: Place,
    own: MunicipalityCode,
    stale_after_days: u16,
    state_dir: PathBuf,
    zone: TimeZone,
) -> watch::Receiver<RegisterStanding> {
    looking(move || {
        let (place, state_dir, zone) = (place.clone(), state_dir.clone(), zone.clone());
        async move {
            let now = Timestamp::now();
            let mut stands = RegisterStanding {
                looked_at: Some(now),
                in_a_database: true,
                stale_after_days: Some(stale_after_days),
                last: last_import(&state_dir),
                ..RegisterStanding::default()
            };
            let looked = async {
                let register = Register::open_to_ask(&place, own).await?;
                let standing = register.standing(zone.to_datetime(now).date()).await;
                register.close().await;
                standing
            };
            match looked.await {
                Ok(standing) => {
                    stands.pupils = Some(standing.pupils);
                    stands.schools = Some(standing.schools);
                    stands.participating = Some(standing.participating);
                    stands.imported_at = standing.imported_at;
                    stands.stale =
                        standing.imported_at.is_none_or(|at| stale(at, now, stale_after_days).is_some());
                }
                Err(error) => stands.problem = Some(error.to_string()),
            }
            stands
        }
    })
}

/// Of two files.
pub(super) fn of_files(
    tables: &Tables,
    problem: watch::Receiver<Option<String>>,
) -> watch::Receiver<RegisterStanding> {
    let enrolments = tables.enrolments.clone();
    looking(move || {
        let changed = fs::metadata(&enrolments).and_then(|file| file.modified()).ok();
        let stands = RegisterStanding {
            looked_at: Some(Timestamp::now()),
            imported_at: changed.and_then(|at| Timestamp::try_from(at).ok()),
            problem: problem.borrow().clone(),
            ..RegisterStanding::default()
        };
        std::future::ready(stands)
    })
}

/// Looks for as long as anybody listens.
fn looking<F, L>(look: F) -> watch::Receiver<RegisterStanding>
where
    F: Fn() -> L + Send + 'static,
    L: Future<Output = RegisterStanding> + Send,
{
    let (tell, stands) = watch::channel(RegisterStanding::default());
    tokio::spawn(async move {
        loop {
            tell.send_replace(look().await);
            tokio::select! {
                () = tell.closed() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    });
    stands
}

/// Remembers what an import did. That it cannot be remembered undoes nothing.
pub(super) fn note_import(state_dir: &Path, at: Timestamp, full: bool, counts: ImportCounts) {
    let written = DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(state_dir)
        .map_err(|error| error.to_string())
        .and_then(|()| serde_json::to_vec(&Import { at, full, counts }).map_err(|error| error.to_string()))
        .and_then(|text| {
            hwc_vault::replace(&state_dir.join(LAST_IMPORT), &text).map_err(|error| error.to_string())
        });
    if let Err(error) = written {
        tracing::warn!(error, "what the import did is not remembered for the desk");
    }
}

fn last_import(state_dir: &Path) -> Option<Import> {
    let path = state_dir.join(LAST_IMPORT);
    let size = fs::metadata(&path).ok()?.len();
    let text = (size <= LAST_IMPORT_BYTES_MAX).then(|| fs::read(&path).ok()).flatten()?;
    message::read(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_last_import_did_is_read_again_and_a_broken_or_huge_file_says_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        assert!(last_import(&state).is_none());
        let at = Timestamp::UNIX_EPOCH;
        let counts = ImportCounts { rows: 7, new: 2, ..ImportCounts::default() };
        note_import(&state, at, true, counts);
        assert_eq!(last_import(&state), Some(Import { at, full: true, counts }));
        for broken in ["{".to_owned(), " ".repeat(5_000)] {
            fs::write(state.join(LAST_IMPORT), broken).unwrap();
            assert!(last_import(&state).is_none());
        }
    }
}
