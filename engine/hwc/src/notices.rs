//! The project leader is told of every breach by mail (R24).
//!
//! The engine that leads does it, because nobody else may read the records, and beside everything else it does: a mail server
//! that hangs holds nothing up. The broker keeps which records are untold, how often each was tried, and when it is tried again;
//! a crash between the server's *taken* and our saying so mails one twice.

use std::time::Duration;

use hwc_jetstream::{Breaches, Fault, Untold};
use hwc_post::{Mail, Mailbox, Post, PostOffice, PostTable, Purpose, patience};
use hwc_telemetry::{EngineMetrics, Health, Mailed};
use jiff::Timestamp;
use serde::Deserialize;

use crate::settings::{HasRelay, Settings, SettingsError};

/// How often untold records are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How long a record stays away whose mail the server refused for good: somebody must put the address right first.
const REFUSED_FOR: Duration = Duration::from_hours(1);

/// `[notices]` of the engine.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoticesTable {
    /// The mailbox of the project leader, who hears of breaches (R24).
    project_leader: Mailbox,
}

/// How the project leader is told. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Notices {
    office: PostOffice,
    project_leader: Mailbox,
}

impl Notices {
    /// By these settings; none where there are none.
    pub(crate) fn read<T: HasRelay>(
        settings: &Settings<T>,
        post: Option<&PostTable>,
        notices: Option<&NoticesTable>,
    ) -> Result<Option<Self>, SettingsError> {
        let (post, notices) = match (post, notices) {
            (None, None) => return Ok(None),
            (Some(post), Some(notices)) => (post, notices),
            _ => return Err(settings.unusable("[post] and [notices] belong together")),
        };
        let post = Post::check(post, |path| settings.path(path)).map_err(|error| settings.unusable(error))?;
        Ok(Some(Self { office: PostOffice::open(post), project_leader: notices.project_leader.clone() }))
    }

    /// Says at `/readyz` what came back of what was mailed. Never returns.
    pub(crate) async fn watch_returned(&self, health: &Health) {
        let mut returned = self.office.returned();
        loop {
            health.needs_attention("returned mail", returned.borrow_and_update().clone().map(Into::into));
            if returned.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Tells of one record, or has it tried again.
    async fn tell(&self, untold: Untold, metrics: &EngineMetrics) -> Result<(), Fault> {
        match self.office.try_once(Mail::breach(untold.record), &self.project_leader).await {
            Ok(()) => {
                metrics.notice(Mailed::Taken);
                tracing::info!("the project leader was told of a breach");
                untold.told().await
            }
            Err(error) if error.is_final() => {
                metrics.notice(Mailed::Refused);
                tracing::error!(%error, "the project leader could not be told of a breach; put [notices] project_leader right");
                untold.put_back(REFUSED_FOR).await
            }
            Err(error) => {
                metrics.notice(Mailed::Later);
                let tries = u32::try_from(untold.tries).unwrap_or(u32::MAX);
                tracing::warn!(%error, tries, "the project leader could not be told of a breach yet; trying again");
                let wait = patience::wait(Timestamp::now(), &Purpose::ALWAYS, tries, patience::dice());
                untold.put_back(wait.and_then(|wait| wait.try_into().ok()).unwrap_or(REFUSED_FOR)).await
            }
        }
    }
}

/// Tells the project leader of breaches until it is dropped, and how many are untold.
pub(crate) async fn tell(breaches: Breaches, notices: Option<Notices>, metrics: EngineMetrics) {
    if notices.is_none() {
        tracing::warn!("no [post]: breaches are recorded, and nobody is told of them by mail");
    }
    loop {
        if let Err(error) = tell_all(&breaches, notices.as_ref(), &metrics).await {
            tracing::warn!(%error, "breach records cannot be had just now; trying again");
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn tell_all(
    breaches: &Breaches,
    notices: Option<&Notices>,
    metrics: &EngineMetrics,
) -> Result<(), Fault> {
    if let Some(notices) = notices {
        while let Some(untold) = breaches.untold().await? {
            notices.tell(untold, metrics).await?;
        }
    }
    metrics.breaches_untold(breaches.untold_count().await?);
    Ok(())
}
