//! The processes of `hwc dev`: started, looked after, and ended in good order.

use std::{
    collections::BTreeMap,
    fs::OpenOptions,
    os::unix::fs::OpenOptionsExt as _,
    path::PathBuf,
    process::Stdio,
    time::{Duration, Instant},
};

use hwc_broker::Broker;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

use super::{
    ground::{DevError, DevGround},
    say,
};
use crate::daemon::StateFolder;

/// One process: who it is and how it is started.
#[derive(Debug, Clone)]
pub(super) struct Process {
    /// Its name, as in `school-01AA00`.
    pub(super) name: String,
    /// The command, as in `school`.
    pub(super) command: &'static str,
    /// Its settings file.
    pub(super) settings: PathBuf,
}

/// How often it is looked who still runs.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How long a process that ended waits before it is started again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// How long everybody may take to be at work.
const READY_WITHIN: Duration = Duration::from_mins(1);
/// How long whoever was left over may take to be gone.
const GONE_WITHIN: Duration = Duration::from_secs(10);
/// How long everybody may take to end.
const END_WITHIN: Duration = Duration::from_secs(25);

/// Everybody who runs.
pub(super) struct Household<'a> {
    ground: &'a DevGround,
    running: BTreeMap<String, (Process, Child)>,
    /// How long the logs were of those who were started again.
    began: BTreeMap<String, usize>,
}

fn tell_to_stop(child: &Child) {
    let pid = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    // Whoever is gone needs no telling.
    let _ = pid.map(|pid| kill_process(pid, Signal::TERM));
}

impl<'a> Household<'a> {
    pub(super) const fn new(ground: &'a DevGround) -> Self {
        Self { ground, running: BTreeMap::new(), began: BTreeMap::new() }
    }

    /// Starts a process of this very program; its log is a file of its own.
    pub(super) fn start(&mut self, process: &Process) -> Result<(), DevError> {
        let failed = |error| DevError::Start { name: process.name.clone(), source: error };
        let log = self.ground.log(&process.name);
        let log = OpenOptions::new().create(true).append(true).mode(0o600).open(log).map_err(failed)?;
        let program = std::env::current_exe().map_err(failed)?;
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            // What was said to us is in its settings.
            if name.to_string_lossy().starts_with("HWC_") && name != hwc_telemetry::FILTER_VARIABLE {
                command.env_remove(name);
            }
        }
        let child = command
            .args([process.command, "--config"])
            .arg(&process.settings)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            // Ctrl-C is for us; we tell them in order.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        self.running.insert(process.name.clone(), (process.clone(), child));
        Ok(())
    }

    /// Ends whoever a former life left behind when it was killed: the folder is ours alone, so whoever holds a part of it is
    /// nobody else's.
    pub(super) async fn clear(&self, processes: &[Process]) {
        let since = Instant::now();
        for process in processes {
            let state = self.ground.state_of(&process.name);
            while let Some(pid) = StateFolder::holder(&state)
                && since.elapsed() < GONE_WITHIN
            {
                let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
                // It may be gone by itself.
                let _ = pid.map(|pid| kill_process(pid, Signal::KILL));
                tokio::time::sleep(LOOK_EVERY / 10).await;
            }
        }
    }

    /// Waits until everybody is at work, as their logs say.
    pub(super) async fn ready(&mut self) -> Result<(), DevError> {
        let since = Instant::now();
        loop {
            let began = |name: &String| self.began.get(name).copied().unwrap_or_default();
            let late = self.running.keys().find(|name| !self.ground.is_at_work(name, began(name)));
            let Some(late) = late.cloned() else { return Ok(()) };
            if let Some((_, child)) = self.running.get_mut(&late)
                && !matches!(child.try_wait(), Ok(None))
            {
                return Err(DevError::NotAtWork { log: self.ground.log(&late), name: late });
            }
            if since.elapsed() > READY_WITHIN {
                return Err(DevError::NotAtWork { log: self.ground.log(&late), name: late });
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Starts again whoever ends, the broker too. Returns only when that does not work.
    pub(super) async fn keep(&mut self, broker: &mut Broker) -> Result<(), DevError> {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            if !broker.is_running() {
                say("the broker ended; starting it again on its store");
                broker.restart().await?;
            }
            self.look_after().await?;
        }
    }

    /// Starts again whoever ended.
    pub(super) async fn look_after(&mut self) -> Result<(), DevError> {
        let mut ended = Vec::new();
        for (process, child) in self.running.values_mut() {
            if let Ok(Some(how)) = child.try_wait() {
                ended.push((process.clone(), how));
            }
        }
        for (process, how) in ended {
            say(&format!("{} ended ({how}); starting it again", process.name));
            tokio::time::sleep(AGAIN_AFTER).await;
            self.start(&process)?;
        }
        Ok(())
    }

    /// Ends these politely and starts them again. Whether they are at work then is asked with [`Household::ready`].
    pub(super) async fn restart(&mut self, names: &[&str]) -> Result<(), DevError> {
        let mut again = Vec::new();
        for name in names {
            if let Some((process, child)) = self.running.remove(*name) {
                tell_to_stop(&child);
                again.push((process, child));
            }
        }
        let mut ends =
            again.iter_mut().map(|(_, child)| child.wait()).collect::<futures::stream::FuturesUnordered<_>>();
        let all = async { while futures::StreamExt::next(&mut ends).await.is_some() {} };
        // Whoever takes too long is killed when it is dropped.
        let _ = tokio::time::timeout(END_WITHIN, all).await;
        drop(ends);
        for (process, child) in again {
            drop(child);
            self.began.insert(process.name.clone(), self.ground.logged(&process.name));
            self.start(&process)?;
        }
        Ok(())
    }

    /// Tells everybody to stop, waits, and stops the broker.
    pub(super) async fn end(mut self, broker: Broker) -> Result<(), DevError> {
        for (_, child) in self.running.values() {
            tell_to_stop(child);
        }
        let everybody = async {
            for (_, child) in self.running.values_mut() {
                let _ = child.wait().await;
            }
        };
        if tokio::time::timeout(END_WITHIN, everybody).await.is_err() {
            say("somebody did not stop in time and was killed");
        }
        drop(self);
        broker.stop().await?;
        Ok(())
    }
}
