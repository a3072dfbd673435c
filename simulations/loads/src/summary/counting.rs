//! How the figures are counted.

use hwc_workflow::{calendar::Calendar, policy::Policy};
use jiff::Timestamp;

use super::{Delivered, HeldLine, LegLine, Part, Quantiles, Queue, Sources, Within};
use crate::ledger::{Closed, Gauge, Leg, Place, Timing, local};

/// The hours at which it is said how many were delivered.
const WITHIN_HOURS: [u32; 16] = [6, 12, 18, 24, 30, 36, 42, 48, 60, 72, 96, 120, 168, 240, 336, 504];

/// The bounds between which held signals are counted, in hours.
const HELD_HOURS: [u32; 7] = [0, 1, 24, 48, 96, 168, 336];

pub(super) fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

pub(super) fn counted<T>(list: &[T], is: impl Fn(&T) -> bool) -> u32 {
    count(list.iter().filter(|one| is(one)).count())
}

/// In millionths, rounded to the nearest.
pub fn share(part: u32, whole: u32) -> u32 {
    if whole == 0 {
        return 0;
    }
    let rounded = (u64::from(part) * 1_000_000 + u64::from(whole) / 2) / u64::from(whole);
    u32::try_from(rounded).unwrap_or(u32::MAX)
}

pub(super) fn delivered(rows: &[Timing], calendar: &Calendar, policy: &Policy) -> Delivered {
    let zone = calendar.zone();
    let delivered: Vec<(&Timing, Timestamp)> =
        rows.iter().filter_map(|row| Some((row, row.delivered_first_at?))).collect();
    let all = count(delivered.len());
    let part = |signals| Part { signals, share: share(signals, all) };
    let took: Vec<i64> = delivered.iter().filter_map(|(row, _)| row.until_delivery(zone)).collect();
    // Exactly so many hours is within them (R26).
    let within = |hours: u32| counted(&took, |seconds| *seconds <= i64::from(hours) * 3_600);
    let start = policy.school_start();
    let in_time =
        counted(&delivered, |(row, at)| row.first_lesson(calendar, start).is_some_and(|lesson| *at < lesson));
    let early = counted(&delivered, |(_, at)| zone.local(*at).time() < start);
    Delivered {
        all: Part { signals: all, share: share(all, count(rows.len())) },
        before_first_lesson: part(in_time),
        before_lessons: part(early),
        within_24_h: part(within(24)),
        within_48_h: part(within(48)),
        within_72_h: part(within(72)),
        later: part(all - within(72)),
        within_hours: WITHIN_HOURS
            .iter()
            .map(|hours| Within { hours: *hours, signals: within(*hours), share: share(within(*hours), all) })
            .collect(),
    }
}

pub(super) fn legs(rows: &[Timing]) -> Vec<LegLine> {
    let lengths: Vec<Vec<i64>> =
        Leg::ALL.iter().map(|leg| rows.iter().filter_map(|row| row.leg(*leg)).collect()).collect();
    // Of those who went all the way, so that the parts make a whole.
    let whole = rows.iter().filter(|row| row.acknowledged_at.is_some());
    let sums: Vec<i64> = Leg::ALL
        .iter()
        .map(|leg| whole.clone().filter_map(|row| row.leg(*leg)).map(|seconds| seconds.max(0)).sum())
        .collect();
    let all: i64 = sums.iter().sum();
    let part = |sum: i64| {
        let millionths = i128::from(sum) * 1_000_000 / i128::from(all.max(1));
        u32::try_from(millionths).unwrap_or(0)
    };
    Leg::ALL
        .iter()
        .zip(lengths)
        .zip(sums)
        .map(|((leg, lengths), sum)| LegLine {
            leg: leg.as_str(),
            took: quantiles(lengths),
            share_of_time: part(sum),
        })
        .collect()
}

/// Nearest rank: the smallest of the values that at least such a share does not exceed.
pub(super) fn quantiles(mut values: Vec<i64>) -> Quantiles {
    values.sort_unstable();
    let Some(longest_s) = values.last().copied() else { return Quantiles::default() };
    let rank = |percent: usize| {
        let place = (values.len() * percent).div_ceil(100).saturating_sub(1);
        values.get(place).copied().unwrap_or(longest_s)
    };
    let sum: i128 = values.iter().copied().map(i128::from).sum();
    let mean = sum / i128::try_from(values.len()).unwrap_or(1);
    Quantiles {
        signals: count(values.len()),
        p10_s: rank(10),
        p50_s: rank(50),
        p90_s: rank(90),
        p99_s: rank(99),
        longest_s,
        mean_s: i64::try_from(mean).unwrap_or(i64::MAX),
    }
}

pub(super) fn held(rows: &[Timing]) -> Vec<HeldLine> {
    let lengths: Vec<i64> = rows.iter().filter_map(|row| row.leg(Leg::Held)).collect();
    let bounds = HELD_HOURS.iter().zip(HELD_HOURS.iter().skip(1).copied().map(Some).chain([None]));
    bounds
        .map(|(from, until)| {
            let seconds = |hours: u32| i64::from(hours) * 3_600;
            let lies = |length: &i64| {
                *length >= seconds(*from) && until.is_none_or(|until| *length < seconds(until))
            };
            HeldLine { from_hours: *from, until_hours: until, signals: counted(&lengths, lies) }
        })
        .collect()
}

pub(super) fn by_weekday_and_hour(
    moments: impl Iterator<Item = Timestamp>,
    calendar: &Calendar,
) -> [[u32; 24]; 7] {
    let mut counts = [[0; 24]; 7];
    for at in moments {
        let local = calendar.local(at);
        let place = |number: i8| usize::try_from(number).unwrap_or(0);
        let weekday = counts.get_mut(place(local.date().weekday().to_monday_zero_offset()));
        if let Some(count) = weekday.and_then(|hours| hours.get_mut(place(local.hour()))) {
            *count += 1;
        }
    }
    counts
}

pub(super) fn by_half_hour(rows: &[Timing], calendar: &Calendar) -> Vec<u32> {
    let mut counts = vec![0; 48];
    for at in rows.iter().filter_map(|row| row.delivered_first_at) {
        let local = calendar.local(at);
        let half = usize::try_from(local.hour()).unwrap_or(0) * 2 + usize::from(local.minute() >= 30);
        if let Some(count) = counts.get_mut(half) {
            *count += 1;
        }
    }
    counts
}

pub(super) fn queues(sources: &Sources<'_>, closed: &Closed) -> Vec<Queue> {
    let zone = sources.calendar.zone();
    let seconds = closed.ends.duration_since(sources.begins).as_secs().max(1);
    let queue = |place: Place, gauge: &Gauge| {
        let mean = gauge.area() * 1_000 / i128::from(seconds);
        Queue {
            place: place.as_str(),
            most: gauge.most().count,
            most_at: local(zone, gauge.most().at),
            mean_milli: i64::try_from(mean).unwrap_or(i64::MAX),
            left: gauge.now(),
            begins_at: local(zone, sources.begins),
            step_s: gauge.step_seconds(),
            steps: gauge.steps().to_vec(),
        }
    };
    Place::ALL.iter().zip(&closed.places).map(|(place, gauge)| queue(*place, gauge)).collect()
}
