//! To whom a mail goes: an organisation's own mailbox. It is somebody's place of work, so it is not printed.

use std::fmt;

use lettre::Address;
use serde::{Deserialize, Deserializer};

/// The mailbox of an organisation: it can be written to, and neither printed nor logged.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mailbox(Address);

/// Text that is no address for mail, or none that every server takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a mail address of the form NAME@DOMAIN in plain letters, at most 254 of them")]
pub struct MailboxError;

/// The longest address that a server must take (RFC 5321, 4.5.3.1.3).
const ADDRESS_BYTES_MAX: usize = 254;

impl Mailbox {
    /// Reads an address: ASCII only, as every server takes it.
    pub fn parse(text: &str) -> Result<Self, MailboxError> {
        let plain = text.len() <= ADDRESS_BYTES_MAX
            && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>()[]\\,;:\"".contains(&byte));
        if !plain {
            return Err(MailboxError);
        }
        text.parse().map(Self).map_err(|_| MailboxError)
    }

    pub(crate) const fn address(&self) -> &Address {
        &self.0
    }

    /// What stands behind the `@`.
    pub(crate) fn domain(&self) -> &str {
        self.0.domain()
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mailbox")
    }
}

impl<'de> Deserialize<'de> for Mailbox {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(from)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_and_never_printed() {
        let mailbox = Mailbox::parse("01AAHwC@school.example").unwrap();
        assert_eq!(mailbox.domain(), "school.example");
        assert_eq!(format!("{mailbox:?}"), "Mailbox");
    }

    #[test]
    fn what_could_carry_a_second_line_or_a_second_address_is_no_address() {
        let broken = [
            "",
            "a",
            "a@",
            "@b",
            "a b@c.nl",
            "a@b.nl\r\nRCPT TO:<x@y>",
            "a@b.nl, c@d.nl",
            "<a@b.nl>",
            "é@b.nl",
        ];
        for text in broken {
            assert_eq!(Mailbox::parse(text), Err(MailboxError), "{text}");
        }
        assert_eq!(Mailbox::parse(&format!("{}@b.nl", "a".repeat(260))), Err(MailboxError));
    }
}
