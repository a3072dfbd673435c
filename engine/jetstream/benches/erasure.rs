//! How long bytes stay on the disk after a signal ended: `cargo bench -p hwc-jetstream --bench erasure [one|three|away]`.
//!
//! Signals end one after the other beside others that live on, and an engine clears every five seconds, on one server, on three, and on three of which one is away for
//! four minutes meanwhile. From then on every file of every server is searched again and again for what should be gone: the
//! ciphertexts, the events, the tasks. `docs/erasure.md` says what follows.

use std::{
    collections::BTreeMap,
    error::Error,
    io::Write as _,
    path::PathBuf,
    time::{Duration, Instant},
};

use hwc_broker::{Broker, Cluster, SyncMode};
use hwc_jetstream::{
    Credential, Door, JetStreamJournal, Lease, Link, SealedStore, Settings, Tasks, permissions,
};
use hwc_journal::{Append, Commit, Journal, Location, Markers, Position};
use hwc_residue::Needles;
use hwc_schemas::{
    IncidentId, Organisation, PayloadId, SignalId, SignalNumber,
    wire::{Sealed, Task},
};
use hwc_workflow::{Event, Fact};
use tempfile::TempDir;
use uuid::Uuid;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Signals that live on.
const NEIGHBOURS: usize = 200;
/// Signals that end, one in a second.
const ENDING: usize = 20;
/// Events of a signal.
const EVENTS: usize = 7;
/// How long one server is away.
const AWAY_FOR: Duration = Duration::from_mins(4);
/// How long is looked at most.
const LOOKED_FOR: Duration = Duration::from_mins(6);
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// As the engine does.
const CLEAR_EVERY: Duration = Duration::from_secs(5);
const GROUPED_FOR: Duration = Duration::from_secs(15);

fn main() -> Outcome<()> {
    // `cargo test --benches` runs this too, without the flag.
    let arguments: Vec<_> = std::env::args().collect();
    if !arguments.iter().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let asked = |name: &str| {
        arguments.iter().any(|one| one == name)
            || !arguments.iter().any(|one| ["one", "three", "away"].contains(&one.as_str()))
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        for (name, servers, away) in [("one", 1, false), ("three", 3, false), ("away", 3, true)] {
            if asked(name) {
                run(name, servers, away).await?;
            }
        }
        Ok(())
    })
}

enum Servers {
    One { _broker: Box<Broker> },
    Three(Cluster),
}

/// Servers, and everything of an engine.
struct Ground {
    servers: Servers,
    folders: Vec<PathBuf>,
    journal: JetStreamJournal,
    store: SealedStore,
    tasks: Tasks,
    door: Door,
    school: Organisation,
    _lease: Lease,
    _folder: TempDir,
}

/// Something that should be gone, and since when.
struct Gone {
    kind: &'static str,
    needle: Vec<u8>,
    since: Instant,
}

impl Ground {
    async fn start(servers: u16) -> Outcome<Self> {
        let folder = tempfile::tempdir()?;
        let school: Organisation = "school-01AA00".parse()?;
        let [engine, key] = [Credential::generate(), Credential::generate()];
        let accounts = permissions::accounts(&engine.public(), &[(school.clone(), key.public())]);
        let settings = hwc_broker::Settings {
            accounts,
            sync: SyncMode::Always,
            ..hwc_broker::Settings::in_folder(folder.path())
        };
        let (servers, folders, url, replicas) = if servers == 1 {
            let broker = Broker::start(settings).await?;
            let url = broker.client_url().to_owned();
            (Servers::One { _broker: Box::new(broker) }, vec![folder.path().to_owned()], url, 1)
        } else {
            let cluster = Cluster::start(settings, servers).await?;
            let (folders, url) = (cluster.folders(), cluster.client_url());
            (Servers::Three(cluster), folders, url, 3)
        };
        let settings = Settings { replicas, lease_for: Duration::from_hours(1), ..Settings::development() };
        let link = Link::connect(url.as_str(), Some(&engine)).await?;
        let lease = Lease::stand_by(&link, &settings, "bench").await?;
        let tasks = Tasks::open(lease.link(), &settings).await?;
        tasks.admit(&school).await?;
        Ok(Self {
            journal: JetStreamJournal::open(&lease, &settings).await?,
            store: SealedStore::open(lease.link(), &settings),
            tasks,
            door: Door::connect(url.as_str(), &key, school.clone()).await?,
            school,
            servers,
            folders,
            _lease: lease,
            _folder: folder,
        })
    }

    /// A signal's life but for its end.
    async fn live(&self, number: u128) -> Outcome<Life> {
        let incident = IncidentId::from_uuid(Uuid::from_u128(number));
        let payload = PayloadId::from_uuid(Uuid::new_v4());
        let marker: Vec<u8> = Uuid::new_v4().into_bytes().repeat(2);
        let mut sealed = marker.clone();
        sealed.extend((0..128).flat_map(|_| Uuid::new_v4().into_bytes()));
        let stored = self.store.store(vec![(payload, Sealed::new(sealed))], Duration::from_hours(1)).await?;
        let at = stored.first().ok_or("nothing was stored")?.1;
        let (mut end, mut commits) = (Position::NONE, 0);
        while commits < EVENTS {
            let fact = Fact::Purged { number: SignalNumber::FIRST };
            let event = Event { at: "2026-11-22T08:00:00Z".parse()?, fact };
            let commit = Commit { events: vec![event], stored: vec![(payload, at)] };
            match self.journal.append(incident, end, &commit).await? {
                Append::Appended(now) => (end, commits) = (now, commits + 1),
                Append::Conflict => return Err("a conflict".into()),
            }
        }
        let task = Task::Read { signal: SignalId { incident, number: SignalNumber::FIRST }, round: 1 };
        self.tasks.offer(&self.school, &task).await?;
        Ok(Life { incident, payload, at, end, marker, task })
    }

    /// Its end: erased, forgotten, acknowledged. What should be gone from now on.
    async fn end(&self, life: Life, gone: &mut Vec<Gone>) -> Outcome<()> {
        self.store.erase(life.payload, life.at).await?;
        gone.push(Gone { kind: "ciphertext", needle: life.marker, since: Instant::now() });
        self.journal.forget(life.incident, life.end, &Markers::default()).await?;
        let needle = life.payload.to_string().into_bytes();
        gone.push(Gone { kind: "events", needle, since: Instant::now() });
        let needle = format!("hwc.task.{}.{}", self.school, life.task.id().replace('.', "_")).into_bytes();
        gone.push(Gone { kind: "task", needle, since: Instant::now() });
        Ok(())
    }

    async fn acknowledge_all_but(&self, kept: &[Task]) -> Outcome<()> {
        let mut feed = self.door.tasks().await?;
        let mut acknowledged = 0;
        while let Ok(Some(offered)) = tokio::time::timeout(Duration::from_secs(3), feed.next()).await {
            if !kept.contains(&offered.task) {
                offered.acknowledge().await?;
                acknowledged += 1;
            }
        }
        if acknowledged == 0 { Err("no task was acknowledged".into()) } else { Ok(()) }
    }

    fn still_there(&self, gone: &[&Gone]) -> Outcome<Vec<BTreeMap<String, usize>>> {
        let needles = Needles::new(gone.iter().map(|one| one.needle.clone())).ok_or("too short")?;
        let mut places = vec![BTreeMap::new(); gone.len()];
        for folder in &self.folders {
            for residue in needles.in_folder(folder)? {
                let place = residue.file.strip_prefix(folder)?.to_string_lossy().into_owned();
                if let Some(places) = places.get_mut(residue.needle) {
                    *places.entry(place).or_default() += 1;
                }
            }
        }
        Ok(places)
    }
}

struct Life {
    incident: IncidentId,
    payload: PayloadId,
    at: Location,
    end: Position,
    marker: Vec<u8>,
    task: Task,
}

async fn run(name: &str, servers: u16, away: bool) -> Outcome<()> {
    let mut ground = Ground::start(servers).await?;
    let (mut kept, mut ending) = (Vec::new(), Vec::new());
    for number in 1..=(NEIGHBOURS + ENDING) as u128 {
        let life = ground.live(number).await?;
        if number % 11 == 0 { ending.push(life) } else { kept.push(life.task) }
    }
    ground.acknowledge_all_but(&kept).await?;
    if away && let Servers::Three(cluster) = &mut ground.servers {
        cluster.server(2).ok_or("no third server")?.kill().await?;
    }
    let (journal, store) = (ground.journal.clone(), ground.store.clone());
    let clearing = tokio::spawn(async move {
        let (mut ciphertexts, mut events) = (Vec::new(), Vec::new());
        loop {
            tokio::time::sleep(CLEAR_EVERY).await;
            ciphertexts.extend(store.settle().await.gone);
            if let Ok(cleared) = journal.clear(GROUPED_FOR).await {
                events.extend(cleared.gone);
            }
            if ciphertexts.len() >= ENDING && events.len() >= ENDING {
                return (ciphertexts, events);
            }
        }
    });
    let left = Instant::now();
    let mut search = Search::default();
    for life in ending {
        let began = Instant::now();
        let mut gone = Vec::new();
        ground.end(life, &mut gone).await?;
        search.left.extend(gone);
        if !away {
            search.look(&ground, false)?;
        }
        tokio::time::sleep(Duration::from_secs(1).saturating_sub(began.elapsed())).await;
    }
    if away && let Servers::Three(cluster) = &mut ground.servers {
        tokio::time::sleep(AWAY_FOR.saturating_sub(left.elapsed())).await;
        cluster.server(2).ok_or("no third server")?.restart().await?;
        // A server that is away cannot erase: its time counts from its return.
        search.left.iter_mut().for_each(|one| one.since = Instant::now());
    }
    let began = Instant::now();
    while !search.left.is_empty() {
        search.look(&ground, began.elapsed() > LOOKED_FOR)?;
        tokio::time::sleep(LOOK_EVERY).await;
    }
    say(name, &search.found)?;
    let (ciphertexts, events) = tokio::time::timeout(LOOKED_FOR, clearing).await??;
    let mut out = std::io::stdout();
    for (kind, mut said) in [("ciphertext", ciphertexts), ("events", events)] {
        said.sort_unstable();
        writeln!(out, "{name:6} {kind:11} said to be gone: p50 {}  p99 {}", at(&said, 50), at(&said, 99))?;
    }
    Ok(())
}

/// What should be gone, and what was seen of it.
#[derive(Default)]
struct Search {
    left: Vec<Gone>,
    found: BTreeMap<&'static str, Found>,
}

impl Search {
    /// Looks once; the last time, what is still there is written down.
    fn look(&mut self, ground: &Ground, is_last: bool) -> Outcome<()> {
        let looked = Instant::now();
        let places = ground.still_there(&self.left.iter().collect::<Vec<_>>())?;
        for (one, places) in std::mem::take(&mut self.left).into_iter().zip(places) {
            let found = self.found.entry(one.kind).or_default();
            if places.is_empty() {
                found.after.push(looked.duration_since(one.since));
            } else if is_last {
                found.stayed += 1;
                for place in places.into_keys() {
                    *found.places.entry(place).or_default() += 1;
                }
            } else {
                self.left.push(one);
            }
        }
        Ok(())
    }
}

/// The time within which so many of a hundred were gone.
fn at(sorted: &[Duration], percent: usize) -> String {
    let place = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(place).map_or("-".to_owned(), |one| format!("{:.1} s", one.as_secs_f64()))
}

#[derive(Default)]
struct Found {
    after: Vec<Duration>,
    stayed: usize,
    places: BTreeMap<String, usize>,
}

fn say(name: &str, found: &BTreeMap<&'static str, Found>) -> Outcome<()> {
    let mut out = std::io::stdout();
    for (kind, Found { after, stayed, places }) in found {
        let mut after = after.clone();
        after.sort_unstable();
        writeln!(
            out,
            "{name:6} {kind:11} gone {:3}  p50 {:>8}  p99 {:>8}  still there after {} min: {stayed}",
            after.len(),
            at(&after, 50),
            at(&after, 99),
            LOOKED_FOR.as_secs() / 60,
        )?;
        for (place, count) in places {
            writeln!(out, "         {count} in {place}")?;
        }
    }
    Ok(())
}
