//! A region that an operator set up with the program alone, under TLS: who joins, who gets new keys, who goes.

use std::fs;

use crate::region::{Done, Process, Region, report_of, the_one, wait_for};

const SCHOOL: &str = "school-01AA00";
const NEWCOMER: &str = "school-02BB00";
const MUNICIPALITY: &str = "municipality-0855";

fn fine(done: Done) -> String {
    assert_eq!(done.code, Some(0), "{}{}", done.stdout, done.stderr);
    done.stdout
}

fn refused(done: &Done, words: &str) {
    assert_eq!(done.code, Some(5), "{}{}", done.stdout, done.stderr);
    assert!(done.stderr.contains(words), "{}", done.stderr);
}

/// What somebody reads out by telephone: the eight groups after these words.
fn read_out(text: &str, after: &str) -> String {
    text.split_once(after).unwrap().1.lines().next().unwrap().trim().to_owned()
}

/// The engine and everybody who takes part from the start.
fn everybody(region: &Region) -> [Process; 5] {
    let engine = region.start("engine");
    engine.says("leading");
    let [police, veilig_thuis, municipality, school] =
        ["police-region", "veilig-thuis-region", MUNICIPALITY, SCHOOL].map(|name| region.start(name));
    for one in [&police, &veilig_thuis, &municipality, &school] {
        one.says("at work");
    }
    [engine, police, veilig_thuis, municipality, school]
}

/// Makes a school's keys, has the operator let them in, and puts what comes back beside them.
fn asks(region: &Region, action: &str, school: &str, keys: &str, more: &[&str]) -> String {
    let made = fine(region.hwc(&[&["keys", "new", school, "--dir", keys], more].concat()));
    let told = read_out(&made, "by telephone:");
    let request = format!("{keys}/request.json");
    let operator = |fingerprint: &str| {
        region.hwc(&["operator", action, school, "--request", &request, "--fingerprint", fingerprint])
    };
    refused(&region.hwc(&["operator", action, school, "--request", &request]), "by telephone");
    let other = told.replace(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'], "0");
    refused(&operator(&other), "another fingerprint");
    let said = fine(operator(&told));
    for entry in fs::read_dir(region.path().join("operator/handover").join(school)).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, region.path().join(keys).join(path.file_name().unwrap())).unwrap();
    }
    said
}

fn open_and_acknowledge(region: &Region, school: &str, name: &str) {
    let waiting = the_one(|| region.inbox(school));
    let code = waiting["code"].as_str().unwrap();
    let read = fine(region.does(school, &["open", code, "--show"]));
    assert!(read.contains(name), "{read}");
    fine(region.does(school, &["acknowledge", code]));
}

#[test]
fn a_school_joins_a_running_region_and_another_is_put_out_of_it() {
    let region = Region::by_an_operator();
    region.add_row("enrolments.csv", "0855,Noor,,Nieuwkomer,2016-02-03,02BB,00,no,,");
    region.add_row("enrolments.csv", "0855,Daan,,Later,2016-03-04,02BB,00,no,,");
    let [engine, _police, _veilig_thuis, _municipality, school] = everybody(&region);
    region.report("one.jsonl", &[report_of("P-1", "Lotte", "Smit", "2018-12-11")]);
    open_and_acknowledge(&region, SCHOOL, "Lotte Smit");

    let directory = region.path().join("operator/directory.json");
    let old = fs::read(&directory).unwrap();
    let said = asks(&region, "add-organisation", NEWCOMER, "keys/school-02BB00", &[]);
    assert!(said.contains("took it over"), "{said}");
    let newcomer = region.start(NEWCOMER);
    newcomer.says("at work");
    region.report("two.jsonl", &[report_of("P-2", "Noor", "Nieuwkomer", "2016-02-03")]);
    open_and_acknowledge(&region, NEWCOMER, "Noor Nieuwkomer");

    // Both ends read the same fingerprints.
    let shown = fine(region.hwc(&["operator", "show"]));
    let config = region.settings(NEWCOMER);
    let own = fine(region.hwc(&["keys", "show", "--config", config.to_str().unwrap()]));
    assert!(shown.contains(&read_out(&own, "our own key")), "{shown}{own}");
    assert!(shown.contains(&read_out(&own, "operator")), "{shown}{own}");
    let json: serde_json::Value =
        serde_json::from_str(&fine(region.hwc(&["operator", "show", "-o", "json"]))).unwrap();
    assert_eq!(json["members"].as_array().unwrap().len(), 6);
    assert_eq!(json["applied"], true);

    let said = fine(region.hwc(&["operator", "revoke", SCHOOL]));
    assert!(said.contains("is out") && said.contains("took it over"), "{said}");
    school.says("the connection to the broker is down");
    school.says("does not let us back in");
    school.kill();
    let back = region.start(SCHOOL);
    back.says("refuses our TLS certificate");
    region.report("three.jsonl", &[report_of("P-3", "Daan", "Later", "2016-03-04")]);
    open_and_acknowledge(&region, NEWCOMER, "Daan Later");
    for undisturbed in [&engine, &newcomer] {
        assert!(!undisturbed.log().contains("is down"), "{}", undisturbed.log());
    }
    refused(&region.hwc(&["operator", "revoke", SCHOOL]), "does not take part");

    // Whoever puts an old directory in its place brings nobody back.
    fs::write(&directory, old).unwrap();
    engine.says("the directory in the file is an old one");
    assert!(fine(region.hwc(&["operator", "show"])).contains("hwc operator apply"));
    fine(region.hwc(&["operator", "apply"]));
    assert!(!fine(region.hwc(&["operator", "show"])).contains("hwc operator apply"));
}

#[test]
fn a_school_with_new_keys_gets_nothing_until_they_were_confirmed_and_then_everything() {
    let region = Region::by_an_operator();
    region.add_row("enrolments.csv", "0855,Noor,,Naderhand,2016-02-03,01AA,00,no,,");
    let [_engine, _police, _veilig_thuis, municipality, school] = everybody(&region);
    region.report("before.jsonl", &[report_of("P-1", "Lotte", "Smit", "2018-12-11")]);
    the_one(|| region.inbox(SCHOOL));
    assert_eq!(school.stop(), Some(0));

    asks(&region, "rotate", SCHOOL, "keys/new", &["--earlier", "keys/school-01AA00"]);
    let old = region.start(SCHOOL);
    old.says("refuses our TLS certificate");
    old.kill();
    fs::remove_dir_all(region.path().join("keys/school-01AA00")).unwrap();
    fs::rename(region.path().join("keys/new"), region.path().join("keys/school-01AA00")).unwrap();
    let school = region.start(SCHOOL);
    school.says("at work");
    // Sealed before: the earlier key opens it.
    open_and_acknowledge(&region, SCHOOL, "Lotte Smit");

    let config = region.settings(MUNICIPALITY);
    let config = config.to_str().unwrap();
    let shown = || fine(region.hwc(&["keys", "show", "--config", config]));
    wait_for(|| shown().contains("CHANGED").then_some(())).expect("the municipality never saw the new key");
    region.report("after.jsonl", &[report_of("P-2", "Noor", "Naderhand", "2016-02-03")]);
    municipality.says("hwc keys confirm school-01AA00");
    assert!(region.inbox(SCHOOL).is_empty(), "something was sealed to a key that nobody confirmed");

    let school_config = region.settings(SCHOOL);
    let own = fine(region.hwc(&["keys", "show", "--config", school_config.to_str().unwrap()]));
    let told = read_out(&own, "our own key");
    let confirm = |fingerprint: &str| {
        let confirm = ["keys", "confirm", SCHOOL, "--fingerprint", fingerprint, "--config", config];
        region.hwc(&[&confirm[..], &["-o", "json"]].concat())
    };
    refused(&confirm("0000 0000 0000 0000 0000 0000 0000 0000"), "another fingerprint");
    assert_eq!(confirm("nonsense").code, Some(2));
    let confirmed: serde_json::Value = serde_json::from_str(&fine(confirm(&told))).unwrap();
    let wanted = serde_json::json!({ "organisation": SCHOOL, "fingerprint": told, "believed": true });
    assert_eq!(confirmed, wanted);
    assert!(!shown().contains("CHANGED"));
    open_and_acknowledge(&region, SCHOOL, "Noor Naderhand");
}
