//! The log's one set-up.
//!
//! Whatever is logged goes through `tracing` and this one formatter. What must not be printed cannot be: the types that
//! hold personal data have neither `Debug` nor `Display` (see `hwc_schemas::person`), a ciphertext prints its size, and
//! an id is random or keyed.

use std::{
    fs::OpenOptions,
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
    sync::Mutex,
};

use tracing::{Level, Metadata};
use tracing_subscriber::{EnvFilter, filter::filter_fn, fmt, layer::SubscriberExt, util::SubscriberInitExt};

/// Where the log goes.
#[derive(Debug, Clone, Copy)]
pub enum LogTo<'a> {
    /// To standard error, for people.
    Stderr,
    /// To a file of mode 600, one JSON object a line; its folder is made with mode 700.
    File(&'a Path),
}

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The file cannot be written.
    #[error("{path}: the log cannot be written there: {source}")]
    File {
        /// Which file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// The filter is not one.
    #[error("HWC_LOG is not a log filter; write a level, as in HWC_LOG=debug, or target=level pairs")]
    Filter,
    /// There is one already.
    #[error("the log is set up already")]
    Twice,
}

/// The environment's filter for the log: a level, or `target=level` pairs.
pub const FILTER_VARIABLE: &str = "HWC_LOG";

/// Whatever the environment asks for, nobody but ourselves is heard below `info`: at `trace` a client library prints every
/// message that it sends, and a ciphertext in a log outlives its erasure; nor is anybody sure of what a library for HTTP or TLS
/// says of a household on its way.
fn is_ours_or_quiet(what: &Metadata<'_>) -> bool {
    what.target().starts_with("hwc") || *what.level() <= Level::INFO
}

/// Sets the log up, once. `otherwise` is the level when the environment says nothing.
pub fn set_up(to: LogTo<'_>, otherwise: &str) -> Result<(), LogError> {
    let wanted = std::env::var(FILTER_VARIABLE).unwrap_or_else(|_| otherwise.to_owned());
    let filter = EnvFilter::try_new(wanted).map_err(|_| LogError::Filter)?;
    let registry = tracing_subscriber::registry().with(filter).with(filter_fn(is_ours_or_quiet));
    match to {
        LogTo::Stderr => registry.with(fmt::layer().with_writer(io::stderr).with_target(false)).try_init(),
        LogTo::File(path) => {
            let failed = |source| LogError::File { path: path.display().to_string(), source };
            if let Some(folder) = path.parent() {
                std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
            }
            let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path).map_err(failed)?;
            registry.with(fmt::layer().json().with_writer(Mutex::new(file))).try_init()
        }
    }
    .map_err(|_| LogError::Twice)
}
