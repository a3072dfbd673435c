//! What a mail server says of a letter that it took and could not deliver (RFC 3464).

use std::fmt;

use mail_parser::{MessageParser, MimeHeaders as _};

use crate::Mailbox;

/// Mailboxes that one message may speak of; what it says of more is passed over.
const MAILBOXES_MAX: usize = 64;

/// What became of one letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bounce {
    /// To whom it was; none if the message does not say it in a form that we write to.
    pub(crate) to: Option<Mailbox>,
    pub(crate) became: Became,
    pub(crate) status: Status,
}

/// Whether it is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Became {
    /// It will not be delivered.
    Failed,
    /// The server keeps trying.
    Delayed,
}

impl Became {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "cannot be delivered",
            Self::Delayed => "is held up",
        }
    }
}

impl fmt::Display for Became {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A status code, such as `5.1.1`: no such mailbox (RFC 3463). Numbers only, so nothing else can be repeated with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Status([u16; 3]);

impl Status {
    /// Reads a code that says of no success; what stands behind it is a comment.
    fn read(text: &str) -> Option<Self> {
        let code = text.split([' ', '\t', '(']).next()?;
        let mut parts = code.split('.').map(|part| part.parse().ok().filter(|number| *number <= 999));
        let status = Self([parts.next()??, parts.next()??, parts.next()??]);
        (parts.next().is_none() && matches!(status.0[0], 4 | 5)).then_some(status)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [class, subject, detail] = self.0;
        write!(f, "{class}.{subject}.{detail}")
    }
}

/// What a message says of our letters; nothing when it is another message, or says that all is well.
pub(crate) fn read(message: &[u8]) -> Vec<Bounce> {
    let Some(message) = MessageParser::default().parse(message) else { return Vec::new() };
    let reports = message.parts.iter().filter(|part| {
        part.content_type().is_some_and(|kind| {
            kind.ctype().eq_ignore_ascii_case("message")
                && kind.subtype().is_some_and(|subtype| subtype.eq_ignore_ascii_case("delivery-status"))
        })
    });
    let texts = reports.map(|part| String::from_utf8_lossy(part.contents()));
    texts.flat_map(|text| groups(&text)).filter_map(Group::bounce).take(MAILBOXES_MAX).collect()
}

/// The fields of one recipient, or those of the whole message, which name nobody.
#[derive(Default)]
struct Group {
    recipient: Option<String>,
    action: Option<String>,
    status: Option<String>,
}

impl Group {
    fn take(&mut self, field: &str) {
        let Some((name, value)) = field.split_once(':') else { return };
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim().to_owned());
        match name.as_str() {
            // As the sender wrote it, if the server says so; else as the last server knew it.
            "original-recipient" => self.recipient = Some(value),
            "final-recipient" => self.recipient = self.recipient.take().or(Some(value)),
            "action" => self.action = Some(value.to_ascii_lowercase()),
            "status" => self.status = Some(value),
            _ => {}
        }
    }

    fn bounce(self) -> Option<Bounce> {
        let recipient = self.recipient?;
        let address = recipient.split_once(';').map_or(recipient.as_str(), |(_, address)| address);
        let became = match self.action.as_deref()? {
            "failed" => Became::Failed,
            "delayed" => Became::Delayed,
            _ => return None,
        };
        let to = Mailbox::parse(address.trim().trim_matches(['<', '>'])).ok();
        Some(Bounce { to, became, status: Status::read(&self.status?)? })
    }
}

/// The groups of fields, which empty lines divide; a line that begins with a space goes on with the one before.
fn groups(text: &str) -> Vec<Group> {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        match lines.last_mut() {
            Some(before) if line.starts_with([' ', '\t']) && !before.is_empty() => before.push_str(line),
            _ => lines.push(line.trim_end().to_owned()),
        }
    }
    let group = |lines: &[String]| {
        let mut group = Group::default();
        for line in lines {
            group.take(line);
        }
        group
    };
    lines.split(String::is_empty).map(group).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Postfix writes one.
    const RETURNED: &str = "From: MAILER-DAEMON@mail.example (Mail Delivery System)\r\n\
        To: bounces@relay.example\r\nSubject: Undelivered Mail Returned to Sender\r\nAuto-Submitted: auto-replied\r\n\
        MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"B/mail.example\"\r\n\r\n\
        This is a MIME-encapsulated message.\r\n\r\n--B/mail.example\r\nContent-Description: Notification\r\n\
        Content-Type: text/plain; charset=us-ascii\r\n\r\nI'm sorry to have to inform you.\r\n\r\n\
        --B/mail.example\r\nContent-Description: Delivery report\r\nContent-Type: message/delivery-status\r\n\r\n\
        Reporting-MTA: dns; mail.example\r\nArrival-Date: Wed, 18 Nov 2026 07:00:01 +0100 (CET)\r\n\r\n\
        Final-Recipient: rfc822; anne@school.example\r\nOriginal-Recipient: rfc822;Anne@school.example\r\n\
        Action: failed\r\nStatus: 5.1.1\r\nRemote-MTA: dns; mx.school.example\r\n\
        Diagnostic-Code: smtp; 550 5.1.1 <anne@school.example>:\r\n    no such user\r\n\r\n\
        --B/mail.example\r\nContent-Description: Undelivered Message Headers\r\nContent-Type: text/rfc822-headers\r\n\r\n\
        Subject: Handle with Care\r\n\r\n--B/mail.example--\r\n";

    fn said(message: &str) -> Vec<(bool, Became, String)> {
        let anne = Mailbox::parse("Anne@school.example").unwrap();
        let one =
            |bounce: Bounce| (bounce.to == Some(anne.clone()), bounce.became, bounce.status.to_string());
        read(message.as_bytes()).into_iter().map(one).collect()
    }

    #[test]
    fn a_letter_that_came_back_is_known_by_its_mailbox_and_its_code() {
        assert_eq!(said(RETURNED), [(true, Became::Failed, "5.1.1".to_owned())]);
        let held = RETURNED.replace("Action: failed", "Action: delayed").replace(
            "Status: 5.1.1\r\n",
            "Status:\r\n 4.4.1 (the other server\r\n does not answer)\r\nX-Status: 5.9.9\r\n",
        );
        assert_eq!(said(&held), [(true, Became::Delayed, "4.4.1".to_owned())]);
        let nobody = RETURNED
            .replace("rfc822;Anne@school.example", "x400; /G=Anne/")
            .replace("rfc822; anne", "rfc822; an ne");
        assert_eq!(said(&nobody), [(false, Became::Failed, "5.1.1".to_owned())]);
    }

    #[test]
    fn what_says_that_all_is_well_and_what_people_write_is_no_bounce() {
        assert_eq!(said(&RETURNED.replace("Action: failed", "Action: relayed")), []);
        assert_eq!(said(&RETURNED.replace("message/delivery-status", "text/plain")), []);
        let person = "From: anne@school.example\r\nSubject: vraag\r\n\r\nFinal-Recipient: rfc822; a@b.nl\r\nAction: failed\r\nStatus: 5.1.1\r\n";
        assert_eq!(said(person), []);
        for broken in ["2.0.0", "9.1.1", "5.1", "5.1.1.1", "5.1.x", "", "5.1.70000", "-5.1.1"] {
            assert_eq!(
                said(&RETURNED.replace("Status: 5.1.1\r\n", &format!("Status: {broken}\r\n"))),
                [],
                "{broken}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_comes_by_mail_is_read_without_harm(bytes: Vec<u8>, at in 0..RETURNED.len(), put: Vec<u8>) {
            read(&bytes);
            let mut spoiled = RETURNED.as_bytes().to_vec();
            spoiled.splice(at..at, put);
            proptest::prop_assert!(read(&spoiled).len() <= MAILBOXES_MAX);
            read(&spoiled[..at]);
        }
    }
}
