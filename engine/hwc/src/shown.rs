//! What a process shows of itself: whether it is ready, what it counts, and where its spans go.

use std::{net::SocketAddr, time::Duration};

use hwc_jetstream::Health as Connection;
use hwc_telemetry::{CollectorError, Condition, Health, Http, HttpError, Page, Service, Spans};
use tokio::{sync::watch, task::JoinHandle};

use crate::settings::Relay;

/// Why a process cannot show itself as its settings say.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ShowError {
    /// `[relay] otlp`, or `--otlp`.
    #[error("otlp: {0}")]
    Collector(#[from] CollectorError),
    /// `[relay] listen`, or `--listen`.
    #[error(transparent)]
    Http(#[from] HttpError),
}

/// Spans to the collector of the settings, if they have one.
pub(crate) fn spans(relay: &Relay, service: Service) -> Result<Spans, ShowError> {
    let days = Some(relay.kept.traces_days);
    relay.otlp.as_deref().map_or(Ok(Spans::nowhere()), |collector| Ok(Spans::to(collector, service, days)?))
}

/// `/livez`, `/readyz` and `/metrics`, until this is dropped; nowhere when the settings have no address.
#[derive(Debug)]
pub(crate) struct Shown(Option<JoinHandle<()>>);

impl Shown {
    pub(crate) async fn at(
        listen: Option<SocketAddr>,
        health: &Health,
        page: Page,
    ) -> Result<Self, ShowError> {
        let Some(listen) = listen else { return Ok(Self(None)) };
        let http = Http::bind(listen).await?;
        tracing::info!(address = %http.address(), "health and metrics are shown");
        Ok(Self(Some(tokio::spawn(http.serve(health.clone(), page)))))
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        if let Some(serving) = &self.0 {
            serving.abort();
        }
    }
}

/// Says whether a connection to the broker stands, as long as there is one. Returns when it is closed for good.
pub(crate) async fn watch_connection(
    mut connection: watch::Receiver<Connection>,
    condition: Condition,
    tell: impl Fn(bool),
) {
    loop {
        let stands = connection.borrow_and_update().connected;
        condition.set(stands, NO_CONNECTION);
        tell(stands);
        if connection.changed().await.is_err() {
            condition.fails(NO_CONNECTION);
            return tell(false);
        }
    }
}

/// How long the collector of traces gets for the last spans.
pub(crate) const CLOSE_WITHIN: Duration = Duration::from_secs(3);

/// Why a process without the broker is not ready.
pub(crate) const NO_CONNECTION: &str = "no connection to the broker";
