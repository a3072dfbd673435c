//! What whoever keeps a region running asks of it: how it stands, what happens, whether it is well, what lies aside.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};

use crate::{
    ground::hwc,
    mails::MailServer,
    processes::{CHAIN, code, fine},
    region::{Done, Region, report_of, the_one, wait_for},
};

const CONFIG: [&str; 2] = ["--config", "engine.toml"];
const POLICE: [&str; 2] = ["--config", "police-region.toml"];

fn says(region: &Region, arguments: &[&str]) -> Done {
    region.hwc(&[arguments, &CONFIG[..]].concat())
}

fn value(done: &Done) -> Value {
    serde_json::from_str(&done.stdout).unwrap_or_else(|_| panic!("{}{}", done.stdout, done.stderr))
}

/// What lies aside, by an engine's settings or the police's.
fn aside(region: &Region, config: [&str; 2]) -> (Option<i32>, Vec<Value>) {
    let done = region.hwc(&[&["dead-letters", "list", "-o", "json"], &config[..]].concat());
    let letters = value(&done).as_array().unwrap().clone();
    (done.code, letters)
}

/// Follows what `hwc watch` says.
struct Watch {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
}

impl Watch {
    fn of(region: &Region) -> Self {
        let mut command = hwc();
        command.args(["watch", "-o", "json", "--config"]).arg(region.settings("engine"));
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    fn next(&mut self) -> Value {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"))
    }

    fn until(&mut self, key: &str, value: &str) -> Vec<Value> {
        let mut all = vec![self.next()];
        while all.last().unwrap()[key] != value {
            all.push(self.next());
        }
        all
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn how_a_region_stands_and_what_happens_is_told_without_anybody_in_it() {
    let (region, engine, [_police, _veilig_thuis, _municipality, _school]) = Region::with(CHAIN);
    let mut watch = Watch::of(&region);
    assert_eq!(watch.next()["now"], "one", "it begins with who leads");
    region.report("one.jsonl", &[report_of("P-1", "Lotte", "Smit", "2018-12-11")]);
    let waiting = the_one(|| region.inbox("school-01AA00"));
    let seen = watch.until("to", "delivered");
    let steps: Vec<_> = seen.iter().map(|one| one["to"].as_str().unwrap()).collect();
    for state in ["recorded", "screened", "expanded", "routed", "delivered"] {
        assert!(steps.contains(&state), "{steps:?}");
    }
    assert!(seen.iter().all(|one| one["incident"] == 1), "{seen:?}");

    let connected = |status: &Value, whose: &str| {
        let all = status["organisations"].as_array().unwrap();
        all.iter().find(|one| one["organisation"] == whose).unwrap()["connected"].clone()
    };
    let status = wait_for(|| {
        let status = value(&says(&region, &["status", "-o", "json"]));
        (connected(&status, "school-01AA00") == true).then_some(status)
    });
    let status = status.expect("the school asks for tasks, and is said not to");
    assert_eq!((&status["leader"]["engine"], &status["engines"]), (&json!("one"), &json!(1)));
    assert_eq!(
        status["in_flight"],
        json!([
            { "state": "delivered", "count": 1, "oldest": status["in_flight"][0]["oldest"] }
        ])
    );
    assert_eq!(
        (connected(&status, "school-02BB00"), connected(&status, "police-region")),
        (json!(false), Value::Null)
    );
    let keys = |whose: &str| {
        let all = status["organisations"].as_array().unwrap();
        all.iter().find(|one| one["organisation"] == whose).unwrap()["keys"].clone()
    };
    assert!(keys("school-01AA00").as_u64().unwrap() > 0 && keys("school-02BB00") == 0, "{status}");
    let text = fine(says(&region, &["status"]));
    assert!(text.contains("one; 0 stand by") && text.contains("cannot be told"), "{text}");
    // The municipality's report names neither; `watch` and `status` do not even know.
    let shared = fine(says(&region, &["status", "--to-share", "-o", "json"]));
    let shared: Value = serde_json::from_str(&shared).unwrap();
    assert_eq!(
        (&shared["in_flight"][0]["count"], &shared["organisations"][0]["tasks_waiting"]),
        (&Value::Null, &Value::Null)
    );

    fine(region.does("school-01AA00", &["open", &code(&waiting), "--show"]));
    fine(region.does("school-01AA00", &["acknowledge", &code(&waiting)]));
    watch.until("to", "purged");
    engine.kill();
    let nobody = watch.until("event", "lead");
    assert!(nobody.last().unwrap()["now"].is_null(), "{nobody:?}");
    Command::new("kill").args(["-TERM", &watch.child.id().to_string()]).status().unwrap();
    assert_eq!(watch.child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_monitoring_program_hears_one_line_and_the_exit_code_that_it_expects() {
    let (region, engine, [_police]) = Region::with(["police-region"]);
    let check = |arguments: &[&str]| {
        let done = says(&region, &[&["check"], arguments].concat());
        assert_eq!(done.stdout.lines().count(), 1, "{}", done.stdout);
        (done.code.unwrap(), done.stdout)
    };
    for what in ["deadlines", "erasure", "broker"] {
        let (code, line) = check(&[what]);
        assert!(code == 0 && line.starts_with(&format!("{} OK - ", what.to_uppercase())), "{line}");
        assert!(line.contains(" | ") && line.contains('='), "{line}");
    }
    let (code, line) = check(&["keys"]);
    assert!(code == 1 && line.starts_with("KEYS WARNING - 4 of 4 organisations have no"), "{line}");

    // Nobody screens it. It is ten in the morning, and the next lessons are almost a day away.
    region.report("one.jsonl", &[report_of("P-1", "Lotte", "Smit", "2018-12-11")]);
    let on_the_way =
        wait_for(|| Some(check(&["deadlines"])).filter(|(_, line)| line.contains("on_the_way=1;")));
    assert_eq!(on_the_way.expect("the report is not on its way").0, 0);
    let (code, line) = check(&["deadlines", "--warning", "2000"]);
    assert!(code == 1 && line.starts_with("DEADLINES WARNING - 1 not at a school"), "{line}");
    assert_eq!(check(&["deadlines", "--warning", "2000", "--critical", "1900"]).0, 2);
    let json = says(&region, &["check", "deadlines", "-o", "json"]);
    assert_eq!((value(&json)["level"].as_str(), json.code), (Some("OK"), Some(0)));

    engine.kill();
    let nobody = wait_for(|| Some(check(&["broker"])).filter(|(code, _)| *code == 2));
    assert!(nobody.expect("nobody leads, and all is well").1.contains("no engine leads"));
    let folder = region.loses_its_broker();
    let gone = |what: &str| {
        let mut command = hwc();
        command.current_dir(folder.path()).args(["check", what, "--config", "engine.toml"]);
        command.output().unwrap().status.code()
    };
    assert_eq!((gone("broker"), gone("deadlines")), (Some(2), Some(3)));
}

#[test]
fn a_file_that_was_set_aside_is_tried_again_or_let_go_and_both_are_written_down() {
    let region = Region::prepare();
    let engine = region.start("engine");
    let police = region.start("police-region");
    engine.says("leading");
    police.says("at work");
    assert_eq!(aside(&region, POLICE), (Some(0), Vec::new()));
    let broken = report_of("P-1", "Lotte", "Smit", "2018-12-11").replace("domestic_violence", "geheim");
    region.report("Lotte.jsonl", std::slice::from_ref(&broken));
    let letter = the_one(|| aside(&region, POLICE).1);
    assert_eq!(
        (&letter["kind"], &letter["drop"], &letter["retry"]),
        (&json!("set_aside"), &json!(true), &json!(true))
    );
    assert!(!letter.to_string().contains("Lotte") && !letter.to_string().contains("geheim"), "{letter}");
    let code = letter["code"].as_str().unwrap().to_owned();
    assert_eq!(aside(&region, POLICE).0, Some(6), "what lies aside is not as it should be");

    // As it is it comes back: the same file, set aside anew.
    fine(region.hwc(&[&["dead-letters", "retry", &code], &POLICE[..]].concat()));
    let again = the_one(|| {
        let mut letters = aside(&region, POLICE).1;
        letters.retain(|letter| letter["code"] != *code);
        letters
    });
    let code = again["code"].as_str().unwrap().to_owned();

    let wrong = region.hwc(&[&["dead-letters", "drop", &code, "--reason", "stale"], &POLICE[..]].concat());
    assert_eq!(wrong.code, Some(5), "{}", wrong.stderr);
    let only_said = ["dead-letters", "drop", &code, "--reason", "sent_otherwise", "--dry-run"];
    fine(region.hwc(&[&only_said, &POLICE[..]].concat()));
    assert_eq!(aside(&region, POLICE).1.len(), 1);
    fine(region.hwc(&[&only_said[..5], &POLICE[..]].concat()));
    assert_eq!(aside(&region, POLICE), (Some(0), Vec::new()));
    let acts = fs::read_to_string(region.path().join("state/police-region/audit.jsonl")).unwrap();
    let acts: Vec<Value> = acts.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let said: Vec<_> =
        acts.iter().map(|act| (act["act"].as_str().unwrap(), act["done"].as_bool().unwrap())).collect();
    assert_eq!(said, [("retry", false), ("retry", true), ("drop", false), ("drop", true)]);
    assert_eq!(acts[3]["reason"], "sent_otherwise");
    assert!(!acts.iter().any(|act| act.to_string().contains("Lotte") || act.to_string().contains(&code)));

    // The log is whole; without one of its lines, or its last one, it is not.
    let verify = ["audit", "verify", "state/police-region/audit.jsonl"];
    let head = fine(region.hwc(&verify)).lines().last().unwrap().trim_start_matches("head: ").to_owned();
    fine(region.hwc(&[&verify[..], &["--head", &head]].concat()));
    let path = region.path().join(verify[2]);
    let whole = fs::read_to_string(&path).unwrap();
    for gone in [1, 3] {
        let mut left: Vec<_> = whole.lines().collect();
        left.remove(gone);
        fs::write(&path, left.join("\n") + "\n").unwrap();
        let broken = region.hwc(&[&verify[..], &["-o", "json"]].concat());
        assert_eq!((broken.code, &value(&broken)["whole"]), (Some(6), &json!(false)), "{}", broken.stderr);
    }
}

#[test]
fn what_a_childs_signal_may_depend_on_cannot_be_dropped_and_what_nobody_can_read_can() {
    let (region, _engine, []) = Region::with([]);
    assert_eq!(aside(&region, CONFIG), (Some(0), Vec::new()));
    let drops = |code: &str| says(&region, &["dead-letters", "drop", code, "--reason", "stale"]);

    // A task of another version, and a log of another version: as after going back to an older program.
    region.forges("hwc.task.school-01AA00.x".to_owned(), "{}");
    let task = the_one(|| aside(&region, CONFIG).1);
    assert_eq!(task["kind"], "unreadable_task");
    let journal = region.api("STREAM.INFO.JOURNAL", &json!({}));
    let pen = journal["config"]["subjects"][0].as_str().unwrap().to_owned();
    let incident = "00000000000000000000000000000007";
    region.forges(pen.replace("*.*", &format!("{incident}.e")), r#"{"v":99}"#);
    let (code, letters) = aside(&region, CONFIG);
    let alarm = letters.iter().find(|letter| letter["kind"] == "alarm").expect("nobody was alarmed");
    assert!(code == Some(6) && !alarm.to_string().contains(incident), "{alarm}");
    assert_eq!((&alarm["drop"], &alarm["retry"]), (&json!(false), &json!(false)));

    let refused = drops(alarm["code"].as_str().unwrap());
    assert!(refused.code == Some(5) && refused.stderr.contains("by the law alone"), "{}", refused.stderr);
    assert_eq!(value(&says(&region, &["status", "-o", "json"]))["alarmed"], 1);
    let code = task["code"].as_str().unwrap();
    fine(drops(code));
    assert!(aside(&region, CONFIG).1.iter().all(|letter| letter["kind"] == "alarm"));
    assert_eq!(drops(code).code, Some(1), "it is gone already");
    let acts = fs::read_to_string(region.path().join("state/engine/audit.jsonl")).unwrap();
    assert_eq!(acts.lines().count(), 2, "what was refused is no act: {acts}");
}

#[test]
fn mails_about_breaches_that_are_refused_are_tried_again_at_once_or_let_go_while_their_records_stay() {
    let region = Region::prepare();
    let busy = region.path().join("busy");
    fs::write(&busy, "").unwrap();
    let mail = MailServer::start(&busy);
    let settings = region.settings("engine");
    let notices = "\n[notices]\nproject_leader = \"projectleider@hwc.example\"\n";
    fs::write(&settings, fs::read_to_string(&settings).unwrap() + &mail.settings() + notices).unwrap();
    let (engine, school) = (region.start("engine"), region.start("school-01AA00"));
    engine.says("leading");
    school.says("at work");
    let reports =
        || fine(region.does("school-01AA00", &["breach", "--what", "doubt", "--day", "2026-11-18"]));
    let waits = || the_one(|| aside(&region, CONFIG).1)["code"].as_str().unwrap().to_owned();

    reports();
    engine.says("could not be told of a breach yet");
    let code = waits();
    fs::remove_file(&busy).unwrap();
    fine(says(&region, &["dead-letters", "retry", &code]));
    mail.waits_for("projectleider", 1);
    wait_for(|| aside(&region, CONFIG).1.is_empty().then_some(())).expect("it was mailed, and lies aside");

    fs::write(&busy, "").unwrap();
    reports();
    let code = waits();
    let wrong = says(&region, &["dead-letters", "drop", &code, "--reason", "stale"]);
    assert_eq!(wrong.code, Some(5), "{}", wrong.stderr);
    fine(says(&region, &["dead-letters", "drop", &code, "--reason", "told_otherwise"]));
    wait_for(|| aside(&region, CONFIG).1.is_empty().then_some(())).expect("it lies aside still");
    assert_eq!(value(&says(&region, &["status", "-o", "json"]))["breach_mails_waiting"], 0);
    assert_eq!(value(&says(&region, &["holdings", "-o", "json"]))["breach_records"], 2);
}

#[test]
fn shells_complete_the_commands_and_every_command_has_a_page_of_the_manual() {
    let region = tempfile::tempdir().unwrap();
    for (shell, word) in [("bash", "complete -F"), ("zsh", "#compdef hwc"), ("fish", "complete -c hwc")] {
        let output = hwc().args(["completions", shell]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && text.contains(word) && text.contains("dead-letters"), "{shell}");
    }
    let pages = region.path().join("man");
    assert!(hwc().arg("man").arg(&pages).output().unwrap().status.success());
    for page in
        ["hwc.1", "hwc-status.1", "hwc-check-deadlines.1", "hwc-dead-letters-drop.1", "hwc-school-open.1"]
    {
        let text = fs::read_to_string(pages.join(page)).unwrap_or_else(|_| panic!("no {page}"));
        assert!(text.contains(".SH NAME") && text.contains(".SH SYNOPSIS"), "{page}");
    }
}
