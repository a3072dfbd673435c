//! The processing log of an organisation's process: its settings, the file that says where its register has each activity, and what
//! tends the log while the process runs (`docs/logbook.md`).

use std::{
    collections::BTreeMap,
    fmt, fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use hwc_adapter_kit::{Office, logging::erase_codes};
use hwc_logbook::{Activities, Carrier, Logbook, LogbookError, Step, check_uri};
use hwc_schemas::{Organisation, Role};
use hwc_telemetry::{CollectorError, Service, processing::ProcessingCollector};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error as _, MapAccess, Visitor},
};
use tokio::{sync::watch, task::JoinSet};

use crate::settings::{Relay, SettingsError, strict};

/// The folder of the log in a state folder.
const FOLDER: &str = "logbook";
/// How often what is old is looked for.
const SWEEP_EVERY: Duration = Duration::from_hours(1);
/// The longest that a day of the processing log, or of traces, may be kept.
const DAYS_MAX: u16 = 3_653;
/// The longest that the audit log may be kept, in years.
const YEARS_MAX: u16 = 20;

/// `[relay.logbook]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogbookTable {
    /// The file that says, for each step of the organisation, which activity of its register it belongs to.
    activities: PathBuf,
    /// The collector that lines are carried to (OTLP over HTTP); they stay in the state folder alone when absent.
    otlp: Option<String>,
}

/// `[relay.retention]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RetentionTable {
    /// Days that the processing log is kept.
    #[serde(default = "a_year")]
    processing_log_days: u16,
    /// Years that the audit log is kept.
    #[serde(default = "three")]
    audit_years: u16,
    /// Days that the collector shall keep traces: it is told with each, and must see to it itself.
    #[serde(default = "thirty")]
    traces_days: u16,
}

const fn a_year() -> u16 {
    365
}

const fn three() -> u16 {
    3
}

const fn thirty() -> u16 {
    30
}

/// How long what a process writes down of its work is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) processing_log_days: u16,
    pub(crate) audit_years: u16,
    pub(crate) traces_days: u16,
}

impl Default for Kept {
    fn default() -> Self {
        Self { processing_log_days: a_year(), audit_years: three(), traces_days: thirty() }
    }
}

impl Kept {
    /// As it is written; what is out of bounds is refused.
    pub(crate) fn of(table: Option<&RetentionTable>) -> Result<Self, String> {
        let Some(table) = table else { return Ok(Self::default()) };
        let RetentionTable { processing_log_days, audit_years, traces_days } = *table;
        let bounds = [
            ("processing_log_days", processing_log_days, DAYS_MAX),
            ("audit_years", audit_years, YEARS_MAX),
            ("traces_days", traces_days, DAYS_MAX),
        ];
        match bounds.into_iter().find(|(_, value, most)| !(1..=*most).contains(value)) {
            Some((key, _, most)) => {
                Err(format!("[relay.retention] {key} must be at least 1 and at most {most}"))
            }
            None => Ok(Self { processing_log_days, audit_years, traces_days }),
        }
    }
}

/// Where a process's log is from, with the paths made absolute.
#[derive(Debug, Clone)]
pub(crate) struct LogbookPlace {
    activities: PathBuf,
    otlp: Option<String>,
}

impl LogbookPlace {
    pub(crate) fn of(table: LogbookTable, folder: &Path) -> Self {
        Self { activities: folder.join(table.activities), otlp: table.otlp }
    }
}

/// Why a processing log is not kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoggingError {
    /// The file of activities.
    #[error(transparent)]
    Activities(#[from] SettingsError),
    /// The folder.
    #[error(transparent)]
    Logbook(#[from] LogbookError),
    /// What this user wrote there the process could not go on with.
    #[error("{} belongs to another user (number {number}): run this as that user, or leave it to the process that runs as it", folder.display())]
    Another {
        /// The state folder.
        folder: PathBuf,
        /// Whose it is.
        number: u32,
    },
    /// The collector.
    #[error("[relay.logbook] otlp: {0}")]
    Collector(#[from] CollectorError),
}

/// Whether the settings' log can be kept, for `hwc doctor`: where its lines are carried to, if anywhere. None if there is to be no log.
pub(crate) fn check<'a>(
    relay: &'a Relay,
    organisation: &Organisation,
) -> Option<Result<Option<&'a str>, LoggingError>> {
    let place = relay.logbook.as_ref()?;
    let otlp = place.otlp.as_deref();
    Some(activities(&place.activities, organisation).map(|_| otlp).map_err(LoggingError::from))
}

/// A folder that is there is this user's: what another wrote into it the process of its user could never open again.
fn ours(folder: &Path, me: u32) -> Result<(), LoggingError> {
    match fs::metadata(folder) {
        Ok(found) if found.uid() != me => {
            Err(LoggingError::Another { folder: folder.to_owned(), number: found.uid() })
        }
        _ => Ok(()),
    }
}

/// The log of one organisation, and what tends it.
pub(crate) struct Logging(Option<(Logbook, Option<ProcessingCollector>)>);

impl Logging {
    /// Opens it, if the settings have one. A step without an activity is refused here, before anything is processed.
    pub(crate) fn open(relay: &Relay, organisation: &Organisation) -> Result<Self, LoggingError> {
        let Some(place) = &relay.logbook else {
            tracing::warn!(%organisation, "no processing log is kept: the settings have no [relay.logbook]");
            return Ok(Self(None));
        };
        let activities = activities(&place.activities, organisation)?;
        let days = relay.kept.processing_log_days;
        let collector = place.otlp.as_deref();
        let collector = collector
            .map(|at| ProcessingCollector::at(at, Service::Of(organisation.role()), days))
            .transpose()?;
        ours(&relay.state_dir, rustix::process::geteuid().as_raw())?;
        let logbook = Logbook::open(&relay.state_dir.join(FOLDER), activities, days, today())?;
        Ok(Self(Some((logbook, collector))))
    }

    /// The log.
    pub(crate) fn logbook(&self) -> Option<Logbook> {
        self.0.as_ref().map(|(logbook, _)| logbook.clone())
    }

    /// What is wrong with it at this moment.
    pub(crate) fn trouble(&self) -> watch::Receiver<Option<String>> {
        self.0.as_ref().map_or_else(|| watch::channel(None).1, |(logbook, _)| logbook.trouble())
    }

    /// Erases the codes of what ended, carries lines and removes what is old, until what it returns is dropped.
    pub(crate) fn tend(self, office: &Office) -> JoinSet<()> {
        let mut hands = JoinSet::new();
        let Some((logbook, collector)) = self.0 else { return hands };
        hands.spawn(erase_codes(office.clone(), logbook.clone()));
        if let Some(collector) = collector {
            hands.spawn(Carrier::new(logbook.clone(), collector).run());
        }
        hands.spawn(async move {
            let mut hour = tokio::time::interval(SWEEP_EVERY);
            loop {
                hour.tick().await;
                let logbook = logbook.clone();
                let swept = tokio::task::spawn_blocking(move || logbook.sweep(today())).await;
                if let Ok(Err(error)) = swept {
                    tracing::warn!(%error, "days of the processing log that are over their time stay");
                }
            }
        });
        hands
    }
}

/// The day, in UTC.
pub(crate) fn today() -> Date {
    TimeZone::UTC.to_datetime(Timestamp::now()).date()
}

/// An organisation's own activities, from the file that may hold those of many.
fn activities(path: &Path, organisation: &Organisation) -> Result<Activities, SettingsError> {
    let mut file: ActivitiesFile = strict::read(path)?;
    let unusable = |problem: String| SettingsError::Unusable { path: path.into(), problem };
    let uris = file.0.remove(organisation).ok_or_else(|| {
        unusable(format!(
            "there is no table [{organisation}]; say in it where its register has each of its activities"
        ))
    })?;
    Activities::new(organisation.role(), uris).map_err(|missing| unusable(missing.to_string()))
}

/// A file of activities: a table for each organisation, with a URI for each of its steps.
#[derive(Debug)]
struct ActivitiesFile(BTreeMap<Organisation, BTreeMap<Step, String>>);

impl<'de> Deserialize<'de> for ActivitiesFile {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(Organisations).map(Self)
    }
}

struct Organisations;

impl<'de> Visitor<'de> for Organisations {
    type Value = BTreeMap<Organisation, BTreeMap<Step, String>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table for each organisation")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut all = BTreeMap::new();
        while let Some(organisation) = map.next_key::<Organisation>()? {
            let steps = map.next_value_seed(Steps(organisation.role()))?;
            all.insert(organisation, steps);
        }
        Ok(all)
    }
}

/// The steps of an organisation with this role.
#[derive(Clone, Copy)]
struct Steps(Role);

impl<'de> DeserializeSeed<'de> for Steps {
    type Value = BTreeMap<Step, String>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Steps {
    type Value = BTreeMap<Step, String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a URI for each step")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut uris = BTreeMap::new();
        while let Some(step) = map.next_key_seed(OneStep(self.0))? {
            uris.insert(step, map.next_value::<Uri>()?.0);
        }
        match Step::of(self.0).iter().find(|step| !uris.contains_key(step)) {
            Some(step) => {
                Err(A::Error::custom(format!("missing field `{step}`: each step needs its activity")))
            }
            None => Ok(uris),
        }
    }
}

struct OneStep(Role);

impl<'de> DeserializeSeed<'de> for OneStep {
    type Value = Step;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Step, D::Error> {
        let word = String::deserialize(from)?;
        let known = Step::of(self.0).iter().find(|step| step.as_str() == word);
        known.copied().ok_or_else(|| D::Error::custom("not a step of this organisation"))
    }
}

struct Uri(String);

impl<'de> Deserialize<'de> for Uri {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        check_uri(&text).map_err(D::Error::custom)?;
        Ok(Self(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "\
[police-region]
report = \"https://politie.example/verwerkingen/1\"

[school-01AA00]
open = \"https://bestuur.example/verwerkingen/1\"
acknowledge = \"https://bestuur.example/verwerkingen/1\"
return = \"https://bestuur.example/verwerkingen/2\"
";

    fn read(text: &str) -> Result<Activities, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("activities.toml");
        std::fs::write(&path, text).unwrap();
        let read = activities(&path, &"school-01AA00".parse().unwrap());
        read.map_err(|error| error.to_string().replace(&*folder.path().to_string_lossy(), ""))
    }

    #[test]
    fn nobody_writes_into_the_folder_of_another_user_whose_process_could_then_not_go_on() {
        let folder = tempfile::tempdir().unwrap();
        let me = rustix::process::geteuid().as_raw();
        assert!(ours(folder.path(), me).is_ok());
        assert!(ours(&folder.path().join("not-yet"), me).is_ok(), "the first start makes it");
        let said = ours(folder.path(), me + 1).unwrap_err().to_string();
        assert!(said.contains("belongs to another user") && said.contains("run this as that user"), "{said}");
    }

    #[test]
    fn each_step_has_an_activity_and_what_is_missing_or_unknown_is_refused_with_its_line() {
        assert_eq!(read(GOOD).unwrap().role(), Role::School);
        let cases = [
            (GOOD.replace("return = ", "# return = "), "line 4, column 1: missing field `return`"),
            (GOOD.replace("return", "route"), "line 7, column 1: not a step of this organisation"),
            (
                GOOD.replace("open = \"https:", "open = \"geheim:"),
                "line 5, column 8: not the URI of an activity",
            ),
            (GOOD.replace("[school-01AA00]", "[geheim]"), "line 4, column 2: not "),
            (GOOD.replace("school-01AA00", "school-02BB00"), "there is no table [school-01AA00]"),
        ];
        for (text, wanted) in cases {
            let said = read(&text).unwrap_err();
            assert!(said.contains(wanted) && !said.contains("geheim"), "{said}");
        }
    }

    #[test]
    fn activities_withstand_hostile_input() {
        let said = |bytes: &[u8]| match strict::text(bytes).and_then(strict::parse::<ActivitiesFile>) {
            Ok(_) => None,
            Err(error) => Some(format!("{error} {error:?}")),
        };
        let limits = hwc_hostile::Limits { bytes_per_byte: 400, bytes_anyway: 256 * 1024 };
        hwc_hostile::Trial::new([GOOD], said).within(limits).withstands();
    }

    #[test]
    fn a_retention_out_of_bounds_is_refused() {
        let table =
            |days, years| RetentionTable { processing_log_days: days, audit_years: years, traces_days: 1 };
        assert_eq!(Kept::of(None), Ok(Kept { processing_log_days: 365, audit_years: 3, traces_days: 30 }));
        assert!(Kept::of(Some(&table(1, 1))).is_ok());
        for (days, years) in [(0, 1), (DAYS_MAX + 1, 1), (1, 0), (1, YEARS_MAX + 1)] {
            assert!(Kept::of(Some(&table(days, years))).unwrap_err().contains("at least 1"));
        }
    }
}
