//! A summary to draw, for tests.

use hwc_schemas::{
    Organisation, Role,
    outcome::{Expired, Outcome, Withheld},
};
use hwc_workflow::{
    calendar::{Calendar, Feed, HolidayRegion, Zone},
    policy::Policy,
};
use jiff::{Timestamp, civil::Time};

use crate::{
    arrivals::{self, Incident, later},
    ledger::{Closed, Gauge, Tallies, Timing},
    plan::Plan,
    summary::{RegionLine, Sources, Summary},
};

/// The handbook's calendar.
pub(crate) fn calendar() -> Calendar {
    let zone = Zone::amsterdam().unwrap();
    let feed = Feed::parse(include_bytes!("../../handbook/holidays.json"), &zone).unwrap();
    Calendar::new(zone, HolidayRegion::Zuid, &feed)
}

/// A week's drawn reports; every fourth signal is withheld, every tenth expires.
pub(crate) fn example() -> Summary {
    let plan = Plan::parse(
        "name = \"Example <week>\"\nquestion = \"What & when?\"\n[period]\nfrom = \"2026-11-16\"\ndays = 7\n[region]\nsize = \"town\"\n",
    )
    .unwrap();
    let calendar = calendar();
    let says = &plan.says;
    let incidents =
        arrivals::draw((&says.arrivals, &says.reporting), says.period.unwrap(), 1, calendar.zone(), 499);
    let begins = calendar.instant(says.period.unwrap().from.0, Time::midnight());
    let mut timings: Vec<Timing> =
        incidents.iter().zip(0..).map(|(one, place)| row(one, place, &calendar)).collect();
    timings.sort_by_key(|row| row.report);
    let mut gauge = Gauge::new(begins, 3_600);
    for incident in &incidents {
        gauge.change(incident.reported_at, 1);
    }
    let ends = later(begins, 12 * 86_400);
    gauge.change(ends, -i64::try_from(incidents.len()).unwrap());
    let tallies = Tallies {
        recorded: 500,
        purged: 500,
        looked_up_again: 12,
        reminded_contact: 3,
        ..Tallies::default()
    };
    let closed = Closed { timings, places: [(); 4].map(|()| gauge.clone()), tallies, ends };
    let region = RegionLine {
        name: "Invented".to_owned(),
        children: Some(100_000),
        municipalities: 8,
        schools: 164,
        receiving_schools: 150,
    };
    let sources = Sources {
        says,
        seed: 1,
        region,
        calendar: &calendar,
        policy: &Policy::default(),
        incidents: &incidents,
        begins,
        days: 7,
    };
    Summary::of(&sources, &closed)
}

fn row(incident: &Incident, place: u32, calendar: &Calendar) -> Timing {
    let mut row = Timing::new(place + 1, 1, incident);
    let school = Organisation::new(Role::School, "01AA00").unwrap();
    let minutes = |minutes: u32, from: Timestamp| later(from, i64::from(minutes) * 60);
    row.recorded_at = Some(incident.reported_at);
    row.expanded_at = Some(minutes(place % 40 + 2, incident.reported_at));
    let routed = minutes(place % 25 + 1, row.expanded_at.unwrap());
    row.purged_at = Some(routed);
    if place.is_multiple_of(4) {
        row.ends(Outcome::Withheld(Withheld::SchoolNotParticipating), routed);
        return row;
    }
    (row.routed_at, row.school) = (Some(routed), Some(school.clone()));
    let local = calendar.local(routed);
    let day = calendar
        .school_day_from(
            &school,
            if local.hour() < 17 { local.date() } else { local.date().tomorrow().unwrap() },
        )
        .unwrap();
    let delivered = calendar.instant(day, Time::constant(7, 0, 0, 0)).max(routed);
    (row.delivered_first_at, row.delivered_at, row.delivered_to) =
        (Some(delivered), Some(delivered), Some(school));
    if place % 10 == 1 {
        row.ends(Outcome::Expired(Expired::NotAcknowledged), minutes(2_880, delivered));
    } else {
        let at = minutes(place % 90, delivered);
        row.acknowledged_at = Some(at);
        row.ends(Outcome::Acknowledged, at);
    }
    row
}
