//! Passphrases: what one must be, and the key that follows from one by argon2id (RFC 9106), slowly and in much memory on purpose.
//! [`Kiln`] keeps a bound on how many are worked on at once, so that a busy morning, or somebody who means ill, costs time and not
//! the machine.

use std::sync::Arc;

use argon2::{Algorithm, Argon2, Params, Version};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

/// Characters of a passphrase, at least.
pub const CHARS_MIN: usize = 12;
/// Bytes of a passphrase, at most.
pub const BYTES_MAX: usize = 256;

/// What somebody knows by heart. Wiped when dropped; it cannot be printed.
pub struct Passphrase(Zeroizing<String>);

/// Why a passphrase will not do. Matters to whoever chose it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Weak {
    /// Shorter than [`CHARS_MIN`].
    #[error("a passphrase has at least {CHARS_MIN} characters")]
    Short,
    /// Longer than [`BYTES_MAX`].
    #[error("a passphrase has at most {BYTES_MAX} bytes")]
    Long,
    /// The same sign again and again, or a row of them.
    #[error("a passphrase has at least five different characters")]
    Plain,
}

/// Different characters of a passphrase, at least.
const DIFFERENT_MIN: usize = 5;

impl Passphrase {
    /// As somebody said it to log in. Spaces around it do not matter: a telephone's keyboard adds one.
    pub fn said(text: &str) -> Self {
        Self(Zeroizing::new(text.trim().to_owned()))
    }

    /// As somebody chose it: whether it will do.
    pub fn chosen(text: &str) -> Result<Self, Weak> {
        let chosen = Self::said(text);
        if chosen.0.len() > BYTES_MAX {
            return Err(Weak::Long);
        }
        if chosen.0.chars().count() < CHARS_MIN {
            return Err(Weak::Short);
        }
        let mut different: Zeroizing<Vec<char>> = Zeroizing::new(Vec::with_capacity(BYTES_MAX));
        different.extend(chosen.0.chars());
        different.sort_unstable();
        different.dedup();
        if different.len() < DIFFERENT_MIN {
            return Err(Weak::Plain);
        }
        Ok(chosen)
    }

    /// Whether two are the same: for whoever types one twice.
    pub fn is(&self, other: &Self) -> bool {
        *self.0 == *other.0
    }
}

/// What a guess at a passphrase costs. It is written beside what the key opens, so that it can be raised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cost {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
}

impl Cost {
    /// RFC 9106's second recommendation, on one core: 64 MiB, three passes.
    pub const RECOMMENDED: Self = Self { memory_kib: 64 * 1024, passes: 3 };
    /// The least that is believed when it is read from a file.
    pub const LEAST: Self = Self { memory_kib: 19 * 1024, passes: 2 };
    /// The most: a file cannot have the machine filled.
    pub const MOST: Self = Self { memory_kib: 256 * 1024, passes: 10 };

    /// Whether it lies between the least and the most.
    pub const fn is_sane(&self) -> bool {
        self.memory_kib >= Self::LEAST.memory_kib
            && self.passes >= Self::LEAST.passes
            && self.memory_kib <= Self::MOST.memory_kib
            && self.passes <= Self::MOST.passes
    }
}

/// Bytes of a salt.
pub const SALT_BYTES: usize = 16;
/// Bytes of the key that follows from a passphrase.
pub const KEY_BYTES: usize = 32;

/// The key that follows from a passphrase. Takes a tenth of a second or more of one core; none if the cost is no cost.
pub fn key_of(
    passphrase: &Passphrase,
    salt: &[u8; SALT_BYTES],
    cost: Cost,
) -> Option<Zeroizing<[u8; KEY_BYTES]>> {
    if !cost.is_sane() {
        return None;
    }
    let params = Params::new(cost.memory_kib, cost.passes, 1, Some(KEY_BYTES)).ok()?;
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon2.hash_password_into(passphrase.0.as_bytes(), salt, &mut *key).ok()?;
    Some(key)
}

/// Where keys are made from passphrases: so many at once, and so many that wait for their turn.
#[derive(Debug, Clone)]
pub struct Kiln {
    places: Arc<Semaphore>,
    room: Arc<Semaphore>,
}

/// Too many want to log in at this very moment. Nothing was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many people log in at this moment; try again shortly")]
pub struct Crowded;

impl Kiln {
    /// At once: each takes 64 MiB and a core.
    pub const PLACES: usize = 2;
    /// Those who wait: at a tenth to a third of a second each, nobody waits for much longer than ten seconds.
    pub const ROOM: usize = 64;

    /// One with these bounds.
    pub fn new(places: usize, room: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(places)), room: Arc::new(Semaphore::new(room)) }
    }

    /// Does some work with passphrases where nobody else waits for it.
    pub async fn fire<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Crowded> {
        let _room = self.room.try_acquire().map_err(|_| Crowded)?;
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| Crowded)?;
        // The place is given back when the work ends, also when whoever asked has gone away.
        let fired = tokio::task::spawn_blocking(move || {
            let worked = work();
            drop(place);
            worked
        });
        fired.await.map_err(|_| Crowded)
    }
}

impl Default for Kiln {
    fn default() -> Self {
        Self::new(Self::PLACES, Self::ROOM)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passphrase_is_long_and_not_one_sign() {
        for (said, expected) in [
            ("kort", Err(Weak::Short)),
            ("elf tekens.", Err(Weak::Short)),
            ("aaaaaaaaaaaa", Err(Weak::Plain)),
            ("drie fietsen in mei", Ok(())),
        ] {
            assert_eq!(Passphrase::chosen(said).map(|_| ()), expected, "{said}");
        }
        assert_eq!(Passphrase::chosen(&"abcdef".repeat(100)).err(), Some(Weak::Long));
        assert!(Passphrase::said(" zin ").is(&Passphrase::said("zin")));
    }

    #[test]
    fn the_key_is_argon2id_as_its_authors_make_it() {
        // As argon2-cffi, which binds the reference implementation, makes it: 64 MiB, three passes, one lane.
        let known = "618e09110bc56fe828bcdd68820e48c673ea2a1333bcfdea040b8b3dc1a0b73e";
        let of = |said: &str, salt| key_of(&Passphrase::said(said), salt, Cost::RECOMMENDED).unwrap();
        assert_eq!(hex::encode(*of("drie fietsen in mei", b"somesalt12345678")), known);
        assert_ne!(hex::encode(*of("drie fietsen in mej", b"somesalt12345678")), known);
        assert_ne!(hex::encode(*of("drie fietsen in mei", b"somesalt12345679")), known);
    }

    #[test]
    fn a_cost_that_is_none_or_fills_the_machine_is_not_believed() {
        for cost in [Cost { memory_kib: 8, passes: 3 }, Cost { memory_kib: 4_000_000, passes: 3 }] {
            assert!(key_of(&Passphrase::said("x"), b"somesalt12345678", cost).is_none());
        }
    }

    #[tokio::test]
    async fn who_comes_when_it_is_full_is_told_so_and_nothing_is_tried() {
        let kiln = Kiln::new(1, 1);
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let first = tokio::spawn({
            let kiln = kiln.clone();
            async move { kiln.fire(move || wait.recv().is_ok()).await }
        });
        while kiln.room.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(kiln.fire(|| ()).await, Err(Crowded));
        go.send(()).unwrap();
        assert_eq!(first.await.unwrap(), Ok(true));
        assert_eq!(kiln.fire(|| ()).await, Ok(()));
    }
}
