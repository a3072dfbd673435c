//! The counts that stay, kept by the engine (R25, R26): every ended incident is counted durably before its tombstone is written,
//! and once.
//!
//! Whoever ends an incident reads its log back, has it counted, writes the tombstone, and says so. The record remembers the ids of
//! those it has counted whose tombstone is not known, so that a repetition after any crash changes nothing; they leave it as soon as
//! the tombstone is there. One task does the counting, many incidents with one write.

use std::{
    collections::{BTreeSet, HashSet},
    time::Instant,
};

use hwc_counts::{Book, Counted, Ending, Month, Record, Roster, tally};
use hwc_jetstream::{Counts, Fault, Kept, Put};
use hwc_journal::{Append, History, Journal, Markers, Position};
use hwc_relay::{Input, Trouble};
use hwc_schemas::IncidentId;
use hwc_telemetry::Erased;
use hwc_workflow::calendar::{NoZone, Zone};
use jiff::{Timestamp, civil::DateTime};
use tokio::sync::{mpsc, oneshot};

use crate::{
    ended::EndedIds,
    engine::{noted, trouble},
    telling::Telling,
};

/// Orders that wait for one write, at most.
const TOGETHER_MAX: usize = 256;

/// Incidents of which is looked up at one time whether they have a tombstone, at most.
const LOOKED_UP_MAX: usize = 64;

/// Why something was not counted; it is tried again.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum CountError {
    /// The broker would not.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// A record cannot be read.
    #[error(transparent)]
    Record(#[from] hwc_counts::RecordError),
    /// Another engine wrote meanwhile.
    #[error("another engine wrote the counts meanwhile; they are read again")]
    Overtaken,
    /// Too many incidents wait for their tombstones.
    #[error("as many incidents wait for their tombstones as a month's record remembers")]
    Full,
    /// The task that counts is gone.
    #[error("nobody counts any more")]
    Gone,
}

/// An incident to count, and who waits for it.
type ToCount = (IncidentId, Ending, oneshot::Sender<Result<(), CountError>>);

enum Order {
    Count(ToCount),
    Forgotten(IncidentId),
    Settle { closing: Option<Closing>, done: oneshot::Sender<()> },
}

/// What months that are over are closed by.
#[derive(Debug, Clone)]
pub(crate) struct Closing {
    /// The region's own time.
    pub(crate) now: DateTime,
    /// Who takes part.
    pub(crate) roster: Roster,
    /// How long a closed month is kept, in months.
    pub(crate) kept_months: u16,
}

/// Whoever counts. Cheap to clone; the task ends with the last of it.
#[derive(Debug, Clone)]
pub(crate) struct Counting {
    orders: mpsc::Sender<Order>,
    zone: Zone,
}

impl Counting {
    /// Begins to count.
    pub(crate) fn begin<J: Journal>(counts: Counts, journal: J) -> Result<Self, NoZone> {
        let (orders, waiting) = mpsc::channel(TOGETHER_MAX);
        let ledger = Ledger { counts, journal, open: None, forgotten: HashSet::new() };
        tokio::spawn(ledger.work(waiting));
        Ok(Self { orders, zone: Zone::amsterdam()? })
    }

    /// Counts an incident, durably when it answers; the same again changes nothing.
    pub(crate) async fn count(&self, incident: IncidentId, ending: Ending) -> Result<(), CountError> {
        let (answer, answered) = oneshot::channel();
        let order = Order::Count((incident, ending, answer));
        self.orders.send(order).await.map_err(|_| CountError::Gone)?;
        answered.await.map_err(|_| CountError::Gone)?
    }

    /// Its tombstone is durable: the record need not remember it any more.
    async fn forgotten(&self, incident: IncidentId) {
        // Whoever is gone finds out from the journal.
        let _ = self.orders.send(Order::Forgotten(incident)).await;
    }

    /// Lets go of the ids of what is forgotten, and looks whether what was deleted is off the disk. Closes the months that are over
    /// by this clock, remembering who took part, if it is said.
    pub(crate) async fn settle(&self, closing: Option<Closing>) {
        let (done, settled) = oneshot::channel();
        if self.orders.send(Order::Settle { closing, done }).await.is_ok() {
            let _ = settled.await;
        }
    }
}

/// Ends an incident: writes down that it did, counts it, and writes its tombstone.
pub(crate) async fn end<J: Journal>(
    (journal, counting): (&J, &Counting),
    ended: Option<EndedIds>,
    telling: &Telling,
    (incident, expected, markers, now): (IncidentId, Position, &Markers, Timestamp),
) -> Input {
    let since = Instant::now();
    if let Some(ended) = ended {
        noted(ended.incident(incident, now).await);
    }
    let outcome = match counted(journal, counting, incident).await {
        Ok(()) => journal.forget(incident, expected, markers).await.map_err(|error| trouble(&error)),
        Err(trouble) => Err(trouble),
    };
    if let Ok(Append::Appended(_)) = outcome {
        telling.metrics.unreadable(Erased::Events, since.elapsed());
        counting.forgotten(incident).await;
    }
    Input::Forgotten { incident, outcome }
}

/// Counts an incident by its own log. One that has a tombstone was counted before it.
async fn counted<J: Journal>(journal: &J, counting: &Counting, incident: IncidentId) -> Result<(), Trouble> {
    let history = journal.read(incident).await.map_err(|error| trouble(&error))?;
    let History::Live { commits, .. } = history else { return Ok(()) };
    let events: Vec<_> = commits.into_iter().flat_map(|commit| commit.events).collect();
    // One that has not ended, as another engine's word may have it, gets no tombstone either: the journal will say so.
    let Some(ending) = tally(&events, &counting.zone) else { return Ok(()) };
    counting.count(incident, ending).await.map_err(|error| trouble(&error))
}

/// What is kept, as far as we know it.
struct Open {
    book: Book,
    kept: Kept,
}

/// The one task that writes the counts.
struct Ledger<J> {
    counts: Counts,
    journal: J,
    /// None until it is read, and after anything whose outcome is not known.
    open: Option<Open>,
    /// What has its tombstone and may still be remembered.
    forgotten: HashSet<IncidentId>,
}

impl<J: Journal> Ledger<J> {
    async fn work(mut self, mut waiting: mpsc::Receiver<Order>) {
        let mut orders = Vec::with_capacity(TOGETHER_MAX);
        while waiting.recv_many(&mut orders, TOGETHER_MAX).await > 0 {
            let (mut to_count, mut settling) = (Vec::new(), Vec::new());
            for order in orders.drain(..) {
                match order {
                    Order::Count(one) => to_count.push(one),
                    Order::Forgotten(incident) => {
                        self.forgotten.insert(incident);
                    }
                    Order::Settle { closing, done } => settling.push((closing, done)),
                }
            }
            self.count(to_count).await;
            for (closing, done) in settling {
                if let Err(error) = self.settle(closing).await {
                    trouble(&error);
                }
                let _ = done.send(());
            }
        }
    }

    async fn count(&mut self, orders: Vec<ToCount>) {
        if orders.is_empty() {
            return;
        }
        let mut full = HashSet::new();
        let outcome = self
            .change(|book, forgotten| {
                let mut changed: BTreeSet<_> =
                    book.forget(|one| forgotten.contains(&one)).into_iter().collect();
                for (incident, ending, _) in &orders {
                    match book.count(*incident, ending) {
                        Counted::In(month) => {
                            changed.insert(month);
                        }
                        Counted::Before => {}
                        Counted::Full => {
                            full.insert(*incident);
                        }
                    }
                }
                changed
            })
            .await;
        for (incident, _, answer) in orders {
            let refused = full.contains(&incident).then_some(CountError::Full);
            // Whoever asked may be gone.
            let _ = answer.send(outcome.clone().and(refused.map_or(Ok(()), Err)));
        }
    }

    async fn settle(&mut self, closing: Option<Closing>) -> Result<(), CountError> {
        self.look_up().await?;
        self.change(|book, forgotten| book.forget(|one| forgotten.contains(&one)).into_iter().collect())
            .await?;
        if let Some(Closing { now, roster, kept_months }) = closing {
            self.change(|book, _| book.begin(now).into_iter().collect()).await?;
            while let Some(month) = self.close(now, &roster).await? {
                tracing::info!(%month, "the counts of this month are closed");
            }
            self.let_go_of_the_old(now, kept_months).await?;
        }
        let settled = self.counts.settle().await;
        if settled.unmended > 0 {
            tracing::warn!("a server has not heard that former counts were deleted; waiting for it");
        }
        Ok(())
    }

    async fn close(&mut self, now: DateTime, roster: &Roster) -> Result<Option<Month>, CountError> {
        let mut closed = None;
        self.change(|book, _| {
            closed = book.close(now, roster);
            closed.into_iter().collect()
        })
        .await?;
        Ok(closed)
    }

    /// Asks the journal which of those that are remembered have their tombstone: whoever wrote it may have been killed before it
    /// could say so.
    async fn look_up(&mut self) -> Result<(), CountError> {
        let open = self.opened().await?;
        let remembered: Vec<_> = open.book.counted().collect();
        let unknown: Vec<_> = remembered.into_iter().filter(|one| !self.forgotten.contains(one)).collect();
        for incident in unknown.into_iter().take(LOOKED_UP_MAX) {
            if let Ok(History::Ended | History::Unknown) = self.journal.read(incident).await {
                self.forgotten.insert(incident);
            }
        }
        Ok(())
    }

    async fn let_go_of_the_old(&mut self, now: DateTime, kept_months: u16) -> Result<(), CountError> {
        let counts = self.counts.clone();
        let open = self.opened().await?;
        while let Some(month) = open.book.take_old(now, kept_months) {
            // The last of all stays: a write that expects what was before it would pass again.
            if let Some((place, _)) = open.kept.records.remove(&month.to_string())
                && place != open.kept.end
            {
                counts.erase(place).await?;
            }
        }
        Ok(())
    }

    /// What is kept, read if it must be.
    async fn opened(&mut self) -> Result<&mut Open, CountError> {
        if self.open.is_none() {
            let kept = self.counts.read().await?;
            self.counts.erase_superseded(&kept).await?;
            let records = kept.records.values().map(|(_, bytes)| Record::decode(bytes));
            let book = Book::of(records.collect::<Result<Vec<_>, _>>()?);
            self.open = Some(Open { book, kept });
        }
        self.open.as_mut().ok_or(CountError::Overtaken)
    }

    /// Changes the book, and keeps the months that it says have changed. After anything that did not work it is read anew: what
    /// became of it is not known, and everything may be done again.
    async fn change(
        &mut self,
        change: impl FnOnce(&mut Book, &HashSet<IncidentId>) -> BTreeSet<Month>,
    ) -> Result<(), CountError> {
        self.opened().await?;
        let Some(mut open) = self.open.take() else { return Err(CountError::Overtaken) };
        let changed = change(&mut open.book, &self.forgotten);
        for month in &changed {
            let Some(record) = open.book.month(*month) else { continue };
            let name = month.to_string();
            let place = match self.counts.put(&name, open.kept.end, record.encode()?).await? {
                Put::Kept(place) => place,
                Put::Conflict => return Err(CountError::Overtaken),
            };
            open.kept.end = place;
            if let Some((former, _)) = open.kept.records.insert(name, (place, Vec::new())) {
                self.counts.erase(former).await?;
            }
        }
        if !changed.is_empty() {
            let remembered: HashSet<_> = open.book.counted().collect();
            self.forgotten.retain(|one| remembered.contains(one));
        }
        self.open = Some(open);
        Ok(())
    }
}
