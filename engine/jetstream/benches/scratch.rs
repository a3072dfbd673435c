use std::{time::{Duration,Instant}, sync::{Arc, atomic::*}};
use async_nats::HeaderMap;
use tokio::sync::{mpsc, oneshot};
type W = (String, String, u64, oneshot::Sender<u64>);
#[tokio::main(flavor="multi_thread", worker_threads=2)]
async fn main() {
    for sync in [hwc_broker::SyncMode::Default, hwc_broker::SyncMode::Always] { for n in [64usize, 512] {
        let dir = tempfile::tempdir().unwrap();
        let b = hwc_broker::Broker::start(hwc_broker::Settings{sync, ..hwc_broker::Settings::in_folder(dir.path())}).await.unwrap();
        let c = async_nats::connect(b.client_url()).await.unwrap();
        c.request("$JS.API.STREAM.CREATE.JOURNAL", r#"{"name":"JOURNAL","subjects":["jrn.*.*"],"storage":"file","allow_msg_ttl":true,"discard":"new","allow_atomic":true}"#.into()).await.unwrap();
        let (tx, mut rx) = mpsc::channel::<W>(4096);
        let c2 = c.clone();
        let batches = Arc::new(AtomicU64::new(0)); let b2 = batches.clone();
        tokio::spawn(async move {
            let mut group: Vec<W> = Vec::new(); 
            while rx.recv_many(&mut group, 500).await > 0 {
                b2.fetch_add(1, Ordering::Relaxed);
                let id = uuid::Uuid::new_v4().simple().to_string();
                let len = group.len();
                let mut ack = None;
                for (i, (sub, inc, last, _)) in group.iter().enumerate() {
                    let mut h = HeaderMap::new();
                    h.insert("Nats-Expected-Last-Subject-Sequence", last.to_string());
                    h.insert("Nats-Expected-Last-Subject-Sequence-Subject", format!("jrn.{inc}.>"));
                    if len > 1 { h.insert("Nats-Batch-Id", id.clone()); h.insert("Nats-Batch-Sequence", (i+1).to_string()); if i + 1 == len { h.insert("Nats-Batch-Commit", "1"); } }
                    if i + 1 == len { ack = Some(c2.request_with_headers(sub.clone(), h, vec![b'x'; 300].into()).await.unwrap()); }
                    else { c2.publish_with_headers(sub.clone(), h, vec![b'x'; 300].into()).await.unwrap(); }
                }
                let v: serde_json::Value = serde_json::from_slice(&ack.unwrap().payload).unwrap();
                let seq = v["seq"].as_u64().unwrap_or_else(|| panic!("{v}"));
                for (i, (.., done)) in group.drain(..).enumerate() { let _ = done.send(seq + 1 + i as u64 - len as u64); }
            }
        });
        let ended = Arc::new(AtomicU64::new(0)); let t = Instant::now();
        let ws: Vec<_> = (0..n).map(|_| { let (c, ended, tx) = (c.clone(), ended.clone(), tx.clone()); tokio::spawn(async move {
            while t.elapsed() < Duration::from_secs(4) {
                let id = uuid::Uuid::new_v4().simple().to_string();
                let mut last = 0u64;
                for i in 0..8 { let (d, r) = oneshot::channel(); tx.send((format!("jrn.{id}.{}", if i < 7 {"e"} else {"t"}), id.clone(), last, d)).await.unwrap(); last = r.await.unwrap(); }
                c.request("$JS.API.STREAM.PURGE.JOURNAL", format!(r#"{{"filter":"jrn.{id}.e"}}"#).into()).await.unwrap();
                ended.fetch_add(1, Ordering::Relaxed);
            }
        })}).collect();
        for w in ws { w.await.unwrap(); }
        println!("{sync:?} {n:4} {:.0} signals/s, {} batches", ended.load(Ordering::Relaxed) as f64 / t.elapsed().as_secs_f64(), batches.load(Ordering::Relaxed));
    }}
}
