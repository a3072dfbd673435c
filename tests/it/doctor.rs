//! `hwc doctor`: a region that is well, and one thing after another that is not. Each is the one line that fails, and says what to do.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use serde_json::{Value, json};

use crate::{
    collector::Collector,
    ground::hwc,
    mails::MailServer,
    region::{Region, wait_for},
};

/// What the doctor says with somebody's settings on a machine in this zone.
pub(crate) struct Visit {
    pub(crate) code: Option<i32>,
    pub(crate) findings: Vec<Value>,
}

fn visit_in(zone: &str, region: &Region, whose: &str) -> Visit {
    let mut command = hwc();
    command.args(["doctor", "-o", "json", "--config"]).arg(region.settings(whose)).env("TZ", zone);
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let findings: Vec<Value> = serde_json::from_str(&text)
        .unwrap_or_else(|_| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)));
    Visit { code: output.status.code(), findings }
}

pub(crate) fn visit(region: &Region, whose: &str) -> Visit {
    visit_in("Europe/Amsterdam", region, whose)
}

impl Visit {
    pub(crate) fn named(&self, health: &str) -> Vec<&str> {
        let some = self.findings.iter().filter(|finding| finding["health"] == health);
        some.map(|finding| finding["name"].as_str().unwrap()).collect()
    }

    pub(crate) fn is_fine(&self) -> bool {
        self.code == Some(0) && self.named("fail").is_empty() && self.named("warn").is_empty()
    }

    /// Exactly this line fails, in these words, with this remedy.
    pub(crate) fn fails(&self, name: &str, says: &str, remedy: &str) {
        assert_eq!((self.code, self.named("fail")), (Some(6), vec![name]), "{:#?}", self.findings);
        let finding = self.findings.iter().find(|finding| finding["name"] == name).unwrap();
        let said = |key: &str| finding[key].as_str().unwrap().to_owned();
        assert!(said("says").contains(says), "{finding}");
        assert!(said("remedy").contains(remedy), "{finding}");
    }
}

pub(crate) fn rewrite(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{from} is not in {}", path.display());
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

pub(crate) fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn an_engine_that_is_well_is_fine_in_every_line_and_each_thing_that_breaks_is_the_one_that_fails() {
    let region = Region::prepare();
    let (mail, traces) = (MailServer::start(&region.path().join("busy")), Collector::start());
    let settings = region.settings("engine");
    let otlp = format!("otlp = \"{}\"\n\n[engine]\n", traces.url);
    rewrite(&settings, "\n[engine]\n", &otlp);
    let notices = "\n[notices]\nproject_leader = \"projectleider@hwc.example\"\n";
    fs::write(&settings, fs::read_to_string(&settings).unwrap() + &mail.settings() + notices).unwrap();
    let engine = region.start("engine");
    engine.says("leading");

    // Its members are admitted in the moments after it leads.
    let well = wait_for(|| Some(visit(&region, "engine")).filter(Visit::is_fine));
    let well = well.unwrap_or_else(|| panic!("{:#?}", visit(&region, "engine").findings));
    let names: Vec<_> = well.findings.iter().map(|finding| finding["name"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "settings",
            "region",
            "zone",
            "keys",
            "certificate",
            "state",
            "broker",
            "permissions",
            "clock",
            "engine",
            "streams",
            "mail",
            "traces"
        ]
    );

    let away = visit_in("America/New_York", &region, "engine");
    assert_eq!((away.code, away.named("warn"), away.named("fail")), (Some(0), vec!["zone"], vec![]));

    let nkey = region.path().join("keys/engine/nkey");
    mode(&nkey, 0o644);
    let open = visit(&region, "engine");
    open.fails("keys", "nkey has mode 0644", "chmod go-rwx");
    assert_eq!(open.named("skipped"), ["broker"], "who has no key is not asked for");
    mode(&nkey, 0o600);

    let state = region.path().join("state/engine");
    mode(&state, 0o755);
    visit(&region, "engine").fails("state", "mode 0755", "chmod 700");
    mode(&state, 0o700);

    let info = region.api("STREAM.INFO.TASKS", &json!({}));
    let mut changed = info["config"].clone();
    changed["max_bytes"] = json!(1_048_576);
    assert!(region.api("STREAM.UPDATE.TASKS", &changed)["error"].is_null());
    visit(&region, "engine").fails("streams", "TASKS: ", "with the settings it was made with");
    assert!(region.api("STREAM.UPDATE.TASKS", &info["config"])["error"].is_null());

    let port = mail.settings().lines().find(|line| line.starts_with("port")).unwrap().to_owned();
    rewrite(&settings, &port, "port = 1");
    visit(&region, "engine").fails("mail", "cannot be reached", "[post] server and port");
    rewrite(&settings, "port = 1", &port);

    rewrite(&settings, &traces.url, "http://127.0.0.1:1");
    visit(&region, "engine").fails("traces", "nobody listens", "otlp");
    rewrite(&settings, "http://127.0.0.1:1", &traces.url);

    rewrite(&settings, region.url(), "nats://127.0.0.1:1");
    let lost = visit(&region, "engine");
    lost.fails("broker", "cannot be reached", "is nats-server running");
    assert_eq!(lost.named("skipped"), ["permissions", "clock", "engine", "streams"]);
    rewrite(&settings, "nats://127.0.0.1:1", region.url());

    let holidays = region.path().join("tables/holidays.json");
    let kept = fs::read(&holidays).unwrap();
    fs::write(&holidays, "{").unwrap();
    visit(&region, "engine").fails("region", "holidays.json", "put the file right");
    fs::write(&holidays, kept).unwrap();

    rewrite(&settings, "[engine]\n", "[engine]\ngeheim = 1\n");
    let bad = visit(&region, "engine");
    bad.fails("settings", "this setting is not known", "put the file right");
    rewrite(&settings, "geheim = 1\n", "");
    assert!(visit(&region, "engine").is_fine());
}

#[test]
fn an_organisation_is_told_that_a_door_is_shut_to_it_and_that_no_engine_leads() {
    let shut = Region::prepare_with(|accounts| {
        // The last account's doors: those of the second school.
        let at = accounts.rfind("\"ask\", ").unwrap();
        accounts[..at].to_owned() + &accounts[at + "\"ask\", ".len()..]
    });
    let (engine, school, other) =
        (shut.start("engine"), shut.start("school-01AA00"), shut.start("school-02BB00"));
    engine.says("leading");
    for process in [&school, &other] {
        process.says("at work");
    }
    let fine = visit(&shut, "school-01AA00");
    assert!(fine.is_fine(), "{:#?}", fine.findings);
    visit(&shut, "school-02BB00").fails("permissions", "forbids us", "hwc operator apply");

    drop(engine);
    visit(&shut, "school-01AA00").fails("engine", "nobody answers", "no engine leads");
}

#[test]
fn a_municipality_is_told_of_a_database_that_is_not_there_and_of_one_in_which_nothing_is() {
    let region = Region::prepare();
    let settings = region.settings("municipality-0855");
    let kept = fs::read_to_string(&settings).unwrap();
    let kept = kept.lines().filter(|line| !line.starts_with("enrolments") && !line.starts_with("schools"));
    let register = "[register]\nsqlite = \"register/pupils.sqlite\"\n";
    fs::write(&settings, kept.collect::<Vec<_>>().join("\n") + "\n" + register).unwrap();
    let engine = region.start("engine");
    engine.says("leading");
    visit(&region, "municipality-0855").fails("database", "", "[register]");

    let table = |name: &str| region.path().join("tables").join(name).to_str().unwrap().to_owned();
    let import = |flag: &str, name: &str| {
        let done = region.does("municipality-0855", &["import", flag, &table(name)]);
        assert_eq!(done.code, Some(0), "{}", done.stderr);
    };
    import("--schools", "schools.csv");
    let empty = visit(&region, "municipality-0855");
    assert!(empty.code == Some(0) && empty.named("warn").contains(&"database"), "{:#?}", empty.findings);
    import("--full", "enrolments.csv");
    assert!(!visit(&region, "municipality-0855").named("warn").contains(&"database"));
}

#[test]
fn a_certificate_that_has_expired_is_said_with_its_day_and_nothing_is_asked_with_it() {
    let region = Region::by_an_operator();
    let engine = region.start("engine");
    engine.says("leading");
    let well = wait_for(|| Some(visit(&region, "engine")).filter(|visit| visit.named("fail").is_empty()));
    assert!(well.is_some(), "{:#?}", visit(&region, "engine").findings);

    let key = rcgen::KeyPair::generate().unwrap();
    let mut old = rcgen::CertificateParams::new(["engine".to_owned()]).unwrap();
    (old.not_before, old.not_after) = (rcgen::date_time_ymd(2020, 1, 1), rcgen::date_time_ymd(2021, 2, 3));
    let old = old.self_signed(&key).unwrap();
    fs::write(region.path().join("keys/engine/tls.pem"), old.pem()).unwrap();
    let expired = visit(&region, "engine");
    expired.fails("certificate", "expired on 2021-02-03", "hwc operator rotate");
    assert_eq!(expired.named("skipped"), ["broker"]);
}
