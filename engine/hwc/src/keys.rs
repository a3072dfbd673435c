//! `hwc keys`: an organisation's own keys, and whose keys it believes, on the command line.

use std::{collections::BTreeMap, path::PathBuf, process::ExitCode};

use clap::Subcommand;
use hwc_operator::{Member, OperatorError, keys};
use hwc_schemas::Organisation;
use hwc_vault::{
    AddressBook, BookError, Fingerprint, KeyFileError, OperatorKeyError, OperatorPublicKey, SealingKeys,
    Shelf,
};
use serde::Deserialize;
use serde_json::json;

use crate::{
    cli::{Output, print},
    exit::{self, Code},
    settings::{Common, HasRelay, RelayTable, Settings, SettingsError},
};

/// What `hwc keys` takes.
#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// Makes new keys in a folder of their own, and the request that goes to the operator.
    New {
        /// An organisation as in school-01AA00, or an engine as in engine-one.
        member: Member,
        /// The folder to make.
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
        /// The folder with the keys until now, so that what was sealed to them still opens.
        #[arg(long, value_name = "DIR")]
        earlier: Option<PathBuf>,
    },
    /// Shows our own fingerprint, the operator's, and whose keys we believe.
    Show {
        #[command(flatten)]
        common: Common,
        /// How to print it.
        #[arg(short, long, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
    /// Believes an organisation's changed key, once its fingerprint was compared by telephone.
    Confirm {
        /// Whose, as in school-01AA00.
        organisation: Organisation,
        /// The fingerprint that they read out.
        #[arg(long, value_name = "TEXT")]
        fingerprint: Fingerprint,
        #[command(flatten)]
        common: Common,
    },
}

/// Any process's settings file: only its table `[relay]` counts here.
#[derive(Debug, Deserialize)]
struct AnyFile {
    relay: RelayTable,
    #[serde(flatten)]
    _others: BTreeMap<String, toml::Value>,
}

impl HasRelay for AnyFile {
    fn relay(&self) -> &RelayTable {
        &self.relay
    }
}

/// Why it did not work.
#[derive(Debug, thiserror::Error)]
enum KeysError {
    #[error(transparent)]
    Made(#[from] OperatorError),
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Book(#[from] BookError),
    #[error(transparent)]
    Own(#[from] KeyFileError),
    #[error("operator.pub in the folder of keys: {0}")]
    Operator(#[from] OperatorKeyError),
}

impl KeysError {
    const fn code(&self) -> Code {
        match self {
            Self::Book(BookError::NotConfirmed(_)) | Self::Made(OperatorError::Exists(_)) => Code::Refused,
            Self::Settings(_) | Self::Own(_) | Self::Operator(_) => Code::Settings,
            Self::Made(_) | Self::Book(_) => Code::Failed,
        }
    }
}

/// Runs the command.
pub(crate) fn run(action: Action) -> ExitCode {
    match done(action) {
        Ok(text) => print(&text),
        Err(error) => {
            exit::say(&error.to_string());
            error.code().into()
        }
    }
}

fn done(action: Action) -> Result<String, KeysError> {
    match action {
        Action::New { member, dir, earlier } => {
            let request = keys::make(&member, &dir, earlier.as_deref())?;
            Ok(format!(
                "Keys for {member} are in {}. They never leave this machine.\n\
                 Send the operator: {}\n\
                 Read out to the operator, by telephone: {}\n\
                 What comes back from the operator goes into the same folder.\n",
                dir.display(),
                dir.join(keys::REQUEST).display(),
                request.fingerprint(),
            ))
        }
        Action::Show { common, output } => {
            let shown = Places::read(&common)?.shown()?;
            Ok(match output {
                Output::Text => shown.page(),
                Output::Json => format!("{}\n", shown.json()),
            })
        }
        Action::Confirm { organisation, fingerprint, common } => {
            let places = Places::read(&common)?;
            places.shelf.confirm(&organisation, fingerprint)?;
            Ok(format!(
                "The key of {organisation} is believed from now on; a running process heeds it at once.\n"
            ))
        }
    }
}

/// Where this organisation's things are.
struct Places {
    own: PathBuf,
    operator: OperatorPublicKey,
    shelf: Shelf,
}

/// What is shown.
struct Shown {
    own: Option<Fingerprint>,
    operator: Fingerprint,
    book: AddressBook,
}

impl Places {
    fn read(common: &Common) -> Result<Self, KeysError> {
        let relay = Settings::<AnyFile>::read(common)?.relay;
        let operator = OperatorPublicKey::load(&relay.keys.join(keys::OPERATOR))?;
        let shelf = Shelf::new(relay.state_dir, operator.clone());
        Ok(Self { own: relay.keys, operator, shelf })
    }

    fn shown(&self) -> Result<Shown, KeysError> {
        // An engine has no key that opens anything.
        let own =
            self.own.join(SealingKeys::FILE).exists().then(|| SealingKeys::load(&self.own)).transpose()?;
        Ok(Shown {
            own: own.map(|keys| keys.present().public_key().fingerprint()),
            operator: self.operator.fingerprint(),
            book: self.shelf.read()?,
        })
    }
}

impl Shown {
    /// Everybody: name, fingerprint, and whether it is believed.
    fn rows(&self) -> impl Iterator<Item = (String, String, bool)> {
        self.book.directory().iter().map(|(organisation, listed)| {
            let believed = self.book.key_to_seal_to(organisation).is_ok();
            (organisation.to_string(), listed.key.fingerprint().to_string(), believed)
        })
    }

    fn page(&self) -> String {
        let mut table = comfy_table::Table::new();
        table.load_style(comfy_table::presets::NOTHING);
        table.set_header(["organisation", "fingerprint of its key", ""]);
        for (name, fingerprint, believed) in self.rows() {
            let state = if believed { "" } else { "CHANGED, not confirmed: nothing is sealed to it" };
            table.add_row([name, fingerprint, state.to_owned()]);
        }
        let own = self.own.map_or_else(|| "-".to_owned(), |own| own.to_string());
        let serial = self.book.directory().serial();
        format!("our own key   {own}\noperator      {}\nserial        {serial}\n\n{table}\n", self.operator)
    }

    fn json(&self) -> serde_json::Value {
        let organisations: Vec<_> = self
            .rows()
            .map(|(name, fingerprint, believed)| {
                json!({ "name": name, "fingerprint": fingerprint, "believed": believed })
            })
            .collect();
        json!({
            "own": self.own.map(|own| own.to_string()),
            "operator": self.operator.to_string(),
            "serial": self.book.directory().serial(),
            "organisations": organisations,
        })
    }
}
