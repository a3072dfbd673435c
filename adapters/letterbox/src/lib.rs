//! The reference adapter: a folder in, a folder out. The one to copy.
//!
//! An organisation's own program, in any language, takes part by reading and writing files. The letterbox opens nothing
//! and has no sealing key: what is sealed stays sealed until the organisation's own program opens it.
//!
//! ```text
//! tasks/TASK.json      what the engine asks. Delete it when you are done: that acknowledges it.
//! out/NAME.json        what you want: a command or a fetch, one JSON object. Write it elsewhere, then move it here.
//! answers/NAME.json    what the engine said to it. The file in out/ is gone by then. Delete it when you have read it.
//! set-aside/NAME.json  what could not be read, with NAME.json.reason beside it.
//! ```
//!
//! Killed at any moment, it goes on where it was: a task that was not acknowledged comes again, a command that was
//! submitted twice is answered as *already recorded*.

mod folder;

use std::{path::PathBuf, time::Duration};

use hwc_adapter_kit::door::{Door, DoorError, Offered};
use hwc_schemas::{
    message,
    wire::{Answer, Command, Fetch, Fetched, Sealed},
};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

pub use folder::{Folder, FolderError};

/// How often the folders are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// How long to wait before something that did not work is tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// What an organisation puts into `out/`.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Wish {
    Command(Command<Sealed>),
    Fetch(Fetch),
}

/// What it finds in `answers/`.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Reply {
    Answer(Answer),
    Fetched(Fetched),
}

/// A letterbox between a folder and the engine.
pub struct Letterbox {
    door: Door,
    folder: Folder,
}

impl Letterbox {
    /// Opens a letterbox. The folder must be its owner's alone; what is missing in it is made.
    pub fn open(door: Door, folder: impl Into<PathBuf>) -> Result<Self, FolderError> {
        Ok(Self { door, folder: Folder::open(folder.into())? })
    }

    /// Carries letters both ways until the future is dropped or the door closes.
    pub async fn run(self) -> Result<(), DoorError> {
        let mut feed = self.door.tasks().await?;
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut held = JoinSet::new();
        loop {
            tokio::select! {
                offered = feed.next() => match offered {
                    Some(offered) => self.hold(offered, &mut held),
                    None => return Ok(()),
                },
                _ = look.tick() => self.carry_out().await,
            }
            while held.try_join_next().is_some() {}
        }
    }

    /// Lays a task into `tasks/`, and acknowledges it once it is deleted there. A task that is offered again while its file
    /// is still there changes nothing.
    fn hold(&self, offered: Offered, held: &mut JoinSet<()>) {
        let folder = self.folder.clone();
        held.spawn(async move {
            let name = format!("{}.json", offered.task.id());
            if let Err(error) = folder.lay_task(&name, &offered.task) {
                tracing::error!(task = %name, %error, "a task could not be laid into the folder; it comes again");
                return;
            }
            let deleted = async {
                while !folder.was_deleted(&name) {
                    tokio::time::sleep(LOOK_EVERY).await;
                }
            };
            offered.keep(deleted).await;
            if let Err(error) = offered.acknowledge().await {
                tracing::warn!(task = %name, %error, "a task could not be acknowledged; it comes again");
            }
        });
    }

    /// Takes what lies in `out/`, one by one and in the order of names.
    async fn carry_out(&self) {
        for name in self.folder.outgoing() {
            match self.folder.read_outgoing(&name) {
                Ok(bytes) => match message::read::<Wish>(&bytes) {
                    Ok(wish) => {
                        let reply = self.ask(wish).await;
                        if let Err(error) = self.folder.answer(&name, &reply) {
                            tracing::error!(%error, "an answer could not be written; the same is asked again");
                        }
                    }
                    Err(_) => self.set_aside(&name, "not a command or a fetch of this version"),
                },
                Err(reason) => self.set_aside(&name, reason),
            }
        }
    }

    async fn ask(&self, wish: Wish) -> Reply {
        loop {
            let reply = match &wish {
                Wish::Command(command) => self.door.submit(command).await.map(Reply::Answer),
                Wish::Fetch(fetch) => self.door.fetch(fetch).await.map(Reply::Fetched),
            };
            match reply {
                Ok(Reply::Answer(Answer::TryLater) | Reply::Fetched(Fetched::TryLater)) => {}
                Ok(reply) => return reply,
                Err(error) => tracing::warn!(%error, "the engine did not answer; asking the same again"),
            }
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    }

    fn set_aside(&self, name: &str, reason: &'static str) {
        match self.folder.set_aside(name, reason) {
            Ok(()) => tracing::warn!(reason, "a letter was set aside"),
            Err(error) => tracing::error!(%error, "a letter could not be set aside"),
        }
    }
}

#[cfg(test)]
mod tests {
    use hwc_hostile::{CANARY, Trial};

    use super::*;

    #[test]
    fn what_is_put_into_the_folder_withstands_and_the_reason_for_setting_it_aside_says_nothing_of_it() {
        let incident = "00000000000000000000000000000007";
        let seeds = [
            format!(r#"{{"command":"acknowledge","signal":"{incident}-1","round":1}}"#),
            format!(r#"{{"command":"record","incident":"{incident}","day":"2026-11-19","report":"AQID"}}"#),
            format!(r#"{{"fetch":"letter","signal":"{incident}-1","round":1}}"#),
        ];
        let read =
            |bytes: &[u8]| message::read::<Wish>(bytes).err().map(|error| format!("{error} {error:?}"));
        let trial = Trial::new(seeds, read);
        trial.withstands();
        assert!(trial.says(format!(r#"{{"command":"{CANARY}"}}"#).as_bytes()).is_some());
    }
}
