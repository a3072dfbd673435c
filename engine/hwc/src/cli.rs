//! The command line.

use std::{collections::BTreeSet, io::Write as _, path::PathBuf, process::ExitCode};

use clap::{CommandFactory as _, Parser, Subcommand, ValueEnum};
use hwc_telemetry::LogTo;

use crate::{
    brp_mock,
    daemon::told_to_stop,
    dataset::Dataset,
    demo, dev, exam,
    exit::{self, Code},
    forget, holdings, keys, operator,
    ops::{audit, check, dead, doctor, pages, status, watch},
    replay::{self, Ground, Options, ReplayError},
    report, retention, roles, serve,
    settings::Common,
    simulate,
    timeline::Speed,
    trace,
};

/// Handle with Care: before the first lesson a child's school knows that something happened, never what.
#[derive(Debug, Parser)]
#[command(name = "hwc", version, about = ABOUT, arg_required_else_help = true, before_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const ABOUT: &str =
    "Handle with Care: before the first lesson a child's school knows that something happened, never what.";

const EXAMPLES: &str = "\
Examples:
  hwc demo                                         the cases of the manual, live
  hwc replay simulations/handbook                  the same dataset, summarised
  hwc replay DATASET --diary diary.jsonl -o json   what became of every (invented) child
  hwc simulate population --size village --reports 40 --out REGION
                                                   an invented region as a dataset
  hwc simulate run simulations/plans/ordinary-week.toml --out WEEK
                                                   what would happen if, with a page of pictures
  hwc law                                          what can happen to a signal, on one page

Exit codes:
  0 fine   1 failed, or a line was refused   2 usage
  3 settings or dataset   4 out of reach   5 refused   6 not as it should be";

#[derive(Debug, Subcommand)]
enum Command {
    /// Replays a dataset on the real broker, with the real engine and every organisation's adapter.
    Replay(ReplayArguments),
    /// Shows the cases of the manual as they happen, and that nothing is left of them.
    Demo(DemoArguments),
    /// Brings a whole region to life on this machine until Ctrl-C: for trying out, with invented people only.
    Dev(dev::Arguments),
    /// Runs an engine: it leads, or stands by until the leader falls silent.
    Engine(Common),
    /// Makes what has not happened: invented regions.
    #[command(subcommand)]
    Simulate(simulate::Simulation),
    /// Plays the BRP for invented people: both Haal Centraal APIs over a synthetic dataset, with faults as data.
    BrpMock(brp_mock::Arguments),
    /// The police: takes files of reports and sends them.
    Police(roles::police::Arguments),
    /// Veilig Thuis: screens, looks households up, refers; calls back.
    VeiligThuis(roles::veilig_thuis::Arguments),
    /// A municipality: finds each child's school; a person decides what is in doubt.
    Municipality(roles::municipality::Arguments),
    /// The municipality's page for its people, beside its process: what waits, what was passed on, how the register stands.
    Desk(roles::desk::Arguments),
    /// A school: what waits for its contact, to open and to confirm.
    School(roles::school::Arguments),
    /// Puts an integrator's adapter through an exam: what failed, why, and by which rule.
    Exam(exam::Arguments),
    /// The page of schools without programs of their own: their contacts open and confirm in a browser.
    Portal(roles::portal::Arguments),
    /// The operator: who takes part in a region, their credentials and certificates, the signed directory.
    Operator(operator::Arguments),
    /// An organisation's own keys, and whose keys it believes.
    #[command(subcommand)]
    Keys(keys::Action),
    /// What is kept, where and for how long; and what another policy would erase.
    Retention(retention::Arguments),
    /// Shows the life of one incident that is in flight, with an engine's settings: states, times and rules, and what is owed.
    Trace(trace::Arguments),
    /// Shows what may be shown of a month: received, sent, not sent, and how quickly; nothing that counts fewer than five.
    Report(report::Arguments),
    /// Shows what exists at this moment, by the broker's own word: ids, times and organisations, no names.
    Holdings(holdings::Arguments),
    /// Shows that what ended is nowhere to be found: searches files for it, and signs what came of that.
    Forget(forget::Arguments),
    /// Shows how the region stands at this moment, with an engine's settings: what is in flight, who leads, who is served, what is late.
    Status(status::Arguments),
    /// The board as pages, for those who keep a region running, with an engine's settings: live in a browser, behind a log-in.
    Board(roles::board::Arguments),
    /// Follows what happens, as it becomes durable, until Ctrl-C; with an engine's settings.
    Watch(watch::Arguments),
    /// One question for a monitoring program, with its exit codes: 0 fine, 1 warning, 2 critical, 3 not known.
    Check(check::Arguments),
    /// Looks at everything that a process needs, with its settings, and says what to do about what is wrong.
    Doctor(doctor::Arguments),
    /// What lies aside and goes on by itself no more, and what can be done about it; with an engine's or the police's settings.
    DeadLetters(dead::Arguments),
    /// Whether an audit log, which says who did what on which day, is whole.
    Audit(audit::Arguments),
    /// Prints what a shell completes `hwc` by.
    Completions(pages::Completions),
    /// Writes a page of the manual for each command.
    Man(pages::Man),
    /// Prints the law of a signal: every edge, who decides it, and the rules it stands on.
    Law {
        /// How to print it.
        #[arg(short, long, value_enum, default_value_t = LawOutput::Text)]
        output: LawOutput,
    },
}

#[derive(Debug, clap::Args)]
struct ReplayArguments {
    /// The dataset's folder.
    dataset: PathBuf,
    /// Keeps everything that the run writes (the broker's store, keys, logs) in this empty folder.
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// Writes what became of every child, one JSON object a line. It names children: only for synthetic datasets.
    #[arg(long, value_name = "FILE")]
    diary: Option<PathBuf>,
    /// Schools (BRIN and location, separated by commas) where nobody ever opens anything.
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    unattended_schools: Vec<String>,
    /// How fast the dataset's time passes: 1 as it happened, 60 a minute a second, max without any waiting.
    #[arg(long, value_name = "TIMES", default_value = "max")]
    speed: Speed,
    /// How many brokers hold everything together: 1, or the 3 of a production region (on this machine).
    #[arg(long, value_name = "COUNT", default_value = "1", value_parser = one_or_three)]
    brokers: u16,
    /// How to print the summary.
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
    /// A nats-server to use instead of finding or fetching the pinned one.
    #[arg(long, value_name = "FILE", env = "HWC_NATS_SERVER")]
    nats_server: Option<PathBuf>,
    /// A collector of traces (OTLP over HTTP) to tell of the work, as in `http://127.0.0.1:4318`.
    #[arg(long, value_name = "URL", env = "HWC_OTLP")]
    otlp: Option<String>,
}

fn one_or_three(text: &str) -> Result<u16, &'static str> {
    match text {
        "1" => Ok(1),
        "3" => Ok(3),
        _ => Err("wanted 1 or 3"),
    }
}

#[derive(Debug, clap::Args)]
struct DemoArguments {
    /// Another synthetic dataset to show.
    dataset: Option<PathBuf>,
    /// A nats-server to use instead of finding or fetching the pinned one.
    #[arg(long, value_name = "FILE", env = "HWC_NATS_SERVER")]
    nats_server: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    Text,
    /// One JSON object.
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LawOutput {
    /// A table.
    Text,
    /// A JSON list.
    Json,
    /// A Mermaid state diagram, as in the README.
    Mermaid,
}

/// Runs the command.
pub(crate) async fn run(arguments: Arguments) -> ExitCode {
    match arguments.command {
        Command::Replay(arguments) => Box::pin(replay(arguments)).await,
        Command::Demo(arguments) => {
            tokio::select! {
                code = demo::run(arguments.dataset, arguments.nats_server) => code,
                () = told_to_stop() => exit::failed("interrupted"),
            }
        }
        Command::Dev(arguments) => Box::pin(dev::run(arguments)).await,
        Command::Engine(common) => match serve::run(&common).await {
            Ok(()) => Code::Fine.into(),
            Err(error) => {
                exit::say(&error.to_string());
                error.code().into()
            }
        },
        Command::BrpMock(arguments) => brp_mock::run(&arguments).await,
        Command::Simulate(simulation) => simulate::run(simulation),
        Command::Police(arguments) => roles::police::run(arguments).await,
        Command::VeiligThuis(arguments) => roles::veilig_thuis::run(arguments).await,
        Command::Municipality(arguments) => Box::pin(roles::municipality::run(arguments)).await,
        Command::Desk(arguments) => roles::desk::run(arguments).await,
        Command::School(arguments) => roles::school::run(arguments).await,
        Command::Exam(arguments) => Box::pin(exam::run(arguments)).await,
        Command::Portal(arguments) => Box::pin(roles::portal::run(arguments)).await,
        Command::Operator(arguments) => operator::run(arguments).await,
        Command::Keys(action) => keys::run(action),
        Command::Retention(arguments) => retention::run(&arguments).await,
        Command::Trace(arguments) => trace::run(&arguments).await,
        Command::Report(arguments) => report::run(&arguments).await,
        Command::Holdings(arguments) => holdings::run(&arguments).await,
        Command::Forget(arguments) => Box::pin(forget::run(arguments)).await,
        Command::Status(arguments) => status::run(&arguments).await,
        Command::Board(arguments) => Box::pin(roles::board::run(arguments)).await,
        Command::Watch(arguments) => watch::run(&arguments).await,
        Command::Check(arguments) => check::run(&arguments).await,
        Command::Doctor(arguments) => Box::pin(doctor::run(&arguments)).await,
        Command::DeadLetters(arguments) => dead::run(&arguments).await,
        Command::Audit(arguments) => audit::run(&arguments),
        Command::Completions(arguments) => pages::completions(&arguments, Arguments::command()),
        Command::Man(arguments) => pages::man(&arguments, Arguments::command()),
        Command::Law { output: LawOutput::Json } => print(&crate::law_value()),
        Command::Law { output: LawOutput::Text } => print(&crate::law_page()),
        Command::Law { output: LawOutput::Mermaid } => print(&hwc_workflow::law::diagram()),
    }
}

async fn replay(arguments: ReplayArguments) -> ExitCode {
    let ended = tokio::select! {
        ended = replay_to_the_end(&arguments) => ended,
        () = told_to_stop() => return exit::failed("interrupted; what the run wrote is of no use"),
    };
    match ended {
        Ok(code) => code,
        Err(error) => {
            exit::say(&error.to_string());
            error.code().into()
        }
    }
}

async fn replay_to_the_end(arguments: &ReplayArguments) -> Result<ExitCode, ReplayError> {
    let dataset = Dataset::read(&arguments.dataset)?;
    if arguments.diary.is_some() && dataset.synthetic.is_none() {
        return Err(ReplayError::NotSynthetic);
    }
    for refused in &dataset.refused {
        exit::say(&format!("reports.jsonl {refused}"));
    }
    let ground = Ground::prepare(arguments.state_dir.as_deref())?;
    hwc_telemetry::set_up(LogTo::File(&ground.log()), "info")
        .map_err(|error| ReplayError::Setup(error.to_string()))?;
    let mut options = Options::new(arguments.nats_server.clone());
    options.collector.clone_from(&arguments.otlp);
    options.speed = arguments.speed;
    options.brokers = arguments.brokers;
    options.unattended_schools = arguments
        .unattended_schools
        .iter()
        .map(|school| school.trim().to_ascii_uppercase())
        .filter(|school| !school.is_empty())
        .collect::<BTreeSet<_>>();
    let replayed = Box::pin(replay::run(dataset, &ground, &options)).await?;
    if let Some(path) = &arguments.diary {
        replay::write_diary(&replayed, path)?;
    }
    let summary = &replayed.summary;
    let text = match arguments.output {
        Output::Text => summary.to_string(),
        Output::Json => summary.to_json().to_string(),
    };
    print(&format!("{text}\n"));
    Ok(if summary.is_fine() { Code::Fine } else { Code::Failed }.into())
}

/// Data goes to standard output. A reader that has gone away is no failure of ours.
pub(crate) fn print(text: &str) -> ExitCode {
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
    Code::Fine.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What takes no `-o json`, and why.
    const WITHOUT: &[(&str, &str)] = &[
        ("hwc board", "runs until it is told to stop"),
        ("hwc brp-mock", "runs until it is told to stop"),
        ("hwc completions", "what it prints is for a shell"),
        ("hwc demo", "is for eyes; `hwc replay` says the same of a dataset"),
        ("hwc desk", "runs until it is told to stop"),
        ("hwc dev", "runs until it is told to stop"),
        ("hwc engine", "runs until it is told to stop"),
        ("hwc forget markers", "-o is the file to make, of JSON lines"),
        ("hwc man", "what it makes is for man"),
        ("hwc municipality", "runs until it is told to stop"),
        ("hwc police", "runs until it is told to stop"),
        ("hwc portal", "runs until it is told to stop"),
        ("hwc school", "runs until it is told to stop"),
        ("hwc veilig-thuis", "runs until it is told to stop"),
    ];

    /// Every command below this one that does something of its own, and whether it takes `-o text|json`.
    fn commands(above: &str, command: &clap::Command, found: &mut Vec<(String, bool)>) {
        let name =
            if above.is_empty() { "hwc".to_owned() } else { format!("{above} {}", command.get_name()) };
        if !command.is_subcommand_required_set() {
            let output = command
                .get_arguments()
                .find(|argument| argument.get_short() == Some('o') && argument.get_long() == Some("output"));
            let forms = output.map(clap::Arg::get_possible_values).unwrap_or_default();
            let takes = |form: &str| forms.iter().any(|value| value.get_name() == form);
            found.push((name.clone(), takes("text") && takes("json")));
        }
        for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
            commands(&name, below, found);
        }
    }

    #[test]
    fn every_command_says_what_came_of_it_as_json_but_for_those_that_cannot() {
        let mut whole = Arguments::command();
        whole.build();
        let mut found = Vec::new();
        commands("", &whole, &mut found);
        assert!(found.len() > 60, "{found:?}");
        let without: BTreeSet<_> =
            found.iter().filter(|(_, takes)| !takes).map(|(name, _)| name.as_str()).collect();
        assert_eq!(without, WITHOUT.iter().map(|(name, _)| *name).collect());
    }
}
