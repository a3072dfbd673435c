//! Why a register could not be used, in words that hold nothing of its content: what a database says of an error may quote
//! the row that it stumbled over.

use std::{io, path::PathBuf};

use hwc_adapter_kit::table::TableError;

/// Why a register could not be used. Matters to the municipality's administrator.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// A file is not there or cannot be read.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file with a database or a password can be read by others.
    #[error("{0}: others on this machine can read it; chmod 600 it")]
    OpenToOthers(PathBuf),
    /// The address of a database cannot be used.
    #[error("{path}: {problem}")]
    Address {
        /// The file that holds it.
        path: PathBuf,
        /// What is wrong, without what stands there.
        problem: &'static str,
    },
    /// There is no register yet.
    #[error("there is no register in this database yet; make it with: hwc municipality register prepare")]
    NotPrepared,
    /// Another program made it.
    #[error("a newer program made this register; use that one")]
    Newer,
    /// An older program made it.
    #[error(
        "an older program made this register; bring it up to date with: hwc municipality register prepare"
    )]
    Older,
    /// It has never been filled.
    #[error("no enrolments were ever imported for this municipality; nobody can be found in it")]
    NeverImported,
    /// The database.
    #[error("the database: {0}")]
    Database(Fault),
    /// A row that this program did not write so.
    #[error("the register holds a row that cannot be read; import it in full")]
    Spoilt,
    /// So many rows could be one child that no person could choose.
    #[error("more than {0} rows of the register could be this one child; the register is not in order")]
    TooManyAlike(usize),
    /// A file that is not taken.
    #[error(transparent)]
    Table(#[from] TableError),
    /// So many pupils would vanish that the file must be a wrong one.
    #[error(
        "{gone} of {before} pupils would vanish, more than {percent_max} %: nothing was changed. If the file is right, say \
         --confirm-shrink"
    )]
    Shrinks {
        /// Pupils that would vanish.
        gone: usize,
        /// Pupils that are there.
        before: usize,
        /// How many of a hundred may.
        percent_max: u8,
    },
    /// What was to be done to a school cannot be.
    #[error("{0}")]
    School(&'static str),
}

/// What went wrong with a database, without what it was about.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It cannot be reached.
    #[error("it cannot be reached ({0})")]
    Away(io::ErrorKind),
    /// No secure connection.
    #[error("no secure connection: the certificates do not agree")]
    Tls,
    /// It was too busy.
    #[error("no answer in time")]
    Busy,
    /// It refused.
    #[error("it refused (code {0}): {1}")]
    Refused(String, &'static str),
    /// It answered what was not expected.
    #[error("it answered what this program does not expect")]
    Strange,
}

impl From<sqlx::Error> for RegisterError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(Fault::from(error))
    }
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Io(error) => Self::Away(error.kind()),
            sqlx::Error::Tls(_) => Self::Tls,
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => Self::Busy,
            sqlx::Error::Database(error) => {
                let code: String = error.code().unwrap_or_default().chars().take(8).collect();
                let meaning = meaning(&code);
                Self::Refused(code, meaning)
            }
            _ => Self::Strange,
        }
    }
}

/// What the common codes of both databases mean for whoever can do something about it.
fn meaning(code: &str) -> &'static str {
    match code {
        "28000" | "28P01" => "user or password are wrong",
        "3D000" => "there is no database of that name",
        "42501" | "8" | "1032" => "this user may not write",
        "42P01" | "1" => "a table is not there",
        "53100" | "13" => "the disk is full",
        "53300" => "too many connections",
        "57014" => "it took too long",
        "5" | "261" | "517" | "55P03" => "another program writes at this moment; try again",
        "11" | "26" => "the file is no database, or damaged",
        "14" => "the file cannot be opened",
        _ => "see the code in the database's manual",
    }
}
