//! A contact that is a program: it opens what has come when its time has come, and says at once what it is.

use std::sync::Arc;

use hwc_adapter_kit::{Clerk, Office, Settled};
use hwc_schemas::{
    SignalId,
    letter::Letter,
    wire::{Command, Fetch, Task},
};
use jiff::Timestamp;

/// What the contact says after reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// *Ontvangen*: received.
    Received,
    /// *Geen leerling van ons*: not our pupil.
    NotOurPupil,
}

/// The contact of one school.
pub trait Contact: Send + Sync + 'static {
    /// When the contact opens a signal that arrived at this moment; `None` for never.
    fn opens_at(&self, arrived: Timestamp) -> Option<Timestamp>;

    /// Reads a letter. It is wiped when this returns.
    fn read(&self, letter: &Letter) -> Reading;
}

/// A school at work.
pub struct Desk<C> {
    contact: Arc<C>,
}

impl<C: Contact> Desk<C> {
    /// A desk with its contact.
    pub const fn new(contact: Arc<C>) -> Self {
        Self { contact }
    }

    async fn read(&self, office: &Office, task: &Task, (signal, round): (SignalId, u16)) -> Settled {
        let Some(opens_at) = self.contact.opens_at(office.clock().now()) else {
            // Nobody comes. The task is let go; the signal waits in the engine, which reminds and then expires it.
            return Settled::Done;
        };
        if opens_at > office.clock().now() {
            office.clock().sleep_until(&task.id(), opens_at).await;
        }
        let reading = match office.open::<Letter>(&Fetch::Letter { signal, round }).await {
            Ok(letter) => {
                office.witness().opened(signal, &letter.child, office.organisation());
                self.contact.read(&letter)
            }
            Err(why) => return Settled::without(office, task, &why),
        };
        let answer = match reading {
            Reading::Received => office.submit(&Command::Acknowledge { signal, round }).await,
            Reading::NotOurPupil => office.submit(&Command::Return { signal, round }).await,
        };
        Settled::by(office, task, answer)
    }
}

impl<C: Contact> Clerk for Desk<C> {
    async fn handle(&self, office: &Office, task: &Task, _: Timestamp) -> Settled {
        match task {
            Task::Read { signal, round } => self.read(office, task, (*signal, *round)).await,
            Task::Notice { notice, .. } => {
                tracing::info!(organisation = %office.organisation(), notice = notice.as_str(), "a notice");
                Settled::Done
            }
            Task::Screen { .. } | Task::LookUp { .. } | Task::Route { .. } => Settled::Done,
        }
    }
}
