//! Veilig Thuis as a process that asks the BRP (its mock): what is found goes on, what is in doubt waits for its person, and
//! nothing of a household is in any log, at any level.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    os::unix::fs::DirBuilderExt as _,
};

use hwc_brp_mock::{Faults, Key, Mock, Person, Registry, Remark};
use serde_json::Value;

use crate::{
    canary,
    mails::MailServer,
    processes::{code, fine, held_in},
    region::{Process, Region, the_one, wait_for},
    visitor::Visitor,
};

/// Who looks at households in doubt.
const LOOKS: &str = "kijkt@veiligthuis.example";

const OTHERS: [&str; 3] = ["police-region", "municipality-0855", "school-01AA00"];

/// The BRP, as long as this lives.
struct Brp {
    mock: Mock,
    _runtime: tokio::runtime::Runtime,
}

impl Brp {
    /// David, whom the police name, his sister as she is changed here, and their mother.
    fn with(sister: impl FnOnce(&mut Person)) -> Self {
        let person = |given: &str, born: &str| Person {
            postcode: "5038AA".into(),
            house_number: 1,
            municipality: "0855".into(),
            given_names: given.into(),
            surname: "Pieterse".into(),
            born: born.into(),
            ..Person::default()
        };
        let mut noor = person("Noor", "2011-06-21");
        sister(&mut noor);
        let registry = Registry::of(vec![person("David", "2016-02-03"), noor, person("Anna", "1984-05-02")]);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let key = Key::ApiKey("s3cret-key".into());
        let mock = runtime.block_on(Mock::start(here, registry, key, Faults::default())).unwrap();
        Self { mock, _runtime: runtime }
    }

    /// A region whose Veilig Thuis asks here.
    fn region(&self, own: &str) -> Region {
        let region = Region::prepare();
        let secrets = region.path().join("brp");
        fs::DirBuilder::new().mode(0o700).create(&secrets).unwrap();
        hwc_vault::create(&secrets.join("key"), b"s3cret-key\n").unwrap();
        let table = format!(
            "{own}\n[brp]\npersons = \"{}\"\noccupancy = \"{}\"\napi_key_file = \"brp/key\"\n",
            self.mock.persons(),
            self.mock.occupancy()
        );
        let settings = region.settings("veilig-thuis-region");
        let text = fs::read_to_string(&settings).unwrap();
        let without = text.replace("residents = \"tables/residents.csv\"\n", &table);
        assert_ne!(text, without);
        fs::write(settings, without).unwrap();
        // Both go to the school that takes part here.
        let enrolments = fs::read_to_string(region.path().join("tables/enrolments.csv")).unwrap();
        let together = enrolments.replace("2011-06-21,03CC", "2011-06-21,01AA");
        assert_ne!(together, enrolments);
        region.replace("enrolments.csv", &together);
        region
    }
}

/// Everybody but Veilig Thuis is at work.
fn begin(region: &Region) -> Vec<Process> {
    let engine = region.start("engine");
    engine.says("leading");
    let processes = OTHERS.map(|name| region.start(name));
    for process in &processes {
        process.says("at work");
    }
    processes.into_iter().chain([engine]).collect()
}

/// Veilig Thuis is at work.
fn veilig_thuis(region: &Region) -> Process {
    let process = region.start("veilig-thuis-region");
    process.says("at work");
    process
}

/// The police name David.
fn report() -> String {
    serde_json::json!({
        "report_id": "P-1", "reported_at": "2026-11-18T06:40:00+01:00",
        "incident": { "occurred_at": "2026-11-17", "kind": "domestic_violence", "address": {
            "postcode": "5038AA", "house_number": 1, "municipality": "0855" } },
        "children": [{ "given_names": "David", "surname": "Pieterse", "date_of_birth": "2016-02-03",
            "presence": "present", "relation": "resident" }],
    })
    .to_string()
}

/// How many signals wait at the school.
fn at_the_school(region: &Region) -> usize {
    region.inbox("school-01AA00").len()
}

fn waits_at_the_school(region: &Region, count: usize) {
    wait_for(|| (at_the_school(region) == count).then_some(()))
        .unwrap_or_else(|| panic!("{} came", at_the_school(region)));
}

/// What waits at Veilig Thuis.
fn households(region: &Region, more: &[&str]) -> Vec<Value> {
    let said = fine(region.does("veilig-thuis-region", &[&["inbox", "-o", "json"], more].concat()));
    let value: Value = serde_json::from_str(&said).unwrap();
    value["cases"].as_array().unwrap().clone()
}

#[test]
fn a_sibling_that_the_brp_knows_goes_along_and_nothing_of_the_household_is_in_any_log() {
    let brp = Brp::with(|_| {});
    let region = brp.region("");
    let _others = begin(&region);
    let veilig_thuis = region.start_loudly("veilig-thuis-region");
    veilig_thuis.says("at work");
    region.report("one.jsonl", &[report()]);
    waits_at_the_school(&region, 2);
    let asked = brp.mock.asked();
    assert!(!asked.is_empty());
    for (_, question) in asked {
        assert!(!question.to_string().contains("burgerservicenummer"), "{question}");
    }
    let log = veilig_thuis.log();
    assert!(log.contains("at work"), "{log}");
    let needles = [
        "Pieterse",
        "David",
        "\"Noor\"",
        "2016-02-03",
        "2011-06-21",
        "5038AA",
        "s3cret-key",
        "Dorpsstraat",
        "burgerservice",
    ];
    assert_eq!(canary::found_in(log.as_bytes(), &needles), None, "{log}");
    for file in canary::files_below(&region.path().join("state")) {
        assert_eq!(canary::found_in(&held_in(&file), &needles), None, "{}", file.display());
    }
}

#[test]
fn a_secret_sibling_waits_for_a_person_and_a_killed_process_loses_nothing() {
    let brp = Brp::with(|noor| noor.remarks = vec![Remark::Secret]);
    let region = brp.region("");
    let _others = begin(&region);
    let doomed = veilig_thuis(&region);
    region.report("one.jsonl", &[report()]);
    let case = the_one(|| households(&region, &[]));
    assert_eq!((&case["doubts"][0], &case["added"]), (&"secret".into(), &1.into()));
    assert_eq!(case["added_children"], Value::Null, "shown to nobody yet");
    let unseen = region.does("veilig-thuis-region", &["confirm", &code(&case)]);
    assert!(unseen.code == Some(5) && unseen.stderr.contains("Kijk eerst"), "{}", unseen.stderr);

    doomed.kill();
    let veilig_thuis = region.start("veilig-thuis-region");
    veilig_thuis.says("a household waits for a person");
    let again = the_one(|| households(&region, &["--show"]));
    assert_ne!(code(&again), code(&case), "what was shown before means nothing any more");
    assert_eq!(again["added_children"][0]["given_names"], "Noor");
    let shown = fine(region.does("veilig-thuis-region", &["inbox", "--show"]));
    assert!(
        shown.contains("genoemd     David Pieterse") && shown.contains("gevonden    Noor Pieterse"),
        "{shown}"
    );
    assert!(shown.contains("geheimhouding"), "{shown}");
    let said = fine(region.does("veilig-thuis-region", &["confirm", &code(&again)]));
    assert!(said.contains("Vastgelegd, voor 2 kinderen"), "{said}");
    waits_at_the_school(&region, 2);
    assert!(households(&region, &[]).is_empty());
    assert!(!veilig_thuis.log().contains("Noor"));
}

#[test]
fn whoever_looks_at_households_is_told_of_one_by_mail_and_a_metric_counts_it_and_neither_names_anybody() {
    let brp = Brp::with(|noor| noor.remarks = vec![Remark::Secret]);
    let region = brp.region("");
    let mails = MailServer::start(&region.path().join("mail-is-down"));
    let health = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let settings = region.settings("veilig-thuis-region");
    let text = fs::read_to_string(&settings).unwrap();
    fs::write(&settings, format!("{text}{}", mails.settings())).unwrap();
    let half = region.does("veilig-thuis-region", &[]);
    assert!(half.code == Some(3) && half.stderr.contains("belong together"), "{}", half.stderr);
    let notices = format!("\n[notices]\ndeciders = \"{LOOKS}\"\n");
    let listen = format!("[relay]\nlisten = \"{health}\"\n");
    let own = text.replacen("[relay]\n", &listen, 1) + &mails.settings() + &notices;
    fs::write(&settings, own).unwrap();
    let _others = begin(&region);
    let veilig_thuis = veilig_thuis(&region);
    let mut looker = Visitor::at(health.port());
    let waiting = |looker: &mut Visitor, households: usize| {
        let line = format!("\nhwc_doubtful_households_waiting {households}\n");
        wait_for(|| looker.get("/metrics").body.contains(&line).then_some(()))
            .unwrap_or_else(|| panic!("{}", looker.get("/metrics").body));
    };
    waiting(&mut looker, 0);
    region.report("one.jsonl", &[report()]);
    let case = the_one(|| households(&region, &["--show"]));
    waiting(&mut looker, 1);
    let [told] = &mails.waits_for(LOOKS, 1)[..] else { panic!("too many mails") };
    assert!(told.contains("Subject: Handle with Care: een huishouden wacht"), "{told}");
    let body = told.split_once("\n\n").unwrap().1;
    let never = ["David", "Noor", "Pieterse", "2016", "2011", "5038AA", "Dorpsstraat", &code(&case)];
    let said: Vec<_> = never.iter().filter(|word| body.contains(**word)).collect();
    assert_eq!(said, [&""; 0], "{body}");
    // Work goes on, so it is ready.
    assert_eq!(looker.get("/readyz").status, 200);
    veilig_thuis.says("households in doubt wait for a person");
    assert!(!veilig_thuis.log().contains(LOOKS));

    fine(region.does("veilig-thuis-region", &["confirm", &code(&case)]));
    waiting(&mut looker, 0);
    assert_eq!(mails.to(LOOKS).len(), 1, "one mail for one household");
}

#[test]
fn with_the_policy_every_household_that_adds_a_child_waits_and_the_named_go_first_after_the_patience() {
    let brp = Brp::with(|_| {});
    let region = brp.region("confirm_expansion = true\nlook_up_patience_minutes = 0\n");
    let _others = begin(&region);
    let _veilig_thuis = veilig_thuis(&region);
    region.report("one.jsonl", &[report()]);
    // David does not wait for anybody.
    waits_at_the_school(&region, 1);
    let case = the_one(|| households(&region, &[]));
    assert_eq!(case["doubts"], serde_json::json!(["policy"]));
    let confirm = ["confirm", &code(&case), "--named-only", "-o", "json"];
    let said = fine(region.does("veilig-thuis-region", &confirm));
    assert_eq!(said, "{\"outcome\":\"recorded\",\"children\":0}\n");
    wait_for(|| households(&region, &[]).is_empty().then_some(())).expect("it still waits");
    assert_eq!(at_the_school(&region), 1);
}

#[test]
fn while_the_brp_is_down_the_named_go_first_and_their_siblings_join_when_it_is_back() {
    let brp = Brp::with(|_| {});
    brp.mock.go_wrong(Faults::status(503));
    let region = brp.region("look_up_patience_minutes = 0\n");
    let _others = begin(&region);
    let veilig_thuis = veilig_thuis(&region);
    region.report("one.jsonl", &[report()]);
    waits_at_the_school(&region, 1);
    assert!(veilig_thuis.log().contains("does not work just now (status 503)"), "{}", veilig_thuis.log());
    brp.mock.go_wrong(Faults::default());
    waits_at_the_school(&region, 2);
}

#[test]
fn settings_that_name_no_look_up_or_two_or_plain_http_elsewhere_are_refused_with_the_remedy() {
    let brp = Brp::with(|_| {});
    let region = brp.region("");
    let settings = region.settings("veilig-thuis-region");
    let text = fs::read_to_string(&settings).unwrap();
    for (changed, remedy) in [
        (text.replace("[brp]", "residents = \"tables/residents.csv\"\n[brp]"), "either residents"),
        (text.split("[brp]").next().unwrap().to_owned(), "either residents"),
        (text.replace("http://127.0.0.1", "http://brp.example"), "plain HTTP"),
        (text.replace("http://127.0.0.1", "https://brp.example"), "(ca)"),
        (text.replace("brp/key", "brp/none"), "brp/none: No such file"),
        (text.replace("api_key_file", "api_key"), "is not known"),
    ] {
        assert_ne!(changed, text);
        fs::write(&settings, changed).unwrap();
        let done = region.does("veilig-thuis-region", &[]);
        assert!(done.code == Some(3) && done.stderr.contains(remedy), "{remedy}: {}", done.stderr);
    }
}
