use hwc_casework::routing::Placement;
use hwc_schemas::person::{Child, DateOfBirth};
use jiff::tz::TimeZone;

use super::*;
use crate::{
    Reader, Reading,
    testing::{code, day, own, school},
};

fn pupil(given_names: &str) -> Pupil {
    let child = Child::new(given_names, None, "Smit", DateOfBirth::parse("2016-02-03").unwrap()).unwrap();
    let placement = Placement { school: Some(code("01AA00")), host: None, secret: false };
    Pupil { municipality: own(), child, placement, from: None, until: None }
}

async fn reader(place: &Place) -> Result<Reader, RegisterError> {
    let region = std::collections::BTreeSet::from([own()]);
    Reader::open(place, Reading { own: own(), region, zone: TimeZone::UTC, stale_after_days: 10 }).await
}

async fn as_if(register: &Register, sql: &'static str) {
    let Pool::Sqlite(pool) = &register.pool else { panic!("not SQLite") };
    sqlx::query(sql).execute(pool).await.unwrap();
}

#[tokio::test]
async fn a_register_of_an_older_program_is_traced_anew_and_one_of_a_newer_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::Sqlite(folder.path().join("pupils.sqlite"));
    let register = Register::open(&place, own()).await.unwrap();
    register.prepare().await.unwrap();
    let now = (Timestamp::now(), day("2026-11-18"));
    let shrink = Shrink { percent_max: 10, confirmed: false };
    let pupils = || vec![pupil("Noor"), pupil("Evi")];
    register.import_full(pupils(), now, Mode::Apply, shrink).await.unwrap();
    as_if(
        &register,
        "UPDATE enrolments SET child = 0, by_given_name = 0, by_own_surname = 0, by_whole_surname = 0",
    )
    .await;
    as_if(&register, "UPDATE register SET traces = 0").await;
    assert!(matches!(reader(&place).await, Err(RegisterError::Older)));
    assert!(matches!(
        register.import_full(pupils(), now, Mode::Apply, shrink).await,
        Err(RegisterError::Older)
    ));

    register.prepare().await.unwrap();
    let view = reader(&place).await.unwrap().view(&pupil("Noor").child, now.0).await.unwrap();
    let found = hwc_casework::routing::route(
        &pupil("Noor").child,
        &view.enrolments,
        &view.schools,
        &view.region,
        now.1,
    );
    let reason = hwc_schemas::outcome::Withheld::SchoolNotParticipating;
    assert!(
        matches!(found, hwc_casework::routing::Verdict::Withhold(why) if why == reason),
        "it is not found"
    );
    let again = register.import_full(pupils(), now, Mode::Apply, shrink).await.unwrap();
    assert!(again.is_none() && again.unchanged == 2);

    for newer in ["UPDATE register SET traces = 99", "UPDATE register SET format = 99"] {
        as_if(&register, newer).await;
        assert!(matches!(reader(&place).await, Err(RegisterError::Newer)));
        assert!(matches!(register.prepare().await, Err(RegisterError::Newer)));
    }
}

#[test]
fn what_a_list_does_not_say_of_a_school_stays_as_it_was() {
    let before = SchoolRecord { left_on: Some(day("2026-08-01")), ..school("01AA00") };
    let listed = Listed {
        code: code("01AA00"),
        name: "De Nieuwe Naam".to_owned(),
        municipality: own(),
        sector: None,
        mailbox: None,
        covenant_signed_on: Some(None),
        contact: Some(Some("ib@school.example".to_owned())),
        backup: None,
    };
    let after = merged(Some(&before), listed);
    let expected = SchoolRecord {
        name: "De Nieuwe Naam".to_owned(),
        covenant_signed_on: None,
        contact: Some("ib@school.example".to_owned()),
        ..before
    };
    assert!(after == expected);
}

/// Implemented once for every type, and once more for what can be printed: then the compiler cannot choose.
trait Unprintable<Ambiguous> {
    fn check() {}
}

impl<T: ?Sized> Unprintable<()> for T {}

struct ByDebug;
impl<T: ?Sized + std::fmt::Debug> Unprintable<ByDebug> for T {}

#[test]
fn nothing_that_holds_a_pupil_or_somebodys_address_can_be_printed() {
    <crate::Pupil as Unprintable<_>>::check();
    <crate::Directory as Unprintable<_>>::check();
    <SchoolRecord as Unprintable<_>>::check();
    <crate::SchoolChange as Unprintable<_>>::check();
    <Listed as Unprintable<_>>::check();
}

#[test]
fn enrolments_are_stale_from_that_many_days_on() {
    let at: Timestamp = "2026-11-08T12:00:00Z".parse().unwrap();
    for (now, is_stale) in [("2026-11-18T11:59:59Z", false), ("2026-11-18T12:00:00Z", true)] {
        assert_eq!(crate::stale(at, now.parse().unwrap(), 10).is_some(), is_stale, "{now}");
    }
}
