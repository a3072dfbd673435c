//! Which nats-server is run, and which is not. One test really fetches; the others need no network once
//! the user's cache is warm.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use hwc_broker::{FetchFailure, FindError, Finder, Origin, Progress, Unfit, pins};

/// A finder that knows no place but this cache.
fn only_cache(folder: &Path) -> Finder {
    Finder::default().cache_in(folder).search_in([]).offline()
}

/// Another process writes the script: a thread of ours that forks meanwhile would otherwise hold it open,
/// and the system runs no file that is open for writing.
fn script(path: &Path, lines: &str) -> std::io::Result<()> {
    let make = r#"mkdir -p "$(dirname "$1")" && printf '#!/bin/sh\n%s\n' "$2" >"$1" && chmod 700 "$1""#;
    let status = Command::new("/bin/sh").args(["-c", make, "sh"]).arg(path).arg(lines).status()?;
    if status.success() { Ok(()) } else { Err(std::io::Error::other("the script was not written")) }
}

/// Why a fetch with this Python fails in an empty cache.
async fn fetch_failure(python: PathBuf) -> Option<FetchFailure> {
    let cache = tempfile::tempdir().ok()?;
    match only_cache(cache.path()).python(python).find().await {
        Err(FindError::Nowhere { fetch, .. }) => Some(*fetch),
        _ => None,
    }
}

#[tokio::test]
async fn a_tampered_program_in_the_cache_is_refused_and_not_run() {
    let cache = tempfile::tempdir().unwrap();
    let finder = only_cache(cache.path());
    let program = finder.cached_program().unwrap();
    let trace = cache.path().join("it-was-run");
    script(&program, &format!("touch '{}'; echo 'nats-server: v2.15.1'", trace.display())).unwrap();

    let error = finder.find().await.unwrap_err();

    let FindError::Nowhere { tried, fetch } = &error else { panic!("{error:?}") };
    assert!(matches!(&tried[..], [attempt] if matches!(attempt.unfit, Unfit::Hash { .. })), "{tried:?}");
    assert_eq!(**fetch, FetchFailure::NotAllowed);
    assert!(error.to_string().contains("it was not run"), "{error}");
    assert!(!trace.exists());
}

#[tokio::test]
async fn two_that_fetch_at_once_replace_a_tampered_program_by_the_pinned_one() {
    let cache = tempfile::tempdir().unwrap();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&heard);
    let one = only_cache(cache.path())
        .python("python3")
        .on_progress(move |progress| notes.lock().unwrap().push(progress.clone()));
    let other = one.clone();
    let program = one.cached_program().unwrap();
    script(&program, "exit 1").unwrap();

    let (first, second) = tokio::join!(one.find(), other.find());

    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!((&first.program, &second.program), (&program, &program));
    assert_eq!(program.metadata().unwrap().permissions().mode() & 0o7777, 0o700);
    assert_eq!(only_cache(cache.path()).find().await.unwrap().origin, Origin::Cache);
    let heard = heard.lock().unwrap();
    assert!(heard.iter().any(|note| matches!(note, Progress::Refused { unfit: Unfit::Hash { .. }, .. })));
    assert!(heard.iter().any(|note| matches!(note, Progress::Stored { .. })));
}

#[tokio::test]
async fn the_right_version_in_the_search_path_is_used() {
    let known = Finder::default().find().await.unwrap().program;
    let folder = tempfile::tempdir().unwrap();
    symlink(known, folder.path().join("nats-server")).unwrap();

    let finder = only_cache(&folder.path().join("empty")).search_in([folder.path().to_owned()]);
    let found = finder.find().await.unwrap();

    assert_eq!(found.origin, Origin::SearchPath);
    assert_eq!(found.program, folder.path().join("nats-server"));
}

#[tokio::test]
async fn a_stranger_by_the_same_name_in_the_search_path_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    symlink("/bin/echo", folder.path().join("nats-server")).unwrap();

    let finder = only_cache(&folder.path().join("empty")).search_in([folder.path().to_owned()]);
    let error = finder.find().await.unwrap_err();

    let FindError::Nowhere { tried, .. } = &error else { panic!("{error:?}") };
    assert!(matches!(tried.last().unwrap().unfit, Unfit::Silent(_)), "{tried:?}");
}

#[tokio::test]
async fn a_named_program_is_used_and_nothing_else_is_looked_at() {
    let known = Finder::default().find().await.unwrap().program;
    let found = Finder::default().given(&known).find().await.unwrap();
    assert_eq!((found.program, found.origin), (known, Origin::Given));

    let error = Finder::default().given("/nowhere/nats-server").find().await.unwrap_err();
    assert!(matches!(&error, FindError::Given { unfit: Unfit::Missing, .. }), "{error:?}");
    assert!(error.to_string().contains("/nowhere/nats-server"), "{error}");
}

#[tokio::test]
async fn a_named_script_is_refused_because_killing_it_would_not_kill_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let wrapper = folder.path().join("nats-server");
    script(&wrapper, "echo 'nats-server: v2.15.1'").unwrap();
    let error = Finder::default().given(&wrapper).find().await.unwrap_err();
    assert!(matches!(error, FindError::Given { unfit: Unfit::Script, .. }), "{error:?}");
}

#[tokio::test]
async fn a_wheel_with_another_hash_is_thrown_away() {
    let folder = tempfile::tempdir().unwrap();
    let python = folder.path().join("python3");
    // Stands in for pip: the last argument is the folder to download into.
    let wheel = pins::for_this_computer().unwrap().wheel;
    script(&python, &format!(r#"for last; do :; done; echo forged >"$last/{wheel}""#)).unwrap();
    let finder = only_cache(folder.path()).python(python);

    let error = finder.find().await.unwrap_err();

    let FindError::Nowhere { fetch, .. } = &error else { panic!("{error:?}") };
    assert!(matches!(**fetch, FetchFailure::Refused { unfit: Unfit::Hash { .. } }), "{fetch:?}");
    assert!(error.to_string().contains("do not go round this"), "{error}");
    assert!(!finder.cached_program().unwrap().exists());
    let drawer = finder.cached_program().unwrap().parent().unwrap().to_owned();
    let left: Vec<_> = drawer.read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["fetch.lock"]);
}

#[tokio::test]
async fn each_way_a_fetch_can_fail_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let says = |name: &str, words: &str| {
        let python = folder.path().join(name);
        script(&python, &format!("echo '{words}' >&2; exit 1")).unwrap();
        python
    };

    let failure = fetch_failure(folder.path().join("nothing-here")).await.unwrap();
    assert!(matches!(failure, FetchFailure::NoPython { .. }), "{failure:?}");

    let failure = fetch_failure(says("no-pip", "python3: No module named pip")).await.unwrap();
    assert!(matches!(failure, FetchFailure::NoPip { .. }), "{failure:?}");

    let offline = "ERROR: Could not find a version that satisfies the requirement (from versions: none)";
    let failure = fetch_failure(says("offline", offline)).await.unwrap();
    assert!(matches!(failure, FetchFailure::Unreachable { .. }), "{failure:?}");

    let cut_off = "WARNING: Retrying after connection broken by ReadTimeout";
    let failure = fetch_failure(says("cut-off", cut_off)).await.unwrap();
    assert_eq!(failure, FetchFailure::Unreachable { said: "ReadTimeout".to_owned() });

    let failure = fetch_failure(says("odd", "ERROR: something odd")).await.unwrap();
    assert_eq!(failure, FetchFailure::Pip { said: "ERROR: something odd".to_owned() });

    let failure = fetch_failure(says("full", "OSError: [Errno 28] No space left on device")).await.unwrap();
    assert!(failure.to_string().contains("No space left"), "{failure}");
}
