//! A whole name as Bewoning writes it, told apart into given names, prefix and surname where that is beyond doubt.
//!
//! It is written *predicate, given names, title, prefix, surname*. Where nothing marks the border between given names and
//! surname, and there are more than two words, nobody can say where it lies; then a person must (R16: never guess).

/// Words that the BRP keeps before surnames, in lower case.
const PREFIXES: [&str; 44] = [
    "a", "aan", "aen", "af", "al", "am", "auf", "aus", "ben", "bij", "bin", "boven", "d", "d'", "da", "dal",
    "de", "del", "della", "den", "der", "di", "do", "dos", "du", "el", "het", "in", "l'", "la", "le", "les",
    "op", "over", "'s", "'t", "te", "ten", "ter", "uit", "uijt", "van", "von", "zu",
];
/// Words before given names, and between these and a surname, that belong to neither.
const TITLES: [&str; 16] = [
    "jonkheer",
    "jonkvrouw",
    "baron",
    "barones",
    "graaf",
    "gravin",
    "burggraaf",
    "burggravin",
    "hertog",
    "hertogin",
    "markies",
    "markiezin",
    "prins",
    "prinses",
    "ridder",
    "vrouwe",
];

/// Whether this stands before a surname.
pub(crate) fn is_prefix(word: &str) -> bool {
    PREFIXES.contains(&word.to_lowercase().as_str())
}

/// Given names, prefix and surname, as parts of the whole name; none where the border is in doubt.
pub(crate) fn told_apart(whole: &str) -> Option<(&str, &str, &str)> {
    let words: Vec<&str> = whole.split_whitespace().collect();
    if words.iter().any(|word| TITLES.contains(&word.to_lowercase().as_str())) {
        return None;
    }
    // Written in small letters, as the BRP writes them: a given name that looks like one is not.
    let first = words.iter().skip(1).position(|word| PREFIXES.contains(word)).map(|at| at + 1);
    match (first, words.as_slice()) {
        (None, [given, surname]) => Some((given, "", surname)),
        (Some(first), _) => {
            let end =
                words.iter().skip(first).position(|word| !PREFIXES.contains(word)).map(|at| at + first)?;
            let between = |from: usize, to: usize| within(whole, words.get(from)?, words.get(to)?);
            Some((between(0, first - 1)?, between(first, end - 1)?, between(end, words.len() - 1)?))
        }
        _ => None,
    }
}

/// The part of the whole that begins with one of its words and ends with another.
fn within<'a>(whole: &'a str, first: &str, last: &str) -> Option<&'a str> {
    let from = first.as_ptr() as usize - whole.as_ptr() as usize;
    let to = last.as_ptr() as usize - whole.as_ptr() as usize + last.len();
    whole.get(from..to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_told_apart_where_something_marks_the_border_and_else_not_at_all() {
        for (whole, expected) in [
            ("Anna Smit", Some(("Anna", "", "Smit"))),
            ("Sem van den Berg", Some(("Sem", "van den", "Berg"))),
            ("Pieter Jan de Vries", Some(("Pieter Jan", "de", "Vries"))),
            ("Eva in 't Veld-Smit", Some(("Eva", "in 't", "Veld-Smit"))),
            ("Ali el Amrani Idrissi", Some(("Ali", "el", "Amrani Idrissi"))),
            ("Maria Garcia Lopez", None),
            ("Anna", None),
            ("jonkheer Pieter de Vries", None),
            ("Pieter baron van Heeckeren", None),
            ("Anna van de", None),
            ("", None),
        ] {
            assert_eq!(told_apart(whole), expected, "{whole}");
        }
    }
}
