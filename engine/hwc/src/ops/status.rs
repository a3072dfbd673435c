//! `hwc status`: how a region stands at this moment, on one page. It counts, and names organisations; whoever it is about is not in it.

use std::{collections::BTreeMap, fmt::Write as _, process::ExitCode};

use hwc_jetstream::{Feed, Leading, engines, feeds, leading, stocks, untold_mails};
use hwc_schemas::{Organisation, Role};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{
    check::{Ground, leaves_keys},
    flight::{Flight, Standing, school_start},
    said, span, table, trimmed,
    verdict::Erasures,
};
use crate::{
    cli::{self, Output},
    engine::EngineError,
    exit,
    serve::ServeError,
    settings::Common,
};

/// What `hwc status` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    common: Common,
    /// Leaves out what could tell somebody outside which school or municipality has a signal: the counts of each organisation, and
    /// every count below five.
    #[arg(long)]
    to_share: bool,
    /// How to print it.
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

/// Below this a count is not said outside.
const FEW: u64 = 5;

/// How a region stands.
#[derive(Debug, Serialize)]
struct Status {
    at: Timestamp,
    leader: Option<Leader>,
    /// Engines that answer, the leader included.
    engines: usize,
    in_flight: Vec<Shown>,
    /// Left alone until somebody has looked.
    alarmed: u64,
    lessons: Lessons,
    erasures: Owed,
    breach_mails_waiting: u64,
    organisations: Vec<Organised>,
    /// What the broker cannot tell.
    not_known: [&'static str; 2],
}

#[derive(Debug, Serialize)]
struct Leader {
    engine: String,
    epoch: Option<u64>,
    renewed_at: Option<Timestamp>,
}

/// A state; without a count where it is too small to say.
#[derive(Debug, PartialEq, Serialize)]
struct Shown {
    state: &'static str,
    count: Option<u64>,
    oldest: Option<Timestamp>,
}

#[derive(Debug, Serialize)]
struct Lessons {
    next: Option<Timestamp>,
    /// On its way to a school, and to be there by then.
    due: Option<u64>,
    late: Option<u64>,
    stand_still: u64,
}

#[derive(Debug, Serialize)]
struct Owed {
    waiting: u64,
    oldest_seconds: i64,
    orphans: u64,
    missing: u64,
}

/// How one organisation is served.
#[derive(Debug, PartialEq, Serialize)]
struct Organised {
    organisation: Organisation,
    /// Whether a program of its asks for tasks at this moment; not known of the police, who ask for none.
    connected: Option<bool>,
    tasks_waiting: Option<u64>,
    served_at: Option<Timestamp>,
    keys: Option<u64>,
}

const NOT_KNOWN: [&str; 2] = [
    "whether the police are connected: they ask for no tasks; GET /readyz at their program says it",
    "when a municipality imported its pupils: it says so itself (hwc municipality register status, or its metrics)",
];

/// Runs the command, with an engine's settings.
pub(crate) async fn run(arguments: &Arguments) -> ExitCode {
    match look(arguments).await {
        Ok(status) => cli::print(&match arguments.output {
            Output::Text => status.text(),
            Output::Json => serde_json::to_string(&status).unwrap_or_default() + "\n",
        }),
        Err(error) => {
            exit::say(&error.to_string());
            error.code().into()
        }
    }
}

async fn look(arguments: &Arguments) -> Result<Status, ServeError> {
    let ground = Ground::read(&arguments.common).await?;
    let link = &ground.link;
    let leader = leading(link).await.map_err(EngineError::from)?;
    let engines = match ground.members.first() {
        Some(anybody) => engines(link, anybody).await.map_err(EngineError::from)?,
        None => 0,
    };
    let flight = Flight::of(&ground.histories().await?);
    let erasures = ground.erasures().await?;
    let mails = untold_mails(link).await.map_err(EngineError::from)?;
    let feeds = feeds(link).await.map_err(EngineError::from)?;
    let stocks = stocks(link).await.map_err(EngineError::from)?;
    let status = Status {
        at: ground.now,
        leader: leader.map(Leader::of),
        engines,
        in_flight: flight.census().into_iter().map(Shown::of).collect(),
        alarmed: flight.alarmed.len() as u64,
        lessons: Lessons {
            next: school_start(&ground.rules, ground.now),
            due: Some(flight.undelivered().map(|stay| u64::from(stay.signals.max(1))).sum()),
            late: Some(flight.late(&ground.rules, ground.now)),
            stand_still: flight.stand_still(&ground.rules, ground.now),
        },
        erasures: Owed::of(&erasures),
        breach_mails_waiting: mails.untold,
        organisations: organised(ground.members.iter(), feeds, &stocks),
        not_known: NOT_KNOWN,
    };
    Ok(if arguments.to_share { status.shared() } else { status })
}

impl Leader {
    fn of(Leading { engine, epoch, renewed_at }: Leading) -> Self {
        Self { engine, epoch, renewed_at }
    }
}

impl Shown {
    fn of(Standing { state, count, oldest }: Standing) -> Self {
        Self { state, count: Some(count), oldest: Some(oldest) }
    }
}

impl Owed {
    fn of(erasures: &Erasures) -> Self {
        Self {
            waiting: erasures.owed,
            oldest_seconds: erasures.oldest.as_secs().max(0),
            orphans: erasures.orphans,
            missing: erasures.missing,
        }
    }
}

fn organised<'a>(
    members: impl Iterator<Item = &'a Organisation>,
    feeds: Vec<Feed>,
    stocks: &BTreeMap<Organisation, u64>,
) -> Vec<Organised> {
    let feeds: BTreeMap<_, _> = feeds.into_iter().map(|feed| (feed.organisation.clone(), feed)).collect();
    let of = |member: &Organisation| {
        let feed = feeds.get(member);
        let pulls = member.role() != Role::Police;
        Organised {
            organisation: member.clone(),
            connected: pulls.then(|| feed.is_some_and(|feed| feed.pulls > 0)),
            tasks_waiting: feed.map(|feed| feed.waiting),
            served_at: feed.and_then(|feed| feed.served_at),
            keys: leaves_keys(member).then(|| stocks.get(member).copied().unwrap_or_default()),
        }
    };
    members.map(of).collect()
}

impl Status {
    /// Without what could tell which organisation has a signal, or whose it is.
    fn shared(mut self) -> Self {
        let enough = |count: Option<u64>| count.filter(|count| *count == 0 || *count >= FEW);
        for one in &mut self.in_flight {
            one.count = enough(one.count);
            // The moment of one signal may be known to whoever called the police.
            one.oldest = None;
        }
        self.lessons.due = enough(self.lessons.due);
        self.lessons.late = enough(self.lessons.late);
        for one in &mut self.organisations {
            (one.tasks_waiting, one.served_at) = (None, None);
            // A stock that shrinks says that a signal was sealed.
            one.keys = None;
        }
        self
    }

    fn text(&self) -> String {
        let mut text = String::new();
        let count = |count: Option<u64>| count.map_or_else(|| "few".to_owned(), |count| count.to_string());
        let leader = self.leader.as_ref().map_or_else(|| "NOBODY LEADS".to_owned(), |one| one.engine.clone());
        let by = self.engines.saturating_sub(usize::from(self.leader.is_some()));
        let _ = writeln!(text, "leads        {leader}; {by} stand by");
        let lessons = match self.lessons.next {
            None => "no listed school year says when they are".to_owned(),
            Some(next) => {
                format!("in {}: {} to be there by then", span(self.at, next), count(self.lessons.due))
            }
        };
        let _ = writeln!(text, "lessons      {lessons}, {} late", count(self.lessons.late));
        if self.lessons.stand_still > 0 {
            let _ = writeln!(
                text,
                "             {} STAND STILL: no engine works on them",
                self.lessons.stand_still
            );
        }
        let erasures = &self.erasures;
        let oldest = match erasures.waiting {
            0 => String::new(),
            _ => format!(", the oldest for {}", said(SignedDuration::from_secs(erasures.oldest_seconds))),
        };
        let (orphans, missing) = (erasures.orphans, erasures.missing);
        let _ =
            writeln!(text, "to erase     {}{oldest}; {orphans} orphans, {missing} missing", erasures.waiting);
        let _ = writeln!(
            text,
            "aside        {} incidents, {} mails about breaches: hwc dead-letters list",
            self.alarmed, self.breach_mails_waiting
        );
        if self.in_flight.is_empty() {
            text.push_str("\nnothing is in flight\n");
        } else {
            let mut states = table(["in flight", "how many", "the oldest since"]);
            for one in &self.in_flight {
                let oldest = one.oldest.map(|oldest| span(oldest, self.at)).unwrap_or_default();
                states.add_row([one.state.to_owned(), count(one.count), oldest]);
            }
            let _ = writeln!(text, "\n{states}");
        }
        let mut rows = table(["organisation", "connected", "tasks", "last served", "keys"]);
        let now = Timestamp::now();
        for one in &self.organisations {
            let connected = match one.connected {
                None => "cannot be told",
                Some(true) => "yes",
                Some(false) => "NO",
            };
            let number = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
            let served = one.served_at.map(|at| format!("{} ago", span(at, now))).unwrap_or_default();
            let name = one.organisation.to_string();
            rows.add_row([name, connected.to_owned(), number(one.tasks_waiting), served, number(one.keys)]);
        }
        let _ = writeln!(text, "\n{rows}\n\nThe broker cannot tell:");
        for one in self.not_known {
            let _ = writeln!(text, "  {one}");
        }
        trimmed(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn organisation(name: &str) -> Organisation {
        name.parse().unwrap()
    }

    fn status() -> Status {
        let at: Timestamp = "2026-11-19T06:00:00Z".parse().unwrap();
        let shown = |state, count| Shown { state, count: Some(count), oldest: Some(at) };
        let members = ["police-region", "school-01AA00", "school-02BB00"].map(organisation);
        let feed = Feed {
            organisation: organisation("school-01AA00"),
            waiting: 3,
            in_hand: 3,
            again: 0,
            pulls: 1,
            served_at: Some(at),
        };
        let stocks = BTreeMap::from([(organisation("school-01AA00"), 29)]);
        Status {
            at,
            leader: None,
            engines: 1,
            in_flight: vec![shown("recorded", 4), shown("routed", 12)],
            alarmed: 0,
            lessons: Lessons {
                next: Some(at + SignedDuration::from_mins(90)),
                due: Some(16),
                late: Some(1),
                stand_still: 0,
            },
            erasures: Owed { waiting: 0, oldest_seconds: 0, orphans: 0, missing: 0 },
            breach_mails_waiting: 0,
            organisations: organised(members.iter(), vec![feed], &stocks),
            not_known: NOT_KNOWN,
        }
    }

    #[test]
    fn who_asks_for_no_tasks_is_said_to_be_unknown_and_who_should_and_does_not_is_away() {
        let connected: Vec<_> = status().organisations.iter().map(|one| one.connected).collect();
        assert_eq!(connected, [None, Some(true), Some(false)]);
        let text = status().text();
        for words in ["NOBODY LEADS", "cannot be told", "in 1h 30m", "16 to be there"] {
            assert!(text.contains(words), "{words}\n{text}");
        }
    }

    #[test]
    fn r26_what_is_shared_says_no_small_count_no_moment_and_nothing_of_one_organisation() {
        let shared = status().shared();
        let said: Vec<_> = shared.in_flight.iter().map(|one| (one.count, one.oldest)).collect();
        assert_eq!(said, [(None, None), (Some(12), None)]);
        assert_eq!((shared.lessons.due, shared.lessons.late), (Some(16), None));
        for one in &shared.organisations {
            assert_eq!((one.tasks_waiting, one.served_at, one.keys), (None, None, None));
        }
        assert!(shared.text().contains("few"));
    }
}
