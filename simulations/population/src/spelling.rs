//! How a source spells a child otherwise than the civil register: so that it is still a match (R16), or only nearly one.

use jiff::{ToSpan as _, civil::Date};

use crate::{dice::Dice, person::Person};

/// Letters that lose what stands on or in them, and what remains of them (R16).
const PLAIN: [(char, &str); 12] = [
    ('ø', "o"),
    ('Ø', "O"),
    ('ł', "l"),
    ('Ł', "L"),
    ('ß', "ss"),
    ('æ', "ae"),
    ('Æ', "Ae"),
    ('œ', "oe"),
    ('đ', "d"),
    ('Đ', "D"),
    ('ı', "i"),
    ('ð', "d"),
];

/// Letters with a mark, and the letter without it: those that occur in the lists.
const MARKED: &str = "áaàaâaäaãaåaÁAÂAăaąaçcÇCćcčcęeéeèeêeëeÉEğgíiîiïiÍIİIńnñnóoòoôoöoõoÓOÖOŕrřrśsšsşsŞSŚSťtúuùuûuüuÚUÛUÜUýyźzžzżzŻZ";

/// Without diacritics, as many a keyboard leaves them out.
fn plain(text: &str) -> String {
    let letters: Vec<char> = MARKED.chars().collect();
    let mut written = String::with_capacity(text.len());
    for letter in text.chars() {
        if let Some((_, without)) = PLAIN.iter().find(|(marked, _)| *marked == letter) {
            written.push_str(without);
        } else {
            let pair = letters.chunks_exact(2).find(|pair| pair[0] == letter);
            written.push(pair.map_or(letter, |pair| pair[1]));
        }
    }
    written
}

/// Spelt otherwise, and still a match: one of the ways that apply.
pub(crate) fn otherwise(person: &Person, dice: &mut Dice) -> Person {
    let ways = ways_that_match(person);
    if ways.is_empty() { person.clone() } else { dice.pick(&ways).clone() }
}

fn ways_that_match(person: &Person) -> Vec<Person> {
    let mut ways = vec![
        Person { surname: person.surname.to_uppercase(), ..person.clone() },
        Person {
            given_names: plain(&person.given_names),
            prefix: person.prefix.as_deref().map(plain),
            surname: plain(&person.surname),
            ..person.clone()
        },
    ];
    if let Some(first) = person.given_names.split(' ').next() {
        ways.push(Person { given_names: first.to_owned(), ..person.clone() });
    }
    if let Some(prefix) = &person.prefix {
        // The prefix in the other field.
        ways.push(Person { prefix: None, surname: format!("{prefix} {}", person.surname), ..person.clone() });
    }
    if person.surname.contains('-') {
        ways.push(Person { surname: person.surname.replace('-', " "), ..person.clone() });
    }
    // Upper case of ß is SS, which is how the match folds it; a dotted capital I has no such luck everywhere.
    ways.retain(|way| way != person);
    ways
}

/// Given names that are written in more than one way.
const VARIANTS: [(&str, &str); 22] = [
    ("Mohammed", "Mohamed"),
    ("Mohamed", "Mohammed"),
    ("Mohammad", "Mohamad"),
    ("Youssef", "Yusuf"),
    ("Yusuf", "Yusef"),
    ("Johannes", "Jan"),
    ("Cornelis", "Kees"),
    ("Johanna", "Hanneke"),
    ("Elisabeth", "Liesbeth"),
    ("Wilhelmina", "Willemijn"),
    ("Hendrikus", "Henk"),
    ("Sofiia", "Sofia"),
    ("Mariia", "Maria"),
    ("Sophie", "Sofie"),
    ("Lucas", "Lukas"),
    ("Noor", "Nour"),
    ("Nour", "Noor"),
    ("Oleksandr", "Alexander"),
    ("Fatima", "Fatma"),
    ("Zoë", "Zoey"),
    ("Luuk", "Luc"),
    ("Jakub", "Kuba"),
];

/// Spelt so that it matches only nearly: the same day of birth, and either the first given name or the surname is another.
pub(crate) fn misspelt(person: &Person, dice: &mut Dice) -> Person {
    let first = person.given_names.split(' ').next().unwrap_or_default();
    let variant = VARIANTS.iter().find(|(name, _)| *name == first).map(|(_, variant)| *variant);
    if let Some(variant) = variant.filter(|_| dice.happens(6_000)) {
        return Person { given_names: variant.to_owned(), ..person.clone() };
    }
    if person.prefix.is_some() && dice.happens(4_000) {
        // Nobody asked what stands before it.
        return Person { prefix: None, ..person.clone() };
    }
    let half = person.surname.split_once('-').map(|(half, _)| half);
    if let Some(half) = half.filter(|_| dice.happens(6_000)) {
        return Person { surname: half.to_owned(), ..person.clone() };
    }
    // Without a given name only the surname could tell, so it must stay.
    if first.is_empty() {
        return Person { given_names: "N".to_owned(), ..person.clone() };
    }
    Person { surname: mistyped(&person.surname, dice), ..person.clone() }
}

/// One letter wrong: *ij* for *y* and back, one of two left out, two swapped, or one twice.
fn mistyped(text: &str, dice: &mut Dice) -> String {
    for (one, other) in
        [("ij", "y"), ("y", "ij"), ("ck", "k"), ("ks", "x"), ("uy", "ui"), ("ss", "s"), ("th", "t")]
    {
        if text.contains(one) && dice.happens(7_000) {
            return text.replacen(one, other, 1);
        }
    }
    let mut letters: Vec<char> = text.chars().collect();
    let swaps: Vec<usize> = (1..letters.len().saturating_sub(1))
        .filter(|at| {
            let (one, other) = (letters[*at], letters[at + 1]);
            one.is_ascii_lowercase() && other.is_ascii_lowercase() && one != other
        })
        .collect();
    if !swaps.is_empty() && dice.happens(5_000) {
        let at = *dice.pick(&swaps);
        letters.swap(at, at + 1);
    } else {
        let plain: Vec<usize> = (0..letters.len()).filter(|at| letters[*at].is_ascii_alphabetic()).collect();
        let at = if plain.is_empty() { 0 } else { *dice.pick(&plain) };
        letters.insert(at + 1, letters[at].to_ascii_lowercase());
    }
    letters.into_iter().collect()
}

/// With a wrong day of birth, as when day and month change places; then nothing matches, not even nearly.
pub(crate) fn wrong_birthday(person: &Person, today: Date, dice: &mut Dice) -> Person {
    let born = person.date_of_birth;
    let swapped = Date::new(born.year(), born.day(), born.month()).ok();
    let other = swapped.filter(|day| *day != born && *day <= today);
    let date_of_birth = other.unwrap_or_else(|| {
        let days = i64::from(dice.between(1, 9));
        born.checked_sub(days.days()).unwrap_or(born)
    });
    Person { date_of_birth, ..person.clone() }
}

#[cfg(test)]
mod tests {
    use hwc_casework::names::{matches, nearly_matches};

    use super::*;
    use crate::names;

    fn people() -> Vec<Person> {
        let mut dice = Dice::new(11);
        let born =
            |dice: &mut Dice| Date::new(2010, 1, 1).unwrap() + i64::from(dice.between(0, 4_000)).days();
        let mut draw = || {
            let family = names::family_name(&mut dice);
            let (prefix, surname) = family.fields();
            let given_names = names::given_names(family.origin, &mut dice);
            Person { given_names, prefix, surname, date_of_birth: born(&mut dice) }
        };
        (0..20_000).map(|_| draw()).collect()
    }

    #[test]
    fn r16_every_other_spelling_still_matches() {
        for person in people() {
            for way in ways_that_match(&person) {
                assert!(matches(&person.to_child().unwrap(), &way.to_child().unwrap()), "{person:?} {way:?}");
            }
        }
    }

    #[test]
    fn r16_every_misspelling_matches_nearly_and_only_so() {
        let mut dice = Dice::new(12);
        for person in people() {
            let wrong = misspelt(&person, &mut dice);
            let (one, other) = (person.to_child().unwrap(), wrong.to_child().unwrap());
            assert!(nearly_matches(&one, &other), "{person:?} {wrong:?}");
        }
    }

    #[test]
    fn a_wrong_day_of_birth_is_another_day() {
        let mut dice = Dice::new(13);
        let today = Date::new(2026, 11, 16).unwrap();
        for person in people() {
            let wrong = wrong_birthday(&person, today, &mut dice);
            assert!(wrong.date_of_birth != person.date_of_birth && wrong.date_of_birth <= today);
        }
    }
}
