//! Canaries: unmistakable names and dates, lives to every outcome, then a search through everything that was written.

use std::{fs, path::Path, process::Stdio, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use futures::StreamExt as _;

use crate::{
    canary::{files_below, found_in},
    collector::Collector,
    ground::{Dataset, hwc},
};

/// What must be found nowhere: names, dates of birth, an address, the sender's own references.
const NEEDLES: [&str; 22] = [
    "Quorvanthe",
    "Zylbrinkstöffer",
    "Wxhandermöl",
    "Bryltsjö",
    "Ghiskwarra",
    "Tjolmvedrax",
    "Plorquinne",
    "Vraskelbund",
    "Hqzoltermaan",
    "Ôrmzwetsk",
    "Kjilbrandovsz",
    "Mwendeloqx",
    "2013-08-17",
    "2014-05-23",
    "2012-10-29",
    "2015-01-19",
    "2011-03-27",
    "2021-06-07",
    "2016-12-03",
    "2017-09-11",
    "7391QX",
    "KANARIE-REF",
];

const REGION: &str = r#"synthetic = true
name = "Canaries"
holiday_region = "zuid"
participating_municipalities = ["0855"]
region_municipalities = ["0855"]
"#;

const SCHOOLS: &str = "brin,location,name,sector,municipality,mailbox,covenant_signed_on
01AA,00,A,po,0855,01AAHwC@a.example,2021-03-01
02BB,00,B,po,0855,02BBHwC@b.example,2021-03-01
04DD,00,D,po,0855,,
05EE,00,E,po,0758,05EEHwC@e.example,2021-03-01
06FF,01,F,so,0855,,2021-03-01
";

const RESIDENTS: &str =
    "postcode,house_number,house_letter,addition,municipality,given_names,prefix,surname,date_of_birth
7391QX,1,,,0855,Quorvanthe,,Zylbrinkstöffer,2013-08-17
7391QX,1,,,0855,Wxhandermöl,,Zylbrinkstöffer,2014-05-23
7391QX,2,,,0797,Bryltsjö,,Ghiskwarra,2012-10-29
7391QX,3,,,0855,Tjolmvedrax,van der,Plorquinne,2015-01-19
";

const ENROLMENTS: &str =
    "municipality,given_names,prefix,surname,date_of_birth,brin,location,secret,host_brin,host_location
0855,Quorvanthe,,Zylbrinkstöffer,2013-08-17,01AA,00,no,,
0855,Wxhandermöl,,Zylbrinkstöffer,2014-05-23,02BB,00,no,,
0855,Tjolmvedrax,,van der Plorquinne,2015-01-19,01AA,00,no,,
0855,Vraskelbund,,Hqzoltermaan,2011-03-27,01AA,00,yes,,
0855,Ôrmzwetsk,,Hqzoltermaan,2011-03-27,04DD,00,no,,
0855,Kjilbrandovsz,,Hqzoltermaan,2011-03-27,05EE,00,no,,
0855,Mwendeloqx,,Hqzoltermaan,2011-03-27,01AA,00,no,06FF,01
0855,Plorquinne,,Bryltsjö,2017-09-11,01AA,00,no,,
0855,Plorquinne,,Bryltsjö,2017-09-11,02BB,00,no,,
";

/// Every outcome and reason that a replay can reach, each at least once.
const OUTCOMES: [(&str, Option<&str>); 16] = [
    ("acknowledged", None),
    ("expired", Some("not_acknowledged")),
    ("screened_out", Some("not_domestic_violence")),
    ("screened_out", Some("no_child_of_age")),
    ("screened_out", Some("not_of_age")),
    ("screened_out", Some("visitor")),
    ("screened_out", Some("registered_elsewhere_absent")),
    ("withheld", Some("municipality_not_participating")),
    ("withheld", Some("enrolment_unknown")),
    ("withheld", Some("enrolment_ambiguous")),
    ("withheld", Some("enrolment_secret")),
    ("withheld", Some("host_school_not_participating")),
    ("withheld", Some("school_not_participating")),
    ("withheld", Some("school_outside_region")),
    ("withheld", Some("summer_holiday")),
    ("withheld", Some("held_too_long")),
];

/// given names, surname, born, presence, relation
type Named = (&'static str, &'static str, &'static str, &'static str, &'static str);

fn report(number: u32, at: &str, kind: &str, house: u32, children: &[Named]) -> String {
    let children: Vec<_> = children
        .iter()
        .map(|(given, surname, born, presence, relation)| {
            serde_json::json!({ "given_names": given, "prefix": null, "surname": surname, "date_of_birth": born,
                "presence": presence, "relation": relation })
        })
        .collect();
    let line = serde_json::json!({
        "report_id": format!("KANARIE-REF-{number}"), "reported_at": at,
        "incident": { "occurred_at": at, "kind": kind, "address": { "postcode": "7391QX", "house_number": house,
            "house_letter": null, "addition": null, "municipality": "0855" } },
        "children": children,
    });
    format!("{line}\n")
}

fn canaries() -> Dataset {
    let day = "2026-11-18T06:40:00+01:00";
    let resident = |given, surname, born| (given, surname, born, "present", "resident");
    let alone = |number, named: Named| report(number, day, "domestic_violence", 100 + number, &[named]);
    let reports = [
        // Quorvanthe goes to 01AA and is acknowledged; her sister waits at 02BB, where nobody comes.
        report(1, day, "domestic_violence", 1, &[resident("Quorvanthe", "Zylbrinkstöffer", "2013-08-17")]),
        report(2, day, "other", 1, &[resident("Quorvanthe", "Zylbrinkstöffer", "2013-08-17")]),
        alone(3, resident("Ghiskwarra", "Mwendeloqx", "2024-06-07")),
        report(
            4,
            day,
            "child_abuse",
            3,
            &[
                ("Tjolmvedrax", "van der Plorquinne", "2015-01-19", "present", "family"),
                ("Ghiskwarra", "Plorquinne", "2024-12-03", "present", "resident"),
                ("Bryltsjö", "Vraskelbund", "2016-12-03", "present", "visitor"),
                ("Bryltsjö", "Kjilbrandovsz", "2016-12-03", "absent", "family"),
            ],
        ),
        report(5, day, "domestic_violence", 2, &[resident("Bryltsjö", "Ghiskwarra", "2012-10-29")]),
        alone(6, resident("Wxhandermöl", "Tjolmvedrax", "2016-12-03")),
        alone(7, resident("Plorquinne", "Bryltsjö", "2017-09-11")),
        alone(8, resident("Vraskelbund", "Hqzoltermaan", "2011-03-27")),
        alone(9, resident("Ôrmzwetsk", "Hqzoltermaan", "2011-03-27")),
        alone(10, resident("Kjilbrandovsz", "Hqzoltermaan", "2011-03-27")),
        alone(11, resident("Mwendeloqx", "Hqzoltermaan", "2011-03-27")),
        // 01AA is closed for weeks, and in the summer everybody is.
        report(12, "2027-03-01T06:40:00+01:00", "child_abuse", 3, &[]),
        report(13, "2027-07-28T06:40:00+02:00", "child_abuse", 3, &[]),
    ];
    let closed: Vec<String> = (1..=31).map(|day| format!("01AA,00,2027-03-{day:02}\n")).collect();
    Dataset::handbook()
        .with("region.toml", REGION)
        .with("schools.csv", SCHOOLS)
        .with("residents.csv", RESIDENTS)
        .with("enrolments.csv", ENROLMENTS)
        .with("closed-days.csv", &format!("brin,location,date\n{}", closed.concat()))
        .with("reports.jsonl", &reports.concat())
}

#[test]
fn no_name_and_no_date_of_birth_is_left_anywhere_after_any_outcome() {
    let dataset = canaries();
    let folder = tempfile::tempdir().unwrap();
    let (state, temporary) = (folder.path().join("state"), folder.path().join("tmp"));
    fs::create_dir(&temporary).unwrap();
    let collector = Collector::start();
    let child = hwc()
        .arg("replay")
        .arg(dataset.path())
        .arg("--state-dir")
        .arg(&state)
        .args(["--unattended-schools", "02BB00", "-o", "json", "--otlp", &collector.url])
        .env("HWC_LOG", "trace")
        .env("TMPDIR", &temporary)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let wire = sniff(&state);
    let output = child.wait_with_output().unwrap();
    let wire = wire.join().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");

    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    for (outcome, reason) in OUTCOMES {
        let found = summary["outcomes"]
            .as_array()
            .unwrap()
            .iter()
            .any(|one| one["outcome"] == outcome && one["reason"].as_str() == reason);
        assert!(found, "no life ended as {outcome} {reason:?}: {summary}");
    }

    let mut places = vec![
        ("standard output".to_owned(), output.stdout),
        ("standard error".to_owned(), output.stderr),
        ("the wire".to_owned(), wire),
        ("the traces".to_owned(), collector.bytes()),
    ];
    assert!(!collector.spans().is_empty(), "no traces were told");
    for root in [&state, &temporary] {
        for file in files_below(root) {
            places.push((
                format!("the name of {}", file.display()),
                file.to_str().unwrap().as_bytes().to_vec(),
            ));
            places.push((file.display().to_string(), fs::read(&file).unwrap()));
        }
    }
    assert!(places.iter().any(|(place, bytes)| place.ends_with("hwc.log") && bytes.len() > 1_000), "no log");
    // What was sealed and is erased is not in a log either, where a stolen key would open it.
    let sealed: Vec<String> = seals_on(&places[2].1);
    assert!(sealed.len() > 20, "too few seals were heard: {}", sealed.len());
    for (place, bytes) in places.iter().filter(|(place, _)| place.contains(".log")) {
        let found = sealed.iter().any(|seal| memchr::memmem::find(bytes, seal.as_bytes()).is_some());
        assert!(!found, "a ciphertext is in {place}");
    }
    for (place, bytes) in &places {
        assert_eq!(found_in(bytes, &NEEDLES), None, "a canary is in {place}");
    }
    let generations: Vec<_> =
        files_below(&state).into_iter().filter(|file| file.to_str().unwrap().contains("PAY_")).collect();
    assert!(generations.is_empty(), "a generation is left: {generations:?}");
}

#[test]
fn the_search_finds_a_leak_in_every_disguise() {
    let name = "Zylbrinkstöffer";
    let utf16 = |swap: bool| -> Vec<u8> {
        name.encode_utf16()
            .flat_map(|unit| if swap { unit.to_be_bytes() } else { unit.to_le_bytes() })
            .collect()
    };
    let escaped: String = name
        .chars()
        .map(|c| if c.is_ascii() { c.to_string() } else { format!("\\u{:04x}", c as u32) })
        .collect();
    let disguises = [
        name.as_bytes().to_vec(),
        name.to_uppercase().into_bytes(),
        name.to_lowercase().into_bytes(),
        BASE64.encode(format!("{{\"surname\":\"{name}\"}}")).into_bytes(),
        BASE64.encode(format!("x{name}xx")).into_bytes(),
        utf16(false),
        utf16(true),
        escaped.into_bytes(),
        hex::encode(name).into_bytes(),
    ];
    for (at, disguise) in disguises.iter().enumerate() {
        let leak = [b"\x00\x01before ".as_slice(), disguise, b" after\xff".as_slice()].concat();
        assert_eq!(found_in(&leak, &NEEDLES), Some(name), "disguise {at} was not seen through");
    }
    assert_eq!(found_in(b"nothing to see here: 2026-11-18, Handle with Care", &NEEDLES), None);
}

/// Everything that crosses the engine's side of the broker: subjects, headers and bodies.
fn sniff(state: &Path) -> std::thread::JoinHandle<Vec<u8>> {
    let state = state.to_owned();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let (url, seed) = loop {
                let seed = fs::read_to_string(state.join("keys/engine/nkey"));
                if let (Ok(seed), Some(url)) = (seed, broker_url(&state)) {
                    break (url, seed.trim().to_owned());
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            };
            let client = loop {
                match async_nats::ConnectOptions::with_nkey(seed.clone()).connect(&url).await {
                    Ok(client) => break client,
                    Err(_) => tokio::time::sleep(Duration::from_millis(2)).await,
                }
            };
            let mut everything = client.subscribe(">").await.unwrap();
            client.flush().await.unwrap();
            let mut heard = Vec::new();
            let mut kinds = std::collections::BTreeSet::new();
            // It ends with the broker.
            while let Ok(Some(message)) =
                tokio::time::timeout(Duration::from_secs(10), everything.next()).await
            {
                kinds.insert(message.subject.split('.').next().unwrap_or_default().to_owned());
                heard.extend_from_slice(message.subject.as_bytes());
                for (name, values) in message.headers.iter().flat_map(async_nats::HeaderMap::iter) {
                    heard.extend_from_slice(format!("\n{name}: {values:?}\n").as_bytes());
                }
                heard.extend_from_slice(&message.payload);
                heard.push(b'\n');
            }
            // The journal is written under the leader's name for it.
            for kind in ["hwc", "lead", "pay"] {
                assert!(kinds.contains(kind), "nothing of {kind} was heard: {kinds:?}");
            }
            heard
        })
    })
}

/// The beginnings of all seals that were heard, as the wire writes them.
fn seals_on(wire: &[u8]) -> Vec<String> {
    let base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=".contains(byte);
    wire.split(|byte| !base64(byte))
        .filter(|run| run.len() > 1_000)
        .map(|run| String::from_utf8_lossy(&run[..64]).into_owned())
        .collect()
}

/// The broker's address, once it serves from this folder.
fn broker_url(state: &Path) -> Option<String> {
    let ports = files_below(&state.join("broker"))
        .into_iter()
        .find(|file| file.extension().is_some_and(|e| e == "ports"))?;
    let ports: serde_json::Value = serde_json::from_slice(&fs::read(ports).ok()?).ok()?;
    ports["nats"][0].as_str().map(str::to_owned)
}
