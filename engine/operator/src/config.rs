//! The broker's configuration, as it follows from the register.

use std::path::Path;

use hwc_jetstream::{PublicNkey, TlsFiles, permissions};
use hwc_schemas::Organisation;

use crate::{Places, Seat, register::Register};

/// The part that is made anew with every change: accounts, what each may do and how much of it, and TLS.
pub(crate) fn accounts(register: &Register, files: &TlsFiles) -> String {
    let organisations: Vec<(Organisation, PublicNkey)> = register
        .organisations()
        .filter_map(|(organisation, entry)| Some((organisation.clone(), entry.nkey.parse().ok()?)))
        .collect();
    let mut admitted = register.certificates();
    if admitted.is_empty() {
        // An empty list would let every certificate in; nobody's key hashes to this.
        admitted.push([0; 32]);
    }
    format!(
        "# Made by hwc operator, serial {}. Changes made here by hand are lost with the next one.\n{}{}\
         # What one connection may make the broker keep or read.\n\
         max_control_line: 4KB\nmax_pending: 32MB\nwrite_deadline: \"10s\"\n",
        register.serial,
        permissions::region(&register.engines(), &register.boards(), &organisations, register.limits()),
        permissions::tls(files, &admitted),
    )
}

/// The file that the server is started with: written once, the operator's to change.
pub(crate) fn server(accounts: &str, store: &Path, register: &Register) -> String {
    let quoted = |path: &Path| format!("{:?}", path.to_string_lossy());
    format!(
        "# Written once by hwc operator init; from then on it is yours. Start the broker with: nats-server -c THIS_FILE\n\
         include {accounts:?}\n\
         server_name: \"hwc-1\"\n\
         listen: \"0.0.0.0:4222\"\n\
         pid_file: {}\n\
         log_file: {}\n\
         logtime_utc: true\n\
         # Never true: payloads would reach the log.\n\
         debug: false\n\
         trace: false\n\
         max_payload: {}\n\
         # On a volume of its own, mounted with `discard`; never `key` or `cipher`, which turn erasing off.\n\
         jetstream {{\n  store_dir: {}\n  sync_interval: always\n  max_file_store: 16GB\n  max_memory_store: 1GB\n}}\n",
        quoted(&register.broker.pid_file),
        quoted(&register.broker.log_file),
        register.broker.message_bytes_max,
        quoted(store),
    )
}

/// The same for one broker of a cluster, but for what it says of the others. It logs to its service manager.
pub(crate) fn of_a_cluster(register: &Register, at: usize, seat: &Seat, places: &Places) -> String {
    format!(
        "# Written once by hwc operator layout; from then on it is yours.\n\
         include \"accounts.conf\"\n\
         server_name: \"hwc-{}\"\n\
         listen: \"{}:{}\"\n\
         logtime_utc: true\n\
         # Never true: payloads would reach the log.\n\
         debug: false\n\
         trace: false\n\
         max_payload: {}\n\
         # A polite stop sends clients to the other brokers first.\n\
         lame_duck_duration: \"30s\"\n\
         lame_duck_grace_period: \"5s\"\n\
         # On a volume of its own, mounted with `discard`; never `key` or `cipher`, which turn erasing off.\n\
         jetstream {{\n  store_dir: {:?}\n  sync_interval: always\n  max_file_store: 16GB\n  max_memory_store: 1GB\n}}\n",
        at + 1,
        places.listen,
        seat.port,
        register.broker.message_bytes_max,
        places.store.to_string_lossy(),
    )
}
