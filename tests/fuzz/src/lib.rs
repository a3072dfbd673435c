//! What every target demands of its decoder, besides that it does not crash, hang or hoard: nothing of the input is repeated
//! in a refusal, and what was read is what is written.

use std::fmt::Debug;

use serde::{Serialize, de::DeserializeOwned};

/// What must not be repeated; the dictionary `words.dict` brings it into the inputs.
pub const CANARY: &str = "Kanarievogeltje";

/// A refusal, and the error beneath it as a programmer would print it.
///
/// # Panics
/// If it repeats the canary: that is the finding.
pub fn refused(error: &(impl std::fmt::Display + Debug)) {
    let said = format!("{error} {error:?}");
    assert!(!said.contains(CANARY), "repeated: {said}");
}

/// Reads a message as every door does, and writes it again.
///
/// # Panics
/// If what is written is read as something else: that is the finding.
pub fn message<T: DeserializeOwned + Serialize + PartialEq + Debug>(bytes: &[u8]) {
    match hwc_schemas::message::read::<T>(bytes) {
        Ok(read) => {
            let written = serde_json::to_vec(&read).unwrap_or_default();
            let again = hwc_schemas::message::read::<T>(&written);
            assert_eq!(again, Ok(read));
        }
        Err(error) => refused(&error),
    }
}
