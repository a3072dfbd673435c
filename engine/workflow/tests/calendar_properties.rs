//! What holds for every moment, whatever is listed and closed (R18 to R20).

#![cfg(test)]

#[path = "fixtures/calendar.rs"]
mod fixture;

use std::sync::LazyLock;

use fixture::{FEED, at, calendar_of, plus, school};
use hwc_schemas::outcome::Withheld;
use hwc_workflow::{
    calendar::{Calendar, Closed, Day, FirstDelivery, Plan, Waiting},
    policy::{Policy, PolicySettings},
};
use jiff::{Timestamp, civil::date};
use proptest::prelude::*;

const SUMMER: Plan = Plan::Withhold(Withheld::SummerHoliday);

/// Every school year from 1990 to 2199 but each seventh, with a summer holiday and a closed day of its own.
static LONG: LazyLock<Calendar> = LazyLock::new(|| {
    let years: Vec<String> = (1990..2199)
        .filter(|year| year % 7 != 0)
        .map(|year| {
            let next = year + 1;
            format!(
                r#"{{"schoolyear":"{year}-{next}","vacations":[{{"type":"Zomervakantie","regions":[
                {{"region":"zuid","startdate":"{next}-07-09T22:00Z","enddate":"{next}-08-22T21:59Z"}}]}},
                {{"type":"Kerstvakantie","regions":[
                {{"region":"zuid","startdate":"{year}-12-20T23:00Z","enddate":"{next}-01-04T22:59Z"}}]}}]}}"#
            )
        })
        .collect();
    let own = (1990..2199).map(|year| (school(), plus(date(year, 11, 1), i32::from(year % 28))));
    calendar_of(format!(r#"{{"content":[{}]}}"#, years.join(",")).as_bytes()).with_own_closed_days(own)
});

/// The three years of the fixture: most moments are listed.
static SHORT: LazyLock<Calendar> = LazyLock::new(|| calendar_of(FEED));

fn calendars() -> impl Strategy<Value = &'static Calendar> {
    any::<bool>().prop_map(|long| if long { &*LONG } else { &*SHORT })
}

/// A moment from 1990 to 2199, or one of the years that the fixture lists.
fn moments() -> impl Strategy<Value = Timestamp> {
    let span = |from: &str, until: &str| at(from).as_second()..at(until).as_second();
    let seconds = prop_oneof![
        span("1990-01-01T00:00", "2200-01-01T00:00"),
        span("2025-08-01T00:00", "2028-08-21T00:00")
    ];
    seconds.prop_filter_map("a moment", |second| Timestamp::from_second(second).ok())
}

fn policies() -> impl Strategy<Value = Policy> {
    let times = (0_i8..12, 12_i8..24, 0_u16..60, 0_u16..6, [7_i8..11, 7_i8..11, 7_i8..11]);
    times.prop_filter_map("a policy", |(from, until, max_hold_days, expire_after_school_days, notices)| {
        let [contact, backup, municipality] = notices.map(|hour| jiff::civil::time(hour, 0, 0, 0));
        let settings = PolicySettings {
            deliver_from: jiff::civil::time(from, 30, 0, 0),
            deliver_until: jiff::civil::time(until, 0, 0, 0),
            max_hold_days,
            expire_after_school_days,
            payload_ceiling_days: 80,
            remind_contact_at: contact,
            remind_backup_at: backup,
            notify_municipality_at: municipality,
            ..PolicySettings::default()
        };
        Policy::check(settings).ok()
    })
}

/// The moment from which on a delivery is possible or unknown.
fn earliest(calendar: &Calendar, delivery: FirstDelivery) -> Timestamp {
    match delivery {
        FirstDelivery::At(at) => at,
        FirstDelivery::UnlistedFrom(day) => calendar.instant(day, jiff::civil::Time::midnight()),
    }
}

/// R18, day by day.
fn meets_summer(calendar: &Calendar, policy: &Policy, ready: Timestamp, now: Timestamp) -> bool {
    let after = match calendar.first_delivery(policy, &school(), now) {
        FirstDelivery::At(at) => plus(calendar.local(at).date(), 1),
        FirstDelivery::UnlistedFrom(day) => day,
    };
    let days = std::iter::successors(Some(calendar.local(ready).date()), |day| day.tomorrow().ok());
    days.take_while(|day| *day < after)
        .any(|day| calendar.day(day, &school()) == Day::Closed(Closed::SummerHoliday))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn r19_the_first_delivery_is_not_before_it_is_asked_for_and_in_the_window_of_a_school_day(
        calendar in calendars(), policy in policies(), from in moments()
    ) {
        if let FirstDelivery::At(at) = calendar.first_delivery(&policy, &school(), from) {
            let local = calendar.local(at);
            prop_assert!(at >= from);
            prop_assert_eq!(calendar.day(local.date(), &school()), Day::School);
            prop_assert!((policy.deliver_from()..policy.deliver_until()).contains(&local.time()));
        }
    }

    #[test]
    fn r19_the_first_delivery_is_the_first(calendar in calendars(), policy in policies(), from in moments()) {
        let first = calendar.first_delivery(&policy, &school(), from);
        let today = calendar.local(from).date();
        for days in 0.. {
            let day = plus(today, days);
            let opens = calendar.instant(day, policy.deliver_from()).max(from);
            if opens >= calendar.instant(day, policy.deliver_until()) {
                continue;
            }
            match calendar.day(day, &school()) {
                Day::Closed(_) => {}
                Day::School => { prop_assert_eq!(first, FirstDelivery::At(opens)); break }
                Day::Unlisted => { prop_assert_eq!(first, FirstDelivery::UnlistedFrom(day)); break }
            }
        }
    }

    #[test]
    fn r19_the_first_delivery_of_the_first_delivery_is_itself(
        calendar in calendars(), policy in policies(), from in moments()
    ) {
        let first = calendar.first_delivery(&policy, &school(), from);
        if let FirstDelivery::At(at) = first {
            prop_assert_eq!(calendar.first_delivery(&policy, &school(), at), first);
        }
    }

    #[test]
    fn r19_who_is_ready_later_is_not_delivered_earlier(
        calendar in calendars(), policy in policies(), from in moments(), seconds in 0_i64..5_000_000
    ) {
        let later = Timestamp::from_second(from.as_second() + seconds).unwrap();
        let first = |from| earliest(calendar, calendar.first_delivery(&policy, &school(), from));
        prop_assert!(first(from) <= first(later));
    }

    #[test]
    fn r18_r19_every_plan_is_one_and_keeps_its_limits(
        calendar in calendars(), policy in policies(), ready in moments(), waited in 0_i64..5_000_000,
        held in 0_i32..80, ceiling_days in -10_i32..90
    ) {
        let now = Timestamp::from_second(ready.as_second() + waited).unwrap();
        let since = plus(calendar.local(ready).date(), -held);
        let ceiling = calendar.instant(plus(since, ceiling_days), jiff::civil::Time::midnight());
        let last_day = plus(since, i32::from(policy.max_hold_days()));
        let waiting = Waiting { school: &school(), ready, held_since: since, ceiling };
        let plan = calendar.plan(&policy, &waiting, now);
        prop_assert_eq!(plan == SUMMER, meets_summer(calendar, &policy, ready, now));
        match plan {
            Plan::DeliverAt(at) => {
                prop_assert_eq!(calendar.first_delivery(&policy, &school(), now), FirstDelivery::At(at));
                prop_assert!(at >= now && at < ceiling && calendar.local(at).date() <= last_day);
            }
            Plan::WaitForCalendar { until } => {
                prop_assert!(until > now && until <= ceiling && calendar.local(until).date() <= last_day);
                let then = calendar.plan(&policy, &waiting, until);
                prop_assert!(matches!(then, Plan::Withhold(_)));
            }
            Plan::Withhold(_) => {
                let still = calendar.plan(&policy, &waiting, ceiling.max(now));
                prop_assert!(matches!(still, Plan::Withhold(_)));
            }
        }
    }

    #[test]
    fn r12_looking_up_again_comes_between_routing_and_delivery_on_the_day_of_delivery(
        calendar in calendars(), policy in policies(), routed in moments()
    ) {
        if let FirstDelivery::At(at) = calendar.first_delivery(&policy, &school(), routed)
            && let Some(look) = calendar.look_up_again_at(&policy, routed, at)
        {
            prop_assert!(routed < look && look <= at);
            prop_assert_eq!(calendar.local(look).date(), calendar.local(at).date());
        }
    }

    #[test]
    fn r20_notices_come_one_after_another_on_school_days_and_end(
        calendar in calendars(), policy in policies(), delivered in moments()
    ) {
        let mut before = None;
        for (due, notice) in calendar.notices(&policy, &school(), delivered) {
            prop_assert!(due > delivered && Some((due, notice)) > before);
            prop_assert_eq!(calendar.day(calendar.local(due).date(), &school()), Day::School);
            before = Some((due, notice));
        }
        let last = before.map_or(delivered, |(due, _)| due);
        prop_assert!(calendar.local(last).date() <= plus(calendar.local(delivered).date(), 80));
    }

    #[test]
    fn r20_it_expires_at_the_end_of_a_school_day_with_so_many_before_it(
        calendar in calendars(), policy in policies(), delivered in moments()
    ) {
        if let Some(at) = calendar.expires_at(&policy, &school(), delivered) {
            let (first, last) = (calendar.local(delivered).date(), calendar.local(at).date());
            let days = std::iter::successors(first.tomorrow().ok(), |day| day.tomorrow().ok());
            let schools = days.take_while(|day| *day <= last).filter(|day| calendar.day(*day, &school()) == Day::School);
            prop_assert_eq!(schools.count(), usize::from(policy.expire_after_school_days()));
            prop_assert_eq!(at, calendar.instant(last, policy.deliver_until()));
        }
    }
}

#[test]
fn nothing_panics_at_the_ends_of_time() {
    let policy = Policy::default();
    for calendar in [&*LONG, &*SHORT] {
        for from in [Timestamp::MIN, Timestamp::MAX] {
            for ceiling in [Timestamp::MIN, Timestamp::MAX] {
                for since in [jiff::civil::Date::MIN, jiff::civil::Date::MAX] {
                    let waiting = Waiting { school: &school(), ready: from, held_since: since, ceiling };
                    let _ = calendar.plan(&policy, &waiting, from);
                    let _ = calendar.hold_ends(&policy, since);
                }
                let _ = calendar.look_up_again_at(&policy, from, ceiling);
            }
            let _ = calendar.first_delivery(&policy, &school(), from);
            let _ = calendar.expires_at(&policy, &school(), from);
            assert_eq!(calendar.notices(&policy, &school(), from).next(), None);
        }
    }
}
