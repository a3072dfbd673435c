//! One step of the world, and how it is told.

use hwc_schemas::wire::Task;
use hwc_workflow::{Duty, Event, Fact};

use crate::{
    outside::Message,
    people::{Ask, Why},
    region::{Scene, called},
    world::World,
};

/// Something that may happen next. Engines are 0 and 1; a request to the broker is named by its place among its engine's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// An organisation asks one engine.
    Ask(usize, Asking),
    /// A request arrives at the broker and is done.
    Arrive(usize, usize),
    /// Its answer comes back.
    Hear(usize, usize),
    /// A request is given up: nobody knows what becomes of it.
    Late(usize, usize),
    /// A request arrives, and will once more.
    Twice(usize, usize),
    /// The tombstone is written, and the broker gets no further.
    Half(usize, usize),
    /// What was given up arrives after all.
    Stray(usize),
    /// An engine crashes, and starts again at once.
    Crash(usize),
    /// An engine that knows nothing of what is in flight is started again some day.
    Restart(usize),
    /// An engine takes the lease and the pen, and starts.
    Lead(usize),
    /// An engine notices that it does not lead any more, and stops.
    Stop(usize),
    /// An engine tries again what did not work.
    TryAgain(usize),
    /// An engine offers every task again.
    OfferAgain(usize),
    /// An engine sweeps the store.
    Sweep(usize),
    /// Time passes for one engine, or for both.
    Clock(Option<usize>),
    /// Some minutes pass in which nothing was recorded; what was under way is lost.
    Wait,
    /// A task that was offered is gone.
    LoseTask(Task),
}

/// Somebody's request, and how it comes to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asking {
    pub(crate) ask: Ask,
    pub(crate) why: Why,
}

impl Step {
    /// What it costs of [`crate::Bounds::faults_max`].
    pub(crate) const fn costs(&self) -> u8 {
        match self {
            Self::Late(..)
            | Self::Twice(..)
            | Self::Half(..)
            | Self::Crash(_)
            | Self::Lead(_)
            | Self::LoseTask(_) => 1,
            Self::Ask(_, asking) if matches!(asking.why, Why::Fault) => 1,
            _ => 0,
        }
    }

    /// The place of a step in fair weather: the smallest that is possible comes next. None when it never comes by itself:
    /// a fault, a choice, or a late message.
    pub(crate) const fn turn(&self) -> Option<u8> {
        Some(match self {
            Self::Hear(..) => 0,
            Self::Arrive(..) => 1,
            Self::Stop(_) => 2,
            Self::TryAgain(_) => 4,
            Self::OfferAgain(_) => 5,
            Self::Ask(_, asking) if matches!(asking.why, Why::Ordinary) => 6,
            Self::Sweep(_) => 7,
            Self::Clock(_) | Self::Wait => 8,
            Self::Restart(_) => 9,
            _ => return None,
        })
    }

    pub(crate) const fn is_asking(&self) -> bool {
        matches!(self, Self::Ask(..))
    }

    /// Whether it is an append that arrives.
    pub(crate) fn writes(&self, world: &World) -> bool {
        let message = match self {
            Self::Arrive(engine, place) | Self::Twice(engine, place) => {
                world.engine(*engine).and_then(|engine| engine.post.get(*place)).map(|post| &post.message)
            }
            Self::Stray(place) => world.strays.get(*place).map(AsRef::as_ref),
            _ => None,
        };
        matches!(message, Some(Message::Append { .. }))
    }

    /// The step in words, told of the world before it.
    pub(crate) fn told(&self, world: &World, scene: &Scene) -> String {
        let post = |engine: &usize, post: &usize| {
            let engine = world.engine(*engine);
            let post = engine.and_then(|engine| engine.post.get(*post));
            post.map_or_else(String::new, |post| of_message(&post.message, world))
        };
        let name = |engine: &usize| if *engine == 0 { "engine A" } else { "engine B" };
        match self {
            Self::Ask(engine, asking) => {
                format!("{} is asked: {}", name(engine), asking.ask)
            }
            Self::Arrive(e, p) => format!("{}: {} arrives", name(e), post(e, p)),
            Self::Hear(e, p) => format!("{}: the answer to {} comes back", name(e), post(e, p)),
            Self::Late(e, p) => format!("{}: {} is given up; it may still arrive", name(e), post(e, p)),
            Self::Twice(e, p) => format!("{}: {} arrives, and may once more", name(e), post(e, p)),
            Self::Half(e, p) => format!("{}: {} gets no further than the tombstone", name(e), post(e, p)),
            Self::Stray(place) => {
                let message =
                    world.strays.get(*place).map_or_else(String::new, |message| of_message(message, world));
                format!("late: {message} arrives")
            }
            Self::Crash(e) => format!("{} crashes and starts again", name(e)),
            Self::Restart(e) => format!("{} is started again", name(e)),
            Self::Lead(e) => format!("{} takes the lease and the pen, and starts", name(e)),
            Self::Stop(e) => format!("{} notices that it leads no more, and stops", name(e)),
            Self::TryAgain(e) => format!("{} tries again what did not work", name(e)),
            Self::OfferAgain(e) => format!("{} offers its tasks again", name(e)),
            Self::Sweep(e) => format!("{} sweeps the store", name(e)),
            Self::Clock(whose) => {
                let moment = world.moments[whose.unwrap_or(0)] + 1;
                let what = scene.moments.get(moment).map_or("", |(_, what)| *what);
                whose.map_or_else(
                    || format!("time passes: {what}"),
                    |engine| format!("time passes for {}: {what}", name(&engine)),
                )
            }
            Self::Wait => "some minutes pass, and what was under way is lost".to_owned(),
            Self::LoseTask(task) => format!("the task {} is lost", of_task(task)),
        }
    }
}

/// What lies under way, in words.
fn of_message(message: &Message, world: &World) -> String {
    match message {
        Message::Load => "reading the log".to_owned(),
        Message::Store(payloads) => format!("storing {}", list(payloads.iter().map(|one| called(*one)))),
        Message::Append { expected, commit } => {
            let place = if world.outside.log.ends_at(*expected) { "" } else { " where the log ended before" };
            format!("appending [{}]{place}", of_events(&commit.events))
        }
        Message::Forget { .. } => "writing the tombstone".to_owned(),
        Message::Perform { duty, .. } => match duty {
            Duty::Offer { to, task } => format!("offering {} to {to}", of_task(task)),
            Duty::Erase { payload } => format!("erasing {}", called(*payload)),
            Duty::RecordBreach { number, .. } => {
                format!("recording a breach of child {}", number.index() + 1)
            }
            Duty::Forget => "forgetting".to_owned(),
        },
        Message::Discard { payload, .. } => format!("discarding {}", called(*payload)),
    }
}

fn of_task(task: &Task) -> String {
    match task {
        Task::Screen { .. } => "to screen".to_owned(),
        Task::LookUp { .. } => "to look up".to_owned(),
        Task::Route { signal, round, .. } => {
            format!("to route child {} in round {round}", signal.number.index() + 1)
        }
        Task::Read { signal, round } => {
            format!("to read of child {} in round {round}", signal.number.index() + 1)
        }
        Task::Notice { signal, .. } => format!("the notice about child {}", signal.number.index() + 1),
    }
}

/// Events, in words.
pub(crate) fn of_events(events: &[Event]) -> String {
    list(events.iter().map(|event| {
        let child = event.fact.number().map_or_else(String::new, |number| format!(" {}", number.index() + 1));
        let more = match &event.fact {
            Fact::Erased { payload } => format!(" {}", called(*payload)),
            Fact::Routed { school, .. } => format!(" to {school}"),
            _ => String::new(),
        };
        let kind = format!("{:?}", event.fact);
        let kind = kind.split([' ', '{']).next().unwrap_or_default().to_owned();
        format!("{kind}{child}{more}")
    }))
}

fn list(words: impl Iterator<Item = String>) -> String {
    words.collect::<Vec<_>>().join(", ")
}
