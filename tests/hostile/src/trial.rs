//! One decoder, tried.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use allocation_counter::{AllocationInfo, measure};
use proptest::{
    prelude::*,
    sample::Index,
    test_runner::{Config, TestCaseError, TestRunner},
};
use rustix::time::{ClockId, clock_gettime};

use crate::{
    CANARY,
    mutation::{Mutation, any_mutation, apply},
};

/// How often a decoder is tried, unless the environment says otherwise (`PROPTEST_CASES`).
const CASES: u32 = 512;

/// How much memory a decoder may have at once.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For each byte of the input.
    pub bytes_per_byte: u64,
    /// And for whatever it needs anyway.
    pub bytes_anyway: u64,
}

impl Default for Limits {
    fn default() -> Self {
        // A list of empty objects, held as values of any kind, takes two dozen bytes for each of its own and doubles as it grows.
        Self { bytes_per_byte: 80, bytes_anyway: 256 * 1024 }
    }
}

/// A decoder to be tried: its valid examples, and what it says to bytes; `None` if it takes them.
pub struct Trial<F> {
    seeds: Vec<Vec<u8>>,
    limits: Limits,
    decode: F,
}

impl<F: Fn(&[u8]) -> Option<String>> Trial<F> {
    /// Takes valid examples and the decoder. Each example must be taken: spoiling rubbish shows nothing.
    ///
    /// # Panics
    /// If one is not taken.
    pub fn new(seeds: impl IntoIterator<Item = impl Into<Vec<u8>>>, decode: F) -> Self {
        let seeds: Vec<Vec<u8>> = seeds.into_iter().map(Into::into).collect();
        assert!(!seeds.is_empty(), "there is no example");
        for seed in &seeds {
            let said = decode(seed);
            assert_eq!(said, None, "an example is not valid: {}", String::from_utf8_lossy(seed));
        }
        Self { seeds, limits: Limits::default(), decode }
    }

    /// The same, with other bounds.
    #[must_use]
    pub const fn within(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Spoils the examples, and tries what comes of it.
    ///
    /// # Panics
    /// If the decoder does not withstand one of them, which is shown as the way it was spoiled.
    pub fn withstands(&self) {
        let said = Config::default();
        let cases = if std::env::var_os("PROPTEST_CASES").is_some() { said.cases } else { CASES };
        let config = Config { cases, failure_persistence: None, max_shrink_iters: 20, ..said };
        let spoiled = (any::<Index>(), proptest::collection::vec(any_mutation(), 1..4));
        let outcome = TestRunner::new(config).run(&spoiled, |(seed, mutations): (Index, Vec<Mutation>)| {
            let mut bytes = seed.get(&self.seeds).clone();
            for mutation in &mutations {
                bytes = apply(mutation, &self.seeds, bytes);
            }
            self.bears(&bytes).map_err(TestCaseError::fail)
        });
        if let Err(failed) = outcome {
            let shown = failed.to_string();
            assert!(shown.is_empty(), "{shown}");
        }
        for seed in &self.seeds {
            let borne = self.bears(seed);
            assert_eq!(borne, Ok(()));
        }
    }

    /// Tries these bytes too; the answer is what it said, `None` if it took them.
    ///
    /// # Panics
    /// If the decoder does not withstand them.
    pub fn says(&self, bytes: &[u8]) -> Option<String> {
        let borne = self.bears(bytes);
        assert_eq!(borne, Ok(()));
        (self.decode)(bytes)
    }

    /// Eight times the input must not cost much more than eight times the work. `make` makes an input of about so many bytes.
    ///
    /// # Panics
    /// If it costs much more.
    pub fn grows_linearly(&self, bytes: usize, make: impl Fn(usize) -> Vec<u8>) {
        const TIMES: usize = 8;
        // Four times more, for constants, caches and a growing buffer's last doubling: half of what the square would cost.
        const MOST: u32 = 32;
        let (small, large) = (make(bytes), make(bytes * TIMES));
        assert!(large.len() > small.len() * 4, "the input does not grow");
        let (before, after) = (self.allocations(&small), self.allocations(&large));
        let most = |small: u64, anyway: u64| small.max(anyway) * u64::from(MOST);
        assert!(
            after.count_total <= most(before.count_total, 64),
            "{} allocations for {} bytes and {} for {}",
            before.count_total,
            small.len(),
            after.count_total,
            large.len(),
        );
        assert!(
            after.bytes_total <= most(before.bytes_total, 64 * 1024),
            "{} bytes allocated for {} bytes and {} for {}",
            before.bytes_total,
            small.len(),
            after.bytes_total,
            large.len(),
        );
        let borne = self.bears(&large);
        assert_eq!(borne, Ok(()));
        // The best of a few, so that a busy machine is not taken for a slow decoder.
        let best = |input: &[u8]| (0..5).map(|_| self.processor_time(input)).min().unwrap_or_default();
        let (before, after) = (best(&small), best(&large));
        let most = before.max(Duration::from_micros(100)).saturating_mul(MOST);
        assert!(after <= most, "{before:?} for {} bytes and {after:?} for {}", small.len(), large.len());
    }

    fn allocations(&self, bytes: &[u8]) -> AllocationInfo {
        measure(|| drop((self.decode)(bytes)))
    }

    fn processor_time(&self, bytes: &[u8]) -> Duration {
        let now = || {
            let time = clock_gettime(ClockId::ThreadCPUTime);
            Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
        };
        let since = now();
        drop((self.decode)(bytes));
        now().saturating_sub(since)
    }

    fn bears(&self, bytes: &[u8]) -> Result<(), String> {
        let mut said = Ok(None);
        let used = measure(|| said = catch_unwind(AssertUnwindSafe(|| (self.decode)(bytes))));
        let said = said.map_err(|_| "it panicked".to_owned())?;
        if said.as_ref().is_some_and(|said| said.contains(CANARY)) {
            return Err(format!("it repeats what it read: {said:?}"));
        }
        let most = self.limits.bytes_per_byte * bytes.len() as u64 + self.limits.bytes_anyway;
        if used.bytes_max > most {
            return Err(format!("{} bytes at once for an input of {}", used.bytes_max, bytes.len()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(trial: impl FnOnce()) -> bool {
        catch_unwind(AssertUnwindSafe(trial)).is_err()
    }

    #[test]
    fn a_decoder_that_panics_repeats_or_hoards_does_not_withstand() {
        let seeds = [r#"{"name":"Noor"}"#];
        let number = |bytes: &[u8]| bytes.split(|byte| *byte == b'"').count() - 1;
        assert!(failed(
            || Trial::new(seeds, |bytes| (number(bytes) != 4).then(|| bytes[40].to_string())).withstands()
        ));
        let repeats = |bytes: &[u8]| {
            let whole = String::from_utf8_lossy(bytes).into_owned();
            (!whole.contains("Noor")).then_some(whole)
        };
        assert!(failed(|| Trial::new(seeds, repeats).withstands()));
        let hoards = |bytes: &[u8]| (vec![0_u8; bytes.len() * bytes.len() * 16].len() == 1).then(String::new);
        assert!(failed(|| Trial::new(seeds, hoards).withstands()));
        Trial::new(seeds, |bytes| std::str::from_utf8(bytes).err().map(|error| error.to_string()))
            .withstands();
    }

    #[test]
    fn a_decoder_whose_work_is_the_square_of_its_input_does_not_pass_for_linear() {
        let make = |bytes: usize| vec![b'x'; bytes];
        let once = |bytes: &[u8]| bytes.to_vec().contains(&b'y').then(String::new);
        Trial::new(["x"], once).grows_linearly(32 * 1024, make);
        let square = |bytes: &[u8]| {
            let found =
                bytes.iter().filter(|byte| bytes.iter().rev().take_while(|other| other >= byte).count() == 0);
            (found.count() == 1).then(String::new)
        };
        assert!(failed(|| Trial::new(["x"], square).grows_linearly(512, make)));
    }
}
