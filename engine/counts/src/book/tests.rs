use hwc_schemas::outcome::{Outcome, Withheld};
use uuid::Uuid;

use super::*;
use crate::Signal;

fn incident(number: u128) -> IncidentId {
    IncidentId::from_uuid(Uuid::from_u128(number))
}

fn month(text: &str) -> Month {
    text.parse().unwrap()
}

fn at(text: &str) -> DateTime {
    text.parse().unwrap()
}

fn ending(when: &str) -> Ending {
    let signal = Signal {
        count: 1,
        municipality: Some("municipality-0855".parse().unwrap()),
        school: None,
        outcome: Outcome::Withheld(Withheld::EnrolmentUnknown),
        hops: [Some(5), Some(5), None, None, None],
        after: None,
    };
    Ending { month: month(when), signals: vec![signal] }
}

fn signals(book: &Book, when: &str) -> u32 {
    book.month(month(when)).map_or(0, |record| record.ended().iter().map(|sums| sums.signals).sum())
}

fn kept(book: &Book) -> Book {
    Book::of(book.months().map(|record| Record::decode(&record.encode().unwrap()).unwrap()))
}

#[test]
fn an_incident_counts_once_however_often_it_is_asked() {
    let mut book = Book::default();
    assert_eq!(book.count(incident(1), &ending("2026-11")), Counted::In(month("2026-11")));
    assert_eq!(book.count(incident(1), &ending("2026-11")), Counted::Before);
    assert_eq!(kept(&book).count(incident(1), &ending("2026-11")), Counted::Before);
    assert_eq!(book.count(incident(2), &ending("2026-11")), Counted::In(month("2026-11")));
    assert_eq!(signals(&book, "2026-11"), 2);
    assert_eq!(kept(&book), book);
}

#[test]
fn a_month_is_closed_a_day_after_its_end_when_nothing_in_it_waits_for_its_tombstone() {
    let mut book = Book::default();
    assert_eq!(book.begin(at("2026-11-03T10:00")), Some(month("2026-11")));
    assert_eq!(book.begin(at("2026-11-03T10:00")), None);
    book.count(incident(1), &ending("2026-11"));
    let roster = Roster::default();
    assert_eq!(book.close(at("2026-12-02T00:00"), &roster), None, "one waits");
    assert_eq!(book.forget(|one| one == incident(1)), [month("2026-11")]);
    assert_eq!(book.close(at("2026-12-01T23:59"), &roster), None, "the day is not over");
    assert_eq!(book.close(at("2026-12-02T00:00"), &roster), Some(month("2026-11")));
    assert_eq!(book.close(at("2026-12-02T00:00"), &roster), None);
    assert_eq!(kept(&book).month(month("2026-11")).unwrap().roster(), Some(&roster));
}

#[test]
fn what_ends_late_counts_in_the_month_that_is_open() {
    let mut book = Book::default();
    book.count(incident(1), &ending("2026-11"));
    book.forget(|_| true);
    book.close(at("2026-12-05T00:00"), &Roster::default()).unwrap();
    let before = book.month(month("2026-11")).cloned();
    assert_eq!(book.count(incident(2), &ending("2026-11")), Counted::In(month("2026-12")));
    assert_eq!(book.count(incident(2), &ending("2026-11")), Counted::Before);
    assert_eq!(book.count(incident(3), &ending("2026-10")), Counted::In(month("2026-12")));
    assert_eq!(book.month(month("2026-11")).cloned(), before, "a closed month stays as it is");
    assert_eq!(signals(&book, "2026-12"), 2);
}

#[test]
fn a_month_in_which_nothing_ended_is_closed_as_well() {
    let mut book = Book::default();
    book.count(incident(1), &ending("2026-09"));
    book.forget(|_| true);
    let now = at("2026-12-01T00:00");
    let closed: Vec<_> = std::iter::from_fn(|| book.close(now, &Roster::default())).collect();
    assert_eq!(closed, [month("2026-09"), month("2026-10")]);
}

#[test]
fn a_closed_month_is_let_go_of_when_it_is_old_and_an_open_one_never() {
    let mut book = Book::default();
    book.count(incident(1), &ending("2026-09"));
    book.forget(|_| true);
    book.close(at("2026-12-05T00:00"), &Roster::default());
    book.count(incident(2), &ending("2026-11"));
    assert_eq!(book.take_old(at("2028-09-30T00:00"), 24), None);
    assert_eq!(book.take_old(at("2028-10-01T00:00"), 24), Some(month("2026-09")));
    assert_eq!(book.take_old(at("2050-10-01T00:00"), 24), None);
}

#[test]
fn a_record_takes_no_more_incidents_than_it_may_remember() {
    let mut book = Book::default();
    let full =
        (1..5_000).find(|number| book.count(incident(*number), &ending("2026-11")) == Counted::Full).unwrap();
    assert_eq!(full, 1_025);
    assert_eq!(signals(&book, "2026-11"), 1_024);
    book.forget(|one| one == incident(1));
    assert_eq!(book.count(incident(full), &ending("2026-11")), Counted::In(month("2026-11")));
}

#[test]
fn a_record_that_is_damaged_or_of_a_later_version_is_said_to_be() {
    let record = Record::open(month("2026-11")).encode().unwrap();
    assert_eq!(Record::decode(&record[1..]), Err(crate::RecordError::Damaged));
    let later = String::from_utf8(record).unwrap().replace("\"version\":1", "\"version\":2");
    assert_eq!(Record::decode(later.as_bytes()), Err(crate::RecordError::Version(2)));
}

#[test]
fn a_record_withstands_hostile_input() {
    let mut book = Book::default();
    book.count(incident(1), &ending("2026-11"));
    let good = book.month(month("2026-11")).unwrap().encode().unwrap();
    let said = |bytes: &[u8]| Record::decode(bytes).err().map(|error| format!("{error} {error:?}"));
    let limits = hwc_hostile::Limits { bytes_per_byte: 100, bytes_anyway: 64 * 1024 };
    hwc_hostile::Trial::new([String::from_utf8(good).unwrap()], said).within(limits).withstands();
}
