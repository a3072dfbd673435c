//! `hwc exam`: our own adapters pass it as processes, and an adapter with a fault fails the case that is there for it, in words that
//! say what is wrong.

mod double;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

use serde_json::Value;

use self::double::{Double, Fault};
use crate::{ground::hwc, region::wait_for};

/// The program under test, as a word of a command.
const HWC: &str = env!("CARGO_BIN_EXE_hwc");

/// An exam in a folder of its own.
struct Exam {
    folder: tempfile::TempDir,
    role: &'static str,
    arguments: Vec<String>,
}

impl Exam {
    fn of(role: &'static str) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), role, arguments: Vec::new() }
    }

    /// One of our own adapters, and what its people do.
    fn of_our_own(role: &'static str) -> Self {
        let exam = Self::of(role).saying("--adapter", &format!("exec {HWC} {role} --config {{credentials}}"));
        match role {
            "school" => exam.saying(
                "--do",
                &format!(
                    "receive={HWC} school --config {{credentials}} open {{signal}} --show && \
                     {HWC} school --config {{credentials}} acknowledge {{signal}}"
                ),
            ),
            "police" => exam.saying("--do", &format!("send={SEND}")),
            _ => exam,
        }
    }

    fn saying(mut self, flag: &str, value: &str) -> Self {
        self.arguments.extend([flag.to_owned(), value.to_owned()]);
        self
    }

    fn only(self, cases: &[&str]) -> Self {
        cases.iter().fold(self, |exam, case| exam.saying("--only", case)).saying("--patience", "12")
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("exam.toml")
    }

    fn command(&self) -> Command {
        let mut command = hwc();
        command.args(["exam", "--as", self.role, "-o", "json", "--credentials"]).arg(self.file());
        command.args(&self.arguments).stdin(Stdio::null());
        command
    }

    fn hold(&self) -> Held {
        Held::of(&self.command().output().unwrap())
    }

    /// With an adapter that is started by somebody else.
    fn hold_with(&self, fault: Fault) -> Held {
        let child = self.command().stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut ending = Ending(Some(child));
        wait_for(|| self.file().exists().then_some(())).expect("no exam began");
        let log = self.folder.path().join("double.log");
        let _double = Double::start(&self.file(), fault, &log);
        Held::of(&ending.0.take().unwrap().wait_with_output().unwrap())
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("double.log")
    }
}

/// Moves a report into the inbox, whole.
const SEND: &str = "cp {file} {inbox}/.part && mv {inbox}/.part {inbox}/$(basename {file})";

/// A child that is gone when this is dropped.
struct Ending(Option<Child>);

impl Drop for Ending {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// What came of an exam.
struct Held {
    code: Option<i32>,
    report: Value,
    said: String,
}

impl Held {
    fn of(output: &Output) -> Self {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("no report:\n{said}"));
        Self { code: output.status.code(), report, said }
    }

    fn cases(&self) -> &[Value] {
        self.report["cases"].as_array().unwrap()
    }

    /// Everything was put but what takes ten minutes, and passed.
    fn passes_all(&self) {
        let left = |case: &Value| case["case"] == "key-destroyed" && case["verdict"] == "left out";
        let cases = self.cases().iter();
        let others: Vec<_> = cases.filter(|case| case["verdict"] != "passed" && !left(case)).collect();
        assert!(others.is_empty() && self.code == Some(0), "{others:#?}\n{}", self.said);
    }

    /// This case failed, because of what these words say; so the exam is not passed.
    fn fails(&self, name: &str, words: &str) {
        let case = self.cases().iter().find(|case| case["case"] == name).unwrap();
        let why = case["why"].as_str().unwrap_or_default();
        assert!(
            case["verdict"] == "failed" && why.contains(words),
            "{words:?} is wanted: {case:#}\n{}",
            self.said
        );
        assert_eq!((self.code, &self.report["passed"]), (Some(1), &Value::Bool(false)));
        assert!(case["rule"].as_str().is_some() && case["advice"].as_str().is_some());
    }
}

#[test]
fn our_own_police_pass() {
    Exam::of_our_own("police").hold().passes_all();
}

#[test]
fn our_own_veilig_thuis_passes() {
    Exam::of_our_own("veilig-thuis").hold().passes_all();
}

#[test]
fn our_own_municipality_passes() {
    Exam::of_our_own("municipality").hold().passes_all();
}

#[test]
fn our_own_school_passes() {
    let exam = Exam::of_our_own("school");
    exam.hold().passes_all();
    // What was said at the doors is left behind for whoever looks for a fault, without anything that was sealed.
    let transcript = fs::read_to_string(exam.folder.path().join("exam.d/transcript.jsonl")).unwrap();
    assert!(
        transcript.lines().count() > 20
            && transcript.contains("acknowledge")
            && !transcript.contains("sealed")
    );
    // The next one in the same place begins anew.
    let again = Exam { arguments: exam.arguments.clone(), ..exam }.only(&["first"]).hold();
    assert_eq!(again.code, Some(0), "{}", again.said);
}

#[test]
fn an_adapter_that_does_as_the_pages_say_passes_what_needs_no_kill_and_no_contact() {
    let cases = [
        "first",
        "answer-lost",
        "try-later",
        "slow",
        "unknown-fields",
        "unknown-task",
        "unknown-refusal",
        "redelivery",
        "ended",
        "spoiled",
        "broker-away",
        "schema",
        "once",
        "nothing-leaked",
    ];
    let exam = Exam::of("school").only(&cases);
    let log = exam.log();
    let held = exam.saying("--log", log.to_str().unwrap()).hold_with(Fault::None);
    let others =
        held.cases().iter().filter(|case| case["verdict"] != "passed" && case["verdict"] != "left out");
    assert_eq!(others.collect::<Vec<_>>(), Vec::<&Value>::new(), "{}", held.said);
    assert_eq!(held.code, Some(0));
}

/// A school with one fault fails the case that is there for it.
fn a_school_with(fault: Fault, cases: &[&str], words: &str) {
    let exam = Exam::of("school").only(cases);
    let log = exam.log();
    let held = exam.saying("--log", log.to_str().unwrap()).hold_with(fault);
    held.fails(cases.last().unwrap(), words);
}

#[test]
fn one_that_writes_a_letter_to_its_log_fails() {
    a_school_with(Fault::LogsTheLetter, &["first", "nothing-leaked"], "double.log at byte");
}

#[test]
fn one_that_acknowledges_twice_fails() {
    a_school_with(Fault::SaysItTwice, &["first", "once"], "it submitted acknowledge again");
}

#[test]
fn one_that_does_a_task_only_when_it_comes_for_the_first_time_fails() {
    a_school_with(Fault::IgnoresRedelivery, &["unknown-refusal"], "it was not done within 12 s");
}

#[test]
fn one_that_lets_go_of_its_task_before_it_is_done_fails() {
    a_school_with(
        Fault::LetsGoFirst,
        &["unknown-refusal"],
        "it acknowledged the task, although it does not know",
    );
}

#[test]
fn one_that_hammers_fails() {
    a_school_with(Fault::Hammers, &["try-later"], "it does not wait longer each time");
}

#[test]
fn one_that_says_something_else_when_it_had_no_answer_fails() {
    a_school_with(
        Fault::SaysSomethingElse,
        &["answer-lost"],
        "it said return after acknowledge had no answer",
    );
}

#[test]
fn one_that_knows_better_than_later_versions_fails() {
    a_school_with(Fault::RefusesWhatItDoesNotKnow, &["unknown-fields"], "it was not done within 12 s");
}

#[test]
fn one_that_acknowledges_what_it_cannot_read_fails() {
    a_school_with(
        Fault::AcknowledgesAnyTask,
        &["unknown-task"],
        "it acknowledged a task that it cannot know",
    );
}

#[test]
fn one_that_confirms_what_it_could_not_open_fails() {
    a_school_with(
        Fault::ConfirmsUnopened,
        &["spoiled"],
        "it submitted acknowledge although the seal cannot be opened",
    );
}

#[test]
fn one_that_never_lets_go_fails() {
    a_school_with(Fault::KeepsWhatIsGone, &["ended"], "the task of a signal that ended is not let go");
}

#[test]
fn one_that_says_what_no_schema_has_fails() {
    a_school_with(
        Fault::WritesNumbersAsText,
        &["first", "schema"],
        "/round does not fit schemas/json/command.json",
    );
}

#[test]
fn one_that_leaves_keys_that_it_did_not_sign_fails() {
    a_school_with(Fault::LeavesUnsignedKeys, &["keys-left"], "whose signature is not by its sealing key");
}

#[test]
fn one_that_opens_what_nobody_asked_for_fails() {
    let exam = Exam::of("school").only(&["asked-first"]).saying("--do", "receive=true");
    exam.hold_with(Fault::None).fails("asked-first", "although no contact had asked for it");
}

#[test]
fn a_municipality_that_guesses_and_tells_more_than_it_should_fails() {
    let cases = ["content", "right-school", "secret", "in-doubt"];
    let held = Exam::of("municipality").only(&cases).hold_with(Fault::None);
    held.fails("content", "/what_happened");
    held.fails("right-school", "where the child is no pupil");
    held.fails("secret", "enrolment_secret is wanted");
    held.fails("in-doubt", "only a person can tell");
}

#[test]
fn a_municipality_that_believes_any_key_fails() {
    let held = Exam::of("municipality").only(&["forged-key"]).hold_with(Fault::None);
    held.fails("forged-key", "never signed");
}

#[test]
fn one_that_does_nothing_after_a_crash_fails() {
    let exam = Exam::of_our_own("school");
    let flag = exam.folder.path().join("lived");
    let text = flag.to_str().unwrap().to_owned();
    let once =
        format!("test -e {text} && exec sleep 600; touch {text}; exec {HWC} school --config {{credentials}}");
    let exam = Exam { arguments: exam.arguments[2..].to_vec(), ..exam }.saying("--adapter", &once);
    exam.only(&["crash-before"]).hold().fails("crash-before", "it was not done within 12 s");
}

#[test]
fn one_that_keeps_a_key_when_its_signal_ended_fails() {
    // Our own destroys it after ten minutes; asked after two seconds, it is one that keeps it.
    let held = Exam::of_our_own("school").saying("--keys-within", "2").only(&["key-destroyed"]).hold();
    held.fails("key-destroyed", "the key is still there");
}

#[test]
fn police_whose_same_report_is_another_incident_each_time_fail() {
    let anew = "send=sed s/report-/report-$$-/ {file} > {inbox}/.part && mv {inbox}/.part {inbox}/$$.jsonl";
    let exam = Exam::of("police").saying("--adapter", &format!("exec {HWC} police --config {{credentials}}"));
    let held = exam.saying("--do", anew).only(&["redelivery"]).hold();
    held.fails("redelivery", "another incident's id");
}

#[test]
fn what_could_not_be_seen_is_no_pass() {
    let held = Exam::of("school").only(&["crash-before"]).hold();
    assert_eq!(held.code, Some(1), "{}", held.said);
    let case = held.cases().iter().find(|case| case["case"] == "crash-before").unwrap();
    assert_eq!(case["verdict"], "not shown");
    assert!(case["why"].as_str().unwrap().contains("--adapter"));
}

#[test]
fn a_file_that_no_exam_wrote_is_not_touched_and_a_case_that_is_none_is_said() {
    let exam = Exam::of("school");
    fs::write(exam.file(), "ours").unwrap();
    let refused = exam.command().output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.status.code() == Some(3) && said.contains("no exam wrote it"), "{said}");
    assert_eq!(fs::read_to_string(exam.file()).unwrap(), "ours");
    let unknown = Exam::of("school").only(&["dance"]);
    let said = String::from_utf8(unknown.command().output().unwrap().stderr).unwrap();
    assert!(said.contains("there is no case \"dance\""), "{said}");
}

#[test]
fn the_page_names_every_case_and_the_command_lists_what_concerns_a_role() {
    let page = fs::read_to_string(crate::ground::root().join("docs/exam.md")).unwrap();
    for role in ["police", "veilig-thuis", "municipality", "school"] {
        let output = hwc().args(["exam", "--as", role, "--list"]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let names: Vec<_> = text.lines().filter(|line| line.as_bytes()[2].is_ascii_digit()).collect();
        assert!(names.len() > 10, "{text}");
        for line in names {
            let name = line.split_whitespace().nth(1).unwrap();
            assert!(page.contains(&format!("| `{name}` |")), "docs/exam.md does not have {name}");
        }
    }
}

/// A path beside the settings that an exam wrote.
fn beside(file: &Path, name: &str) -> PathBuf {
    file.with_extension("d").join(name)
}
