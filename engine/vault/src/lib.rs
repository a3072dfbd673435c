//! Seal, open, shred: HPKE to one organisation, its keys and their destruction.
