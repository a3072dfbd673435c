//! The embedded nats-server: found or fetched, pinned, supervised.
//!
//! Tests, simulations and `hwc dev` need a real broker without anybody installing one. This crate finds
//! the one version the project was verified against ([`VERSION`]), checks its bytes against hashes kept in
//! the source ([`pins`]), and runs it as a child that can't outlive its parent.
//!
//! ```no_run
//! # async fn example(folder: &std::path::Path) -> Result<(), hwc_broker::BrokerError> {
//! use hwc_broker::{Broker, Settings};
//!
//! let broker = Broker::start(Settings::in_folder(folder)).await?;
//! println!("listening on {}", broker.client_url());
//! # Ok(())
//! # }
//! ```
//!
//! What it promises:
//! - **Nothing unchecked is run.** A fetched or cached program is run only if its SHA-256 is the pinned one.
//! - **It stops with us**, also after `kill -9`: see `watcher.rs` for how, without any unsafe code.
//! - **It listens on loopback only** and never logs payloads, whatever the caller's configuration says.
//! - **One server per folder.** A second one waits for the first to be gone, then refuses.
//!
//! It needs a POSIX `/bin/sh` (Linux, macOS, the BSDs) and a tokio runtime with IO and time. It never prints;
//! progress goes to a listener ([`Finder::on_progress`]).

mod broker;
mod cluster;
mod config;
mod error;
mod fetch;
mod find;
pub mod pins;
mod ready;
mod watcher;

pub use broker::{Broker, Stopped};
pub use cluster::Cluster;
pub use config::{LogMode, Seat, Settings, SyncMode};
pub use error::BrokerError;
pub use fetch::FetchFailure;
pub use find::{Attempt, FindError, Finder, Found, Origin, Progress, Unfit};
pub use pins::VERSION;
