//! What can go wrong at the operator's desk, and what to do about it.

use std::{io, path::PathBuf};

use hwc_jetstream::CredentialError;
use hwc_vault::{DirectoryError, FileError, Fingerprint, KeyFileError, NoChance, OperatorKeyError};

use crate::Member;

/// Why the operator's desk did not do something. Nothing secret is in it. Matters to the operator.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// A folder or file that the system would not make, move or take away.
    #[error("{}: {source}", path.display())]
    System {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The folder is there already.
    #[error("{}: holds something already; choose another folder", .0.display())]
    Exists(PathBuf),
    /// There is no operator here.
    #[error("{}: is not an operator's folder; begin one with: hwc operator init --dir DIR --broker-name NAME", .0.display())]
    NotAnOperator(PathBuf),
    /// Somebody else is at the desk.
    #[error("{}: another hwc operator is at work here; wait until it has finished", .0.display())]
    InUse(PathBuf),
    /// The register cannot be read.
    #[error("{}: cannot be read at line {line}; restore the folder from its safe copy", path.display())]
    Register {
        /// Which file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// The operator's signing key.
    #[error(transparent)]
    OperatorKey(#[from] OperatorKeyError),
    /// A sealing key.
    #[error(transparent)]
    SealingKey(#[from] KeyFileError),
    /// A credential for the broker.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// The directory would not do.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// No chance, no keys.
    #[error(transparent)]
    Chance(#[from] NoChance),
    /// A certificate could not be made or read.
    #[error("a certificate could not be made or read: {0}")]
    Certificate(String),
    /// A request that cannot be read.
    #[error("{}: is not a request as `hwc keys new` makes it; have it sent again", .0.display())]
    NotARequest(PathBuf),
    /// A request for somebody else.
    #[error("the request is for {asked}, not for {wanted}; was the right file given?")]
    RequestOfAnother {
        /// Whom it is for.
        asked: Member,
        /// Who was meant.
        wanted: Member,
    },
    /// A request with another fingerprint than was read out.
    #[error(
        "the request has another fingerprint than the one given. If they read theirs out rightly, somebody changed it on the \
         way: add nobody, and have it brought by another way"
    )]
    OtherFingerprint,
    /// A request without a fingerprint.
    #[error(
        "ask {0} by telephone, on a number that you had before, for the fingerprint that `hwc keys new` showed them; then \
         give it with --fingerprint \"...\""
    )]
    NoFingerprint(Member),
    /// It takes part already.
    #[error("{0} takes part already; to give it new keys: hwc operator rotate {0}")]
    Known(Member),
    /// It does not take part.
    #[error("{0} does not take part; see: hwc operator show")]
    Unknown(Member),
    /// A key that somebody has or had.
    #[error(
        "a key in this request is, or was, in use already (fingerprint {0}); have new ones made: hwc keys new"
    )]
    UsedKey(Fingerprint),
    /// More than fit.
    #[error("no more than {0} engines and organisations fit")]
    Full(usize),
    /// A name of the broker that no certificate can have.
    #[error(
        "not a name or an address of a broker; wanted one such as broker.example or 10.0.0.1, without a port"
    )]
    BrokerName,
    /// A broker under a name that the brokers' certificate does not hold.
    #[error(
        "the brokers' certificate does not hold the name {0}; give it all their names with: hwc operator renew-broker --broker-name \
         NAME, once for each"
    )]
    NotNamed(String),
    /// The server's own check refuses what follows from the register. Nothing was changed.
    #[error("nats-server refuses the new configuration, and nothing was changed: {0}")]
    Refused(String),
    /// No program to check it with.
    #[error(
        "no nats-server was found to check the configuration with ({0}); give one with --nats-server FILE"
    )]
    NoServer(String),
    /// The running server did not take it over.
    #[error(
        "everything is written, but the running broker did not take it over: {0}. Mend that, then: hwc operator apply"
    )]
    NotReloaded(String),
}

impl OperatorError {
    pub(crate) fn at(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::System { path, source }
    }
}

impl From<rcgen::Error> for OperatorError {
    fn from(error: rcgen::Error) -> Self {
        Self::Certificate(error.to_string())
    }
}
