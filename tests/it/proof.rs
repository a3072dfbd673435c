//! The proof that what ended is gone: nothing after a real day, and found wherever something is put back. And what is there before the end.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use hwc_residue::{Disguises, Search};
use serde_json::Value;

use crate::region::{Done, Process, Region, report_of, the_one, wait_for};

const CHAIN: [&str; 4] = ["police-region", "veilig-thuis-region", "municipality-0855", "school-01AA00"];

/// A marker as it stands in a seal.
type Marker = [u8; 16];

fn code(of: &Value) -> String {
    of["code"].as_str().unwrap().to_owned()
}

fn fine(done: Done) -> String {
    assert_eq!(done.code, Some(0), "{}{}", done.stdout, done.stderr);
    done.stdout
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// A report of two children at one address, who go to two schools.
fn siblings() -> String {
    let mut report: Value = serde_json::from_str(&report_of("P-1", "Lotte", "Smit", "2018-12-11")).unwrap();
    let brother: Value =
        serde_json::from_str(&report_of("P-1", "Sem", "van den Berg", "2014-09-30")).unwrap();
    report["children"].as_array_mut().unwrap().push(brother["children"][0].clone());
    report.to_string()
}

/// Waits for a school's signal, opens it and confirms it.
fn received(region: &Region, school: &str) {
    let waiting = the_one(|| region.inbox(school));
    fine(region.does(school, &["open", &code(&waiting), "--show"]));
    fine(region.does(school, &["acknowledge", &code(&waiting)]));
}

/// Every ciphertext that the broker holds, by its id.
fn ciphertexts(region: &Region) -> BTreeMap<String, Vec<u8>> {
    let streams = region.api("STREAM.LIST", &serde_json::json!({}));
    let mut held = BTreeMap::new();
    for stream in streams["streams"].as_array().unwrap() {
        let name = stream["config"]["name"].as_str().unwrap().to_owned();
        let last = stream["state"]["last_seq"].as_u64().unwrap();
        for place in (1..=last).filter(|_| name.starts_with("PAY_")) {
            let found = region.api(&format!("STREAM.MSG.GET.{name}"), &serde_json::json!({ "seq": place }));
            if let Some(body) = found["message"]["data"].as_str() {
                let subject = found["message"]["subject"].as_str().unwrap();
                held.insert(subject.rsplit('.').next().unwrap().to_owned(), BASE64.decode(body).unwrap());
            }
        }
    }
    held
}

fn marker(sealed: &[u8]) -> Marker {
    *sealed[1..].first_chunk().unwrap()
}

/// Whether a marker is in any file below a folder.
fn lies(marker: Marker, folder: &Path) -> bool {
    let searched = Search::new(&[marker], Disguises::new::<&str>(&[]).unwrap()).below(folder);
    assert!(searched.files > 3, "there is nothing to search");
    !searched.found.is_empty()
}

/// `hwc forget verify` with the engine's settings; its code, and its report.
fn verify(region: &Region, more: &[&str]) -> (Option<i32>, Value) {
    let engine = text(&region.settings("engine"));
    let done = region.hwc(
        &[&["forget", "verify", "--config", &engine, "--settled-minutes", "0", "-o", "json"], more].concat(),
    );
    let signed: Value = serde_json::from_str(&done.stdout).unwrap_or_else(|_| panic!("{}", done.stderr));
    (done.code, signed["report"].clone())
}

/// A region in which one day passed: a report, one child, received. And what the broker's folder held before the end.
struct ADay {
    region: Region,
    _processes: Vec<Process>,
    copy: PathBuf,
    markers: Vec<Marker>,
}

fn a_day() -> ADay {
    let (region, engine, processes) = Region::with(CHAIN);
    region.report("one.jsonl", &[report_of("P-1", "Lotte", "Smit", "2018-12-11")]);
    the_one(|| region.inbox("school-01AA00"));
    // The municipality's copy and the letter.
    let held =
        wait_for(|| Some(ciphertexts(&region)).filter(|held| held.len() == 2)).expect("the report stays");
    let markers: Vec<Marker> = held.values().map(|sealed| marker(sealed)).collect();
    let copy = region.path().join("yesterday");
    // The broker works on, and a file may go while it is copied.
    let copied = || {
        let _ = fs::remove_dir_all(&copy);
        let copied = Command::new("cp").arg("-r").arg(region.path().join("broker")).arg(&copy).status();
        copied.unwrap().success().then_some(())
    };
    wait_for(copied).expect("no copy was made");
    received(&region, "school-01AA00");
    region.holds_nothing();
    let mut all = vec![engine];
    all.extend(processes);
    ADay { region, _processes: all, copy, markers }
}

#[test]
fn r28_after_a_real_day_nothing_is_found_and_the_report_is_signed_and_names_nobody() {
    let day = a_day();
    let region = &day.region;
    let place = |name: &str| text(&region.path().join(name));
    let (key, report) = (place("keys/engine/host.nk"), place("report.json"));
    let told = fine(region.hwc(&["forget", "key", &key, "-o", "json"]));
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    let signer = told["signer"].as_str().unwrap().to_owned();
    fs::write(region.path().join("canaries"), "2018-12-11\nLotte Smit\n").unwrap();

    // The events go with their segment, a moment after the end.
    let looked = || {
        let (broker, keys, state, canaries) =
            (place("broker"), place("keys"), place("state"), place("canaries"));
        let mut more = vec!["--broker", &broker, "--keys", &keys, "--also", &state, "--canaries", &canaries];
        let logs: Vec<String> = (1..=5)
            .flat_map(|n| CHAIN.iter().chain(&["engine"]).map(move |who| format!("{who}.{n}.log")))
            .collect();
        let logs: Vec<String> =
            logs.iter().map(|log| place(log)).filter(|log| Path::new(log).exists()).collect();
        assert_eq!(logs.len(), 5, "a process without a log");
        for log in &logs {
            more.extend(["--logs", log]);
        }
        let _ = fs::remove_file(&report);
        more.extend(["--sign", &key, "--report", &report]);
        let (code, said) = verify(region, &more);
        (code == Some(0)).then_some(said)
    };
    let said = wait_for(looked).expect("something was found to the end");
    assert_eq!(said["verdict"], "nothing");
    assert_eq!((&said["endings"]["looked_for"], &said["endings"]["markers"]), (&1.into(), &3.into()));
    assert_eq!(said["endings"]["without_markers"], 0);
    assert_eq!(said["self_test"]["planted"], said["self_test"]["found"]);
    let searched: u64 =
        said["searched"].as_array().unwrap().iter().map(|one| one["files"].as_u64().unwrap()).sum();
    assert!(searched > 20, "{said}");

    let checked = fine(region.hwc(&["forget", "check", &report, "--signer", &signer]));
    assert!(checked.contains("as it was signed") && checked.contains("nothing found"), "{checked}");
    let written = fs::read_to_string(&report).unwrap();
    for name in ["Lotte", "Smit", "2018-12-11"] {
        assert!(!written.contains(name), "the report names {name}");
    }
    fs::write(&report, written.replace("\"looked_for\":1", "\"looked_for\":9")).unwrap();
    let altered = region.hwc(&["forget", "check", &report, "--signer", &signer]);
    assert!(altered.code == Some(1) && altered.stderr.contains("NOT signed"), "{}", altered.stderr);
}

#[test]
fn r28_what_is_put_back_or_was_never_gone_is_found_wherever_it_lies_and_its_ending_is_named() {
    let day = a_day();
    let region = &day.region;
    let endings = text(&region.path().join("endings.jsonl"));
    let engine = text(&region.settings("engine"));
    fine(region.hwc(&["forget", "markers", "--config", &engine, "-o", &endings]));
    let written = fs::read(&endings).unwrap();
    let incident =
        serde_json::from_str::<Value>(std::str::from_utf8(&written).unwrap().lines().nth(1).unwrap())
            .unwrap()["incident"]
            .clone();
    for marker in &day.markers {
        assert!(!lies(*marker, &region.path().join("keys")), "a marker among the keys");
        let own = Search::new(&[*marker], Disguises::new::<&str>(&[]).unwrap()).below(Path::new(&endings));
        assert!(own.found.is_empty(), "the list of endings would be found itself");
    }
    let offline = |place: &[&str]| verify(region, &[&["--offline", &endings], place].concat());

    // A copy of the broker's folder from before the end.
    let (code, said) = offline(&["--broker", &text(&day.copy)]);
    assert_eq!((code, &said["verdict"]), (Some(6), &"found".into()));
    let findings = said["searched"][0]["findings"].as_array().unwrap();
    assert!(
        findings.iter().any(|one| one["form"] == "plain" && one["path"].as_str().unwrap().contains("PAY_")),
        "{said}"
    );
    assert!(
        findings.iter().any(|one| one["form"] == "hex" && one["path"].as_str().unwrap().contains("JRN_")),
        "{said}"
    );
    assert!(findings.iter().all(|one| one["incident"] == incident), "{said}");

    // One seal in a log, as the wire writes it; one in a block; one in a folder of keys; a name in a log.
    let planted = region.path().join("planted");
    for folder in ["logs", "blocks", "keys", "clean"] {
        fs::create_dir_all(planted.join(folder)).unwrap();
    }
    let seal = [&[1], day.markers[0].as_slice(), &[7; 100]].concat();
    fs::write(
        planted.join("logs/hwc.log"),
        format!("answered {{\"sealed\":\"{}\"}}\n", BASE64.encode(&seal)),
    )
    .unwrap();
    fs::write(planted.join("blocks/7.blk"), [vec![0; 3_000_000], seal.clone()].concat()).unwrap();
    fs::write(planted.join("keys/old"), &seal).unwrap();
    fs::write(planted.join("clean/hwc.log"), "nothing to see, LOTTE SMIT\n").unwrap();
    for (folder, form, offset) in
        [("logs", "base64", 22), ("blocks", "plain", 3_000_001), ("keys", "plain", 1)]
    {
        let (code, said) = offline(&["--also", &text(&planted.join(folder))]);
        assert_eq!(code, Some(6), "{folder}: {said}");
        let finding = &said["searched"][0]["findings"][0];
        assert_eq!(
            (&finding["form"], &finding["offset"], &finding["incident"]),
            (&form.into(), &offset.into(), &incident)
        );
    }
    let clean = text(&planted.join("clean"));
    assert_eq!(offline(&["--logs", &clean]).0, Some(0));
    let canaries = text(&region.path().join("canaries"));
    fs::write(&canaries, "\nLotte Smit\n").unwrap();
    let (code, said) = offline(&["--logs", &clean, "--canaries", &canaries]);
    assert_eq!((code, &said["searched"][0]["findings"][0]["canary"]), (Some(6), &2.into()));
    assert!(!said.to_string().contains("Lotte"), "{said}");

    // What cannot be searched is no clean bill.
    fs::write(planted.join("clean/hwc.log.1.gz"), b"\x1f\x8b\x08\x00").unwrap();
    let (code, said) = offline(&["--logs", &clean]);
    assert_eq!((code, &said["verdict"]), (Some(1), &"incomplete".into()));
    assert_eq!(said["searched"][0]["unread"][0]["path"], "hwc.log.1.gz");
    let nowhere = text(&planted.join("nowhere"));
    assert_eq!(offline(&["--logs", &nowhere]).0, Some(1), "a folder that is not there");
}

#[test]
fn r21_when_one_sibling_is_erased_the_other_is_untouched() {
    let (region, _engine, _processes) = Region::with([
        "police-region",
        "veilig-thuis-region",
        "municipality-0855",
        "school-01AA00",
        "school-02BB00",
    ]);
    region.report("two.jsonl", &[siblings()]);
    let sister = the_one(|| region.inbox("school-01AA00"));
    let brother = the_one(|| region.inbox("school-02BB00"));
    let brothers = brother["signal"].as_str().unwrap();
    let lived = || -> Vec<Value> {
        let life: Value = serde_json::from_str(&fine(region.trace(brothers, &["-o", "json"]))).unwrap();
        let number: Value = brothers.rsplit('-').next().unwrap().parse::<u64>().unwrap().into();
        let of = |key: &str| {
            life[key]
                .as_array()
                .unwrap()
                .iter()
                .filter(|one| one["signal"] == number)
                .cloned()
                .collect::<Vec<_>>()
        };
        [of("steps"), of("now"), of("owed")].concat()
    };
    let before = (ciphertexts(&region), lived());
    assert_eq!(before.0.len(), 4, "two copies of the municipality, two letters");
    assert!(!before.1.is_empty(), "nothing is known of the brother");

    fine(region.does("school-01AA00", &["open", &code(&sister), "--show"]));
    fine(region.does("school-01AA00", &["acknowledge", &code(&sister)]));
    let left = wait_for(|| Some(ciphertexts(&region)).filter(|left| left.len() == 2)).expect("hers stay");

    let broker = region.path().join("broker");
    for (payload, sealed) in &before.0 {
        if let Some(still) = left.get(payload) {
            assert_eq!(still, sealed, "the brother's are as they were");
            assert!(lies(marker(sealed), &broker), "what is held is on the disk");
        } else {
            // In the journal her marker stays until the incident ends; the seal is gone.
            let searched =
                Search::new(&[marker(sealed)], Disguises::new::<&str>(&[]).unwrap()).below(&broker);
            let plain: Vec<_> =
                searched.found.iter().filter(|one| one.form != hwc_residue::Form::Hex).collect();
            assert!(plain.is_empty(), "{plain:?}");
        }
    }
    assert_eq!(lived(), before.1, "nothing happened to him");
    let read = fine(region.does("school-02BB00", &["open", &code(&brother), "--show"]));
    assert!(read.contains("Sem van den Berg"), "{read}");
    fine(region.does("school-02BB00", &["acknowledge", &code(&brother)]));
    region.holds_nothing();
}

#[test]
fn r28_what_exists_is_told_by_the_broker_itself_with_whom_it_is_sealed_to_and_after_the_end_it_is_nothing() {
    let (region, _engine, _processes) = Region::with(CHAIN);
    let engine = text(&region.settings("engine"));
    let look = || -> Value {
        serde_json::from_str(&fine(region.hwc(&["holdings", "--config", &engine, "-o", "json"]))).unwrap()
    };
    assert_eq!(look()["ciphertexts"].as_array().unwrap().len(), 0);
    region.report("one.jsonl", &[report_of("P-1", "Lotte", "Smit", "2018-12-11")]);
    let waiting = the_one(|| region.inbox("school-01AA00"));
    let two = || Some(look()).filter(|said| said["ciphertexts"].as_array().unwrap().len() == 2);
    let said = wait_for(two).expect("the report stays");
    let held: BTreeMap<&str, &Value> = said["ciphertexts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["hop"].as_str().unwrap(), one))
        .collect();
    for (hop, from, to, due) in [
        ("referral", "veilig-thuis-region", "municipality-0855", false),
        ("letter", "municipality-0855", "school-01AA00", true),
    ] {
        let one = held[hop];
        assert_eq!((&one["from"], &one["sealed_to"], &one["due"]), (&from.into(), &to.into(), &due.into()));
        // A size for everybody, and 16 bytes more if it is sealed to a one-time key, which is named.
        let bytes = one["bytes"].as_u64().unwrap();
        assert!(one["state"] == "held" && [2113, 2129].contains(&bytes), "{one}");
        assert!(waiting["signal"].as_str().unwrap().starts_with(one["incident"].as_str().unwrap()));
        assert!(one["until"].as_str().unwrap() > one["since"].as_str().unwrap());
    }
    assert_eq!(
        (&said["incidents_in_flight"], &said["tombstones"], &said["tasks"]),
        (&1.into(), &0.into(), &1.into())
    );
    let shown = fine(region.hwc(&["holdings", "--config", &engine]));
    assert!(shown.contains("school-01AA00") && !shown.contains("Lotte"), "{shown}");

    received(&region, "school-01AA00");
    region.holds_nothing();
    let said = wait_for(|| Some(look()).filter(|said| said["tombstones"] == 1)).expect("no tombstone");
    assert_eq!((said["ciphertexts"].as_array().unwrap().len(), &said["incidents_in_flight"]), (0, &0.into()));
    assert_eq!((&said["ended_ids"]["incidents"], &said["ended_ids"]["payloads"]), (&1.into(), &3.into()));
}
