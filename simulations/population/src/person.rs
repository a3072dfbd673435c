//! An invented person in plain words. It can be printed and written, because nobody is behind it.

use hwc_schemas::person::{Child, DateOfBirth, FieldError};
use jiff::civil::Date;
use serde::Serialize;

/// An invented person, as one source spells it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Person {
    /// Given names, separated by spaces; empty for somebody who has only one name.
    pub given_names: String,
    /// What stands in the prefix field, such as *van der*; none if nothing does.
    pub prefix: Option<String>,
    /// The surname; a prefix may stand here as well.
    pub surname: String,
    /// The day of birth.
    pub date_of_birth: Date,
}

impl Person {
    /// The same person as the real programs carry it: no longer printable.
    pub fn to_child(&self) -> Result<Child, FieldError> {
        let born = DateOfBirth::new(self.date_of_birth);
        Child::new(&self.given_names, self.prefix.as_deref(), &self.surname, born)
    }

    /// The age in whole years on a day (R2: somebody born on 29 February has the birthday on 1 March in other years).
    pub fn age_on(&self, day: Date) -> i16 {
        let born = self.date_of_birth;
        let before_the_birthday = (day.month(), day.day()) < (born.month(), born.day());
        day.year() - born.year() - i16::from(before_the_birthday)
    }
}
