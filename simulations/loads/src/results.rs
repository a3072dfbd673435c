//! What a run leaves in a folder: transitions, timings, summary and page.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write as _},
    path::{Path, PathBuf},
};

use hwc_workflow::{calendar::Calendar, policy::Policy};

use crate::{ledger::Timing, plan::Plan, report, run::Ran, summary::Summary};

/// Every transition, one a line.
pub const EVENTS: &str = "events.csv";
/// Every signal, one a line.
pub const TIMINGS: &str = "timings.csv";
/// What it comes to.
pub const SUMMARY: &str = "summary.json";
/// The page.
pub const REPORT: &str = "report.html";
/// The dataset that was run.
pub const DATASET: &str = "dataset";
/// The plan.
pub const PLAN: &str = "plan.toml";

/// A result that could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ResultError {
    /// There is something in the folder.
    #[error("{0}: the folder must be empty or not there yet")]
    NotEmpty(PathBuf),
    /// A file.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A folder for the results of one run.
#[derive(Debug, Clone)]
pub struct Results {
    folder: PathBuf,
}

impl Results {
    /// A folder that is empty or not there yet.
    pub fn prepare(folder: &Path) -> Result<Self, ResultError> {
        let failed = |source| ResultError::File { path: folder.to_owned(), source };
        fs::create_dir_all(folder).map_err(failed)?;
        if fs::read_dir(folder).map_err(failed)?.next().is_some() {
            return Err(ResultError::NotEmpty(folder.to_owned()));
        }
        Ok(Self { folder: folder.to_owned() })
    }

    /// Where a file of this name lies.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The file for the transitions.
    pub fn events(&self) -> Result<BufWriter<File>, ResultError> {
        let path = self.path(EVENTS);
        let file = OpenOptions::new().write(true).create_new(true).open(&path);
        file.map(BufWriter::new).map_err(|source| ResultError::File { path, source })
    }

    /// Writes everything that is known when the run is over.
    pub fn write(
        &self,
        (plan, command): (&Plan, &str),
        (calendar, policy): (&Calendar, &Policy),
        ran: &Ran,
        summary: &Summary,
    ) -> Result<(), ResultError> {
        self.file(TIMINGS, |file| {
            let mut rows = csv::Writer::from_writer(file);
            rows.write_record(Timing::COLUMNS)?;
            for timing in &ran.closed.timings {
                rows.write_record(timing.fields(calendar, policy.school_start()))?;
            }
            rows.flush()
        })?;
        self.file(SUMMARY, |file| {
            serde_json::to_writer_pretty(&mut *file, summary)?;
            file.write_all(b"\n")
        })?;
        self.file(PLAN, |file| file.write_all(plan.text.as_bytes()))?;
        self.file(REPORT, |file| file.write_all(report::page(summary, &plan.text, command).as_bytes()))
    }

    fn file(
        &self,
        name: &str,
        write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
    ) -> Result<(), ResultError> {
        let path = self.path(name);
        let written = || {
            let mut file = BufWriter::new(OpenOptions::new().write(true).create_new(true).open(&path)?);
            write(&mut file)?;
            file.flush()
        };
        written().map_err(|source| ResultError::File { path: path.clone(), source })
    }
}
