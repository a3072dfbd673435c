//! Which notice about a waiting signal is due when (R20).

use hwc_schemas::{Organisation, wire::Notice};
use jiff::{Timestamp, ToSpan, civil::Time};

use super::{Calendar, Day};
use crate::policy::Policy;

impl Calendar {
    /// The first notice that follows `after` and is due later than the delivery, if the signal still waits then.
    ///
    /// On each school morning the contact is reminded, the backup contact called in and the municipality told that
    /// receipt is missing. A signal delivered after the school's start is left alone on that day, until its end: then
    /// the municipality is told that it is still unread. On days that are closed or in no listed year nobody is told
    /// anything. It looks ahead no further than a payload can live. Notices that are due at one moment follow each other
    /// in the order of [`Notice`]; `after` is the last one that is known.
    pub fn next_notice(
        &self,
        policy: &Policy,
        school: &Organisation,
        delivered_at: Timestamp,
        after: Option<(Timestamp, Notice)>,
    ) -> Option<(Timestamp, Notice)> {
        let seen_until = after.map_or(delivered_at, |(due, _)| due.max(delivered_at));
        let delivered = self.local(delivered_at);
        let last = delivered.date().saturating_add(i32::from(policy.payload_ceiling_days()).days());
        let morning = policy.morning_notices();
        let evening: [(Time, Notice); 1] = [(policy.deliver_until(), Notice::StillUnread)];
        let late = delivered.time() > policy.school_start();
        std::iter::successors(Some(self.local(seen_until).date()), |day| day.tomorrow().ok())
            .take_while(|day| *day <= last)
            .filter(|day| self.day(*day, school) == Day::School)
            .flat_map(|day| {
                let of_day = if late && day == delivered.date() { &evening[..] } else { &morning[..] };
                of_day.iter().map(move |(time, notice)| (self.instant(day, *time), *notice))
            })
            .find(|next| next.0 > delivered_at && Some(*next) > after)
    }

    /// All notices of a signal that is delivered at this moment and waits for ever, in the order in which they are due
    /// (R20).
    pub fn notices(
        &self,
        policy: &Policy,
        school: &Organisation,
        delivered_at: Timestamp,
    ) -> impl Iterator<Item = (Timestamp, Notice)> {
        let next = move |after| self.next_notice(policy, school, delivered_at, after);
        std::iter::successors(next(None), move |last| next(Some(*last)))
    }
}
