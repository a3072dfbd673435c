//! `hwc brp-mock`: the BRP for invented people, on a port of this machine.
//!
//! ```toml
//! [brp-mock]
//! dataset = "dataset"          # its region.toml must say synthetic = true
//! listen = "127.0.0.1:7501"
//! state_dir = "state"
//! api_key_file = "key"         # absent: anybody on this machine may ask
//! faults = "faults.toml"       # what goes wrong; read again when it changes. Absent: nothing
//! ```

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
};

use hwc_adapter_kit::{
    Kept, LOOK_EVERY,
    table::{TABLE_BYTES_MAX, TableError},
};
use hwc_brp_mock::{Faults, Key, Mock, MockError, Registry};
use hwc_telemetry::LogTo;
use serde::Deserialize;

use crate::{
    daemon::{self, StateError, StateFolder},
    exit::{self, Code},
    region::{self, Region, RegionError},
    settings::{SettingsError, strict},
};

/// What `hwc brp-mock` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The settings file.
    #[arg(long, value_name = "FILE", default_value = "brp-mock.toml")]
    config: PathBuf,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MockFile {
    #[serde(rename = "brp-mock")]
    mock: MockTable,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MockTable {
    dataset: PathBuf,
    listen: SocketAddr,
    state_dir: PathBuf,
    api_key_file: Option<PathBuf>,
    faults: Option<PathBuf>,
}

/// Why there is no mock.
#[derive(Debug, thiserror::Error)]
enum BrpMockError {
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Region(#[from] RegionError),
    #[error(transparent)]
    Table(#[from] TableError),
    #[error("the mock plays the BRP for invented people only: region.toml must say synthetic = true")]
    NotSynthetic,
    #[error("the mock answers this machine only: listen must be an address as in 127.0.0.1:7501")]
    NotHere,
    #[error(transparent)]
    State(#[from] StateError),
    #[error(transparent)]
    Log(#[from] hwc_telemetry::LogError),
    #[error(transparent)]
    Mock(#[from] MockError),
}

impl BrpMockError {
    const fn code(&self) -> Code {
        match self {
            Self::Settings(_) | Self::Region(_) | Self::Table(_) | Self::NotHere => Code::Settings,
            Self::NotSynthetic => Code::Refused,
            Self::State(_) | Self::Log(_) | Self::Mock(_) => Code::Failed,
        }
    }
}

/// Runs until told to stop.
pub(crate) async fn run(arguments: &Arguments) -> ExitCode {
    match until_told(&arguments.config).await {
        Ok(()) => Code::Fine.into(),
        Err(error) => {
            exit::say(&error.to_string());
            error.code().into()
        }
    }
}

async fn until_told(config: &Path) -> Result<(), BrpMockError> {
    let MockFile { mock: of } = strict::read(config)?;
    let folder = config.parent().unwrap_or(Path::new("."));
    if !of.listen.ip().is_loopback() {
        return Err(BrpMockError::NotHere);
    }
    let dataset = folder.join(&of.dataset);
    let invented = Region::read(&dataset)?.synthetic.ok_or(BrpMockError::NotSynthetic)?;
    let registry = Registry::read(&region::file(&dataset, "residents.csv", TABLE_BYTES_MAX)?, invented)?;
    let _state = StateFolder::hold(&folder.join(&of.state_dir))?;
    let key = match &of.api_key_file {
        None => Key::Nobody,
        Some(path) => {
            let bytes = strict::bytes(&folder.join(path))?;
            Key::ApiKey(String::from_utf8_lossy(&bytes).trim().to_owned())
        }
    };
    hwc_telemetry::set_up(LogTo::Stderr, "info")?;
    let faults = match &of.faults {
        None => Kept::fixed(Faults::default()),
        Some(path) => {
            let path = folder.join(path);
            let read = {
                let path = path.clone();
                move || strict::read::<Faults>(&path)
            };
            Kept::follow(vec![path], LOOK_EVERY, read).await?
        }
    };
    let mut present = faults.now();
    let mock = Mock::start(of.listen, registry, key, Faults::clone(&present)).await?;
    tracing::info!(address = %mock.address(), "at work");
    let stopping = daemon::told_to_stop();
    tokio::pin!(stopping);
    loop {
        tokio::select! {
            () = &mut stopping => return Ok(()),
            () = faults.changed_from(&present) => {
                present = faults.now();
                mock.go_wrong(Faults::clone(&present));
                tracing::info!(faults = present.faults.len(), "other faults from now on");
            }
        }
    }
}
