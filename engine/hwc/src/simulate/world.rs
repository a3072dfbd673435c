//! `hwc simulate world`: one simulated world, event by event.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead as _, IsTerminal as _, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use hwc_world::{Case, Cut, Mutation};
use serde_json::json;

use crate::{
    cli::{self, Output},
    exit::{self, Code},
};

/// Largest file of a kept world, in bytes.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Which world, and what is left of it.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// A world that was kept as a file.
    #[arg(value_name = "FILE", conflicts_with_all = ["seed", "reports", "faults", "strikes", "mutation"])]
    kept: Option<PathBuf>,
    /// One seed, one world.
    #[arg(long, required_unless_present = "kept")]
    seed: Option<u64>,
    /// Only these of its reports: numbers with commas between, or none.
    #[arg(long, value_name = "LIST", value_parser = numbers)]
    reports: Option<Numbers>,
    /// Only these of its planned faults.
    #[arg(long, value_name = "LIST", value_parser = numbers)]
    faults: Option<Numbers>,
    /// Only these draws of chance go wrong.
    #[arg(long, value_name = "LIST", value_parser = numbers)]
    strikes: Option<Numbers>,
    /// With a planted bug.
    #[arg(long, value_name = "NAME", value_parser = super::mutations::named)]
    mutation: Option<Mutation>,
    /// Waits for the Enter key after each event.
    #[arg(long)]
    step: bool,
    /// How to print it; as JSON each event is an object, and the last one what is to be said of the whole.
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

#[derive(Debug, Clone)]
struct Numbers(BTreeSet<u64>);

fn numbers(text: &str) -> Result<Numbers, String> {
    if text == "none" {
        return Ok(Numbers(BTreeSet::new()));
    }
    let numbers = text.split(',').map(|number| number.trim().parse::<u64>());
    let numbers = numbers
        .collect::<Result<_, _>>()
        .map_err(|_| "write numbers with commas between, or none".to_owned())?;
    Ok(Numbers(numbers))
}

impl Arguments {
    fn case(&self) -> Result<Case, String> {
        if let Some(path) = &self.kept {
            let about = fs::metadata(path).map_err(|error| format!("{}: {error}", path.display()))?;
            if about.len() > FILE_BYTES_MAX {
                return Err(format!("{}: larger than a kept world is", path.display()));
            }
            let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
            return Case::from_toml(&text).map_err(|error| format!("{}: {error}", path.display()));
        }
        let places = |numbers: &Numbers| numbers.0.iter().filter_map(|n| usize::try_from(*n).ok()).collect();
        let cut = Cut {
            reports: self.reports.as_ref().map(places),
            faults: self.faults.as_ref().map(places),
            strikes: self.strikes.as_ref().map(|numbers| numbers.0.clone()),
        };
        Ok(Case { seed: self.seed.unwrap_or_default(), cut, mutation: self.mutation })
    }
}

/// Tells it.
pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let case = match arguments.case() {
        Ok(case) => case,
        Err(words) => {
            exit::say(&words);
            return Code::Settings.into();
        }
    };
    let steps = arguments.step && std::io::stdin().is_terminal();
    let mut out = std::io::stdout().lock();
    let mut told = 0;
    let mut number = 0;
    let lived = case.tell(&mut |entry, violations| {
        let new = violations.iter().skip(told).map(ToString::to_string);
        // Nobody may be reading; that is no reason to fail.
        match arguments.output {
            Output::Json => {
                let wrong: Vec<_> = new.collect();
                let _ = writeln!(
                    out,
                    "{}",
                    json!({ "number": number, "event": entry.to_string(), "wrong": wrong })
                );
            }
            Output::Text => {
                let _ = writeln!(out, "{number:>5}  {entry}");
                for violation in new {
                    let _ = writeln!(out, "       !!! {violation}");
                }
            }
        }
        told = violations.len();
        number += 1;
        if steps {
            let _ = out.flush();
            let _ = std::io::stdin().lock().read_line(&mut String::new());
        }
    });
    drop(out);
    match lived {
        Err(error) => exit::failed(&error.to_string()),
        Ok(verdict) if arguments.output == Output::Json => {
            let wrong = verdict.violations.iter();
            let wrong: Vec<_> =
                wrong.map(|one| json!({ "number": one.entry, "says": one.to_string() })).collect();
            let is_fine = wrong.is_empty();
            let (reports, faults) = (verdict.reports, verdict.faults);
            let whole = json!({ "reports": reports, "planned_faults": faults, "wrong": wrong });
            cli::print(&format!("{whole}\n"));
            if is_fine { Code::Fine } else { Code::Failed }.into()
        }
        Ok(verdict) if verdict.violations.is_empty() => cli::print(&format!(
            "{} reports, {} planned faults: nothing is wrong\n",
            verdict.reports, verdict.faults
        )),
        Ok(verdict) => {
            for violation in &verdict.violations {
                cli::print(&format!("wrong, at {}: {violation}\n", violation.entry));
            }
            Code::Failed.into()
        }
    }
}
