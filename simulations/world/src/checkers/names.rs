//! When two children are the same (R16), read from the rule alone.

use jiff::civil::Date;
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use crate::truth::Invented;

/// What of a child is compared.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Name {
    /// The day of birth.
    pub(super) born: Date,
    /// The surname with its prefix, and the first given name.
    full: String,
    first: String,
    /// The surname without what stands in the prefix field.
    bare: String,
}

impl Name {
    /// Of a child, as some source spells it.
    pub(super) fn of(child: &Invented) -> Self {
        Self {
            born: child.date_of_birth,
            full: plain(&format!("{}{}", child.prefix, child.surname)),
            first: child.given_names.split_whitespace().next().map(plain).unwrap_or_default(),
            bare: plain(&child.surname),
        }
    }

    /// Whether it is the same child.
    pub(super) fn matches(&self, other: &Self) -> bool {
        (self.born, &self.full, &self.first) == (other.born, &other.full, &other.first)
    }

    /// Whether it may be the same child: born on the same day, and the same first given name or the same surname, with or
    /// without what stands in the prefix field.
    pub(super) fn nearly_matches(&self, other: &Self) -> bool {
        let surname = [&self.full, &self.bare].iter().any(|one| [&other.full, &other.bare].contains(one));
        self.born == other.born && (self.first == other.first || surname)
    }
}

/// Lower case, Latin letters without diacritics, letters and digits only; other scripts as they are.
fn plain(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut after_latin = true;
    for c in text.to_lowercase().nfd() {
        if is_combining_mark(c) {
            if !after_latin {
                result.push(c);
            }
            continue;
        }
        if !c.is_alphanumeric() {
            after_latin = true;
            continue;
        }
        after_latin = is_latin(c);
        match c {
            'ø' => result.push('o'),
            'ł' => result.push('l'),
            'ß' => result.push_str("ss"),
            'æ' => result.push_str("ae"),
            'œ' => result.push_str("oe"),
            'đ' | 'ð' => result.push('d'),
            'þ' => result.push_str("th"),
            'ı' => result.push('i'),
            _ => result.push(c),
        }
    }
    result
}

fn is_latin(c: char) -> bool {
    c.is_ascii()
        || matches!(u32::from(c), 0xC0..=0x2AF | 0x1E00..=0x1EFF | 0x2C60..=0x2C7F | 0xA720..=0xA7FF | 0xAB30..=0xAB6F)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(given_names: &str, prefix: &str, surname: &str) -> Name {
        let text = str::to_owned;
        let (given_names, prefix, surname) = (text(given_names), text(prefix), text(surname));
        Name::of(&Invented { given_names, prefix, surname, date_of_birth: Date::constant(2016, 2, 3) })
    }

    #[test]
    fn r16_spelling_makes_no_difference_and_a_twin_does() {
        let child = name("Zoë Maria", "van der", "Jansen-Smit");
        assert!(child.matches(&name("ZOE", "", "van der Jansen Smit")));
        assert!(child.matches(&name("Zoe\u{308}", "Van", "Derjansensmit")));
        assert!(!child.matches(&name("Zara", "van der", "Jansen-Smit")));
        assert!(child.nearly_matches(&name("Zara", "van", "Jansen Smit")));
        assert!(child.nearly_matches(&name("Zoë", "", "Bakker")));
        assert!(!child.nearly_matches(&name("Zara", "", "Bakker")));
    }

    #[test]
    fn r16_letters_of_other_scripts_stay_as_they_are() {
        assert!(name("Øystein", "", "Łukaß").matches(&name("oystein", "", "Lukass")));
        assert!(!name("Йван", "", "Berg").matches(&name("Иван", "", "Berg")));
        assert!(name("I\u{307}brahim", "", "Berg").matches(&name("İbrahim", "", "Berg")));
    }

    #[test]
    fn r16_another_day_of_birth_is_another_child() {
        let mut other = name("Zoë", "", "Berg");
        other.born = Date::constant(2016, 2, 4);
        assert!(!name("Zoë", "", "Berg").matches(&other) && !name("Zoë", "", "Berg").nearly_matches(&other));
    }
}
