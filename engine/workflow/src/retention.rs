//! How long what remains is kept (R21 to R24): the table `[retention]` of a region.
//!
//! What carries a person goes by the law itself, as soon as nobody needs it, and has no setting here but its ceiling
//! (`payload_ceiling_days`, R23). These settings are for what carries nobody: ids, days and counts.

/// Days beyond the last on which a report is accepted that what ended is remembered, whatever the clocks say.
pub const REMEMBERED_DAYS: u16 = 7;

/// The longest that anything is kept, in days: ten years and the leap days in them.
pub const KEPT_DAYS_MAX: u16 = 3_653;

/// Retention as somebody wrote it, not yet checked. The field names are the keys of `[retention]` in `region.toml`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RetentionSettings {
    /// How long the events of a finished incident may wait for others, so that they go together, in seconds.
    pub events_grouped_seconds: u16,
    /// How old a ciphertext must be that no event points to before it is swept, in seconds: longer than anybody takes between
    /// storing and appending.
    pub orphans_after_seconds: u16,
    /// How long it is remembered that an incident ended, in days: its tombstone, and its id in each engine's own list. None:
    /// as long as a report is accepted, and a week.
    pub tombstone_days: Option<u16>,
    /// How long breach records are kept, in days (R24).
    pub breach_days: u16,
    /// How long the counts of a closed month are kept, in months (R25).
    pub counts_months: u16,
}

impl RetentionSettings {
    /// The keys of `[retention]`, in the order of the fields.
    pub const KEYS: [&str; 5] =
        ["events_grouped_seconds", "orphans_after_seconds", "tombstone_days", "breach_days", "counts_months"];

    /// The first rule that these settings break: the key and what is wrong with it.
    pub(crate) fn broken(&self, accept_days: u16) -> Option<(&'static str, &'static str)> {
        let tombstones = self.tombstone_days(accept_days);
        let rules = [
            (
                (1..=60).contains(&self.events_grouped_seconds),
                "events_grouped_seconds",
                "must be at least 1 and at most 60",
            ),
            (
                (120..=3_600).contains(&self.orphans_after_seconds),
                "orphans_after_seconds",
                "must be at least 120 and at most 3600",
            ),
            (
                tombstones >= accept_days.saturating_add(REMEMBERED_DAYS),
                "tombstone_days",
                "must be at least policy.accept_days + 7, or a report could come back after its end",
            ),
            (tombstones <= KEPT_DAYS_MAX, "tombstone_days", "must be at most 3653"),
            (
                (1..=KEPT_DAYS_MAX).contains(&self.breach_days),
                "breach_days",
                "must be at least 1 and at most 3653",
            ),
            (
                (13..=240).contains(&self.counts_months),
                "counts_months",
                "must be at least 13 and at most 240",
            ),
        ];
        rules.into_iter().find(|(holds, ..)| !holds).map(|(_, key, problem)| (key, problem))
    }

    /// How long it is remembered that an incident ended, in days, where reports are accepted for so many.
    pub(crate) fn tombstone_days(&self, accept_days: u16) -> u16 {
        self.tombstone_days.unwrap_or_else(|| accept_days.saturating_add(REMEMBERED_DAYS))
    }
}

impl Default for RetentionSettings {
    fn default() -> Self {
        Self {
            events_grouped_seconds: 15,
            orphans_after_seconds: 120,
            tombstone_days: None,
            // Five years, and the leap day or two in them.
            breach_days: 1_827,
            counts_months: 120,
        }
    }
}
