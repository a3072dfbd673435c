//! How often something may be tried: per account, and per address of the network.

use std::{
    collections::HashMap,
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// So many at once, and then one each time that this much has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// At once.
    pub burst: u32,
    /// Until there is another.
    pub every: Duration,
}

/// What one key has used up: the moment at which it will have everything back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Used(Duration);

impl Pace {
    /// One try: what is used up then, or how long to wait.
    pub fn take(&self, used: Used, now: Duration) -> Result<Used, Duration> {
        let full = self.every.saturating_mul(self.burst);
        let after = used.0.max(now).saturating_add(self.every);
        match after.checked_sub(now.saturating_add(full)) {
            None | Some(Duration::ZERO) => Ok(Used(after)),
            Some(wait) => Err(wait),
        }
    }
}

/// Keys that are remembered, at most; of more those go that have everything back soonest.
const KEYS_MAX: usize = 65_536;

/// What each key has used up.
pub struct Throttle<K> {
    pace: Pace,
    used: Mutex<HashMap<K, Used>>,
}

impl<K: Eq + Hash + Clone> Throttle<K> {
    /// Nothing used up yet.
    pub fn new(pace: Pace) -> Self {
        Self { pace, used: Mutex::default() }
    }

    /// One try of this key: allowed, or how long to wait.
    pub fn take(&self, key: K, now: Duration) -> Result<(), Duration> {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let after = self.pace.take(used.get(&key).copied().unwrap_or_default(), now)?;
        if used.len() >= KEYS_MAX && !used.contains_key(&key) {
            used.retain(|_, one| one.0 > now);
            if used.len() >= KEYS_MAX {
                let mut ends: Vec<_> = used.values().copied().collect();
                let middle = ends.len() / 2;
                let (_, median, _) = ends.select_nth_unstable(middle);
                let median = *median;
                used.retain(|_, one| *one > median);
            }
        }
        used.insert(key, after);
        Ok(())
    }

    /// This key has its last try back: nobody had the time to look at it.
    pub fn give_back(&self, key: &K) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(one) = used.get_mut(key) {
            one.0 = one.0.saturating_sub(self.pace.every);
        }
    }

    /// This key has everything back.
    pub fn forgive(&self, key: &K) {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

/// What counts as one caller: an address, and of the newer kind the network that one line is given.
pub const fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(six) => {
            if let Some(four) = six.to_ipv4_mapped() {
                return IpAddr::V4(four);
            }
            let [a, b, c, d, ..] = six.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PACE: Pace = Pace { burst: 3, every: Duration::from_secs(10) };

    #[test]
    fn so_many_at_once_and_then_one_each_time() {
        let throttle = Throttle::new(PACE);
        let at = Duration::from_secs;
        let taken: Vec<bool> = [0, 0, 0, 0, 9, 10, 10, 20, 100, 100, 100, 100]
            .map(|now| throttle.take("a", at(now)).is_ok())
            .to_vec();
        let expected = [true, true, true, false, false, true, false, true, true, true, true, false];
        assert_eq!(taken, expected);
        assert_eq!(throttle.take("a", at(100)), Err(at(10)));
        assert_eq!(throttle.take("b", at(100)), Ok(()), "another's tries are not counted");
        throttle.forgive(&"a");
        assert_eq!(throttle.take("a", at(100)), Ok(()));
    }

    #[test]
    fn a_try_that_is_given_back_can_be_taken_again_and_no_more_than_that() {
        let throttle = Throttle::new(PACE);
        for _ in 0..10 {
            assert_eq!(throttle.take("a", Duration::ZERO), Ok(()));
            throttle.give_back(&"a");
        }
        throttle.give_back(&"b");
        for key in ["a", "b"] {
            let taken = (0..10).filter(|_| throttle.take(key, Duration::ZERO).is_ok()).count();
            assert_eq!(taken, 3, "{key}");
        }
    }

    proptest! {
        #[test]
        fn never_more_than_the_pace_in_any_stretch_of_time(times in prop::collection::vec(0_u64..400, 1..120)) {
            let mut times = times;
            times.sort_unstable();
            let throttle = Throttle::new(PACE);
            let allowed: Vec<u64> = times.into_iter()
                .filter(|now| throttle.take((), Duration::from_secs(*now)).is_ok()).collect();
            for (at, begin) in allowed.iter().enumerate() {
                for (further, end) in allowed[at..].iter().enumerate() {
                    prop_assert!(further as u64 <= 3 + (end - begin) / 10);
                }
            }
        }
    }

    #[test]
    fn the_memory_of_many_callers_is_bounded() {
        let throttle = Throttle::new(PACE);
        for key in 0..KEYS_MAX + 10 {
            let _ = throttle.take(key, Duration::ZERO);
        }
        assert!(throttle.used.lock().unwrap().len() <= KEYS_MAX);
    }

    #[test]
    fn a_line_s_whole_network_is_one_caller() {
        let one = |text: &str| network(text.parse().unwrap());
        assert_eq!(one("2001:db8:1:2:3::4"), one("2001:db8:1:2:ffff::"));
        assert_ne!(one("2001:db8:1:2::"), one("2001:db8:1:3::"));
        assert_eq!(one("::ffff:192.0.2.1"), one("192.0.2.1"));
        assert_ne!(one("192.0.2.1"), one("192.0.2.2"));
    }
}
