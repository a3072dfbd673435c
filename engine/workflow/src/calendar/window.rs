//! When a signal is delivered, looked up again and given up (R12, R18, R19, R20).

use hwc_schemas::{Organisation, outcome::Withheld};
use jiff::{
    SignedDuration, Timestamp, ToSpan,
    civil::{Date, Time},
};

use super::{Calendar, Day, Unlisted};
use crate::policy::Policy;

/// When a signal can be delivered at the earliest (R19).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FirstDelivery {
    /// At this moment.
    At(Timestamp),
    /// Nobody can tell: from this day on no school year is listed, and no delivery is possible before it.
    UnlistedFrom(Date),
}

/// A signal that waits for its school's day.
#[derive(Debug, Clone, Copy)]
pub struct Waiting<'a> {
    /// Its school.
    pub school: &'a Organisation,
    /// Since when it could be delivered, were there school.
    pub ready: Timestamp,
    /// The local day of its first routing: the longest hold counts from it (R19).
    pub held_since: Date,
    /// When its payload is gone (R23).
    pub ceiling: Timestamp,
}

/// What becomes of a signal that is addressed to a school (R18, R19).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Plan {
    /// It is delivered at this moment, which may be now.
    DeliverAt(Timestamp),
    /// It is withheld, now: [`Withheld::SummerHoliday`] or [`Withheld::HeldTooLong`].
    Withhold(Withheld),
    /// It waits until another school year is listed, or until this moment, at which it has certainly been too long.
    WaitForCalendar {
        /// Look again at this moment at the latest; later than now.
        until: Timestamp,
    },
}

impl Calendar {
    /// The first moment, not before `from`, at which a signal may be delivered to the school: at once on a school day
    /// within the window, else when the window opens on the school's next day (R19).
    pub fn first_delivery(&self, policy: &Policy, school: &Organisation, from: Timestamp) -> FirstDelivery {
        match self.delivery(policy, school, from) {
            Ok(at) => FirstDelivery::At(at),
            Err(unlisted) => FirstDelivery::UnlistedFrom(unlisted.from),
        }
    }

    fn delivery(
        &self,
        policy: &Policy,
        school: &Organisation,
        from: Timestamp,
    ) -> Result<Timestamp, Unlisted> {
        let local = self.local(from);
        let today = local.date();
        // What today is no longer matters once its window has closed.
        let earliest = if local.time() < policy.deliver_until() {
            today
        } else {
            today.tomorrow().map_err(|_| Unlisted { from: today })?
        };
        let day = self.school_day_from(school, earliest)?;
        Ok(self.window_opens(policy, day).max(from))
    }

    fn window_opens(&self, policy: &Policy, day: Date) -> Timestamp {
        self.instant(day, policy.deliver_from())
    }

    /// What becomes of a waiting signal, decided at `now`: R18 first, then R19.
    ///
    /// * Summer holiday: one of its weekdays lies between the day it was ready and the day of its first delivery, both
    ///   included. Where no school year is listed, this is decided for the days up to the first unlisted one.
    /// * Held too long: no delivery is possible within the longest hold and before the ceiling, and that is certain.
    pub fn plan(&self, policy: &Policy, waiting: &Waiting<'_>, now: Timestamp) -> Plan {
        let Waiting { school, ready, held_since, ceiling } = *waiting;
        let from = ready.max(now);
        let delivery = self.delivery(policy, school, from);
        // Whatever an unlisted day turns out to be, the first delivery is not before it.
        let reached = match delivery {
            Ok(at) => self.local(at).date(),
            Err(unlisted) => unlisted.from,
        };
        if self.summer.have_a_weekday_within(self.local(ready).date(), reached) {
            return Plan::Withhold(Withheld::SummerHoliday);
        }
        let last_day = last_day_of_hold(policy, held_since);
        match delivery {
            Ok(at) if reached <= last_day && at < ceiling => Plan::DeliverAt(at),
            Ok(_) => Plan::Withhold(Withheld::HeldTooLong),
            Err(unlisted) => {
                let until = self.hold_ends(policy, held_since).min(ceiling);
                if unlisted.from <= last_day && from < until {
                    Plan::WaitForCalendar { until }
                } else {
                    Plan::Withhold(Withheld::HeldTooLong)
                }
            }
        }
    }

    /// When it is certain, whatever the school, that a signal first routed on this local day has been held too long: at
    /// the end of the window on the last day of the longest hold (R19).
    pub fn hold_ends(&self, policy: &Policy, held_since: Date) -> Timestamp {
        self.instant(last_day_of_hold(policy, held_since), policy.deliver_until())
    }

    /// When a held signal is looked up again (R12): on the morning of its delivery, an hour before the window opens,
    /// but not on the day before. `deliver_at` is a plan's. `None` when it is held for 24 hours or less.
    pub fn look_up_again_at(
        &self,
        policy: &Policy,
        routed_at: Timestamp,
        deliver_at: Timestamp,
    ) -> Option<Timestamp> {
        let held_long = deliver_at.duration_since(routed_at) > SignedDuration::from_hours(24);
        let early: Time = policy.deliver_from().saturating_sub(1.hour());
        held_long.then(|| self.instant(self.local(deliver_at).date(), early))
    }

    /// When a delivered signal expires that nobody acknowledges: the end of the window on the school day that the
    /// policy says, counted from the day after the day of delivery; with 0, on the day of delivery itself (R20).
    /// Days in no listed school year do not count. `None` when too few school days are known before the ceiling, which
    /// then decides (R23).
    pub fn expires_at(
        &self,
        policy: &Policy,
        school: &Organisation,
        delivered_at: Timestamp,
    ) -> Option<Timestamp> {
        let delivered = self.local(delivered_at).date();
        let days = std::iter::successors(delivered.tomorrow().ok(), |day| day.tomorrow().ok())
            .take(usize::from(policy.payload_ceiling_days()))
            .filter(|day| self.day(*day, school) == Day::School);
        let day =
            std::iter::once(delivered).chain(days).nth(usize::from(policy.expire_after_school_days()))?;
        Some(self.instant(day, policy.deliver_until()))
    }
}

fn last_day_of_hold(policy: &Policy, held_since: Date) -> Date {
    held_since.saturating_add(i32::from(policy.max_hold_days()).days())
}
