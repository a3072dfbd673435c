//! When a BRP that does not work is left alone, so that a hundred incidents do not hammer it. Pure: the time is an argument.

use std::time::Duration;

/// Failures in a row after which it is left alone.
pub const FAILURES_MAX: u32 = 5;
/// How long, the first time; each time that the one try afterwards fails it is twice as long.
pub const FIRST_REST: Duration = Duration::from_secs(10);
/// How long at most. Short enough that a recovery is noticed while it still helps.
pub const LONGEST_REST: Duration = Duration::from_mins(1);

/// What is remembered of the last questions. Times are counted from any one moment.
#[derive(Debug, Clone, Default)]
pub struct Breaker {
    failures: u32,
    /// How often in a row it was left alone.
    rests: u32,
    until: Option<Duration>,
    trying: bool,
}

/// Whether a question may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum May {
    /// Yes; say what came of it.
    Ask,
    /// Not for so long.
    NotFor(Duration),
}

impl Breaker {
    /// Whether a question may be asked now. After a rest one may, and the others wait for what comes of it.
    pub fn may(&mut self, now: Duration) -> May {
        match self.until {
            None => May::Ask,
            // A clock that was set back leaves nobody alone for longer than the longest rest.
            Some(until) if now < until && until.saturating_sub(now) <= LONGEST_REST => {
                May::NotFor(until.saturating_sub(now))
            }
            Some(_) if self.trying => May::NotFor(Duration::from_secs(1)),
            Some(_) => {
                self.trying = true;
                May::Ask
            }
        }
    }

    /// The BRP answered: whatever it said, it works.
    pub fn worked(&mut self) {
        *self = Self::default();
    }

    /// It did not work.
    pub fn failed(&mut self, now: Duration) {
        self.failures = self.failures.saturating_add(1);
        if self.trying || (self.until.is_none() && self.failures >= FAILURES_MAX) {
            let rest = FIRST_REST
                .saturating_mul(1_u32.checked_shl(self.rests).unwrap_or(u32::MAX))
                .min(LONGEST_REST);
            self.rests = self.rests.saturating_add(1);
            self.until = Some(now.saturating_add(rest));
        }
        self.trying = false;
    }

    /// The one that tried was dropped before anything came of it.
    pub fn dropped(&mut self) {
        self.trying = false;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn after_five_failures_it_is_left_alone_then_tried_once_and_trusted_again_when_it_works() {
        let mut breaker = Breaker::default();
        for _ in 0..FAILURES_MAX {
            assert_eq!(breaker.may(at(0)), May::Ask);
            breaker.failed(at(0));
        }
        assert_eq!(breaker.may(at(4)), May::NotFor(at(6)));
        assert_eq!(breaker.may(at(10)), May::Ask);
        assert!(matches!(breaker.may(at(10)), May::NotFor(_)), "one tries, the others wait");
        breaker.failed(at(10));
        assert_eq!(breaker.may(at(29)), May::NotFor(at(1)));
        assert_eq!(breaker.may(at(30)), May::Ask);
        breaker.worked();
        assert_eq!([breaker.may(at(30)), breaker.may(at(30))], [May::Ask, May::Ask]);
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_make_the_rest_longer() {
        let mut breaker = Breaker::default();
        (0..FAILURES_MAX).for_each(|_| breaker.failed(at(7_200)));
        assert_eq!(breaker.may(at(3_600)), May::Ask);
    }

    #[test]
    fn a_try_that_is_dropped_is_not_waited_for() {
        let mut breaker = Breaker::default();
        (0..FAILURES_MAX).for_each(|_| breaker.failed(at(0)));
        assert_eq!(breaker.may(at(10)), May::Ask);
        breaker.dropped();
        assert_eq!(breaker.may(at(10)), May::Ask);
    }

    proptest! {
        /// However many ask and for however long it is down: in any minute only a few get through.
        #[test]
        fn a_brp_that_is_down_is_asked_little_and_never_forgotten(steps in prop::collection::vec(0..4_000_u64, 1..400)) {
            let (mut breaker, mut now, mut asked) = (Breaker::default(), Duration::ZERO, Vec::new());
            for step in steps {
                now += Duration::from_millis(step);
                for _ in 0..100 {
                    match breaker.may(now) {
                        May::Ask => {
                            asked.push(now);
                            breaker.failed(now);
                        }
                        May::NotFor(left) => prop_assert!(left <= LONGEST_REST),
                    }
                }
            }
            let in_its_first_minute = asked.iter().filter(|at| **at < Duration::from_mins(1)).count();
            prop_assert!(in_its_first_minute <= 8, "{in_its_first_minute}");
            for pair in asked.windows(2).skip(4) {
                prop_assert!(pair[1] >= pair[0] + FIRST_REST);
            }
        }
    }
}
