//! Who there is, the few moments that matter, and the names of ciphertexts.

use hwc_journal::{Generation, Location};
use hwc_relay::{Limits, Relay, Rules};
use hwc_schemas::{IncidentId, Organisation, PayloadId, Role, SignalId, SignalNumber};
use hwc_workflow::{
    Chain, Table,
    calendar::{Calendar, Feed, HolidayRegion, Zone},
    policy::{Policy, PolicySettings},
};
use jiff::{
    Timestamp,
    civil::{Date, Time, date, time},
};
use uuid::Uuid;

use crate::bounds::{Bounds, Planted};

/// Two school years without a holiday but the national ones.
const FEED: &[u8] =
    br#"{"content":[{"schoolyear":"2025-2026","vacations":[]},{"schoolyear":"2026-2027","vacations":[]}]}"#;

/// The moments that matter, local time: a report before the day begins, delivery (R19), the reminder (R20), the end of the
/// school's day, on which the model's policy lets a signal expire (R20), and a day behind the ceiling (R23).
pub const MOMENTS: [(Date, Time, &str); 5] = [
    (date(2026, 11, 19), time(6, 50, 0, 0), "before the day"),
    (date(2026, 11, 19), time(7, 0, 0, 0), "delivery"),
    (date(2026, 11, 19), time(8, 15, 0, 0), "reminder"),
    (date(2026, 11, 19), time(17, 0, 0, 0), "expiry"),
    (date(2026, 11, 27), time(12, 0, 0, 0), "behind the ceiling"),
];

const DELIVERY: usize = 1;

/// The scene could not be set.
#[derive(Debug, thiserror::Error)]
#[error("the model's region does not come together: {0}")]
pub struct SceneError(String);

/// What does not change during a check.
pub(crate) struct Scene {
    /// Its bounds.
    pub(crate) bounds: Bounds,
    /// The fault that is planted, if one is.
    pub(crate) planted: Option<Planted>,
    pub(crate) police: Organisation,
    pub(crate) veilig_thuis: Organisation,
    pub(crate) municipality: Organisation,
    pub(crate) schools: [Organisation; 2],
    pub(crate) moments: Vec<(Timestamp, &'static str)>,
    /// From then on letters may be delivered (R19).
    pub(crate) delivery_from: Timestamp,
    pub(crate) unborn: Relay,
}

const GENERATION: Generation = Generation::from_uuid(Uuid::from_u128(1));

/// The one incident.
pub(crate) const INCIDENT: IncidentId = IncidentId::from_uuid(Uuid::from_u128(0x1001));

impl Scene {
    /// Sets the scene.
    pub(crate) fn new(bounds: Bounds, planted: Option<Planted>) -> Result<Self, SceneError> {
        let wrong = |error: &dyn std::fmt::Display| SceneError(error.to_string());
        let organisation = |role, code| Organisation::new(role, code).map_err(|error| wrong(&error));
        let police = organisation(Role::Police, "20")?;
        let veilig_thuis = organisation(Role::VeiligThuis, "20")?;
        let municipality = organisation(Role::Municipality, "0855")?;
        let schools = [organisation(Role::School, "01AA00")?, organisation(Role::School, "02BB00")?];
        let zone = Zone::amsterdam().map_err(|error| wrong(&error))?;
        let feed = Feed::parse(FEED, &zone).map_err(|error| wrong(&error))?;
        let chain = Chain {
            police: police.clone(),
            veilig_thuis: veilig_thuis.clone(),
            municipalities: [municipality.clone()].into(),
        };
        // One reminder on the day itself; the other notices would fall due after the expiry and never do.
        let times = Policy::check(PolicySettings {
            remind_backup_at: time(23, 0, 0, 0),
            notify_municipality_at: time(23, 0, 0, 0),
            max_hold_days: 0,
            expire_after_school_days: 0,
            payload_ceiling_days: 7,
            ..PolicySettings::default()
        })
        .map_err(|error| wrong(&error))?;
        let moments = bounds.moments.iter().filter_map(|place| MOMENTS.get(*place));
        let moments: Vec<_> = moments.map(|(date, time, what)| (zone.instant(*date, *time), *what)).collect();
        if moments.is_empty() {
            return Err(SceneError("it has no moment".to_owned()));
        }
        let (date, time, _) = MOMENTS[DELIVERY];
        let delivery_from = zone.instant(date, time);
        let rules = Rules {
            policy: times,
            calendar: Calendar::new(zone, HolidayRegion::Zuid, &feed),
            table: Table { chains: vec![chain], schools: schools.clone().into() },
        };
        let limits = Limits { attempts_max: 2, ..Limits::default() };
        let unborn = Relay::new(rules, limits);
        Ok(Self {
            bounds,
            planted,
            police,
            veilig_thuis,
            municipality,
            schools,
            moments,
            delivery_from,
            unborn,
        })
    }

    /// Whether this fault is planted.
    pub(crate) fn has(&self, planted: Planted) -> bool {
        self.planted == Some(planted)
    }
}

/// A child's signal, from 0.
pub(crate) fn signal(child: u16) -> Option<SignalId> {
    Some(SignalId { incident: INCIDENT, number: SignalNumber::at(child.into())? })
}

/// A kind of ciphertext: the report, a child's referral or its letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Report,
    Referral(u16),
    Letter(u16),
}

/// The name of a ciphertext: the n-th of its kind that is about at one time. A name is used again once nobody and nothing
/// knows it any more, which keeps the names few and no two ciphertexts under one.
pub(crate) fn payload(kind: Kind, n: u8) -> PayloadId {
    let (kind, child): (u128, _) = match kind {
        Kind::Report => (1, 0),
        Kind::Referral(child) => (2, child),
        Kind::Letter(child) => (3, child),
    };
    PayloadId::from_uuid(Uuid::from_u128(kind << 32 | u128::from(child) << 16 | u128::from(n)))
}

/// Where a ciphertext would lie: its name's own place, and another for a copy that arrives late.
pub(crate) fn location(payload: PayloadId, copy: u8) -> Location {
    let [kind, child, n] = [11, 13, 15].map(|byte| u64::from(payload.as_bytes()[byte]));
    let sequence = kind << 32 | child << 16 | n << 4 | u64::from(copy);
    Location::new(GENERATION, sequence)
}

/// Its name for people.
pub(crate) fn called(payload: PayloadId) -> String {
    let bytes = payload.as_bytes();
    let which = if bytes[15] == 1 { String::new() } else { format!(" #{}", bytes[15]) };
    match bytes[11] {
        1 => format!("the report{which}"),
        2 => format!("the referral of child {}{which}", bytes[13] + 1),
        _ => format!("the letter of child {}{which}", bytes[13] + 1),
    }
}
