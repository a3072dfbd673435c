//! What the operator's desk shows: who takes part, and what to compare by telephone.

use hwc_vault::{Fingerprint, OperatorPublicKey};
use serde::Serialize;

use crate::{
    Member,
    register::{Entry, Register},
};

/// Everything there is to show. Nothing of it is secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// The directory's serial.
    pub serial: u64,
    /// The fingerprint of the operator's signing key: what `hwc keys show` says of `operator.pub`.
    pub operator: String,
    /// Under which names the broker is reached.
    pub broker_names: Vec<String>,
    /// The day that the broker's certificate runs out.
    pub broker_until: String,
    /// Who takes part.
    pub members: Vec<ShownMember>,
    /// Who was put out, and when; a member that got new keys is here with its old ones.
    pub put_out: Vec<(String, String)>,
    /// Whether the files that follow from the register are as they should be; if not: `hwc operator apply`.
    pub applied: bool,
}

/// One member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShownMember {
    /// An organisation, an engine or a board.
    pub name: String,
    /// The fingerprint of what is sealed to it; none for an engine or a board, which opens nothing.
    pub fingerprint: Option<String>,
    /// How many earlier keys are listed still.
    pub earlier_keys: usize,
    /// Since when with these keys.
    pub since: String,
    /// The day that its certificate runs out.
    pub until: String,
}

impl Shown {
    pub(crate) fn of(register: &Register, operator: &OperatorPublicKey, applied: bool) -> Self {
        let shown = |(member, entry): (&Member, &Entry)| ShownMember {
            name: member.to_string(),
            fingerprint: entry.seal.map(|key| key.fingerprint().to_string()),
            earlier_keys: entry.earlier.len(),
            since: entry.since.to_string(),
            until: entry.until.to_string(),
        };
        let operator: Fingerprint = operator.fingerprint();
        Self {
            serial: register.serial,
            operator: operator.to_string(),
            broker_names: register.broker.names.clone(),
            broker_until: register.broker.until.to_string(),
            members: register.members.iter().map(shown).collect(),
            put_out: register
                .revoked
                .iter()
                .map(|one| (one.member.to_string(), one.on.to_string()))
                .collect(),
            applied,
        }
    }
}
