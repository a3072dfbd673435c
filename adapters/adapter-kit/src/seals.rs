//! How an office opens and seals: with its own keys and its address book in production.

use hwc_schemas::{
    letter::Plaintext,
    wire::{Binding, Sealed},
};
use hwc_vault::{DoesNotOpen, KeyTrouble, OpenError, OsChance, SealingKeys, seal};

use crate::{
    Book,
    office::{Unopened, Unsealed},
};

/// Opens what was sealed to one organisation, and seals to others in its name.
pub trait Seals: Send + Sync + 'static {
    /// Seals a content for one binding, whose sender is ourselves.
    fn seal(&self, binding: &Binding, content: &Plaintext) -> Result<Sealed, Unsealed>;

    /// Opens a seal that its sender made for one binding, whose receiver is ourselves.
    fn open(&self, binding: &Binding, sealed: &Sealed) -> Result<Plaintext, Unopened>;
}

/// An organisation's own keys, and the address book that says whose others are believed.
pub(crate) struct KeysAndBook {
    pub(crate) keys: SealingKeys,
    pub(crate) book: Book,
}

impl KeysAndBook {
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

    fn open(&self, binding: &Binding, sealed: &Sealed) -> Result<Plaintext, Unopened> {
        let book = self.book.now();
        let senders = book.keys_to_open_from(&binding.sender).inspect_err(|why| self.look_up(why))?;
        if let Ok(opened) = self.keys.open(&senders, binding, sealed) {
            return Ok(opened);
        }
        // Sealed with a key that nobody confirmed yet, or that this directory does not list yet.
        self.book.ask_soon();
        book.key_to_seal_to(&binding.sender)?;
        Err(OpenError::from(DoesNotOpen).into())
    }
}
