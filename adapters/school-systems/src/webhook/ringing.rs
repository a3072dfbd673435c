//! A clerk beside whom the bell rings.

use std::{pin::pin, sync::Arc, time::Duration};

use hwc_adapter_kit::{Clerk, Office, Settled};
use hwc_post::Purpose;
use hwc_schemas::wire::{Notice, Task};
use hwc_school::code_of;
use jiff::Timestamp;

use super::{
    Bell, Event, News,
    bell::{ENDING_OF_USE_FOR, Round},
    event::Data,
};
use hwc_adapter_kit::code::DIGITS_MIN;

/// A reminder may come a moment before the signal that it is about, when a process has just started.
const LIES_THERE_WITHIN: Duration = Duration::from_mins(1);
/// How often it is looked whether it lies there.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A clerk for whose tasks the school's own software is rung at.
pub struct Ringing<C> {
    clerk: C,
    bell: Option<Bell>,
}

impl<C> Ringing<C> {
    /// This clerk; without a bell nothing rings.
    pub const fn beside(clerk: C, bell: Option<Bell>) -> Self {
        Self { clerk, bell }
    }
}

impl Bell {
    /// Rings for a signal that waits, as long as it does.
    async fn waits(&self, task: &Task, round: Round, since: Timestamp) {
        let Some((_, code)) = self.inner.lying(round) else { return };
        let data = Data { code, round: round.1, since, reminders: 0 };
        let event = Event::of(News::Waits, &self.inner.school, task, since, data);
        self.inner.ring(&event, round, None, || self.inner.lying(round).is_some()).await;
    }

    /// Rings for a reminder (R20), as long as anybody has a use for it and the signal waits.
    async fn reminded(&self, task: &Task, round: Round, notice: Notice, due: Timestamp) {
        let looking = async {
            loop {
                if let Some(found) = self.inner.lying(round) {
                    return found;
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        // What does not lie there has ended.
        let Ok((one, code)) = tokio::time::timeout(LIES_THERE_WITHIN, looking).await else { return };
        let data = Data { code, round: round.1, since: one.since, reminders: one.reminders };
        let event = Event::of(News::Reminded, &self.inner.school, task, due, data);
        let over = Purpose::of(notice, due, &self.inner.zone).over;
        self.inner.ring(&event, round, over, || self.inner.lying(round).is_some()).await;
    }

    /// Rings for one that waits no more, beside everything else: its task is let go at once.
    fn gone(&self, task: &Task, round: Round, since: Timestamp) {
        let Ok(place) = Arc::clone(&self.inner.endings).try_acquire_owned() else { return };
        let (now, inner) = (Timestamp::now(), Arc::clone(&self.inner));
        let (_, digits) = inner.tray.lying();
        let code = code_of(&inner.school, round).short(digits.max(DIGITS_MIN)).to_owned();
        let data = Data { code, round: round.1, since, reminders: 0 };
        let event = Event::of(News::Gone, &inner.school, task, now, data);
        tokio::spawn(async move {
            let over = now.checked_add(ENDING_OF_USE_FOR).ok();
            inner.ring(&event, round, over, || true).await;
            drop(place);
        });
    }
}

impl<C: Clerk> Clerk for Ringing<C> {
    async fn handle(&self, office: &Office, task: &Task, since: Timestamp) -> Settled {
        let working = self.clerk.handle(office, task, since);
        match (&self.bell, task) {
            (Some(bell), Task::Read { signal, round }) => {
                let round = (*signal, *round);
                let mut working = pin!(working);
                let settled = tokio::select! {
                    // First, so that it lies in the tray.
                    biased;
                    settled = &mut working => settled,
                    () = bell.waits(task, round, since) => working.await,
                };
                if settled == Settled::Done {
                    bell.gone(task, round, since);
                }
                settled
            }
            (
                Some(bell),
                Task::Notice {
                    signal,
                    round,
                    notice: notice @ (Notice::RemindContact | Notice::RemindBackup),
                    due,
                },
            ) => {
                let ringing = async {
                    tokio::select! {
                        () = bell.reminded(task, (*signal, *round), *notice, *due) => Settled::Done,
                        // It rings once more then, if it did already.
                        () = office.hours().closing() => Settled::HandedBack,
                    }
                };
                let (settled, rung) = tokio::join!(biased; working, ringing);
                if settled == Settled::Done { rung } else { settled }
            }
            _ => working.await,
        }
    }
}
