//! When something may happen to a signal, by the calendar (R12, R18 to R20, R23).

use hwc_schemas::{
    IncidentId, SignalId,
    outcome::{Expired, Withheld},
    wire::RouteWhy,
};
use hwc_workflow::{Event, Fact};
use jiff::{SignedDuration, Timestamp, ToSpan, civil::Date};

use super::{
    super::{
        calendar::{Calendar, Chance, at, local},
        demand,
        ledger::{Case, Place, Signal},
    },
    PROMPT_WITHIN,
};
use crate::truth::{PolicySettings, Truth};

/// Longer than this a letter is not held without looking it up afresh (R12).
const FRESH: SignedDuration = SignedDuration::from_hours(24);
/// What a ceiling in days may differ from as many times 24 hours, where clocks change.
const CLOCK_CHANGE: SignedDuration = SignedDuration::from_hours(1);

/// The region's days, and how wrong clocks are.
pub(super) struct Days {
    calendar: Calendar,
    policy: PolicySettings,
    clock_error_max: SignedDuration,
}

impl Days {
    pub(super) fn of(truth: &Truth) -> Self {
        let (policy, clock_error_max) = (truth.policy, truth.clock_error_max);
        Self { calendar: Calendar::of(truth), policy, clock_error_max }
    }

    /// What two clocks may be apart.
    fn apart(&self) -> SignedDuration {
        self.clock_error_max + self.clock_error_max
    }

    /// The end of everything of an incident (R23).
    fn ceiling(&self, case: &Case) -> Timestamp {
        let days = SignedDuration::from_hours(24 * i64::from(self.policy.payload_ceiling_days));
        case.recorded.as_ref().map_or(Timestamp::MAX, |recorded| recorded.at + days)
    }

    /// Since when it is held: since it was routed first, or first after a return.
    fn held_since(signal: &Signal) -> Option<Timestamp> {
        let begin = signal.rounds.iter().rposition(|round| round.why != RouteWhy::LookUpAgain)?;
        signal.rounds[begin].routed.as_ref().map(|(.., at)| *at)
    }

    fn last_day(&self, held_since: Timestamp) -> Date {
        local(held_since).date().saturating_add(i64::from(self.policy.max_hold_days).days())
    }

    /// What becomes of a signal that waits for its school's day, seen from a moment.
    pub(super) fn chance(&self, case: &Case, signal: &Signal, now: Timestamp) -> Option<Chance> {
        let (school, _, routed) = signal.rounds.last()?.routed.as_ref()?;
        let last = self.last_day(Self::held_since(signal)?);
        let times = (*routed, now.max(*routed));
        Some(self.calendar.chance(school.code(), times, last, self.ceiling(case)))
    }

    /// Why a signal that were routed to that school at that moment would not go there at all, if so.
    pub(super) fn unroutable(
        &self,
        case: &Case,
        signal: &Signal,
        school: &str,
        at: Timestamp,
    ) -> Option<Withheld> {
        let last = self.last_day(Self::held_since(signal).unwrap_or(at));
        reason(self.calendar.chance(school, (at, at), last, self.ceiling(case)))
    }

    /// Whether its last day is over, wherever it is.
    pub(super) fn is_held_too_long(&self, signal: &Signal, at: Timestamp) -> bool {
        Self::held_since(signal).is_some_and(|since| local(at).date() > self.last_day(since))
    }

    /// When a signal at its school expires: at its time or at the ceiling, whichever comes first.
    pub(super) fn expires(&self, case: &Case, signal: &Signal) -> Option<Timestamp> {
        let (school, ..) = signal.rounds.last()?.routed.as_ref()?;
        let delivered = signal.rounds.last()?.delivered?;
        let expires = self.calendar.expires(school.code(), delivered);
        Some(expires.unwrap_or(Timestamp::MAX).min(self.ceiling(case)))
    }

    pub(super) fn report_expires(
        &self,
        incident: IncidentId,
        case: &Case,
        at: Timestamp,
    ) -> Result<(), String> {
        demand(at + CLOCK_CHANGE >= self.ceiling(case), || {
            format!("the report of {incident} expires at {}, before its ceiling", local(at))
        })
    }

    /// Judges an event of a signal, which is as it was before.
    pub(super) fn judge(
        &self,
        id: SignalId,
        case: &Case,
        signal: &Signal,
        event: &Event,
        now: Timestamp,
    ) -> Result<(), String> {
        let no = |why: &str| Err(format!("{:?} of {id} at {}: {why}", event.fact, local(event.at)));
        match &event.fact {
            Fact::Delivered { .. } => self.delivered(signal, event, now).or_else(no),
            Fact::LookUpAgain { .. } => self.looked_up_again(signal, event).or_else(no),
            Fact::Withheld { reason: reason @ (Withheld::SummerHoliday | Withheld::HeldTooLong), .. } => {
                let chance = self.chance(case, signal, event.at);
                // It waits for a school year that nobody listed until its ceiling.
                let at_ceiling = matches!(chance, Some(Chance::Unknown))
                    && event.at + CLOCK_CHANGE >= self.ceiling(case)
                    && *reason == Withheld::HeldTooLong;
                let why = chance.and_then(self::reason);
                if signal.place != Place::Routed || at_ceiling || why == Some(*reason) {
                    Ok(())
                } else {
                    no("that is not so")
                }
            }
            Fact::Acknowledged { .. } => {
                let expires = self.expires(case, signal).unwrap_or(Timestamp::MAX);
                if event.at <= expires + self.apart() { Ok(()) } else { no("it had expired") }
            }
            Fact::Expired { reason, .. } => {
                let (place, when) = match reason {
                    Expired::NotScreened => return no("that is for reports"),
                    Expired::NotRouted => (signal.place != Place::Delivered, Some(self.ceiling(case))),
                    Expired::NotAcknowledged => {
                        (signal.place == Place::Delivered, self.expires(case, signal))
                    }
                };
                if !place {
                    no("it is not where that could be")
                } else if when.is_none_or(|when| event.at + self.change(when, case) < when) {
                    no("its time had not come")
                } else {
                    Ok(())
                }
            }
            _ => Ok(()),
        }
    }

    /// How much earlier a moment may be: the ceiling by a change of clocks.
    fn change(&self, when: Timestamp, case: &Case) -> SignedDuration {
        if when == self.ceiling(case) { CLOCK_CHANGE } else { SignedDuration::ZERO }
    }

    fn delivered(&self, signal: &Signal, event: &Event, now: Timestamp) -> Result<(), &'static str> {
        let routed = signal.rounds.last().and_then(|round| round.routed.as_ref());
        let Some(((school, _, routed), held_since)) = routed.zip(Self::held_since(signal)) else {
            return Err("it was not routed");
        };
        let shown = local(event.at);
        let window = self.policy.deliver_from..self.policy.deliver_until;
        if self.calendar.is_school_day(school.code(), shown.date()) != Some(true) {
            Err("there is no school")
        } else if !window.contains(&shown.time()) {
            Err("that is not in the window")
        } else if event.at.duration_until(now).abs() > self.clock_error_max + PROMPT_WITHIN {
            Err("it took effect at quite another time")
        } else if self.calendar.summer_between(local(*routed).date(), shown.date()) {
            Err("the summer holiday lies between")
        } else if shown.date() > self.last_day(held_since) {
            Err("it was held too long")
        } else if routed.duration_until(event.at) > FRESH + self.apart() {
            Err("it was held over 24 hours and not looked up again")
        } else {
            Ok(())
        }
    }

    fn looked_up_again(&self, signal: &Signal, event: &Event) -> Result<(), &'static str> {
        let routed = signal.rounds.last().and_then(|round| round.routed.as_ref());
        let Some((school, _, routed)) = routed else { return Err("it was not routed") };
        let shown = local(event.at);
        // On the morning of the delivery: it is looked up before the window opens.
        let delivery = event.at.max(at(shown.date(), self.policy.deliver_from));
        if routed.duration_until(delivery) + self.apart() < FRESH {
            Err("it was not held over 24 hours")
        } else if self.calendar.is_school_day(school.code(), shown.date()) != Some(true) {
            Err("it will not be delivered on that day")
        } else if shown.time() >= self.policy.deliver_until {
            Err("that day is over")
        } else {
            Ok(())
        }
    }
}

/// The reason that a chance is, if it is none.
const fn reason(chance: Chance) -> Option<Withheld> {
    match chance {
        Chance::SummerHoliday => Some(Withheld::SummerHoliday),
        Chance::TooLong => Some(Withheld::HeldTooLong),
        Chance::At(_) | Chance::Unknown => None,
    }
}
