//! School days (R17 to R19), and what follows from them: when a signal is delivered, looked up again, reminded of, and
//! given up (R12, R18 to R20).
//!
//! A [`Calendar`] is made of computed national holidays ([`is_national_holiday`]), a [`Feed`] of school holidays, and
//! days that are closed for all schools or for one. All of it is local time in Europe/Amsterdam ([`Zone`]); moments go
//! in and come out as timestamps. What is not listed is not guessed: a day in no listed school year is
//! [`Day::Unlisted`].

mod feed;
mod holidays;
mod json;
mod notices;
mod spans;
mod window;
mod zone;

use std::collections::{BTreeMap, BTreeSet};

use hwc_schemas::Organisation;
use jiff::{
    Timestamp,
    civil::{Date, DateTime, Time},
};

use self::{
    feed::SchoolYear,
    spans::{Spans, is_weekend},
};
pub use self::{
    feed::{Feed, FeedError, HolidayRegion, HolidayRegionError},
    holidays::{easter_sunday, is_national_holiday},
    window::{FirstDelivery, Plan, Waiting},
    zone::{NoZone, Zone},
};

/// What a day is for one school (R19).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Day {
    /// Signals are delivered on it.
    School,
    /// There is no school, for this reason.
    Closed(Closed),
    /// It lies in no listed school year: nobody can tell, not even of a weekend.
    Unlisted,
}

/// Why there is no school on a day: the first in this order that applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Closed {
    /// A Saturday or Sunday.
    Weekend,
    /// A national holiday.
    NationalHoliday,
    /// The region's summer holiday, in which no signals are passed on at all (R18).
    SummerHoliday,
    /// Another school holiday of the region, advisory or not.
    SchoolHoliday,
    /// Closed for all schools by the region's settings.
    ForAll,
    /// This school's own closed day.
    Own,
}

/// No listed school year holds the day that comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("no listed school year holds {from}")]
pub struct Unlisted {
    /// The first day that could be a school day and is not listed.
    pub from: Date,
}

/// The school days of the schools of one holiday region (R19).
#[derive(Debug, Clone)]
pub struct Calendar {
    zone: Zone,
    listed: Spans,
    summer: Spans,
    holidays: Spans,
    closed: BTreeSet<Date>,
    own_closed: BTreeMap<Organisation, BTreeSet<Date>>,
}

impl Calendar {
    /// The calendar of a region with nothing closed but weekends, national holidays and the feed's school holidays.
    /// A school year runs from 1 August to 31 July, extended to the end of its own summer holiday in this region,
    /// whichever holidays are listed in it.
    pub fn new(zone: Zone, region: HolidayRegion, feed: &Feed) -> Self {
        let of_region = |year: &SchoolYear| {
            let holidays = year.holidays.clone().into_iter();
            holidays.filter(|holiday| holiday.region.is_none_or(|whose| whose == region)).collect::<Vec<_>>()
        };
        let listed = feed.years.iter().filter_map(|year| {
            let first = Date::new(year.begins, 8, 1).ok()?;
            let july_ends = Date::new(year.begins.checked_add(1)?, 7, 31).ok()?;
            let summers = of_region(year).into_iter().filter(|holiday| holiday.summer);
            Some((first, summers.map(|holiday| holiday.last).fold(july_ends, Date::max)))
        });
        let (summer, holidays): (Vec<_>, Vec<_>) =
            feed.years.iter().flat_map(of_region).partition(|holiday| holiday.summer);
        let spans = |days: Vec<feed::Holiday>| days.into_iter().map(|day| (day.first, day.last)).collect();
        Self {
            zone,
            listed: listed.collect(),
            summer: spans(summer),
            holidays: spans(holidays),
            closed: BTreeSet::new(),
            own_closed: BTreeMap::new(),
        }
    }

    /// Closes days for all schools.
    #[must_use]
    pub fn with_closed_days(mut self, days: impl IntoIterator<Item = Date>) -> Self {
        self.closed.extend(days);
        self
    }

    /// Closes days for the school each is named with.
    #[must_use]
    pub fn with_own_closed_days(mut self, days: impl IntoIterator<Item = (Organisation, Date)>) -> Self {
        for (school, day) in days {
            self.own_closed.entry(school).or_default().insert(day);
        }
        self
    }

    /// What a day is for a school.
    pub fn day(&self, date: Date, school: &Organisation) -> Day {
        match self.day_of_the_region(date) {
            Day::School if self.own_closed.get(school).is_some_and(|days| days.contains(&date)) => {
                Day::Closed(Closed::Own)
            }
            day => day,
        }
    }

    /// What a day is for a school without closed days of its own.
    pub fn day_of_the_region(&self, date: Date) -> Day {
        if !self.listed.contains(date) {
            Day::Unlisted
        } else if is_weekend(date) {
            Day::Closed(Closed::Weekend)
        } else if is_national_holiday(date) {
            Day::Closed(Closed::NationalHoliday)
        } else if self.summer.contains(date) {
            Day::Closed(Closed::SummerHoliday)
        } else if self.holidays.contains(date) {
            Day::Closed(Closed::SchoolHoliday)
        } else if self.closed.contains(&date) {
            Day::Closed(Closed::ForAll)
        } else {
            Day::School
        }
    }

    /// The school's first school day from a day on, that day included. Bounded by the last listed day.
    pub fn school_day_from(&self, school: &Organisation, mut date: Date) -> Result<Date, Unlisted> {
        loop {
            match self.day(date, school) {
                Day::School => return Ok(date),
                Day::Unlisted => return Err(Unlisted { from: date }),
                Day::Closed(_) => date = date.tomorrow().map_err(|_| Unlisted { from: date })?,
            }
        }
    }

    /// The last day up to which, from `today` on, every day lies in a listed school year; `None` when today does not.
    /// Ops are warned by it long before the list ends or has a gap (R19).
    pub fn listed_until(&self, today: Date) -> Option<Date> {
        self.listed.around(today).map(|(_, last)| last)
    }

    /// The time zone.
    pub const fn zone(&self) -> &Zone {
        &self.zone
    }

    /// What calendar and clock on the wall say at a moment.
    pub fn local(&self, at: Timestamp) -> DateTime {
        self.zone.local(at)
    }

    /// The moment at which calendar and clock on the wall say this; [`Zone::instant`] says how at a clock change.
    pub fn instant(&self, date: Date, time: Time) -> Timestamp {
        self.zone.instant(date, time)
    }
}
