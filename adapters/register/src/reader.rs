//! The register for a municipality's process: looks children up, and notices when somebody imports.
//!
//! Each look is one snapshot. It asks the database for the rows that share a name and the date of birth with a child, by
//! numbers that follow from them; which of these rows it is, if any, casework decides, as it does over a table in memory.

use std::{
    collections::BTreeSet,
    ops::Deref,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hwc_casework::routing::Enrolments;
use hwc_municipality::{NoView, Registry, Settings};
use hwc_schemas::{person::Child, report::MunicipalityCode};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use tokio::sync::watch;

use crate::{
    Directory, Pupil,
    database::{For, Place, Pool},
    fault::{Fault, RegisterError},
    rows,
};

/// How often somebody looks whether somebody imported.
pub const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Rows that could be one child; more is no register.
pub const ALIKE_MAX: usize = 2_000;

/// What a reader is to know besides the database.
#[derive(Debug, Clone)]
pub struct Reading {
    /// The municipality whose pupils are searched, and no other's (R16).
    pub own: MunicipalityCode,
    /// Where a school must lie (R15).
    pub region: BTreeSet<MunicipalityCode>,
    /// The local time zone.
    pub zone: TimeZone,
    /// Enrolments that were last imported so many days ago raise an alarm.
    pub stale_after_days: u16,
}

/// A register that is looked in. Cheap to clone.
#[derive(Clone)]
pub struct Reader {
    inner: Arc<Inner>,
}

struct Inner {
    pool: Pool,
    reading: Reading,
    /// The directory of this version, so that it is not read again for every child.
    directory: Mutex<Option<(i64, Arc<Directory>)>>,
    seen: watch::Sender<Option<Seen>>,
    problem: watch::Sender<Option<String>>,
    imported_at: watch::Sender<Option<Timestamp>>,
}

/// Which version of the register was seen, and on which day: an enrolment may begin or end at midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    version: i64,
    day: Date,
}

/// What one look found: the pupils that a child could be, and the schools, of one snapshot.
pub struct View {
    settings: Settings,
    seen: Seen,
}

impl Deref for View {
    type Target = Settings;
    fn deref(&self) -> &Settings {
        &self.settings
    }
}

impl Reader {
    /// Opens a register to look in. One that cannot be reached now is tried again; one that this program cannot use is
    /// refused.
    pub async fn open(place: &Place, reading: Reading) -> Result<Self, RegisterError> {
        let inner = Inner {
            pool: Pool::open(place, For::Reading).await?,
            reading,
            directory: Mutex::default(),
            seen: watch::channel(None).0,
            problem: watch::channel(None).0,
            imported_at: watch::channel(None).0,
        };
        let new = Self { inner: Arc::new(inner) };
        match new.inner.look_again(Timestamp::now()).await {
            Ok(()) | Err(RegisterError::Database(Fault::Away(_) | Fault::Busy)) => {}
            Err(error) => return Err(error),
        }
        let watched = Arc::downgrade(&new.inner);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(LOOK_EVERY).await;
                // Nobody looks in it any more.
                let Some(inner) = watched.upgrade() else { return };
                // What is wrong stands in `problem`.
                let _ = inner.look_again(Timestamp::now()).await;
            }
        });
        Ok(new)
    }

    /// Why nobody should rely on the register just now; none when all is well.
    pub fn problem(&self) -> watch::Receiver<Option<String>> {
        self.inner.problem.subscribe()
    }

    /// When enrolments were last imported.
    pub fn imported_at(&self) -> watch::Receiver<Option<Timestamp>> {
        self.inner.imported_at.subscribe()
    }

    /// The pupils that a child could be, and the schools, as they are on the local day of this moment.
    pub async fn view(&self, child: &Child, now: Timestamp) -> Result<View, RegisterError> {
        let Inner { pool, reading, .. } = &*self.inner;
        let today = reading.zone.to_datetime(now).date();
        let (head, alike) = rows::head_and_alike(pool, reading.own, child, ALIKE_MAX).await?;
        let version = head.usable()?.version;
        let (version, directory, alike) = match self.inner.directory_of(version) {
            Some(directory) => (version, directory, alike),
            // Another version than the last one: all of it by one snapshot.
            None => self.inner.all_anew(child).await?,
        };
        let seen = Seen { version, day: today };
        self.inner.saw(seen);
        let enrolments = alike.into_iter().filter_map(|pupil| pupil.on(today, &directory)).collect();
        let settings = Settings {
            enrolments: Enrolments::new(enrolments),
            schools: directory.on(today),
            region: reading.region.clone(),
            zone: reading.zone.clone(),
        };
        Ok(View { settings, seen })
    }
}

impl Inner {
    /// Looks whether somebody imported, and how old the register is.
    async fn look_again(&self, now: Timestamp) -> Result<(), RegisterError> {
        let looked = self.standing().await;
        let problem = match &looked {
            Ok((_, None)) => Some(RegisterError::NeverImported.to_string()),
            Ok((_, Some(at))) => stale(*at, now, self.reading.stale_after_days),
            Err(error) => Some(error.to_string()),
        };
        self.problem.send_if_modified(|before| {
            let other = *before != problem;
            if other {
                before.clone_from(&problem);
            }
            other
        });
        let (version, imported_at) = looked?;
        self.imported_at.send_replace(imported_at);
        self.saw(Seen { version, day: self.reading.zone.to_datetime(now).date() });
        Ok(())
    }

    /// The version, its directory and whoever could be this child, by one snapshot.
    async fn all_anew(&self, child: &Child) -> Result<(i64, Arc<Directory>, Vec<Pupil>), RegisterError> {
        let Self { pool, reading, .. } = self;
        let mut tx = pool.snapshot().await?;
        let version = rows::head(&mut tx).await?.usable()?.version;
        // An empty register would make every child one that is enrolled nowhere.
        rows::imported_at(&mut tx, reading.own).await?.ok_or(RegisterError::NeverImported)?;
        let directory = Arc::new(rows::directory(&mut tx).await?);
        let alike = rows::alike(&mut tx, reading.own, child, ALIKE_MAX).await?;
        tx.commit().await?;
        self.keep_directory(version, &directory);
        Ok((version, directory, alike.into_iter().map(|(_, pupil)| pupil).collect()))
    }

    async fn standing(&self) -> Result<(i64, Option<Timestamp>), RegisterError> {
        let mut tx = self.pool.snapshot().await?;
        let version = rows::head(&mut tx).await?.usable()?.version;
        let imported_at = rows::imported_at(&mut tx, self.reading.own).await?;
        tx.commit().await?;
        Ok((version, imported_at))
    }

    fn saw(&self, seen: Seen) {
        self.seen.send_if_modified(|before| {
            let other = *before != Some(seen);
            *before = Some(seen);
            other
        });
    }

    fn directory_of(&self, version: i64) -> Option<Arc<Directory>> {
        let kept = self.directory.lock().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().filter(|(of, _)| *of == version).map(|(_, directory)| Arc::clone(directory))
    }

    fn keep_directory(&self, version: i64, directory: &Arc<Directory>) {
        let mut kept = self.directory.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = Some((version, Arc::clone(directory)));
    }
}

/// What to say of enrolments of this age; nothing while they are fresh.
pub fn stale(imported_at: Timestamp, now: Timestamp, stale_after_days: u16) -> Option<String> {
    let days = now.duration_since(imported_at).as_hours() / 24;
    (days >= i64::from(stale_after_days))
        .then(|| format!("enrolments were last imported {days} days ago; import them again"))
}

impl Registry for Reader {
    type View = View;

    async fn look(&self, child: &Child, now: Timestamp) -> Result<View, NoView> {
        self.view(child, now).await.map_err(|error| {
            tracing::error!(%error, "nobody can be looked up; the signal waits");
            NoView("the register cannot be used just now")
        })
    }

    async fn changed_from(&self, view: &View) {
        let mut seen = self.inner.seen.subscribe();
        if seen.wait_for(|seen| seen.is_some_and(|seen| seen != view.seen)).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
