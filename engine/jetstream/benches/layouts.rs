//! Two ways to lay a journal out, measured on one embedded broker: `cargo bench -p hwc-jetstream --bench layouts`.
//!
//! 1. One message per append, guarded per incident; at the end a tombstone. What we do.
//! 2. Group commit: whatever waits, of all incidents, goes into one message of a segment; segments are dropped whole.
//!
//! A signal is seven durable steps, one after the other, and its end. What is printed are signals per second on this
//! machine, server and load together, and the ratio between the two, which is what can be compared between machines.
//! Layout 2 is flattered: it has no checkpoint of what is in flight, without which no segment could be dropped.
//! `docs/decisions/0001-one-message-per-append.md` says what follows.

use std::{
    error::Error,
    io::Write as _,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use async_nats::{Client, HeaderMap};
use hwc_broker::{Broker, SyncMode};
use hwc_jetstream::{JetStreamJournal, Lease, Link, Settings};
use hwc_journal::{Append, Commit, Generation, Journal, Location, Markers, Position, codec};
use hwc_schemas::{IncidentId, PayloadId, SignalNumber};
use hwc_workflow::{Event, Fact};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const STEPS: u32 = 7;
const MEASURED_FOR: Duration = Duration::from_secs(4);
/// Messages in a segment before the next is begun.
const SEGMENT_MESSAGES: u32 = 4_000;

fn main() -> Outcome<()> {
    // `cargo test --benches` runs this too, without the flag.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(measure())
}

async fn measure() -> Outcome<()> {
    let mut out = std::io::stdout();
    writeln!(out, "sync      in flight   one per append   group commit   ratio   (signals/s)")?;
    for sync in [SyncMode::Default, SyncMode::Always] {
        for in_flight in [1, 64] {
            let single = one_per_append(sync, in_flight).await?;
            let grouped = group_commit(sync, in_flight).await?;
            let ratio = grouped / single;
            writeln!(out, "{sync:8?}  {in_flight:9}   {single:14.0}   {grouped:12.0}   {ratio:5.1}")?;
        }
    }
    writeln!(out)?;
    for sync in [SyncMode::Default, SyncMode::Always] {
        let (single, whole) = erasing(sync).await?;
        writeln!(
            out,
            "{sync:8?}  {STEPS} events off the disk: among others {single:.0?}, with its segment {whole:.0?}"
        )?;
    }
    Ok(())
}

/// A step of about 300 bytes, as most are.
fn step(number: u32) -> Commit {
    let number = SignalNumber::at(number as usize).unwrap_or(SignalNumber::FIRST);
    let event = |fact| Event { at: jiff::Timestamp::now(), fact };
    let payload = PayloadId::from_uuid(Uuid::new_v4());
    Commit {
        events: vec![event(Fact::Delivered { number }), event(Fact::Erased { payload })],
        stored: vec![(payload, Location::new(Generation::from_uuid(Uuid::new_v4()), 7))],
    }
}

async fn broker(sync: SyncMode) -> Outcome<(tempfile::TempDir, Broker)> {
    let folder = tempfile::tempdir()?;
    let settings = hwc_broker::Settings { sync, ..hwc_broker::Settings::in_folder(folder.path()) };
    Ok((folder, Broker::start(settings).await?))
}

/// Runs this many lives at once, one after the other each, and says how many ended per second.
async fn signals_per_second<F, L>(in_flight: usize, life: F) -> Outcome<f64>
where
    F: Fn() -> L + Clone + Send + 'static,
    L: Future<Output = Outcome<()>> + Send,
{
    let ended = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    let workers: Vec<_> = (0..in_flight)
        .map(|_| {
            let (life, ended) = (life.clone(), Arc::clone(&ended));
            tokio::spawn(async move {
                while began.elapsed() < MEASURED_FOR {
                    life().await?;
                    ended.fetch_add(1, Ordering::Relaxed);
                }
                Outcome::Ok(())
            })
        })
        .collect();
    for worker in workers {
        worker.await??;
    }
    let ended = u32::try_from(ended.load(Ordering::Relaxed))?;
    Ok(f64::from(ended) / began.elapsed().as_secs_f64())
}

async fn one_per_append(sync: SyncMode, in_flight: usize) -> Outcome<f64> {
    let (_folder, broker) = broker(sync).await?;
    let link = Link::connect(broker.client_url(), None).await?;
    let lease = Lease::stand_by(&link, &Settings::development(), "bench").await?;
    let journal = JetStreamJournal::open(&lease, &Settings::development()).await?;
    signals_per_second(in_flight, move || {
        let journal = journal.clone();
        async move {
            let incident = IncidentId::from_uuid(Uuid::new_v4());
            let position = live(&journal, incident).await?;
            journal.forget(incident, position, &Markers::default()).await?;
            Ok(())
        }
    })
    .await
}

async fn live(journal: &JetStreamJournal, incident: IncidentId) -> Outcome<Position> {
    let mut position = Position::NONE;
    for number in 0..STEPS {
        position = match journal.append(incident, position, &step(number)).await? {
            Append::Appended(position) => position,
            Append::Conflict => return Err("a conflict".into()),
        };
    }
    Ok(position)
}

/// Something that waits to be written, and who waits for it.
type Waiting = (Vec<u8>, oneshot::Sender<()>);

async fn group_commit(sync: SyncMode, in_flight: usize) -> Outcome<f64> {
    let (_folder, broker) = broker(sync).await?;
    let client = async_nats::connect(broker.client_url()).await?;
    let (write, waiting) = mpsc::channel::<Waiting>(1024);
    let writer = tokio::spawn(write_segments(client, waiting));
    let measured = signals_per_second(in_flight, move || {
        let write = write.clone();
        async move {
            let incident = IncidentId::from_uuid(Uuid::new_v4());
            // Its end is one more step here.
            for number in 0..=STEPS {
                let record = [incident.as_bytes().as_slice(), &codec::encode(&step(number))].concat();
                let (done, durable) = oneshot::channel();
                write.send((record, done)).await?;
                durable.await?;
            }
            Ok(())
        }
    })
    .await?;
    writer.await??;
    Ok(measured)
}

async fn write_segments(client: Client, mut waiting: mpsc::Receiver<Waiting>) -> Outcome<()> {
    let (mut segment, mut last) = (0_u32, 0_u32);
    create(&client, segment).await?;
    let mut group = Vec::new();
    while waiting.recv_many(&mut group, 1024).await > 0 {
        if last == SEGMENT_MESSAGES {
            (segment, last) = (segment + 1, 0);
            create(&client, segment).await?;
            if segment > 1 {
                client.request(format!("$JS.API.STREAM.DELETE.SEG_{}", segment - 2), "".into()).await?;
            }
        }
        let body: Vec<u8> =
            group.iter().flat_map(|(record, _)| [record.as_slice(), b"\n"].concat()).collect();
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Expected-Last-Sequence", last.to_string());
        let stored = client.request_with_headers(format!("seg.{segment}"), headers, body.into()).await?;
        if stored.payload.windows(7).any(|part| part == b"\"error\"") {
            return Err(String::from_utf8_lossy(&stored.payload).into_owned().into());
        }
        last += 1;
        for (_, done) in group.drain(..) {
            let _ = done.send(());
        }
    }
    Ok(())
}

async fn create(client: &Client, segment: u32) -> Outcome<()> {
    let name = format!("SEG_{segment}");
    let config =
        serde_json::json!({ "name": name, "subjects": [format!("seg.{segment}")], "storage": "file" });
    client.request(format!("$JS.API.STREAM.CREATE.{name}"), config.to_string().into()).await?;
    Ok(())
}

/// How long it takes to get one incident's events off the disk: among others that live on, and together with its segment.
async fn erasing(sync: SyncMode) -> Outcome<(Duration, Duration)> {
    const SAMPLES: u32 = 20;
    const TOGETHER: u32 = 256;
    let (_folder, broker) = broker(sync).await?;
    let link = Link::connect(broker.client_url(), None).await?;
    let lease = Lease::stand_by(&link, &Settings::development(), "bench").await?;
    let journal = JetStreamJournal::open(&lease, &Settings::development()).await?;
    let begin = async |many: u32| {
        let one = || async {
            let incident = IncidentId::from_uuid(Uuid::new_v4());
            live(&journal, incident).await.map(|last| (incident, last))
        };
        futures::future::try_join_all((0..many).map(|_| one())).await
    };
    // The first segment ends together.
    for (incident, last) in begin(TOGETHER).await? {
        journal.forget(incident, last, &Markers::default()).await?;
    }
    let since = Instant::now();
    if journal.clear(Duration::ZERO).await?.segments == 0 {
        return Err("the segment was not dropped".into());
    }
    let whole = since.elapsed() / TOGETHER;
    // Of the next, most live on.
    let mut single = Duration::ZERO;
    for (incident, last) in begin(TOGETHER).await?.into_iter().take(SAMPLES as usize) {
        journal.forget(incident, last, &Markers::default()).await?;
        let since = Instant::now();
        journal.clear(Duration::ZERO).await?;
        single += since.elapsed();
    }
    Ok((single / SAMPLES, whole))
}
