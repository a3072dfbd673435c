//! What a monitoring program hears: one level, one sentence, and figures, in the form that its plug-ins have.

use std::fmt::{self, Write as _};

use hwc_jetstream::StreamKept;
use jiff::SignedDuration;
use serde::Serialize;

/// How it is; worse is greater, but for *unknown*, which is neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Level {
    Ok = 0,
    Warning = 1,
    Critical = 2,
    Unknown = 3,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
            Self::Unknown => "UNKNOWN",
        })
    }
}

/// One figure, with the bounds that it was judged by.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Figure {
    pub(super) name: String,
    pub(super) value: f64,
    pub(super) unit: &'static str,
    pub(super) warning: Option<f64>,
    pub(super) critical: Option<f64>,
}

/// What is thought of something.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Verdict {
    pub(super) check: &'static str,
    pub(super) level: Level,
    pub(super) says: String,
    pub(super) figures: Vec<Figure>,
}

impl Figure {
    fn plain(name: &str, value: u64) -> Self {
        // Far below where a count would lose a digit.
        #[expect(clippy::cast_precision_loss, reason = "a figure for a graph")]
        let value = value as f64;
        Self { name: name.to_owned(), value, unit: "", warning: None, critical: None }
    }

    const fn of(mut self, unit: &'static str) -> Self {
        self.unit = unit;
        self
    }

    const fn bound(mut self, warning: f64, critical: f64) -> Self {
        (self.warning, self.critical) = (Some(warning), Some(critical));
        self
    }

    fn seconds(name: &str, duration: SignedDuration) -> Self {
        let value = duration.as_secs_f64().max(0.0).round();
        Self { name: name.to_owned(), value, unit: "s", warning: None, critical: None }
    }
}

impl Verdict {
    fn new(check: &'static str, says: impl Into<String>) -> Self {
        Self { check, level: Level::Ok, says: says.into(), figures: Vec::new() }
    }

    /// Something that could not be found out.
    pub(super) fn unknown(check: &'static str, why: impl fmt::Display) -> Self {
        Self { level: Level::Unknown, ..Self::new(check, why.to_string()) }
    }

    /// Something that is bad enough by itself.
    pub(super) fn critical(check: &'static str, why: impl fmt::Display) -> Self {
        Self { level: Level::Critical, ..Self::new(check, why.to_string()) }
    }

    /// It is at least so bad, for this reason.
    fn worse(&mut self, level: Level, why: &str) {
        if self.level == Level::Ok {
            why.clone_into(&mut self.says);
        } else {
            let _ = write!(self.says, "; {why}");
        }
        self.level = self.level.max(level);
    }

    /// One line, as monitoring plug-ins write it.
    pub(super) fn line(&self) -> String {
        let bound = |bound: Option<f64>| bound.map(|bound| bound.to_string()).unwrap_or_default();
        let figures = self.figures.iter().map(|one| {
            let (warning, critical) = (bound(one.warning), bound(one.critical));
            format!("{}={}{};{warning};{critical};0;", one.name, one.value, one.unit)
        });
        let figures = figures.collect::<Vec<_>>().join(" ");
        // What stands behind a bar is for the machine.
        let says = self.says.replace(['|', '\n'], " ");
        format!("{} {} - {says} | {figures}\n", self.check.to_uppercase(), self.level)
    }
}

/// From how much on something is said.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) warning: u32,
    pub(super) critical: u32,
}

/// What is known of the next lessons.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadlines {
    /// Not at a school yet.
    pub(super) undelivered: u64,
    /// Of those, what waits for its school's own day: nobody need do anything.
    pub(super) held: u64,
    /// Not at a school when the lessons began.
    pub(super) late: u64,
    /// Incidents whose own deadline passed and nothing happened.
    pub(super) stand_still: u64,
    /// Until the next lessons; none if no listed school year says so.
    pub(super) until_start: Option<SignedDuration>,
}

/// R17: everything is at its school before the lessons begin. The bounds are minutes before that.
pub(super) fn deadlines(facts: Deadlines, bounds: Bounds) -> Verdict {
    let open = facts.undelivered.saturating_sub(facts.held);
    let mut verdict = Verdict::new("deadlines", format!("{open} on the way, none late"));
    if facts.late > 0 {
        verdict.worse(Level::Critical, &format!("{} not at a school when the lessons began", facts.late));
    }
    if facts.stand_still > 0 {
        let why = format!("{} stand still: does an engine lead? hwc status", facts.stand_still);
        verdict.worse(Level::Critical, &why);
    }
    match facts.until_start {
        None => verdict.worse(
            Level::Critical,
            "no listed school year says when the next lessons are: holidays.json needs the next year",
        ),
        Some(until) if open > 0 => {
            let minutes = |minutes: u32| SignedDuration::from_mins(minutes.into());
            let why = format!("{open} not at a school {} before the lessons", super::said(until));
            if until <= minutes(bounds.critical) {
                verdict.worse(Level::Critical, &why);
            } else if until <= minutes(bounds.warning) {
                verdict.worse(Level::Warning, &why);
            }
        }
        Some(_) => {}
    }
    verdict.figures = vec![
        Figure::plain("on_the_way", open),
        Figure::plain("held", facts.held),
        Figure::plain("late", facts.late).bound(0.0, 0.0),
        Figure::plain("stand_still", facts.stand_still).bound(0.0, 0.0),
    ];
    verdict.figures.extend(facts.until_start.map(|until| Figure::seconds("until_lessons", until)));
    verdict
}

/// What is known of erasing.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Erasures {
    /// Owed and not done.
    pub(super) owed: u64,
    /// Since when the oldest of them is.
    pub(super) oldest: SignedDuration,
    /// Ciphertexts that no event points to and that the sweeper should have taken.
    pub(super) orphans: u64,
    /// Ciphertexts past the last moment that the broker may have them.
    pub(super) overdue: u64,
    /// Ciphertexts that the journal holds and the broker does not have.
    pub(super) missing: u64,
    /// Streams of which a server missed an erasure.
    pub(super) missed: u64,
}

/// R23: what is over is erased at once. The bounds are seconds that an erasure may be owed.
pub(super) fn erasure(facts: Erasures, bounds: Bounds) -> Verdict {
    let mut verdict = Verdict::new("erasure", format!("{} under way, none behind", facts.owed));
    let seconds = |seconds: u32| SignedDuration::from_secs(seconds.into());
    if facts.owed > 0 && facts.oldest > seconds(bounds.warning) {
        let level = if facts.oldest > seconds(bounds.critical) { Level::Critical } else { Level::Warning };
        verdict.worse(level, &format!("an erasure is owed since {}", super::said(facts.oldest)));
    }
    if facts.overdue > 0 {
        let why = format!("{} ciphertexts are older than they may ever be", facts.overdue);
        verdict.worse(Level::Critical, &why);
    }
    if facts.missing > 0 {
        let why = format!("{} ciphertexts are held and not there: hwc dead-letters list", facts.missing);
        verdict.worse(Level::Critical, &why);
    }
    if facts.orphans > 0 {
        verdict.worse(Level::Warning, &format!("{} orphans that nobody swept", facts.orphans));
    }
    if facts.missed > 0 {
        verdict.worse(
            Level::Warning,
            &format!("{} streams wait for a server that missed an erasure", facts.missed),
        );
    }
    let (warning, critical) = (f64::from(bounds.warning), f64::from(bounds.critical));
    verdict.figures = vec![
        Figure::plain("owed", facts.owed),
        Figure::seconds("oldest", facts.oldest).bound(warning, critical),
        Figure::plain("orphans", facts.orphans),
        Figure::plain("overdue", facts.overdue).bound(0.0, 0.0),
        Figure::plain("missing", facts.missing).bound(0.0, 0.0),
        Figure::plain("missed_streams", facts.missed),
    ];
    verdict
}

/// What is known of one-time keys and certificates.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keys {
    /// Organisations that leave keys.
    pub(super) organisations: u64,
    /// Of them, those of which none is left.
    pub(super) empty: u64,
    /// Of them, those of which few are left.
    pub(super) low: u64,
    /// The fewest of any.
    pub(super) lowest: u64,
    /// Until our own certificate runs out; none without one.
    pub(super) certificate: Option<SignedDuration>,
}

/// One-time keys in stock, and our certificate. The bounds are days that the certificate still runs.
pub(super) fn keys(facts: Keys, bounds: Bounds) -> Verdict {
    let mut verdict =
        Verdict::new("keys", format!("{} organisations have keys in stock", facts.organisations));
    if facts.empty > 0 {
        let why = format!(
            "{} of {} organisations have no one-time key left: is their program running?",
            facts.empty, facts.organisations
        );
        verdict.worse(Level::Warning, &why);
    }
    if facts.low > 0 {
        verdict.worse(Level::Warning, &format!("{} organisations have few left", facts.low));
    }
    if let Some(left) = facts.certificate {
        let days = |days: u32| SignedDuration::from_hours(24 * i64::from(days));
        let why = if left <= SignedDuration::ZERO {
            "our certificate has expired".to_owned()
        } else {
            format!("our certificate runs out in {}", super::said(left))
        };
        if left <= days(bounds.critical) {
            verdict.worse(Level::Critical, &why);
        } else if left <= days(bounds.warning) {
            verdict.worse(Level::Warning, &why);
        }
    }
    verdict.figures = vec![
        Figure::plain("organisations", facts.organisations),
        Figure::plain("empty", facts.empty),
        Figure::plain("lowest", facts.lowest),
    ];
    verdict.figures.extend(facts.certificate.map(|left| Figure::seconds("certificate", left)));
    verdict
}

/// What is known of the broker.
#[derive(Debug, Clone)]
pub(super) struct Broker {
    pub(super) leads: bool,
    /// Engines that answer, the leader included.
    pub(super) engines: usize,
    pub(super) streams: Vec<StreamKept>,
    /// Bytes that are used, of those that are shared out.
    pub(super) used: u64,
    pub(super) shared_out: u64,
    pub(super) answered_in: SignedDuration,
}

/// Whether the broker can be worked with. The bounds are hundredths of the room that is shared out.
pub(super) fn broker(facts: &Broker, bounds: Bounds) -> Verdict {
    let servers = facts.streams.iter().map(|stream| stream.servers).max().unwrap_or_default();
    let mut verdict = Verdict::new(
        "broker",
        format!("{} streams on {servers} servers, {} engines", facts.streams.len(), facts.engines),
    );
    let count = |which: fn(&StreamKept) -> bool| facts.streams.iter().filter(|stream| which(stream)).count();
    if !facts.leads {
        verdict.worse(Level::Critical, "no engine leads");
    }
    let unled = count(|stream| !stream.is_led);
    if unled > 0 {
        verdict.worse(Level::Critical, &format!("{unled} streams have no leader: are most servers away?"));
    }
    let behind = count(|stream| stream.behind > 0);
    if behind > 0 {
        verdict.worse(Level::Warning, &format!("{behind} streams have a server that is away or behind"));
    }
    if facts.leads && facts.engines == 1 && servers > 1 {
        verdict.worse(Level::Warning, "no engine stands by");
    }
    let full = u64::from(bounds.critical.min(100));
    let percent = (facts.used.saturating_mul(100)).checked_div(facts.shared_out).unwrap_or_default();
    let why = format!("{percent} % of the room is used");
    if percent >= full {
        verdict.worse(Level::Critical, &why);
    } else if percent >= u64::from(bounds.warning) {
        verdict.worse(Level::Warning, &why);
    }
    verdict.figures = vec![
        Figure::plain("used", facts.used).of("B"),
        Figure::plain("room", percent).of("%").bound(f64::from(bounds.warning), f64::from(bounds.critical)),
        Figure::plain("engines", facts.engines as u64),
        Figure::plain("behind", behind as u64),
        Figure {
            value: (facts.answered_in.as_secs_f64() * 1000.0).round() / 1000.0,
            ..Figure::seconds("answer", facts.answered_in)
        },
    ];
    verdict
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTES: Bounds = Bounds { warning: 90, critical: 30 };

    fn calm() -> Deadlines {
        let until_start = Some(SignedDuration::from_hours(10));
        Deadlines { undelivered: 3, held: 1, late: 0, stand_still: 0, until_start }
    }

    #[test]
    fn the_nearer_the_lessons_the_worse_is_what_no_school_has() {
        let level = |minutes| {
            let until_start = Some(SignedDuration::from_mins(minutes));
            deadlines(Deadlines { until_start, ..calm() }, MINUTES).level
        };
        assert_eq!(
            [600, 91, 90, 31, 30, 0].map(level),
            [Level::Ok, Level::Ok, Level::Warning, Level::Warning, Level::Critical, Level::Critical]
        );
    }

    #[test]
    fn what_waits_for_its_schools_own_day_worries_nobody() {
        let facts = Deadlines { held: 3, until_start: Some(SignedDuration::from_mins(1)), ..calm() };
        assert_eq!(deadlines(facts, MINUTES).level, Level::Ok);
    }

    #[test]
    fn late_standing_still_and_no_school_year_are_each_critical_and_all_said() {
        for facts in [
            Deadlines { late: 1, ..calm() },
            Deadlines { stand_still: 1, ..calm() },
            Deadlines { until_start: None, ..calm() },
        ] {
            assert_eq!(deadlines(facts, MINUTES).level, Level::Critical);
        }
        let all = deadlines(Deadlines { late: 1, stand_still: 2, until_start: None, ..calm() }, MINUTES);
        assert!(all.says.contains("when the lessons began; 2 stand still"), "{}", all.says);
        assert!(all.says.contains("holidays.json"), "{}", all.says);
    }

    #[test]
    fn an_erasure_that_is_owed_for_long_is_said_and_one_of_a_moment_ago_is_not() {
        let bounds = Bounds { warning: 60, critical: 300 };
        let level = |seconds| {
            let facts =
                Erasures { owed: 1, oldest: SignedDuration::from_secs(seconds), ..Erasures::default() };
            erasure(facts, bounds).level
        };
        assert_eq!([3, 61, 301].map(level), [Level::Ok, Level::Warning, Level::Critical]);
        for (facts, worst) in [
            (Erasures { orphans: 1, ..Erasures::default() }, Level::Warning),
            (Erasures { missed: 1, ..Erasures::default() }, Level::Warning),
            (Erasures { overdue: 1, ..Erasures::default() }, Level::Critical),
            (Erasures { missing: 1, ..Erasures::default() }, Level::Critical),
        ] {
            assert_eq!(erasure(facts, bounds).level, worst);
        }
    }

    #[test]
    fn an_empty_stock_is_a_warning_and_a_certificate_about_to_expire_is_worse() {
        let bounds = Bounds { warning: 30, critical: 7 };
        let facts = Keys { organisations: 4, empty: 0, low: 0, lowest: 30, certificate: None };
        assert_eq!(keys(facts, bounds).level, Level::Ok);
        assert_eq!(keys(Keys { empty: 1, ..facts }, bounds).level, Level::Warning);
        assert_eq!(keys(Keys { low: 1, ..facts }, bounds).level, Level::Warning);
        let level = |days: i64| {
            let certificate = Some(SignedDuration::from_hours(24 * days));
            keys(Keys { certificate, ..facts }, bounds).level
        };
        assert_eq!(
            [365, 30, 7, -1].map(level),
            [Level::Ok, Level::Warning, Level::Critical, Level::Critical]
        );
    }

    fn fine() -> Broker {
        let stream = StreamKept {
            name: "JOURNAL".to_owned(),
            messages: 1,
            bytes: 1,
            servers: 3,
            is_led: true,
            behind: 0,
            missed: 0,
        };
        Broker {
            leads: true,
            engines: 2,
            streams: vec![stream],
            used: 10,
            shared_out: 100,
            answered_in: SignedDuration::from_millis(3),
        }
    }

    #[test]
    fn nobody_who_leads_no_quorum_and_no_room_are_critical_and_one_server_behind_is_not() {
        let bounds = Bounds { warning: 70, critical: 90 };
        let level = |change: fn(&mut Broker)| {
            let mut facts = fine();
            change(&mut facts);
            broker(&facts, bounds).level
        };
        assert_eq!(level(|_| {}), Level::Ok);
        assert_eq!(level(|facts| facts.leads = false), Level::Critical);
        assert_eq!(level(|facts| facts.streams[0].is_led = false), Level::Critical);
        assert_eq!(level(|facts| facts.streams[0].behind = 1), Level::Warning);
        assert_eq!(level(|facts| facts.engines = 1), Level::Warning);
        assert_eq!(level(|facts| facts.used = 70), Level::Warning);
        assert_eq!(level(|facts| facts.used = 90), Level::Critical);
    }

    #[test]
    fn a_verdict_is_one_line_with_figures_and_nothing_of_it_reads_as_more() {
        let verdict = broker(&fine(), Bounds { warning: 70, critical: 90 });
        assert_eq!(
            verdict.line(),
            "BROKER OK - 1 streams on 3 servers, 2 engines | used=10B;;;0; room=10%;70;90;0; engines=2;;;0; behind=0;;;0; \
             answer=0.003s;;;0;\n"
        );
        let odd = Verdict::unknown("keys", "a | b\nc");
        assert_eq!(odd.line(), "KEYS UNKNOWN - a   b c | \n");
    }
}
