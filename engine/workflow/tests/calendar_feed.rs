//! Reading the national feed of school holidays (R18, R19), and refusing what is none (R22).

#![cfg(test)]

#[path = "fixtures/calendar.rs"]
mod fixture;

use fixture::{FEED, at, calendar_of, plus, school};
use hwc_workflow::calendar::{Calendar, Closed, Day, Feed, FeedError, HolidayRegion, Zone};
use jiff::civil::date;

fn calendar(region: HolidayRegion) -> Calendar {
    let zone = Zone::amsterdam().unwrap();
    let feed = Feed::parse(FEED, &zone).unwrap();
    Calendar::new(zone, region, &feed)
}

fn refused(text: &str) -> String {
    Feed::parse(text.as_bytes(), &Zone::amsterdam().unwrap()).unwrap_err().to_string()
}

/// A feed of one school year on six lines, with one thing replaced by another.
fn with(old: &str, new: &str) -> String {
    let text = r#"[{"content":[{"schoolyear":" 2026-2027 ",
 "vacations":[
  {"type":"Zomervakantie","regions":[
   {"region":"zuid",
    "startdate":"2027-07-23T22:00:00.000Z",
    "enddate":"2027-09-05T21:59:00.000Z"}]}]}]}]"#;
    assert!(text.contains(old));
    text.replacen(old, new, 1)
}

#[test]
fn utc_instants_become_amsterdam_dates_and_the_end_is_in_it() {
    let calendar = calendar_of(FEED);
    let summer = Day::Closed(Closed::SummerHoliday);
    for (day, kind) in [
        (date(2027, 7, 23), Day::School),
        (date(2027, 7, 26), summer),
        (date(2027, 9, 3), summer),
        (date(2027, 9, 6), Day::School),
    ] {
        assert_eq!(calendar.day(day, &school()), kind);
    }
    assert_eq!(calendar.local(at("2027-09-05T23:59")).date(), plus(date(2027, 9, 6), -1));
}

#[test]
fn an_end_at_local_midnight_is_that_day_too() {
    let text = with("2027-09-05T21:59:00.000Z", "2027-09-05T22:00:00.000Z");
    assert_eq!(
        calendar_of(text.as_bytes()).day(date(2027, 9, 6), &school()),
        Day::Closed(Closed::SummerHoliday)
    );
}

#[test]
fn every_region_has_its_own_holidays_and_those_of_the_whole_country() {
    use HolidayRegion::{Midden, Noord, Zuid};
    for (day, closed) in [
        (date(2025, 10, 13), &[Zuid][..]),
        (date(2025, 10, 20), &[Noord, Midden]),
        (date(2025, 12, 22), &[Noord, Midden, Zuid]),
        (date(2026, 4, 28), &[Noord, Midden, Zuid]),
        (date(2026, 7, 6), &[Noord]),
        (date(2026, 8, 28), &[Midden]),
    ] {
        let found = HolidayRegion::ALL.into_iter();
        let found: Vec<_> = found.filter(|r| calendar(*r).day(day, &school()) != Day::School).collect();
        let mut closed = closed.to_vec();
        closed.sort();
        assert_eq!(found, closed, "on {day}");
    }
}

#[test]
fn a_region_is_read_padded_and_in_any_case_and_nothing_else_is_one() {
    assert_eq!(" Zuid\n".parse(), Ok(HolidayRegion::Zuid));
    for region in HolidayRegion::ALL {
        assert_eq!(region.to_string().parse(), Ok(region));
    }
    for bad in ["", "zuiden", "heel Nederland"] {
        assert!(bad.parse::<HolidayRegion>().is_err());
    }
}

#[test]
fn one_object_does_without_a_list_and_a_byte_order_mark_is_no_harm() {
    let text = with("[{\"content\"", "{\"content\"");
    let one = format!("\u{feff}{}", &text[..text.len() - 1]);
    assert_eq!(calendar_of(one.as_bytes()).listed_until(date(2026, 8, 1)), Some(date(2027, 9, 5)));
}

#[test]
fn an_empty_feed_lists_nothing() {
    assert_eq!(calendar_of(b"[]").listed_until(date(2026, 8, 1)), None);
}

#[test]
fn what_is_not_json_is_refused_with_its_line_and_column() {
    assert_eq!(refused("[{\"content\":[\n  x"), "line 2, column 3: not JSON");
    assert_eq!(refused(""), "line 1, column 1: not JSON");
    assert_eq!(refused(&"[".repeat(1000)), "line 1, column 128: not JSON");
    let not_utf8 = Feed::parse(b"[\"\xff\"]", &Zone::amsterdam().unwrap());
    assert!(matches!(not_utf8, Err(FeedError::NotJson { line: 1, .. })));
}

#[test]
fn what_is_wrong_is_refused_with_its_place_and_the_way_to_it() {
    let year = "[0].content[0].schoolyear";
    let region = "[0].content[0].vacations[0].regions[0]";
    let year_problem = "not a school year, as in 2026-2027";
    let instant = "not an instant, as in 2026-10-16T22:00:00Z";
    let outside = "not in the two calendar years of its school year";
    let regions = "not noord, midden, zuid or heel Nederland";
    for (old, new, line, path, problem) in [
        ("2026-2027", "2026-2028", 1, year, year_problem),
        ("2026-2027", "+026-2027", 1, year, year_problem),
        ("2026-2027", "02026-2027", 1, year, year_problem),
        ("2026-2027", "canary", 1, year, year_problem),
        ("\" 2026-2027 \"", "2026", 1, year, "not a text"),
        ("\"schoolyear\"", "\"canary\"", 6, year, "missing"),
        ("\"zuid\"", "\"canary\"", 4, &format!("{region}.region"), regions),
        ("\"zuid\"", "null", 4, &format!("{region}.region"), "not a text"),
        ("2027-07-23T22:00:00.000Z", "2027-07-24", 5, &format!("{region}.startdate"), instant),
        ("2027-07-23T22:00:00.000Z", "canary", 5, &format!("{region}.startdate"), instant),
        ("2027-07-23", "2025-07-23", 5, &format!("{region}.startdate"), outside),
        ("2027-09-05", "2072-09-05", 6, &format!("{region}.enddate"), outside),
        ("2027-09-05", "2027-07-05", 6, &format!("{region}.enddate"), "before its startdate"),
        ("\"enddate\"", "\"canary\"", 6, &format!("{region}.enddate"), "missing"),
        ("\"Zomervakantie\"", "{}", 3, "[0].content[0].vacations[0].type", "not a text"),
    ] {
        let message = refused(&with(old, new));
        assert!(message.starts_with(&format!("line {line}, column ")), "{message}");
        assert!(message.ends_with(&format!(": {path}: {problem}")), "{message}");
        assert!(!message.contains("canary"), "{message}");
    }
    let fixture = std::str::from_utf8(FEED).unwrap().replace("2026-02-13T23:00:00.000Z", "canary");
    let message = refused(&fixture);
    assert!(
        message.starts_with("line 11, column 46: [0].content[0].vacations[2].regions[1].startdate: "),
        "{message}"
    );
    assert_eq!(refused("{\"content\":{}}"), "line 1, column 13: content: not a list");
    assert_eq!(refused("[\n 7]"), "line 2, column 2: [0]: not an object");
    assert_eq!(refused("7"), "line 1, column 1: document: not a list");
}

#[test]
fn a_feed_is_bounded() {
    let zone = Zone::amsterdam().unwrap();
    let large = vec![b' '; Feed::BYTES_MAX + 1];
    assert_eq!(Feed::parse(&large, &zone), Err(FeedError::TooLarge));
    let region = r#"{"region":"zuid","startdate":"2027-01-01T00:00Z","enddate":"2027-01-01T00:00Z"}"#;
    let regions = |count| vec![region; count].join(",");
    let feed = |count| {
        let regions = regions(count);
        format!(
            r#"{{"content":[{{"schoolyear":"2026-2027","vacations":[{{"type":"","regions":[{regions}]}}]}}]}}"#
        )
    };
    assert!(Feed::parse(feed(Feed::HOLIDAYS_MAX).as_bytes(), &zone).is_ok());
    assert_eq!(Feed::parse(feed(Feed::HOLIDAYS_MAX + 1).as_bytes(), &zone), Err(FeedError::TooMany));
}
