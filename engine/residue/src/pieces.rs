//! Reading something long in pieces that overlap.

use std::io::{self, Read};

/// How much of a file is in memory at once.
pub(crate) const PIECE_BYTES: usize = 1024 * 1024;

/// A part of a file.
pub(crate) struct Piece<'a> {
    pub(crate) bytes: &'a [u8],
    /// Where in the file it begins.
    pub(crate) from: u64,
    /// How many of its bytes were in the piece before.
    pub(crate) seen: usize,
}

impl Piece<'_> {
    /// Whether what lies there was wholly in the piece before.
    pub(crate) const fn has_seen(&self, at: usize, length: usize) -> bool {
        at + length <= self.seen
    }
}

/// Reads to the end, in pieces: each begins with so many bytes of the one before. Gives how many bytes there were.
pub(crate) fn each(mut from: impl Read, overlap: usize, mut take: impl FnMut(&Piece<'_>)) -> io::Result<u64> {
    let mut bytes = Vec::with_capacity(PIECE_BYTES + overlap);
    let (mut all, mut seen) = (0_u64, 0);
    loop {
        let read = from.by_ref().take(PIECE_BYTES as u64).read_to_end(&mut bytes)?;
        if read == 0 {
            return Ok(all);
        }
        take(&Piece { bytes: &bytes, from: all - seen as u64, seen });
        all += read as u64;
        seen = bytes.len().min(overlap);
        bytes.drain(..bytes.len() - seen);
    }
}
