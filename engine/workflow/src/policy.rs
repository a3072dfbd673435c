//! The policy of a region: times of day and limits (R12, R19, R20, R23).
//!
//! [`PolicySettings`] is what somebody wrote; a [`Policy`] is settings that passed [`Policy::check`]. The law takes
//! only a `Policy`, and there is no other way to get one.

use hwc_schemas::wire::Notice;
use jiff::civil::Time;

use crate::retention::RetentionSettings;

/// Days a payload may stay beyond its longest hold and its time at the school (R23): what routing takes.
pub const MARGIN_DAYS: u16 = 7;

/// The largest number of days that any limit may have.
pub const DAYS_MAX: u16 = 365;

/// A policy as somebody wrote it, not yet checked. Times are local, in Europe/Amsterdam. The field names are the keys
/// of `[policy]` in a dataset's `region.toml`, and the defaults are its defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PolicySettings {
    /// From this time on a school day signals are delivered (R19).
    pub deliver_from: Time,
    /// Up to, not including, this time signals are delivered; the school's day ends here (R19, R20).
    pub deliver_until: Time,
    /// The first lesson: what is delivered later is not reminded of on the same day (R17, R20).
    pub school_start: Time,
    /// When the contact is reminded (R20).
    pub remind_contact_at: Time,
    /// When the backup contact is called in (R20).
    pub remind_backup_at: Time,
    /// When the municipality hears that receipt is missing (R20).
    pub notify_municipality_at: Time,
    /// How many local calendar days after its routing a signal may be delivered at the latest (R19).
    pub max_hold_days: u16,
    /// On which school day after the day of delivery a signal expires that nobody acknowledged (R20).
    pub expire_after_school_days: u16,
    /// How many days a payload lives at most, whatever happens (R23).
    pub payload_ceiling_days: u16,
    /// How many days after it was made a report is still accepted. What ended is remembered a little longer than that.
    pub accept_days: u16,
    /// How long what remains is kept: the table `[retention]`.
    pub retention: RetentionSettings,
}

impl PolicySettings {
    /// The keys of `[policy]`, in the order of the fields.
    pub const KEYS: [&str; 10] = [
        "deliver_from",
        "deliver_until",
        "school_start",
        "remind_contact_at",
        "remind_backup_at",
        "notify_municipality_at",
        "max_hold_days",
        "expire_after_school_days",
        "payload_ceiling_days",
        "accept_days",
    ];
}

impl Default for PolicySettings {
    fn default() -> Self {
        const fn time(hour: i8, minute: i8) -> Time {
            Time::constant(hour, minute, 0, 0)
        }
        Self {
            deliver_from: const { time(7, 0) },
            deliver_until: const { time(17, 0) },
            school_start: const { time(8, 30) },
            remind_contact_at: const { time(8, 15) },
            remind_backup_at: const { time(8, 30) },
            notify_municipality_at: const { time(10, 0) },
            max_hold_days: 17,
            expire_after_school_days: 2,
            payload_ceiling_days: 28,
            accept_days: 90,
            retention: RetentionSettings::default(),
        }
    }
}

/// Why settings are no policy. It names the key and the limit, never a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{table}.{key}: {problem}")]
pub struct PolicyError {
    /// The table that it stands in: `policy` or `retention`.
    pub table: &'static str,
    /// The key to change, one of [`PolicySettings::KEYS`] or [`RetentionSettings::KEYS`].
    pub key: &'static str,
    /// What is wrong with it.
    pub problem: &'static str,
}

/// Settings that passed the check; the default is the defaults of a dataset.
///
/// ```compile_fail,E0423
/// use hwc_workflow::policy::{Policy, PolicySettings};
/// let unchecked = Policy(PolicySettings::default());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Policy(PolicySettings);

impl Policy {
    /// Checks settings. Refused are, in this order: a window without a moment in it (R19), a number of days above
    /// [`DAYS_MAX`], a ceiling that could come before a signal's own end (R23), and what remains being kept for too short
    /// or too long.
    pub fn check(settings: PolicySettings) -> Result<Self, PolicyError> {
        let s = &settings;
        let ceiling_min =
            u32::from(s.max_hold_days) + u32::from(s.expire_after_school_days) + u32::from(MARGIN_DAYS);
        let rules = [
            (s.deliver_from < s.deliver_until, "deliver_until", "must be later than deliver_from"),
            (s.max_hold_days <= DAYS_MAX, "max_hold_days", "must be at most 365"),
            (s.expire_after_school_days <= DAYS_MAX, "expire_after_school_days", "must be at most 365"),
            (s.payload_ceiling_days <= DAYS_MAX, "payload_ceiling_days", "must be at most 365"),
            ((1..=DAYS_MAX).contains(&s.accept_days), "accept_days", "must be at least 1 and at most 365"),
            (
                ceiling_min <= u32::from(s.payload_ceiling_days),
                "payload_ceiling_days",
                "must be at least max_hold_days + expire_after_school_days + 7 (R23)",
            ),
        ];
        match rules.into_iter().find(|(holds, ..)| !holds) {
            Some((_, key, problem)) => Err(PolicyError { table: "policy", key, problem }),
            None => match s.retention.broken(s.accept_days) {
                Some((key, problem)) => Err(PolicyError { table: "retention", key, problem }),
                None => Ok(Self(settings)),
            },
        }
    }

    /// The settings, to show them or to change them and check again.
    pub const fn settings(&self) -> &PolicySettings {
        &self.0
    }

    /// From this local time on a school day signals are delivered (R19).
    pub const fn deliver_from(&self) -> Time {
        self.0.deliver_from
    }

    /// Up to, not including, this local time signals are delivered; later than [`Self::deliver_from`] (R19).
    pub const fn deliver_until(&self) -> Time {
        self.0.deliver_until
    }

    /// The local time of the first lesson (R17, R20).
    pub const fn school_start(&self) -> Time {
        self.0.school_start
    }

    /// The three notices of a school morning with their local times, the earliest first (R20).
    pub fn morning_notices(&self) -> [(Time, Notice); 3] {
        let mut notices = [
            (self.0.remind_contact_at, Notice::RemindContact),
            (self.0.remind_backup_at, Notice::RemindBackup),
            (self.0.notify_municipality_at, Notice::ReceiptMissing),
        ];
        notices.sort_unstable();
        notices
    }

    /// How many local calendar days after its routing a signal may be delivered at the latest, at most [`DAYS_MAX`]
    /// (R19).
    pub const fn max_hold_days(&self) -> u16 {
        self.0.max_hold_days
    }

    /// On which school day after the day of delivery an unacknowledged signal expires, at most [`DAYS_MAX`] (R20).
    pub const fn expire_after_school_days(&self) -> u16 {
        self.0.expire_after_school_days
    }

    /// How many days a payload lives at most; at least the two above and [`MARGIN_DAYS`], at most [`DAYS_MAX`] (R23).
    pub const fn payload_ceiling_days(&self) -> u16 {
        self.0.payload_ceiling_days
    }

    /// How many days after it was made a report is still accepted, from 1 to [`DAYS_MAX`].
    pub const fn accept_days(&self) -> u16 {
        self.0.accept_days
    }

    /// How long the events of a finished incident wait for others, in seconds, at most 60.
    pub const fn events_grouped_seconds(&self) -> u16 {
        self.0.retention.events_grouped_seconds
    }

    /// How old a ciphertext must be that no event points to before it is swept, in seconds, at least 120.
    pub const fn orphans_after_seconds(&self) -> u16 {
        self.0.retention.orphans_after_seconds
    }

    /// How long it is remembered that an incident ended, in days; at least a week more than [`Self::accept_days`].
    pub fn tombstone_days(&self) -> u16 {
        self.0.retention.tombstone_days(self.0.accept_days)
    }

    /// How long breach records are kept, in days (R24).
    pub const fn breach_days(&self) -> u16 {
        self.0.retention.breach_days
    }

    /// How long the counts of a closed month are kept, in months (R25).
    pub const fn counts_months(&self) -> u16 {
        self.0.retention.counts_months
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::time;

    fn refused(change: impl FnOnce(&mut PolicySettings)) -> Option<&'static str> {
        let mut settings = PolicySettings::default();
        change(&mut settings);
        let refusal = Policy::check(settings).err()?;
        let keys: &[&str] =
            if refusal.table == "policy" { &PolicySettings::KEYS } else { &RetentionSettings::KEYS };
        assert!(keys.contains(&refusal.key));
        Some(refusal.key)
    }

    #[test]
    fn the_defaults_are_a_policy() {
        assert_eq!(Policy::check(PolicySettings::default()), Ok(Policy::default()));
    }

    #[test]
    fn r23_a_ceiling_that_could_come_before_a_signals_own_end_is_refused() {
        assert_eq!(refused(|s| s.payload_ceiling_days = 26), None);
        assert_eq!(refused(|s| s.payload_ceiling_days = 25), Some("payload_ceiling_days"));
        assert_eq!(refused(|s| s.max_hold_days = 20), Some("payload_ceiling_days"));
        assert_eq!(refused(|s| s.expire_after_school_days = 5), Some("payload_ceiling_days"));
    }

    #[test]
    fn r19_a_window_without_a_moment_in_it_is_refused() {
        assert_eq!(refused(|s| s.deliver_from = s.deliver_until), Some("deliver_until"));
        assert_eq!(refused(|s| s.deliver_until = time(6, 0, 0, 0)), Some("deliver_until"));
    }

    #[test]
    fn absurd_numbers_of_days_are_refused_and_never_overflow() {
        assert_eq!(refused(|s| s.payload_ceiling_days = 366), Some("payload_ceiling_days"));
        assert_eq!(refused(|s| s.accept_days = 366), Some("accept_days"));
        assert_eq!(refused(|s| s.accept_days = 0), Some("accept_days"));
        assert_eq!(refused(|s| s.max_hold_days = u16::MAX), Some("max_hold_days"));
        assert_eq!(refused(|s| s.expire_after_school_days = u16::MAX), Some("expire_after_school_days"));
    }

    #[test]
    fn r20_the_notices_may_come_in_any_order_and_two_at_one_time() {
        let notices = |change: fn(&mut PolicySettings)| {
            let mut settings = PolicySettings::default();
            change(&mut settings);
            Policy::check(settings).unwrap().morning_notices().map(|(_, notice)| notice)
        };
        assert_eq!(
            notices(|s| s.remind_backup_at = time(8, 0, 0, 0)),
            [Notice::RemindBackup, Notice::RemindContact, Notice::ReceiptMissing]
        );
        assert_eq!(
            notices(|s| s.notify_municipality_at = s.remind_contact_at),
            [Notice::RemindContact, Notice::ReceiptMissing, Notice::RemindBackup]
        );
    }

    #[test]
    fn what_ended_is_remembered_for_longer_than_a_report_is_accepted() {
        let remembered = |change: fn(&mut PolicySettings)| {
            let mut settings = PolicySettings::default();
            change(&mut settings);
            Policy::check(settings).map(|policy| policy.tombstone_days()).map_err(|error| error.key)
        };
        assert_eq!(remembered(|_| ()), Ok(97));
        assert_eq!(remembered(|s| s.accept_days = 365), Ok(372));
        assert_eq!(remembered(|s| s.retention.tombstone_days = Some(400)), Ok(400));
        assert_eq!(remembered(|s| s.retention.tombstone_days = Some(96)), Err("tombstone_days"));
        assert_eq!(remembered(|s| s.retention.tombstone_days = Some(u16::MAX)), Err("tombstone_days"));
    }

    #[test]
    fn what_remains_is_kept_for_neither_no_time_nor_for_ever() {
        assert_eq!(refused(|s| s.retention.breach_days = 0), Some("breach_days"));
        assert_eq!(refused(|s| s.retention.breach_days = 3_654), Some("breach_days"));
        assert_eq!(refused(|s| s.retention.counts_months = 12), Some("counts_months"));
        assert_eq!(refused(|s| s.retention.counts_months = 241), Some("counts_months"));
        assert_eq!(refused(|s| s.retention.events_grouped_seconds = 61), Some("events_grouped_seconds"));
        assert_eq!(refused(|s| s.retention.orphans_after_seconds = 119), Some("orphans_after_seconds"));
    }

    #[test]
    fn an_error_names_its_key_as_the_file_does() {
        let error =
            PolicyError { table: "policy", key: "deliver_until", problem: "must be later than deliver_from" };
        assert_eq!(error.to_string(), "policy.deliver_until: must be later than deliver_from");
    }
}
