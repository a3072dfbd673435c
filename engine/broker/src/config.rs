//! What a broker is started with, and how that is written for the server.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::{File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::find::Finder;

/// What a broker is started with. [`Settings::in_folder`] gives what tests and a try-out need; change
/// single fields from there.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the server keeps everything, and nobody else anything. It is made if need be, with mode 0700; an
    /// empty one that others can enter is closed to them, one with something in it is refused.
    pub folder: PathBuf,
    /// The caller's part of the server's configuration, in its own language: `accounts`, `system_account`,
    /// `no_auth_user`, mappings. Empty: one account, no names asked, JetStream on. It stands at the head
    /// of the file, so that line numbers in the server's complaints are line numbers of this text.
    pub accounts: String,
    /// Whether the caller's part has a `tls` block with `handshake_first`. Such a server greets nobody before the
    /// handshake, so its own log is believed when it says that it is ready, and clients connect to `tls://…`.
    pub secured: bool,
    /// When an acknowledged message is on the disk.
    pub sync: SyncMode,
    /// The largest message, in bytes, headers included.
    pub max_payload_bytes: u32,
    /// What all streams in files may take together, in bytes.
    pub file_store_bytes_max: u64,
    /// What all streams in memory may take together, in bytes.
    pub memory_store_bytes_max: u64,
    /// What happens to the server's log when it grows.
    pub log: LogMode,
    /// The port to listen on, on loopback. None or 0: the server chooses a free one, and keeps it through
    /// [`restart`](crate::Broker::restart).
    pub port: Option<u16>,
    /// Its place in a cluster; none for a server by itself.
    pub seat: Option<Seat>,
    /// Whether to open the server's monitoring pages, on loopback, on a free port.
    pub monitoring: bool,
    /// How long the server may take until it answers; recovering a million subjects takes some seconds.
    pub ready_within: Duration,
    /// How long the server may take to stop in good order before it is killed.
    pub stop_within: Duration,
    /// How the server is found.
    pub server: Finder,
}

/// A server's place in a cluster on this machine. [`Cluster`](crate::Cluster) gives them out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    /// The server's own name, which no other of the cluster has.
    pub name: String,
    /// The port for the other servers, on loopback.
    pub port: u16,
    /// Where the other servers are, on loopback.
    pub others: Vec<u16>,
}

impl Settings {
    /// A server in this folder with one account, no names asked, JetStream on and everything else as the
    /// server has it by itself.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            accounts: String::new(),
            secured: false,
            sync: SyncMode::Default,
            max_payload_bytes: 1024 * 1024,
            file_store_bytes_max: 8 * 1024 * 1024 * 1024,
            memory_store_bytes_max: 1024 * 1024 * 1024,
            log: LogMode::default(),
            port: None,
            seat: None,
            monitoring: false,
            ready_within: Duration::from_mins(1),
            stop_within: Duration::from_secs(10),
            server: Finder::default(),
        }
    }

    /// The configuration file.
    pub(crate) fn render(&self) -> String {
        let mut text = self.accounts.trim_end().to_owned();
        let sync = match self.sync {
            SyncMode::Default => "",
            SyncMode::Always => ", sync_interval: always",
        };
        let _ = write!(
            text,
            "\n\n# Written by hwc-broker at every start and reload. Addresses, places and the refusal to\n\
             # log payloads are on the command line, which the server lets win over this file.\n\
             logtime_utc: true\n\
             max_payload: {}\n\
             jetstream {{ max_file_store: {}, max_memory_store: {}{sync} }}\n",
            self.max_payload_bytes, self.file_store_bytes_max, self.memory_store_bytes_max,
        );
        if let Some(seat) = &self.seat {
            let routes: Vec<_> = seat.others.iter().map(|port| format!("nats://127.0.0.1:{port}")).collect();
            let _ = writeln!(
                text,
                "server_name: {}\ncluster {{ name: hwc, listen: \"127.0.0.1:{}\", routes: [ {} ] }}",
                seat.name,
                seat.port,
                routes.join(", "),
            );
        }
        if let LogMode::Rolled { bytes_max } = self.log {
            let _ = writeln!(text, "logfile_size_limit: {bytes_max}\nlogfile_max_num: 3");
        }
        text
    }

    /// The command line. What is said here wins over the configuration file, also at a reload: whatever
    /// the caller's part says, the server listens on loopback, in its folder, and logs no payloads.
    pub(crate) fn arguments(
        &self,
        places: &Places,
        port: Option<u16>,
        monitoring: Option<u16>,
    ) -> Vec<OsString> {
        // -1 lets the server take a free port by itself: nobody can take it in between.
        let number = |port: Option<u16>| port.map_or_else(|| "-1".to_owned(), |port| port.to_string());
        let mut arguments: Vec<OsString> = ["-D=false", "-V=false", "-a", "127.0.0.1"].map(Into::into).into();
        arguments.extend(["-p".into(), number(port).into()]);
        if self.monitoring {
            arguments.extend(["-m".into(), number(monitoring).into()]);
        }
        for (flag, place) in [
            ("-c", &places.config),
            ("-l", &places.log),
            ("-P", &places.pid),
            ("-sd", &places.folder),
            ("--ports_file_dir", &places.folder),
        ] {
            arguments.extend([flag.into(), place.into()]);
        }
        arguments
    }
}

/// When an acknowledged message is on the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SyncMode {
    /// Within two minutes: a power cut loses acknowledged messages. A killed server loses none. For tests
    /// and try-outs.
    #[default]
    Default,
    /// Before it is acknowledged. Wherever signals are real.
    Always,
}

/// What happens to the server's log when it grows. It never holds payloads: tracing and debugging are off
/// and can't be turned on by the caller's part of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogMode {
    /// One file that keeps growing. For tests.
    Whole,
    /// A new file whenever this size is reached; the last three are kept.
    Rolled {
        /// The size of one file, in bytes.
        bytes_max: u64,
    },
}

impl Default for LogMode {
    fn default() -> Self {
        Self::Rolled { bytes_max: 16 * 1024 * 1024 }
    }
}

/// Where things are in a broker's folder.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    pub(crate) folder: PathBuf,
    pub(crate) config: PathBuf,
    pub(crate) candidate: PathBuf,
    pub(crate) log: PathBuf,
    pub(crate) pid: PathBuf,
    /// What the server says before its log is open and after it broke; also the lock on the folder.
    pub(crate) complaints: PathBuf,
}

impl Places {
    /// The folder must be an absolute path.
    pub(crate) fn in_folder(folder: PathBuf) -> Self {
        Self {
            config: folder.join("broker.conf"),
            candidate: folder.join("broker.conf.candidate"),
            log: folder.join("broker.log"),
            pid: folder.join("broker.pid"),
            complaints: folder.join("broker.stderr"),
            folder,
        }
    }
}

/// Writes a file that only we may read, whatever was there before.
pub(crate) fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut file = File::options().create(true).write(true).truncate(true).mode(0o600).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_callers_part_stands_first_so_that_line_numbers_are_his() {
        let settings =
            Settings { accounts: "accounts { A {} }\n".to_owned(), ..Settings::in_folder("/nowhere") };
        assert!(settings.render().starts_with("accounts { A {} }\n"));
    }

    #[test]
    fn a_server_by_itself_says_nothing_of_a_cluster_and_one_of_three_names_the_others() {
        let alone = Settings::in_folder("/nowhere");
        assert!(!alone.render().contains("cluster"));
        let seat = Seat { name: "n1".to_owned(), port: 7, others: vec![8, 9] };
        let text = Settings { seat: Some(seat), ..alone }.render();
        assert!(text.contains("server_name: n1\n"), "{text}");
        assert!(text.contains("routes: [ nats://127.0.0.1:8, nats://127.0.0.1:9 ]"), "{text}");
    }

    #[test]
    fn always_is_said_only_when_asked_for() {
        let calm = Settings::in_folder("/nowhere");
        assert!(!calm.render().contains("sync_interval"));
        let strict = Settings { sync: SyncMode::Always, ..calm };
        assert!(strict.render().contains("sync_interval: always"));
    }
}
