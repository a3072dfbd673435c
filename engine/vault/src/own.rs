//! An organisation's own keys: the present one, and those it had before, for what was sealed to it meanwhile.

use std::{io, path::Path, sync::Arc};

use hwc_schemas::{
    letter::Plaintext,
    wire::{Binding, Sealed},
};

use crate::{DoesNotOpen, FileError, KeyFileError, PublicKey, SealingKey, open};

/// The present key and the earlier ones. Cheap to clone.
#[derive(Clone)]
pub struct SealingKeys {
    present: Arc<SealingKey>,
    earlier: Vec<Arc<SealingKey>>,
}

impl SealingKeys {
    /// Earlier keys that are kept, at most: nothing is in flight for long enough to need more.
    pub const EARLIER_MAX: usize = 3;
    /// The present key's file.
    pub const FILE: &str = "seal";

    /// The file of an earlier key: `seal-earlier-1` is the last one before the present.
    pub fn earlier_file(number: usize) -> String {
        format!("{}-earlier-{number}", Self::FILE)
    }

    /// Reads the keys of a folder: `seal`, and `seal-earlier-1` and so on as far as there are any.
    pub fn load(folder: &Path) -> Result<Self, KeyFileError> {
        let present = Arc::new(SealingKey::load(&folder.join(Self::FILE))?);
        let mut earlier = Vec::new();
        for number in 1..=Self::EARLIER_MAX {
            match SealingKey::load(&folder.join(Self::earlier_file(number))) {
                Ok(key) => earlier.push(Arc::new(key)),
                Err(KeyFileError::File(FileError::System { source, .. }))
                    if source.kind() == io::ErrorKind::NotFound =>
                {
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Self { present, earlier })
    }

    /// The present key, and those before it, the latest first; more than [`Self::EARLIER_MAX`] are left out.
    pub fn of(present: SealingKey, earlier: Vec<SealingKey>) -> Self {
        let earlier = earlier.into_iter().take(Self::EARLIER_MAX).map(Arc::new).collect();
        Self { present: Arc::new(present), earlier }
    }

    /// The key that seals.
    pub fn present(&self) -> &SealingKey {
        &self.present
    }

    /// The last key first; the present one among them.
    pub fn all(&self) -> impl Iterator<Item = &SealingKey> {
        std::iter::once(&*self.present).chain(self.earlier.iter().map(|key| &**key))
    }

    /// Opens a seal that any of these senders' keys made for any of our own.
    pub fn open(
        &self,
        senders: &[PublicKey],
        binding: &Binding,
        sealed: &Sealed,
    ) -> Result<Plaintext, DoesNotOpen> {
        let pairs = self.all().flat_map(|own| senders.iter().map(move |sender| (own, sender)));
        pairs.into_iter().find_map(|(own, sender)| open(own, sender, binding, sealed).ok()).ok_or(DoesNotOpen)
    }
}

impl From<Arc<SealingKey>> for SealingKeys {
    fn from(present: Arc<SealingKey>) -> Self {
        Self { present, earlier: Vec::new() }
    }
}

impl From<SealingKey> for SealingKeys {
    fn from(present: SealingKey) -> Self {
        Arc::new(present).into()
    }
}
