//! Padding: a ciphertext's size says which bucket its content fits, and nothing else.

use zeroize::Zeroizing;

/// Every size a padded content has, in bytes. A letter and a referral always fit the first, a report the last.
pub(crate) const BUCKETS: [usize; 7] = [2048, 4096, 8192, 16_384, 32_768, 65_536, 131_072];

const LENGTH_BYTES: usize = 4;

/// Largest content that can be sealed, in bytes.
pub const CONTENT_BYTES_MAX: usize = 131_072 - LENGTH_BYTES;

/// The smallest bucket that holds a content of this many bytes, if any does.
pub(crate) fn bucket_for(content_bytes: usize) -> Option<usize> {
    let needed = content_bytes.checked_add(LENGTH_BYTES)?;
    BUCKETS.into_iter().find(|bucket| *bucket >= needed)
}

/// Writes the content's length and the content to the start of a bucket that is all zeros. `None` if it does not fit.
pub(crate) fn pad(content: &[u8], bucket: &mut [u8]) -> Option<()> {
    let (length, rest) = bucket.split_first_chunk_mut::<LENGTH_BYTES>()?;
    *length = u32::try_from(content.len()).ok()?.to_be_bytes();
    rest.get_mut(..content.len())?.copy_from_slice(content);
    Some(())
}

/// Takes the padding off again. `None` unless it is exactly what [`pad`] makes of that content.
pub(crate) fn unpad(mut padded: Zeroizing<Vec<u8>>) -> Option<Zeroizing<Vec<u8>>> {
    let (length, rest) = padded.split_first_chunk::<LENGTH_BYTES>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let (_, zeros) = rest.split_at_checked(length)?;
    if bucket_for(length) != Some(padded.len()) || zeros.iter().any(|byte| *byte != 0) {
        return None;
    }
    // In place, so that the one buffer that held it is the one buffer that is wiped.
    padded.copy_within(LENGTH_BYTES..LENGTH_BYTES + length, 0);
    padded.truncate(length);
    Some(padded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn padded(content: &[u8]) -> Zeroizing<Vec<u8>> {
        let mut bucket = Zeroizing::new(vec![0; bucket_for(content.len()).unwrap()]);
        pad(content, &mut bucket).unwrap();
        bucket
    }

    #[test]
    fn content_of_every_size_around_every_edge_comes_back() {
        for edge in BUCKETS {
            for length in [edge - 5, edge - 4, edge - 3] {
                let content = vec![7; length];
                let fits = edge.max(length + LENGTH_BYTES);
                if length > CONTENT_BYTES_MAX {
                    assert_eq!(bucket_for(length), None);
                } else {
                    let padded = padded(&content);
                    assert!(padded.len() >= fits && BUCKETS.contains(&padded.len()));
                    assert_eq!(*unpad(padded).unwrap(), content);
                }
            }
        }
        assert_eq!(*unpad(padded(b"")).unwrap(), b"");
        assert_eq!(bucket_for(usize::MAX), None);
    }

    #[test]
    fn padding_with_anything_but_zeros_is_refused() {
        let content = b"content";
        for place in LENGTH_BYTES + content.len()..2048 {
            let mut bucket = padded(content);
            bucket[place] = 1;
            assert!(unpad(bucket).is_none());
        }
    }

    #[test]
    fn a_length_that_does_not_fit_its_bucket_is_refused() {
        for length in [2045_u32, 4096, 131_072, u32::MAX] {
            let mut bucket = padded(b"");
            bucket[..LENGTH_BYTES].copy_from_slice(&length.to_be_bytes());
            assert!(unpad(bucket).is_none());
        }
    }

    #[test]
    fn a_larger_bucket_than_needed_is_refused() {
        let mut bucket = padded(b"content");
        bucket.resize(4096, 0);
        assert!(unpad(bucket).is_none());
        for stub in 0..LENGTH_BYTES {
            assert!(unpad(Zeroizing::new(vec![0; stub])).is_none());
        }
    }
}
