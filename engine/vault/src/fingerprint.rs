//! What two people compare by telephone.

use std::{fmt, str::FromStr};

use sha2::{Digest, Sha256};

const BYTES: usize = 16;

/// The first 16 bytes of a SHA-256, said as eight groups of four digits. Read back in whatever way somebody typed it:
/// with or without blanks, dashes and colons, in capitals or not.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; BYTES]);

/// Text that is no fingerprint. Matters to whoever typed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a fingerprint: wanted eight groups of four digits, as in \"6668 7aad f862 bd77 6c8f c18b 8e9f 8e20\""
)]
pub struct FingerprintError;

impl Fingerprint {
    /// The fingerprint of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let hash = Sha256::digest(bytes);
        let mut first = [0; BYTES];
        first.iter_mut().zip(hash).for_each(|(place, byte)| *place = byte);
        Self(first)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, group) in self.0.chunks(2).enumerate() {
            if place > 0 {
                f.write_str(" ")?;
            }
            for byte in group {
                write!(f, "{byte:02x}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;
    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        // Somebody's own typing is short; more is something else.
        if text.len() > 256 {
            return Err(FingerprintError);
        }
        let digits: String =
            text.chars().filter(|c| !(c.is_whitespace() || matches!(c, '-' | ':'))).collect();
        let mut bytes = [0; BYTES];
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| FingerprintError)?;
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_in_whatever_way_it_was_typed() {
        let one = Fingerprint::of(&[0; 32]);
        assert_eq!(one.to_string(), "6668 7aad f862 bd77 6c8f c18b 8e9f 8e20");
        for typed in [
            "66687aadf862bd776c8fc18b8e9f8e20",
            "6668-7AAD-F862-BD77-6C8F-C18B-8E9F-8E20",
            " 6668:7aad f862 bd77\t6c8f c18b 8e9f 8e20\n",
        ] {
            assert_eq!(typed.parse(), Ok(one));
        }
        for bad in
            ["", "6668", "6668 7aad f862 bd77 6c8f c18b 8e9f 8e2", "g668 7aad f862 bd77 6c8f c18b 8e9f 8e20"]
        {
            assert_eq!(bad.parse::<Fingerprint>(), Err(FingerprintError));
        }
        assert!("0".repeat(300).parse::<Fingerprint>().is_err());
    }
}
