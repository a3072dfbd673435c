//! How long what remains is kept: shown, tried before it counts, and kept to.

use std::{
    fs::{self, File},
    time::{Duration, SystemTime},
};

use serde_json::Value;

use crate::{
    processes::{CHAIN, code, fine},
    region::{Region, report_of, the_one, wait_for},
};

const CONFIG: [&str; 2] = ["--config", "engine.toml"];

#[test]
fn the_policy_is_shown_and_another_one_is_tried_before_it_counts() {
    let (region, _engine, [_police, _veilig_thuis, _municipality, _school]) = Region::with(CHAIN);
    region.report("one.jsonl", &[report_of("P-1", "Lotte", "Smit", "2018-12-11")]);
    let waiting = the_one(|| region.inbox("school-01AA00"));
    fine(region.does("school-01AA00", &["open", &code(&waiting), "--show"]));
    fine(region.does("school-01AA00", &["acknowledge", &code(&waiting)]));
    region.holds_nothing();

    let shown = fine(region.hwc(&[&["retention", "show"], &CONFIG[..]].concat()));
    for words in ["28 days", "97 days", "1827 days", "120 months", "policy.payload_ceiling_days", "R23"] {
        assert!(shown.contains(words), "{words} is not said:\n{shown}");
    }

    let json = |more: &[&str]| {
        let done = region.hwc(&[&["retention", "dry-run", "-o", "json"], more, &CONFIG[..]].concat());
        (done.code, serde_json::from_str::<Value>(&done.stdout).unwrap())
    };
    let (code, value) = json(&[]);
    assert_eq!(code, Some(0));
    let erased = |value: &Value| -> Vec<u64> {
        value["would_erase"].as_array().unwrap().iter().map(|one| one["erased"].as_u64().unwrap()).collect()
    };
    assert_eq!(erased(&value), [0, 0, 0, 0]);

    // The engine's file of what ended goes by the engine's clock, what the broker keeps by the broker's.
    let engine = region.settings("engine");
    let written = fs::read_to_string(&engine).unwrap();
    let later = region.path().join("later.toml");
    let offset = "clock_offset_seconds = ";
    let (before, after) = written.split_once(offset).unwrap();
    let (seconds, after) = after.split_once('\n').unwrap();
    let seconds: i64 = seconds.trim().parse().unwrap();
    fs::write(&later, format!("{before}{offset}{}\n{after}", seconds + 98 * 86_400)).unwrap();
    let late = region.hwc(&["retention", "dry-run", "-o", "json", "--config", "later.toml"]);
    assert_eq!(erased(&serde_json::from_str(&late.stdout).unwrap()), [0, 0, 1, 0]);
    assert!(late.stdout.contains("tombstones"), "{}", late.stdout);

    let other = region.path().join("other");
    fs::create_dir(&other).unwrap();
    for file in fs::read_dir(region.path().join("tables")).unwrap().map(Result::unwrap) {
        fs::copy(file.path(), other.join(file.file_name())).unwrap();
    }
    let toml = fs::read_to_string(other.join("region.toml")).unwrap();
    fs::write(other.join("region.toml"), format!("{toml}\n[policy]\npayload_ceiling_days = 40\n")).unwrap();
    let (code, value) = json(&["--region", "other"]);
    assert!(code == Some(5) && value["refused"].is_string(), "{value}");
}

#[test]
fn what_ended_is_remembered_for_longer_only_by_an_engine_that_starts_so() {
    let (region, engine, []) = Region::with([]);
    let toml = region.path().join("tables/region.toml");
    let written = fs::read_to_string(&toml).unwrap();
    // Its open journal writes tombstones for 97 days: a report of a year ago could find none.
    fs::write(&toml, format!("{written}\n[policy]\naccept_days = 365\n")).unwrap();
    engine.says("only by an engine that starts with it");
    engine.kill();
    region.start("engine").says("leading");
    assert!(fine(region.hwc(&[&["retention", "show"], &CONFIG[..]].concat())).contains("372 days"));
}

#[test]
fn old_files_of_a_folder_that_the_settings_name_are_removed() {
    let region = Region::prepare();
    let logs = region.path().join("logs");
    fs::create_dir(&logs).unwrap();
    let old = File::create(logs.join("old.log")).unwrap();
    old.set_modified(SystemTime::now() - Duration::from_hours(15 * 24)).unwrap();
    File::create(logs.join("young.log")).unwrap();
    let engine = region.settings("engine");
    let written = fs::read_to_string(&engine).unwrap();
    let swept = |days: u16| format!("swept = [{{ folder = \"logs\", days = {days} }}]\n[engine]\n");
    fs::write(&engine, written.replace("[engine]\n", &swept(0))).unwrap();
    let refused = region.hwc(&[&["engine"], &CONFIG[..]].concat());
    assert!(refused.code == Some(3) && refused.stderr.contains("at least 1"), "{}", refused.stderr);
    fs::write(&engine, written.replace("[engine]\n", &swept(14))).unwrap();

    let _engine = region.start("engine");

    assert!(wait_for(|| (!logs.join("old.log").exists()).then_some(())).is_some());
    assert!(logs.join("young.log").exists());
}
