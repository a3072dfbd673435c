//! Sending one report.

use hwc_adapter_kit::{Attempts, Office, office::Unsealed};
use hwc_schemas::{
    IncidentId, Organisation,
    wire::{Answer, Command},
};

use jiff::tz::TimeZone;

use crate::{ReferenceKey, Submission};

/// What the engine said to a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// The incident that the reference stands for.
    pub incident: IncidentId,
    /// The engine's answer.
    pub answer: Answer,
}

/// Seals a report to Veilig Thuis and submits it until the engine has answered (R8). The same reference again is answered
/// *already recorded* and not looked at (R9).
pub async fn send(
    office: &Office,
    key: &ReferenceKey,
    veilig_thuis: &Organisation,
    submission: &Submission,
) -> Result<Sent, Unsealed> {
    let incident = key.incident_of(submission.sender.as_deref(), &submission.report_id);
    office.witness().submitting(&submission.report_id, incident);
    let from = office.clock().now();
    // A report of a clock that is ahead is one of today.
    let day = TimeZone::UTC.to_datetime(submission.report.reported_at.min(from)).date();
    office.will_report(incident, submission.report.mentions.len()).await;
    let mut attempts = Attempts::default();
    let (answer, place) = loop {
        let report = office.seal(&submission.report, (incident, None), veilig_thuis, attempts).await?;
        let said = office.submit_in(&Command::Record { incident, day, report }).await;
        if !attempts.again(said.0) {
            break said;
        }
    };
    office.telemetry().sent(place, answer, from, office.clock().now());
    Ok(Sent { incident, answer })
}
