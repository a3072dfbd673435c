//! `hwc dev --drill`: the bad morning by itself, and with somebody in the part of whoever practises.

use std::{
    fs::{self, File},
    path::Path,
    process::{Child, Command, Stdio},
};

use crate::{ground::hwc, region::wait_for};

/// A drill under way. What is dropped is told to stop, and takes its processes with it.
struct Drill {
    child: Child,
    said: std::path::PathBuf,
}

impl Drill {
    fn begin(folder: &Path, more: &[&str]) -> Self {
        let said = folder.join("said");
        let out = File::create(&said).unwrap();
        let mut command = hwc();
        command.args(["dev", "--drill", "--state-dir"]).arg(folder.join("state")).args(more);
        // Nobody sits at its keyboard.
        command.stdout(out.try_clone().unwrap()).stderr(out).stdin(Stdio::null());
        Self { child: command.spawn().unwrap(), said }
    }

    fn said(&self) -> String {
        fs::read_to_string(&self.said).unwrap()
    }

    /// Waits until it says this.
    fn says(&self, words: &str) {
        wait_for(|| self.said().contains(words).then_some(()))
            .unwrap_or_else(|| panic!("never {words:?}:\n{}", self.said()));
    }

    /// How it ended, and everything that it said.
    fn ends(mut self) -> (Option<i32>, String) {
        let ended = wait_for(|| self.child.try_wait().unwrap());
        (ended.unwrap_or_else(|| panic!("it does not end:\n{}", self.said())).code(), self.said())
    }
}

impl Drop for Drill {
    fn drop(&mut self) {
        let _ =
            Command::new("kill").args(["-TERM", &self.child.id().to_string()]).stderr(Stdio::null()).status();
        let _ = self.child.wait();
    }
}

/// What every drill's report must say: every child where it belongs, and what must ring rang.
fn is_a_good_report(said: &str) {
    for (child, school) in [
        ("Lotte Smit", "school-01AA00"),
        ("Eva Jansen", "school-01AA00"),
        ("Luuk Dekker", "school-06FF01"),
        ("David Pieterse", "school-01AA00"),
        ("Noor Pieterse", "school-03CC00"),
        ("Sam van den Berg", "school-02BB00"),
    ] {
        let line = said.lines().find(|line| line.starts_with(child));
        let line = line.unwrap_or_else(|| panic!("{child} is not in the report:\n{said}"));
        assert!(line.contains(school) && !line.contains("never"), "{line}");
        assert_eq!(line.contains("after another school gave it back"), child == "Eva Jansen", "{line}");
        assert_eq!(line.contains("by the backup"), school == "school-01AA00", "{line}");
    }
    for rang in ["BROKER CRITICAL", "a breach was mailed", "a case waits", "a backup contact was called in"] {
        assert!(said.contains(rang), "{rang} did not ring:\n{said}");
    }
    assert!(said.contains("lost 0, misdelivered 0, left in the broker: nothing"), "{said}");
}

#[test]
fn the_bad_morning_by_itself_loses_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let (code, said) = Drill::begin(folder.path(), &["--by-itself"]).ends();
    assert_eq!(code, Some(0), "{said}");
    is_a_good_report(&said);
    // It is a region's whole life, and another does not fit on top of it.
    let (code, said) = Drill::begin(folder.path(), &["--by-itself"]).ends();
    assert!(code == Some(5) && said.contains("a folder that is not there yet"), "{said}");
}

#[test]
fn whoever_practises_solves_the_morning_with_the_commands_that_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let municipality = |arguments: &[&str]| {
        let settings = state.join("settings/municipality-0855.toml");
        let done = hwc().arg("municipality").args(arguments).arg("--config").arg(settings).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    };
    // It waits for longer than this test may take: if the script did something in our place, this test would see nothing but that.
    let drill = Drill::begin(folder.path(), &["--patience-minutes", "200"]);
    drill.says("YOURS: start the broker");
    File::create(state.join("drill/start-the-broker")).unwrap();
    drill.says("YOURS: have the BRP put right");
    File::create(state.join("brp/faults.toml")).unwrap();
    drill.says("YOURS: call the municipality");
    let shown = municipality(&["pending", "--show"]);
    municipality(&["pick", shown.split_whitespace().next().unwrap(), "1"]);
    drill.says("YOURS: have the municipality put the enrolment right");
    let correction = state.join("drill/correction.csv");
    municipality(&["import", "--delta", correction.to_str().unwrap()]);
    let (code, said) = drill.ends();
    assert_eq!(code, Some(0), "{said}");
    assert!(!said.contains("nobody did it"), "{said}");
    is_a_good_report(&said);
}
