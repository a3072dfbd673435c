//! The promise over processes: an engine and every organisation run as programs of their own through several kinds of ending,
//! and no name and no date of birth is anywhere that outlives it: not on the wire, in logs, states, the broker's store, traces,
//! metrics or health; nor could a core dump hold one.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

use crate::{
    canary,
    collector::Collector,
    region::{Process, Region, report_of, the_one, wait_for},
};

const EVERYBODY: [&str; 4] = ["police-region", "veilig-thuis-region", "municipality-0855", "school-01AA00"];

/// What nobody may find.
const NEEDLES: [&str; 6] = ["Lotte", "Lotje", "Jansen", "Wolkenveld", "2018-12-11", "2015-04-08"];

/// Every byte that went over a line to the broker, both ways.
struct Wire {
    url: String,
    heard: Arc<Mutex<Vec<u8>>>,
}

impl Wire {
    fn before(broker: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("nats://{}", listener.local_addr().unwrap());
        let heard = Arc::<Mutex<Vec<u8>>>::default();
        let (broker, kept) = (broker.trim_start_matches("nats://").to_owned(), Arc::clone(&heard));
        std::thread::spawn(move || {
            for party in listener.incoming().map_while(Result::ok) {
                let server = TcpStream::connect(&broker).unwrap();
                let (there, back) = ((&party, &server), (&server, &party));
                for (from, to) in [there, back] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let kept = Arc::clone(&kept);
                    std::thread::spawn(move || pass(from, to, &kept));
                }
            }
        });
        Self { url, heard }
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, kept: &Mutex<Vec<u8>>) {
    let mut piece = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut piece) {
        kept.lock().unwrap().extend_from_slice(&piece[..read]);
        if to.write_all(&piece[..read]).is_err() {
            return;
        }
    }
}

/// What a process shows over HTTP.
fn shown(process: &Process, path: &str) -> String {
    let address = wait_for(|| {
        let log = process.log();
        let (_, after) = log.split_once("address=")?;
        Some(after.split_whitespace().next()?.to_owned())
    });
    let mut stream = TcpStream::connect(address.unwrap()).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    said
}

fn nothing_in(what: &str, bytes: &[u8]) {
    assert!(!bytes.is_empty(), "{what}: there is nothing to search");
    assert_eq!(canary::found_in(bytes, &NEEDLES), None, "{what}");
}

#[test]
fn no_name_and_no_date_of_birth_is_anywhere_that_any_process_writes_sends_or_shows() {
    let region = Region::prepare();
    let (wire, collector) = (Wire::before(region.url()), Collector::start());
    region.each_settings(|text| {
        let more = format!("listen = \"127.0.0.1:0\"\notlp = \"{}\"\n\n", collector.url);
        text.replace(region.url(), &wire.url).replacen("\n\n", &format!("\n{more}"), 1)
    });
    let engine = region.start("engine");
    engine.says("leading");
    let mut processes: Vec<_> = EVERYBODY.iter().map(|name| region.start(name)).collect();
    for process in &processes {
        process.says("at work");
    }
    processes.push(engine);

    // Acknowledged; doubtful and withheld by a person; returned and called back; and lines that cannot be read.
    region.report("one.jsonl", &[report_of("P-1", "Lotte", "Smit", "2018-12-11")]);
    let waiting = the_one(|| region.inbox("school-01AA00"));
    let does = |name: &str, arguments: &[&str]| {
        let done = region.does(name, arguments);
        assert_eq!(done.code, Some(0), "{}", done.stderr);
        nothing_in("what a command says beside its answer", format!("{} ", done.stderr).as_bytes());
        done.stdout
    };
    let code = waiting["code"].as_str().unwrap();
    assert!(does("school-01AA00", &["open", code, "--show"]).contains("Lotte Smit"), "nobody could read it");
    does("school-01AA00", &["acknowledge", code]);
    region.report("two.jsonl", &[report_of("P-2", "Lotje", "Smit", "2018-12-11")]);
    let case = the_one(|| region.pending(&[]));
    does("municipality-0855", &["withhold", case["code"].as_str().unwrap()]);
    let broken = report_of("P-4", "Wolkenveld", "Wolkenveld", "2018-12-11").replace("present", "everywhere");
    region.report("three.jsonl", &[report_of("P-3", "Eva", "Jansen", "2015-04-08"), broken]);
    let waiting = the_one(|| region.inbox("school-01AA00"));
    let code = waiting["code"].as_str().unwrap();
    does("school-01AA00", &["open", code, "--show"]);
    does("school-01AA00", &["not-our-pupil", code]);
    let again = the_one(|| region.inbox("school-01AA00"));
    let recall = ["recall", again["signal"].as_str().unwrap(), "--reason", "sent_in_error"];
    does("veilig-thuis-region", &recall);
    // Let go by whoever opens it next.
    let _ = region.does("school-01AA00", &["open", again["code"].as_str().unwrap(), "--show"]);
    region.holds_nothing();
    wait_for(|| collector.spans().iter().any(|span| span.parent.is_empty()).then_some(())).unwrap();

    for process in &processes {
        for path in ["/metrics", "/readyz", "/livez"] {
            let said = shown(process, path);
            assert!(said.starts_with("HTTP/1.1 200"), "{path}: {said}");
            nothing_in(path, said.as_bytes());
        }
        let limits = fs::read_to_string(format!("/proc/{}/limits", process.id())).unwrap();
        let dumps = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        assert_eq!(dumps.split_whitespace().nth(4), Some("0"), "{dumps}");
    }
    nothing_in("the wire", &wire.heard.lock().unwrap());
    nothing_in("the traces", &collector.bytes());
    for process in processes {
        assert_eq!(process.stop(), Some(0));
    }
    // What is the police's and the tables' own aside.
    let own = ["tables", "inbox"].map(|own| region.path().join(own));
    let files: Vec<_> = canary::files_below(region.path())
        .into_iter()
        .filter(|path| !own.iter().any(|own| path.starts_with(own)))
        .collect();
    assert!(files.len() > 20, "there is nothing to search");
    for path in files {
        let held = fs::read(&path).unwrap();
        assert_eq!(canary::found_in(&held, &NEEDLES), None, "{}", path.display());
    }
}

#[test]
fn the_search_of_the_wire_would_find_a_name() {
    let region = Region::prepare();
    let wire = Wire::before(region.url());
    region.says_over(&wire.url, "Lotte");
    wait_for(|| canary::found_in(&wire.heard.lock().unwrap(), &NEEDLES).map(|_| ())).expect("not found");
}
