//! Whatever is published, and however many months of it: nothing that is not shown can be computed back (R27).
#![cfg(test)]

mod auditor;

use std::collections::BTreeMap;

use hwc_counts::{Book, Counted, Ending, FEW, Month, Report, Roster, Signal};
use hwc_schemas::{
    IncidentId, Organisation,
    outcome::{Expired, Outcome, Recalled, ScreenedOut, Withheld},
};
use jiff::civil::DateTime;
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use auditor::Auditor;

fn municipality(number: usize) -> Organisation {
    format!("municipality-{:04}", 800 + number).parse().unwrap()
}

fn school(number: usize) -> Organisation {
    format!("school-{number:02}AA00").parse().unwrap()
}

/// Signals that are alike.
#[derive(Debug, Clone)]
struct Alike {
    count: u32,
    municipality: usize,
    school: usize,
    kind: u8,
    hours: u64,
    day_only: bool,
}

/// A region and its months.
#[derive(Debug, Clone)]
struct Region {
    municipalities: usize,
    schools: usize,
    months: Vec<Vec<Alike>>,
}

const MONTHS: [&str; 3] = ["2026-09", "2026-10", "2026-11"];

impl Alike {
    fn signal(&self, region: &Region) -> Signal {
        let outcome = match self.kind {
            0..=5 => Outcome::Acknowledged,
            6 => Outcome::Expired(Expired::NotAcknowledged),
            7 => Outcome::Recalled(Recalled::WrongSchool),
            8 => Outcome::Withheld(Withheld::EnrolmentUnknown),
            9 => Outcome::Withheld(Withheld::SchoolNotParticipating),
            10 => Outcome::Expired(Expired::NotRouted),
            _ => Outcome::ScreenedOut(ScreenedOut::Visitor),
        };
        let (sent, referred) = (self.kind <= 7, self.kind <= 10);
        Signal {
            count: self.count,
            municipality: referred.then(|| municipality(self.municipality % region.municipalities)),
            // One school more than takes part when the month is closed.
            school: sent.then(|| school(self.school % (region.schools + 1))),
            outcome,
            hops: [
                Some(60),
                Some(60),
                sent.then_some(600),
                sent.then_some(30_000),
                (self.kind <= 5).then_some(900),
            ],
            after: sent.then_some((self.hours * 3_600, self.day_only)),
        }
    }
}

impl Region {
    /// Every month, counted and closed.
    fn book(&self) -> Book {
        let mut book = Book::default();
        let roster = Roster {
            municipalities: (0..self.municipalities).map(municipality).collect(),
            schools: (0..self.schools).map(school).collect(),
        };
        for (number, (month, alike)) in MONTHS.into_iter().zip(&self.months).enumerate() {
            let month: Month = month.parse().unwrap();
            let signals = alike.iter().map(|one| one.signal(self)).collect();
            let incident = IncidentId::from_uuid(Uuid::from_u128(number as u128));
            assert_eq!(book.count(incident, &Ending { month, signals }), Counted::In(month));
        }
        book.forget(|_| true);
        let now: DateTime = "2026-12-02T00:00".parse().unwrap();
        while book.close(now, &roster).is_some() {}
        book
    }

    fn reports(&self) -> Vec<Value> {
        self.book().months().map(|record| Report::of(record).unwrap().to_json()).collect()
    }
}

fn alike() -> impl Strategy<Value = Alike> {
    let count = prop_oneof![6 => 1..=3_u32, 3 => 4..=7_u32, 1 => 8..=30_u32];
    let hours = prop_oneof![4 => Just(10_u64), 1 => 24..=25_u64, 1 => 60..=90_u64];
    let place = (0..6_usize, 0..6_usize);
    (count, place, 0..12_u8, hours, prop::bool::weighted(0.2)).prop_map(
        |(count, (municipality, school), kind, hours, day_only)| Alike {
            count,
            municipality,
            school,
            kind,
            hours,
            day_only,
        },
    )
}

fn region() -> impl Strategy<Value = Region> {
    let months = prop::collection::vec(prop::collection::vec(alike(), 0..14), 1..=MONTHS.len());
    (1..=5_usize, 1..=4_usize, months).prop_map(|(municipalities, schools, months)| Region {
        municipalities,
        schools,
        months,
    })
}

/// Every figure of a report, with its place.
fn figures(value: &Value, place: &str, into: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(map) if map.contains_key("item") => {
            into.insert(format!("{place}/{}", map["item"].as_str().unwrap()), map["signals"].clone());
        }
        Value::Object(map) => {
            for (key, value) in map.iter().filter(|(key, _)| !["period", "hops"].contains(&key.as_str())) {
                figures(value, &format!("{place}/{key}"), into);
            }
        }
        Value::Array(list) => {
            for (at, one) in list.iter().enumerate() {
                // A line has its own name; a municipality has its code.
                let name = one.get("municipality").map_or(String::new(), |_| format!("/{at}"));
                figures(one, &format!("{place}{name}"), into);
            }
        }
        Value::Number(_) | Value::Null => {
            into.insert(place.to_owned(), value.clone());
        }
        Value::String(text) if text == "<5" => {
            into.insert(place.to_owned(), value.clone());
        }
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn r27_no_figure_that_is_not_shown_can_be_computed_from_everything_that_ever_was(region in region()) {
        let reports = region.reports();
        let mut auditor = Auditor::default();
        for report in &reports {
            auditor.read(report);
        }
        let breaches = auditor.breaches();
        prop_assert!(breaches.is_empty(), "{breaches:#?}\n{reports:#?}");
    }

    #[test]
    fn r27_no_figure_under_five_is_ever_shown(region in region()) {
        for report in region.reports() {
            let mut all = BTreeMap::new();
            figures(&report, "", &mut all);
            prop_assert!(all.len() > 20);
            for (place, value) in all {
                prop_assert!(value.as_u64().is_none_or(|shown| shown >= u64::from(FEW)), "{place}: {value}");
            }
        }
    }

    #[test]
    fn a_report_is_the_same_whenever_it_is_made(region in region()) {
        prop_assert_eq!(region.reports(), region.reports());
    }
}

/// A small region in which every rule has something to do.
fn example() -> Region {
    let one = |count, municipality, school, kind, hours| Alike {
        count,
        municipality,
        school,
        kind,
        hours,
        day_only: false,
    };
    let month = vec![
        one(12, 0, 0, 0, 10),
        one(2, 0, 1, 0, 30),
        one(7, 1, 0, 0, 10),
        one(9, 1, 2, 0, 10),
        one(3, 2, 1, 0, 80),
        one(6, 0, 0, 8, 0),
        one(1, 1, 0, 9, 0),
        one(8, 0, 0, 11, 0),
    ];
    Region { municipalities: 3, schools: 3, months: vec![month] }
}

/// The same report with nothing but the small figures taken out.
fn only_the_small_are_taken_out(region: &Region) -> Value {
    let mut report = region.reports().remove(0);
    let month = &region.months[0];
    let mut blocks = vec![("region".to_owned(), (0..region.municipalities).collect::<Vec<_>>())];
    for number in 0..region.municipalities {
        blocks.push((number.to_string(), vec![number]));
    }
    let few = |count: u32| if count < FEW { json!("<5") } else { json!(count) };
    let mut made: Vec<Value> = blocks
        .iter()
        .map(|(_, whose)| {
            let signals: Vec<Signal> = month
                .iter()
                .filter(|one| whose.contains(&(one.municipality % region.municipalities)))
                .map(|one| one.signal(region))
                .filter(|signal| signal.municipality.is_some())
                .collect();
            let count = |test: &dyn Fn(&Signal) -> bool| {
                signals.iter().filter(|signal| test(signal)).map(|signal| signal.count).sum::<u32>()
            };
            let mut block = report["region"].clone();
            let sent = count(&|signal| signal.school.is_some());
            let received = count(&|_| true);
            block["sent"] = few(sent);
            block["received"] = few(received);
            block["not_sent"] = few(received - sent);
            for line in block["sent_per_school"].as_array_mut().unwrap() {
                let item = line["item"].as_str().unwrap().to_owned();
                let listed = (0..region.schools).map(school);
                let is_listed = |one: &Organisation| listed.clone().any(|other| other == *one);
                line["signals"] = few(count(&|signal| {
                    signal
                        .school
                        .as_ref()
                        .is_some_and(|one| if item == "other" { !is_listed(one) } else { one.code() == item })
                }));
            }
            for line in block["not_sent_per_reason"].as_array_mut().unwrap() {
                let item = line["item"].as_str().unwrap().to_owned();
                line["signals"] = few(count(&|signal| {
                    let (outcome, reason) = signal.outcome.words();
                    signal.school.is_none() && format!("{outcome}/{}", reason.unwrap_or("")) == item
                }));
            }
            let hours = [(0, 24), (24, 48), (48, 72), (72, u64::MAX)];
            for (line, (from, to)) in block["sent_within"].as_array_mut().unwrap().iter_mut().zip(hours) {
                line["signals"] = few(count(&|signal| {
                    let hours = signal.after.map(|(seconds, _)| seconds / 3_600);
                    hours.is_some_and(|hours| (hours > from || from == 0) && hours <= to)
                }));
            }
            for (line, day_only) in
                block["incident_known"].as_array_mut().unwrap().iter_mut().zip([false, true])
            {
                line["signals"] = few(count(&|signal| signal.after.is_some_and(|(_, day)| day == day_only)));
            }
            for line in block["afterwards"].as_array_mut().unwrap() {
                let item = line["item"].as_str().unwrap().to_owned();
                line["signals"] =
                    few(count(&|signal| signal.school.is_some() && signal.outcome.words().0 == item));
            }
            block
        })
        .collect();
    report["region"] = made.remove(0);
    for (block, number) in made.iter_mut().zip(0..) {
        block["municipality"] = municipality(number).code().into();
    }
    report["municipalities"] = made.into();
    report["other_municipalities"] = Value::Null;
    report
}

#[test]
fn the_auditor_computes_back_what_only_the_small_figures_are_taken_out_of() {
    let naive = only_the_small_are_taken_out(&example());
    let mut auditor = Auditor::default();
    auditor.read(&naive);
    let breaches = auditor.breaches();
    // The region's 24 hours are 28 of 33 in all, and so on: nearly all of it is there for whoever subtracts.
    assert!(breaches.len() * 2 > auditor.suppressed(), "{} of {}", breaches.len(), auditor.suppressed());
    let of = |name: &str| breaches.iter().find(|breach| breach.name == name).map(|breach| breach.value);
    assert_eq!(of("2026-09 0802 sent"), Some(3));
    assert_eq!(of("2026-09 0801 not_sent"), Some(1));
    assert_eq!(of("2026-09 0800 sent_per_school 01AA00"), Some(2));
    // And of the true report, none.
    let mut auditor = Auditor::default();
    for report in example().reports() {
        auditor.read(&report);
    }
    assert_eq!(auditor.breaches(), []);
}

fn visitors(report: &Value) -> &Value {
    let lines = report["not_referred"]["per_reason"].as_array().unwrap();
    &lines.iter().find(|line| line["item"] == "screened_out/visitor").unwrap()["signals"]
}

#[test]
fn what_is_five_or_more_and_endangers_nothing_is_shown_as_it_is() {
    let report = example().reports().remove(0);
    let region = &report["region"];
    assert_eq!(
        (&region["sent"], &region["not_sent"], &region["received"]),
        (&json!(33), &json!(7), &json!(40))
    );
    // All of those that were never referred were visitors: one of the two figures is kept, or the rest would be known as nought.
    assert_eq!((&report["not_referred"]["signals"], visitors(&report)), (&json!(8), &Value::Null));
    // The one that sent three stands together with the smaller of the others.
    assert_eq!(report["other_municipalities"]["municipalities"], json!(["0800", "0802"]));
    assert_eq!(report["municipalities"][0]["sent"], json!(16));
}

#[test]
fn a_month_that_is_not_closed_has_no_report() {
    let mut book = Book::default();
    book.begin("2026-11-03T10:00".parse().unwrap());
    let record = book.months().next().unwrap();
    let said = Report::of(record).unwrap_err().to_string();
    assert_eq!(
        said,
        "2026-11 is still open: its figures may change, and are published once, when it is closed"
    );
}

#[test]
fn a_month_in_which_nothing_happened_says_no_more_than_one_with_little() {
    let quiet = Region { municipalities: 2, schools: 2, months: vec![vec![]] };
    let one = Alike { count: 1, municipality: 0, school: 0, kind: 0, hours: 3, day_only: false };
    let little = Region { months: vec![vec![one]], ..quiet.clone() };
    assert_eq!(quiet.reports(), little.reports());
}

#[test]
fn the_text_and_the_lines_say_what_the_json_says() {
    let book = example().book();
    let report = Report::of(book.months().next().unwrap()).unwrap();
    let lines = report.to_csv();
    assert!(lines.starts_with("period,of,figure,item,value\n2026-09,region,received,,40\n"), "{lines}");
    assert!(lines.lines().all(|line| line.split(',').count() == 5), "{lines}");
    let mut all = BTreeMap::new();
    figures(&report.to_json(), "", &mut all);
    let shown = all.values().filter(|value| value.is_number()).count();
    let numbers = lines.lines().filter(|line| !line.contains("_seconds,"));
    let numbers =
        numbers.filter(|line| line.rsplit(',').next().is_some_and(|value| value.parse::<u32>().is_ok()));
    assert_eq!(numbers.count(), shown);
    let text = report.to_string();
    assert!(text.contains("received 40, sent 33, not sent 7"), "{text}");
    assert!(text.contains("together, for some of them sent few: 0800 0802"), "{text}");
}
