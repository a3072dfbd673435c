//! The organisations as processes of their own, with their people, on the real broker.

use std::{fs, path::Path};

use serde_json::Value;

use crate::{
    canary,
    region::{Done, Region, report_of, the_one, wait_for},
};

pub(crate) const CHAIN: [&str; 4] =
    ["police-region", "veilig-thuis-region", "municipality-0855", "school-01AA00"];

pub(crate) fn code(of: &Value) -> String {
    of["code"].as_str().unwrap().to_owned()
}

pub(crate) fn fine(done: Done) -> String {
    assert_eq!(done.code, Some(0), "{}{}", done.stdout, done.stderr);
    done.stdout
}

/// It was refused, in these words.
fn refused(done: &Done, words: &str) {
    assert_eq!(done.code, Some(5), "{}{}", done.stdout, done.stderr);
    assert!(done.stderr.contains(words), "{}", done.stderr);
}

/// What a file holds; nothing if it went since it was listed, as files do while processes run.
pub(crate) fn held_in(path: &Path) -> Vec<u8> {
    match fs::read(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        read => read.unwrap(),
    }
}

/// No file below the folder, but for the police's own and the tables, holds the word: no log, no state, no broker's store.
fn nothing_holds(region: &Region, word: &str) {
    let files = canary::files_below(region.path());
    let searched: Vec<_> = files
        .iter()
        .filter(|path| !["tables", "inbox"].iter().any(|own| path.starts_with(region.path().join(own))))
        .collect();
    assert!(searched.len() > 20, "there is nothing to search");
    for path in searched {
        assert_eq!(canary::found_in(&held_in(path), &[word]), None, "{}", path.display());
    }
}

#[test]
fn a_report_goes_from_the_inbox_to_the_school_and_nothing_is_left_when_it_is_acknowledged() {
    let (region, _engine, [_police, _veilig_thuis, _municipality, school]) = Region::with(CHAIN);
    let file = region.report("one.jsonl", &[report_of("P-1", "Lotte", "Smit", "2018-12-11")]);
    let waiting = the_one(|| region.inbox("school-01AA00"));
    wait_for(|| (!file.exists()).then_some(())).expect("it was screened, and is still in the inbox");
    assert_eq!((&waiting["round"], &waiting["opened"]), (&Value::from(1), &Value::from(false)));
    let listed = fine(region.does("school-01AA00", &["inbox"]));
    assert!(listed.contains(&code(&waiting)) && !listed.contains("Lotte"), "{listed}");

    refused(&region.does("school-01AA00", &["acknowledge", &code(&waiting)]), "Open het signaal eerst");
    refused(&region.does("school-01AA00", &["open", &code(&waiting)]), "--show");
    assert_eq!(region.inbox("school-01AA00")[0]["opened"], false, "it was opened for nobody's eyes");
    let read = fine(region.does("school-01AA00", &["open", &code(&waiting), "--show"]));
    for words in ["Lotte Smit", "11 december 2018", "Handle with Care", "Niets noteren", "groepsleerkracht"] {
        assert!(read.contains(words), "{words} is not said:\n{read}");
    }

    // Killed after it was opened and before it was confirmed: it comes again, and may be opened again.
    school.kill();
    let school = region.start("school-01AA00");
    school.says("a signal waits");
    let again = the_one(|| region.inbox("school-01AA00"));
    assert_eq!(code(&again), code(&waiting), "a code follows from the signal");
    let signal = again["signal"].as_str().unwrap().to_owned();
    assert_eq!(fine(region.does("school-01AA00", &["open", &signal, "--show"])), read);

    let said = fine(region.does("school-01AA00", &["acknowledge", &code(&again)]));
    assert!(said.contains("Ontvangen"), "{said}");
    assert!(region.inbox("school-01AA00").is_empty());
    refused(&region.does("school-01AA00", &["open", &code(&again), "--show"]), "niets dat zo heet");
    assert_eq!(school.stop(), Some(0));
    nothing_holds(&region, "Lotte");
}

#[test]
fn a_doubtful_case_waits_for_a_person_and_a_restart_loses_nothing() {
    let (region, _engine, [_police, _veilig_thuis, municipality, _school]) = Region::with(CHAIN);
    region.report("one.jsonl", &[report_of("P-1", "Lotje", "Smit", "2018-12-11")]);
    let case = the_one(|| region.pending(&[]));
    assert_eq!(
        (&case["candidates"], &case["child"], &case["choices"]),
        (&1.into(), &Value::Null, &Value::Null)
    );
    let unseen = region.does("municipality-0855", &["pick", &code(&case), "1"]);
    refused(&unseen, "Kijk eerst wie het kunnen zijn");

    // A polite stop hands the case back, and it comes again.
    assert_eq!(municipality.stop(), Some(0));
    let done = region.does("municipality-0855", &["pending"]);
    assert_eq!(done.code, Some(4), "{}", done.stderr);
    let municipality = region.start("municipality-0855");
    municipality.says("a doubtful case waits for a person");
    let case = the_one(|| region.pending(&["--show"]));
    assert_eq!(case["child"]["given_names"], "Lotje");
    assert_eq!(
        (&case["pupils"][0]["given_names"], &case["choices"][0]["school"]),
        (&"Lotte".into(), &"01AA00".into())
    );
    let text = fine(region.does("municipality-0855", &["pending", "--show"]));
    assert!(
        text.contains("Lotje Smit, geboren 11 december 2018") && text.contains("1   Lotte Smit"),
        "{text}"
    );
    assert!(!fine(region.does("municipality-0855", &["pending"])).contains("Smit"), "shown to no screen");

    refused(&region.does("municipality-0855", &["pick", &code(&case), "2"]), "staat niet in de lijst");
    let said = fine(region.does("municipality-0855", &["pick", &code(&case), "1"]));
    assert!(said.contains("Doorgestuurd"), "{said}");
    assert!(region.pending(&[]).is_empty());
    refused(&region.does("municipality-0855", &["pick", &code(&case), "1"]), "niets dat zo heet");

    // It is at the school; called back, it is nowhere.
    let waiting = the_one(|| region.inbox("school-01AA00"));
    let passed_on = fine(region.does("municipality-0855", &["passed-on"]));
    assert!(passed_on.contains(waiting["signal"].as_str().unwrap()), "{passed_on}");
    let passed_on = passed_on.split_whitespace().next().unwrap();
    let recall = ["recall", passed_on, "--reason", "wrong_school"];
    assert!(fine(region.does("municipality-0855", &recall)).contains("Teruggeroepen"));
    let opened = region.does("school-01AA00", &["open", &code(&waiting), "--show"]);
    refused(&opened, "Dit signaal is er niet meer");
    assert!(opened.stdout.is_empty() && region.inbox("school-01AA00").is_empty());
    nothing_holds(&region, "Lotje");
}

#[test]
fn a_case_that_nobody_can_tell_is_withheld_and_a_returned_signal_comes_round_again() {
    let (region, _engine, [_police, _veilig_thuis, _municipality, _school]) = Region::with(CHAIN);
    region.report("doubt.jsonl", &[report_of("P-1", "Lotje", "Smit", "2018-12-11")]);
    let case = the_one(|| region.pending(&[]));
    let said = fine(region.does("municipality-0855", &["withhold", case["signal"].as_str().unwrap()]));
    assert!(said.contains("enrolment_ambiguous"), "{said}");

    region.report("sure.jsonl", &[report_of("P-2", "Eva", "Jansen", "2015-04-08")]);
    let waiting = the_one(|| region.inbox("school-01AA00"));
    refused(&region.does("school-01AA00", &["not-our-pupil", &code(&waiting)]), "Open het signaal eerst");
    assert!(fine(region.does("school-01AA00", &["open", &code(&waiting), "--show"])).contains("Eva Jansen"));
    let said = fine(region.does("school-01AA00", &["not-our-pupil", &code(&waiting)]));
    assert!(said.contains("Teruggegeven"), "{said}");
    let again = the_one(|| region.inbox("school-01AA00"));
    assert_eq!((&again["signal"], &again["round"]), (&waiting["signal"], &2.into()));
    assert_ne!(code(&again), code(&waiting), "another round is another matter");

    let signal = again["signal"].as_str().unwrap();
    let recall = ["recall", signal, "--reason", "sent_in_error"];
    assert!(fine(region.does("veilig-thuis-region", &recall)).contains("Teruggeroepen"));
    refused(&region.does("school-01AA00", &["open", &code(&again), "--show"]), "Dit signaal is er niet meer");
    // Recalled already while it is being erased, and gone after that.
    let again = region.does("veilig-thuis-region", &recall);
    assert!(again.stdout.contains("Al teruggeroepen") || again.stderr.contains("niets om terug te roepen"));
}

#[test]
fn a_signal_that_schools_return_again_and_again_comes_to_a_person() {
    let (region, _engine, [_police, _veilig_thuis, _municipality, _school]) = Region::with(CHAIN);
    region.report("one.jsonl", &[report_of("P-1", "Eva", "Jansen", "2015-04-08")]);
    let returned = (1_u64..).take_while(|round| {
        let waits = || region.inbox("school-01AA00").into_iter().find(|one| one["round"] == *round);
        let waiting = wait_for(|| waits().or_else(|| region.pending(&[]).pop())).expect("nothing came");
        if waiting["candidates"].is_number() {
            return false;
        }
        fine(region.does("school-01AA00", &["open", &code(&waiting), "--show"]));
        fine(region.does("school-01AA00", &["not-our-pupil", &code(&waiting)]));
        true
    });
    assert_eq!(returned.count(), 32);
    let case = the_one(|| region.pending(&["--show"]));
    assert_eq!((&case["candidates"], &case["child"]["surname"]), (&0.into(), &"Jansen".into()));
    let text = fine(region.does("municipality-0855", &["pending", "--show"]));
    assert!(text.contains("te vaak teruggegeven") && text.contains("Eva Jansen"), "{text}");
    refused(&region.does("municipality-0855", &["pick", &code(&case), "1"]), "staat niet in de lijst");
    fine(region.does("municipality-0855", &["withhold", &code(&case)]));
    assert!(region.pending(&[]).is_empty());
}

#[test]
fn a_register_that_changes_counts_at_once_and_a_broken_one_does_not() {
    let (region, _engine, [_police, _veilig_thuis, municipality, _school]) = Region::with(CHAIN);
    region.report("one.jsonl", &[report_of("P-1", "Lotje", "Smit", "2018-12-11")]);
    let case = the_one(|| region.pending(&["--show"]));
    region.add_row("enrolments.csv", "0855,Geheim,,Geheimpje,gisteren,01AA,00,no,,");
    municipality.says("enrolments.csv line 14, column date_of_birth");
    assert!(!municipality.log().contains("Geheim") && !municipality.log().contains("gisteren"));
    assert_eq!(code(&the_one(|| region.pending(&[]))), code(&case), "the register before stays in use");

    // The pupil was enrolled under another spelling: the case is judged anew, and nobody has to decide.
    let table = fs::read_to_string(region.path().join("tables/enrolments.csv")).unwrap();
    let mended = table.lines().filter(|line| !line.contains("gisteren")).collect::<Vec<_>>().join("\n");
    region.replace("enrolments.csv", &(mended + "\n0855,Lotje,,Smit,2018-12-11,01AA,00,no,,\n"));
    let waiting = the_one(|| region.inbox("school-01AA00"));
    assert!(region.pending(&[]).is_empty());
    assert!(fine(region.does("school-01AA00", &["open", &code(&waiting), "--show"])).contains("Lotje Smit"));
    refused(&region.does("municipality-0855", &["pick", &code(&case), "1"]), "niets dat zo heet");
}

#[test]
fn the_police_send_every_good_line_and_set_the_others_aside_without_showing_them() {
    let (region, _engine, [police, _veilig_thuis]) = Region::with(["police-region", "veilig-thuis-region"]);
    let good = |number: u32| report_of(&format!("P-{number}"), "Lotte", "Smit", "2018-12-11");
    let broken = good(3).replace("domestic_violence", "Geheim");
    let file = region.report("mixed.jsonl", &[good(1), broken.clone(), good(2), "{Geheim".to_owned()]);
    wait_for(|| (!file.exists()).then_some(())).expect("the file stays");
    let aside = |name: &str| fs::read_to_string(region.path().join("inbox/set-aside").join(name)).unwrap();
    assert_eq!(aside("mixed.jsonl"), format!("{broken}\n{{Geheim\n"));
    let reasons = aside("mixed.jsonl.reason");
    assert!(
        reasons.contains("line 2: incident.kind: ") && reasons.contains("line 4: (line): is not JSON"),
        "{reasons}"
    );
    assert!(!reasons.contains("Geheim") && !police.log().contains("Geheim"));

    // The same at once, by hand: what was sent before is known.
    let by_hand = region.path().join("by-hand.jsonl");
    fs::write(&by_hand, [good(1), broken, good(4)].join("\n")).unwrap();
    let by_hand = by_hand.to_str().unwrap();
    let done = region.does("police-region", &["send", by_hand]);
    assert_eq!(done.code, Some(1), "{}", done.stderr);
    let lines: Vec<_> = done.stdout.lines().collect();
    assert!(lines[0].ends_with("already recorded") && lines[2].ends_with(" recorded"), "{lines:?}");
    assert!(lines[1].contains("NOT SENT  incident.kind: ") && !done.stdout.contains("Geheim"), "{lines:?}");

    let checked = region.does("police-region", &["check", by_hand]);
    assert_eq!((checked.code, checked.stdout.lines().count()), (Some(1), 3));
    assert!(
        checked.stdout.contains("line 2     BROKEN  incident.kind: ") && !checked.stdout.contains("Geheim")
    );
}

#[test]
fn police_killed_in_the_middle_of_a_file_go_on_with_it_and_keep_it_until_it_is_screened() {
    let (region, _engine, [police]) = Region::with(["police-region"]);
    let lines: Vec<_> =
        (0..200).map(|n| report_of(&format!("P-{n}"), "Lotte", "Smit", "2018-12-11")).collect();
    let file = region.report("many.jsonl", &lines);
    // Some are on their way once the broker's store holds a ciphertext.
    let store = region.path().join("broker/jetstream");
    wait_for(|| {
        canary::files_below(&store).iter().any(|path| path.to_string_lossy().contains("PAY_")).then_some(())
    })
    .expect("nothing was sent");
    assert!(!police.log().contains("recorded=200"), "it was over before it was killed");
    police.kill();
    let police = region.start("police-region");
    police.says("recorded=200");
    // Nobody has screened anything: another life keeps it, too.
    assert!(file.exists(), "the file is gone before anybody screened it");
    police.kill();
    let _police = region.start("police-region");
    let _veilig_thuis = region.start("veilig-thuis-region");
    wait_for(|| (!file.exists()).then_some(())).expect("the file stays");
    assert!(!region.path().join("inbox/set-aside/many.jsonl").exists());
}

#[test]
fn a_wrong_key_is_said_and_tried_again_until_somebody_stops_it() {
    let region = Region::prepare();
    let keys = region.path().join("keys");
    fs::remove_file(keys.join("school-01AA00/nkey")).unwrap();
    hwc_jetstream::Credential::generate().write(&keys.join("school-01AA00/nkey")).unwrap();
    let school = region.start("school-01AA00");
    school.says("the broker does not admit");
    school.says("trying again");
    assert_eq!(school.stop(), Some(0));

    // What is done once is not tried for ever.
    let file = region.path().join("one.jsonl");
    fs::write(&file, report_of("P-1", "Lotte", "Smit", "2018-12-11")).unwrap();
    let send = ["send", file.to_str().unwrap(), "--within", "1"];
    let unanswered = region.does("police-region", &send);
    assert_eq!(unanswered.code, Some(4), "no engine: {}", unanswered.stderr);
    let away = region.does("police-region", &[&send[..], &["--broker", "nats://127.0.0.1:1"]].concat());
    assert_eq!(away.code, Some(4), "no broker: {}", away.stderr);
    fs::remove_file(keys.join("police-region/nkey")).unwrap();
    hwc_jetstream::Credential::generate().write(&keys.join("police-region/nkey")).unwrap();
    let refused = region.does("police-region", &send);
    assert_eq!(refused.code, Some(5), "no credential: {}", refused.stderr);
}

#[test]
fn what_a_process_cannot_use_is_said_with_the_remedy_and_ends_with_3() {
    let region = Region::prepare();
    let written = fs::read_to_string(region.settings("school-01AA00")).unwrap();
    for (text, said) in [
        (written.replace("school-01AA00\"\n", "police-region\"\n"), "it must begin with school-"),
        (format!("{written}geheim = 1\n"), "this setting is not known"),
        (written.replace("keys = \"keys/", "keys = \"nokeys/"), "nkey"),
        (written.replace("broker = \"nats:", "broker = \"gopher:"), "not an address of a broker"),
    ] {
        fs::write(region.settings("school-01AA00"), text).unwrap();
        let done = region.does("school-01AA00", &[]);
        assert_eq!(done.code, Some(3), "{said}: {}", done.stderr);
        assert!(done.stderr.contains(said), "{}", done.stderr);
    }
    fs::write(region.settings("school-01AA00"), &written).unwrap();
    let seal = region.path().join("keys/school-01AA00/seal");
    fs::set_permissions(seal, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let done = region.does("school-01AA00", &[]);
    assert!(done.code == Some(3) && done.stderr.contains("chmod 600"), "{}", done.stderr);
    let nobody = region.does("school-02BB00", &["inbox"]);
    assert!(nobody.code == Some(4) && nobody.stderr.contains("draait niet"), "{}", nobody.stderr);
}

#[test]
fn the_life_of_one_incident_is_shown_by_any_of_its_ids_and_says_when_it_ended() {
    let (region, _engine, [_police, _veilig_thuis, _municipality, _school]) = Region::with(CHAIN);
    region.report("one.jsonl", &[report_of("P-1", "Lotte", "Smit", "2018-12-11")]);
    let waiting = the_one(|| region.inbox("school-01AA00"));
    let signal = waiting["signal"].as_str().unwrap();
    let text = fine(region.trace(signal, &[]));
    for words in ["recorded", "delivered", "R12", "task read", "next deadline  Wed 18 Nov 17:00:00"] {
        assert!(text.contains(words), "{words} is not said:\n{text}");
    }
    assert!(!text.contains("01AA00") && !text.contains("0855"), "{text}");
    let life: Value = serde_json::from_str(&fine(region.trace(signal, &["-o", "json"]))).unwrap();
    let same = fine(region.trace(life["trace"].as_str().unwrap(), &["-o", "json"]));
    assert_eq!(serde_json::from_str::<Value>(&same).unwrap()["incident"], life["incident"]);

    fine(region.does("school-01AA00", &["open", &code(&waiting), "--show"]));
    fine(region.does("school-01AA00", &["acknowledge", &code(&waiting)]));
    region.holds_nothing();
    assert!(fine(region.trace(signal, &[])).contains("It ended."));
    assert_eq!(region.trace("Lotte", &[]).code, Some(2));
}

#[test]
fn a_month_that_is_open_has_no_report_and_one_in_which_nobody_was_there_neither() {
    let (region, _engine, [_police, _veilig_thuis, _municipality, _school]) = Region::with(CHAIN);
    let said = |period: &str| {
        let refused = region.month(period);
        assert!(refused.stdout.is_empty(), "{}", refused.stdout);
        (refused.code, refused.stderr)
    };
    let since = std::time::Instant::now();
    loop {
        let (code, stderr) = said("2026-11");
        if stderr.contains("2026-11 is still open") {
            assert_eq!(code, Some(5));
            break;
        }
        assert!(since.elapsed() < std::time::Duration::from_mins(1), "{stderr}");
    }
    let (code, stderr) = said("2020-01");
    assert!(code == Some(5) && stderr.contains("nothing was counted in 2020-01"), "{stderr}");
    assert_eq!(said("2026-13").0, Some(2));
}
