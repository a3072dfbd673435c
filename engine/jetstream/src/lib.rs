//! JetStream: journal, sealed store, doors and tasks, stream settings, permissions. The only room that names the client
//! library, so that no other room can depend on what it happens to do.
//!
//! For the engine: [`Link`], [`JetStreamJournal`], [`SealedStore`], [`KeyStock`], [`Doors`], [`DirectoryDoor`], [`Tasks`]. For an organisation: [`Door`].
//! For whoever only looks: [`BoardName`].
//! For whoever sets up the broker: [`permissions`], [`Credential`].
//!
//! Everything here answers within a bounded time, and an answer that does not come is *unknown*, never *failed*: it is
//! looked for before it is tried again. No error, no log line and no subject holds anything of what is carried.

mod address;
mod board;
mod breaches;
mod cloud_event;
mod counts;
mod credential;
mod custody;
mod directory;
mod door;
mod doors;
mod fault;
mod feed;
#[cfg(test)]
mod hostile;
mod inventory;
mod journal;
mod lease;
mod link;
mod look;
mod messages;
mod names;
mod patience;
pub mod permissions;
mod porch;
mod remains;
mod scan;
mod settings;
mod stock;
mod store;
mod streams;
mod tasks;
mod traced;

pub use address::{Address, TlsFiles};
pub use board::{BoardName, BoardNameError};
pub use breaches::{BreachRecord, BreachRecordKind, Breaches, Untold};
pub use cloud_event::is_source;
pub use counts::{Counts, Kept, Put};
pub use credential::{Credential, CredentialError, PublicNkey};
pub use custody::Settled;
pub use directory::{DirectoryDoor, Published};
pub use door::{Door, DoorError};
pub use doors::{Caller, Doors, Knock};
pub use fault::{Differences, Fault, SetupError};
pub use feed::{Offered, TaskFeed};
pub use inventory::{Amounts, Stored, amounts, inventory};
pub use journal::{JetStreamJournal, Tail, Told};
pub use lease::{Epoch, Holder, Leading, Lease, leading};
pub use link::{ANSWER_WITHIN, Health, Link, LinkError};
pub use look::{
    Feed, Kept as StreamKept, KeysLeft, LyingTask, Room, TASKS_LISTED_MAX, UntoldMails, broker_time,
    differences, engines, feeds, keys_left, mails_heard, mails_hurried, room, stocks,
    streams as kept_streams, tasks_lying, untold_mails, withdraw_task,
};
pub use porch::{DoorName, Porch, Visit};
pub use remains::{AT_ONCE_MAX, Remains, erase_older, older};
pub use settings::{Settings, Shares};
pub use stock::KeyStock;
pub use store::{GENERATION_PAYLOADS_MAX, SealedStore, StoreError, Swept};
pub use tasks::{ACK_WITHIN, Tasks};
