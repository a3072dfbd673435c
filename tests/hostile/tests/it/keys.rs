//! Key files, credentials, and the directory of public keys.

use std::{cell::Cell, fs, os::unix::fs::PermissionsExt as _, path::Path};

use hwc_hostile::{Limits, Trial};
use hwc_jetstream::{Credential, PublicNkey};
use hwc_schemas::{Organisation, SignalId};
use hwc_vault::{
    Directory, Fingerprint, Listed, OperatorKey, OperatorPublicKey, OsChance, PublicKey, SealingKey, Shelf,
};
use nkeys::KeyPair;

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

/// An operator of our own, who signs whatever it is given.
struct Operator(KeyPair);

impl Operator {
    fn new() -> Self {
        Self(KeyPair::new_operator())
    }

    fn public(&self) -> OperatorPublicKey {
        self.0.public_key().parse().unwrap()
    }

    fn sign(&self, body: &[u8]) -> Vec<u8> {
        let signature = self.0.sign(&[b"hwc-directory-1\n", body].concat()).unwrap();
        [format!("hwc-directory-1 {}\n", hex::encode(signature)).as_bytes(), body].concat()
    }
}

fn body(organisations: usize) -> Vec<u8> {
    let mut directory = Directory::with_serial(7);
    for number in 0..organisations {
        let name: Organisation = format!("school-{number:06}").parse().unwrap();
        let key = PublicKey::from_bytes([7; 32]);
        let _ = directory.list(name, Listed { key, earlier: vec![key; number % 3] });
    }
    directory.to_string().into_bytes()
}

#[test]
fn a_signed_directory_withstands_and_no_other_bytes_than_the_signed_ones_are_taken() {
    let operator = Operator::new();
    let signed: Vec<_> = [0, 1, 40].map(|organisations| operator.sign(&body(organisations))).into();
    let known = operator.public();
    let trial = Trial::new(signed.clone(), |bytes| match Directory::verify(bytes, &known) {
        Ok(_) => {
            // Hexadecimal digits may be written large; the signature is the same.
            let small = |bytes: &[u8]| bytes.to_ascii_lowercase();
            assert!(signed.iter().any(|one| small(one) == small(bytes)), "a spoiled directory was taken");
            None
        }
        Err(error) => Some(format!("{error} {error:?}")),
    });
    trial.withstands();
    let stranger = Operator::new().sign(&body(1));
    assert!(trial.says(&stranger).is_some_and(|said| said.contains("not signed by the operator")));
    let small = trial.within(Limits { bytes_per_byte: 0, bytes_anyway: 4096 });
    let large = vec![b' '; Directory::BYTES_MAX + 1];
    assert!(small.says(&large).is_some_and(|said| said.contains("too large")));
}

#[test]
fn a_directory_that_the_operator_signed_is_read_with_the_same_care() {
    let operator = Operator::new();
    let known = operator.public();
    let trial = Trial::new([body(0), body(3)], |bytes| {
        let read = Directory::verify(&operator.sign(bytes), &known);
        read.err().map(|error| format!("{error} {error:?}"))
    });
    trial.withstands();
    trial.grows_linearly(16 * 1024, |bytes| body(bytes / 120));
    trial.grows_linearly(16 * 1024, |bytes| {
        let twice = format!("\"school-01AA00\":{{\"key\":\"{}\"}},", "ab".repeat(32));
        format!("{{\"version\":2,\"serial\":1,\"organisations\":{{{}", twice.repeat(bytes / twice.len()))
            .into_bytes()
    });
    let earlier = format!("\"{}\"", "ab".repeat(32));
    trial.grows_linearly(16 * 1024, |bytes| {
        let all = vec![earlier.as_str(); bytes / (earlier.len() + 1)].join(",");
        let one = format!("\"school-01AA00\":{{\"key\":{earlier},\"earlier\":[{all}]}}");
        format!("{{\"version\":2,\"serial\":1,\"organisations\":{{{one}}}}}").into_bytes()
    });
}

#[test]
fn what_an_organisation_knows_itself_withstands_and_is_never_begun_anew() {
    let folder = folder();
    let operator = Operator::new();
    let shelf = Shelf::new(folder.path(), operator.public());
    shelf.take(&operator.sign(&body(3))).unwrap();
    let seed = fs::read(shelf.known_keys()).unwrap();
    let trial = Trial::new([seed], |bytes| {
        fs::write(shelf.known_keys(), bytes).unwrap();
        shelf.read().err().map(|error| format!("{error} {error:?}"))
    });
    trial.withstands();
    for bad in ["", "{}", "null", "[", r#"{"version":2,"serial":1,"directory":"","organisations":{}}"#] {
        assert!(trial.says(bad.as_bytes()).is_some(), "begun anew: {bad}");
    }
}

#[test]
fn the_operators_keys_withstand() {
    let folder = folder();
    let path = folder.path().join("made");
    let key = OperatorKey::generate();
    key.save(&path).unwrap();
    let seed = fs::read(&path).unwrap();
    let secret = String::from_utf8_lossy(&seed[4..30]).into_owned();
    let read = through_a_file(folder.path(), |path| OperatorKey::load(path).map(|_| ()));
    Trial::new([seed], |bytes| {
        let said = read(bytes)?;
        assert!(!said.contains(&secret), "a seed was shown");
        Some(said)
    })
    .withstands();
    let public = key.public_key().to_string();
    let read = through_a_file(folder.path(), |path| OperatorPublicKey::load(path).map(|_| ()));
    Trial::new([public], read).withstands();
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
    let fingerprint = PublicKey::from_bytes([7; 32]).fingerprint().to_string();
    Trial::new([fingerprint], parse::<Fingerprint>).withstands();
    Trial::new([Credential::generate().public().to_string()], parse::<PublicNkey>).withstands();
}
