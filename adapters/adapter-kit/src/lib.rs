//! What an organisation's adapter is made of.
//!
//! * [`Office`]: the organisation's own desk, over a [`Line`] to the engine and with its [`Seals`].
//! * [`Station`]: the same on the broker: the door, the sealing keys, the address book.
//! * [`Keyring`] and [`KeyKeeper`]: keys for one signal each, destroyed when it ended.
//! * [`Book`] and [`Follower`]: the address book, kept up with what the operator signs.
//! * [`Clerk`] and [`work`]: take the organisation's tasks, do them, acknowledge each once the engine has answered.
//! * [`Clock`]: the time, real or replayed.
//! * [`Hours`]: when an office closes, and what is handed back then.
//! * [`Kept`]: what is read from files and read again when they change.
//! * [`counter`]: where people on this machine speak to a running process; [`code`]: what they call a case there.
//! * [`doubts`]: whoever must look at a doubtful case is told, at once and before lessons.
//! * [`holdings`]: what the relay holds for the organisation, and whether any of it is about one child.
//! * [`reporting`]: a breach reported at the counter.
//! * [`table`]: CSV files with located errors that show none of the content.
//! * [`Telemetry`]: a span for each task, and counts; never of whom.
//! * [`logging`]: which processing of a signal is a line of the organisation's log, and when a signal's code is erased.
//! * [`Witness`]: for a replay of invented people, sees what each adapter did.
//!
//! `adapters/letterbox` is the one to copy.

pub mod book;
pub mod clock;
pub mod code;
pub mod counter;
pub mod doubts;
pub mod holdings;
mod hours;
mod kept;
pub mod keys;
mod line;
pub mod logging;
pub mod office;
pub mod recall;
pub mod reporting;
mod seals;
mod station;
pub mod table;
pub mod telemetry;
pub mod witness;
pub mod work;

/// The organisation's doors to the engine.
pub mod door {
    pub use hwc_jetstream::{Credential, CredentialError, Door, DoorError, Offered, TaskFeed};
}

pub use book::{Book, Follower};
pub use clock::{Clock, WallClock};
pub use hours::Hours;
pub use kept::{Keeper, Kept, LOOK_EVERY};
pub use keys::{Aims, KeyKeeper, Keyring, KeyringError};
pub use line::{Line, Said};
pub use office::{ANSWERS_WITHIN, Attempts, Office, Unopened};
pub use seals::{Locked, Seals, with_keys};
pub use station::Station;
pub use telemetry::Telemetry;
pub use witness::{Nobody, Witness};
pub use work::{Clerk, Settled, work};
