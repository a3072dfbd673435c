//! Who works when, and who is next: the people of one organisation, its opening hours, and the queue before them.

use std::{cmp::Reverse, collections::BinaryHeap};

use hwc_workflow::calendar::{Zone, is_national_holiday};
use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, Time},
};

use crate::plan::Staff;

/// When people work.
#[derive(Debug, Clone)]
pub struct OpeningHours {
    zone: Zone,
    staff: Staff,
}

impl OpeningHours {
    /// As a plan says.
    pub const fn new(zone: Zone, staff: Staff) -> Self {
        Self { zone, staff }
    }

    /// The spans of one day in which somebody works, as moments, in order.
    fn spans(&self, day: Date) -> Vec<(Timestamp, Timestamp)> {
        let staff = &self.staff;
        if !staff.days.hold(day) || (!staff.on_holidays && is_national_holiday(day)) {
            return Vec::new();
        }
        let at = |time: Time| self.zone.instant(day, time);
        let (opens, closes) = (at(staff.opens.0), at(staff.closes.0));
        match staff.lunch {
            Some([from, until]) => vec![(opens, at(from.0)), (at(until.0), closes)],
            None => vec![(opens, closes)],
        }
    }

    /// When work of so many seconds is begun and ended if somebody is free from that moment on. It is left lying while
    /// nobody works. Work that takes no time is done in the first moment in which somebody works.
    pub fn work(&self, free_from: Timestamp, seconds: i64) -> (Timestamp, Timestamp) {
        let mut left = SignedDuration::from_secs(seconds.max(0));
        let mut begun = None;
        let first = self.zone.local(free_from).date();
        for day in std::iter::successors(Some(first), |day| day.tomorrow().ok()).take(Self::DAYS_MAX) {
            for (opens, closes) in self.spans(day) {
                let from = opens.max(free_from);
                if from >= closes {
                    continue;
                }
                let begins = *begun.get_or_insert(from);
                let room = closes.duration_since(from);
                if left <= room {
                    return (begins, from.checked_add(left).unwrap_or(closes));
                }
                left = left.saturating_sub(room);
            }
        }
        (begun.unwrap_or(Timestamp::MAX), Timestamp::MAX)
    }

    /// Nobody is closed for longer than this.
    const DAYS_MAX: usize = 400;
}

/// The people of one organisation. Whoever comes first is served first, by whoever is free first.
#[derive(Debug)]
pub struct Roster {
    hours: OpeningHours,
    /// From when on each of them is free, the earliest first.
    free_from: BinaryHeap<Reverse<Timestamp>>,
}

/// A piece of work that somebody will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// When somebody begins.
    pub begins: Timestamp,
    /// When it is done.
    pub ends: Timestamp,
}

impl Roster {
    /// So many people, all of them free.
    pub fn new(hours: OpeningHours, people: u16) -> Self {
        let free = (0..people.max(1)).map(|_| Reverse(Timestamp::MIN)).collect();
        Self { hours, free_from: free }
    }

    /// Work that comes now and takes somebody so many seconds.
    pub fn take(&mut self, now: Timestamp, seconds: i64) -> Turn {
        let free = self.free_from.pop().map_or(now, |Reverse(free)| free);
        let (begins, ends) = self.hours.work(free.max(now), seconds);
        self.free_from.push(Reverse(ends));
        Turn { begins, ends }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Plan;

    fn roster(people: u16) -> Roster {
        let text = format!(
            "name = \"T\"\n[period]\nfrom = \"2026-11-02\"\ndays = 1\n[region]\nsize = 1000\n[municipality]\npeople = {people}\nopens = \"08:00\"\ncloses = \"17:00\"\nlunch = [\"12:00\", \"12:30\"]\n"
        );
        let staff = Plan::parse(text).unwrap().says.municipality;
        Roster::new(OpeningHours::new(Zone::amsterdam().unwrap(), staff), people)
    }

    fn at(local: &str) -> Timestamp {
        let local: jiff::civil::DateTime = local.parse().unwrap();
        Zone::amsterdam().unwrap().instant(local.date(), local.time())
    }

    fn turn(begins: &str, ends: &str) -> Turn {
        Turn { begins: at(begins), ends: at(ends) }
    }

    #[test]
    fn one_person_does_one_thing_after_the_other_and_two_do_two() {
        let (mut one, mut two) = (roster(1), roster(2));
        let now = at("2026-11-16T09:00");
        let first = turn("2026-11-16T09:00", "2026-11-16T09:10");
        assert_eq!((one.take(now, 600), two.take(now, 600)), (first, first));
        assert_eq!(one.take(now, 600), turn("2026-11-16T09:10", "2026-11-16T09:20"));
        assert_eq!(two.take(now, 600), first);
    }

    #[test]
    fn what_is_in_hand_at_lunch_or_in_the_evening_goes_on_afterwards() {
        let mut roster = roster(1);
        assert_eq!(roster.take(at("2026-11-16T11:55"), 600), turn("2026-11-16T11:55", "2026-11-16T12:35"));
        assert_eq!(roster.take(at("2026-11-16T16:50"), 1_200), turn("2026-11-16T16:50", "2026-11-17T08:10"));
    }

    #[test]
    fn what_comes_on_a_weekend_or_a_holiday_waits_for_the_next_working_day() {
        let mut roster = roster(1);
        assert_eq!(roster.take(at("2026-11-14T09:00"), 0), turn("2026-11-16T08:00", "2026-11-16T08:00"));
        assert_eq!(roster.take(at("2026-12-24T17:00"), 60), turn("2026-12-28T08:00", "2026-12-28T08:01"));
    }

    #[test]
    fn a_day_of_a_clock_change_has_its_own_length() {
        let mut roster = roster(1);
        // 29 March 2027 is Easter Monday.
        assert_eq!(roster.take(at("2027-03-26T16:59"), 120), turn("2027-03-26T16:59", "2027-03-30T08:01"));
    }
}
