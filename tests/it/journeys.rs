//! Datasets replayed to their end on the real broker, as a user would.

use std::{fs, process::Command, time::Duration};

use serde_json::{Value, json};

use crate::ground::{Dataset, hwc, lines, root, sorted};

/// Whether every child ended as the manual tells, on so many brokers.
fn ends_as_the_manual_tells(brokers: &str) {
    let dataset = Dataset::handbook();
    let replayed = dataset.replay(&["--brokers", brokers]);
    assert_eq!(replayed.code(), Some(0), "{}", replayed.stderr());
    let flat: Vec<Value> = replayed
        .diary
        .iter()
        .map(|line| {
            json!({
                "report_id": line["report_id"],
                "given_names": line["child"]["given_names"],
                "surname": line["child"]["surname"],
                "date_of_birth": line["child"]["date_of_birth"],
                "sibling": line["sibling"],
                "outcome": line["outcome"],
                "reason": line["reason"],
                "school": line["school"],
                "delivered_at": line["delivered_at"],
                "acknowledged_at": line["acknowledged_at"],
            })
        })
        .collect();
    let expected = lines(&fs::read_to_string(dataset.path().join("expected.jsonl")).unwrap());
    assert_eq!(sorted(&flat), sorted(&expected));
}

#[test]
fn the_manuals_cases_end_exactly_as_the_manual_tells() {
    ends_as_the_manual_tells("1");
}

#[test]
fn on_three_brokers_the_manuals_cases_end_the_same() {
    ends_as_the_manual_tells("3");
    let two = Dataset::handbook().replay(&["--brokers", "2"]);
    assert_eq!(two.code(), Some(2), "two do not agree when one is gone: {}", two.stderr());
}

#[test]
fn every_hand_made_case_ends_as_the_rules_say() {
    let cases = root().join("tests/oracle/cases");
    let mut played = 0;
    for case in fs::read_dir(cases).unwrap() {
        let case = case.unwrap().path();
        let args = fs::read_to_string(case.join("args")).unwrap_or_default();
        let diary = tempfile::NamedTempFile::new().unwrap();
        let output = hwc()
            .arg("replay")
            .arg(&case)
            .arg("--diary")
            .arg(diary.path())
            .args(args.split_whitespace())
            .output()
            .unwrap();
        let written = lines(&fs::read_to_string(diary.path()).unwrap());
        let expected = lines(&fs::read_to_string(case.join("expected.jsonl")).unwrap());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(sorted(&written), sorted(&expected), "{}: {said}", case.display());
        played += 1;
    }
    assert!(played >= 10, "the hand-made cases are gone");
}

#[test]
fn a_broken_line_is_named_by_line_and_field_and_the_others_go_on() {
    let dataset = Dataset::handbook().adding(
        "reports.jsonl",
        "{\"report_id\":\"GEHEIM-1\"}\n{\"report_id\": \"GEHEIM-2\", \"reported_at\": \"gisteren\"}\nnot JSON: Geheimpje\n",
    );
    let broken_from = fs::read_to_string(dataset.path().join("reports.jsonl")).unwrap().lines().count() - 2;
    let replayed = dataset.replay(&[]);
    assert_eq!(replayed.code(), Some(1));
    let said = replayed.stderr();
    for (line, what) in [
        (broken_from, "reported_at: is missing"),
        (broken_from + 1, "reported_at: is not a time"),
        (broken_from + 2, "(line): is not JSON"),
    ] {
        assert!(said.contains(&format!("reports.jsonl line {line}: {what}")), "{said}");
    }
    assert!(!said.to_lowercase().contains("geheim") && !said.contains("gisteren"), "content shown: {said}");
    let expected = fs::read_to_string(dataset.path().join("expected.jsonl")).unwrap();
    assert_eq!(replayed.diary.len(), expected.lines().count());
}

#[test]
fn a_broken_row_or_setting_stops_the_run_before_it_starts() {
    let cases = [
        (
            "residents.csv",
            "5038AA,1,,,0855,Geheim,,Geheimpje,2016-02-31\n",
            "residents.csv line 17, column date_of_birth: ",
        ),
        ("schools.csv", "Geheim,00,X,po,0855,,\n", "schools.csv line 8, column brin: "),
        (
            "enrolments.csv",
            "0855,Geheim,,Geheimpje,2016-02-03,01AA,00,misschien,,\n",
            "enrolments.csv line 14, column secret: ",
        ),
        ("region.toml", "[policy]\nmax_hold_days = \"Geheim\"\n", "region.toml line "),
        ("holidays.json", "Geheim", "holidays.json: "),
    ];
    for (file, more, wanted) in cases {
        let dataset = Dataset::handbook().adding(file, more);
        let state = dataset.path().join("state");
        let replayed = dataset.replay(&["--state-dir", state.to_str().unwrap()]);
        let said = replayed.stderr();
        assert_eq!(replayed.code(), Some(3), "{said}");
        assert!(said.contains(wanted), "{file}: {said}");
        assert!(!said.contains("Geheim") && !said.contains("misschien"), "content shown: {said}");
        assert!(!state.exists() && replayed.diary.is_empty(), "{file}: the run had started");
    }
}

#[test]
fn a_dataset_without_a_report_is_over_at_once() {
    let replayed = Dataset::handbook().with("reports.jsonl", "\n").replay(&[]);
    assert_eq!(replayed.code(), Some(0), "{}", replayed.stderr());
    assert!(replayed.diary.is_empty());
}

#[test]
fn a_policy_whose_payloads_could_outlive_the_ceiling_is_refused() {
    let dataset = Dataset::handbook().adding("region.toml", "\n[policy]\nmax_hold_days = 20\n");
    let replayed = dataset.replay(&[]);
    assert_eq!(replayed.code(), Some(3));
    assert!(replayed.stderr().contains("payload_ceiling_days"), "{}", replayed.stderr());
}

#[test]
fn a_diary_of_real_people_is_refused_and_a_replay_without_one_is_not() {
    let text = fs::read_to_string(root().join("simulations/handbook/region.toml")).unwrap();
    let dataset =
        Dataset::handbook().with("region.toml", &text.replace("synthetic = true", "synthetic = false"));
    let refused = dataset.replay(&[]);
    assert_eq!(refused.code(), Some(5));
    assert!(refused.stderr().contains("synthetic = true"), "{}", refused.stderr());
    let output = hwc().arg("replay").arg(dataset.path()).args(["-o", "json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["left"], json!({ "incidents": 0, "payloads": 0, "tasks": 0 }));
    assert_eq!(summary["misdelivered"], 0);
}

#[test]
fn a_state_dir_that_holds_something_is_refused_and_left_alone() {
    let dataset = Dataset::handbook();
    let state = tempfile::tempdir().unwrap();
    fs::write(state.path().join("mine"), "mine").unwrap();
    let replayed = dataset.replay(&["--state-dir", state.path().to_str().unwrap()]);
    assert_eq!(replayed.code(), Some(3));
    assert_eq!(fs::read_dir(state.path()).unwrap().count(), 1);
}

#[test]
fn where_nobody_opens_anything_a_signal_expires_and_is_gone() {
    let dataset = Dataset::handbook();
    let replayed = dataset.replay(&["--unattended-schools", "01AA00,02BB00,03CC00,06FF01"]);
    assert_eq!(replayed.code(), Some(0), "{}", replayed.stderr());
    let outcomes = replayed.outcomes();
    assert!(!outcomes.contains_key("acknowledged"), "{outcomes:?}");
    assert!(outcomes.get("expired not_acknowledged").is_some_and(|count| *count >= 8), "{outcomes:?}");
    let unknown = dataset.replay(&["--unattended-schools", "99ZZ99"]);
    assert_eq!(unknown.code(), Some(3));
}

#[test]
fn the_demo_shows_every_child_and_that_nothing_is_left() {
    let output = hwc().arg("demo").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}{}", String::from_utf8_lossy(&output.stderr));
    for wanted in
        ["M-4.1", "Noor", "Acknowledged", "Purged", "0 incidents, 0 ciphertexts, 0 tasks", "Nothing: "]
    {
        assert!(said.contains(wanted), "{wanted} is not shown:\n{said}");
    }
}

#[test]
fn the_readme_shows_the_law_as_it_is() {
    let output = hwc().args(["law", "-o", "mermaid"]).output().unwrap();
    let diagram = String::from_utf8(output.stdout).unwrap();
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    assert!(readme.contains(diagram.trim_end()), "put this into README.md:\n{diagram}");
}

#[test]
fn killed_with_nine_it_takes_its_broker_along() {
    let state = tempfile::tempdir().unwrap();
    let folder = state.path().join("state");
    let dataset = Dataset::handbook();
    let mut child = dataset.start(&folder, &state.path().join("diary.out"));
    let broker = wait_for(|| broker_of(&folder)).expect("the broker never started");
    child.kill().unwrap();
    child.wait().unwrap();
    let gone = wait_for(|| (!fs::exists(format!("/proc/{broker}")).unwrap()).then_some(()));
    assert!(gone.is_some(), "the broker lives on");
}

#[test]
fn a_broker_killed_in_the_middle_is_started_again_and_every_child_ends_as_the_rules_say() {
    let dataset = Dataset::weekend(200);
    let diary = dataset.path().join("diary.out");
    let state = dataset.path().join("state");
    let mut child = dataset.start(&state, &diary);
    let mut killed = 0;
    while child.try_wait().unwrap().is_none() && killed < 3 {
        // Once a ciphertext lies in the store the run is in the middle of it.
        let busy = fs::read_dir(state.join("broker/jetstream")).is_ok()
            && generation_below(&state.join("broker/jetstream"));
        if let (true, Some(broker)) = (busy, broker_of(&state)) {
            Command::new("kill").args(["-9", &broker.to_string()]).status().unwrap();
            killed += 1;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let output = child.wait_with_output().unwrap();
    assert!(killed > 0, "it was over too soon to be killed");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let undisturbed = Dataset::weekend(200).replay(&[]);
    let disturbed = lines(&fs::read_to_string(&diary).unwrap());
    assert_eq!(sorted(&disturbed), sorted(&undisturbed.diary));
}

#[test]
fn a_broker_that_does_not_answer_for_a_while_stops_nothing_for_good() {
    let dataset = Dataset::weekend(200);
    let (diary, state) = (dataset.path().join("diary.out"), dataset.path().join("state"));
    let child = dataset.start(&state, &diary);
    let store = state.join("broker/jetstream");
    let broker = wait_for(|| broker_of(&state).filter(|_| generation_below(&store))).expect("no broker");
    let tell = |what: &str| Command::new("kill").args([what, &broker.to_string()]).status().unwrap();
    // Longer than anybody waits for an answer of the broker.
    tell("-STOP");
    std::thread::sleep(Duration::from_secs(7));
    tell("-CONT");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let undisturbed = Dataset::weekend(200).replay(&[]);
    assert_eq!(sorted(&lines(&fs::read_to_string(&diary).unwrap())), sorted(&undisturbed.diary));
}

#[test]
fn six_hundred_signals_that_wait_at_one_school_hold_nobody_up() {
    let dataset = Dataset::weekend(600);
    let replayed = dataset.replay(&[]);
    assert_eq!(replayed.code(), Some(0), "{}", replayed.stderr());
    assert_eq!(replayed.outcomes().get("acknowledged"), Some(&609));
}

/// Whether a generation of ciphertexts lies somewhere below.
fn generation_below(folder: &std::path::Path) -> bool {
    fs::read_dir(folder).into_iter().flatten().flatten().any(|entry| {
        let name = entry.file_name();
        name.to_string_lossy().starts_with("PAY_")
            || (entry.path().is_dir() && generation_below(&entry.path()))
    })
}

/// The broker's process, once it has opened its store in this folder.
fn broker_of(folder: &std::path::Path) -> Option<u32> {
    let wanted = folder.to_str()?;
    fs::read_dir("/proc").ok()?.find_map(|entry| {
        let entry = entry.ok()?;
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        let line = fs::read_to_string(entry.path().join("cmdline")).ok()?;
        let program = line.split('\0').next()?;
        (program.ends_with("nats-server") && line.contains(wanted)).then_some(pid)
    })
}

fn wait_for<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    for _ in 0..600 {
        if let Some(found) = look() {
            return Some(found);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    None
}
