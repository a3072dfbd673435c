//! Reading a message that somebody else wrote: within its bound, and without repeating any of it.

use serde::de::DeserializeOwned;

use crate::wire::limits::MESSAGE_BYTES_MAX;

/// A message that is not of this version. It does not say what is wrong with it: the words could hold a piece of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Larger than a message may be; it was not looked at.
    #[error("larger than a message may be ({MESSAGE_BYTES_MAX} bytes)")]
    TooLarge,
    /// Not a message of this kind and version.
    #[error("not a message of this kind and version")]
    Malformed,
}

/// Reads a command, an answer, a task, a fetch or what was fetched. Fields that are not known are passed over, for a later
/// version may have more; a field that stands there twice is not.
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Unreadable> {
    if bytes.len() > MESSAGE_BYTES_MAX {
        return Err(Unreadable::TooLarge);
    }
    serde_json::from_slice(bytes).map_err(|_| Unreadable::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Answer, Refusal};

    #[test]
    fn what_a_later_version_adds_is_passed_over_and_what_stands_there_twice_is_not() {
        let refused = Answer::Refused { refusal: Refusal::Gone };
        let more = br#"{"answer":"refused","refusal":"gone","since":"2027"}"#;
        assert_eq!(read::<Answer>(more), Ok(refused));
        let twice = br#"{"answer":"refused","refusal":"gone","refusal":"malformed"}"#;
        assert_eq!(read::<Answer>(twice), Err(Unreadable::Malformed));
        let twice = br#"{"answer":"recorded","answer":"try_later"}"#;
        assert_eq!(read::<Answer>(twice), Err(Unreadable::Malformed));
    }

    #[test]
    fn a_message_over_the_bound_is_not_looked_at() {
        let mut large = br#"{"answer":"recorded"}"#.to_vec();
        large.resize(MESSAGE_BYTES_MAX, b' ');
        assert_eq!(read::<Answer>(&large), Ok(Answer::Recorded));
        large.push(b' ');
        assert_eq!(read::<Answer>(&large), Err(Unreadable::TooLarge));
    }
}
