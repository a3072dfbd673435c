//! Sealing one payload to the next organisation, and opening it there. The format is `SEAL.md`.

use hpke::rand_core::{Rng as _, TryCryptoRng};
use hwc_schemas::{
    KeyId,
    letter::{PlainError, Plaintext, Sealable},
    wire::{Binding, Sealed},
};
use zeroize::Zeroizing;

use crate::{
    chance::{NoChance, Watched},
    keys::{PublicKey, SealingKey},
    left::BelievedKey,
    padding::{self, BUCKETS, CONTENT_BYTES_MAX},
    suite::{self, ENCAPSULATED_BYTES, TAG_BYTES},
};

const MARKER_BYTES: usize = 16;
const KEY_ID_BYTES: usize = 16;

/// What a seal's first byte says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    /// To the receiver's key in the directory.
    ToTheirOwn = 1,
    /// To a key that the receiver left with the engine, whose id stands in the clear.
    ToOneThatTheyLeft = 2,
}

impl Version {
    const fn info(self) -> &'static [u8] {
        match self {
            Self::ToTheirOwn => b"hwc-seal-1",
            Self::ToOneThatTheyLeft => b"hwc-seal-2",
        }
    }

    const fn head_bytes(self) -> usize {
        let id = match self {
            Self::ToTheirOwn => 0,
            Self::ToOneThatTheyLeft => KEY_ID_BYTES,
        };
        1 + MARKER_BYTES + id + ENCAPSULATED_BYTES
    }
}

/// Why a payload was not sealed. Nothing of it is in the error, not even its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Larger than any bucket. Matters to the sender: no hop's content gets this large unless it was made wrongly.
    #[error("the content is too large to seal: at most {CONTENT_BYTES_MAX} bytes")]
    TooLarge,
    /// Nobody can own that public key. Matters to whoever keeps the sender's key directory.
    #[error("the receiver's public key is not usable: correct it in the key directory")]
    Receiver,
    /// The content travels another hop than the binding says. Matters to the programmer.
    #[error("the content is not what the binding's hop carries")]
    Hop,
    /// No chance, no seal. Matters to the operator.
    #[error(transparent)]
    Chance(#[from] NoChance),
}

/// A seal that does not open: another sender, receiver or binding than it was made for, or altered on the way. It does
/// not say which. Matters to the receiver's operator: compare the sender's and one's own key by fingerprint; if they
/// agree, somebody tampered with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("does not open")]
pub struct DoesNotOpen;

/// Why a seal did not give the content that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// See [`DoesNotOpen`].
    #[error(transparent)]
    DoesNotOpen(#[from] DoesNotOpen),
    /// The content asked for travels another hop than the binding says. Matters to the programmer.
    #[error("the content asked for is not what the binding's hop carries")]
    Hop,
    /// It opened, so its sender made it so; but it is not what the hop carries. Matters to the sender.
    #[error(transparent)]
    Content(#[from] PlainError),
}

/// Seals a content to one receiver's key in the directory, for one binding.
///
/// The result is one of seven sizes, whatever the content. Its marker and its key pair are drawn from `chance`: seal
/// twice with the same chance, and both contents are lost to whoever compares the two.
pub fn seal(
    sender: &SealingKey,
    receiver: &PublicKey,
    binding: &Binding,
    content: &Plaintext,
    chance: &mut impl TryCryptoRng,
) -> Result<Sealed, SealError> {
    seal_to((receiver, None), sender, binding, content, chance)
}

/// The same, to a key that the receiver left with the engine: shredded when the receiver destroys its private half.
pub fn seal_to_left(
    sender: &SealingKey,
    receiver: &BelievedKey,
    binding: &Binding,
    content: &Plaintext,
    chance: &mut impl TryCryptoRng,
) -> Result<Sealed, SealError> {
    seal_to((receiver.key(), Some(receiver.id())), sender, binding, content, chance)
}

fn seal_to(
    (receiver, key_id): (&PublicKey, Option<KeyId>),
    sender: &SealingKey,
    binding: &Binding,
    content: &Plaintext,
    chance: &mut impl TryCryptoRng,
) -> Result<Sealed, SealError> {
    let content = content.as_bytes();
    let bucket = padding::bucket_for(content.len()).ok_or(SealError::TooLarge)?;
    let mut chance = Watched::new(chance);
    let mut marker = [0; MARKER_BYTES];
    chance.fill_bytes(&mut marker);
    let version = if key_id.is_some() { Version::ToOneThatTheyLeft } else { Version::ToTheirOwn };
    let key_id = key_id.as_ref().map(KeyId::as_bytes);

    // One buffer from the first byte to the last, wiped on every way out but success.
    let mut sealed = Zeroizing::new(vec![0; version.head_bytes() + bucket + TAG_BYTES]);
    let (head, rest) = sealed.split_at_mut(version.head_bytes());
    let (text, tag) = rest.split_at_mut(bucket);
    padding::pad(content, text).ok_or(SealError::TooLarge)?;
    let associated = associated_data(version, binding, &marker, key_id);
    let done = suite::seal_in_place(sender, receiver, version.info(), &associated, text, &mut chance);
    chance.verdict()?;
    let (encapsulated, made_tag) = done.map_err(|_| SealError::Receiver)?;
    let key_id = key_id.into_iter().flatten().copied();
    let head_bytes = [version as u8].into_iter().chain(marker).chain(key_id).chain(encapsulated);
    head.iter_mut().zip(head_bytes).for_each(|(place, byte)| *place = byte);
    tag.copy_from_slice(&made_tag);
    Ok(Sealed::new(std::mem::take(&mut *sealed)))
}

/// Opens a seal, of either version, with the private half of the key that it was sealed to. That it opens proves that `sender`
/// made it, for this receiver and this binding.
///
/// It does not prove that it is the first time: the journal knows that. And whoever steals the *receiver's* key can
/// make seals to that receiver in anybody's name, as with every key agreement that proves its sender this way.
pub fn open(
    receiver: &SealingKey,
    sender: &PublicKey,
    binding: &Binding,
    sealed: &Sealed,
) -> Result<Plaintext, DoesNotOpen> {
    let parts = Parts::of(sealed.as_bytes()).ok_or(DoesNotOpen)?;
    let mut text = Zeroizing::new(parts.text.to_vec());
    let associated = associated_data(parts.version, binding, parts.marker, parts.key_id);
    suite::open_in_place(
        receiver,
        sender,
        parts.version.info(),
        &associated,
        parts.encapsulated,
        &mut text,
        parts.tag,
    )
    .map_err(|_| DoesNotOpen)?;
    padding::unpad(text).map(Plaintext::from_opened).ok_or(DoesNotOpen)
}

/// Seals what a hop carries, if it is the binding's hop.
pub fn seal_as<T: Sealable>(
    sender: &SealingKey,
    receiver: &PublicKey,
    binding: &Binding,
    content: &T,
    chance: &mut impl TryCryptoRng,
) -> Result<Sealed, SealError> {
    if binding.hop != T::HOP {
        return Err(SealError::Hop);
    }
    seal(sender, receiver, binding, &content.to_plaintext(), chance)
}

/// Opens a seal as what its hop carries.
pub fn open_as<T: Sealable>(
    receiver: &SealingKey,
    sender: &PublicKey,
    binding: &Binding,
    sealed: &Sealed,
) -> Result<T, OpenError> {
    if binding.hop != T::HOP {
        return Err(OpenError::Hop);
    }
    Ok(T::from_plaintext(&open(receiver, sender, binding, sealed)?)?)
}

/// The seal's marker: random, bound to this seal, and all that may be kept of it to prove later that it was erased.
/// `None` if it is not shaped like a seal; whether it opens is not asked.
pub fn marker(sealed: &Sealed) -> Option<[u8; 16]> {
    Parts::of(sealed.as_bytes()).map(|parts| *parts.marker)
}

/// The key that a seal was made to, if the receiver left it with the engine; none of the inner kind if it is the receiver's key
/// in the directory. `None` if it is not shaped like a seal.
pub fn sealed_to(sealed: &Sealed) -> Option<Option<KeyId>> {
    let key_id = Parts::of(sealed.as_bytes())?.key_id;
    Some(key_id.map(|id| KeyId::from_uuid(uuid::Uuid::from_bytes(*id))))
}

struct Parts<'a> {
    version: Version,
    marker: &'a [u8; MARKER_BYTES],
    key_id: Option<&'a [u8; KEY_ID_BYTES]>,
    encapsulated: &'a [u8; ENCAPSULATED_BYTES],
    text: &'a [u8],
    tag: &'a [u8; TAG_BYTES],
}

impl<'a> Parts<'a> {
    fn of(sealed: &'a [u8]) -> Option<Self> {
        let (version, rest) = sealed.split_first()?;
        let (marker, rest) = rest.split_first_chunk()?;
        let (version, key_id, rest) = match version {
            1 => (Version::ToTheirOwn, None, rest),
            2 => {
                let (key_id, rest) = rest.split_first_chunk()?;
                (Version::ToOneThatTheyLeft, Some(key_id), rest)
            }
            _ => return None,
        };
        let (encapsulated, rest) = rest.split_first_chunk()?;
        let (text, tag) = rest.split_last_chunk()?;
        let parts = Self { version, marker, key_id, encapsulated, text, tag };
        BUCKETS.contains(&text.len()).then_some(parts)
    }
}

/// Everything a seal is bound to besides its keys.
fn associated_data(
    version: Version,
    binding: &Binding,
    marker: &[u8; MARKER_BYTES],
    key_id: Option<&[u8; KEY_ID_BYTES]>,
) -> Vec<u8> {
    let number = binding.number.map(|number| number.get().to_be_bytes());
    let (sender, receiver) = (binding.sender.to_string(), binding.receiver.to_string());
    let version = [version as u8];
    let mut fields: Vec<&[u8]> = vec![&version, &suite::NAME, marker];
    fields.extend(key_id.map(<[u8; KEY_ID_BYTES]>::as_slice));
    fields.extend::<[&[u8]; 5]>([
        binding.incident.as_bytes(),
        number.as_ref().map_or(&[], <[u8; 2]>::as_slice),
        binding.hop.as_str().as_bytes(),
        sender.as_bytes(),
        receiver.as_bytes(),
    ]);
    each_after_its_length(&fields)
}

/// Fields one after the other, each after its own length, so that no two lists give the same bytes.
pub(crate) fn each_after_its_length(fields: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(224);
    for field in fields {
        // The low two bytes: the longest field, an organisation's name, has 45 bytes.
        let [.., high, low] = field.len().to_be_bytes();
        bytes.extend([high, low]);
        bytes.extend(*field);
    }
    bytes
}
