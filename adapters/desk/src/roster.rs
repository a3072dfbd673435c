//! Who may come in at the desk: the people file of its settings.

use std::collections::BTreeSet;

use hwc_post::Mailbox;
use serde::Deserialize;

/// People of one desk, at most.
const PEOPLE_MAX: usize = 200;
/// Characters of a name or a function, at most.
const NAME_CHARS_MAX: usize = 80;
/// Characters of an id, at most.
const ID_CHARS_MAX: usize = 32;

/// What somebody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum May {
    /// Open cases, decide them, call back.
    Decide,
    /// See how things stand. No names.
    Look,
}

/// One of the municipality's people, as the file writes them.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StaffMember {
    /// What the book of acts calls them: small letters, digits and hyphens. Never given to somebody else.
    pub id: String,
    /// What they are called on their own page.
    pub name: String,
    /// Their work address: where codes go.
    pub address: String,
    /// What they are, as colleagues are told who decided: `leerplichtambtenaar`.
    pub function: String,
    /// What they may do.
    pub may: May,
}

/// Everybody who may come in. At least one may decide.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Roster(Vec<StaffMember>);

/// A people file that cannot be used. It repeats nothing of what stands there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RosterError {
    /// One of them.
    #[error("person {number}: {problem}")]
    Member {
        /// Which, from 1.
        number: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// Nobody may decide.
    #[error("nobody may decide: say may = \"decide\" of at least one person")]
    NobodyDecides,
    /// Too many.
    #[error("more than {PEOPLE_MAX} people")]
    TooMany,
}

impl Roster {
    /// Checks what is written.
    pub fn new(mut people: Vec<StaffMember>) -> Result<Self, RosterError> {
        if people.len() > PEOPLE_MAX {
            return Err(RosterError::TooMany);
        }
        let (mut ids, mut addresses) = (BTreeSet::new(), BTreeSet::new());
        for (at, one) in people.iter_mut().enumerate() {
            let refuse = |problem| RosterError::Member { number: at + 1, problem };
            one.address = one.address.trim().to_lowercase();
            let sign = |sign: char| sign.is_ascii_lowercase() || sign.is_ascii_digit() || sign == '-';
            if one.id.is_empty() || one.id.len() > ID_CHARS_MAX || !one.id.chars().all(sign) {
                return Err(refuse("id: at most 32 small letters, digits and hyphens"));
            }
            let is_said = |text: &str| {
                let chars = text.trim().chars().count();
                (1..=NAME_CHARS_MAX).contains(&chars) && !text.chars().any(char::is_control)
            };
            if !is_said(&one.name) || !is_said(&one.function) {
                return Err(refuse("name and function: 1 to 80 characters"));
            }
            if Mailbox::parse(&one.address).is_err() {
                return Err(refuse("address: is not an e-mail address"));
            }
            if !ids.insert(one.id.clone()) || !addresses.insert(one.address.clone()) {
                return Err(refuse("id or address: somebody else has the same"));
            }
        }
        if !people.iter().any(|one| one.may == May::Decide) {
            return Err(RosterError::NobodyDecides);
        }
        Ok(Self(people))
    }

    /// Whoever has this address, in lower case.
    pub(crate) fn with_address(&self, address: &str) -> Option<&StaffMember> {
        self.0.iter().find(|one| one.address == address)
    }

    /// Whoever has this id.
    pub(crate) fn with_id(&self, id: &str) -> Option<&StaffMember> {
        self.0.iter().find(|one| one.id == id)
    }

    /// Whose sessions end because this roster takes another's place: they are gone, or are not what they were.
    pub(crate) fn not_in<'a>(&'a self, next: &'a Self) -> impl Iterator<Item = &'a StaffMember> {
        self.0.iter().filter(|one| next.with_id(&one.id) != Some(*one))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: &str, address: &str, may: May) -> StaffMember {
        let text = |text: &str| text.to_owned();
        StaffMember {
            id: text(id),
            name: text("A. de Wit"),
            address: text(address),
            function: text("leerplichtambtenaar"),
            may,
        }
    }

    #[test]
    fn a_roster_has_somebody_who_decides_and_nobody_twice() {
        let roster =
            Roster::new(vec![member("a", " A@x.nl ", May::Decide), member("b", "b@x.nl", May::Look)]);
        assert_eq!(roster.ok().unwrap().with_address("a@x.nl").unwrap().id, "a");
        let nobody = Roster::new(vec![member("b", "b@x.nl", May::Look)]);
        assert_eq!(nobody.err(), Some(RosterError::NobodyDecides));
        let refused = |people: Vec<StaffMember>| match Roster::new(people).err() {
            Some(RosterError::Member { number, .. }) => number,
            other => panic!("{other:?}"),
        };
        assert_eq!(refused(vec![member("a", "a@x.nl", May::Decide), member("a", "b@x.nl", May::Look)]), 2);
        assert_eq!(refused(vec![member("a", "a@x.nl", May::Decide), member("b", "A@x.nl", May::Look)]), 2);
        assert_eq!(refused(vec![member("A b", "a@x.nl", May::Decide)]), 1);
        assert_eq!(refused(vec![member("a", "geen adres", May::Decide)]), 1);
        let many = (0..=PEOPLE_MAX).map(|n| member(&format!("a{n}"), &format!("a{n}@x.nl"), May::Decide));
        assert_eq!(Roster::new(many.collect()).err(), Some(RosterError::TooMany));
    }

    #[test]
    fn whoever_is_gone_or_became_another_loses_their_sessions() {
        let roster = |may| Roster::new(vec![member("a", "a@x.nl", May::Decide), member("b", "b@x.nl", may)]);
        let (before, after) = (roster(May::Decide).ok().unwrap(), roster(May::Look).ok().unwrap());
        let ends: Vec<_> = before.not_in(&after).map(|one| one.id.as_str()).collect();
        assert_eq!(ends, ["b"]);
        assert_eq!(before.not_in(&before).count(), 0);
    }
}
