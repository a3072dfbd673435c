//! `hwc dev`: a whole region on this machine until Ctrl-C. Every party is a process of its own with keys, certificate and
//! settings of its own, made by the very operator's desk of production; only that one person sits at it, and nothing here may
//! carry a real signal.

mod board;
mod desk;
mod drill;
mod ground;
mod household;
mod mail;
mod page;
mod registers;
mod written;

use std::{io::Write as _, path::PathBuf, process::ExitCode};

use hwc_telemetry::LogTo;

use self::{
    drill::Drill,
    ground::{DevError, DevGround},
    household::Household,
};
use crate::{
    cli, daemon,
    exit::{self, Code},
};

/// What `hwc dev` is told.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The synthetic dataset whose region comes to life; by itself the manual's.
    dataset: Option<PathBuf>,
    /// Keeps everything (keys, the broker's store, settings, logs) in this folder, and goes on with it next time.
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// What the engine's clock says at the start, local time; by itself 07:30 on the day of the dataset's first report.
    #[arg(long, value_name = "YYYY-MM-DDTHH:MM")]
    at: Option<jiff::civil::DateTime>,
    /// A bad morning to practise on, by a script (`docs/drill.md`): what breaks must be put right, and at the end a report says what
    /// became of every child.
    #[arg(long, conflicts_with_all = ["dataset", "at"])]
    drill: bool,
    /// What a person would do in the drill the script does at once, and the clock waits for nobody.
    #[arg(long, requires = "drill")]
    by_itself: bool,
    /// How many real minutes the drill waits for a person before the script does it.
    #[arg(long, requires = "drill", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=240))]
    patience_minutes: u16,
    /// Where every process sends its traces.
    #[arg(long, value_name = "URL", env = "HWC_OTLP")]
    otlp: Option<String>,
    /// A nats-server to use instead of finding or fetching the pinned one.
    #[arg(long, value_name = "FILE", env = "HWC_NATS_SERVER")]
    nats_server: Option<PathBuf>,
}

/// Runs until told to stop.
pub(crate) async fn run(arguments: Arguments) -> ExitCode {
    match until_told(&arguments).await {
        Ok(code) => code.into(),
        Err(error) => {
            exit::say(&error.to_string());
            error.code().into()
        }
    }
}

async fn until_told(arguments: &Arguments) -> Result<Code, DevError> {
    let ground = DevGround::prepare(arguments)?;
    hwc_telemetry::set_up(LogTo::File(&ground.log("dev")), "info")?;
    warn();
    let stopping = daemon::told_to_stop();
    tokio::pin!(stopping);
    let raised = tokio::select! {
        raised = ground.raise(arguments) => raised?,
        () = &mut stopping => return Ok(Code::Fine),
    };
    let mut household = Household::new(&ground);
    household.clear(&raised.processes).await;
    for process in &raised.processes {
        household.start(process)?;
    }
    tokio::select! {
        ready = household.ready() => ready?,
        () = &mut stopping => return household.end(raised.broker).await.map(|()| Code::Fine),
    }
    if !arguments.drill {
        cli::print(&raised.what_to_try(&ground));
    }
    let (mut broker, mut code) = (raised.broker, Code::Fine);
    if arguments.drill {
        let clock = (raised.clock_ahead, raised.zone);
        let mut drill = Drill::new(arguments, &ground, (&mut household, &mut broker), clock);
        tokio::select! {
            ended = drill.run() => code = ended?,
            () = &mut stopping => {
                say("the drill is broken off");
                code = Code::Failed;
            }
        }
    } else {
        tokio::select! {
            failed = household.keep(&mut broker) => failed?,
            () = &mut stopping => {}
        }
    }
    say("stopping");
    household.end(broker).await?;
    Ok(code)
}

/// Said before anything else, where nobody can miss it.
fn warn() {
    const LINES: [&str; 3] = [
        "NOT FOR PRODUCTION: one machine holds everybody's keys, one server holds",
        "every message, and the clock is set. For invented people only; never type",
        "or copy the name of a real child into anything below.",
    ];
    let rule = "━".repeat(76);
    let mut box_of_lines = vec![format!("┏{rule}┓")];
    box_of_lines.extend(LINES.iter().map(|line| format!("┃ {line:<74} ┃")));
    box_of_lines.push(format!("┗{rule}┛"));
    say_plainly(&box_of_lines.join("\n"));
}

fn say(words: &str) {
    exit::say(words);
}

fn say_plainly(text: &str) {
    // Nobody may be reading; that is no reason to fail.
    let _ = writeln!(std::io::stderr(), "{text}");
}
