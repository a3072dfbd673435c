//! What a search came to: for people, as JSON, signed. It holds ids, numbers, times and the names of folders and files; what was
//! looked for it holds not.

use std::fmt::{self, Write as _};

use hwc_schemas::IncidentId;
use hwc_vault::{ReportKey, ReportSigner};
use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::ForgetError;

/// Largest report: more findings are counted, not listed.
pub(super) const REPORT_BYTES_MAX: u64 = 16 * 1024 * 1024;

const KIND: &str = "hwc-forget-report";
const VERSION: u32 = 1;

/// What a search came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Report {
    kind: String,
    version: u32,
    /// When the search began.
    pub(super) at: Timestamp,
    /// Which program searched.
    pub(super) program: String,
    pub(super) endings: EndingsSaid,
    /// How many words were looked for besides.
    pub(super) canaries: usize,
    pub(super) self_test: SelfTest,
    pub(super) searched: Vec<Place>,
    pub(super) verdict: Verdict,
}

/// What is said of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    /// Everything was searched, and nothing is there.
    Nothing,
    /// Something is there.
    Found,
    /// Nothing was found, but not everything could be searched or looked for.
    Incomplete,
}

/// What was looked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EndingsSaid {
    /// Where it was read what ended.
    pub(super) from: String,
    /// When the broker was asked what ended.
    pub(super) read_at: Timestamp,
    /// Incidents that were looked for.
    pub(super) looked_for: usize,
    /// Markers of them.
    pub(super) markers: usize,
    /// When the first of them ended.
    pub(super) first: Option<Timestamp>,
    /// When the last of them ended.
    pub(super) last: Option<Timestamp>,
    /// Not looked for: they ended so lately that they may be on their way off the disks.
    pub(super) too_young: usize,
    /// Not looked for: they ended before tombstones kept markers.
    pub(super) without_markers: usize,
    /// Not looked for: the tombstone cannot be read.
    pub(super) unreadable: usize,
}

/// Whether the search finds what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SelfTest {
    /// Forms in which something was planted.
    pub(super) planted: usize,
    /// Forms in which it was found again.
    pub(super) found: usize,
}

/// What was searched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Place {
    pub(super) what: What,
    /// The folder or file, or the process.
    pub(super) root: String,
    pub(super) files: u64,
    pub(super) bytes: u64,
    /// Files that went away meanwhile.
    pub(super) went_away: u64,
    pub(super) findings: Vec<Finding>,
    /// Findings that are not listed.
    pub(super) more_findings: u64,
    pub(super) unread: Vec<Unread>,
    /// Files that could not be searched and are not listed.
    pub(super) more_unread: u64,
}

/// Whose files they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum What {
    /// A server's.
    Broker,
    /// Logs.
    Logs,
    /// Keys.
    Keys,
    /// Anything else.
    Also,
    /// Deleted, and held open by a process.
    Process,
}

/// Something that should have been gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Finding {
    /// As seen from the place.
    pub(super) path: String,
    /// The first byte; none if it is in the file's name.
    pub(super) offset: Option<u64>,
    /// How it was written.
    pub(super) form: String,
    /// Whose tombstone keeps the marker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) incident: Option<IncidentId>,
    /// Which canary, by its line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) canary: Option<usize>,
}

/// Something that could not be searched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Unread {
    /// As seen from the place.
    pub(super) path: String,
    pub(super) why: String,
}

impl Report {
    /// A report of this moment; its verdict follows from the rest.
    pub(super) fn new(
        at: Timestamp,
        endings: EndingsSaid,
        canaries: usize,
        self_test: SelfTest,
        searched: Vec<Place>,
    ) -> Self {
        let found = searched.iter().any(|place| !place.findings.is_empty() || place.more_findings > 0);
        let is_whole = searched.iter().all(|place| place.unread.is_empty() && place.more_unread == 0)
            && self_test.planted == self_test.found
            && endings.without_markers == 0
            && endings.unreadable == 0;
        let verdict = match (found, is_whole) {
            (true, _) => Verdict::Found,
            (false, true) => Verdict::Nothing,
            (false, false) => Verdict::Incomplete,
        };
        let program = format!("hwc {}", env!("CARGO_PKG_VERSION"));
        Self {
            kind: KIND.to_owned(),
            version: VERSION,
            at,
            program,
            endings,
            canaries,
            self_test,
            searched,
            verdict,
        }
    }
}

/// A report with its signature, as it lies in a file: one object of JSON. The signature is over the very bytes of `report`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Signed {
    report: Box<RawValue>,
    /// Who signed it.
    signer: Option<String>,
    /// Hexadecimal digits.
    signature: Option<String>,
}

impl Signed {
    /// Writes a report, and signs it if there is a key.
    pub(super) fn new(report: &Report, key: Option<&ReportKey>) -> Result<Self, ForgetError> {
        let report = serde_json::value::to_raw_value(report)?;
        let signature = key.map(|key| key.sign(report.get().as_bytes())).transpose()?;
        Ok(Self { report, signer: key.map(|key| key.signer().to_string()), signature })
    }

    /// Reads one; none if it is none.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// Whether they signed it, and it is as it was.
    pub(super) fn is_by(&self, signer: &ReportSigner) -> bool {
        let signature = self.signature.as_deref();
        signature.is_some_and(|signature| signer.signed(self.report.get().as_bytes(), signature))
    }

    /// What it says, if this program can read it.
    pub(super) fn report(&self) -> Option<Report> {
        let report: Report = serde_json::from_str(self.report.get()).ok()?;
        (report.kind == KIND && report.version == VERSION).then_some(report)
    }

    /// Its very words.
    pub(super) fn words(&self) -> &str {
        self.report.get()
    }

    /// As it is written to a file.
    pub(super) fn line(&self) -> Result<String, ForgetError> {
        Ok(serde_json::to_string(self)? + "\n")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let EndingsSaid { from, read_at, looked_for, markers, .. } = &self.endings;
        writeln!(f, "made       {} by {}", local(self.at), self.program)?;
        writeln!(
            f,
            "endings    {looked_for} incidents, {markers} markers, read from {from} at {}",
            local(*read_at)
        )?;
        if let (Some(first), Some(last)) = (self.endings.first, self.endings.last) {
            writeln!(f, "           that ended from {} to {}", local(first), local(last))?;
        }
        for (number, why) in [
            (self.endings.too_young, "ended so lately that it may still be on its way off the disks"),
            (
                self.endings.without_markers,
                "ended before tombstones kept markers: say --since to leave them out",
            ),
            (self.endings.unreadable, "has a tombstone that cannot be read"),
        ] {
            if number > 0 {
                writeln!(f, "           NOT looked for: {number} that {why}")?;
            }
        }
        writeln!(f, "canaries   {}", self.canaries)?;
        writeln!(
            f,
            "self test  {} of {} planted forms were found",
            self.self_test.found, self.self_test.planted
        )?;
        for place in &self.searched {
            place.write(f)?;
        }
        f.write_str(match self.verdict {
            Verdict::Nothing => "verdict    nothing found\n",
            Verdict::Found => "verdict    FOUND: something that should be gone is there\n",
            Verdict::Incomplete => "verdict    INCOMPLETE: nothing found, but not everything was searched\n",
        })
    }
}

impl Place {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.what {
            What::Broker => "broker",
            What::Logs => "logs",
            What::Keys => "keys",
            What::Also => "also",
            What::Process => "process",
        };
        write!(f, "searched   {what} {}: {} files, {}", self.root, self.files, size(self.bytes))?;
        if self.went_away > 0 {
            write!(f, "; {} went away meanwhile", self.went_away)?;
        }
        f.write_char('\n')?;
        for Finding { path, offset, form, incident, canary } in &self.findings {
            let at = offset.map_or_else(|| "in the name of".to_owned(), |at| format!("at byte {at} of"));
            let of = match (incident, canary) {
                (Some(incident), _) => format!("of incident {incident}"),
                (None, Some(canary)) => format!("canary {canary}"),
                (None, None) => String::new(),
            };
            writeln!(f, "  FOUND    {at} {path}: {of} ({form})")?;
        }
        if self.more_findings > 0 {
            writeln!(f, "  FOUND    {} more", self.more_findings)?;
        }
        for Unread { path, why } in &self.unread {
            writeln!(f, "  UNREAD   {path}: {why}")?;
        }
        if self.more_unread > 0 {
            writeln!(f, "  UNREAD   {} more", self.more_unread)?;
        }
        Ok(())
    }
}

fn local(at: Timestamp) -> String {
    let zone = TimeZone::get("Europe/Amsterdam").unwrap_or(TimeZone::UTC);
    at.to_zoned(zone).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// As people say it, rounded up.
fn size(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} bytes"),
        10_000..10_000_000 => format!("{} kB", bytes.div_ceil(1_000)),
        _ => format!("{} MB", bytes.div_ceil(1_000_000)),
    }
}
