//! TOML, strictly: an unknown key is refused with its line, and no message repeats what a file holds.

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use serde::de::DeserializeOwned;

/// The largest settings file, in bytes.
pub(crate) const BYTES_MAX: u64 = 1024 * 1024;

/// A settings file that cannot be used. Matters to whoever wrote it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    /// It is not there or cannot be read.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// One setting.
    #[error("{path} {place}")]
    Setting {
        /// Which file.
        path: PathBuf,
        /// Where in it, and what is wrong.
        place: Misplaced,
    },
    /// Something that two settings, or a setting and the world, do not agree about.
    #[error("{path}: {problem}")]
    Unusable {
        /// Which file.
        path: PathBuf,
        /// What is wrong and what to do.
        problem: String,
    },
}

/// What is wrong at a place of a file, without what stands there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {problem}")]
pub(crate) struct Misplaced {
    /// The line, from 1.
    pub(crate) line: usize,
    /// The column, from 1.
    pub(crate) column: usize,
    /// What is wrong.
    pub(crate) problem: String,
}

impl Misplaced {
    /// At this byte of the text.
    pub(crate) fn at(text: &str, byte: usize, problem: &str) -> Self {
        let before = text.get(..byte.min(text.len())).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Self { line, column, problem: problem.to_owned() }
    }
}

/// Reads a settings file.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<T, SettingsError> {
    let bytes = bytes(path)?;
    let text = text(&bytes).map_err(|place| SettingsError::Setting { path: path.into(), place })?;
    parse(text).map_err(|place| SettingsError::Setting { path: path.into(), place })
}

/// The bytes of a file of bounded size.
pub(crate) fn bytes(path: &Path) -> Result<Vec<u8>, SettingsError> {
    let failed = |source| SettingsError::File { path: path.into(), source };
    let file = File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > BYTES_MAX {
        let problem = format!("larger than settings may be ({BYTES_MAX} bytes)");
        return Err(SettingsError::Unusable { path: path.into(), problem });
    }
    Ok(bytes)
}

/// The bytes as text.
pub(crate) fn text(bytes: &[u8]) -> Result<&str, Misplaced> {
    std::str::from_utf8(bytes).map_err(|error| {
        Misplaced::at(&String::from_utf8_lossy(bytes), error.valid_up_to(), "the text is not UTF-8")
    })
}

/// Reads settings from text.
pub(crate) fn parse<T: DeserializeOwned>(text: &str) -> Result<T, Misplaced> {
    toml::from_str(text).map_err(|error| {
        Misplaced::at(text, error.span().map_or(0, |span| span.start), &without_content(error.message()))
    })
}

/// What the reader says, less whatever it quotes of the file.
fn without_content(message: &str) -> String {
    if message.starts_with("unknown field") {
        "this setting is not known".to_owned()
    } else if message.starts_with("missing field") {
        message.lines().next().unwrap_or("a setting is missing").to_owned()
    } else if message.starts_with("duplicate") {
        "this setting stands here twice".to_owned()
    } else if message.starts_with("invalid type") || message.starts_with("invalid value") {
        "the value is of the wrong kind".to_owned()
    } else if message.starts_with("not ") {
        // Our own words about ids and organisations, which quote nothing.
        message.lines().next().unwrap_or_default().to_owned()
    } else {
        "this is not TOML".to_owned()
    }
}
