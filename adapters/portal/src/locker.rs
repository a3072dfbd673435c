//! A school's folder on the host: its keys wrapped, and for each contact a slot that their passphrase opens. Nothing in it opens
//! anything by itself.
//!
//! ```text
//! passphrase --argon2id, salt--> slot's key --unwraps--> the school's wrapping key --unwraps--> seal, seal-earlier-N,
//!                                                                                              one-time-keys/*
//! ```

use std::{
    fs::DirBuilder,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hwc_adapter_kit::{Keyring, KeyringError};
use hwc_schemas::Organisation;
use hwc_vault::{FileError, Guard, NoChance, OsChance, SealingKey, SealingKeys, WrappingKey};
use hwc_web::{
    Chance,
    passphrase::{Cost, Passphrase, SALT_BYTES, key_of},
};
use jiff::{ToSpan as _, civil::Date};
use zeroize::Zeroizing;

use crate::contacts::{Contact, ContactError, Contacts, INVITATION_DAYS, Part, Slot};

const CONTACTS_BYTES_MAX: usize = 64 * 1024;
const WRAPPED_BYTES_MAX: usize = 512;
const CONTACTS: &str = "contacts.json";
const ONE_TIME: &str = "one-time-keys";

/// Why a school's folder cannot be used. Matters to the host; nothing of a key is in it.
#[derive(Debug, thiserror::Error)]
pub enum LockerError {
    /// A file or folder.
    #[error(transparent)]
    File(#[from] FileError),
    /// The folder.
    #[error("{path}: {source}")]
    Folder {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The list of contacts.
    #[error("{}: is no list of contacts; put back the file from its safe copy", .0.display())]
    Contacts(PathBuf),
    /// The one-time keys.
    #[error(transparent)]
    Ring(#[from] KeyringError),
    /// There is a locker already.
    #[error("{0} has its contacts already; a logged-in contact invites others on the page")]
    Enrolled(Organisation),
    /// What somebody wrote.
    #[error(transparent)]
    Contact(#[from] ContactError),
    /// No chance, no key.
    #[error("the system gives no random bytes")]
    NoChance,
    /// A key did not come back as it was put in; nothing was removed.
    #[error("a key did not come back as it was put in; nothing was removed")]
    NotTheSame,
}

impl From<NoChance> for LockerError {
    fn from(_: NoChance) -> Self {
        Self::NoChance
    }
}

/// A school's folder.
pub struct Locker {
    organisation: Organisation,
    folder: PathBuf,
    contacts: Mutex<Contacts>,
    ring: Keyring,
}

/// What a passphrase opened.
pub struct Opened {
    /// Whose.
    pub contact: Contact,
    /// What everything of the school is wrapped with.
    pub wrapping: Arc<WrappingKey>,
    /// The school's sealing keys.
    pub keys: SealingKeys,
}

/// What is made of a passphrase on one's own word.
const COST: Cost = Cost::RECOMMENDED;

impl Locker {
    /// Puts a school's keys into a locker that only this contact's passphrase opens. What was put in is tried before this returns.
    pub fn enrol(
        folder: &Path,
        organisation: &Organisation,
        keys: &[SealingKey],
        (name, address): (&str, &str),
        passphrase: &Passphrase,
    ) -> Result<Self, LockerError> {
        let failed = |source| LockerError::Folder { path: folder.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        if folder.join(CONTACTS).exists() {
            return Err(LockerError::Enrolled(organisation.clone()));
        }
        let (name, address) = Contacts::default().may_add(name, address)?;
        let wrapping = WrappingKey::generate(&mut OsChance)?;
        for (number, key) in keys.iter().enumerate() {
            let file = file_of(number);
            let wrapped = wrapping.wrap(key, &what_for(organisation, &file), &mut OsChance)?;
            hwc_vault::replace(&folder.join(file), wrapped.as_bytes())?;
        }
        let id = random_hex::<8>()?;
        let slot = slot_for(organisation, &id, &wrapping, passphrase)?;
        let contact = Contact { id, name, address, part: Part::Contact, invited_until: None, slot };
        let contacts = Contacts { contacts: vec![contact] };
        // Last: without it nobody is enrolled, and all of it can be done again.
        save(folder, &contacts)?;
        let locker = Self::open(folder, organisation)?;
        let opened = locker.try_open(&locker.contacts().contacts, passphrase);
        let same = opened.is_some_and(|opened| {
            opened.keys.all().map(SealingKey::public_key).eq(keys.iter().map(SealingKey::public_key))
        });
        if same { Ok(locker) } else { Err(LockerError::NotTheSame) }
    }

    /// Opens the folder of a school that is enrolled. No key is read.
    pub fn open(folder: &Path, organisation: &Organisation) -> Result<Self, LockerError> {
        let path = folder.join(CONTACTS);
        let bytes = hwc_vault::read(&path, Guard::Secret, CONTACTS_BYTES_MAX)?;
        let contacts: Contacts = serde_json::from_slice(&bytes).map_err(|_| LockerError::Contacts(path))?;
        let ring = Keyring::open_wrapped(folder.join(ONE_TIME))?;
        let (organisation, folder) = (organisation.clone(), folder.to_owned());
        Ok(Self { organisation, folder, contacts: Mutex::new(contacts), ring })
    }

    /// Whose it is.
    pub const fn organisation(&self) -> &Organisation {
        &self.organisation
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The one-time keys, locked.
    pub const fn ring(&self) -> &Keyring {
        &self.ring
    }

    /// Who may open it.
    pub fn contacts(&self) -> Contacts {
        self.lock().clone()
    }

    /// Opens it for whoever has this address, if this is their passphrase. Takes its time.
    pub fn unlock(&self, address: &str, passphrase: &Passphrase, today: Date) -> Option<Opened> {
        let contact = self.lock().of_address(address)?.clone();
        if contact.invited_until.is_some_and(|until| until < today) {
            return None;
        }
        self.try_open(&[contact], passphrase)
    }

    fn try_open(&self, contacts: &[Contact], passphrase: &Passphrase) -> Option<Opened> {
        contacts.iter().find_map(|contact| {
            let mut salt = [0; SALT_BYTES];
            hex::decode_to_slice(&contact.slot.salt, &mut salt).ok()?;
            let own = WrappingKey::from_bytes(key_of(passphrase, &salt, contact.slot.cost)?);
            let what_for = what_for(&self.organisation, &format!("slot {}", contact.id));
            let wrapping = own.unwrap_other(&contact.slot.wrapped, &what_for)?;
            let mut keys = (0..=SealingKeys::EARLIER_MAX).map_while(|number| {
                let file = file_of(number);
                let line =
                    hwc_vault::read(&self.folder.join(&file), Guard::Secret, WRAPPED_BYTES_MAX).ok()?;
                wrapping.unwrap(
                    std::str::from_utf8(&line).ok()?,
                    &crate::locker::what_for(&self.organisation, &file),
                )
            });
            let keys = SealingKeys::of(keys.next()?, keys.collect());
            Some(Opened { contact: contact.clone(), wrapping: Arc::new(wrapping), keys })
        })
    }

    /// Invites somebody: a code that opens their slot once, to be told by voice. Takes its time.
    pub fn invite(
        &self,
        wrapping: &WrappingKey,
        (name, address): (&str, &str),
        part: Part,
        today: Date,
    ) -> Result<Zeroizing<String>, LockerError> {
        let (name, address) = self.lock().may_add(name, address)?;
        let code = invitation()?;
        let id = random_hex::<8>()?;
        let slot = slot_for(&self.organisation, &id, wrapping, &Passphrase::said(&code))?;
        let invited_until = today.checked_add(INVITATION_DAYS.days()).ok();
        let contact = Contact { id, name, address, part, invited_until, slot };
        self.change(|contacts| {
            contacts.may_add(&contact.name, &contact.address)?;
            contacts.contacts.push(contact);
            Ok(())
        })?;
        Ok(code)
    }

    /// Gives a contact another passphrase. Takes its time.
    pub fn choose(
        &self,
        wrapping: &WrappingKey,
        id: &str,
        passphrase: &Passphrase,
    ) -> Result<(), LockerError> {
        let slot = slot_for(&self.organisation, id, wrapping, passphrase)?;
        self.change(|contacts| {
            let one = contacts.contacts.iter_mut().find(|one| one.id == id).ok_or(ContactError::Unknown)?;
            (one.slot, one.invited_until) = (slot, None);
            Ok(())
        })
    }

    /// Takes somebody's slot away.
    pub fn remove(&self, id: &str) -> Result<(), LockerError> {
        self.change(|contacts| {
            *contacts = contacts.without(id)?;
            Ok(())
        })
    }

    /// Makes somebody the contact, or the backup contact.
    pub fn set_part(&self, id: &str, part: Part) -> Result<(), LockerError> {
        self.change(|contacts| {
            let one = contacts.contacts.iter_mut().find(|one| one.id == id).ok_or(ContactError::Unknown)?;
            one.part = part;
            Ok(())
        })
    }

    /// Durable before anybody sees it.
    fn change(
        &self,
        change: impl FnOnce(&mut Contacts) -> Result<(), ContactError>,
    ) -> Result<(), LockerError> {
        let mut contacts = self.lock();
        let mut changed = contacts.clone();
        change(&mut changed)?;
        save(&self.folder, &changed)?;
        *contacts = changed;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Contacts> {
        self.contacts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn save(folder: &Path, contacts: &Contacts) -> Result<(), LockerError> {
    let path = folder.join(CONTACTS);
    let bytes = serde_json::to_vec(contacts).map_err(|_| LockerError::Contacts(path.clone()))?;
    Ok(hwc_vault::replace(&path, &bytes)?)
}

fn file_of(number: usize) -> String {
    match number {
        0 => SealingKeys::FILE.to_owned(),
        earlier => SealingKeys::earlier_file(earlier),
    }
}

/// What a wrapped key is bound to: none passes for another's, or for another school's.
fn what_for(organisation: &Organisation, what: &str) -> String {
    format!("{organisation} {what}")
}

fn slot_for(
    organisation: &Organisation,
    id: &str,
    wrapping: &WrappingKey,
    passphrase: &Passphrase,
) -> Result<Slot, LockerError> {
    let mut salt = [0; SALT_BYTES];
    hwc_web::OsChance.fill(&mut salt).map_err(|_| LockerError::NoChance)?;
    let own = WrappingKey::from_bytes(key_of(passphrase, &salt, COST).ok_or(LockerError::NoChance)?);
    let wrapped = own.wrap_other(wrapping, &what_for(organisation, &format!("slot {id}")), &mut OsChance)?;
    Ok(Slot { salt: hex::encode(salt), cost: COST, wrapped })
}

fn random_hex<const BYTES: usize>() -> Result<String, LockerError> {
    let mut bytes = [0; BYTES];
    hwc_web::OsChance.fill(&mut bytes).map_err(|_| LockerError::NoChance)?;
    Ok(hex::encode(bytes))
}

/// Twenty letters and digits that nobody mistakes for one another, a hundred bits, in groups that one can say.
fn invitation() -> Result<Zeroizing<String>, LockerError> {
    const SIGNS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz234567890";
    let mut bytes = Zeroizing::new([0; 20]);
    hwc_web::OsChance.fill(&mut *bytes).map_err(|_| LockerError::NoChance)?;
    let mut code = Zeroizing::new(String::with_capacity(24));
    for (at, byte) in bytes.iter().enumerate() {
        if at > 0 && at % 5 == 0 {
            code.push('-');
        }
        code.push(char::from(SIGNS[usize::from(byte % 32)]));
    }
    Ok(code)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    const TODAY: Date = Date::constant(2026, 11, 23);
    const ANNE: (&str, &str) = ("Anne", "Anne@school.example");

    fn school() -> Organisation {
        "school-01AA00".parse().unwrap()
    }

    fn said(text: &str) -> Passphrase {
        Passphrase::said(text)
    }

    struct Stage {
        _folder: tempfile::TempDir,
        locker: Locker,
        public: Vec<hwc_vault::PublicKey>,
    }

    fn stage() -> Stage {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let keys: Vec<_> = (0..2).map(|_| SealingKey::generate(&mut OsChance).ok().unwrap()).collect();
        let public = keys.iter().map(SealingKey::public_key).collect();
        let at = folder.path().join("school");
        let locker = Locker::enrol(&at, &school(), &keys, ANNE, &said("drie fietsen in mei")).unwrap();
        Stage { _folder: folder, locker, public }
    }

    #[test]
    fn a_locker_opens_with_the_passphrase_of_a_contact_and_with_nothing_else() {
        let Stage { locker, public, .. } = &stage();
        let opened = locker.unlock("anne@school.example", &said("drie fietsen in mei"), TODAY).unwrap();
        assert_eq!(opened.keys.all().map(SealingKey::public_key).collect::<Vec<_>>(), *public);
        assert!(locker.unlock("anne@school.example", &said("vier fietsen in mei"), TODAY).is_none());
        assert!(locker.unlock("bert@school.example", &said("drie fietsen in mei"), TODAY).is_none());
        let other = Locker::open(locker.folder(), &"school-01AA01".parse().unwrap()).unwrap();
        assert!(other.unlock("anne@school.example", &said("drie fietsen in mei"), TODAY).is_none());
        let again = Locker::enrol(locker.folder(), &school(), &[], ANNE, &said("x"));
        assert!(matches!(again, Err(LockerError::Enrolled(_))));
    }

    #[test]
    fn an_invitation_opens_until_its_day_and_then_a_passphrase_of_one_s_own_does() {
        let Stage { locker, .. } = &stage();
        let anne = locker.unlock("anne@school.example", &said("drie fietsen in mei"), TODAY).unwrap();
        let code =
            locker.invite(&anne.wrapping, ("Bert", "bert@school.example"), Part::Backup, TODAY).unwrap();
        assert_eq!(code.len(), 23);
        let late = TODAY.checked_add(8.days()).unwrap();
        assert!(locker.unlock("bert@school.example", &said(&code), late).is_none());
        let bert = locker.unlock("bert@school.example", &said(&code), TODAY).unwrap();
        assert!(bert.contact.invited_until.is_some());
        locker.choose(&bert.wrapping, &bert.contact.id, &said("zeven zwanen op de sloot")).unwrap();
        // As another process finds it.
        let again = Locker::open(locker.folder(), &school()).unwrap();
        assert!(again.unlock("bert@school.example", &said(&code), TODAY).is_none());
        let bert = again.unlock("bert@school.example", &said("zeven zwanen op de sloot"), late).unwrap();
        assert_eq!((bert.contact.invited_until, bert.contact.part), (None, Part::Backup));
        again.remove(&anne.contact.id).unwrap();
        assert!(again.unlock("anne@school.example", &said("drie fietsen in mei"), TODAY).is_none());
        assert!(matches!(again.remove(&bert.contact.id), Err(LockerError::Contact(ContactError::Last))));
    }

    #[test]
    fn a_ring_is_of_use_to_who_unlocked_it_and_can_be_emptied_by_anybody() {
        use hwc_schemas::key::KeyKind;
        let Stage { locker, .. } = &stage();
        assert!(matches!(locker.ring().make(KeyKind::OneTime), Err(KeyringError::Locked)));
        let anne = locker.unlock("anne@school.example", &said("drie fietsen in mei"), TODAY).unwrap();
        let open = locker.ring().unlocked(Arc::clone(&anne.wrapping));
        let (id, public) = open.make(KeyKind::OneTime).unwrap();
        let (other, _) = open.make(KeyKind::OneTime).unwrap();
        assert_eq!(open.get(id).unwrap().unwrap().public_key(), public);
        assert!(matches!(locker.ring().get(id), Err(KeyringError::Locked)));
        // A file in the place of another does not pass for it.
        let file = |id| locker.folder().join(ONE_TIME).join(format!("{id}.once"));
        fs::copy(file(id), file(other)).unwrap();
        assert!(matches!(open.get(other), Err(KeyringError::NotOurs(_))));
        locker.ring().destroy(id).unwrap();
        assert!(open.get(id).unwrap().is_none());
    }

    #[test]
    fn nothing_in_the_folder_is_a_key_and_nobody_else_may_look() {
        let Stage { locker, .. } = &stage();
        let anne = locker.unlock("anne@school.example", &said("drie fietsen in mei"), TODAY).unwrap();
        locker.ring().unlocked(anne.wrapping).make(hwc_schemas::key::KeyKind::OneTime).unwrap();
        let mut folders = vec![locker.folder().to_owned()];
        let mut files = 0;
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
                if entry.is_dir() {
                    folders.push(entry);
                    continue;
                }
                files += 1;
                assert!(SealingKey::load(&entry).is_err(), "{}", entry.display());
                assert_eq!(fs::metadata(&entry).unwrap().permissions().mode() & 0o777, 0o600);
                assert!(!fs::read_to_string(&entry).unwrap().contains("fietsen"));
            }
        }
        assert_eq!(files, 4);
    }
}
