//! Local time in the Netherlands.

use jiff::{
    Timestamp,
    civil::{Date, DateTime, Time},
    tz::{TimeZone, TimeZoneDatabase},
};

/// Europe/Amsterdam, from the database inside the program, so that every machine has the same clock changes.
#[derive(Debug, Clone)]
pub struct Zone(TimeZone);

/// The database inside the program does not know Europe/Amsterdam: it was built without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the program was built without the time zone Europe/Amsterdam")]
pub struct NoZone;

impl Zone {
    /// Looks it up.
    pub fn amsterdam() -> Result<Self, NoZone> {
        TimeZoneDatabase::bundled().get("Europe/Amsterdam").map(Self).map_err(|_| NoZone)
    }

    /// The zone itself, for printing a moment with its offset.
    pub const fn as_time_zone(&self) -> &TimeZone {
        &self.0
    }

    /// What calendar and clock on the wall say at a moment.
    pub fn local(&self, at: Timestamp) -> DateTime {
        self.0.to_datetime(at)
    }

    /// The moment at which calendar and clock on the wall say this. A time that the spring change skips is as much
    /// later as the change is long (02:30 becomes 03:30); of a time that the autumn change repeats it is the first.
    /// Beyond the years that a moment can have it is the nearest moment there is.
    pub fn instant(&self, date: Date, time: Time) -> Timestamp {
        let beyond = if date.year() < 0 { Timestamp::MIN } else { Timestamp::MAX };
        self.0.to_ambiguous_timestamp(date.to_datetime(time)).compatible().unwrap_or(beyond)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::{date, time};

    fn instant(date: Date, hour: i8, minute: i8) -> String {
        Zone::amsterdam().unwrap().instant(date, time(hour, minute, 0, 0)).to_string()
    }

    #[test]
    fn seven_in_the_morning_is_seven_on_either_side_of_every_clock_change() {
        for (day, utc) in [
            (date(2026, 3, 28), "2026-03-28T06:00:00Z"),
            (date(2026, 3, 29), "2026-03-29T05:00:00Z"),
            (date(2026, 10, 24), "2026-10-24T05:00:00Z"),
            (date(2026, 10, 25), "2026-10-25T06:00:00Z"),
            (date(2027, 3, 27), "2027-03-27T06:00:00Z"),
            (date(2027, 3, 28), "2027-03-28T05:00:00Z"),
            (date(2027, 10, 30), "2027-10-30T05:00:00Z"),
            (date(2027, 10, 31), "2027-10-31T06:00:00Z"),
            (date(2199, 7, 1), "2199-07-01T05:00:00Z"),
        ] {
            assert_eq!(instant(day, 7, 0), utc);
        }
    }

    #[test]
    fn a_skipped_time_is_an_hour_later_and_a_repeated_one_is_the_first() {
        assert_eq!(instant(date(2026, 3, 29), 2, 30), "2026-03-29T01:30:00Z");
        assert_eq!(instant(date(2026, 10, 25), 2, 30), "2026-10-25T00:30:00Z");
    }

    #[test]
    fn beyond_the_years_there_are_it_is_the_nearest_moment() {
        let zone = Zone::amsterdam().unwrap();
        assert_eq!(zone.instant(Date::MAX, Time::MAX), Timestamp::MAX);
        assert_eq!(zone.instant(Date::MIN, Time::MIN), Timestamp::MIN);
        assert_eq!(zone.local(Timestamp::MAX).year(), 9999);
        assert_eq!(zone.local(Timestamp::MIN).year(), -9999);
    }
}
