//! The municipality's desk, as a real process beside the municipality's, before a real broker and engine: from an ambiguous report to
//! the school, two people at one case, a restart in the middle; and no name in any log or state. Once with a file of its own and
//! through the hatch, as in production, and once with the municipality's file.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpListener,
    os::unix::{fs::MetadataExt as _, net::UnixStream},
};

use crate::{
    canary,
    mails::MailServer,
    processes::{CHAIN, code, fine, held_in},
    region::{Process, Region, report_of, the_one, wait_for},
    visitor::{Answer, Visitor},
};

const WIT: &str = "wit@gemeente.example";
const BOS: &str = "bos@gemeente.example";
/// The socket between the two.
const HATCH: &str = "hatch/0855";
const KIJKT: &str = "kijkt@gemeente.example";

/// A desk beside the municipality's process.
struct Beside {
    mails: MailServer,
    port: u16,
    process: Process,
}

impl Beside {
    /// With the municipality's file, as the same user.
    fn of(region: &Region) -> Self {
        Self::with(region, |text, mails, page| {
            let notices = "[notices]\nmailbox = \"leerplicht@gemeente.example\"\n";
            let own = format!("{text}{mails}{notices}\n{page}");
            // The same file, under the name by which the test starts the other process.
            (own.clone(), own)
        })
    }

    /// With a file of its own: it is told nothing of the municipality's but the hatch.
    fn apart(region: &Region) -> Self {
        Self::with(region, |text, mails, page| {
            let counter =
                format!("[counter]\nmunicipality = \"municipality-0855\"\nsocket = \"{HATCH}\"\n\n");
            (format!("{text}desk_socket = \"{HATCH}\"\n"), format!("[relay]\n\n{counter}{page}{mails}"))
        })
    }

    /// With the municipality's settings and the desk's, which are made of what the first say, a mail server and the page.
    fn with(region: &Region, settings_of: impl Fn(&str, &str, &str) -> (String, String)) -> Self {
        let mails = MailServer::start(&region.path().join("mail-is-down"));
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let person = |id: &str, address: &str, function: &str, may: &str| {
            format!(
                "[[people]]\nid = \"{id}\"\nname = \"Naam {id}\"\naddress = \"{address}\"\nfunction = \"{function}\"\nmay = \"{may}\"\n"
            )
        };
        let people = [
            person("lpa-1", WIT, "leerplichtambtenaar", "decide"),
            person("lpa-2", BOS, "coördinator leerplicht", "decide"),
            person("kijkt-1", KIJKT, "beleidsmedewerker", "look"),
        ];
        fs::write(region.path().join("people.toml"), people.concat()).unwrap();
        let settings = region.settings("municipality-0855");
        let page = format!(
            "[desk]\nname = \"Gemeente Tilburg\"\nlisten = \"127.0.0.1:{port}\"\norigin = \"http://localhost:{port}\"\n\
             people = \"people.toml\"\nstate_dir = \"state/desk\"\n",
        );
        let (municipality, desk) =
            settings_of(&fs::read_to_string(&settings).unwrap(), &mails.settings(), &page);
        fs::write(&settings, municipality).unwrap();
        fs::write(region.settings("desk"), desk).unwrap();
        Self { process: Self::start(region), mails, port }
    }

    fn start(region: &Region) -> Process {
        let process = region.start_loudly("desk");
        process.says("at work");
        process
    }

    /// Somebody who is logged in for the so manieth time.
    fn logged_in(&self, address: &str, letters: usize) -> Visitor {
        let mut visitor = Visitor::at(self.port);
        visitor.get("/login");
        visitor.press("/login", &[("address", address)]);
        visitor.get("/login/code");
        let letters = self.mails.waits_for(address, letters);
        let digits = |line: &&str| line.len() == 11 && line.trim().split(' ').all(|part| part.len() == 4);
        let last = letters.last().unwrap();
        let code = last.lines().find(digits).unwrap_or_else(|| panic!("{last}")).trim();
        let answer = visitor.press("/login/code", &[("code", code)]);
        assert_eq!((answer.status, answer.location()), (303, "/"), "{}", answer.body);
        visitor
    }
}

/// What the hatch answers to a question that is said word for word.
fn hatch_says(region: &Region, question: &str) -> String {
    let mut stream = UnixStream::connect(region.path().join(HATCH)).unwrap();
    let length = u32::try_from(question.len()).unwrap();
    stream.write_all(&[&length.to_be_bytes(), question.as_bytes()].concat()).unwrap();
    let mut said = Vec::new();
    // It may hang up before it has read all of it, which is an error here.
    let _ = stream.read_to_end(&mut said);
    String::from_utf8_lossy(&said).into_owned()
}

/// Waits until a page says this.
fn sees(visitor: &mut Visitor, path: &str, words: &str) -> Answer {
    let mut last = String::new();
    wait_for(|| {
        let answer = visitor.get(path);
        last.clone_from(&answer.body);
        answer.body.contains(words).then_some(answer)
    })
    .unwrap_or_else(|| panic!("never {words:?}:\n{last}"))
}

/// No file below the folder but the tables and what the police have holds one of these: no log, no state, no broker's store.
fn nothing_holds(region: &Region, words: &[&str]) {
    let files = canary::files_below(region.path());
    let searched: Vec<_> = files
        .iter()
        .filter(|path| !["tables", "inbox"].iter().any(|own| path.starts_with(region.path().join(own))))
        .collect();
    assert!(
        searched.iter().any(|path| path.ends_with("state/desk/audit.jsonl")),
        "the book of acts is not searched"
    );
    for path in searched {
        assert_eq!(canary::found_in(&held_in(path), words), None, "{}", path.display());
    }
}

#[test]
fn an_ambiguous_report_is_decided_at_the_desk_by_one_of_two_and_arrives_at_the_school() {
    let (region, _engine, [_police, _veilig_thuis, school]) =
        Region::with(["police-region", "veilig-thuis-region", "school-01AA00"]);
    assert!(CHAIN.contains(&"municipality-0855"));
    let desk = Beside::apart(&region);
    let mut wit = desk.logged_in(WIT, 1);
    assert!(wit.get("/").body.contains("Het programma van de gemeente antwoordt niet"));
    let municipality = region.start("municipality-0855");
    municipality.says("at work");
    region.report("one.jsonl", &[report_of("P-1", "Lotje", "Smit", "2018-12-11")]);
    let list = sees(&mut wit, "/", "Lijkt op één leerling");
    assert!(!list.body.contains("Lotje") && !list.body.contains("Smit"), "the list names nobody");
    let case = list.fields("case").remove(0);

    // Where the desk asks, nothing is understood that only the counter answers: no child of the list, nothing of what is held, no breach.
    assert!(hatch_says(&region, r#"{"ask":"pending","show":false}"#).contains(r#""told":"pending""#));
    let report =
        r#"{"report_breach":{"id":"00000000000000000000000000000007","what":"spread","day":"2026-11-18"}}"#;
    for question in [r#"{"ask":"pending","show":true}"#, r#"{"holdings":"list"}"#, report] {
        assert_eq!(hatch_says(&region, question), "", "{question}");
    }
    municipality.says("none that is answered there");

    let (mut bos, mut kijkt) = (desk.logged_in(BOS, 1), desk.logged_in(KIJKT, 1));
    kijkt.get("/acts");
    let refused = kijkt.press("/case", &[("case", &case)]);
    assert!(refused.status == 403 && !refused.body.contains("Lotje"), "{}", refused.body);
    bos.get("/");
    let opened = wit.press("/case", &[("case", &case)]);
    assert_eq!(opened.status, 200, "{}", opened.body);
    for words in ["Lotje", "Lotte", "Smit", "11 december 2018", "01AA00"] {
        assert!(opened.body.contains(words), "{words} is not said:\n{}", opened.body);
    }
    assert!(opened.head.contains("cache-control: no-store"), "{}", opened.head);

    // Killed between opening and picking: the same case has another code, and the pick of before is not done.
    municipality.kill();
    let municipality = region.start("municipality-0855");
    municipality.says("a doubtful case waits for a person");
    let late = wit.press("/case/pick", &[("case", &case), ("number", "1")]);
    assert!(late.status == 409 && late.body.contains("Er is niets gedaan"), "{}", late.body);
    let case = sees(&mut wit, "/", "Lijkt op één leerling").fields("case").remove(0);
    for one in [&mut wit, &mut bos] {
        assert_eq!(one.press("/case", &[("case", &case)]).status, 200);
    }
    let picked = wit.press("/case/pick", &[("case", &case), ("number", "1")]);
    assert_eq!((picked.status, picked.location()), (303, "/"), "{}", picked.body);
    let second = bos.press("/case/withhold", &[("case", &case), ("reason", "enrolment_unknown")]);
    assert_eq!(second.status, 409, "{}", second.body);
    assert!(
        second.body.contains("al beslist") && second.body.contains("leerplichtambtenaar"),
        "{}",
        second.body
    );
    assert!(!second.body.contains("Naam lpa-1"), "who it was is said by what they are");

    let waiting = the_one(|| region.inbox("school-01AA00"));
    let passed_on = sees(&mut wit, "/passed-on", "Bij de school, nog niet geopend");
    assert!(passed_on.body.contains("01AA00") && !passed_on.body.contains("Lot"), "{}", passed_on.body);
    fine(region.does("school-01AA00", &["open", &code(&waiting), "--show"]));
    sees(&mut wit, "/passed-on", "Geopend door de school");
    fine(region.does("school-01AA00", &["acknowledge", &code(&waiting)]));
    // Which of the two it is depends on whether somebody looked in the moment between.
    wait_for(|| {
        let body = wit.get("/passed-on").body;
        (body.contains("<td>Ontvangen") || body.contains("<td>Afgesloten")).then_some(())
    })
    .expect("it never ended at the desk");
    let acts = wit.get("/acts").body;
    for words in ["opende een geval", "koos een leerling", "Naam lpa-1 (leerplichtambtenaar)"] {
        assert!(acts.contains(words), "{words} is not said:\n{acts}");
    }

    // What people decide by a command, and what the desk asks, is noted too: who, what and the day.
    let us = format!("\"actor\":\"uid-{}\"", fs::metadata(region.path()).unwrap().uid());
    for (whose, acts) in
        [("school-01AA00", &["opened", "acknowledged"][..]), ("municipality-0855", &["opened", "picked"][..])]
    {
        let file = format!("state/{whose}/audit.jsonl");
        let noted = fs::read_to_string(region.path().join(&file)).unwrap();
        for act in acts {
            let noted_so = |line: &str| line.contains(&us) && line.contains(&format!("\"act\":\"{act}\""));
            assert!(noted.lines().any(noted_so), "{whose} {act}: {noted}");
        }
        for never in [waiting["signal"].as_str().unwrap(), "01AA00", "T"] {
            assert!(!noted.contains(never), "{never}: {noted}");
        }
        let said = region.hwc(&["audit", "verify", &file]);
        assert!(said.code == Some(0) && said.stdout.starts_with("whole: "), "{}", said.stderr);
    }

    // Nobody is logged in any more after a start of the desk; what waits and what was done stay.
    desk.process.kill();
    let process = Beside::start(&region);
    assert_eq!(wit.get("/").location(), "/login");
    let desk = Beside { process, ..desk };
    assert!(desk.logged_in(WIT, 2).get("/acts").body.contains("koos een leerling"));
    assert_eq!((desk.process.stop(), municipality.stop(), school.stop()), (Some(0), Some(0), Some(0)));
    region.holds_nothing();
    nothing_holds(&region, &["Lotje", "Lotte"]);
}

#[test]
fn a_signal_is_called_back_at_the_desk_and_a_case_that_was_called_back_elsewhere_is_said_to_be_gone() {
    let (region, _engine, [_police, _veilig_thuis, _municipality, _school]) = Region::with(CHAIN);
    let desk = Beside::of(&region);
    let mut wit = desk.logged_in(WIT, 1);
    region.report("sure.jsonl", &[report_of("P-1", "Eva", "Jansen", "2015-04-08")]);
    let waiting = the_one(|| region.inbox("school-01AA00"));
    let signal = sees(&mut wit, "/passed-on", "Bij de school").fields("signal").remove(0);
    assert!(wit.press("/recall/ask", &[("signal", &signal)]).body.contains("Signaal terugroepen"));
    let recalled = wit.press("/recall", &[("signal", &signal), ("reason", "wrong_school")]);
    assert_eq!((recalled.status, recalled.location()), (303, "/passed-on"), "{}", recalled.body);
    assert!(wit.get("/passed-on").body.contains("<td>Teruggeroepen"));
    let opened = region.does("school-01AA00", &["open", &code(&waiting), "--show"]);
    assert_eq!(opened.code, Some(5), "{}", opened.stdout);

    region.report("doubt.jsonl", &[report_of("P-2", "Lotje", "Smit", "2018-12-11")]);
    let case = sees(&mut wit, "/", "Lijkt op één leerling").fields("case").remove(0);
    let pending = the_one(|| region.pending(&[]));
    assert_eq!(wit.press("/case", &[("case", &case)]).status, 200);
    let recall = ["recall", pending["signal"].as_str().unwrap(), "--reason", "sent_in_error"];
    fine(region.does("veilig-thuis-region", &recall));
    let late = wit.press("/case/pick", &[("case", &case), ("number", "1")]);
    assert_eq!(late.status, 409, "{}", late.body);
    assert!(late.body.contains("Er is niets gedaan"), "{}", late.body);
    assert!(region.inbox("school-01AA00").is_empty());

    // Off the list, and out: at once, and without a start.
    let people = region.path().join("people.toml");
    let text = fs::read_to_string(&people).unwrap();
    fs::write(&people, "[[people]]\nid = \"geheim\"\n").unwrap();
    desk.process.says("the people file cannot be used");
    assert_eq!(wit.get("/").status, 200, "the file before stays in use");
    fs::write(&people, text.replace("\"lpa-1\"", "\"lpa-9\"")).unwrap();
    desk.process.says("the people file was read again");
    assert_eq!(wit.get("/").location(), "/login");
    nothing_holds(&region, &["Lotje", "Lotte", "Jansen"]);
}
