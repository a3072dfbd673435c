//! What may happen next.

use hwc_schemas::{PayloadId, wire::Task};
use hwc_workflow::{Duty, Incident, duties};

use crate::{
    bounds::{Fault, Leading, Planted},
    engine::Engine,
    outside::Message,
    people::{Ask, Why, asks},
    region::{INCIDENT, Scene, payload},
    step::{Asking, Step},
    world::{NAMES_MAX, World},
};

impl World {
    /// Every step that is possible within the bounds; those that cost nothing come first.
    pub(crate) fn steps(&self, scene: &Scene) -> Vec<Step> {
        let mut steps = Vec::new();
        for (which, engine) in self.running() {
            self.of_engine(which, engine, scene, &mut steps);
        }
        steps.extend((0..self.strays.len()).map(Step::Stray));
        self.of_the_clock(scene, &mut steps);
        self.of_people(scene, &mut steps);
        if self.faults < scene.bounds.faults_max {
            for (which, engine) in self.running() {
                faults_of(which, engine, scene, &mut steps);
            }
            self.other_faults(scene, &mut steps);
        } else {
            steps.retain(|step| step.costs() == 0);
        }
        steps
    }

    fn of_engine(&self, which: usize, engine: &Engine, scene: &Scene, steps: &mut Vec<Step>) {
        let any = scene.bounds.any_order;
        let mut first = true;
        for (place, post) in engine.post.iter().enumerate() {
            if post.answer.is_some() {
                if any || place == 0 {
                    steps.push(Step::Hear(which, place));
                }
            } else if any || first {
                steps.push(Step::Arrive(which, place));
                first = false;
            }
        }
        if !engine.relay.is_idle() && engine.relay.wake_at().is_some() {
            steps.push(Step::TryAgain(which));
        }
        // Offering again what is on its way already would double it for ever.
        let quiet = engine.post.is_empty() && self.is_current(engine);
        if quiet
            && scene.bounds.may(Fault::TaskLost)
            && self.owed().any(|task| !self.outside.tasks.contains(&task))
        {
            steps.push(Step::OfferAgain(which));
        }
        // What a dead engine's append left behind in another's back is found at the next start, which comes some day.
        let unknown = scene.bounds.leading == Leading::Both && !self.is_current(engine);
        if unknown && self.running().all(|(_, engine)| engine.is_at_rest()) {
            steps.push(Step::Restart(which));
        }
        if !self.orphans(which, engine, scene).is_empty() {
            steps.push(Step::Sweep(which));
        }
        if !engine.pen {
            steps.push(Step::Stop(which));
        }
    }

    fn of_the_clock(&self, scene: &Scene, steps: &mut Vec<Step>) {
        // Before anything is recorded no time passes, but for what is under way to be lost: whatever is recorded has its
        // ceiling before the last moment.
        if self.outside.log.is_empty() {
            let waits = |engine: &Engine| engine.relay.is_idle() && engine.post.is_empty();
            let doubts = |engine: &Engine| engine.relay.wake_at().is_some();
            let all = self.running().all(|(_, engine)| waits(engine));
            if all && (!self.strays.is_empty() || self.running().any(|(_, engine)| doubts(engine))) {
                steps.push(Step::Wait);
            }
            return;
        }
        let last = scene.moments.len() - 1;
        if scene.bounds.clocks_differ {
            let both = self.running().count() == 2;
            for which in 0..2 {
                let leaves_behind = both && self.moments[which] > self.moments[1 - which];
                if self.moments[which] < last && !leaves_behind && self.engines[which].is_some() {
                    steps.push(Step::Clock(Some(which)));
                }
            }
        } else if self.moments[0] < last {
            steps.push(Step::Clock(None));
        }
    }

    fn of_people(&self, scene: &Scene, steps: &mut Vec<Step>) {
        let waiting: Vec<Ask> =
            self.running().flat_map(|(_, engine)| engine.asked.iter().map(|asked| asked.ask)).collect();
        if waiting.len() >= scene.bounds.asked_max {
            return;
        }
        let moment = self.moments[0].min(self.moments[1]);
        let (mut free, mut costly) = (Vec::new(), Vec::new());
        let open = self.open.iter().map(|ask| (*ask, Why::Ordinary));
        let others =
            asks(&self.outside, moment, scene).into_iter().filter(|(ask, _)| !self.open.contains(ask));
        for (ask, why) in open.chain(others) {
            let full = |kind| self.new_name(kind) == payload(kind, NAMES_MAX + 1);
            if ask.carries().into_iter().any(full) {
                continue;
            }
            for (which, engine) in self.running() {
                let elsewhere = which != self.asked;
                let again = why == Why::Fault || waiting.contains(&ask);
                if !again && !elsewhere {
                    free.push(Step::Ask(which, Asking { ask, why }));
                } else if (!again || scene.bounds.may(Fault::Again))
                    && (!elsewhere || scene.bounds.may(Fault::Overtaken))
                    && engine.asked.iter().all(|asked| asked.ask != ask)
                {
                    costly.push(Step::Ask(which, Asking { ask, why: Why::Fault }));
                }
            }
        }
        steps.append(&mut free);
        steps.append(&mut costly);
    }

    fn other_faults(&self, scene: &Scene, steps: &mut Vec<Step>) {
        if scene.bounds.may(Fault::TaskLost) {
            steps.extend(self.owed().filter(|task| self.outside.tasks.contains(task)).map(Step::LoseTask));
        }
        if scene.bounds.leading == Leading::Pen && scene.bounds.may(Fault::Overtaken) {
            let leads = |which: &usize| self.engine(*which).is_some_and(|engine| engine.pen);
            steps.extend((0..2).filter(|which| !leads(which)).map(Step::Lead));
        }
    }

    /// The tasks that the truth owes.
    fn owed(&self) -> impl Iterator<Item = Task> {
        let owed = duties(INCIDENT, &self.outside.log.truth).into_iter();
        owed.filter_map(|duty| match duty {
            Duty::Offer { task: Task::Notice { .. }, .. } => None,
            Duty::Offer { task, .. } => Some(task),
            _ => None,
        })
    }

    /// What this engine's sweeper would take: what it does not know and what is not young. Without a lease it is supposed to
    /// know all of the log.
    pub(crate) fn orphans(&self, which: usize, engine: &Engine, scene: &Scene) -> Vec<PayloadId> {
        let Some(kept) = engine.relay.keeps() else { return Vec::new() };
        let reckless = scene.has(Planted::SweeperTakesTheYoung);
        let may_sweep = match scene.bounds.leading {
            Leading::Pen => engine.pen,
            Leading::Both => reckless || self.is_current(engine),
        };
        if !may_sweep {
            return Vec::new();
        }
        let mut orphans: Vec<_> =
            self.outside.store.keys().filter(|one| !kept.contains(one)).copied().collect();
        if !reckless && !orphans.is_empty() {
            let mut young: Vec<PayloadId> =
                self.strays.iter().flat_map(|message| appended(message)).collect();
            young.extend(engine.post.iter().flat_map(|post| appended(&post.message)));
            if scene.bounds.leading == Leading::Both {
                let others = self.running().filter(|(other, _)| *other != which);
                young.extend(others.flat_map(|(_, other)| other.names()));
            }
            orphans.retain(|one| !young.contains(one));
        }
        orphans
    }

    /// Whether an engine knows all of the log.
    fn is_current(&self, engine: &Engine) -> bool {
        let log = &self.outside.log;
        match engine.knows() {
            None | Some(Incident::Unknown) => log.is_empty() || log.tombstone,
            Some(known) => *known == log.truth,
        }
    }
}

/// The ciphertexts that an append under way would point to.
fn appended(message: &Message) -> Vec<PayloadId> {
    match message {
        Message::Append { commit, .. } => commit.stored.iter().map(|(payload, _)| *payload).collect(),
        _ => Vec::new(),
    }
}

/// What may go wrong with one engine.
fn faults_of(which: usize, engine: &Engine, scene: &Scene, steps: &mut Vec<Step>) {
    let bounds = &scene.bounds;
    for (place, post) in engine.post.iter().enumerate() {
        if post.answer.is_some() {
            continue;
        }
        if bounds.may(Fault::Late) {
            steps.push(Step::Late(which, place));
        }
        // A second one that could change nothing is none.
        if bounds.may(Fault::Twice) && matches!(post.message, Message::Store(_) | Message::Append { .. }) {
            steps.push(Step::Twice(which, place));
        }
        if bounds.may(Fault::Half) && matches!(post.message, Message::Forget { .. }) && engine.pen {
            steps.push(Step::Half(which, place));
        }
    }
    if bounds.may(Fault::Crash) && engine.pen {
        steps.push(Step::Crash(which));
    }
}
