//! What goes out by mail when real processes run: a breach to the project leader, that a signal waits to the school; and what a
//! person says of a breach.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    sync::{Arc, Mutex},
};

use crate::{
    canary,
    processes::{CHAIN, code, fine},
    region::{Process, Region, report_of, the_one, wait_for},
};

const LEADER: &str = "projectleider@hwc.example";
const DECIDERS: &str = "hwc@gemeente.example";
const MAILBOX: &str = "01AAHwC@school.example";

/// What a mail server says of a letter that it had taken.
const BOUNCE: &str = "From: MAILER-DAEMON@mail.example\nMIME-Version: 1.0\nContent-Type: multipart/report; boundary=b\n\n\
    --b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mail.example\n\n\
    Final-Recipient: rfc822; anne@school.example\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; no such user\n\n--b--\n";

/// A mail server on this machine. Letters by their mailbox, in the order in which they came.
pub(crate) struct MailServer {
    address: SocketAddr,
    letters: Arc<Mutex<Vec<(String, String)>>>,
}

impl MailServer {
    /// It refuses every mailbox while this file is there.
    pub(crate) fn start(refuses_while: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let letters: Arc<Mutex<Vec<(String, String)>>> = Arc::default();
        let (kept, busy) = (Arc::clone(&letters), refuses_while.to_owned());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (kept, busy) = (Arc::clone(&kept), busy.clone());
                std::thread::spawn(move || serve(&stream, &kept, &busy));
            }
        });
        Self { address, letters }
    }

    /// `[post]` of whoever mails by it.
    pub(crate) fn settings(&self) -> String {
        let port = self.address.port();
        format!(
            "\n[post]\nserver = \"127.0.0.1\"\nport = {port}\nsecurity = \"plain-on-this-machine\"\nfrom = \"hwc@relay.example\"\n"
        )
    }

    pub(crate) fn to(&self, mailbox: &str) -> Vec<String> {
        let letters = self.letters.lock().unwrap();
        letters.iter().filter(|(to, _)| to.contains(mailbox)).map(|(_, letter)| letter.clone()).collect()
    }

    /// Waits until somebody got so many.
    pub(crate) fn waits_for(&self, mailbox: &str, letters: usize) -> Vec<String> {
        wait_for(|| Some(self.to(mailbox)).filter(|all| all.len() >= letters)).expect("no mail came")
    }
}

fn serve(stream: &TcpStream, kept: &Mutex<Vec<(String, String)>>, busy: &Path) -> Option<()> {
    let says = |line: &str| (&*stream).write_all(format!("{line}\r\n").as_bytes()).ok();
    says("220 mail.example")?;
    let (mut to, mut letter, mut in_letter) = (String::new(), String::new(), false);
    for line in BufReader::new(stream).lines() {
        let line = line.ok()?;
        match line.split(' ').next()? {
            "." if in_letter => {
                kept.lock().unwrap().push((to.clone(), std::mem::take(&mut letter)));
                in_letter = false;
                says("250 taken")?;
            }
            _ if in_letter => letter = format!("{letter}{line}\n"),
            "RCPT" if busy.exists() => says("451 not now")?,
            "RCPT" => {
                to = line;
                says("250 fine")?;
            }
            "DATA" => {
                in_letter = true;
                says("354 go")?;
            }
            _ => says("250 fine")?,
        }
    }
    Some(())
}

/// A region in which the engine and the first school mail.
fn region() -> (Region, MailServer) {
    let region = Region::prepare();
    let server = MailServer::start(&region.path().join("mail-is-down"));
    let add = |name: &str, notices: &str| {
        let settings = region.settings(name);
        let text = fs::read_to_string(&settings).unwrap();
        fs::write(settings, format!("{text}{}\n[notices]\n{notices}", server.settings())).unwrap();
    };
    add("engine", &format!("project_leader = \"{LEADER}\"\n"));
    add("school-01AA00", &format!("mailbox = \"{MAILBOX}\"\nbackup = \"achterwacht@school.example\"\n"));
    let office = "leerplicht@gemeente.example";
    add("municipality-0855", &format!("mailbox = \"{office}\"\ndeciders = \"{DECIDERS}\"\n"));
    (region, server)
}

fn start<const N: usize>(region: &Region, names: [&str; N]) -> (Process, [Process; N]) {
    let engine = region.start("engine");
    engine.says("leading");
    let processes = names.map(|name| region.start(name));
    for process in &processes {
        process.says("at work");
    }
    (engine, processes)
}

/// What is written, without the headers: an id there is any number.
fn body(letter: &str) -> &str {
    letter.split_once("\n\n").unwrap().1
}

fn says_none_of(text: &str, words: &[&str]) {
    let said: Vec<_> = words.iter().filter(|word| text.contains(**word)).collect();
    assert_eq!(said, [&""; 0], "{text}");
}

#[test]
fn a_breach_is_mailed_to_the_project_leader_once_and_nothing_that_is_mailed_or_logged_names_anybody() {
    let (region, server) = region();
    let (engine, _processes) = start(&region, CHAIN);
    region.report("one.jsonl", &[report_of("P-1", "Lotte", "Smit", "2018-12-11")]);
    let waiting = the_one(|| region.inbox("school-01AA00"));
    let [told] = &server.waits_for(MAILBOX, 1)[..] else { panic!("too many mails") };
    assert!(told.contains("Subject: Handle with Care: er wacht een signaal"), "{told}");
    fine(region.does("school-01AA00", &["open", &code(&waiting), "--show"]));
    fine(region.does("school-01AA00", &["not-our-pupil", &code(&waiting)]));
    let [returned] = &server.waits_for(LEADER, 1)[..] else { panic!("too many mails") };
    for words in ["Dag:          18 november 2026", "Geopend:      ja", "Day:          18 November 2026"] {
        assert!(returned.contains(words), "{words} is not said:\n{returned}");
    }

    // While the mail server is down the breach is recorded, and nobody waits for the mail. A new engine goes on with it.
    fs::write(region.path().join("mail-is-down"), "").unwrap();
    let again = the_one(|| region.inbox("school-01AA00"));
    let recall = ["recall", again["signal"].as_str().unwrap(), "--reason", "wrong_school"];
    let said = fine(region.does("veilig-thuis-region", &recall));
    assert!(said.contains("Teruggeroepen"), "{said}");
    engine.says("could not be told of a breach yet");
    engine.kill();
    let engine = region.start("engine");
    engine.says("leading");
    fs::remove_file(region.path().join("mail-is-down")).unwrap();
    let all = server.waits_for(LEADER, 2);
    assert!(all[1].contains("teruggeroepen") && all[1].contains("Geopend:      nee"), "{}", all[1]);
    assert_eq!(engine.stop(), Some(0));

    // Two breaches, two mails; and nothing anywhere that says of whom.
    assert_eq!(server.to(LEADER).len(), 2);
    let signal = waiting["signal"].as_str().unwrap();
    let incident = signal.split('-').next().unwrap();
    let never = ["Lotte", "Smit", "2018", "01AA00", signal, incident, "traceparent"];
    for letter in server.to("@") {
        says_none_of(body(&letter), &never);
    }
    for file in canary::files_below(region.path()) {
        if file.extension().is_some_and(|kind| kind == "log") {
            says_none_of(&fs::read_to_string(&file).unwrap(), &[LEADER, MAILBOX, "Lotte", "2018-12-11"]);
        }
    }
}

#[test]
fn a_letter_that_the_mail_server_could_not_deliver_is_said_by_whoever_mailed_it_and_names_no_mailbox() {
    let (region, _server) = region();
    let folder = |name: &str| region.path().join(format!("returned-{name}"));
    for name in ["engine", "school-01AA00", "municipality-0855"] {
        let settings = region.settings(name);
        let text = fs::read_to_string(&settings).unwrap();
        let lies = format!("\n[post]\nreturned = {:?}\n", folder(name));
        fs::write(settings, text.replace("\n[post]\n", &lies)).unwrap();
        fs::create_dir_all(folder(name).join("cur")).unwrap();
        fs::create_dir_all(folder(name).join("new")).unwrap();
        fs::write(folder(name).join("new/1.mail.example"), BOUNCE).unwrap();
    }
    let (engine, [school, municipality]) = start(&region, ["school-01AA00", "municipality-0855"]);
    for process in [&engine, &school, &municipality] {
        process.says("a mail that the server had taken came back");
    }
    for process in [&school, &municipality] {
        process.says("a mail (of before the start) cannot be delivered: 5.1.1");
        process.says("somebody must look");
    }
    for (name, process) in
        [("engine", &engine), ("school-01AA00", &school), ("municipality-0855", &municipality)]
    {
        assert!(folder(name).join("cur/1.mail.example:2,S").exists(), "it lies with what was read");
        says_none_of(&process.log(), &["school.example", "no such user"]);
    }
}

#[test]
fn whoever_finds_a_breach_reports_it_and_hears_what_is_left_to_do() {
    let (region, server) = region();
    let names = ["police-region", "veilig-thuis-region", "municipality-0855", "school-02BB00"];
    let (_engine, _processes) = start(&region, names);
    let day = ["--day", "2026-11-18"];
    for (name, what) in names.into_iter().zip(["break_in", "doubt", "spread", "stolen_device"]) {
        let said = fine(region.does(name, &[&["breach", "--what", what], &day[..]].concat()));
        assert!(said.contains("Vastgelegd") && said.contains("Bel de projectleider"), "{name}: {said}");
        assert_eq!(said.contains("intrekken"), ["break_in", "stolen_device"].contains(&what), "{said}");
    }
    let letters = server.waits_for(LEADER, 4);
    let by = ["de politie", "Veilig Thuis", "een gemeente", "een school"];
    for who in by {
        let told = letters.iter().filter(|one| one.contains(&format!("Gemeld door:  {who}\n"))).count();
        assert_eq!(told, 1, "{who}: {letters:?}");
    }
    for letter in &letters {
        assert!(letter.contains("Geopend:      niet bekend"), "{letter}");
        says_none_of(body(letter), &["02BB00", "0855"]);
    }

    // The same again, by its id, is the same; a day to come is none.
    let id = ["--again", "00000000000000000000000000000007"];
    let report = [&["breach", "--what", "doubt"], &day[..], &id[..]].concat();
    assert!(fine(region.does("school-02BB00", &report)).contains("Vastgelegd"));
    assert!(fine(region.does("school-02BB00", &report)).contains("al vastgelegd"));
    let future = region.does("school-02BB00", &["breach", "--what", "doubt", "--day", "2099-01-01"]);
    assert_eq!(future.code, Some(5));
    assert!(future.stderr.contains("Die dag kan niet"), "{}", future.stderr);
    assert_eq!(server.waits_for(LEADER, 5).len(), 5);
}

#[test]
fn whoever_decides_a_doubtful_case_hears_of_it_by_mail_at_once_and_the_mail_names_nobody() {
    let (region, server) = region();
    let (_engine, _processes) = start(&region, CHAIN);
    region.report("one.jsonl", &[report_of("P-1", "Lotje", "Smit", "2018-12-11")]);
    let case = the_one(|| region.pending(&[]));
    let [told] = &server.waits_for(DECIDERS, 1)[..] else { panic!("too many mails") };
    assert!(told.contains("Subject: Handle with Care: er wacht iets op uw beslissing"), "{told}");
    let case = code(&case);
    says_none_of(body(told), &["Lotje", "Lotte", "Smit", "2018", "01AA", "Regenboog", &case]);
}
