//! A child on a page, for the one person who must decide. It is taken out of its type into buffers that never move and are wiped;
//! the page that they are written into is wiped when it was sent.

use hwc_schemas::{
    letter::{Letter, Plaintext, Sealable as _},
    person::{Child, PersonalText},
};
use hwc_web::{Language, is_unseen};
use zeroize::Zeroizing;

/// A child, out of what crossed the counter; none if that is no child.
pub(crate) fn child(enclosed: &Plaintext) -> Option<Child> {
    Letter::from_plaintext(enclosed).ok().map(|letter| letter.child)
}

/// What a page shows of a child.
pub(crate) struct OnPage {
    pub(crate) given_names: Zeroizing<String>,
    /// With what stands before it.
    pub(crate) surname: Zeroizing<String>,
    pub(crate) born: Zeroizing<String>,
}

/// In what a candidate is written otherwise than the child that is sought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Differs {
    pub(crate) given_names: bool,
    pub(crate) surname: bool,
    pub(crate) born: bool,
}

/// Bytes that one child and what stands around it take on a page at most: each letter may be written as five signs.
pub(crate) const CHILD_BYTES_MAX: usize =
    6 * 4 * (2 * Child::NAME_CHARS_MAX + Child::PREFIX_CHARS_MAX) + 4 * 1024;

impl OnPage {
    pub(crate) fn of(child: &Child, language: Language) -> Self {
        let mut given_names = room_for(child.given_names.expose().len());
        put(&mut given_names, &child.given_names);
        let prefix = child.prefix.as_ref();
        let before = prefix.map_or(0, |prefix| prefix.expose().len() + 1);
        let mut surname = room_for(before + child.surname.expose().len());
        if let Some(prefix) = prefix {
            put(&mut surname, prefix);
            surname.push(' ');
        }
        put(&mut surname, &child.surname);
        let date = child.date_of_birth.expose();
        let born = Zeroizing::new(format!("{} {} {}", date.day(), language.month(date.month()), date.year()));
        Self { given_names, surname, born }
    }
}

impl Differs {
    /// Letter by letter: what is the same in the sense of R16 may still be written otherwise.
    pub(crate) fn between(sought: &Child, candidate: &Child) -> Self {
        Self {
            given_names: sought.given_names != candidate.given_names,
            surname: sought.surname != candidate.surname || sought.prefix != candidate.prefix,
            born: sought.date_of_birth != candidate.date_of_birth,
        }
    }
}

fn room_for(bytes: usize) -> Zeroizing<String> {
    Zeroizing::new(String::with_capacity(bytes))
}

/// Signs that turn or hide what stands beside them are left out: what is read must be what is there.
fn put(to: &mut String, text: &PersonalText) {
    to.extend(text.expose().chars().filter(|sign| !is_unseen(*sign)));
}

#[cfg(test)]
mod tests {
    use hwc_schemas::person::DateOfBirth;

    use super::*;

    fn invented(given_names: &str, prefix: Option<&str>) -> Child {
        Child::new(given_names, prefix, "Berg", DateOfBirth::parse("2016-02-03").unwrap()).unwrap()
    }

    #[test]
    fn a_child_is_written_as_it_is_spelt_and_nothing_turns_or_hides_it() {
        let shown = OnPage::of(&invented("Zoë A\u{202e}nn\u{200b}a", Some("van der")), Language::Nl);
        let said = (shown.given_names.as_str(), shown.surname.as_str(), shown.born.as_str());
        assert_eq!(said, ("Zoë Anna", "van der Berg", "3 februari 2016"));
        let shown = OnPage::of(&invented("", None), Language::En);
        assert_eq!((shown.given_names.as_str(), shown.born.as_str()), ("", "3 February 2016"));
    }

    #[test]
    fn what_is_written_otherwise_is_said_and_no_buffer_moves() {
        let (sought, other) = (invented("Anna", Some("van der")), invented("Ann", Some("van der")));
        let differs = Differs::between(&sought, &other);
        assert_eq!(differs, Differs { given_names: true, surname: false, born: false });
        assert!(Differs::between(&sought, &invented("Anna", None)).surname);
        let long = invented(&"é".repeat(Child::NAME_CHARS_MAX), Some(&"é".repeat(Child::PREFIX_CHARS_MAX)));
        let shown = OnPage::of(&long, Language::Nl);
        assert_eq!(shown.given_names.capacity(), 2 * Child::NAME_CHARS_MAX);
        assert!(shown.surname.capacity() <= 2 * Child::PREFIX_CHARS_MAX + 1 + 4);
    }
}
