//! Spans on their way out: OTLP over HTTP, in batches, beside the work and never in its way.
//!
//! A collector that is down or never answers costs a bounded queue and one thread; what does not fit is dropped and counted.
//! Nothing is read from the environment: what says who we are is the role, and nothing else.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use hwc_schemas::{Role, SpanId};
use opentelemetry::{
    Array, InstrumentationScope, KeyValue, StringValue, Value,
    trace::{SpanContext, SpanKind, Status, TraceFlags, TraceState},
};
use opentelemetry_otlp::{WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{
        BatchConfigBuilder, BatchSpanProcessor, SpanData, SpanEvents, SpanExporter, SpanLinks,
        SpanProcessor as _,
    },
};

use crate::{
    log_safe::{Fate, Said, Saying},
    span::{Name, Span},
};

/// Spans that wait for the collector, at most; each is well below a kilobyte.
const QUEUE_MAX: usize = 8_192;
/// Spans in one request.
const BATCH_MAX: usize = 512;
/// How long a span waits for others.
const GATHER_FOR: Duration = Duration::from_secs(1);
/// How long the collector gets for a batch.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Which program says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// The engine.
    Engine,
    /// The program of an organisation with this role; which organisation is not said.
    Of(Role),
}

impl Service {
    /// Its name: the role, never the organisation.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Engine => "hwc-engine",
            Self::Of(Role::Police) => "hwc-police",
            Self::Of(Role::VeiligThuis) => "hwc-veilig-thuis",
            Self::Of(Role::Municipality) => "hwc-municipality",
            Self::Of(Role::School) => "hwc-school",
        }
    }
}

/// Why spans cannot be sent there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CollectorError {
    /// Not an address.
    #[error(
        "not the address of a collector; wanted one such as http://127.0.0.1:4318 (a collector on the same machine: there is \
         no https here, let the collector speak it)"
    )]
    Address,
    /// The exporter cannot be made.
    #[error("the exporter of traces cannot be made: {0}")]
    Exporter(String),
    /// It takes no spans.
    #[error("the collector takes no traces: {0}")]
    Silent(String),
}

/// Where spans go. Cheap to clone; without a collector they go nowhere.
#[derive(Clone, Default)]
pub struct Spans(Option<Arc<Exporting>>);

struct Exporting {
    processor: BatchSpanProcessor,
    scope: InstrumentationScope,
    counts: Arc<Counts>,
}

/// What became of the spans so far.
#[derive(Debug, Default)]
struct Counts {
    told: AtomicU64,
    delivered: AtomicU64,
    failed: AtomicU64,
}

impl fmt::Debug for Spans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Spans(to a collector)" } else { "Spans(nowhere)" })
    }
}

impl Spans {
    /// To nobody.
    pub fn nowhere() -> Self {
        Self::default()
    }

    /// To the collector at this address (`http://host:port`, to which `/v1/traces` is added), as this program. It is told how many
    /// days they may be kept there, if that is known; to keep to it is the collector's.
    pub fn to(collector: &str, service: Service, kept_days: Option<u16>) -> Result<Self, CollectorError> {
        let endpoint = endpoint(collector)?;
        let failed = |error: &dyn fmt::Display| CollectorError::Exporter(error.to_string());
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_protocol(opentelemetry_otlp::Protocol::HttpBinary)
            .with_http_client(client().map_err(|error| failed(&error))?)
            .with_endpoint(endpoint)
            .with_timeout(ANSWER_WITHIN)
            .build()
            .map_err(|error| failed(&error))?;
        let counts = Arc::new(Counts::default());
        let counted = Counted { exporter, counts: Arc::clone(&counts) };
        let batches = BatchConfigBuilder::default()
            .with_max_queue_size(QUEUE_MAX)
            .with_max_export_batch_size(BATCH_MAX)
            .with_scheduled_delay(GATHER_FOR)
            .build();
        let mut processor = BatchSpanProcessor::builder(counted).with_batch_config(batches).build();
        // Empty to begin with: the environment might name an organisation.
        let resource = Resource::builder_empty()
            .with_attributes([
                KeyValue::new("service.name", service.name()),
                KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            ])
            .with_attributes(kept_days.map(|days| KeyValue::new("hwc.kept_days", i64::from(days))))
            .build();
        processor.set_resource(&resource);
        let scope = InstrumentationScope::builder("hwc").build();
        Ok(Self(Some(Arc::new(Exporting { processor, scope, counts }))))
    }

    /// Whether anybody hears them.
    pub const fn are_heard(&self) -> bool {
        self.0.is_some()
    }

    /// Tells a span. It never waits: when the queue is full the span is lost.
    pub fn tell(&self, span: Span) {
        if let Some(exporting) = &self.0 {
            exporting.counts.told.fetch_add(1, Ordering::Relaxed);
            exporting.processor.on_end(exporting.data(span));
        }
    }

    /// Sends what still waits, within this time, and takes nothing more.
    pub async fn close(&self, within: Duration) {
        let Some(exporting) = self.0.clone() else { return };
        let (done, closed) = tokio::sync::oneshot::channel();
        // A thread of its own: a runtime that ends would wait for one of its own.
        std::thread::spawn(move || {
            let _ = done.send(exporting.processor.shutdown_with_timeout(within));
        });
        if !matches!(tokio::time::timeout(within, closed).await, Ok(Ok(Ok(())))) {
            tracing::warn!("the collector of traces did not take the last spans");
        }
    }

    /// How many spans were told, taken by the collector, and refused or not answered by it.
    pub(crate) fn counted(&self) -> [(Fate, u64); 3] {
        let count = |of: fn(&Counts) -> &AtomicU64| {
            self.0.as_ref().map_or(0, |exporting| of(&exporting.counts).load(Ordering::Relaxed))
        };
        [
            (Fate::Told, count(|counts| &counts.told)),
            (Fate::Delivered, count(|counts| &counts.delivered)),
            (Fate::Failed, count(|counts| &counts.failed)),
        ]
    }
}

impl Exporting {
    fn data(&self, span: Span) -> SpanData {
        let id = |span: SpanId| opentelemetry::SpanId::from_bytes(span.to_bytes());
        let place = SpanContext::new(
            opentelemetry::TraceId::from_bytes(span.place.trace.to_bytes()),
            id(span.place.span),
            TraceFlags::SAMPLED,
            false,
            TraceState::NONE,
        );
        let attributes = span.attributes.into_iter();
        SpanData {
            span_context: place,
            parent_span_id: span.parent.map_or(opentelemetry::SpanId::INVALID, id),
            parent_span_is_remote: false,
            span_kind: kind(span.name),
            name: span.name.as_str().into(),
            start_time: SystemTime::from(span.start),
            end_time: SystemTime::from(span.end),
            attributes: attributes.map(|said| KeyValue::new(said.key.as_str(), value(&said.said))).collect(),
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: Status::Unset,
            instrumentation_scope: self.scope.clone(),
        }
    }
}

const fn kind(name: Name) -> SpanKind {
    match name {
        Name::Incident | Name::Signal | Name::Step(_) => SpanKind::Internal,
        Name::Task(_) => SpanKind::Consumer,
        Name::Request(_) => SpanKind::Server,
        Name::Send => SpanKind::Client,
    }
}

fn value(said: &Said) -> Value {
    match said.0 {
        Saying::Word(word) => Value::String(word.into()),
        Saying::Words(words) => {
            Value::Array(Array::String(words.iter().map(|word| StringValue::from(*word)).collect()))
        }
        Saying::Count(count) => Value::I64(i64::try_from(count).unwrap_or(i64::MAX)),
    }
}

pub(crate) fn endpoint(collector: &str) -> Result<String, CollectorError> {
    let url = reqwest::Url::parse(collector).map_err(|_| CollectorError::Address)?;
    let plain = url.scheme() == "http" && url.username().is_empty() && url.password().is_none();
    if !plain || url.query().is_some() || url.fragment().is_some() || url.host_str().is_none() {
        return Err(CollectorError::Address);
    }
    Ok(format!("{}/v1/traces", url.as_str().trim_end_matches('/')))
}

/// A client that goes straight there: through no proxy of the environment's, and nowhere else when told to.
pub(crate) fn client() -> Result<reqwest::blocking::Client, String> {
    // It must not be made where an asynchronous runtime is at work.
    let made = std::thread::spawn(|| {
        // It speaks plain HTTP only, but where the program speaks TLS elsewhere it panics without a provider of cryptography.
        // Whoever installed one before us installed the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        reqwest::blocking::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(ANSWER_WITHIN)
            .build()
    });
    made.join().map_err(|_| "no client".to_owned())?.map_err(|error| error.to_string())
}

/// Whether a collector takes spans at this address: it is sent a batch in which there is none. What is wrong, if anything is.
pub async fn collector_answers(collector: &str) -> Result<(), CollectorError> {
    let endpoint = endpoint(collector)?;
    let (tell, told) = tokio::sync::oneshot::channel();
    // A thread of its own: the client must not be made or dropped where an asynchronous runtime is at work.
    std::thread::spawn(move || {
        let answer = client().and_then(|client| {
            // An empty batch is an empty message.
            let asked =
                client.post(endpoint).header("content-type", "application/x-protobuf").body(Vec::new());
            let answer = asked.send().map_err(|error| silent(&error).to_owned())?;
            let status = answer.status();
            if status.is_success() { Ok(()) } else { Err(format!("it answers {}", status.as_u16())) }
        });
        let _ = tell.send(answer);
    });
    let answer = told.await.unwrap_or_else(|_| Err("no client".to_owned()));
    answer.map_err(CollectorError::Silent)
}

/// Why nothing was heard, in words that repeat nothing of the address.
pub(crate) fn silent(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        "it does not answer in time"
    } else if error.is_connect() {
        "nobody listens there"
    } else {
        "it does not speak HTTP"
    }
}

/// Counts what the collector takes and what it does not.
#[derive(Debug)]
struct Counted<E> {
    exporter: E,
    counts: Arc<Counts>,
}

impl<E: SpanExporter> SpanExporter for Counted<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = u64::try_from(batch.len()).unwrap_or(u64::MAX);
        let exported = self.exporter.export(batch).await;
        if exported.is_ok() {
            self.counts.delivered.fetch_add(spans, Ordering::Relaxed);
        } else if self.counts.failed.fetch_add(spans, Ordering::Relaxed) == 0 {
            tracing::warn!("the collector of traces takes nothing; the work goes on without traces");
        }
        exported
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_a_collector_is_http_and_carries_no_password() {
        assert_eq!(endpoint("http://127.0.0.1:4318").unwrap(), "http://127.0.0.1:4318/v1/traces");
        assert_eq!(endpoint("http://localhost:4318/otlp/").unwrap(), "http://localhost:4318/otlp/v1/traces");
        for bad in [
            "",
            "127.0.0.1:4318",
            "https://a.example",
            "http://me:canary@a.example",
            "http://a.example/?canary=1",
        ] {
            let said = endpoint(bad).unwrap_err().to_string();
            assert!(said.contains("http://127.0.0.1:4318") && !said.contains("canary"), "{said}");
        }
    }
}
