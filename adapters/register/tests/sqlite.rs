//! The exam on SQLite, and what is SQLite's own: a file that nobody else reads and that forgets.

#![cfg(test)]

mod exam;

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use hwc_register::{Place, Register, RegisterError};

/// Takes the exam's story with a database of its own.
macro_rules! stories {
    ($($story:ident),+ $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $story() {
                let folder = tempfile::tempdir().unwrap();
                exam::$story(Place::Sqlite(folder.path().join("register/pupils.sqlite"))).await;
            }
        )+
    };
}

stories!(
    the_database_says_what_memory_says,
    a_file_is_taken_whole_and_the_same_file_again_changes_nothing,
    a_file_that_lacks_too_many_pupils_changes_nothing,
    a_delta_says_who_comes_goes_and_moves,
    whoever_looks_sees_an_import_at_once_and_a_view_stays_what_it_is,
    a_school_joins_merges_and_leaves_by_a_word_and_a_day,
    two_imports_at_once_come_one_after_the_other,
);

fn files(folder: &Path) -> Vec<(String, Vec<u8>, u32)> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    let seen = entries.map(|entry| {
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        (entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path()).unwrap(), mode)
    });
    seen.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_reads_the_files_and_a_pupil_who_left_is_in_none_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::Sqlite(folder.path().join("register/pupils.sqlite"));
    let register = exam::prepared(&place).await;
    let blijft = exam::pupil("Blijft", "Hier", Some("01AA00"));
    exam::full(&register, vec![blijft.clone(), exam::pupil("Kwartelstaart", "Weg", Some("01AA00"))]).await;
    let holding = |word: &str| {
        let seen = files(&folder.path().join("register"));
        assert!(seen.len() > 1, "there is no log of pages beside the file");
        for (name, _, mode) in &seen {
            assert_eq!(*mode, 0o600, "{name}");
        }
        seen.iter().any(|(_, bytes, _)| bytes.windows(word.len()).any(|some| some == word.as_bytes()))
    };
    assert!(holding("Blijft") && holding("Kwartelstaart"));
    exam::full(&register, vec![blijft]).await;
    assert!(holding("Blijft") && !holding("Kwartelstaart"));
}

#[tokio::test]
async fn a_file_that_others_can_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pupils.sqlite");
    fs::write(&path, b"").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let refused = Register::open(&Place::Sqlite(path), exam::own()).await.unwrap_err();
    assert!(matches!(refused, RegisterError::OpenToOthers(_)));
}

#[tokio::test]
async fn what_is_no_register_is_refused_in_words_that_say_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let absent = Place::Sqlite(folder.path().join("absent.sqlite"));
    let said = exam::opened(&absent).await.unwrap_err();
    assert!(matches!(said, RegisterError::NotPrepared), "{said}");

    let empty = Place::Sqlite(folder.path().join("empty.sqlite"));
    Register::open(&empty, exam::own()).await.unwrap().close().await;
    let said = exam::opened(&empty).await.unwrap_err();
    assert!(matches!(said, RegisterError::NotPrepared), "{said}");

    let path = folder.path().join("garbage.sqlite");
    fs::write(&path, "geheim ".repeat(1000)).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let said = exam::opened(&Place::Sqlite(path)).await.unwrap_err().to_string();
    assert!(said.contains("no database") && !said.contains("geheim"), "{said}");
}

#[tokio::test]
async fn an_address_is_refused_where_it_is_not_safe_and_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    for (text, said) in [
        ("geheim", "is not an address"),
        ("postgres://localhost/db", "names no user"),
        ("postgres://user:geheim@localhost", "names no database"),
        ("postgres://user:geheim@db.example/x?sslmode=prefer", "unproven connection"),
        ("postgres://user:geheim@db.example/x?sslmode=disable", "unproven connection"),
    ] {
        let path = folder.path().join("address");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let error = exam::opened(&Place::Postgres(path.clone())).await.unwrap_err().to_string();
        assert!(error.contains(said) && !error.contains("geheim"), "{error}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let error = exam::opened(&Place::Postgres(path)).await.unwrap_err();
        assert!(matches!(error, RegisterError::OpenToOthers(_)), "{error}");
    }
}
