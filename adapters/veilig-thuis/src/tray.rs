//! The tray: the households that wait for the person at Veilig Thuis (R9).
//!
//! Only memory. A case leaves it when it is decided and when the process ends: the task is the engine's, so after a start
//! the household is looked up and laid there again, under another code. A decision counts once the engine has recorded
//! it, and not before.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hwc_adapter_kit::{
    code::{Code, Meant, digits_for, meant},
    doubts::Waits,
};
use hwc_casework::{household::Doubt, household::Extent, screening};
use hwc_schemas::{
    IncidentId,
    letter::{Letter, Plaintext, Sealable as _},
    person::Child,
};
use jiff::Timestamp;
use tokio::sync::{oneshot, watch};

use crate::desk::{Case, CaseId, Decision, Outcome, Person};

/// Children that a person is shown for one case.
pub(crate) const SHOWN_MAX: usize = 200;

/// What waits at a Veilig Thuis. Cheap to clone.
#[derive(Clone, Default)]
pub struct Tray {
    inner: Arc<Mutex<Inner>>,
    changed: Arc<watch::Sender<()>>,
    all: bool,
}

#[derive(Default)]
struct Inner {
    cases: BTreeMap<CaseId, Lying>,
    /// Who waits to hear what became of a decision.
    waiting: HashMap<CaseId, Vec<oneshot::Sender<Outcome>>>,
    /// Counts the cases that were ever laid here, so that no two have the same code.
    laid: u64,
}

struct Lying {
    code: Code,
    since: Timestamp,
    doubts: BTreeSet<Doubt>,
    named: Vec<Child>,
    added: Vec<(Child, Option<Doubt>)>,
    shown: bool,
    decide: Option<oneshot::Sender<Decision>>,
}

/// A case that waits, without a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) id: CaseId,
    pub(crate) code: Code,
    pub(crate) since: Timestamp,
    pub(crate) doubts: Vec<Doubt>,
    pub(crate) named: usize,
    /// Each with its own doubt.
    pub(crate) added: Vec<Option<Doubt>>,
}

/// A case as a person must see it to decide.
pub(crate) struct Shown {
    pub(crate) waiting: Waiting,
    /// Those whom the police named, then those whom the household adds.
    pub(crate) children: Vec<Plaintext>,
}

/// Why a decision was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotTaken {
    /// No such case waits.
    Unknown,
    /// More than one is meant.
    Several,
    /// Nobody was shown these children yet.
    NotShown,
    /// There is no list of residents that could be confirmed.
    NoList,
    /// Somebody decides it at this moment.
    BeingDecided,
}

impl Tray {
    /// A tray; with `all` every household that adds a child lies in it first (the policy `confirm_expansion`).
    pub fn new(all: bool) -> Self {
        Self { all, ..Self::default() }
    }

    /// How many cases wait.
    pub fn len(&self) -> usize {
        self.lock().cases.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Everything that waits, the longest first; and how many digits tell the codes apart.
    pub(crate) fn lying(&self) -> (Vec<Waiting>, usize) {
        let inner = self.lock();
        let digits = digits_for(inner.cases.values().map(|case| &case.code));
        let mut waiting: Vec<_> = inner.cases.iter().map(|(id, case)| case.waits(*id)).collect();
        waiting.sort_by_key(|one| one.since);
        (waiting, digits)
    }

    /// Shows a case, and remembers that its children were shown.
    pub(crate) fn show(&self, id: CaseId) -> Option<Shown> {
        let mut inner = self.lock();
        let case = inner.cases.get_mut(&id)?;
        case.shown = true;
        let plain = |child: &Child| Letter { child: child.clone() }.to_plaintext();
        let added = case.added.iter().map(|(child, _)| child);
        let children = case.named.iter().chain(added).map(plain).collect();
        Some(Shown { waiting: case.waits(id), children })
    }

    /// Decides the case of this code, or of this incident's id where nobody is added: what was shown is what counts, and
    /// a case that is laid anew has a code of its own. What became of it is told later.
    pub(crate) fn hand_in(
        &self,
        said: &str,
        decision: Decision,
    ) -> Result<oneshot::Receiver<Outcome>, NotTaken> {
        let adds = matches!(decision, Decision::Count(Extent::Everybody | Extent::Certain));
        let mut inner = self.lock();
        let incident = (!adds).then(|| said.trim().parse::<IncidentId>().ok()).flatten();
        let is_it = |(one, case): &(&CaseId, &Lying)| {
            incident.map_or_else(|| case.code.is_meant(said), |incident| one.incident == incident)
        };
        let id = match meant(&inner.cases, is_it) {
            Meant::One((id, _)) => *id,
            Meant::None => return Err(NotTaken::Unknown),
            Meant::Several => return Err(NotTaken::Several),
        };
        let case = inner.cases.get_mut(&id).ok_or(NotTaken::Unknown)?;
        if adds && case.added.is_empty() {
            return Err(NotTaken::NoList);
        }
        if adds && !case.shown {
            return Err(NotTaken::NotShown);
        }
        let decide = case.decide.take().ok_or(NotTaken::BeingDecided)?;
        let (tell, told) = oneshot::channel();
        inner.waiting.retain(|_, waiting| {
            waiting.retain(|one| !one.is_closed());
            !waiting.is_empty()
        });
        inner.waiting.entry(id).or_default().push(tell);
        // If nobody waits for it any more the case is being looked up anew, and whoever asked hears that nothing came of it.
        if decide.send(decision).is_err() {
            inner.waiting.remove(&id);
        }
        Ok(told)
    }

    fn lay(&self, case: &Case<'_>) -> (InTheTray<'_>, oneshot::Receiver<Decision>) {
        let named = screening::distinct(&case.report.mentions);
        let named: Vec<_> = named.iter().take(SHOWN_MAX).map(|named| named.child.clone()).collect();
        let added = case.household.added(case.report, case.day);
        let added = added.into_iter().take(SHOWN_MAX).map(|one| (one.person.clone(), one.doubt)).collect();
        let (decide, decided) = oneshot::channel();
        let mut inner = self.lock();
        inner.laid += 1;
        // A code from before another look-up, or from before the process was started again, means nothing any more.
        let this = format!("{}.{}", Timestamp::now().as_nanosecond(), inner.laid);
        let code = Code::of(&[&this, &case.id.incident.to_string()]);
        let (since, doubts) = (case.since, case.doubts.clone());
        let in_the_tray = InTheTray { tray: self, id: case.id, code: code.clone() };
        let lying = Lying { code, since, doubts, named, added, shown: false, decide: Some(decide) };
        inner.cases.insert(case.id, lying);
        drop(inner);
        self.changed.send_replace(());
        (in_the_tray, decided)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waits for Tray {
    type Case = CaseId;

    fn waiting(&self) -> BTreeMap<CaseId, Timestamp> {
        self.lock().cases.iter().map(|(id, case)| (*id, case.since)).collect()
    }

    fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }
}

impl Lying {
    fn waits(&self, id: CaseId) -> Waiting {
        Waiting {
            id,
            code: self.code.clone(),
            since: self.since,
            doubts: self.doubts.iter().copied().collect(),
            named: self.named.len(),
            added: self.added.iter().map(|(_, doubt)| *doubt).collect(),
        }
    }
}

/// Takes a case out of the tray when nobody waits for its decision any more; no other that was laid there since.
struct InTheTray<'a> {
    tray: &'a Tray,
    id: CaseId,
    code: Code,
}

impl Drop for InTheTray<'_> {
    fn drop(&mut self) {
        let mut inner = self.tray.lock();
        if inner.cases.get(&self.id).is_some_and(|case| case.code == self.code) {
            inner.cases.remove(&self.id);
            drop(inner);
            self.tray.changed.send_replace(());
        }
    }
}

impl Person for Tray {
    async fn look_at(&self, case: &Case<'_>) -> Decision {
        let (_lying, decided) = self.lay(case);
        let doubts: Vec<_> = case.doubts.iter().map(|doubt| doubt.as_str()).collect();
        tracing::warn!(doubts = doubts.join(" "), "a household waits for a person; hwc veilig-thuis inbox");
        match decided.await {
            Ok(decision) => {
                if decision == Decision::LookAgain {
                    // Nothing is submitted for it, so nobody else would tell.
                    self.hears(case.id, Outcome::NotNow);
                }
                decision
            }
            // The tray takes a decision or goes; it does not let one fall.
            Err(_) => std::future::pending().await,
        }
    }

    fn looks_at_all(&self) -> bool {
        self.all
    }

    fn hears(&self, case: CaseId, outcome: Outcome) {
        let waiting = self.lock().waiting.remove(&case);
        for one in waiting.into_iter().flatten() {
            // Whoever asked may have left.
            let _ = one.send(outcome);
        }
    }
}

#[cfg(test)]
mod tests {
    use hwc_casework::household::{Household, Member};
    use hwc_schemas::{
        person::DateOfBirth,
        report::{Address, Kind, Mention, Occurred, Presence, Relation, Report},
    };

    use tokio::task::JoinHandle;

    use super::*;
    use crate::desk::Step;

    const INCIDENT: &str = "00000000000000000000000000000007";

    fn case(step: Step) -> CaseId {
        CaseId { incident: INCIDENT.parse().unwrap(), step }
    }

    fn screened() -> CaseId {
        case(Step::Screen)
    }

    fn child(given_names: &str) -> Child {
        Child::new(given_names, None, "Smit", DateOfBirth::parse("2016-02-03").unwrap()).unwrap()
    }

    /// A case with one named child and so many added ones waits; what is decided about it comes out of the handle.
    async fn waiting(tray: &Tray, added: &'static [&'static str]) -> JoinHandle<Decision> {
        waiting_for(tray, screened(), added).await
    }

    async fn waiting_for(tray: &Tray, id: CaseId, added: &'static [&'static str]) -> JoinHandle<Decision> {
        let laid = tray.lock().laid;
        let asking = tokio::spawn({
            let tray = tray.clone();
            async move {
                let mention = Mention {
                    child: child("Anna"),
                    presence: Presence::Present,
                    relation: Relation::Resident,
                };
                let report = Report {
                    reported_at: Timestamp::UNIX_EPOCH,
                    occurred: Occurred::On("2026-11-18".parse().unwrap()),
                    kind: Kind::DomesticViolence,
                    address: Address::new("5038AA", 1, "", "", None).unwrap(),
                    mentions: vec![mention],
                };
                let member = |name: &&str| Member { person: child(name), doubt: Some(Doubt::Secret) };
                let household =
                    Household { members: added.iter().map(member).collect(), ..Household::default() };
                let (since, doubts) = (Timestamp::UNIX_EPOCH, [Doubt::Secret].into());
                let day = "2026-11-18".parse().unwrap();
                let (report, household) = (&report, &household);
                let case = Case { id, since, doubts: &doubts, report, day, household };
                tray.look_at(&case).await
            }
        });
        while tray.lock().laid == laid {
            tokio::task::yield_now().await;
        }
        asking
    }

    fn code(tray: &Tray) -> String {
        tray.lying().0[0].code.to_string()
    }

    #[tokio::test]
    async fn the_tray_says_when_a_household_comes_and_when_it_goes() {
        let tray = Tray::new(false);
        let mut changes = tray.changes();
        let asking = waiting(&tray, &["Bob"]).await;
        assert!(changes.has_changed().unwrap());
        changes.mark_unchanged();
        assert_eq!(Waits::waiting(&tray), [(screened(), Timestamp::UNIX_EPOCH)].into());
        asking.abort();
        assert!(asking.await.unwrap_err().is_cancelled() && changes.has_changed().unwrap());
        assert!(Waits::waiting(&tray).is_empty());
    }

    #[tokio::test]
    async fn nobody_is_added_unseen_and_what_was_shown_before_counts_no_more() {
        let tray = Tray::new(false);
        let everybody = Decision::Count(Extent::Everybody);
        let asking = waiting(&tray, &["Bob"]).await;
        let first = code(&tray);
        assert_eq!(tray.hand_in(&first, everybody).unwrap_err(), NotTaken::NotShown);
        assert_eq!(tray.show(screened()).unwrap().children.len(), 2);
        asking.abort();
        assert!(asking.await.unwrap_err().is_cancelled() && tray.is_empty());
        let asking = waiting(&tray, &["Bob"]).await;
        assert_eq!(tray.hand_in(&first, everybody).unwrap_err(), NotTaken::Unknown);
        assert_eq!(tray.hand_in(INCIDENT, everybody).unwrap_err(), NotTaken::Unknown);
        assert!(tray.show(screened()).is_some());
        let told = tray.hand_in(&code(&tray), everybody).unwrap();
        assert_eq!(asking.await.unwrap(), everybody);
        tray.hears(screened(), Outcome::Recorded(2));
        assert_eq!(told.await, Ok(Outcome::Recorded(2)));
    }

    #[tokio::test]
    async fn the_named_alone_may_go_unseen_and_by_id_and_a_missing_list_is_not_confirmed() {
        let tray = Tray::new(false);
        let asking = waiting(&tray, &[]).await;
        assert!(tray.show(screened()).is_some());
        let refused = tray.hand_in(&code(&tray), Decision::Count(Extent::Everybody)).unwrap_err();
        assert_eq!(refused, NotTaken::NoList);
        let nobody = Decision::Count(Extent::Nobody);
        let told = tray.hand_in(INCIDENT, nobody).unwrap();
        assert_eq!(asking.await.unwrap(), nobody);
        assert!(tray.is_empty());
        drop(tray);
        assert!(told.await.is_err(), "nobody is left to tell");
    }

    #[tokio::test]
    async fn who_wants_it_looked_up_again_hears_at_once_that_it_waits_again() {
        let tray = Tray::new(false);
        let asking = waiting(&tray, &[]).await;
        let told = tray.hand_in(&code(&tray), Decision::LookAgain).unwrap();
        assert_eq!(asking.await.unwrap(), Decision::LookAgain);
        assert_eq!(told.await, Ok(Outcome::NotNow));
    }

    #[tokio::test]
    async fn the_two_tasks_of_one_incident_lie_beside_each_other_and_each_hears_its_own() {
        let tray = Tray::new(false);
        let (screening, looking_up) = (screened(), case(Step::LookUp));
        let first = waiting_for(&tray, screening, &["Bob"]).await;
        let second = waiting_for(&tray, looking_up, &["Bob", "Eva"]).await;
        assert_eq!(tray.len(), 2);
        let either = tray.hand_in(INCIDENT, Decision::LookAgain).unwrap_err();
        assert_eq!(either, NotTaken::Several, "an incident's id does not say which of the two");
        // The screening is over, or its task was handed back: what it laid goes, and nothing else.
        first.abort();
        assert!(first.await.unwrap_err().is_cancelled());
        let left = tray.lying().0;
        assert_eq!(left.iter().map(|one| one.id).collect::<Vec<_>>(), [looking_up]);
        assert!(tray.show(screening).is_none() && tray.show(looking_up).is_some());
        let everybody = Decision::Count(Extent::Everybody);
        let mut told = tray.hand_in(&left[0].code.to_string(), everybody).unwrap();
        assert_eq!(second.await.unwrap(), everybody);
        tray.hears(screening, Outcome::NotNow);
        assert!(told.try_recv().is_err(), "what became of the other one is nobody's answer here");
        tray.hears(looking_up, Outcome::Recorded(2));
        assert_eq!(told.await, Ok(Outcome::Recorded(2)));
    }

    #[tokio::test]
    async fn a_case_that_was_laid_anew_stays_when_whoever_laid_it_before_goes() {
        let tray = Tray::new(false);
        let first = waiting(&tray, &["Bob"]).await;
        let second = waiting(&tray, &["Bob"]).await;
        first.abort();
        assert!(first.await.unwrap_err().is_cancelled());
        assert_eq!(tray.len(), 1, "it can be decided only after the next start");
        let told = tray.hand_in(&code(&tray), Decision::LookAgain).unwrap();
        assert_eq!(second.await.unwrap(), Decision::LookAgain);
        assert_eq!(told.await, Ok(Outcome::NotNow));
    }
}
