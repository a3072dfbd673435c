//! The counter of the municipality's process, as the desk asks it.

use std::{future::Future, path::PathBuf};

use hwc_adapter_kit::counter::{AskError, Said, ask, hatch};
use hwc_municipality::counter::{Question, Reply};

/// Where the desk asks.
pub trait Counter: Send + Sync + 'static {
    /// Asks, and hears within a bounded time.
    fn ask(&self, question: Question) -> impl Future<Output = Result<Said<Reply>, AskError>> + Send;
}

/// Where a running process on this machine is asked.
#[derive(Debug, Clone)]
pub enum Socket {
    /// At the counter of the process that holds this folder, as the same user.
    Counter(PathBuf),
    /// At its hatch, as another user.
    Hatch(PathBuf),
}

impl Counter for Socket {
    async fn ask(&self, question: Question) -> Result<Said<Reply>, AskError> {
        match self {
            Self::Counter(folder) => ask(folder, &question).await,
            Self::Hatch(path) => hatch::ask(path, &question).await,
        }
    }
}
