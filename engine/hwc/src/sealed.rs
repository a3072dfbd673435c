//! What is asked of the payloads of a command before anything is done with it.

use hwc_schemas::wire::{Command, Finding, Sealed};
use hwc_vault::marker;

/// Whether everything that a command carries has the shape of a seal: what is not sealed must never be stored. Whether it
/// opens is not ours to know.
pub(crate) fn is_sealed(command: &Command<Sealed>) -> bool {
    match command {
        Command::Record { report, .. } => marker(report).is_some(),
        Command::Expand { expansion, .. } => expansion.findings.iter().all(|finding| match finding {
            Finding::Refer { referral, .. } => marker(referral).is_some(),
            Finding::ScreenedOut { .. } | Finding::NotParticipating => true,
        }),
        Command::Route { letter, .. } => marker(letter).is_some(),
        Command::Screen { .. }
        | Command::Withhold { .. }
        | Command::Acknowledge { .. }
        | Command::Return { .. }
        | Command::Recall { .. } => true,
    }
}
