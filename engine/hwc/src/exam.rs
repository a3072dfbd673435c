//! `hwc exam`: puts an integrator's adapter through a conformance suite, and says what failed, why, and by which rule.

use std::{io::Write as _, path::PathBuf, process::ExitCode, time::Duration};

use clap::ValueEnum;
use hwc_exam::{Actions, CASES, ExamError, News, Paper};
use hwc_schemas::Role;

use crate::{
    cli::{self, Output},
    daemon,
    exit::{self, Code},
};

const EXAMPLES: &str = "\
Examples:
  hwc exam --as school --adapter 'node school.mjs --broker {broker} --keys {keys} --state {state}' \\
           --do receive='node contact.mjs --state {state} {signal}'
  hwc exam --as police --adapter 'hwc police --config {credentials}' --do send='mv-whole {file} {inbox}'
  hwc exam --as school --credentials exam.toml --log /var/log/ours --only first      (start your adapter yourself)
  hwc exam --as municipality --list";

/// Puts an adapter, in whatever language it is written, through an exam: see docs/exam.md.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// As whom it takes part.
    #[arg(long = "as", value_enum, value_name = "ROLE")]
    role: As,
    /// The file that the exam writes for the adapter: its settings, and where its credentials lie. Everything else lies in a folder
    /// beside it, whose name ends in .d.
    #[arg(long, value_name = "FILE", default_value = "exam.toml")]
    credentials: PathBuf,
    /// The command that runs the adapter; the exam starts it, kills it and starts it again. Without it somebody else starts it, and what
    /// needs a kill is not shown.
    #[arg(long, value_name = "COMMAND")]
    adapter: Option<String>,
    /// What its people do, as NAME=COMMAND: `send` sends the report in {file}; `receive` opens {signal} and confirms it. It is run again
    /// until it ends with 0.
    #[arg(long = "do", value_name = "NAME=COMMAND")]
    does: Vec<String>,
    /// A file or folder that it writes, to be searched for names beside its output and its state; may be said more than once.
    #[arg(long = "log", value_name = "PATH")]
    logs: Vec<PathBuf>,
    /// Only this case; may be said more than once.
    #[arg(long, value_name = "CASE")]
    only: Vec<String>,
    /// Not this case; may be said more than once. The report says that it was left out.
    #[arg(long, value_name = "CASE")]
    except: Vec<String>,
    /// How long the adapter may take for what it should do, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u16).range(1..=3600))]
    patience: u16,
    /// How long after its signal ended the adapter destroys a key, in seconds: 1300 for one that does as docs/keys.md says. Without it
    /// that is not put.
    #[arg(long, value_name = "SECONDS")]
    keys_within: Option<u16>,
    /// Shows the cases that are put to this role, and holds no exam.
    #[arg(long)]
    list: bool,
    /// How to print what came of it.
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
    /// A nats-server to use instead of finding or fetching the pinned one.
    #[arg(long, value_name = "FILE", env = "HWC_NATS_SERVER")]
    nats_server: Option<PathBuf>,
}

/// A role, as it is said here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum As {
    Police,
    VeiligThuis,
    Municipality,
    School,
}

impl From<As> for Role {
    fn from(role: As) -> Self {
        match role {
            As::Police => Self::Police,
            As::VeiligThuis => Self::VeiligThuis,
            As::Municipality => Self::Municipality,
            As::School => Self::School,
        }
    }
}

/// Holds the exam; 0 only if all that was put was passed.
pub(crate) async fn run(arguments: Arguments) -> ExitCode {
    let role = arguments.role.into();
    if arguments.list {
        return list(role);
    }
    let output = arguments.output;
    let paper = match paper(arguments, role) {
        Ok(paper) => paper,
        Err(why) => {
            exit::say(&why);
            return Code::Settings.into();
        }
    };
    let held = tokio::select! {
        held = Box::pin(hwc_exam::hold(&paper, |news| tell(output, &paper, &news))) => held,
        () = daemon::told_to_stop() => return exit::failed("interrupted; nothing can be said of the adapter"),
    };
    match held {
        Ok(report) => {
            let text = match output {
                Output::Text => format!("\nAs {}: {}.\n", report.role.as_str(), report.sum()),
                Output::Json => format!("{}\n", report.to_json()),
            };
            cli::print(&text);
            if report.is_passed() { Code::Fine.into() } else { Code::Failed.into() }
        }
        Err(error) => {
            exit::say(&error.to_string());
            match error {
                ExamError::NoCase(_) | ExamError::NotOurs(_) | ExamError::Adapter(_) => Code::Settings.into(),
                ExamError::Broker(_) => Code::Unreachable.into(),
                _ => Code::Failed.into(),
            }
        }
    }
}

fn paper(arguments: Arguments, role: Role) -> Result<Paper, String> {
    let mut actions = Actions::default();
    for said in &arguments.does {
        actions.take(said).map_err(|why| format!("--do: {why}"))?;
    }
    let engine = std::env::current_exe().map_err(|error| format!("this program is not found: {error}"))?;
    Ok(Paper {
        role,
        credentials: arguments.credentials,
        adapter: arguments.adapter,
        actions,
        only: arguments.only,
        except: arguments.except,
        logs: arguments.logs,
        patience: Duration::from_secs(arguments.patience.into()),
        keys_within: arguments.keys_within.map(|seconds| Duration::from_secs(seconds.into())),
        engine,
        nats_server: arguments.nats_server,
    })
}

/// What goes on is said as it goes on: data on standard output, the rest on standard error.
fn tell(output: Output, paper: &Paper, news: &News<'_>) {
    match news {
        News::Ready(file) => {
            exit::say(&format!(
                "the exam's region is up; the adapter connects with what stands in {}",
                file.display()
            ));
            if paper.adapter.is_none() {
                exit::say("start your adapter now");
            }
        }
        News::Putting(case) => {
            let _ = writeln!(std::io::stderr(), "{:>3}  {} …", case.number(), case.about);
        }
        News::Came(line) => {
            if output == Output::Text {
                cli::print(&format!("{line}\n"));
            }
        }
    }
}

fn list(role: Role) -> ExitCode {
    for case in CASES.iter().filter(|case| case.concerns(role)) {
        cli::print(&format!(
            "{:>3}  {:<16} {}\n     {:<16} rule: {}\n",
            case.number(),
            case.name,
            case.about,
            "",
            case.rule
        ));
    }
    Code::Fine.into()
}
