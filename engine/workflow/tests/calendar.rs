//! When a signal is delivered, withheld, looked up again and given up (R12, R17 to R20, R23).

#![cfg(test)]

#[path = "fixtures/calendar.rs"]
mod fixture;

use fixture::{FEED, at, calendar_of, plus, school};
use hwc_schemas::outcome::Withheld;
use hwc_workflow::{
    calendar::{Calendar, Closed, Day, FirstDelivery, Plan, Waiting},
    policy::{Policy, PolicySettings},
};
use jiff::civil::date;

const SUMMER: Plan = Plan::Withhold(Withheld::SummerHoliday);
const TOO_LONG: Plan = Plan::Withhold(Withheld::HeldTooLong);

fn calendar() -> Calendar {
    calendar_of(FEED)
}

fn policy(change: impl FnOnce(&mut PolicySettings)) -> Policy {
    let mut settings = PolicySettings::default();
    change(&mut settings);
    Policy::check(settings).unwrap()
}

/// What becomes of a signal that is ready, and routed for the first time, at a moment, decided at a later one.
fn plan_later(calendar: &Calendar, policy: &Policy, ready: &str, now: &str) -> Plan {
    let held_since = calendar.local(at(ready)).date();
    let ceiling = calendar.instant(plus(held_since, 28), jiff::civil::Time::midnight());
    let waiting = Waiting { school: &school(), ready: at(ready), held_since, ceiling };
    calendar.plan(policy, &waiting, at(now))
}

fn plan(ready: &str) -> Plan {
    plan_later(&calendar(), &Policy::default(), ready, ready)
}

fn delivered(ready: &str, delivered: &str) {
    assert_eq!(plan(ready), Plan::DeliverAt(at(delivered)), "ready at {ready}");
}

#[test]
fn r19_on_a_school_day_it_is_delivered_at_once_within_the_window() {
    for moment in ["2026-11-19T07:00", "2026-11-19T08:31", "2026-11-19T16:59:59"] {
        delivered(moment, moment);
    }
}

#[test]
fn r19_before_the_window_it_waits_for_it_and_after_it_for_the_next_school_day() {
    delivered("2026-11-19T00:00", "2026-11-19T07:00");
    delivered("2026-11-19T06:59:59", "2026-11-19T07:00");
    delivered("2026-11-19T17:00", "2026-11-20T07:00");
    delivered("2026-11-20T17:00", "2026-11-23T07:00");
    delivered("2026-11-21T12:00", "2026-11-23T07:00");
}

#[test]
fn r19_held_over_a_clock_change_it_still_comes_at_seven_local_time() {
    for (ready, morning, utc) in [
        ("2026-03-27T17:00", "2026-03-30T07:00", "2026-03-30T05:00:00Z"),
        ("2026-10-24T12:00", "2026-10-26T07:00", "2026-10-26T06:00:00Z"),
        // The change of 2027 is on Easter Sunday; Good Friday is a school day.
        ("2027-03-26T17:00", "2027-03-30T07:00", "2027-03-30T05:00:00Z"),
        ("2027-10-29T17:00", "2027-11-01T07:00", "2027-11-01T06:00:00Z"),
    ] {
        assert_eq!(plan(ready), Plan::DeliverAt(utc.parse().unwrap()));
        delivered(ready, morning);
    }
}

#[test]
fn r19_new_year_easter_ascension_and_kings_day_are_held_over() {
    let without_holidays = br#"{"content":[{"schoolyear":"2025-2026","vacations":[]}]}"#;
    let calendar = calendar_of(without_holidays);
    for (ready, morning) in [
        ("2025-12-31T17:00", "2026-01-02T07:00"),
        ("2026-04-03T17:00", "2026-04-07T07:00"),
        ("2026-04-24T17:00", "2026-04-28T07:00"),
        ("2026-05-13T17:00", "2026-05-15T07:00"),
        ("2026-05-22T17:00", "2026-05-26T07:00"),
    ] {
        let planned = plan_later(&calendar, &Policy::default(), ready, ready);
        assert_eq!(planned, Plan::DeliverAt(at(morning)), "ready at {ready}");
    }
}

#[test]
fn r19_christmas_fits_the_longest_hold_and_a_day_less_does_not() {
    let (ready, morning) = ("2026-12-18T17:00", "2027-01-04T07:00");
    delivered(ready, morning);
    let shorter = policy(|s| s.max_hold_days = 16);
    assert_eq!(plan_later(&calendar(), &shorter, ready, ready), TOO_LONG);
}

#[test]
fn r19_the_longest_hold_counts_from_the_first_routing_whatever_was_routed_again() {
    let (calendar, monday) = (calendar(), at("2027-01-04T06:10"));
    let plan = |since| {
        let waiting =
            Waiting { school: &school(), ready: monday, held_since: since, ceiling: at("2027-02-01T00:00") };
        calendar.plan(&Policy::default(), &waiting, monday)
    };
    assert_eq!(plan(date(2026, 12, 18)), Plan::DeliverAt(at("2027-01-04T07:00")));
    assert_eq!(plan(date(2026, 12, 17)), TOO_LONG);
}

#[test]
fn r19_the_advisory_autumn_holiday_counts() {
    delivered("2026-10-16T17:00", "2026-10-26T07:00");
}

#[test]
fn r19_a_schools_own_closed_day_is_its_own_and_a_closed_day_for_all_is_everybodys() {
    let (own, other) = (school(), "school-01AA01".parse().unwrap());
    let calendar = calendar()
        .with_closed_days([date(2026, 5, 15)])
        .with_own_closed_days([(school(), date(2026, 11, 19)), (school(), date(2026, 11, 20))]);
    assert_eq!(calendar.day(date(2026, 11, 19), &school()), Day::Closed(Closed::Own));
    assert_eq!(calendar.day(date(2026, 11, 19), &other), Day::School);
    assert_eq!(calendar.day(date(2026, 5, 15), &other), Day::Closed(Closed::ForAll));
    let first = |school| calendar.first_delivery(&Policy::default(), school, at("2026-11-19T09:00"));
    assert_eq!(first(&own), FirstDelivery::At(at("2026-11-23T07:00")));
    assert_eq!(first(&other), FirstDelivery::At(at("2026-11-19T09:00")));
}

#[test]
fn r19_every_day_says_why_it_is_closed() {
    let calendar = calendar();
    for (day, why) in [
        (date(2026, 12, 26), Closed::Weekend),
        (date(2026, 12, 25), Closed::NationalHoliday),
        (date(2026, 7, 13), Closed::SummerHoliday),
        (date(2026, 12, 24), Closed::SchoolHoliday),
    ] {
        assert_eq!(calendar.day(day, &school()), Day::Closed(why));
    }
}

#[test]
fn r18_the_last_school_day_is_delivered_up_to_the_end_of_its_window_and_no_longer() {
    delivered("2026-07-10T16:59", "2026-07-10T16:59");
    assert_eq!(plan("2026-07-10T17:00"), SUMMER);
    assert_eq!(plan("2026-07-11T12:00"), SUMMER);
}

#[test]
fn r18_in_the_summer_holiday_nothing_is_passed_on() {
    assert_eq!(plan("2026-07-13T09:00"), SUMMER);
    assert_eq!(plan("2026-08-21T23:59"), SUMMER);
}

#[test]
fn r18_the_weekend_that_ends_the_holiday_is_a_weekend_like_any_other() {
    delivered("2026-08-22T00:00", "2026-08-24T07:00");
    delivered("2026-08-23T12:00", "2026-08-24T07:00");
}

#[test]
fn r18_is_decided_before_the_longest_hold_and_before_the_ceiling() {
    let (calendar, ready) = (calendar(), at("2026-07-10T17:00"));
    let waiting = Waiting { school: &school(), ready, held_since: date(2026, 1, 1), ceiling: ready };
    let planned = calendar.plan(&Policy::default(), &waiting, ready);
    assert_eq!(planned, SUMMER);
}

#[test]
fn r18_is_decided_though_the_next_school_year_is_not_listed() {
    assert_eq!(plan("2028-07-07T17:00"), SUMMER);
    assert_eq!(plan("2028-08-18T09:00"), SUMMER);
    delivered("2028-07-07T16:59", "2028-07-07T16:59");
}

#[test]
fn r18_is_decided_though_not_even_the_school_year_of_the_holiday_is_listed() {
    let calendar = calendar_of(
        br#"{"content":[{"schoolyear":"2026-2027","vacations":[{"type":"Zomervakantie","regions":[
        {"region":"zuid","startdate":"2026-07-10T22:00:00Z","enddate":"2026-08-23T21:59:00Z"}]}]}]}"#,
    );
    let later = |ready, now| plan_later(&calendar, &Policy::default(), ready, now);
    let plan = |ready| later(ready, ready);
    assert_eq!(calendar.day(date(2026, 7, 15), &school()), Day::Unlisted);
    assert_eq!(plan("2026-07-15T09:00"), SUMMER);
    // Saturday is unlisted and no weekday, and nobody can tell what comes after it; once only Monday is left it is certain.
    assert!(matches!(plan("2026-07-10T17:00"), Plan::WaitForCalendar { .. }));
    assert!(matches!(later("2026-07-10T17:00", "2026-07-12T16:59"), Plan::WaitForCalendar { .. }));
    assert_eq!(later("2026-07-10T17:00", "2026-07-12T17:00"), SUMMER);
    assert_eq!(calendar.listed_until(date(2026, 8, 1)), Some(date(2027, 7, 31)));
}

#[test]
fn r18_a_signal_that_could_not_be_delivered_before_the_holiday_is_withheld_in_it() {
    let late = plan_later(&calendar(), &Policy::default(), "2026-07-10T09:00", "2026-07-13T09:00");
    assert_eq!(late, SUMMER);
}

#[test]
fn r19_in_an_unlisted_school_year_it_waits_until_that_is_certainly_too_long() {
    // The summer holiday of 2028 ends on Sunday 20 August; 17 days after Saturday the 19th is Tuesday 5 September.
    let until = at("2028-09-05T17:00");
    let plan = |now| plan_later(&calendar(), &Policy::default(), "2028-08-19T12:00", now);
    assert_eq!(plan("2028-08-19T12:00"), Plan::WaitForCalendar { until });
    assert_eq!(plan("2028-09-05T16:59:59"), Plan::WaitForCalendar { until });
    assert_eq!(plan("2028-09-05T17:00"), TOO_LONG);
}

#[test]
fn r19_an_unlisted_weekend_at_the_end_of_the_longest_hold_is_waited_for_like_any_unlisted_day() {
    // 14 days after Saturday 19 August 2028 is Saturday 2 September.
    let two_weeks = policy(|s| s.max_hold_days = 14);
    let plan = |now| plan_later(&calendar(), &two_weeks, "2028-08-19T12:00", now);
    assert_eq!(plan("2028-08-19T12:00"), Plan::WaitForCalendar { until: at("2028-09-02T17:00") });
    assert_eq!(plan("2028-09-02T16:59:59"), Plan::WaitForCalendar { until: at("2028-09-02T17:00") });
    assert_eq!(plan("2028-09-02T17:00"), TOO_LONG);
}

#[test]
fn r19_the_hold_ends_at_the_end_of_the_window_on_its_last_day_whatever_that_day_is() {
    let ends = |since| calendar().hold_ends(&Policy::default(), since);
    assert_eq!(ends(date(2026, 11, 19)), at("2026-12-06T17:00"));
    assert_eq!(ends(date(2028, 8, 19)), at("2028-09-05T17:00"));
}

#[test]
fn r19_a_first_unlisted_day_after_the_longest_hold_is_too_long_at_once() {
    let day_long = policy(|s| s.max_hold_days = 1);
    let plan = |ready| plan_later(&calendar(), &day_long, ready, ready);
    assert_eq!(plan("2028-08-19T12:00"), TOO_LONG);
    assert_eq!(plan("2028-08-20T12:00"), Plan::WaitForCalendar { until: at("2028-08-21T17:00") });
}

#[test]
fn r19_once_the_school_year_is_listed_a_waiting_signal_is_delivered() {
    let (ready, now) = ("2026-01-31T12:00", "2026-02-03T09:00");
    let before = calendar_of(br#"{"content":[]}"#);
    assert!(matches!(plan_later(&before, &Policy::default(), ready, now), Plan::WaitForCalendar { .. }));
    assert_eq!(plan_later(&calendar(), &Policy::default(), ready, now), Plan::DeliverAt(at(now)));
}

#[test]
fn r19_what_is_ready_only_later_is_not_delivered_before() {
    let planned = plan_later(&calendar(), &Policy::default(), "2026-11-19T17:00", "2026-11-19T09:00");
    assert_eq!(planned, Plan::DeliverAt(at("2026-11-20T07:00")));
}

#[test]
fn r23_what_cannot_be_delivered_before_the_ceiling_is_withheld() {
    let (calendar, ready) = (calendar(), at("2026-11-20T17:00"));
    let plan = |ceiling| {
        let waiting =
            Waiting { school: &school(), ready, held_since: date(2026, 11, 20), ceiling: at(ceiling) };
        calendar.plan(&Policy::default(), &waiting, ready)
    };
    assert_eq!(plan("2026-11-23T07:00"), TOO_LONG);
    assert_eq!(plan("2026-11-23T07:00:01"), Plan::DeliverAt(at("2026-11-23T07:00")));
}

#[test]
fn r23_waiting_for_the_calendar_ends_at_the_ceiling_if_that_comes_first() {
    let (calendar, ready) = (calendar(), at("2028-08-19T12:00"));
    let plan = |ceiling| {
        let waiting =
            Waiting { school: &school(), ready, held_since: date(2028, 8, 19), ceiling: at(ceiling) };
        calendar.plan(&Policy::default(), &waiting, ready)
    };
    assert_eq!(plan("2028-08-22T00:00"), Plan::WaitForCalendar { until: at("2028-08-22T00:00") });
    assert_eq!(plan("2028-08-19T12:00:01"), Plan::WaitForCalendar { until: at("2028-08-19T12:00:01") });
    assert_eq!(plan("2028-08-19T12:00"), TOO_LONG);
}

#[test]
fn r19_a_school_year_is_listed_from_august_to_july_and_to_the_end_of_its_summer_whatever_it_lists() {
    let feed = |vacations: &str| {
        calendar_of(
            format!(r#"{{"content":[{{"schoolyear":"2026-2027","vacations":[{vacations}]}}]}}"#).as_bytes(),
        )
    };
    let bare = feed("");
    assert_eq!(bare.day(date(2026, 7, 31), &school()), Day::Unlisted);
    assert_eq!(bare.day(date(2026, 8, 3), &school()), Day::School);
    assert_eq!(bare.day(date(2027, 7, 30), &school()), Day::School);
    assert_eq!(bare.day(date(2027, 7, 31), &school()), Day::Closed(Closed::Weekend));
    // A Sunday: in no listed school year not even a weekend is known.
    assert_eq!(bare.day(date(2027, 8, 1), &school()), Day::Unlisted);
    assert_eq!(bare.day(date(2027, 8, 2), &school()), Day::Unlisted);
    let region = |name: &str| {
        feed(&format!(
            r#"{{"type":"Zomervakantie","regions":[{{"region":"{name}","startdate":"2027-07-23T22:00:00Z","enddate":"2027-09-05T21:59:00Z"}}]}}"#
        ))
    };
    assert_eq!(region("zuid").day(date(2027, 9, 3), &school()), Day::Closed(Closed::SummerHoliday));
    assert_eq!(region("heel Nederland").day(date(2027, 9, 6), &school()), Day::Unlisted);
    assert_eq!(region("noord").day(date(2027, 8, 2), &school()), Day::Unlisted);
}

#[test]
fn r19_the_last_listed_day_is_known_long_before_and_a_gap_counts() {
    assert_eq!(calendar().listed_until(date(2025, 8, 1)), Some(date(2028, 8, 20)));
    assert_eq!(calendar().listed_until(date(2025, 7, 31)), None);
    assert_eq!(calendar().listed_until(date(2028, 8, 21)), None);
    let gap = calendar_of(
        br#"[{"content":[{"schoolyear":"2025-2026","vacations":[]}]},{"content":[{"schoolyear":"2027-2028","vacations":[]}]}]"#,
    );
    assert_eq!(gap.listed_until(date(2026, 1, 1)), Some(date(2026, 7, 31)));
}

#[test]
fn r12_a_signal_held_over_24_hours_is_looked_up_again_on_the_morning_of_its_delivery() {
    let look = |routed, deliver| calendar().look_up_again_at(&Policy::default(), at(routed), at(deliver));
    assert_eq!(look("2026-11-19T07:00", "2026-11-20T07:00"), None);
    assert_eq!(look("2026-11-19T06:59:59", "2026-11-20T07:00"), Some(at("2026-11-20T06:00")));
    assert_eq!(look("2026-11-20T17:00", "2026-11-23T07:00"), Some(at("2026-11-23T06:00")));
    assert_eq!(look("2026-11-20T17:00", "2026-11-23T11:00"), Some(at("2026-11-23T06:00")));
    assert_eq!(look("2026-11-20T17:00", "2026-11-20T17:00"), None);
}

#[test]
fn r12_it_is_not_looked_up_on_the_day_before() {
    let night = policy(|s| s.deliver_from = jiff::civil::time(0, 30, 0, 0));
    let look = calendar().look_up_again_at(&night, at("2026-11-20T17:00"), at("2026-11-23T00:30"));
    assert_eq!(look, Some(at("2026-11-23T00:00")));
}

#[test]
fn r20_it_expires_at_the_end_of_the_second_school_day_after_the_day_of_delivery() {
    let expires = |delivered| calendar().expires_at(&Policy::default(), &school(), at(delivered));
    assert_eq!(expires("2026-11-19T07:00"), Some(at("2026-11-23T17:00")));
    assert_eq!(expires("2026-11-19T16:59"), Some(at("2026-11-23T17:00")));
    assert_eq!(expires("2026-12-17T07:00"), Some(at("2027-01-04T17:00")));
    assert_eq!(expires("2028-07-07T07:00"), None);
}

#[test]
fn r20_days_in_no_listed_year_do_not_count_and_those_behind_them_do() {
    let gap = calendar_of(
        br#"[{"content":[{"schoolyear":"2025-2026","vacations":[]}]},{"content":[{"schoolyear":"2027-2028","vacations":[]}]}]"#,
    );
    let expires = |days| {
        let policy = policy(|s| s.payload_ceiling_days = days);
        gap.expires_at(&policy, &school(), at("2026-07-30T09:00"))
    };
    // Friday 31 July 2026 is the first; 2 August 2027 is the second.
    assert_eq!(expires(365), None);
    assert_eq!(
        gap.expires_at(&policy(|s| s.expire_after_school_days = 1), &school(), at("2026-07-30T09:00")),
        Some(at("2026-07-31T17:00"))
    );
    let late = gap.expires_at(&policy(|s| s.payload_ceiling_days = 365), &school(), at("2026-08-03T09:00"));
    assert_eq!(late, Some(at("2027-08-03T17:00")));
}

#[test]
fn r20_with_no_school_day_to_wait_it_expires_on_the_day_of_delivery() {
    let at_once = policy(|s| s.expire_after_school_days = 0);
    let expires = calendar().expires_at(&at_once, &school(), at("2028-07-07T07:00"));
    assert_eq!(expires, Some(at("2028-07-07T17:00")));
}
