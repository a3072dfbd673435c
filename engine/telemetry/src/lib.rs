//! What the outside may see of the work: the log, spans, metrics, and whether a process is ready.
//!
//! * [`set_up`]: the only subscriber set-up of the project.
//! * [`log_safe`]: what may become an attribute of a span or a label of a metric, by type.
//! * [`Span`], [`Spans`]: one incident is one trace; its spans go to a collector (OTLP), beside the work and never in its
//!   way.
//! * [`processing`]: a line of an organisation's processing log, and its way to a collector that confirms it.
//! * [`EngineMetrics`], [`AdapterMetrics`], [`Page`]: what Prometheus reads.
//! * [`Health`], [`Http`]: `/livez`, `/readyz` and `/metrics`.
//!
//! There is no OpenTelemetry baggage and no span of the `tracing` crate: what is not said here in so many words is not said.

mod erasures;
mod export;
mod health;
mod http;
mod keys;
mod log;
pub mod log_safe;
mod metrics;
pub mod processing;
pub mod span;

pub use export::{CollectorError, Service, Spans, collector_answers};
pub use health::{Condition, Health};
pub use http::{Http, HttpError};
pub use log::{FILTER_VARIABLE, LogError, LogTo, set_up};
pub use log_safe::{
    Count, Erased, LogSafe, Mailed, ReplyKind, RequestKind, SealedTo, SettledHow, TaskKind, Word,
};
pub use metrics::{AdapterMetrics, EngineMetrics, Page};
pub use span::{Attribute, Key, Name, Span};
