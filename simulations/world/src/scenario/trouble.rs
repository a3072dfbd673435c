//! What goes wrong at its time, and what people do that nobody asked for.

use std::sync::Arc;

use hwc_police::ReferenceKey;
use hwc_schemas::{
    IncidentId, Organisation, Role, SignalId, SignalNumber,
    letter::Hop,
    outcome::{Recalled, Withheld},
    wire::{Binding, Command, Fetch, Sealed},
};
use jiff::SignedDuration;

use super::{
    NoWorld, Plans, later, organisation,
    people::{Cast, SimLookup, settings},
};
use crate::{Act, Dice, Fault, Mutation, Planned, chronicle::EngineNumber, truth::Truth};

/// By how much clocks may be wrong, at most.
const CLOCK_ERROR_MAX: SignedDuration = SignedDuration::from_mins(10);

pub(super) fn planned(
    dice: &mut Dice,
    truth: &mut Truth,
    key: &ReferenceKey,
    lookup: &SimLookup,
    cast: &Cast,
) -> Result<Plans, NoWorld> {
    let mut plans = changes(truth, cast)?;
    look_up(dice, truth, lookup, &mut plans);
    let incidents: Vec<_> = truth.reports.iter().map(|report| key.incident(&report.reference)).collect();
    recalls(dice, truth, &incidents, &mut plans)?;
    if dice.happens(250) {
        lies(dice, truth, &incidents, &mut plans)?;
    }
    if dice.happens(800) {
        breakdowns(dice, truth, &mut plans)?;
    }
    if dice.happens(200) {
        truth.clock_error_max = CLOCK_ERROR_MAX;
        clocks(dice, truth, &mut plans)?;
    }
    if dice.happens(200) {
        keys(dice, truth, &mut plans)?;
    }
    Ok(plans)
}

/// A moment while things go wrong.
fn moment(dice: &mut Dice, truth: &Truth) -> jiff::Timestamp {
    let seconds = truth.heals_at.duration_since(truth.begins).as_secs();
    later(truth.begins, SignedDuration::from_secs(dice.between(1, seconds.max(2))))
}

/// The registers' later versions arrive.
fn changes(truth: &Truth, cast: &Cast) -> Result<Plans, NoWorld> {
    let mut plans = Vec::new();
    if cast.mutation() == Some(Mutation::StaleRegister) {
        return Ok(plans);
    }
    for (code, versions) in &truth.registers {
        for version in versions.iter().skip(1) {
            let Some(keeper) = cast.keepers.get(code).cloned() else { continue };
            // Tried here, so that it cannot fail then.
            cast.settings(truth, &version.rows)?;
            let (truth, rows) = (truth.clone(), version.rows.clone());
            let (zone, mutation) = (cast.zone().clone(), cast.mutation());
            let change = move || {
                if let Ok(settings) = settings(&truth, &rows, &zone, mutation) {
                    keeper.replace(settings);
                }
            };
            let fault = Fault::Changes("a municipality takes a new register", Act(Arc::new(change)));
            plans.push(Planned { at: version.from, fault });
        }
    }
    Ok(plans)
}

fn look_up(dice: &mut Dice, truth: &mut Truth, lookup: &SimLookup, plans: &mut Plans) {
    if !dice.happens(200) {
        return;
    }
    let from = moment(dice, truth);
    let until = later(from, SignedDuration::from_mins(dice.between(1, 300)));
    truth.look_up_down.push((from, until));
    for (at, is_down, words) in [(from, true, "the look-up is down"), (until, false, "the look-up is back")] {
        let lookup = lookup.clone();
        let fault = Fault::Changes(words, Act(Arc::new(move || lookup.set_down(is_down))));
        plans.push(Planned { at, fault });
    }
}

fn signal(dice: &mut Dice, incidents: &[IncidentId]) -> Option<SignalId> {
    let incident = *dice.pick(incidents)?;
    let number = SignalNumber::at(usize::try_from(dice.below(2)).ok()?)?;
    Some(SignalId { incident, number })
}

/// Somebody calls a signal back.
fn recalls(
    dice: &mut Dice,
    truth: &Truth,
    incidents: &[IncidentId],
    plans: &mut Plans,
) -> Result<(), NoWorld> {
    while dice.happens(200) {
        let Some(signal) = signal(dice, incidents) else { break };
        let by = match dice.below(3) {
            0 => organisation(Role::VeiligThuis, "R1")?,
            1 => organisation(Role::Municipality, "0855")?,
            _ => organisation(Role::Municipality, "0867")?,
        };
        let reason = if dice.happens(500) { Recalled::SentInError } else { Recalled::WrongSchool };
        let at = later(moment(dice, truth), SignedDuration::from_mins(dice.between(0, 3 * 24 * 60)));
        plans.push(Planned { at, fault: Fault::Says(by, Command::Recall { signal, reason }) });
    }
    Ok(())
}

/// Somebody lies: says what it may not say, asks for what is not its own, says again what others said.
fn lies(
    dice: &mut Dice,
    truth: &mut Truth,
    incidents: &[IncidentId],
    plans: &mut Plans,
) -> Result<(), NoWorld> {
    let liar = match dice.below(4) {
        0 => organisation(Role::School, "01AA00")?,
        1 => organisation(Role::School, "02BB00")?,
        2 => organisation(Role::Municipality, "0867")?,
        _ => organisation(Role::Police, "D1")?,
    };
    truth.dishonest.insert(liar.clone());
    for _ in 0..dice.between(10, 80) {
        let Some(signal) = signal(dice, incidents) else { break };
        let at = moment(dice, truth);
        let fault = lie(dice, &liar, signal)?;
        plans.push(Planned { at, fault });
    }
    Ok(())
}

fn lie(dice: &mut Dice, liar: &Organisation, signal: SignalId) -> Result<Fault, NoWorld> {
    let round = u16::try_from(dice.between(1, 2)).unwrap_or(1);
    let said = |command: Command<Sealed>| Fault::Says(liar.clone(), command);
    let pried = |fetch: Fetch| Fault::Pries(liar.clone(), fetch);
    Ok(match dice.below(9) {
        0 | 1 => said(Command::Acknowledge { signal, round }),
        2 => said(Command::Return { signal, round }),
        3 => {
            let school = organisation(Role::School, "02BB00")?;
            let SignalId { incident, number } = signal;
            let (sender, receiver) = (liar.clone(), school.clone());
            let binding = Binding { incident, number: Some(number), hop: Hop::Letter, sender, receiver };
            let letter = crate::seal::seal(&binding, (0, 0), b"nothing", false);
            said(Command::Route { signal, round, school, letter })
        }
        4 => said(Command::Withhold { signal, round, reason: Withheld::EnrolmentUnknown }),
        5 => pried(Fetch::Letter { signal, round }),
        6 => pried(Fetch::Referral { signal, round }),
        7 => pried(Fetch::Report { incident: signal.incident }),
        _ => Fault::Replays(liar.clone(), usize::try_from(dice.below(64)).unwrap_or(0)),
    })
}

fn everybody(truth: &Truth) -> Result<Vec<Organisation>, NoWorld> {
    let mut all = vec![organisation(Role::Police, "D1")?, organisation(Role::VeiligThuis, "R1")?];
    for code in &truth.participating {
        all.push(organisation(Role::Municipality, code)?);
    }
    for school in ["01AA00", "02BB00", "03CC00"] {
        all.push(organisation(Role::School, school)?);
    }
    Ok(all)
}

/// Deaths, pauses, cuts; sometimes a storage that lies.
fn breakdowns(dice: &mut Dice, truth: &Truth, plans: &mut Plans) -> Result<(), NoWorld> {
    let everybody = everybody(truth)?;
    let storage_lies = dice.happens(120);
    for _ in 0..dice.between(1, 8) {
        let at = moment(dice, truth);
        let engine = EngineNumber(u8::from(dice.happens(500)));
        let short = SignedDuration::from_secs(dice.between(1, 90));
        let long = SignedDuration::from_mins(dice.between(1, 600));
        let Some(party) = dice.pick(&everybody).cloned() else { break };
        let fault = match dice.below(12) {
            0 => Fault::EngineDies(engine, short),
            1 => Fault::EnginePauses(engine, short),
            2 => Fault::EnginePauses(engine, long),
            3 => Fault::EngineCutOff(engine, short),
            4 => Fault::EngineCutOff(engine, long),
            5 => Fault::EngineDies(engine, long),
            6 => Fault::PartyDies(party, long),
            7 => Fault::PartyCutOff(party, long),
            8 => Fault::TasksLost,
            9 if storage_lies => Fault::StorageLies(dice.between(1, 5)),
            _ => Fault::BrokerDies,
        };
        plans.push(Planned { at, fault });
    }
    Ok(())
}

fn clocks(dice: &mut Dice, truth: &Truth, plans: &mut Plans) -> Result<(), NoWorld> {
    let everybody = everybody(truth)?;
    for _ in 0..dice.between(1, 5) {
        let at = moment(dice, truth);
        let most = CLOCK_ERROR_MAX.as_secs();
        let by = SignedDuration::from_secs(dice.between(-most, most));
        let fault = match dice.pick(&everybody).cloned().filter(|_| dice.happens(500)) {
            Some(party) => Fault::PartyClock(party, by),
            None => Fault::EngineClock(EngineNumber(u8::from(dice.happens(500))), by),
        };
        plans.push(Planned { at, fault });
    }
    Ok(())
}

fn keys(dice: &mut Dice, truth: &Truth, plans: &mut Plans) -> Result<(), NoWorld> {
    let everybody = everybody(truth)?;
    for _ in 0..dice.between(1, 3) {
        let (Some(whose), Some(by)) = (dice.pick(&everybody).cloned(), dice.pick(&everybody).cloned()) else {
            break;
        };
        let at = moment(dice, truth);
        let unconfirmed = dice.happens(500).then_some(by);
        plans.push(Planned { at, fault: Fault::KeyRotates(whose, unconfirmed) });
        let confirmed_at = later(at, SignedDuration::from_mins(dice.between(1, 600)));
        plans.push(Planned { at: confirmed_at, fault: Fault::KeysConfirmed });
    }
    Ok(())
}
