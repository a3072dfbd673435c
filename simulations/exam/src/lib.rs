//! The exam of an integrator's adapter, whatever language it is written in: `docs/exam.md`.
//!
//! * [`CASES`]: what is put to it, as data, each with its rule; [`Verdict`]: what came of one.
//! * [`Paper`]: who is under exam and how it is run; [`hold`]: the exam; [`Report`]: what came of it.
//!
//! The adapter is a process of its own that sees one broker, set up as `hwc operator` sets up a real one. Behind its doors stands the
//! exam: it passes on what is said to a real engine, keeps a record, and does what a bad day does, at the moment that a case wants.
//! Everybody else of the region is played.

mod case;
mod ground;
mod inside;
mod people;
mod porter;
mod put;
mod record;
mod report;
mod rest;
mod schema;
mod subject;
mod trial;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use hwc_schemas::Role;

pub use case::{CASES, Case, Verdict};
pub use report::{Line, Report};
pub use subject::Actions;

/// Who is under exam, and how.
#[derive(Debug, Clone)]
pub struct Paper {
    /// As whom it takes part.
    pub role: Role,
    /// The file that the exam writes for it: settings, and where its credentials lie.
    pub credentials: PathBuf,
    /// The command that runs the adapter; none if somebody else starts it.
    pub adapter: Option<String>,
    /// What its people do.
    pub actions: Actions,
    /// Only these cases; all if there are none.
    pub only: Vec<String>,
    /// But not these.
    pub except: Vec<String>,
    /// Files and folders that it writes and that are searched for names, beside its output and its state.
    pub logs: Vec<PathBuf>,
    /// How long it may take for something that it should do.
    pub patience: Duration,
    /// How long after its signal ended a key is destroyed; what takes this patience is left out if nobody says it.
    pub keys_within: Option<Duration>,
    /// The program `hwc`, whose engine is used.
    pub engine: PathBuf,
    /// A nats-server to use instead of finding or fetching the pinned one.
    pub nats_server: Option<PathBuf>,
}

/// Why there is no exam. It is no verdict on the adapter.
#[derive(Debug, thiserror::Error)]
pub enum ExamError {
    /// A file or folder.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Something is there that no exam wrote.
    #[error("{} is there and no exam wrote it; name another file for --credentials", .0.display())]
    NotOurs(PathBuf),
    /// There is no such case.
    #[error("there is no case {0:?}; hwc exam --list shows all")]
    NoCase(String),
    /// The adapter's command cannot be run.
    #[error("the adapter cannot be started: {0}")]
    Adapter(String),
    /// The exam's own region.
    #[error("the exam's region cannot be set up: {0}")]
    Set(String),
    /// The operator's desk.
    #[error(transparent)]
    Operator(#[from] hwc_operator::OperatorError),
    /// A broker.
    #[error(transparent)]
    Broker(#[from] hwc_broker::BrokerError),
    /// A door.
    #[error(transparent)]
    Door(#[from] hwc_adapter_kit::door::DoorError),
    /// The broker does not do what it must.
    #[error(transparent)]
    Fault(#[from] hwc_jetstream::Fault),
}

impl ExamError {
    /// Something of the exam's own region does not work.
    pub(crate) fn set(error: impl std::fmt::Display) -> Self {
        Self::Set(error.to_string())
    }

    pub(crate) fn at(path: &Path) -> impl Fn(std::io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::File { path: path.clone(), source }
    }
}

/// What is said while the exam goes on.
#[derive(Debug)]
pub enum News<'a> {
    /// The file is written, the broker is up: the adapter may connect.
    Ready(&'a Path),
    /// A case is put.
    Putting(&'a Case),
    /// What came of it.
    Came(&'a Line),
}

/// Holds the exam.
pub async fn hold(paper: &Paper, mut tell: impl FnMut(News<'_>)) -> Result<Report, ExamError> {
    for name in paper.only.iter().chain(&paper.except) {
        if Case::named(name).is_none() {
            return Err(ExamError::NoCase(name.clone()));
        }
    }
    let ground = ground::Ground::prepare(paper).await?;
    tell(News::Ready(&paper.credentials));
    let mut trial = trial::Trial::begin(paper, ground)?;
    let mut report = Report::of(paper.role);
    let wanted = |case: &Case| {
        let named = |names: &[String]| names.iter().any(|name| name == case.name);
        let has_patience = !case.takes_patience() || paper.keys_within.is_some();
        (paper.only.is_empty() || named(&paper.only)) && !named(&paper.except) && has_patience
    };
    for case in CASES.iter().filter(|case| case.concerns(paper.role)) {
        let line = if wanted(case) {
            tell(News::Putting(case));
            let since = std::time::Instant::now();
            let verdict = put::put(&mut trial, case).await?;
            Line { case, verdict, took: since.elapsed() }
        } else {
            Line { case, verdict: Verdict::LeftOut, took: Duration::ZERO }
        };
        tell(News::Came(&line));
        report.lines.push(line);
    }
    trial.end().await;
    Ok(report)
}
