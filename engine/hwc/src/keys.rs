//! `hwc keys`: an organisation's own keys, and whose keys it believes, on the command line.

use std::{
    collections::BTreeMap,
    fmt::{self, Display, Formatter},
    path::PathBuf,
    process::ExitCode,
};

use clap::Subcommand;
use hwc_operator::{Member, OperatorError, keys};
use hwc_schemas::Organisation;
use hwc_vault::{
    BookError, Fingerprint, KeyFileError, OperatorKeyError, OperatorPublicKey, SealingKeys, Shelf,
};
use serde::{Deserialize, Serialize};

use crate::{
    cli::Output,
    exit::{self, Code},
    outcome::{self, Outcome, tell},
    settings::{Common, HasRelay, RelayTable, Settings, SettingsError},
};

/// What `hwc keys` takes.
#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// Makes new keys in a folder of their own, and the request that goes to the operator.
    New {
        /// An organisation as in school-01AA00, an engine as in engine-one or a board as in board-one.
        member: Member,
        /// The folder to make.
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
        /// The folder with the keys until now, so that what was sealed to them still opens.
        #[arg(long, value_name = "DIR")]
        earlier: Option<PathBuf>,
        /// How to print it.
        #[arg(short, long, value_enum, default_value_t = Output::Text)]
        output: Output,
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
        /// How to print it.
        #[arg(short, long, value_enum, default_value_t = Output::Text)]
        output: Output,
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
        Ok(code) => code.into(),
        Err(error) => {
            exit::say(&error.to_string());
            error.code().into()
        }
    }
}

fn done(action: Action) -> Result<Code, KeysError> {
    Ok(match action {
        Action::New { member, dir, earlier, output } => {
            let request = keys::make(&member, &dir, earlier.as_deref())?;
            let (member, fingerprint) = (member.to_string(), request.fingerprint().to_string());
            tell(output, &Made { member, request: dir.join(keys::REQUEST), folder: dir, fingerprint })
        }
        Action::Show { common, output } => tell(output, &Places::read(&common)?.shown()?),
        Action::Confirm { organisation, fingerprint, common, output } => {
            let places = Places::read(&common)?;
            places.shelf.confirm(&organisation, fingerprint)?;
            let (organisation, fingerprint) = (organisation.to_string(), fingerprint.to_string());
            tell(output, &Confirmed { organisation, fingerprint, believed: true })
        }
    })
}

/// New keys, and what goes to the operator.
#[derive(Serialize)]
struct Made {
    member: String,
    #[serde(serialize_with = "outcome::path")]
    folder: PathBuf,
    #[serde(serialize_with = "outcome::path")]
    request: PathBuf,
    fingerprint: String,
}

impl Outcome for Made {}

impl Display for Made {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { member, folder, request, fingerprint } = self;
        write!(
            f,
            "Keys for {member} are in {}. They never leave this machine.\n\
             Send the operator: {}\n\
             Read out to the operator, by telephone: {fingerprint}\n\
             What comes back from the operator goes into the same folder.",
            folder.display(),
            request.display(),
        )
    }
}

/// A changed key that is believed from now on.
#[derive(Serialize)]
struct Confirmed {
    organisation: String,
    fingerprint: String,
    believed: bool,
}

impl Outcome for Confirmed {}

impl Display for Confirmed {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let whose = &self.organisation;
        write!(f, "The key of {whose} is believed from now on; a running process heeds it at once.")
    }
}

/// Where this organisation's things are.
struct Places {
    own: PathBuf,
    operator: OperatorPublicKey,
    shelf: Shelf,
}

/// What is shown.
#[derive(Serialize)]
struct Shown {
    own: Option<String>,
    operator: String,
    serial: u64,
    organisations: Vec<Row>,
}

/// One organisation, and whether its key is believed.
#[derive(Serialize)]
struct Row {
    name: String,
    fingerprint: String,
    believed: bool,
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
        let book = self.shelf.read()?;
        let row = |(organisation, fingerprint): (&Organisation, Fingerprint)| Row {
            name: organisation.to_string(),
            fingerprint: fingerprint.to_string(),
            believed: book.key_to_seal_to(organisation).is_ok(),
        };
        let listed = book.directory().iter().map(|(whose, listed)| (whose, listed.key.fingerprint()));
        Ok(Shown {
            own: own.map(|keys| keys.present().public_key().fingerprint().to_string()),
            operator: self.operator.fingerprint().to_string(),
            serial: book.directory().serial(),
            organisations: listed.map(row).collect(),
        })
    }
}

impl Outcome for Shown {}

impl Display for Shown {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut table = comfy_table::Table::new();
        table.load_style(comfy_table::presets::NOTHING);
        table.set_header(["organisation", "fingerprint of its key", ""]);
        for Row { name, fingerprint, believed } in &self.organisations {
            let state = if *believed { "" } else { "CHANGED, not confirmed: nothing is sealed to it" };
            table.add_row([name, fingerprint, state]);
        }
        let own = self.own.as_deref().unwrap_or("-");
        let Self { operator, serial, .. } = self;
        write!(f, "our own key   {own}\noperator      {operator}\nserial        {serial}\n\n{table}")
    }
}
