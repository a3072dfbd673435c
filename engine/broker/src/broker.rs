//! A running server.

use std::fs::{DirBuilder, File, Permissions, TryLockError};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::process::Command;

use crate::config::{Places, Settings, write_private};
use crate::error::BrokerError;
use crate::ready;
use crate::watcher::{Order, Watched};

/// How long to wait for a server that a killed process left behind; its watcher ends it in milliseconds.
const FOLDER_FREE_WITHIN: Duration = Duration::from_secs(5);
/// How long a killed server may take to be gone.
const GONE_WITHIN: Duration = Duration::from_secs(10);
/// How long the server may take to check a configuration, and to take it over.
const RELOAD_WITHIN: Duration = Duration::from_secs(20);
/// How long a restart waits for its port if somebody took it in the meantime.
const PORT_FREE_WITHIN: Duration = Duration::from_secs(10);
/// What the watcher ends with when its server was killed: 128 and the signal's number, as every shell has it.
const KILLED: i32 = 128 + 9;

/// A running nats-server that stops with us. Dropping it kills the server and waits until it is gone
/// (milliseconds); [`stop`](Broker::stop) lets it finish first.
#[derive(Debug)]
pub struct Broker {
    settings: Settings,
    program: PathBuf,
    places: Places,
    run: Run,
    client_url: String,
    monitoring_url: Option<String>,
}

/// How a server came to its end in [`Broker::stop`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// In good order, within [`Settings::stop_within`].
    InOrder,
    /// It took too long and was killed. Nothing acknowledged is lost by that.
    Killed,
    /// It had ended before it was asked to.
    Before,
}

/// One life of the server: from its start to its end.
#[derive(Debug)]
struct Run {
    watched: Watched,
    pid: u32,
    port: u16,
    monitoring_port: Option<u16>,
    /// How long the log was when this life began.
    log_length: u64,
}

impl Broker {
    /// Finds a server, starts it in its folder and waits until it answers with JetStream on.
    ///
    /// # Errors
    /// [`BrokerError::Find`], [`BrokerError::Folder`], [`BrokerError::FolderOpenToOthers`] or
    /// [`BrokerError::FolderInUse`] before anything is started; [`BrokerError::EndedEarly`] with the
    /// server's reason, for example a mistake in the configuration or a port that is taken;
    /// [`BrokerError::NotReady`]; [`BrokerError::OpenToNetwork`].
    pub async fn start(settings: Settings) -> Result<Self, BrokerError> {
        let program = settings.server.find().await?.program;
        let places = prepare(&settings.folder)?;
        let run =
            Run::begin(&settings, &program, &places, settings.port.filter(|port| *port != 0), None).await?;
        let scheme = if settings.secured { "tls" } else { "nats" };
        let client_url = format!("{scheme}://127.0.0.1:{}", run.port);
        let monitoring_url = run.monitoring_port.map(|port| format!("http://127.0.0.1:{port}"));
        Ok(Self { settings, program, places, run, client_url, monitoring_url })
    }

    /// Where clients connect, as in `nats://127.0.0.1:4222`, or `tls://…` if it is secured. It stays the same through restarts.
    pub fn client_url(&self) -> &str {
        &self.client_url
    }

    /// The port in [`client_url`](Broker::client_url).
    pub fn port(&self) -> u16 {
        self.run.port
    }

    /// Where the monitoring pages are, if they were asked for. It stays the same through restarts.
    pub fn monitoring_url(&self) -> Option<&str> {
        self.monitoring_url.as_deref()
    }

    /// The server's process number, of its present or last life.
    pub fn pid(&self) -> u32 {
        self.run.pid
    }

    /// The folder, as an absolute path.
    pub fn folder(&self) -> &Path {
        &self.places.folder
    }

    /// Whether the server has said this in its present life.
    pub(crate) fn has_said(&self, words: &str) -> bool {
        ready::written_since(&self.places.log, self.run.log_length).contains(words)
    }

    /// Whether the server is running.
    pub fn is_running(&mut self) -> bool {
        matches!(self.run.watched.ended(), Ok(None))
    }

    /// Waits until the server ends without having been asked to, and says its last words. Whoever wants it
    /// back calls [`restart`](Broker::restart). Cancel-safe.
    pub async fn ended(&mut self) -> String {
        while !self.run.watched.ends_within(Duration::ZERO).await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.last_words()
    }

    /// The last lines the server wrote in its present or last life.
    pub fn last_words(&self) -> String {
        self.run.last_words(&self.places)
    }

    /// Kills the server (SIGKILL) and waits until it is gone: what a crash does. The folder and the port are
    /// kept for [`restart`](Broker::restart).
    ///
    /// # Errors
    /// [`BrokerError::NotEnding`] if the system doesn't let go of it.
    pub async fn kill(&mut self) -> Result<(), BrokerError> {
        self.run.watched.kill();
        if self.run.watched.ends_within(GONE_WITHIN).await {
            Ok(())
        } else {
            Err(BrokerError::NotEnding { within: GONE_WITHIN })
        }
    }

    /// Lets the server finish (SIGTERM) and keeps folder and port for [`restart`](Broker::restart): what maintenance does.
    ///
    /// # Errors
    /// As [`kill`](Broker::kill), if it took too long and could not be killed either.
    pub async fn halt(&mut self) -> Result<(), BrokerError> {
        if self.is_running()
            && self.run.watched.order(Order::Stop)
            && self.run.watched.ends_within(self.settings.stop_within).await
        {
            return Ok(());
        }
        self.kill().await
    }

    /// Kills the server if it is running, and starts it again in the same folder on the same ports; once more if somebody
    /// kills it meanwhile.
    ///
    /// # Errors
    /// As [`kill`](Broker::kill) and [`start`](Broker::start). The server is not running then; another
    /// restart may be tried.
    pub async fn restart(&mut self) -> Result<(), BrokerError> {
        self.kill().await?;
        let (port, monitoring_port) = (Some(self.run.port), self.run.monitoring_port);
        let since = Instant::now();
        self.run = loop {
            match Run::begin(&self.settings, &self.program, &self.places, port, monitoring_port).await {
                // A client that keeps calling can be given this very port for its own end of the line.
                Err(BrokerError::EndedEarly { last_words })
                    if last_words.contains("address already in use")
                        && since.elapsed() < PORT_FREE_WITHIN =>
                {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                // Whoever kills it at any moment does so before it is ready too.
                Err(BrokerError::KilledEarly) if since.elapsed() < self.settings.ready_within => {}
                outcome => break outcome?,
            }
        };
        Ok(())
    }

    /// Replaces the caller's part of the configuration without a restart. Whether it is
    /// [`secured`](Settings::secured) stays as it was. Users that are in both stay
    /// connected; one that is gone is disconnected at once.
    ///
    /// # Errors
    /// [`BrokerError::Refused`] if the server's own check or the running server refuses it: then the old
    /// configuration stays in force and on disk. [`BrokerError::NotRunning`] if there is no server;
    /// [`BrokerError::NotReady`] if it said neither yes nor no, in which case either may be in force.
    pub async fn reload(&mut self, accounts: impl Into<String>) -> Result<(), BrokerError> {
        let Places { config, candidate, log, .. } = self.places.clone();
        let settings = Settings { accounts: accounts.into(), ..self.settings.clone() };
        let text = settings.render();

        write_private(&candidate, &text).map_err(BrokerError::folder(&candidate))?;
        let checked = self.check(&candidate).await;
        let _ = std::fs::remove_file(&candidate);
        checked?;

        let log_length = ready::length(&log);
        replace(&config, &text)?;
        let outcome = if self.run.watched.order(Order::Reload) {
            self.reloaded(&log, log_length).await
        } else {
            Err(BrokerError::NotRunning { last_words: self.last_words() })
        };
        match outcome {
            Ok(()) => self.settings = settings,
            // What is on disk is what runs, also after the next restart.
            Err(_) => replace(&config, &self.settings.render())?,
        }
        outcome
    }

    /// Lets the server finish (SIGTERM); kills it if it takes longer than [`Settings::stop_within`].
    ///
    /// # Errors
    /// [`BrokerError::NotEnding`] if it could not even be killed.
    pub async fn stop(mut self) -> Result<Stopped, BrokerError> {
        if !self.is_running() {
            return Ok(Stopped::Before);
        }
        if self.run.watched.order(Order::Stop)
            && self.run.watched.ends_within(self.settings.stop_within).await
        {
            return Ok(Stopped::InOrder);
        }
        self.kill().await.map(|()| Stopped::Killed)
    }

    /// Asks the program whether it accepts this configuration file.
    async fn check(&self, candidate: &Path) -> Result<(), BrokerError> {
        let refused = |reason: String| BrokerError::Refused { reason };
        let asked = Command::new(&self.program)
            .arg("-t")
            .arg("-c")
            .arg(candidate)
            .env_clear()
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let answer = tokio::time::timeout(RELOAD_WITHIN, asked)
            .await
            .map_err(|_| refused("its check did not end".to_owned()))?
            .map_err(|error| refused(error.to_string()))?;
        if answer.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&answer.stderr);
        let said = said.trim().trim_start_matches("nats-server: ");
        Err(refused(said.replace(&*candidate.to_string_lossy(), "accounts")))
    }

    /// Waits until the server's log says what became of a reload.
    async fn reloaded(&mut self, log: &Path, log_length: u64) -> Result<(), BrokerError> {
        let since = Instant::now();
        while since.elapsed() < RELOAD_WITHIN {
            let text = ready::written_since(log, log_length);
            if text.contains("Reloaded server configuration") {
                return Ok(());
            }
            // Up to the end of its line: we may be reading while it is being written.
            if let Some((_, rest)) = text.split_once("Failed to reload server configuration: ")
                && let Some((reason, _)) = rest.split_once('\n')
            {
                return Err(BrokerError::Refused { reason: reason.to_owned() });
            }
            if !self.is_running() {
                return Err(BrokerError::NotRunning { last_words: self.last_words() });
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Err(BrokerError::NotReady { within: RELOAD_WITHIN, last_words: self.last_words() })
    }
}

impl Run {
    async fn begin(
        settings: &Settings,
        program: &Path,
        places: &Places,
        port: Option<u16>,
        monitoring_port: Option<u16>,
    ) -> Result<Self, BrokerError> {
        let lock = lock(places).await?;
        for stale in ready::ports_files(&places.folder).chain([places.pid.clone()]) {
            let _ = std::fs::remove_file(stale);
        }
        write_private(&places.config, &settings.render()).map_err(BrokerError::folder(&places.config))?;

        let log_length = ready::length(&places.log);
        let arguments = settings.arguments(places, port, monitoring_port);
        let watched = Watched::start(program, &arguments, &places.folder, lock)
            .map_err(|source| BrokerError::Watcher { source })?;
        let mut run = Self { watched, pid: 0, port: 0, monitoring_port: None, log_length };
        run.becomes_ready(settings, places).await?;
        Ok(run)
    }

    async fn becomes_ready(&mut self, settings: &Settings, places: &Places) -> Result<(), BrokerError> {
        let since = Instant::now();
        while since.elapsed() < settings.ready_within {
            match self.watched.ended() {
                Ok(None) => {}
                Ok(Some(status)) if status.code() == Some(KILLED) => {
                    return Err(BrokerError::KilledEarly);
                }
                _ => return Err(BrokerError::EndedEarly { last_words: self.last_words(places) }),
            }
            if let Some(pid) = ready::pid(&places.pid)
                && let Some(addresses) = ready::addresses(&places.folder, pid)
            {
                if let Some(address) = addresses.values().flatten().find(|one| !ready::is_loopback(one)) {
                    return Err(BrokerError::OpenToNetwork { address: address.clone() });
                }
                let port_of = |kind: &str| {
                    addresses.get(kind).and_then(|all| all.first()).and_then(|one| ready::host_and_port(one))
                };
                if let Some((_, port)) = port_of("nats")
                    && (if settings.secured { self.says_ready(places) } else { ready::greets(port).await })
                {
                    self.pid = pid;
                    self.port = port;
                    self.monitoring_port = port_of("monitoring").map(|(_, port)| port);
                    return Ok(());
                }
            }
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
        let last_words = self.last_words(places);
        Err(BrokerError::NotReady { within: settings.ready_within, last_words })
    }

    /// Whether the server's log says that it is ready, JetStream included: it would have ended without.
    fn says_ready(&self, places: &Places) -> bool {
        ready::written_since(&places.log, self.log_length).contains("Server is ready")
    }

    fn last_words(&self, places: &Places) -> String {
        ready::last_words(&places.log, self.log_length, &places.complaints)
    }
}

/// Makes the folder, or makes sure that it is private. An empty one is closed to others; one that holds
/// something is not, because what it holds may be theirs.
fn prepare(folder: &Path) -> Result<Places, BrokerError> {
    let folder = std::path::absolute(folder).map_err(BrokerError::folder(folder))?;
    let unusable = || BrokerError::folder(&folder);
    DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(unusable())?;
    let mode = std::fs::metadata(&folder).map_err(unusable())?.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        if std::fs::read_dir(&folder).map_err(unusable())?.next().is_some() {
            return Err(BrokerError::FolderOpenToOthers { path: folder, mode });
        }
        std::fs::set_permissions(&folder, Permissions::from_mode(0o700)).map_err(unusable())?;
    }
    Ok(Places::in_folder(folder))
}

/// Takes the lock on the folder, which is held by the server's error output: it is free when, and only
/// when, no server runs there, whatever became of the process that started it.
async fn lock(places: &Places) -> Result<File, BrokerError> {
    let path = &places.complaints;
    let file = File::options()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
        .map_err(BrokerError::folder(path))?;
    let since = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if since.elapsed() < FOLDER_FREE_WITHIN => {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            Err(TryLockError::WouldBlock) => {
                return Err(BrokerError::FolderInUse { path: places.folder.clone() });
            }
            Err(TryLockError::Error(source)) => {
                return Err(BrokerError::Folder { path: path.clone(), source });
            }
        }
    }
    file.set_permissions(Permissions::from_mode(0o600))
        .and_then(|()| file.set_len(0))
        .map_err(BrokerError::folder(path))?;
    Ok(file)
}

/// Replaces a file in one step: a server that reads it meanwhile sees the old text or the new one.
fn replace(path: &Path, text: &str) -> Result<(), BrokerError> {
    let fresh = path.with_extension("conf.new");
    write_private(&fresh, text)
        .and_then(|()| std::fs::rename(&fresh, path))
        .map_err(BrokerError::folder(path))
}
