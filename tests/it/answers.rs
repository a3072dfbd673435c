//! What a command comes to, as a program hears it: one object for each answer, in words that do not change, also when the answer is no.

use std::{
    fs,
    path::Path,
    process::{Output, Stdio},
};

use serde_json::{Value, json};

use crate::{
    ground::{hwc, root},
    processes::{CHAIN, code},
    region::{Done, Region, report_of, the_one, wait_for},
};

const SCHOOL: &str = "school-01AA00";
const MUNICIPALITY: &str = "municipality-0855";

/// The lines on standard output, each an object, and how it ended.
fn lines(done: &Done) -> (Vec<Value>, Option<i32>) {
    let line = |line: &str| serde_json::from_str(line).unwrap_or_else(|_| panic!("{}", done.stdout));
    (done.stdout.lines().map(line).collect(), done.code)
}

/// The one answer to what somebody does.
fn answer(region: &Region, who: &str, does: &[&str]) -> (Value, Option<i32>) {
    let done = region.does(who, &[does, &["-o", "json"]].concat());
    let (mut said, ended) = lines(&done);
    assert_eq!(said.len(), 1, "{}{}", done.stdout, done.stderr);
    assert_eq!(done.stderr.is_empty(), ended == Some(0), "a no is said in words too: {}", done.stderr);
    (said.remove(0), ended)
}

fn fine(answer: (Value, Option<i32>)) -> Value {
    assert_eq!(answer.1, Some(0), "{}", answer.0);
    answer.0
}

#[test]
fn what_people_decide_is_answered_as_an_object_also_when_it_is_refused() {
    let (region, _engine, [_police, _veilig_thuis, _municipality, school]) = Region::with(CHAIN);
    region.report("doubt.jsonl", &[report_of("P-1", "Lotje", "Smit", "2018-12-11")]);
    let case = code(&the_one(|| region.pending(&[])));
    let pick = ["pick", &case, "1"];
    assert_eq!(answer(&region, MUNICIPALITY, &pick), (json!({ "outcome": "not_shown" }), Some(5)));
    region.pending(&["--show"]);
    let beyond = answer(&region, MUNICIPALITY, &["pick", &case, "2"]);
    assert_eq!(beyond, (json!({ "outcome": "no_such_candidate" }), Some(5)));
    assert_eq!(fine(answer(&region, MUNICIPALITY, &pick)), json!({ "outcome": "passed_on" }));
    // What was typed may be anything, and is not repeated.
    assert_eq!(
        answer(&region, MUNICIPALITY, &["withhold", "Lotje"]),
        (json!({ "outcome": "unknown" }), Some(5))
    );

    let waiting = the_one(|| region.inbox(SCHOOL));
    let (called, signal) = (code(&waiting), waiting["signal"].as_str().unwrap());
    let early = json!({ "outcome": "refused", "refusal": "not_opened", "code": called });
    assert_eq!(answer(&region, SCHOOL, &["acknowledge", &called]), (early, Some(5)));
    // A name goes to nobody who did not say that it may; nothing was opened for it.
    let unseen = region.does(SCHOOL, &["open", &called, "-o", "json"]);
    assert!(unseen.code == Some(5) && unseen.stdout.is_empty() && unseen.stderr.contains("--show"));
    assert_eq!(region.inbox(SCHOOL)[0]["opened"], false);
    let opened = fine(answer(&region, SCHOOL, &["open", &called, "--show"]));
    assert_eq!(
        (&opened["outcome"], &opened["code"], &opened["codeword"]),
        (&json!("opened"), &json!(called), &json!("Handle with Care"))
    );
    assert_eq!(opened["child"]["given_names"], "Lotje");
    assert_eq!(
        fine(answer(&region, SCHOOL, &["acknowledge", &called])),
        json!({ "outcome": "recorded", "code": called })
    );
    // What is acknowledged may be called back until it is purged (R24).
    region.holds_nothing();
    let (gone, ended) =
        answer(&region, "veilig-thuis-region", &["recall", signal, "--reason", "sent_in_error"]);
    assert_eq!((&gone["outcome"], &gone["signal"], ended), (&json!("refused"), &json!(signal), Some(5)));

    region.report("sure.jsonl", &[report_of("P-2", "Eva", "Jansen", "2015-04-08")]);
    let waiting = the_one(|| region.inbox(SCHOOL));
    let (called, signal) = (code(&waiting), waiting["signal"].as_str().unwrap());
    fine(answer(&region, SCHOOL, &["open", &called, "--show"]));
    let returned = fine(answer(&region, SCHOOL, &["not-our-pupil", &called]));
    assert_eq!(returned, json!({ "outcome": "recorded", "code": called }));
    wait_for(|| region.inbox(SCHOOL).first().filter(|again| again["round"] == 2).cloned())
        .expect("it did not come round again");
    let recalled = answer(&region, MUNICIPALITY, &["recall", signal, "--reason", "wrong_school"]);
    assert_eq!(fine(recalled), json!({ "outcome": "recorded", "signal": signal }));

    region.report("doubt-again.jsonl", &[report_of("P-3", "Lotje", "Smit", "2018-12-11")]);
    let case = code(&the_one(|| region.pending(&[])));
    let withheld = fine(answer(&region, MUNICIPALITY, &["withhold", &case]));
    assert_eq!(withheld, json!({ "outcome": "withheld", "reason": "enrolment_ambiguous" }));

    // A breach carries the id by which it can be said again.
    let said = fine(answer(&region, SCHOOL, &["breach", "--what", "spread", "--day", "2026-11-18"]));
    assert_eq!(
        (&said["outcome"], &said["what"], &said["day"]),
        (&json!("recorded"), &json!("spread"), &json!("2026-11-18"))
    );
    let again =
        ["breach", "--what", "spread", "--day", "2026-11-18", "--again", said["report"].as_str().unwrap()];
    assert_eq!(fine(answer(&region, SCHOOL, &again))["outcome"], "already_recorded");

    // Nobody there is no answer: words on standard error, and nothing else.
    school.kill();
    let alone = region.does(SCHOOL, &["acknowledge", &called, "-o", "json"]);
    assert_eq!((alone.code, alone.stdout.as_str()), (Some(4), ""), "{}", alone.stderr);
}

#[test]
fn the_police_hear_of_each_line_as_an_object_of_its_own_and_nothing_of_its_content() {
    let (region, _engine, [_veilig_thuis]) = Region::with(["veilig-thuis-region"]);
    let good = |number: u32| report_of(&format!("P-{number}"), "Lotte", "Smit", "2018-12-11");
    let file = region.path().join("three.jsonl");
    let broken = good(2).replace("domestic_violence", "Geheim");
    fs::write(&file, [good(1), broken, good(3)].join("\n")).unwrap();
    let does = |what: &str| {
        let done = region.does("police-region", &[what, file.to_str().unwrap(), "-o", "json"]);
        for content in ["Geheim", "Lotte", "P-1"] {
            assert!(!done.stdout.contains(content) && !done.stderr.contains(content), "{}", done.stdout);
        }
        lines(&done)
    };
    let why = "incident.kind: is none of the words that the format knows";
    let good =
        |line: u32| json!({ "line": line, "outcome": "good", "children_named": 1, "others_passed_over": 0 });
    assert_eq!(
        does("check"),
        (vec![good(1), json!({ "line": 2, "outcome": "broken", "why": why }), good(3)], Some(1))
    );
    for outcome in ["recorded", "already_recorded"] {
        let sent = |line: u32| json!({ "line": line, "outcome": outcome });
        let not_sent = json!({ "line": 2, "outcome": "not_sent", "why": why });
        assert_eq!(does("send"), (vec![sent(1), not_sent, sent(3)], Some(1)));
    }
}

/// What the program says in a folder of its own.
fn said(folder: &Path, arguments: &[&str]) -> Value {
    let mut command = hwc();
    command.current_dir(folder).args(arguments).args(["-o", "json"]).stdin(Stdio::null());
    let Output { status, stdout, stderr } = command.output().unwrap();
    assert!(status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&stderr));
    serde_json::from_slice(&stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&stdout)))
}

#[test]
fn an_operators_script_takes_the_next_step_by_the_answer_to_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let does = |arguments: &[&str]| said(folder.path(), arguments);
    let begun = does(&["operator", "init", "--broker-name", "127.0.0.1"]);
    assert!(Path::new(begun["broker_configuration"].as_str().unwrap()).is_file(), "{begun}");

    // The request and its fingerprint are what the operator asks for.
    let made = does(&["keys", "new", SCHOOL, "--dir", "theirs"]);
    let (request, fingerprint) = (made["request"].as_str().unwrap(), made["fingerprint"].as_str().unwrap());
    let let_in = ["operator", "add-organisation", SCHOOL, "--request", request, "--fingerprint", fingerprint];
    let added = does(&let_in);
    assert_eq!((&added["act"], &added["member"]), (&json!("added"), &json!(SCHOOL)));
    assert_eq!(added["broker_took_it_over"], false, "no broker runs here");
    let handover = &added["handover"];
    assert!(Path::new(handover["folder"].as_str().unwrap()).is_dir(), "{added}");
    assert_eq!((&handover["has_private_keys"], &handover["operator"]), (&json!(false), &begun["operator"]));

    let engine = does(&["operator", "add-engine", "one", "--make-keys"]);
    assert_eq!(
        (&engine["member"], &engine["handover"]["has_private_keys"]),
        (&json!("engine-one"), &json!(true))
    );
    let rotated = does(&["operator", "rotate", SCHOOL, "--make-keys"]);
    assert_eq!((&rotated["act"], &rotated["member"]), (&json!("rotated"), &json!(SCHOOL)));
    let region = root().join("simulations/handbook");
    let layout =
        ["operator", "layout", "trees", "--broker", "127.0.0.1:4222", "--region", region.to_str().unwrap()];
    let laid = does(&layout);
    let machines: Vec<_> =
        laid["machines"].as_array().unwrap().iter().map(|one| one["unit"].as_str().unwrap()).collect();
    assert_eq!(machines, ["hwc-broker", "hwc-engine@one", "hwc-school@01AA00"], "{laid}");
    let serials = [
        &added,
        &engine,
        &rotated,
        &does(&["operator", "renew-broker"]),
        &does(&["operator", "apply"]),
        &does(&["operator", "revoke", SCHOOL]),
    ]
    .map(|turn| turn["serial"].as_u64().unwrap());
    assert!(serials.is_sorted() && serials[0] < serials[5], "{serials:?}");
    assert_eq!(does(&["operator", "show"])["put_out"][1][0], SCHOOL);
}
