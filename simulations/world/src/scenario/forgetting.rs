//! What must not bring anything back: an old copy of the broker's folder, a report that is sent again after months, a command or
//! a fetch that arrives long after the end, everything of ours off at the ceiling. It is drawn from dice of its own, so the rest
//! of a seed's world is as it was.

use hwc_schemas::Role;
use jiff::{SignedDuration, Timestamp};

use super::{NoWorld, Plans, later, organisation};
use crate::{
    Climate, Dice, Fault, Planned, Strike,
    chronicle::EngineNumber,
    truth::{Report, Truth},
};

/// How long the world must go on after a copy was put back, before it heals.
const SETTLED_WITHIN: SignedDuration = SignedDuration::from_mins(45);

/// Plans what must not bring anything back. How much longer than usual the world may take after it has healed.
pub(super) fn planned(
    dice: &mut Dice,
    truth: &mut Truth,
    climate: &mut Climate,
    plans: &mut Plans,
) -> Result<SignedDuration, NoWorld> {
    match dice.below(100) {
        0..=13 => put_back(dice, truth, plans),
        14..=25 => return Ok(after_months(dice, truth, plans)),
        26..=31 => at_the_ceiling(dice, truth, plans),
        32..=36 => two_leaders(dice, truth, climate, plans)?,
        _ => {}
    }
    Ok(SignedDuration::ZERO)
}

fn minutes(dice: &mut Dice, least: i64, most: i64) -> SignedDuration {
    SignedDuration::from_mins(dice.between(least, most.max(least)))
}

fn plan(plans: &mut Plans, at: Timestamp, fault: Fault) {
    plans.push(Planned { at, fault });
}

/// One of the moments at which something is reported, and a while after it.
fn after_a_report(dice: &mut Dice, truth: &Truth, seconds: (i64, i64)) -> Timestamp {
    let reported = dice.pick(&truth.reports).map_or(truth.begins, |report| report.reported_at);
    later(reported, SignedDuration::from_secs(dice.between(seconds.0, seconds.1)))
}

/// Somebody copies the broker's folder, and puts it back hours or days later.
fn put_back(dice: &mut Dice, truth: &mut Truth, plans: &mut Plans) {
    let taken = after_a_report(dice, truth, (-600, 4 * 3600));
    let back = if dice.happens(500) {
        later(taken, minutes(dice, 5, 6 * 60))
    } else {
        later(taken, minutes(dice, 6 * 60, 4 * 24 * 60))
    };
    let cut_after = if dice.happens(600) { u32::try_from(dice.below(8)).ok() } else { None };
    plan(plans, taken, Fault::CopyTaken);
    plan(plans, back, Fault::CopyPutBack(cut_after));
    if dice.happens(300) {
        plan(plans, later(back, minutes(dice, 5, 20)), Fault::SaidAgain);
    }
    if dice.happens(500) {
        let place = usize::try_from(dice.below(truth.reports.len() as u64)).unwrap_or(0);
        plan(plans, later(back, minutes(dice, 11, 24 * 60)), Fault::SentOnceMore(place));
    }
    truth.heals_at = truth.heals_at.max(later(back, SETTLED_WITHIN));
}

/// What was said arrives again after hours and months; what was sent is sent again while its tombstone is there and after.
fn after_months(dice: &mut Dice, truth: &mut Truth, plans: &mut Plans) -> SignedDuration {
    // Whoever reports the same months later under its old reference is answered and not remembered anew: a known limit.
    let twice =
        |one: &Report| truth.reports.iter().filter(|other| other.reference == one.reference).count() > 1;
    if truth.reports.iter().any(twice) {
        return SignedDuration::ZERO;
    }
    truth.policy.accept_days = u16::try_from(dice.between(60, 100)).unwrap_or(90);
    let days = i64::from(truth.policy.accept_days);
    for place in 0..truth.reports.len() {
        let Some(reported) = truth.reports.get(place).map(|report| report.reported_at) else { continue };
        let since = reported.max(truth.heals_at);
        let again = [(2, days - 1), (days, days + 9), (days + 40, days + 100)];
        for (least, most) in again {
            let after = minutes(dice, least * 24 * 60, most * 24 * 60);
            if dice.happens(600) {
                plan(plans, later(since, after), Fault::SentOnceMore(place));
            }
        }
    }
    for (least, most) in [(60, 3 * 24 * 60), (24 * 60, days * 24 * 60), (days * 24 * 60, 300 * 24 * 60)] {
        if dice.happens(500) {
            plan(plans, later(truth.heals_at, minutes(dice, least, most)), Fault::SaidAgain);
        }
    }
    for engine in [0, 1] {
        let after = minutes(dice, 20 * 24 * 60, 310 * 24 * 60);
        plan(plans, later(truth.heals_at, after), Fault::EngineStartsAnew(EngineNumber(engine)));
    }
    SignedDuration::from_hours(24 * 320)
}

/// Nothing of ours runs when a ceiling is met; the broker does, or starts after it.
fn at_the_ceiling(dice: &mut Dice, truth: &mut Truth, plans: &mut Plans) {
    let at = after_a_report(dice, truth, (5, 6 * 3600));
    let ceiling = i64::from(truth.policy.payload_ceiling_days);
    let length = minutes(dice, ceiling * 24 * 60 - 3 * 60, (ceiling + 3) * 24 * 60);
    let fault = if dice.happens(500) { Fault::AllOff(length) } else { Fault::OursOff(length) };
    plan(plans, at, fault);
    truth.heals_at = truth.heals_at.max(later(later(at, length), SETTLED_WITHIN));
}

/// Engines and police die just after something was said that takes its time: it arrives when another engine leads, and nobody
/// says it again for some minutes.
fn two_leaders(
    dice: &mut Dice,
    truth: &Truth,
    climate: &mut Climate,
    plans: &mut Plans,
) -> Result<(), NoWorld> {
    let police = organisation(Role::Police, "D1")?;
    for report in &truth.reports {
        let at = later(report.reported_at, SignedDuration::from_millis(dice.between(700, 4_000)));
        for engine in [0, 1].map(EngineNumber) {
            plan(plans, at, Fault::EngineDies(engine, SignedDuration::from_millis(dice.between(500, 3_000))));
        }
        plan(plans, at, Fault::PartyDies(police.clone(), minutes(dice, 4, 8)));
    }
    climate.0.insert(Strike::Slow, 25_000);
    Ok(())
}
