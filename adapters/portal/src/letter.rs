//! A child in plain words, for the one page that shows it. Wiped when dropped; nothing of it is kept.

use hwc_schemas::{
    letter::{Letter, Plaintext, Sealable as _},
    person::{Child, PersonalText},
};
use hwc_web::{Language, is_unseen};
use zeroize::Zeroizing;

/// Room for a name, so that it never moves and leaves a copy that is not wiped.
const NAME_BYTES_MAX: usize = 4 * (2 * Child::NAME_CHARS_MAX + Child::PREFIX_CHARS_MAX) + 8;

/// What the page shows of a child (R1).
pub(crate) struct Shown {
    pub(crate) name: Zeroizing<String>,
    pub(crate) born: Zeroizing<String>,
}

impl Shown {
    /// Out of what was opened; none if that is no letter.
    pub(crate) fn of(enclosed: &Plaintext, language: Language) -> Option<Self> {
        let child = Letter::from_plaintext(enclosed).ok()?.child;
        let mut name = Zeroizing::new(String::with_capacity(NAME_BYTES_MAX));
        let parts = [Some(&child.given_names), child.prefix.as_ref(), Some(&child.surname)];
        for part in parts.into_iter().flatten().filter(|part| !part.is_empty()) {
            if !name.is_empty() {
                name.push(' ');
            }
            write(&mut name, part);
        }
        let born = child.date_of_birth.expose();
        let month = language.month(born.month());
        let born = Zeroizing::new(format!("{} {month} {}", born.day(), born.year()));
        Some(Self { name, born })
    }
}

/// Signs that turn or hide what stands beside them are left out: what is read must be what is there.
fn write(name: &mut Zeroizing<String>, part: &PersonalText) {
    name.extend(part.expose().chars().filter(|sign| !is_unseen(*sign)));
}

#[cfg(test)]
mod tests {
    use hwc_schemas::person::DateOfBirth;

    use super::*;

    #[test]
    fn a_child_is_read_as_it_is_spelt_and_signs_that_hide_are_not_there() {
        let born = DateOfBirth::parse("2016-02-03").unwrap();
        let child = Child::new("Zo\u{202e}ë", Some("van der"), "Berg", born).unwrap();
        let plaintext = Letter { child }.to_plaintext();
        let shown = Shown::of(&plaintext, Language::Nl).unwrap();
        assert_eq!((shown.name.as_str(), shown.born.as_str()), ("Zoë van der Berg", "3 februari 2016"));
        assert_eq!(Shown::of(&plaintext, Language::En).unwrap().born.as_str(), "3 February 2016");
        assert!(Shown::of(&Plaintext::from_opened(Zeroizing::new(b"{}".to_vec())), Language::Nl).is_none());
    }

    #[test]
    fn the_longest_name_does_not_move() {
        let born = DateOfBirth::parse("2016-02-03").unwrap();
        let long = "é".repeat(Child::NAME_CHARS_MAX);
        let child = Child::new(&long, Some(&"é".repeat(Child::PREFIX_CHARS_MAX)), &long, born).unwrap();
        let shown = Shown::of(&Letter { child }.to_plaintext(), Language::Nl).unwrap();
        assert_eq!(shown.name.capacity(), NAME_BYTES_MAX);
    }
}
