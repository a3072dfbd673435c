//! The restore drill: what must be backed up is, what must never be is not, everything is lost, and the region works again from
//! the backup alone. `docs/deploy.md` says the same for people.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    processes::{CHAIN, code, fine},
    region::{Region, private_folder, report_of, the_one, wait_for},
};

/// Copies a folder as `rsync -a` does, but for what must never be in a backup.
fn back_up(from: &Path, to: &Path) {
    private_folder(to);
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (path, name) = (entry.path(), entry.file_name());
        if name == "one-time-keys" || name == "lock" || name == "counter" {
            continue;
        }
        if path.is_dir() {
            back_up(&path, &to.join(name));
        } else {
            fs::copy(&path, to.join(name)).unwrap();
        }
    }
}

/// What a backup holds: keys, states, settings and tables; never the broker's store.
const BACKED_UP: [&str; 3] = ["keys", "state", "tables"];

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    crate::canary::files_below(folder)
}

#[test]
fn everything_is_lost_and_the_region_works_again_from_the_backup_and_nothing_that_ended_comes_back() {
    let (region, engine, processes) = Region::with(CHAIN);
    // One that ended, and one that waits at the school when everything is lost.
    let ended = report_of("P-1", "Lotte", "Smit", "2018-12-11");
    let file = region.report("ended.jsonl", std::slice::from_ref(&ended));
    let waiting = the_one(|| region.inbox("school-01AA00"));
    fine(region.does("school-01AA00", &["open", &code(&waiting), "--show"]));
    fine(region.does("school-01AA00", &["acknowledge", &code(&waiting)]));
    wait_for(|| (!file.exists()).then_some(())).expect("the file stays");
    region.holds_nothing();
    let underway = report_of("P-2", "Eva", "Jansen", "2015-04-08");
    let file = region.report("underway.jsonl", std::slice::from_ref(&underway));
    the_one(|| region.inbox("school-01AA00"));
    wait_for(|| (!file.exists()).then_some(())).expect("the file stays");

    let vault = tempfile::tempdir().unwrap();
    for name in BACKED_UP {
        back_up(&region.path().join(name), &vault.path().join(name));
    }
    assert!(
        files(vault.path()).iter().any(|path| path.ends_with("state/engine/ended")),
        "nothing to restore"
    );
    for path in files(vault.path()) {
        let path = path.to_string_lossy().into_owned();
        assert!(!path.contains("one-time-keys") && !path.contains("jetstream"), "{path} is in the backup");
    }

    // Everything is lost.
    for process in processes.into_iter().chain([engine]) {
        process.kill();
    }
    region.broker_dies();
    region.broker_loses_its_disk();
    for name in BACKED_UP {
        fs::remove_dir_all(region.path().join(name)).unwrap();
    }

    // And is put back: an empty broker, the engine that led last, everybody else.
    for name in BACKED_UP {
        back_up(&vault.path().join(name), &region.path().join(name));
    }
    region.broker_returns();
    let engine = region.start("engine");
    engine.says("leading");
    let processes = CHAIN.map(|name| region.start(name));
    for process in &processes {
        process.says("at work");
    }
    assert!(region.inbox("school-01AA00").is_empty());

    // What ended is known to have ended, by the engine's own state: sent again, it goes to nobody.
    let by_hand = |name: &str, report: &str| {
        let path = region.path().join(name);
        fs::write(&path, report).unwrap();
        region.does("police-region", &["send", path.to_str().unwrap()])
    };
    let again = fine(by_hand("again.jsonl", &ended));
    assert!(again.contains("already recorded"), "{again}");
    // What was on its way was lost with the broker. The police send it again, and it goes on.
    let again = fine(by_hand("underway.jsonl", &underway));
    assert!(again.contains("recorded") && !again.contains("already"), "{again}");
    let waiting = the_one(|| region.inbox("school-01AA00"));
    let read = fine(region.does("school-01AA00", &["open", &code(&waiting), "--show"]));
    assert!(read.contains("Eva Jansen"), "{read}");
    fine(region.does("school-01AA00", &["acknowledge", &code(&waiting)]));
    region.holds_nothing();
    assert!(region.inbox("school-01AA00").is_empty());
}
