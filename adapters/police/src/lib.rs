//! The police's adapter: reads reports, derives each incident's id from its reference with a key of its own, seals the
//! report to Veilig Thuis and submits it (R4, R8).
//!
//! Reports come as JSON lines ([`reports`]), CSV ([`table`]) or StUF-Jeugdzorg ([`stuf`]), in files that are moved into a folder
//! ([`Inbox`]) or over HTTP ([`http`]). `docs/police.md` is the page for whoever connects a system of the police.

pub mod desk;
mod fields;
pub mod form;
pub mod http;
pub mod inbox;
pub mod reference;
pub mod reports;
mod send;
pub mod stuf;
mod submission;
pub mod table;

pub use desk::{Desk, NotTold, WayOut};
pub use form::Form;
pub use inbox::{Inbox, InboxError, NotSent, Troubles};
pub use reference::ReferenceKey;
pub use reports::read;
pub use send::{Sent, send};
pub use submission::{Refused, Submission};
