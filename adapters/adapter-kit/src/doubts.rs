//! Whoever must decide doubtful cases (R16) is told at once that some wait, and again on the school morning on which they
//! still do, before lessons begin. A notice says how many and since when: no child, no school, no signal.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hwc_schemas::SignalId;
use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, Time},
    tz::TimeZone,
};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::Tray;

/// What is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CasesWait {
    /// Why it is told now.
    pub occasion: Occasion,
    /// How many cases it is about.
    pub cases: usize,
    /// Since when the longest of them waits.
    pub since: Timestamp,
}

/// Why it is told now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Occasion {
    /// They came just now.
    New,
    /// It is a school morning, and they still wait.
    StillWaiting,
}

/// Whoever passes a notice on to a person: a log, a mail. It must not wait: it puts the notice where it is sent from.
pub trait Notices: Send + Sync + 'static {
    /// Passes it on.
    fn tell(&self, notice: CasesWait);
}

/// Tells it in the log.
#[derive(Debug, Clone, Copy, Default)]
pub struct InTheLog;

impl Notices for InTheLog {
    fn tell(&self, notice: CasesWait) {
        let CasesWait { occasion, cases, since } = notice;
        match occasion {
            Occasion::New => tracing::warn!(cases, %since, "doubtful cases wait for a person"),
            Occasion::StillWaiting => {
                tracing::error!(cases, %since, "doubtful cases still wait for a person; lessons begin soon");
            }
        }
    }
}

/// Reminders that are remembered.
const REMINDED_MAX: usize = 100;

/// Somebody was told, then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reminded {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub occasion: Occasion,
    /// How many cases it was about.
    pub cases: usize,
    /// Since when the longest of them waited.
    pub since: Timestamp,
}

/// Remembers when whoever decides was told, for whoever asks at the counter. Only memory. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Reminders(Arc<Mutex<VecDeque<Reminded>>>);

impl Reminders {
    /// The last ones, the latest first.
    pub fn last(&self) -> Vec<Reminded> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().rev().copied().collect()
    }
}

impl Notices for Reminders {
    fn tell(&self, notice: CasesWait) {
        let CasesWait { occasion, cases, since } = notice;
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.push_back(Reminded { at: Timestamp::now(), occasion, cases, since });
        while all.len() > REMINDED_MAX {
            all.pop_front();
        }
    }
}

/// When what is told.
#[derive(Debug, Clone)]
pub struct NoticePolicy {
    /// The local time at which who still waits is told of again, on school days.
    pub remind_at: Time,
    /// Where it is that time.
    pub zone: TimeZone,
}

/// New cases are told of at once, and those that follow them within this time are told of together after it.
pub(crate) const TOGETHER_FOR: SignedDuration = SignedDuration::from_mins(5);
/// A case that was told of and is judged anew is not new; it is forgotten when it was away for this long.
const REMEMBERED_FOR: SignedDuration = SignedDuration::from_hours(24);
/// Nobody sleeps longer than this: a machine's clock may be set meanwhile.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(30);

/// A case: which signal, which time round.
pub(crate) type Round = (SignalId, u16);

/// What was told so far. Only in memory: who starts again tells again.
#[derive(Debug, Clone, Default)]
pub(crate) struct Told {
    /// What was told of, and when it last waited.
    rounds: BTreeMap<Round, Timestamp>,
    reminded: BTreeSet<Round>,
    reminded_on: Option<Date>,
    new_at: Option<Timestamp>,
}

/// What is to be told now, and when to look again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Planned {
    pub(crate) notices: Vec<CasesWait>,
    /// Cases that waited when they should not have any more.
    pub(crate) overdue: usize,
    pub(crate) look_at: Timestamp,
}

/// Decides what to tell. Each case is waiting since its moment.
pub(crate) fn plan(
    waiting: &BTreeMap<Round, Timestamp>,
    told: &mut Told,
    now: Timestamp,
    policy: &NoticePolicy,
    is_school_day: impl Fn(Date) -> bool,
) -> Planned {
    let today = policy.zone.to_datetime(now).date();
    let at = |date: Date| {
        date.to_datetime(policy.remind_at).to_zoned(policy.zone.clone()).map(|at| at.timestamp())
    };
    let reminder = at(today).unwrap_or(now);
    let mut notices = Vec::new();
    let notice = |occasion, rounds: &[Round]| {
        let since = rounds.iter().filter_map(|round| waiting.get(round)).min().copied().unwrap_or(now);
        CasesWait { occasion, cases: rounds.len(), since }
    };

    if now >= reminder && told.reminded_on != Some(today) && is_school_day(today) {
        told.reminded_on = Some(today);
        let late: Vec<Round> =
            waiting.iter().filter(|(_, since)| **since < reminder).map(|(round, _)| *round).collect();
        if !late.is_empty() {
            notices.push(notice(Occasion::StillWaiting, &late));
            told.rounds.extend(late.iter().map(|round| (*round, now)));
            told.reminded.extend(late);
        }
    }
    let new: Vec<Round> = waiting.keys().filter(|round| !told.rounds.contains_key(round)).copied().collect();
    let together_until = told.new_at.map(|at| at.saturating_add(TOGETHER_FOR).unwrap_or(Timestamp::MAX));
    let mut look_at = if now < reminder {
        reminder
    } else {
        today.tomorrow().ok().and_then(|tomorrow| at(tomorrow).ok()).unwrap_or(Timestamp::MAX)
    };
    match together_until {
        _ if new.is_empty() => {}
        Some(until) if now < until => look_at = look_at.min(until),
        _ => {
            notices.push(notice(Occasion::New, &new));
            told.rounds.extend(new.into_iter().map(|round| (round, now)));
            told.new_at = Some(now);
        }
    }

    for (round, seen) in &mut told.rounds {
        if waiting.contains_key(round) {
            *seen = now;
        }
    }
    told.rounds.retain(|_, seen| now.duration_since(*seen) < REMEMBERED_FOR);
    told.reminded.retain(|round| told.rounds.contains_key(round));
    let overdue = told.reminded.iter().filter(|round| waiting.contains_key(round)).count();
    Planned { notices, overdue, look_at }
}

/// How many cases wait, and how many of them waited when a school morning came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CasesStanding {
    /// Cases that wait.
    pub waiting: usize,
    /// Those among them that somebody was told of again.
    pub overdue: usize,
}

impl CasesStanding {
    /// What is wrong, for whoever asks whether all is well.
    pub fn problem(self) -> Option<String> {
        (self.overdue > 0)
            .then(|| format!("{} doubtful cases wait for a person since before lessons", self.overdue))
    }
}

/// Watches a tray and tells of what waits in it, for as long as anybody listens to how it stands.
pub async fn watch_tray(
    tray: Tray,
    to: Vec<Arc<dyn Notices>>,
    policy: NoticePolicy,
    is_school_day: impl Fn(Date) -> bool + Send + Sync,
    standing: watch::Sender<CasesStanding>,
) {
    let mut told = Told::default();
    let mut changed = tray.changes();
    loop {
        let now = Timestamp::now();
        let waiting = tray.waiting();
        let Planned { notices, overdue, look_at } = plan(&waiting, &mut told, now, &policy, &is_school_day);
        for notice in notices {
            for each in &to {
                each.tell(notice);
            }
        }
        standing.send_replace(CasesStanding { waiting: waiting.len(), overdue });
        let left = Duration::try_from(look_at.duration_since(now)).unwrap_or_default();
        tokio::select! {
            changed = changed.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(left.min(LOOK_AGAIN_AFTER)) => {}
            () = standing.closed() => return,
        }
    }
}

#[cfg(test)]
#[path = "notices_tests.rs"]
mod tests;
