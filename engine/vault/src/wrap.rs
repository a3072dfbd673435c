//! A key that other keys are wrapped with while nobody is there to use them: XChaCha20-Poly1305 with a random nonce.
//!
//! ```text
//! wrapped = version (1 byte, 01) | nonce (24) | ciphertext | tag (16);  aad = "hwc-wrap-1" | what for
//! ```
//! In a file it is one line: `hwc-wrapped-1`, a space, and all of that in hexadecimal digits.

use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use hpke::rand_core::TryCryptoRng;
use zeroize::Zeroizing;

use crate::{NoChance, SealingKey, keys::KEY_BYTES};

const LABEL: &[u8] = b"hwc-wrap-1";
const LINE: &str = "hwc-wrapped-1 ";
const VERSION: u8 = 1;
const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;
/// Bytes that a file with a wrapped key has, at most.
pub(crate) const WRAPPED_FILE_BYTES: usize = LINE.len() + 2 * (1 + NONCE_BYTES + KEY_BYTES + TAG_BYTES) + 1;

/// A key that wraps others. Wiped when dropped; it can be neither printed nor copied.
pub struct WrappingKey(Zeroizing<[u8; KEY_BYTES]>);

impl WrappingKey {
    /// Makes a new one.
    pub fn generate(chance: &mut impl TryCryptoRng) -> Result<Self, NoChance> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        chance.try_fill_bytes(&mut *bytes).map_err(|_| NoChance)?;
        Ok(Self(bytes))
    }

    /// The one that follows from something: a passphrase, slowly.
    pub const fn from_bytes(bytes: Zeroizing<[u8; KEY_BYTES]>) -> Self {
        Self(bytes)
    }

    /// Wraps a sealing key. `what_for` must be said again to unwrap it: no wrapped key passes for another.
    pub fn wrap(
        &self,
        key: &SealingKey,
        what_for: &str,
        chance: &mut impl TryCryptoRng,
    ) -> Result<String, NoChance> {
        self.wrap_bytes(&key.secret(), what_for, chance)
    }

    /// The sealing key that was wrapped with this one, for this; none if it was not.
    pub fn unwrap(&self, wrapped: &str, what_for: &str) -> Option<SealingKey> {
        SealingKey::from_secret(&*self.unwrap_bytes(wrapped, what_for)?)
    }

    /// Wraps another wrapping key.
    pub fn wrap_other(
        &self,
        other: &Self,
        what_for: &str,
        chance: &mut impl TryCryptoRng,
    ) -> Result<String, NoChance> {
        self.wrap_bytes(&other.0, what_for, chance)
    }

    /// The wrapping key that was wrapped with this one, for this; none if it was not.
    pub fn unwrap_other(&self, wrapped: &str, what_for: &str) -> Option<Self> {
        self.unwrap_bytes(wrapped, what_for).map(Self)
    }

    fn wrap_bytes(
        &self,
        secret: &[u8; KEY_BYTES],
        what_for: &str,
        chance: &mut impl TryCryptoRng,
    ) -> Result<String, NoChance> {
        let mut nonce = [0; NONCE_BYTES];
        chance.try_fill_bytes(&mut nonce).map_err(|_| NoChance)?;
        let aad = [LABEL, what_for.as_bytes()].concat();
        let payload = Payload { msg: secret, aad: &aad };
        // A message of 32 bytes is never too long.
        let sealed = self.cipher().encrypt(&XNonce::from(nonce), payload).map_err(|_| NoChance)?;
        let bytes = [&[VERSION][..], &nonce, &sealed].concat();
        Ok(format!("{LINE}{}\n", hex::encode(bytes)))
    }

    fn unwrap_bytes(&self, wrapped: &str, what_for: &str) -> Option<Zeroizing<[u8; KEY_BYTES]>> {
        if wrapped.len() > WRAPPED_FILE_BYTES {
            return None;
        }
        let bytes = hex::decode(wrapped.strip_prefix(LINE)?.strip_suffix('\n')?).ok()?;
        let (version, rest) = bytes.split_first()?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_BYTES>()?;
        let aad = [LABEL, what_for.as_bytes()].concat();
        let payload = Payload { msg: sealed, aad: &aad };
        if *version != VERSION {
            return None;
        }
        let opened = Zeroizing::new(self.cipher().decrypt(&XNonce::from(*nonce), payload).ok()?);
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        if opened.len() != KEY_BYTES {
            return None;
        }
        key.copy_from_slice(&opened);
        Some(key)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&*self.0).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OsChance;

    fn one() -> WrappingKey {
        WrappingKey::generate(&mut OsChance).ok().unwrap()
    }

    #[test]
    fn a_wrapped_key_comes_back_for_what_it_was_wrapped_for_and_for_nothing_else() {
        let (wrapping, key) = (one(), SealingKey::generate(&mut OsChance).ok().unwrap());
        let wrapped = wrapping.wrap(&key, "school-01AA00 seal", &mut OsChance).unwrap();
        assert!(wrapped.len() <= WRAPPED_FILE_BYTES);
        let back = wrapping.unwrap(&wrapped, "school-01AA00 seal").unwrap();
        assert_eq!(back.public_key(), key.public_key());
        assert!(wrapping.unwrap(&wrapped, "school-01AA00 seal-earlier-1").is_none());
        assert!(one().unwrap(&wrapped, "school-01AA00 seal").is_none());
        assert_ne!(wrapped, wrapping.wrap(&key, "school-01AA00 seal", &mut OsChance).unwrap());
    }

    #[test]
    fn the_secret_is_not_in_it_and_one_changed_digit_opens_nothing() {
        let (wrapping, key) = (one(), SealingKey::generate(&mut OsChance).ok().unwrap());
        let wrapped = wrapping.wrap(&key, "x", &mut OsChance).unwrap();
        assert!(!wrapped.contains(&hex::encode(*key.secret())));
        for at in LINE.len()..wrapped.len() - 1 {
            let mut changed = wrapped.clone().into_bytes();
            changed[at] = if changed[at] == b'0' { b'1' } else { b'0' };
            assert!(wrapping.unwrap(&String::from_utf8(changed).unwrap(), "x").is_none());
        }
        for broken in ["", LINE, "hwc-wrapped-1 00\n", &wrapped[..wrapped.len() - 1]] {
            assert!(wrapping.unwrap(broken, "x").is_none());
        }
    }

    #[test]
    fn a_wrapping_key_wraps_another() {
        let (outer, inner) = (one(), one());
        let wrapped = outer.wrap_other(&inner, "room", &mut OsChance).unwrap();
        assert_eq!(*outer.unwrap_other(&wrapped, "room").unwrap().0, *inner.0);
        assert!(inner.unwrap_other(&wrapped, "room").is_none());
    }
}
