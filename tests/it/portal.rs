//! The hosted page, as a real process before a real broker and engine: from a police report to *Ontvangen*; what is left on the
//! host; one school before another's signals.

use std::fs;

use hwc_vault::SealingKey;

use crate::{
    canary,
    processes::{CHAIN, fine},
    region::{Process, Region, report_of, the_one, wait_for},
    visitor::{Answer, PASSPHRASE, Page, Visitor},
};

const CHAIN_ONLY: [&str; 3] = ["police-region", "veilig-thuis-region", "municipality-0855"];

fn stage() -> (Region, Process, [Process; 3]) {
    assert!(CHAIN_ONLY.iter().all(|name| CHAIN.contains(name)));
    Region::with(CHAIN_ONLY)
}

/// Waits until somebody's page says this.
fn sees(visitor: &mut Visitor, words: &str) -> Answer {
    let mut last = String::new();
    wait_for(|| {
        let answer = visitor.get("/");
        last.clone_from(&answer.body);
        answer.body.contains(words).then_some(answer)
    })
    .unwrap_or_else(|| panic!("never {words:?}:\n{last}"))
}

fn one_of(answer: &Answer, name: &str) -> String {
    answer.fields(name).first().unwrap_or_else(|| panic!("no {name}:\n{}", answer.body)).clone()
}

/// The backup contact of the first school (R20).
const BACKUP: &str = "bo@school-een.example";

/// Every path that shows something.
const SHOWN: [&str; 8] =
    ["/", "/login", "/login/code", "/contacts", "/passphrase", "/acts", "/signal/open", "/signal/received"];
/// Every path that does something.
const DONE: [&str; 9] = [
    "/signal/open",
    "/signal/received",
    "/signal/not-ours",
    "/contacts/invite",
    "/contacts/remove",
    "/contacts/part",
    "/passphrase",
    "/logout",
    "/logout/everywhere",
];

#[test]
fn from_a_police_report_to_ontvangen_in_the_browser_and_everything_is_gone() {
    let (region, _engine, _chain) = stage();
    let page = Page::of(&region);
    let mut anne = page.logged_in(Page::ANNE, PASSPHRASE, 1);
    assert!(anne.get("/").body.contains("Er wacht geen signaal"));
    // A colleague comes by the code that Anne tells her, and chooses a passphrase of her own.
    anne.get("/contacts");
    let invite = [("name", "Bo <b>Maas</b>"), ("address", "bo@school-een.example"), ("backup", "yes")];
    let invited = anne.press("/contacts/invite", &invite);
    let (_, code) = invited.body.split_once("class=\"spoken\" translate=\"no\">").expect("no code");
    let code = code.split('<').next().unwrap();
    let mut bo = page.logged_in("bo@school-een.example", code, 1);
    assert_eq!(bo.get("/").location(), "/passphrase", "first of all");
    bo.get("/passphrase");
    let own = [("new", "zeven zwanen op de sloot"), ("again", "zeven zwanen op de sloot")];
    assert_eq!(bo.press("/passphrase", &own).location(), "/");

    region.report("one.jsonl", &[report_of("P-1", "Lotte", "Smit", "2018-12-11")]);
    let inbox = sees(&mut anne, "Er wacht 1 signaal");
    assert!(!inbox.body.contains("Lotte"), "the list names nobody");
    let mail = page.mails.waits_for("hwc@school-01AA00.example", 1).remove(0);
    assert!(mail.contains("er wacht een signaal") && !mail.contains("Lotte"), "{mail}");

    let ticket = one_of(&inbox, "ticket");
    let opened = anne.press("/signal/open", &[("ticket", &ticket)]);
    assert_eq!(opened.status, 200);
    for words in ["Lotte Smit", "11 december 2018", "Handle with Care", "groepsleerkracht", "Niets noteren"] {
        assert!(opened.body.contains(words), "{words}:\n{}", opened.body);
    }
    assert!(opened.head.contains("cache-control: no-store") && opened.body.contains("class=\"unprinted\""));
    // Loading the opened page again shows nothing, and neither does any other address.
    assert_eq!(anne.press("/signal/open", &[("ticket", &ticket)]).location(), "/");
    for path in SHOWN {
        assert!(!anne.get(path).body.contains("Lotte"), "{path}");
    }
    // The other contact sees who opened it.
    assert!(sees(&mut bo, "Er wacht 1 signaal").body.contains("Geopend door Anne de Vries"));

    let decide = one_of(&opened, "ticket");
    let before = anne.clone();
    let confirmed = anne.press("/signal/received", &[("ticket", &decide)]);
    assert_eq!((confirmed.status, confirmed.location()), (303, "/"));
    assert!(confirmed.head.contains("clear-site-data: \"cache\""));
    assert_eq!(before.clone().get("/").location(), "/login", "the secret of before is worth nothing");
    // Had that answer been lost on its way, the same press once more would end as well; another would not.
    let mut lost = before.clone();
    assert_eq!(lost.press("/signal/received", &[("ticket", &ticket)]).location(), "/login");
    assert_eq!(lost.press("/signal/open", &[("ticket", &decide)]).location(), "/login");
    assert_eq!(lost.get("/").location(), "/login");
    let mut again = before.clone();
    let confirmed = again.press("/signal/received", &[("ticket", &decide)]);
    assert_eq!((confirmed.status, confirmed.location()), (303, "/"));
    assert_eq!(anne.get("/").location(), "/login", "there is one secret, and the last that was given is it");
    let mut anne = again;
    let after = anne.get("/").body;
    assert!(after.contains("Ontvangen.") && after.contains("Er wacht geen signaal"), "{after}");
    assert_eq!(anne.press("/signal/received", &[("ticket", &decide)]).location(), "/");
    assert_eq!(anne.press("/signal/open", &[("ticket", &ticket)]).location(), "/");
    assert!(sees(&mut bo, "Er wacht geen signaal").body.contains("Bo &#60;b&#62;Maas&#60;/b&#62;"));
    region.holds_nothing();

    let acts = bo.get("/acts").body;
    for act in ["opende een signaal", "bevestigde de ontvangst", "nodigde iemand uit"] {
        assert!(acts.contains(act) && acts.contains("Anne de Vries"), "{acts}");
    }
    let steps = crate::logbook::logged(&region, "portal/school-01AA00");
    let steps: Vec<_> = steps.iter().map(|line| line["name"].as_str().unwrap()).collect();
    assert_eq!(steps, ["open", "acknowledge"]);
    let audit = region.hwc(&["audit", "verify", "state/portal/school-01AA00/audit.jsonl"]);
    assert!(audit.code == Some(0) && audit.stdout.starts_with("whole: "), "{}{}", audit.stdout, audit.stderr);
    // The most talkative log, everything on the host, every mail.
    let log = page.process.as_ref().unwrap().log();
    let written = canary::files_below(&region.path().join("state/portal"));
    let written: Vec<_> = written.iter().map(|file| fs::read(file).unwrap()).collect();
    let mails = page.mails.to("@").concat();
    let code = page.code(Page::ANNE, 1);
    for secret in [
        "Lotte",
        "Smit",
        "2018-12-11",
        "11 december",
        PASSPHRASE,
        "zeven zwanen",
        &code,
        &code.replace(' ', ""),
    ] {
        assert!(!log.contains(secret), "{secret} is in the log");
        let holds = |bytes: &Vec<u8>| bytes.windows(secret.len()).any(|some| some == secret.as_bytes());
        assert!(!written.iter().any(holds), "{secret} is on the disk");
        assert!(secret == code || !mails.contains(secret), "{secret} is in a mail");
    }
    for session in anne.cookies.values().chain(bo.cookies.values()).filter(|value| value.len() == 64) {
        assert!(!log.contains(session.as_str()), "a session's secret is in the log");
    }
    assert!(!log.contains(Page::ANNE), "an address is in the log");
}

#[test]
fn while_nobody_is_logged_in_nothing_on_the_host_opens_a_letter() {
    let (region, _engine, _chain) = stage();
    let seal = region.path().join("keys/school-01AA00/seal");
    let secret = fs::read_to_string(&seal).unwrap();
    let digits = secret.trim().rsplit(' ').next().unwrap().to_owned();
    let mut page = Page::of(&region);
    assert!(!seal.exists(), "the plain key is off this machine");
    // A morning at the page fills the stock; then everybody goes home, and something comes.
    let mut anne = page.logged_in(Page::ANNE, PASSPHRASE, 1);
    let ring = region.path().join("state/portal/school-01AA00/one-time-keys");
    wait_for(|| (fs::read_dir(&ring).unwrap().count() > 30).then_some(())).expect("no one-time keys");
    anne.get("/");
    assert_eq!(anne.press("/logout", &[]).location(), "/login");
    region.report("one.jsonl", &[report_of("P-1", "Lotte", "Smit", "2018-12-11")]);
    page.mails.waits_for("hwc@school-01AA00.example", 1);

    // Everything that the host has on its disks: no file is a key, and none holds the one that was wrapped, in any form.
    let raw: Vec<u8> =
        (0..32).map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap()).collect();
    let mut files = canary::files_below(&region.path().join("state/portal"));
    files.extend(canary::files_below(&region.path().join("keys/school-01AA00")));
    assert!(files.len() > 35);
    for file in &files {
        let bytes = fs::read(file).unwrap();
        assert!(SealingKey::load(file).is_err(), "{} is a key", file.display());
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        assert!(!text.contains(&digits), "{}", file.display());
        assert!(!bytes.windows(32).any(|some| some == raw), "{}", file.display());
    }
    // And a host that puts the plain key back is told to take it away.
    assert_eq!(page.process.take().unwrap().stop(), Some(0));
    std::os::unix::fs::OpenOptionsExt::mode(fs::OpenOptions::new().write(true).create_new(true), 0o600)
        .open(&seal)
        .and_then(|mut file| std::io::Write::write_all(&mut file, secret.as_bytes()))
        .unwrap();
    let refused = region.does("portal", &[]);
    assert!(refused.stderr.contains("lies there as it is"), "{}", refused.stderr);
    fs::remove_file(&seal).unwrap();

    // Who comes with the passphrase opens it, also after a restart.
    page.start(&region);
    let mut anne = page.logged_in(Page::ANNE, PASSPHRASE, 2);
    let ticket = one_of(&sees(&mut anne, "Er wacht 1 signaal"), "ticket");
    let opened = anne.press("/signal/open", &[("ticket", &ticket)]);
    assert!(opened.body.contains("Lotte Smit"));
    // The session ends with the process, and is worth nothing to the next.
    page.process.take().unwrap().kill();
    page.start(&region);
    assert_eq!(anne.get("/").location(), "/login");
    let mut anne = page.logged_in(Page::ANNE, PASSPHRASE, 3);
    let ticket = one_of(&sees(&mut anne, "Er wacht 1 signaal"), "ticket");
    let opened = anne.press("/signal/open", &[("ticket", &ticket)]);
    let back = anne.press("/signal/not-ours", &[("ticket", &one_of(&opened, "ticket"))]);
    assert_eq!(back.location(), "/");
    assert!(anne.get("/").body.contains("Teruggegeven."));
}

#[test]
fn a_contact_of_another_school_gets_nowhere_with_a_valid_login_and_everything_that_was_stolen() {
    let (region, _engine, _chain) = stage();
    let page = Page::of(&region);
    let mut anne = page.logged_in(Page::ANNE, PASSPHRASE, 1);
    let mut cees = page.logged_in(Page::CEES, PASSPHRASE, 1);
    region.report("one.jsonl", &[report_of("P-1", "Lotte", "Smit", "2018-12-11")]);
    let ticket = one_of(&sees(&mut anne, "Er wacht 1 signaal"), "ticket");
    let anne_id = one_of(&anne.get("/contacts"), "contact");
    anne.get("/");
    cees.get("/");
    // Every route, with what Anne's own pages carried.
    for path in DONE {
        for fields in [
            vec![("ticket", ticket.as_str()), ("contact", &anne_id), ("part", "backup")],
            vec![("ticket", "school-01AA00"), ("contact", "school-01AA00/x")],
        ] {
            let mut thief = cees.clone();
            // Log-outs end the thief's own session, which is needed on.
            if path.starts_with("/logout") {
                continue;
            }
            let answer = thief.press(path, &fields);
            assert!(answer.status == 303 || answer.status == 422, "{path}: {}", answer.status);
            for words in ["Lotte", "Anne de Vries", Page::ANNE, "01AA00"] {
                assert!(!answer.body.contains(words), "{path} says {words}");
            }
        }
    }
    for path in SHOWN {
        let shown = cees.get(path).body;
        for words in ["Lotte", "Anne de Vries", Page::ANNE, "01AA00", "Er wacht 1"] {
            assert!(!shown.contains(words), "{path} says {words}");
        }
    }
    // Anne's csrf token in Cees's session, and Cees's in Anne's.
    let mut mixed = cees.clone();
    mixed.cookies.insert("csrf".into(), anne.cookies["csrf"].clone());
    for path in DONE {
        assert_eq!(mixed.press(path, &[("ticket", &ticket)]).status, 403, "{path}");
    }
    // Nobody who is not logged in gets further than the gate.
    let mut nobody = page.visitor();
    for path in DONE {
        assert_eq!(nobody.press(path, &[("ticket", &ticket)]).location(), "/login", "{path}");
    }
    // Nothing happened to Anne or to the signal.
    let still = sees(&mut anne, "Er wacht 1 signaal");
    assert!(!still.body.contains("Geopend door"));
    assert!(anne.get("/contacts").body.contains("Anne de Vries"));

    // What is called back is said to be so, and cannot be opened from a page of before.
    let ticket = one_of(&still, "ticket");
    let passed = the_one(|| {
        let said = fine(region.does("municipality-0855", &["passed-on", "-o", "json"]));
        let value: serde_json::Value = serde_json::from_str(&said).unwrap();
        let list = value.as_object().and_then(|all| all.values().find_map(|one| one.as_array().cloned()));
        list.unwrap_or_default()
    });
    let code = passed["code"].as_str().unwrap().to_owned();
    fine(region.does("municipality-0855", &["recall", &code, "--reason", "sent_in_error"]));
    assert!(sees(&mut anne, "is teruggeroepen of verlopen").body.contains("Er wacht geen signaal"));
    assert_eq!(anne.press("/signal/open", &[("ticket", &ticket)]).location(), "/");
    let after = anne.get("/").body;
    assert!(after.contains("Dit signaal is er niet meer") && !after.contains("Lotte"), "{after}");
}

#[test]
fn the_contact_is_ill_and_at_half_past_eight_the_backup_is_called_in_logs_in_and_acknowledges() {
    let region = Region::prepare();
    let ahead = region.engine_wakes_at("2026-11-18T07:30:00+01:00");
    let engine = region.start("engine");
    engine.says("leading");
    let chain = CHAIN_ONLY.map(|name| region.start(name));
    for process in &chain {
        process.says("at work");
    }
    let page = Page::behind(&region, ahead);
    let mut anne = page.logged_in(Page::ANNE, PASSPHRASE, 1);
    anne.get("/contacts");
    let invite = [("name", "Bo Maas"), ("address", BACKUP), ("backup", "yes")];
    let invited = anne.press("/contacts/invite", &invite);
    let (_, code) = invited.body.split_once("class=\"spoken\" translate=\"no\">").expect("no code");
    let mut bo = page.logged_in(BACKUP, code.split('<').next().unwrap(), 1);
    bo.get("/passphrase");
    let own = [("new", "zeven zwanen op de sloot"), ("again", "zeven zwanen op de sloot")];
    assert_eq!(bo.press("/passphrase", &own).location(), "/");
    bo.get("/");
    assert_eq!(bo.press("/logout", &[]).location(), "/login");

    region.report("one.jsonl", &[report_of("P-1", "Lotte", "Smit", "2018-12-11")]);
    let mailbox = "hwc@school-01AA00.example";
    page.mails.waits_for(mailbox, 1);
    sees(&mut anne, "Er wacht 1 signaal");
    // Nobody opens it. A quarter past eight comes, and half past.
    assert_eq!(engine.stop(), Some(0));
    region.engine_wakes_at("2026-11-18T08:16:00+01:00");
    let engine = region.start("engine");
    let reminded = page.mails.waits_for(mailbox, 2).remove(1);
    assert!(reminded.contains("Vraag dan uw achterwacht"), "{reminded}");
    assert_eq!(page.mails.to(BACKUP).len(), 1, "the backup is told too early");
    assert_eq!(engine.stop(), Some(0));
    region.engine_wakes_at("2026-11-18T08:29:57+01:00");
    let _engine = region.start("engine");
    let called = page.mails.waits_for(BACKUP, 2).remove(1);
    assert!(called.contains("achterwacht") && !called.contains("Lotte"), "{called}");

    let mut bo = page.logged_in(BACKUP, "zeven zwanen op de sloot", 3);
    let ticket = one_of(&sees(&mut bo, "Er wacht 1 signaal"), "ticket");
    let opened = bo.press("/signal/open", &[("ticket", &ticket)]);
    assert!(opened.body.contains("Lotte Smit"), "{}", opened.body);
    let decide = one_of(&opened, "ticket");
    assert_eq!(bo.press("/signal/received", &[("ticket", &decide)]).location(), "/");
    assert!(bo.get("/").body.contains("Er wacht geen signaal"));
    region.holds_nothing();
}
