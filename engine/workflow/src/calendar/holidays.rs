//! The national holidays on which no school is open, computed (R19).

use jiff::{ToSpan, civil::Date};

/// Whether it is a national holiday: 1 January, Easter Sunday and Monday, King's Day (27 April; the 26th if that is a
/// Sunday), Ascension Day, Whit Sunday and Monday, 25 and 26 December, and 5 May in years divisible by five (R19).
/// Good Friday is none, and other years' 5 May is an ordinary day; regions add theirs as data.
pub fn is_national_holiday(date: Date) -> bool {
    match (date.month(), date.day()) {
        (1, 1) | (12, 25 | 26) => true,
        (4, 26) => date.tomorrow().is_ok_and(is_sunday),
        (4, 27) if !is_sunday(date) => true,
        (5, 5) if date.year() % 5 == 0 => true,
        _ => is_of_easter(date),
    }
}

/// Easter Sunday, by the Gregorian rule (the anonymous algorithm). `None` outside the years that a date can have.
pub fn easter_sunday(year: i16) -> Option<Date> {
    let y = i32::from(year);
    let (century, of_century) = (y.div_euclid(100), y.rem_euclid(100));
    let golden = y.rem_euclid(19);
    let moved = century - century.div_euclid(4) - (century - (century + 8).div_euclid(25) + 1).div_euclid(3);
    let moon = (19 * golden + moved + 15).rem_euclid(30);
    let leaps = 32 + 2 * century.rem_euclid(4) + 2 * of_century.div_euclid(4);
    let to_sunday = (leaps - moon - of_century.rem_euclid(4)).rem_euclid(7);
    let late = (golden + 11 * moon + 22 * to_sunday).div_euclid(451);
    let since_march = moon + to_sunday - 7 * late + 114;
    let month = i8::try_from(since_march.div_euclid(31)).ok()?;
    let day = i8::try_from(since_march.rem_euclid(31) + 1).ok()?;
    Date::new(year, month, day).ok()
}

fn is_of_easter(date: Date) -> bool {
    const DAYS_AFTER_EASTER: [i32; 5] = [0, 1, 39, 49, 50];
    easter_sunday(date.year()).is_some_and(|easter| {
        DAYS_AFTER_EASTER.into_iter().any(|days| easter.checked_add(days.days()).is_ok_and(|day| day == date))
    })
}

fn is_sunday(date: Date) -> bool {
    date.weekday() == jiff::civil::Weekday::Sunday
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn holidays(year: i16) -> Vec<String> {
        let days = date(year, 1, 1).series(1.day()).take_while(|day| day.year() == year);
        days.filter(|day| is_national_holiday(*day)).map(|day| day.strftime("%m-%d").to_string()).collect()
    }

    #[test]
    fn r19_easter_falls_on_its_known_dates() {
        let known = [
            (1818, 3, 22),
            (1943, 4, 25),
            (2000, 4, 23),
            (2024, 3, 31),
            (2025, 4, 20),
            (2026, 4, 5),
            (2027, 3, 28),
            (2028, 4, 16),
            (2029, 4, 1),
            (2030, 4, 21),
            (2031, 4, 13),
            (2032, 3, 28),
            (2033, 4, 17),
            (2034, 4, 9),
            (2035, 3, 25),
            (2038, 4, 25),
        ];
        for (year, month, day) in known {
            assert_eq!(easter_sunday(year), Some(date(year, month, day)));
        }
    }

    #[test]
    fn r19_easter_is_a_sunday_between_22_march_and_25_april_in_every_year_there_is() {
        for year in -9999..=9999 {
            let easter = easter_sunday(year).unwrap();
            assert!(is_sunday(easter) && (date(year, 3, 22)..=date(year, 4, 25)).contains(&easter));
        }
    }

    #[test]
    fn r19_a_year_has_these_holidays_and_no_others() {
        assert_eq!(
            holidays(2026),
            ["01-01", "04-05", "04-06", "04-27", "05-14", "05-24", "05-25", "12-25", "12-26"]
        );
    }

    #[test]
    fn r19_kings_day_moves_to_the_26th_when_the_27th_is_a_sunday() {
        for year in [2025, 2031, 2036] {
            assert!(is_sunday(date(year, 4, 27)));
            assert!(is_national_holiday(date(year, 4, 26)) && !is_national_holiday(date(year, 4, 27)));
        }
        for year in [2026, 2027, 2028, 2029, 2030] {
            assert!(is_national_holiday(date(year, 4, 27)) && !is_national_holiday(date(year, 4, 26)));
        }
    }

    #[test]
    fn r19_liberation_day_is_a_holiday_in_years_divisible_by_five_only() {
        let years: Vec<i16> = (2024..=2036).filter(|y| is_national_holiday(date(*y, 5, 5))).collect();
        assert_eq!(years, [2025, 2030, 2035]);
    }

    #[test]
    fn r19_good_friday_is_no_holiday() {
        assert!(!is_national_holiday(date(2026, 4, 3)));
    }
}
