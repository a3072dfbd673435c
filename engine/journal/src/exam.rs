//! The exam that every journal must pass: what the port promises, as cases that can fail.
//!
//! ```
//! # async fn example() -> Result<(), hwc_journal::exam::Failure> {
//! use hwc_journal::{exam, memory::MemoryJournal};
//!
//! exam::sit(async || MemoryJournal::default()).await
//! # }
//! ```

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
};

use hwc_schemas::{IncidentId, Marker, PayloadId, SignalNumber, outcome::ScreenedOut, wire::Interval};
use hwc_workflow::{Event, Fact, Found};
use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    Append, Commit, Generation, History, Journal, JournalError, Location, MARKERS_MAX, Markers, Position,
};

/// How often two writers race.
const RACES: u16 = 24;

/// A case that the journal did not pass.
#[derive(Debug, thiserror::Error)]
#[error("{case}: {problem}")]
pub struct Failure {
    /// What was promised.
    pub case: &'static str,
    /// What came instead.
    pub problem: String,
}

/// Sits the whole exam. Every case gets a journal of its own, with nothing in it.
pub async fn sit<J: Journal>(fresh: impl AsyncFn() -> J) -> Result<(), Failure> {
    macro_rules! cases {
        ($($case:ident: $promise:literal),+ $(,)?) => {$(
            $case(&fresh().await).await.map_err(|Problem(problem)| Failure { case: $promise, problem })?;
        )+};
    }
    cases! {
        nothing_at_first: "a fresh journal knows nothing and nothing is in flight",
        appends_in_order: "what is appended is read back in order, at ever later positions",
        a_wrong_position_conflicts: "an append anywhere but at the end is a conflict and writes nothing",
        an_unknown_log_has_no_position: "an append to an unknown incident expects no log",
        one_of_two_wins: "of two writers at the same position one wins, and only it has written",
        forgets_everything: "after forgetting, the incident is ended and nothing of its events is left",
        the_ended_stay_ended: "after forgetting, every append is a conflict, whatever position it expects",
        forgets_again: "forgetting again changes nothing and is no conflict",
        a_stale_forget_conflicts: "forgetting anywhere but at the end is a conflict and erases nothing",
        forgets_the_unknown: "an incident that was never written can be ended before it begins",
        lists_what_is_in_flight: "in flight is exactly what was appended to and not forgotten, as it would be read",
        keeps_markers: "a tombstone keeps the markers that it was given first, up to as many as there can be, and nothing else does",
        keeps_large_commits: "a commit with as many children and payloads as an incident may have comes back whole",
        keeps_neighbours_apart: "incidents whose ids differ in one digit do not mix",
    }
    Ok(())
}

/// What came instead of what was promised.
struct Problem(String);

impl From<JournalError> for Problem {
    fn from(error: JournalError) -> Self {
        Self(error.to_string())
    }
}

type Passed = Result<(), Problem>;

fn want(holds: bool, otherwise: &str) -> Passed {
    if holds { Ok(()) } else { Err(Problem(otherwise.to_owned())) }
}

fn want_conflict(outcome: Append, of_what: &str) -> Passed {
    want(outcome == Append::Conflict, &format!("{of_what} was {outcome:?}, wanted Conflict"))
}

const fn incident(number: u128) -> IncidentId {
    IncidentId::from_uuid(Uuid::from_u128(number))
}

/// A commit that can be told from every other.
fn commit(number: u16) -> Commit {
    let fact = Fact::NotDomesticViolence { children: number };
    Commit { events: vec![Event { at: Timestamp::UNIX_EPOCH, fact }], stored: Vec::new() }
}

async fn append<J: Journal>(
    journal: &J,
    incident: IncidentId,
    expected: Position,
    commit: &Commit,
) -> Result<Position, Problem> {
    match journal.append(incident, expected, commit).await? {
        Append::Appended(position) => Ok(position),
        Append::Conflict => {
            Err(Problem(format!("an append at the end of the log, {expected:?}, was a conflict")))
        }
    }
}

/// Appends this many commits and says where each ended.
async fn append_some<J: Journal>(
    journal: &J,
    incident: IncidentId,
    numbers: std::ops::Range<u16>,
) -> Result<Vec<Position>, Problem> {
    let mut positions = vec![Position::NONE];
    for number in numbers {
        let expected = positions.last().copied().unwrap_or_default();
        positions.push(append(journal, incident, expected, &commit(number)).await?);
    }
    Ok(positions)
}

async fn forget<J: Journal>(
    journal: &J,
    incident: IncidentId,
    expected: Position,
) -> Result<Position, Problem> {
    match journal.forget(incident, expected, &Markers::default()).await? {
        Append::Appended(position) => Ok(position),
        Append::Conflict => {
            Err(Problem(format!("forgetting at the end of the log, {expected:?}, was a conflict")))
        }
    }
}

async fn want_live<J: Journal>(
    journal: &J,
    incident: IncidentId,
    commits: Vec<Commit>,
    position: Position,
) -> Passed {
    let found = journal.read(incident).await?;
    let wanted = History::Live { commits, position };
    want(found == wanted, &format!("read {found:?}, wanted {wanted:?}"))
}

async fn want_history<J: Journal>(journal: &J, incident: IncidentId, wanted: History) -> Passed {
    let found = journal.read(incident).await?;
    want(found == wanted, &format!("read {found:?}, wanted {wanted:?}"))
}

async fn want_in_flight<J: Journal>(journal: &J, wanted: &[IncidentId]) -> Passed {
    let mut found: Vec<_> = journal.in_flight().await?.into_iter().map(|(incident, ..)| incident).collect();
    found.sort_unstable();
    want(found == wanted, &format!("in flight is {found:?}, wanted {wanted:?}"))
}

async fn nothing_at_first<J: Journal>(journal: &J) -> Passed {
    want_history(journal, incident(1), History::Unknown).await?;
    want_in_flight(journal, &[]).await
}

async fn appends_in_order<J: Journal>(journal: &J) -> Passed {
    let positions = append_some(journal, incident(1), 1..6).await?;
    want(positions.is_sorted_by(|a, b| a < b), &format!("the positions {positions:?} do not rise"))?;
    let last = positions.last().copied().unwrap_or_default();
    want_live(journal, incident(1), (1..6).map(commit).collect(), last).await
}

async fn a_wrong_position_conflicts<J: Journal>(journal: &J) -> Passed {
    let positions = append_some(journal, incident(1), 1..4).await?;
    let last = positions.last().copied().unwrap_or_default();
    let never = [Position(last.0 + 1), Position(u64::MAX)];
    for wrong in positions.iter().copied().filter(|one| *one != last).chain(never) {
        want_conflict(
            journal.append(incident(1), wrong, &commit(99)).await?,
            &format!("an append at {wrong:?}"),
        )?;
    }
    want_live(journal, incident(1), (1..4).map(commit).collect(), last).await?;
    append(journal, incident(1), last, &commit(4)).await.map(|_| ())
}

async fn an_unknown_log_has_no_position<J: Journal>(journal: &J) -> Passed {
    let elsewhere = append(journal, incident(1), Position::NONE, &commit(1)).await?;
    for wrong in [elsewhere, Position(1), Position(7)] {
        want_conflict(
            journal.append(incident(2), wrong, &commit(2)).await?,
            &format!("an append at {wrong:?}"),
        )?;
    }
    want_history(journal, incident(2), History::Unknown).await?;
    want_in_flight(journal, &[incident(1)]).await
}

async fn one_of_two_wins<J: Journal>(journal: &J) -> Passed {
    let mut position = Position::NONE;
    let mut commits = Vec::new();
    for race in 0..RACES {
        let (ours, theirs) = (commit(2 * race), commit(2 * race + 1));
        let outcomes = both(
            journal.append(incident(1), position, &ours),
            journal.append(incident(1), position, &theirs),
        );
        let (winner, end) = match outcomes.await {
            (Ok(Append::Appended(end)), Ok(Append::Conflict)) => (ours, end),
            (Ok(Append::Conflict), Ok(Append::Appended(end))) => (theirs, end),
            (Err(error), _) | (_, Err(error)) => return Err(error.into()),
            (Ok(one), Ok(other)) => return Err(Problem(format!("one was {one:?}, the other {other:?}"))),
        };
        commits.push(winner);
        position = end;
    }
    want_live(journal, incident(1), commits, position).await
}

async fn forgets_everything<J: Journal>(journal: &J) -> Passed {
    let positions = append_some(journal, incident(1), 1..4).await?;
    let kept = append(journal, incident(2), Position::NONE, &commit(7)).await?;
    forget(journal, incident(1), positions.last().copied().unwrap_or_default()).await?;
    want_history(journal, incident(1), History::Ended).await?;
    want_live(journal, incident(2), vec![commit(7)], kept).await?;
    want_in_flight(journal, &[incident(2)]).await
}

async fn the_ended_stay_ended<J: Journal>(journal: &J) -> Passed {
    let mut positions = append_some(journal, incident(1), 1..4).await?;
    let last = positions.last().copied().unwrap_or_default();
    let end = forget(journal, incident(1), last).await?;
    positions.push(end);
    for old in positions {
        want_conflict(journal.append(incident(1), old, &commit(9)).await?, &format!("an append at {old:?}"))?;
    }
    want_history(journal, incident(1), History::Ended).await?;
    want_in_flight(journal, &[]).await
}

async fn forgets_again<J: Journal>(journal: &J) -> Passed {
    let positions = append_some(journal, incident(1), 1..3).await?;
    let end = forget(journal, incident(1), positions.last().copied().unwrap_or_default()).await?;
    for again in positions.into_iter().chain([end]) {
        forget(journal, incident(1), again).await?;
    }
    want_history(journal, incident(1), History::Ended).await
}

async fn a_stale_forget_conflicts<J: Journal>(journal: &J) -> Passed {
    let positions = append_some(journal, incident(1), 1..4).await?;
    let last = positions.last().copied().unwrap_or_default();
    for stale in positions.iter().copied().filter(|one| *one != last).chain([Position(last.0 + 1)]) {
        let outcome = journal.forget(incident(1), stale, &Markers::default()).await?;
        want_conflict(outcome, &format!("forgetting at {stale:?}"))?;
    }
    want_live(journal, incident(1), (1..4).map(commit).collect(), last).await
}

async fn forgets_the_unknown<J: Journal>(journal: &J) -> Passed {
    let outcome = journal.forget(incident(1), Position(3), &Markers::default()).await?;
    want_conflict(outcome, "forgetting an unknown incident at 3")?;
    want_history(journal, incident(1), History::Unknown).await?;
    forget(journal, incident(1), Position::NONE).await?;
    want_history(journal, incident(1), History::Ended).await?;
    want_conflict(journal.append(incident(1), Position::NONE, &commit(1)).await?, "an append after it")
}

async fn lists_what_is_in_flight<J: Journal>(journal: &J) -> Passed {
    let mut live = Vec::new();
    for number in 1..=9_u16 {
        let one = incident(number.into());
        let position = append_some(journal, one, 1..number + 1).await?.last().copied().unwrap_or_default();
        if number % 3 == 0 {
            forget(journal, one, position).await?;
        } else {
            live.push((one, History::Live { commits: (1..=number).map(commit).collect(), position }));
        }
    }
    let mut found = journal.in_flight().await?;
    found.sort_by_key(|(incident, _)| *incident);
    want(found == live, &format!("in flight is {found:?}, wanted {live:?}"))
}

fn marker(number: u64) -> Marker {
    Marker::from_uuid(Uuid::from_u128(number.into()))
}

async fn keeps_markers<J: Journal>(journal: &J) -> Passed {
    let all: Vec<Markers> = [0, 1, 5, MARKERS_MAX as u64]
        .map(|many| (1..=many).map(|number| marker(u64::MAX - number)).collect())
        .into();
    for (number, markers) in (1..).zip(&all) {
        let position = append(journal, incident(number), Position::NONE, &commit(7)).await?;
        let outcome = journal.forget(incident(number), position, markers).await?;
        want(matches!(outcome, Append::Appended(_)), "forgetting at the end of the log was a conflict")?;
        forget(journal, incident(number), position).await?;
    }
    append(journal, incident(9), Position::NONE, &commit(9)).await?;
    let mut found = journal.tombstones().await?;
    found.sort_by_key(|tombstone| tombstone.incident);
    let found: Vec<_> = found.into_iter().map(|tombstone| (tombstone.incident, tombstone.markers)).collect();
    let wanted: Vec<_> = (1..).zip(all).map(|(number, markers)| (incident(number), Ok(markers))).collect();
    want(found == wanted, "the tombstones are not those that were written")
}

async fn keeps_large_commits<J: Journal>(journal: &J) -> Passed {
    let interval = Interval { seconds: u64::MAX, date_only: true };
    let found =
        (0..256).map(|_| Found::ScreenedOut { reason: ScreenedOut::RegisteredElsewhereAbsent }).collect();
    let expanded = Event { at: Timestamp::MAX, fact: Fact::Expanded { found, complete: true, interval } };
    let purged = (0..256)
        .filter_map(SignalNumber::at)
        .map(|number| Event { at: Timestamp::MIN, fact: Fact::Purged { number } });
    let at =
        |sequence| Location::new(Generation::from_uuid(Uuid::max()), sequence).of(Some(marker(sequence)));
    let large = Commit {
        events: std::iter::once(expanded).chain(purged).collect(),
        stored: (0..256_u64)
            .map(|n| (PayloadId::from_uuid(Uuid::from_u128(n.into())), at(u64::MAX - n)))
            .collect(),
    };
    let position = append(journal, incident(1), Position::NONE, &large).await?;
    want(
        journal.read(incident(1)).await? == History::Live { commits: vec![large.clone()], position },
        "read, it differs",
    )?;
    want(
        journal.in_flight().await? == [(incident(1), History::Live { commits: vec![large], position })],
        "listed as in flight, it differs",
    )
}

async fn keeps_neighbours_apart<J: Journal>(journal: &J) -> Passed {
    let neighbours = [0, 1, 0x10, u128::MAX, u128::MAX - 1, u128::MAX >> 4].map(incident);
    let mut positions = Vec::new();
    for (number, one) in (1..).zip(neighbours) {
        positions.push(append(journal, one, Position::NONE, &commit(number)).await?);
    }
    forget(journal, neighbours[0], positions[0]).await?;
    forget(journal, neighbours[3], positions[3]).await?;
    for (at, one) in neighbours.iter().enumerate() {
        if at == 0 || at == 3 {
            want_history(journal, *one, History::Ended).await?;
        } else {
            let number = u16::try_from(at + 1).unwrap_or_default();
            want_live(journal, *one, vec![commit(number)], positions[at]).await?;
        }
    }
    Ok(())
}

/// Waits for both at once.
async fn both<A, B>(a: impl Future<Output = A>, b: impl Future<Output = B>) -> (A, B) {
    let (mut a, mut b) = (pin!(a), pin!(b));
    let (mut a_is, mut b_is) = (None, None);
    poll_fn(move |context| {
        if a_is.is_none()
            && let Poll::Ready(value) = a.as_mut().poll(context)
        {
            a_is = Some(value);
        }
        if b_is.is_none()
            && let Poll::Ready(value) = b.as_mut().poll(context)
        {
            b_is = Some(value);
        }
        match (a_is.take(), b_is.take()) {
            (Some(a), Some(b)) => Poll::Ready((a, b)),
            (a, b) => {
                (a_is, b_is) = (a, b);
                Poll::Pending
            }
        }
    })
    .await
}
