//! `hwc forget verify`: looks in files for everything that ended.

use std::{collections::BTreeSet, path::PathBuf};

use clap::ArgGroup;
use hwc_residue::{Disguises, Found, Search, Searched, Sought};
use hwc_schemas::IncidentId;
use hwc_vault::ReportKey;
use jiff::{SignedDuration, Timestamp};
use zeroize::Zeroizing;

use super::{
    ForgetError, From,
    endings::{Choice, Chosen, Endings},
    moment,
    report::{EndingsSaid, Finding, Place, Report, Signed, Unread, What},
    self_test::Plants,
    whole, write_new,
};
use crate::{
    cli::{self, Output},
    exit::Code,
};

/// Markers that are looked for at once: some hundred thousand incidents, in half a gigabyte of memory.
const MARKERS_AT_ONCE_MAX: usize = 1_000_000;

/// Largest file of canaries.
const CANARIES_BYTES_MAX: u64 = 1 << 20;

/// Fewest characters of a canary here: in gigabytes fewer would be found by chance.
const CANARY_CHARS_MIN: usize = 6;

#[derive(Debug, clap::Args)]
#[command(group(ArgGroup::new("places").required(true).multiple(true)
    .args(["broker", "logs", "keys", "also", "pid"])))]
pub(super) struct Arguments {
    #[command(flatten)]
    from: From,
    /// What ended, as `hwc forget markers` wrote it down; the broker is not asked.
    #[arg(long, value_name = "FILE")]
    offline: Option<PathBuf>,
    /// A server's folder: blocks, Raft logs, snapshots, indexes; once for each server.
    #[arg(long, value_name = "DIR")]
    broker: Vec<PathBuf>,
    /// Logs: a folder or a file.
    #[arg(long, value_name = "PATH")]
    logs: Vec<PathBuf>,
    /// A folder with keys.
    #[arg(long, value_name = "DIR")]
    keys: Vec<PathBuf>,
    /// Anything else: a state folder, a backup.
    #[arg(long, value_name = "PATH")]
    also: Vec<PathBuf>,
    /// A process whose deleted but open files are searched too, a server's for example.
    #[arg(long, value_name = "NUMBER")]
    pid: Vec<u32>,
    /// Words that must be nowhere either, one on each line; none of them is repeated.
    #[arg(long, value_name = "FILE")]
    canaries: Option<PathBuf>,
    /// Only what ended from this day or moment on.
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    since: Option<Timestamp>,
    /// Only what ended before this day or moment.
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    until: Option<Timestamp>,
    /// What ended more lately is not looked for: on three servers it may take four minutes.
    #[arg(long, value_name = "MINUTES", default_value_t = 5)]
    settled_minutes: u16,
    /// The key to sign the report with.
    #[arg(long, value_name = "FILE")]
    sign: Option<PathBuf>,
    /// Writes the report there, with its signature.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// How to print it.
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

/// Whose marker each is.
struct Sheet {
    markers: Vec<[u8; 16]>,
    incidents: Vec<IncidentId>,
}

impl Sheet {
    fn of(chosen: &Chosen) -> Result<Self, ForgetError> {
        let all: usize = chosen.endings.iter().map(|(_, markers)| markers.len()).sum();
        if all > MARKERS_AT_ONCE_MAX {
            return Err(ForgetError::TooMany(all));
        }
        let (mut markers, mut incidents) = (Vec::with_capacity(all + 1), Vec::with_capacity(all));
        for (incident, of) in &chosen.endings {
            markers.extend(of.iter().map(|marker| *marker.as_bytes()));
            incidents.extend(std::iter::repeat_n(*incident, of.len()));
        }
        Ok(Self { markers, incidents })
    }
}

pub(super) async fn run(arguments: &Arguments) -> Result<Code, ForgetError> {
    // Before an hour of searching, not after it.
    let key = arguments.sign.as_deref().map(ReportKey::load).transpose()?;
    let canaries = Canaries::read(arguments.canaries.as_ref())?;
    let endings = match &arguments.offline {
        Some(file) => Endings::read(file)?,
        None => Endings::ask(&arguments.from.common()).await?,
    };
    let report = search(arguments, endings, canaries)?;
    let signed = Signed::new(&report, key.as_ref())?;
    if let Some(path) = &arguments.report {
        write_new(path, signed.line()?.as_bytes(), 0o644)?;
    }
    cli::print(&match arguments.output {
        Output::Text => report.to_string(),
        Output::Json => signed.line()?,
    });
    Ok(report.verdict.into())
}

fn search(arguments: &Arguments, endings: Endings, canaries: Canaries) -> Result<Report, ForgetError> {
    let at = Timestamp::now();
    let (from, read_at) = (endings.from.clone(), endings.read_at);
    let chosen = endings.choose(Choice {
        since: arguments.since,
        until: arguments.until,
        settled_for: SignedDuration::from_mins(arguments.settled_minutes.into()),
    });
    let Sheet { mut markers, incidents } = Sheet::of(&chosen)?;
    let plants = Plants::new();
    markers.push(plants.marker);
    let lines = canaries.lines.clone();
    let search = Search::new(&markers, canaries.and(&plants.canary)?);
    let self_test = plants.tried(&search, incidents.len(), lines.len()).map_err(ForgetError::NoTrial)?;
    let named = Named { incidents: &incidents, lines: &lines };
    let folders = [
        (What::Broker, &arguments.broker),
        (What::Logs, &arguments.logs),
        (What::Keys, &arguments.keys),
        (What::Also, &arguments.also),
    ];
    let folders =
        folders.into_iter().flat_map(|(what, places)| places.iter().map(move |place| (what, place)));
    let mut searched: Vec<_> = folders
        .map(|(what, place)| named.place(what, place.display().to_string(), search.below(place)))
        .collect();
    let processes = arguments.pid.iter();
    searched
        .extend(processes.map(|pid| named.place(What::Process, pid.to_string(), search.deleted_of(*pid))));
    let said = EndingsSaid {
        from,
        read_at,
        looked_for: chosen.endings.len(),
        markers: incidents.len(),
        first: chosen.period.map(|(first, _)| first),
        last: chosen.period.map(|(_, last)| last),
        too_young: chosen.too_young,
        without_markers: chosen.without_markers,
        unreadable: chosen.unreadable,
    };
    Ok(Report::new(at, said, lines.len(), self_test, searched))
}

/// The words to look for. They may be a child's: wiped when dropped, and never shown.
struct Canaries {
    path: PathBuf,
    words: Vec<Zeroizing<String>>,
    /// The line of each.
    lines: Vec<usize>,
}

impl Canaries {
    fn read(path: Option<&PathBuf>) -> Result<Self, ForgetError> {
        let Some(path) = path else {
            return Ok(Self { path: PathBuf::new(), words: Vec::new(), lines: Vec::new() });
        };
        let unusable = |problem: String| ForgetError::Unusable { path: path.clone(), problem };
        let bytes = Zeroizing::new(whole(path, CANARIES_BYTES_MAX)?);
        let text = std::str::from_utf8(&bytes).map_err(|_| unusable("not text in UTF-8".to_owned()))?;
        let (mut words, mut lines) = (Vec::new(), Vec::new());
        for (number, line) in (1..).zip(text.lines().map(str::trim)).filter(|(_, line)| !line.is_empty()) {
            if line.chars().count() < CANARY_CHARS_MIN {
                let problem = format!(
                    "line {number} has fewer than {CANARY_CHARS_MIN} characters, which would be found by chance"
                );
                return Err(unusable(problem));
            }
            words.push(Zeroizing::new(line.to_owned()));
            lines.push(number);
        }
        Ok(Self { path: path.clone(), words, lines })
    }

    /// These and one more.
    fn and(self, one_more: &str) -> Result<Disguises, ForgetError> {
        let Self { path, words, .. } = self;
        let all: Vec<&str> = words.iter().map(|word| word.as_str()).chain([one_more]).collect();
        Disguises::new(&all).map_err(|problem| ForgetError::Canaries { path, problem })
    }
}

/// What the report calls what was found.
struct Named<'a> {
    incidents: &'a [IncidentId],
    lines: &'a [usize],
}

impl Named<'_> {
    fn place(&self, what: What, root: String, searched: Searched) -> Place {
        let Searched { files, bytes, went_away, found, found_more, unread, unread_more } = searched;
        // Several markers of one incident in one file are one finding, at the first of them.
        let mut seen = BTreeSet::new();
        let mut findings = Vec::new();
        for one in found {
            let finding = self.finding(&one);
            if seen.insert((one.file, finding.incident, finding.canary, one.form)) {
                findings.push(finding);
            }
        }
        let unread = unread
            .into_iter()
            .map(|hwc_residue::Unread { file, why }| Unread { path: file.display().to_string(), why });
        Place {
            what,
            root,
            files,
            bytes,
            went_away,
            findings,
            more_findings: found_more,
            unread: unread.collect(),
            more_unread: unread_more,
        }
    }

    fn finding(&self, found: &Found) -> Finding {
        let (incident, canary) = match found.sought {
            Sought::Marker(number) => (self.incidents.get(number).copied(), None),
            Sought::Canary(number) => (None, self.lines.get(number).copied()),
        };
        Finding {
            path: found.file.display().to_string(),
            offset: found.at,
            form: found.form.word().to_owned(),
            incident,
            canary,
        }
    }
}
