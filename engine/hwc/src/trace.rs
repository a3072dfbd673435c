//! `hwc trace`: the life of one incident that is in flight, read from the journal. It knows roles, states and times; which
//! school or municipality it is stays in the journal.

mod story;

use std::process::ExitCode;

use hwc_jetstream::JetStreamJournal;
use hwc_journal::{Commit, History, Journal as _};
use hwc_relay::Rules;
use hwc_schemas::{IncidentId, Role, SignalId, SignalNumber, TraceId, outcome::Outcome, wire::Task};
use hwc_telemetry::{TaskKind, Word as _};
use hwc_workflow::{Duty, Incident, OutOfOrder, Stay, Step, Trail, deadline, duties, evolve, law::Phase};
use jiff::{SignedDuration, Timestamp, Unit};
use serde_json::{Value, json};

use crate::{
    cli::{self, Output},
    engine::EngineError,
    exit::{self, Code},
    serve::{self, EngineFile, ServeError, World, onlooker},
    settings::{Common, Settings},
    waterfall::{self, Took},
};

pub(crate) use story::{found, waits_for};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    common: Common,
    /// An incident's, a signal's or a trace's id.
    #[arg(value_parser = wanted)]
    id: Wanted,
    /// How to print it.
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

/// What is looked for.
#[derive(Debug, Clone, Copy)]
enum Wanted {
    /// One child's signal.
    Signal(SignalId),
    /// An incident; or, where there is none, a trace.
    Whole(IncidentId, Option<TraceId>),
}

/// Reads an id.
fn wanted(text: &str) -> Result<Wanted, String> {
    if let Ok(signal) = text.parse() {
        return Ok(Wanted::Signal(signal));
    }
    let plain = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let incident = plain.then(|| text.parse().ok()).flatten();
    let incident =
        incident.ok_or("not an id; wanted 32 hexadecimal digits, and -1 behind them for the first child")?;
    Ok(Wanted::Whole(incident, text.to_ascii_lowercase().parse().ok()))
}

/// Runs the command, with an engine's settings.
pub(crate) async fn run(arguments: &Arguments) -> ExitCode {
    match look(arguments).await {
        Ok(code) => code.into(),
        Err(error) => {
            exit::say(&error.to_string());
            error.code().into()
        }
    }
}

async fn look(arguments: &Arguments) -> Result<Code, ServeError> {
    let settings = Settings::<EngineFile>::read(&arguments.common)?;
    let rules = World::read(&settings)?.rules;
    let link = onlooker(&settings).await?;
    let journal = JetStreamJournal::read_only(&link);
    let only = arguments.id.only();
    let found = sought(&journal, arguments.id).await?;
    let (text, value, code) = match &found.1 {
        History::Live { commits, .. } => {
            match Life::of(found.0, commits, &rules, serve::clock(&settings.file).now()) {
                Ok(life) => (life.text(only, &rules), life.value(only), Code::Fine),
                Err(problem) => alarm(found.0, &problem.to_string()),
            }
        }
        History::Unreadable(problem) => alarm(found.0, &problem.to_string()),
        History::Ended => (ENDED.to_owned(), json!({ "known": true, "ended": true }), Code::Fine),
        History::Unknown => (UNKNOWN.to_owned(), json!({ "known": false }), Code::Failed),
    };
    cli::print(&match arguments.output {
        Output::Text => text,
        Output::Json => format!("{value}\n"),
    });
    Ok(code)
}

/// What the journal knows by an id.
async fn sought(journal: &JetStreamJournal, wanted: Wanted) -> Result<(IncidentId, History), EngineError> {
    let incident = match wanted {
        Wanted::Signal(signal) => signal.incident,
        Wanted::Whole(incident, _) => incident,
    };
    let found = (incident, journal.read(incident).await?);
    if let (History::Unknown, Wanted::Whole(_, Some(trace))) = (&found.1, wanted) {
        let all = journal.in_flight().await?;
        return Ok(all.into_iter().find(|(_, history)| is_of(history, trace)).unwrap_or(found));
    }
    Ok(found)
}

impl Wanted {
    /// Which child alone is wanted; none where all are.
    const fn only(self) -> Option<SignalNumber> {
        match self {
            Self::Signal(signal) => Some(signal.number),
            Self::Whole(..) => None,
        }
    }
}

const ENDED: &str = "It ended. Nothing else is kept of it: no state, no time, no trace.\n";
const UNKNOWN: &str = "\
Nothing is known of it: no such incident is in flight, and none by this id ended while ended ones are remembered. A trace is
forgotten with its incident.\n";

fn alarm(incident: IncidentId, problem: &str) -> (String, Value, Code) {
    let text =
        format!("incident {incident}: the engine leaves it alone until somebody has looked: {problem}\n");
    (text, json!({ "known": true, "incident": incident, "problem": problem }), Code::Failed)
}

fn is_of(history: &History, trace: TraceId) -> bool {
    let History::Live { commits, .. } = history else { return false };
    let first = commits.iter().flat_map(|commit| &commit.events).next();
    first.is_some_and(|event| {
        evolve(Incident::Unknown, event).is_ok_and(|incident| incident.trace() == Some(trace))
    })
}

/// One incident's life up to now.
struct Life {
    id: IncidentId,
    trail: Trail,
    steps: Vec<Step>,
    owed: Vec<Owed>,
    look_again_at: Option<Timestamp>,
    now: Timestamp,
}

/// Something that is owed now, and by whom.
struct Owed {
    what: String,
    by: &'static str,
    signal: Option<SignalNumber>,
}

impl Life {
    fn of(id: IncidentId, commits: &[Commit], rules: &Rules, now: Timestamp) -> Result<Self, OutOfOrder> {
        let (mut incident, mut trail, mut steps) = (Incident::Unknown, Trail::default(), Vec::new());
        for event in commits.iter().flat_map(|commit| &commit.events) {
            incident = evolve(incident, event)?;
            steps.extend(trail.walk(event, &incident));
        }
        let owed = duties(id, &incident).iter().map(Owed::of).collect();
        let look_again_at = deadline(&incident, &rules.at(now));
        Ok(Self { id, trail, steps, owed, look_again_at, now })
    }

    /// The steps of the incident as a whole, and of every child or of one.
    fn steps(&self, only: Option<SignalNumber>) -> impl Iterator<Item = &Step> {
        let wanted = move |step: &&Step| only.is_none() || step.signal.is_none() || step.signal == only;
        self.steps.iter().filter(wanted)
    }

    fn owed(&self, only: Option<SignalNumber>) -> impl Iterator<Item = &Owed> {
        let wanted = move |owed: &&Owed| only.is_none() || owed.signal.is_none() || owed.signal == only;
        self.owed.iter().filter(wanted)
    }

    /// Where the incident and its children are.
    fn stays(&self, only: Option<SignalNumber>) -> Vec<(Option<SignalNumber>, &Stay)> {
        let signals = self.trail.signals().iter().enumerate();
        let signals = signals.filter_map(|(place, stay)| Some((Some(SignalNumber::at(place)?), stay)));
        let signals = signals.filter(|(number, _)| only.is_none() || *number == only);
        self.trail.incident().map(|stay| (None, stay)).into_iter().chain(signals).collect()
    }

    fn text(&self, only: Option<SignalNumber>, rules: &Rules) -> String {
        let when = |at: Timestamp| rules.calendar.local(at).strftime("%a %d %b %H:%M:%S").to_string();
        let mut lived = table(["when", "who", "in", "for", "happens", "leads to", "rules"]);
        for step in self.steps(only) {
            let stayed = if step.from == Phase::Unknown { String::new() } else { took(step.at, step.since) };
            lived.add_row([
                when(step.at),
                who(step.signal),
                step.from.word().to_owned(),
                stayed,
                step.on.word().to_owned(),
                led_to(step.to, step.outcome),
                step.rules().join(" "),
            ]);
        }
        let mut now = table(["now", "state", "for"]);
        for (signal, stay) in self.stays(only) {
            now.add_row([who(signal), led_to(stay.phase, stay.outcome), took(self.now, stay.since)]);
        }
        let mut owed = table(["owed", "who", "by"]);
        for one in self.owed(only) {
            owed.add_row([one.what.clone(), who(one.signal), one.by.to_owned()]);
        }
        let trace = self.trail.trace().map_or_else(|| "none".to_owned(), |trace| trace.to_string());
        let next =
            self.look_again_at.map_or_else(|| "none; only others can change something".to_owned(), when);
        let waterfall = waterfall::draw(&self.took(only));
        format!(
            "incident {}\ntrace    {trace}\n\n{lived}\n\n{waterfall}\n{now}\n\n{owed}\n\nnext deadline  {next}\n",
            self.id
        )
    }

    /// How long it was where, and is.
    fn took(&self, only: Option<SignalNumber>) -> Vec<Took> {
        let moved = self.steps(only).filter(|step| step.from != Phase::Unknown && step.moves());
        let been = moved.map(|step| Took {
            what: format!("{:<9} {}", who(step.signal), step.from.word()),
            from: step.since,
            to: step.at,
            goes_on: false,
        });
        let stays = self.stays(only).into_iter();
        // From its expansion on the incident is where its children are.
        let are = stays.filter(|(signal, stay)| {
            stay.phase != Phase::Purged && (signal.is_some() || stay.phase != Phase::Expanded)
        });
        been.chain(are.map(|(signal, stay)| Took {
            what: format!("{:<9} {}", who(signal), stay.phase.word()),
            from: stay.since,
            to: self.now.max(stay.since),
            goes_on: true,
        }))
        .collect()
    }

    fn value(&self, only: Option<SignalNumber>) -> Value {
        let reason = |outcome: Option<Outcome>| {
            let words = outcome.map(Outcome::words);
            (words.map(|(outcome, _)| outcome), words.and_then(|(_, reason)| reason))
        };
        let steps = self.steps(only).map(|step| {
            let (outcome, reason) = reason(step.outcome);
            json!({
                "signal": step.signal.map(SignalNumber::get), "transition": step.on.word(), "from": step.from.word(),
                "to": step.to.word(), "since": step.since, "at": step.at, "rules": step.rules(),
                "seconds": step.at.duration_since(step.since).as_secs_f64(), "outcome": outcome, "reason": reason,
            })
        });
        let stays = self.stays(only).into_iter().map(|(signal, stay)| {
            let (outcome, reason) = reason(stay.outcome);
            json!({
                "signal": signal.map(SignalNumber::get), "state": stay.phase.word(), "since": stay.since,
                "outcome": outcome, "reason": reason,
            })
        });
        let owed = self.owed.iter().map(
            |owed| json!({ "what": owed.what, "signal": owed.signal.map(SignalNumber::get), "by": owed.by }),
        );
        json!({
            "known": true, "ended": false, "incident": self.id, "trace": self.trail.trace(),
            "steps": steps.collect::<Vec<_>>(), "now": stays.collect::<Vec<_>>(),
            "owed": owed.collect::<Vec<_>>(), "next_deadline": self.look_again_at,
        })
    }
}

impl Owed {
    fn of(duty: &Duty) -> Self {
        match duty {
            Duty::Offer { to, task } => {
                let signal = match task {
                    Task::Screen { .. } | Task::LookUp { .. } => None,
                    Task::Route { signal, .. } | Task::Read { signal, .. } | Task::Notice { signal, .. } => {
                        Some(signal.number)
                    }
                };
                let what = format!("task {}", TaskKind::of(task).word());
                Self { what, by: Role::as_str(to.role()), signal }
            }
            Duty::Erase { .. } => Self::of_the_engine("erase a ciphertext", None),
            Duty::RecordBreach { number, .. } => Self::of_the_engine("record a breach", Some(*number)),
            Duty::Forget => Self::of_the_engine("forget the incident", None),
        }
    }

    fn of_the_engine(what: &str, signal: Option<SignalNumber>) -> Self {
        Self { what: what.to_owned(), by: "engine", signal }
    }
}

fn table<const N: usize>(header: [&str; N]) -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(header);
    table
}

fn who(signal: Option<SignalNumber>) -> String {
    signal.map_or_else(|| "incident".to_owned(), |signal| format!("child {}", signal.get()))
}

fn led_to(phase: Phase, outcome: Option<Outcome>) -> String {
    match outcome.and_then(|outcome| outcome.words().1) {
        Some(reason) => format!("{} ({reason})", phase.word()),
        None => phase.word().to_owned(),
    }
}

/// How long something took, as people say it.
fn took(until: Timestamp, since: Timestamp) -> String {
    let took = until.duration_since(since).max(SignedDuration::ZERO);
    let rounded = if took < SignedDuration::from_secs(10) { Ok(took) } else { took.round(Unit::Second) };
    format!("{:#}", rounded.unwrap_or(took))
}

#[cfg(test)]
mod tests {
    use hwc_journal::{Position, codec};
    use hwc_workflow::Table;

    use super::*;
    use crate::region::Region;

    fn commits(lines: &[&str]) -> Vec<Commit> {
        let record = |events: &&str| codec::decode(format!(r#"{{"v":2,"events":[{events}]}}"#).as_bytes());
        lines.iter().map(|events| record(events).unwrap()).collect()
    }

    const RECORDED: &str = r#"{"at":"2026-11-19T05:45:00Z","fact":"recorded","police":"police-0599","veilig_thuis":"veilig-thuis-17","report":"a0000000000000000000000000000001","trace":"c0000000000000000000000000000001"}"#;
    const EXPANDED: &str = r#"{"at":"2026-11-19T05:46:00Z","fact":"screened"},{"at":"2026-11-19T05:50:00Z","fact":"expanded","found":[{"found":"referred","municipality":"municipality-0855","referral":"a0000000000000000000000000000002"},{"found":"screened_out","reason":"visitor"}],"complete":true,"interval":{"seconds":60,"date_only":false}}"#;

    fn life() -> (Life, Rules) {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../simulations/handbook");
        let region = Region::read(std::path::Path::new(folder)).unwrap();
        let table = Table { chains: Vec::new(), schools: std::collections::BTreeSet::new() };
        let rules = Rules { policy: region.policy, calendar: region.calendar, table };
        let id = "00000000000000000000000000000007".parse().unwrap();
        let now = "2026-11-19T06:50:00Z".parse().unwrap();
        (Life::of(id, &commits(&[RECORDED, EXPANDED]), &rules, now).unwrap(), rules)
    }

    #[test]
    fn a_life_is_told_with_its_times_its_rules_what_is_owed_and_the_next_deadline() {
        let (life, rules) = life();
        let text = life.text(None, &rules);
        let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        for row in [
            "trace c0000000000000000000000000000001",
            "Thu 19 Nov 06:45:00 incident unknown recorded recorded R8 R9 R15",
            "Thu 19 Nov 06:50:00 incident screened 4m expanded expanded R5 R9",
            "Thu 19 Nov 06:50:00 child 2 screened 4m expanded screened_out (visitor) R2 R3 R6 R7",
            "child 1 expanded 1h",
            "task route child 1 municipality",
            "erase a ciphertext incident engine",
        ] {
            let row: Vec<_> = row.split_whitespace().collect();
            assert!(rows.contains(&row), "{row:?}\n{text}");
        }
        assert!(text.contains("next deadline  Thu 17 Dec"), "{text}");
        let bar = text.lines().find(|line| line.starts_with("child 1   expanded") && line.ends_with("#>"));
        assert!(bar.is_some(), "{text}");
    }

    #[test]
    fn it_tells_of_one_child_only_when_asked_so_and_never_which_organisation() {
        let (life, rules) = life();
        let only = SignalNumber::at(1);
        let texts = [
            life.text(None, &rules),
            life.text(only, &rules),
            life.value(None).to_string(),
            life.value(only).to_string(),
        ];
        for text in &texts {
            for who in ["0599", "0855", "veilig-thuis-17", "a000000000000000000000000000000"] {
                assert!(!text.contains(who), "{who}: {text}");
            }
        }
        assert!(texts[0].contains("child 1") && !texts[1].contains("child 1 "), "{}", texts[1]);
        let value = life.value(only);
        assert_eq!(value["now"].as_array().unwrap().len(), 2);
        assert_eq!(value["now"][1]["reason"], "visitor");
        assert_eq!(value["steps"][2]["seconds"], 240.0);
    }

    #[test]
    fn an_incident_a_signal_and_a_trace_are_told_apart_and_nothing_else_is_an_id() {
        let id = "c0000000000000000000000000000001";
        assert!(matches!(wanted(id), Ok(Wanted::Whole(_, Some(_)))));
        assert!(matches!(wanted(&format!("{id}-2")), Ok(Wanted::Signal(_))));
        let history = History::Live { commits: commits(&[RECORDED]), position: Position::NONE };
        assert!(is_of(&history, id.parse().unwrap()));
        for bad in [
            "",
            "canary",
            "c000000000000000000000000000000",
            "c0000000-0000-0000-0000-000000000001",
            "c0000000000000000000000000000001-0",
        ] {
            assert!(!wanted(bad).unwrap_err().contains(bad) || bad.is_empty());
        }
    }
}
