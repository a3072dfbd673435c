//! The first contact of a school: their passphrase wraps the school's key, and the key as it was goes off this machine.

use std::{
    fmt::{self, Display, Formatter},
    fs::{self, File},
    io::{self, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
};

use hwc_portal::Locker;
use hwc_schemas::{Organisation, Role};
use hwc_vault::{Guard, SealingKey, SealingKeys};
use hwc_web::passphrase::Passphrase;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use serde::Serialize;
use zeroize::Zeroizing;

use super::PortalFile;
use crate::{
    daemon::StateFolder,
    exit::{self, Code},
    member::KeysError,
    outcome::{Outcome, tell},
    roles::{RoleError, holdings, words::How},
    settings::{Common, Relay, Settings},
};

/// Whose first contact. Name, address and passphrase are no flags, which everybody on the machine could read in the list of
/// processes: they are asked for, and the passphrase may be in a file.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// De school, zoals school-01AA00 (the school).
    school: Organisation,
    /// Leest de wachtwoordzin uit dit bestand, van modus 600 (reads the passphrase from this file).
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    #[command(flatten)]
    how: How,
}

/// A school whose key is wrapped, and where its contact logs in.
#[derive(Serialize)]
struct Enrolled {
    school: String,
    origin: String,
}

impl Outcome for Enrolled {}

impl Display for Enrolled {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { school, origin } = self;
        write!(
            f,
            "Klaar: de sleutel van {school} ligt hier alleen nog ingepakt. Wie hem wil gebruiken, moet de wachtwoordzin \
             kennen.\nBewaar de kopie van de school elders, nooit op deze machine. De contactpersoon logt in op {origin}."
        )
    }
}

/// Wraps, tries what was wrapped, and destroys what lay open.
pub(super) fn run(common: &Common, arguments: &Arguments) -> Result<Code, RoleError> {
    let settings = Settings::<PortalFile>::read(common)?;
    let school = &arguments.school;
    let is_hosted = settings.file.portal.schools.iter().any(|one| one.organisation == *school);
    if school.role() != Role::School || !is_hosted {
        return Err(RoleError::Said(format!(
            "{school} is none of the schools in [portal]; write it there first"
        )));
    }
    // A running page would not see the new locker.
    let state = StateFolder::hold(&settings.relay.state_dir)?;
    let relay = settings.relay_of(school);
    let line = |prompt: &str| {
        holdings::prompt(prompt);
        holdings::line().map_err(RoleError::Said)
    };
    let name = line("Naam van de contactpersoon, zoals collega's die noemen: ")?;
    let address = line("Eigen werkadres van de contactpersoon: ")?;
    let passphrase = asked(arguments.passphrase_file.as_deref())?;
    wrap(&relay, school, (name.trim(), address.trim()), &passphrase)?;
    drop(state);
    let enrolled = Enrolled { school: school.to_string(), origin: settings.file.portal.origin };
    Ok(tell(arguments.how.output, &enrolled))
}

/// Puts the keys that lie open in a school's folder into its locker, and destroys them where they lay.
pub(crate) fn wrap(
    relay: &Relay,
    school: &Organisation,
    who: (&str, &str),
    passphrase: &Passphrase,
) -> Result<(), RoleError> {
    let (mut keys, mut files) = (Vec::new(), Vec::new());
    for number in 0..=SealingKeys::EARLIER_MAX {
        let name = if number == 0 { SealingKeys::FILE.to_owned() } else { SealingKeys::earlier_file(number) };
        let path = relay.keys.join(name);
        if number > 0 && !path.exists() {
            break;
        }
        keys.push(SealingKey::load(&path).map_err(KeysError::from)?);
        files.push(path);
    }
    Locker::enrol(&relay.state_dir, school, &keys, who, passphrase)?;
    for path in &files {
        destroy(path).map_err(|error| RoleError::Said(format!("{}: {error}", path.display())))?;
    }
    Ok(())
}

/// A passphrase that was chosen: from a file, or typed twice on a screen that does not show it.
fn asked(file: Option<&Path>) -> Result<Passphrase, RoleError> {
    let weak = |error: hwc_web::passphrase::Weak| RoleError::Said(error.to_string());
    if let Some(path) = file {
        let bytes = hwc_vault::read(path, Guard::Secret, 1024).map_err(KeysError::from)?;
        let text =
            std::str::from_utf8(&bytes).map_err(|_| RoleError::Said("the passphrase is no text".into()))?;
        return Passphrase::chosen(text.trim_end_matches(['\r', '\n'])).map_err(weak);
    }
    let chosen = Passphrase::chosen(&typed("Wachtwoordzin: ")?).map_err(weak)?;
    if io::stdin().is_terminal() && !chosen.is(&Passphrase::said(&typed("Nog eens: ")?)) {
        return Err(RoleError::Said("de twee wachtwoordzinnen zijn niet gelijk".to_owned()));
    }
    Ok(chosen)
}

/// A line that is not shown while it is typed.
pub(crate) fn typed(prompt: &str) -> Result<Zeroizing<String>, RoleError> {
    let failed = |error: io::Error| RoleError::Said(format!("nothing could be read: {error}"));
    let screen = io::stdin();
    if !screen.is_terminal() {
        return holdings::line().map_err(RoleError::Said);
    }
    exit::say(prompt.trim_end());
    let before = tcgetattr(&screen).map_err(|error| failed(error.into()))?;
    let mut hidden = before.clone();
    hidden.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&screen, OptionalActions::Flush, &hidden).map_err(|error| failed(error.into()))?;
    let read = holdings::line();
    tcsetattr(&screen, OptionalActions::Flush, &before).map_err(|error| failed(error.into()))?;
    read.map_err(RoleError::Said)
}

/// Overwrites a file in its place, durably, and takes its name away.
fn destroy(path: &Path) -> io::Result<()> {
    let mut file = File::options().write(true).open(path)?;
    let length = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX).min(64 * 1024);
    file.write_all(&vec![0; length])?;
    file.sync_all()?;
    fs::remove_file(path)?;
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}
