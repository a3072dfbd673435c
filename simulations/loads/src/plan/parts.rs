//! The parts of a plan, each with its defaults. `docs/plans.md` says of every key what it means, in which unit, and where its
//! default comes from.
//!
//! The defaults of everybody who works are the replay's: they act at once, day and night, but for the contact, who comes at
//! 08:00. So a plan that says nothing of people ends as `hwc replay` of its dataset does.

use std::path::PathBuf;

use hwc_workflow::policy::PolicySettings;
use serde::Deserialize;

use super::words::{At, Day, Length, Moment, RegionSize, Weekdays};
use crate::{
    chance::Share,
    spread::{Lengths, Spread, Times},
};

/// When incidents happen. What is still under way at the end is followed to its end.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Period {
    /// The first day.
    pub from: Day,
    /// How many days.
    pub days: u16,
}

/// Where: a region to make, or a dataset's. Exactly one of the two.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Region {
    /// The size of the region that is made: `village`, `town`, `region`, `province`, `country`, or a number of inhabitants.
    pub size: Option<RegionSize>,
    /// The seed of its people and schools; that of the plan if there is none.
    pub seed: Option<u64>,
    /// The folder of a dataset that is run as it is, with its own reports; relative to the plan.
    pub dataset: Option<PathBuf>,
}

/// How many incidents happen, and when.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Arrivals {
    /// Incidents a year in the whole region; goes before the next.
    pub incidents_per_year: Option<u32>,
    /// Incidents a year for every 100,000 children.
    pub incidents_per_100k_children: u32,
    /// How likely each day of the week is, Monday first; relative.
    pub by_weekday: [u32; 7],
    /// How likely each hour of the day is, from midnight; relative.
    pub by_hour: [u32; 24],
}

impl Default for Arrivals {
    fn default() -> Self {
        Self {
            incidents_per_year: None,
            incidents_per_100k_children: 1_040,
            by_weekday: [13, 12, 12, 13, 14, 18, 18],
            by_hour: [6, 5, 4, 3, 2, 1, 1, 2, 2, 3, 3, 3, 4, 4, 4, 4, 5, 6, 7, 7, 8, 8, 8, 7],
        }
    }
}

/// When reports leave the police (R8).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Reporting {
    /// The morning on which reports are verified begins then.
    pub verify_from: At,
    /// And ends then.
    pub verify_until: At,
    /// On these days; what happened before waits for the next.
    pub verify_days: Weekdays,
    /// How long an incident takes before it can be verified.
    pub ready_after: Lengths,
    /// The share that is late.
    pub late_share: Share,
    /// By how much.
    pub late_by: Lengths,
}

impl Default for Reporting {
    fn default() -> Self {
        Self {
            verify_from: At(jiff::civil::time(6, 0, 0, 0)),
            verify_until: At(jiff::civil::time(8, 30, 0, 0)),
            verify_days: Weekdays::ALL,
            ready_after: Lengths(Spread::fixed(3_600)),
            late_share: Share::of_parts(100_000).unwrap_or_default(),
            late_by: Lengths(spread_of(&[
                (0, 3_600),
                (500_000, 26 * 3_600),
                (900_000, 6 * 86_400),
                (1_000_000, 21 * 86_400),
            ])),
        }
    }
}

/// Who does the work of one organisation, and when.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Staff {
    /// How many people work side by side. Without it the work is done at once, day and night.
    pub people: Option<u16>,
    /// When they begin.
    pub opens: At,
    /// When they stop. What is in hand then is finished when they begin again.
    pub closes: At,
    /// On these days.
    pub days: Weekdays,
    /// Whether they work on national holidays.
    pub on_holidays: bool,
    /// When they have lunch, all at once.
    pub lunch: Option<[At; 2]>,
    /// How long one task takes.
    pub takes: Lengths,
    /// How long a case takes that only a person can decide (R16), more.
    pub doubt_takes: Lengths,
    /// How likely a doubtful case is decided for its only candidate; otherwise it is withheld.
    pub picks_share: Share,
}

impl Default for Staff {
    fn default() -> Self {
        Self {
            people: None,
            opens: At(jiff::civil::time(7, 0, 0, 0)),
            closes: At(jiff::civil::time(17, 0, 0, 0)),
            days: Weekdays::WORKING,
            on_holidays: false,
            lunch: None,
            takes: Lengths(Spread::fixed(0)),
            doubt_takes: Lengths(Spread::fixed(0)),
            picks_share: Share::NONE,
        }
    }
}

/// The contacts of the schools.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Schools {
    /// When the contact looks first on a school day; drawn for each school and day.
    pub contact_comes: Times,
    /// Until when the contact looks.
    pub contact_leaves: At,
    /// How long a signal waits that arrives after the contact came.
    pub looks_again_after: Lengths,
    /// How likely the contact of a school is away on a school day.
    pub absent_share: Share,
    /// How long after the reminder to the backup contact (R20) that one opens what waits.
    pub backup_after: Lengths,
    /// How likely the backup contact is away too.
    pub backup_absent_share: Share,
    /// The share of schools where nobody ever opens anything.
    pub never_share: Share,
    /// How likely a contact sees that a child is not the school's, when the register was wrong, and returns it (R24).
    pub returns_share: Share,
}

impl Default for Schools {
    fn default() -> Self {
        Self {
            contact_comes: Times(Spread::fixed(8 * 3_600)),
            contact_leaves: At(jiff::civil::time(17, 0, 0, 0)),
            looks_again_after: Lengths(Spread::fixed(0)),
            absent_share: Share::NONE,
            backup_after: Lengths(Spread::fixed(900)),
            backup_absent_share: Share::NONE,
            never_share: Share::NONE,
            returns_share: Share::NONE,
        }
    }
}

/// When the attendance offices' registers come to know what they do not know yet (R12). How often they do not is a rate.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Registers {
    /// How long after the report the school tells of the child; the register knows at the next feed. Without it never.
    pub corrected_after: Option<Lengths>,
    /// On which days the register is fed.
    pub feed_days: Weekdays,
    /// At what time.
    pub feed_at: At,
    /// How long after a return (R24) the municipality corrects its register by hand. Without it never.
    pub corrected_after_return: Option<Lengths>,
}

impl Default for Registers {
    fn default() -> Self {
        Self {
            corrected_after: None,
            feed_days: Weekdays::MONDAY,
            feed_at: At(jiff::civil::time(6, 0, 0, 0)),
            corrected_after_return: None,
        }
    }
}

/// When something does not answer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Outages {
    /// These times.
    pub down: Vec<Down>,
    /// And so many times a year, at any moment.
    pub per_year: u32,
    /// For so long each.
    pub lasts: Lengths,
}

impl Default for Outages {
    fn default() -> Self {
        Self { down: Vec::new(), per_year: 0, lasts: Lengths(Spread::fixed(3_600)) }
    }
}

/// One time.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Down {
    /// From this local moment.
    pub from: Moment,
    /// For so long.
    #[serde(rename = "for")]
    pub lasts: Length,
}

/// The look-up of households (R9).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LookUp {
    /// How long Veilig Thuis waits for it before the named children go first.
    pub patience: Length,
    /// These times.
    pub down: Vec<Down>,
    /// And so many times a year, at any moment.
    pub per_year: u32,
    /// For so long each.
    pub lasts: Lengths,
}

impl Default for LookUp {
    fn default() -> Self {
        let Outages { down, per_year, lasts } = Outages::default();
        Self { patience: Length(1_800), down, per_year, lasts }
    }
}

impl LookUp {
    /// When it is down.
    pub fn outages(&self) -> Outages {
        Outages { down: self.down.clone(), per_year: self.per_year, lasts: self.lasts.clone() }
    }
}

/// The region's policy: what a dataset's `[policy]` says (docs/dataset.md). What is not said is the default there.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PolicyPart {
    /// From then signals are delivered.
    pub deliver_from: Option<At>,
    /// Until then.
    pub deliver_until: Option<At>,
    /// The first lesson.
    pub school_start: Option<At>,
    /// When the contact is reminded.
    pub remind_contact_at: Option<At>,
    /// When the backup contact is called in.
    pub remind_backup_at: Option<At>,
    /// When the municipality hears that receipt is missing.
    pub notify_municipality_at: Option<At>,
    /// How long a signal is held at most.
    pub max_hold_days: Option<u16>,
    /// On which school day it expires.
    pub expire_after_school_days: Option<u16>,
    /// How long a payload lives at most.
    pub payload_ceiling_days: Option<u16>,
    /// How old a report may be.
    pub accept_days: Option<u16>,
}

impl PolicyPart {
    /// Over these settings.
    pub fn over(&self, mut settings: PolicySettings) -> PolicySettings {
        let put = |to: &mut jiff::civil::Time, from: Option<At>| *to = from.map_or(*to, |at| at.0);
        put(&mut settings.deliver_from, self.deliver_from);
        put(&mut settings.deliver_until, self.deliver_until);
        put(&mut settings.school_start, self.school_start);
        put(&mut settings.remind_contact_at, self.remind_contact_at);
        put(&mut settings.remind_backup_at, self.remind_backup_at);
        put(&mut settings.notify_municipality_at, self.notify_municipality_at);
        settings.max_hold_days = self.max_hold_days.unwrap_or(settings.max_hold_days);
        settings.expire_after_school_days =
            self.expire_after_school_days.unwrap_or(settings.expire_after_school_days);
        settings.payload_ceiling_days = self.payload_ceiling_days.unwrap_or(settings.payload_ceiling_days);
        settings.accept_days = self.accept_days.unwrap_or(settings.accept_days);
        settings
    }
}

fn spread_of(points: &[(u32, i64)]) -> Spread {
    let points = points.iter().map(|(parts, value)| (Share::of_parts(*parts).unwrap_or_default(), *value));
    Spread::by_quantiles(points.collect()).unwrap_or_else(|_| Spread::fixed(0))
}
