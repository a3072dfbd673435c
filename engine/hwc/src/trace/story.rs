//! The life of one incident as the board tells it.

use hwc_board::{Bar, Found, Owed as BoardOwed, Passed, Story};

use hwc_telemetry::Word as _;

use super::{
    History, JetStreamJournal, Life, Outcome, Phase, Rules, SignalNumber, Stay, Step, Timestamp, Wanted,
    sought, wanted,
};
use crate::{engine::EngineError, ops::board::school_start};

/// Whom it waits for in a state: an organisation's role, or the engine and its clock.
pub(crate) const fn waits_for(phase: Phase) -> &'static str {
    match phase {
        Phase::Recorded | Phase::Screened => "veilig-thuis",
        Phase::Expanded => "municipality",
        Phase::Delivered => "school",
        _ => "engine",
    }
}

/// What is known by what somebody wrote.
pub(crate) async fn found(
    journal: &JetStreamJournal,
    rules: &Rules,
    now: Timestamp,
    id: &str,
) -> Result<Found, EngineError> {
    let Ok(id) = wanted(id) else { return Ok(Found::NoId) };
    let (incident, history) = sought(journal, id).await?;
    Ok(match &history {
        History::Live { commits, .. } => match Life::of(incident, commits, rules, now) {
            Ok(life) => Found::Story(Box::new(life.story(id, rules))),
            Err(_) => Found::LeftAlone,
        },
        History::Unreadable(_) => Found::LeftAlone,
        History::Ended => Found::Ended,
        History::Unknown => Found::Unknown,
    })
}

impl Life {
    fn story(&self, id: Wanted, rules: &Rules) -> Story {
        let only = id.only();
        let number = |signal: Option<SignalNumber>| signal.map(SignalNumber::get);
        let been = self.steps(only).filter(|step| step.from != Phase::Unknown && step.moves());
        let been = been.map(|step| Bar {
            child: number(step.signal),
            state: step.from.word(),
            waits_for: waits_for(step.from),
            from: step.since,
            to: step.at,
            goes_on: false,
        });
        let stays = self.stays(only).into_iter().filter(|(signal, stay)| is_there(signal.is_some(), stay));
        let are = stays.map(|(signal, stay)| Bar {
            child: number(signal),
            state: stay.phase.word(),
            waits_for: waits_for(stay.phase),
            from: stay.since,
            to: self.now.max(stay.since),
            goes_on: true,
        });
        let began = self.trail.incident().map(|stay| stay.began);
        Story {
            id: self.id.to_string(),
            trace: self.trail.trace().map(|trace| trace.to_string()),
            now: self.now,
            bars: been.chain(are).collect(),
            passed: self.steps(only).map(passed).collect(),
            owed: self
                .owed(only)
                .map(|one| BoardOwed { child: number(one.signal), what: one.what.clone(), by: one.by })
                .collect(),
            next: self.look_again_at,
            lessons: began.and_then(|began| school_start(rules, began)),
        }
    }
}

/// From its expansion on the incident is where its children are; what ended is nowhere.
fn is_there(is_a_child: bool, stay: &Stay) -> bool {
    stay.phase != Phase::Purged && (is_a_child || stay.phase != Phase::Expanded)
}

fn passed(step: &Step) -> Passed {
    Passed {
        child: step.signal.map(SignalNumber::get),
        at: step.at,
        from: step.from.word(),
        to: step.to.word(),
        reason: step.outcome.map(Outcome::words).and_then(|(_, reason)| reason),
        rules: step.rules().join(" "),
    }
}
