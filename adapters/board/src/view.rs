//! What the pages show, made ready for their templates.

use askama::Template;
use hwc_schemas::Role;
use hwc_web::{Frame, audit::Entry};
use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};

use crate::{
    Count, Snapshot,
    crew::ACTS,
    picture::{drawn, took},
    snapshot::{Level, Process, Ready, Stage, Standing, Stock},
    story::{Line, Story, who},
};

/// Organisations that are away and named on the first page, at most.
const AWAY_NAMED: usize = 20;

/// A moment of the day.
fn clock(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%H:%M").to_string()
}

/// A moment of a day.
fn moment(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%a %-d %b %H:%M").to_string()
}

/// A moment, to the second.
fn exact(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%a %-d %b %H:%M:%S").to_string()
}

fn day(date: Option<Date>) -> String {
    date.map(|date| date.strftime("%-d %b %Y").to_string()).unwrap_or_default()
}

/// The parts of the first page that change.
#[derive(Template)]
#[template(path = "parts.html")]
pub(crate) struct Parts {
    level: Level,
    as_of: String,
    broker: Level,
    broker_says: &'static str,
    lead: Level,
    leads: String,
    lessons: Level,
    lessons_at: String,
    late: Count,
    still: Count,
    pipeline: Vec<Stage>,
    night_since: String,
    night_unseen: Option<String>,
    reports: Count,
    places: Vec<(&'static str, Count)>,
    erasure: Level,
    lag: &'static str,
    owed: Count,
    orphans: Count,
    amiss: Count,
    missed: u64,
    roles: Vec<RoleLine>,
    away: Vec<String>,
    away_more: usize,
    own_certificate: String,
    processes: Vec<ProcessLine>,
    aside: Count,
    mails: Count,
}

/// Everybody of one role.
pub(crate) struct RoleLine {
    role: &'static str,
    members: usize,
    connected: String,
    without_keys: String,
    run_out: usize,
}

/// What one program says of itself.
pub(crate) struct ProcessLine {
    name: String,
    level: Level,
    says: &'static str,
    register: String,
}

impl Parts {
    pub(crate) fn of(snapshot: &Snapshot, zone: &TimeZone) -> Self {
        let Snapshot { lead, lessons, night, erasure, .. } = snapshot;
        let now = snapshot.at.unwrap_or_default();
        let leads = match (&lead.engine, lead.engines) {
            (Some(engine), Some(engines)) => format!("{engine}; {} stand by", engines.saturating_sub(1)),
            (Some(engine), None) => engine.clone(),
            (None, Some(_)) => "nobody".to_owned(),
            (None, None) => "not known yet".to_owned(),
        };
        let lessons_at = lessons.next.map_or_else(
            || "no listed school year says when".to_owned(),
            |next| format!("{}, in {}", moment(next, zone), until(now, next)),
        );
        let since = night.since.zip(night.seen_since);
        let unseen = since.filter(|(since, seen)| seen > since).map(|(_, seen)| moment(seen, zone));
        let away: Vec<_> = snapshot
            .organisations
            .iter()
            .filter(|one| one.connected == Some(false))
            .map(|one| one.organisation.to_string())
            .collect();
        Self {
            level: snapshot.level(),
            as_of: snapshot.at.map(|at| clock(at, zone)).unwrap_or_default(),
            broker: snapshot.broker,
            broker_says: snapshot.broker_says,
            lead: lead.level(),
            leads,
            lessons: lessons.level,
            lessons_at,
            late: lessons.late,
            still: lessons.still,
            pipeline: snapshot.pipeline.clone(),
            night_since: night.since.map(|at| moment(at, zone)).unwrap_or_default(),
            night_unseen: unseen,
            reports: night.reports,
            places: night.places.clone(),
            erasure: erasure.level,
            lag: lag(erasure.lag_seconds),
            owed: erasure.owed,
            orphans: erasure.orphans,
            amiss: erasure.amiss,
            missed: erasure.missed,
            roles: RoleLine::all(&snapshot.organisations),
            away_more: away.len().saturating_sub(AWAY_NAMED),
            away: away.into_iter().take(AWAY_NAMED).collect(),
            own_certificate: day(snapshot.own_certificate),
            processes: snapshot.processes.iter().map(|one| ProcessLine::of(one, zone)).collect(),
            aside: snapshot.aside.incidents,
            mails: snapshot.aside.mails,
        }
    }
}

/// In whole minutes, so that a page need not change more often.
fn until(now: Timestamp, then: Timestamp) -> String {
    let minutes = then.duration_since(now).max(SignedDuration::ZERO).as_mins();
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

/// How far erasing is behind.
const fn lag(seconds: Option<i64>) -> &'static str {
    match seconds {
        None => "none",
        Some(..60) => "under a minute",
        Some(60..300) => "1 to 5 minutes",
        Some(_) => "over 5 minutes",
    }
}

impl RoleLine {
    fn all(organisations: &[Standing]) -> Vec<Self> {
        let of = |role: Role| {
            let own: Vec<_> = organisations.iter().filter(|one| one.organisation.role() == role).collect();
            let count = |which: fn(&Standing) -> bool| own.iter().filter(|one| which(one)).count();
            let told = count(|one| one.connected.is_some());
            let connected = count(|one| one.connected == Some(true));
            Self {
                role: role.as_str(),
                members: own.len(),
                connected: if told == 0 { "cannot be told".to_owned() } else { connected.to_string() },
                without_keys: if count(|one| one.stock == Stock::Needless) == own.len() {
                    "needs none".to_owned()
                } else {
                    count(|one| one.stock == Stock::Empty).to_string()
                },
                run_out: count(|one| one.runs_out),
            }
        };
        [Role::Police, Role::VeiligThuis, Role::Municipality, Role::School]
            .map(of)
            .into_iter()
            .filter(|line| line.members > 0)
            .collect()
    }
}

impl ProcessLine {
    fn of(process: &Process, zone: &TimeZone) -> Self {
        let (level, says) = match (process.ready, process.attention) {
            (Ready::Yes, false) => (Level::Fine, "ready"),
            (Ready::Yes, true) => (Level::Look, "ready; something waits for a person there"),
            (Ready::No, _) => (Level::Urgent, "not ready: its /readyz says why"),
            (Ready::Silent, _) => (Level::Urgent, "does not answer"),
        };
        let register = process.register.map_or_else(String::new, |register| {
            format!("{}, {} ago", moment(register.imported, zone), register.age)
        });
        Self { name: process.name.clone(), level, says, register }
    }
}

/// The first page.
#[derive(Template)]
#[template(path = "board.html")]
pub(crate) struct BoardPage {
    pub(crate) frame: Frame,
    pub(crate) parts: Parts,
    pub(crate) script: &'static str,
    pub(crate) renews: bool,
}

/// One organisation.
pub(crate) struct OrganisationLine {
    name: String,
    connected: &'static str,
    level: Level,
    stock: &'static str,
    weekly: String,
    since: String,
    until: String,
    runs_out: bool,
    earlier: usize,
}

impl OrganisationLine {
    pub(crate) fn of(one: &Standing) -> Self {
        let (connected, level) = match one.connected {
            Some(true) => ("yes", Level::Fine),
            Some(false) => ("no", Level::Look),
            None => ("cannot be told", Level::Unknown),
        };
        let stock = match one.stock {
            Stock::Needless => "needs none",
            Stock::Enough => "enough",
            Stock::Low => "low",
            Stock::Empty => "none left",
            Stock::Unknown => "not known yet",
        };
        let weekly = match (one.weekly_made, one.weekly_is_old) {
            (None, _) => "none".to_owned(),
            (made, false) => day(made),
            (made, true) => format!("{}: old", day(made)),
        };
        let weekly = if one.stock == Stock::Needless { String::new() } else { weekly };
        Self {
            name: one.organisation.to_string(),
            connected,
            level,
            stock,
            weekly,
            since: day(one.since),
            until: day(one.until),
            runs_out: one.runs_out,
            earlier: one.earlier,
        }
    }
}

#[derive(Template)]
#[template(path = "organisations.html")]
pub(crate) struct OrganisationsPage {
    pub(crate) frame: Frame,
    pub(crate) lines: Vec<OrganisationLine>,
    pub(crate) serial: Option<u64>,
}

/// One incident of the list.
pub(crate) struct IncidentLine {
    id: String,
    states: String,
    recorded: String,
    trouble: Option<&'static str>,
}

impl IncidentLine {
    pub(crate) fn of(line: Line, zone: &TimeZone) -> Self {
        Self {
            states: line.states.join(", "),
            recorded: moment(line.recorded, zone),
            trouble: line.trouble,
            id: line.id,
        }
    }
}

#[derive(Template)]
#[template(path = "incidents.html")]
pub(crate) struct IncidentsPage {
    pub(crate) frame: Frame,
    pub(crate) lines: Vec<IncidentLine>,
    pub(crate) more: bool,
}

/// A step in words.
pub(crate) struct StepLine {
    when: String,
    who: String,
    step: String,
    rules: String,
}

/// What is owed, in words.
pub(crate) struct OwedLine {
    what: String,
    who: String,
    by: &'static str,
}

#[derive(Template)]
#[template(path = "incident.html")]
pub(crate) struct IncidentPage {
    frame: Frame,
    id: String,
    trace: Option<String>,
    picture: String,
    now: Vec<(String, &'static str, String)>,
    steps: Vec<StepLine>,
    owed: Vec<OwedLine>,
    next: Option<String>,
}

impl IncidentPage {
    pub(crate) fn of(frame: Frame, story: &Story, zone: &TimeZone) -> Self {
        let step = |one: &crate::Passed| StepLine {
            when: exact(one.at, zone),
            who: who(one.child),
            step: match (one.from == one.to, one.reason) {
                (true, _) => format!("{}, again", one.to),
                (false, Some(reason)) => format!("{} to {} ({reason})", one.from, one.to),
                (false, None) => format!("{} to {}", one.from, one.to),
            },
            rules: one.rules.clone(),
        };
        let is = story.bars.iter().filter(|bar| bar.goes_on);
        Self {
            frame,
            id: story.id.clone(),
            trace: story.trace.clone(),
            picture: drawn(story, zone),
            now: is.map(|bar| (who(bar.child), bar.state, took(bar.from, bar.to))).collect(),
            steps: story.passed.iter().map(step).collect(),
            owed: story
                .owed
                .iter()
                .map(|one| OwedLine { what: one.what.clone(), who: who(one.child), by: one.by })
                .collect(),
            next: story.next.map(|at| exact(at, zone)),
        }
    }
}

/// An act of the book.
pub(crate) struct ActLine {
    day: String,
    who: String,
    what: &'static str,
}

impl ActLine {
    pub(crate) fn of(entry: Entry) -> Self {
        let said = ACTS.iter().find(|(act, _)| *act == entry.act).map_or("", |(_, said)| *said);
        Self { day: day(Some(entry.day)), who: entry.actor, what: said }
    }
}

#[derive(Template)]
#[template(path = "acts.html")]
pub(crate) struct ActsPage {
    pub(crate) frame: Frame,
    pub(crate) acts: Vec<ActLine>,
}

#[derive(Template)]
#[template(path = "told.html")]
pub(crate) struct ToldPage {
    pub(crate) frame: Frame,
    pub(crate) how: &'static str,
}
