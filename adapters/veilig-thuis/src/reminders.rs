//! Well before the first lesson (R17) whoever must look at a household is reminded.

use jiff::{
    Timestamp,
    civil::{Time, time},
    tz::TimeZone,
};

use crate::Tray;

/// When, local time, every day: early enough that the children still arrive before 08:30.
pub const REMINDED_AT: [Time; 3] = [time(7, 0, 0, 0), time(7, 45, 0, 0), time(8, 10, 0, 0)];

/// The first reminder after this moment.
pub fn next(after: Timestamp, zone: &TimeZone) -> Timestamp {
    let today = zone.to_datetime(after).date();
    let days = [Some(today), today.tomorrow().ok()].into_iter().flatten();
    let moments = days.flat_map(|day| REMINDED_AT.map(|at| day.to_datetime(at)));
    let moments = moments.filter_map(|local| zone.to_timestamp(local).ok());
    moments.filter(|moment| *moment > after).min().unwrap_or(Timestamp::MAX)
}

/// Reminds for as long as it is awaited: says how many households wait, when some do.
pub async fn remind(tray: &Tray, zone: &TimeZone, office: &hwc_adapter_kit::Office) {
    loop {
        let at = next(office.clock().now(), zone);
        office.clock().sleep_until("reminders", at).await;
        let waiting = tray.len();
        if waiting > 0 {
            tracing::warn!(
                waiting,
                "households wait for a person before the first lesson; hwc veilig-thuis inbox"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn r17_the_person_is_reminded_thrice_before_the_first_lesson_and_the_next_day_again() {
        let zone = TimeZone::get("Europe/Amsterdam").unwrap();
        for (after, expected) in [
            ("2026-11-18T03:00:00+01:00", "2026-11-18T07:00:00+01:00"),
            ("2026-11-18T07:00:00+01:00", "2026-11-18T07:45:00+01:00"),
            ("2026-11-18T08:00:00+01:00", "2026-11-18T08:10:00+01:00"),
            ("2026-11-18T08:10:00+01:00", "2026-11-19T07:00:00+01:00"),
            // The night in which the clocks go forward.
            ("2027-03-27T23:00:00+01:00", "2027-03-28T07:00:00+02:00"),
        ] {
            assert_eq!(next(at(after), &zone), at(expected), "{after}");
        }
    }
}
