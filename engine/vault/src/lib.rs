//! Seal and open: one payload from one organisation to the next, and the keys for it.
//!
//! * [`seal`] and [`open`] (typed: [`seal_as`], [`open_as`]): HPKE, RFC 9180, in Auth mode, so that a seal that opens
//!   proves its sender. Only the one receiver can open it, and only as what it was sealed for.
//! * [`SealingKey`] and [`PublicKey`]: an organisation's pair. The engine has no key that opens anything; the adapters
//!   call [`open`].
//! * [`SealingKey::save`] and [`SealingKey::load`]: the private key as a file that nobody else can read.
//! * [`SealingKeys`]: the present one and those before it, for what was in flight.
//! * [`WrappingKey`]: wraps keys at rest on a machine whose owner must not be able to use them.
//! * [`BelievedKey`]: a key that the receiver left with the engine for one seal, or for a week; [`seal_to_left`] seals to it.
//! * [`Directory`]: which public keys belong to which organisation, signed by the operator ([`OperatorKey`]).
//! * [`ReportKey`]: what reports about what is gone are signed with.
//! * [`AddressBook`]: what one organisation makes of it; a changed key is not believed until confirmed. [`Shelf`]: where it lies.
//!
//! Chance comes in as an argument: [`OsChance`] in production, a seeded generator in tests and simulations.
//!
//! # The format
//!
//! `SEAL.md` beside this crate is the norm, with a worked example; a foreign implementation can be written from it, and
//! `tests/foreign` holds one. In short:
//!
//! ```text
//! seal      = version (1 byte, 01) | marker (16, random) | encapsulated key (32) | ciphertext (bucket) | tag (16)
//!             version 02, to a key that the receiver left: that key's id (16) behind the marker, in the aad too
//! suite     = mode 02 (Auth), KEM 0020 (X25519, HKDF-SHA256), KDF 0001 (HKDF-SHA256), AEAD 0003 (ChaCha20-Poly1305)
//! info      = "hwc-seal-1" or "hwc-seal-2", in ASCII
//! aad       = version | suite (7 bytes: 02 0020 0001 0003) | marker | incident (16) | signal number (2, or none)
//!             | hop | sender | receiver; each field after its own length, as two bytes
//! plaintext = length of the content (4 bytes) | content | zeros, up to a bucket of 2, 4, 8, 16, 32, 64 or 128 KiB
//! ```
//!
//! Every number is big-endian. The marker is what is left to prove an erasure with: it is random, says nothing, and is
//! bound to the seal it came from.

mod book;
mod chance;
mod directory;
mod file;
mod fingerprint;
mod key_file;
mod keys;
mod left;
mod operator;
mod own;
mod padding;
mod report;
mod seal;
mod shelf;
mod signature;
mod suite;
mod wrap;

/// Chance from the operating system, for everything but tests and simulations.
pub use getrandom::SysRng as OsChance;
/// What [`seal`] and [`SealingKey::generate`] ask of chance: unpredictable, and allowed to fail.
pub use hpke::rand_core::TryCryptoRng;

pub use book::{AddressBook, KeyTrouble, KnownKeys, NotConfirmed};
pub use chance::NoChance;
pub use directory::{Directory, DirectoryError, Listed, UnknownKey};
pub use file::{FileError, Guard, create, read, replace};
pub use fingerprint::{Fingerprint, FingerprintError};
pub use key_file::KeyFileError;
pub use keys::{PublicKey, PublicKeyError, SealingKey};
pub use left::{BelievedKey, NotTheirs, WEEKLY_DAYS_MAX};
pub use operator::{OperatorKey, OperatorKeyError, OperatorPublicKey};
pub use own::SealingKeys;
pub use padding::CONTENT_BYTES_MAX;
pub use report::{ReportKey, ReportKeyError, ReportSigner};
pub use seal::{
    DoesNotOpen, OpenError, SealError, marker, open, open_as, seal, seal_as, seal_to_left, sealed_to,
};
pub use shelf::{BookError, Shelf, read_signed};
pub use wrap::WrappingKey;
