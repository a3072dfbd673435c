//! An organisation's pair of keys.

use std::{fmt, str::FromStr};

use hpke::{Deserializable, Kem as _, Serializable, rand_core::TryCryptoRng};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{
    Fingerprint,
    chance::{NoChance, Watched},
    suite::Kem,
};

/// An X25519 key: this many bytes, private or public.
pub(crate) const KEY_BYTES: usize = 32;

type Private = <Kem as hpke::Kem>::PrivateKey;
type Public = <Kem as hpke::Kem>::PublicKey;

/// An organisation's private key: it seals as that organisation and opens what was sealed to it. Wiped when dropped.
///
/// It cannot be printed, copied or serialised; [`SealingKey::save`] is the one way out.
///
/// ```compile_fail,E0277
/// fn printed<T: std::fmt::Debug>() {}
/// printed::<hwc_vault::SealingKey>();
/// ```
/// ```compile_fail,E0277
/// fn shown<T: std::fmt::Display>() {}
/// shown::<hwc_vault::SealingKey>();
/// ```
/// ```compile_fail,E0277
/// fn written<T: serde::Serialize>() {}
/// written::<hwc_vault::SealingKey>();
/// ```
/// ```compile_fail,E0277
/// fn copied<T: Clone>() {}
/// copied::<hwc_vault::SealingKey>();
/// ```
pub struct SealingKey {
    private: Private,
    public: PublicKey,
}

impl SealingKey {
    /// Makes a new key.
    pub fn generate(chance: &mut impl TryCryptoRng) -> Result<Self, NoChance> {
        let mut watched = Watched::new(chance);
        let (private, _) = Kem::gen_keypair_with_rng(&mut watched);
        watched.verdict()?;
        Ok(Self::new(private))
    }

    /// The public half, for everybody's directory.
    pub const fn public_key(&self) -> PublicKey {
        self.public
    }

    pub(crate) fn from_secret(secret: &[u8; KEY_BYTES]) -> Option<Self> {
        Private::from_bytes(secret).ok().map(Self::new)
    }

    pub(crate) fn secret(&self) -> Zeroizing<[u8; KEY_BYTES]> {
        let mut secret = Zeroizing::new([0; KEY_BYTES]);
        self.private.write_exact(secret.as_mut_slice());
        secret
    }

    pub(crate) const fn private(&self) -> &Private {
        &self.private
    }

    fn new(private: Private) -> Self {
        let public = PublicKey(Kem::sk_to_pk(&private).to_bytes().into());
        Self { private, public }
    }
}

/// An organisation's public key: what one needs to seal to it, and to know that it was the sender. 64 hexadecimal digits
/// when written.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; KEY_BYTES]);

/// Text that is not a public key. Matters to whoever wrote the directory or the setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a public key: wanted 64 hexadecimal digits")]
pub struct PublicKeyError;

impl PublicKey {
    /// Takes the key's 32 bytes. Bytes that no private key belongs to are found out when sealing to them fails.
    pub const fn from_bytes(bytes: [u8; KEY_BYTES]) -> Self {
        Self(bytes)
    }

    /// The key's 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    /// What two people compare by telephone: the first 16 bytes of the key's SHA-256, as eight groups of four digits.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.0)
    }

    pub(crate) fn for_hpke(&self) -> Result<Public, hpke::HpkeError> {
        Public::from_bytes(&self.0)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for PublicKey {
    type Err = PublicKeyError;
    fn from_str(text: &str) -> Result<Self, PublicKeyError> {
        let mut bytes = [0; KEY_BYTES];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| PublicKeyError)?;
        Ok(Self(bytes))
    }
}

impl Serialize for PublicKey {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_key_reads_back_what_it_writes_and_nothing_shorter_or_longer() {
        let key = SealingKey::generate(&mut crate::OsChance).ok().unwrap().public_key();
        let text = key.to_string();
        assert_eq!((text.len(), text.parse()), (64, Ok(key)));
        for bad in
            ["", &text[1..], &text[2..], &format!("{text}0"), &format!(" {}", &text[1..]), &"g".repeat(64)]
        {
            assert_eq!(bad.parse::<PublicKey>(), Err(PublicKeyError));
        }
    }

    #[test]
    fn a_fingerprint_is_eight_groups_of_the_hash() {
        // SHA-256 of 32 zero bytes, a value found in many tables.
        let expected = "6668 7aad f862 bd77 6c8f c18b 8e9f 8e20";
        assert_eq!(PublicKey::from_bytes([0; KEY_BYTES]).fingerprint().to_string(), expected);
    }

    #[test]
    fn a_key_that_chance_failed_is_not_handed_out() {
        use hpke::rand_core::TryRng;
        struct Dry;
        impl TryRng for Dry {
            type Error = std::fmt::Error;
            fn try_next_u32(&mut self) -> Result<u32, std::fmt::Error> {
                Err(std::fmt::Error)
            }
            fn try_next_u64(&mut self) -> Result<u64, std::fmt::Error> {
                Err(std::fmt::Error)
            }
            fn try_fill_bytes(&mut self, _: &mut [u8]) -> Result<(), std::fmt::Error> {
                Err(std::fmt::Error)
            }
        }
        impl TryCryptoRng for Dry {}
        assert!(matches!(SealingKey::generate(&mut Dry), Err(NoChance)));
    }
}
