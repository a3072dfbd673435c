//! Whether what was erased is off every server's disk, and what is done when a server was away.
//!
//! What shaped it (verified on 2.15.1):
//!
//! * A secure delete erases at once in the blocks of every server that hears of it. Its Raft log keeps the message until that
//!   server's next snapshot, which comes after two to three minutes, or at the end of the stream.
//! * A server that was away longer than the log reaches back learns of the delete from a snapshot, and takes the message away
//!   without erasing it: the bytes stay in its block, and the API shows nothing. So whoever deletes looks at once whether every
//!   server has heard; who has not is written down with the stream, and when all are back the stream is held by one of the
//!   others alone for a moment and then by three again: the two that are added begin with what is there now.
//! * Dropping a stream erases everywhere, and on a server that was away as soon as it is back.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{Fault, Link, fault::code, patience::patiently};

/// The longest that a server's Raft log keeps what was erased, when all goes well.
const RAFT_LOG_KEEPS: Duration = Duration::from_secs(185);

/// How long the other servers get to hear of an erasure: they lag by milliseconds.
const HEARD_AFTER: [Duration; 4] =
    [Duration::ZERO, Duration::from_millis(20), Duration::from_millis(100), Duration::from_millis(500)];

/// How long a stream gets to change its servers.
const CHANGED_WITHIN: Duration = Duration::from_secs(20);

/// Under which key of its metadata a stream says which servers missed an erasure. One that says so may have fewer servers than
/// it should: it is being mended.
pub(crate) const MISSED: &str = "hwc.missed";

/// Who missed an erasure, when it could not be asked: not whoever leads, which answered for it.
const SOMEBODY: &str = "?";

/// Reports of erasures that wait to be asked for, at most.
const GONE_MAX: usize = 65_536;

/// What became of erasures since it was last asked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settled {
    /// For each that is off the disk of every server now, as far as can be known: how long that took.
    pub gone: Vec<Duration>,
    /// How many are not surely off every disk yet.
    pub waiting: usize,
    /// Streams of which a server missed an erasure, and that were made anew on the others.
    pub mended: u64,
    /// Streams that wait for a server that is away, or that did not answer.
    pub unmended: u64,
}

/// Who heard of which erasure in the streams of one kind.
#[derive(Debug)]
pub(crate) struct Custody {
    link: Link,
    replicas: u8,
    /// What the streams' names begin with.
    kind: &'static str,
    book: Mutex<Book>,
    settling: tokio::sync::Mutex<Asked>,
}

/// Whether it was looked for what former processes left.
#[derive(Debug, Default)]
struct Asked(bool);

#[derive(Debug, Default)]
struct Book {
    gone: Vec<Duration>,
    streams: BTreeMap<String, Held>,
}

#[derive(Debug)]
struct Held {
    /// When each of the erasures was asked for.
    since: Vec<Instant>,
    /// Since when every server is there.
    whole_since: Instant,
    missed: BTreeSet<String>,
    /// Whether the stream itself says so.
    is_marked: bool,
}

#[derive(Deserialize)]
struct Info {
    config: Map<String, Value>,
    cluster: Option<Servers>,
}

#[derive(Deserialize)]
struct Servers {
    #[serde(default)]
    leader: String,
    #[serde(default)]
    replicas: Vec<Server>,
}

#[derive(Deserialize)]
struct Server {
    name: String,
    #[serde(default)]
    current: bool,
    #[serde(default)]
    offline: bool,
}

impl Info {
    /// The servers that have not heard everything.
    fn behind(&self) -> BTreeSet<String> {
        let servers = self.cluster.iter().flat_map(|cluster| &cluster.replicas);
        servers.filter(|server| !server.current || server.offline).map(|server| server.name.clone()).collect()
    }

    fn servers(&self) -> usize {
        self.cluster.as_ref().map_or(1, |cluster| cluster.replicas.len() + 1)
    }

    fn leader(&self) -> &str {
        self.cluster.as_ref().map_or("", |cluster| cluster.leader.as_str())
    }

    fn missed(&self) -> Option<BTreeSet<String>> {
        let text = self.config.get("metadata")?.get(MISSED)?.as_str()?;
        Some(text.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect())
    }

    /// The settings, with this said of who missed what.
    fn saying(mut self, missed: &BTreeSet<String>) -> Map<String, Value> {
        let mut metadata =
            self.config.get("metadata").and_then(Value::as_object).cloned().unwrap_or_default();
        // The server writes its own.
        metadata.retain(|key, _| !key.starts_with("_nats.") && key != MISSED);
        if !missed.is_empty() {
            let names = missed.iter().map(String::as_str).collect::<Vec<_>>().join(",");
            metadata.insert(MISSED.to_owned(), names.into());
        }
        self.config.insert("metadata".to_owned(), metadata.into());
        self.config
    }
}

impl Custody {
    /// For the streams whose names begin so.
    pub(crate) fn of(link: Link, replicas: u8, kind: &'static str) -> Self {
        Self { link, replicas, kind, book: Mutex::default(), settling: tokio::sync::Mutex::default() }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something in this stream was deleted securely; it was asked for at these times. Looks whether every server has heard.
    pub(crate) async fn erased(&self, stream: &str, since: impl IntoIterator<Item = Instant>) {
        if self.replicas == 1 {
            return self.book().are_gone(since);
        }
        let known = self.book().streams.get(stream).is_some_and(|held| !held.missed.is_empty());
        let mut behind = BTreeSet::new();
        for wait in HEARD_AFTER {
            tokio::time::sleep(wait).await;
            behind = match self.info(stream).await {
                Ok(info) => info.behind(),
                Err(fault) if fault.is(code::STREAM_NOT_FOUND) => return self.dropped(stream, since),
                Err(_) => BTreeSet::from([SOMEBODY.to_owned()]),
            };
            if behind.is_empty() || known {
                break;
            }
        }
        let mut book = self.book();
        let held = book.streams.entry(stream.to_owned()).or_insert_with(Held::new);
        held.since.extend(since);
        held.whole_since = Instant::now();
        held.is_marked &= behind.is_subset(&held.missed);
        held.missed.extend(behind);
    }

    /// The stream is gone, and these erasures with it.
    pub(crate) fn dropped(&self, stream: &str, since: impl IntoIterator<Item = Instant>) {
        let mut book = self.book();
        let before = book.streams.remove(stream).map(|held| held.since).unwrap_or_default();
        book.are_gone(before.into_iter().chain(since));
    }

    /// Looks what became of the erasures, and mends what servers missed that are back. One settling at a time.
    pub(crate) async fn settle(&self) -> Settled {
        let mut mended = (0, 0);
        if let Ok(mut asked) = self.settling.try_lock() {
            mended = self.look(&mut asked).await;
        }
        let mut book = self.book();
        let waiting = book.streams.values().map(|held| held.since.len()).sum();
        Settled { gone: std::mem::take(&mut book.gone), waiting, mended: mended.0, unmended: mended.1 }
    }

    async fn look(&self, asked: &mut Asked) -> (u64, u64) {
        if self.replicas > 1 && !asked.0 {
            asked.0 = self.find_marked().await.is_ok();
        }
        let streams: Vec<_> = self.book().streams.keys().cloned().collect();
        let (mut mended, mut unmended) = (0_u64, 0_u64);
        for stream in streams {
            match self.look_at(&stream).await {
                Ok(true) => mended += 1,
                Ok(false) => {}
                Err(fault) => {
                    unmended += 1;
                    tracing::warn!(%stream, %fault, "whether every server erased is not known; looking again");
                }
            }
            let waits = self.book().streams.get(&stream).is_some_and(|held| !held.missed.is_empty());
            unmended += u64::from(waits);
        }
        (mended, unmended)
    }

    /// Whether it was mended.
    async fn look_at(&self, stream: &str) -> Result<bool, Fault> {
        let info = match self.info(stream).await {
            Err(fault) if fault.is(code::STREAM_NOT_FOUND) => {
                self.dropped(stream, []);
                return Ok(false);
            }
            info => info?,
        };
        let behind = info.behind();
        let is_whole = behind.is_empty() && info.servers() == usize::from(self.replicas);
        let (missed, is_marked) = {
            let mut book = self.book();
            let Some(held) = book.streams.get_mut(stream) else { return Ok(false) };
            if !is_whole {
                held.whole_since = Instant::now();
            }
            if held.missed.is_empty() && held.whole_since.elapsed() > RAFT_LOG_KEEPS {
                drop(book);
                self.dropped(stream, []);
                return Ok(false);
            }
            (held.missed.clone(), held.is_marked)
        };
        if missed.is_empty() {
            return Ok(false);
        }
        if !is_marked {
            self.update(stream, info.saying(&missed)).await?;
            if let Some(held) = self.book().streams.get_mut(stream) {
                held.is_marked = true;
            }
        }
        // Below its number it is in the middle of being mended, by a process that ended.
        if behind.is_empty() {
            self.mend(stream, &missed).await?;
            return Ok(true);
        }
        Ok(false)
    }

    /// Lets one server that missed nothing hold the stream alone for a moment, and then all of them again.
    async fn mend(&self, stream: &str, missed: &BTreeSet<String>) -> Result<(), Fault> {
        let mut info = self.info(stream).await?;
        if info.servers() > 1 {
            let others =
                info.cluster.iter().flat_map(|cluster| &cluster.replicas).map(|one| one.name.clone());
            let heard = others.into_iter().find(|name| !missed.contains(name));
            if missed.contains(info.leader())
                && let Some(heard) = heard
            {
                let wish = json!({ "placement": { "preferred": heard } });
                let _: Value = self.link.api(format!("STREAM.LEADER.STEPDOWN.{stream}"), &wish).await?;
                info = self.until(stream, |info| info.leader() == heard && info.behind().is_empty()).await?;
            }
            self.resize(stream, info, missed, 1).await?;
            info = self.until(stream, |info| info.servers() == 1 && !info.leader().is_empty()).await?;
        }
        // Whoever held it alone keeps what it missed itself: only when every server missed something.
        let still: BTreeSet<_> = missed.iter().filter(|name| *name == info.leader()).cloned().collect();
        self.resize(stream, info, &still, self.replicas).await?;
        let whole = usize::from(self.replicas);
        self.until(stream, |info| info.servers() == whole && info.behind().is_empty()).await?;
        tracing::info!(%stream, "a server had missed an erasure; the stream was made anew on it");
        if still.is_empty() {
            self.dropped(stream, []);
        } else if let Some(held) = self.book().streams.get_mut(stream) {
            held.missed = still;
        }
        Ok(())
    }

    async fn resize(
        &self,
        stream: &str,
        info: Info,
        missed: &BTreeSet<String>,
        replicas: u8,
    ) -> Result<(), Fault> {
        let mut config = info.saying(missed);
        config.insert("num_replicas".to_owned(), replicas.into());
        self.update(stream, config).await
    }

    async fn update(&self, stream: &str, config: Map<String, Value>) -> Result<(), Fault> {
        self.link.api::<Value>(format!("STREAM.UPDATE.{stream}"), &Value::Object(config)).await.map(|_| ())
    }

    async fn until(&self, stream: &str, holds: impl Fn(&Info) -> bool) -> Result<Info, Fault> {
        let since = Instant::now();
        while since.elapsed() < CHANGED_WITHIN {
            match self.info(stream).await {
                Ok(info) if holds(&info) => return Ok(info),
                Ok(_) | Err(Fault::NoAnswer | Fault::NobodyServes) => {}
                Err(fault) => return Err(fault),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(Fault::NoAnswer)
    }

    async fn info(&self, stream: &str) -> Result<Info, Fault> {
        let nothing = json!({});
        patiently(|| self.link.api(format!("STREAM.INFO.{stream}"), &nothing)).await
    }

    /// Finds what former processes left unmended.
    async fn find_marked(&self) -> Result<(), Fault> {
        #[derive(Deserialize)]
        struct Page {
            total: usize,
            streams: Option<Vec<Info>>,
        }
        let mut read = 0;
        loop {
            let page: Page = self.link.api("STREAM.LIST".to_owned(), &json!({ "offset": read })).await?;
            let streams = page.streams.unwrap_or_default();
            read += streams.len();
            let ended = streams.is_empty() || read >= page.total;
            let mut book = self.book();
            for info in streams {
                let name = info.config.get("name").and_then(Value::as_str).unwrap_or_default();
                let Some(missed) = info.missed().filter(|_| name.starts_with(self.kind)) else { continue };
                let held = book.streams.entry(name.to_owned()).or_insert_with(Held::new);
                held.missed.extend(missed);
                held.is_marked = true;
            }
            if ended {
                return Ok(());
            }
        }
    }
}

impl Held {
    fn new() -> Self {
        Self { since: Vec::new(), whole_since: Instant::now(), missed: BTreeSet::new(), is_marked: true }
    }
}

impl Book {
    fn are_gone(&mut self, since: impl IntoIterator<Item = Instant>) {
        let room = GONE_MAX.saturating_sub(self.gone.len());
        self.gone.extend(since.into_iter().take(room).map(|since| since.elapsed()));
    }
}
