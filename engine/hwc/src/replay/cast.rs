//! The organisations of a replay: each with a credential, a sealing key and a folder of its own.

use std::{
    collections::BTreeMap,
    fs::{DirBuilder, OpenOptions},
    io::Write as _,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use hwc_jetstream::{Credential, PublicNkey, permissions};
use hwc_police::ReferenceKey;
use hwc_schemas::{Organisation, Role};
use hwc_vault::{Directory, OsChance, SealingKey};
use zeroize::Zeroizing;

use super::ReplayError;
use crate::dataset::Dataset;

/// Everybody who takes part, and where their secrets lie.
pub(super) struct Cast {
    pub(super) engine: Credential,
    pub(super) police: Organisation,
    pub(super) veilig_thuis: Organisation,
    pub(super) municipalities: Vec<Organisation>,
    pub(super) schools: Vec<Organisation>,
    keys: PathBuf,
    public: BTreeMap<Organisation, PublicNkey>,
    pub(super) directory: Directory,
}

impl Cast {
    /// Makes every key and credential, in files of mode 600 below `folder`.
    pub(super) fn assemble(dataset: &Dataset, folder: &Path) -> Result<Self, ReplayError> {
        let keys = folder.join("keys");
        private_folder(&keys)?;
        let named = |role, code: &str| {
            Organisation::new(role, code)
                .map_err(|_| ReplayError::Setup("an organisation's code is no name".to_owned()))
        };
        let police = named(Role::Police, "region")?;
        let veilig_thuis = named(Role::VeiligThuis, "region")?;
        let municipalities =
            dataset.participating.iter().map(|code| named(Role::Municipality, code.as_str()));
        let municipalities = municipalities.collect::<Result<Vec<_>, _>>()?;
        let schools = dataset.receiving_schools().map(|code| named(Role::School, code.as_str()));
        let schools = schools.collect::<Result<Vec<_>, _>>()?;

        let mut cast = Self {
            engine: Credential::generate(),
            police,
            veilig_thuis,
            municipalities,
            schools,
            keys,
            public: BTreeMap::new(),
            directory: Directory::default(),
        };
        let engine = cast.keys.join("engine");
        private_folder(&engine)?;
        cast.engine.write(&engine.join("nkey")).map_err(ReplayError::setup)?;
        for organisation in cast.everybody() {
            let own = cast.folder(&organisation);
            private_folder(&own)?;
            let credential = Credential::generate();
            credential.write(&own.join("nkey")).map_err(ReplayError::setup)?;
            let key = SealingKey::generate(&mut OsChance).map_err(ReplayError::setup)?;
            key.save(&own.join("seal")).map_err(ReplayError::setup)?;
            cast.public.insert(organisation.clone(), credential.public());
            cast.directory.insert(organisation, key.public_key());
        }
        write_private(&folder.join("directory.json"), cast.directory.to_string().as_bytes())?;
        Ok(cast)
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
        let organisations: Vec<_> = self.public.iter().map(|(who, key)| (who.clone(), key.clone())).collect();
        permissions::accounts(&self.engine.public(), &organisations)
    }

    /// An organisation's secrets, read from its own files as its own process would.
    pub(super) fn secrets(
        &self,
        organisation: &Organisation,
    ) -> Result<(Credential, SealingKey), ReplayError> {
        let own = self.folder(organisation);
        let credential = Credential::read(&own.join("nkey")).map_err(ReplayError::setup)?;
        let key = SealingKey::load(&own.join("seal")).map_err(ReplayError::setup)?;
        Ok((credential, key))
    }

    /// The police's own secret, from which incident ids are derived; new with every run.
    pub(super) fn reference_key(&self) -> Result<ReferenceKey, ReplayError> {
        let mut bytes = Zeroizing::new([0_u8; 32]);
        getrandom::fill(&mut *bytes).map_err(ReplayError::setup)?;
        write_private(&self.folder(&self.police).join("reference"), &*bytes)?;
        Ok(ReferenceKey::new(bytes))
    }

    fn folder(&self, organisation: &Organisation) -> PathBuf {
        self.keys.join(organisation.to_string())
    }
}

/// Makes a folder that only its owner may enter.
pub(super) fn private_folder(path: &Path) -> Result<(), ReplayError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(ReplayError::setup)
}

/// Writes a new file that only its owner may read.
fn write_private(path: &Path, content: &[u8]) -> Result<(), ReplayError> {
    let open = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    open.and_then(|mut file| file.write_all(content)).map_err(ReplayError::setup)
}
