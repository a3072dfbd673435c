//! `hwc simulate worlds`: many simulated worlds, for a minute or for a night.

use std::{
    collections::BTreeSet,
    fs,
    io::{IsTerminal as _, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Mutex,
    time::{Duration, Instant},
};

use comfy_table::{CellAlignment, Table, presets::NOTHING};
use hwc_workflow::law::Phase;
use hwc_world::{Case, Failure, Found, Hunt, Mutation, Strike};
use serde_json::json;

use crate::{
    cli::{self, Output},
    exit::{self, Code},
};

/// How many, and what to do with those in which something is wrong.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How many worlds.
    #[arg(long, default_value_t = 2000, value_name = "N")]
    count: u64,
    /// The first seed; the others follow it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// With a planted bug.
    #[arg(long, value_name = "NAME", value_parser = super::mutations::named)]
    mutation: Option<Mutation>,
    /// Ends after so many failing worlds.
    #[arg(long, default_value_t = 10, value_name = "N")]
    failures_max: usize,
    /// Keeps each failing world as a file in this folder, the first of each kind cut down to what matters.
    #[arg(long, value_name = "FOLDER")]
    keep: Option<PathBuf>,
    /// Also prints what struck where.
    #[arg(long)]
    coverage: bool,
    /// How to print what was found.
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

/// How often progress is said to a terminal.
const SAY_EVERY: Duration = Duration::from_millis(500);

/// Lives through them.
pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let began = Instant::now();
    let hunt = Hunt {
        first: arguments.seed,
        count: arguments.count,
        mutation: arguments.mutation,
        failures_max: arguments.failures_max.max(1),
    };
    let terminal = std::io::stderr().is_terminal();
    let said = Mutex::new(Instant::now());
    let lived = quietly(|| {
        hunt.run(|found| {
            let Ok(mut last) = said.try_lock() else { return };
            if terminal && last.elapsed() >= SAY_EVERY {
                *last = Instant::now();
                let _ = write!(
                    std::io::stderr(),
                    "\r\x1b[K{} of {} worlds, {} wrong",
                    found.worlds,
                    arguments.count,
                    found.failures.len()
                );
            }
        })
    });
    if terminal {
        let _ = write!(std::io::stderr(), "\r\x1b[K");
    }
    let found = match lived {
        Ok(found) => found,
        Err(error) => return exit::failed(&error.to_string()),
    };
    let mut checkers = BTreeSet::new();
    let wrong: Vec<_> = found
        .failures
        .values()
        .map(|failure| {
            // The first of each kind is cut down; the others are most likely the same.
            let is_first = failure.violations.first().is_some_and(|first| checkers.insert(first.checker));
            Told::of(failure, is_first, arguments.keep.as_deref())
        })
        .collect();
    cli::print(&match arguments.output {
        Output::Json => format!("{}\n", object(&found, &wrong, began.elapsed())),
        Output::Text => text(&found, &wrong, arguments.coverage, began.elapsed()),
    });
    if wrong.is_empty() { Code::Fine.into() } else { Code::Failed.into() }
}

/// A panic in a world is a finding and told as one; it need not be printed when it happens.
fn quietly<T>(act: impl FnOnce() -> T) -> T {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let done = act();
    std::panic::set_hook(before);
    done
}

/// A failing world, cut down to what matters.
struct Told {
    violation: String,
    checker: &'static str,
    case: Case,
    kept: Result<Option<PathBuf>, String>,
}

impl Told {
    fn of(failure: &Failure, shrinks: bool, keep: Option<&Path>) -> Self {
        let shrunk = shrinks.then(|| quietly(|| failure.case.shrunk()).ok()).flatten();
        let case = shrunk.unwrap_or_else(|| failure.case.clone());
        let tried = quietly(|| case.try_out()).map(|verdict| verdict.violations).unwrap_or_default();
        let first = tried.first().or(failure.violations.first());
        let violation = first.map(ToString::to_string).unwrap_or_default();
        let checker = first.map_or("", |violation| violation.checker);
        let kept = keep.map(|folder| save(folder, &case, checker, &violation)).transpose();
        Self { violation, checker, case, kept }
    }
}

fn save(folder: &Path, case: &Case, checker: &str, violation: &str) -> Result<PathBuf, String> {
    let path = folder.join(format!("{checker}-{}.toml", case.seed));
    let written = fs::create_dir_all(folder).and_then(|()| fs::write(&path, case.to_toml(violation)));
    written.map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(path)
}

fn text(found: &Found, wrong: &[Told], coverage: bool, took: Duration) -> String {
    let mut text = String::new();
    for told in wrong {
        let kept = match &told.kept {
            Ok(Some(path)) => format!("  kept as {}\n", path.display()),
            Ok(None) => String::new(),
            Err(error) => format!("  not kept: {error}\n"),
        };
        text.extend([&told.violation, "\n  ", &told.case.command(), "\n", &kept]);
    }
    if coverage {
        text.push_str(&tables(found));
    }
    let seconds = took.as_secs_f64();
    let struck: u64 = found.coverage.values().sum();
    let so = if wrong.is_empty() { "nothing is wrong".to_owned() } else { format!("{} wrong", wrong.len()) };
    let Found { worlds, reports, steps, entries, .. } = found;
    let counts = format!(
        "{worlds} worlds, {reports} reports, {struck} strikes of chance, {steps} steps, {entries} entries judged, in \
         {seconds:.1} s: {so}\n"
    );
    text.push_str(&counts);
    text
}

/// What struck in which state, and at which step.
fn tables(found: &Found) -> String {
    let states: Vec<Option<Phase>> = std::iter::once(None).chain(Phase::ALL.into_iter().map(Some)).collect();
    let name = |state: &Option<Phase>| state.map_or("nobody knew".to_owned(), |state| format!("{state:?}"));
    let shown: Vec<_> =
        states.iter().filter(|state| found.coverage.keys().any(|(_, at)| at.state == **state)).collect();
    let mut by_state = blank();
    by_state.set_header(std::iter::once("fault".to_owned()).chain(shown.iter().map(|state| name(state))));
    let mut steps: Vec<&str> = found.coverage.keys().map(|(_, at)| at.step).collect();
    steps.sort_unstable();
    steps.dedup();
    let mut by_step = blank();
    by_step.set_header(std::iter::once("step").chain(Strike::ALL.iter().map(|strike| strike.name())));
    let count = |strike: Strike, fits: &dyn Fn(&hwc_world::Place) -> bool| {
        let cells = found.coverage.iter().filter(|((what, at), _)| *what == strike && fits(at));
        cells.map(|(_, times)| times).sum::<u64>().to_string()
    };
    for strike in Strike::ALL {
        let cells = shown.iter().map(|state| count(strike, &|at| at.state == **state));
        by_state.add_row(std::iter::once(strike.name().to_owned()).chain(cells));
    }
    for step in steps {
        let cells = Strike::ALL.iter().map(|strike| count(*strike, &|at| at.step == step));
        by_step.add_row(std::iter::once(step.to_owned()).chain(cells));
    }
    for table in [&mut by_state, &mut by_step] {
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    format!(
        "How often each fault struck, by the furthest state of the incident\n{by_state}\n\nand by the step that it struck\n{by_step}\n\n"
    )
}

fn blank() -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table
}

fn object(found: &Found, wrong: &[Told], took: Duration) -> serde_json::Value {
    let wrong: Vec<_> = wrong
        .iter()
        .map(|told| {
            let kept = told.kept.as_ref().ok().and_then(|path| path.as_ref().map(|path| path.display().to_string()));
            json!({ "checker": told.checker, "what": told.violation, "replay": told.case.command(), "kept": kept })
        })
        .collect();
    let coverage: Vec<_> = found
        .coverage
        .iter()
        .map(|((strike, at), times)| {
            let state = at.state.map(|state| format!("{state:?}"));
            json!({ "fault": strike.name(), "step": at.step, "state": state, "times": times })
        })
        .collect();
    json!({
        "worlds": found.worlds, "reports": found.reports, "steps": found.steps, "entries": found.entries,
        "seconds": took.as_secs_f64(), "wrong": wrong, "coverage": coverage,
    })
}
