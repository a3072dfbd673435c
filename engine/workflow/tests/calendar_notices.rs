//! Which notice is due when (R20).

#![cfg(test)]

#[path = "fixtures/calendar.rs"]
mod fixture;

use fixture::{FEED, at, calendar_of, plus, school};
use hwc_schemas::wire::Notice::{self, ReceiptMissing, RemindBackup, RemindContact, StillUnread};
use hwc_workflow::policy::{Policy, PolicySettings};
use jiff::civil::date;

/// The first notices of a signal delivered at a moment.
fn notices(delivered: &str, count: usize) -> Vec<(String, Notice)> {
    let calendar = calendar_of(FEED).with_own_closed_days([(school(), plus(date(2026, 11, 23), 1))]);
    let (policy, school) = (Policy::default(), school());
    let all = calendar.notices(&policy, &school, at(delivered));
    all.take(count).map(|(due, notice)| (calendar.local(due).strftime("%F %R").to_string(), notice)).collect()
}

fn expect(delivered: &str, expected: &[(&str, Notice)]) {
    let expected: Vec<_> = expected.iter().map(|(due, notice)| ((*due).to_owned(), *notice)).collect();
    assert_eq!(notices(delivered, expected.len()), expected, "delivered at {delivered}");
}

#[test]
fn r20_delivered_early_all_three_come_on_the_same_morning_and_again_on_the_next() {
    expect(
        "2026-11-18T07:00",
        &[
            ("2026-11-18 08:15", RemindContact),
            ("2026-11-18 08:30", RemindBackup),
            ("2026-11-18 10:00", ReceiptMissing),
            ("2026-11-19 08:15", RemindContact),
        ],
    );
}

#[test]
fn r20_delivered_at_the_start_of_school_only_what_lies_after_it_comes_that_day() {
    expect("2026-11-18T08:15", &[("2026-11-18 08:30", RemindBackup)]);
    expect("2026-11-18T08:30", &[("2026-11-18 10:00", ReceiptMissing), ("2026-11-19 08:15", RemindContact)]);
}

#[test]
fn r20_delivered_after_the_start_of_school_nobody_is_told_before_the_end_of_the_day() {
    expect(
        "2026-11-18T08:30:01",
        &[
            ("2026-11-18 17:00", StillUnread),
            ("2026-11-19 08:15", RemindContact),
            ("2026-11-19 08:30", RemindBackup),
            ("2026-11-19 10:00", ReceiptMissing),
            ("2026-11-20 08:15", RemindContact),
            ("2026-11-20 08:30", RemindBackup),
            ("2026-11-20 10:00", ReceiptMissing),
            // Not on the weekend.
            ("2026-11-23 08:15", RemindContact),
            ("2026-11-23 08:30", RemindBackup),
            ("2026-11-23 10:00", ReceiptMissing),
            // Not on the school's own closed day.
            ("2026-11-25 08:15", RemindContact),
        ],
    );
}

#[test]
fn r20_over_christmas_nobody_is_told_anything() {
    expect("2026-12-18T16:00", &[("2026-12-18 17:00", StillUnread), ("2027-01-04 08:15", RemindContact)]);
}

#[test]
fn r23_no_notice_is_due_when_the_payload_is_certainly_gone() {
    let all = notices("2026-11-18T07:00", 1000);
    assert_eq!(all.last(), Some(&("2026-12-16 10:00".to_owned(), ReceiptMissing)));
    assert!(notices("2028-07-07T16:59", 9).len() == 1);
}

#[test]
fn r20_the_next_notice_is_later_than_the_delivery_whatever_it_is_asked_after() {
    let calendar = calendar_of(FEED);
    let next = |after| calendar.next_notice(&Policy::default(), &school(), at("2026-11-18T07:00"), after);
    let first = Some((at("2026-11-18T08:15"), RemindContact));
    assert_eq!(next(None), first);
    assert_eq!(next(Some((at("2020-01-01T00:00"), ReceiptMissing))), first);
    assert_eq!(next(first), Some((at("2026-11-18T08:30"), RemindBackup)));
    assert_eq!(next(Some((at("2026-12-16T10:00"), ReceiptMissing))), None);
}

#[test]
fn r20_notices_at_one_time_follow_each_other_in_their_order_and_none_is_lost() {
    let half_past_eight = jiff::civil::time(8, 30, 0, 0);
    let policy = Policy::check(PolicySettings {
        remind_contact_at: half_past_eight,
        remind_backup_at: half_past_eight,
        notify_municipality_at: half_past_eight,
        ..PolicySettings::default()
    })
    .unwrap();
    let (calendar, school) = (calendar_of(FEED), school());
    let all: Vec<_> = calendar.notices(&policy, &school, at("2026-11-18T07:00")).take(6).collect();
    let morning = |day: &str| {
        [RemindContact, RemindBackup, ReceiptMissing].map(|notice| (at(&format!("{day}T08:30")), notice))
    };
    assert_eq!(all, [morning("2026-11-18"), morning("2026-11-19")].concat());
    assert_eq!(
        calendar.next_notice(&policy, &school, at("2026-11-18T07:00"), Some(all[0])),
        Some(all[1]),
        "whoever knows of the first hears the second next"
    );
}
