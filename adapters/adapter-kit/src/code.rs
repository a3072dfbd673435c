//! What people call a case at the counter: a few digits that one can say on the telephone, unmistakable among the cases that
//! wait at that counter. They follow from ids and say nothing about anybody.

use std::fmt;

use sha2::{Digest as _, Sha256};

/// Fewest digits that are shown and accepted.
pub const DIGITS_MIN: usize = 6;

/// A case's whole code. The shorter it is said, the likelier it means two.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(String);

/// What a code said at the counter means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meant<T> {
    /// This one.
    One(T),
    /// None that waits.
    None,
    /// More than one: say more digits.
    Several,
}

impl Code {
    /// The code that follows from these parts.
    pub fn of(parts: &[&str]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(part.len().to_be_bytes());
            hash.update(part.as_bytes());
        }
        Self(hex::encode(hash.finalize()))
    }

    /// The first so many digits.
    pub fn short(&self, digits: usize) -> &str {
        self.0.get(..digits).unwrap_or(&self.0)
    }

    /// Whether this is meant: case, spaces and hyphens do not matter, and the first [`DIGITS_MIN`] digits are enough.
    pub fn is_meant(&self, said: &str) -> bool {
        let said: String =
            said.chars().filter(|c| !c.is_whitespace() && *c != '-').flat_map(char::to_lowercase).collect();
        said.len() >= DIGITS_MIN && self.0.starts_with(&said)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How many digits tell all of these apart.
pub fn digits_for<'a>(codes: impl IntoIterator<Item = &'a Code>) -> usize {
    let mut sorted: Vec<_> = codes.into_iter().collect();
    sorted.sort();
    let shared = |pair: &[&Code]| match pair {
        [one, other] => one.0.bytes().zip(other.0.bytes()).take_while(|(a, b)| a == b).count(),
        _ => 0,
    };
    sorted.windows(2).map(|pair| shared(pair) + 1).max().unwrap_or(0).max(DIGITS_MIN)
}

/// Finds the one that is meant.
pub fn meant<T>(all: impl IntoIterator<Item = T>, mut is_it: impl FnMut(&T) -> bool) -> Meant<T> {
    let mut found = all.into_iter().filter(|one| is_it(one));
    match (found.next(), found.next()) {
        (None, _) => Meant::None,
        (Some(one), None) => Meant::One(one),
        (Some(_), Some(_)) => Meant::Several,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_parts_are_the_same_code_and_it_may_be_said_in_any_way() {
        let code = Code::of(&["read.7-1.1"]);
        assert_eq!(code, Code::of(&["read.7-1.1"]));
        assert_ne!(code, Code::of(&["read.7-", "1.1"]));
        let short = code.short(DIGITS_MIN);
        let spoken = format!(" {}-{}", &short[..3], short[3..].to_uppercase());
        assert!(code.is_meant(short) && code.is_meant(&spoken) && code.is_meant(&code.to_string()));
        assert!(!code.is_meant(&short[..DIGITS_MIN - 1]) && !code.is_meant("") && !code.is_meant("zzzzzz"));
    }

    #[test]
    fn as_many_digits_are_shown_as_tell_the_waiting_apart() {
        let code = |text: &str| Code(text.to_owned());
        assert_eq!(digits_for(&[]), DIGITS_MIN);
        assert_eq!(digits_for(&[code("aaaaaaaa"), code("bbbbbbbb")]), DIGITS_MIN);
        let close = [code("aaaaaaab"), code("cccccccc"), code("aaaaaaac")];
        assert_eq!(digits_for(&close), 8);
        let is_it = |said: &'static str| meant(&close, move |code| code.is_meant(said));
        assert_eq!(is_it("aaaaaa"), Meant::Several);
        assert_eq!(is_it("aaaaaaac"), Meant::One(&close[2]));
        assert_eq!(is_it("dddddd"), Meant::None);
    }
}
