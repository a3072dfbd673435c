//! When incidents happen and when they are reported: a pure function of plan, seed and number of children.

use hwc_workflow::calendar::Zone;
use jiff::{
    Timestamp, ToSpan,
    civil::{Date, Time},
};

use crate::{
    chance::{Stream, running, weighted},
    plan::{Arrivals, Period, Reporting},
};

/// One incident that is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Incident {
    /// When it happened; a bare date that nobody knows more of is its midnight.
    pub occurred_at: Timestamp,
    /// When the police send the report.
    pub reported_at: Timestamp,
    /// Whether the report says the day only.
    pub date_only: bool,
    /// Whether the police's own routine had sent it earlier.
    pub late: bool,
    /// Whether the same family was reported within the last days.
    pub follow_up: bool,
}

/// How many incidents a period holds: a year's share of it, rounded.
pub fn count(arrivals: &Arrivals, days: u16, children: u64) -> u32 {
    let a_year = match arrivals.incidents_per_year {
        Some(a_year) => u64::from(a_year) * 100_000,
        None => u64::from(arrivals.incidents_per_100k_children) * children,
    };
    let year = 365 * 100_000;
    u32::try_from((a_year * u64::from(days) + year / 2) / year).unwrap_or(u32::MAX)
}

/// When so many incidents happen and are reported, in the order in which they are reported.
pub fn draw(
    (arrivals, reporting): (&Arrivals, &Reporting),
    period: Period,
    seed: u64,
    zone: &Zone,
    count: u32,
) -> Vec<Incident> {
    let hours = Hours::of(arrivals, period);
    let mut incidents: Vec<(Incident, u64)> = (0..u64::from(count))
        .map(|number| {
            let occurred_at = hours.draw(seed, number, zone);
            let (reported_at, late) = reported(reporting, seed, number, zone, occurred_at);
            (Incident { occurred_at, reported_at, date_only: false, late, follow_up: false }, number)
        })
        .collect();
    incidents.sort_unstable_by_key(|(incident, number)| (incident.reported_at, *number));
    incidents.into_iter().map(|(incident, _)| incident).collect()
}

/// The hours of a period, each as likely as its day of the week and its time of day.
struct Hours {
    days: Vec<Date>,
    running: Vec<u64>,
}

impl Hours {
    fn of(arrivals: &Arrivals, period: Period) -> Self {
        let days = std::iter::successors(Some(period.from.0), |day| day.tomorrow().ok());
        let days: Vec<Date> = days.take(usize::from(period.days)).collect();
        let weights = days.iter().flat_map(|day| {
            let weekday = usize::try_from(day.weekday().to_monday_zero_offset()).unwrap_or(0);
            let weekday = arrivals.by_weekday.get(weekday).copied().unwrap_or(0);
            arrivals.by_hour.iter().map(move |hour| u64::from(*hour) * u64::from(weekday))
        });
        let running = running(weights);
        Self { days, running }
    }

    fn draw(&self, seed: u64, number: u64, zone: &Zone) -> Timestamp {
        let mut dice = Stream::Moments.dice(seed, &[number]);
        let place = weighted(&mut dice, &self.running);
        let day = self.days.get(place / 24).or(self.days.first()).copied().unwrap_or_default();
        let hour = i8::try_from(place % 24).unwrap_or(0);
        let at = zone.instant(day, Time::new(hour, 0, 0, 0).unwrap_or_default());
        later(at, i64::try_from(dice.below(3_600)).unwrap_or(0))
    }
}

/// R8: verified on the next morning that is there for it, and sent then; some later, at any time.
fn reported(
    plan: &Reporting,
    seed: u64,
    number: u64,
    zone: &Zone,
    occurred_at: Timestamp,
) -> (Timestamp, bool) {
    let mut dice = Stream::Reports.dice(seed, &[number]);
    let ready = later(occurred_at, plan.ready_after.0.draw(&mut dice));
    let from = zone.local(ready);
    // Whoever is ready in the middle of a morning still goes with it.
    let day = if from.time() < plan.verify_until.0 { Some(from.date()) } else { from.date().tomorrow().ok() };
    let day = day.unwrap_or(from.date());
    let mut days = std::iter::successors(Some(day), |day| day.tomorrow().ok()).take(8);
    let day = days.find(|day| plan.verify_days.hold(*day)).unwrap_or(day);
    let opens = zone.instant(day, plan.verify_from.0).max(ready);
    let closes = zone.instant(day, plan.verify_until.0).max(opens);
    let seconds = u64::try_from(closes.duration_since(opens).as_secs()).unwrap_or(0);
    let sent = later(opens, i64::try_from(dice.below(seconds)).unwrap_or(0));
    let late = plan.late_share.happens(&mut dice);
    (if late { later(sent, plan.late_by.0.draw(&mut dice)) } else { sent }, late)
}

/// So many seconds later; whole seconds, as reports are written.
pub(crate) fn later(moment: Timestamp, seconds: i64) -> Timestamp {
    moment.checked_add(seconds.seconds()).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
