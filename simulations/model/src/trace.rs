//! A counterexample, step by step, so that one can read what went wrong.

use std::fmt;

use crate::{
    region::Scene,
    sights::Sights,
    step::{Step, of_events},
    world::World,
};

/// The way to what is wrong, as short as any.
#[derive(Debug, Clone)]
pub struct Counterexample {
    /// What is wrong.
    pub what: String,
    /// The steps, in words, in order.
    pub steps: Vec<String>,
}

/// Longer than any life that ends.
const STEPS_MAX: usize = 400;

impl Counterexample {
    /// The steps at these places, one after the other, and then this last one.
    pub(crate) fn of(scene: &Scene, places: &[u16], last: Option<&Step>, what: &str) -> Self {
        let mut told = Told::new(scene);
        for place in places {
            let step = told.world.steps(scene).get(usize::from(*place)).cloned();
            let Some(step) = step else { break };
            told.take(&step);
        }
        if let Some(step) = last {
            told.steps.push(step.told(&told.world, scene));
        }
        Self { what: what.to_owned(), steps: told.steps }
    }

    /// The steps at these places, and then what happens if nothing goes wrong any more, until it goes round or stands still.
    pub(crate) fn endless(scene: &Scene, places: &[u16], which: usize) -> Self {
        let mut told = Told::new(scene);
        for place in places {
            let step = told.world.steps(scene).get(usize::from(*place)).cloned();
            let Some(step) = step else { break };
            told.take(&step);
        }
        told.steps.push(if which == 0 {
            "from here on nothing goes wrong, and everybody does what is asked of them".to_owned()
        } else {
            "from here on nothing goes wrong, and nobody does anything any more".to_owned()
        });
        let mut been = Vec::new();
        while been.len() < STEPS_MAX {
            let print = told.world.print();
            if been.contains(&print) {
                return Self { what: "it goes round and never ends (R23)".to_owned(), steps: told.steps };
            }
            been.push(print);
            let steps = told.world.steps(scene);
            let possible = steps.iter().filter(|step| which == 0 || !step.is_asking());
            let next = possible.filter_map(|step| Some((step.turn()?, step))).min_by_key(|(turn, _)| *turn);
            let Some((_, step)) = next else { break };
            told.take(&step.clone());
        }
        Self { what: "nothing moves any more, and it is not over (R23)".to_owned(), steps: told.steps }
    }
}

struct Told<'a> {
    scene: &'a Scene,
    world: World,
    steps: Vec<String>,
}

impl<'a> Told<'a> {
    fn new(scene: &'a Scene) -> Self {
        Self { scene, world: World::new(scene), steps: Vec::new() }
    }

    fn take(&mut self, step: &Step) {
        let mut line = step.told(&self.world, self.scene);
        let (before, before_it) = (self.world.outside.log.told.len(), self.world.clone());
        if let Ok(world) = self.world.after(step, self.scene, &mut Sights::default()) {
            self.world = world;
        }
        let new = self.world.outside.log.told.get(before..).unwrap_or_default();
        if !new.is_empty() {
            line = format!("{line}; durable now: {}", of_events(new));
        } else if step.writes(&before_it) {
            line.push_str("; it conflicts");
        }
        self.steps.push(line);
    }
}

impl fmt::Display for Counterexample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, step) in (1..).zip(&self.steps) {
            writeln!(f, "{number:>4}. {step}")?;
        }
        writeln!(f, "      wrong: {}", self.what)
    }
}
