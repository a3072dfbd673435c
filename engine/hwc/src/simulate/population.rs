//! `hwc simulate population`: an invented region as a dataset.

use std::{path::PathBuf, process::ExitCode, time::Instant};

use clap::builder::RangedU64ValueParser;
use hwc_population::{Population, Settings, Size, WriteError, Written};
use hwc_schemas::person::civil_date;
use hwc_workflow::calendar::Zone;
use jiff::civil::Date;
use serde_json::json;

use crate::{
    cli::{self, Output},
    exit::{self, Code},
};

/// Most reports of one dataset.
const REPORTS_MAX: u64 = 2_000_000;

/// Which region, and where to.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// One seed, one region.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// village, town, region (Hart van Brabant), province, country, or a number of inhabitants.
    #[arg(long, default_value = "village", value_name = "SIZE")]
    size: Size,
    /// How many police reports.
    #[arg(long, default_value_t = 0, value_name = "N", value_parser = RangedU64ValueParser::<u32>::new().range(..=REPORTS_MAX))]
    reports: u32,
    /// The first day on which reports come. Ages count from it, and the registers are as of that day.
    #[arg(long, default_value_t = Settings::DAY, value_name = "DATE", value_parser = day)]
    from: Date,
    /// For how many days reports come.
    #[arg(long, default_value_t = 365, value_name = "N", value_parser = RangedU64ValueParser::<u32>::new().range(1..=u64::from(Settings::DAYS_MAX)))]
    days: u32,
    /// Where to write: an empty folder, or one that is not there yet.
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// How to print what was made.
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

fn day(text: &str) -> Result<Date, String> {
    let (first, last) = Settings::DAYS;
    let day = civil_date(text).filter(|day| (first..=last).contains(day));
    day.ok_or_else(|| format!("write a date as YYYY-MM-DD, from {first} to {last}"))
}

/// Makes it.
pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let Ok(zone) = Zone::amsterdam() else {
        return exit::failed("this program was built without the time zone Europe/Amsterdam");
    };
    let began = Instant::now();
    let settings = Settings {
        day: arguments.from,
        days: arguments.days,
        ..Settings::new(arguments.seed, arguments.size)
    };
    let population = Population::new(settings);
    match population.write(&arguments.out, arguments.reports, &zone) {
        Ok(written) => {
            let seconds = began.elapsed().as_secs_f64();
            cli::print(&match arguments.output {
                Output::Text => text(arguments, &written, seconds),
                Output::Json => format!("{}\n", object(arguments, &written, seconds)),
            })
        }
        Err(error) => {
            exit::say(&error.to_string());
            match error {
                WriteError::NotEmpty(_) => Code::Settings.into(),
                WriteError::File { .. } => Code::Failed.into(),
            }
        }
    }
}

fn text(arguments: &Arguments, written: &Written, seconds: f64) -> String {
    let Written { municipalities, schools, participating_schools, households, children, .. } = written;
    let Written { residents, enrolments, reports, bytes, .. } = written;
    format!(
        "{}: everybody in it is invented\n\
         {municipalities} municipalities, {schools} schools of which {participating_schools} take part\n\
         {households} households with {children} children; {residents} residents and {enrolments} enrolments written\n\
         {reports} reports from {} for {} days\n\
         seed {}, {} MB in {seconds:.1} s\n",
        arguments.out.display(),
        arguments.from,
        arguments.days,
        arguments.seed,
        bytes.div_ceil(1_000_000),
    )
}

fn object(arguments: &Arguments, written: &Written, seconds: f64) -> serde_json::Value {
    json!({
        "folder": arguments.out.display().to_string(),
        "seed": arguments.seed,
        "municipalities": written.municipalities,
        "schools": written.schools,
        "participating_schools": written.participating_schools,
        "households": written.households,
        "children": written.children,
        "residents": written.residents,
        "enrolments": written.enrolments,
        "reports": written.reports,
        "bytes": written.bytes,
        "seconds": seconds,
    })
}
