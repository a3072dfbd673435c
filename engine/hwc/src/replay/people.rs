//! The people of a replay: they act at once, but for the school's contact, who keeps school hours.

use std::sync::Arc;

use hwc_municipality::{Decision, Doubt, Person, Why};
use hwc_schemas::{Organisation, letter::Letter};
use hwc_school::{Contact, Reading};
use hwc_workflow::calendar::{Calendar, Day};
use jiff::{
    Timestamp,
    civil::{Time, time},
};

/// The person at the municipality withholds every ambiguous case.
#[derive(Debug, Clone, Copy)]
pub(super) struct Withholds;

impl Person for Withholds {
    async fn decide(&self, _: &Doubt<'_>) -> Decision {
        Decision::Withhold(Why::default())
    }
}

/// A contact opens and acknowledges at 08:00 on a school day, or at once when a signal arrives from 08:00 up to, not
/// including, 17:00, whatever the policy.
pub(super) struct SchoolHours {
    pub(super) school: Organisation,
    pub(super) calendar: Arc<Calendar>,
    /// Nobody here ever opens anything.
    pub(super) unattended: bool,
}

impl SchoolHours {
    const FROM: Time = time(8, 0, 0, 0);
    const UNTIL: Time = time(17, 0, 0, 0);
}

impl Contact for SchoolHours {
    fn opens_at(&self, arrived: Timestamp) -> Option<Timestamp> {
        if self.unattended {
            return None;
        }
        let local = self.calendar.local(arrived);
        if self.calendar.day(local.date(), &self.school) == Day::School {
            if local.time() < Self::FROM {
                return Some(self.calendar.instant(local.date(), Self::FROM));
            }
            if local.time() < Self::UNTIL {
                return Some(arrived);
            }
        }
        let next = self.calendar.school_day_from(&self.school, local.date().tomorrow().ok()?).ok()?;
        Some(self.calendar.instant(next, Self::FROM))
    }

    fn read(&self, _: &Letter) -> Reading {
        Reading::Received
    }
}
