//! A region as files: its policy and who takes part (`region.toml`), its holidays (`holidays.json`) and the schools' own closed
//! days (`closed-days.csv`). A dataset has them, and so has every process that decides by them.

use std::{
    collections::BTreeSet,
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use hwc_adapter_kit::table::{self, TABLE_BYTES_MAX, TableError};
use hwc_casework::routing::SchoolCode;
use hwc_schemas::{
    Organisation,
    person::{FieldError, Synthetic, civil_date},
    report::MunicipalityCode,
};
use hwc_workflow::{
    calendar::{Calendar, Feed, HolidayRegion, Zone},
    policy::{Policy, PolicySettings},
    retention::RetentionSettings,
};
use jiff::civil::{Date, Time};
use serde::Deserialize;

use crate::settings::strict::{self, Misplaced};

/// Largest `region.toml`, in bytes.
const SETTINGS_BYTES_MAX: usize = 1024 * 1024;

/// A region, read and checked.
pub(crate) struct Region {
    pub(crate) name: String,
    pub(crate) synthetic: Option<Synthetic>,
    pub(crate) zone: Zone,
    pub(crate) policy: Policy,
    pub(crate) calendar: Calendar,
    /// Where a child must live (R15).
    pub(crate) participating: BTreeSet<MunicipalityCode>,
    /// Where a school must lie (R15).
    pub(crate) municipalities: BTreeSet<MunicipalityCode>,
}

/// A region that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RegionError {
    /// A file is not there or cannot be read.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is larger than this program reads.
    #[error("{path}: larger than such a file may be ({bytes_max} bytes)")]
    TooLarge {
        /// Which.
        path: PathBuf,
        /// The bound.
        bytes_max: usize,
    },
    /// A row of a CSV file.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A setting.
    #[error("region.toml {0}")]
    Setting(#[from] Misplaced),
    /// The holidays.
    #[error("holidays.json: {0}")]
    Holidays(String),
    /// The program's own time zone table.
    #[error("this program was built without the time zone Europe/Amsterdam")]
    Zone,
}

impl Region {
    /// Reads a folder.
    pub(crate) fn read(folder: &Path) -> Result<Self, RegionError> {
        let settings = settings(&file(folder, "region.toml", SETTINGS_BYTES_MAX)?)?;
        let zone = Zone::amsterdam().map_err(|_| RegionError::Zone)?;
        let feed = Feed::parse(&file(folder, "holidays.json", Feed::BYTES_MAX)?, &zone)
            .map_err(|error| RegionError::Holidays(error.to_string()))?;
        let closed = if folder.join("closed-days.csv").exists() {
            closed_days(&file(folder, "closed-days.csv", TABLE_BYTES_MAX)?)?
        } else {
            Vec::new()
        };
        let calendar = Calendar::new(zone.clone(), settings.holiday_region, &feed)
            .with_closed_days(settings.extra_closed_days)
            .with_own_closed_days(closed);
        Ok(Self {
            name: settings.name,
            synthetic: Synthetic::declared(settings.synthetic),
            zone,
            policy: settings.policy,
            calendar,
            participating: settings.participating,
            municipalities: settings.region,
        })
    }
}

/// The content of a file of the folder, if it is no larger than such a file may be, in bytes.
pub(crate) fn file(folder: &Path, name: &str, bytes_max: usize) -> Result<Vec<u8>, RegionError> {
    let path = folder.join(name);
    let mut bytes = Vec::new();
    let file = File::open(&path).map_err(|source| RegionError::File { path: path.clone(), source })?;
    let read = file.take(bytes_max as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|source| RegionError::File { path: path.clone(), source })?;
    if bytes.len() > bytes_max { Err(RegionError::TooLarge { path, bytes_max }) } else { Ok(bytes) }
}

/// `closed-days.csv`: a school's own closed days (R19).
fn closed_days(bytes: &[u8]) -> Result<Vec<(Organisation, Date)>, TableError> {
    table::read("closed-days.csv", bytes, &["brin", "location", "date"], |row| {
        let code = SchoolCode::parse(row.get("brin"), row.get("location"))
            .map_err(|error| row.refuse_field(&error))?;
        let school =
            hwc_municipality::school(code).ok_or_else(|| row.refuse("brin", "is no school's code"))?;
        let date = civil_date(row.get("date"))
            .ok_or_else(|| row.refuse("date", "is not a date written YYYY-MM-DD"))?;
        Ok((school, date))
    })
}

struct Settings {
    synthetic: bool,
    name: String,
    holiday_region: HolidayRegion,
    participating: BTreeSet<MunicipalityCode>,
    region: BTreeSet<MunicipalityCode>,
    extra_closed_days: Vec<Date>,
    policy: Policy,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RegionToml {
    #[serde(default)]
    synthetic: bool,
    #[serde(default = "unnamed")]
    name: String,
    holiday_region: toml::Spanned<String>,
    participating_municipalities: Vec<toml::Spanned<String>>,
    region_municipalities: Vec<toml::Spanned<String>>,
    #[serde(default)]
    extra_closed_days: Vec<toml::Spanned<String>>,
    policy: Option<toml::Spanned<PolicyToml>>,
    retention: Option<toml::Spanned<RetentionToml>>,
}

fn unnamed() -> String {
    "A region without a name".to_owned()
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct PolicyToml {
    deliver_from: Option<toml::Spanned<String>>,
    deliver_until: Option<toml::Spanned<String>>,
    school_start: Option<toml::Spanned<String>>,
    remind_contact_at: Option<toml::Spanned<String>>,
    remind_backup_at: Option<toml::Spanned<String>>,
    notify_municipality_at: Option<toml::Spanned<String>>,
    max_hold_days: Option<toml::Spanned<u16>>,
    expire_after_school_days: Option<toml::Spanned<u16>>,
    payload_ceiling_days: Option<toml::Spanned<u16>>,
    accept_days: Option<toml::Spanned<u16>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct RetentionToml {
    events_grouped_seconds: Option<toml::Spanned<u16>>,
    orphans_after_seconds: Option<toml::Spanned<u16>>,
    tombstone_days: Option<toml::Spanned<u16>>,
    breach_days: Option<toml::Spanned<u16>>,
    counts_months: Option<toml::Spanned<u16>>,
}

impl RetentionToml {
    fn settings(&self) -> RetentionSettings {
        let default = RetentionSettings::default();
        let said = |written: &Option<toml::Spanned<u16>>| written.as_ref().map(|it| *it.get_ref());
        RetentionSettings {
            events_grouped_seconds: said(&self.events_grouped_seconds)
                .unwrap_or(default.events_grouped_seconds),
            orphans_after_seconds: said(&self.orphans_after_seconds).unwrap_or(default.orphans_after_seconds),
            tombstone_days: said(&self.tombstone_days).or(default.tombstone_days),
            breach_days: said(&self.breach_days).unwrap_or(default.breach_days),
            counts_months: said(&self.counts_months).unwrap_or(default.counts_months),
        }
    }

    /// Where a key is written; none if it is not.
    fn place(&self, key: &str) -> Option<usize> {
        let written = match key {
            "events_grouped_seconds" => &self.events_grouped_seconds,
            "orphans_after_seconds" => &self.orphans_after_seconds,
            "tombstone_days" => &self.tombstone_days,
            "breach_days" => &self.breach_days,
            "counts_months" => &self.counts_months,
            _ => return None,
        };
        written.as_ref().map(|it| it.span().start)
    }
}

fn settings(bytes: &[u8]) -> Result<Settings, RegionError> {
    let text = strict::text(bytes)?;
    let read: RegionToml = strict::parse(text)?;
    let refuse = |spanned: &toml::Spanned<String>, problem: &str| at(text, spanned.span().start, problem);
    let codes = |list: &[toml::Spanned<String>]| {
        let parse = |code: &toml::Spanned<String>| {
            MunicipalityCode::parse(code.get_ref())
                .map_err(|FieldError { problem, .. }| refuse(code, problem))
        };
        list.iter().map(parse).collect::<Result<BTreeSet<_>, _>>()
    };
    let days = read
        .extra_closed_days
        .iter()
        .map(|day| civil_date(day.get_ref()).ok_or_else(|| refuse(day, "is not a date written YYYY-MM-DD")));
    let holiday_region = read
        .holiday_region
        .get_ref()
        .parse()
        .map_err(|_| refuse(&read.holiday_region, "is none of noord, midden, zuid"))?;
    Ok(Settings {
        synthetic: read.synthetic,
        name: read.name,
        holiday_region,
        participating: codes(&read.participating_municipalities)?,
        region: codes(&read.region_municipalities)?,
        extra_closed_days: days.collect::<Result<_, _>>()?,
        policy: policy(text, read.policy, read.retention)?,
    })
}

fn policy(
    text: &str,
    read: Option<toml::Spanned<PolicyToml>>,
    kept: Option<toml::Spanned<RetentionToml>>,
) -> Result<Policy, RegionError> {
    let whole = read.as_ref().map_or(0, |policy| policy.span().start);
    let kept_at = kept.as_ref().map_or(whole, |kept| kept.span().start);
    let kept = kept.map(toml::Spanned::into_inner).unwrap_or_default();
    let read = read.map(toml::Spanned::into_inner).unwrap_or_default();
    let mut settings = PolicySettings { retention: kept.settings(), ..PolicySettings::default() };
    let times = [
        (&read.deliver_from, &mut settings.deliver_from),
        (&read.deliver_until, &mut settings.deliver_until),
        (&read.school_start, &mut settings.school_start),
        (&read.remind_contact_at, &mut settings.remind_contact_at),
        (&read.remind_backup_at, &mut settings.remind_backup_at),
        (&read.notify_municipality_at, &mut settings.notify_municipality_at),
    ];
    for (written, setting) in times {
        if let Some(written) = written {
            let problem = "is not a time of day written HH:MM";
            *setting = time(written.get_ref()).ok_or_else(|| at(text, written.span().start, problem))?;
        }
    }
    let days = [
        (&read.max_hold_days, &mut settings.max_hold_days),
        (&read.expire_after_school_days, &mut settings.expire_after_school_days),
        (&read.payload_ceiling_days, &mut settings.payload_ceiling_days),
        (&read.accept_days, &mut settings.accept_days),
    ];
    for (written, setting) in days {
        if let Some(written) = written {
            *setting = *written.get_ref();
        }
    }
    Policy::check(settings).map_err(|error| {
        if error.table == "retention" {
            return at(text, kept.place(error.key).unwrap_or(kept_at), &error.to_string());
        }
        let place = match error.key {
            "max_hold_days" => read.max_hold_days.map(|it| it.span().start),
            "expire_after_school_days" => read.expire_after_school_days.map(|it| it.span().start),
            "payload_ceiling_days" => read.payload_ceiling_days.map(|it| it.span().start),
            "accept_days" => read.accept_days.map(|it| it.span().start),
            "deliver_until" => read.deliver_until.map(|it| it.span().start),
            _ => None,
        };
        at(text, place.unwrap_or(whole), &error.to_string())
    })
}

/// A time of day written `HH:MM`.
pub(crate) fn time(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    let two_digits = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
    if !two_digits(hour) || !two_digits(minute) {
        return None;
    }
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}

fn at(text: &str, byte: usize, problem: &str) -> RegionError {
    Misplaced::at(text, byte, problem).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hwc_hostile::{Limits, Trial};

    /// A tree of TOML keeps every key, value and place.
    const TOML: Limits = Limits { bytes_per_byte: 400, bytes_anyway: 256 * 1024 };

    const GOOD: &str = "synthetic = true\nname = \"X\"\nholiday_region = \"zuid\"\n\
        participating_municipalities = [\"0855\"]\nregion_municipalities = [\"0855\"]\n";

    fn refusal(text: &str) -> String {
        settings(text.as_bytes()).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn settings_and_closed_days_withstand_hostile_input() {
        let said = |bytes: &[u8]| settings(bytes).err().map(|error| format!("{error} {error:?}"));
        let policy = "[policy]\ndeliver_from = \"07:00\"\nmax_hold_days = 17\n";
        let more = format!("{GOOD}extra_closed_days = [\"2026-11-20\"]\n{policy}");
        let trial = Trial::new([GOOD.to_owned(), more], said).within(TOML);
        trial.withstands();
        trial.grows_linearly(8 * 1024, |bytes| {
            let days = "\"2026-11-20\",".repeat(bytes / 13);
            format!("{GOOD}extra_closed_days = [{days}]\n").into_bytes()
        });
        trial.grows_linearly(8 * 1024, |bytes| format!("{GOOD}{}", "[a]\n".repeat(bytes / 4)).into_bytes());
        trial.grows_linearly(8 * 1024, |bytes| format!("{GOOD}x = {}", "[".repeat(bytes)).into_bytes());
        let days = |bytes: &[u8]| closed_days(bytes).err().map(|error| format!("{error} {error:?}"));
        Trial::new(["brin,location,date\n01AA,00,2026-11-20\n"], days).withstands();
    }

    #[test]
    fn a_file_larger_than_such_a_file_may_be_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("region.toml"), "#".repeat(SETTINGS_BYTES_MAX + 1)).unwrap();
        let said = Region::read(folder.path()).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(said.ends_with("region.toml: larger than such a file may be (1048576 bytes)"), "{said}");
    }

    #[test]
    fn the_defaults_hold_when_nothing_is_said() {
        let read = settings(GOOD.as_bytes()).unwrap();
        assert_eq!(*read.policy.settings(), PolicySettings::default());
    }

    #[test]
    fn a_broken_setting_is_named_by_line_and_column_and_not_shown() {
        let cases = [
            ("[policy]\nmax_hold_day = 3\n", "region.toml line 7, column 1: this setting is not known"),
            (
                "[policy]\nmax_hold_days = \"Geheim\"\n",
                "region.toml line 7, column 17: the value is of the wrong kind",
            ),
            (
                "[policy]\ndeliver_from = \"7 uur\"\n",
                "region.toml line 7, column 16: is not a time of day written HH:MM",
            ),
            (
                "extra_closed_days = [\"Geheim\"]\n",
                "region.toml line 6, column 22: is not a date written YYYY-MM-DD",
            ),
            ("[policy\n", "region.toml line 6, column 8: this is not TOML"),
        ];
        for (more, said) in cases {
            assert_eq!(refusal(&format!("{GOOD}{more}")), said);
        }
    }

    #[test]
    fn retention_is_read_and_refused_where_it_is_written() {
        let read = settings(format!("{GOOD}[retention]\ntombstone_days = 400\n").as_bytes());
        assert_eq!(read.map(|read| read.policy.tombstone_days()).ok(), Some(400));
        let said = refusal(&format!("{GOOD}[retention]\nbreach_days = 30\ntombstone_days = 96\n"));
        assert!(
            said.starts_with("region.toml line 8, column 18: retention.tombstone_days: must be"),
            "{said}"
        );
        let said = refusal(&format!("{GOOD}[retention]\npayload_days = 3\n"));
        assert_eq!(said, "region.toml line 7, column 1: this setting is not known");
    }

    #[test]
    fn a_policy_that_could_outlive_its_ceiling_is_refused() {
        let said = refusal(&format!("{GOOD}[policy]\npayload_ceiling_days = 25\n"));
        assert!(said.starts_with("region.toml line 7, column 24: policy.payload_ceiling_days"), "{said}");
    }
}
