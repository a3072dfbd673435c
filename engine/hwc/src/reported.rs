//! Breaches as they are kept (R24): those that the law notes, and those that organisations report, also after the end. Each is
//! kept once, and nobody reports more in a day than the project leader can read.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hwc_jetstream::{BreachRecord, BreachRecordKind, Breaches};
use hwc_schemas::{
    BreachReportId, Organisation,
    ask::{BREACH_DAYS_MAX, BREACHES_A_DAY_MAX, Told},
    breach::{Reported, WhatHappened},
    wire::Refusal,
};
use hwc_workflow::{Breach, BreachKind};
use jiff::civil::Date;

/// What is kept of a breach that the law noted on this local day.
pub(crate) const fn record_of(breach: &Breach, day: Date) -> BreachRecord {
    let kind = match breach.kind {
        BreachKind::Returned => BreachRecordKind::Returned,
        BreachKind::Recalled(reason) => BreachRecordKind::Recalled(reason),
    };
    BreachRecord { day, kind, opened: Some(breach.opened) }
}

/// How many breaches each organisation reported today, since this engine leads. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Reports {
    breaches: Breaches,
    reported: Today,
    today: Date,
}

/// What was reported today.
#[derive(Debug, Clone, Default)]
struct Today {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    day: Date,
    reported: HashMap<Organisation, usize>,
}

/// A report as it was asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Report {
    pub(crate) id: BreachReportId,
    pub(crate) what: WhatHappened,
    pub(crate) day: Date,
}

impl Reports {
    /// None yet.
    pub(crate) fn of(breaches: &Breaches) -> Self {
        Self { breaches: breaches.clone(), reported: Today::default(), today: Date::default() }
    }

    /// The same on this local day.
    pub(crate) fn on(&self, today: Date) -> Self {
        Self { today, ..self.clone() }
    }

    /// Keeps a record of it.
    pub(crate) async fn keep(&self, from: &Organisation, report: Report) -> Told {
        let (Report { id, what, day }, today) = (report, self.today);
        let ago = today.since(day).map_or(i32::MAX, |span| span.get_days());
        if !(0..=BREACH_DAYS_MAX).contains(&ago) {
            return Told::Refused { refusal: Refusal::Malformed };
        }
        if !self.reported.take(from, today) {
            tracing::warn!(%from, "more breaches in one day than anybody finds");
            return Told::Refused { refusal: Refusal::TooManyBreaches };
        }
        let reported = Reported { what, by: from.role() };
        let record = BreachRecord { day, kind: BreachRecordKind::Reported(reported), opened: None };
        match self.breaches.keep_reported((from, id), &record).await {
            Ok(already) => {
                if already {
                    self.reported.give_back(from, today);
                }
                Told::BreachKept { already }
            }
            Err(error) => {
                self.reported.give_back(from, today);
                tracing::warn!(%error, "a breach that was reported could not be kept; it is to be reported again");
                Told::TryLater
            }
        }
    }
}

impl Today {
    /// A place for one more today; false when there is none.
    fn take(&self, from: &Organisation, today: Date) -> bool {
        let mut inner = self.lock();
        if inner.day != today {
            *inner = Inner { day: today, reported: HashMap::new() };
        }
        let reported = inner.reported.entry(from.clone()).or_default();
        let room = *reported < BREACHES_A_DAY_MAX;
        *reported += usize::from(room);
        room
    }

    fn give_back(&self, from: &Organisation, today: Date) {
        let mut inner = self.lock();
        if inner.day == today
            && let Some(reported) = inner.reported.get_mut(from)
        {
            *reported = reported.saturating_sub(1);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_organisation_has_its_own_places_and_new_ones_every_day() {
        let reports = Today::default();
        let organisation = |name: &str| name.parse::<Organisation>().unwrap();
        let (one, other) = (organisation("school-01AA00"), organisation("school-02BB00"));
        let (today, tomorrow) = (Date::constant(2026, 11, 18), Date::constant(2026, 11, 19));
        for _ in 0..BREACHES_A_DAY_MAX {
            assert!(reports.take(&one, today));
        }
        assert!(!reports.take(&one, today) && reports.take(&other, today));
        reports.give_back(&one, today);
        assert!(reports.take(&one, today) && !reports.take(&one, today));
        assert!(reports.take(&one, tomorrow));
    }
}
