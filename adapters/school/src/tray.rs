//! The tray: the signals that wait for the school's contact. It holds ids and times, never a letter: the contact reads, and
//! the bytes are gone.
//!
//! Nothing of it is kept on disk. A process that starts finds every signal again, for the engine's tasks stay until they
//! are done; what it knows only from having run (reminders, what was opened here) it then counts from its start.

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hwc_adapter_kit::{
    Clerk, Office, Settled,
    code::{Code, Meant, digits_for, meant},
};
use hwc_schemas::{
    Organisation, SignalId,
    wire::{Notice, Task},
};
use jiff::Timestamp;
use tokio::sync::watch;

/// Settled tasks that are remembered, so that one which the broker offers again does not lie in the tray once more.
const SETTLED_MAX: usize = 10_000;
/// Signals whose reminders are counted.
const REMINDED_MAX: usize = 10_000;

/// One time round of one signal.
type Round = (SignalId, u16);

/// What one time round of a signal is called at this school. It follows from ids, so it is the same after a crash.
pub fn code_of(school: &Organisation, (signal, round): (SignalId, u16)) -> Code {
    Code::of(&[&school.to_string(), &Task::Read { signal, round }.id()])
}

/// What waits at a school. Cheap to clone.
#[derive(Clone, Default)]
pub struct Tray {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    waiting: BTreeMap<Round, Waiting>,
    reminders: HashMap<Round, u32>,
    settled: HashSet<Round>,
    settled_in_order: VecDeque<Round>,
}

struct Waiting {
    code: Code,
    since: Timestamp,
    opened: bool,
    settled: watch::Sender<bool>,
}

/// A signal that waits, without a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lying {
    /// Which.
    pub signal: SignalId,
    /// Which time round.
    pub round: u16,
    /// What the contact calls it.
    pub code: Code,
    /// When it came.
    pub since: Timestamp,
    /// Whether it was opened here.
    pub opened: bool,
    /// How often the school was reminded.
    pub reminders: u32,
}

impl Tray {
    /// Everything that waits, the longest first; and how many digits tell the codes apart.
    pub fn lying(&self) -> (Vec<Lying>, usize) {
        let inner = self.lock();
        let digits = digits_for(inner.waiting.values().map(|waiting| &waiting.code));
        let mut lying: Vec<_> =
            inner.waiting.iter().map(|(round, waiting)| inner.lies(*round, waiting)).collect();
        lying.sort_by_key(|one| one.since);
        (lying, digits)
    }

    /// The one that is meant by a code or a signal's id.
    pub fn find(&self, said: &str) -> Meant<Lying> {
        let id = said.trim().parse::<SignalId>().ok();
        let inner = self.lock();
        let is_it = |(round, waiting): &(&Round, &Waiting)| {
            id.map_or_else(|| waiting.code.is_meant(said), |id| round.0 == id)
        };
        match meant(&inner.waiting, is_it) {
            Meant::One((round, waiting)) => Meant::One(inner.lies(*round, waiting)),
            Meant::None => Meant::None,
            Meant::Several => Meant::Several,
        }
    }

    /// It was opened here.
    pub fn opened(&self, round: (SignalId, u16)) {
        if let Some(waiting) = self.lock().waiting.get_mut(&round) {
            waiting.opened = true;
        }
    }

    /// Nothing is left to do about it: the task may be acknowledged.
    pub fn settle(&self, round: (SignalId, u16)) {
        self.lock().settle(round);
    }

    /// Lays a signal into the tray; an earlier round of it is over by then.
    fn lay(&self, (signal, round): Round, code: Code, since: Timestamp) -> Option<watch::Receiver<bool>> {
        let mut inner = self.lock();
        if inner.settled.contains(&(signal, round)) {
            return None;
        }
        let earlier: Vec<Round> =
            inner.waiting.range((signal, 0)..(signal, round)).map(|(one, _)| *one).collect();
        for one in earlier {
            inner.settle(one);
        }
        let (settled, told) = watch::channel(false);
        inner.waiting.insert((signal, round), Waiting { code, since, opened: false, settled });
        Some(told)
    }

    fn remind(&self, round: Round) {
        let mut inner = self.lock();
        if inner.reminders.len() < REMINDED_MAX || inner.reminders.contains_key(&round) {
            *inner.reminders.entry(round).or_default() += 1;
        }
    }

    fn take_away(&self, round: Round) {
        self.lock().waiting.remove(&round);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn lies(&self, round: Round, waiting: &Waiting) -> Lying {
        Lying {
            signal: round.0,
            round: round.1,
            code: waiting.code.clone(),
            since: waiting.since,
            opened: waiting.opened,
            reminders: self.reminders.get(&round).copied().unwrap_or_default(),
        }
    }

    fn settle(&mut self, round: Round) {
        self.reminders.remove(&round);
        if let Some(waiting) = self.waiting.remove(&round) {
            waiting.settled.send_replace(true);
        }
        if self.settled.insert(round) {
            self.settled_in_order.push_back(round);
        }
        if self.settled_in_order.len() > SETTLED_MAX
            && let Some(oldest) = self.settled_in_order.pop_front()
        {
            self.settled.remove(&oldest);
        }
    }
}

/// Takes a signal out of the tray when whoever held its task is gone, in whatever way.
struct InTheTray<'a> {
    tray: &'a Tray,
    round: Round,
}

impl Drop for InTheTray<'_> {
    fn drop(&mut self) {
        self.tray.take_away(self.round);
    }
}

impl Clerk for Tray {
    async fn handle(&self, office: &Office, task: &Task, since: Timestamp) -> Settled {
        let round = match task {
            Task::Read { signal, round } => (*signal, *round),
            Task::Notice { signal, round, notice, .. } => {
                if matches!(notice, Notice::RemindContact | Notice::RemindBackup) {
                    self.remind((*signal, *round));
                }
                tracing::info!(organisation = %office.organisation(), notice = notice.as_str(), "a notice");
                return Settled::Done;
            }
            Task::Screen { .. } | Task::LookUp { .. } | Task::Route { .. } => return Settled::Done,
        };
        let code = code_of(office.organisation(), round);
        let Some(mut told) = self.lay(round, code, since) else { return Settled::Done };
        tracing::info!(organisation = %office.organisation(), "a signal waits for the contact");
        let _lying = InTheTray { tray: self, round };
        tokio::select! {
            biased;
            // Whoever settles it also takes it out of the tray.
            _ = told.wait_for(|settled| *settled) => Settled::Done,
            () = office.hours().closing() => Settled::HandedBack,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(number: usize, round: u16) -> Round {
        let incident = format!("{number:032x}").parse().unwrap();
        (SignalId { incident, number: hwc_schemas::SignalNumber::FIRST }, round)
    }

    fn lay(tray: &Tray, round: Round, second: i64) -> Option<watch::Receiver<bool>> {
        tray.lay(round, Code::of(&[&format!("{round:?}")]), Timestamp::from_second(second).unwrap())
    }

    #[test]
    fn what_waits_longest_lies_first_and_is_found_by_code_and_by_id() {
        let tray = Tray::default();
        let _later = lay(&tray, round(1, 1), 20).unwrap();
        let _earlier = lay(&tray, round(2, 1), 10).unwrap();
        let (lying, digits) = tray.lying();
        assert_eq!(lying.iter().map(|one| one.signal).collect::<Vec<_>>(), [round(2, 1).0, round(1, 1).0]);
        for one in lying {
            assert_eq!(tray.find(one.code.short(digits)), Meant::One(one.clone()));
            assert_eq!(tray.find(&one.signal.to_string()), Meant::One(one));
        }
        assert_eq!(tray.find("123456"), Meant::None);
    }

    #[test]
    fn what_is_settled_leaves_the_tray_tells_its_task_and_does_not_come_back() {
        let tray = Tray::default();
        let told = lay(&tray, round(1, 1), 1).unwrap();
        tray.settle(round(1, 1));
        assert!(*told.borrow() && tray.lying().0.is_empty());
        assert!(lay(&tray, round(1, 1), 2).is_none(), "offered again by the broker");
        assert!(lay(&tray, round(1, 2), 2).is_some(), "another round is another matter");
    }

    #[test]
    fn a_new_round_takes_the_place_of_the_one_before() {
        let tray = Tray::default();
        let told = lay(&tray, round(1, 1), 1).unwrap();
        let _other = lay(&tray, round(2, 1), 1).unwrap();
        let _new = lay(&tray, round(1, 2), 2).unwrap();
        assert!(*told.borrow());
        let (lying, _) = tray.lying();
        assert_eq!(
            lying.iter().map(|one| (one.signal, one.round)).collect::<Vec<_>>(),
            [round(2, 1), round(1, 2)]
        );
    }

    #[test]
    fn reminders_and_openings_are_counted_while_it_waits() {
        let tray = Tray::default();
        let _told = lay(&tray, round(1, 1), 1).unwrap();
        tray.remind(round(1, 1));
        tray.remind(round(1, 1));
        tray.remind(round(2, 1));
        tray.opened(round(1, 1));
        let (lying, _) = tray.lying();
        assert_eq!((lying[0].reminders, lying[0].opened), (2, true));
        tray.settle(round(1, 1));
        assert!(!tray.lock().reminders.contains_key(&round(1, 1)));
    }

    #[test]
    fn the_memory_of_what_was_settled_is_bounded() {
        let tray = Tray::default();
        for number in 0..=SETTLED_MAX {
            tray.settle(round(number, 1));
        }
        assert_eq!(tray.lock().settled.len(), SETTLED_MAX);
        assert!(!tray.lock().settled.contains(&round(0, 1)));
    }
}
