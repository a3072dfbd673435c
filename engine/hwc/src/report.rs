//! `hwc report`: what may be shown of a closed month (R25 to R27), with an engine's settings. It reads the record and nothing else.

use std::process::ExitCode;

use clap::ValueEnum;
use hwc_counts::{Month, NotClosed, Record, RecordError, Report};
use hwc_jetstream::{Counts, Fault};

use crate::{
    cli,
    engine::EngineError,
    exit::{self, Code},
    serve::{EngineFile, ServeError, onlooker},
    settings::{Common, Settings},
};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    common: Common,
    /// The month, as in 2026-11. Only whole months, and only closed ones: a day after their end.
    #[arg(long, value_name = "YYYY-MM")]
    period: Month,
    /// How to print it.
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people.
    Text,
    /// One JSON object: a figure is a number, "<5", or null where it is not shown for another's sake.
    Json,
    /// A line for each figure.
    Csv,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReportError {
    /// The settings, or the broker.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The month is not over, or not closed yet.
    #[error(
        "{0}; an engine closes a month a day after its end, when everything that ended in it is forgotten"
    )]
    NotClosed(#[from] NotClosed),
    /// There is no record of it.
    #[error(
        "nothing was counted in {0}: it is before the first start of an engine, or yet to come, or too long ago to be kept"
    )]
    NotKept(Month),
    /// The record cannot be read.
    #[error(transparent)]
    Record(#[from] RecordError),
}

impl ReportError {
    const fn code(&self) -> Code {
        match self {
            Self::Serve(error) => error.code(),
            Self::NotClosed(_) | Self::NotKept(_) => Code::Refused,
            Self::Record(_) => Code::Failed,
        }
    }
}

impl From<Fault> for ReportError {
    fn from(fault: Fault) -> Self {
        Self::Serve(EngineError::from(fault).into())
    }
}

/// Runs the command.
pub(crate) async fn run(arguments: &Arguments) -> ExitCode {
    match look(arguments).await {
        Ok(report) => cli::print(&match arguments.output {
            Output::Text => report.to_string(),
            Output::Json => format!("{}\n", report.to_json()),
            Output::Csv => report.to_csv(),
        }),
        Err(error) => {
            exit::say(&error.to_string());
            error.code().into()
        }
    }
}

async fn look(arguments: &Arguments) -> Result<Report, ReportError> {
    let settings = Settings::<EngineFile>::read(&arguments.common).map_err(ServeError::from)?;
    of(&Counts::read_only(&onlooker(&settings).await?), arguments.period).await
}

/// The report of a month, from what is kept.
pub(crate) async fn of(counts: &Counts, month: Month) -> Result<Report, ReportError> {
    let kept = counts.read().await?;
    let (_, record) = kept.records.get(&month.to_string()).ok_or(ReportError::NotKept(month))?;
    Ok(Report::of(&Record::decode(record)?)?)
}
