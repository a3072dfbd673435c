//! A school's own software: the webhook that rings at it, and the HTTP API by which it asks (`docs/school-software.md`).

use hwc_adapter_kit::Office;
use hwc_http::Listening;
use hwc_school::{AtTheCounter, Tray};
use hwc_school_systems::{
    api,
    webhook::{Bell, Webhook, WebhookTable},
};
use tokio::sync::watch;

use super::{Followed, RoleError, http::HttpTable};
use crate::settings::{HasRelay, Settings};

/// What of it this school has.
pub(super) struct Systems {
    webhook: Option<Webhook>,
    listening: Option<Listening>,
}

impl Systems {
    /// Checks the settings and takes the place to listen.
    pub(super) async fn prepare<T: HasRelay>(
        settings: &Settings<T>,
        webhook: Option<&WebhookTable>,
        api: Option<&HttpTable>,
    ) -> Result<Self, RoleError> {
        let webhook = webhook.map(|table| Webhook::check(table, |path| settings.path(path))).transpose();
        let webhook = webhook.map_err(|error| settings.unusable(error))?;
        let listening = match api {
            Some(table) => {
                let listening = table.listen(settings, "[api]").await?;
                tracing::info!(address = %listening.address(), "the school's software is served over http");
                Some(listening)
            }
            None => None,
        };
        Ok(Self { webhook, listening })
    }

    /// Puts both to work for what lies in the tray, until the process ends. What is wrong with the webhook is said in
    /// `attention`.
    pub(super) fn start(self, office: &Office, tray: &Tray) -> (Option<Bell>, Vec<Followed>) {
        if let Some(listening) = self.listening {
            let counter = AtTheCounter::new(office.clone(), tray.clone());
            tokio::spawn(listening.serve(move |gate| api::service(counter, gate)));
        }
        let Some(webhook) = self.webhook else { return (None, Vec::new()) };
        let (school, telemetry) = (office.organisation().clone(), office.telemetry().clone());
        let bell = Bell::new(webhook, school, tray.clone(), telemetry);
        let failing: watch::Receiver<_> = bell.failing();
        (Some(bell), vec![("webhook", failing)])
    }
}
