//! `hwc watch`: what happens, as it becomes durable, until Ctrl-C. An incident is a number of this watch; whose it is, it does not know.

use std::{collections::HashMap, io::Write as _, process::ExitCode, time::Duration};

use hwc_jetstream::{Fault, Tail, leading};
use hwc_schemas::{IncidentId, SignalNumber};
use hwc_telemetry::Word as _;
use hwc_workflow::{Event, Incident, Step, Trail, evolve, law::Phase};
use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;

use super::check::Ground;
use crate::{
    daemon::told_to_stop,
    exit::{self, Code},
    serve::{self, ServeError},
    settings::Common,
};

/// How often it is looked.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What `hwc watch` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    common: Common,
    /// Says an incident's id too, for `hwc trace`.
    #[arg(long)]
    ids: bool,
    /// How to print it: lines, or JSON lines.
    #[arg(short, long, value_enum, default_value_t = Form::Text)]
    output: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Seen {
    /// An edge of the law was walked.
    Step {
        at: Timestamp,
        /// A number of this watch.
        incident: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<IncidentId>,
        child: Option<u16>,
        on: &'static str,
        from: &'static str,
        to: &'static str,
        reason: Option<&'static str>,
        rules: &'static [&'static str],
    },
    /// The journal took what cannot be read, or what cannot have happened: the engine leaves the incident alone.
    Alarm { at: Timestamp, incident: u64 },
    /// Another engine leads than before, or none.
    Lead { at: Timestamp, before: Option<String>, now: Option<String> },
    /// The broker answers, or does not.
    Broker { at: Timestamp, answers: bool },
}

/// Runs the command, with an engine's settings.
pub(crate) async fn run(arguments: &Arguments) -> ExitCode {
    let ended = tokio::select! {
        ended = follow(arguments) => ended,
        // To be told to stop is how it ends.
        () = told_to_stop() => return Code::Fine.into(),
    };
    match ended {
        Ok(()) => Code::Fine.into(),
        Err(error) => {
            exit::say(&error.to_string());
            error.code().into()
        }
    }
}

async fn follow(arguments: &Arguments) -> Result<(), ServeError> {
    let ground = Ground::read(&arguments.common).await?;
    let mut tail = Tail::of(&ground.link);
    let mut watched = Watched { says_ids: arguments.ids, ..Watched::default() };
    let zone = TimeZone::get("Europe/Amsterdam").unwrap_or(TimeZone::UTC);
    let (mut leader, mut answers) = (None, true);
    let mut first = true;
    loop {
        let looked = async { Ok::<_, Fault>((tail.look().await?, leading(&ground.link).await?)) }.await;
        let now = serve::clock(&ground.settings.file).now();
        let mut seen = Vec::new();
        if looked.is_ok() != answers {
            answers = looked.is_ok();
            seen.push(Seen::Broker { at: now, answers });
        }
        if let Ok((told, lead)) = looked {
            for (incident, commit) in told {
                match commit {
                    Ok(commit) => seen.extend(watched.note(incident, &commit.events)),
                    Err(_) => seen.extend(watched.alarm(incident, now)),
                }
            }
            if first {
                // What was there before is not news.
                seen.clear();
            }
            let lead = lead.map(|lead| lead.engine);
            if first || lead != leader {
                seen.push(Seen::Lead { at: now, before: leader, now: lead.clone() });
                leader = lead;
            }
            first = false;
        }
        let mut out = std::io::stdout().lock();
        for one in &seen {
            let line = match arguments.output {
                Form::Text => one.line(&zone),
                Form::Json => serde_json::to_string(one).unwrap_or_default(),
            };
            // Whoever read it has gone away.
            if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
                return Ok(());
            }
        }
        drop(out);
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// What is known of the incidents that are in flight.
#[derive(Default)]
struct Watched {
    known: HashMap<IncidentId, (u64, Option<(Incident, Trail)>)>,
    numbers: u64,
    says_ids: bool,
}

impl Watched {
    /// These events became durable.
    fn note(&mut self, id: IncidentId, events: &[Event]) -> Vec<Seen> {
        let (number, life) = self.of(id);
        // Left alone since an alarm.
        let Some((mut state, mut trail)) = life else { return Vec::new() };
        let mut seen = Vec::new();
        for event in events {
            let Ok(after) = evolve(state, event) else {
                self.known.insert(id, (number, None));
                seen.push(Seen::Alarm { at: event.at, incident: number });
                return seen;
            };
            state = after;
            let shown = self.says_ids.then_some(id);
            seen.extend(trail.walk(event, &state).iter().map(|step| Seen::step(number, shown, step)));
        }
        if trail.incident().is_some_and(|stay| stay.phase == Phase::Purged) {
            self.known.remove(&id);
        } else {
            self.known.insert(id, (number, Some((state, trail))));
        }
        seen
    }

    /// Its number, and its life so far; none if it was alarmed.
    fn of(&mut self, id: IncidentId) -> (u64, Option<(Incident, Trail)>) {
        if let Some((number, life)) = self.known.get_mut(&id) {
            return (*number, life.take());
        }
        self.numbers += 1;
        (self.numbers, Some((Incident::Unknown, Trail::default())))
    }

    /// Said once; from then on nothing is told of it.
    fn alarm(&mut self, id: IncidentId, at: Timestamp) -> Option<Seen> {
        let (incident, life) = self.of(id);
        self.known.insert(id, (incident, None));
        life.map(|_| Seen::Alarm { at, incident })
    }
}

impl Seen {
    fn step(incident: u64, id: Option<IncidentId>, step: &Step) -> Self {
        Self::Step {
            at: step.at,
            incident,
            id,
            child: step.signal.map(SignalNumber::get),
            on: step.on.word(),
            from: step.from.word(),
            to: step.to.word(),
            reason: step.outcome.and_then(|outcome| outcome.words().1),
            rules: step.rules(),
        }
    }

    fn line(&self, zone: &TimeZone) -> String {
        let (at, words) = match self {
            Self::Step { at, incident, id, child, from, to, reason, rules, .. } => {
                let child = child.map(|child| format!(" child {child}")).unwrap_or_default();
                let id = id.map(|id| format!("  {id}")).unwrap_or_default();
                let reason = reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
                let who = format!("incident {incident}{child}");
                let leads = if from == to { format!("{to}, again") } else { format!("{from} -> {to}") };
                (at, format!("{who:<22}{leads}{reason}  {}{id}", rules.join(" ")))
            }
            Self::Alarm { at, incident } => {
                (at, format!("incident {incident:<13}ALARM: left alone until somebody has looked"))
            }
            Self::Lead { at, before: None, now: Some(now) } => {
                (at, format!("lead                  {now} leads"))
            }
            Self::Lead { at, now, .. } => {
                let now = now.as_deref().unwrap_or("NOBODY");
                (at, format!("lead                  {now} leads now"))
            }
            Self::Broker { at, answers } => (
                at,
                format!(
                    "broker                {}",
                    if *answers { "answers again" } else { "DOES NOT ANSWER" }
                ),
            ),
        };
        format!("{}  {words}", at.to_zoned(zone.clone()).strftime("%H:%M:%S"))
    }
}

#[cfg(test)]
mod tests {
    use hwc_journal::codec;

    use super::{
        super::flight::tests::{EXPANDED, RECORDED},
        *,
    };

    fn events(text: &str) -> Vec<Event> {
        codec::decode(format!(r#"{{"v":3,"events":[{text}]}}"#).as_bytes()).unwrap().events
    }

    fn id(number: u128) -> IncidentId {
        IncidentId::from_uuid(uuid::Uuid::from_u128(number))
    }

    #[test]
    fn a_life_is_told_step_by_step_and_an_incident_keeps_its_number() {
        let mut watched = Watched::default();
        watched.note(id(7), &events(RECORDED));
        watched.note(id(8), &events(RECORDED));
        let seen = watched.note(id(7), &events(EXPANDED));
        let lines: Vec<_> = seen.iter().map(|one| one.line(&TimeZone::UTC)).collect();
        assert!(lines[0].starts_with("05:46:00  incident 1            recorded -> screened"), "{lines:?}");
        assert!(lines.iter().any(|line| line.contains("incident 1 child 2") && line.contains("(visitor)")));
        assert_eq!(watched.numbers, 2);
    }

    #[test]
    fn no_id_and_no_organisation_is_told_unless_an_id_is_asked_for() {
        let mut watched = Watched::default();
        let mut said = String::new();
        for one in watched.note(id(7), &events(&format!("{RECORDED},{EXPANDED}"))) {
            said += &one.line(&TimeZone::UTC);
            said += &serde_json::to_string(&one).unwrap();
        }
        for word in [id(7).to_string().as_str(), "0599", "0855", "a0000000000000000000000000000002"] {
            assert!(!said.contains(word), "{word}: {said}");
        }
        let mut watched = Watched { says_ids: true, ..Watched::default() };
        let seen = watched.note(id(7), &events(RECORDED));
        assert!(seen[0].line(&TimeZone::UTC).contains(&id(7).to_string()));
    }

    #[test]
    fn what_cannot_have_happened_is_one_alarm_and_silence_after_it() {
        let mut watched = Watched::default();
        // Nobody expands what was not recorded.
        let seen = watched.note(id(7), &events(EXPANDED));
        assert!(matches!(seen[..], [Seen::Alarm { incident: 1, .. }]), "{seen:?}");
        assert_eq!(watched.note(id(7), &events(EXPANDED)), []);
        assert_eq!(watched.alarm(id(7), Timestamp::UNIX_EPOCH), None);
    }
}
