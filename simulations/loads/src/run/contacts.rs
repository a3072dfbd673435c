//! The contacts of schools, and their backups.

use std::sync::Arc;

use hwc_casework::routing::SchoolCode;
use hwc_schemas::{Organisation, letter::Letter};
use hwc_school::{Contact, Reading};
use hwc_workflow::{
    calendar::{Calendar, Day},
    policy::Policy,
};
use jiff::{
    Timestamp,
    civil::{Date, Time},
};

use super::people::number_of;
use crate::{
    arrivals::later,
    chance::Stream,
    plan::{Says, Schools},
    region::Truth,
};

/// The contact of one school, as a plan has them.
pub(super) struct Attending {
    school: SchoolCode,
    organisation: Option<Organisation>,
    number: u64,
    calendar: Arc<Calendar>,
    backup_called_at: Time,
    plan: Schools,
    seed: u64,
    never: bool,
    truth: Arc<Truth>,
}

/// Nobody waits longer for a contact to come than any signal lives.
const DAYS_MAX: usize = 120;

impl Attending {
    pub(super) fn new(
        says: &Says,
        seed: u64,
        school: SchoolCode,
        (calendar, policy): (&Arc<Calendar>, &Policy),
        truth: &Arc<Truth>,
    ) -> Self {
        let number = number_of(school.as_str());
        let never = says.schools.never_share.happens(&mut Stream::Never.dice(seed, &[number]));
        Self {
            school,
            organisation: hwc_municipality::school(school),
            number,
            calendar: Arc::clone(calendar),
            backup_called_at: policy.settings().remind_backup_at,
            plan: says.schools.clone(),
            seed,
            never,
            truth: Arc::clone(truth),
        }
    }

    /// When what arrived then is opened on a day, if it is; `arrived` is not after the day.
    fn opens_on(&self, day: Date, arrived: Timestamp) -> Option<Timestamp> {
        let school = self.organisation.as_ref()?;
        if self.calendar.day(day, school) != Day::School {
            return None;
        }
        let ordinal = u64::try_from(day.duration_since(Date::ZERO).as_hours() / 24).unwrap_or(0);
        let mut dice = Stream::Contacts.dice(self.seed, &[self.number, ordinal]);
        let midnight = self.calendar.instant(day, Time::midnight());
        let leaves = self.calendar.instant(day, self.plan.contact_leaves.0);
        // Drawn whether it matters or not, so that the other draws stay what they are.
        let comes = self.plan.contact_comes.0.draw(&mut dice);
        let comes = self.calendar.instant(day, time_of_day(comes)).max(midnight);
        let is_away = self.plan.absent_share.happens(&mut dice);
        let again = self.plan.looks_again_after.0.draw(&mut dice);
        let backup = self.plan.backup_after.0.draw(&mut dice);
        let backup_is_away = self.plan.backup_absent_share.happens(&mut dice);
        if !is_away {
            let opens = if arrived < comes { comes } else { later(arrived, again) };
            return (arrived < leaves && opens <= leaves).then_some(opens);
        }
        let called = self.calendar.instant(day, self.backup_called_at);
        let opens = later(called, backup);
        (!backup_is_away && arrived < called && opens <= leaves).then_some(opens)
    }
}

fn time_of_day(seconds: i64) -> Time {
    let part = |value: i64| i8::try_from(value).unwrap_or(0);
    Time::new(part(seconds / 3_600), part(seconds / 60 % 60), part(seconds % 60), 0).unwrap_or(Time::MAX)
}

impl Contact for Attending {
    fn opens_at(&self, arrived: Timestamp) -> Option<Timestamp> {
        if self.never {
            return None;
        }
        let today = self.calendar.local(arrived).date();
        let mut days = std::iter::successors(Some(today), |day| day.tomorrow().ok()).take(DAYS_MAX);
        days.find_map(|day| self.opens_on(day, arrived))
    }

    fn read(&self, letter: &Letter) -> Reading {
        let found = self.truth.find(&letter.child).filter(|(_, one)| one.attends != self.school);
        let Some((place, _)) = found else { return Reading::Received };
        let mut dice = Stream::Contacts.dice(self.seed, &[self.number, place as u64, 1]);
        if self.plan.returns_share.happens(&mut dice) { Reading::NotOurPupil } else { Reading::Received }
    }
}
