//! The organisations of a replay: each with a credential and a sealing key of its own.

use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder, OpenOptions, Permissions},
    io::Write as _,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use hwc_jetstream::{Credential, permissions};
use hwc_police::ReferenceKey;
use hwc_schemas::{Organisation, Role};
use hwc_vault::{Directory, OsChance, SealingKey};
use zeroize::Zeroizing;

use super::ReplayError;
use crate::dataset::Dataset;

/// Everybody who takes part, and their secrets.
pub(super) struct Cast {
    pub(super) engine: Credential,
    pub(super) police: Organisation,
    pub(super) veilig_thuis: Organisation,
    pub(super) municipalities: Vec<Organisation>,
    pub(super) schools: Vec<Organisation>,
    secrets: BTreeMap<Organisation, Secrets>,
    pub(super) directory: Directory,
    /// Where secrets are kept; none when the run is, and what is left of it after a kill then opens nothing.
    keys: Option<PathBuf>,
}

/// What an organisation needs to take part.
#[derive(Clone)]
pub(super) struct Secrets {
    pub(super) credential: Credential,
    pub(super) key: Arc<SealingKey>,
}

impl Cast {
    /// Makes every key and credential; in files of mode 600 below `folder` if they are to be kept, else only in memory.
    pub(super) fn assemble(dataset: &Dataset, folder: &Path, kept: bool) -> Result<Self, ReplayError> {
        let named = |role, code: &str| {
            Organisation::new(role, code)
                .map_err(|_| ReplayError::Setup("an organisation's code is no name".to_owned()))
        };
        let municipalities =
            dataset.participating.iter().map(|code| named(Role::Municipality, code.as_str()));
        let schools = dataset.receiving_schools().map(|code| named(Role::School, code.as_str()));
        let mut cast = Self {
            engine: Credential::generate(),
            police: named(Role::Police, "region")?,
            veilig_thuis: named(Role::VeiligThuis, "region")?,
            municipalities: municipalities.collect::<Result<_, _>>()?,
            schools: schools.collect::<Result<_, _>>()?,
            secrets: BTreeMap::new(),
            directory: Directory::default(),
            keys: kept.then(|| folder.join("keys")),
        };
        for organisation in cast.everybody() {
            let key = SealingKey::generate(&mut OsChance).map_err(ReplayError::setup)?;
            cast.directory.insert(organisation.clone(), key.public_key());
            cast.secrets
                .insert(organisation, Secrets { credential: Credential::generate(), key: Arc::new(key) });
        }
        if let Some(keys) = &cast.keys {
            cast.keep(keys)?;
            write_private(&folder.join("directory.json"), cast.directory.to_string().as_bytes())?;
        }
        Ok(cast)
    }

    fn keep(&self, keys: &Path) -> Result<(), ReplayError> {
        let engine = keys.join("engine");
        private_folder(keys)?;
        private_folder(&engine)?;
        self.engine.write(&engine.join("nkey")).map_err(ReplayError::setup)?;
        for (organisation, Secrets { credential, key }) in &self.secrets {
            let own = keys.join(organisation.to_string());
            private_folder(&own)?;
            credential.write(&own.join("nkey")).map_err(ReplayError::setup)?;
            key.save(&own.join("seal")).map_err(ReplayError::setup)?;
        }
        Ok(())
    }

    /// Everybody but the engine.
    pub(super) fn everybody(&self) -> Vec<Organisation> {
        [&self.police, &self.veilig_thuis]
            .into_iter()
            .chain(&self.municipalities)
            .chain(&self.schools)
            .cloned()
            .collect()
    }

    /// The broker's accounts: one for each organisation, and what each may do.
    pub(super) fn accounts(&self) -> String {
        let public = |(who, own): (&Organisation, &Secrets)| (who.clone(), own.credential.public());
        let organisations: Vec<_> = self.secrets.iter().map(public).collect();
        permissions::accounts(&self.engine.public(), &organisations)
    }

    /// An organisation's own secrets, and no other's.
    pub(super) fn secrets(&self, organisation: &Organisation) -> Result<Secrets, ReplayError> {
        let own = self.secrets.get(organisation).cloned();
        own.ok_or_else(|| ReplayError::Setup(format!("{organisation} takes no part")))
    }

    /// The police's own secret, from which incident ids are derived; new with every run.
    pub(super) fn reference_key(&self) -> Result<ReferenceKey, ReplayError> {
        let mut bytes = Zeroizing::new([0_u8; 32]);
        getrandom::fill(&mut *bytes).map_err(ReplayError::setup)?;
        if let Some(keys) = &self.keys {
            write_private(&keys.join(self.police.to_string()).join("reference"), &*bytes)?;
        }
        Ok(ReferenceKey::new(bytes))
    }
}

/// Makes a folder that only its owner may enter.
pub(super) fn private_folder(path: &Path) -> Result<(), ReplayError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(ReplayError::setup)?;
    // It may have been there, and open.
    fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(ReplayError::setup)
}

/// Writes a new file that only its owner may read.
fn write_private(path: &Path, content: &[u8]) -> Result<(), ReplayError> {
    let open = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    open.and_then(|mut file| file.write_all(content)).map_err(ReplayError::setup)
}
