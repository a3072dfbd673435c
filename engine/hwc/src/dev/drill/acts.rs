//! What the script does, with the commands that people have; and how it sees what came to pass.

use std::{fs, path::Path, process::Stdio, time::Duration};

use jiff::Timestamp;
use serde_json::Value;
use tokio::process::Command;

use super::{
    Drill,
    script::{Act, CHILDREN, MUNICIPALITY, Sign},
};
use crate::dev::ground::{DevError, at, write};

/// How long a command may take.
const ANSWERS_WITHIN: Duration = Duration::from_secs(45);
/// What stands in the file of faults when the BRP is down.
const FAILS: &str = "[[faults]]\ntrouble = \"status\"\nstatus = 503\n";
/// Whoever starts the broker makes this file.
const START: &str = "start-the-broker";
/// What is asked of an engine's monitoring after each step.
const CHECKS: [&str; 2] = ["deadlines", "broker"];
/// Which mails are told of: to whom, what it means.
const MAILS: [(&str, &str); 5] = [
    ("projectleider@", "a breach was mailed to the project leader (R24)"),
    ("leerplicht@", "the municipality was mailed that a case waits (R16)"),
    ("achterwacht@", "a backup contact was called in by mail (R20)"),
    ("wacht nog een signaal", "a school was reminded by mail (R20)"),
    ("er wacht een signaal", "a school was mailed that a signal waits (R30)"),
];

/// What a command said.
struct Done {
    code: Option<i32>,
    stdout: String,
}

/// A signal in a school's inbox.
struct Waiting {
    code: String,
    signal: String,
}

impl Drill<'_, '_> {
    /// Does what stands in the script.
    pub(super) async fn carry_out(&mut self, act: &Act) -> Result<(), DevError> {
        match act {
            Act::Send(file) => {
                let path = self.folder.join(file).display().to_string();
                let sent = self.does("police", "police-region", &["send", &path]).await?;
                if sent.code != Some(0) {
                    self.record.missed(format!("{}  the police could not send {file}", self.clock()));
                }
            }
            Act::Inbox(file) => {
                let inbox = self.ground.folder().join("inbox").join(file);
                fs::rename(self.folder.join(file), &inbox).map_err(at(&inbox))?;
            }
            Act::BrokerStops => {
                self.broker_is_down = true;
                self.broker.kill().await?;
            }
            Act::BrokerStarts => self.start_the_broker().await?,
            Act::BrpFails => write(&self.faults(), FAILS)?,
            Act::BrpAnswers => write(&self.faults(), "")?,
            Act::Pick => self.pick().await?,
            Act::Open(school) => {
                for one in self.waiting(school).await? {
                    self.open(school, &one).await?;
                }
            }
            Act::Correct => {
                let path = self.folder.join("correction.csv").display().to_string();
                self.does("municipality", MUNICIPALITY, &["import", "--delta", &path]).await?;
            }
            Act::Return(school) => {
                for one in self.waiting(school).await? {
                    let Some(name) = self.open(school, &one).await? else { continue };
                    if CHILDREN.iter().any(|child| child.name == name && child.wrongly == Some(school)) {
                        self.does("school", school, &["not-our-pupil", &one.code]).await?;
                        self.record.returned(&CHILDREN, &name);
                    }
                }
            }
            Act::Confirm(schools, by) => {
                for school in *schools {
                    self.confirm(school, by).await?;
                }
            }
            Act::Wait => {}
        }
        Ok(())
    }

    /// Whether it can be seen that it is done.
    pub(super) async fn has_come(&mut self, sign: &Sign) -> Result<bool, DevError> {
        Ok(match sign {
            Sign::Waiting(schools) => {
                for (school, count) in *schools {
                    if self.waiting(school).await?.len() != *count {
                        return Ok(false);
                    }
                }
                true
            }
            Sign::Cases(count) => self.cases(&[]).await?.len() == *count,
            Sign::Broker(runs) => {
                if self.broker_is_down && self.folder.join(START).exists() {
                    self.start_the_broker().await?;
                }
                self.broker.is_running() == *runs
            }
            Sign::BrpFails(fails) => {
                // Its mock says what it was told, when it took it.
                let log = fs::read_to_string(self.ground.log("brp")).unwrap_or_default();
                let last = log.lines().rev().find(|line| line.contains("other faults from now on"));
                last.is_some_and(|line| !line.contains("faults=0")) == *fails
            }
            Sign::InInbox(file, lies) => self.ground.folder().join("inbox").join(file).exists() == *lies,
            Sign::Corrected => {
                let path = self.folder.join("correction.csv").display().to_string();
                let tried = self
                    .does(
                        "municipality",
                        MUNICIPALITY,
                        &["import", "--delta", &path, "--dry-run", "-o", "json"],
                    )
                    .await?;
                let said: Value = serde_json::from_str(&tried.stdout).unwrap_or_default();
                tried.code == Some(0) && changes(&said) == Some(0)
            }
            Sign::Mailed(to, words, count) => {
                let letters = self.letters()?;
                letters.iter().filter(|one| one.contains(to) && one.contains(words)).count() >= *count
            }
        })
    }

    /// What rang since the last time: the checks of a monitoring program, and what was mailed.
    pub(super) async fn listen(&mut self) {
        let clock = self.clock();
        for check in CHECKS {
            let Ok(said) = self.asks_engine(&["check", check]).await else { continue };
            let line = said.stdout.lines().next().unwrap_or_default();
            let what = line.split(" | ").next().unwrap_or_default();
            // As in DEADLINES WARNING: what follows changes by the minute.
            let bell = what.split(" - ").next().unwrap_or_default();
            let rings = matches!(said.code, Some(1..=2));
            let rang =
                if rings { self.ringing.insert(check, bell.to_owned()) } else { self.ringing.remove(check) };
            if rings && rang.as_deref() != Some(bell) {
                self.heard(&clock, what);
            }
        }
        let letters = self.letters().unwrap_or_default();
        for letter in letters.iter().skip(self.letters) {
            if let Some((_, what)) = MAILS.iter().find(|(words, _)| letter.contains(words)) {
                self.heard(&clock, what);
            }
        }
        self.letters = letters.len();
    }

    fn heard(&mut self, clock: &str, what: &str) {
        if self.record.alarmed(clock, what) {
            crate::cli::print(&format!("       rings: {what}\n"));
        }
    }

    /// What the broker still holds; none if it holds nothing.
    pub(super) async fn left_over(&mut self) -> Result<Option<String>, DevError> {
        const NOTHING: &str = "in flight   0 incidents, 0 tasks";
        let mut said = String::new();
        let since = std::time::Instant::now();
        while since.elapsed() < super::COMES_WITHIN {
            said = self.asks_engine(&["holdings"]).await?.stdout;
            if said.contains(NOTHING) && said.contains(" 0 ciphertexts") {
                return Ok(None);
            }
            self.pause().await?;
        }
        let flat: Vec<_> = said.split_whitespace().collect();
        Ok(Some(flat.join(" ")))
    }

    async fn start_the_broker(&mut self) -> Result<(), DevError> {
        self.broker.restart().await?;
        self.broker_is_down = false;
        self.household.ready().await
    }

    fn faults(&self) -> std::path::PathBuf {
        self.ground.folder().join("brp").join("faults.toml")
    }

    fn letters(&self) -> Result<Vec<String>, DevError> {
        let folder = self.ground.folder().join("mail");
        let mut files: Vec<_> =
            fs::read_dir(&folder).map_err(at(&folder))?.flatten().map(|one| one.path()).collect();
        files.sort();
        Ok(files.iter().filter_map(|file| fs::read_to_string(file).ok()).collect())
    }

    async fn pick(&mut self) -> Result<(), DevError> {
        for case in self.cases(&["--show"]).await? {
            self.does("municipality", MUNICIPALITY, &["pick", &case, "1"]).await?;
        }
        Ok(())
    }

    /// The codes of what waits for a person.
    async fn cases(&self, more: &[&str]) -> Result<Vec<String>, DevError> {
        let arguments = [&["pending", "-o", "json"], more].concat();
        let said = self.does("municipality", MUNICIPALITY, &arguments).await?;
        Ok(list(&said, "cases").iter().filter_map(|case| text(case, "code")).collect())
    }

    /// What waits at a school.
    async fn waiting(&self, school: &str) -> Result<Vec<Waiting>, DevError> {
        let said = self.does("school", school, &["inbox", "-o", "json"]).await?;
        let one = |line: &Value| Some(Waiting { code: text(line, "code")?, signal: text(line, "signal")? });
        Ok(list(&said, "signals").iter().filter_map(one).collect())
    }

    /// A contact opens one; whom it names.
    async fn open(&mut self, school: &str, one: &Waiting) -> Result<Option<String>, DevError> {
        let said = self.does("school", school, &["open", &one.code, "--show"]).await?;
        let name = said.stdout.lines().find_map(|line| line.trim().strip_prefix("Naam "));
        let Some(name) = name.map(|name| name.trim().to_owned()) else { return Ok(None) };
        let delivered = self.delivered(&one.signal).await?;
        self.record.opened(&CHILDREN, (&name, school), delivered);
        Ok(Some(name))
    }

    /// A contact opens and confirms everything that waits.
    async fn confirm(&mut self, school: &str, by: &'static str) -> Result<(), DevError> {
        for one in self.waiting(school).await? {
            let Some(name) = self.open(school, &one).await? else { continue };
            let said = self.does("school", school, &["acknowledge", &one.code]).await?;
            if said.code == Some(0) {
                self.record.confirmed(&CHILDREN, (&name, school), (self.now(), by));
            }
        }
        Ok(())
    }

    /// When a signal was delivered last, by the engine's own word.
    async fn delivered(&self, signal: &str) -> Result<Option<Timestamp>, DevError> {
        let said = self.asks_engine(&["trace", signal, "-o", "json"]).await?;
        let life: Value = serde_json::from_str(&said.stdout).unwrap_or_default();
        let steps = life["steps"].as_array().cloned().unwrap_or_default();
        let number = signal.rsplit('-').next().and_then(|number| number.parse::<u64>().ok());
        let arrived = |step: &&Value| {
            step["to"] == "delivered" && step["from"] != "delivered" && step["signal"].as_u64() == number
        };
        Ok(steps.iter().rev().find(arrived).and_then(|step| text(step, "at")?.parse().ok()))
    }

    /// A command of ops, with an engine's settings.
    async fn asks_engine(&self, arguments: &[&str]) -> Result<Done, DevError> {
        let settings = self.ground.settings_of("engine-one");
        runs(arguments, &settings).await
    }

    /// A command of somebody's people.
    async fn does(&self, role: &str, name: &str, arguments: &[&str]) -> Result<Done, DevError> {
        runs(&[&[role], arguments].concat(), &self.ground.settings_of(name)).await
    }
}

/// How many pupils a trial of an import would change; none if it does not say.
fn changes(said: &Value) -> Option<u64> {
    let of = |name: &str| said["difference"][name].as_u64();
    Some(of("new")? + of("gone")? + of("moved")? + of("changed")?)
}

fn list(said: &Done, name: &str) -> Vec<Value> {
    let value: Value = serde_json::from_str(&said.stdout).unwrap_or_default();
    value[name].as_array().cloned().unwrap_or_default()
}

fn text(value: &Value, name: &str) -> Option<String> {
    value[name].as_str().map(str::to_owned)
}

/// Runs this program; one that does not answer is one that said nothing.
async fn runs(arguments: &[&str], settings: &Path) -> Result<Done, DevError> {
    let failed = |source| DevError::Start { name: arguments.join(" "), source };
    let program = std::env::current_exe().map_err(failed)?;
    let mut command = Command::new(program);
    command.args(arguments).arg("--config").arg(settings);
    command.stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    match tokio::time::timeout(ANSWERS_WITHIN, command.output()).await {
        Ok(output) => {
            let output = output.map_err(failed)?;
            let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
            Ok(Done { code: output.status.code(), stdout })
        }
        Err(_) => Ok(Done { code: None, stdout: String::new() }),
    }
}
