//! Who may come in at the board: names, and what follows from each one's passphrase by argon2id. The file is of mode 600, in a folder
//! of mode 700; a passphrase is nowhere.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use hwc_vault::{FileError, Guard};
use hwc_web::{
    Chance,
    passphrase::{Cost, KEY_BYTES, Passphrase, SALT_BYTES, key_of},
};
use serde::{Deserialize, Serialize};

/// People of one board, at most.
const ACCOUNTS_MAX: usize = 100;
/// Bytes of the file, at most.
const BYTES_MAX: usize = 64 * 1024;
/// Characters of a name, at most.
const NAME_CHARS_MAX: usize = 32;

/// Why there are no accounts. Matters to whoever set the board up; it repeats no name and nothing of the file.
#[derive(Debug, thiserror::Error)]
pub enum AccountsError {
    /// The file or its folder.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is not what `hwc board enrol` writes.
    #[error("{}: is no file of accounts: hwc board enrol writes one", .0.display())]
    Malformed(PathBuf),
    /// A name that cannot be one.
    #[error("a name has 1 to {NAME_CHARS_MAX} small letters, digits and hyphens")]
    Name,
    /// Somebody has it.
    #[error(
        "there is such an account already; take it away first (hwc board remove), or say --again for a new passphrase"
    )]
    Known,
    /// Nobody has it.
    #[error("there is no such account")]
    Nobody,
    /// Too many.
    #[error("more than {ACCOUNTS_MAX} accounts")]
    Full,
    /// No chance, or no memory for argon2id.
    #[error("the passphrase could not be worked on: no randomness, or no memory")]
    NotWorked,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    version: u8,
    accounts: Vec<WrittenOne>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenOne {
    name: String,
    salt: String,
    cost: Cost,
    key: String,
}

/// What is kept of one person.
#[derive(Clone, PartialEq, Eq)]
struct Account {
    salt: [u8; SALT_BYTES],
    cost: Cost,
    key: [u8; KEY_BYTES],
}

type All = BTreeMap<String, Account>;

/// The accounts of one board.
pub struct Accounts {
    path: PathBuf,
    all: RwLock<Arc<All>>,
}

impl Accounts {
    /// Reads the file. One that others can read, or that lies in a folder that others can look into, is refused.
    pub fn open(path: &Path) -> Result<Self, AccountsError> {
        let all = RwLock::new(Arc::new(read(path)?));
        Ok(Self { path: path.to_owned(), all })
    }

    /// Lets somebody in from now on, or gives whoever is in a new passphrase. Durable when it returns. Takes its time.
    pub fn enrol(
        path: &Path,
        name: &str,
        passphrase: &Passphrase,
        again: bool,
        chance: &dyn Chance,
    ) -> Result<(), AccountsError> {
        if !is_name(name) {
            return Err(AccountsError::Name);
        }
        let mut all = if path.exists() { read(path)? } else { All::new() };
        match (all.contains_key(name), again) {
            (true, false) => return Err(AccountsError::Known),
            (false, true) => return Err(AccountsError::Nobody),
            (false, false) if all.len() >= ACCOUNTS_MAX => return Err(AccountsError::Full),
            _ => {}
        }
        let mut salt = [0; SALT_BYTES];
        chance.fill(&mut salt).map_err(|_| AccountsError::NotWorked)?;
        let cost = Cost::RECOMMENDED;
        let key = *key_of(passphrase, &salt, cost).ok_or(AccountsError::NotWorked)?;
        all.insert(name.to_owned(), Account { salt, cost, key });
        write(path, &all)
    }

    /// Lets somebody in no more.
    pub fn remove(path: &Path, name: &str) -> Result<(), AccountsError> {
        let mut all = read(path)?;
        all.remove(name).ok_or(AccountsError::Nobody)?;
        write(path, &all)
    }

    /// Reads the file again; whose sessions are over by it: who is gone, or has another passphrase.
    pub fn reread(&self) -> Result<Vec<String>, AccountsError> {
        let next = read(&self.path)?;
        let mut all = self.all.write().unwrap_or_else(PoisonError::into_inner);
        let over = all.iter().filter(|(name, one)| next.get(*name) != Some(*one));
        let over = over.map(|(name, _)| name.clone()).collect();
        *all = Arc::new(next);
        Ok(over)
    }

    /// How many may come in.
    pub fn len(&self) -> usize {
        self.now().len()
    }

    /// Whether nobody may.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether this is somebody's name and passphrase. It takes as long for a name that nobody has.
    pub(crate) fn knows(&self, name: &str, passphrase: &Passphrase) -> bool {
        let all = self.now();
        let found = all.get(name);
        let (salt, cost) = found.map_or(([0; SALT_BYTES], Cost::RECOMMENDED), |one| (one.salt, one.cost));
        let Some(key) = key_of(passphrase, &salt, cost) else { return false };
        // Every byte is looked at, whatever the ones before are.
        let differs =
            |known: &Account| known.key.iter().zip(key.iter()).fold(0, |so_far, (a, b)| so_far | (a ^ b));
        found.is_some_and(|known| differs(known) == 0)
    }

    fn now(&self) -> Arc<All> {
        Arc::clone(&self.all.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn is_name(name: &str) -> bool {
    let sign = |sign: char| sign.is_ascii_lowercase() || sign.is_ascii_digit() || sign == '-';
    (1..=NAME_CHARS_MAX).contains(&name.len()) && name.chars().all(sign)
}

fn read(path: &Path) -> Result<All, AccountsError> {
    let bytes = hwc_vault::read(path, Guard::Secret, BYTES_MAX)?;
    parse(&bytes).ok_or_else(|| AccountsError::Malformed(path.to_owned()))
}

fn parse(bytes: &[u8]) -> Option<All> {
    let written: Written = serde_json::from_slice(bytes).ok()?;
    let mut all = All::new();
    for one in written.accounts {
        let account = Account { salt: digits(&one.salt)?, cost: one.cost, key: digits(&one.key)? };
        let twice = all.insert(one.name.clone(), account).is_some();
        if twice || !is_name(&one.name) || !one.cost.is_sane() {
            return None;
        }
    }
    (written.version == 1 && all.len() <= ACCOUNTS_MAX).then_some(all)
}

fn digits<const BYTES: usize>(text: &str) -> Option<[u8; BYTES]> {
    let mut bytes = [0; BYTES];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    Some(bytes)
}

fn write(path: &Path, all: &All) -> Result<(), AccountsError> {
    let accounts = all.iter().map(|(name, one)| WrittenOne {
        name: name.clone(),
        salt: hex::encode(one.salt),
        cost: one.cost,
        key: hex::encode(one.key),
    });
    let written = Written { version: 1, accounts: accounts.collect() };
    let text = serde_json::to_vec_pretty(&written).map_err(|_| AccountsError::NotWorked)?;
    // The folder is looked at when it is read; here a file that is missing could not be.
    hwc_vault::replace(path, &text)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use hwc_web::OsChance;

    use super::*;

    const SAID: &str = "three bicycles in may";

    fn said(text: &str) -> Passphrase {
        Passphrase::said(text)
    }

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let path = folder.path().join("accounts");
        Accounts::enrol(&path, "jo", &said(SAID), false, &OsChance).unwrap();
        (folder, path)
    }

    #[test]
    fn who_is_enrolled_comes_in_with_the_passphrase_and_nobody_else_does() {
        let (_folder, path) = folder();
        let accounts = Accounts::open(&path).unwrap();
        assert!(accounts.knows("jo", &said(SAID)));
        for (name, phrase) in [("jo", "three bicycles in june"), ("al", SAID), ("", "")] {
            assert!(!accounts.knows(name, &said(phrase)), "{name}");
        }
        let text = fs::read_to_string(&path).unwrap();
        assert!(!text.contains("bicycles"), "{text}");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_file_or_folder_that_others_can_read_is_refused() {
        let (folder, path) = folder();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(Accounts::open(&path), Err(AccountsError::File(FileError::Exposed { .. }))));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        assert!(matches!(Accounts::open(&path), Err(AccountsError::File(FileError::Exposed { .. }))));
    }

    #[test]
    fn whoever_is_taken_off_or_has_a_new_passphrase_loses_their_sessions() {
        let (_folder, path) = folder();
        let enrol =
            |name: &str, phrase: &str, again| Accounts::enrol(&path, name, &said(phrase), again, &OsChance);
        enrol("al", "four bicycles in may", false).unwrap();
        let accounts = Accounts::open(&path).unwrap();
        assert!(matches!(enrol("al", SAID, false), Err(AccountsError::Known)));
        assert!(matches!(enrol("ed", SAID, true), Err(AccountsError::Nobody)));
        for bad in ["", "Al", "a b", "é", &"a".repeat(33)] {
            assert!(matches!(enrol(bad, SAID, false), Err(AccountsError::Name)), "{bad}");
        }
        assert_eq!(accounts.reread().unwrap(), [""; 0]);
        enrol("al", SAID, true).unwrap();
        assert_eq!(accounts.reread().unwrap(), ["al"]);
        Accounts::remove(&path, "jo").unwrap();
        assert_eq!(accounts.reread().unwrap(), ["jo"]);
        assert!(
            accounts.knows("al", &said(SAID)) && !accounts.knows("jo", &said(SAID)) && accounts.len() == 1
        );
    }

    #[test]
    fn the_file_withstands_hostile_input() {
        let (_folder, path) = folder();
        let good = fs::read_to_string(&path).unwrap();
        let said = |bytes: &[u8]| match parse(bytes) {
            Some(_) => None,
            None => Some("no accounts".to_owned()),
        };
        hwc_hostile::Trial::new([good.as_str()], said).withstands();
        let cheap = good.replace("65536", "8");
        assert_ne!(good, cheap);
        assert!(parse(cheap.as_bytes()).is_none(), "a cost that is none is not believed");
    }
}
