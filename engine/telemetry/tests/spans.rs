//! Spans: the same whoever tells them, and in nobody's way.

#![cfg(test)]

use std::{
    collections::BTreeSet,
    net::TcpListener,
    time::{Duration, Instant},
};

use hwc_schemas::{SignalNumber, TraceId, outcome::Outcome};
use hwc_telemetry::{EngineMetrics, Service, Span, Spans, span};
use hwc_workflow::{
    Step,
    law::{Kind, Phase},
};
use jiff::Timestamp;

fn trace(byte: u8) -> TraceId {
    TraceId::from_bytes([byte; 16]).unwrap()
}

fn step(place: u32, signal: Option<SignalNumber>, to: Phase) -> Step {
    let at = |seconds| Timestamp::from_second(seconds).unwrap();
    let outcome = (to == Phase::Purged && signal.is_some()).then_some(Outcome::Acknowledged);
    let (on, from) = if to == Phase::Purged {
        (Kind::Purged, Phase::Acknowledged)
    } else {
        (Kind::Routed, Phase::Expanded)
    };
    Step { place, signal, on, from, to, began: at(1), since: at(2), at: at(3), outcome, signals: 1 }
}

fn ids(spans: &[Span]) -> Vec<String> {
    spans.iter().map(|span| span.place.span.to_string()).collect()
}

#[test]
fn a_span_s_id_follows_from_its_trace_its_place_and_its_signal_and_from_nothing_else() {
    let signals = [None, Some(SignalNumber::FIRST), SignalNumber::at(1)];
    let mut all = BTreeSet::new();
    for trace in [trace(1), trace(2)] {
        for place in 1..50 {
            for signal in signals {
                let spans = span::of_step(trace, &step(place, signal, Phase::Routed));
                let later =
                    Step { at: Timestamp::from_second(9).unwrap(), ..step(place, signal, Phase::Routed) };
                assert_eq!(ids(&spans), ids(&span::of_step(trace, &later)));
                assert_eq!(spans[0].parent, Some(span::below(trace, signal).span));
                assert!(all.insert(spans[0].place.span), "two spans with one id");
            }
        }
        assert!(signals.iter().all(|signal| all.insert(span::below(trace, *signal).span)));
    }
    // Known for good: another program version must tell the same.
    assert_eq!(span::of_incident(trace(1)).span.to_string(), KNOWN);
}

const KNOWN: &str = "6ea40191544599eb";

#[test]
fn the_last_step_of_a_signal_tells_the_signal_and_the_last_of_an_incident_the_incident() {
    let signal = Some(SignalNumber::FIRST);
    let names = |signal| {
        let spans = span::of_step(trace(1), &step(9, signal, Phase::Purged));
        spans.iter().map(|span| (span.name.as_str(), span.parent.is_some())).collect::<Vec<_>>()
    };
    assert_eq!(names(signal), [("purged", true), ("signal", true)]);
    assert_eq!(names(None), [("purged", true), ("incident", false)]);
}

#[tokio::test]
async fn a_collector_that_never_answers_costs_a_bounded_queue_and_no_time() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let spans =
        Spans::to(&format!("http://{}", silent.local_addr().unwrap()), Service::Engine, None).unwrap();
    let page = EngineMetrics::new(&spans).page();
    let all = span::of_step(trace(1), &step(1, None, Phase::Routed));
    let started = Instant::now();
    for _ in 0..200_000 {
        spans.tell(all[0].clone());
    }
    // Nobody waited for the five seconds that the collector has for an answer, let alone once for each batch.
    assert!(started.elapsed() < Duration::from_mins(1), "it held us up");
    assert!(page.text().contains("hwc_spans_total{fate=\"told\"} 200000"), "{}", page.text());
    assert!(page.text().contains("hwc_spans_total{fate=\"delivered\"} 0"), "{}", page.text());
    tokio::time::timeout(Duration::from_secs(30), spans.close(Duration::from_millis(200))).await.unwrap();
    // It may be told more, and does nothing with it.
    spans.tell(all[0].clone());
}

#[tokio::test]
async fn without_a_collector_nothing_is_told_and_nothing_is_waited_for() {
    let spans = Spans::nowhere();
    assert!(!spans.are_heard());
    spans.tell(span::of_step(trace(1), &step(1, None, Phase::Routed)).remove(0));
    spans.close(Duration::from_secs(1)).await;
    assert!(EngineMetrics::new(&spans).page().text().contains("hwc_spans_total{fate=\"told\"} 0"));
}
