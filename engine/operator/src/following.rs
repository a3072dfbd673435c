//! For an engine: the operator's signed directory as it lies in its file, now and whenever it changes.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc, time::Duration};

use hwc_jetstream::{Published, Tasks};
use hwc_schemas::Organisation;
use hwc_vault::{Directory, DirectoryError, OperatorPublicKey, read_signed};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};

/// How often the file is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The directory, followed for as long as this lives.
#[derive(Debug)]
pub struct Following {
    directory: watch::Receiver<Arc<Directory>>,
    published: watch::Receiver<Published>,
    looking: JoinHandle<()>,
}

impl Following {
    /// Reads the directory, checks that the operator signed it, and follows its file. A later one that is not signed, or is
    /// older, is not taken: the last good one stays.
    pub fn start(path: PathBuf, operator: OperatorPublicKey) -> Result<Self, DirectoryError> {
        let (signed, directory) = read_signed(&path, &operator)?;
        let (tell_published, published) =
            watch::channel(Published { serial: directory.serial(), text: signed.clone().into() });
        let (tell, directory) = watch::channel(Arc::new(directory));
        let looking = tokio::spawn(async move {
            let mut every = interval(LOOK_EVERY);
            every.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut about = std::fs::metadata(&path).and_then(|about| about.modified()).ok();
            let mut first = true;
            loop {
                every.tick().await;
                let now = std::fs::metadata(&path).and_then(|about| about.modified()).ok();
                // The first look is for what changed while it was read.
                if now == about && !first {
                    continue;
                }
                (about, first) = (now, false);
                let serial = tell.borrow().serial();
                match read_signed(&path, &operator) {
                    Ok((signed, directory)) if directory.serial() > serial => {
                        tracing::info!(serial = directory.serial(), "a new directory of organisations");
                        tell_published
                            .send_replace(Published { serial: directory.serial(), text: signed.into() });
                        tell.send_replace(Arc::new(directory));
                    }
                    Ok((_, directory)) if directory == **tell.borrow() => {}
                    Ok((_, directory)) => {
                        let offered = directory.serial();
                        tracing::error!(
                            offered,
                            serial,
                            "the directory in the file is an old one; the last one stays"
                        );
                    }
                    Err(error) => {
                        tracing::error!(%error, "the directory in the file is not taken; the last one stays");
                    }
                }
            }
        });
        Ok(Self { directory, published, looking })
    }

    /// Who takes part, now and whenever it changes.
    pub fn directory(&self) -> watch::Receiver<Arc<Directory>> {
        self.directory.clone()
    }

    /// What the door `directory` hands out: for [`hwc_jetstream::DirectoryDoor`].
    pub fn published(&self) -> watch::Receiver<Published> {
        self.published.clone()
    }

    /// Lets everybody in the directory have their tasks, and whoever joins, until the directory is followed no more.
    pub async fn admit(mut directory: watch::Receiver<Arc<Directory>>, tasks: Tasks) {
        let mut admitted: BTreeSet<Organisation> = BTreeSet::new();
        loop {
            let now = Arc::clone(&directory.borrow_and_update());
            let mut all = true;
            for (organisation, _) in
                now.iter().filter(|(one, _)| !admitted.contains(*one)).collect::<Vec<_>>()
            {
                match tasks.admit(organisation).await {
                    Ok(()) => {
                        admitted.insert(organisation.clone());
                    }
                    Err(error) => {
                        all = false;
                        tracing::warn!(%organisation, %error, "its tasks could not be opened; trying again");
                    }
                }
            }
            if all {
                if directory.changed().await.is_err() {
                    return;
                }
            } else {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.looking.abort();
    }
}
