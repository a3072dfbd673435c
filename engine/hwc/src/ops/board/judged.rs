//! What is thought of what was found, in the board's words: by the same bounds as `hwc check`, and without a number that could tell.

use std::{collections::BTreeMap, fs::File, io::Read as _, path::Path};

use hwc_board::{Age, Count, Erasure, Lessons, Level, Stage, Standing, Stock};
use hwc_jetstream::KeysLeft;
use hwc_schemas::Organisation;
use hwc_telemetry::Word as _;
use hwc_vault::{Directory, Listed};
use hwc_workflow::law::Phase;
use jiff::{Timestamp, ToSpan as _, civil::Date, tz::TimeZone};
use serde::Deserialize;

use super::super::{
    check::{self, Ground, leaves_keys, usual},
    doctor::certificate,
    flight::{Flight, school_start},
    verdict::{self, Bounds, Broker, Erasures},
};
use crate::trace::waits_for;

/// The bounds of `hwc check`, as they are by themselves.
const LESSONS: Bounds = Bounds { warning: 90, critical: 30 };
const ERASING: Bounds = Bounds { warning: 60, critical: 300 };
const ROOM: Bounds = Bounds { warning: 70, critical: 90 };
/// A certificate that runs out within so many days runs out soon.
const SOON_DAYS: i64 = 30;
/// A key of a week is made every seven days.
const WEEKLY_DAYS: i64 = 8;
/// The largest list of members that is read, in bytes.
const MEMBERS_BYTES_MAX: u64 = 4 * 1024 * 1024;

const fn level(level: verdict::Level) -> Level {
    match level {
        verdict::Level::Ok => Level::Fine,
        verdict::Level::Warning => Level::Look,
        verdict::Level::Critical => Level::Urgent,
        verdict::Level::Unknown => Level::Unknown,
    }
}

/// What is to be at a school before the next lessons.
pub(super) fn lessons(flight: &Flight, ground: &Ground) -> Lessons {
    let facts = check::deadlines(flight, &ground.rules, ground.now);
    Lessons {
        next: school_start(&ground.rules, ground.now),
        late: Count::of(facts.late),
        still: Count::of(facts.stand_still),
        level: level(verdict::deadlines(facts, LESSONS).level),
    }
}

/// The states on the way to a school, and those on the way out that anything is in.
pub(super) fn pipeline(flight: &Flight, now: Timestamp) -> Vec<Stage> {
    const WAY: [Phase; 5] =
        [Phase::Recorded, Phase::Screened, Phase::Expanded, Phase::Routed, Phase::Delivered];
    let census = flight.census();
    let stage = |phase: Phase| {
        let found = census.iter().find(|standing| standing.state == phase.word());
        (found.is_some() || WAY.contains(&phase)).then(|| Stage {
            state: phase.word(),
            waits_for: waits_for(phase),
            signals: Count::of(found.map_or(0, |one| one.count)),
            oldest: found.map(|one| Age::of(now.duration_since(one.oldest))),
            is_due: matches!(phase, Phase::Recorded | Phase::Screened | Phase::Expanded),
        })
    };
    let places = Phase::ALL.into_iter().filter(|phase| !matches!(phase, Phase::Unknown | Phase::Purged));
    places.filter_map(stage).collect()
}

/// How the broker is; who leads is said beside it.
pub(super) fn broker(facts: &Broker) -> (Level, &'static str) {
    let facts = Broker { leads: true, ..facts.clone() };
    let level = level(verdict::broker(&facts, ROOM).level);
    let says = match level {
        Level::Fine => "it answers, and has room",
        _ => "it answers; hwc check broker says what is the matter",
    };
    (level, says)
}

/// What is over, and still there.
pub(super) fn erasure(facts: Erasures) -> Erasure {
    Erasure {
        owed: Count::of(facts.owed),
        lag_seconds: (facts.owed > 0).then(|| facts.oldest.as_secs().max(0)),
        orphans: Count::of(facts.orphans),
        amiss: Count::of(facts.overdue.saturating_add(facts.missing)),
        missed: facts.missed,
        level: level(verdict::erasure(facts, ERASING).level),
    }
}

/// The day on which our own certificate runs out.
pub(super) fn own_certificate(keys: &Path) -> Option<Date> {
    let until = certificate::read(keys).ok().flatten()?.until;
    Some(until.to_zoned(TimeZone::UTC).date())
}

/// Since when somebody has its keys, and until when its certificate is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Term {
    since: Option<Date>,
    until: Option<Date>,
}

/// What `hwc operator show -o json` printed; nothing if there is no such file, or it is none.
pub(super) fn members(path: Option<&Path>) -> BTreeMap<String, Term> {
    let mut text = Vec::new();
    let read = path.and_then(|path| File::open(path).ok());
    let read = read.map(|file| file.take(MEMBERS_BYTES_MAX).read_to_end(&mut text));
    if matches!(read, Some(Ok(_))) { terms(&text) } else { BTreeMap::new() }
}

fn terms(text: &[u8]) -> BTreeMap<String, Term> {
    #[derive(Deserialize)]
    struct Shown {
        members: Vec<Member>,
    }
    #[derive(Deserialize)]
    struct Member {
        name: String,
        since: String,
        until: String,
    }
    let Ok(shown) = serde_json::from_slice::<Shown>(text) else { return BTreeMap::new() };
    let term = |one: Member| {
        let day = |text: &str| text.parse().ok();
        (one.name, Term { since: day(&one.since), until: day(&one.until) })
    };
    shown.members.into_iter().map(term).collect()
}

/// What is known of everybody's keys.
pub(super) struct Known<'a> {
    pub(super) directory: &'a Directory,
    pub(super) left: &'a BTreeMap<Organisation, KeysLeft>,
    pub(super) members: &'a BTreeMap<String, Term>,
    /// By this machine's clock: keys and certificates live in the real time.
    pub(super) today: Date,
}

impl Known<'_> {
    /// Everybody, in the order of their names.
    pub(super) fn organisations(&self, connected: impl Fn(&Organisation) -> bool) -> Vec<Standing> {
        self.directory.iter().map(|(one, listed)| self.standing(one, listed, connected(one))).collect()
    }

    fn standing(&self, organisation: &Organisation, listed: &Listed, connected: bool) -> Standing {
        let has_keys = leaves_keys(organisation);
        let left = self.left.get(organisation).copied().unwrap_or_default();
        let stock = match left.one_time {
            _ if !has_keys => Stock::Needless,
            0 => Stock::Empty,
            some if some < usual(organisation) / 4 => Stock::Low,
            _ => Stock::Enough,
        };
        let days = |days: i64| self.today.checked_add(days.days()).unwrap_or(Date::MAX);
        let term = self.members.get(&organisation.to_string());
        let until = term.and_then(|term| term.until);
        Standing {
            organisation: organisation.clone(),
            // Whoever asks for no tasks cannot be seen to ask.
            connected: has_keys.then_some(connected),
            stock,
            weekly_made: left.weekly_made,
            weekly_is_old: left.weekly_made.is_some_and(|made| made < days(-WEEKLY_DAYS)),
            since: term.and_then(|term| term.since),
            until,
            runs_out: until.is_some_and(|until| until <= days(SOON_DAYS)),
            earlier: listed.earlier.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use hwc_vault::{OsChance, SealingKey};
    use jiff::civil::date;

    use super::*;

    #[test]
    fn keys_are_enough_low_or_none_and_old_and_soon_are_said() {
        let mut directory = Directory::with_serial(3);
        let names = ["police-region", "school-01AA00", "school-02BB00", "school-03CC00"];
        for name in names {
            let key = SealingKey::generate(&mut OsChance).ok().unwrap();
            directory.insert(name.parse().unwrap(), key.public_key());
        }
        let left = |one_time, made| KeysLeft { one_time, weekly_made: made };
        let left = BTreeMap::from([
            ("school-01AA00".parse().unwrap(), left(32, Some(date(2026, 11, 20)))),
            ("school-02BB00".parse().unwrap(), left(7, Some(date(2026, 11, 1)))),
        ]);
        let members = terms(
            br#"{"serial":3,"members":[{"name":"school-02BB00","since":"2026-08-24","until":"2026-12-20"},{"name":"school-01AA00","since":"x","until":"2028-01-01"}]}"#,
        );
        let known =
            Known { directory: &directory, left: &left, members: &members, today: date(2026, 11, 23) };
        let all = known.organisations(|one| one.to_string() != "school-03CC00");
        let stocks: Vec<_> = all.iter().map(|one| (one.stock, one.connected)).collect();
        assert_eq!(
            stocks,
            [
                (Stock::Needless, None),
                (Stock::Enough, Some(true)),
                (Stock::Low, Some(true)),
                (Stock::Empty, Some(false))
            ]
        );
        let terms: Vec<_> = all.iter().map(|one| (one.weekly_is_old, one.runs_out)).collect();
        assert_eq!(terms, [(false, false), (false, false), (true, true), (false, false)]);
        assert_eq!((all[1].since, all[2].since), (None, Some(date(2026, 8, 24))));
    }

    #[test]
    fn a_list_of_members_that_is_none_says_nothing() {
        for text in ["", "{}", r#"{"members":[{"name":1}]}"#] {
            assert_eq!(terms(text.as_bytes()), BTreeMap::new());
        }
    }

    #[test]
    fn who_leads_is_not_said_twice() {
        let facts = Broker {
            leads: false,
            engines: 0,
            streams: Vec::new(),
            used: 1,
            shared_out: 100,
            answered_in: jiff::SignedDuration::ZERO,
        };
        assert_eq!(broker(&facts).0, Level::Fine);
        assert_eq!(broker(&Broker { used: 95, ..facts }).0, Level::Urgent);
    }
}
