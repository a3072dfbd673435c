use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};

use jiff::civil::date;

use super::*;

fn ring() -> (tempfile::TempDir, Keyring) {
    let state = tempfile::tempdir().unwrap();
    fs::set_permissions(state.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let ring = Keyring::open(state.path().join("one-time-keys")).unwrap();
    (state, ring)
}

fn files(ring: &Keyring) -> Vec<PathBuf> {
    fs::read_dir(&ring.folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// Opened again after a kill.
fn again(ring: &Keyring) -> Keyring {
    Keyring::open(&ring.folder).unwrap()
}

#[test]
fn a_key_is_there_after_a_restart_and_nobody_else_may_read_it() {
    let (_state, ring) = ring();
    let weekly = KeyKind::Weekly { made: date(2026, 11, 22) };
    let made = [KeyKind::OneTime, weekly].map(|kind| (ring.make(kind).unwrap(), kind));
    let ring = again(&ring);
    let mut keys = ring.keys().unwrap();
    keys.sort_unstable();
    let mut wanted = made.map(|((id, _), kind)| (id, kind));
    wanted.sort_unstable();
    assert_eq!(keys, wanted);
    for ((id, public), _) in made {
        assert_eq!(ring.get(id).unwrap().unwrap().public_key(), public);
    }
    assert_eq!(fs::metadata(&ring.folder).unwrap().mode() & 0o777, 0o700);
    assert!(files(&ring).iter().all(|file| fs::metadata(file).unwrap().mode() & 0o777 == 0o600));
    assert!(ring.get(KeyId::from_uuid(Uuid::nil())).unwrap().is_none());
    // Beside a process that makes one just now nothing is cleared away.
    let unfinished = ring.folder.join(".one.new");
    fs::write(&unfinished, b"half").unwrap();
    let beside = Keyring::looked_after(&ring.folder);
    assert_eq!(beside.get(made[0].0.0).unwrap().unwrap().public_key(), made[0].0.1);
    assert!(unfinished.exists());
}

#[test]
fn what_is_destroyed_is_overwritten_before_its_name_goes() {
    let (_state, ring) = ring();
    let (id, _) = ring.make(KeyKind::OneTime).unwrap();
    let (path, secret) = (files(&ring).remove(0), fs::read(&files(&ring)[0]).unwrap());
    // Whoever has it open, or another name for it, has the bytes that the disk has in its place.
    let held = ring.folder.parent().unwrap().join("held");
    fs::hard_link(&path, &held).unwrap();
    ring.destroy(id).unwrap();
    let left = fs::read(&held).unwrap();
    assert!(left.len() == secret.len() && left.iter().all(|byte| *byte == 0));
    assert!(files(&ring).is_empty() && ring.get(id).unwrap().is_none());
    ring.destroy(id).unwrap();
}

#[test]
fn killed_at_any_turn_of_destroying_a_key_the_next_start_ends_it() {
    for last in [KeyTurn::Overwritten, KeyTurn::Unlinked] {
        let (_state, ring) = ring();
        let (id, _) = ring.make(KeyKind::OneTime).unwrap();
        let (other, public) = ring.make(KeyKind::OneTime).unwrap();
        let path = ring.path_of(id).unwrap().unwrap();
        ring.destroy_file(&path, |turn| turn != last).unwrap();
        let ring = again(&ring);
        assert_eq!(ring.keys().unwrap(), [(other, KeyKind::OneTime)], "{last:?}");
        assert_eq!(ring.get(other).unwrap().unwrap().public_key(), public);
        assert_eq!(files(&ring).len(), 1);
    }
}

#[test]
fn killed_while_a_key_was_made_it_is_whole_or_gone() {
    let (_state, ring) = ring();
    let (id, public) = ring.make(KeyKind::OneTime).unwrap();
    let path = ring.path_of(id).unwrap().unwrap();
    // It has its place already, and the name it was written under is still there; and one that was never finished.
    let unfinished = ring.folder.join(format!(".{id}.once.1-0.new"));
    fs::hard_link(&path, &unfinished).unwrap();
    let half = File::options().write(true).create_new(true).mode(0o600).open(ring.folder.join(".half.new"));
    half.unwrap().write_all(b"hwc-sealing-key-1 00").unwrap();
    let ring = again(&ring);
    assert_eq!(files(&ring), [path]);
    assert_eq!(ring.get(id).unwrap().unwrap().public_key(), public);
}

#[test]
fn a_key_that_others_may_read_is_said_and_not_used() {
    let (_state, ring) = ring();
    let (id, _) = ring.make(KeyKind::OneTime).unwrap();
    fs::set_permissions(&files(&ring)[0], fs::Permissions::from_mode(0o644)).unwrap();
    let said = ring.get(id).err().unwrap().to_string();
    assert!(said.contains("chmod 600"), "{said}");
    assert_eq!(again(&ring).keys().unwrap().len(), 1, "it is not taken for one that was being destroyed");
}
