//! What `hwc board` shows, looked for again and again: the journal and who leads every second, everything else every ten. Nobody is
//! asked more than a tenth of the time, so that looking never becomes the load. Nothing is changed.

mod judged;
mod night;
mod programs;

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use hwc_board::{Aside, Away, Count, Found, Lead, Level, Line, Snapshot, Source};
use hwc_jetstream::{JetStreamJournal, Link, Tail, feeds, keys_left, leading, untold_mails};
use hwc_schemas::Organisation;
use hwc_telemetry::Word as _;
use hwc_workflow::law::Phase;
use jiff::Timestamp;
use tokio::sync::watch;

pub(crate) use super::flight::school_start;
pub(crate) use programs::Program;

use super::{check::Ground, flight::Flight};
use crate::{
    engine::EngineError,
    serve::{self, EngineFile, ServeError, onlooker, signed_directory},
    settings::{Common, Settings},
    trace,
};
use night::NightWatch;

/// How often the journal is looked at.
const JOURNAL_EVERY: Duration = Duration::from_secs(1);
/// How often everything else is.
const REST_EVERY: Duration = Duration::from_secs(10);
/// A look that takes longer came to nothing.
const LOOK_WITHIN: Duration = Duration::from_secs(20);
/// Of the time at most one in so many goes into looking.
const OF_THE_TIME: u32 = 10;

/// What the board is fed from. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Feed(Arc<Inner>);

struct Inner {
    common: Common,
    /// What `hwc operator show -o json` printed, if somebody laid it somewhere.
    members: Option<PathBuf>,
    programs: Vec<Program>,
    snapshots: watch::Sender<Arc<Snapshot>>,
    link: watch::Sender<Option<Way>>,
}

/// The way to the broker, and the journal as it was read over it.
#[derive(Clone)]
struct Way {
    link: Link,
    journal: JetStreamJournal,
}

impl Feed {
    /// With an engine's settings, as a board or as an engine. Nothing is looked at until [`Feed::follow`].
    pub(crate) fn new(common: &Common, members: Option<PathBuf>, programs: Vec<Program>) -> Self {
        Self(Arc::new(Inner {
            common: common.clone(),
            members,
            programs,
            snapshots: watch::Sender::default(),
            link: watch::Sender::default(),
        }))
    }

    /// Looks for as long as it is let run. Never returns.
    pub(crate) async fn follow(&self) {
        tokio::join!(self.connect(), self.follow_journal(), self.follow_rest(), self.follow_programs());
    }

    /// Has a connection, as soon as there can be one; it reconnects by itself.
    async fn connect(&self) {
        loop {
            let connected = async {
                let settings = Settings::<EngineFile>::read(&self.0.common)?;
                onlooker(&settings).await
            };
            match connected.await {
                Ok(link) => {
                    let journal = JetStreamJournal::read_only(&link);
                    self.0.link.send_replace(Some(Way { link, journal }));
                    return std::future::pending().await;
                }
                Err(error) => {
                    tracing::warn!(%error, "the broker cannot be asked yet; trying again");
                    self.is_away();
                }
            }
            tokio::time::sleep(JOURNAL_EVERY).await;
        }
    }

    async fn way(&self) -> Way {
        let mut links = self.0.link.subscribe();
        match links.wait_for(Option::is_some).await.map(|way| way.clone()) {
            Ok(Some(way)) => way,
            // The sender lives as long as we do.
            _ => std::future::pending().await,
        }
    }

    async fn follow_journal(&self) {
        let way = self.way().await;
        let (mut tail, mut night) = (Tail::of(&way.link), NightWatch::default());
        loop {
            let began = Instant::now();
            let looked = self.look_at_journal(&way, &mut tail, &mut night);
            self.heed(tokio::time::timeout(LOOK_WITHIN, looked).await);
            tokio::time::sleep(JOURNAL_EVERY.max(began.elapsed() * OF_THE_TIME)).await;
        }
    }

    async fn follow_rest(&self) {
        let way = self.way().await;
        let mut away = BTreeSet::new();
        loop {
            let began = Instant::now();
            let looked = self.look_at_rest(&way, &mut away);
            self.heed(tokio::time::timeout(LOOK_WITHIN, looked).await);
            tokio::time::sleep(REST_EVERY.max(began.elapsed() * OF_THE_TIME)).await;
        }
    }

    async fn follow_programs(&self) {
        while !self.0.programs.is_empty() {
            let looks = self.0.programs.iter().map(Program::look);
            let processes = futures::future::join_all(looks).await;
            self.change(|snapshot| snapshot.processes = processes);
            tokio::time::sleep(REST_EVERY).await;
        }
    }

    fn heed(&self, looked: Result<Result<(), ServeError>, tokio::time::error::Elapsed>) {
        match looked {
            Ok(Ok(())) => {}
            // The broker that does not answer is said on the board; it need not fill the log as well.
            Ok(Err(ServeError::Engine(_))) | Err(_) => self.is_away(),
            Ok(Err(error)) => tracing::warn!(%error, "the board could not look; trying again"),
        }
    }

    fn is_away(&self) {
        self.change(|snapshot| {
            snapshot.broker = Level::Urgent;
            snapshot.broker_says = "it does not answer; everything below is as it was";
            snapshot.lead = Lead::default();
        });
    }

    fn change(&self, change: impl FnOnce(&mut Snapshot)) {
        self.0.snapshots.send_if_modified(|snapshot| {
            let mut next = Snapshot::clone(snapshot);
            change(&mut next);
            let differs = next != **snapshot;
            if differs {
                *snapshot = Arc::new(next);
            }
            differs
        });
    }

    async fn look_at_journal(
        &self,
        Way { link, journal }: &Way,
        tail: &mut Tail,
        night: &mut NightWatch,
    ) -> Result<(), ServeError> {
        let ground = Ground::over(&self.0.common, link.clone(), journal.clone())?;
        let leads = leading(link).await.map_err(EngineError::from)?;
        // In this order: what is told and not in flight has ended in between.
        let told = tail.look().await.map_err(EngineError::from)?;
        let histories = ground.histories().await?;
        let now = ground.now;
        night.note(told, &histories.iter().map(|(id, _)| *id).collect(), now);
        let flight = Flight::of(&histories);
        let (lessons, pipeline) = (judged::lessons(&flight, &ground), judged::pipeline(&flight, now));
        let night = night.tally(&ground.rules, now);
        self.change(|snapshot| {
            snapshot.at = Some(now);
            snapshot.lead.engine = leads.map(|one| one.engine);
            (snapshot.lessons, snapshot.pipeline, snapshot.night) = (lessons, pipeline, night);
            snapshot.aside.incidents = Count::of(flight.alarmed.len() as u64);
        });
        Ok(())
    }

    async fn look_at_rest(
        &self,
        Way { link, journal }: &Way,
        away: &mut BTreeSet<Organisation>,
    ) -> Result<(), ServeError> {
        let ground = Ground::over(&self.0.common, link.clone(), journal.clone())?;
        let facts = ground.broker().await?;
        let engines = facts.engines;
        let (broker, broker_says) = judged::broker(&facts);
        let erasure = judged::erasure(ground.erasures().await?);
        let mails = untold_mails(link).await.map_err(EngineError::from)?;
        let feeds = feeds(link).await.map_err(EngineError::from)?;
        let left = keys_left(link).await.map_err(EngineError::from)?;
        let directory = signed_directory(&ground.settings)?;
        let members = judged::members(self.0.members.as_deref());
        let pulling: BTreeSet<_> =
            feeds.into_iter().filter(|feed| feed.pulls > 0).map(|feed| feed.organisation).collect();
        let today = Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
        let known = judged::Known { directory: &directory, left: &left, members: &members, today };
        // Between two pulls somebody is away for a moment: only who is so twice is.
        let now_away: BTreeSet<_> =
            directory.iter().map(|(one, _)| one.clone()).filter(|one| !pulling.contains(one)).collect();
        let connected = |one: &Organisation| !now_away.contains(one) || !away.contains(one);
        let organisations = known.organisations(connected);
        let own_certificate = judged::own_certificate(&ground.settings.relay.keys);
        *away = now_away;
        self.change(|snapshot| {
            (snapshot.broker, snapshot.broker_says) = (broker, broker_says);
            snapshot.lead.engines = Some(engines);
            snapshot.erasure = erasure;
            snapshot.organisations = organisations;
            snapshot.serial = Some(directory.serial());
            snapshot.own_certificate = own_certificate;
            snapshot.aside = Aside { mails: Count::of(mails.untold), ..snapshot.aside };
        });
        Ok(())
    }
}

impl Source for Feed {
    fn watch(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.0.snapshots.subscribe()
    }

    async fn incidents(&self) -> Result<Vec<Line>, Away> {
        let ground = self.ground()?;
        let histories = asked(ground.histories()).await?;
        Ok(listed(&Flight::of(&histories), &ground))
    }

    async fn story(&self, id: &str) -> Result<Found, Away> {
        let ground = self.ground()?;
        let now = serve::clock(&ground.settings.file).now();
        let journal = JetStreamJournal::read_only(&ground.link);
        asked(trace::found(&journal, &ground.rules, now, id)).await
    }
}

impl Feed {
    fn ground(&self) -> Result<Ground, Away> {
        let Way { link, journal } = self.0.link.borrow().clone().ok_or(Away)?;
        Ground::over(&self.0.common, link, journal).map_err(|error| {
            tracing::warn!(%error, "the board could not look");
            Away
        })
    }
}

async fn asked<T, E>(asking: impl Future<Output = Result<T, E>>) -> Result<T, Away> {
    tokio::time::timeout(LOOK_WITHIN, asking).await.map_err(|_| Away)?.map_err(|_| Away)
}

/// The incidents in flight: those with trouble first, then the oldest.
fn listed(flight: &Flight, ground: &Ground) -> Vec<Line> {
    let trouble = |going: &super::flight::Going| {
        if going.stands_still(&ground.rules, ground.now) {
            Some("stands still")
        } else {
            (going.late(&ground.rules, ground.now) > 0).then_some("late")
        }
    };
    let going = flight.going.iter().map(|going| {
        let states: BTreeSet<Phase> = going.stays().map(|stay| stay.phase).collect();
        Line {
            id: going.id.to_string(),
            states: states.into_iter().map(|phase| phase.word()).collect(),
            recorded: going.trail.incident().map(|stay| stay.began).unwrap_or_default(),
            trouble: trouble(going),
        }
    });
    let alone = flight.alarmed.iter().map(|(id, _)| Line {
        id: id.to_string(),
        states: vec!["not known"],
        recorded: ground.now,
        trouble: Some("left alone by the engine"),
    });
    let mut lines: Vec<_> = going.chain(alone).collect();
    lines.sort_by_key(|line| (line.trouble.is_none(), line.recorded));
    lines
}
