//! The one suite of RFC 9180 that this crate speaks, in Auth mode, one message a context.

use hpke::{
    Deserializable, HpkeError, OpModeR, OpModeS, Serializable,
    aead::{AeadTag, ChaCha20Poly1305},
    inout::InOutBuf,
    kdf::HkdfSha256,
    kem::X25519HkdfSha256,
    rand_core::CryptoRng,
    single_shot_open_inout_detached, single_shot_seal_inout_detached_with_rng,
};

use crate::keys::{PublicKey, SealingKey};

pub(crate) type Kem = X25519HkdfSha256;
type Kdf = HkdfSha256;
type Cipher = ChaCha20Poly1305;

/// Bytes of an encapsulated key.
pub(crate) const ENCAPSULATED_BYTES: usize = 32;
/// Bytes of an authentication tag.
pub(crate) const TAG_BYTES: usize = 16;

/// The suite's name inside the associated data: mode Auth, KEM, KDF, AEAD, with the numbers of RFC 9180.
pub(crate) const NAME: [u8; 7] = [0x02, 0x00, 0x20, 0x00, 0x01, 0x00, 0x03];

/// Encrypts in place and gives the encapsulated key and the tag. Fails only on a receiver's key that is no key.
pub(crate) fn seal_in_place(
    sender: &SealingKey,
    receiver: &PublicKey,
    info: &[u8],
    associated: &[u8],
    text: &mut [u8],
    chance: &mut impl CryptoRng,
) -> Result<([u8; ENCAPSULATED_BYTES], [u8; TAG_BYTES]), HpkeError> {
    let mode = OpModeS::Auth((sender.private().clone(), sender.public_key().for_hpke()?));
    let (encapsulated, tag) = single_shot_seal_inout_detached_with_rng::<Cipher, Kdf, Kem>(
        &mode,
        &receiver.for_hpke()?,
        info,
        InOutBuf::from(text),
        associated,
        chance,
    )?;
    Ok((encapsulated.to_bytes().into(), tag.to_bytes().into()))
}

/// Decrypts in place. After an error the text is no text: throw it away.
pub(crate) fn open_in_place(
    receiver: &SealingKey,
    sender: &PublicKey,
    info: &[u8],
    associated: &[u8],
    encapsulated: &[u8; ENCAPSULATED_BYTES],
    text: &mut [u8],
    tag: &[u8; TAG_BYTES],
) -> Result<(), HpkeError> {
    single_shot_open_inout_detached::<Cipher, Kdf, Kem>(
        &OpModeR::Auth(sender.for_hpke()?),
        receiver.private(),
        &Deserializable::from_bytes(encapsulated)?,
        info,
        InOutBuf::from(text),
        associated,
        &AeadTag::from_bytes(tag)?,
    )
}

#[cfg(test)]
mod tests {
    //! RFC 9180, Appendix A.2.3: Auth mode of this suite. The fixture is that vector out of the RFC's own
    //! `test-vectors.json`, with the first of its encryptions, as a seal uses each context once.

    use hpke::aead::Aead as _;
    use hpke::kdf::Kdf as _;
    use hpke::rand_core::{Infallible, TryCryptoRng, TryRng};
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Vector {
        mode: u8,
        kem_id: u16,
        kdf_id: u16,
        aead_id: u16,
        info: String,
        #[serde(rename = "ikmE")]
        ikm_e: String,
        #[serde(rename = "skRm")]
        sk_rm: String,
        #[serde(rename = "skSm")]
        sk_sm: String,
        #[serde(rename = "pkRm")]
        pk_rm: String,
        #[serde(rename = "pkSm")]
        pk_sm: String,
        enc: String,
        aad: String,
        pt: String,
        ct: String,
    }

    fn vector() -> Vector {
        serde_json::from_str(include_str!("../tests/fixtures/rfc9180-a-2-3.json")).unwrap()
    }

    fn bytes(digits: &str) -> Vec<u8> {
        hex::decode(digits).unwrap()
    }

    fn key(digits: &str) -> SealingKey {
        SealingKey::from_secret(bytes(digits).as_slice().try_into().unwrap()).unwrap()
    }

    /// Gives the vector's ephemeral key material as if it were chance.
    struct Scripted(Vec<u8>);

    impl TryRng for Scripted {
        type Error = Infallible;
        fn try_next_u32(&mut self) -> Result<u32, Infallible> {
            panic!("draws bytes only")
        }
        fn try_next_u64(&mut self) -> Result<u64, Infallible> {
            panic!("draws bytes only")
        }
        fn try_fill_bytes(&mut self, into: &mut [u8]) -> Result<(), Infallible> {
            into.copy_from_slice(&self.0);
            Ok(())
        }
    }

    impl TryCryptoRng for Scripted {}

    #[test]
    fn the_vector_is_of_the_suite_that_a_seal_names() {
        let v = vector();
        let mut named = vec![v.mode];
        for id in [v.kem_id, v.kdf_id, v.aead_id] {
            named.extend(id.to_be_bytes());
        }
        assert_eq!(named, NAME);
        let spoken = (<Kem as hpke::Kem>::KEM_ID, Kdf::KDF_ID, Cipher::AEAD_ID);
        assert_eq!(spoken, (v.kem_id, v.kdf_id, v.aead_id));
        assert_eq!(key(&v.sk_rm).public_key().to_string(), v.pk_rm);
        assert_eq!(key(&v.sk_sm).public_key().to_string(), v.pk_sm);
    }

    #[test]
    fn the_vector_of_the_rfc_opens() {
        let v = vector();
        let sealed = bytes(&v.ct);
        let (text, tag) = sealed.split_last_chunk::<TAG_BYTES>().unwrap();
        let mut text = text.to_vec();
        let encapsulated = bytes(&v.enc).try_into().unwrap();
        let sender = v.pk_sm.parse().unwrap();
        let (info, aad) = (bytes(&v.info), bytes(&v.aad));
        open_in_place(&key(&v.sk_rm), &sender, &info, &aad, &encapsulated, &mut text, tag).unwrap();
        assert_eq!(hex::encode(text), v.pt);
    }

    #[test]
    fn sealing_with_the_chance_of_the_rfc_gives_its_ciphertext_to_the_bit() {
        let v = vector();
        let mut text = bytes(&v.pt);
        let receiver = v.pk_rm.parse().unwrap();
        let mut chance = Scripted(bytes(&v.ikm_e));
        let (info, aad) = (bytes(&v.info), bytes(&v.aad));
        let (encapsulated, tag) =
            seal_in_place(&key(&v.sk_sm), &receiver, &info, &aad, &mut text, &mut chance).unwrap();
        text.extend(tag);
        assert_eq!((hex::encode(encapsulated), hex::encode(text)), (v.enc, v.ct));
    }
}
