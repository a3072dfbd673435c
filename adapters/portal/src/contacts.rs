//! Who may open a school's signals (R20): its contact and its backup contact, each with a slot that their own passphrase opens.

use hwc_post::Mailbox;
use hwc_web::{is_unseen, passphrase::Cost};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// Contacts of one school, at most.
pub const CONTACTS_MAX: usize = 12;
/// Characters of a contact's name.
pub const NAME_CHARS_MAX: usize = 80;
/// How long an invitation is good for.
pub const INVITATION_DAYS: i64 = 7;

/// What a contact is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Looks at the start of every school day.
    Contact,
    /// Is called in at 08:30 when a signal still waits (R20).
    Backup,
}

/// Somebody at a school.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// Random; what the book of acts knows them by.
    pub id: String,
    /// What colleagues call them.
    pub name: String,
    /// Their own work address, in lower case.
    pub address: String,
    /// What they are there for.
    pub part: Part,
    /// Until when an invitation is good; none once they chose a passphrase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invited_until: Option<Date>,
    /// What their passphrase opens.
    pub slot: Slot,
}

/// The school's wrapping key, wrapped with what follows from one passphrase.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slot {
    /// 32 hexadecimal digits.
    pub salt: String,
    /// What a guess costs.
    pub cost: Cost,
    /// The wrapped key.
    pub wrapped: String,
}

/// What is wrong with what somebody wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ContactError {
    /// The name.
    #[error("a contact's name has 1 to {NAME_CHARS_MAX} characters, without signs that cannot be seen")]
    Name,
    /// The address.
    #[error("not a mail address")]
    Address,
    /// The address is a contact's already.
    #[error("somebody with this address is a contact already")]
    Known,
    /// Too many.
    #[error("a school has at most {CONTACTS_MAX} contacts")]
    Many,
    /// Nobody could open anything any more.
    #[error("the last contact with a passphrase cannot be removed")]
    Last,
    /// Nobody of that id.
    #[error("there is no such contact")]
    Unknown,
}

/// All of a school's contacts, as they lie in `contacts.json`.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contacts {
    /// In the order in which they came.
    pub contacts: Vec<Contact>,
}

impl Contacts {
    /// By their address.
    pub fn of_address(&self, address: &str) -> Option<&Contact> {
        self.contacts.iter().find(|one| one.address == address)
    }

    /// By their id.
    pub fn of_id(&self, id: &str) -> Option<&Contact> {
        self.contacts.iter().find(|one| one.id == id)
    }

    /// Whether somebody may be added with this name and address.
    pub fn may_add(&self, name: &str, address: &str) -> Result<(String, String), ContactError> {
        let (name, address) = (name.trim(), address.trim().to_lowercase());
        let seen = |sign: char| !sign.is_control() && !is_unseen(sign);
        if name.is_empty() || name.chars().count() > NAME_CHARS_MAX || !name.chars().all(seen) {
            return Err(ContactError::Name);
        }
        if Mailbox::parse(&address).is_err() {
            return Err(ContactError::Address);
        }
        if self.of_address(&address).is_some() {
            return Err(ContactError::Known);
        }
        if self.contacts.len() >= CONTACTS_MAX {
            return Err(ContactError::Many);
        }
        Ok((name.to_owned(), address))
    }

    /// The same without one. Somebody must be left who can open what comes.
    pub fn without(&self, id: &str) -> Result<Self, ContactError> {
        self.of_id(id).ok_or(ContactError::Unknown)?;
        let contacts: Vec<Contact> = self.contacts.iter().filter(|one| one.id != id).cloned().collect();
        if contacts.iter().all(|one| one.invited_until.is_some()) {
            return Err(ContactError::Last);
        }
        Ok(Self { contacts })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contact(id: &str, invited: bool) -> Contact {
        let slot = Slot { salt: String::new(), cost: Cost::RECOMMENDED, wrapped: String::new() };
        let invited_until = invited.then(|| Date::constant(2026, 11, 30));
        let address = format!("{id}@school.example");
        Contact { id: id.to_owned(), name: id.to_owned(), address, part: Part::Contact, invited_until, slot }
    }

    #[test]
    fn somebody_who_can_open_is_always_left() {
        let all = Contacts { contacts: vec![contact("a", false), contact("b", true)] };
        assert_eq!(all.without("a").err(), Some(ContactError::Last));
        assert_eq!(all.without("c").err(), Some(ContactError::Unknown));
        assert_eq!(all.without("b").map(|left| left.contacts.len()), Ok(1));
    }

    #[test]
    fn names_and_addresses_are_what_they_should_be() {
        let all = Contacts { contacts: vec![contact("a", false)] };
        let tried = |name: &str, address: &str| all.may_add(name, address).err();
        assert_eq!(tried("Bo", "bo@school.example"), None);
        assert_eq!(tried("Bo", "A@school.example "), Some(ContactError::Known));
        assert_eq!(tried("Bo", "bo"), Some(ContactError::Address));
        for name in ["", " ", "a\nb", "a\u{202e}b", &"a".repeat(81)] {
            assert_eq!(tried(name, "bo@school.example"), Some(ContactError::Name), "{name}");
        }
        let full =
            Contacts { contacts: (0..CONTACTS_MAX).map(|id| contact(&id.to_string(), false)).collect() };
        assert_eq!(full.may_add("Bo", "bo@school.example").err(), Some(ContactError::Many));
    }

    #[test]
    fn the_file_withstands_hostile_input() {
        let all = Contacts { contacts: vec![contact("a", true)] };
        let text = serde_json::to_string(&all).unwrap();
        let said = |bytes: &[u8]| serde_json::from_slice::<Contacts>(bytes).err().map(|_| String::new());
        hwc_hostile::Trial::new([text], said).withstands();
    }
}
