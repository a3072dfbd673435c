//! `hwc dev --drill`: a bad morning by a script, for whoever keeps a region running. What breaks is broken for real, between real
//! processes; the engines' clock goes on by leaps from one line of the script to the next, and they are started anew for each leap, as they
//! may be at any moment. `docs/drill.md` tells it to whoever takes part.

mod acts;
mod record;
mod script;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use hwc_broker::Broker;
use hwc_workflow::calendar::Zone;
use jiff::{SignedDuration, Timestamp, civil::Time};
use tokio::sync::mpsc;

pub(super) use self::script::BEGINS;
use self::{
    record::Record,
    script::{CHILDREN, CORRECTION, ENDS, FILES, HERE, SCRIPT, Step, WRONG, Whose},
};
use super::{
    Arguments,
    ground::{DevError, DevGround, ENGINES, at, private_folder, write},
    household::Household,
};
use crate::{cli, exit::Code};

/// How often it is looked whether what should come to pass did.
const LOOK_EVERY: Duration = Duration::from_millis(300);
/// How long what should come to pass by itself may take, in real time.
const COMES_WITHIN: Duration = Duration::from_secs(90);
/// How often it is listened what rings while a person is waited for.
const LISTEN_EVERY: Duration = Duration::from_secs(10);
/// A leap of the clock that is shorter is none.
const LEAP_MIN: SignedDuration = SignedDuration::from_secs(50);

/// Puts a pupil into the wrong school, as a register may have it.
pub(super) fn misplace(dataset: &Path) -> Result<(), DevError> {
    let path = dataset.join("enrolments.csv");
    let text = fs::read_to_string(&path).map_err(at(&path))?;
    let (right, wrong) = WRONG;
    write(&path, &text.replace(right, wrong))
}

/// A drill under way.
pub(super) struct Drill<'a, 'b> {
    ground: &'a DevGround,
    household: &'b mut Household<'a>,
    broker: &'b mut Broker,
    /// What the drill hands out: reports, the correction.
    folder: PathBuf,
    by_itself: bool,
    patience: Duration,
    ahead: SignedDuration,
    zone: Zone,
    record: Record,
    /// Whether the broker is to be down.
    broker_is_down: bool,
    /// Somebody pressed Enter.
    entered: Option<mpsc::Receiver<()>>,
    /// Letters that were told of already.
    letters: usize,
    /// Which checks ring, and how loud.
    ringing: BTreeMap<&'static str, String>,
}

impl<'a, 'b> Drill<'a, 'b> {
    pub(super) fn new(
        arguments: &Arguments,
        ground: &'a DevGround,
        (household, broker): (&'b mut Household<'a>, &'b mut Broker),
        (ahead, zone): (SignedDuration, Zone),
    ) -> Self {
        Self {
            ground,
            household,
            broker,
            folder: ground.folder().join("drill"),
            by_itself: arguments.by_itself,
            patience: Duration::from_mins(arguments.patience_minutes.into()),
            ahead,
            zone,
            record: Record::default(),
            broker_is_down: false,
            entered: (!arguments.by_itself).then(enters),
            letters: 0,
            ringing: BTreeMap::new(),
        }
    }

    /// The whole morning; how it ended.
    pub(super) async fn run(&mut self) -> Result<Code, DevError> {
        self.lay_out()?;
        self.welcome();
        for step in &SCRIPT {
            self.leap(step.at).await?;
            self.play(step).await?;
            self.listen().await;
        }
        self.leap(ENDS).await?;
        let left = self.left_over().await?;
        self.record.left_over(left);
        self.listen().await;
        cli::print(&format!("\nIt is {}. The morning is over.\n", self.clock()));
        cli::print(&self.record.report(&CHILDREN, &self.zone));
        Ok(if self.record.is_fine(&CHILDREN) { Code::Fine } else { Code::Critical })
    }

    /// The files that the script hands out.
    fn lay_out(&self) -> Result<(), DevError> {
        private_folder(&self.folder)?;
        let dataset = self.ground.folder().join("dataset");
        let read = |name: &str| {
            let path = dataset.join(name);
            fs::read_to_string(&path).map_err(at(&path))
        };
        let reports = read("reports.jsonl")?;
        for (name, ids) in FILES {
            let is_in = |line: &&str| ids.iter().any(|id| line.contains(&format!("\"{id}\"")));
            let text: String = if ids.is_empty() {
                read(name)?
            } else {
                // The police know in which municipality they were: so the named can go first while the BRP is down (R9).
                let knowing = |line: &str| line.replace("\"addition\": null}", HERE) + "\n";
                reports.lines().filter(is_in).map(knowing).collect()
            };
            write(&self.folder.join(name), &text)?;
        }
        write(&self.folder.join("correction.csv"), CORRECTION)
    }

    fn welcome(&self) {
        let folder = self.ground.folder().display().to_string();
        let whose = if self.by_itself {
            "It goes by itself: what a person would do the script does at once.".to_owned()
        } else {
            format!(
                "What is YOURS you do, in another terminal; press Enter here, or wait {} minutes, and the script does it.\n\
                 Watch as you would at work: {} status, watch, check and trace, with --config {folder}/settings/engine-one.toml",
                self.patience.as_secs() / 60,
                program()
            )
        };
        cli::print(&format!(
            "\nA drill: a bad morning, by a script. Six invented children are in it; each must be known at its school.\n{whose}\n\
             Beside each line stands the section of docs/runbook.md. Everything lies in {folder}.\n\n"
        ));
    }

    /// One line of the script.
    async fn play(&mut self, step: &Step) -> Result<(), DevError> {
        let clock = self.clock();
        let said = match step.whose {
            Whose::Fate => format!("{clock}  {}\n", step.what),
            Whose::Yours(how) => {
                let how = how
                    .replace("HWC", &program())
                    .replace("DIR", &self.ground.folder().display().to_string());
                format!("{clock}  YOURS: {}\n       $ {how}\n", step.what)
            }
        };
        cli::print(&format!("{said}       runbook: {}\n", step.section));
        let is_yours = matches!(step.whose, Whose::Yours(_));
        if !is_yours || self.by_itself || !self.done_by_somebody(step).await? {
            self.carry_out(&step.act).await?;
        }
        let since = Instant::now();
        while !self.has_come(&step.sign).await? {
            if since.elapsed() > COMES_WITHIN {
                self.record.missed(format!("{clock}  {}", step.what));
                cli::print("       it did not come to pass\n");
                return Ok(());
            }
            self.pause().await?;
        }
        if is_yours {
            cli::print("       done\n");
        }
        Ok(())
    }

    /// Waits for whoever takes part. Whether it was done.
    async fn done_by_somebody(&mut self, step: &Step) -> Result<bool, DevError> {
        let (since, mut listened) = (Instant::now(), Instant::now());
        while since.elapsed() < self.patience {
            if listened.elapsed() > LISTEN_EVERY {
                self.listen().await;
                listened = Instant::now();
            }
            if self.has_come(&step.sign).await? {
                return Ok(true);
            }
            if self.entered.as_mut().is_some_and(|entered| entered.try_recv().is_ok()) {
                return Ok(false);
            }
            self.pause().await?;
        }
        cli::print("       nobody did it; the script does\n");
        Ok(false)
    }

    /// A moment, in which whoever ended is started again.
    async fn pause(&mut self) -> Result<(), DevError> {
        tokio::time::sleep(LOOK_EVERY).await;
        if !self.broker_is_down && !self.broker.is_running() {
            self.broker.restart().await?;
        }
        self.household.look_after().await
    }

    /// Now, by the engines' clock.
    fn now(&self) -> Timestamp {
        Timestamp::now().saturating_add(self.ahead).unwrap_or(Timestamp::MAX)
    }

    fn clock(&self) -> String {
        self.zone.local(self.now()).strftime("%H:%M").to_string()
    }

    /// The engines' clock leaps to this time of the same day, if that is not past.
    async fn leap(&mut self, to: Time) -> Result<(), DevError> {
        let now = self.now();
        let day = self.zone.local(now).date();
        let forward = self.zone.instant(day, to).duration_since(now);
        if forward < LEAP_MIN {
            return Ok(());
        }
        self.ahead = self.ahead.saturating_add(forward);
        self.ground.shift(SignedDuration::from_secs(self.ahead.as_secs()))?;
        self.household.restart(&ENGINES).await?;
        // Without a broker nobody gets to work.
        if self.broker_is_down { Ok(()) } else { self.household.ready().await }
    }
}

/// How this program is called.
fn program() -> String {
    let path = std::env::current_exe().ok();
    path.and_then(|path| path.to_str().map(str::to_owned)).unwrap_or_else(|| "hwc".to_owned())
}

/// Whenever somebody presses Enter. The thread ends with the program.
fn enters() -> mpsc::Receiver<()> {
    let (enter, entered) = mpsc::channel(1);
    std::thread::spawn(move || {
        let mut line = String::new();
        while std::io::stdin().read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
            line.clear();
            // Pressed twice is pressed.
            let _ = enter.try_send(());
        }
    });
    entered
}
