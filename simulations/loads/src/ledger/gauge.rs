//! How much lay somewhere, over time.

use jiff::Timestamp;

/// How much lies at a place now, and how much lay there in each step of time.
#[derive(Debug, Clone)]
pub struct Gauge {
    begins: i64,
    step_seconds: i64,
    now: i64,
    last: i64,
    steps: Vec<i64>,
    most: Level,
    /// Pieces times seconds.
    area: i128,
}

/// How much lay somewhere at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// When.
    pub at: Timestamp,
    /// How much.
    pub count: i64,
}

/// Most steps; what comes later is not drawn.
const STEPS_MAX: usize = 20_000;

impl Gauge {
    /// Nothing lies there yet.
    pub fn new(begins: Timestamp, step_seconds: i64) -> Self {
        let start = begins.as_second();
        Self {
            begins: start,
            step_seconds: step_seconds.max(1),
            now: 0,
            last: start,
            steps: Vec::new(),
            most: Level { at: begins, count: 0 },
            area: 0,
        }
    }

    /// So many more lie there from this moment on. Moments do not go back.
    pub fn change(&mut self, at: Timestamp, change: i64) {
        let second = at.as_second().max(self.last);
        self.area += i128::from(self.now) * i128::from(second - self.last);
        let (from, until) = (self.step(self.last), self.step(second));
        // Whatever lay there lies there through every step until now.
        for step in from..=until {
            self.raise(step);
        }
        self.last = second;
        self.now += change;
        self.raise(until);
        if self.now > self.most.count {
            self.most = Level { at, count: self.now };
        }
    }

    fn step(&self, second: i64) -> usize {
        usize::try_from((second - self.begins) / self.step_seconds).unwrap_or(0).min(STEPS_MAX)
    }

    fn raise(&mut self, step: usize) {
        if self.steps.len() <= step {
            self.steps.resize(step + 1, 0);
        }
        if let Some(most) = self.steps.get_mut(step) {
            *most = self.now.max(*most);
        }
    }

    /// How much lies there.
    pub const fn now(&self) -> i64 {
        self.now
    }

    /// The most that lay there, and since when.
    pub const fn most(&self) -> Level {
        self.most
    }

    /// The most in each step of time, from the beginning on.
    pub fn steps(&self) -> &[i64] {
        &self.steps
    }

    /// How long a step is.
    pub const fn step_seconds(&self) -> i64 {
        self.step_seconds
    }

    /// How long pieces lay there, all together, in seconds.
    pub const fn area(&self) -> i128 {
        self.area
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_there_lies_through_every_step_until_it_is_taken_away() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut gauge = Gauge::new(at(100), 10);
        gauge.change(at(105), 2);
        gauge.change(at(125), 1);
        gauge.change(at(128), -3);
        gauge.change(at(150), 0);
        assert_eq!(gauge.steps(), [2, 2, 3, 0, 0, 0]);
        assert_eq!(gauge.most(), Level { at: at(125), count: 3 });
        assert_eq!(gauge.area(), 2 * 20 + 3 * 3);
    }
}
