//! What the parties of a replay work with: everything that survives a death, so that the next life can begin.

use std::{sync::Arc, time::Duration};

use hwc_adapter_kit::{Clock, Station, Telemetry};
use hwc_jetstream::{Credential, Door, Lease, Link, Settings, SetupError};
use hwc_relay::Rules;
use hwc_schemas::Organisation;
use hwc_vault::Directory;
use tokio::sync::watch;

use super::{cast::Secrets, diary::Diarist};
use crate::{
    engine::{self, Ended, Engine, EngineError, Observer, Sweep},
    telling::Telling,
    timeline::Timeline,
};

/// What an engine works with, in this life and the next.
#[derive(Clone)]
pub(super) struct Seat {
    pub(super) credential: Credential,
    pub(super) streams: Settings,
    pub(super) everybody: Vec<Organisation>,
    pub(super) rules: Arc<Rules>,
    pub(super) timeline: Timeline,
    pub(super) observer: Arc<dyn Observer>,
    pub(super) telling: Telling,
    pub(super) sweep: Sweep,
    pub(super) stop: watch::Receiver<bool>,
}

impl Seat {
    /// Works until told to stop, whatever becomes of the broker.
    pub(super) async fn work(self, url: String) -> Result<Ended, EngineError> {
        loop {
            match self.clone().work_once(&url).await {
                Err(error @ EngineError::Setup(SetupError::Differs(_))) => return Err(error),
                Err(error) => tracing::warn!(%error, "the engine cannot work just now; trying again"),
                ended => return ended,
            }
            tokio::time::sleep(TRY_AGAIN_AFTER).await;
        }
    }

    async fn work_once(self, url: &str) -> Result<Ended, EngineError> {
        let link = Link::connect(url, Some(&self.credential)).await?;
        let mut lease = Lease::stand_by(&link, &self.streams, "replay").await?;
        let below = engine::ground(&lease, &self.streams).await?;
        for organisation in &self.everybody {
            below.tasks.admit(organisation).await?;
        }
        let (_same, rules) = watch::channel(Arc::clone(&self.rules));
        let clock = Arc::new(self.timeline);
        let engine =
            Engine::start(below, Rules::clone(&self.rules), clock, self.observer, self.telling).await?;
        Ok(engine.sweeping(self.sweep).run(&mut lease, rules, self.stop).await)
    }
}

/// What an organisation's adapter works with, in this life and the next.
#[derive(Clone)]
pub(super) struct Premises {
    pub(super) organisation: Organisation,
    pub(super) secrets: Secrets,
    pub(super) directory: Directory,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) witness: Arc<Diarist>,
    pub(super) answers_within: Duration,
    pub(super) telemetry: Telemetry,
}

impl Premises {
    /// Opens the office, as soon as the broker lets us in.
    pub(super) async fn open(self, url: &str) -> Station {
        let Secrets { credential, key } = self.secrets;
        let door = loop {
            match Door::connect(url, &credential, self.organisation.clone()).await {
                Ok(door) => break door,
                Err(error) => tracing::warn!(%error, "an adapter does not reach the broker; trying again"),
            }
            tokio::time::sleep(TRY_AGAIN_AFTER).await;
        };
        Station::new(
            door.with_answer_within(self.answers_within),
            key,
            self.directory,
            self.clock,
            self.witness,
        )
        .telling(self.telemetry)
    }
}

/// How long an adapter waits before it tries to reach the broker again.
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(50);
