//! Signing with a sealing key: an ordinary Ed25519 signature, by the Edwards form of the X25519 key (`XEdDSA`).
//!
//! Whoever believes an organisation's sealing key believes what it signs, so there is no second key to hand over, to compare by
//! telephone and to keep safe (`docs/decisions/0004`).

use curve25519_dalek::{
    edwards::EdwardsPoint,
    montgomery::MontgomeryPoint,
    scalar::{Scalar, clamp_integer},
};
use ed25519_dalek::{
    Sha512, Signature, VerifyingKey,
    hazmat::{ExpandedSecretKey, raw_sign},
};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::{PublicKey, SealingKey};

/// What the secret half of a signature's randomness is hashed with, so that it is used for nothing else.
const NONCE_LABEL: &[u8] = b"hwc-key-signature-nonce-1";

pub(crate) const SIGNATURE_BYTES: usize = 64;

/// Signs. The same text gives the same signature.
pub(crate) fn sign(key: &SealingKey, text: &[u8]) -> [u8; SIGNATURE_BYTES] {
    let secret = key.secret();
    let clamped = Zeroizing::new(clamp_integer(*secret));
    let scalar = Zeroizing::new(Scalar::from_bytes_mod_order(*clamped));
    let public = EdwardsPoint::mul_base(&scalar);
    // Of the two points with this Montgomery form the one with sign 0 is meant; the scalar is made to fit.
    let is_negative = public.compress().as_bytes().last().is_some_and(|last| last & 0x80 != 0);
    let (scalar, public) = if is_negative { (-*scalar, -public) } else { (*scalar, public) };
    let nonce = Sha256::new().chain_update(NONCE_LABEL).chain_update(secret.as_slice()).finalize();
    let own = ExpandedSecretKey { scalar, hash_prefix: nonce.into() };
    raw_sign::<Sha512>(&own, text, &VerifyingKey::from(public)).to_bytes()
}

/// Whether the holder of this key signed this text.
pub(crate) fn is_signed(key: &PublicKey, text: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> bool {
    let Some(public) = MontgomeryPoint(*key.as_bytes()).to_edwards(0) else { return false };
    let signature = Signature::from_bytes(signature);
    VerifyingKey::from(public).verify_strict(text, &signature).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OsChance;

    #[test]
    fn a_signature_is_the_keys_own_and_the_texts_own() {
        // Both signs of the Edwards form occur among so many.
        for _ in 0..16 {
            let key = SealingKey::generate(&mut OsChance).ok().unwrap();
            let other = SealingKey::generate(&mut OsChance).ok().unwrap();
            let signature = sign(&key, b"text");
            assert_eq!(signature, sign(&key, b"text"));
            assert!(is_signed(&key.public_key(), b"text", &signature));
            assert!(!is_signed(&key.public_key(), b"texts", &signature));
            assert!(!is_signed(&other.public_key(), b"text", &signature));
            for place in [0, 31, 32, 63] {
                let mut bent = signature;
                bent[place] ^= 1;
                assert!(!is_signed(&key.public_key(), b"text", &bent));
            }
        }
    }

    #[test]
    fn what_is_no_key_has_signed_nothing() {
        for byte in [0, 1, 2, 0xff] {
            let nobody = PublicKey::from_bytes([byte; 32]);
            assert!(!is_signed(&nobody, b"text", &[0; SIGNATURE_BYTES]));
        }
        assert!(!is_signed(&PublicKey::from_bytes([0; 32]), b"", &[0; SIGNATURE_BYTES]));
    }
}
