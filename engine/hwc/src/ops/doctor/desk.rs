//! A municipality's desk that runs as a user of its own, and the socket between it and the municipality's process.

use std::path::Path;

use hwc_adapter_kit::counter::hatch as socket;

use super::{Finding, files};
use crate::roles::desk::Looked;

/// What the desk needs but its page and its mail: a folder of its own, and somebody who answers.
pub(super) async fn looked(looked: &Looked) -> Vec<Finding> {
    let counter = match looked.silence().await {
        None => Finding::fine("counter", format!("the process of {} answers", looked.municipality)),
        Some(problem) => Finding::fails(
            "counter",
            problem,
            "is hwc municipality running, does its desk_socket say the same as [counter] socket, and is this the desk's own user?",
        ),
    };
    vec![files::state(&looked.relay), counter]
}

/// The socket as the municipality's process would open it. Nothing is opened.
pub(super) fn hatch(path: &Path) -> Finding {
    let name = "desk socket";
    match socket::check(path) {
        Ok(()) => Finding::fine(name, "its folder is closed to all but the group that may ask"),
        Err(error) if !path.parent().is_some_and(Path::exists) => Finding::warns(
            name,
            error.to_string(),
            "systemd-tmpfiles --create makes the folder (docs/desk.md)",
        ),
        Err(error) => Finding::fails(name, error.to_string(), "as it says (docs/desk.md)"),
    }
}
