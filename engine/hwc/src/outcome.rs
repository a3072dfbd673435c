//! What a command comes to, and the one place where it is told: in words to a person, or as one line of JSON to a program.
//!
//! An answer is an object also when it is a no: its first key, `outcome`, `act` or what the command makes, is a word that does not
//! change. What kept the question from being put (settings, a file, a process that is not there) is no answer: it is said in words on
//! standard error, as everywhere, and nothing stands on standard output. The exit code is the same in either form.

use std::{fmt::Display, path::Path};

use serde::Serialize;

use crate::{
    cli::{self, Output},
    exit::{self, Code},
};

/// What a command comes to: `Display` for people, `Serialize` for programs. Nothing in it names a child.
pub(crate) trait Outcome: Serialize + Display {
    /// How the program ends by it.
    fn code(&self) -> Code {
        Code::Fine
    }
}

/// Tells what a command came to. What is not as it was asked for is said in words on standard error in either form.
pub(crate) fn tell(output: Output, outcome: &impl Outcome) -> Code {
    let code = outcome.code();
    if output == Output::Json {
        match serde_json::to_string(outcome) {
            Ok(line) => {
                cli::print(&format!("{line}\n"));
            }
            Err(error) => {
                exit::say(&format!("it cannot be written as JSON: {error}"));
                return Code::Failed;
            }
        }
    }
    match (output, code) {
        (Output::Json, Code::Fine) => {}
        (Output::Text, Code::Fine) => {
            let words = outcome.to_string();
            cli::print(words.strip_suffix('\n').unwrap_or(&words));
            cli::print("\n");
        }
        _ => exit::say(&outcome.to_string()),
    }
    code
}

/// A path as people write it.
pub(crate) fn path<S: serde::Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}
