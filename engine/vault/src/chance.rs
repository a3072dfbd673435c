//! Chance that may run out: an error, where the HPKE library would panic.

use hpke::rand_core::{Infallible, TryCryptoRng, TryRng};

/// The source of chance failed. Matters to the operator of this machine; nothing was made with what it gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no random bytes")]
pub struct NoChance;

/// A source of chance that never fails to its user, but remembers that it did. Whoever used it asks
/// [`Watched::verdict`] before anything made with it leaves.
pub(crate) struct Watched<'a, R> {
    source: &'a mut R,
    failed: bool,
}

impl<'a, R: TryCryptoRng> Watched<'a, R> {
    pub(crate) const fn new(source: &'a mut R) -> Self {
        Self { source, failed: false }
    }

    pub(crate) const fn verdict(&self) -> Result<(), NoChance> {
        if self.failed { Err(NoChance) } else { Ok(()) }
    }

    fn or_remember<T: Default>(&mut self, drawn: Result<T, R::Error>) -> T {
        drawn.unwrap_or_else(|_| {
            self.failed = true;
            T::default()
        })
    }
}

impl<R: TryCryptoRng> TryRng for Watched<'_, R> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let drawn = self.source.try_next_u32();
        Ok(self.or_remember(drawn))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let drawn = self.source.try_next_u64();
        Ok(self.or_remember(drawn))
    }

    fn try_fill_bytes(&mut self, into: &mut [u8]) -> Result<(), Infallible> {
        let drawn = self.source.try_fill_bytes(into);
        self.or_remember(drawn);
        Ok(())
    }
}

impl<R: TryCryptoRng> TryCryptoRng for Watched<'_, R> {}
