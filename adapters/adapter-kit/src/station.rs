//! An organisation on the broker: its office, the door it works through and the book it believes.

use std::sync::Arc;

use hwc_jetstream::Door;
use hwc_logbook::Logbook;
use hwc_schemas::Organisation;
use hwc_vault::SealingKeys;

use crate::{
    Book, Clock, Hours, Keyring, Office, Telemetry, Witness,
    seals::{KeysAndBook, Locked},
};

/// An organisation on the broker. Cheap to clone.
#[derive(Clone)]
pub struct Station {
    office: Office,
    door: Door,
    book: Book,
}

impl Station {
    /// A station with its door open, for whose answers [`crate::ANSWERS_WITHIN`] is a good time; its own keys; and an address
    /// book that may change while it works.
    pub fn new(
        door: Door,
        keys: impl Into<SealingKeys>,
        book: impl Into<Book>,
        clock: Arc<dyn Clock>,
        witness: Arc<dyn Witness>,
    ) -> Self {
        Self::with_ring(door, (keys, None), book, clock, witness)
    }

    /// The same, with the private halves of the keys that it left with the engine.
    pub fn with_ring(
        door: Door,
        (keys, ring): (impl Into<SealingKeys>, Option<Keyring>),
        book: impl Into<Book>,
        clock: Arc<dyn Clock>,
        witness: Arc<dyn Witness>,
    ) -> Self {
        let book = book.into();
        let seals = KeysAndBook { keys: keys.into(), book: book.clone(), ring };
        Self { office: Office::new(door.clone(), seals, clock, witness), door, book }
    }

    /// A station whose own seals stay closed: people with keys of their own open and seal elsewhere, over the same door.
    pub fn locked(door: Door, book: Book, clock: Arc<dyn Clock>, witness: Arc<dyn Witness>) -> Self {
        Self { office: Office::new(door.clone(), Locked, clock, witness), door, book }
    }

    /// The same station, keeping these hours.
    #[must_use]
    pub fn keeping(mut self, hours: Hours) -> Self {
        self.office = self.office.keeping(hours);
        self
    }

    /// The same station, telling of its work there.
    #[must_use]
    pub fn telling(mut self, telemetry: Telemetry) -> Self {
        self.office = self.office.telling(telemetry);
        self
    }

    /// The same station, whose processing of signals is a line in this log before it is done.
    #[must_use]
    pub fn logging(mut self, logbook: Option<Logbook>) -> Self {
        self.office = self.office.logging(logbook);
        self
    }

    /// The office.
    pub const fn office(&self) -> &Office {
        &self.office
    }

    /// Whose it is.
    pub fn organisation(&self) -> &Organisation {
        self.office.organisation()
    }

    /// The door to the engine.
    pub const fn door(&self) -> &Door {
        &self.door
    }

    /// Whose keys are believed.
    pub const fn book(&self) -> &Book {
        &self.book
    }
}
