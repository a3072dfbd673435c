//! A mock with invented people, and a look-up that asks it.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use hwc_adapter_kit::Kept;
use hwc_brp::{Access, Addresses, Brp, Caller, Credential, Limits, Manner, budget::Morning};
use hwc_brp_mock::{Faults, Key, Mock, Person, Registry};
use hwc_casework::household::{Doubt, Household};
use hwc_schemas::{
    person::{Child, DateOfBirth},
    report::{Address, Kind, Mention, MunicipalityCode, Occurred, Presence, Relation, Report},
};
use hwc_veilig_thuis::{Asked, Down, Households as _};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

pub(crate) const DAY: &str = "2026-11-18";

/// Somebody at 5038AA 1.
pub(crate) fn person(given: &str, surname: &str, born: &str) -> Person {
    Person {
        postcode: "5038AA".into(),
        house_number: 1,
        municipality: "0855".into(),
        given_names: given.into(),
        surname: surname.into(),
        born: born.into(),
        ..Person::default()
    }
}

pub(crate) fn child(given: &str, prefix: Option<&str>, surname: &str, born: &str) -> Child {
    Child::new(given, prefix, surname, DateOfBirth::parse(born).unwrap()).unwrap()
}

/// A report of 5038AA 1 with one child.
pub(crate) fn report(named: Child, municipality: Option<&str>) -> Report {
    let municipality = municipality.map(|code| MunicipalityCode::parse(code).unwrap());
    Report {
        reported_at: now(),
        occurred: Occurred::On(DAY.parse().unwrap()),
        kind: Kind::DomesticViolence,
        address: Address::new("5038AA", 1, "", "", municipality).unwrap(),
        mentions: vec![Mention { child: named, presence: Presence::Present, relation: Relation::Resident }],
    }
}

pub(crate) fn david() -> Child {
    child("David", None, "Pieterse", "2016-02-03")
}

pub(crate) fn now() -> Timestamp {
    "2026-11-18T06:00:00+01:00".parse().unwrap()
}

pub(crate) fn asked(report: &Report) -> Asked<'_> {
    let patience_ends = now() + SignedDuration::from_mins(30);
    Asked { report, day: DAY.parse().unwrap(), attempt: 1, began: now(), now: now(), patience_ends }
}

pub(crate) struct Ground {
    pub(crate) mock: Mock,
    pub(crate) brp: Brp,
    pub(crate) folder: tempfile::TempDir,
}

/// How a ground is asked for.
pub(crate) struct Wanted {
    pub(crate) key: Key,
    pub(crate) by_object: bool,
    pub(crate) limits: Limits,
}

impl Default for Wanted {
    fn default() -> Self {
        let limits = Limits { at_once_max: 4, answer_within: Duration::from_millis(500) };
        Self { key: Key::ApiKey("s3cret".into()), by_object: false, limits }
    }
}

impl Ground {
    pub(crate) async fn of(people: Vec<Person>) -> Self {
        Self::wanted(people, Wanted::default()).await
    }

    pub(crate) async fn wanted(people: Vec<Person>, wanted: Wanted) -> Self {
        let registry = Registry::of(people);
        let addresses = if wanted.by_object {
            Addresses::read(registry.addresses().as_bytes()).unwrap_or_default()
        } else {
            Addresses::default()
        };
        let here = SocketAddr::from(([127, 0, 0, 1], 0));
        let mock = Mock::start(here, registry, wanted.key.clone(), Faults::default()).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        let file: PathBuf = folder.path().join("secret");
        hwc_vault::create(&file, b"s3cret\n").unwrap();
        let credential = match wanted.key {
            Key::Nobody => Credential::Nothing,
            Key::ApiKey(_) => Credential::ApiKey(file),
            Key::Token { .. } => {
                Credential::Token { at: mock.token_url(), client_id: "hwc".into(), secret: file, scope: None }
            }
        };
        let access =
            Access { persons: mock.persons(), occupancy: Some(mock.occupancy()), credential, tls: None };
        let caller = Caller::new(access, wanted.limits).unwrap();
        let participating = ["0855", "0867"].map(|code| MunicipalityCode::parse(code).unwrap()).into();
        let zone = TimeZone::get("Europe/Amsterdam").unwrap();
        let morning = Morning { zone, lesson: Morning::LESSON, last_call: Some(Morning::LAST_CALL) };
        let brp = Brp::new(caller, Kept::fixed(addresses), Manner { participating, morning });
        Self { mock, brp, folder }
    }

    pub(crate) async fn household(&self, report: &Report) -> Result<Household, Down> {
        self.brp.household(&asked(report)).await
    }

    /// The household, and where a child lives.
    pub(crate) async fn home(&self, report: &Report, child: &Child) -> Option<String> {
        let household = self.household(report).await.unwrap_or_else(|_| panic!("down"));
        let home = self.brp.home(&asked(report), &household, child).await.unwrap_or_else(|_| panic!("down"));
        home.map(|code| code.as_str().to_owned())
    }
}

/// The given names of those who are known, with the doubt about each.
pub(crate) fn known(household: &Household) -> Vec<(String, Option<Doubt>)> {
    let one = |member: &hwc_casework::household::Member| {
        (member.person.given_names.expose().to_owned(), member.doubt)
    };
    household.members.iter().map(one).collect()
}

pub(crate) fn doubts(household: &Household, report: &Report) -> Vec<Doubt> {
    household.doubts(report, DAY.parse().unwrap()).into_iter().collect()
}
