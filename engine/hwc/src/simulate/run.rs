//! `hwc simulate run`: a plan in virtual time, and what came of it.

#[cfg(test)]
mod tests;

use std::{
    io::{self, IsTerminal as _, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Instant,
};

use hwc_loads::{
    arrivals::Incident,
    plan::{Plan, PlanError},
    region::{Misplaced, Region, RegionError, WriteError},
    results::{DATASET, ResultError, Results},
    run::{Ground, Ran, RunError, run as live},
    summary::{RegionLine, Sources, Summary},
};
use hwc_schemas::report::Occurred;
use hwc_workflow::calendar::Zone;
use jiff::{Timestamp, civil::Time};

use crate::{
    cli::{self, Output},
    dataset::{Dataset, DatasetError},
    exit::{self, Code},
};

/// Which plan, and where to.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The plan: simulations/plans has some, docs/plans.md says what can stand in one.
    plan: PathBuf,
    /// Writes transitions, timings, summary, page and dataset into this folder: an empty one, or one that is not there yet.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Another seed than the plan's: other chance, the same question.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// How to print the summary.
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

/// Why a plan came to no end.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("{path}: {source}", path = .path.display())]
    Plan { path: PathBuf, source: PlanError },
    #[error(transparent)]
    Region(#[from] RegionError),
    #[error(transparent)]
    Write(#[from] WriteError),
    #[error(transparent)]
    Results(#[from] ResultError),
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    #[error("reports.jsonl: {0} lines were refused; mend them, or take them out")]
    Refused(usize),
    #[error(transparent)]
    Run(#[from] RunError),
    #[error("{0}")]
    Machine(String),
}

impl Trouble {
    const fn code(&self) -> Code {
        match self {
            Self::Plan { .. }
            | Self::Dataset(_)
            | Self::Refused(_)
            | Self::Results(ResultError::NotEmpty(_)) => Code::Settings,
            _ => Code::Failed,
        }
    }
}

/// Runs it.
pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let began = Instant::now();
    match carried_out(arguments) {
        Ok(summary) => {
            let seconds = began.elapsed().as_secs_f64();
            match arguments.output {
                Output::Text => cli::print(&text(&summary, arguments.out.as_deref(), seconds)),
                Output::Json => match serde_json::to_string(&summary) {
                    Ok(json) => cli::print(&format!("{json}\n")),
                    Err(error) => exit::failed(&error.to_string()),
                },
            }
        }
        Err(error) => {
            exit::say(&error.to_string());
            error.code().into()
        }
    }
}

fn carried_out(arguments: &Arguments) -> Result<Summary, Trouble> {
    let path = &arguments.plan;
    let plan = Plan::read(path).map_err(|source| Trouble::Plan { path: path.clone(), source })?;
    let seed = arguments.seed.unwrap_or(plan.says.seed);
    let machine = |error: &dyn std::fmt::Display| Trouble::Machine(error.to_string());
    let zone = Zone::amsterdam().map_err(|error| machine(&error))?;
    let results = arguments.out.as_deref().map(Results::prepare).transpose()?;
    let mut telling = Telling::new();

    let scratch = tempfile::tempdir().map_err(|error| machine(&error))?;
    let stage = set(&plan, seed, (&zone, &results, scratch.path()), &mut telling)?;
    let Stage { dataset, drawn } = stage;
    let children = drawn.as_ref().map(|drawn| drawn.children);
    let (ground, region) = ground(dataset, drawn, children);
    let (calendar, policy, incidents) = (ground.calendar.clone(), ground.policy, ground.incidents.clone());
    let lines: Box<dyn Write> = match &results {
        Some(results) => Box::new(results.events()?),
        None => Box::new(io::sink()),
    };
    let ran = live(&plan, seed, ground, lines, &mut |ended, of, at| telling.lived(ended, of, at))?;
    telling.hush();
    let Ran { begins, days, .. } = ran;
    let sources = Sources {
        says: &plan.says,
        seed,
        region,
        calendar: &calendar,
        policy: &policy,
        incidents: &incidents,
        begins,
        days,
    };
    let summary = Summary::of(&sources, &ran.closed);
    if let Some(results) = &results {
        let command = format!("hwc simulate run {} --seed {seed} --out FOLDER", plan_name(path));
        results.write((&plan, &command), (&calendar, &policy), &ran, &summary)?;
    }
    Ok(summary)
}

/// A plan's file without the folders that lead to it: those are nobody's business but the reader's own.
fn plan_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// A dataset that was read, and what is known of it besides.
struct Stage {
    dataset: Dataset,
    drawn: Option<Drawn>,
}

/// What was drawn and stands in no dataset.
struct Drawn {
    incidents: Vec<Incident>,
    misplaced: Vec<Misplaced>,
    children: u64,
}

/// Draws the region, writes its dataset and reads that; or reads the dataset that the plan names.
fn set(
    plan: &Plan,
    seed: u64,
    (zone, results, scratch): (&Zone, &Option<Results>, &Path),
    telling: &mut Telling,
) -> Result<Stage, Trouble> {
    let (folder, drawn) = if let Some(dataset) = &plan.says.region.dataset {
        (plan.beside(dataset), None)
    } else {
        let region = Region::draw(plan, seed, zone, &mut |done, of| telling.drawn(done, of))?;
        let folder = results.as_ref().map_or_else(|| scratch.join(DATASET), |results| results.path(DATASET));
        region.write(plan, &folder, zone)?;
        let Region { incidents, misplaced, children, .. } = region;
        (folder, Some(Drawn { incidents, misplaced, children }))
    };
    let dataset = Dataset::read(&folder)?;
    if dataset.refused.is_empty() {
        Ok(Stage { dataset, drawn })
    } else {
        Err(Trouble::Refused(dataset.refused.len()))
    }
}

fn ground(dataset: Dataset, drawn: Option<Drawn>, children: Option<u64>) -> (Ground, RegionLine) {
    let receiving: Vec<_> = dataset.receiving_schools().collect();
    let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
    let region = RegionLine {
        name: dataset.name.clone(),
        children,
        municipalities: count(dataset.participating.len()),
        schools: count(dataset.schools.len()),
        receiving_schools: count(receiving.len()),
    };
    let (incidents, misplaced) = match drawn {
        Some(drawn) => (drawn.incidents, drawn.misplaced),
        None => (dataset.submissions.iter().map(|one| incident(one, &dataset.zone)).collect(), Vec::new()),
    };
    let ground = Ground {
        policy: dataset.policy,
        calendar: dataset.calendar,
        participating: dataset.participating,
        region: dataset.region,
        submissions: dataset.submissions,
        register: dataset.register,
        schools: dataset.schools,
        receiving,
        enrolments: dataset.enrolments,
        incidents,
        misplaced,
    };
    (ground, region)
}

/// What is known of a report of somebody's dataset.
fn incident(submission: &hwc_police::Submission, zone: &Zone) -> Incident {
    let report = &submission.report;
    let (occurred_at, date_only) = match report.occurred {
        Occurred::At(moment) => (moment, false),
        Occurred::On(day) => (zone.instant(day, Time::midnight()), true),
    };
    Incident { occurred_at, reported_at: report.reported_at, date_only, late: false, follow_up: false }
}

/// Says how far it is, where somebody looks.
struct Telling {
    is_seen: bool,
}

impl Telling {
    fn new() -> Self {
        Self { is_seen: io::stderr().is_terminal() }
    }

    fn drawn(&mut self, done: u64, of: u64) {
        self.say(&format!("drawing the region: {done} of {of} households"));
    }

    fn lived(&mut self, ended: u32, of: u32, at: Timestamp) {
        self.say(&format!("{}: {ended} of {of} incidents have ended", at.strftime("%Y-%m-%d")));
    }

    fn say(&mut self, words: &str) {
        if self.is_seen {
            let _ = write!(io::stderr(), "\r\x1b[K{words}");
        }
    }

    fn hush(&mut self) {
        self.say("");
    }
}

fn text(summary: &Summary, out: Option<&Path>, seconds: f64) -> String {
    use hwc_loads::report::format::{count, length, share};
    let delivered = &summary.delivered;
    let part = |share_of: u32| share(i64::from(share_of)).replace('\u{202f}', " ");
    let number = |of: u32| count(i64::from(of)).replace('\u{202f}', " ");
    let took = |of: i64| length(of).replace('\u{a0}', " ");
    let mut text = format!(
        "{}: {} reports, {} signals; everybody in it is invented\n\
         {} delivered ({}), {} of them before the first lessons after the incident\n\
         within 24 h {}, 48 h {}, 72 h {}; half within {}, nine in ten within {}\n\
         {} withheld, {} expired, {} screened out, {} open\n\
         seed {}, in {seconds:.1} s\n",
        summary.plan.name,
        number(summary.reports.sent),
        number(summary.signals),
        number(delivered.all.signals),
        part(delivered.all.share),
        part(delivered.before_first_lesson.share),
        part(delivered.within_24_h.share),
        part(delivered.within_48_h.share),
        part(delivered.within_72_h.share),
        took(summary.incident_to_delivery.p50_s),
        took(summary.incident_to_delivery.p90_s),
        number(summary.ended("withheld")),
        number(summary.ended("expired")),
        number(summary.ended("screened_out")),
        number(summary.open),
        summary.plan.seed,
    );
    if let Some(out) = out {
        text.push_str(&out.join(hwc_loads::results::REPORT).display().to_string());
        text.push('\n');
    }
    text
}
