//! Which processing of a signal is a line of the organisation's log (`hwc_logbook`), and when a signal's code is erased.
//!
//! A line is written before what it is about can be done: before a command leaves, and before a payload is asked for. So a crash in
//! between leaves a line, and the repetition finds it there.

use std::{collections::BTreeSet, io, time::Duration};

use hwc_logbook::{Logbook, Processing, Step, Subject, Using};
use hwc_schemas::{
    IncidentId, Role, SignalNumber,
    ask::{Ask, Progress, REPORTS_PER_QUESTION_MAX, Told},
    wire::{Command, Fetch, Finding, Screening, Sealed},
};
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::Office;

/// How often the engine is asked what ended, while any code lives.
const ASK_EVERY: Duration = Duration::from_secs(15);
/// How long after something that may end a signal it is asked.
const ASK_AFTER: Duration = Duration::from_secs(2);
/// How long the code of a report that the engine does not know lives on: it may be on its way, or about to be sent again.
const UNKNOWN_FOR: Duration = Duration::from_mins(10);

/// How long the codes of Veilig Thuis live on when nothing is held for it any more: a task whose holder was killed comes back by then, and is
/// let go with the lines that it has.
const COMES_BACK_WITHIN: Duration = Duration::from_secs(45);

/// The processing that a command ends in; the police's is [`of_report`].
pub(crate) fn of_command(command: &Command<Sealed>) -> Vec<Processing> {
    let one = |step, subject: Subject, round| vec![Processing { step, subject, round }];
    match command {
        Command::Record { .. } | Command::Screen { screening: Screening::Qualifies, .. } => Vec::new(),
        Command::Screen { incident, screening: Screening::NotDomesticViolence { children } } => {
            children_of(*incident, 0, (0..*children).map(|_| Step::ScreenOut))
        }
        Command::Expand { incident, expansion } => {
            let steps = expansion.findings.iter().map(|finding| match finding {
                Finding::Refer { .. } => Step::Refer,
                Finding::ScreenedOut { .. } | Finding::NotParticipating => Step::ScreenOut,
            });
            children_of(*incident, expansion.first.into(), steps)
        }
        Command::Route { signal, round, .. } => one(Step::Route, (*signal).into(), *round),
        Command::Withhold { signal, round, .. } => one(Step::Withhold, (*signal).into(), *round),
        Command::Acknowledge { signal, round } => one(Step::Acknowledge, (*signal).into(), *round),
        Command::Return { signal, round } => one(Step::Return, (*signal).into(), *round),
        Command::Recall { signal, .. } => one(Step::Recall, (*signal).into(), 0),
    }
}

/// The processing that asking for a payload begins.
pub(crate) fn of_fetch(fetch: &Fetch) -> Processing {
    match fetch {
        Fetch::Report { incident } => Processing {
            step: Step::Screen,
            subject: Subject { incident: *incident, number: None },
            round: 0,
        },
        Fetch::Referral { signal, round } => {
            Processing { step: Step::LookUp, subject: (*signal).into(), round: *round }
        }
        Fetch::Letter { signal, round } => {
            Processing { step: Step::Open, subject: (*signal).into(), round: *round }
        }
    }
}

/// The processing of a report by the police: a line for each child that is named, and one about nobody if none is.
pub(crate) fn of_report(incident: IncidentId, children: usize) -> Vec<Processing> {
    match children {
        0 => vec![Processing { step: Step::Report, subject: Subject { incident, number: None }, round: 0 }],
        children => children_of(incident, 0, (0..children).map(|_| Step::Report)),
    }
}

fn children_of(incident: IncidentId, first: usize, steps: impl Iterator<Item = Step>) -> Vec<Processing> {
    let one = |(at, step)| {
        let number = SignalNumber::at(first + at)?;
        Some(Processing { step, subject: Subject { incident, number: Some(number) }, round: 0 })
    };
    steps.enumerate().filter_map(one).collect()
}

/// Erases the codes of what ended, by the engine's own word: at once when something was done that may end a signal, and else now and
/// then. Never returns; may be dropped at any moment.
pub async fn erase_codes(office: Office, logbook: Logbook) {
    let mut every = interval(ASK_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = every.tick() => {}
            () = logbook.something_ends() => sleep(ASK_AFTER).await,
        }
        if let Err(error) = erase_once(&office, &logbook).await {
            tracing::warn!(%error, "codes of signals that ended could not be erased; trying again");
        }
    }
}

async fn erase_once(office: &Office, logbook: &Logbook) -> io::Result<()> {
    // First what lives here, then what is held: whatever comes meanwhile is not looked for.
    let living = logbook.living();
    if living.is_empty() {
        return Ok(());
    }
    let ended = match office.organisation().role() {
        Role::Police => reported(office, &living).await,
        Role::VeiligThuis | Role::Municipality | Role::School => not_held(office, &living).await,
    };
    let logbook = logbook.clone();
    tokio::task::spawn_blocking(move || logbook.forget(&ended)).await.map_err(io::Error::other)?
}

/// What the engine holds nothing of for us any more.
async fn not_held(office: &Office, living: &[Using]) -> Vec<Subject> {
    let role = office.organisation().role();
    let (mut held, mut after) = (BTreeSet::new(), None);
    loop {
        let Told::Holdings { held: some, more } = office.ask(&Ask::Holdings { after }).await else {
            return Vec::new();
        };
        after = some.last().map(|one| one.payload);
        held.extend(some.into_iter().map(|one| Subject { incident: one.incident, number: one.number }));
        if !more || after.is_none() {
            break;
        }
    }
    // Whoever has the whole report has every child of it.
    let lives =
        |subject: Subject| held.contains(&subject) || held.contains(&Subject { number: None, ..subject });
    // A referral stays with its municipality, and a letter with its school, until the signal ends; a report goes before its task does.
    let may_come_back = |one: &&Using| role == Role::VeiligThuis && one.idle < COMES_BACK_WITHIN;
    let over = living.iter().filter(|one| !lives(one.subject) && !may_come_back(one));
    over.map(|one| one.subject).collect()
}

/// Reports that Veilig Thuis has screened, and those that the engine does not know.
async fn reported(office: &Office, living: &[Using]) -> Vec<Subject> {
    let mut ended = Vec::new();
    for some in living.chunks(REPORTS_PER_QUESTION_MAX) {
        let incidents = some.iter().map(|one| one.subject.incident).collect();
        let Told::Reports { reports } = office.ask(&Ask::Reports { incidents }).await else { continue };
        let is_over = |(one, progress): (&Using, Progress)| match progress {
            Progress::Waiting => None,
            Progress::Screened => Some(one.subject),
            Progress::Unknown => (one.idle > UNKNOWN_FOR).then_some(one.subject),
        };
        if reports.len() == some.len() {
            ended.extend(some.iter().zip(reports).filter_map(is_over));
        }
    }
    ended
}

#[cfg(test)]
mod tests {
    use hwc_schemas::{
        SignalId,
        outcome::ScreenedOut,
        wire::{Expansion, Interval},
    };

    use super::*;

    fn incident() -> IncidentId {
        "00000000000000000000000000000007".parse().unwrap()
    }

    fn steps(processed: &[Processing]) -> Vec<(Step, Option<u16>)> {
        processed.iter().map(|one| (one.step, one.subject.number.map(SignalNumber::get))).collect()
    }

    #[test]
    fn each_child_of_a_household_is_a_line_of_its_own() {
        let referral = Sealed::new(vec![1]);
        let findings = vec![
            Finding::Refer { municipality: "municipality-0855".parse().unwrap(), referral },
            Finding::ScreenedOut { reason: ScreenedOut::Visitor },
            Finding::NotParticipating,
        ];
        let interval = Interval { seconds: 0, date_only: false };
        let expansion = Expansion { first: 1, findings, complete: true, interval };
        let processed = of_command(&Command::Expand { incident: incident(), expansion });
        let wanted = [(Step::Refer, Some(2)), (Step::ScreenOut, Some(3)), (Step::ScreenOut, Some(4))];
        assert_eq!(steps(&processed), wanted);
        let screening = Screening::NotDomesticViolence { children: 2 };
        let processed = of_command(&Command::Screen { incident: incident(), screening });
        assert_eq!(steps(&processed), [(Step::ScreenOut, Some(1)), (Step::ScreenOut, Some(2))]);
    }

    #[test]
    fn a_report_is_a_line_for_each_child_that_is_named_and_never_none() {
        assert_eq!(steps(&of_report(incident(), 2)), [(Step::Report, Some(1)), (Step::Report, Some(2))]);
        assert_eq!(steps(&of_report(incident(), 0)), [(Step::Report, None)]);
    }

    #[test]
    fn opening_and_passing_on_are_lines_of_the_same_round() {
        let signal = SignalId { incident: incident(), number: SignalNumber::FIRST };
        let looked = of_fetch(&Fetch::Referral { signal, round: 2 });
        let school = "school-01AA00".parse().unwrap();
        let routed = of_command(&Command::Route { signal, round: 2, school, letter: Sealed::new(vec![1]) });
        assert_eq!((looked.step, routed[0].step), (Step::LookUp, Step::Route));
        assert_eq!((looked.subject, looked.round), (routed[0].subject, routed[0].round));
    }
}
