//! The police's adapter: reads reports, derives each incident's id from its reference with a key of its own, seals the
//! report to Veilig Thuis and submits it (R4, R8).

pub mod inbox;
pub mod reference;
pub mod reports;
mod send;

pub use inbox::{Inbox, InboxError, NotSent};
pub use reference::ReferenceKey;
pub use reports::{Refused, Submission, read};
pub use send::{Sent, send};
