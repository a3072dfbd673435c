//! What ended, kept outside the broker: so that a copy of the broker's folder that somebody puts back brings nothing back.
//!
//! An engine writes an id down, durably, before it has the broker erase it: of a ciphertext, or of an incident. At the start,
//! before anything is offered, what the broker holds of these is erased again. Each engine keeps its own file; what another one
//! ended meanwhile it reads from the journal when it begins to lead.
//!
//! There is nothing in the file but ids, random or made from a keyed digest, and days. It is bounded: an incident is kept for as
//! long as a tombstone, a ciphertext for as long as the broker would keep it. A record is 32 bytes: what it is (1), nothing (3),
//! the day (4, from 1970), the id (16), a check (8).

use std::{
    collections::HashSet,
    fs::{self, File},
    io::{self, BufReader, Read, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use hwc_relay::ended::{Ids, KeptFor};
use hwc_schemas::{IncidentId, PayloadId};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

mod start;

/// The file in the state folder.
const FILE: &str = "ended";

const RECORD_BYTES: usize = 32;

/// Most bytes of the file; beyond it the oldest go first. Some eight million ids: years of a country.
const FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Records that are written with one sync.
const TOGETHER_MAX: usize = 1_024;

const SECONDS_OF_A_DAY: i64 = 86_400;

/// Why what ended cannot be read or kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EndedIdsError {
    /// The file cannot be read or written.
    #[error("{path}: {source}; without it a copy of the broker that is put back could bring something back")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A record in the middle is not what was written.
    #[error(
        "{0} is damaged; put back the one of another engine or of yesterday, or, if no copy of the broker was put back \
         since, remove it"
    )]
    Damaged(PathBuf),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Incident,
    Payload,
    /// How far a former version had read the journal's tombstones. Nobody asks any more.
    ReadTo,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Record {
    kind: Kind,
    day: i32,
    id: u128,
}

impl Record {
    fn bytes(self) -> [u8; RECORD_BYTES] {
        let kind = match self.kind {
            Kind::Incident => 1,
            Kind::Payload => 2,
            Kind::ReadTo => 3,
        };
        let mut bytes = [0; RECORD_BYTES];
        let fields = [[kind, 0, 0, 0].as_slice(), &self.day.to_be_bytes(), &self.id.to_be_bytes()].concat();
        let check = Sha256::digest(&fields);
        for (to, from) in bytes.iter_mut().zip(fields.iter().chain(check.iter())) {
            *to = *from;
        }
        bytes
    }

    fn read(bytes: &[u8; RECORD_BYTES]) -> Option<Self> {
        let (kind, rest) = bytes.split_first_chunk::<4>()?;
        let (day, rest) = rest.split_first_chunk()?;
        let id = rest.first_chunk()?;
        let kind = match kind {
            [1, 0, 0, 0] => Kind::Incident,
            [2, 0, 0, 0] => Kind::Payload,
            [3, 0, 0, 0] => Kind::ReadTo,
            _ => return None,
        };
        let read = Self { kind, day: i32::from_be_bytes(*day), id: u128::from_be_bytes(*id) };
        (read.bytes() == *bytes).then_some(read)
    }

    const fn of_incident(incident: IncidentId, day: i32) -> Self {
        Self { kind: Kind::Incident, day, id: u128::from_be_bytes(*incident.as_bytes()) }
    }

    const fn of_payload(payload: PayloadId, day: i32) -> Self {
        Self { kind: Kind::Payload, day, id: u128::from_be_bytes(*payload.as_bytes()) }
    }

    const fn incident(&self) -> IncidentId {
        IncidentId::from_uuid(Uuid::from_u128(self.id))
    }

    const fn payload(&self) -> PayloadId {
        PayloadId::from_uuid(Uuid::from_u128(self.id))
    }
}

/// What waits to be written, and who waits for it.
type Order = (Vec<Record>, oneshot::Sender<Result<(), String>>);

/// The ids of what ended. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct EndedIds {
    path: PathBuf,
    orders: mpsc::Sender<Order>,
}

impl EndedIds {
    /// Opens the file in this folder, or makes it; what is older than it is to be kept goes.
    pub(crate) fn open(folder: &Path, kept_for: KeptFor, now: Timestamp) -> Result<Self, EndedIdsError> {
        let path = folder.join(FILE);
        let failed = |source| EndedIdsError::File { path: path.clone(), source };
        let file = private().append(true).create(true).open(&path).map_err(failed)?;
        let whole = whole_records(file.metadata().map_err(failed)?.len());
        // A record that was being written when the machine stopped.
        file.set_len(whole).map_err(failed)?;
        drop(file);
        let file = renew(&path, kept_for, day_of(now))?;
        let (orders, waiting) = mpsc::channel(TOGETHER_MAX);
        std::thread::Builder::new()
            .name("ended".to_owned())
            .spawn(move || write_on(file, waiting))
            .map_err(failed)?;
        Ok(Self { path, orders })
    }

    /// How many ids of incidents there are of more than so many days ago, in this folder; none if there is no such file.
    pub(crate) fn older(folder: &Path, days: u16, now: Timestamp) -> Result<u64, EndedIdsError> {
        let path = folder.join(FILE);
        let (mut older, oldest) = (0, day_of(now).saturating_sub(i32::from(days)));
        if path.exists() {
            each(&path, |record| older += u64::from(record.kind == Kind::Incident && record.day < oldest))?;
        }
        Ok(older)
    }

    /// Notes that an incident ended, durably when it answers.
    pub(crate) async fn incident(&self, incident: IncidentId, now: Timestamp) -> Result<(), EndedIdsError> {
        self.note(vec![Record::of_incident(incident, day_of(now))]).await
    }

    /// Notes that a ciphertext is erased, durably when it answers.
    pub(crate) async fn payload(&self, payload: PayloadId, now: Timestamp) -> Result<(), EndedIdsError> {
        self.note(vec![Record::of_payload(payload, day_of(now))]).await
    }

    async fn note(&self, records: Vec<Record>) -> Result<(), EndedIdsError> {
        let failed =
            |said: String| EndedIdsError::File { path: self.path.clone(), source: io::Error::other(said) };
        let (answer, answered) = oneshot::channel();
        let gone = || failed("nobody writes it any more".to_owned());
        self.orders.send((records, answer)).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?.map_err(failed)
    }

    /// What the file says of these.
    fn known(&self, asked: &Ids) -> Result<Ids, EndedIdsError> {
        let mut known = Ids::default();
        each(&self.path, |record| match record.kind {
            Kind::Incident => known.incidents.extend(asked.incidents.get(&record.incident())),
            Kind::Payload => known.payloads.extend(asked.payloads.get(&record.payload())),
            Kind::ReadTo => {}
        })?;
        Ok(known)
    }

    /// Every incident of which the broker must have a tombstone, by the file.
    fn with_tombstones(&self, kept_for: KeptFor, today: i32) -> Result<HashSet<IncidentId>, EndedIdsError> {
        let mut incidents = HashSet::new();
        each(&self.path, |record| {
            if record.kind == Kind::Incident && kept_for.has_its_tombstone(record.day, today) {
                incidents.insert(record.incident());
            }
        })?;
        Ok(incidents)
    }
}

/// How many ids a state folder keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub(crate) struct Kept {
    /// Of incidents.
    pub(crate) incidents: u64,
    /// Of ciphertexts.
    pub(crate) payloads: u64,
}

/// How many ids this folder keeps, whoever writes there meanwhile; none if it keeps no file.
pub(crate) fn kept(folder: &Path) -> Result<Option<Kept>, EndedIdsError> {
    let path = folder.join(FILE);
    if !path.exists() {
        return Ok(None);
    }
    let mut kept = Kept::default();
    each(&path, |record| match record.kind {
        Kind::Incident => kept.incidents += 1,
        Kind::Payload => kept.payloads += 1,
        Kind::ReadTo => {}
    })?;
    Ok(Some(kept))
}

fn day_of(now: Timestamp) -> i32 {
    i32::try_from(now.as_second().div_euclid(SECONDS_OF_A_DAY)).unwrap_or(i32::MAX)
}

const fn whole_records(bytes: u64) -> u64 {
    bytes - bytes % RECORD_BYTES as u64
}

fn private() -> fs::OpenOptions {
    let mut options = File::options();
    options.mode(0o600);
    options
}

/// Reads every record, the oldest first.
fn each(path: &Path, mut take: impl FnMut(Record)) -> Result<(), EndedIdsError> {
    let failed = |source| EndedIdsError::File { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let records = file.metadata().map_err(failed)?.len() / RECORD_BYTES as u64;
    let mut file = BufReader::with_capacity(1 << 20, file);
    for _ in 0..records {
        let mut bytes = [0; RECORD_BYTES];
        file.read_exact(&mut bytes).map_err(failed)?;
        take(Record::read(&bytes).ok_or_else(|| EndedIdsError::Damaged(path.to_owned()))?);
    }
    Ok(())
}

/// Leaves out what is old; gives the file to append to.
fn renew(path: &Path, kept_for: KeptFor, today: i32) -> Result<File, EndedIdsError> {
    let failed = |source| EndedIdsError::File { path: path.to_owned(), source };
    let (mut all, mut kept) = (0_u64, 0_u64);
    let is_kept = |record: &Record| match record.kind {
        Kind::Incident => kept_for.keeps_incident(record.day, today),
        Kind::Payload => kept_for.keeps_payload(record.day, today),
        Kind::ReadTo => false,
    };
    each(path, |record| {
        all += 1;
        kept += u64::from(is_kept(&record));
    })?;
    let append = || private().append(true).open(path).map_err(failed);
    let too_many = kept.saturating_sub(FILE_BYTES_MAX / RECORD_BYTES as u64);
    if too_many == 0 && all - kept <= kept / 4 + 64 {
        return append();
    }
    let fresh = path.with_extension("new");
    let mut file =
        io::BufWriter::new(private().write(true).create(true).truncate(true).open(&fresh).map_err(failed)?);
    let (mut left_out, mut outcome) = (0, Ok(()));
    each(path, |record| {
        if !is_kept(&record) || outcome.is_err() {
            return;
        }
        left_out += 1;
        if left_out > too_many {
            outcome = file.write_all(&record.bytes());
        }
    })?;
    outcome.map_err(failed)?;
    file.into_inner().map_err(|error| failed(error.into_error()))?.sync_all().map_err(failed)?;
    fs::rename(&fresh, path).map_err(failed)?;
    // The name is durable too.
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all()).map_err(failed)?;
    append()
}

/// Writes what it is told to, many together, until nobody is left to tell it.
fn write_on(mut file: File, mut orders: mpsc::Receiver<Order>) {
    while let Some(order) = orders.blocking_recv() {
        let mut together = vec![order];
        while together.len() < TOGETHER_MAX
            && let Ok(order) = orders.try_recv()
        {
            together.push(order);
        }
        let bytes: Vec<u8> =
            together.iter().flat_map(|(records, _)| records).flat_map(|record| record.bytes()).collect();
        let end = file.metadata().map_or(0, |about| whole_records(about.len()));
        let written = file.write_all(&bytes).and_then(|()| file.sync_data());
        if written.is_err() {
            // Half a record would make everything behind it unreadable.
            let _ = file.set_len(end);
        }
        for (_, answer) in together {
            // Whoever asked may be gone.
            let _ = answer.send(written.as_ref().copied().map_err(ToString::to_string));
        }
    }
}

#[cfg(test)]
mod tests;
