//! R2: a child counts from its 4th birthday up to, not including, its 18th.

use hwc_schemas::person::DateOfBirth;
use jiff::civil::Date;

/// Whether somebody born then is 4 to 17 years old on that day, the local day of the incident (R2). Nobody is of age
/// before being born.
pub fn of_age(born: DateOfBirth, on: Date) -> bool {
    (4..18).contains(&years_old(born.expose(), on))
}

/// Whether somebody born on an unknown day from the first up to and including the last could be of age on that day (R2).
pub fn could_be_of_age(first: DateOfBirth, last: DateOfBirth, on: Date) -> bool {
    // Years fall one by one as births move on, so that between the two every number of years occurs.
    years_old(first.expose(), on) >= 4 && years_old(last.expose(), on) < 18
}

/// Whole years, below zero before birth. Month and day are compared as a pair, so that who was born on 29 February has
/// the birthday on 1 March, the first day that is not before it, in a year without one.
fn years_old(born: Date, on: Date) -> i16 {
    let before_the_birthday = (on.month(), on.day()) < (born.month(), born.day());
    on.year() - born.year() - i16::from(before_the_birthday)
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{born, day};

    #[test]
    fn r2_a_child_counts_from_the_fourth_birthday_up_to_not_including_the_eighteenth() {
        for (birth, on, counts) in [
            ("2016-02-03", "2020-02-02", false),
            ("2016-02-03", "2020-02-03", true),
            ("2016-02-03", "2026-11-18", true),
            ("2016-02-03", "2034-02-02", true),
            ("2016-02-03", "2034-02-03", false),
            ("2015-12-31", "2019-12-30", false),
            ("2015-12-31", "2019-12-31", true),
            ("2016-01-01", "2019-12-31", false),
        ] {
            assert_eq!(of_age(born(birth), day(on)), counts, "born {birth}, on {on}");
        }
    }

    #[test]
    fn r2_born_on_29_february_has_the_birthday_on_1_march_in_other_years() {
        for (birth, on, counts) in [
            ("2016-02-29", "2020-02-28", false),
            ("2016-02-29", "2020-02-29", true),
            ("2016-02-29", "2034-02-28", true),
            ("2016-02-29", "2034-03-01", false),
            ("2096-02-29", "2100-02-28", false),
            ("2096-02-29", "2100-03-01", true),
        ] {
            assert_eq!(of_age(born(birth), day(on)), counts, "born {birth}, on {on}");
        }
    }

    #[test]
    fn r2_nobody_is_of_age_before_being_born() {
        assert!(!of_age(born("2026-11-19"), day("2026-11-18")));
        assert!(!of_age(born("2199-12-31"), day("1900-01-01")));
        assert!(!of_age(DateOfBirth::new(Date::MAX), Date::MIN));
        assert!(!of_age(DateOfBirth::new(Date::MIN), Date::MAX));
    }

    proptest! {
        #[test]
        fn r2_who_could_be_of_age_is_whoever_is_on_one_of_the_days(first in 0..20_000_i32, days in 0..400_i32) {
            let (on, first) = (day("2026-11-18"), day("1980-01-01") + first.days());
            let some_day = (0..=days).any(|n| of_age(DateOfBirth::new(first + n.days()), on));
            let last = DateOfBirth::new(first + days.days());
            prop_assert_eq!(could_be_of_age(DateOfBirth::new(first), last, on), some_day);
        }

        #[test]
        fn r2_being_of_age_begins_once_and_ends_once(days in 0..30_000_i32) {
            let birth = day("1990-01-01") + days.days();
            let counts: Vec<bool> = (0..20 * 366)
                .map(|n| of_age(DateOfBirth::new(birth), birth + n.days()))
                .collect();
            let changes = counts.windows(2).filter(|pair| pair[0] != pair[1]).count();
            prop_assert_eq!(changes, 2);
            prop_assert!(!counts[0]);
            // Fourteen years, three or four of them leap years (three also where 2100 is among them).
            let of_age_days = counts.iter().filter(|counts| **counts).count();
            prop_assert!((14 * 365 + 2..=14 * 365 + 5).contains(&of_age_days));
        }
    }
}
