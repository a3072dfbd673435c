//! How the program ends: the exit codes of the README, and the last words on standard error.

use std::{io::Write as _, process::ExitCode};

/// What the codes mean. 2 (usage) is clap's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    /// Everything as it should be.
    Fine = 0,
    /// It did not work, or not all of it.
    Failed = 1,
    /// Settings or a dataset that cannot be used.
    Settings = 3,
    /// Something it depends on is out of reach.
    Unreachable = 4,
    /// It was asked for something that it does not do.
    Refused = 5,
    /// What was asked about is not as it should be.
    Critical = 6,
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code as u8)
    }
}

/// Says why on standard error.
pub(crate) fn say(words: &str) {
    // Nobody may be reading; that is no reason to fail.
    let _ = writeln!(std::io::stderr(), "hwc: {words}");
}

/// Ends with code 1.
pub(crate) fn failed(words: &str) -> ExitCode {
    say(words);
    Code::Failed.into()
}
