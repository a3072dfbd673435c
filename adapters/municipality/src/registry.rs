//! What a municipality decides by, wherever it lies: tables in memory, or a database.

use std::{future::Future, ops::Deref, sync::Arc};

use hwc_adapter_kit::Kept;
use hwc_schemas::person::Child;
use jiff::Timestamp;

use crate::Settings;

/// The register of pupils and the directory of schools.
pub trait Registry: Send + Sync + 'static {
    /// One snapshot, that a decision is made by: at least every pupil that could be the child, and the schools.
    type View: Deref<Target = Settings> + Send + Sync;

    /// Looks a child up, as the register is on the local day of this moment.
    fn look(&self, child: &Child, now: Timestamp) -> impl Future<Output = Result<Self::View, NoView>> + Send;

    /// Returns once the register is another one than this view shows.
    fn changed_from(&self, view: &Self::View) -> impl Future<Output = ()> + Send;
}

/// Nobody can be looked up just now; the signal waits. The reason says nothing about a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoView(pub &'static str);

/// Tables in memory: every view is the whole of them.
impl Registry for Kept<Settings> {
    type View = Arc<Settings>;

    async fn look(&self, _: &Child, _: Timestamp) -> Result<Arc<Settings>, NoView> {
        Ok(self.now())
    }

    async fn changed_from(&self, view: &Arc<Settings>) {
        Kept::changed_from(self, view).await;
    }
}
