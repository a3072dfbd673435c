//! A child, and what is known of it: only ever in memory or sealed (R1, R22).
//!
//! Nothing here implements `Debug`, `Display` or `Serialize`, so nothing here can reach a log, an error, a span or a
//! file by accident; so each of these does not compile:
//!
//! ```compile_fail,E0277
//! fn shown(child: &hwc_schemas::person::Child) -> String { format!("{child:?}") }
//! ```
//! ```compile_fail,E0277
//! fn shown(text: &hwc_schemas::person::PersonalText) -> String { format!("{text}") }
//! ```
//! ```compile_fail,E0277
//! fn shown(born: hwc_schemas::person::DateOfBirth) -> String { format!("{born:?}") }
//! ```
//! ```compile_fail,E0277
//! fn shown(letter: &hwc_schemas::letter::Letter) -> String { format!("{letter:?}") }
//! ```
//! ```compile_fail,E0277
//! fn shown(report: &hwc_schemas::report::Report) -> String { format!("{report:?}") }
//! ```
//! ```compile_fail,E0277
//! fn written(child: &hwc_schemas::person::Child) -> String { serde_json::to_string(child).unwrap_or_default() }
//! ```
//!
//! [`PersonalText::expose`] is the one deliberate way out; a tidy test keeps the list of its callers.

use jiff::civil::Date;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Why a value of a person was refused: which field, and what is wrong with it. Never what it said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct FieldError {
    /// The field, as the formats write it.
    pub field: &'static str,
    /// What is wrong with it.
    pub problem: &'static str,
}

/// A piece of text about a person. It is wiped when dropped and cannot be printed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Zeroize, ZeroizeOnDrop)]
pub struct PersonalText(String);

impl PersonalText {
    /// Trims the text and checks it: no control characters, no citizen service number (BSN), at most `chars_max` long.
    pub fn new(field: &'static str, text: &str, chars_max: usize) -> Result<Self, FieldError> {
        let text = text.trim();
        let refuse = |problem| Err(FieldError { field, problem });
        if text.chars().count() > chars_max {
            return refuse("is too long");
        }
        if text.chars().any(char::is_control) {
            return refuse("holds a control character");
        }
        if holds_citizen_service_number(text) {
            return refuse("holds a citizen service number, which is never carried");
        }
        Ok(Self(text.to_owned()))
    }

    /// The text itself. Whoever calls this takes care that it goes no further than its purpose.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is no text.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it could be a name at all.
    pub fn holds_a_letter_or_digit(&self) -> bool {
        self.0.chars().any(char::is_alphanumeric)
    }
}

/// Nine digits in a row that pass the eleven-test of a citizen service number.
fn holds_citizen_service_number(text: &str) -> bool {
    text.split(|c: char| !c.is_ascii_digit()).any(|run| {
        run.len() == 9 && {
            let sum: i32 = run
                .bytes()
                .zip([9, 8, 7, 6, 5, 4, 3, 2, -1])
                .map(|(digit, weight)| i32::from(digit - b'0') * weight)
                .sum();
            sum % 11 == 0 && run != "000000000"
        }
    })
}

/// A day of birth. It cannot be printed; [`crate::person::DateOfBirth::expose`] gives the date to compare and count with.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DateOfBirth(Date);

impl DateOfBirth {
    /// Takes a date as it is.
    pub const fn new(date: Date) -> Self {
        Self(date)
    }

    /// Reads `YYYY-MM-DD`, years 1900 to 2199.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        let refuse = FieldError { field: "date_of_birth", problem: "is not a date written YYYY-MM-DD" };
        let date = civil_date(text).ok_or(refuse)?;
        Ok(Self(date))
    }

    /// The date itself.
    pub const fn expose(self) -> Date {
        self.0
    }
}

/// A date written exactly `YYYY-MM-DD`, years 1900 to 2199.
pub fn civil_date(text: &str) -> Option<Date> {
    let shaped = text.len() == 10
        && text
            .bytes()
            .enumerate()
            .all(|(i, b)| if i == 4 || i == 7 { b == b'-' } else { b.is_ascii_digit() });
    let date: Date = if shaped { text.parse().ok()? } else { return None };
    (1900..2200).contains(&date.year()).then_some(date)
}

/// A child as one source spells it: the whole of what a signal may say about it (R1).
#[derive(Clone, PartialEq, Eq)]
pub struct Child {
    /// Given names, separated by spaces; empty for somebody who has only one name.
    pub given_names: PersonalText,
    /// What stands before the surname, such as *van der*, where the source keeps it apart.
    pub prefix: Option<PersonalText>,
    /// The surname; never empty.
    pub surname: PersonalText,
    /// The day of birth.
    pub date_of_birth: DateOfBirth,
}

impl Child {
    /// Longest given names and surname, in characters (the civil register's own bound).
    pub const NAME_CHARS_MAX: usize = 200;
    /// Longest prefix, in characters.
    pub const PREFIX_CHARS_MAX: usize = 40;

    /// Checks the fields and makes the child. An empty prefix is none.
    pub fn new(
        given_names: &str,
        prefix: Option<&str>,
        surname: &str,
        date_of_birth: DateOfBirth,
    ) -> Result<Self, FieldError> {
        let given_names = PersonalText::new("given_names", given_names, Self::NAME_CHARS_MAX)?;
        let prefix = prefix.map(|p| PersonalText::new("prefix", p, Self::PREFIX_CHARS_MAX)).transpose()?;
        let surname = PersonalText::new("surname", surname, Self::NAME_CHARS_MAX)?;
        if !surname.holds_a_letter_or_digit() {
            return Err(FieldError { field: "surname", problem: "holds no letter or digit" });
        }
        Ok(Self { given_names, prefix: prefix.filter(|p| !p.is_empty()), surname, date_of_birth })
    }

    /// The child in plain words, for a dataset that declares that its people are invented.
    pub fn reveal(&self, _invented: Synthetic) -> Revealed<'_> {
        Revealed {
            given_names: self.given_names.expose(),
            prefix: self.prefix.as_ref().map(PersonalText::expose),
            surname: self.surname.expose(),
            date_of_birth: self.date_of_birth.expose(),
        }
    }
}

/// Witness that the people in hand are invented. Everything that writes names asks for it.
#[derive(Clone, Copy)]
pub struct Synthetic(());

impl Synthetic {
    /// The witness, if the dataset says of itself `synthetic = true`.
    pub const fn declared(synthetic: bool) -> Option<Self> {
        if synthetic { Some(Self(())) } else { None }
    }
}

/// An invented child in plain words.
#[derive(serde::Serialize)]
pub struct Revealed<'a> {
    given_names: &'a str,
    prefix: Option<&'a str>,
    surname: &'a str,
    date_of_birth: Date,
}

impl<'a> Revealed<'a> {
    /// The first of the given names, or the surname of somebody who has only one name.
    pub fn first_name(&self) -> &'a str {
        self.given_names.split_whitespace().next().unwrap_or(self.surname)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn born() -> DateOfBirth {
        DateOfBirth::parse("2016-02-03").unwrap_or_else(|e| panic!("{e}"))
    }

    #[test]
    fn a_citizen_service_number_in_a_name_is_refused_by_field_and_not_repeated() {
        let Err(error) = Child::new("Test 111222333", None, "Voorbeeld", born()) else { panic!("taken") };
        assert_eq!(error.to_string(), "given_names: holds a citizen service number, which is never carried");
        assert!(Child::new("Test 111222334", None, "Voorbeeld", born()).is_ok());
    }

    #[test]
    fn only_a_whole_date_is_a_date_of_birth() {
        for bad in ["", "2016-2-3", "2016-02-30", "16-02-03", "2016-02-03T00:00", "0016-02-03", "2016/02/03"]
        {
            assert!(DateOfBirth::parse(bad).is_err());
        }
    }

    #[test]
    fn an_empty_prefix_is_none_and_an_empty_surname_is_refused() {
        let child = Child::new("Noor", Some(" "), "Smit", born()).unwrap_or_else(|e| panic!("{e}"));
        assert!(child.prefix.is_none());
        assert!(Child::new("Noor", None, " - ", born()).is_err());
    }
}
