//! What a start does with the ids of what ended, before anything is offered.

use std::{collections::HashSet, time::Duration};

use hwc_jetstream::{JetStreamJournal, Tasks};
use hwc_journal::{History, Journal, Tombstone};
use hwc_relay::ended::{self, AtStart, Ids, KeptFor};
use hwc_schemas::IncidentId;
use jiff::{SignedDuration, Timestamp};

use super::{EndedIds, EndedIdsError, Record, SECONDS_OF_A_DAY, TOGETHER_MAX, day_of};
use crate::engine::{EngineError, Ground};

impl EndedIds {
    /// Reads from the journal's tombstones what other engines ended. If the broker knows nothing of something that ended, an old
    /// copy of its folder was put back: it is told again, and tasks about what ended are taken back. A start that is cut short
    /// does it all again. `kept_for` by the rules of now: by them the broker let go of tombstones.
    pub(crate) async fn learn(
        &self,
        journal: &JetStreamJournal,
        tasks: &Tasks,
        kept_for: KeptFor,
        now: Timestamp,
    ) -> Result<(), EngineError> {
        let (found, today) = (journal.tombstones().await?, day_of(now));
        let tombstones: HashSet<_> = found.iter().map(|one| one.incident).collect();
        let noted = self.with_tombstones(kept_for, today)?;
        if !noted.is_subset(&tombstones) {
            let live = journal.in_flight().await?.into_iter().map(|(incident, _)| incident);
            let known: HashSet<_> = live.chain(tombstones.iter().copied()).collect();
            let again = ended::unremembered(noted.iter().copied(), |one| known.contains(one));
            if !again.is_empty() {
                tracing::error!(
                    incidents = again.len(),
                    "the broker does not know of what ended: an old copy of its folder was put back; it is told again"
                );
                withdraw(tasks, |one| noted.contains(one) || tombstones.contains(one)).await?;
                journal.remember(again).await?;
            }
        }
        let known = self.known(&Ids { incidents: tombstones, ..Ids::default() })?.incidents;
        let new = found.into_iter().filter(|one| !known.contains(&one.incident));
        // As old as the tombstone is, so that it is not expected for longer than that is there.
        let broker = Timestamp::now();
        let age = |one: &Tombstone| one.ended_at.map_or(0, |at| days(broker.duration_since(at)));
        let noted = new.map(|one| Record::of_incident(one.incident, today.saturating_sub(age(&one))));
        self.note_all(&noted.collect::<Vec<_>>()).await?;
        Ok(())
    }

    async fn note_all(&self, records: &[Record]) -> Result<(), EndedIdsError> {
        for some in records.chunks(TOGETHER_MAX) {
            self.note(some.to_vec()).await?;
        }
        Ok(())
    }

    /// Erases again what the broker holds of what ended, and gives the rest of what is in flight. Nothing may have been offered
    /// before. What the logs say that another engine erased is known from now on.
    pub(crate) async fn purge_again<J: Journal>(
        &self,
        ground: &Ground<J>,
        in_flight: Vec<(IncidentId, History)>,
        now: Timestamp,
    ) -> Result<Vec<(IncidentId, History)>, EngineError> {
        let others = Ids { payloads: ended::erased(&in_flight).into_iter().collect(), ..Ids::default() };
        let own = self.known(&others)?.payloads;
        let new = others.payloads.difference(&own);
        self.note_all(&new.map(|one| Record::of_payload(*one, day_of(now))).collect::<Vec<_>>()).await?;

        let known = self.known(&Ids::held(&in_flight))?;
        let start = AtStart::of(in_flight, &known);
        if start.is_clean() {
            return Ok(start.goes_on);
        }
        tracing::error!(
            incidents = start.ended.len(),
            ciphertexts = start.erase.len(),
            "the broker holds what ended: a copy of its folder was put back; it is erased again"
        );
        withdraw(&ground.tasks, |incident| start.ended.contains(incident)).await?;
        ground.store.erase_all(&start.erase).await?;
        for (incident, position, markers) in &start.forget {
            ground.journal.forget(*incident, *position, markers).await?;
        }
        ground.journal.clear(Duration::ZERO).await?;
        Ok(start.goes_on)
    }
}

fn days(age: SignedDuration) -> i32 {
    i32::try_from(age.as_secs().div_euclid(SECONDS_OF_A_DAY)).unwrap_or(i32::MAX)
}

async fn withdraw(tasks: &Tasks, ended: impl Fn(&IncidentId) -> bool) -> Result<(), EngineError> {
    let withdrawn = tasks.withdraw(|task| ended(&task.incident())).await?;
    if withdrawn > 0 {
        tracing::warn!(tasks = withdrawn, "tasks of incidents that ended are taken back");
    }
    Ok(())
}
