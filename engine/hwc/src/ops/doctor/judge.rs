//! What is thought of what was found. Nothing here asks anybody.

use jiff::{SignedDuration, Timestamp};

use super::{Finding, certificate::Validity};

/// A clock that is further from the broker's than this is worth a word.
const CLOCK_NEAR: SignedDuration = SignedDuration::from_secs(2);
/// One that is further than this brings letters at the wrong time.
const CLOCK_WRONG: SignedDuration = SignedDuration::from_secs(30);
/// From so long before its end a certificate is worth a word.
const CERTIFICATE_ENDS: SignedDuration = SignedDuration::from_hours(30 * 24);

/// How far this machine's clock is ahead of the broker's, and how far the settings set the engine's apart.
pub(super) fn clock(ahead: SignedDuration, offset_seconds: i64) -> Finding {
    let far = ahead.abs();
    let way = if ahead.is_negative() { "behind" } else { "ahead of" };
    let says = format!("{} {way} the broker's", super::super::said(far));
    if far > CLOCK_WRONG {
        let remedy = "let both machines take their time from NTP: timedatectl set-ntp true";
        return Finding::fails("clock", says, remedy);
    }
    if far > CLOCK_NEAR {
        return Finding::warns("clock", says, "look at both machines with timedatectl");
    }
    if offset_seconds != 0 {
        let says =
            format!("as the broker's; the engine's own is {offset_seconds} s apart, as its settings say");
        return Finding::fine("clock", says);
    }
    Finding::fine("clock", "as the broker's")
}

/// The zone of this machine. The law's is Europe/Amsterdam, whatever it is.
pub(super) fn zone(machine: Option<&str>) -> Finding {
    match machine {
        None => Finding::fine("zone", "the law's is Europe/Amsterdam; this machine says none"),
        Some(zone) if FINE_ZONES.contains(&zone) => {
            Finding::fine("zone", format!("the law's is Europe/Amsterdam; this machine's is {zone}"))
        }
        Some(zone) => Finding::warns(
            "zone",
            format!(
                "this machine's is {zone}; lessons begin at 08:30 in Europe/Amsterdam, which the relay knows by itself"
            ),
            "what else runs here (cron, timers, logs) goes by another morning: timedatectl set-timezone Europe/Amsterdam",
        ),
    }
}

/// Zones by which nobody is led astray.
const FINE_ZONES: [&str; 10] = [
    "Europe/Amsterdam",
    "Europe/Brussels",
    "Europe/Berlin",
    "Europe/Paris",
    "CET",
    "Etc/UTC",
    "UTC",
    "Etc/UCT",
    "Universal",
    "Zulu",
];

/// Our own certificate; none on a connection that is not secured.
pub(super) fn certificate(own: Option<Validity>, now: Timestamp, secured: bool) -> Finding {
    const RENEW: &str = "hwc keys new, then hwc operator rotate (docs/operator.md)";
    let Some(own) = own else {
        return if secured {
            Finding::fails("certificate", "there is no tls.pem", "ask the operator for ca.pem and tls.pem")
        } else {
            Finding::fine("certificate", "none: the broker is on this machine and asks for none")
        };
    };
    let left = own.until.duration_since(now);
    if left <= SignedDuration::ZERO {
        let says = format!("expired on {}", own.until.strftime("%Y-%m-%d"));
        return Finding::fails("certificate", says, RENEW);
    }
    if own.from > now {
        let says = format!("begins on {} only", own.from.strftime("%Y-%m-%d"));
        return Finding::fails(
            "certificate",
            says,
            "is this machine's clock right? Otherwise ask the operator",
        );
    }
    let says = format!("good until {}", own.until.strftime("%Y-%m-%d"));
    if left <= CERTIFICATE_ENDS {
        Finding::warns("certificate", says, RENEW)
    } else {
        Finding::fine("certificate", says)
    }
}

/// Secret files and folders that others can read, with their modes.
pub(super) fn keys(open: &[(String, u32)]) -> Option<Finding> {
    let (path, mode) = open.first()?;
    let others = if open.len() > 1 { format!(", and {} more", open.len() - 1) } else { String::new() };
    let wanted = open.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>().join(" ");
    Some(Finding::fails(
        "keys",
        format!("{path} has mode {mode:04o}, so others can read it{others}"),
        format!("chmod go-rwx {wanted}; if somebody else may have read them: hwc operator rotate --stolen"),
    ))
}

/// How the streams differ from what the settings make; whether an engine leads.
pub(super) fn streams(differences: &[String], leads: bool) -> Finding {
    let (missing, other): (Vec<_>, Vec<_>) =
        differences.iter().partition(|difference| difference.ends_with("is not there"));
    if let Some(first) = other.first() {
        let more = if other.len() > 1 { format!("; and {} more", other.len() - 1) } else { String::new() };
        let remedy =
            "change it back with the nats tool, or start the engine with the settings it was made with";
        return Finding::fails("streams", format!("{first}{more}"), remedy);
    }
    match (missing.first(), leads) {
        (None, _) => Finding::fine("streams", "as these settings make them"),
        (Some(_), false) => {
            let says = format!("{} are not there yet", missing.len());
            Finding::warns("streams", says, "an engine makes them when it leads: start one")
        }
        (Some(first), true) => {
            let remedy = "an engine makes them when it begins to lead: restart it, and read its log";
            Finding::fails("streams", (*first).clone(), remedy)
        }
    }
}

/// Whether an engine leads, and how many answer.
pub(super) fn engine(leader: Option<&str>, answering: usize, replicas: u8) -> Finding {
    match leader {
        None => Finding::warns("engine", "nobody leads", "start one: hwc engine"),
        Some(name) if answering <= 1 && replicas > 1 => {
            let remedy = "start a second one: without it nothing goes on when this machine stops";
            Finding::warns("engine", format!("{name} leads; nobody stands by"), remedy)
        }
        Some(name) => {
            let by = answering.saturating_sub(1);
            Finding::fine("engine", format!("{name} leads; {by} stand by"))
        }
    }
}

/// How old what a municipality imported is.
pub(super) fn imported(at: Option<Timestamp>, now: Timestamp, stale_after_days: u16) -> Finding {
    const IMPORT: &str = "hwc municipality import --full FILE";
    let Some(at) = at else { return Finding::warns("database", "nothing was imported yet", IMPORT) };
    let days = now.duration_since(at).as_hours() / 24;
    let says = format!("pupils were imported {days} days ago");
    if days >= i64::from(stale_after_days) {
        Finding::warns("database", says, IMPORT)
    } else {
        Finding::fine("database", says)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Health, *};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_clock_is_judged_by_how_far_it_is_whichever_way() {
        let health = |seconds| clock(SignedDuration::from_secs(seconds), 0).health;
        assert_eq!(
            [0, -2, 3, -30, 31, -3600].map(health),
            [Health::Ok, Health::Ok, Health::Warn, Health::Warn, Health::Fail, Health::Fail]
        );
        let wrong = clock(SignedDuration::from_secs(-3600), 0);
        assert!(wrong.says.contains("1h behind") && wrong.remedy.unwrap().contains("NTP"));
    }

    #[test]
    fn another_zone_is_worth_a_word_and_never_a_failure() {
        assert_eq!(zone(None).health, Health::Ok);
        assert_eq!(zone(Some("Etc/UTC")).health, Health::Ok);
        assert_eq!(zone(Some("America/New_York")).health, Health::Warn);
    }

    #[test]
    fn a_certificate_is_judged_by_its_day() {
        let own = Validity { from: at("2026-01-01T00:00:00Z"), until: at("2027-01-01T00:00:00Z") };
        let health = |now: &str| certificate(Some(own), at(now), true).health;
        assert_eq!(health("2026-06-01T00:00:00Z"), Health::Ok);
        assert_eq!(health("2026-12-15T00:00:00Z"), Health::Warn);
        assert_eq!(health("2027-01-01T00:00:00Z"), Health::Fail);
        assert_eq!(health("2025-12-31T00:00:00Z"), Health::Fail);
        assert_eq!(certificate(None, own.from, true).health, Health::Fail);
        assert_eq!(certificate(None, own.from, false).health, Health::Ok);
    }

    #[test]
    fn open_files_are_named_with_the_command_that_closes_them() {
        assert_eq!(keys(&[]), None);
        let found = keys(&[("keys/nkey".to_owned(), 0o644), ("keys/seal".to_owned(), 0o640)]).unwrap();
        assert!(found.says.contains("keys/nkey has mode 0644") && found.says.contains("and 1 more"));
        assert!(found.remedy.unwrap().contains("chmod go-rwx keys/nkey keys/seal"));
    }

    #[test]
    fn a_stream_that_differs_fails_and_one_that_nobody_made_yet_does_not() {
        let [differs, missing] = ["TASKS: max age is 1, wanted 2", "TASKS: is not there"].map(str::to_owned);
        assert_eq!(streams(&[], true).health, Health::Ok);
        assert_eq!(streams(std::slice::from_ref(&missing), false).health, Health::Warn);
        assert_eq!(streams(std::slice::from_ref(&missing), true).health, Health::Fail);
        assert_eq!(streams(&[missing, differs], false).health, Health::Fail);
    }

    #[test]
    fn nobody_who_stands_by_matters_where_there_are_servers_to_lose() {
        assert_eq!(engine(None, 0, 3).health, Health::Warn);
        assert_eq!(engine(Some("one"), 1, 3).health, Health::Warn);
        assert_eq!(engine(Some("one"), 1, 1).health, Health::Ok);
        assert_eq!(engine(Some("one"), 2, 3).health, Health::Ok);
    }

    #[test]
    fn an_import_gets_old() {
        let now = at("2026-11-20T00:00:00Z");
        assert_eq!(imported(None, now, 10).health, Health::Warn);
        assert_eq!(imported(Some(at("2026-11-11T00:00:00Z")), now, 10).health, Health::Ok);
        assert_eq!(imported(Some(at("2026-11-10T00:00:00Z")), now, 10).health, Health::Warn);
    }
}
