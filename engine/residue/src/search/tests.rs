use std::os::unix::fs::symlink;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};

use super::*;
use crate::pieces::PIECE_BYTES;

const MARKERS: [[u8; 16]; 2] =
    [*b"\x71\xb8\x02\xb7\x67\xd1\x89\x9e\x75\xa2\x30\xf2\x8a\xc8\x5e\xad", [0xfe; 16]];

fn search() -> Search {
    Search::new(&MARKERS, Disguises::new(&["Quorvanthe", "Zylbrinkst\u{f6}ffer"]).unwrap())
}

fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    folder
}

fn found(searched: &Searched) -> Vec<(Sought, Form, &str, Option<u64>)> {
    searched.found.iter().map(|one| (one.sought, one.form, one.file.to_str().unwrap(), one.at)).collect()
}

#[test]
fn a_marker_is_found_in_every_form_with_its_file_and_its_place() {
    let marker = MARKERS[0];
    let seal = [&[1], marker.as_slice(), &[0; 40]].concat();
    let wire = format!("{{\"report\":\"{}\"}}", BASE64.encode(&seal));
    let far = [vec![b'.'; PIECE_BYTES - 7], marker.to_vec()].concat();
    let one = folder(&[
        ("a/1.blk", &seal),
        ("b/wire", wire.as_bytes()),
        ("b/hex", hex::encode_upper(marker).as_bytes()),
        ("far", &far),
        ("none", b"nothing at all"),
    ]);
    let searched = search().below(one.path());
    let mut all = found(&searched);
    all.sort_by_key(|(_, _, file, _)| *file);
    let marker = Sought::Marker(0);
    assert_eq!(
        all,
        [
            (marker, Form::Plain, "a/1.blk", Some(1)),
            (marker, Form::Hex, "b/hex", Some(0)),
            (marker, Form::Base64, "b/wire", Some(13)),
            (marker, Form::Plain, "far", Some(PIECE_BYTES as u64 - 7)),
        ]
    );
    assert_eq!((searched.files, searched.unread.len()), (5, 0));
    assert_eq!(searched.bytes, (57 + wire.len() + 32 + far.len() + 14) as u64);
}

#[test]
fn a_canary_in_a_files_name_is_found_and_the_report_does_not_repeat_it() {
    let one =
        folder(&[("people/quorvanthe-1.txt", b"ZYLBRINKST\xc3\x96FFER"), ("Zylbrinkst\u{f6}ffer/x", b"")]);
    let searched = search().below(one.path());
    let mut all = found(&searched);
    all.sort_unstable();
    let (first, second) = (Sought::Canary(0), Sought::Canary(1));
    assert_eq!(
        all,
        [
            (first, Form::Plain, "people/\u{2026}", None),
            (second, Form::Plain, "people/\u{2026}", Some(0)),
            (second, Form::Plain, "\u{2026}", None),
        ]
    );
}

#[test]
fn what_cannot_be_searched_is_said_and_never_passed_over() {
    let one = folder(&[("log.1.gz", b"\x1f\x8b\x08canary"), ("log", b"fine")]);
    symlink("/nowhere", one.path().join("link")).unwrap();
    let searched = search().below(one.path());
    let mut unread: Vec<_> = searched.unread.iter().map(|one| one.file.to_str().unwrap()).collect();
    unread.sort_unstable();
    assert_eq!((unread, searched.files), (vec!["link", "log.1.gz"], 2));
    let nowhere = search().below(&one.path().join("nowhere"));
    assert_eq!((nowhere.unread.len(), nowhere.unread[0].why.as_str()), (1, "not there"));
}

#[test]
fn one_file_may_be_searched_by_itself_and_a_thing_in_it_is_told_once() {
    let one = folder(&[("hwc.log", &b"Quorvanthe ".repeat(300_000))]);
    let searched = search().below(&one.path().join("hwc.log"));
    assert_eq!(found(&searched), [(Sought::Canary(0), Form::Plain, "hwc.log", Some(0))]);
    assert_eq!((searched.files, searched.bytes), (1, 3_300_000));
}

#[test]
fn what_is_deleted_and_held_open_is_searched_too() {
    let one = folder(&[("1.blk", &MARKERS[1])]);
    let held = File::open(one.path().join("1.blk")).unwrap();
    fs::remove_file(one.path().join("1.blk")).unwrap();
    if cfg!(target_os = "linux") {
        let searched = search().deleted_of(std::process::id());
        assert!(found(&searched).iter().any(|(sought, ..)| *sought == Sought::Marker(1)), "{searched:?}");
        assert_eq!(search().deleted_of(u32::MAX).unread.len(), 1);
    }
    drop(held);
}

#[test]
fn findings_are_listed_up_to_a_bound_and_counted_beyond_it() {
    let names: Vec<String> = (0..LISTED_MAX + 5).map(|number| format!("{number}")).collect();
    let files: Vec<(&str, &[u8])> =
        names.iter().map(|name| (name.as_str(), b"Quorvanthe".as_slice())).collect();
    let searched = search().below(folder(&files).path());
    assert_eq!((searched.found.len(), searched.found_more), (LISTED_MAX, 5));
}
