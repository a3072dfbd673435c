//! What lies on this machine: keys, state, zone.

use std::{
    env, fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use hwc_jetstream::Credential;
use hwc_vault::{OperatorPublicKey, SealingKeys};

use super::{Finding, judge};
use crate::{daemon::StateFolder, settings::Relay};

/// Files in the folder of keys that everybody may read.
const NOT_SECRET: [&str; 5] = ["ca.pem", "tls.pem", "operator.pub", "directory.json", "request.json"];
/// Where a process's one-time keys are, in its state folder.
const ONE_TIME_KEYS: &str = "one-time-keys";

/// The folder of keys: closed to others, and holding what is needed.
pub(super) fn keys(relay: &Relay, of_an_engine: bool) -> Finding {
    let folder = &relay.keys;
    let mut secret = match below(folder) {
        Ok(files) => files,
        Err(problem) => {
            let remedy =
                "put the folder there that the operator handed over, or say where it is in [relay] keys";
            return Finding::fails("keys", problem, remedy);
        }
    };
    secret.retain(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        !NOT_SECRET.contains(&name.as_ref())
    });
    let one_time = relay.state_dir.join(ONE_TIME_KEYS);
    if one_time.is_dir() {
        secret.push(one_time);
    }
    let open: Vec<_> =
        secret.iter().filter_map(|path| Some((path.display().to_string(), open(path)?))).collect();
    if let Some(finding) = judge::keys(&open) {
        return finding;
    }
    match usable(folder, of_an_engine) {
        Ok(()) => Finding::fine("keys", format!("{} secret files, closed to others", secret.len())),
        Err(problem) => Finding::fails(
            "keys",
            problem,
            "put the file there that it was made as (hwc keys new, docs/operator.md)",
        ),
    }
}

fn usable(folder: &Path, of_an_engine: bool) -> Result<(), String> {
    Credential::read(&folder.join("nkey")).map_err(|error| error.to_string())?;
    OperatorPublicKey::load(&folder.join("operator.pub")).map_err(|error| error.to_string())?;
    if !of_an_engine {
        SealingKeys::load(folder).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// The mode of what others can read; none if they cannot.
fn open(path: &Path) -> Option<u32> {
    let mode = fs::symlink_metadata(path).ok()?.mode() & 0o7777;
    (mode & 0o077 != 0).then_some(mode)
}

fn below(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    let entries = fs::read_dir(folder).map_err(failed)?;
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        if entry.file_type().map_err(failed)?.is_file() {
            files.push(entry.path());
        }
    }
    files.sort_unstable();
    Ok(files)
}

/// The state folder: ours, and closed to others. One that is not there yet is made at the start.
pub(super) fn state(relay: &Relay) -> Finding {
    let folder = &relay.state_dir;
    let (path, me) = (folder.display(), rustix::process::geteuid().as_raw());
    let Ok(found) = fs::metadata(folder) else {
        return Finding::fine("state", "not there yet; the first start makes it");
    };
    if found.uid() != me {
        let says = format!("{path} belongs to another user (number {})", found.uid());
        return Finding::fails("state", says, "run this as the user that the process runs as");
    }
    let mode = found.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Finding::fails("state", format!("{path} has mode {mode:04o}"), format!("chmod 700 {path}"));
    }
    match StateFolder::holder(folder) {
        Some(process) => Finding::fine("state", format!("held by process {process}")),
        None => Finding::warns("state", "no process holds it: it does not run", "start it, if it should"),
    }
}

/// The folder that reports are moved into.
pub(super) fn inbox(inbox: &Path) -> Finding {
    let path = inbox.display();
    let Ok(found) = fs::metadata(inbox) else {
        return Finding::fine("inbox", "not there yet; the first start makes it");
    };
    let mode = found.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Finding::fails("inbox", format!("{path} has mode {mode:04o}"), format!("chmod 700 {path}"));
    }
    let aside = crate::ops::dead::set_aside(inbox).len();
    if aside > 0 {
        let says = format!("{aside} files were set aside: what they report was not sent");
        return Finding::warns("inbox", says, "hwc dead-letters list");
    }
    Finding::fine("inbox", "nothing was set aside")
}

/// What this machine says that its zone is: `TZ`, or where `/etc/localtime` leads.
pub(super) fn machines_zone() -> Option<String> {
    let said = env::var("TZ").ok().map(|zone| zone.trim_start_matches(':').to_owned());
    said.filter(|zone| !zone.is_empty()).or_else(|| {
        let leads = fs::read_link("/etc/localtime").ok()?;
        let leads = leads.to_string_lossy();
        Some(leads.split_once("zoneinfo/")?.1.to_owned())
    })
}
