//! The counter of the municipality's process, as the desk asks it.

use std::{future::Future, path::PathBuf};

use hwc_adapter_kit::counter::{AskError, Said, ask};
use hwc_municipality::counter::{Question, Reply};

/// Where the desk asks.
pub trait Counter: Send + Sync + 'static {
    /// Asks, and hears within a bounded time.
    fn ask(&self, question: Question) -> impl Future<Output = Result<Said<Reply>, AskError>> + Send;
}

/// The counter in the state folder of a running process on this machine.
#[derive(Debug, Clone)]
pub struct Socket(PathBuf);

impl Socket {
    /// The counter of the process that holds this folder.
    pub const fn of(folder: PathBuf) -> Self {
        Self(folder)
    }
}

impl Counter for Socket {
    async fn ask(&self, question: Question) -> Result<Said<Reply>, AskError> {
        ask(&self.0, &question).await
    }
}
