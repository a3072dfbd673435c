//! Chance and time, as things that are handed in: a test gives its own.

use std::time::Duration;

use tokio::time::Instant;
use zeroize::Zeroizing;

/// There is no chance to be had; nothing is made from less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no random bytes; nothing secret can be made without them")]
pub struct NoChance;

/// Where secrets come from.
pub trait Chance: Send + Sync + 'static {
    /// Fills all of it, unpredictably.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoChance>;
}

/// Chance from the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsChance;

impl Chance for OsChance {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoChance> {
        getrandom::fill(bytes).map_err(|_| NoChance)
    }
}

/// Bytes of a secret that a browser keeps.
pub const TOKEN_BYTES: usize = 32;

/// A secret of 256 bits, in 64 hexadecimal digits. Wiped when dropped.
pub fn token(chance: &dyn Chance) -> Result<Zeroizing<String>, NoChance> {
    let mut bytes = Zeroizing::new([0; TOKEN_BYTES]);
    chance.fill(&mut *bytes)?;
    Ok(Zeroizing::new(hex::encode(*bytes)))
}

/// So many digits, each as likely as the others.
pub fn digits<const DIGITS: usize>(chance: &dyn Chance) -> Result<[u8; DIGITS], NoChance> {
    let mut digits = [0; DIGITS];
    for digit in &mut digits {
        *digit = loop {
            let mut byte = [0];
            chance.fill(&mut byte)?;
            // 250 is the largest multiple of ten: above it the first digits would be likelier.
            if byte[0] < 250 {
                break b'0' + byte[0] % 10;
            }
        };
    }
    Ok(digits)
}

/// How long it has been since a beginning, by a clock that nobody sets and that never goes back.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Begins now.
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// So long ago.
    pub fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU8, Ordering};

    use super::*;

    struct Counting(AtomicU8);

    impl Chance for Counting {
        fn fill(&self, bytes: &mut [u8]) -> Result<(), NoChance> {
            bytes.fill_with(|| self.0.fetch_add(1, Ordering::Relaxed));
            Ok(())
        }
    }

    #[test]
    fn every_digit_is_as_likely_as_the_others_and_none_is_anything_else() {
        let chance = Counting(AtomicU8::new(0));
        let digits = digits::<250>(&chance).unwrap();
        for digit in b'0'..=b'9' {
            assert_eq!(digits.split(|one| *one == digit).count(), 25 + 1);
        }
    }

    #[test]
    fn a_token_is_64_digits_and_never_the_same() {
        let (one, other) = (token(&OsChance).unwrap(), token(&OsChance).unwrap());
        assert_eq!(one.len(), 2 * TOKEN_BYTES);
        assert_ne!(*one, *other);
    }
}
