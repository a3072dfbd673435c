//! What the police report: most of it plain, some of it late, twice, mistaken or of no concern.

use hwc_schemas::report::{Kind, Presence, Relation};
use hwc_workflow::calendar::Zone;
use jiff::SignedDuration;

use super::{later, region};
use crate::{
    Dice,
    truth::{Mention, Report, Truth},
};

pub(super) fn reports(dice: &mut Dice, truth: &Truth, zone: &Zone) -> Vec<Report> {
    let minutes = truth.heals_at.duration_since(truth.begins).as_secs() / 60;
    let mut reports: Vec<Report> = Vec::new();
    for place in 0..dice.between(1, 4) {
        let reported_at = later(truth.begins, SignedDuration::from_mins(dice.between(0, minutes * 3 / 4)));
        let occurred_at = later(reported_at, SignedDuration::from_mins(-dice.between(5, 30 * 60)));
        let Some(at) = dice.pick(&truth.residents).cloned() else { continue };
        let today = zone.local(occurred_at).date();
        let kind = match dice.below(10) {
            0 => Kind::Other,
            1 | 2 => Kind::ChildAbuse,
            _ => Kind::DomesticViolence,
        };
        let mut mentions = Vec::new();
        for resident in truth.residents.iter().filter(|one| one.address == at.address) {
            if dice.happens(650) && resident.person.date_of_birth.year() > 2005 {
                let child = if dice.happens(150) {
                    region::spelt_otherwise(dice, &resident.person)
                } else {
                    resident.person.clone()
                };
                let relation = match dice.below(12) {
                    0 => Relation::Visitor,
                    1 => Relation::Family,
                    _ => Relation::Resident,
                };
                let presence = if dice.happens(800) { Presence::Present } else { Presence::Absent };
                mentions.push(Mention { child, presence, relation });
            }
        }
        for (relation, often) in [(Relation::Visitor, 200), (Relation::Family, 200), (Relation::Resident, 60)]
        {
            if dice.happens(often) {
                let elsewhere = dice.pick(&truth.residents).cloned();
                let child = match elsewhere {
                    Some(one) if one.address != at.address && one.person.date_of_birth.year() > 2005 => {
                        one.person
                    }
                    _ => {
                        let surname = region::surname(dice);
                        region::somebody(dice, today, surname, (3, 18))
                    }
                };
                let presence = if dice.happens(600) { Presence::Present } else { Presence::Absent };
                mentions.push(Mention { child, presence, relation });
            }
        }
        if let Some(twice) = mentions.first().cloned().filter(|_| dice.happens(100)) {
            mentions.push(twice);
        }
        let municipality = dice.happens(700).then(|| at.municipality.clone());
        let report = Report {
            reference: format!("P-{place}"),
            reported_at,
            occurred_at,
            kind,
            address: at.address,
            municipality,
            mentions,
        };
        // The same again, soon or months later; once with something else in it.
        if dice.happens(120) {
            let after = if dice.happens(700) { dice.between(1, 600) } else { dice.between(30, 60) * 24 * 60 };
            let mut again = report.clone();
            again.reported_at = later(reported_at, SignedDuration::from_mins(after));
            if dice.happens(500) {
                again.mentions.clear();
            }
            reports.push(report);
            reports.push(again);
        } else {
            reports.push(report);
        }
    }
    reports
}
