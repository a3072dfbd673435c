//! The tray: the doubtful cases that wait for the person at the municipality (R16), and what was passed on lately.
//!
//! Only memory. A case leaves it when it is decided, when the register changes (then it is judged anew, and may come back
//! under another code), and when the process ends: the task is the engine's, so after a start it is asked again. A pick
//! counts once the engine has recorded the routing, and not before.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hwc_adapter_kit::{
    code::{Code, Meant, digits_for, meant},
    doubts::Waits,
};
use hwc_casework::routing::{Candidate, Placement};
use hwc_schemas::{
    Organisation, SignalId,
    ask::Whereabouts,
    letter::{Letter, Plaintext, Sealable as _},
    person::Child,
    wire::{Notice, RouteWhy},
};
use jiff::Timestamp;
use tokio::sync::{oneshot, watch};

use crate::{Decision, Doubt, Outcome, Person};

/// A case: which signal, which time round.
type Round = (SignalId, u16);

/// Signals passed on that are remembered.
const PASSED_ON_MAX: usize = 1_000;
/// Cases that left the tray and are remembered, by their code.
const LEFT_MAX: usize = 1_000;
/// Candidates that a person is shown for one case.
pub(crate) const CANDIDATES_MAX: usize = 200;

/// What waits at a municipality. Cheap to clone.
#[derive(Clone, Default)]
pub struct Tray {
    inner: Arc<Mutex<Inner>>,
    changed: Arc<watch::Sender<()>>,
}

#[derive(Default)]
struct Inner {
    cases: BTreeMap<Round, Case>,
    /// Who waits to hear what became of a decision.
    waiting: HashMap<Round, Vec<oneshot::Sender<Outcome>>>,
    passed_on: VecDeque<PassedOn>,
    /// What lay here, and whether somebody decided it.
    left: VecDeque<(Code, bool)>,
    /// Counts the lists of candidates that were ever made, so that no two have the same code.
    lists: u64,
}

struct Case {
    code: Code,
    why: RouteWhy,
    since: Timestamp,
    child: Child,
    sister: bool,
    candidates: Vec<(Child, Placement)>,
    /// Whether somebody was shown this very list.
    shown: bool,
    /// Takes the one decision.
    decide: Option<oneshot::Sender<Decision>>,
}

/// A case that waits, without a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lying {
    pub(crate) signal: SignalId,
    pub(crate) round: u16,
    pub(crate) code: Code,
    pub(crate) why: RouteWhy,
    pub(crate) since: Timestamp,
    pub(crate) sister: bool,
    pub(crate) candidates: usize,
}

/// Where a candidate is enrolled, as a person is shown it: a secret school is not (R13), for picking it only withholds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Enrolled {
    pub(crate) school: Option<String>,
    pub(crate) host: Option<String>,
    pub(crate) secret: bool,
}

/// A case as a person must see it to decide.
pub(crate) struct Shown {
    pub(crate) lying: Lying,
    pub(crate) child: Plaintext,
    pub(crate) candidates: Vec<(Plaintext, Enrolled)>,
}

/// A signal that was passed on since the process started. No child is kept (R21).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PassedOn {
    pub(crate) signal: SignalId,
    pub(crate) code: Code,
    pub(crate) at: Timestamp,
    pub(crate) school: Organisation,
    pub(crate) notice: Option<Notice>,
    /// Where it was when the engine was last asked.
    pub(crate) seen: Whereabouts,
    /// Whether the engine knew it once, and does not any more.
    pub(crate) over: bool,
}

/// Why a decision was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotTaken {
    /// No such case waits.
    Unknown,
    /// More than one is meant.
    Several,
    /// Nobody was shown these candidates yet.
    NotShown,
    /// There is no candidate of that number.
    NoSuchCandidate,
    /// Somebody decides it at this moment.
    BeingDecided,
    /// Somebody decided it.
    Decided,
    /// It is gone from here, undecided: its candidates are others now, or nothing waits any more.
    Left,
}

impl Waits for Tray {
    type Case = Round;

    fn waiting(&self) -> BTreeMap<Round, Timestamp> {
        self.lock().cases.iter().map(|(round, case)| (*round, case.since)).collect()
    }

    fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }
}

impl Tray {
    /// Everything that waits, the longest first; and how many digits tell the codes apart.
    pub(crate) fn lying(&self) -> (Vec<Lying>, usize) {
        let inner = self.lock();
        let digits = digits_for(inner.cases.values().map(|case| &case.code));
        let mut lying: Vec<_> = inner.cases.iter().map(|(round, case)| case.lies(*round)).collect();
        lying.sort_by_key(|one| one.since);
        (lying, digits)
    }

    /// Shows a case, and remembers that its candidates were shown.
    pub(crate) fn show(&self, round: (SignalId, u16)) -> Option<Shown> {
        let mut inner = self.lock();
        let case = inner.cases.get_mut(&round)?;
        case.shown = true;
        let plain = |child: &Child| Letter { child: child.clone() }.to_plaintext();
        let candidates =
            case.candidates.iter().map(|(pupil, placement)| (plain(pupil), enrolled(*placement)));
        Some(Shown { child: plain(&case.child), candidates: candidates.collect(), lying: case.lies(round) })
    }

    /// Shows the case of this code.
    pub(crate) fn show_meant(&self, said: &str) -> Result<Shown, NotTaken> {
        let round = {
            let inner = self.lock();
            match meant(&inner.cases, |(_, case)| case.code.is_meant(said)) {
                Meant::One((_, case)) if case.decide.is_none() => return Err(NotTaken::BeingDecided),
                Meant::One((round, _)) => *round,
                Meant::None => return Err(inner.left(said)),
                Meant::Several => return Err(NotTaken::Several),
            }
        };
        self.show(round).ok_or(NotTaken::Left)
    }

    /// Decides the case of this code, or of this signal's id where nothing is picked: a number means something only in the
    /// very list that was shown, and a list has a code of its own. What became of it is told later.
    pub(crate) fn hand_in(
        &self,
        said: &str,
        decision: Decision,
    ) -> Result<oneshot::Receiver<Outcome>, NotTaken> {
        let mut inner = self.lock();
        let id = match decision {
            Decision::Pick(_) => None,
            Decision::Withhold(_) => said.trim().parse::<SignalId>().ok(),
        };
        let is_it =
            |(round, case): &(&Round, &Case)| id.map_or_else(|| case.code.is_meant(said), |id| round.0 == id);
        let round = match meant(&inner.cases, is_it) {
            Meant::One((round, _)) => *round,
            Meant::None => return Err(inner.left(said)),
            Meant::Several => return Err(NotTaken::Several),
        };
        let case = inner.cases.get_mut(&round).ok_or(NotTaken::Unknown)?;
        if let Decision::Pick(which) = decision {
            if !case.shown {
                return Err(NotTaken::NotShown);
            }
            if which >= case.candidates.len() {
                return Err(NotTaken::NoSuchCandidate);
            }
        }
        let decide = case.decide.take().ok_or(NotTaken::BeingDecided)?;
        let (tell, told) = oneshot::channel();
        inner.waiting.retain(|_, waiting| {
            waiting.retain(|one| !one.is_closed());
            !waiting.is_empty()
        });
        inner.waiting.entry(round).or_default().push(tell);
        // If nobody waits for it any more the case is being judged anew, and whoever asked hears that nothing came of it.
        if decide.send(decision).is_err() {
            inner.waiting.remove(&round);
        }
        Ok(told)
    }

    /// What was passed on, the latest first; and how many digits tell the codes apart.
    pub(crate) fn passed_on(&self) -> (Vec<PassedOn>, usize) {
        let inner = self.lock();
        let digits = digits_for(inner.passed_on.iter().map(|one| &one.code));
        (inner.passed_on.iter().rev().cloned().collect(), digits)
    }

    /// The signal that is meant by a code of [`Tray::passed_on`].
    pub(crate) fn find_passed_on(&self, said: &str) -> Meant<SignalId> {
        match meant(&self.lock().passed_on, |one| one.code.is_meant(said)) {
            Meant::One(one) => Meant::One(one.signal),
            Meant::None => Meant::None,
            Meant::Several => Meant::Several,
        }
    }

    /// What was passed on and may not have ended yet.
    pub(crate) fn not_over(&self) -> Vec<SignalId> {
        let inner = self.lock();
        inner.passed_on.iter().filter(|one| !one.is_over()).map(|one| one.signal).collect()
    }

    /// The engine said where a signal is.
    pub(crate) fn is_seen(&self, signal: SignalId, at: Whereabouts) {
        let mut inner = self.lock();
        let Some(one) = inner.passed_on.iter_mut().find(|one| one.signal == signal) else { return };
        match at {
            // It was routed a moment ago, and the engine knows it: what it forgot since has ended.
            Whereabouts::Unknown => one.over = true,
            at => one.seen = at,
        }
    }

    fn lay(&self, doubt: &Doubt<'_>) -> oneshot::Receiver<Decision> {
        let mut inner = self.lock();
        inner.lists += 1;
        // The moment of this very list is part of it, so that a code from before another list, or from before the process
        // was started again, means nothing any more.
        let list = format!("{}.{}", Timestamp::now().as_nanosecond(), inner.lists);
        let code = Code::of(&[&list, &doubt.signal.to_string()]);
        let (decide, decided) = oneshot::channel();
        let candidate = |one: &Candidate<'_>| (one.pupil.clone(), one.placement);
        let case = Case {
            code,
            why: doubt.why,
            since: doubt.since,
            child: doubt.child.clone(),
            sister: doubt.sister,
            candidates: doubt.candidates.iter().take(CANDIDATES_MAX).map(candidate).collect(),
            shown: false,
            decide: Some(decide),
        };
        inner.cases.insert((doubt.signal, doubt.round), case);
        drop(inner);
        self.changed.send_replace(());
        decided
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Why nothing of that name waits.
    fn left(&self, said: &str) -> NotTaken {
        match self.left.iter().rev().find(|(code, _)| code.is_meant(said)) {
            Some((_, true)) => NotTaken::Decided,
            Some((_, false)) => NotTaken::Left,
            None => NotTaken::Unknown,
        }
    }
}

impl PassedOn {
    const fn is_over(&self) -> bool {
        use Whereabouts::{Acknowledged, Expired, Recalled, Withheld};
        self.over || matches!(self.seen, Acknowledged | Expired | Recalled | Withheld)
    }
}

impl Case {
    fn lies(&self, (signal, round): Round) -> Lying {
        let (code, candidates) = (self.code.clone(), self.candidates.len());
        Lying { signal, round, code, why: self.why, since: self.since, sister: self.sister, candidates }
    }
}

fn enrolled(placement: Placement) -> Enrolled {
    let Placement { school, host, secret } = placement;
    let code = |school: Option<hwc_casework::routing::SchoolCode>| {
        school.filter(|_| !secret).map(|school| school.to_string())
    };
    Enrolled { school: code(school), host: code(host), secret }
}

/// Takes a case out of the tray when nobody waits for its decision any more.
struct InTheTray<'a> {
    tray: &'a Tray,
    round: Round,
}

impl Drop for InTheTray<'_> {
    fn drop(&mut self) {
        let mut inner = self.tray.lock();
        if let Some(case) = inner.cases.remove(&self.round) {
            inner.left.push_back((case.code.clone(), case.decide.is_none()));
            while inner.left.len() > LEFT_MAX {
                inner.left.pop_front();
            }
        }
        drop(inner);
        self.tray.changed.send_replace(());
    }
}

impl Person for Tray {
    async fn decide(&self, doubt: &Doubt<'_>) -> Decision {
        let decided = self.lay(doubt);
        tracing::info!("a doubtful case waits for a person");
        let _lying = InTheTray { tray: self, round: (doubt.signal, doubt.round) };
        match decided.await {
            Ok(decision) => decision,
            // The tray takes a decision or goes; it does not let one fall.
            Err(_) => std::future::pending().await,
        }
    }

    fn hears(&self, signal: SignalId, round: u16, outcome: Outcome) {
        let mut inner = self.lock();
        for waiting in inner.waiting.remove(&(signal, round)).into_iter().flatten() {
            // Whoever asked may have left.
            let _ = waiting.send(outcome);
        }
        let before = inner.passed_on.iter_mut().find(|one| one.signal == signal);
        if let (Outcome::Withheld(_), Some(one)) = (outcome, before) {
            one.seen = Whereabouts::Withheld;
        }
    }

    fn goes_to(&self, signal: SignalId, _round: u16, school: &Organisation) {
        let mut inner = self.lock();
        inner.passed_on.retain(|one| one.signal != signal);
        let (code, at, school) = (Code::of(&[&signal.to_string()]), Timestamp::now(), school.clone());
        let seen = Whereabouts::Held;
        inner.passed_on.push_back(PassedOn { signal, code, at, school, notice: None, seen, over: false });
        if inner.passed_on.len() > PASSED_ON_MAX {
            inner.passed_on.pop_front();
        }
    }

    fn is_noticed(&self, signal: SignalId, notice: Notice) {
        if let Some(one) = self.lock().passed_on.iter_mut().find(|one| one.signal == signal) {
            one.notice = Some(notice);
        }
    }
}

#[cfg(test)]
mod tests {
    use hwc_casework::routing::SchoolCode;
    use hwc_schemas::{SignalNumber, person::DateOfBirth};

    use super::*;
    use crate::Why;

    fn signal(number: u32) -> SignalId {
        SignalId { incident: format!("{number:032x}").parse().unwrap(), number: SignalNumber::FIRST }
    }

    fn child(given_names: &str) -> Child {
        Child::new(given_names, None, "Smit", DateOfBirth::parse("2016-02-03").unwrap()).unwrap()
    }

    /// A case with two candidates waits; what is decided about it comes out of the handle.
    async fn waiting(tray: &Tray, signal: SignalId) -> tokio::task::JoinHandle<Decision> {
        let before = tray.lying().0.len();
        let asking = tokio::spawn({
            let tray = tray.clone();
            async move {
                let pupils = [child("Anna"), child("Anne")];
                let school = Some(SchoolCode::parse("01AA", "00").unwrap());
                let placement = |secret| Placement { school, host: None, secret };
                let candidates: Vec<_> = pupils
                    .iter()
                    .zip([false, true])
                    .map(|(pupil, secret)| Candidate { pupil, placement: placement(secret) })
                    .collect();
                let child = child("Ann");
                let (why, since) = (RouteWhy::New, Timestamp::UNIX_EPOCH);
                let doubt = Doubt {
                    signal,
                    round: 1,
                    why,
                    since,
                    child: &child,
                    sister: true,
                    candidates: &candidates,
                };
                tray.decide(&doubt).await
            }
        });
        while tray.lying().0.len() == before {
            tokio::task::yield_now().await;
        }
        asking
    }

    fn code(tray: &Tray) -> String {
        tray.lying().0[0].code.to_string()
    }

    #[tokio::test]
    async fn the_tray_says_when_a_case_comes_and_when_it_goes() {
        let tray = Tray::default();
        let mut changes = tray.changes();
        let asking = waiting(&tray, signal(1)).await;
        assert!(changes.has_changed().unwrap());
        changes.mark_unchanged();
        assert_eq!(Waits::waiting(&tray).into_keys().collect::<Vec<_>>(), [(signal(1), 1)]);
        asking.abort();
        assert!(asking.await.unwrap_err().is_cancelled() && changes.has_changed().unwrap());
        assert!(Waits::waiting(&tray).is_empty());
    }

    #[tokio::test]
    async fn a_pick_counts_only_in_the_list_that_was_shown() {
        let tray = Tray::default();
        let asking = waiting(&tray, signal(1)).await;
        let first = code(&tray);
        assert_eq!(tray.hand_in(&first, Decision::Pick(0)).unwrap_err(), NotTaken::NotShown);
        assert!(tray.show((signal(1), 1)).is_some());
        // The register changes: the case is judged anew, and another list means another code.
        asking.abort();
        assert!(asking.await.unwrap_err().is_cancelled() && tray.lying().0.is_empty());
        let asking = waiting(&tray, signal(1)).await;
        assert_eq!(tray.hand_in(&first, Decision::Pick(0)).unwrap_err(), NotTaken::Left);
        let id = signal(1).to_string();
        assert_eq!(tray.hand_in(&id, Decision::Pick(0)).unwrap_err(), NotTaken::Unknown);
        assert!(tray.show((signal(1), 1)).is_some());
        assert_eq!(tray.hand_in(&code(&tray), Decision::Pick(2)).unwrap_err(), NotTaken::NoSuchCandidate);
        let told = tray.hand_in(&code(&tray), Decision::Pick(1)).unwrap();
        assert_eq!(asking.await.unwrap(), Decision::Pick(1));
        tray.hears(signal(1), 1, Outcome::PassedOn);
        assert_eq!(told.await, Ok(Outcome::PassedOn));
    }

    #[tokio::test]
    async fn a_case_is_decided_once_and_may_be_withheld_unseen_and_by_its_id() {
        let tray = Tray::default();
        let asking = waiting(&tray, signal(1)).await;
        let told = tray.hand_in(&signal(1).to_string(), Decision::Withhold(Why::default())).unwrap();
        let again = tray.hand_in(&signal(1).to_string(), Decision::Withhold(Why::default())).unwrap_err();
        assert!(matches!(again, NotTaken::BeingDecided | NotTaken::Unknown));
        assert_eq!(asking.await.unwrap(), Decision::Withhold(Why::default()));
        assert!(tray.lying().0.is_empty());
        drop(tray);
        assert!(told.await.is_err(), "nobody is left to tell");
    }

    #[tokio::test]
    async fn what_is_shown_is_the_child_the_candidates_and_no_secret_school() {
        let tray = Tray::default();
        let _asking = waiting(&tray, signal(1)).await;
        let shown = tray.show((signal(1), 1)).unwrap();
        assert_eq!((shown.lying.candidates, shown.lying.sister), (2, true));
        assert!(Letter::from_plaintext(&shown.child).is_ok_and(|letter| letter.child == child("Ann")));
        let schools: Vec<_> = shown.candidates.iter().map(|(_, enrolled)| enrolled.clone()).collect();
        let open = Enrolled { school: Some("01AA00".to_owned()), host: None, secret: false };
        assert_eq!(schools, [open, Enrolled { school: None, host: None, secret: true }]);
    }

    #[test]
    fn what_was_passed_on_is_remembered_by_id_and_time_and_not_for_ever() {
        let tray = Tray::default();
        for number in 0..=u32::try_from(PASSED_ON_MAX).unwrap() {
            tray.goes_to(signal(number), 1, &"school-01AA00".parse().unwrap());
        }
        tray.hears(signal(7), 1, Outcome::Withheld(hwc_schemas::outcome::Withheld::EnrolmentUnknown));
        tray.is_noticed(signal(1), Notice::ReceiptMissing);
        let (all, digits) = tray.passed_on();
        assert_eq!((all.len(), all[0].signal), (PASSED_ON_MAX, signal(1000)));
        let one = all.iter().find(|one| one.signal == signal(1)).unwrap();
        assert_eq!(one.notice, Some(Notice::ReceiptMissing));
        assert_eq!(tray.find_passed_on(one.code.short(digits)), Meant::One(signal(1)));
        assert_eq!(tray.find_passed_on("000000"), Meant::None);
    }
}
