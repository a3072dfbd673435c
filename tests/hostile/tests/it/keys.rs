//! Key files, credentials, and the directory of public keys.

use std::{cell::Cell, fs, os::unix::fs::PermissionsExt as _, path::Path};

use hwc_hostile::{Limits, Trial};
use hwc_jetstream::{Credential, PublicNkey};
use hwc_schemas::{Organisation, SignalId};
use hwc_vault::{Directory, OperatorKey, OsChance, PublicKey, SealingKey};

/// A folder for its owner alone.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    folder
}

/// Puts the bytes into a file, for its owner alone, and has it read.
fn through_a_file<E: std::fmt::Debug + std::fmt::Display>(
    folder: &Path,
    read: impl Fn(&Path) -> Result<(), E>,
) -> impl Fn(&[u8]) -> Option<String> {
    let file = folder.join("secret");
    let written = Cell::new(0);
    move |bytes| {
        written.set(written.get() + 1);
        fs::write(&file, bytes).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        read(&file).err().map(|error| format!("{error} {error:?}"))
    }
}

#[test]
fn a_sealing_keys_file_withstands() {
    let folder = folder();
    let path = folder.path().join("made");
    let Ok(key) = SealingKey::generate(&mut OsChance) else { panic!("no chance") };
    key.save(&path).unwrap();
    let seed = fs::read(&path).unwrap();
    let digits = String::from_utf8_lossy(&seed[18..40]).into_owned();
    let read = through_a_file(folder.path(), |path| SealingKey::load(path).map(|_| ()));
    let trial = Trial::new([seed.clone()], |bytes| {
        let said = read(bytes)?;
        assert!(!said.contains(&digits), "a key was shown");
        Some(said)
    });
    trial.withstands();
    for bad in [&seed[..seed.len() - 1], &seed[1..], &[seed.clone(), seed.clone()].concat()] {
        assert!(trial.says(bad).is_some());
    }
}

#[test]
fn a_credentials_file_withstands() {
    let folder = folder();
    let path = folder.path().join("made");
    Credential::generate().write(&path).unwrap();
    let seed = fs::read(&path).unwrap();
    let secret = String::from_utf8_lossy(&seed[4..30]).into_owned();
    let read = through_a_file(folder.path(), |path| Credential::read(path).map(|_| ()));
    let trial = Trial::new([seed], |bytes| {
        let said = read(bytes)?;
        assert!(!said.contains(&secret), "a seed was shown");
        Some(said)
    });
    trial.withstands();
    assert!(trial.says(&vec![b'S'; 1024 * 1024]).is_some());
}

fn directory(operator: &OperatorKey, organisations: usize) -> Vec<u8> {
    let mut directory = Directory::with_serial(1);
    for number in 0..organisations {
        let name: Organisation = format!("school-{number:06}").parse().unwrap();
        let _ = directory.insert(name, PublicKey::from_bytes([7; 32]));
    }
    directory.sign(operator).unwrap()
}

#[test]
fn a_directory_of_public_keys_withstands() {
    let operator = OperatorKey::generate();
    let public = operator.public_key();
    let decode =
        |bytes: &[u8]| Directory::verify(bytes, &public).err().map(|error| format!("{error} {error:?}"));
    let trial = Trial::new([directory(&operator, 0), directory(&operator, 3)], decode);
    trial.withstands();
    trial.grows_linearly(32 * 1024, |bytes| directory(&operator, bytes / 86));
    trial.grows_linearly(32 * 1024, |bytes| {
        format!("{{\"version\":1,\"keys\":{{{}", "\"school-01AA00\":\"x\",".repeat(bytes / 22)).into_bytes()
    });
    let small = trial.within(Limits { bytes_per_byte: 0, bytes_anyway: 4096 });
    let large = vec![b' '; Directory::BYTES_MAX + 1];
    assert!(small.says(&large).is_some_and(|said| said.contains("too large")));
}

#[test]
fn ids_names_and_public_keys_withstand() {
    fn parse<T: std::str::FromStr<Err: std::fmt::Debug + std::fmt::Display>>(bytes: &[u8]) -> Option<String> {
        let text = String::from_utf8_lossy(bytes);
        text.parse::<T>().err().map(|error| format!("{error} {error:?}"))
    }
    Trial::new(["school-01AA00", "veilig-thuis-17", "police-0599"], parse::<Organisation>).withstands();
    Trial::new(["00000000000000000000000000000007-3"], parse::<SignalId>).withstands();
    Trial::new(["ab".repeat(32)], parse::<PublicKey>).withstands();
    Trial::new([Credential::generate().public().to_string()], parse::<PublicNkey>).withstands();
}
