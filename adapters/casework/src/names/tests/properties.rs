//! R16, for all names.

use proptest::{prelude::*, sample::select};
use unicode_normalization::UnicodeNormalization;

use super::*;

/// A child that may be printed, being invented.
#[derive(Debug, Clone)]
struct Spelt {
    given_names: String,
    prefix: String,
    surname: String,
    birth: &'static str,
}

impl Spelt {
    fn child(&self) -> Child {
        child(&self.given_names, &self.prefix, &self.surname, self.birth)
    }

    fn with(&self, change: impl Fn(&str) -> String) -> Child {
        child(&change(&self.given_names), &change(&self.prefix), &change(&self.surname), self.birth)
    }
}

/// From so few spellings that matches and near matches are common.
fn alike() -> impl Strategy<Value = Spelt> {
    const GIVEN_NAMES: &[&str] = &["Zoë", "ZOE Maria", "Zo-e", "Noor", "-", ""];
    const PREFIX: &[&str] = &["", "van", "van der", "Van-Der"];
    const SURNAME: &[&str] = &["Berg", "BËRG", "der Berg", "van der Berg", "Berg-Vos", "Vos"];
    const BIRTHS: &[&str] = &["2016-02-03", "2016-03-02"];
    (select(GIVEN_NAMES), select(PREFIX), select(SURNAME), select(BIRTHS)).prop_map(
        |(given_names, prefix, surname, birth)| Spelt {
            given_names: given_names.into(),
            prefix: prefix.into(),
            surname: surname.into(),
            birth,
        },
    )
}

/// Any letters, marks, digits, punctuation and spaces of any script. (But for U+0345, the one mark that has a case.)
fn any_name() -> impl Strategy<Value = Spelt> {
    ("\\PC{0,12}", "\\PC{0,6}", "\\p{L}\\PC{0,12}")
        .prop_filter("no mark with a case", |(given_names, prefix, surname)| {
            [given_names, prefix, surname].iter().all(|text| text.nfd().all(|c| c != '\u{345}'))
        })
        .prop_map(|(given_names, prefix, surname)| Spelt { given_names, prefix, surname, birth: BIRTH })
}

/// Plain letters, as a typewriter has them.
fn plain_name() -> impl Strategy<Value = Spelt> {
    ("[A-Za-z]{1,8}( [A-Za-z]{1,8})?", "([a-z]{1,4})?", "[A-Za-z]{1,12}")
        .prop_map(|(given_names, prefix, surname)| Spelt { given_names, prefix, surname, birth: BIRTH })
}

/// One letter of many scripts; no two of them are the same letter.
fn letter() -> impl Strategy<Value = char> {
    select(
        "abcdefghijklmnopqrstuvwxyzабвгдежзийклмнопрстуфαβγδεζηθικλμνξابتثجحشמנסעפצ王李陳कखगघङ"
            .chars()
            .collect::<Vec<_>>(),
    )
}

/// Adds each of the pieces at a place of its own, but never at the beginning.
fn strewn(text: &str, pieces: &[(prop::sample::Index, char)]) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for (place, piece) in pieces {
        if !chars.is_empty() {
            chars.insert(place.index(chars.len()) + 1, *piece);
        }
    }
    chars.into_iter().collect()
}

proptest! {
    #[test]
    fn r16_matching_is_reflexive_symmetric_and_transitive(a in alike(), b in alike(), c in alike()) {
        let (a, b, c) = (a.child(), b.child(), c.child());
        prop_assert!(matches(&a, &a.clone()));
        prop_assert_eq!(matches(&a, &b), matches(&b, &a));
        prop_assert!(!(matches(&a, &b) && matches(&b, &c)) || matches(&a, &c));
    }

    #[test]
    fn r16_a_near_match_is_mutual_and_never_a_match(a in alike(), b in alike()) {
        let (a, b) = (a.child(), b.child());
        prop_assert_eq!(nearly_matches(&a, &b), nearly_matches(&b, &a));
        prop_assert!(!(matches(&a, &b) && nearly_matches(&a, &b)));
        prop_assert!(!nearly_matches(&a, &a.clone()));
    }

    #[test]
    fn r16_who_matches_has_the_same_near_matches_where_the_prefix_stands_in_the_same_field(
        a in alike(), b in alike(),
    ) {
        let b_again = child(&b.given_names.to_uppercase(), &b.prefix.to_uppercase(), &b.surname.to_lowercase(), b.birth);
        prop_assert_eq!(nearly_matches(&a.child(), &b.child()), nearly_matches(&a.child(), &b_again));
    }

    #[test]
    fn r16_different_births_never_match_and_never_nearly(a in any_name()) {
        let born_later = Child { date_of_birth: born("2016-02-04"), ..a.child() };
        prop_assert!(!matches(&a.child(), &born_later));
        prop_assert!(!nearly_matches(&a.child(), &born_later));
    }

    #[test]
    fn r16_matching_does_not_depend_on_case(a in any_name()) {
        prop_assert!(matches(&a.child(), &a.with(str::to_uppercase)));
        prop_assert!(matches(&a.child(), &a.with(str::to_lowercase)));
    }

    #[test]
    fn r16_matching_does_not_depend_on_how_marks_are_composed(a in any_name()) {
        prop_assert!(matches(&a.with(|text| text.nfc().collect()), &a.with(|text| text.nfd().collect())));
    }

    #[test]
    fn r16_matching_does_not_depend_on_the_diacritics_of_latin_letters(
        a in plain_name(),
        marks in prop::collection::vec((any::<prop::sample::Index>(), prop::char::range('\u{300}', '\u{36f}')), 0..6),
    ) {
        let marked = a.with(|text| strewn(text, &marks));
        prop_assert!(matches(&a.child(), &marked));
        prop_assert!(matches(&a.child(), &a.with(|text| strewn(text, &marks).nfc().collect())));
    }

    #[test]
    fn r16_matching_does_not_depend_on_punctuation_or_spaces_in_the_surname(
        surname in "[\\p{L}\\p{Nd}]{1,12}",
        pieces in prop::collection::vec(
            (any::<prop::sample::Index>(), select(&[' ', '-', '\'', '’', '.', '\u{a0}'][..])), 0..6,
        ),
    ) {
        let named = |surname: &str| child("Sem", "", surname, BIRTH);
        prop_assert!(matches(&named(&surname), &named(&strewn(&surname, &pieces))));
    }

    #[test]
    fn r16_matching_does_not_depend_on_the_field_in_which_the_prefix_stands(a in any_name()) {
        let moved = child(&a.given_names, "", &format!("{} {}", a.prefix, a.surname), a.birth);
        prop_assert!(matches(&a.child(), &moved));
    }

    #[test]
    fn r16_given_names_after_the_first_do_not_matter(a in plain_name(), more in "[A-Za-z -]{0,12}") {
        let longer = child(&format!("{} {more}", a.given_names), &a.prefix, &a.surname, a.birth);
        prop_assert!(matches(&a.child(), &longer));
    }

    #[test]
    fn r16_another_letter_anywhere_in_the_surname_breaks_the_match(
        letters in prop::collection::vec(letter(), 1..12), place in any::<prop::sample::Index>(), other in letter(),
    ) {
        let named = |letters: &[char]| child("Sem", "", &letters.iter().collect::<String>(), BIRTH);
        let place = place.index(letters.len());
        prop_assume!(letters[place] != other);
        let mut changed = letters.clone();
        changed[place] = other;
        prop_assert!(!matches(&named(&letters), &named(&changed)));
        changed.insert(place, other);
        prop_assert!(!matches(&named(&letters), &named(&changed)));
        let mut shortened = letters.clone();
        shortened.remove(place);
        prop_assert!(shortened.is_empty() || !matches(&named(&letters), &named(&shortened)));
    }

    #[test]
    fn r16_the_index_finds_what_reading_every_row_finds(
        people in prop::collection::vec(alike(), 0..40), wanted in alike(),
    ) {
        let people: Vec<Key> = people.iter().map(|person| Key::of(&person.child())).collect();
        let wanted = Key::of(&wanted.child());
        let rows = |found: &dyn Fn(&Key) -> bool| -> Vec<usize> {
            people.iter().enumerate().filter(|(_, key)| found(key)).map(|(row, _)| row).collect()
        };
        let (exact, near) = (rows(&|key| *key == wanted), rows(&|key| key.nearly_matches(&wanted)));
        let index = Index::new(people);
        prop_assert_eq!(index.matching(&wanted).collect::<Vec<_>>(), exact);
        prop_assert_eq!(index.nearly_matching(&wanted), near);
    }
}
