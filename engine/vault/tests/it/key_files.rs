//! Key files: made for one reader, refused when they are not.

use std::{
    fs::{self, Permissions},
    os::unix::{fs::PermissionsExt, fs::symlink},
    path::{Path, PathBuf},
};

use hwc_vault::{
    Directory, DirectoryError, FileError, KeyFileError, OperatorKey, OperatorKeyError, OperatorPublicKey,
    SealingKey,
};
use tempfile::TempDir;

use crate::seals::new_key;

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    change(folder.path(), 0o700);
    let path = folder.path().join("sealing.key");
    (folder, path)
}

fn change(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn names(folder: &TempDir) -> usize {
    fs::read_dir(folder.path()).unwrap().count()
}

fn refusal(path: &Path) -> KeyFileError {
    SealingKey::load(path).err().unwrap()
}

#[test]
fn a_saved_key_is_one_line_for_its_owner_only_and_loads_again() {
    let (folder, path) = folder();
    let key = new_key();
    key.save(&path).unwrap();
    assert_eq!((mode(&path), names(&folder)), (0o600, 1));
    let line = fs::read_to_string(&path).unwrap();
    let digits = line.strip_prefix("hwc-sealing-key-1 ").unwrap().strip_suffix('\n').unwrap();
    assert!(digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_hexdigit()));
    let loaded = SealingKey::load(&path).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(loaded.public_key(), key.public_key());
    change(&path, 0o400);
    assert!(SealingKey::load(&path).is_ok());
}

#[test]
fn a_key_file_is_never_replaced() {
    let (folder, path) = folder();
    let first = new_key();
    first.save(&path).unwrap();
    for again in [&first, &new_key()] {
        assert!(matches!(again.save(&path), Err(KeyFileError::File(FileError::Exists(_)))));
    }
    assert_eq!(names(&folder), 1);
    assert_eq!(SealingKey::load(&path).ok().unwrap().public_key(), first.public_key());
    // Nor a link that leads nowhere yet.
    fs::remove_file(&path).unwrap();
    symlink(folder.path().join("elsewhere"), &path).unwrap();
    assert!(matches!(first.save(&path), Err(KeyFileError::File(FileError::Exists(_)))));
    assert!(!folder.path().join("elsewhere").exists());
}

#[test]
fn a_key_that_others_may_read_or_write_is_refused_with_the_way_to_mend_it() {
    let (_folder, path) = folder();
    new_key().save(&path).unwrap();
    for open in [0o640, 0o620, 0o610, 0o604, 0o602, 0o601, 0o666] {
        change(&path, open);
        let told = refusal(&path).to_string();
        assert!(told.contains(&format!("mode {open:o}")), "{told}");
        assert!(told.ends_with(&format!("mend it with: chmod 600 {}", path.display())), "{told}");
    }
    change(&path, 0o600);
    assert!(SealingKey::load(&path).is_ok());
}

#[test]
fn a_folder_that_others_may_read_or_write_is_refused_for_loading_and_saving() {
    let (folder, path) = folder();
    let key = new_key();
    key.save(&path).unwrap();
    for open in [0o750, 0o770, 0o705, 0o701, 0o1777] {
        change(folder.path(), open);
        let mend = format!("mend it with: chmod 700 {}", folder.path().display());
        assert!(refusal(&path).to_string().ends_with(&mend));
        let other = folder.path().join("other.key");
        assert!(key.save(&other).unwrap_err().to_string().ends_with(&mend));
        assert!(!other.exists());
    }
}

#[test]
fn a_link_a_folder_and_a_missing_file_are_refused() {
    let (folder, path) = folder();
    assert!(matches!(refusal(&path), KeyFileError::File(FileError::System { .. })));
    let (_other, real) = self::folder();
    new_key().save(&real).unwrap();
    symlink(&real, &path).unwrap();
    assert!(matches!(refusal(&path), KeyFileError::File(FileError::Link(_))));
    let inside = folder.path().join("folder");
    fs::create_dir(&inside).unwrap();
    change(&inside, 0o700);
    assert!(matches!(refusal(&inside), KeyFileError::File(FileError::NotAFile(_))));
    let nowhere = folder.path().join("none/sealing.key");
    assert!(matches!(new_key().save(&nowhere), Err(KeyFileError::File(FileError::System { .. }))));
}

#[test]
fn anything_but_one_line_of_the_format_is_refused_and_not_repeated() {
    let (_folder, path) = folder();
    new_key().save(&path).unwrap();
    let line = fs::read_to_string(&path).unwrap();
    let digits = &line["hwc-sealing-key-1 ".len()..82];
    for bad in [
        String::new(),
        "\n".into(),
        line.trim_end().to_owned(),
        line.replace('\n', "\r\n"),
        line.replace("key-1", "key-2"),
        line.replace("key-1 ", "key-1  "),
        line.to_uppercase(),
        line.replace(digits, &digits[1..]),
        line.replace(digits, &digits[2..]),
        line.replace(digits, &format!("g{}", &digits[1..])),
        format!(" {}", line.trim_end()),
        format!("{line}{line}"),
        format!("{digits}\n"),
    ] {
        fs::write(&path, &bad).unwrap();
        let error = refusal(&path);
        let fits = matches!(error, KeyFileError::NotAKey(_) | KeyFileError::File(FileError::TooLarge { .. }));
        assert!(fits, "{error}");
        assert!(!format!("{error} {error:?}").contains(&digits[2..]));
    }
}

#[test]
fn an_operators_public_key_that_others_may_write_is_refused_and_one_they_may_read_is_not() {
    let (folder, _) = folder();
    let path = folder.path().join("operator.pub");
    let known = OperatorKey::generate().public_key();
    fs::write(&path, known.to_string()).unwrap();
    change(folder.path(), 0o755);
    change(&path, 0o644);
    assert_eq!(OperatorPublicKey::load(&path).unwrap(), known);
    for open in [0o664, 0o646] {
        change(&path, open);
        let told = OperatorPublicKey::load(&path).unwrap_err().to_string();
        assert!(told.ends_with(&format!("chmod go-w {}", path.display())), "{told}");
    }
    change(&path, 0o644);
    change(folder.path(), 0o777);
    let refused = OperatorPublicKey::load(&path);
    assert!(matches!(refused, Err(OperatorKeyError::File(FileError::Exposed { .. }))));
}

#[test]
fn a_directory_is_believed_for_its_signature_and_not_for_who_may_write_its_file() {
    let (folder, _) = folder();
    let path = folder.path().join("directory.json");
    let operator = OperatorKey::generate();
    let mut directory = Directory::with_serial(1);
    directory.insert("school-01AA00".parse().unwrap(), new_key().public_key());
    fs::write(&path, directory.sign(&operator).unwrap()).unwrap();
    change(&path, 0o666);
    assert_eq!(Directory::load(&path, &operator.public_key()).unwrap(), directory);
    let other = OperatorKey::generate().public_key();
    assert!(matches!(Directory::load(&path, &other), Err(DirectoryError::NotSigned)));
}
