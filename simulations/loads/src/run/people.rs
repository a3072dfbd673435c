//! The people at Veilig Thuis and at a municipality: who is free, how long work takes, what the register knows by then.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hwc_adapter_kit::{Clerk, Clock, Keeper, Kept, Office, Settled};
use hwc_casework::{
    names,
    routing::{Enrolment, Enrolments, Placement},
};
use hwc_municipality::{Decision, Desk, Doubt, Person, Settings, Why};
use hwc_schemas::{
    Organisation, SignalId,
    letter::Referral,
    report::MunicipalityCode,
    wire::{Fetch, RouteWhy, Task},
};
use hwc_workflow::calendar::Zone;
use hwc_world::Member;
use jiff::Timestamp;

use crate::{
    arrivals::later,
    chance::{Share, Stream},
    plan::{Says, Staff},
    region::Truth,
    roster::{OpeningHours, Roster, Turn},
    spread::Spread,
};

/// A number for a name, the same everywhere.
pub(super) fn number_of(name: &str) -> u64 {
    name.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The people of one organisation; they share one queue. Cheap to clone. Where nobody is planned, work takes no time.
#[derive(Clone)]
pub(super) struct People {
    shared: Option<Arc<Mutex<Queue>>>,
    takes: Spread,
    doubt_takes: Spread,
    picks: Share,
    seed: u64,
    number: u64,
}

struct Queue {
    roster: Roster,
    taken: u64,
}

impl People {
    pub(super) fn of(staff: &Staff, zone: &Zone, seed: u64, organisation: &Organisation) -> Self {
        let queue = |people| {
            let hours = OpeningHours::new(zone.clone(), staff.clone());
            Arc::new(Mutex::new(Queue { roster: Roster::new(hours, people), taken: 0 }))
        };
        Self {
            shared: staff.people.map(queue),
            takes: staff.takes.0.clone(),
            doubt_takes: staff.doubt_takes.0.clone(),
            picks: staff.picks_share,
            seed,
            number: number_of(&organisation.to_string()),
        }
    }

    /// Takes a place in the queue for work of so long; none where nobody has to be waited for.
    fn take(&self, now: Timestamp, takes: &Spread) -> Option<Turn> {
        let mut queue = lock(self.shared.as_ref()?);
        queue.taken += 1;
        let seconds = takes.draw(&mut Stream::Work.dice(self.seed, &[self.number, queue.taken]));
        Some(queue.roster.take(now, seconds))
    }

    /// Waits until somebody has done work of so long.
    async fn work(&self, clock: &dyn Clock, token: &str, takes: &Spread) {
        if let Some(Turn { ends, .. }) = self.take(clock.now(), takes) {
            clock.sleep_until(token, ends).await;
        }
    }
}

/// A clerk whose work takes people and time.
pub(super) struct Staffed<C> {
    clerk: C,
    people: People,
}

impl<C> Staffed<C> {
    pub(super) const fn new(clerk: C, people: People) -> Self {
        Self { clerk, people }
    }
}

impl<C: Clerk> Clerk for Staffed<C> {
    async fn handle(&self, office: &Office, task: &Task, since: Timestamp) -> Settled {
        // The look-up that comes back later, and what is only told, is nobody's work.
        if matches!(task, Task::Screen { .. } | Task::Route { .. }) {
            self.people.work(office.clock(), &task.id(), &self.people.takes).await;
        }
        self.clerk.handle(office, task, since).await
    }
}

/// The person at a municipality who decides what is in doubt (R16).
pub(super) struct Deciding {
    people: People,
    clock: Arc<dyn Clock>,
    /// When somebody will have decided what is already in hand: asked anew, because the register changed, nobody begins anew.
    in_hand: Mutex<BTreeMap<(SignalId, u16), Timestamp>>,
}

impl Person for Deciding {
    async fn decide(&self, doubt: &Doubt<'_>) -> Decision {
        let token = format!("doubt-{}-{}-{}", doubt.signal.incident, doubt.signal.number.get(), doubt.round);
        let case = (doubt.signal, doubt.round);
        let ends = match lock(&self.in_hand).entry(case) {
            Entry::Occupied(begun) => Some(*begun.get()),
            Entry::Vacant(new) => {
                let turn = self.people.take(self.clock.now(), &self.people.doubt_takes);
                turn.map(|turn| *new.insert(turn.ends))
            }
        };
        if let Some(ends) = ends {
            self.clock.sleep_until(&token, ends).await;
        }
        lock(&self.in_hand).remove(&case);
        let one = doubt.candidates.len() == 1;
        let mut dice = Stream::Work.dice(self.people.seed, &[self.people.number, number_of(&token), 1]);
        if one && self.people.picks.happens(&mut dice) {
            Decision::Pick(0)
        } else {
            Decision::Withhold(Why::default())
        }
    }
}

/// A municipality with its people and its register.
pub(super) fn municipality(
    organisation: Organisation,
    settings: Settings,
    people: People,
    mut fed: Fed,
) -> Member {
    Member::new(organisation, move |clock| {
        let (keeper, kept) = Kept::by_hand(settings);
        fed.kept = Some((keeper, kept.clone()));
        let person = Deciding { people: people.clone(), clock, in_hand: Mutex::default() };
        Attendance { desk: Staffed::new(Desk::new(kept, person), people), fed }
    })
}

/// An attendance office: its register is brought up to date before anybody looks.
struct Attendance<P> {
    desk: Staffed<Desk<P>>,
    fed: Fed,
}

impl<P: Person> Clerk for Attendance<P> {
    async fn handle(&self, office: &Office, task: &Task, since: Timestamp) -> Settled {
        if let Task::Route { signal, round, why } = task {
            if *why == RouteWhy::Returned {
                self.fed.asks_the_school(office, &task.id(), (*signal, *round)).await;
            }
            // Whoever does it looks when it is done, and not when it came.
            self.desk.people.work(office.clock(), &task.id(), &self.desk.people.takes).await;
            self.fed.is_fed(office.clock().now());
            return self.desk.clerk.handle(office, task, since).await;
        }
        self.desk.handle(office, task, since).await
    }
}

/// A municipality's register, and what it does not know yet.
pub(super) struct Fed {
    rows: Mutex<Vec<Enrolment>>,
    /// When what becomes known of whom, the next last.
    feeds: Mutex<Vec<(Timestamp, usize)>>,
    truth: Arc<Truth>,
    code: MunicipalityCode,
    after_return: Option<Spread>,
    seed: u64,
    kept: Option<(Keeper<Settings>, Kept<Settings>)>,
}

impl Fed {
    pub(super) fn new(
        says: &Says,
        (seed, code): (u64, MunicipalityCode),
        rows: Vec<Enrolment>,
        truth: &Arc<Truth>,
    ) -> Self {
        let own = truth.all().iter().enumerate().filter(|(_, one)| one.municipality == code);
        let mut feeds: Vec<_> = own.filter_map(|(place, one)| Some((one.known_at?, place))).collect();
        feeds.sort_unstable_by(|one, other| other.cmp(one));
        Self {
            rows: Mutex::new(rows),
            feeds: Mutex::new(feeds),
            truth: Arc::clone(truth),
            code,
            after_return: says.registers.corrected_after_return.as_ref().map(|after| after.0.clone()),
            seed,
            kept: None,
        }
    }

    /// What became known until now is in the register.
    fn is_fed(&self, now: Timestamp) {
        let mut feeds = lock(&self.feeds);
        let mut known = Vec::new();
        while let Some((_, place)) = feeds.pop_if(|(at, _)| *at <= now) {
            known.push(place);
        }
        drop(feeds);
        if !known.is_empty() {
            self.correct(&known);
        }
    }

    /// A school returned the signal (R24): the municipality asks where the child is, and corrects its register.
    async fn asks_the_school(&self, office: &Office, token: &str, (signal, round): (SignalId, u16)) {
        let Some(after) = &self.after_return else { return };
        let Ok(Referral { child, .. }) = office.open(&Fetch::Referral { signal, round }).await else {
            return;
        };
        let found = self.truth.find(&child).filter(|(_, one)| one.municipality == self.code);
        let Some((place, _)) = found else { return };
        let takes = after.draw(&mut Stream::Corrections.dice(self.seed, &[place as u64, 1]));
        let clock = office.clock();
        clock.sleep_until(&format!("{token}-asked"), later(clock.now(), takes)).await;
        self.correct(&[place]);
    }

    /// From here on the register has these children at their schools.
    fn correct(&self, places: &[usize]) {
        let Some((keeper, kept)) = &self.kept else { return };
        let mut rows = lock(&self.rows);
        for one in places.iter().filter_map(|place| self.truth.all().get(*place)) {
            rows.retain(|row| !names::matches(&row.pupil, &one.child));
            let placement = Placement { school: Some(one.attends), host: None, secret: false };
            rows.push(Enrolment { pupil: one.child.clone(), placement });
        }
        let now = kept.now();
        keeper.replace(Settings {
            enrolments: Enrolments::new(rows.iter().map(copied).collect()),
            schools: now.schools.clone(),
            region: now.region.clone(),
            zone: now.zone.clone(),
        });
    }
}

/// The same row.
pub(super) fn copied(row: &Enrolment) -> Enrolment {
    Enrolment { pupil: row.pupil.clone(), placement: row.placement }
}
