//! What can go wrong between us and the broker, in words that hold nothing of what was carried.

use std::fmt;

/// Why a request to the broker did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// No answer in time. It may have happened or not; look before trying again.
    #[error("the broker did not answer in time, so the outcome is unknown")]
    NoAnswer,
    /// Nobody serves that subject: JetStream is off or still starting, the stream is gone, or it has no leader. Nothing
    /// happened.
    #[error(
        "nobody serves this on the broker: JetStream is off or starting, or what was asked of is not there"
    )]
    NobodyServes,
    /// The connection was closed for good.
    #[error("the connection to the broker is closed")]
    Closed,
    /// The lease is not surely ours any more; nothing was sent.
    #[error("another engine may lead by now, so nothing was sent")]
    NotLeading,
    /// Whoever asks is a board, and this is more than looking; nothing was sent.
    #[error("a board may look and do nothing else; say it with an engine's settings")]
    OnlyLooks,
    /// Larger than the broker takes. Nothing happened.
    #[error("larger than the broker takes; raise its max_payload")]
    TooLarge,
    /// So much is stored already that no further ciphertext is taken. Nothing happened; there is room again when signals end.
    #[error("the store holds as much as it may: it takes no more ciphertexts until some are erased")]
    Full,
    /// The broker said no.
    #[error("the broker refused: {description} ({code})")]
    Refused {
        /// The broker's own number for it.
        code: u64,
        /// The broker's own words.
        description: String,
    },
    /// The broker's answer cannot be read.
    #[error("the broker's answer cannot be read; is it the version this program was verified against?")]
    Garbled,
}

impl Fault {
    /// Whether the broker took no second message of a subject that has one.
    pub(crate) fn is_already_there(&self) -> bool {
        matches!(self, Self::Refused { code: code::STORE_FAILED, description }
            if description == "maximum messages per subject exceeded")
    }

    /// Whether the broker said no for this reason.
    pub(crate) const fn is(&self, wanted: u64) -> bool {
        matches!(self, Self::Refused { code, .. } if *code == wanted)
    }
}

/// The broker's own numbers that are told apart here.
pub(crate) mod code {
    pub(crate) const CONSUMER_NOT_FOUND: u64 = 10014;
    pub(crate) const NO_MESSAGE: u64 = 10037;
    pub(crate) const NO_SEQUENCE: u64 = 10043;
    pub(crate) const STREAM_EXISTS: u64 = 10058;
    pub(crate) const STREAM_NOT_FOUND: u64 = 10059;
    pub(crate) const WRONG_LAST_SEQUENCE: u64 = 10071;
    pub(crate) const CONSUMER_EXISTS: u64 = 10148;
    /// A limit of the stream's; which one, only the words say.
    pub(crate) const STORE_FAILED: u64 = 10077;
    /// The same as [`WRONG_LAST_SEQUENCE`], where another append of the same subject is under way in a cluster.
    pub(crate) const WRONG_LAST_SEQUENCE_UNDER_WAY: u64 = 10164;
}

/// Why a store on the broker cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// A stream or consumer is not as it must be. It is never altered silently.
    #[error("{0}; change it with the nats tool, or start the engine with the settings it was made with")]
    Differs(Differences),
    /// The broker would not.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Everything that differs, one sentence each: `JOURNAL: replicas is 1, wanted 3`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Differences(pub Vec<String>);

impl fmt::Display for Differences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("; "))
    }
}
