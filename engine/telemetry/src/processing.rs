//! A line of a processing log, as the standard *Logboek Dataverwerkingen* has it: a span of OpenTelemetry with what was done, by
//! which activity, and about whom. And its way to a collector, which has it only when it says so.

use hwc_schemas::{Role, SpanId, TraceId};
use jiff::{civil::Date, tz::TimeZone};
use opentelemetry_proto::tonic::{
    collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse},
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value},
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span, span::SpanKind},
};
use prost::Message as _;
use serde::{Deserialize, Serialize};

use crate::{
    CollectorError, Service,
    export::{client, endpoint, silent},
};

/// What kind of code a subject's is.
const SUBJECT_KIND: &str = "hwc-signal-code";
/// Bytes of a collector's answer that are read, at most.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;

/// Whether the program itself failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// It was done, without a fault of the program.
    Unset,
}

/// A line of a processing log. Every text in it is a word of this program, a random code, or the URI of the organisation's own
/// register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The organisation's own trace of the signal, in no relation to any other.
    pub trace: TraceId,
    /// The line's own id.
    pub span: SpanId,
    /// What it goes on from.
    pub parent: Option<SpanId>,
    /// How it went.
    pub status: Status,
    /// What was done.
    pub name: String,
    /// On which day, in UTC: no hour is kept.
    pub day: Date,
    /// The URI of the activity in the organisation's register.
    pub activity: String,
    /// The code of the signal; none if it is about nobody yet.
    pub subject: Option<String>,
    /// The organisation's role; which it is, is not said.
    pub role: Role,
}

/// As it is written, one JSON object: the standard's own names.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written<'a> {
    trace_id: &'a str,
    span_id: &'a str,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parent_span_id: Option<&'a str>,
    status: Status,
    name: &'a str,
    /// Milliseconds since 1970; the first of the day, as `end_time` is.
    start_time: i64,
    end_time: i64,
    #[serde(borrow)]
    resource: Has<Program<'a>>,
    #[serde(borrow)]
    attributes: About<'a>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Has<T> {
    attributes: T,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Program<'a> {
    #[serde(rename = "service.name")]
    name: &'a str,
    #[serde(rename = "service.version")]
    version: &'a str,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct About<'a> {
    #[serde(rename = "dpl.core.processing_activity_id")]
    activity: &'a str,
    #[serde(rename = "dpl.core.data_subject_id", default, skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    #[serde(rename = "dpl.core.data_subject_id_type", default, skip_serializing_if = "Option::is_none")]
    kind: Option<&'a str>,
}

impl Line {
    /// As it stands in a file, without the end of the line.
    pub fn written(&self) -> Vec<u8> {
        let (trace, span) = (self.trace.to_string(), self.span.to_string());
        let parent = self.parent.map(|parent| parent.to_string());
        let at = self.milliseconds();
        let written = Written {
            trace_id: &trace,
            span_id: &span,
            parent_span_id: parent.as_deref(),
            status: self.status,
            name: &self.name,
            start_time: at,
            end_time: at,
            resource: Has {
                attributes: Program {
                    name: Service::Of(self.role).name(),
                    version: env!("CARGO_PKG_VERSION"),
                },
            },
            attributes: About {
                activity: &self.activity,
                subject: self.subject.as_deref(),
                kind: self.subject.as_ref().map(|_| SUBJECT_KIND),
            },
        };
        serde_json::to_vec(&written).unwrap_or_default()
    }

    /// Reads one; none if it is no such line.
    pub fn read(text: &str) -> Option<Self> {
        let written: Written<'_> = serde_json::from_str(text).ok()?;
        let at = jiff::Timestamp::from_millisecond(written.start_time).ok()?;
        let name = written.resource.attributes.name;
        let roles = [Role::Police, Role::VeiligThuis, Role::Municipality, Role::School];
        Some(Self {
            trace: written.trace_id.parse().ok()?,
            span: written.span_id.parse().ok()?,
            parent: written.parent_span_id.map(str::parse).transpose().ok()?,
            status: written.status,
            name: written.name.to_owned(),
            day: TimeZone::UTC.to_datetime(at).date(),
            activity: written.attributes.activity.to_owned(),
            subject: written.attributes.subject.map(str::to_owned),
            role: roles.into_iter().find(|role| Service::Of(*role).name() == name)?,
        })
    }

    fn milliseconds(&self) -> i64 {
        self.day.to_zoned(TimeZone::UTC).map_or(0, |day| day.timestamp().as_millisecond())
    }

    fn span(self) -> Span {
        let nanoseconds = u64::try_from(self.milliseconds()).unwrap_or_default().saturating_mul(1_000_000);
        let kind = self.subject.as_ref().map(|_| said("dpl.core.data_subject_id_type", SUBJECT_KIND));
        let subject = self.subject.as_deref().map(|subject| said("dpl.core.data_subject_id", subject));
        let activity = said("dpl.core.processing_activity_id", &self.activity);
        Span {
            trace_id: self.trace.to_bytes().to_vec(),
            span_id: self.span.to_bytes().to_vec(),
            parent_span_id: self.parent.map(|parent| parent.to_bytes().to_vec()).unwrap_or_default(),
            name: self.name,
            kind: SpanKind::Internal.into(),
            start_time_unix_nano: nanoseconds,
            end_time_unix_nano: nanoseconds,
            attributes: std::iter::once(activity).chain(subject).chain(kind).collect(),
            ..Span::default()
        }
    }
}

fn said(key: &str, value: &str) -> KeyValue {
    let value = Some(AnyValue { value: Some(Value::StringValue(value.to_owned())) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}

/// A collector of processing logs.
#[derive(Debug, Clone)]
pub struct ProcessingCollector {
    endpoint: String,
    service: Service,
    days_kept: u16,
}

impl ProcessingCollector {
    /// The collector at this address (`http://host:port`, to which `/v1/traces` is added), for lines of this program; it is told how
    /// long they are kept.
    pub fn at(address: &str, service: Service, days_kept: u16) -> Result<Self, CollectorError> {
        Ok(Self { endpoint: endpoint(address)?, service, days_kept })
    }

    /// Gives it some lines. Only if it says that it has all of them this is `Ok`; whoever asks again gives it the same.
    pub async fn take(&self, lines: Vec<Line>) -> Result<(), CollectorError> {
        let body = self.request(lines).encode_to_vec();
        let endpoint = self.endpoint.clone();
        let (tell, told) = tokio::sync::oneshot::channel();
        // A thread of its own: the client must not be made or dropped where an asynchronous runtime is at work.
        std::thread::spawn(move || {
            let _ = tell.send(posted(endpoint, body));
        });
        let answer = told.await.unwrap_or_else(|_| Err("no client".to_owned()));
        answer.map_err(CollectorError::Silent)
    }

    fn request(&self, lines: Vec<Line>) -> ExportTraceServiceRequest {
        let kept = i64::from(self.days_kept);
        let kept = Some(AnyValue { value: Some(Value::IntValue(kept)) });
        let resource = Resource {
            attributes: vec![
                said("service.name", self.service.name()),
                said("service.version", env!("CARGO_PKG_VERSION")),
                KeyValue { key: "hwc.kept_days".to_owned(), value: kept, ..KeyValue::default() },
            ],
            ..Resource::default()
        };
        let scope =
            InstrumentationScope { name: "hwc.logbook".to_owned(), ..InstrumentationScope::default() };
        let spans = lines.into_iter().map(Line::span).collect();
        ExportTraceServiceRequest {
            resource_spans: vec![ResourceSpans {
                resource: Some(resource),
                scope_spans: vec![ScopeSpans { scope: Some(scope), spans, ..ScopeSpans::default() }],
                ..ResourceSpans::default()
            }],
        }
    }
}

fn posted(endpoint: String, body: Vec<u8>) -> Result<(), String> {
    use std::io::Read as _;
    let asked = client()?.post(endpoint).header("content-type", "application/x-protobuf").body(body);
    let answer = asked.send().map_err(|error| silent(&error).to_owned())?;
    let status = answer.status();
    if !status.is_success() {
        return Err(format!("it answers {}", status.as_u16()));
    }
    let mut bytes = Vec::new();
    answer.take(ANSWER_BYTES_MAX).read_to_end(&mut bytes).map_err(|_| "its answer broke off".to_owned())?;
    let said =
        ExportTraceServiceResponse::decode(bytes.as_slice()).map_err(|_| "its answer is none".to_owned())?;
    match said.partial_success {
        Some(partial) if partial.rejected_spans > 0 => Err("it refuses some of the lines".to_owned()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn line() -> Line {
        Line {
            trace: TraceId::from_bytes([7; 16]).unwrap(),
            span: SpanId::from_bytes([1; 8]).unwrap(),
            parent: SpanId::from_bytes([2; 8]),
            status: Status::Unset,
            name: "acknowledge".to_owned(),
            day: date(2026, 11, 23),
            activity: "https://example.nl/verwerkingen/3".to_owned(),
            subject: Some("5eed".to_owned()),
            role: Role::School,
        }
    }

    #[test]
    fn a_line_is_written_with_the_standard_s_names_and_the_day_and_read_back() {
        let written = String::from_utf8(line().written()).unwrap();
        let wanted = format!(
            r#"{{"trace_id":"{}","span_id":"{}","parent_span_id":"{}","status":"Unset","name":"acknowledge","start_time":1795392000000,"end_time":1795392000000,"resource":{{"attributes":{{"service.name":"hwc-school","service.version":"{}"}}}},"attributes":{{"dpl.core.processing_activity_id":"https://example.nl/verwerkingen/3","dpl.core.data_subject_id":"5eed","dpl.core.data_subject_id_type":"hwc-signal-code"}}}}"#,
            "07".repeat(16),
            "01".repeat(8),
            "02".repeat(8),
            env!("CARGO_PKG_VERSION"),
        );
        assert_eq!(written, wanted);
        assert_eq!(Line::read(&written), Some(line()));
        let about_nobody = Line { subject: None, parent: None, ..line() };
        let written = String::from_utf8(about_nobody.written()).unwrap();
        assert!(!written.contains("data_subject") && !written.contains("parent"), "{written}");
        assert_eq!(Line::read(&written), Some(about_nobody));
        assert_eq!(Line::read("{}"), None);
    }

    #[tokio::test]
    async fn a_collector_that_is_not_there_has_nothing() {
        let collector =
            ProcessingCollector::at("http://127.0.0.1:1", Service::Of(Role::School), 365).unwrap();
        let said = collector.take(vec![line()]).await.unwrap_err().to_string();
        assert!(said.contains("nobody listens there"), "{said}");
    }
}
