//! A mail as the bytes of a message (RFC 5322): short lines, ASCII only, and no header that says what it is about.

use lettre::message::{
    Mailbox as Named, Message,
    header::{ContentType, HeaderName, HeaderValue, MIME_VERSION_1_0},
};

use crate::{Mail, Mailbox, Post, texts};

/// A message, ready for a server.
#[derive(Clone)]
pub struct Letter {
    pub(crate) from: Mailbox,
    pub(crate) to: Mailbox,
    pub(crate) bytes: Vec<u8>,
}

impl std::fmt::Debug for Letter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Letter({} bytes)", self.bytes.len())
    }
}

/// A mail could not be made into a message: the settings hold something that no header can.
#[derive(Debug, thiserror::Error)]
#[error("the message cannot be written; look at [post] from")]
pub struct Unwritable;

impl Letter {
    /// Writes a mail to somebody. Its Message-ID is random and means nothing; it answers nobody and wants no answer from a
    /// program (RFC 3834).
    pub fn write(mail: Mail, to: &Mailbox, post: &Post) -> Result<Self, Unwritable> {
        let written = texts::write(mail, post.language, post.page.as_deref());
        let id = format!("<{}@{}>", uuid::Uuid::new_v4().simple(), post.from.domain());
        let sender = Named::new(Some("Handle with Care".to_owned()), post.from.address().clone());
        let mut message = Message::builder()
            .from(sender)
            .to(Named::new(None, to.address().clone()))
            .subject(written.subject)
            .message_id(Some(id))
            .date_now()
            .header(MIME_VERSION_1_0)
            .header(ContentType::TEXT_PLAIN)
            .body(written.body)
            .map_err(|_| Unwritable)?;
        for (name, value) in [("Auto-Submitted", "auto-generated"), ("X-Auto-Response-Suppress", "All")] {
            let name = HeaderName::new_from_ascii(name.to_owned()).map_err(|_| Unwritable)?;
            message.headers_mut().insert_raw(HeaderValue::new(name, value.to_owned()));
        }
        // What comes back because it could not be delivered goes to whoever looks after the relay.
        let from = post.bounces.as_ref().unwrap_or(&post.from).clone();
        Ok(Self { from, to: to.clone(), bytes: message.formatted() })
    }

    /// The message as it travels.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}
