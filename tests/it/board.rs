//! The board, as a real process before a real broker and engine: who comes in, what it shows while a signal goes its way, one incident
//! as a picture, a broker that goes away; and no name in anything that it says or writes.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
};

use crate::{
    canary,
    processes::{CHAIN, code, fine},
    region::{Process, Region, report_of, the_one, wait_for},
    visitor::{Answer, Visitor},
};

const PASSPHRASE: &str = "three bicycles in may";
/// What must be in nothing that the board says: whose signal it is.
const NAMES: [&str; 3] = ["Lotte", "2018-12-11", "5099ZZ"];

/// The board of a region, with one person who may look.
struct OnShow {
    port: u16,
    process: Process,
}

impl OnShow {
    fn of(region: &Region) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let looks = fs::read_to_string(region.settings("board")).unwrap();
        let own = format!(
            "\n[board]\nname = \"Hart van Brabant\"\nlisten = \"127.0.0.1:{port}\"\norigin = \"http://localhost:{port}\"\n\
             state_dir = \"state/board\"\n"
        );
        fs::write(region.settings("board"), looks + &own).unwrap();
        let early = region.does("board", &[]);
        assert!(early.code != Some(0) && early.stderr.contains("hwc board enrol"), "{}", early.stderr);
        let weak = region.types("board", &["enrol", "jo"], "short\n");
        assert!(weak.code != Some(0) && weak.stderr.contains("at least 12"), "{}", weak.stderr);
        fine(region.types("board", &["enrol", "jo"], &format!("{PASSPHRASE}\n")));
        let twice = region.types("board", &["enrol", "jo"], &format!("{PASSPHRASE}\n"));
        assert!(twice.code != Some(0) && twice.stderr.contains("already"), "{}", twice.stderr);
        let file = region.path().join("state/board/accounts/accounts.json");
        let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
        assert_eq!(canary::found_in(&fs::read(&file).unwrap(), &["bicycles"]), None);
        let process = region.start_loudly("board");
        process.says("at work");
        Self { port, process }
    }

    fn logged_in(&self) -> Visitor {
        let mut visitor = Visitor::at(self.port);
        visitor.get("/login");
        let wrong = visitor.press("/login", &[("name", "jo"), ("passphrase", "three bicycles in june")]);
        assert_eq!(wrong.status, 403, "{}", wrong.body);
        let answer = visitor.press("/login", &[("name", "jo"), ("passphrase", PASSPHRASE)]);
        assert_eq!((answer.status, answer.location()), (303, "/"), "{}", answer.body);
        visitor
    }

    /// Listens to what moves.
    fn listens(&self, visitor: &Visitor) -> Events {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let cookies: Vec<_> = visitor.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = format!(
            "GET /live HTTP/1.1\r\nHost: localhost:{}\r\nCookie: {}\r\n\r\n",
            self.port,
            cookies.join("; ")
        );
        stream.write_all(request.as_bytes()).unwrap();
        Events(BufReader::new(stream))
    }
}

/// A stream of events.
struct Events(BufReader<TcpStream>);

impl Events {
    /// The next event in which the row of this state has this many signals.
    fn until(&mut self, state: &str, signals: &str) -> String {
        let mut line = String::new();
        while self.0.read_line(&mut line).unwrap() > 0 {
            if let Some(data) = line.strip_prefix("data: ") {
                let html: String = serde_json::from_str(data.trim_end()).unwrap();
                none_named(&html);
                if row(&html, state).contains(&format!("<strong>{signals}</strong>")) {
                    return html;
                }
            }
            line.clear();
        }
        panic!("the stream ended before {state} was {signals}");
    }
}

/// The row of a state.
fn row<'a>(html: &'a str, state: &str) -> &'a str {
    let mark = format!("<th scope=\"row\">{state}</th>");
    html.split(&mark).nth(1).unwrap_or_else(|| panic!("no {state}:\n{html}")).split("</tr>").next().unwrap()
}

fn none_named(text: &str) {
    assert_eq!(canary::found_in(text.as_bytes(), &NAMES), None, "{text}");
}

/// Waits until a page says this.
fn sees(visitor: &mut Visitor, path: &str, words: &str) -> Answer {
    let mut last = String::new();
    wait_for(|| {
        let answer = visitor.get(path);
        none_named(&answer.body);
        assert!(answer.head.contains("cache-control: no-store"), "{}", answer.head);
        last.clone_from(&answer.body);
        answer.body.contains(words).then_some(answer)
    })
    .unwrap_or_else(|| panic!("never {words:?}:\n{last}"))
}

#[test]
fn a_signal_is_seen_on_its_way_live_without_a_name_or_a_small_count_and_its_story_by_its_id() {
    let (region, _engine, [_police, _veilig_thuis, _municipality, _school]) =
        Region::prepare_with_a_board().at_work(CHAIN);
    let on_show = OnShow::of(&region);
    let mut nobody = Visitor::at(on_show.port);
    for path in ["/", "/organisations", "/incidents", "/acts"] {
        assert_eq!(nobody.get(path).location(), "/login", "{path}");
    }
    assert_eq!((nobody.get("/live").status, nobody.press("/incident", &[]).location()), (401, "/login"));

    let mut jo = on_show.logged_in();
    sees(&mut jo, "/", "it answers, and has room");
    let organisations = sees(&mut jo, "/organisations", "school-01AA00");
    assert!(organisations.body.contains("school-02BB00"), "{}", organisations.body);
    let mut events = on_show.listens(&jo);
    events.until("delivered", "0");
    region.report("one.jsonl", &[report_of("P-1", "Lotte", "Smit", "2018-12-11")]);
    // There is one, and nobody is told how many a few are.
    let moved = events.until("delivered", "&#60;5");
    assert!(moved.contains("under 5 min") && !moved.contains("school-01AA00"), "{moved}");
    let waiting = the_one(|| region.inbox("school-01AA00"));
    let night = sees(&mut jo, "/", "<dt>delivered</dt><dd>&#60;5 signals</dd>");
    assert!(!night.body.contains("<strong>1<") && !night.body.contains("<dd>1 "), "{}", night.body);

    let list = sees(&mut jo, "/incidents", "Show");
    let id = list.fields("id").remove(0);
    assert!(!night.body.contains(&id) && !moved.contains(&id), "no id is on the board");
    let story = jo.press("/incident", &[("id", &id)]);
    assert_eq!(story.status, 200, "{}", story.body);
    none_named(&story.body);
    for words in [
        "<svg class=\"waterfall\"",
        "incident recorded",
        "child 1 delivered",
        "task read",
        "routed to delivered",
    ] {
        assert!(story.body.contains(words), "{words} is not said:\n{}", story.body);
    }
    assert!(!story.body.contains("01AA00") && !story.body.contains("0855"), "{}", story.body);
    let child = jo.press("/incident", &[("id", &format!("{id}-1"))]);
    assert_eq!(child.status, 200, "{}", child.body);

    fine(region.does("school-01AA00", &["open", &code(&waiting), "--show"]));
    fine(region.does("school-01AA00", &["acknowledge", &code(&waiting)]));
    events.until("delivered", "0");
    sees(&mut jo, "/", "<dt>ended</dt><dd>&#60;5 signals</dd>");
    region.holds_nothing();
    let ended =
        wait_for(|| Some(jo.press("/incident", &[("id", &id)])).filter(|one| one.body.contains("It ended")));
    assert_eq!(ended.expect("it never ended").status, 200);
    assert_eq!(jo.press("/incident", &[("id", "canary")]).status, 422);
    let acts = jo.get("/acts").body;
    assert!(acts.contains("<td>jo</td><td>looked at one incident</td>") && !acts.contains(&id), "{acts}");

    // Off the list, and out: at once, and without a start.
    fine(region.does("board", &["remove", "jo"]));
    on_show.process.says("the accounts were read again");
    assert_eq!(jo.get("/").location(), "/login");
    none_named(&on_show.process.log());
    assert_eq!(on_show.process.stop(), Some(0));
    for path in canary::files_below(&region.path().join("state/board")) {
        let bytes = fs::read(&path).unwrap();
        assert_eq!(canary::found_in(&bytes, &NAMES), None, "{}", path.display());
        assert_eq!(canary::found_in(&bytes, &[id.as_str()]), None, "{}", path.display());
    }
}

#[test]
fn a_broker_or_an_engine_that_goes_away_is_said_and_the_board_starts_without_either() {
    let region = Region::prepare_with_a_board();
    region.broker_dies();
    let on_show = OnShow::of(&region);
    let mut jo = on_show.logged_in();
    sees(&mut jo, "/", "it does not answer");
    assert_eq!(jo.get("/incidents").status, 503);
    region.broker_returns();
    let engine = region.start("engine");
    engine.says("leading");
    sees(&mut jo, "/", "one; 0 stand by");
    engine.kill();
    sees(&mut jo, "/", "look now</strong>: nobody");
    region.broker_dies();
    sees(&mut jo, "/", "it does not answer");
    assert_eq!(on_show.process.stop(), Some(0));
}

#[test]
fn with_the_boards_credential_one_looks_from_the_command_line_too_and_does_nothing_else() {
    let (region, _engine, [_police, _veilig_thuis, _municipality, _school]) =
        Region::prepare_with_a_board().at_work(CHAIN);
    region.report("one.jsonl", &[report_of("P-1", "Lotte", "Smit", "2018-12-11")]);
    let waiting = the_one(|| region.inbox("school-01AA00"));
    let signal = waiting["signal"].as_str().unwrap();
    let says = |arguments: &[&str]| region.hwc(&[arguments, &["--config", "board.toml"]].concat());
    let status = wait_for(|| {
        let status = fine(says(&["status", "-o", "json"]));
        let status: serde_json::Value = serde_json::from_str(&status).unwrap();
        (status["in_flight"][0]["state"] == "delivered").then_some(status)
    });
    let status = status.expect("it is never delivered");
    assert_eq!((&status["leader"]["engine"], &status["engines"]), (&"one".into(), &1.into()), "{status}");
    for looks in [
        &["check", "broker"][..],
        &["check", "deadlines"],
        &["check", "erasure"],
        &["trace", signal],
        &["dead-letters", "list"],
    ] {
        let done = says(looks);
        assert_eq!(done.code, Some(0), "{looks:?}: {}{}", done.stdout, done.stderr);
    }
    let doctor = says(&["doctor"]);
    assert!(doctor.stdout.contains("those of board-one"), "{}", doctor.stdout);
    assert!(doctor.stdout.contains("JetStream answers us"), "{}{}", doctor.stdout, doctor.stderr);
    assert!(doctor.stdout.contains(", 0 fail"), "{}", doctor.stdout);
    for more in [&["engine"][..], &["holdings"]] {
        let done = says(more);
        assert!(done.code != Some(0) && done.stderr.contains("a board may not"), "{more:?}: {}", done.stderr);
    }
}
