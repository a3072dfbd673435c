//! The post office: notices by mail, to the mailboxes of organisations (R20, R24).
//!
//! * [`Mail`]: everything that can be said. All words are written beforehand (`texts/`); a mail has no field for anything else but
//!   a code to log in with, and none for a person, a signal or a number of them.
//! * [`Mailbox`]: to whom. It can be written to and not printed.
//! * [`PostTable`] and [`Post`]: the settings as they are written, and as they were checked.
//! * [`smtp`]: one letter to one server, over TLS whose certificate was believed.
//! * [`patience`]: when it is tried again, which knows when the lessons begin.
//! * [`PostOffice`]: all of it together, and what came back of what was mailed; [`Round`] keeps a morning's notices from being counted.

mod bounce;
mod letter;
mod mail;
mod mailbox;
mod office;
pub mod patience;
mod returned;
mod round;
mod settings;
pub mod smtp;
mod texts;
mod tls;

pub use letter::Letter;
pub use mail::{CODE_DIGITS, Mail};
pub use mailbox::{Mailbox, MailboxError};
pub use office::{Failing, PostOffice, Sent};
pub use patience::Purpose;
pub use round::{Round, Slot};
pub use settings::{Language, Post, PostError, PostTable, Security};
