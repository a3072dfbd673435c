//! `hwc dev`: a region on one machine comes to life, is used, survives kills, ends in order and goes on where it was.

use std::{
    fs::{self, File},
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use serde_json::Value;

use crate::{ground::hwc, region::wait_for};

/// How many signals of the manual's cases wait at the school when all of them were sent on one morning.
const AT_THE_SCHOOL: usize = 4;

pub(crate) struct Dev {
    child: Child,
    said: std::path::PathBuf,
}

impl Dev {
    fn start(folder: &Path, life: u32) -> Self {
        Self::start_in(folder, "state", life)
    }

    /// In a folder of this name below.
    pub(crate) fn start_in(folder: &Path, name: &str, life: u32) -> Self {
        let said = folder.join(format!("said.{life}"));
        let state = folder.join(name);
        let out = File::create(&said).unwrap();
        let mut command = hwc();
        command.arg("dev").arg("--state-dir").arg(state);
        let child =
            command.stdout(out.try_clone().unwrap()).stderr(out).stdin(Stdio::null()).spawn().unwrap();
        let dev = Self { child, said };
        wait_for(|| dev.said().contains("processes are at work").then_some(()))
            .unwrap_or_else(|| panic!("{}", dev.said()));
        dev
    }

    fn said(&self) -> String {
        fs::read_to_string(&self.said).unwrap()
    }

    pub(crate) fn stop(mut self) -> Option<i32> {
        signal("-INT", &self.child.id().to_string());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        // Asked to stop, it takes its processes with it.
        signal("-TERM", &self.child.id().to_string());
        let _ = self.child.wait();
    }
}

fn signal(name: &str, pid: &str) {
    Command::new("kill").args([name, pid]).stderr(Stdio::null()).status().unwrap();
}

/// The process numbers of those who run with these settings.
fn running(settings: &Path) -> Vec<String> {
    let wanted = settings.to_str().unwrap();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        if String::from_utf8_lossy(&line).contains(wanted) {
            found.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    found
}

fn does(settings: &Path, role: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = hwc();
    command.arg(role).arg("--config").arg(settings).args(arguments);
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap())
}

fn inbox(settings: &Path) -> Option<Vec<Value>> {
    let (code, said) = does(settings, "school", &["inbox", "-o", "json"]);
    let value: Value = (code == Some(0)).then(|| serde_json::from_str(&said).ok())??;
    value["signals"].as_array().cloned()
}

#[test]
fn a_region_comes_to_life_is_used_survives_kills_ends_in_order_and_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let settings = |name: &str| state.join("settings").join(format!("{name}.toml"));
    let school = settings("school-01AA00");

    let dev = Dev::start(folder.path(), 1);
    assert!(dev.said().contains("NOT FOR PRODUCTION"), "{}", dev.said());
    let reports = state.join("dataset/reports.jsonl");
    let (code, said) = does(&settings("police-region"), "police", &["send", reports.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{said}");
    let all_there = || inbox(&school).filter(|waiting| waiting.len() == AT_THE_SCHOOL);
    wait_for(all_there).expect("nothing came");
    assert!(dev.said().contains("19 processes are at work"), "{}", dev.said());
    // The board's credential looks, over TLS and an account of its own; and leads nothing.
    let (code, said) = does(&settings("board-one"), "check", &["broker"]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(does(&settings("board-one"), "engine", &[]).0, Some(3), "a board leads");

    for killed in ["school-01AA00", "engine-one", "engine-two"] {
        let before = running(&settings(killed));
        assert_eq!(before.len(), 1, "{killed}");
        signal("-9", &before[0]);
        wait_for(|| running(&settings(killed)).iter().any(|pid| *pid != before[0]).then_some(()))
            .unwrap_or_else(|| panic!("{killed} was not started again"));
    }
    wait_for(all_there).expect("a signal was lost");
    assert_eq!(dev.stop(), Some(0));
    assert_eq!(running(&state.join("settings")), [""; 0], "somebody still runs");

    let dev = Dev::start(folder.path(), 2);
    let again = wait_for(all_there).expect("a signal was lost");
    let code = again[0]["code"].as_str().unwrap();
    assert_eq!(does(&school, "school", &["open", code, "--show"]).0, Some(0));
    let (code, said) = does(&school, "school", &["acknowledge", code]);
    assert!(code == Some(0) && said.contains("Ontvangen"), "{said}");
    let (_, shown) = does_operator(&state);
    assert!(
        shown.contains("school-01AA00") && shown.contains("engine-one") && shown.contains("board-one"),
        "{shown}"
    );
    assert_eq!(dev.stop(), Some(0));
}

#[test]
fn a_region_that_was_killed_comes_to_life_again_and_nobody_of_its_former_life_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("state/settings");
    let mut dev = Dev::start(folder.path(), 1);
    let before = running(&settings);
    dev.child.kill().unwrap();
    dev.child.wait().unwrap();
    drop(dev);
    let dev = Dev::start(folder.path(), 2);
    let now = running(&settings);
    assert_eq!(now.len(), before.len());
    assert!(!now.iter().any(|pid| before.contains(pid)), "somebody of the former life still runs");
    assert_eq!(dev.stop(), Some(0));
}

fn does_operator(state: &Path) -> (Option<i32>, String) {
    let output = hwc().arg("operator").arg("--dir").arg(state.join("operator")).arg("show").output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn a_region_of_real_people_does_not_come_to_life() {
    let folder = tempfile::tempdir().unwrap();
    let real = folder.path().join("real");
    fs::create_dir(&real).unwrap();
    for entry in fs::read_dir(crate::ground::root().join("simulations/handbook")).unwrap().flatten() {
        fs::copy(entry.path(), real.join(entry.file_name())).unwrap();
    }
    let region = fs::read_to_string(real.join("region.toml")).unwrap();
    fs::write(real.join("region.toml"), region.replace("synthetic = true", "synthetic = false")).unwrap();
    let output = hwc().arg("dev").arg(&real).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(5) && said.contains("invented people only"), "{said}");
}
