//! Invented regions: made by the command, replayed on the real broker; and a replay at a speed.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::Value;

use crate::ground::{Dataset, hwc, lines, sorted};

fn simulate(out: &Path, more: &[&str]) -> (Option<i32>, String, String) {
    let output = hwc().args(["simulate", "population", "--out"]).arg(out).args(more).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path()).unwrap()))
        .collect()
}

#[test]
fn an_invented_village_replays_to_its_end_and_nothing_is_left_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("village");
    let (code, said, stderr) =
        simulate(&out, &["--seed", "4", "--reports", "40", "--days", "21", "-o", "json"]);
    assert_eq!(code, Some(0), "{stderr}");
    let said: Value = serde_json::from_str(&said).unwrap();
    let reports = said["reports"].as_u64().unwrap();
    assert!(reports >= 40 && said["children"].as_u64().unwrap() > 1_000, "{said}");
    let diary = folder.path().join("diary");
    let output = hwc().arg("replay").arg(&out).args(["-o", "json", "--diary"]).arg(&diary).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["incidents"], 40, "{summary}");
    assert_eq!(summary["refused_lines"], 0, "{summary}");
    assert!(summary["delivered"].as_u64().unwrap() >= 25, "{summary}");
    let diary = lines(&fs::read_to_string(&diary).unwrap());
    assert!(diary.iter().any(|line| line["sibling"] == true));
}

#[test]
fn one_seed_makes_one_region_and_nothing_is_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let [one, again, other] = ["one", "again", "other"].map(|name| folder.path().join(name));
    for (out, seed) in [(&one, "8"), (&again, "8"), (&other, "9")] {
        let (code, said, stderr) = simulate(out, &["--size", "900", "--seed", seed, "--reports", "9"]);
        assert_eq!(code, Some(0), "{stderr}");
        assert!(said.contains("everybody in it is invented"), "{said}");
    }
    assert!(contents(&one) == contents(&again) && contents(&one) != contents(&other));
    let (code, _, stderr) = simulate(&one, &[]);
    assert_eq!(code, Some(3), "{stderr}");
    assert!(stderr.contains("the folder must be empty or not there yet"), "{stderr}");
    for bad in [["--size", "hamlet"], ["--days", "0"], ["--from", "1999-12-31"], ["--reports", "many"]] {
        assert_eq!(simulate(&folder.path().join("bad"), &bad).0, Some(2), "{bad:?}");
    }
    assert!(!folder.path().join("bad").exists());
}

#[test]
fn at_a_speed_a_replay_comes_to_the_same_diary_as_without() {
    let dataset = Dataset::handbook();
    let plain = dataset.replay(&[]);
    assert_eq!(plain.code(), Some(0), "{}", plain.stderr());
    // Eight months in a few seconds.
    let at_a_speed = dataset.replay(&["--speed", "9000000"]);
    assert_eq!(at_a_speed.code(), Some(0), "{}", at_a_speed.stderr());
    assert!(plain.diary.len() > 15);
    assert_eq!(sorted(&at_a_speed.diary), sorted(&plain.diary));
    assert_eq!(dataset.replay(&["--speed", "fast"]).code(), Some(2));
}
