//! A municipality whose register lies in a database: filled, changed and asked while signals are on their way.

use std::{
    fmt::Write as _,
    fs,
    process::Stdio,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    canary,
    region::{Done, Process, Region, report_of, the_one, wait_for},
};

const OURS: &str = "municipality-0855";
const HEADER: &str =
    "mutatie;voornamen;tussenvoegsel;achternaam;geboortedatum;brin;vestigingscode;geheim\r\n";

fn fine(done: Done) -> String {
    assert_eq!(done.code, Some(0), "{}{}", done.stdout, done.stderr);
    done.stdout
}

fn code(of: &Value) -> String {
    of["code"].as_str().unwrap().to_owned()
}

/// A region whose municipality has a register in SQLite, with the manual's pupils and schools in it.
fn prepared() -> Region {
    let region = bare();
    import(&region, &["--schools", "tables/schools.csv"]);
    import(&region, &["--full", "tables/enrolments.csv"]);
    region
}

/// The same with nothing in it.
fn bare() -> Region {
    let region = Region::prepare();
    let settings = fs::read_to_string(region.settings(OURS)).unwrap();
    let kept =
        settings.lines().filter(|line| !line.starts_with("enrolments") && !line.starts_with("schools"));
    let register = "[register]\nsqlite = \"register/pupils.sqlite\"\n";
    fs::write(region.settings(OURS), kept.collect::<Vec<_>>().join("\n") + "\n" + register).unwrap();
    region
}

/// From here on files are written as an office program writes them.
fn as_an_office_writes(region: &Region) {
    let settings = fs::read_to_string(region.settings(OURS)).unwrap();
    let more = "encoding = \"windows-1252\"\nseparator = \"semicolon\"\n";
    fs::write(region.settings(OURS), settings + more).unwrap();
}

fn tried(region: &Region, arguments: &[&str]) -> Done {
    let [flag, file, more @ ..] = arguments else { panic!("no file") };
    let file = region.path().join(file);
    region.does(OURS, &[&["import", flag, file.to_str().unwrap(), "-o", "json"], more].concat())
}

fn import(region: &Region, arguments: &[&str]) -> Value {
    serde_json::from_str(&fine(tried(region, arguments))).unwrap()
}

fn status(region: &Region) -> Value {
    let done = region.does(OURS, &["register", "status", "-o", "json"]);
    serde_json::from_str(&done.stdout).unwrap_or_else(|_| panic!("{}", done.stderr))
}

fn start(region: &Region) -> [Process; 5] {
    let engine = region.start("engine");
    engine.says("leading");
    let [police, veilig_thuis, ours, school] =
        ["police-region", "veilig-thuis-region", OURS, "school-01AA00"].map(|name| region.start(name));
    for process in [&police, &veilig_thuis, &ours, &school] {
        process.says("at work");
    }
    [engine, police, veilig_thuis, ours, school]
}

#[test]
fn a_signal_finds_its_school_by_a_register_in_a_database_which_never_hears_of_it() {
    let region = prepared();
    let [_engine, _police, _veilig_thuis, ours, _school] = start(&region);
    region.report("sure.jsonl", &[report_of("P-1", "Eva", "Jansen", "2015-04-08")]);
    the_one(|| region.inbox("school-01AA00"));

    // A doubtful one is told of, waits, and is decided.
    region.report("doubt.jsonl", &[report_of("P-2", "Lotjekanarie", "Smit", "2018-12-11")]);
    let case = the_one(|| region.pending(&["--show"]));
    assert_eq!(case["pupils"][0]["given_names"], "Lotte");
    ours.says("doubtful cases wait for a person cases=1");
    assert!(fine(region.does(OURS, &["pick", &code(&case), "1"])).contains("Doorgestuurd"));
    wait_for(|| (region.inbox("school-01AA00").len() == 2).then_some(())).expect("it did not arrive");

    let files = canary::files_below(&region.path().join("register"));
    assert!(files.iter().any(|path| canary::found_in(&fs::read(path).unwrap(), &["Lotte"]).is_some()));
    for path in files {
        assert_eq!(
            canary::found_in(&fs::read(&path).unwrap(), &["Lotjekanarie"]),
            None,
            "{}",
            path.display()
        );
    }
}

#[test]
fn an_empty_register_decides_nothing_and_what_waits_goes_on_when_it_is_filled() {
    let region = bare();
    let refused = region.does(OURS, &[]);
    assert!(refused.code == Some(3) && refused.stderr.contains("register prepare"), "{}", refused.stderr);
    let prepared = fine(region.does(OURS, &["register", "prepare", "-o", "json"]));
    assert_eq!(prepared, "{\"prepared\":true}\n");
    let [_engine, _police, _veilig_thuis, ours, _school] = start(&region);
    ours.says("no enrolments were ever imported");
    let done = region.does(OURS, &["register", "status"]);
    assert!(done.code == Some(6) && done.stdout.contains("nog nooit"), "{}", done.stdout);
    region.report("one.jsonl", &[report_of("P-1", "Eva", "Jansen", "2015-04-08")]);
    ours.says("nobody can be looked up; the signal waits");
    import(&region, &["--schools", "tables/schools.csv"]);
    import(&region, &["--full", "tables/enrolments.csv"]);
    the_one(|| region.inbox("school-01AA00"));
    assert_eq!(status(&region)["stale"], false);
}

#[test]
fn a_child_that_changed_schools_while_its_signal_was_held_is_looked_up_afresh() {
    let region = prepared();
    as_an_office_writes(&region);
    set_clock(&region, "2026-11-20T18:00:00+01:00");
    let [engine, _police, _veilig_thuis, _ours, _school] = start(&region);
    let other = region.start("school-02BB00");
    other.says("at work");
    region.report("friday.jsonl", &[report_of("P-1", "Eva", "Jansen", "2015-04-08")]);
    let passed_on = || fine(region.does(OURS, &["passed-on", "-o", "json"]));
    wait_for(|| passed_on().contains("\"code\"").then_some(())).expect("it was not routed");
    assert!(region.inbox("school-01AA00").is_empty(), "a Friday evening is no school day");

    // R12: held over the weekend, and the pupil moves.
    let moved = format!("{HEADER}over;Eva;;Jansen;8-4-2015;02BB;02BB00;nee\r\n");
    fs::write(region.path().join("moved.csv"), moved).unwrap();
    let done = import(&region, &["--delta", "moved.csv"]);
    assert_eq!((&done["difference"]["moved"], &done["difference"]["gone"]), (&1.into(), &0.into()));
    assert_eq!(engine.stop(), Some(0));
    set_clock(&region, "2026-11-23T07:30:00+01:00");
    let engine = region.start("engine");
    engine.says("leading");
    the_one(|| region.inbox("school-02BB00"));
    assert!(region.inbox("school-01AA00").is_empty());
}

/// The engine's clock stands at this moment when it starts.
fn set_clock(region: &Region, moment: &str) {
    let shift = moment.parse::<jiff::Timestamp>().unwrap().duration_since(jiff::Timestamp::now()).as_secs();
    let settings = fs::read_to_string(region.settings("engine")).unwrap();
    let line = |line: &str| {
        let clock = line.starts_with("clock_offset_seconds");
        if clock { format!("clock_offset_seconds = {shift}") } else { line.to_owned() }
    };
    let settings: Vec<_> = settings.lines().map(line).collect();
    fs::write(region.settings("engine"), settings.join("\n") + "\n").unwrap();
}

#[test]
fn a_school_that_leaves_or_merges_counts_at_once_also_for_a_case_that_waits() {
    let region = prepared();
    let [_engine, _police, _veilig_thuis, _ours, _school] = start(&region);
    region.report("one.jsonl", &[report_of("P-1", "Lotje", "Smit", "2018-12-11")]);
    let before = the_one(|| region.pending(&["--show"]));
    fine(region.does(OURS, &["school", "leave", "01AA00", "--on", "2026-01-01"]));
    // What waits is looked at again: another list, by another code.
    let judged_anew = || region.pending(&["--show"]).pop().filter(|case| code(case) != code(&before));
    let case = wait_for(judged_anew).expect("it was not judged anew");
    let said = fine(region.does(OURS, &["pick", &code(&case), "1"]));
    assert!(said.contains("school_not_participating"), "{said}");

    // Its pupils become another school's, and then it takes part again by itself.
    let merge = ["school", "merge", "02BB00", "--into", "01AA00", "--on", "2026-01-01"];
    let as_json = [&merge[..], &["-o", "json"]].concat();
    assert_eq!(fine(region.does(OURS, &as_json)), "{\"school\":\"02BB00\",\"changed\":true}\n");
    assert_eq!(fine(region.does(OURS, &as_json)), "{\"school\":\"02BB00\",\"changed\":false}\n");
    assert!(fine(region.does(OURS, &merge)).contains("niets te veranderen"));
    let circle = region.does(OURS, &["school", "merge", "01AA00", "--into", "02BB00", "--on", "2026-01-01"]);
    assert!(circle.code == Some(5) && circle.stderr.contains("part of itself"), "{}", circle.stderr);
    let join = [
        "school",
        "add",
        "01AA00",
        "--name",
        "De Regenboog",
        "--municipality",
        "0855",
        "--mailbox",
        "01AAHwC@deregenboog.example",
        "--covenant",
        "2026-02-01",
        "--sector",
        "po",
        "--contact",
        "--backup",
    ];
    let refused = region.types(OURS, &join, "ib@deregenboog.example\nnobody\n");
    assert!(
        refused.code == Some(5) && refused.stderr.contains("--backup is not a mail"),
        "{}",
        refused.stderr
    );
    fine(region.types(OURS, &join, "ib@deregenboog.example\ndirectie@deregenboog.example\n"));
    let known = fine(region.does(OURS, &["school", "list", "-o", "json"]));
    for told in ["ib@deregenboog.example", "directie@deregenboog.example"] {
        assert!(known.contains(told), "{known}");
        // Whoever is on the machine reads the list of its processes.
        let said = region.does(OURS, &[&join[..], &[told]].concat());
        assert_eq!(said.code, Some(2), "{}", said.stderr);
    }
    let listed = fine(region.does(OURS, &["school", "list"]));
    let line = |code: &str| listed.lines().find(|line| line.starts_with(code)).unwrap_or_default().to_owned();
    assert!(line("01AA00").contains("doet mee") && line("02BB00").contains("op in 01AA00"), "{listed}");
    region.report("merged.jsonl", &[report_of("P-2", "Finn", "Visser", "2013-07-19")]);
    the_one(|| region.inbox("school-01AA00"));
}

#[test]
fn a_refused_file_changes_nothing_and_shows_nothing_of_what_it_holds() {
    let region = prepared();
    let before = status(&region);
    let table = fs::read_to_string(region.path().join("tables/enrolments.csv")).unwrap();
    let broken = table.clone() + "0855,Geheim,,Geheimpje,gisteren,01AA,00,no,,\n";
    fs::write(region.path().join("broken.csv"), broken).unwrap();
    for more in [&[][..], &["--dry-run"], &["--confirm-shrink"]] {
        let refused = tried(&region, &[&["--full", "broken.csv"], more].concat());
        assert_eq!(refused.code, Some(3), "{}", refused.stderr);
        assert!(refused.stderr.contains("broken.csv line 14, column date_of_birth"), "{}", refused.stderr);
        assert!(!refused.stderr.contains("Geheim") && refused.stdout.is_empty(), "{}", refused.stderr);
    }
    let few: Vec<_> = table.lines().take(3).collect();
    fs::write(region.path().join("few.csv"), few.join("\n")).unwrap();
    let shrinks = tried(&region, &["--full", "few.csv"]);
    assert!(shrinks.code == Some(5) && shrinks.stderr.contains("8 van de 10"), "{}", shrinks.stderr);
    assert_eq!(status(&region), before);

    let file = region.path().join("few.csv");
    let dry = fine(
        region.does(OURS, &["import", "--full", file.to_str().unwrap(), "--dry-run", "--confirm-shrink"]),
    );
    assert!(dry.contains("vertrokken          8") && !dry.contains("Pieterse"), "{dry}");
    assert_eq!(status(&region)["pupils"], before["pupils"]);
    let same = import(&region, &["--full", "tables/enrolments.csv"]);
    assert_eq!(same["difference"]["unchanged"], 10, "{same}");
    let both = region.does(OURS, &["import", "--full", "a", "--delta", "b"]);
    assert_eq!(both.code, Some(2), "{}", both.stderr);
}

#[test]
fn an_import_that_is_killed_in_the_middle_happened_whole_or_not_at_all() {
    const MANY: u64 = 20_000;
    let region = prepared();
    let mut table = fs::read_to_string(region.path().join("tables/enrolments.csv")).unwrap();
    for n in 0..MANY {
        writeln!(table, "0855,Kind,,Nummer{n},2016-02-03,01AA,00,no,,").unwrap();
    }
    let file = region.path().join("many.csv");
    fs::write(&file, table).unwrap();
    let log = region.path().join("register/pupils.sqlite-wal");
    for _ in 0..3 {
        let before = status(&region);
        assert_eq!(before["pupils"], 10);
        let mut import = region.command(OURS, &["import", "--full", file.to_str().unwrap()]);
        let mut import = import.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // It writes its pages to the log, and is done when the last of them is there.
        let until = Instant::now() + Duration::from_mins(1);
        while fs::metadata(&log).map_or(0, |seen| seen.len()) < 1024 * 1024 {
            assert!(Instant::now() < until, "it never wrote anything");
            std::thread::sleep(Duration::from_millis(1));
        }
        import.kill().unwrap();
        import.wait().unwrap();
        let after = status(&region);
        assert!(after == before || after["pupils"] == 10 + MANY, "{after}");
        // The next one begins with the same pupils, and an empty log.
        import_small(&region);
    }
    let done = import(&region, &["--full", "many.csv"]);
    assert_eq!((&done["difference"]["new"], &done["difference"]["unchanged"]), (&MANY.into(), &10.into()));
}

fn import_small(region: &Region) {
    import(region, &["--full", "tables/enrolments.csv", "--confirm-shrink"]);
}
