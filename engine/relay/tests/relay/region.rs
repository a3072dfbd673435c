//! Who there is, and what the law looks at.

use hwc_relay::Rules;
use hwc_schemas::{IncidentId, Organisation, PayloadId, SignalId, SignalNumber, wire::Sealed};
use hwc_workflow::{
    Chain, Table,
    calendar::{Calendar, Feed, HolidayRegion, Zone},
    policy::Policy,
};
use jiff::{Timestamp, civil::DateTime};

/// Two school years without a holiday but the national ones.
const FEED: &[u8] =
    br#"{"content":[{"schoolyear":"2025-2026","vacations":[]},{"schoolyear":"2026-2027","vacations":[]}]}"#;

/// A Thursday with school.
pub(crate) const MORNING: &str = "2026-11-19T09:00";

pub(crate) fn organisation(name: &str) -> Organisation {
    name.parse().unwrap()
}

pub(crate) fn police() -> Organisation {
    organisation("police-20")
}

pub(crate) fn veilig_thuis() -> Organisation {
    organisation("veilig-thuis-20")
}

pub(crate) fn municipality() -> Organisation {
    organisation("municipality-0855")
}

pub(crate) fn school() -> Organisation {
    organisation("school-01AA00")
}

pub(crate) fn other_school() -> Organisation {
    organisation("school-02BB00")
}

pub(crate) fn rules() -> Rules {
    let zone = Zone::amsterdam().unwrap();
    let feed = Feed::parse(FEED, &zone).unwrap();
    let chain =
        Chain { police: police(), veilig_thuis: veilig_thuis(), municipalities: [municipality()].into() };
    Rules {
        policy: Policy::default(),
        calendar: Calendar::new(zone, HolidayRegion::Zuid, &feed),
        table: Table { chains: vec![chain], schools: [school(), other_school()].into() },
    }
}

pub(crate) fn at(local: &str) -> Timestamp {
    let local: DateTime = local.parse().unwrap();
    Zone::amsterdam().unwrap().instant(local.date(), local.time())
}

pub(crate) fn incident(n: u64) -> IncidentId {
    format!("{n:032x}").parse().unwrap()
}

pub(crate) fn payload(n: u64) -> PayloadId {
    format!("{n:032x}").parse().unwrap()
}

pub(crate) fn signal(n: u64, place: usize) -> SignalId {
    SignalId { incident: incident(n), number: SignalNumber::at(place).unwrap() }
}

pub(crate) fn sealed() -> Sealed {
    Sealed::new(b"sealed".to_vec())
}
