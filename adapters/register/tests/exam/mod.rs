//! The exam that both databases must pass. Each story is given a database with nothing in it.

mod same;

use std::collections::BTreeSet;

use hwc_casework::routing::{Placement, SchoolCode, Verdict, route};
use hwc_municipality::{Registry as _, Settings};
use hwc_register::{
    Difference, Mode, Place, Pupil, Reader, Reading, Register, RegisterError, SchoolChange, SchoolRecord,
    Shrink,
    files::{Change, What},
};
use hwc_schemas::{
    person::{Child, DateOfBirth},
    report::MunicipalityCode,
};
use jiff::{Timestamp, civil::Date, tz::TimeZone};

pub(crate) use same::the_database_says_what_memory_says;

const CAREFUL: Shrink = Shrink { percent_max: 10, confirmed: false };
const CONFIRMED: Shrink = Shrink { percent_max: 10, confirmed: true };

pub(crate) fn own() -> MunicipalityCode {
    MunicipalityCode::parse("0855").unwrap()
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn code(text: &str) -> SchoolCode {
    text.parse().unwrap()
}

fn zone() -> TimeZone {
    TimeZone::get("Europe/Amsterdam").unwrap()
}

/// This moment, and the local day that it lies in.
fn now() -> (Timestamp, Date) {
    let now = Timestamp::now();
    (now, zone().to_datetime(now).date())
}

fn child(given_names: &str, surname: &str) -> Child {
    Child::new(given_names, None, surname, DateOfBirth::parse("2016-02-03").unwrap()).unwrap()
}

pub(crate) fn pupil(given_names: &str, surname: &str, school: Option<&str>) -> Pupil {
    let placement = Placement { school: school.map(code), host: None, secret: false };
    Pupil { municipality: own(), child: child(given_names, surname), placement, from: None, until: None }
}

fn pupils(count: usize) -> Vec<Pupil> {
    (0..count).map(|n| pupil("Noor", &format!("Smit{n}"), Some("01AA00"))).collect()
}

fn school(text: &str) -> SchoolRecord {
    SchoolRecord {
        code: code(text),
        name: "De School".to_owned(),
        sector: None,
        municipality: own(),
        mailbox: Some("hwc@school.example".to_owned()),
        covenant_signed_on: Some(day("2021-03-01")),
        contact: None,
        backup: None,
        left_on: None,
        merged: None,
    }
}

/// A register with two schools that take part.
pub(crate) async fn prepared(place: &Place) -> Register {
    let register = Register::open(place, own()).await.unwrap();
    register.prepare().await.unwrap();
    for text in ["01AA00", "02BB00"] {
        assert!(register.change_school(code(text), SchoolChange::Add(Box::new(school(text)))).await.unwrap());
    }
    register
}

fn reading() -> Reading {
    Reading { own: own(), region: BTreeSet::from([own()]), zone: zone(), stale_after_days: 10 }
}

pub(crate) async fn full(register: &Register, pupils: Vec<Pupil>) -> Difference {
    register.import_full(pupils, now(), Mode::Apply, CONFIRMED).await.unwrap()
}

/// Where a child's signal goes by this view: to this school, or in one word why not.
fn goes(child: &Child, view: &Settings) -> String {
    match route(child, &view.enrolments, &view.schools, &view.region, now().1) {
        Verdict::To(school) => school.to_string(),
        Verdict::Withhold(reason) => reason.as_str().to_owned(),
        Verdict::AskSomebody(candidates) => format!("{} candidates", candidates.len()),
    }
}

async fn look(reader: &Reader, child: &Child) -> String {
    goes(child, &reader.view(child, Timestamp::now()).await.unwrap())
}

pub(crate) async fn a_file_is_taken_whole_and_the_same_file_again_changes_nothing(place: Place) {
    let register = prepared(&place).await;
    let mut file = pupils(40);
    file.push(pupil("Noor", "Smit0", Some("01AA00")));
    file.push(pupil("Onbekend", "Ergens", None));
    file.push(pupil("Ver", "Weg", Some("09ZZ00")));
    file.push(Pupil {
        municipality: MunicipalityCode::parse("0797").unwrap(),
        ..pupil("Niet", "Hier", None)
    });
    file.push(Pupil { until: Some(day("2020-07-31")), ..pupil("Al", "Weg", Some("01AA00")) });
    let secret = Placement { school: Some(code("02BB00")), host: None, secret: true };
    file.push(Pupil { placement: secret, ..pupil("Geheim", "Adres", None) });

    let said = register.import_full(file.clone(), now(), Mode::DryRun, CAREFUL).await.unwrap();
    assert_eq!(register.standing(now().1).await.unwrap().rows, 0, "a dry run changed something");
    let first = register.import_full(file.clone(), now(), Mode::Apply, CAREFUL).await.unwrap();
    let counts = Difference {
        rows: 46,
        new: 43,
        elsewhere: 1,
        over: 1,
        twice: 1,
        no_school: 1,
        school_unknown: 1,
        secret: 1,
        ..Difference::default()
    };
    assert_eq!((said, first), (counts, counts));
    let standing = register.standing(now().1).await.unwrap();
    assert_eq!((standing.pupils, standing.rows, standing.participating), (43, 43, 2));

    let again = full(&register, file.clone()).await;
    assert_eq!(again, Difference { new: 0, unchanged: 43, ..counts });
    let same = register.standing(now().1).await.unwrap();
    assert_eq!(same.version, standing.version, "nothing changed, and it is another version");
    assert!(same.imported_at >= standing.imported_at);

    // One leaves, one moves, one is spelt otherwise, one is secret from now on.
    file.truncate(40);
    file.remove(0);
    file[0].placement.school = Some(code("02BB00"));
    file[1] = pupil("Noor Anna", "Smit2", Some("01AA00"));
    file[2].placement.secret = true;
    let next = register.import_full(file, now(), Mode::Apply, CAREFUL).await.unwrap();
    assert_eq!((next.new, next.gone, next.moved, next.changed, next.unchanged), (0, 4, 1, 2, 36));
    assert!(register.standing(now().1).await.unwrap().version > standing.version);
    register.close().await;
}

pub(crate) async fn a_file_that_lacks_too_many_pupils_changes_nothing(place: Place) {
    let register = prepared(&place).await;
    full(&register, pupils(100)).await;
    let before = register.standing(now().1).await.unwrap();
    for few in [0, 1, 89] {
        let refused = register.import_full(pupils(few), now(), Mode::Apply, CAREFUL).await.unwrap_err();
        let RegisterError::Shrinks { gone, before: 100, percent_max: 10 } = refused else {
            panic!("{refused}")
        };
        assert_eq!(gone, 100 - few);
    }
    let leave = |n| Change { what: What::Left, pupil: pupil("Noor", &format!("Smit{n}"), None) };
    let refused = register.import_delta((0..11).map(leave).collect(), now(), Mode::Apply, CAREFUL).await;
    assert!(matches!(refused, Err(RegisterError::Shrinks { gone: 11, .. })));
    assert_eq!(register.standing(now().1).await.unwrap(), before);

    let taken = register.import_full(pupils(90), now(), Mode::Apply, CAREFUL).await.unwrap();
    assert_eq!((taken.gone, taken.unchanged), (10, 90));
    assert_eq!(full(&register, pupils(3)).await.gone, 87);
    register.close().await;
}

pub(crate) async fn a_delta_says_who_comes_goes_and_moves(place: Place) {
    let register = prepared(&place).await;
    let early = register.import_delta(Vec::new(), now(), Mode::Apply, CAREFUL).await;
    assert!(matches!(early, Err(RegisterError::NeverImported)), "a delta to nothing is no register");
    full(&register, pupils(60)).await;
    let change = |what, pupil| Change { what, pupil };
    let changes = vec![
        change(What::Enrolled, pupil("Evi", "Jansen", Some("02BB00"))),
        change(What::Left, pupil("Noor", "Smit1", Some("01AA00"))),
        // Not there any more, and never there: nothing to do.
        change(What::Left, pupil("Noor", "Smit1", Some("01AA00"))),
        change(What::Left, pupil("Wie", "Dan", None)),
        // Left a school that it was not at.
        change(What::Left, pupil("Noor", "Smit2", Some("02BB00"))),
        change(What::Moved, pupil("NOOR", "Smit3", Some("02BB00"))),
        // At two schools from now on.
        change(What::Enrolled, pupil("Noor", "Smit4", Some("02BB00"))),
    ];
    let said = register.import_delta(changes.clone(), now(), Mode::DryRun, CAREFUL).await.unwrap();
    let done = register.import_delta(changes.clone(), now(), Mode::Apply, CAREFUL).await.unwrap();
    assert_eq!(said, done);
    assert_eq!((done.rows, done.new, done.gone, done.moved, done.unchanged), (7, 1, 1, 2, 1));
    let version = register.standing(now().1).await.unwrap().version;
    let again = register.import_delta(changes, now(), Mode::Apply, CAREFUL).await.unwrap();
    assert!(again.is_none(), "{again:?}");
    assert_eq!(register.standing(now().1).await.unwrap().version, version);

    let reader = reader(&place).await.unwrap();
    for (given_names, surname, to) in [
        ("Evi", "Jansen", "02BB00"),
        // Who left is only like the others of that first name; one of them is at two schools.
        ("Noor", "Smit1", "60 candidates"),
        ("Noor", "Smit2", "01AA00"),
        ("Noor", "Smit3", "02BB00"),
        ("Noor", "Smit4", "2 candidates"),
        ("Wie", "Dan", "enrolment_unknown"),
    ] {
        assert_eq!(look(&reader, &child(given_names, surname)).await, to, "{given_names} {surname}");
    }
    register.close().await;
}

pub(crate) async fn whoever_looks_sees_an_import_at_once_and_a_view_stays_what_it_is(place: Place) {
    let register = prepared(&place).await;
    let reader = reader(&place).await.unwrap();
    let evi = child("Evi", "Jansen");
    let never = reader.view(&evi, Timestamp::now()).await;
    assert!(matches!(never, Err(RegisterError::NeverImported)), "an empty register must not decide");
    assert!(reader.problem().borrow().as_deref().is_some_and(|said| said.contains("ever imported")));

    full(&register, vec![pupil("Evi", "Jansen", Some("01AA00"))]).await;
    let view = reader.view(&evi, Timestamp::now()).await.unwrap();
    full(&register, vec![pupil("Evi", "Jansen", Some("02BB00"))]).await;
    assert_eq!(look(&reader, &evi).await, "02BB00");
    assert_eq!(goes(&evi, &view), "01AA00", "a view is one snapshot");
    reader.changed_from(&view).await;

    // Somebody else imports, and nobody looks: it is noticed all the same.
    let view = reader.view(&evi, Timestamp::now()).await.unwrap();
    full(&register, vec![pupil("Evi", "Jansen", None)]).await;
    reader.changed_from(&view).await;
    assert_eq!(look(&reader, &evi).await, "enrolment_unknown");
    reader.problem().wait_for(Option::is_none).await.unwrap();
    reader.imported_at().wait_for(Option::is_some).await.unwrap();
    register.close().await;
}

pub(crate) async fn a_school_joins_merges_and_leaves_by_a_word_and_a_day(place: Place) {
    let register = prepared(&place).await;
    full(&register, vec![pupil("Evi", "Jansen", Some("03CC00"))]).await;
    let reader = reader(&place).await.unwrap();
    let evi = child("Evi", "Jansen");
    let today = now().1;
    let tomorrow = today.tomorrow().unwrap();
    let change = async |text, change| register.change_school(code(text), change).await;
    assert_eq!(look(&reader, &evi).await, "school_not_participating");
    change("03CC00", SchoolChange::Add(Box::new(school("03CC00")))).await.unwrap();
    assert_eq!(look(&reader, &evi).await, "03CC00");
    change("03CC00", SchoolChange::Leave(tomorrow)).await.unwrap();
    assert_eq!(look(&reader, &evi).await, "03CC00");
    change("03CC00", SchoolChange::Leave(today)).await.unwrap();
    assert_eq!(look(&reader, &evi).await, "school_not_participating");
    change("03CC00", SchoolChange::Merge(code("02BB00"), tomorrow)).await.unwrap();
    assert_eq!(look(&reader, &evi).await, "school_not_participating");
    assert!(change("03CC00", SchoolChange::Merge(code("02BB00"), today)).await.unwrap());
    assert_eq!(look(&reader, &evi).await, "02BB00");
    assert!(!change("03CC00", SchoolChange::Merge(code("02BB00"), today)).await.unwrap(), "nothing changed");
    for (one, into) in
        [("02BB00", "03CC00"), ("02BB00", "02BB00"), ("02BB00", "09ZZ00"), ("09ZZ00", "02BB00")]
    {
        let refused = change(one, SchoolChange::Merge(code(into), today)).await;
        assert!(matches!(refused, Err(RegisterError::School(_))), "{one} into {into}");
    }
    let standing = register.standing(today).await.unwrap();
    assert_eq!((standing.schools, standing.participating), (3, 2));
    register.close().await;
}

pub(crate) async fn two_imports_at_once_come_one_after_the_other(place: Place) {
    let register = prepared(&place).await;
    let imports = (0..4_usize).map(|n| {
        let register = register.clone();
        tokio::spawn(async move { full(&register, pupils(50 + n)).await })
    });
    for import in imports.collect::<Vec<_>>() {
        import.await.unwrap();
    }
    let standing = register.standing(now().1).await.unwrap();
    assert!((50..54).contains(&standing.rows) && standing.rows == standing.pupils);
    register.close().await;
}

/// Opens a register to look in.
pub(crate) async fn reader(place: &Place) -> Result<Reader, RegisterError> {
    Reader::open(place, reading()).await
}

/// Whether it opens.
pub(crate) async fn opened(place: &Place) -> Result<(), RegisterError> {
    reader(place).await.map(drop)
}
