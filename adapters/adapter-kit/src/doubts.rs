//! Whoever must look at doubtful cases (R9, R16) is told at once that some wait, and again on the school morning on which they
//! still do, before lessons begin. A notice says how many and since when: no child, no school, no signal.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, Time},
    tz::TimeZone,
};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

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

/// Tells it in the log, where the cases are called so: `doubtful cases`.
#[derive(Debug, Clone, Copy)]
pub struct InTheLog(pub &'static str);

impl Notices for InTheLog {
    fn tell(&self, notice: CasesWait) {
        let (CasesWait { occasion, cases, since }, Self(what)) = (notice, self);
        match occasion {
            Occasion::New => tracing::warn!(cases, %since, "{what} wait for a person"),
            Occasion::StillWaiting => {
                tracing::error!(cases, %since, "{what} still wait for a person; lessons begin soon");
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
    /// The local times at which who still waits is told of again, on school days; the earliest first.
    pub remind_at: Vec<Time>,
    /// Where it is that time.
    pub zone: TimeZone,
}

/// New cases are told of at once, and those that follow them within this time are told of together after it.
const TOGETHER_FOR: SignedDuration = SignedDuration::from_mins(5);
/// A case that was told of and is judged anew is not new; it is forgotten when it was away for this long.
const REMEMBERED_FOR: SignedDuration = SignedDuration::from_hours(24);
/// Nobody sleeps longer than this: a machine's clock may be set meanwhile.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(30);

/// What was told so far. Only in memory: who starts again tells again.
#[derive(Debug, Clone)]
struct Told<K> {
    /// What was told of, and when it last waited.
    cases: BTreeMap<K, Timestamp>,
    reminded: BTreeSet<K>,
    reminded_at: Option<Timestamp>,
    new_at: Option<Timestamp>,
}

impl<K> Default for Told<K> {
    fn default() -> Self {
        Self { cases: BTreeMap::new(), reminded: BTreeSet::new(), reminded_at: None, new_at: None }
    }
}

/// What is to be told now, and when to look again.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Planned {
    notices: Vec<CasesWait>,
    /// Cases that waited when they should not have any more.
    overdue: usize,
    look_at: Timestamp,
}

impl NoticePolicy {
    /// Its moments on a day.
    fn moments(&self, day: Date) -> impl Iterator<Item = Timestamp> {
        let at = move |time: &Time| day.to_datetime(*time).to_zoned(self.zone.clone()).ok();
        self.remind_at.iter().filter_map(at).map(|at| at.timestamp())
    }
}

/// Decides what to tell. Each case is waiting since its moment.
fn plan<K: Copy + Ord>(
    waiting: &BTreeMap<K, Timestamp>,
    told: &mut Told<K>,
    now: Timestamp,
    policy: &NoticePolicy,
    is_school_day: impl Fn(Date) -> bool,
) -> Planned {
    let today = policy.zone.to_datetime(now).date();
    let tomorrow = today.tomorrow().ok();
    let mut notices = Vec::new();
    let notice = |occasion, cases: &[K]| {
        let since = cases.iter().filter_map(|case| waiting.get(case)).min().copied().unwrap_or(now);
        CasesWait { occasion, cases: cases.len(), since }
    };

    let due = policy.moments(today).filter(|moment| *moment <= now).max();
    if let Some(reminder) = due
        && told.reminded_at != due
        && is_school_day(today)
    {
        told.reminded_at = due;
        let late: Vec<K> =
            waiting.iter().filter(|(_, since)| **since < reminder).map(|(case, _)| *case).collect();
        if !late.is_empty() {
            notices.push(notice(Occasion::StillWaiting, &late));
            told.cases.extend(late.iter().map(|case| (*case, now)));
            told.reminded.extend(late);
        }
    }
    let new: Vec<K> = waiting.keys().filter(|case| !told.cases.contains_key(case)).copied().collect();
    let together_until = told.new_at.map(|at| at.saturating_add(TOGETHER_FOR).unwrap_or(Timestamp::MAX));
    let moments = [Some(today), tomorrow].into_iter().flatten().flat_map(|day| policy.moments(day));
    let mut look_at = moments.filter(|moment| *moment > now).min().unwrap_or(Timestamp::MAX);
    match together_until {
        _ if new.is_empty() => {}
        Some(until) if now < until => look_at = look_at.min(until),
        _ => {
            notices.push(notice(Occasion::New, &new));
            told.cases.extend(new.into_iter().map(|case| (case, now)));
            told.new_at = Some(now);
        }
    }

    for (case, seen) in &mut told.cases {
        if waiting.contains_key(case) {
            *seen = now;
        }
    }
    told.cases.retain(|_, seen| now.duration_since(*seen) < REMEMBERED_FOR);
    told.reminded.retain(|case| told.cases.contains_key(case));
    let overdue = told.reminded.iter().filter(|case| waiting.contains_key(case)).count();
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
    /// What is wrong, for whoever asks whether all is well, where the cases are called so.
    pub fn problem(self, what: &str) -> Option<String> {
        (self.overdue > 0).then(|| format!("{} {what} wait for a person since before lessons", self.overdue))
    }
}

/// Where cases wait for a person.
pub trait Waits: Send + Sync {
    /// What one of them is told from another by.
    type Case: Copy + Ord + Send + Sync;

    /// Since when each of them waits.
    fn waiting(&self) -> BTreeMap<Self::Case, Timestamp>;

    /// Says when one comes or goes.
    fn changes(&self) -> watch::Receiver<()>;
}

/// Watches a tray and tells of what waits in it, for as long as anybody listens to how it stands.
pub async fn watch_tray(
    tray: impl Waits,
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
#[path = "doubts_tests.rs"]
mod tests;
