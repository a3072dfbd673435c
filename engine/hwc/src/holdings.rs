//! `hwc holdings`: what exists at this moment, by the broker's own word, and what the journal says of it (R28). It knows roles and
//! codes of organisations, ids, times and sizes; no names.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    process::ExitCode,
};

use hwc_jetstream::{Amounts, JetStreamJournal, Stored, amounts, inventory};
use hwc_journal::{History, Journal as _};
use hwc_schemas::{IncidentId, Organisation, PayloadId, SignalNumber};
use hwc_workflow::{Incident, evolve, policy::Policy};
use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;

use crate::{
    cli::{self, Output},
    ended::{self, Kept},
    engine::EngineError,
    exit::{self, Code},
    serve::{EngineFile, ServeError, World, no_board, onlooker},
    settings::{Common, Settings},
};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    common: Common,
    /// How to print it.
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

/// What exists.
#[derive(Debug, PartialEq, Serialize)]
struct Holdings {
    at: Timestamp,
    /// What the broker holds.
    ciphertexts: Vec<Ciphertext>,
    /// What the journal says is held and the broker does not have: somebody must look.
    missing: Vec<Missing>,
    incidents_in_flight: usize,
    /// Of them those whose log cannot be read: what they point to is not known, and looks like orphans.
    incidents_unreadable: usize,
    tombstones: usize,
    tasks: u64,
    breach_records: u64,
    /// What the state folder of this engine knows to have ended; none if it has no such file.
    ended_ids: Option<Kept>,
}

/// A ciphertext that is there.
#[derive(Debug, PartialEq, Serialize)]
struct Ciphertext {
    payload: PayloadId,
    state: State,
    #[serde(flatten)]
    about: Option<About>,
    /// Since when the broker has it.
    since: Timestamp,
    /// When it goes at the latest, whatever happens (R23).
    until: Option<Timestamp>,
    bytes: u64,
}

/// What the journal says of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct About {
    incident: IncidentId,
    child: Option<SignalNumber>,
    /// The leg it travels; none once it is only there to be erased.
    hop: Option<&'static str>,
    from: Option<Organisation>,
    sealed_to: Option<Organisation>,
    /// Whether whoever can open it may have it at this moment.
    due: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// Held for the one who can open it.
    Held,
    /// On its way out.
    BeingErased,
    /// Nothing points to it: it came just before a crash. The sweeper takes it within minutes.
    Orphan,
}

#[derive(Debug, PartialEq, Serialize)]
struct Missing {
    payload: PayloadId,
    #[serde(flatten)]
    about: About,
}

/// Runs the command, with an engine's settings.
pub(crate) async fn run(arguments: &Arguments) -> ExitCode {
    match look(arguments).await {
        Ok(holdings) => {
            cli::print(&match arguments.output {
                Output::Text => holdings.text(),
                Output::Json => serde_json::to_string(&holdings).unwrap_or_default() + "\n",
            });
            if holdings.missing.is_empty() { Code::Fine } else { Code::Critical }.into()
        }
        Err(error) => {
            exit::say(&error.to_string());
            error.code().into()
        }
    }
}

async fn look(arguments: &Arguments) -> Result<Holdings, ServeError> {
    let settings = Settings::<EngineFile>::read(&arguments.common)?;
    no_board(&settings, "say of each ciphertext since when it lies there")?;
    let rules = World::read(&settings)?.rules;
    let link = onlooker(&settings).await?;
    let journal = JetStreamJournal::read_only(&link);
    // Before and after: what came or went between is neither an orphan nor missing.
    let before = inventory(&link).await.map_err(EngineError::from)?;
    let known = Known::of(&journal.in_flight().await.map_err(EngineError::from)?, &rules.policy);
    let after = inventory(&link).await.map_err(EngineError::from)?;
    let tombstones = journal.tombstones().await.map_err(EngineError::from)?;
    let amounts = amounts(&link).await.map_err(EngineError::from)?;
    let ended_ids = ended::kept(&settings.relay.state_dir)?;
    Ok(Holdings::new(Timestamp::now(), &known, (&before, &after), (tombstones.len(), amounts), ended_ids))
}

/// What the journal knows.
#[derive(Default)]
struct Known {
    incidents: usize,
    unreadable: usize,
    pointed_to: BTreeMap<PayloadId, (State, About, Option<Timestamp>)>,
}

impl Known {
    fn of(in_flight: &[(IncidentId, History)], policy: &Policy) -> Self {
        let mut known = Self { incidents: in_flight.len(), ..Self::default() };
        for (incident, history) in in_flight {
            match folded(history) {
                Some(state) => known.note(*incident, &state, policy),
                None => known.unreadable += 1,
            }
        }
        known
    }

    fn note(&mut self, incident: IncidentId, state: &Incident, policy: &Policy) {
        let until = state.ceiling(policy);
        for payload in state.payloads() {
            let about = About { incident, child: None, hop: None, from: None, sealed_to: None, due: false };
            self.pointed_to.insert(payload, (State::BeingErased, about, until));
        }
        for held in state.holdings() {
            let about = About {
                incident,
                child: held.number,
                hop: Some(held.hop.as_str()),
                from: Some(held.from),
                sealed_to: Some(held.to),
                due: held.due,
            };
            self.pointed_to.insert(held.payload, (State::Held, about, until));
        }
    }
}

fn folded(history: &History) -> Option<Incident> {
    let History::Live { commits, .. } = history else { return None };
    let mut events = commits.iter().flat_map(|commit| &commit.events);
    events.try_fold(Incident::Unknown, |state, event| evolve(state, event).ok())
}

impl Holdings {
    fn new(
        at: Timestamp,
        known: &Known,
        (before, after): (&[Stored], &[Stored]),
        (tombstones, amounts): (usize, Amounts),
        ended_ids: Option<Kept>,
    ) -> Self {
        let was: BTreeSet<_> = before.iter().map(|one| one.payload).collect();
        let is: BTreeSet<_> = after.iter().map(|one| one.payload).collect();
        let there = after.iter().filter_map(|one| {
            let (state, about, ceiling) = match known.pointed_to.get(&one.payload) {
                Some((state, about, until)) => (*state, Some(about.clone()), *until),
                None if was.contains(&one.payload) => (State::Orphan, None, None),
                // Stored just now; its event is on its way.
                None => return None,
            };
            let until = one.until.into_iter().chain(ceiling).min();
            Some(Ciphertext { payload: one.payload, state, about, since: one.since, until, bytes: one.bytes })
        });
        let missing = known.pointed_to.iter().filter(|(payload, (state, ..))| {
            *state == State::Held && !was.contains(payload) && !is.contains(payload)
        });
        let missing =
            missing.map(|(payload, (_, about, _))| Missing { payload: *payload, about: about.clone() });
        let mut ciphertexts: Vec<_> = there.collect();
        ciphertexts
            .sort_by_key(|one| (one.about.as_ref().map(|about| (about.incident, about.child)), one.since));
        Self {
            at,
            ciphertexts,
            missing: missing.collect(),
            incidents_in_flight: known.incidents,
            incidents_unreadable: known.unreadable,
            tombstones,
            tasks: amounts.tasks,
            breach_records: amounts.breaches,
            ended_ids,
        }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        let orphans = self.ciphertexts.iter().filter(|one| one.state == State::Orphan).count();
        let bytes: u64 = self.ciphertexts.iter().map(|one| one.bytes).sum();
        // A string takes whatever is written.
        let _ = writeln!(
            text,
            "{}: {} ciphertexts, {bytes} bytes; {orphans} orphans, {} missing\n",
            local(self.at),
            self.ciphertexts.len(),
            self.missing.len()
        );
        if !self.ciphertexts.is_empty() {
            let mut table = comfy_table::Table::new();
            table.load_style(comfy_table::presets::NOTHING);
            table.set_header([
                "incident",
                "child",
                "hop",
                "from",
                "sealed to",
                "since",
                "until at the latest",
                "bytes",
                "",
            ]);
            for one in &self.ciphertexts {
                table.add_row(one.row());
            }
            let _ = writeln!(text, "{table}\n");
        }
        for Missing { payload, about } in &self.missing {
            let _ = writeln!(
                text,
                "MISSING  ciphertext {payload} of incident {} is held by the journal and not by the broker",
                about.incident
            );
        }
        if self.incidents_unreadable > 0 {
            let _ = writeln!(
                text,
                "{} incidents have a log that cannot be read: what they point to is among the orphans",
                self.incidents_unreadable
            );
        }
        let _ = writeln!(
            text,
            "in flight   {} incidents, {} tasks\nremains     {} tombstones, {} breach records",
            self.incidents_in_flight, self.tasks, self.tombstones, self.breach_records
        );
        match self.ended_ids {
            None => text.push_str("ended ids   none: this machine's state folder has no such file\n"),
            Some(Kept { incidents, payloads }) => {
                let _ = writeln!(
                    text,
                    "ended ids   {incidents} of incidents, {payloads} of ciphertexts, on this machine"
                );
            }
        }
        text
    }
}

impl Ciphertext {
    fn row(&self) -> [String; 9] {
        let about = self.about.as_ref();
        let name = |one: Option<&Organisation>| one.map(ToString::to_string).unwrap_or_default();
        let say = match self.state {
            State::Held if about.is_some_and(|about| about.due) => "may be opened",
            State::Held => "may not be opened now",
            State::BeingErased => "being erased",
            State::Orphan => "ORPHAN",
        };
        [
            about.map(|about| about.incident.to_string()).unwrap_or_default(),
            about.and_then(|about| about.child).map(|child| child.get().to_string()).unwrap_or_default(),
            about.and_then(|about| about.hop).unwrap_or_default().to_owned(),
            name(about.and_then(|about| about.from.as_ref())),
            name(about.and_then(|about| about.sealed_to.as_ref())),
            local(self.since),
            self.until.map(local).unwrap_or_default(),
            self.bytes.to_string(),
            say.to_owned(),
        ]
    }
}

fn local(at: Timestamp) -> String {
    let zone = TimeZone::get("Europe/Amsterdam").unwrap_or(TimeZone::UTC);
    at.to_zoned(zone).strftime("%Y-%m-%d %H:%M").to_string()
}

#[cfg(test)]
mod tests {
    use hwc_journal::{Generation, Location, codec};
    use uuid::Uuid;

    use super::*;

    fn payload(number: u128) -> PayloadId {
        PayloadId::from_uuid(Uuid::from_u128(number))
    }

    fn incident(number: u128) -> IncidentId {
        IncidentId::from_uuid(Uuid::from_u128(number))
    }

    fn stored(number: u128) -> Stored {
        let (since, until) = ("2026-11-19T06:00:00Z".parse().unwrap(), "2026-12-17T06:00:00Z".parse().ok());
        let at = Location::new(Generation::from_uuid(Uuid::nil()), 1);
        Stored { payload: payload(number), at, since, until, bytes: 2113 }
    }

    /// One report that waits, one whose child was referred, so that its report is to be erased.
    fn known() -> Known {
        let history = |report: u128, more: &str| {
            let id = payload(report);
            let text = format!(
                r#"{{"v":3,"events":[{{"at":"2026-11-19T05:45:00Z","fact":"recorded","police":"police-0599","veilig_thuis":"veilig-thuis-17","report":"{id}"}}{more}]}}"#
            );
            History::Live {
                commits: vec![codec::decode(text.as_bytes()).unwrap()],
                position: hwc_journal::Position(1),
            }
        };
        let referral = payload(3);
        let expanded = format!(
            r#",{{"at":"2026-11-19T05:46:00Z","fact":"screened"}},{{"at":"2026-11-19T05:50:00Z","fact":"expanded","found":[{{"found":"referred","municipality":"municipality-0855","referral":"{referral}"}}],"complete":true,"interval":{{"seconds":60,"date_only":false}}}}"#
        );
        let broken = History::Unreadable(codec::CodecError::Version(9));
        let all =
            [(incident(1), history(1, "")), (incident(2), history(2, &expanded)), (incident(3), broken)];
        Known::of(&all, &Policy::default())
    }

    #[test]
    fn what_is_there_is_told_with_whom_it_is_sealed_to_and_what_nothing_points_to_is_an_orphan() {
        let (before, after) = ([1, 2, 3, 8].map(stored), [1, 2, 3, 8, 9].map(stored));
        let at = "2026-11-19T07:00:00Z".parse().unwrap();
        let amounts = Amounts { tasks: 2, breaches: 1 };
        let holdings = Holdings::new(at, &known(), (&before, &after), (41, amounts), None);
        let said: Vec<_> = holdings.ciphertexts.iter().map(|one| (one.payload, one.state)).collect();
        let (held, going, orphan) = (State::Held, State::BeingErased, State::Orphan);
        assert_eq!(
            said,
            [(payload(8), orphan), (payload(1), held), (payload(2), going), (payload(3), held)],
            "what was stored just now is no orphan"
        );
        let referral = holdings.ciphertexts[3].about.clone().unwrap();
        assert_eq!((referral.incident, referral.hop, referral.due), (incident(2), Some("referral"), true));
        assert_eq!(referral.sealed_to.unwrap().to_string(), "municipality-0855");
        assert_eq!((holdings.incidents_in_flight, holdings.incidents_unreadable), (3, 1));
        assert!(holdings.missing.is_empty());
        let text = holdings.text();
        for words in
            ["4 ciphertexts, 8452 bytes; 1 orphans", "ORPHAN", "being erased", "41 tombstones, 1 breach"]
        {
            assert!(text.contains(words), "{words}\n{text}");
        }
    }

    #[test]
    fn what_the_journal_holds_and_the_broker_never_had_is_missing_and_what_went_just_now_is_not() {
        let (before, after) = ([1, 3].map(stored), [3].map(stored));
        let at = "2026-11-19T07:00:00Z".parse().unwrap();
        let amounts = Amounts::default();
        let fine = Holdings::new(at, &known(), (&before, &after), (0, amounts), None);
        assert!(fine.missing.is_empty(), "{:?}", fine.missing);
        let lost = Holdings::new(at, &known(), (&after, &after), (0, amounts), None);
        assert_eq!(lost.missing.iter().map(|one| one.payload).collect::<Vec<_>>(), [payload(1)]);
        assert!(lost.text().contains("MISSING"));
        let written = serde_json::to_value(&lost).unwrap();
        assert_eq!(written["missing"][0]["sealed_to"], "veilig-thuis-17");
        assert_eq!(written["ciphertexts"][0]["hop"], "referral");
    }
}
