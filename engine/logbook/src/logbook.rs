//! The processing log of one organisation.

use std::{
    collections::{HashMap, HashSet},
    fs::{self, DirBuilder, File, Permissions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use hwc_telemetry::processing::{Line, Status};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use tokio::sync::{Notify, watch};

use crate::{
    day, lines,
    step::{Activities, Step},
    subject::{Leaves, Subject},
};

/// One processing of one signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Processing {
    /// What is done.
    pub step: Step,
    /// Of which signal; of a report while its children are not told apart.
    pub subject: Subject,
    /// Which time round; 0 where there are no rounds.
    pub round: u16,
}

/// Why a processing log cannot be kept. Matters to whoever runs the process.
#[derive(Debug, thiserror::Error)]
pub enum LogbookError {
    /// The folder.
    #[error("the processing log in {path} cannot be kept: {source}")]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process writes it.
    #[error("the processing log in {0} is written by another process; hand the work to that one, or stop it")]
    InUse(PathBuf),
}

/// How long a line that cannot be written waits before it is tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// A processing log. Cheap to clone.
#[derive(Clone)]
pub struct Logbook(Arc<Inner>);

struct Inner {
    folder: PathBuf,
    activities: Activities,
    days_kept: u16,
    state: Mutex<State>,
    /// Lines were written.
    pub(crate) written: Notify,
    /// Something may have ended.
    ended: Notify,
    trouble: watch::Sender<Option<String>>,
    _held: File,
}

struct State {
    leaves: Leaves,
    /// The spans of every line that is there.
    spans: HashSet<[u8; 8]>,
    /// When each subject was last used by this process.
    used: HashMap<Subject, Instant>,
    opened: Instant,
}

/// A code that lives.
#[derive(Debug, Clone, Copy)]
pub struct Using {
    /// Whose code it is.
    pub subject: Subject,
    /// For how long nobody used it: since the process began if it did not.
    pub idle: Duration,
}

/// The ids of the lines that can be read.
fn spans_in(bytes: &[u8]) -> impl Iterator<Item = [u8; 8]> + '_ {
    let lines = bytes.split(|byte| *byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok());
    lines.filter_map(Line::read).map(|line| line.span.to_bytes())
}

impl Logbook {
    /// Opens the log in a folder of its own, mends what a crash tore off, and forgets what is too old. `today` is in UTC.
    pub fn open(
        folder: &Path,
        activities: Activities,
        days_kept: u16,
        today: Date,
    ) -> Result<Self, LogbookError> {
        let failed = |source| LogbookError::Folder { path: folder.into(), source };
        private_folder(folder).map_err(failed)?;
        let lock = folder.join("lock");
        let held = File::options().create(true).truncate(false).write(true).open(lock).map_err(failed)?;
        match held.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(LogbookError::InUse(folder.into())),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        day::forget(folder, today, days_kept).map_err(failed)?;
        let leaves = Leaves::open(folder.join("subjects")).map_err(failed)?;
        let mut spans = HashSet::new();
        for day in day::days(folder).map_err(failed)? {
            let path = day::file(folder, day);
            // Mends it. What a disk spoiled keeps nobody from working: at worst a line of it is written twice.
            match lines::last(&path).and_then(|_| fs::read(&path)) {
                Ok(bytes) => spans.extend(spans_in(&bytes)),
                Err(error) => tracing::error!(%day, %error, "a day of the processing log cannot be read"),
            }
        }
        let state = State { leaves, spans, used: HashMap::new(), opened: Instant::now() };
        let inner = Inner {
            folder: folder.into(),
            activities,
            days_kept,
            state: Mutex::new(state),
            written: Notify::new(),
            ended: Notify::new(),
            trouble: watch::Sender::new(None),
            _held: held,
        };
        Ok(Self(Arc::new(inner)))
    }

    /// Writes a line for each, and returns when they are on the disk: only then may it be done. A line that is there already is not
    /// written again. While it cannot be written it is tried again, for as long as it takes, and [`Logbook::trouble`] says why.
    pub async fn note(&self, processed: Vec<Processing>, now: Timestamp) {
        if processed.is_empty() {
            return;
        }
        let processed = Arc::new(processed);
        loop {
            let (logbook, some) = (self.clone(), Arc::clone(&processed));
            // A write that was given up half way, by whoever was dropped, is finished all the same, or is none.
            let written = tokio::task::spawn_blocking(move || logbook.write(&some, now)).await;
            let error = match written {
                Ok(Ok(())) => break,
                Ok(Err(error)) => error.to_string(),
                // Only at the end of the program, or after a panic.
                Err(_) => "the program ends".to_owned(),
            };
            let problem = format!("the processing log cannot be written, so nothing is processed: {error}");
            tracing::error!("{problem}");
            self.0.trouble.send_replace(Some(problem));
            tokio::time::sleep(AGAIN_AFTER).await;
        }
        self.0.trouble.send_if_modified(|trouble| trouble.take().is_some());
        self.0.written.notify_one();
        if processed.iter().any(|one| one.step != Step::Open && one.step != Step::LookUp) {
            self.0.ended.notify_one();
        }
    }

    /// The same, once and waiting.
    fn write(&self, processed: &[Processing], now: Timestamp) -> io::Result<()> {
        let mut state = self.lock();
        let today = TimeZone::UTC.to_datetime(now).date();
        let (mut text, mut spans) = (Vec::new(), Vec::new());
        for one in processed {
            state.used.insert(one.subject, Instant::now());
            let leaf = state.leaves.of(one.subject)?;
            let span = leaf.span(one.step, one.round);
            if state.spans.contains(&span) || spans.contains(&span) {
                continue;
            }
            let parent = one.step.after().map(|step| leaf.span(step, one.round));
            let parent = parent.filter(|parent| state.spans.contains(parent) || spans.contains(parent));
            let (Ok(trace), Some(activity)) = (leaf.trace.parse(), self.0.activities.uri(one.step)) else {
                return Err(io::Error::other("a code is no code, or a step is not of this role"));
            };
            let Some(span_id) = hwc_schemas::SpanId::from_bytes(span) else { continue };
            let line = Line {
                trace,
                span: span_id,
                parent: parent.and_then(hwc_schemas::SpanId::from_bytes),
                status: Status::Unset,
                name: one.step.as_str().to_owned(),
                day: today,
                activity: activity.to_owned(),
                // The children of a report that was only opened are not told apart: it is about nobody yet.
                subject: one.subject.number.map(|_| leaf.code.clone()),
                role: self.0.activities.role(),
            };
            text.extend(line.written());
            text.push(b'\n');
            spans.push(span);
        }
        if text.is_empty() {
            return Ok(());
        }
        // A clock that was set back does not write behind what was carried already.
        let newest = day::days(&self.0.folder)?.last().copied().unwrap_or(today);
        lines::append(&day::file(&self.0.folder, newest.max(today)), &text)?;
        state.spans.extend(spans);
        Ok(())
    }

    /// Whose codes live.
    pub fn living(&self) -> Vec<Using> {
        let state = self.lock();
        let using = |subject: Subject| {
            let since = state.used.get(&subject).unwrap_or(&state.opened);
            Using { subject, idle: since.elapsed() }
        };
        state.leaves.subjects().map(using).collect()
    }

    /// These ended: their codes are erased, and nobody can say any more whom their lines are about.
    pub fn forget(&self, ended: &[Subject]) -> io::Result<()> {
        let mut state = self.lock();
        for subject in ended {
            state.leaves.forget(*subject)?;
            state.used.remove(subject);
        }
        Ok(())
    }

    /// Waits until something was done that may end a signal.
    pub async fn something_ends(&self) {
        self.0.ended.notified().await;
    }

    /// Removes what is older than is kept. `today` is in UTC.
    pub fn sweep(&self, today: Date) -> io::Result<()> {
        let _alone = self.lock();
        match day::forget(&self.0.folder, today, self.0.days_kept)? {
            0 => {}
            days => tracing::info!(days, "days of the processing log are over their time and removed"),
        }
        Ok(())
    }

    /// Why no line can be written, or none is taken by the collector, at this moment; nothing if all is well.
    pub fn trouble(&self) -> watch::Receiver<Option<String>> {
        self.0.trouble.subscribe()
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.0.folder
    }

    pub(crate) async fn something_written(&self) {
        self.0.written.notified().await;
    }

    pub(crate) fn has_trouble(&self, problem: Option<String>) {
        self.0.trouble.send_if_modified(|trouble| {
            let other = *trouble != problem;
            *trouble = problem;
            other
        });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes a folder that nobody else can look into.
pub(crate) fn private_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o700))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use hwc_schemas::{Role, SignalNumber};

    use super::*;

    const INCIDENT: &str = "00112233445566778899aabbccddeeff";

    fn school() -> Activities {
        let uris = Step::of(Role::School).iter().map(|step| (*step, format!("https://example.nl/{step}")));
        Activities::new(Role::School, uris.collect::<BTreeMap<_, _>>()).unwrap()
    }

    fn now() -> Timestamp {
        "2026-11-23T07:05:12Z".parse().unwrap()
    }

    fn open(folder: &Path) -> Logbook {
        Logbook::open(folder, school(), 365, now().to_zoned(TimeZone::UTC).date()).unwrap()
    }

    fn subject(number: usize) -> Subject {
        Subject { incident: INCIDENT.parse().unwrap(), number: SignalNumber::at(number) }
    }

    fn of(step: Step) -> Processing {
        Processing { step, subject: subject(0), round: 1 }
    }

    fn written(folder: &Path) -> Vec<Line> {
        let text = fs::read_to_string(folder.join("2026-11-23.jsonl")).unwrap();
        assert!(!text.contains(INCIDENT) && !text.contains("07:05"), "{text}");
        text.lines().map(|line| Line::read(line).unwrap()).collect()
    }

    #[tokio::test]
    async fn a_processing_is_one_line_however_often_it_is_begun_and_whoever_is_killed() {
        let folder = tempfile::tempdir().unwrap();
        for life in 0..3 {
            let logbook = open(folder.path());
            logbook.note(vec![of(Step::Open)], now()).await;
            logbook.note(vec![of(Step::Open), of(Step::Open)], now()).await;
            if life > 0 {
                logbook.note(vec![of(Step::Acknowledge)], now()).await;
            }
        }
        let [opened, acknowledged] = <[Line; 2]>::try_from(written(folder.path())).unwrap();
        assert_eq!((opened.name.as_str(), acknowledged.name.as_str()), ("open", "acknowledge"));
        assert_eq!((opened.trace, opened.subject), (acknowledged.trace, acknowledged.subject));
        assert_eq!((opened.parent, acknowledged.parent), (None, Some(opened.span)));
        assert_eq!(acknowledged.activity, "https://example.nl/acknowledge");
    }

    #[tokio::test]
    async fn a_line_that_was_torn_is_written_again_as_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let logbook = open(folder.path());
        logbook.note(vec![of(Step::Open)], now()).await;
        logbook.note(vec![of(Step::Acknowledge)], now()).await;
        drop(logbook);
        let path = folder.path().join("2026-11-23.jsonl");
        let whole = fs::read(&path).unwrap();
        for cut in 1..60 {
            fs::write(&path, &whole[..whole.len() - cut]).unwrap();
            let logbook = open(folder.path());
            logbook.note(vec![of(Step::Acknowledge)], now()).await;
            assert_eq!(fs::read(&path).unwrap(), whole, "{cut} bytes were torn off");
        }
    }

    #[tokio::test]
    async fn a_byte_that_a_disk_spoiled_keeps_nobody_from_working_and_the_other_lines_count() {
        let folder = tempfile::tempdir().unwrap();
        let logbook = open(folder.path());
        logbook.note(vec![of(Step::Open)], now()).await;
        logbook.note(vec![of(Step::Acknowledge)], now()).await;
        drop(logbook);
        let path = folder.path().join("2026-11-23.jsonl");
        let mut spoiled = fs::read(&path).unwrap();
        spoiled[20] = 0xff;
        fs::write(&path, &spoiled).unwrap();
        let logbook = open(folder.path());
        logbook.note(vec![of(Step::Acknowledge)], now()).await;
        assert_eq!(fs::read(&path).unwrap(), spoiled, "it was there already");
        logbook.note(vec![of(Step::Open)], now()).await;
        assert!(fs::read(&path).unwrap().len() > spoiled.len(), "what cannot be read is written again");
    }

    #[tokio::test]
    async fn after_the_end_the_code_is_nowhere_but_in_the_lines() {
        let folder = tempfile::tempdir().unwrap();
        let logbook = open(folder.path());
        logbook.note(vec![of(Step::Open)], now()).await;
        let other = Processing { subject: subject(1), ..of(Step::Open) };
        logbook.note(vec![other], now()).await;
        let living: Vec<_> = logbook.living().into_iter().map(|one| one.subject).collect();
        assert_eq!(living, [subject(0), subject(1)]);
        logbook.forget(&[subject(0)]).unwrap();
        let left = fs::read_dir(folder.path().join("subjects")).unwrap();
        let left: Vec<_> = left.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        assert_eq!(left, [format!("{INCIDENT}-2")], "a sister's code lives on");
        let [first, second] = <[Line; 2]>::try_from(written(folder.path())).unwrap();
        assert!(first.subject != second.subject && first.trace != second.trace, "nothing ties two children");
    }

    #[tokio::test]
    async fn what_cannot_be_written_is_kept_and_tried_again_until_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let logbook = open(folder.path());
        let in_the_way = folder.path().join("2026-11-23.jsonl");
        fs::create_dir(&in_the_way).unwrap();
        let mut trouble = logbook.trouble();
        let noting = tokio::spawn({
            let logbook = logbook.clone();
            async move { logbook.note(vec![of(Step::Acknowledge)], now()).await }
        });
        let said = trouble.wait_for(Option::is_some).await.unwrap().clone().unwrap();
        assert!(said.contains("nothing is processed") && !noting.is_finished(), "{said}");
        fs::remove_dir(&in_the_way).unwrap();
        noting.await.unwrap();
        assert_eq!(written(folder.path()).len(), 1);
        assert_eq!(*trouble.borrow(), None);
    }

    #[test]
    fn only_one_process_writes_it() {
        let folder = tempfile::tempdir().unwrap();
        let _first = open(folder.path());
        let second = Logbook::open(folder.path(), school(), 365, Date::MIN);
        assert!(matches!(second, Err(LogbookError::InUse(_))));
    }
}
