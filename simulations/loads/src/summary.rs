//! What a run comes to, in numbers. Everything that the page shows stands here, and is written as `summary.json`.

mod counting;

use std::collections::BTreeMap;

use hwc_schemas::outcome::{Expired, Outcome, Withheld};
use hwc_workflow::{calendar::Calendar, policy::Policy};
use jiff::{Timestamp, civil::Time};
use serde::Serialize;

pub use self::counting::share;
use self::counting::{count, counted};
use crate::{
    arrivals::Incident,
    ledger::{Closed, local},
    plan::Says,
};

/// What a run comes to. Shares are in millionths, lengths of time in seconds, moments local with their offset.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// That nobody in it exists.
    pub invented: bool,
    /// The plan.
    pub plan: PlanLine,
    /// The region.
    pub region: RegionLine,
    /// The reports.
    pub reports: Reports,
    /// How many signals there were.
    pub signals: u32,
    /// How they ended, in the order of the rules' table.
    pub outcomes: Vec<OutcomeLine>,
    /// Signals that did not end. There must be none.
    pub open: u32,
    /// The delivered ones.
    pub delivered: Delivered,
    /// Where the time went, leg by leg, in the order of the way.
    pub legs: Vec<LegLine>,
    /// From the incident to the first delivery, as R26 counts it.
    pub incident_to_delivery: Quantiles,
    /// How long signals were held for a school day.
    pub held: Held,
    /// What people were reminded of, and what came back.
    pub people: People,
    /// What happened by weekday (Monday first) and hour.
    pub arrivals: Arrivals,
    /// First deliveries by the time of the day, in half hours from midnight.
    pub deliveries_by_half_hour: Vec<u32>,
    /// How much lay where.
    pub queues: Vec<Queue>,
}

/// Which plan was run.
#[derive(Debug, Clone, Serialize)]
pub struct PlanLine {
    /// Its name.
    pub name: String,
    /// Its question.
    pub question: String,
    /// The seed.
    pub seed: u64,
    /// The first day.
    pub from: String,
    /// How many days.
    pub days: u16,
    /// When nothing was left to happen.
    pub ended_at: String,
    /// When lessons begin.
    pub school_start: String,
    /// When the delivery of a day begins.
    pub deliver_from: String,
    /// When it ends.
    pub deliver_until: String,
}

/// The region.
#[derive(Debug, Clone, Default, Serialize)]
pub struct RegionLine {
    /// Its name.
    pub name: String,
    /// Children from 0 to 17; none where nobody counted them.
    pub children: Option<u64>,
    /// Municipalities that take part.
    pub municipalities: u32,
    /// Schools of the directory.
    pub schools: u32,
    /// Those that can receive signals.
    pub receiving_schools: u32,
}

/// The reports.
#[derive(Debug, Clone, Serialize)]
pub struct Reports {
    /// Sent.
    pub sent: u32,
    /// Accepted by the engine.
    pub recorded: u32,
    /// Refused by it.
    pub refused: u32,
    /// Of which nothing is left.
    pub purged: u32,
    /// About a family of an earlier incident.
    pub follow_ups: u32,
    /// Later than the routine.
    pub late: u32,
    /// With a bare date.
    pub date_only: u32,
    /// Whose named children went first, because the look-up was down (R9).
    pub named_first: u32,
}

/// How many signals ended in one way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OutcomeLine {
    /// The outcome.
    pub outcome: &'static str,
    /// The reason; none where there is none.
    pub reason: Option<&'static str>,
    /// How many.
    pub signals: u32,
    /// Of all signals, in millionths.
    pub share: u32,
}

/// A count, and the share it is of what it is counted among.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Part {
    /// How many.
    pub signals: u32,
    /// In millionths.
    pub share: u32,
}

/// The delivered signals.
#[derive(Debug, Clone, Serialize)]
pub struct Delivered {
    /// All of them, of all signals.
    pub all: Part,
    /// Before the first lessons after the incident (R17).
    pub before_first_lesson: Part,
    /// Before the lessons of whichever day they were delivered on.
    pub before_lessons: Part,
    /// Within 24 hours of the incident (R26).
    pub within_24_h: Part,
    /// Within 48 hours.
    pub within_48_h: Part,
    /// Within 72 hours.
    pub within_72_h: Part,
    /// Later.
    pub later: Part,
    /// The share that was delivered within so many hours of the incident.
    pub within_hours: Vec<Within>,
}

/// The share that was delivered within so many hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Within {
    /// So many.
    pub hours: u32,
    /// How many signals.
    pub signals: u32,
    /// Of the delivered ones, in millionths.
    pub share: u32,
}

/// Nearest-rank quantiles of lengths of time, in seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Quantiles {
    /// Of how many.
    pub signals: u32,
    /// A tenth took no longer.
    pub p10_s: i64,
    /// Half took no longer.
    pub p50_s: i64,
    /// Nine tenths took no longer.
    pub p90_s: i64,
    /// All but a hundredth took no longer.
    pub p99_s: i64,
    /// The longest.
    pub longest_s: i64,
    /// The mean, rounded down.
    pub mean_s: i64,
}

/// One leg.
#[derive(Debug, Clone, Serialize)]
pub struct LegLine {
    /// Which.
    pub leg: &'static str,
    /// How long it took.
    #[serde(flatten)]
    pub took: Quantiles,
    /// Of all the time that delivered and acknowledged signals took, in millionths.
    pub share_of_time: u32,
}

/// Held and expired.
#[derive(Debug, Clone, Serialize)]
pub struct Held {
    /// How many were held for so long, from the routing to the delivery.
    pub lengths: Vec<HeldLine>,
    /// How often a held signal was looked up again (R12).
    pub looked_up_again: u32,
    /// Withheld because of the summer holiday (R18).
    pub summer_holiday: u32,
    /// Withheld because it would have been held too long (R19).
    pub held_too_long: u32,
    /// Expired because nobody acknowledged it (R20).
    pub not_acknowledged: u32,
    /// Expired in any other way (R23).
    pub expired_otherwise: u32,
}

/// How many were held for less than so many hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct HeldLine {
    /// From so many hours.
    pub from_hours: u32,
    /// Up to, not including, so many; none for no bound.
    pub until_hours: Option<u32>,
    /// How many signals.
    pub signals: u32,
}

/// What people were reminded of.
#[derive(Debug, Clone, Serialize)]
pub struct People {
    /// Reminders to contacts.
    pub reminded_contact: u32,
    /// Reminders to backup contacts.
    pub reminded_backup: u32,
    /// Notices to municipalities.
    pub told_municipality: u32,
    /// Signals that a school returned.
    pub returned: u32,
}

/// Counts by weekday and hour.
#[derive(Debug, Clone, Serialize)]
pub struct Arrivals {
    /// Incidents.
    pub incidents: [[u32; 24]; 7],
    /// Reports.
    pub reports: [[u32; 24]; 7],
    /// Incidents by weekday.
    pub incidents_by_weekday: [u32; 7],
    /// Reports by weekday.
    pub reports_by_weekday: [u32; 7],
    /// Incidents by hour.
    pub incidents_by_hour: [u32; 24],
    /// Reports by hour.
    pub reports_by_hour: [u32; 24],
}

impl Arrivals {
    fn of(incidents: &[Incident], calendar: &Calendar) -> Self {
        let happened = counting::by_weekday_and_hour(incidents.iter().map(|one| one.occurred_at), calendar);
        let reported = counting::by_weekday_and_hour(incidents.iter().map(|one| one.reported_at), calendar);
        let by_weekday = |counts: &[[u32; 24]; 7]| counts.map(|hours| hours.iter().sum());
        let by_hour = |counts: &[[u32; 24]; 7]| {
            std::array::from_fn(|hour| counts.iter().filter_map(|hours| hours.get(hour)).sum())
        };
        Self {
            incidents_by_weekday: by_weekday(&happened),
            reports_by_weekday: by_weekday(&reported),
            incidents_by_hour: by_hour(&happened),
            reports_by_hour: by_hour(&reported),
            incidents: happened,
            reports: reported,
        }
    }
}

/// How much lay at a place.
#[derive(Debug, Clone, Serialize)]
pub struct Queue {
    /// Where.
    pub place: &'static str,
    /// The most at once.
    pub most: i64,
    /// Since when.
    pub most_at: String,
    /// The mean over the whole run, in thousandths.
    pub mean_milli: i64,
    /// How much lay there at the end. There must be nothing.
    pub left: i64,
    /// When the first step begins.
    pub begins_at: String,
    /// How long a step is.
    pub step_s: i64,
    /// The most in each step.
    pub steps: Vec<i64>,
}

/// What a summary is made from, besides what was kept.
pub struct Sources<'a> {
    /// What the plan says.
    pub says: &'a Says,
    /// The seed it was run with.
    pub seed: u64,
    /// The region.
    pub region: RegionLine,
    /// School days.
    pub calendar: &'a Calendar,
    /// Times.
    pub policy: &'a Policy,
    /// The reports that were sent.
    pub incidents: &'a [Incident],
    /// When the first day begins.
    pub begins: Timestamp,
    /// How many days reports are about.
    pub days: u16,
}

impl Summary {
    /// Counts.
    pub fn of(sources: &Sources<'_>, closed: &Closed) -> Self {
        let rows = &closed.timings;
        let signals = count(rows.len());
        let (calendar, policy) = (sources.calendar, sources.policy);
        let zone = calendar.zone();
        let mut outcomes: BTreeMap<Outcome, u32> = BTreeMap::new();
        for outcome in rows.iter().filter_map(|row| row.outcome) {
            *outcomes.entry(outcome).or_default() += 1;
        }
        let open = count(rows.iter().filter(|row| row.outcome.is_none() || row.purged_at.is_none()).count());
        let of = |outcome: Outcome| outcomes.get(&outcome).copied().unwrap_or(0);
        let says = sources.says;
        let tallies = closed.tallies;
        Self {
            invented: true,
            plan: PlanLine {
                name: says.name.clone(),
                question: says.question.clone(),
                seed: sources.seed,
                from: calendar.local(sources.begins).date().to_string(),
                days: sources.days,
                ended_at: local(zone, closed.ends),
                school_start: clock(policy.school_start()),
                deliver_from: clock(policy.deliver_from()),
                deliver_until: clock(policy.deliver_until()),
            },
            region: sources.region.clone(),
            reports: Reports {
                sent: count(sources.incidents.len()),
                recorded: tallies.recorded,
                refused: tallies.refused,
                purged: tallies.purged,
                follow_ups: counted(sources.incidents, |one| one.follow_up),
                late: counted(sources.incidents, |one| one.late),
                date_only: counted(sources.incidents, |one| one.date_only),
                named_first: tallies.named_first,
            },
            signals,
            outcomes: outcomes
                .iter()
                .map(|(outcome, signals_of)| {
                    let (outcome, reason) = outcome.words();
                    OutcomeLine { outcome, reason, signals: *signals_of, share: share(*signals_of, signals) }
                })
                .collect(),
            open,
            delivered: counting::delivered(rows, calendar, policy),
            legs: counting::legs(rows),
            incident_to_delivery: counting::quantiles(
                rows.iter().filter_map(|row| row.until_delivery(zone)).collect(),
            ),
            held: Held {
                lengths: counting::held(rows),
                looked_up_again: tallies.looked_up_again,
                summer_holiday: of(Outcome::Withheld(Withheld::SummerHoliday)),
                held_too_long: of(Outcome::Withheld(Withheld::HeldTooLong)),
                not_acknowledged: of(Outcome::Expired(Expired::NotAcknowledged)),
                expired_otherwise: of(Outcome::Expired(Expired::NotScreened))
                    + of(Outcome::Expired(Expired::NotRouted)),
            },
            people: People {
                reminded_contact: tallies.reminded_contact,
                reminded_backup: tallies.reminded_backup,
                told_municipality: tallies.told_municipality,
                returned: tallies.returned,
            },
            arrivals: Arrivals::of(sources.incidents, calendar),
            deliveries_by_half_hour: counting::by_half_hour(rows, calendar),
            queues: counting::queues(sources, closed),
        }
    }

    /// Signals that ended in this way, whatever the reason.
    pub fn ended(&self, outcome: &str) -> u32 {
        self.outcomes.iter().filter(|line| line.outcome == outcome).map(|line| line.signals).sum()
    }
}

fn clock(time: Time) -> String {
    time.strftime("%H:%M").to_string()
}

#[cfg(test)]
mod tests;
