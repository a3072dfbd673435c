//! How an office opens and seals: with its own keys and its address book in production.

use hwc_schemas::{
    Organisation,
    key::SignedKey,
    letter::Plaintext,
    wire::{Binding, Sealed},
};
use hwc_vault::{
    BelievedKey, DoesNotOpen, KeyTrouble, OpenError, OsChance, PublicKey, SealingKeys, open, seal,
    seal_to_left, sealed_to,
};
use jiff::civil::Date;

use crate::{
    Book, Keyring,
    office::{Unopened, Unsealed},
};

/// Opens what was sealed to one organisation, and seals to others in its name.
pub trait Seals: Send + Sync + 'static {
    /// Seals a content for one binding, whose sender is ourselves.
    fn seal(&self, binding: &Binding, content: &Plaintext) -> Result<Sealed, Unsealed>;

    /// Whether there is a key of the receiver that is believed: known before anybody is asked for more of them.
    fn may_seal_to(&self, receiver: &Organisation) -> Result<(), Unsealed> {
        let _ = receiver;
        Ok(())
    }

    /// The same, to one of these keys that the receiver left with the engine, if there is one that surely is theirs and may be
    /// used on this day; and else to its key in the directory.
    fn seal_to_left(
        &self,
        binding: &Binding,
        content: &Plaintext,
        left: &[SignedKey],
        today: Date,
    ) -> Result<Sealed, Unsealed> {
        let _ = (left, today);
        self.seal(binding, content)
    }

    /// Opens a seal that its sender made for one binding, whose receiver is ourselves.
    fn open(&self, binding: &Binding, sealed: &Sealed) -> Result<Plaintext, Unopened>;
}

/// The seals of an organisation whose people have its keys, while none of them is here: nothing is opened, nothing is sealed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Locked;

impl Seals for Locked {
    fn seal(&self, _: &Binding, _: &Plaintext) -> Result<Sealed, Unsealed> {
        Err(Unsealed::Locked)
    }

    fn open(&self, _: &Binding, _: &Sealed) -> Result<Plaintext, Unopened> {
        Err(Unopened::Locked)
    }
}

/// The seals of whoever has an organisation's keys, the address book that says whose others are believed, and the private halves of
/// what was left with the engine.
pub fn with_keys(keys: SealingKeys, book: Book, ring: Option<Keyring>) -> impl Seals {
    KeysAndBook { keys, book, ring }
}

/// An organisation's own keys, and the address book that says whose others are believed.
pub(crate) struct KeysAndBook {
    pub(crate) keys: SealingKeys,
    pub(crate) book: Book,
    /// The private halves of what we left with the engine.
    pub(crate) ring: Option<Keyring>,
}

impl KeysAndBook {
    /// What a seal holds, if it opens with a key that we have and one of these.
    fn opened(
        &self,
        senders: &[PublicKey],
        binding: &Binding,
        sealed: &Sealed,
    ) -> Result<Option<Plaintext>, Unopened> {
        let Some(id) = sealed_to(sealed).flatten() else {
            return Ok(self.keys.open(senders, binding, sealed).ok());
        };
        let Some(ring) = &self.ring else { return Err(Unopened::NoKey(id)) };
        let key = ring.get(id)?.ok_or(Unopened::NoKey(id))?;
        Ok(senders.iter().find_map(|sender| open(&key, sender, binding, sealed).ok()))
    }

    /// Who is not in the book may have joined since.
    fn look_up(&self, why: &KeyTrouble) {
        if let KeyTrouble::Unknown(_) = why {
            self.book.ask_soon();
        }
    }
}

impl Seals for KeysAndBook {
    fn seal(&self, binding: &Binding, content: &Plaintext) -> Result<Sealed, Unsealed> {
        let book = self.book.now();
        let key = book.key_to_seal_to(&binding.receiver).inspect_err(|why| self.look_up(why))?;
        Ok(seal(self.keys.present(), key, binding, content, &mut OsChance)?)
    }

    fn may_seal_to(&self, receiver: &Organisation) -> Result<(), Unsealed> {
        self.book.now().key_to_seal_to(receiver).inspect_err(|why| self.look_up(why))?;
        Ok(())
    }

    fn seal_to_left(
        &self,
        binding: &Binding,
        content: &Plaintext,
        left: &[SignedKey],
        today: Date,
    ) -> Result<Sealed, Unsealed> {
        let book = self.book.now();
        let receiver = &binding.receiver;
        // Whoever has a key that nobody confirmed yet is not sealed to at all.
        book.key_to_seal_to(receiver).inspect_err(|why| self.look_up(why))?;
        let signers = book.keys_to_open_from(receiver)?;
        for key in left {
            match BelievedKey::of(key, receiver, &signers) {
                Ok(key) if key.is_fresh_on(today) => {
                    return Ok(seal_to_left(self.keys.present(), &key, binding, content, &mut OsChance)?);
                }
                Ok(_) => {}
                Err(error) => {
                    // Signed with a key that we do not know yet, at the best.
                    self.book.ask_soon();
                    tracing::error!(organisation = %binding.sender, %error, "a key was not believed");
                }
            }
        }
        self.seal(binding, content)
    }

    fn open(&self, binding: &Binding, sealed: &Sealed) -> Result<Plaintext, Unopened> {
        let book = self.book.now();
        let senders = book.keys_to_open_from(&binding.sender).inspect_err(|why| self.look_up(why))?;
        if let Some(opened) = self.opened(&senders, binding, sealed)? {
            return Ok(opened);
        }
        // Sealed with a key that nobody confirmed yet, or that this directory does not list yet.
        self.book.ask_soon();
        book.key_to_seal_to(&binding.sender)?;
        Err(OpenError::from(DoesNotOpen).into())
    }
}

#[cfg(test)]
mod tests;
