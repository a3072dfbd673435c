//! `hwc check`: one question, one line, and an exit code, as monitoring programs have it: 0 fine, 1 warning, 2 critical, 3 not known.

use std::{collections::BTreeSet, process::ExitCode, sync::Arc, time::Instant};

use clap::Subcommand;
use hwc_jetstream::{
    JetStreamJournal, Link, Shares, Stored, engines, inventory, kept_streams, leading, room, stocks,
};
use hwc_journal::{History, Journal as _};
use hwc_relay::Rules;
use hwc_schemas::{IncidentId, Organisation, PayloadId, Role};
use hwc_workflow::{Incident, evolve, law::Phase};
use jiff::{SignedDuration, Timestamp};

use super::{
    doctor::certificate,
    flight::{Flight, school_start},
    verdict::{self, Bounds, Broker, Deadlines, Erasures, Keys, Verdict},
};
use crate::{
    cli::{self, Output},
    engine::EngineError,
    serve::{self, EngineFile, ServeError, World, onlooker},
    settings::{Common, Settings},
};

/// How long after the sweeper should have taken an orphan it is said.
const SWEPT_WITHIN: SignedDuration = SignedDuration::from_mins(5);
/// How long after its last moment the broker may still have a ciphertext.
const DROPPED_WITHIN: SignedDuration = SignedDuration::from_mins(5);

/// What `hwc check` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    what: What,
    /// How to print it: one line with figures, or JSON.
    #[arg(short, long, global = true, value_enum, default_value_t = Output::Text)]
    output: Output,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Is everything at its school before the lessons begin (R17)?
    Deadlines {
        /// From so many minutes before the lessons what is on its way is a warning.
        #[arg(long, value_name = "MINUTES", default_value_t = 90)]
        warning: u32,
        /// From so many minutes before the lessons it is critical.
        #[arg(long, value_name = "MINUTES", default_value_t = 30)]
        critical: u32,
    },
    /// Is what is over erased (R23)?
    Erasure {
        /// An erasure that is owed for so long is a warning.
        #[arg(long, value_name = "SECONDS", default_value_t = 60)]
        warning: u32,
        /// An erasure that is owed for so long is critical.
        #[arg(long, value_name = "SECONDS", default_value_t = 300)]
        critical: u32,
    },
    /// Are there one-time keys in stock, and is our certificate good for a while?
    Keys {
        /// A certificate that runs out within so many days is a warning.
        #[arg(long, value_name = "DAYS", default_value_t = 30)]
        warning: u32,
        /// A certificate that runs out within so many days is critical.
        #[arg(long, value_name = "DAYS", default_value_t = 7)]
        critical: u32,
    },
    /// Is the broker there, are all its servers, does an engine lead, and is there room?
    Broker {
        /// So much of the room that is used is a warning, in percent.
        #[arg(long, value_name = "PERCENT", default_value_t = 70)]
        warning: u32,
        /// So much of the room that is used is critical, in percent.
        #[arg(long, value_name = "PERCENT", default_value_t = 90)]
        critical: u32,
    },
}

impl What {
    const fn name(&self) -> &'static str {
        match self {
            Self::Deadlines { .. } => "deadlines",
            Self::Erasure { .. } => "erasure",
            Self::Keys { .. } => "keys",
            Self::Broker { .. } => "broker",
        }
    }
}

/// Runs the command, with an engine's settings.
pub(crate) async fn run(arguments: &Arguments) -> ExitCode {
    let verdict = match judged(arguments).await {
        Ok(verdict) => verdict,
        // Whether the broker is there is the very question.
        Err(error @ ServeError::Engine(_)) if matches!(arguments.what, What::Broker { .. }) => {
            Verdict::critical(arguments.what.name(), error)
        }
        Err(error) => Verdict::unknown(arguments.what.name(), error),
    };
    cli::print(&match arguments.output {
        Output::Text => verdict.line(),
        Output::Json => serde_json::to_string(&verdict).unwrap_or_default() + "\n",
    });
    ExitCode::from(verdict.level as u8)
}

async fn judged(arguments: &Arguments) -> Result<Verdict, ServeError> {
    let ground = Ground::read(&arguments.common).await?;
    Ok(match arguments.what {
        What::Deadlines { warning, critical } => {
            verdict::deadlines(ground.deadlines().await?, Bounds { warning, critical })
        }
        What::Erasure { warning, critical } => {
            verdict::erasure(ground.erasures().await?, Bounds { warning, critical })
        }
        What::Keys { warning, critical } => verdict::keys(ground.keys().await?, Bounds { warning, critical }),
        What::Broker { warning, critical } => {
            verdict::broker(&ground.broker().await?, Bounds { warning, critical })
        }
    })
}

/// What every question about a region is asked with: an engine's settings, and its way to the broker.
pub(super) struct Ground {
    pub(super) settings: Settings<EngineFile>,
    pub(super) rules: Arc<Rules>,
    pub(super) members: BTreeSet<Organisation>,
    pub(super) link: Link,
    /// Keeps what it read, for whoever looks again.
    journal: JetStreamJournal,
    /// By the engine's clock.
    pub(super) now: Timestamp,
}

impl Ground {
    pub(super) async fn read(common: &Common) -> Result<Self, ServeError> {
        let settings = Settings::<EngineFile>::read(common)?;
        let link = onlooker(&settings).await?;
        let journal = JetStreamJournal::read_only(&link);
        Self::over(common, link, journal)
    }

    /// The same over a connection that stands already, with the files as they are now.
    pub(super) fn over(common: &Common, link: Link, journal: JetStreamJournal) -> Result<Self, ServeError> {
        let settings = Settings::<EngineFile>::read(common)?;
        let World { rules, members, .. } = World::read(&settings)?;
        let now = serve::clock(&settings.file).now();
        Ok(Self { settings, rules, members, link, journal, now })
    }

    /// Everything that the journal has of what is in flight.
    pub(super) async fn histories(&self) -> Result<Vec<(IncidentId, History)>, ServeError> {
        Ok(self.journal.in_flight().await.map_err(EngineError::from)?)
    }

    async fn deadlines(&self) -> Result<Deadlines, ServeError> {
        Ok(deadlines(&Flight::of(&self.histories().await?), &self.rules, self.now))
    }

    pub(super) async fn erasures(&self) -> Result<Erasures, ServeError> {
        // Before and after: what came or went between is neither an orphan nor missing.
        let before = inventory(&self.link).await.map_err(EngineError::from)?;
        let histories = self.histories().await?;
        let after = inventory(&self.link).await.map_err(EngineError::from)?;
        let missed = kept_streams(&self.link).await.map_err(EngineError::from)?;
        let missed = missed.iter().filter(|stream| stream.missed > 0).count() as u64;
        let swept = SignedDuration::from_secs(self.rules.policy.orphans_after_seconds().into());
        let times = Times { engine: self.now, broker: Timestamp::now(), swept: swept + SWEPT_WITHIN };
        Ok(Erasures { missed, ..erasures(&histories, (&before, &after), &times) })
    }

    async fn keys(&self) -> Result<Keys, ServeError> {
        let stocks = stocks(&self.link).await.map_err(EngineError::from)?;
        let own = certificate::read(&self.settings.relay.keys).ok().flatten();
        let certificate = own.map(|own| own.until.duration_since(Timestamp::now()));
        let left = |one: &Organisation| stocks.get(one).copied().unwrap_or_default();
        let counts: Vec<_> =
            self.members.iter().filter(|one| leaves_keys(one)).map(|one| (one, left(one))).collect();
        Ok(keys(&counts, certificate))
    }

    pub(super) async fn broker(&self) -> Result<Broker, ServeError> {
        let asked = Instant::now();
        let room = room(&self.link, self.settings.file.replicas()).await.map_err(EngineError::from)?;
        let answered_in = SignedDuration::try_from(asked.elapsed()).unwrap_or(SignedDuration::MAX);
        let leads = leading(&self.link).await.map_err(EngineError::from)?.is_some();
        let engines = match self.members.first() {
            Some(anybody) => engines(&self.link, anybody).await.map_err(EngineError::from)?,
            None => 0,
        };
        let streams = kept_streams(&self.link).await.map_err(EngineError::from)?;
        Ok(Broker {
            leads,
            engines,
            streams,
            used: room.used,
            shared_out: Shares::STANDARD.total(),
            answered_in,
        })
    }
}

/// Whether one-time keys are left by it: nobody seals to the police.
pub(super) fn leaves_keys(organisation: &Organisation) -> bool {
    organisation.role() != Role::Police
}

pub(super) fn deadlines(flight: &Flight, rules: &Rules, now: Timestamp) -> Deadlines {
    let many = |phase: Option<Phase>| -> u64 {
        let stays = flight.undelivered().filter(|stay| phase.is_none_or(|phase| stay.phase == phase));
        stays.map(|stay| u64::from(stay.signals.max(1))).sum()
    };
    Deadlines {
        undelivered: many(None),
        held: many(Some(Phase::Routed)),
        late: flight.late(rules, now),
        stand_still: flight.stand_still(rules, now),
        until_start: school_start(rules, now).map(|start| start.duration_since(now)),
    }
}

/// By which clocks it is judged, and how long an orphan may lie.
struct Times {
    engine: Timestamp,
    broker: Timestamp,
    swept: SignedDuration,
}

fn erasures(
    histories: &[(IncidentId, History)],
    (before, after): (&[Stored], &[Stored]),
    times: &Times,
) -> Erasures {
    let owed = Flight::of(histories).erasing();
    let (mut held, mut pointed_to, mut unreadable) = (BTreeSet::new(), BTreeSet::new(), false);
    for (_, history) in histories {
        let History::Live { commits, .. } = history else {
            unreadable = true;
            continue;
        };
        let mut events = commits.iter().flat_map(|commit| &commit.events);
        let Ok(state) = events.try_fold(Incident::Unknown, evolve) else {
            unreadable = true;
            continue;
        };
        pointed_to.extend(state.payloads());
        held.extend(state.holdings().into_iter().map(|one| one.payload));
    }
    let ids = |stored: &[Stored]| stored.iter().map(|one| one.payload).collect::<BTreeSet<PayloadId>>();
    let (was, is) = (ids(before), ids(after));
    let missing = held.iter().filter(|payload| !was.contains(payload) && !is.contains(payload));
    let old = |one: &&Stored| times.broker.duration_since(one.since) > times.swept;
    let orphans =
        after.iter().filter(|one| !pointed_to.contains(&one.payload) && !held.contains(&one.payload));
    let overdue = after
        .iter()
        .filter(|one| one.until.is_some_and(|until| times.broker.duration_since(until) > DROPPED_WITHIN));
    Erasures {
        owed: owed.len() as u64,
        oldest: owed.first().map_or(SignedDuration::ZERO, |since| times.engine.duration_since(*since)),
        // What an unreadable log points to looks like an orphan.
        orphans: if unreadable { 0 } else { orphans.filter(old).count() as u64 },
        overdue: overdue.count() as u64,
        missing: missing.count() as u64,
        missed: 0,
    }
}

fn keys(counts: &[(&Organisation, u64)], certificate: Option<SignedDuration>) -> Keys {
    let many = |which: fn(&Organisation, u64) -> bool| {
        counts.iter().filter(|(one, left)| which(one, *left)).count() as u64
    };
    Keys {
        organisations: counts.len() as u64,
        empty: many(|_, left| left == 0),
        low: many(|one, left| left > 0 && left < usual(one) / 4),
        lowest: counts.iter().map(|(_, left)| *left).min().unwrap_or_default(),
        certificate,
    }
}

/// How many keys it has in stock when all is well, unless its settings say otherwise.
pub(super) fn usual(organisation: &Organisation) -> u64 {
    if organisation.role() == Role::School { 32 } else { 256 }
}
