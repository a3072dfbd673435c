use std::os::unix::fs::PermissionsExt as _;

use jiff::civil::date;
use proptest::prelude::*;

use super::{verify::verify, *};
use crate::acts::verify::Fault;

fn act(day: Date, act: &str) -> Act {
    Act { day, actor: "3f".to_owned(), act: act.to_owned(), kind: None, reason: None, done: None }
}

/// A log of so many acts on one day.
fn log(acts: usize) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(Acts::FILE);
    let log = Acts::open(&path, 3, date(2026, 11, 1)).unwrap();
    for at in 0..acts {
        log.note(act(date(2026, 11, 1), ["opened", "received", "returned"][at % 3])).unwrap();
    }
    (folder, path)
}

fn lines_of(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
}

fn put(path: &Path, lines: &[String]) {
    fs::write(path, [lines.join("\n"), "\n".repeat(lines.len().min(1))].concat()).unwrap();
}

#[test]
fn a_log_is_whole_over_any_number_of_lives_and_says_nothing_but_who_what_and_the_day() {
    let (folder, path) = log(2);
    let again = Acts::open(&path, 3, date(2026, 11, 2)).unwrap();
    let retried =
        Act { kind: Some("stale_task".to_owned()), done: Some(false), ..act(date(2026, 11, 2), "drop") };
    again.note(retried.clone()).unwrap();
    let verified = verify(&path, None).unwrap();
    assert_eq!((verified.lines, verified.head.seq, verified.dropped_through), (3, 3, None));
    assert_eq!(verified.head.to_string().parse(), Ok(verified.head));
    assert_eq!(again.last(1, |_| true), [retried]);
    let lines = lines_of(&path);
    let before = hex::encode(hash_of(lines[1].as_bytes()));
    let wanted = format!(
        r#"{{"seq":3,"day":"2026-11-02","actor":"3f","act":"drop","kind":"stale_task","done":false,"before":"{before}"}}"#
    );
    assert_eq!(lines[2], wanted);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(folder.path().join("audit.head").exists());
}

#[test]
fn a_line_that_a_crash_tore_off_is_mended_and_the_log_goes_on() {
    let (_folder, path) = log(3);
    let whole = fs::read(&path).unwrap();
    for torn in [&b"{"[..], b"{\"seq\":4,\"day\":\"2026-"] {
        fs::write(&path, [&whole, torn].concat()).unwrap();
        assert_eq!(verify(&path, None).unwrap().lines, 3);
        let log = Acts::open(&path, 3, date(2026, 11, 1)).unwrap();
        log.note(act(date(2026, 11, 1), "opened")).unwrap();
        assert_eq!(verify(&path, None).unwrap().lines, 4);
        fs::write(&path, &whole).unwrap();
        log.keep(Head {
            seq: 3,
            hash: hash_of(whole.trim_ascii_end().rsplit(|b| *b == b'\n').next().unwrap()),
        })
        .unwrap();
    }
}

#[test]
fn killed_between_a_line_and_its_head_the_log_is_whole_and_goes_on() {
    let (_folder, path) = log(3);
    let head = read_head(&path).unwrap();
    Acts::open(&path, 3, date(2026, 11, 1)).unwrap().note(act(date(2026, 11, 1), "opened")).unwrap();
    fs::write(head_of(&path), serde_json::to_vec(&head).unwrap()).unwrap();
    assert_eq!(verify(&path, None).unwrap().lines, 4);
    Acts::open(&path, 3, date(2026, 11, 1)).unwrap().note(act(date(2026, 11, 1), "opened")).unwrap();
    assert_eq!(verify(&path, Some(head)).unwrap().lines, 5);
}

#[test]
fn an_end_that_was_cut_off_shows_and_still_does_when_the_log_has_gone_on() {
    let (_folder, path) = log(5);
    let lines = lines_of(&path);
    for left in 0..5 {
        put(&path, &lines[..left]);
        assert!(matches!(verify(&path, None), Err(Fault::CutOff { wanted: 5, .. })), "{left}");
    }
    fs::remove_file(&path).unwrap();
    assert!(matches!(verify(&path, None), Err(Fault::CutOff { wanted: 5, found: 0 })));
    put(&path, &lines[..3]);
    Acts::open(&path, 3, date(2026, 11, 1)).unwrap().note(act(date(2026, 11, 1), "opened")).unwrap();
    assert!(matches!(verify(&path, None), Err(Fault::OutOfOrder { line: 4, wanted: 4, found: 6 })));
}

#[test]
fn a_log_that_was_written_anew_is_not_the_one_whose_head_was_kept_elsewhere() {
    let (_folder, path) = log(3);
    let kept = verify(&path, None).unwrap().head;
    fs::remove_file(&path).unwrap();
    fs::remove_file(head_of(&path)).unwrap();
    let anew = Acts::open(&path, 3, date(2026, 11, 1)).unwrap();
    for _ in 0..4 {
        anew.note(act(date(2026, 11, 1), "opened")).unwrap();
    }
    assert_eq!(verify(&path, None).unwrap().lines, 4);
    assert!(matches!(verify(&path, Some(kept)), Err(Fault::NotTheHead { seq: 3 })));
    fs::remove_file(head_of(&path)).unwrap();
    assert!(matches!(verify(&path, None), Err(Fault::NoHead)));
}

#[test]
fn what_is_too_old_goes_and_the_rest_is_whole_from_its_first_line_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(Acts::FILE);
    let log = Acts::open(&path, 3, date(2023, 1, 1)).unwrap();
    for year in [2023, 2023, 2024, 2025] {
        log.note(act(date(year, 6, 1), "opened")).unwrap();
    }
    let early = verify(&path, None).unwrap().head;
    let before = lines_of(&path);
    drop(log);
    let log = Acts::open(&path, 3, date(2026, 11, 1)).unwrap();
    let verified = verify(&path, Some(early)).unwrap();
    assert_eq!((verified.lines, verified.dropped_through, verified.head.seq), (3, Some(2), 5));
    let lines = lines_of(&path);
    assert!(lines[0].starts_with(r#"{"dropped_through":2,"#) && lines[1..3] == before[2..4], "{lines:?}");
    assert_eq!(log.last(10, |_| true).len(), 2, "that it was dropped is no act of anybody's");
    // Once more, after a year.
    log.note(act(date(2027, 8, 1), "opened")).unwrap();
    let verified = verify(&path, None).unwrap();
    assert_eq!((verified.lines, verified.dropped_through), (4, Some(3)));
    assert!(matches!(
        verify(&path, Some(Head { seq: 1, hash: [1; 32] })),
        Err(Fault::HeadDropped { seq: 1 })
    ));
}

#[test]
fn killed_between_saying_that_it_is_dropped_and_dropping_it_the_next_start_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(Acts::FILE);
    let log = Acts::open(&path, 3, date(2023, 1, 1)).unwrap();
    log.note(act(date(2023, 6, 1), "opened")).unwrap();
    log.note(act(date(2026, 6, 1), "opened")).unwrap();
    let forgotten = Act { actor: RETENTION.to_owned(), ..act(date(2026, 7, 1), FORGOTTEN) };
    log.add(&mut Shown::default(), forgotten, Some(1)).unwrap();
    assert_eq!(verify(&path, None).unwrap().dropped_through, None);
    drop(log);
    Acts::open(&path, 3, date(2026, 7, 1)).unwrap();
    let verified = verify(&path, None).unwrap();
    assert_eq!((verified.dropped_through, verified.lines), (Some(1), 3));
}

#[test]
fn a_beginning_that_somebody_took_away_is_not_one_that_was_dropped() {
    let (_folder, path) = log(5);
    let lines = lines_of(&path);
    let forged = Checkpoint { dropped_through: 2, hash: hash_of(lines[1].as_bytes()) };
    let forged = serde_json::to_string(&forged).unwrap();
    put(&path, &[&[forged], &lines[2..]].concat());
    assert!(matches!(verify(&path, None), Err(Fault::Beheaded)));
    put(&path, &lines[2..]);
    assert!(matches!(verify(&path, None), Err(Fault::OutOfOrder { line: 1, wanted: 1, found: 3 })));
}

#[test]
fn two_processes_write_one_log_and_it_stays_whole() {
    let (_folder, path) = log(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let log = Acts::open(&path, 3, date(2026, 11, 1)).unwrap();
                for _ in 0..10 {
                    log.note(act(date(2026, 11, 1), "opened")).unwrap();
                }
            });
        }
    });
    assert_eq!(verify(&path, None).unwrap().lines, 40);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn whatever_is_changed_removed_or_moved_is_found(acts in 2_usize..7, at in any::<prop::sample::Index>(),
        other in any::<prop::sample::Index>(), byte in any::<prop::sample::Index>(), bit in 0_u32..7, what in 0..4)
    {
        let (_folder, path) = log(acts);
        let lines = lines_of(&path);
        let (at, other) = (at.index(acts), other.index(acts));
        let mut spoilt = lines.clone();
        match what {
            0 => {
                let mut bytes = spoilt[at].clone().into_bytes();
                let byte = byte.index(bytes.len());
                bytes[byte] ^= 1 << bit;
                // An end of a line in the middle makes two; neither is one.
                spoilt[at] = String::from_utf8(bytes).unwrap();
            }
            1 => { spoilt.remove(at); }
            2 => spoilt.swap(at, other),
            _ => spoilt.insert(at, lines[other].clone()),
        }
        prop_assume!(spoilt != lines);
        put(&path, &spoilt);
        prop_assert!(verify(&path, None).is_err(), "{spoilt:#?}");
    }
}

#[test]
fn a_log_withstands_hostile_input() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(Acts::FILE);
    let (_kept, good) = log(2);
    let text = fs::read_to_string(&good).unwrap();
    fs::copy(head_of(&good), head_of(&path)).unwrap();
    let said = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        verify(&path, None).err().map(|fault| format!("{fault} {fault:?}"))
    };
    hwc_hostile::Trial::new([text], said).withstands();
}
