//! Having a server look at a configuration, and having the running one take it over.

use std::{
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
    path::Path,
    process::Stdio,
    time::Duration,
};

use hwc_broker::Finder;
use hwc_vault::replace;
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    process::Command,
    time::{Instant, sleep, timeout},
};

use crate::{OperatorError, register::BrokerSettings};

/// How long the server may take to check a configuration, and to take it over.
const WITHIN: Duration = Duration::from_secs(20);
/// The part of its log that is looked at, in bytes: what it writes about one reload is shorter.
const LOG_BYTES_MAX: u64 = 1024 * 1024;

/// What became of the running broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reloaded {
    /// It said that it took the new configuration over, both times.
    Yes,
    /// No broker runs under the process number in its file; it reads the configuration when it starts.
    NotRunning,
}

/// Has the server's own program check a configuration, in a file of its own beside the real one.
pub(crate) async fn check(
    text: &str,
    candidate: &Path,
    settings: &BrokerSettings,
) -> Result<(), OperatorError> {
    let finder = settings.program.iter().fold(Finder::default().offline(), Finder::given);
    let program = finder.find().await.map_err(|error| OperatorError::NoServer(error.to_string()))?.program;
    replace(candidate, text.as_bytes())?;
    let asked = Command::new(program)
        .args(["-t", "-c"])
        .arg(candidate)
        .env_clear()
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let answer = timeout(WITHIN, asked).await;
    let _ = std::fs::remove_file(candidate);
    let answer = answer
        .map_err(|_| OperatorError::Refused("its check did not end".to_owned()))?
        .map_err(|error| OperatorError::Refused(error.to_string()))?;
    if answer.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&answer.stderr).trim().trim_start_matches("nats-server: ").to_owned();
    Err(OperatorError::Refused(said))
}

/// Has the running server read its configuration again; twice, because a new account's imports are connected only at the
/// second time (nats-server 2.15.1). What it says in its log decides whether it did.
pub(crate) async fn reload(settings: &BrokerSettings) -> Result<Reloaded, OperatorError> {
    let Some(pid) = running(&settings.pid_file) else { return Ok(Reloaded::NotRunning) };
    for _ in 0..2 {
        let before = length(&settings.log_file);
        kill_process(pid, Signal::HUP).map_err(|error| {
            OperatorError::NotReloaded(format!(
                "it could not be told ({error}); are you the user that it runs as?"
            ))
        })?;
        took_over(&settings.log_file, before).await?;
    }
    Ok(Reloaded::Yes)
}

/// The server's process number, if the process is there and is a server.
fn running(pid_file: &Path) -> Option<Pid> {
    let number: i32 = std::fs::read_to_string(pid_file).ok()?.trim().parse().ok()?;
    // A killed server leaves its number behind, and somebody else may have it now.
    let name = std::fs::read_to_string(format!("/proc/{number}/comm"));
    if name.is_ok_and(|name| !name.starts_with("nats-server")) {
        return None;
    }
    let pid = Pid::from_raw(number)?;
    let gone = rustix::process::test_kill_process(pid) == Err(rustix::io::Errno::SRCH);
    (!gone).then_some(pid)
}

async fn took_over(log: &Path, before: u64) -> Result<(), OperatorError> {
    let since = Instant::now();
    while since.elapsed() < WITHIN {
        let said = since_then(log, before);
        if said.contains("Reloaded server configuration") {
            return Ok(());
        }
        if let Some((_, rest)) = said.split_once("Failed to reload server configuration: ")
            && let Some((reason, _)) = rest.split_once('\n')
        {
            return Err(OperatorError::NotReloaded(reason.to_owned()));
        }
        sleep(Duration::from_millis(10)).await;
    }
    Err(OperatorError::NotReloaded(format!(
        "its log {} does not say that it did; is that the file it writes?",
        log.display()
    )))
}

fn length(file: &Path) -> u64 {
    std::fs::metadata(file).map_or(0, |about| about.len())
}

/// What was written since; a log that is shorter now was begun anew.
fn since_then(log: &Path, before: u64) -> String {
    let mut bytes = Vec::new();
    let from = if length(log) < before { 0 } else { before };
    let read = File::open(log).and_then(|mut file| {
        file.seek(SeekFrom::Start(from))?;
        file.take(LOG_BYTES_MAX).read_to_end(&mut bytes)
    });
    if read.is_ok() { String::from_utf8_lossy(&bytes).into_owned() } else { String::new() }
}
