//! What the police work with: their office, their door, their key, and to whom they seal.

use std::{future::Future, pin::Pin, sync::Arc};

use hwc_adapter_kit::{
    Office,
    door::{Door, DoorError},
    office::Unsealed,
};
use hwc_schemas::{
    IncidentId, Organisation,
    ask::{Ask, Progress, REPORTS_PER_QUESTION_MAX, Told},
};

use crate::{ReferenceKey, Sent, Submission, send};

/// A desk of the police. Cheap to clone.
#[derive(Clone)]
pub struct Desk {
    /// What is sealed and submitted.
    pub office: Office,
    /// What is asked.
    pub door: Door,
    /// From which incident ids are derived.
    pub key: Arc<ReferenceKey>,
    /// To whom every report is sealed.
    pub veilig_thuis: Organisation,
}

/// Why nobody can say how far a report is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotTold {
    /// The relay did not answer.
    #[error(transparent)]
    Door(#[from] DoorError),
    /// Not now.
    #[error("the relay was busy")]
    Busy,
    /// The relay does not know the question.
    #[error("the relay cannot say which reports were screened; is it older than this program?")]
    NotUnderstood,
}

/// What comes of asking the relay.
pub type Said<'a, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'a>>;

/// The way out to the relay: on the broker a [`Desk`].
pub trait WayOut: Send + Sync + 'static {
    /// The incident that a reference stands for.
    fn incident(&self, sender: Option<&str>, reference: &str) -> IncidentId;

    /// Seals a report and submits it until the engine has answered. Dropping the future is safe at any moment.
    fn send<'a>(&'a self, submission: &'a Submission) -> Said<'a, Sent, Unsealed>;

    /// How far reports are, in the same order.
    fn progress<'a>(&'a self, incidents: &'a [IncidentId]) -> Said<'a, Vec<Progress>, NotTold>;
}

impl WayOut for Desk {
    fn incident(&self, sender: Option<&str>, reference: &str) -> IncidentId {
        self.key.incident_of(sender, reference)
    }

    fn send<'a>(&'a self, submission: &'a Submission) -> Said<'a, Sent, Unsealed> {
        Box::pin(send(&self.office, &self.key, &self.veilig_thuis, submission))
    }

    fn progress<'a>(&'a self, incidents: &'a [IncidentId]) -> Said<'a, Vec<Progress>, NotTold> {
        Box::pin(async move {
            let mut all = Vec::with_capacity(incidents.len());
            for some in incidents.chunks(REPORTS_PER_QUESTION_MAX) {
                match self.door.ask(&Ask::Reports { incidents: some.to_vec() }).await? {
                    Told::Reports { reports } if reports.len() == some.len() => all.extend(reports),
                    Told::TryLater => return Err(NotTold::Busy),
                    _ => return Err(NotTold::NotUnderstood),
                }
            }
            Ok(all)
        })
    }
}
