//! `hwc forget`: shows that what ended is nowhere to be found, and that the showing can be believed (R21, R23, R28).

mod endings;
mod report;
mod self_test;
mod verify;

use std::{
    fmt::{self, Display, Formatter},
    fs::{self, File},
    io::{self, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Subcommand;
use hwc_residue::TooManyOrBad;
use hwc_vault::{ReportKey, ReportKeyError, ReportSigner};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::Serialize;

use crate::{
    cli::{self, Output},
    engine::EngineError,
    exit::{self, Code},
    outcome::{self, Outcome, tell},
    serve::ServeError,
    settings::{Common, SettingsError},
};
use endings::Endings;
use report::{REPORT_BYTES_MAX, Signed, Verdict};

const EXAMPLES: &str = "\
Examples:
  hwc forget verify --config engine.toml --broker /srv/nats --logs /var/log/hwc --sign host.nk --report today.json
                                         looks for everything that ended, with an engine's settings
  hwc forget markers --config engine.toml -o endings.jsonl
                                         writes down what ended, to be looked for elsewhere
  hwc forget verify --offline endings.jsonl --broker /mnt/backup/nats
                                         is any of it in that copy?
  hwc forget check today.json --signer NA2X…
                                         was this report signed by that host, and is it as it was?";

/// Shows that what ended is nowhere to be found.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Looks in files for everything that ended. Ends with 0 if nothing was found, 6 if something was, 1 if something could not
    /// be searched.
    Verify(Box<verify::Arguments>),
    /// Writes down what ended, so that it can be looked for where no broker is.
    Markers {
        #[command(flatten)]
        from: From,
        /// The file to make. It is no secret, and a search does not find it.
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
    },
    /// Checks who signed a report, and that it is as it was; then shows it.
    Check {
        /// The report.
        report: PathBuf,
        /// The public key of the operator or host (O… or N…), or a file that holds it.
        #[arg(long, value_name = "KEY")]
        signer: String,
        /// How to print it.
        #[arg(short, long, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
    /// Makes a key for this host to sign reports with.
    Key {
        /// The file to make, in a folder that is ours alone.
        file: PathBuf,
        /// How to print what came of it.
        #[arg(short, long, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
}

/// Which engine's settings the broker is asked by.
#[derive(Debug, clap::Args)]
pub(crate) struct From {
    /// An engine's settings file: its credential is what the broker is asked with.
    #[arg(long, value_name = "FILE", env = "HWC_CONFIG", default_value = "hwc.toml")]
    config: PathBuf,
    /// The broker's address, instead of the file's.
    #[arg(long, value_name = "URL", env = "HWC_BROKER")]
    broker_url: Option<String>,
    /// The folder with the engine's keys, instead of the file's.
    #[arg(long, value_name = "DIR", env = "HWC_KEYS")]
    engine_keys: Option<PathBuf>,
}

impl From {
    fn common(&self) -> Common {
        Common {
            config: self.config.clone(),
            broker: self.broker_url.clone(),
            keys: self.engine_keys.clone(),
            ..Common::default()
        }
    }
}

/// Why nothing was shown.
#[derive(Debug, thiserror::Error)]
enum ForgetError {
    /// The engine's settings.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The broker.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The broker, or the keys for it.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The key that reports are signed with.
    #[error("the key for reports: {0}")]
    Key(#[from] ReportKeyError),
    /// A file.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file that is not what it should be.
    #[error("{path}: {problem}")]
    Unusable {
        /// Which.
        path: PathBuf,
        /// What is wrong; nothing of what stands there.
        problem: String,
    },
    /// Canaries.
    #[error("{path}: {problem}; what is shorter would be found by chance")]
    Canaries {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: TooManyOrBad,
    },
    /// More than fits.
    #[error("{0} markers are too many to look for at once; say --since or --until")]
    TooMany(usize),
    /// No chance, no search that shows that it can find.
    #[error("the search cannot be tried: {0}")]
    NoTrial(io::Error),
    /// It could not be written.
    #[error("the report cannot be written: {0}")]
    Unwritten(#[from] serde_json::Error),
}

impl ForgetError {
    const fn code(&self) -> Code {
        match self {
            Self::Settings(_) | Self::Key(_) | Self::Unusable { .. } | Self::Canaries { .. } => {
                Code::Settings
            }
            Self::Engine(_) => Code::Unreachable,
            Self::Serve(error) => error.code(),
            Self::File { .. } | Self::TooMany(_) | Self::NoTrial(_) | Self::Unwritten(_) => Code::Failed,
        }
    }
}

/// Runs the command.
pub(crate) async fn run(arguments: Arguments) -> ExitCode {
    match done(arguments.action).await {
        Ok(code) => code.into(),
        Err(error) => {
            exit::say(&error.to_string());
            error.code().into()
        }
    }
}

async fn done(action: Action) -> Result<Code, ForgetError> {
    match action {
        Action::Verify(arguments) => verify::run(&arguments).await,
        Action::Markers { from, output } => {
            let endings = Endings::ask(&from.common()).await?;
            write_new(&output, endings.written()?.as_bytes(), 0o644)?;
            cli::print(&format!(
                "{} incidents that ended are in {}.\n",
                endings.tombstones.len(),
                output.display()
            ));
            Ok(Code::Fine)
        }
        Action::Check { report, signer, output } => check(&report, &signer, output),
        Action::Key { file, output } => {
            let key = ReportKey::generate();
            key.save(&file)?;
            Ok(tell(output, &Key { file, signer: key.signer().to_string() }))
        }
    }
}

/// A key for reports that was made.
#[derive(Serialize)]
struct Key {
    #[serde(serialize_with = "outcome::path")]
    file: PathBuf,
    signer: String,
}

impl Outcome for Key {}

impl Display for Key {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "The key is in {}; it never leaves this machine.\nReports that it signs are checked with --signer {}",
            self.file.display(),
            self.signer
        )
    }
}

fn check(path: &Path, signer: &str, output: Output) -> Result<Code, ForgetError> {
    let signer = signer_of(signer)?;
    let bytes = whole(path, REPORT_BYTES_MAX)?;
    let unusable = |problem: &str| ForgetError::Unusable { path: path.into(), problem: problem.to_owned() };
    let read = Signed::read(&bytes).ok_or_else(|| unusable("not a report of `hwc forget verify`"))?;
    if !read.is_by(&signer) {
        exit::say(&format!(
            "{}: NOT signed by {signer}, or altered since; nothing in it counts",
            path.display()
        ));
        return Ok(Code::Failed);
    }
    let report =
        read.report().ok_or_else(|| unusable("a report of a version that this program cannot read"))?;
    cli::print(&match output {
        Output::Text => format!("signed by {signer}, and as it was signed\n\n{report}"),
        Output::Json => format!("{}\n", read.words()),
    });
    Ok(Code::Fine)
}

/// A key in plain sight, or in a file.
fn signer_of(said: &str) -> Result<ReportSigner, ForgetError> {
    if let Ok(signer) = said.parse() {
        return Ok(signer);
    }
    let text = whole(Path::new(said), 256)?;
    let text = std::str::from_utf8(&text).map_err(|_| ReportKeyError::NotAPublicKey)?;
    Ok(text.trim().parse()?)
}

/// A whole file of at most so many bytes.
fn whole(path: &Path, bytes_max: u64) -> Result<Vec<u8>, ForgetError> {
    let failed = |source| ForgetError::File { path: path.into(), source };
    let mut bytes = Vec::new();
    File::open(path).map_err(failed)?.take(bytes_max + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > bytes_max {
        return Err(ForgetError::Unusable {
            path: path.into(),
            problem: format!("larger than {bytes_max} bytes"),
        });
    }
    Ok(bytes)
}

/// Writes a file that was not there, durably; half a one is not left.
fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<(), ForgetError> {
    let failed = |source| ForgetError::File { path: path.into(), source };
    let mut file = File::options().write(true).create_new(true).mode(mode).open(path).map_err(failed)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    written.map_err(|source| {
        let _ = fs::remove_file(path);
        failed(source)
    })
}

/// A moment, or the first of a day in the Netherlands.
fn moment(text: &str) -> Result<Timestamp, String> {
    if let Ok(moment) = text.parse() {
        return Ok(moment);
    }
    let day: Option<Date> = text.parse().ok();
    let zone = TimeZone::get("Europe/Amsterdam").unwrap_or(TimeZone::UTC);
    let start = day.and_then(|day| day.to_zoned(zone).ok());
    start
        .map(|start| start.timestamp())
        .ok_or_else(|| "wanted a day as in 2026-11-01, or a moment".to_owned())
}

impl std::convert::From<Verdict> for Code {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Nothing => Self::Fine,
            Verdict::Found => Self::Critical,
            Verdict::Incomplete => Self::Failed,
        }
    }
}

#[cfg(test)]
mod tests;
