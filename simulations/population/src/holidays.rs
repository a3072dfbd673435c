//! School holidays in the shape of the national open-data feed.
//!
//! The school years 2025-2026 and 2026-2027 are as the ministry published them. Others follow a rule that resembles it:
//! autumn, spring and summer change weeks among the three regions from year to year.

use hwc_workflow::calendar::Zone;
use jiff::{
    ToSpan as _,
    civil::{Date, Weekday, date, time},
};
use serde_json::{Value, json};

const EVERYBODY: &str = "heel Nederland";

/// A holiday of a region, or of everybody: first and last day, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holiday {
    /// As the feed names it.
    pub kind: &'static str,
    /// `noord`, `midden`, `zuid` or `heel Nederland`.
    pub region: &'static str,
    /// The first day.
    pub first: Date,
    /// The last day.
    pub last: Date,
}

const fn holiday(kind: &'static str, region: &'static str, first: Date, last: Date) -> Holiday {
    Holiday { kind, region, first, last }
}

const AUTUMN: &str = "Herfstvakantie";
const CHRISTMAS: &str = "Kerstvakantie";
const SPRING: &str = "Voorjaarsvakantie";
const MAY: &str = "Meivakantie";
const SUMMER: &str = "Zomervakantie";

/// The published ones of 2025-2026.
const OF_2025: [Holiday; 11] = [
    holiday(AUTUMN, "noord", date(2025, 10, 18), date(2025, 10, 26)),
    holiday(AUTUMN, "midden", date(2025, 10, 18), date(2025, 10, 26)),
    holiday(AUTUMN, "zuid", date(2025, 10, 11), date(2025, 10, 19)),
    holiday(CHRISTMAS, EVERYBODY, date(2025, 12, 20), date(2026, 1, 4)),
    holiday(SPRING, "noord", date(2026, 2, 21), date(2026, 3, 1)),
    holiday(SPRING, "midden", date(2026, 2, 14), date(2026, 2, 22)),
    holiday(SPRING, "zuid", date(2026, 2, 14), date(2026, 2, 22)),
    holiday(MAY, EVERYBODY, date(2026, 4, 25), date(2026, 5, 3)),
    holiday(SUMMER, "noord", date(2026, 7, 4), date(2026, 8, 16)),
    holiday(SUMMER, "midden", date(2026, 7, 18), date(2026, 8, 30)),
    holiday(SUMMER, "zuid", date(2026, 7, 11), date(2026, 8, 23)),
];

/// The published ones of 2026-2027.
const OF_2026: [Holiday; 11] = [
    holiday(AUTUMN, "noord", date(2026, 10, 10), date(2026, 10, 18)),
    holiday(AUTUMN, "midden", date(2026, 10, 17), date(2026, 10, 25)),
    holiday(AUTUMN, "zuid", date(2026, 10, 17), date(2026, 10, 25)),
    holiday(CHRISTMAS, EVERYBODY, date(2026, 12, 19), date(2027, 1, 3)),
    holiday(SPRING, "noord", date(2027, 2, 20), date(2027, 2, 28)),
    holiday(SPRING, "midden", date(2027, 2, 20), date(2027, 2, 28)),
    holiday(SPRING, "zuid", date(2027, 2, 13), date(2027, 2, 21)),
    holiday(MAY, EVERYBODY, date(2027, 4, 24), date(2027, 5, 2)),
    holiday(SUMMER, "noord", date(2027, 7, 10), date(2027, 8, 22)),
    holiday(SUMMER, "midden", date(2027, 7, 17), date(2027, 8, 29)),
    holiday(SUMMER, "zuid", date(2027, 7, 24), date(2027, 9, 5)),
];

/// The holidays of the school year that begins in August of this year.
pub fn of_school_year(begins: i16) -> Vec<Holiday> {
    match begins {
        2025 => OF_2025.to_vec(),
        2026 => OF_2026.to_vec(),
        _ => by_rule(begins),
    }
}

/// Christmas: sixteen days from the Saturday of 19 to 25 December. May: nine days from the Saturday of 21 to 27 April.
/// The others begin on a Saturday, nine days long and six weeks in summer: autumn from 10, spring from 13 and summer from 4
/// of the month or later, plus a week for one region (in summer two for another), in turn.
fn by_rule(begins: i16) -> Vec<Holiday> {
    let next = begins + 1;
    let span = |kind, region, from: Option<Date>, weeks: i64, days: i64| {
        let first = from.map(saturday_from)?.checked_add(weeks.weeks()).ok()?;
        Some(Holiday { kind, region, first, last: first.checked_add((days - 1).days()).ok()? })
    };
    let mut all = vec![
        span(CHRISTMAS, EVERYBODY, Date::new(begins, 12, 19).ok(), 0, 16),
        span(MAY, EVERYBODY, Date::new(next, 4, 21).ok(), 0, 9),
    ];
    for (place, region) in (0_i64..).zip(["noord", "midden", "zuid"]) {
        let turn = (place + i64::from(begins)).rem_euclid(3);
        all.push(span(AUTUMN, region, Date::new(begins, 10, 10).ok(), i64::from(turn > 0), 9));
        all.push(span(SPRING, region, Date::new(next, 2, 13).ok(), i64::from(turn == 0), 9));
        all.push(span(SUMMER, region, Date::new(next, 7, 4).ok(), turn, 44));
    }
    all.into_iter().flatten().collect()
}

/// The first Saturday from a day on, that day included.
fn saturday_from(day: Date) -> Date {
    (0..7_i64)
        .filter_map(|days| day.checked_add(days.days()).ok())
        .find(|day| day.weekday() == Weekday::Saturday)
        .unwrap_or(day)
}

/// The school year in which a day lies, by the year in which it begins: from 1 August to 31 July.
pub fn school_year_of(day: Date) -> i16 {
    if day.month() >= 8 { day.year() } else { day.year() - 1 }
}

/// `holidays.json`: these school years.
pub(crate) fn feed(years: std::ops::RangeInclusive<i16>, zone: &Zone) -> String {
    let instant = |day: Date, hour, minute| {
        zone.instant(day, time(hour, minute, 0, 0)).strftime("%Y-%m-%dT%H:%M:00.000Z").to_string()
    };
    let content: Vec<Value> = years
        .map(|begins| {
            let holidays = of_school_year(begins);
            let vacations: Vec<Value> = [AUTUMN, CHRISTMAS, SPRING, MAY, SUMMER]
                .into_iter()
                .map(|kind| {
                    let regions: Vec<Value> = holidays
                        .iter()
                        .filter(|holiday| holiday.kind == kind)
                        .map(|holiday| {
                            json!({
                                "region": holiday.region,
                                "startdate": instant(holiday.first, 0, 0),
                                "enddate": instant(holiday.last, 23, 59),
                            })
                        })
                        .collect();
                    let compulsory = [CHRISTMAS, MAY, SUMMER].contains(&kind).to_string();
                    json!({ "type": kind, "compulsorydates": compulsory, "regions": regions })
                })
                .collect();
            let name = format!("{begins}-{}", begins + 1);
            json!({ "title": format!("Schoolvakanties {name}"), "schoolyear": name, "vacations": vacations })
        })
        .collect();
    let mut text = serde_json::to_string_pretty(&json!([{ "content": content }])).unwrap_or_default();
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use hwc_workflow::calendar::{Calendar, Feed, HolidayRegion};

    use super::*;

    #[test]
    fn every_school_year_is_a_feed_that_the_calendar_reads_day_for_day() {
        let zone = Zone::amsterdam().unwrap();
        for begins in [2000, 2024, 2025, 2026, 2027, 2028, 2031, 2099] {
            let feed = Feed::parse(feed(begins..=begins, &zone).as_bytes(), &zone).unwrap();
            for region in HolidayRegion::ALL {
                let calendar = Calendar::new(zone.clone(), region, &feed);
                let school = hwc_schemas::Organisation::new(hwc_schemas::Role::School, "01AA00").unwrap();
                for holiday in of_school_year(begins) {
                    if ![region.as_str(), EVERYBODY].contains(&holiday.region) {
                        continue;
                    }
                    let open = |day: Date| calendar.day(day, &school) == hwc_workflow::calendar::Day::School;
                    assert!(!open(holiday.first) && !open(holiday.last), "{holiday:?}");
                    assert_eq!(holiday.first.weekday(), Weekday::Saturday);
                    assert_eq!(holiday.last.weekday(), Weekday::Sunday);
                }
            }
        }
    }

    #[test]
    fn the_rule_gives_the_published_christmas_and_may_and_its_summers_are_six_weeks() {
        for (begins, published) in [(2025, OF_2025), (2026, OF_2026)] {
            let ruled = by_rule(begins);
            for holiday in published.iter().filter(|one| [CHRISTMAS, MAY].contains(&one.kind)) {
                assert!(ruled.contains(holiday), "{holiday:?}");
            }
            assert!(published.iter().chain(&ruled).all(|one| {
                one.kind != SUMMER || one.first.until(one.last).is_ok_and(|span| span.get_days() == 43)
            }));
        }
    }
}
