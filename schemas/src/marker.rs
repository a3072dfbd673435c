//! Where a seal's marker stands. It is in the clear, and its place is the same in every version of the seal (`SEAL.md`), so whoever
//! can open nothing can read it.

use uuid::Uuid;

use crate::{Marker, wire::Sealed};

impl Marker {
    /// The marker of a ciphertext: its sixteen bytes behind the first. `None` if it is too short to have one; whether it is a
    /// seal otherwise is not looked at.
    pub fn of(sealed: &Sealed) -> Option<Self> {
        let (_version, rest) = sealed.as_bytes().split_first()?;
        Some(Self::from_uuid(Uuid::from_bytes(*rest.first_chunk()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stands_behind_the_first_byte_and_what_is_too_short_has_none() {
        let bytes: Vec<u8> = (0..60).collect();
        let marker = Marker::of(&Sealed::new(bytes.clone())).unwrap();
        assert_eq!(marker.as_bytes().as_slice(), &bytes[1..17]);
        assert_eq!(marker.to_string().parse(), Ok(marker));
        assert_eq!(Marker::of(&Sealed::new(bytes[..16].to_vec())), None);
        assert_eq!(Marker::of(&Sealed::new(Vec::new())), None);
    }
}
