//! A morning that is invented: six signals on their way, one of them late, a school that is away.

use std::sync::Arc;

use hwc_board::{
    Age, Aside, Away, Bar, Count, Erasure, Found, Lead, Lessons, Level, Line, Night, Owed, Passed, Process,
    Ready, Register, Snapshot, Source, Stage, Standing, Stock, Story,
};
use jiff::{SignedDuration, Timestamp, civil::date};
use tokio::sync::watch;

/// The incident that is in flight.
pub(crate) const ID: &str = "00000000000000000000000000000007";
/// One that ended.
pub(crate) const ENDED: &str = "00000000000000000000000000000008";

/// A region that stands as it is told to.
#[derive(Clone)]
pub(crate) struct Pretend(Arc<watch::Sender<Arc<Snapshot>>>);

fn at(text: &str) -> Timestamp {
    text.parse().unwrap_or_default()
}

fn minutes(minutes: i64) -> Age {
    Age::of(SignedDuration::from_mins(minutes))
}

fn stage(state: &'static str, waits_for: &'static str, signals: u64, oldest: i64) -> Stage {
    Stage {
        state,
        waits_for,
        signals: Count::of(signals),
        oldest: (signals > 0).then(|| minutes(oldest)),
        is_due: state != "delivered",
    }
}

fn standing(name: &str) -> Option<Standing> {
    let day = |month, day| Some(date(2026, month, day));
    Some(Standing {
        organisation: name.parse().ok()?,
        connected: Some(true),
        stock: Stock::Enough,
        weekly_made: day(11, 20),
        weekly_is_old: false,
        since: day(8, 24),
        until: Some(date(2028, 8, 23)),
        runs_out: false,
        earlier: 0,
    })
}

/// How it stands at twenty past seven.
pub(crate) fn morning() -> Snapshot {
    let police = standing("police-region").map(|one| Standing {
        connected: None,
        stock: Stock::Needless,
        weekly_made: None,
        ..one
    });
    let away = standing("school-03CC00").map(|one| Standing {
        connected: Some(false),
        stock: Stock::Empty,
        weekly_made: Some(date(2026, 11, 1)),
        weekly_is_old: true,
        until: Some(date(2026, 12, 4)),
        runs_out: true,
        earlier: 1,
        ..one
    });
    let well =
        ["municipality-0785", "municipality-0855", "school-01AA00", "school-02BB00", "veilig-thuis-region"];
    let organisations = well.into_iter().map(standing).chain([police, away]).flatten();
    Snapshot {
        at: Some(at("2026-11-23T06:20:10Z")),
        broker: Level::Fine,
        broker_says: "it answers, and has room",
        lead: Lead { engine: Some("engine-one".to_owned()), engines: Some(2) },
        lessons: Lessons {
            next: Some(at("2026-11-23T07:30:00Z")),
            late: Count::of(1),
            still: Count::of(0),
            level: Level::Urgent,
        },
        pipeline: vec![
            stage("recorded", "veilig-thuis", 0, 0),
            stage("screened", "veilig-thuis", 0, 0),
            stage("expanded", "municipality", 3, 45),
            stage("routed", "engine", 0, 0),
            stage("delivered", "school", 12, 25),
        ],
        night: Night {
            since: Some(at("2026-11-22T16:00:00Z")),
            seen_since: Some(at("2026-11-23T05:00:00Z")),
            reports: Count::of(11),
            places: vec![("expanded", Count::of(3)), ("delivered", Count::of(12)), ("ended", Count::of(2))],
        },
        erasure: Erasure { lag_seconds: None, level: Level::Fine, ..Erasure::default() },
        organisations: organisations.collect(),
        serial: Some(31),
        own_certificate: Some(date(2028, 11, 22)),
        processes: vec![
            Process {
                name: "municipality-0855".to_owned(),
                ready: Ready::Yes,
                attention: true,
                register: Some(Register { imported: at("2026-11-23T02:10:00Z"), age: minutes(250) }),
            },
            Process { name: "police-region".to_owned(), ready: Ready::Yes, attention: false, register: None },
            Process { name: "portal".to_owned(), ready: Ready::Silent, attention: false, register: None },
        ],
        aside: Aside::default(),
    }
}

/// The same, a moment after the three were delivered.
pub(crate) fn moved() -> Snapshot {
    let mut snapshot = morning();
    for stage in &mut snapshot.pipeline {
        match stage.state {
            "expanded" => (stage.signals, stage.oldest) = (Count::of(0), None),
            "delivered" => stage.signals = Count::of(15),
            _ => {}
        }
    }
    snapshot.lessons = Lessons { late: Count::of(0), level: Level::Fine, ..snapshot.lessons };
    snapshot
}

/// One incident with two children, one of whom is late.
pub(crate) fn story() -> Story {
    let bar = |child, state, waits_for, from, to, goes_on| Bar {
        child,
        state,
        waits_for,
        from: at(from),
        to: at(to),
        goes_on,
    };
    let passed = |child, from, to, when, reason| Passed {
        child,
        at: at(when),
        from,
        to,
        reason,
        rules: "R5 R9".to_owned(),
    };
    let (recorded, screened, expanded, routed, now) = (
        "2026-11-23T05:31:00Z",
        "2026-11-23T05:36:20Z",
        "2026-11-23T05:41:00Z",
        "2026-11-23T06:02:00Z",
        "2026-11-23T06:20:10Z",
    );
    Story {
        id: ID.to_owned(),
        trace: Some("c0000000000000000000000000000001".to_owned()),
        now: at(now),
        bars: vec![
            bar(None, "recorded", "veilig-thuis", recorded, screened, false),
            bar(None, "screened", "veilig-thuis", screened, expanded, false),
            bar(Some(1), "expanded", "municipality", expanded, routed, false),
            bar(Some(1), "delivered", "school", routed, now, true),
            bar(Some(2), "expanded", "municipality", expanded, now, true),
        ],
        passed: vec![
            passed(None, "unknown", "recorded", recorded, None),
            passed(None, "recorded", "screened", screened, None),
            passed(None, "screened", "expanded", expanded, None),
            passed(Some(3), "expanded", "screened_out", expanded, Some("visitor")),
            passed(Some(1), "expanded", "routed", routed, None),
            passed(Some(1), "routed", "delivered", routed, None),
        ],
        owed: vec![Owed { child: Some(2), what: "task route".to_owned(), by: "municipality" }],
        next: Some(at("2026-12-17T06:00:00Z")),
        lessons: Some(at("2026-11-23T07:30:00Z")),
    }
}

impl Pretend {
    pub(crate) fn on_a_morning() -> Self {
        Self(Arc::new(watch::Sender::new(Arc::new(morning()))))
    }

    /// It stands another way from now on.
    pub(crate) fn stands(&self, snapshot: Snapshot) {
        self.0.send_replace(Arc::new(snapshot));
    }
}

impl Source for Pretend {
    fn watch(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.0.subscribe()
    }

    async fn incidents(&self) -> Result<Vec<Line>, Away> {
        let line =
            |id: String, states, trouble| Line { id, states, recorded: at("2026-11-23T05:31:00Z"), trouble };
        let mut lines = vec![line(ID.to_owned(), vec!["expanded", "delivered"], Some("late"))];
        lines.extend((10..15).map(|number| line(format!("{number:032x}"), vec!["delivered"], None)));
        Ok(lines)
    }

    async fn story(&self, id: &str) -> Result<Found, Away> {
        Ok(match id {
            ID => Found::Story(Box::new(story())),
            ENDED => Found::Ended,
            "away" => return Err(Away),
            id if id.len() == 32 => Found::Unknown,
            _ => Found::NoId,
        })
    }
}
