//! Each municipality's database in `hwc dev`, filled from the dataset once, as its people would do it: by the command they have.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use tokio::process::Command;

use super::{ground::DevError, household::Process};

/// How many are filled at a time.
const AT_ONCE_MAX: usize = 4;

/// Where a municipality's database lies, below the folder of all.
pub(super) fn database(municipality: &str) -> String {
    format!("{municipality}.sqlite")
}

/// Fills those that were never filled. What somebody imported since stays as it is.
pub(super) async fn fill(folder: &Path, dataset: &Path, processes: &[Process]) -> Result<(), DevError> {
    let empty: Vec<_> = processes
        .iter()
        .filter(|process| process.command == "municipality" && !filled(folder, &process.name).exists())
        .collect();
    for some in empty.chunks(AT_ONCE_MAX) {
        let filling = some.iter().map(|process| fill_one(folder, dataset, process));
        for done in futures::future::join_all(filling).await {
            done?;
        }
    }
    Ok(())
}

/// Says that it was filled: written last, so that whoever is killed before begins again.
fn filled(folder: &Path, municipality: &str) -> PathBuf {
    folder.join(format!("{municipality}.filled"))
}

async fn fill_one(folder: &Path, dataset: &Path, process: &Process) -> Result<(), DevError> {
    for (kind, file) in [("--schools", "schools.csv"), ("--full", "enrolments.csv")] {
        let failed = |error| DevError::Start { name: process.name.clone(), source: error };
        let program = std::env::current_exe().map_err(failed)?;
        let mut command = Command::new(program);
        command.args(["municipality", "--config"]).arg(&process.settings);
        command.args(["import", kind]).arg(dataset.join(file)).stdin(Stdio::null()).kill_on_drop(true);
        let done = command.output().await.map_err(failed)?;
        if !done.status.success() {
            let problem = String::from_utf8_lossy(&done.stderr).trim().to_owned();
            return Err(DevError::File { path: dataset.join(file), problem });
        }
    }
    let path = filled(folder, &process.name);
    fs::write(&path, "").map_err(|error| DevError::File { path, problem: error.to_string() })
}
