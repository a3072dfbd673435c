//! What becomes of the world when a step is taken.

use std::sync::Arc;

use hwc_journal::Append;
use hwc_relay::{Input, Output, Ticket};
use hwc_schemas::wire::Task;
use hwc_workflow::Duty;
use jiff::{SignedDuration, Timestamp};

use crate::{
    bounds::{Leading, Planted},
    engine::{Asked, Engine, Post, heard},
    outside::{Answer, Message, Wrong},
    people::{Ask, Knock, Why},
    region::{INCIDENT, Scene, location},
    sights::Sights,
    step::{Step, of_events},
    world::World,
};

/// Longer than anything is under way.
const WAIT_SECONDS: i64 = 150;

/// More often than anything is due at one moment.
const RINGS_MAX: usize = 16;

impl World {
    /// Takes a step. Says what is wrong, if something is.
    pub(crate) fn after(&self, step: &Step, scene: &Scene, sights: &mut Sights) -> Result<Self, Wrong> {
        let mut world = self.clone();
        world.faults += step.costs();
        world.take(step, scene, sights)?;
        let World { strays, outside, .. } = &mut world;
        strays.retain(|message| !outside.is_spent(message, scene));
        world.outside.check()?;
        world.fingerprint(scene);
        Ok(world)
    }

    fn take(&mut self, step: &Step, scene: &Scene, sights: &mut Sights) -> Result<(), Wrong> {
        match step {
            Step::Ask(which, asking) => {
                if asking.why != Why::Fault {
                    self.open.insert(asking.ask);
                }
                if scene.bounds.leading == Leading::Both {
                    self.asked = *which;
                }
                self.ask(*which, asking.ask, scene, sights)
            }
            Step::Arrive(which, place) => self.arrive(*which, *place, scene, sights),
            Step::Hear(which, place) => {
                let Some(post) = self.take_post(*which, *place) else { return Ok(()) };
                self.hear(*which, post.message, post.answer.unwrap_or(Answer::Nothing), scene, sights)
            }
            Step::Late(which, place) => {
                let Some(post) = self.take_post(*which, *place) else { return Ok(()) };
                self.give_up(*which, &post.message);
                self.hear(*which, post.message, Answer::Nothing, scene, sights)
            }
            Step::Twice(which, place) => {
                let post = self.engine(*which).and_then(|engine| engine.post.get(*place));
                let again = post.map(|post| post.message.clone());
                self.arrive(*which, *place, scene, sights)?;
                if let Some(message) = again {
                    self.give_up(*which, &message);
                }
                Ok(())
            }
            Step::Half(which, place) => {
                let Some(post) = self.take_post(*which, *place) else { return Ok(()) };
                if let Message::Forget { expected } = &post.message {
                    self.outside.forget(*expected, false)?;
                    sights.half();
                }
                self.hear(*which, post.message, Answer::Nothing, scene, sights)
            }
            Step::Stray(place) => {
                let message = self.strays.remove(*place);
                let answer = self.do_outside(&message, true, scene)?;
                sights.stray(&message, &answer);
                Ok(())
            }
            Step::Crash(which) | Step::Restart(which) => self.start(*which, true, scene, sights),
            Step::Lead(which) => {
                self.lose_the_pen();
                self.asked = *which;
                self.start(*which, true, scene, sights)
            }
            Step::Stop(which) => {
                self.abandon(*which);
                self.engines[*which] = None;
                Ok(())
            }
            Step::TryAgain(which) => self.handle(*which, Input::TryAgain, scene, sights),
            Step::OfferAgain(which) => self.handle(*which, Input::OfferAgain, scene, sights),
            Step::Sweep(which) => {
                let Some(engine) = self.engine(*which) else { return Ok(()) };
                for orphan in self.orphans(*which, engine, scene) {
                    self.outside.store.remove(&orphan);
                }
                sights.swept();
                Ok(())
            }
            Step::Clock(None) => {
                self.moments = self.moments.map(|moment| moment + 1);
                // Nothing is under way for longer than two minutes, and nobody thinks for so long that it leads who does not;
                // the moments are further apart.
                self.strays.clear();
                self.stop_the_overtaken();
                (0..2).try_for_each(|which| self.ring(which, scene, sights))
            }
            Step::Clock(Some(which)) => {
                self.moments[*which] += 1;
                self.strays.clear();
                self.stop_the_overtaken();
                if self.engines[1 - *which].is_none() {
                    self.moments[1 - *which] = self.moments[*which];
                }
                self.ring(*which, scene, sights)
            }
            Step::Wait => {
                self.strays.clear();
                self.stop_the_overtaken();
                for which in 0..2 {
                    let later = self.now(which, scene).checked_add(SignedDuration::from_secs(WAIT_SECONDS));
                    let later = later.unwrap_or(Timestamp::MAX);
                    self.give(which, Input::Tick, later, scene, sights)?;
                }
                Ok(())
            }
            Step::LoseTask(task) => {
                self.outside.tasks.remove(task);
                Ok(())
            }
        }
    }

    /// A request gets under way to be late.
    fn give_up(&mut self, which: usize, message: &Message) {
        let writes = matches!(message, Message::Append { .. } | Message::Forget { .. });
        let heard = self.engine(which).is_some_and(|engine| engine.pen);
        if heard || !writes {
            self.strays.push(Arc::new(message.clone()));
        }
    }

    fn stop_the_overtaken(&mut self) {
        for engine in &mut self.engines {
            *engine = engine.take().filter(|engine| engine.pen);
        }
    }

    /// Whatever an engine had under way is late.
    fn abandon(&mut self, which: usize) {
        let Some(engine) = self.engines[which].take() else { return };
        let writes = |message: &Message| matches!(message, Message::Append { .. } | Message::Forget { .. });
        let open = engine.post.iter().filter(|post| post.answer.is_none());
        let open = open.filter(|post| engine.pen || !writes(&post.message));
        self.strays.extend(open.map(|post| Arc::new(post.message.clone())));
    }

    /// From here on nobody hears what was appended before. What was under way has its place, or is lost.
    fn lose_the_pen(&mut self) {
        for engine in self.engines.iter_mut().flatten().filter(|engine| engine.pen) {
            let engine = Arc::make_mut(engine);
            engine.pen = false;
            engine.print = None;
        }
    }

    /// An engine starts, and reads what is in flight.
    fn start(&mut self, which: usize, pen: bool, scene: &Scene, sights: &mut Sights) -> Result<(), Wrong> {
        self.abandon(which);
        if scene.bounds.leading == Leading::Pen {
            self.strays
                .retain(|message| !matches!(**message, Message::Append { .. } | Message::Forget { .. }));
        }
        let history = self.outside.in_flight();
        self.engines[which] = Some(Arc::new(Engine::new(scene.unborn.clone(), pen)));
        match history.filter(|_| !scene.has(Planted::NothingReadAtTheStart)) {
            Some(history) => {
                let input = Input::Loaded { incident: INCIDENT, history: Ok(history) };
                self.handle(which, input, scene, sights)
            }
            None => Ok(()),
        }
    }

    fn take_post(&mut self, which: usize, place: usize) -> Option<Post> {
        let engine = Arc::make_mut(self.engines[which].as_mut()?);
        let post = (place < engine.post.len()).then(|| engine.post.remove(place));
        engine.print = None;
        post
    }

    fn arrive(
        &mut self,
        which: usize,
        place: usize,
        scene: &Scene,
        sights: &mut Sights,
    ) -> Result<(), Wrong> {
        let Some(engine) = self.engine(which) else { return Ok(()) };
        let Some(post) = engine.post.get(place) else { return Ok(()) };
        let (message, pen) = (post.message.clone(), engine.pen);
        let writes = matches!(message, Message::Append { .. } | Message::Forget { .. });
        if matches!(message, Message::Load) {
            // Read and heard in one: an answer that travels is an engine that is slower to go on.
            self.take_post(which, place);
            let history = self.outside.read();
            let input = Input::Loaded { incident: INCIDENT, history: Ok(history) };
            return self.handle(which, input, scene, sights);
        }
        let answer = if writes && !pen { Answer::Nothing } else { self.do_outside(&message, false, scene)? };
        sights.arrived(&message, &answer);
        let nobody_sees = matches!(message, Message::Store(_) | Message::Discard { .. });
        if scene.bounds.answers_travel && !nobody_sees {
            let Some(engine) = &mut self.engines[which] else { return Ok(()) };
            let engine = Arc::make_mut(engine);
            engine.post[place].answer = Some(answer);
            engine.print = None;
            return Ok(());
        }
        self.take_post(which, place);
        self.hear(which, message, answer, scene, sights)
    }

    fn do_outside(&mut self, message: &Message, late: bool, scene: &Scene) -> Result<Answer, Wrong> {
        let before = self.outside.log.told.len();
        let answer = self.outside.arrive(message, late, scene)?;
        self.note_durable(before, scene);
        Ok(answer)
    }

    fn hear(
        &mut self,
        which: usize,
        message: Message,
        answer: Answer,
        scene: &Scene,
        sights: &mut Sights,
    ) -> Result<(), Wrong> {
        match heard(message, answer) {
            Some(input) => self.handle(which, input, scene, sights),
            None => Ok(()),
        }
    }

    fn ask(&mut self, which: usize, ask: Ask, scene: &Scene, sights: &mut Sights) -> Result<(), Wrong> {
        let payloads: Vec<_> = ask.carries().into_iter().map(|kind| self.new_name(kind)).collect();
        let Some(knock) = ask.knock(&payloads, scene) else { return Ok(()) };
        let Some(engine) = &mut self.engines[which] else { return Ok(()) };
        let number = engine.ticket();
        let mut from = ask.from(scene).clone();
        let due =
            ask.letter().is_some_and(|(child, round)| self.outside.log.watch.is_due(child, round, &from));
        if let (Ask::WrongOpen(child, round), true) = (ask, scene.has(Planted::AnybodysLetter)) {
            from = Ask::Open(child, round).from(scene).clone();
        }
        let asked = Asked { ticket: number, ask, payloads, durable: false, due };
        Arc::make_mut(engine).asked.push(asked);
        let ticket = Ticket(number);
        let input = match knock {
            Knock::Command(command, payloads) => {
                Input::Submit { ticket, from, command, payloads, trace: None }
            }
            Knock::Fetch(fetch) => Input::Fetch { ticket, from, fetch },
        };
        self.handle(which, input, scene, sights)
    }

    /// Gives the driver an input, and sends what it wants to be sent.
    fn handle(
        &mut self,
        which: usize,
        input: Input,
        scene: &Scene,
        sights: &mut Sights,
    ) -> Result<(), Wrong> {
        self.give(which, input, self.now(which, scene), scene, sights)?;
        self.ring(which, scene, sights)
    }

    /// The driver is called when it wants to be, and at once.
    fn ring(&mut self, which: usize, scene: &Scene, sights: &mut Sights) -> Result<(), Wrong> {
        let now = self.now(which, scene);
        let rings = |world: &Self| {
            world.engine(which).and_then(|engine| engine.relay.wake_at()).is_some_and(|at| at <= now)
        };
        let mut rung = 0;
        while rings(self) {
            if rung == RINGS_MAX {
                return Err("the driver wants to be called again and again at one moment".to_owned());
            }
            rung += 1;
            self.give(which, Input::Tick, now, scene, sights)?;
        }
        Ok(())
    }

    fn give(
        &mut self,
        which: usize,
        input: Input,
        now: Timestamp,
        scene: &Scene,
        sights: &mut Sights,
    ) -> Result<(), Wrong> {
        let Some(engine) = &mut self.engines[which] else { return Ok(()) };
        let engine = Arc::make_mut(engine);
        engine.relay.handle(input, now);
        let outputs: Vec<Output> = std::iter::from_fn(|| engine.relay.poll()).collect();
        let (mut early, mut told) = (Vec::new(), Vec::new());
        for output in outputs {
            let message = match output {
                Output::Load { .. } => Message::Load,
                Output::Store { payloads, .. } => {
                    Message::Store(payloads.into_iter().map(|(payload, _)| payload).collect())
                }
                Output::Append { expected, commit, .. } => Message::Append { expected, commit },
                Output::Forget { expected, .. } => Message::Forget { expected },
                // A notice asks for nothing: it is told at once.
                Output::Perform { duty: duty @ Duty::Offer { task: Task::Notice { .. }, .. }, .. } => {
                    told.push(duty);
                    continue;
                }
                Output::Perform { duty, location, .. } => Message::Perform { duty, location },
                Output::Discard { payload, location } => Message::Discard { payload, location },
                Output::Reply { ticket, reply } => {
                    self.reply(which, ticket.0, &reply, scene, sights)?;
                    continue;
                }
                Output::Noted { events, .. } => {
                    if let Some(event) = events.iter().find(|event| !self.outside.log.told.contains(event)) {
                        return Err(format!(
                            "a watcher is told of [{}], which is not durable",
                            of_events(std::slice::from_ref(event))
                        ));
                    }
                    continue;
                }
                Output::Alarm { problem, .. } => return Err(format!("the driver alarms: {problem}")),
            };
            match self.planted(&message, scene)? {
                Some(answer) => early.push((message, answer)),
                None => self.send(which, message),
            }
        }
        if let Some(engine) = &mut self.engines[which] {
            Arc::make_mut(engine).print = None;
        }
        for duty in told {
            let input = Input::Performed { incident: INCIDENT, duty, outcome: Ok(()) };
            self.give(which, input, now, scene, sights)?;
        }
        for (message, answer) in early {
            self.strays.push(Arc::new(message.clone()));
            self.hear(which, message, answer, scene, sights)?;
        }
        Ok(())
    }

    fn send(&mut self, which: usize, message: Message) {
        if let Some(engine) = &mut self.engines[which] {
            Arc::make_mut(engine).post.push(Post { message, answer: None });
        }
    }

    /// What a planted fault does when something is sent: an answer that comes too early, while the request is still under way.
    fn planted(&mut self, message: &Message, scene: &Scene) -> Result<Option<Answer>, Wrong> {
        match (scene.planted, message) {
            (Some(Planted::StoredBeforeDurable), Message::Store(payloads)) => {
                let places = payloads.iter().map(|one| (*one, location(*one, 1)));
                Ok(Some(Answer::Stored(places.collect())))
            }
            (Some(Planted::AnswerBeforeDurable), Message::Append { .. }) => {
                let answer = self.outside.clone().arrive(message, false, scene)?;
                Ok((answer != Answer::Appended(Append::Conflict)).then_some(answer))
            }
            (Some(Planted::EraseBeforeAppend), Message::Append { .. }) => {
                let mut then = self.outside.clone();
                if then.arrive(message, false, scene)? != Answer::Appended(Append::Conflict) {
                    let still = then.log.needed();
                    let gone: Vec<_> =
                        self.outside.log.needed().into_iter().filter(|one| !still.contains(one)).collect();
                    for one in gone {
                        self.outside.store.remove(&one);
                    }
                }
                Ok(None)
            }
            _ => Ok(None),
        }
    }
}
