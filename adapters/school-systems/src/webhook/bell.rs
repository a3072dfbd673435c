//! The bell: calls until it was heard, nobody needs it any more, or the receiver wants no more.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hwc_adapter_kit::Telemetry;
use hwc_post::{Purpose, patience};
use hwc_schemas::{Organisation, SignalId};
use hwc_school::{Lying, Tray};
use hwc_telemetry::Mailed;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use tokio::sync::{Mutex as Turn, Semaphore, watch};

use super::{
    Caller, Event, Webhook,
    call::{Heard, Why},
};

/// Calls under way at once.
const CALLS_MAX: usize = 8;
/// Endings that are being told at once. More are not told: the list says what waits.
const ENDINGS_MAX: usize = 256;
/// A receiver that refuses is called again after so long.
const REFUSED_WAIT: SignedDuration = SignedDuration::from_mins(15);
/// Failures in a row of one event after which somebody should look.
const FAILURES_SAID: u32 = 3;
/// An ending is of use for so long.
pub(super) const ENDING_OF_USE_FOR: SignedDuration = SignedDuration::from_hours(12);

/// What is wrong with the webhook just now; none when the last call was heard. It names no signal.
pub type Failing = watch::Receiver<Option<String>>;

/// One time round of one signal.
pub(super) type Round = (SignalId, u16);

/// Rings at a school's own software. Cheap to clone.
#[derive(Clone)]
pub struct Bell {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    caller: Caller,
    pub(super) school: Organisation,
    pub(super) tray: Tray,
    pub(super) zone: TimeZone,
    pub(super) endings: Arc<Semaphore>,
    calls: Semaphore,
    turns: Mutex<HashMap<Round, Arc<Turn<()>>>>,
    failing: watch::Sender<Option<String>>,
    telemetry: Telemetry,
    hurry: u32,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rung {
    /// The receiver has it.
    Heard,
    /// Nobody needs to hear it any more, or ever wants to.
    NotNeeded,
}

impl Bell {
    /// A bell of this school, for what lies in this tray.
    pub fn new(webhook: Webhook, school: Organisation, tray: Tray, telemetry: Telemetry) -> Self {
        Self::hurried(webhook, school, tray, telemetry, 1)
    }

    /// The same, with waits that are so many times shorter: for a rehearsal.
    pub fn hurried(
        webhook: Webhook,
        school: Organisation,
        tray: Tray,
        telemetry: Telemetry,
        hurry: u32,
    ) -> Self {
        let inner = Inner {
            caller: Caller::new(webhook),
            school,
            tray,
            zone: TimeZone::get("Europe/Amsterdam").unwrap_or(TimeZone::UTC),
            endings: Arc::new(Semaphore::new(ENDINGS_MAX)),
            calls: Semaphore::new(CALLS_MAX),
            turns: Mutex::default(),
            failing: watch::channel(None).0,
            telemetry,
            hurry: hurry.max(1),
        };
        Self { inner: Arc::new(inner) }
    }

    /// What is wrong with the webhook, now and whenever that changes.
    pub fn failing(&self) -> Failing {
        self.inner.failing.subscribe()
    }
}

impl Inner {
    /// Rings until it was heard; or until it is of no use any more, by this moment or because it is not wanted.
    pub(super) async fn ring(
        &self,
        event: &Event,
        round: Round,
        over: Option<Timestamp>,
        wanted: impl Fn() -> bool + Send,
    ) -> Rung {
        let (mut attempts, mut refused) = (0, false);
        loop {
            let now = Timestamp::now();
            let purpose = Purpose { aim: Purpose::of_waiting(now, &self.zone).aim, over };
            let Some(wait) = patience::wait(now, &purpose, attempts, patience::dice()) else {
                tracing::warn!(news = event.news().word(), attempts, "the webhook was not heard in time");
                return Rung::NotNeeded;
            };
            let wait = if refused { wait.max(REFUSED_WAIT) } else { wait };
            tokio::time::sleep(Duration::try_from(wait).unwrap_or_default() / self.hurry).await;
            if !wanted() {
                return Rung::NotNeeded;
            }
            let heard = {
                let turn = self.turn(round);
                // One call at a time for a signal, a few at a time for all of them.
                let _turn = turn.lock().await;
                let _call = self.calls.acquire().await;
                self.caller.call(event).await
            };
            attempts += 1;
            refused = matches!(heard, Heard::Refused(_));
            self.say(event, heard, attempts);
            match heard {
                Heard::Yes => return Rung::Heard,
                Heard::NoMore => return Rung::NotNeeded,
                Heard::NotNow(_) | Heard::Refused(_) => {}
            }
        }
    }

    /// The signal as it lies in the tray.
    pub(super) fn lying(&self, (signal, round): Round) -> Option<(Lying, String)> {
        let (lying, digits) = self.tray.lying();
        let one = lying.into_iter().find(|one| (one.signal, one.round) == (signal, round))?;
        let code = one.code.short(digits).to_owned();
        Some((one, code))
    }

    fn say(&self, event: &Event, heard: Heard, attempts: u32) {
        let news = event.news().word();
        let (fate, failing) = match heard {
            Heard::Yes => {
                tracing::info!(news, "the webhook was heard");
                (Mailed::Taken, Some(None))
            }
            Heard::NotNow(why) => {
                tracing::warn!(news, attempts, %why, "the webhook was not heard yet");
                (Mailed::Later, (attempts >= FAILURES_SAID).then(|| Some(often(why, attempts))))
            }
            Heard::Refused(status) => {
                tracing::error!(
                    news,
                    attempts,
                    status,
                    "the webhook was refused; look at [webhook] and at the receiver"
                );
                (Mailed::Refused, Some(Some(refusal(status))))
            }
            Heard::NoMore => {
                tracing::error!(news, "the receiver wants to hear no more of this by the webhook (410)");
                (Mailed::Refused, Some(Some(refusal(410))))
            }
        };
        if let Some(failing) = failing {
            self.failing.send_replace(failing);
        }
        self.telemetry.webhook_called(fate);
    }

    fn turn(&self, round: Round) -> Arc<Turn<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        turns.retain(|_, turn| Arc::strong_count(turn) > 1);
        Arc::clone(turns.entry(round).or_default())
    }
}

fn often(why: Why, attempts: u32) -> String {
    format!("the webhook was not heard {attempts} times: {why}")
}

fn refusal(status: u16) -> String {
    format!("the receiver of the webhook refuses it ({status}); look at [webhook] url and at the receiver")
}
