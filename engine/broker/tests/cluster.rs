//! Three real servers: that they hold one thing together, and that one of them may go.

#![cfg(test)]

mod client;

use std::time::{Duration, Instant};

use hwc_broker::{Cluster, Settings};

use client::{Client, PATIENCE};

const STREAM: &str = r#"{"name":"KEPT","subjects":["kept"],"storage":"file","num_replicas":3}"#;

/// Asks until the answer holds this: a cluster may still be choosing who leads.
async fn ask_until(port: u16, subject: &str, body: &str, wanted: &str) {
    let since = Instant::now();
    loop {
        let asked = async { Client::connect(port).await?.request(subject, body).await };
        let answer = tokio::time::timeout(Duration::from_secs(5), asked).await;
        if matches!(&answer, Ok(Ok(text)) if text.contains(wanted)) {
            return;
        }
        assert!(since.elapsed() < PATIENCE, "{subject}: {answer:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn three_servers_hold_one_message_and_keep_it_while_one_is_away() {
    let folder = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::start(Settings::in_folder(folder.path()), 3).await.unwrap();
    let ports: Vec<_> = (0..3).map(|at| cluster.server(at).unwrap().port()).collect();
    ask_until(ports[0], "$JS.API.STREAM.CREATE.KEPT", STREAM, r#""num_replicas":3"#).await;
    ask_until(ports[1], "kept", "a message", r#""seq":1"#).await;
    cluster.server(0).unwrap().kill().await.unwrap();
    assert_eq!(cluster.ended().await.0, 0, "it is known which");
    ask_until(ports[2], "$JS.API.STREAM.INFO.KEPT", "", r#""messages":1"#).await;
    ask_until(ports[1], "kept", "another", r#""seq":2"#).await;
    cluster.server(0).unwrap().restart().await.unwrap();
    ask_until(ports[0], "$JS.API.STREAM.INFO.KEPT", "", r#""messages":2"#).await;
    cluster.server(1).unwrap().halt().await.unwrap();
    assert!(!cluster.server(1).unwrap().is_running());
    ask_until(ports[0], "kept", "a third", r#""seq":3"#).await;
    assert_eq!(cluster.folders().len(), cluster.len());
    assert!(cluster.folders().iter().all(|one| one.join("jetstream").is_dir()));
    cluster.stop().await.unwrap();
}
