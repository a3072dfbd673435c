//! R16: when two spellings are one child, and when they are nearly so.

mod fold;
mod index;
#[cfg(test)]
mod tests;
mod traces;

use std::hash::{Hash, Hasher};

use hwc_schemas::person::{Child, DateOfBirth};
use zeroize::Zeroizing;

use fold::Folded;
pub(crate) use index::Index;
pub use traces::Traces;

/// Whether two spellings are one child: same date of birth, same surname with its prefix in whichever field, same first
/// given name (R16).
pub fn matches(one: &Child, other: &Child) -> bool {
    Key::of(one) == Key::of(other)
}

/// Whether two spellings that do not [match](fn@matches) could still be one child: same date of birth, and the same first
/// given name or the same surname, with or without what stands in the prefix field (R16). For a person to judge.
pub fn nearly_matches(one: &Child, other: &Child) -> bool {
    Key::of(one).nearly_matches(&Key::of(other))
}

/// A child in comparable form (R16). Equal keys are a match. It is wiped when dropped and cannot be printed.
#[derive(Clone)]
pub struct Key {
    born: DateOfBirth,
    /// Empty for somebody who has none; two such are the same.
    first_given_name: Zeroizing<Box<str>>,
    /// Begins with what stands in the prefix field, as the first `prefix_len` bytes.
    surname: Zeroizing<Box<str>>,
    prefix_len: usize,
}

impl Key {
    /// The comparable form of a child (R16).
    pub fn of(child: &Child) -> Self {
        let prefix = child.prefix.as_ref().map_or("", |prefix| prefix.expose());
        let own_surname = child.surname.expose();
        let mut surname = Folded::with_room_for(prefix.len() + own_surname.len());
        surname.push(prefix);
        let prefix_len = surname.as_str().len();
        surname.push(own_surname);
        Self {
            born: child.date_of_birth,
            first_given_name: first_given_name(child.given_names.expose()),
            surname: surname.finish(),
            prefix_len,
        }
    }

    /// Whether the two are no match, but could be one child all the same (R16).
    pub fn nearly_matches(&self, other: &Self) -> bool {
        self != other
            && self.born == other.born
            && (self.shares_first_given_name(other) || self.shares_a_surname(other))
    }

    /// Having no given name is not having the same one.
    fn shares_first_given_name(&self, other: &Self) -> bool {
        !self.first_given_name.is_empty() && self.first_given_name == other.first_given_name
    }

    fn shares_a_surname(&self, other: &Self) -> bool {
        self.surnames().into_iter().any(|own| !own.is_empty() && other.surnames().contains(&own))
    }

    /// The surname without and with what stands in the prefix field.
    fn surnames(&self) -> [&str; 2] {
        [self.surname.get(self.prefix_len..).unwrap_or_default(), &self.surname]
    }
}

/// What two keys must share to be a match; where the prefix stands is not among it.
impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.born == other.born
            && self.first_given_name == other.first_given_name
            && self.surname == other.surname
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.born.hash(state);
        self.first_given_name.hash(state);
        self.surname.hash(state);
    }
}

/// The first word that holds a letter or a digit: a lone dash or apostrophe is nobody's name.
fn first_given_name(given_names: &str) -> Zeroizing<Box<str>> {
    let mut names = given_names.split_whitespace().map(|name| {
        let mut folded = Folded::with_room_for(name.len());
        folded.push(name);
        folded.finish()
    });
    names.find(|name| !name.is_empty()).unwrap_or_default()
}
