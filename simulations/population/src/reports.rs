//! A number of reports over a period: plain arrivals for a dataset. Plans have finer ones.
//!
//! The police look every report of the past day through early in the morning (R8); that most come then, and what the night
//! looks like, is an assumption.

use hwc_schemas::report::Occurred;
use hwc_workflow::calendar::Zone;
use jiff::{
    Timestamp, ToSpan as _,
    civil::{Weekday, time},
};

use crate::{
    dice::Dice,
    incident::{Incident, Recent},
    population::Population,
};

/// Incidents of the night before, by the morning of each weekday from Monday on. Assumption: weekends have more.
const MORNINGS: [u32; 7] = [130, 95, 95, 95, 95, 105, 135];

/// Incidents by the hour in which they happen, from 0 o'clock on. Assumption: evenings and nights have more.
const HOURS: [u32; 24] =
    [55, 45, 35, 25, 15, 10, 10, 15, 20, 25, 30, 30, 35, 35, 35, 45, 50, 60, 70, 75, 80, 80, 75, 65];

/// Reports in ten thousand that come between half past six and half past eight; later that morning; days later. The rest comes
/// at any hour of the day after.
const ARRIVALS: [u32; 3] = [8_200, 1_000, 500];

const REPORTS: u64 = 0x7265;

impl Population {
    /// So many incidents that are reported within the settings' period, in the order of their reports.
    pub fn reports<'a>(&'a self, count: u32, zone: &'a Zone) -> impl Iterator<Item = Incident> + 'a {
        let mut moments: Vec<(Timestamp, u32, Timestamp)> = (0..count)
            .map(|number| {
                let mut dice = Dice::at(self.settings().seed, &[REPORTS, number.into()]);
                let (occurred, reported_at) = self.moments(&mut dice, zone);
                (reported_at, number, occurred)
            })
            .collect();
        moments.sort_unstable();
        let mut recent = Recent::new();
        (1..).zip(moments).map(move |(place, (reported_at, number, moment))| {
            let mut dice = Dice::at(self.settings().seed, &[REPORTS, number.into(), 1]);
            let only_the_day = dice.happens(self.settings().rates.bare_date);
            let occurred =
                if only_the_day { Occurred::On(zone.local(moment).date()) } else { Occurred::At(moment) };
            self.incident(&mut dice, &mut recent, place, occurred, reported_at)
        })
    }

    /// When an incident happened and when it is reported.
    fn moments(&self, dice: &mut Dice, zone: &Zone) -> (Timestamp, Timestamp) {
        let settings = self.settings();
        let last = settings.days.max(1) - 1;
        let mut day = settings.day;
        // A day that has more incidents than another is kept more often.
        for _ in 0..8 {
            let ahead = i64::from(dice.between(0, last));
            day = settings.day.checked_add(ahead.days()).unwrap_or(settings.day);
            let weekday = usize::try_from(day.weekday().since(Weekday::Monday)).unwrap_or(0);
            if dice.below(135) < u64::from(MORNINGS[weekday]) {
                break;
            }
        }
        let minute_of = |minutes: u32| {
            let part = |number: u32| i8::try_from(number).unwrap_or(0);
            time(part(minutes / 60 % 24), part(minutes % 60), 0, 0)
        };
        let (first, last, days_ago) = match dice.case(&ARRIVALS) {
            Some(0) => (390, 509, 0),
            Some(1) => (510, 719, 0),
            Some(_) => (390, 1_079, dice.between(1, 5)),
            None => (0, 1_439, 0),
        };
        let reported = zone.instant(day, minute_of(dice.between(first, last)));
        let reported_at = reported + i64::from(dice.between(0, 59)).seconds();
        // On the day before, or in the small hours of the same one.
        let hour = u32::try_from(dice.weighted(HOURS.into_iter())).unwrap_or(0);
        let nights = i64::from(days_ago) + i64::from(hour >= 6);
        let happened = day.checked_sub(nights.days()).unwrap_or(day);
        let occurred = zone.instant(happened, minute_of(hour * 60 + dice.between(0, 59)));
        (occurred.min(reported_at), reported_at)
    }
}
