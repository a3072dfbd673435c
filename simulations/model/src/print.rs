//! A fingerprint of 128 bits. With a hundred million states the chance that two of them share one is below 10^-22.

use std::hash::{Hash, Hasher};

/// Two lanes of 64 bits, each multiplied and folded.
struct Lanes {
    one: u64,
    other: u64,
}

const ODD: [u64; 3] = [0x9e37_79b9_7f4a_7c15, 0xd6e8_feb8_6659_fd93, 0xa076_1d64_78bd_642f];

fn fold(a: u64, b: u64) -> u64 {
    let upper = u128::from(a).wrapping_mul(u128::from(b)) >> 64;
    // Half of 128 bits is 64.
    a.wrapping_mul(b) ^ u64::try_from(upper).unwrap_or(0)
}

impl Hasher for Lanes {
    fn write(&mut self, bytes: &[u8]) {
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            let mut word = [0; 8];
            word.copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
        let rest = chunks.remainder();
        if !rest.is_empty() {
            let mut word = [0; 8];
            word[..rest.len()].copy_from_slice(rest);
            self.write_u64(u64::from_le_bytes(word) ^ ((rest.len() as u64) << 56));
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.one = fold(self.one ^ word, ODD[0]).wrapping_add(ODD[2]);
        self.other = fold(self.other.rotate_left(29) ^ word ^ ODD[2], ODD[1]).wrapping_add(word);
    }

    fn write_u8(&mut self, word: u8) {
        self.write_u64(word.into());
    }

    fn write_u16(&mut self, word: u16) {
        self.write_u64(word.into());
    }

    fn write_u32(&mut self, word: u32) {
        self.write_u64(word.into());
    }

    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }

    fn finish(&self) -> u64 {
        fold(self.one ^ ODD[1], self.other | 1)
    }
}

/// The fingerprint of a thing.
pub(crate) fn of(thing: &impl Hash) -> u128 {
    let mut lanes = Lanes { one: ODD[0], other: ODD[1] };
    thing.hash(&mut lanes);
    let low = fold(lanes.one ^ ODD[2], ODD[0] ^ lanes.other);
    let high = fold(lanes.other ^ ODD[0], ODD[1] ^ lanes.one.rotate_left(32));
    u128::from(high) << 64 | u128::from(low)
}

/// The fingerprint of things in no order: sums of fingerprints that were mixed once more.
pub(crate) fn of_all<T: Hash>(things: impl IntoIterator<Item = T>) -> u128 {
    things.into_iter().fold(0, |sum, thing| sum.wrapping_add(of(&thing)))
}
