//! The adapter under exam: started, killed, started again; and what its people do.

use std::{
    fs::OpenOptions,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};

use crate::ExamError;

/// How long a command of its people may take.
const COMMAND_WITHIN: Duration = Duration::from_secs(45);
/// How long a command waits that did not work before it is run again.
const AGAIN_AFTER: Duration = Duration::from_millis(700);
/// How long it may take to end when it is asked to.
const ENDS_WITHIN: Duration = Duration::from_secs(20);
/// How much of what a command said is shown.
const SAID_CHARS_MAX: usize = 300;

/// What stands for what in the exam's commands: `{broker}`, `{keys}` and so on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Places(Vec<(&'static str, String)>);

impl Places {
    pub(crate) fn of(places: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        Self(places.into_iter().collect())
    }

    /// With one more.
    pub(crate) fn and(&self, name: &'static str, value: String) -> Self {
        let mut all = self.clone();
        all.0.push((name, value));
        all
    }

    /// A command with every place filled in, quoted for the shell. What is no place stays as it is.
    pub(crate) fn fill(&self, template: &str) -> String {
        let mut text = template.to_owned();
        for (name, value) in &self.0 {
            text = text.replace(&format!("{{{name}}}"), &quoted(value));
        }
        text
    }
}

/// As one word for a POSIX shell.
fn quoted(value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-:=@%+,".contains(&byte);
    if !value.is_empty() && value.bytes().all(plain) {
        return value.to_owned();
    }
    format!("'{}'", value.replace('\'', "'\\''"))
}

/// The adapter under exam.
pub(crate) struct Subject {
    command: Option<String>,
    logs: PathBuf,
    running: Mutex<Option<Child>>,
    lives: AtomicU32,
}

impl Subject {
    /// One that this command runs, or that somebody else runs; what it says goes into files in this folder.
    pub(crate) const fn new(command: Option<String>, logs: PathBuf) -> Self {
        Self { command, logs, running: Mutex::new(None), lives: AtomicU32::new(0) }
    }

    /// Whether it is ours to start and kill.
    pub(crate) const fn is_ours(&self) -> bool {
        self.command.is_some()
    }

    /// Starts it, if it is ours; in a process group of its own, so that everything it starts goes with it.
    pub(crate) fn start(&self) -> Result<(), ExamError> {
        let Some(text) = &self.command else { return Ok(()) };
        let life = self.lives.fetch_add(1, Ordering::Relaxed) + 1;
        let file = |kind: &str| {
            let path = self.logs.join(format!("adapter.{life}.{kind}"));
            let mut options = OpenOptions::new();
            options.create(true).append(true).mode(0o600).open(&path).map_err(ExamError::at(&path))
        };
        let mut command = shell(text);
        command.stdout(file("out")?).stderr(file("err")?);
        let child = command.spawn().map_err(|error| ExamError::Adapter(error.to_string()))?;
        *self.lock() = Some(child);
        Ok(())
    }

    /// Whether it ended by itself: how.
    pub(crate) fn ended(&self) -> Option<String> {
        let mut running = self.lock();
        let how = running.as_mut()?.try_wait().ok()??;
        Some(format!("{how}"))
    }

    /// Kills it, as `kill -9` does; everything it started, too. Whether there was anything to kill.
    pub(crate) fn kill(&self) -> bool {
        let Some(child) = self.lock().take() else { return false };
        signal(&child, Signal::KILL);
        // It is gone when the system has it gone; the runtime collects it.
        drop(child);
        true
    }

    /// Asks it to end, and kills it if it does not.
    pub(crate) async fn stop(&self) {
        let Some(mut child) = self.lock().take() else { return };
        signal(&child, Signal::TERM);
        let _ = tokio::time::timeout(ENDS_WITHIN, child.wait()).await;
        signal(&child, Signal::KILL);
        let _ = child.wait().await;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Child>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        self.kill();
    }
}

fn signal(child: &Child, signal: Signal) {
    let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    // Whoever is gone needs no telling.
    let _ = group.map(|group| kill_process_group(group, signal));
}

fn shell(text: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(text).stdin(Stdio::null()).process_group(0).kill_on_drop(true);
    command
}

/// Runs a command of its people again and again until it ends with 0. What it said last is kept in `said`, for whoever waits for its
/// effect in vain: its standard error only, for what is on its standard output is for a person's eyes.
pub(crate) async fn until_it_works(text: String, said: std::sync::Arc<Mutex<String>>) {
    loop {
        let mut command = shell(&text);
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let words = match command.spawn() {
            Err(error) => error.to_string(),
            Ok(child) => {
                let group = Group(child.id());
                let ended = tokio::time::timeout(COMMAND_WITHIN, child.wait_with_output()).await;
                drop(group);
                match ended {
                    Ok(Ok(ended)) if ended.status.success() => return,
                    Ok(Ok(ended)) => {
                        let words = String::from_utf8_lossy(&ended.stderr);
                        format!("{}: {}", ended.status, shortened(&words))
                    }
                    Ok(Err(error)) => error.to_string(),
                    Err(_) => format!("it did not end within {} s", COMMAND_WITHIN.as_secs()),
                }
            }
        };
        *said.lock().unwrap_or_else(PoisonError::into_inner) = words;
        tokio::time::sleep(AGAIN_AFTER).await;
    }
}

/// A group of processes that goes with this value.
struct Group(Option<u32>);

impl Drop for Group {
    fn drop(&mut self) {
        let group = self.0.and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let _ = group.map(|group| kill_process_group(group, Signal::KILL));
    }
}

fn shortened(words: &str) -> String {
    let words: String = words.split_whitespace().collect::<Vec<_>>().join(" ");
    words.chars().take(SAID_CHARS_MAX).collect()
}

/// What an integrator's people do, as commands.
#[derive(Debug, Clone, Default)]
pub struct Actions {
    /// The police: sends the report in `{file}`.
    pub send: Option<String>,
    /// A school's contact: opens `{signal}` and confirms it.
    pub receive: Option<String>,
}

impl Actions {
    /// Takes one that is said as `NAME=COMMAND`.
    pub fn take(&mut self, said: &str) -> Result<(), String> {
        let (name, command) = said.split_once('=').ok_or("wanted NAME=COMMAND, as in send='…'")?;
        let place = match name {
            "send" => &mut self.send,
            "receive" => &mut self.receive,
            _ => {
                return Err(format!("there is no action {name:?}: send is the police's, receive a school's"));
            }
        };
        *place = Some(command.to_owned());
        Ok(())
    }
}

/// A path as text for a command.
pub(crate) fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_filled_in_as_one_word_each_and_nothing_else_is_touched() {
        let places =
            Places::of([("keys", "/a b/it's".to_owned()), ("broker", "tls://localhost:1".to_owned())]);
        let filled =
            places.and("file", "/r.jsonl".to_owned()).fill("run {keys} {broker} ${HOME} {file} {other}");
        assert_eq!(filled, r"run '/a b/it'\''s' tls://localhost:1 ${HOME} /r.jsonl {other}");
    }

    #[test]
    fn an_action_has_a_name_that_is_known() {
        let mut actions = Actions::default();
        assert_eq!(actions.take("send=cp {file} inbox/"), Ok(()));
        assert_eq!(actions.send.as_deref(), Some("cp {file} inbox/"));
        assert!(actions.take("dance=now").unwrap_err().contains("no action"));
        assert!(actions.take("send").is_err());
    }
}
