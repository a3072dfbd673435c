//! The private key as a file: one line, `hwc-sealing-key-1` and 64 hexadecimal digits, for its owner only.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::{
    file::{self, FileError, Guard},
    keys::{KEY_BYTES, SealingKey},
};

const LABEL: &[u8] = b"hwc-sealing-key-1 ";
const END: &[u8] = b"\n";
const DIGITS: usize = 2 * KEY_BYTES;
const FILE_BYTES: usize = LABEL.len() + DIGITS + END.len();

/// Why a key file was not read or written. Matters to the operator of this machine. Nothing of the key is in it.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file or its folder.
    #[error(transparent)]
    File(#[from] FileError),
    /// Not one line of the format.
    #[error(
        "{}: is not a sealing key: wanted one line, `hwc-sealing-key-1` and 64 hexadecimal digits; put the right file there, or restore it from its safe copy",
        .0.display()
    )]
    NotAKey(PathBuf),
}

impl SealingKey {
    /// Writes the key to a new file with mode 600, in a folder that must have mode 700. All or nothing, and durable when
    /// it returns. A file that is there already is never replaced.
    pub fn save(&self, path: &Path) -> Result<(), KeyFileError> {
        Ok(file::create(path, &self.line())?)
    }

    /// Reads a key from its file. Refused, with the way to mend it: a link, a file or folder that others may read or
    /// write or that is somebody else's, and anything but one line of the format.
    pub fn load(path: &Path) -> Result<Self, KeyFileError> {
        let line = file::read(path, Guard::Secret, FILE_BYTES)?;
        Self::from_line(&line).ok_or_else(|| KeyFileError::NotAKey(path.to_path_buf()))
    }

    fn line(&self) -> Zeroizing<Vec<u8>> {
        let mut line = Zeroizing::new(Vec::with_capacity(FILE_BYTES));
        let mut digits = Zeroizing::new([0; DIGITS]);
        // 64 digits for 32 bytes always fit; were they not to, the file would not load.
        if hex::encode_to_slice(self.secret().as_slice(), digits.as_mut_slice()).is_ok() {
            for part in [LABEL, digits.as_slice(), END] {
                line.extend_from_slice(part);
            }
        }
        line
    }

    fn from_line(line: &[u8]) -> Option<Self> {
        let digits = line.strip_prefix(LABEL)?.strip_suffix(END)?;
        let mut secret = Zeroizing::new([0; KEY_BYTES]);
        hex::decode_to_slice(digits, secret.as_mut_slice()).ok()?;
        Self::from_secret(&secret)
    }
}
