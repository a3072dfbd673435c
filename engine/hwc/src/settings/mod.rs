//! Settings of the program's processes: strict TOML, flags over `HWC_*` over files. Secrets are files, named by their folder
//! here; none is a setting.
//!
//! Every process reads one file. Its table `[relay]` is the same for all; the table of its role is its own:
//!
//! ```toml
//! [relay]
//! broker = "tls://broker.example:4222"   # or nats://127.0.0.1:4222 where nobody else can listen
//! keys = "keys"                          # the folder from the operator: nkey, seal, tls.key, tls.pem, ca.pem, operator.pub
//! state_dir = "state"                    # what this process keeps; nobody else may use it
//! listen = "127.0.0.1:9301"              # /livez, /readyz, /metrics
//! otlp = "http://127.0.0.1:4318"         # where traces go; none when absent
//! drain_seconds = 20                     # what a polite stop may take
//! swept = [{ folder = "logs", days = 14 }]   # files that go when they are so old
//! logbook = { activities = "activities.toml" }  # the processing log
//! retention = { processing_log_days = 365 }      # and how long it is kept
//! one_time_keys = 32                     # left with the engine for others to seal to; 32 for a school, 256 for others
//!
//! [school]
//! organisation = "school-01AA00"
//! ```
//!
//! A path is relative to the file that it stands in.

pub(crate) mod strict;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use hwc_jetstream::{Address, TlsFiles};
use serde::{Deserialize, de::DeserializeOwned};
pub(crate) use strict::SettingsError;

use crate::{
    logging::{Kept, LogbookPlace, LogbookTable, RetentionTable},
    retention::folders::{self, SweptFolder, SweptTable},
};

/// The flags that every process takes; each wins over its variable, and that over the file.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Common {
    /// The settings file.
    #[arg(long, global = true, value_name = "FILE", env = "HWC_CONFIG", default_value = "hwc.toml")]
    pub(crate) config: PathBuf,
    /// The broker's address, instead of the file's.
    #[arg(long, global = true, value_name = "URL", env = "HWC_BROKER")]
    pub(crate) broker: Option<String>,
    /// The folder with this process's keys, instead of the file's.
    #[arg(long, global = true, value_name = "DIR", env = "HWC_KEYS")]
    pub(crate) keys: Option<PathBuf>,
    /// The folder that this process keeps its state in, instead of the file's.
    #[arg(long, global = true, value_name = "DIR", env = "HWC_STATE_DIR")]
    pub(crate) state_dir: Option<PathBuf>,
    /// Where to serve /livez, /readyz and /metrics, instead of the file's.
    #[arg(long, global = true, value_name = "ADDRESS", env = "HWC_LISTEN")]
    pub(crate) listen: Option<SocketAddr>,
    /// Where to send traces, instead of the file's.
    #[arg(long, global = true, value_name = "URL", env = "HWC_OTLP")]
    pub(crate) otlp: Option<String>,
}

/// What every process needs to take part, with the flags applied and paths made absolute.
#[derive(Debug, Clone)]
pub(crate) struct Relay {
    /// The broker's address.
    pub(crate) broker: String,
    /// The folder with this process's keys.
    pub(crate) keys: PathBuf,
    /// The folder that this process keeps its state in.
    pub(crate) state_dir: PathBuf,
    /// Where to serve /livez, /readyz and /metrics.
    pub(crate) listen: Option<SocketAddr>,
    /// Where to send traces.
    pub(crate) otlp: Option<String>,
    /// What a polite stop may take.
    pub(crate) drain_within: Duration,
    /// Folders whose files go when they are old.
    pub(crate) swept: Vec<SweptFolder>,
    /// One-time keys to leave with the engine; as many as the role usually needs if it is not said.
    pub(crate) one_time_keys: Option<u16>,
    /// The processing log, if one is kept.
    pub(crate) logbook: Option<LogbookPlace>,
    /// How long what is written down of the work is kept.
    pub(crate) kept: Kept,
}

impl Relay {
    /// Folders only, for what is done without the broker.
    pub(crate) fn of_folders(keys: PathBuf, state_dir: PathBuf) -> Self {
        Self {
            broker: String::new(),
            keys,
            state_dir,
            listen: None,
            otlp: None,
            drain_within: Duration::ZERO,
            swept: Vec::new(),
            one_time_keys: None,
            logbook: None,
            kept: Kept::default(),
        }
    }

    /// The broker's address, secured if the folder of keys holds a certificate.
    pub(crate) fn address(&self) -> Address {
        let file = |name: &str| self.keys.join(name);
        let tls = TlsFiles { ca: file("ca.pem"), certificate: file("tls.pem"), key: file("tls.key") };
        if tls.certificate.exists() || tls.ca.exists() {
            Address::secured(self.broker.clone(), tls)
        } else {
            Address::from(self.broker.clone())
        }
    }
}

/// `[relay]` as it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RelayTable {
    /// The broker's address: `tls://NAME:4222`, several of a cluster divided by commas; `nats://127.0.0.1:4222` where nobody else can
    /// listen. It, `--broker` or `HWC_BROKER` must be said; like the next two not by a desk with a file of its own.
    broker: Option<String>,
    /// The folder from the operator: nkey, seal, tls.key, tls.pem, ca.pem, operator.pub, directory.json. It, `--keys` or `HWC_KEYS` must
    /// be said.
    keys: Option<PathBuf>,
    /// What this process keeps; nobody else may use it. It, `--state-dir` or `HWC_STATE_DIR` must be said.
    state_dir: Option<PathBuf>,
    /// Where `/livez`, `/readyz` and `/metrics` are shown; nowhere when absent. Keep it on the machine itself.
    listen: Option<SocketAddr>,
    /// Where traces go (OTLP over HTTP); nowhere when absent.
    otlp: Option<String>,
    /// What a polite stop may take.
    #[serde(default = "twenty")]
    drain_seconds: u16,
    /// Folders whose files go when they are old.
    #[serde(default)]
    swept: Vec<SweptTable>,
    /// One-time keys to leave with the engine for others to seal to; 32 for a school, 256 for others when absent.
    one_time_keys: Option<u16>,
    /// The processing log of an organisation (`docs/logbook.md`); none is kept when absent.
    logbook: Option<LogbookTable>,
    /// How long what is written down of the work is kept.
    retention: Option<RetentionTable>,
}

const fn twenty() -> u16 {
    20
}

/// A file that has a `[relay]`.
pub(crate) trait HasRelay: DeserializeOwned {
    /// Whether its process takes part in the relay: who does not needs no broker, keys or state of a member.
    const TAKES_PART: bool = true;

    /// The table.
    fn relay(&self) -> &RelayTable;
}

/// A process's settings, and the folder that its paths are relative to.
#[derive(Debug)]
pub(crate) struct Settings<T> {
    /// The file, as it is written.
    pub(crate) file: T,
    /// The common part, with the flags applied.
    pub(crate) relay: Relay,
    /// Where the file lies.
    folder: PathBuf,
    path: PathBuf,
}

impl<T: HasRelay> Settings<T> {
    /// Reads the file and applies the flags.
    pub(crate) fn read(common: &Common) -> Result<Self, SettingsError> {
        let path = common.config.clone();
        let file: T = strict::read(&path)?;
        let folder = std::path::absolute(&path)
            .map_err(|source| SettingsError::File { path: path.clone(), source })?
            .parent()
            .unwrap_or(Path::new("/"))
            .to_owned();
        let table = file.relay().clone();
        let no_part = |otherwise: &Path| (!T::TAKES_PART).then(|| otherwise.to_owned());
        let missing = |key: &str, flag: &str| SettingsError::Unusable {
            path: path.clone(),
            problem: format!("[relay] says no {key}; write it there, or say {flag}"),
        };
        let given = |flag: &Option<PathBuf>, written: Option<PathBuf>| {
            flag.clone().or_else(|| written.map(|path| folder.join(path)))
        };
        let swept = table.swept.into_iter().map(|one| SweptFolder::new(folder.join(one.folder), one.days));
        let swept = swept.collect::<Result<Vec<_>, _>>().map_err(|no_days| SettingsError::Unusable {
            path: path.clone(),
            problem: no_days.to_string(),
        })?;
        let kept = Kept::of(table.retention.as_ref())
            .map_err(|problem| SettingsError::Unusable { path: path.clone(), problem })?;
        let relay = Relay {
            broker: common
                .broker
                .clone()
                .or(table.broker)
                .or_else(|| (!T::TAKES_PART).then(String::new))
                .ok_or_else(|| missing("broker", "--broker URL"))?,
            keys: given(&common.keys, table.keys)
                .or_else(|| no_part(&folder))
                .ok_or_else(|| missing("keys", "--keys DIR"))?,
            state_dir: given(&common.state_dir, table.state_dir)
                .or_else(|| no_part(&folder))
                .ok_or_else(|| missing("state_dir", "--state-dir DIR"))?,
            listen: common.listen.or(table.listen),
            otlp: common.otlp.clone().or(table.otlp),
            drain_within: Duration::from_secs(table.drain_seconds.into()),
            swept,
            one_time_keys: table.one_time_keys,
            logbook: table.logbook.map(|one| LogbookPlace::of(one, &folder)),
            kept,
        };
        let written = strict::read::<toml::Value>(&path)?;
        folders::check(&relay.swept, &folder, &written, &[&relay.keys, &relay.state_dir])
            .map_err(|named| SettingsError::Unusable { path: path.clone(), problem: named.to_string() })?;
        Ok(Self { file, relay, folder, path })
    }

    /// A path as written in the file.
    pub(crate) fn path(&self, written: &Path) -> PathBuf {
        self.folder.join(written)
    }

    /// The file cannot be used for this reason.
    pub(crate) fn unusable(&self, problem: impl std::fmt::Display) -> SettingsError {
        SettingsError::Unusable { path: self.path.clone(), problem: problem.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        relay: RelayTable,
    }

    impl HasRelay for File {
        fn relay(&self) -> &RelayTable {
            &self.relay
        }
    }

    const GOOD: &str = "[relay]\nbroker = \"nats://a\"\nkeys = \"keys\"\nstate_dir = \"state\"\n";

    fn read(text: &str, flags: Common) -> Result<Settings<File>, String> {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("hwc.toml");
        std::fs::write(&config, text).unwrap();
        let settings = Settings::read(&Common { config, ..flags });
        settings.map_err(|error| error.to_string().replace(&*folder.path().to_string_lossy(), ""))
    }

    #[test]
    fn settings_withstand_hostile_input() {
        let said = |bytes: &[u8]| match strict::text(bytes).and_then(strict::parse::<File>) {
            Ok(_) => None,
            Err(error) => Some(format!("{error} {error:?}")),
        };
        let more = format!(
            "{GOOD}listen = \"127.0.0.1:9301\"\notlp = \"http://127.0.0.1:4318\"\ndrain_seconds = 5\n\
             swept = [{{ folder = \"logs\", days = 14 }}]\n"
        );
        let limits = hwc_hostile::Limits { bytes_per_byte: 400, bytes_anyway: 256 * 1024 };
        let trial = hwc_hostile::Trial::new([GOOD.to_owned(), more], said).within(limits);
        trial.withstands();
        trial.grows_linearly(8 * 1024, |bytes| {
            format!("{GOOD}{}", "a.b.c = 1\n".repeat(bytes / 10)).into_bytes()
        });
    }

    #[test]
    fn a_flag_wins_over_the_file_and_paths_are_relative_to_the_file() {
        let settings = read(GOOD, Common { broker: Some("nats://b".into()), ..Common::default() }).unwrap();
        assert_eq!(settings.relay.broker, "nats://b");
        assert!(settings.relay.keys.is_absolute() && settings.relay.keys.ends_with("keys"));
        assert_eq!(settings.relay.drain_within, Duration::from_secs(20));
    }

    #[test]
    fn a_setting_that_is_not_known_is_refused_with_its_line_and_not_shown() {
        let said = read(&format!("{GOOD}geheim = \"canary\"\n"), Common::default()).unwrap_err();
        assert_eq!(said, "/hwc.toml line 5, column 1: this setting is not known");
        let said = read(&format!("{GOOD}listen = \"canary\"\n"), Common::default()).unwrap_err();
        assert!(said.starts_with("/hwc.toml line 5, column 10: ") && !said.contains("canary"), "{said}");
    }

    #[test]
    fn what_is_missing_is_named_with_the_flag_that_says_it() {
        let said = read("[relay]\nkeys = \"k\"\nstate_dir = \"s\"\n", Common::default()).unwrap_err();
        assert_eq!(said, "/hwc.toml: [relay] says no broker; write it there, or say --broker URL");
    }

    #[derive(Debug, Deserialize)]
    struct Onlooker(File);

    impl HasRelay for Onlooker {
        const TAKES_PART: bool = false;

        fn relay(&self) -> &RelayTable {
            &self.0.relay
        }
    }

    #[test]
    fn who_takes_no_part_needs_no_broker_and_no_keys() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("hwc.toml");
        std::fs::write(&config, "[relay]\nlisten = \"127.0.0.1:9465\"\n").unwrap();
        let common = Common { config, ..Common::default() };
        let relay = Settings::<Onlooker>::read(&common).unwrap().relay;
        assert_eq!((relay.broker.as_str(), relay.keys.as_path()), ("", folder.path()));
        assert!(Settings::<File>::read(&common).is_err());
    }

    #[test]
    fn a_file_without_bound_is_refused() {
        let said = read(&"#".repeat(2 * 1024 * 1024), Common::default()).unwrap_err();
        assert!(said.contains("larger than settings may be"), "{said}");
    }
}
