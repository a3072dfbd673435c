//! Knowing that a server answers, where, and what it said if it does not.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpStream;

/// A loopback connection that takes longer belongs to a server that isn't ready.
const GREETING_WITHIN: Duration = Duration::from_secs(2);

/// Enough to hold the reason, short enough for an error message.
const LAST_WORDS_LINES: usize = 12;

/// The addresses a server listens on, by kind, as it wrote them into its ports file.
pub(crate) type Addresses = BTreeMap<String, Vec<String>>;

/// Reads the ports file of this process; none while it is not there or half written.
pub(crate) fn addresses(folder: &Path, pid: u32) -> Option<Addresses> {
    let ending = format!("_{pid}.ports");
    let file = ports_files(folder).find(|path| path.to_string_lossy().ends_with(&ending))?;
    serde_json::from_slice(&std::fs::read(file).ok()?).ok()
}

/// The ports files in a folder; a killed server leaves its own behind.
pub(crate) fn ports_files(folder: &Path) -> impl Iterator<Item = std::path::PathBuf> {
    std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "ports"))
}

/// The process number in the server's own file; none while it is not there or half written.
pub(crate) fn pid(file: &Path) -> Option<u32> {
    std::fs::read_to_string(file).ok()?.trim().parse().ok()
}

/// Host and port of an address such as `nats://127.0.0.1:4222`.
pub(crate) fn host_and_port(address: &str) -> Option<(&str, u16)> {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let (host, port) = rest.rsplit_once(':')?;
    Some((host.trim_start_matches('[').trim_end_matches(']'), port.parse().ok()?))
}

/// Whether only this computer can reach the address.
pub(crate) fn is_loopback(address: &str) -> bool {
    host_and_port(address)
        .and_then(|(host, _)| host.parse::<IpAddr>().ok())
        .is_some_and(|address| address.is_loopback())
}

/// Whether the server greets on this port, and with JetStream.
pub(crate) async fn greets(port: u16) -> bool {
    let greeting = async {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).await.ok()?;
        serde_json::from_str::<serde_json::Value>(line.strip_prefix("INFO ")?).ok()
    };
    let greeting = tokio::time::timeout(GREETING_WITHIN, greeting).await.ok().flatten();
    greeting.is_some_and(|info| info["jetstream"] == true)
}

/// The length of a file in bytes; 0 if it is not there.
pub(crate) fn length(file: &Path) -> u64 {
    std::fs::metadata(file).map_or(0, |about| about.len())
}

/// What was written to a log since it had this length. A log that is shorter now was begun anew.
pub(crate) fn written_since(log: &Path, length_then: u64) -> String {
    let mut bytes = Vec::new();
    let read = File::open(log).and_then(|mut file| {
        let from = if length(log) < length_then { 0 } else { length_then };
        file.seek(SeekFrom::Start(from))?;
        file.read_to_end(&mut bytes)
    });
    match read {
        Ok(_) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(_) => String::new(),
    }
}

/// The last lines of a log and of what the server said outside it.
pub(crate) fn last_words(log: &Path, length_then: u64, complaints: &Path) -> String {
    let text = written_since(log, length_then) + &written_since(complaints, 0);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = &lines[lines.len().saturating_sub(LAST_WORDS_LINES)..];
    if last.is_empty() { "(nothing)".to_owned() } else { last.join("\n") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_told_from_the_rest() {
        for address in ["nats://127.0.0.1:4222", "http://127.0.0.1:8222", "nats://[::1]:4222"] {
            assert!(is_loopback(address), "{address}");
        }
        for address in ["nats://10.0.0.1:4222", "nats://0.0.0.0:1", "nats://[::]:1", "nats://name:1", ""] {
            assert!(!is_loopback(address), "{address}");
        }
    }

    #[test]
    fn a_port_is_read_from_an_address() {
        assert_eq!(host_and_port("nats://127.0.0.1:38191"), Some(("127.0.0.1", 38191)));
        assert_eq!(host_and_port("nats://127.0.0.1"), None);
    }
}
